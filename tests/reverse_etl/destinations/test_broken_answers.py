"""Golden answers, broken at every place: nobody is taken for delivered who was not, nothing falls.

A page of some server on the way in place of an answer, results in another order, twice or not at
all, nulls, and values of another kind.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from reverse_etl.channel.exchange import Refused, Response
from tests.reverse_etl.destinations.driver import by_key
from tests.reverse_etl.destinations.golden import Case
from tests.reverse_etl.destinations.test_every_conversation import ALL

WRITTEN = [
    case
    for case in ALL
    # A webhook's receiver says yes with any 2xx, whatever the body.
    if case.exchanges and "like" not in case.written and case.channel.slug != "webhook"
]
every_case = pytest.mark.parametrize(
    "case", WRITTEN, ids=[f"{case.channel.slug}-{case.name}" for case in WRITTEN]
)
PAGE = b"<!doctype html><title>Welcome</title><p>Sign in to the guest network.</p>"
MOST = 400
Path = tuple[Any, ...]
Fates = dict[str, str]


def places(content: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where there is something in a document, the document itself first."""
    yield path
    inner = content.items() if isinstance(content, dict) else ()
    for name, value in enumerate(content) if isinstance(content, list) else inner:
        yield from places(value, (*path, name))


def at(content: Any, path: Path) -> Any:
    for name in path:
        content = content[name]
    return content


def put(content: Any, path: Path, value: Any) -> Any:
    """Return a copy with another value at one place."""
    if not path:
        return value
    changed = copy.deepcopy(content)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def converse(case: Case, answers: Iterable[Response]) -> tuple[list[Any], Fates | None]:
    """Return what was asked, and what became of each record; ``None`` after a refusal."""
    conversation = case.channel.converse(case.batch())
    asked: list[Any] = []
    answer = None
    waiting = iter(answers)
    try:
        request = next(conversation)
        while len(asked) < MOST:
            asked.append((request.method, request.path))
            answer = next(waiting, answer)
            assert answer is not None
            request = conversation.send(answer)
    except StopIteration as end:
        return asked, {key: verdict.status for key, verdict in by_key(end.value).items()}
    except Refused as refused:
        assert refused.code and refused.reason
        return asked, None
    pytest.fail(f"the conversation goes on after {MOST} answers")


def broken(case: Case, number: int, body: bytes) -> list[Response]:
    """Return the golden answers with one of another body."""
    answers = [each.answer for each in case.exchanges]
    answers[number] = Response(answers[number].status, answers[number].headers, body)
    return answers


def wrong_kinds(content: Any) -> Iterator[Any]:
    for path in places(content):
        for value in ("x", -1, {"x": 1}):
            yield put(content, path, value)


def told_otherwise(content: Any) -> Iterator[Any]:
    """Yield documents of the right kind that say less, or the same in another way."""
    for path in places(content):
        yield put(content, path, None)
        held = at(content, path)
        if isinstance(held, list) and held:
            yield from (put(content, path, each) for each in ([], held[:-1], held[::-1]))
            yield from (put(content, path, each) for each in ([*held, held[0]], held[:1] * 2))


@every_case
def test_a_page_in_the_place_of_any_answer_is_no_answer(case: Case) -> None:
    _, golden = converse(case, [each.answer for each in case.exchanges])
    for number, exchange in enumerate(case.exchanges):
        if exchange.answer.status >= 300:
            continue  # in the place of a refusal it is found out all the same
        _, found = converse(case, broken(case, number, PAGE))
        if golden is not None and found is not None:
            assert set(found) == set(golden)
            assert taken(found) <= taken(golden), f"{number}: {exchange.path}"
            assert "retry" in found.values(), f"{number}: {exchange.path}"


@every_case
def test_what_cannot_be_read_acknowledges_nobody_more(case: Case) -> None:
    asked, golden = converse(case, [each.answer for each in case.exchanges])
    for number, exchange in enumerate(case.exchanges):
        for content in wrong_kinds(exchange.answer.json()):
            answers = broken(case, number, json.dumps(content).encode())
            asked_then, found = converse(case, answers)
            if golden is None or found is None:
                continue
            assert set(found) == set(golden)
            if asked_then == asked:  # else the answers are to other questions
                assert taken(found) <= taken(golden), f"{number}: {content}"


@every_case
def test_whatever_is_told_every_record_has_one_verdict(case: Case) -> None:
    keys = {record.key for record in case.records()}
    for number, exchange in enumerate(case.exchanges):
        for content in told_otherwise(exchange.answer.json()):
            _, found = converse(case, broken(case, number, json.dumps(content).encode()))
            assert found is None or set(found) == keys, f"{number}: {content}"


def taken(fates: Fates) -> set[str]:
    return {key for key, fate in fates.items() if fate == "acknowledged"}


def case_of(slug: str, name: str) -> Case:
    return next(case for case in WRITTEN if (case.channel.slug, case.name) == (slug, name))


# What a vendor may say that its own documentation would not lead one to expect, and who is taken.
CONTRADICTIONS: dict[str, tuple[str, str, Any, set[str] | None]] = {
    "more fail than are named": (
        "iterable",
        "users-upsert-add",
        {"successCount": 1, "failCount": 2, "invalidEmails": ["broken@example"]},
        None,
    ),
    "fewer are processed than were sent": (
        "braze",
        "users-upsert-add",
        {"message": "success", "attributes_processed": 0, "errors": []},
        set(),
    ),
    "an error is about nobody we sent": (
        "braze",
        "users-upsert-add",
        {
            "message": "success",
            "errors": [{"type": "bad", "input_array": "attributes", "index": 7}],
        },
        set(),
    ),
    "one is both written and refused": (
        "hubspot",
        "deals-upsert-add",
        {
            "status": "COMPLETE",
            "results": [{"id": "301", "objectWriteTraceId": "p1"}],
            "errors": [{"message": "no", "context": {"objectWriteTraceId": ["p1"]}}],
        },
        set(),
    ),
    "a contact is written without an id": (
        "hubspot",
        "list_members-audience-add",
        {"status": "COMPLETE", "results": [{"id": None, "objectWriteTraceId": "p1"}]},
        set(),
    ),
    "a result is missing at its place": (
        "linkedin",
        "segment_users-audience-add",
        {"elements": [None, {"status": 201}]},
        {"p2"},
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_who_contradicts_itself_is_not_believed(what: str) -> None:
    slug, name, answer, expected = CONTRADICTIONS[what]
    case = case_of(slug, name)
    _, found = converse(case, broken(case, 0, json.dumps(answer).encode()))
    assert (None if found is None else taken(found)) == expected


def test_results_in_an_order_that_contradicts_itself_wait() -> None:
    case = case_of("zendesk", "users-upsert-add")
    for results in (
        [{"index": 1, "id": 901}, {"id": 902}],
        [{"index": 1, "id": 901}, {"index": 1, "id": 902}],
        [{"id": 901}, None],
        [{"id": 901}, {"id": 902}, {"id": 903}],
    ):
        status = {"id": "J1", "status": "completed", "results": results}
        answers = broken(case, 2, json.dumps({"job_status": status}).encode())
        _, found = converse(case, answers)
        assert found is not None and not taken(found), results


def test_a_tag_that_is_not_there_afterwards_was_not_put_on() -> None:
    case = case_of("zendesk", "tag_members-audience-add")
    _, found = converse(case, broken(case, 2, b'{"tags": ["vip"]}'))
    assert found == {"p1": "retry"}
