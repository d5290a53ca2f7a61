"""Meta: hashed rows as its own client sends them, and nothing that names a person."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from reverse_etl.channel.batch import Audience
from reverse_etl.channel.exchange import Refused
from reverse_etl.destinations.meta import destination
from reverse_etl.destinations.meta.rows import REMOVED_PER_REQUEST, session_id
from reverse_etl.sandbox import Sandbox
from reverse_etl.sandbox.wire import Call
from tests.reverse_etl.destinations.driver import Wire, answer, batch, by_key, play, records

OBJECT = "custom_audience_members"
AUDIENCE = Audience("best_customers", "Best customers", "23850000000000001")
USERS = "/v26.0/23850000000000001/users"
ADA = {
    "email": "Ada@Example.com",
    "phone": "+442079460958",
    "first_name": "Hedwig",
    "last_name": "O'Example",
    "city": "San José",
    "country": "GB",
    "external_id": "person-1",
}
GRACE = {"email": "grace@example.com", "phone": None, "country": "Germany"}
NOBODY = {"email": "not an address", "phone": "12", "first_name": "Nobody"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def create(name: str) -> Call:
    form = {"name": name, "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    headers = {"authorization": "Bearer sandbox"}
    path = "/v26.0/act_sandbox/customaudiences"
    return Call("POST", path, headers=headers, body=urlencode(form).encode())


def counts(received: int, invalid: int = 0) -> Any:
    return answer(200, {"num_received": received, "num_invalid_entries": invalid})


def test_the_golden_addition() -> None:
    rows = records("add", [ADA, GRACE, NOBODY])
    conversation = destination.converse(batch(rows, OBJECT, audience=AUDIENCE))
    asked, verdicts = play(conversation, counts(2))
    assert [(request.method, request.path) for request in asked] == [("POST", USERS)]
    assert asked[0].json is None
    form = asked[0].form or {}
    assert json.loads(form["payload"]) == {
        "schema": ["EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "CT", "COUNTRY"],
        "data": [
            [
                "person-1",
                sha("ada@example.com"),
                sha("442079460958"),
                sha("hedwig"),
                sha("oexample"),
                sha("sanjosé"),
                sha("gb"),
            ],
            ["", sha("grace@example.com"), "", "", "", "", ""],
        ],
    }
    assert json.loads(form["session"]) == {
        "session_id": session_id("run1-0001"),
        "batch_seq": 1,
        "last_batch_flag": True,
        "estimated_num_total": 2,
    }
    assert by_key(verdicts)["p3"].code == "no_usable_key"


def test_the_golden_removal_is_a_query_string_of_few_keys() -> None:
    rows = records("remove", [{}], p1={"email": "ada@example.com", "phone": "+442079460958"})
    conversation = destination.converse(batch(rows, OBJECT, audience=AUDIENCE))
    asked, verdicts = play(conversation, counts(1))
    assert (asked[0].method, asked[0].path, asked[0].form) == ("DELETE", USERS, None)
    assert json.loads(asked[0].params["payload"]) == {
        "schema": ["EMAIL", "PHONE"],
        "data": [[sha("ada@example.com"), sha("442079460958")]],
    }
    assert verdicts[0].status == "acknowledged"


def test_removals_stay_within_what_a_query_string_may_hold(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare(OBJECT, "best_customers", "Best customers")
    rows = [{**ADA, "email": f"p{n}@example.com", "external_id": f"person-{n}"} for n in range(60)]
    wire.converse(batch(records("add", rows), OBJECT, audience=audience))
    wire.sent.clear()
    found = wire.converse(batch(records("remove", rows), OBJECT, audience=audience))
    assert {verdict.status for verdict in found.values()} == {"acknowledged"}
    assert len(wire.sent) == -(-60 // REMOVED_PER_REQUEST)
    assert max(len(request.path_url) for request in wire.sent) < 8_000
    assert running.state("meta")["audiences"]["Best customers"]["size"] == 0


def session(*rows: Any, sent: dict[str, Any] | None = None) -> Any:
    """A session of one batch for each list of people."""
    batches = [
        replace(
            batch(records("change", people, **(sent or {})), OBJECT, audience=AUDIENCE),
            batch_id=f"run1-vips-1-{number}",
        )
        for number, people in enumerate(rows, start=1)
    ]
    return destination.replace(iter(batches), sum(map(len, rows)))


def test_a_session_ends_with_the_last_batch_that_anybody_can_be_found_in() -> None:
    asked, outside = play(session([ADA], [GRACE], [NOBODY]), counts(1), counts(1))
    path = USERS.replace("users", "usersreplace")
    assert [(request.method, request.path) for request in asked] == [("POST", path)] * 2
    said = [json.loads((request.form or {})["session"]) for request in asked]
    number = session_id("run1-vips-1-1")
    assert said == [
        {
            "session_id": number,
            "batch_seq": sequence,
            "last_batch_flag": is_last,
            "estimated_num_total": 3,
        }
        for sequence, is_last in ((1, False), (2, True))
    ]
    assert [(v.status, v.code) for v in outside] == [("rejected", "no_usable_key")]


def test_who_falls_out_of_an_audience_by_a_session_is_in_doubt() -> None:
    asked, outside = play(session([NOBODY, ADA], sent={"p1": GRACE}), counts(1))
    assert len(asked) == 1
    assert by_key(outside)["p1"].status == "retry"
    _, outside = play(session([ADA, GRACE]), counts(2, invalid=1))
    assert [(v.key, v.status, v.code) for v in outside] == [
        ("p1", "retry", "invalid_entries"),
        ("p2", "retry", "invalid_entries"),
    ]
    assert play(session([NOBODY]))[0] == [], "an audience of nobody is not begun"


@pytest.mark.parametrize(
    "response",
    [
        counts(0),
        answer(200, {"audience_id": "1"}),
        answer(200, b"<html>", "text/html"),
        answer(400, {"error": {"code": 17, "message": "User request limit reached"}}),
    ],
)
def test_a_session_that_meta_does_not_follow_is_broken_off(response: Any) -> None:
    with pytest.raises(Refused):
        play(session([ADA], [GRACE]), response)


def test_no_byte_names_a_person(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare(OBJECT, "best_customers", "Best customers")
    leaking = {**GRACE, "external_id": "grace@example.com"}
    rows = records("add", [ADA, leaking, NOBODY])
    wire.converse(batch(rows, OBJECT, audience=audience))
    moved = [{**ADA, "email": "ada.new@example.com"}]
    sent = {"email": ADA["email"], "phone": ADA["phone"]}
    wire.converse(batch(records("change", moved, p1=sent), OBJECT, audience=audience))
    wire.converse(batch(records("remove", moved, p1=sent), OBJECT, audience=audience))
    whole = batch(records("add", [ADA, leaking, NOBODY]), OBJECT, audience=audience)
    wire.run(destination.replace([whole], 3))
    assert wire.sent[-1].path_url.endswith("/usersreplace")
    left = wire.bytes_sent().lower()
    clear = ("external_id", "country")
    values = [str(v) for row in (ADA, GRACE, NOBODY) for k, v in row.items() if k not in clear]
    # What could also be a piece of a hash proves nothing.
    values = [value for value in values if re.search("[^0-9a-fA-F]", value)]
    assert len(values) > 6
    for value in [*values, "example.com", "7946", "@", "%40"]:
        assert value.lower().encode() not in left
    assert b"person-1" in left
    assert b"authorization" not in left
    assert b"token" not in left


def test_an_audience_is_made_once_and_found_among_many(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    made = wire.prepare(OBJECT, "a", "Audience")
    for number in range(99):
        running.handle("meta", create(f"Other {number}"))
    latest = wire.prepare(OBJECT, "z", "On the second page")
    assert wire.prepare(OBJECT, "a", "Audience") == made
    assert wire.prepare(OBJECT, "z", "On the second page") == latest
    assert len(running.state("meta")["audiences"]) == 101


def test_members_join_change_and_leave(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare(OBJECT, "best_customers", "Best customers")
    wire.converse(batch(records("add", [ADA, GRACE]), OBJECT, audience=audience))
    moved = {**GRACE, "email": "grace.new@example.com"}
    rows = records("change", [moved], p1={"email": "grace@example.com"})
    wire.converse(batch(rows, OBJECT, audience=audience))
    members = running.state("meta")["audiences"]["Best customers"]["members"]
    assert [row["EMAIL"] for row in members] == [
        sha("ada@example.com"),
        sha("grace.new@example.com"),
    ]
    rows = records("remove", [{}], p1={"email": "ada@example.com"})
    wire.converse(batch(rows, OBJECT, audience=audience))
    assert running.state("meta")["audiences"]["Best customers"]["size"] == 1


def test_a_phone_two_members_share_does_not_take_the_other_out(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare(OBJECT, "best_customers", "Best customers")
    family = [
        {"email": "ada@example.com", "phone": "+442079460958"},
        {"email": "ben@example.com", "phone": "+442079460958"},
    ]
    wire.converse(batch(records("add", family), OBJECT, audience=audience))
    changed = [{**family[0], "phone": "+442079460000"}, family[1]]
    sent = {"p1": family[0], "p2": family[1]}
    wire.converse(batch(records("change", changed, **sent), OBJECT, audience=audience))
    assert running.state("meta")["audiences"]["Best customers"]["size"] == 2


def test_rows_that_meta_cannot_read_are_looked_for_one_by_one() -> None:
    conversation = destination.converse(batch(records("add", [ADA]), OBJECT, audience=AUDIENCE))
    with pytest.raises(Refused, match="invalid_entries"):
        play(conversation, counts(1, invalid=1))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 2, "message": "Service temporarily unavailable"}, "retry"),
        ({"code": 200, "error_subcode": 1870047, "message": "too small"}, "retry"),
        ({"code": 100, "error_subcode": 1713230, "message": "closed"}, "retry"),
        ({"code": 99, "is_transient": True, "message": "later"}, "retry"),
        ({"code": 100, "message": "Invalid parameter"}, "refused"),
    ],
)
def test_what_halving_cannot_mend_waits(error: dict[str, Any], status: str) -> None:
    conversation = destination.converse(batch(records("add", [ADA]), OBJECT, audience=AUDIENCE))
    if status == "refused":
        with pytest.raises(Refused, match="Invalid parameter"):
            play(conversation, answer(400, {"error": error}))
    else:
        _, verdicts = play(conversation, answer(400, {"error": error}))
        assert verdicts[0].status == "retry"
        assert error["message"] in verdicts[0].reason


def test_fewer_rows_received_than_sent_wait() -> None:
    rows = records("add", [ADA, GRACE])
    _, verdicts = play(destination.converse(batch(rows, OBJECT, audience=AUDIENCE)), counts(1))
    assert {verdict.status for verdict in verdicts} == {"retry"}
