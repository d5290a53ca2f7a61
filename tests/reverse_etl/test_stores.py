"""Stores whose last step fails: nothing staged is taken for delivered, and no run is in the way."""

from __future__ import annotations

from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people


def test_a_commit_that_fails_for_good_is_made_good_by_the_next_plan(world: World) -> None:
    world.declare("copies", "mirror", destination="files", object="csv", match=None)
    world.contacts(people(3), "copies")
    assert world.run("copies").acknowledged == 3
    folder = world.home / "outbox" / "copies"
    path = folder / "copies.csv"
    path.rename(folder / "away.csv")
    path.mkdir()
    world.contacts(people(5, start=1), "copies")
    failed = world.run("copies")
    assert (failed.status, failed.acknowledged, failed.pending) == ("failed", 0, 4)
    assert "copies.csv" in failed.error
    assert not list((world.home / "spool" / "copies").iterdir())
    again = world.run("copies")
    assert (again.status, again.pending) == ("failed", 4)
    path.rmdir()
    world.contacts(people(6, start=1), "copies")
    mended = world.run("copies")
    assert (mended.status, mended.added, mended.removed) == ("done", 4, 1)
    assert [line.split(",")[0] for line in path.read_text().splitlines()[1:]] == [
        f"person{number}@example.com" for number in range(1, 7)
    ]
    assert not list(folder.glob(".staged-*"))
    assert world.run("copies").requests == 0 and world.plan("copies").is_empty


def test_a_folder_that_cannot_be_written_ends_the_run_and_not_the_next(
    world: World, channel: Recorder
) -> None:
    world.declare("copies", "append", destination="files", object="csv", match=None)
    world.contacts(people(3), "copies")
    folder = world.home / "outbox" / "copies"
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    failed = world.run("copies")
    assert (failed.status, failed.acknowledged) == ("failed", 0) and str(folder) in failed.error
    folder.unlink()
    assert world.run("copies").appended == 3
