"""Audiences that are replaced as a whole: never a part of one, whatever fails on the way."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reverse_etl.contract.project import Project
from reverse_etl.delivery.http import Client
from reverse_etl.delivery.journal import Journal
from reverse_etl.destinations.meta import destination
from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox import Sandbox, running_sandbox
from reverse_etl.sandbox.wire import Call
from reverse_etl.sync import SyncResult, run_sync
from tests.reverse_etl.world import QUICK, World

BEARER = {"authorization": "Bearer sandbox"}
OVERRIDES = ["zero_rows", "removed_fraction"]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def declare(world: World, **guards: int) -> None:
    world.declare(
        "members",
        "audience",
        destination="meta",
        object="custom_audience_members",
        purpose="ads",
        limits={"rows": 2, "requests_per_second": 0},
        guards=guards,
    )


def fill(world: World, *people: str, audience: str = "vips") -> None:
    world.consent(*(name for name in people if name != "denied"), purpose="ads")
    world.members([(name, audience, "ads", f"{name}@example.com") for name in people])


def members(sandbox: Sandbox, audience: str = "Vips") -> set[str]:
    # Not through the sandbox's door: whoever is answering a request holds it shut.
    held = sandbox.stand_ins["meta"].state()["audiences"].get(audience, {"members": []})
    return {row["EMAIL"] for row in held["members"]}


def hashes(*people: str) -> set[str]:
    return {sha(f"{name}@example.com") for name in people}


def upload(sandbox: Sandbox, *people: str) -> None:
    """Put people into the audience as somebody at Meta would."""
    ((_, audience),) = sandbox.state("meta")["audiences"].items()
    payload = {"schema": ["EMAIL"], "data": [[each] for each in hashes(*people)]}
    form = urlencode({"payload": json.dumps(payload)}).encode()
    path = f"/v26.0/{audience['id']}/users"
    asked = Call("POST", path, headers=BEARER, body=form)
    assert sandbox.stand_ins["meta"].handle(asked).status == 200


def ledger(world: World) -> list[str]:
    query = "select key from sync_snapshot where fingerprint is not null order by key"
    return [key for (key,) in world.ledger(query)]


def test_what_nobody_knew_of_is_gone_and_who_was_lost_is_back(
    anywhere: World, sandbox: Sandbox
) -> None:
    declare(anywhere)
    fill(anywhere, "ada", "ben", "cem", "dee", "eve")
    assert anywhere.run("members").acknowledged == 5
    upload(sandbox, "stranger")
    anywhere.sql("delete from marts.current_consents where person_id = 'dee'")
    anywhere.members([(n, "vips", "ads", f"{n}@example.com") for n in ("ada", "ben", "dee", "fay")])
    anywhere.consent("fay", purpose="ads")
    requests = record_of(sandbox)
    result = anywhere.run("members", replaces=True, overrides=OVERRIDES)
    assert (result.status, result.added, result.changed, result.removed) == ("done", 1, 2, 3)
    assert members(sandbox) == hashes("ada", "ben", "fay")
    assert ledger(anywhere) == ["ada", "ben", "fay"]
    # Who left is taken out first; then the rest comes in one session, in its order.
    sessions = [session for path, session in requests if path.endswith("usersreplace")]
    assert [path.rsplit("/", 1)[1] for path, _ in requests] == ["users"] * 2 + ["usersreplace"] * 2
    assert [(s["batch_seq"], s["last_batch_flag"], s["estimated_num_total"]) for s in sessions] == [
        (1, False, 3),
        (2, True, 3),
    ]
    assert len({session["session_id"] for session in sessions}) == 1
    assert anywhere.run("members").requests == 0


def record_of(sandbox: Sandbox) -> list[tuple[str, dict[str, Any]]]:
    """What is asked of Meta's audiences from now on: path and session."""
    asked: list[tuple[str, dict[str, Any]]] = []
    meta = sandbox.stand_ins["meta"]
    original = meta.handle

    def handle(call: Call) -> Any:
        if "/users" in call.path:
            fields = call.form() if call.method == "POST" else call.query
            asked.append((call.path, json.loads(fields["session"])))
        return original(call)

    meta.handle = handle  # type: ignore[method-assign]
    return asked


def test_a_part_that_is_refused_leaves_the_audience_as_it_was(
    world: World, sandbox: Sandbox
) -> None:
    declare(world)
    fill(world, "ada", "ben", "cem")
    world.run("members")
    upload(sandbox, "stranger")
    fill(world, "ada", "ben", "cem", "dee", "eve")
    sandbox.fail("meta", "rate_limit", times=50, path="usersreplace")
    result = world.run("members", replaces=True)
    assert result.status == "failed"
    assert members(sandbox) == hashes("ada", "ben", "cem", "stranger")
    sandbox.faults.clear()
    # An ordinary run sends what differs, as before; another one replaces.
    assert world.run("members").status == "done"
    assert members(sandbox) == hashes("ada", "ben", "cem", "dee", "eve", "stranger")
    assert world.run("members", replaces=True).status == "done"
    assert members(sandbox) == hashes("ada", "ben", "cem", "dee", "eve")


def test_a_guard_that_refuses_keeps_the_whole_audience(world: World, sandbox: Sandbox) -> None:
    declare(world, max_removed_count=1)
    fill(world, "ada", "ben", "cem")
    world.run("members")
    fill(world, "ada")
    result = world.run("members", replaces=True)
    assert result.status == "refused"
    assert members(sandbox) == hashes("ada", "ben", "cem")
    assert ledger(world) == ["ada", "ben", "cem"]


