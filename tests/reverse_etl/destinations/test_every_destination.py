"""What every channel owes, generated from what it declares: a new one is tested by being listed."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from reverse_etl.channel.destination import Destination, Probe
from reverse_etl.channel.exchange import Refused, Response
from reverse_etl.channel.registry import destination_names, find_destination
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import SETTINGS, Wire, answer, by_key
from tests.reverse_etl.destinations.golden import Case, cases, destinations

CASES = list(cases())
every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.channel.slug}-{case.name}" for case in CASES]
)
# What the sandbox stands in for.
STANDING_IN = {
    ("hubspot", "contacts", "upsert"),
    ("klaviyo", "list_members", "audience"),
    ("klaviyo", "profiles", "upsert"),
}
STOOD_IN = [
    case
    for case in CASES
    if (
        (case.channel.slug in ("meta", "webhook") and case.object.name != "documents")
        or (case.channel.slug, case.object.name, case.mode) in STANDING_IN
    )
    and case.operation != "merge"  # of two that are there
]

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


def converse(case: Case, response: Response, most: int = 500) -> list[Any] | Refused:
    """Answer everything with one response; return the verdicts or the refusal."""
    conversation = case.channel.converse(case.batch(case.many(3)))
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
        what = f"{status} with {body.body!r}"
        if isinstance(found, Refused):
            assert found.reason, what
            assert found.code, what
            continue
        verdicts = by_key(found)
        assert set(verdicts) == {"p1", "p2", "p3"}, what
        taken = {key for key, verdict in verdicts.items() if verdict.status == "acknowledged"}
        assert not taken or 200 <= status < 300, what
        if taken and case.channel.slug != "webhook":
            # A page of some server on the way is no answer of the channel's.
            assert not body.body or isinstance(body.json(), dict | list), what
        if taken and not acknowledges_by_status(case):
            assert case.written.get("by_code") and isinstance(body.json(), dict), what
        for key in set(verdicts) - taken:
            assert verdicts[key].code, what
            assert verdicts[key].reason, what


def acknowledges_by_status(case: Case) -> bool:
    """Whether a bare 2xx says that all is well: a webhook's does, and a 204 to a removal."""
    return case.channel.slug == "webhook" or case.written.get("by_status", False)


@every_case
def test_no_record_is_blamed_for_what_is_not_about_it(case: Case) -> None:
    for status in (301, 404, 405, 410):
        found = converse(case, answer(status, HTML, "text/html"))
        assert not isinstance(found, Refused)
        assert {verdict.status for verdict in found} == {"retry"}


@pytest.mark.parametrize(
    "case", STOOD_IN, ids=[f"{case.channel.slug}-{case.name}" for case in STOOD_IN]
)
def test_the_sandbox_takes_what_is_sent(case: Case, running: Sandbox) -> None:
    wire = Wire(case.channel, running.url)
    a_batch = case.batch(case.many(3))
    if a_batch.audience is not None:
        audience = wire.prepare(case.object.name, "a", "Audience A")
        a_batch = replace(a_batch, audience=audience)
    found = wire.converse(a_batch)
    assert {verdict.status for verdict in found.values()} == {"acknowledged"}
    assert {response.status_code // 100 for response in wire.answered} == {2}


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


PROBES = [
    (channel, each.name, each.probe)
    for channel in destinations()
    for each in channel.objects
    if each.probe is not None
]


@pytest.mark.parametrize(
    ("channel", "name", "probe"), PROBES, ids=[f"{each[0].slug}-{each[1]}" for each in PROBES]
)
def test_a_probe_asks_for_nothing_but_to_be_let_in(
    channel: Destination, name: str, probe: Probe
) -> None:
    request = probe.request
    assert request.method == "GET" or not any((request.json, request.form, request.body))
    settings = {setting.name for setting in channel.settings}
    assert set(re.findall(r"{(\w+)}", request.path)) <= settings


def test_every_object_can_be_probed_but_where_every_question_changes_something() -> None:
    declared = {(channel.slug, each.name) for channel in destinations() for each in channel.objects}
    assert declared - {(channel.slug, name) for channel, name, _ in PROBES} == {
        # A webhook's receiver has one address, which takes what it is sent.
        ("webhook", "records"),
        ("webhook", "documents"),
        # A partner's keys are in the body of what makes a cohort or changes it.
        ("braze", "cohort_members"),
    }


def without_lists() -> list[Destination]:
    return [
        channel
        for channel in destinations()
        if not any("audience" in each.modes for each in channel.objects)
    ]


@pytest.mark.parametrize("channel", without_lists(), ids=lambda channel: channel.slug)
def test_lists_are_made_only_where_there_are_lists(channel: Destination) -> None:
    with pytest.raises(Refused, match="cannot hold an audience"):
        next(channel.prepare(channel.objects[0].name, "a", "A", SETTINGS))
