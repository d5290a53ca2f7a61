"""How a spool is cut into batches, and that what lies in it is what the warehouse said."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.channel.destination import Limits
from reverse_etl.channel.records import joined
from reverse_etl.delivery.spool import OVERHEAD_BYTES, Piece, Spool, find_spool, records_file
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import CONTACT_COLUMNS, World, people

ODD = (
    'a"b',
    '\\",\\"fields\\":{}',
    ',"fields":{',
    "a\\\\/b",
    "two\nlines\r\n",
    "tab\tand \x1e and \x1f and \x01 and \x02",
    "\u2028 ünï 😀",
    "null",
    "\\N",
)


def spool_of(folder: Path, lines: list[bytes], rows: int, most_bytes: int) -> Spool:
    records_file(folder, "add").write_bytes(b"".join(line + b"\n" for line in lines))
    return Spool(
        folder=folder,
        run_id="run",
        sync="things",
        rows=len(lines),
        operations=["add"],
        limits=Limits(rows=rows, bytes=most_bytes, requests_per_second=0),
        labels={},
        audiences={},
        is_whole=True,
    )


def line_of(key: str, audience: str, has_about: bool) -> bytes:
    text = f'{{"operation":"upsert","key":{json.dumps(key)},"fields":{{"name":"{len(key)}"}}}},'
    about = f"\x1f{json.dumps(audience) if audience else ''}\x1f{{}}"
    return (text + (about if audience or has_about else "")).encode()


def weight(piece: Piece) -> int:
    """What the limit of bytes counts: each record, the comma behind it, and what goes around."""
    return len(joined(piece.records)) + 1 + OVERHEAD_BYTES * len(piece.records)


@given(
    keys=st.lists(st.tuples(st.text(max_size=40), st.sampled_from("xyz")), min_size=1, max_size=60),
    has_audiences=st.booleans(),
    has_about=st.booleans(),
    limits=st.tuples(st.integers(1, 9), st.integers(60, 900)),
    block=st.integers(1, 700),
)
def test_every_record_is_in_one_batch_and_no_batch_is_smaller_than_it_must_be(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    keys: list[tuple[str, str]],
    has_audiences: bool,
    has_about: bool,
    limits: tuple[int, int],
    block: int,
) -> None:
    rows, most_bytes = limits
    named = [(audience if has_audiences else "", key) for key, audience in keys]
    lines = [line_of(key, audience, has_about) for audience, key in named]
    folder = tmp_path_factory.mktemp("spool")
    spool = spool_of(folder, lines, rows, most_bytes)
    with mock.patch("reverse_etl.delivery.spool.BLOCK_BYTES", block):
        pieces = list(spool.pieces())
    assert [name for piece in pieces for name in piece.records.names] == named
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    for piece in pieces:
        assert {audience for audience, _ in piece.records.names} == {piece.audience}
        assert [record.key for record in piece.records] == [key for _, key in piece.records.names]
        content = json.loads(b"[" + bytes(joined(piece.records)) + b"]")
        assert [each["key"] for each in content] == [key for _, key in piece.records.names]
        assert len(piece.records) <= rows
        assert weight(piece) <= most_bytes or len(piece.records) == 1
    for piece, after in itertools.pairwise(pieces):
        one_more = OVERHEAD_BYTES + len(joined(after.records[:1])) + 1
        is_full = len(piece.records) == rows or weight(piece) + one_more > most_bytes
        assert is_full or piece.audience != after.audience


def test_odd_keys_and_values_leave_as_they_are(anywhere: World, channel: Recorder) -> None:
    """Ends of lines, separators and quotes, in a first run and among changes."""
    anywhere.declare("contacts", "mirror")
    columns = "person_id text, email text, name text, score bigint"
    held = [(f"{number}{odd}", f"p{number}@example.com", odd, 1) for number, odd in enumerate(ODD)]
    anywhere.rows("activation.sync_contacts", held, columns)
    assert anywhere.run().acknowledged == len(ODD)
    changed = [(key, email, name, 2) for key, email, name, _ in held[1:]]
    anywhere.rows("activation.sync_contacts", changed, columns)
    assert anywhere.run(overrides=["removed_fraction"]).acknowledged == len(ODD)
    assert channel.held == {
        key: {"email": email, "name": name, "score": 2} for key, email, name, _ in changed
    }


def test_json_of_several_lines_is_a_record_of_one(anywhere: World, channel: Recorder) -> None:
    anywhere.declare("contacts", "mirror", columns={**CONTACT_COLUMNS, "more": "json"})
    columns = "person_id text, email text, name text, score bigint, more json"
    more = '{"a":\n [1,\r\n 2],\n "b": "x\\ny"}'
    rows = [(f"p{n}", f"p{n}@example.com", "N", 1, more) for n in range(3)]
    anywhere.rows("activation.sync_contacts", rows, columns)
    assert anywhere.run().acknowledged == 3
    assert [fields["more"] for fields in channel.held.values()] == [json.loads(more)] * 3


def test_a_spool_of_another_version_is_as_good_as_lost(world: World, channel: Recorder) -> None:
    """Its run may have sent anything: everything is sent again, and nothing forgotten."""
    world.declare()
    world.contacts(people(4))

    class Stopped(BaseException):
        pass

    stopped = mock.patch("reverse_etl.sync.Sender.run", side_effect=Stopped)
    with stopped, pytest.raises(Stopped):
        world.run()
    (folder,) = (world.home / "spool" / "contacts").iterdir()
    header = json.loads((folder / "header.json").read_text())
    del header["operations"]
    (folder / "header.json").write_text(json.dumps(header))
    assert world.run().acknowledged == 4
    assert len(channel.held) == 4
    assert find_spool(world.home, "contacts") is None
    statuses = world.ledger("select status from sync_runs order by run_number")
    assert [status for (status,) in statuses] == ["failed", "done"]


def test_those_of_an_audience_leave_together(anywhere: World, channel: Recorder) -> None:
    """However they lie in the warehouse: ten fit a batch, and each list has to be made once."""
    anywhere.declare("members", "audience", purpose="newsletter")
    names = [f"p{number}" for number in range(20)]
    anywhere.consent(*names)
    anywhere.members(
        [(name, "ab"[n % 2], "newsletter", f"{name}@example.com") for n, name in enumerate(names)]
    )
    result = anywhere.run("members")
    assert (result.acknowledged, result.requests) == (20, 4)


def test_a_header_that_was_cut_short_is_in_nobody_s_way(world: World, channel: Recorder) -> None:
    """A process that is killed while it writes one leaves a spool that never was complete."""
    world.declare()
    world.contacts(people(4))
    partial = world.home / "spool" / "contacts" / "run.partial"
    partial.mkdir(parents=True)
    (partial / "header.json").write_text('{"run_id": "ru')
    assert world.run().acknowledged == 4
    assert not partial.exists()