def test_who_cannot_be_found_any_more_is_out_and_known_to_be(
    world: World, sandbox: Sandbox
) -> None:
    declare(world)
    fill(world, "ada", "ben")
    world.run("members")
    # It looks like an address to the plan, and like none to whoever hashes it.
    world.members([("ada", "vips", "ads", "ada@example.com"), ("ben", "vips", "ads", "b@en@x.y")])
    result = world.run("members", replaces=True)
    assert members(sandbox) == hashes("ada")
    assert (result.acknowledged, result.pending) == (1, 1)
    fill(world, "ada", "ben")
    assert world.run("members").acknowledged == 1
    assert members(sandbox) == hashes("ada", "ben")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"only": "ada"}, "--replace: sends whole audiences; leave out --only and --undo"),
        ({}, "--replace: Tester things takes no audience as a whole"),
    ],
)
def test_what_cannot_be_replaced_is_refused(
    world: World, sandbox: Sandbox, options: dict[str, str], complaint: str
) -> None:
    declare(world)
    world.declare("others", "audience")
    fill(world, "ada")
    with pytest.raises(SeamlineError, match=complaint):
        world.run("members" if options else "others", replaces=True, **options)


class Killed(BaseException):
    """The process ends here."""


PEOPLE = [f"p{number}" for number in range(7)]
TABLES = st.sets(st.sampled_from(PEOPLE), min_size=1)
KINDS = st.sampled_from(["rate_limit", "error_before", "error_after", "disconnect"])


class AnyReplacement(RuleBasedStateMachine):
    """People come and go, Meta's own staff too; runs fail and are killed, and are run again."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        folder = Path(self.closing.enter_context(tempfile.TemporaryDirectory()))
        self.sandbox = self.closing.enter_context(running_sandbox())
        self.world = World(folder)
        environment = self.world.environment | {"SEAMLINE_SANDBOX_URL": self.sandbox.url}
        self.closing.enter_context(mock.patch.dict("os.environ", environment))
        self.world.create()
        declare(self.world)
        self.table: set[str] = set()
        self.change({"p0", "p1", "p2", "p3"}, set())
        self.sync()

    def sync(self, **how: Any) -> SyncResult:
        hasty = replace(QUICK, first_wait=0.001, longest_wait=0.002)
        return run_sync(Project.load(), "members", patience=hasty, overrides=OVERRIDES, **how)

    @rule(table=TABLES, denied=st.sets(st.sampled_from(PEOPLE), max_size=2))
    def change(self, table: set[str], denied: set[str]) -> None:
        self.world.sql("delete from marts.current_consents")
        self.table = table - denied
        self.world.consent(*sorted(self.table), purpose="ads")
        rows = [(n, "vips", "ads", f"{n}@example.com") for n in sorted(table)]
        self.world.members(rows)

    @rule()
    def a_stranger_is_put_in(self) -> None:
        if self.sandbox.state("meta")["audiences"]:
            upload(self.sandbox, "stranger")

    @rule(kind=KINDS, times=st.integers(1, 4))
    def meta_fails(self, kind: str, times: int) -> None:
        self.sandbox.fail("meta", kind, times=times, retry_after=0, path="users")

    @rule()
    def an_ordinary_run(self) -> None:
        self.sync()

    @rule()
    def a_replacement(self) -> None:
        self.watched(lambda: self.sync(replaces=True))

    @rule(
        step=st.integers(0, 6),
        where=st.sampled_from(["before it is sent", "after it is sent", "before it is noted"]),
    )
    def a_killed_replacement(self, step: int, where: str) -> None:
        def dying(original: Callable[..., Any]) -> Callable[..., Any]:
            left = [step]

            def call(*arguments: Any) -> Any:
                left[0] -= 1
                if left[0] < 0 and where.startswith("before"):
                    raise Killed
                answer = original(*arguments)
                if left[0] < 0:
                    raise Killed
                return answer

            return call

        kind, name = (Journal, "write") if where.endswith("noted") else (Client, "send")
        with mock.patch.object(kind, name, dying(getattr(kind, name))):
            self.watched(self.replaced_or_killed)

    def replaced_or_killed(self) -> None:
        with suppress(Killed):
            self.sync(replaces=True)

    def watched(self, run: Callable[[], Any]) -> None:
        """No moment of a replacement shows an audience of a part of its people."""
        before = members(self.sandbox)
        seen: list[set[str]] = []
        meta = self.sandbox.stand_ins["meta"]
        original = meta.handle

        def handle(call: Call) -> Any:
            answer = original(call)
            seen.append(members(self.sandbox))
            return answer

        with mock.patch.object(meta, "handle", handle):
            run()
        wanted = hashes(*self.table)
        for held in [*seen, members(self.sandbox)]:
            # Who was there and may stay is there at any moment.
            assert before & wanted <= held

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Whoever we brought there is known to be there, so that they can be taken out."""
        if not list(self.world.home.glob("spool/members/*/header.json")):
            known = hashes(*(k for (k,) in self.world.ledger("select key from sync_snapshot")))
            assert members(self.sandbox) - hashes("stranger") <= known

    def teardown(self) -> None:
        try:
            self.sandbox.faults.clear()
            self.sync(replaces=True)
            result = self.sync(replaces=True)
            assert result.status == "done"
            assert members(self.sandbox) == hashes(*self.table)
            assert ledger(self.world) == sorted(self.table)
            assert self.sync().requests == 0
        finally:
            self.closing.close()


def test_in_any_history_an_audience_is_whole() -> None:
    assert destination.objects[0].replaces
    run_state_machine_as_test(
        AnyReplacement,
        settings=settings(
            max_examples=5,
            stateful_step_count=6,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
