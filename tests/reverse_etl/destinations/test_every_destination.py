"""What every channel owes, generated from what it declares: a new one is tested by being listed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverse_etl.destination import (
    Audience,
    Batch,
    ChannelObject,
    Destination,
    Mode,
    Operation,
    Record,
    Refused,
    Request,
    Response,
)
from reverse_etl.registry import destination_names, find_destination
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import SETTINGS, Wire, answer, by_key

OPERATIONS: dict[Mode, tuple[Operation, ...]] = {
    "upsert": ("add", "change"),
    "mirror": ("add", "change", "remove"),
    "audience": ("add", "change", "remove"),
    "append": ("append",),
}
Case = tuple[Destination, ChannelObject, Mode, Operation]


def cases() -> Iterator[Case]:
    for slug in destination_names():
        channel = find_destination(slug)
        if isinstance(channel, Destination):
            for channel_object in channel.objects:
                for mode in channel_object.modes:
                    for operation in OPERATIONS[mode]:
                        yield channel, channel_object, mode, operation


CASES = list(cases())
IDS = ["-".join((case[0].slug, case[1].name, case[2], case[3])) for case in CASES]
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)

HTML = b"<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>"
BODIES = [
    answer(200),
    answer(200, b"\xff\x00{"),
    answer(200, HTML, "text/html"),
    *[
        answer(200, body)
        for body in (
            [],
            5,
            "text",
            {},
            {"data": 5},
            {"data": [5]},
            {"data": {"id": "J", "attributes": 5}},
            {"results": 5},
            {"results": [5]},
            {"results": [{}]},
            {"errors": [{"context": 5}]},
            {"error": 5},
            {"num_received": "x"},
        )
    ],
]
STATUSES = (200, 201, 202, 204, 207, 301, 302, 304, 400, 404, 405, 409, 410, 413, 418, 422)


def make(case: Case, count: int = 3) -> Batch:
    _, channel_object, mode, operation = case
    fields = [{"email": f"person.{n}@example.com", "phone": "+442079460958"} for n in range(count)]
    rows = [
        Record(
            f"p{n}",
            operation,
            {} if operation == "remove" else fields[n],
            sent_match=fields[n] if operation in ("change", "remove") else {},
        )
        for n in range(count)
    ]
    audience = Audience("a", "A", "1") if mode == "audience" else None
    return Batch(
        "s", "r", "b", channel_object.name, mode, operation, rows, SETTINGS, audience, ("email",)
    )


def converse(case: Case, response: Response, most: int = 500) -> list[Any] | Refused:
    """Answer everything with one response; return the verdicts or the refusal."""
    conversation = case[0].converse(make(case))
    try:
        next(conversation)
        for _ in range(most):
            conversation.send(response)
    except StopIteration as end:
        verdicts: list[Any] = end.value
        return verdicts
    except Refused as refused:
        return refused
    pytest.fail(f"the conversation goes on after {most} answers")


@every_case
def test_whatever_the_answer_every_record_has_a_verdict(case: Case) -> None:
    for status, body in itertools.product(STATUSES, BODIES):
        found = converse(case, Response(status, body.headers, body.body))
        what = f"{case[0].slug} {case[3]}, {status} with {body.body!r}"
        if isinstance(found, Refused):
            assert found.reason, what
            assert found.code, what
            continue
        verdicts = by_key(found)
        assert set(verdicts) == {"p0", "p1", "p2"}, what
        taken = {key for key, verdict in verdicts.items() if verdict.status == "acknowledged"}
        assert not taken or 200 <= status < 300, what
        # A webhook acknowledges by status alone, Klaviyo says 204 to a removal; the others speak.
        if taken and case[0].slug != "webhook":
            assert (case[0].slug, case[3]) == ("klaviyo", "remove"), what
            assert isinstance(body.json(), dict), what
        for key in set(verdicts) - taken:
            assert verdicts[key].code, what
            assert verdicts[key].reason, what


@every_case
def test_no_record_is_blamed_for_what_is_not_about_it(case: Case) -> None:
    for status in (301, 404, 405, 410):
        found = converse(case, answer(status, HTML, "text/html"))
        assert not isinstance(found, Refused)
        assert {verdict.status for verdict in found} == {"retry"}


@every_case
def test_the_sandbox_takes_what_is_sent(case: Case, running: Sandbox) -> None:
    wire = Wire(case[0], running.url)
    a_batch = make(case)
    if a_batch.audience is not None:
        audience = wire.prepare(case[1].name, "a", "Audience A")
        a_batch = Batch(**{**vars(a_batch), "audience": audience})
    found = wire.converse(a_batch)
    assert {verdict.status for verdict in found.values()} == {"acknowledged"}
    assert {response.status_code // 100 for response in wire.answered} == {2}


@every_case
@settings(max_examples=4, deadline=None)
@given(share=st.floats(min_value=0.01, max_value=1.0))
def test_a_batch_within_the_limits_makes_requests_within_the_vendors(
    case: Case, share: float
) -> None:
    limits = case[1].limits
    a_batch = make(case, max(1, int(min(limits.rows, 1_500) * share)))
    conversation = case[0].converse(a_batch)
    answers = itertools.repeat(answer(200, {"data": []}))
    asked: list[Request] = []
    try:
        asked.append(next(conversation))
        for response in itertools.islice(answers, 200):
            asked.append(conversation.send(response))
    except (StopIteration, Refused):
        pass
    for request in asked:
        body = request.body or json.dumps(request.json or dict(request.form or {})).encode()
        assert len(body) < 5_000_000
        assert sum(len(value) for value in request.params.values()) < 8_000
        assert rows_in(request) <= vendor_rows(case[0].slug, request)


def rows_in(request: Request) -> int:
    body = request.json or {}
    if "inputs" in body:
        return len(body["inputs"])
    data = body.get("data")
    if isinstance(data, list):
        return len(data)
    if isinstance(data, dict) and "profiles" in data["attributes"]:
        return len(data["attributes"]["profiles"]["data"])
    if request.form and "payload" in request.form:
        return len(json.loads(request.form["payload"])["data"])
    return 0


def vendor_rows(slug: str, request: Request) -> int:
    """The most rows of one request by the vendor's documentation."""
    if slug == "klaviyo" and request.method == "DELETE":
        return 1_000
    return {"hubspot": 100, "klaviyo": 10_000, "meta": 10_000, "webhook": 1_000}[slug]


@pytest.mark.parametrize("slug", destination_names())
def test_a_channel_declares_what_the_list_of_channels_shows(slug: str) -> None:
    channel = find_destination(slug)
    module = __import__(type(channel).__module__, fromlist=["__doc__"])
    assert channel.slug == slug
    assert "Requires" in (module.__doc__ or "")
    assert f"destination: {slug}" in (module.__doc__ or "")
    assert channel.objects
    assert all(setting.help for setting in channel.settings)
    for channel_object in channel.objects:
        known = channel_object.fields
        assert not known or set(channel_object.match) | set(channel_object.hashed) <= set(known)


def without_lists() -> Iterator[Destination]:
    for slug in destination_names():
        channel = find_destination(slug)
        if isinstance(channel, Destination) and not any(
            "audience" in channel_object.modes for channel_object in channel.objects
        ):
            yield channel


@pytest.mark.parametrize("channel", list(without_lists()), ids=lambda channel: channel.slug)
def test_lists_are_made_only_where_there_are_lists(channel: Destination) -> None:
    with pytest.raises(Refused, match="cannot hold an audience"):
        next(channel.prepare(channel.objects[0].name, "a", "A", SETTINGS))
