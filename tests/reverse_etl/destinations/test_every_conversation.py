"""Every channel's golden conversations: word for word, over a bad line, resumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.delivery.http import AnswerLost, Client, OutOfPatience, Patience
from reverse_etl.delivery.journal import Journal, read_journal
from reverse_etl.delivery.limiter import Limiter
from reverse_etl.delivery.transcript import Answers, JournalTranscript
from tests.reverse_etl.destinations.contents import content_of, read_body, read_parameters
from tests.reverse_etl.destinations.driver import by_key, play
from tests.reverse_etl.destinations.golden import Case, cases, destinations, golden
from tests.reverse_etl.loopback import Asked, Loopback, Told, loopback

ALL = list(cases())
every_case = pytest.mark.parametrize(
    "case", ALL, ids=[f"{case.channel.slug}-{case.name}" for case in ALL]
)
HURRIED = Patience(attempts=3, seconds=2.0, first_wait=0.001, longest_wait=0.01, read_timeout=0.2)


def described(verdict: Verdict) -> str:
    """A verdict as golden files write it."""
    code = f" {verdict.code}" if verdict.code else ""
    reason = f": {verdict.reason}" if verdict.reason else ""
    channel_id = f" -> {verdict.channel_id}" if verdict.channel_id else ""
    return f"{verdict.status}{code}{reason}{channel_id}"


@every_case
def test_the_golden_conversation_is_kept_word_for_word(case: Case) -> None:
    assert case.written, f"golden/{case.channel.slug}.yml has no conversation {case.name}"
    conversation = case.channel.converse(case.batch())
    expected = case.exchanges
    asked: list[Request] = []
    try:
        asked.append(next(conversation))
        for exchange in expected:
            asked.append(conversation.send(exchange.answer))
    except StopIteration as end:
        found = by_key(end.value)
    except Refused as refused:
        found = {"all": Verdict("all", "rejected", refused.code, refused.reason)}
    else:
        pytest.fail(f"more is asked than is answered: {asked[-1]}")
    for request, exchange in zip(asked, expected, strict=True):
        assert (request.method, request.path) == (exchange.method, exchange.path)
        assert read_parameters(request.params) == exchange.params
        assert content_of(request) == exchange.content
    assert {key: described(verdict) for key, verdict in found.items()} == case.verdicts


# What a bad line does, through the real client.


def client(case: Case, url: str) -> Client:
    settings = case.settings
    connection = Connection(case.channel.slug, url, settings)
    return Client(case.channel, connection, Limiter(0), HURRIED, connections=1)


class Forgetting:
    """A transcript that nobody reads again."""

    def __init__(self) -> None:
        self.is_in_doubt = False
        self.requests = 0

    def recall(self, step: int) -> None:
        return None

    def asking(self, step: int) -> None:
        pass

    def answered(self, step: int, response: Any) -> None:
        pass


def said(exchange: Any) -> Told:
    return Told(exchange.answer.status, exchange.answer.body or None, dict(exchange.answer.headers))


def playing(case: Case, before: list[Told]) -> Iterator[Loopback]:
    """Serve the golden answers in turn, after some others."""
    answers = iter([*before, *(said(exchange) for exchange in case.exchanges)])
    with loopback(lambda _: next(answers)) as vendor:
        yield vendor


def driven(case: Case, url: str) -> dict[str, str]:
    driver = client(case, url)
    try:
        verdicts = driver.drive(case.channel.converse(case.batch()), Forgetting())
    except Refused as refused:
        return {"all": described(Verdict("all", "rejected", refused.code, refused.reason))}
    return {key: described(verdict) for key, verdict in by_key(verdicts).items()}


TOO_FAST = [
    Told(429, {"message": "slow down"}, {"Retry-After": "0"}),
    Told(429, b"<html>", {"Content-Type": "text/html"}),
    Told(429, {}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}),
]


@every_case
def test_a_bad_line_changes_nothing_in_what_comes_of_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverse_etl.delivery.http.time.sleep", lambda seconds: None)
    exchanges = case.exchanges
    if not exchanges:
        pytest.skip("it asks for nothing")
    for vendor in playing(case, TOO_FAST):
        assert driven(case, vendor.url) == case.verdicts
        # What was refused for its pace is asked again as it was.
        assert len({(each.method, each.path, each.body) for each in vendor.asked[:4]}) == 1
    is_repeatable = next(case.channel.converse(case.batch())).repeatable
    for fault in (Told(503, b"<html>"), Told(0)):
        for vendor in playing(case, [fault]):
            if is_repeatable:
                assert driven(case, vendor.url) == case.verdicts
            else:
                with pytest.raises(AnswerLost):
                    driven(case, vendor.url)
                assert len(vendor.asked) == 1


FIRST = {case.channel.slug: case for case in reversed(ALL) if case.exchanges}


@pytest.mark.parametrize("slug", FIRST)
def test_an_answer_that_comes_too_late_is_asked_for_again(slug: str) -> None:
    """Once for each channel: it costs the time that the client waits."""
    case = FIRST[slug]
    late = Told(200, after=2 * HURRIED.read_timeout)
    for vendor in playing(case, [late]):
        if next(case.channel.converse(case.batch())).repeatable:
            assert driven(case, vendor.url) == case.verdicts
        else:
            with pytest.raises(AnswerLost):
                driven(case, vendor.url)


@every_case
def test_silence_is_no_verdict(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.delivery.http.time.sleep", lambda seconds: None)
    if not case.exchanges:
        pytest.skip("it asks for nothing")
    with (
        loopback(lambda _: Told(500)) as vendor,
        pytest.raises((OutOfPatience, AnswerLost)),
    ):
        driven(case, vendor.url)


# Where channels tell how a job stands.
JOB = re.compile(r"bulk-import-jobs/\w+$|/job_statuses/|/contacts/imports/|/requestStatus:")


def of_jobs(case: Case) -> int | None:
    """The first exchange of a conversation that asks after a job, by its place."""
    places = (place for place, each in enumerate(case.exchanges) if JOB.search(each.path))
    return next(places, None)


WORKED_OFF = [case for case in ALL if of_jobs(case) is not None]


def test_every_channel_of_jobs_is_among_these() -> None:
    assert {c.channel.slug for c in WORKED_OFF} == {"google", "klaviyo", "sendgrid", "zendesk"}


@pytest.mark.parametrize(
    "case", WORKED_OFF, ids=[f"{case.channel.slug}-{case.name}" for case in WORKED_OFF]
)
def test_a_job_that_has_expired_leaves_its_records_waiting(case: Case) -> None:
    place = of_jobs(case)
    gone = Response(404, {"content-type": "application/json"}, b'{"message": "no such job"}')
    answers = [each.answer for each in case.exchanges[:place]] + [gone] * 20
    _, verdicts = play(case.channel.converse(case.batch()), *answers)
    found = {verdict.status for verdict in verdicts}
    assert "retry" in found and "acknowledged" not in found
    assert all(verdict.code and verdict.reason for verdict in verdicts)


class Killed(BaseException):
    """The process ends here."""


@every_case
def test_killed_at_any_step_it_is_finished_by_the_next_life(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverse_etl.delivery.http.time.sleep", lambda seconds: None)
    exchanges = case.exchanges
    for step in range(len(exchanges)):
        journal = tmp_path / f"journal{step}"
        found, asked = lives(case, journal, step)
        must_not = [
            number
            for number, request in enumerate(requests_of(case))
            if not request.repeatable and number <= step
        ]
        if step in must_not:
            assert found is None, "a request that must not be repeated was asked again"
        else:
            assert found == case.verdicts
        for number in must_not:
            exchange = exchanges[number]
            same = [a for a in asked if is_asked(a, exchange)]
            again = [
                e for e in exchanges if (e.path, e.content) == (exchange.path, exchange.content)
            ]
            assert len(same) <= len(again)


def requests_of(case: Case) -> list[Request]:
    """What is asked in the golden conversation."""
    conversation = case.channel.converse(case.batch())
    found = [next(conversation)]
    try:
        for exchange in case.exchanges:
            found.append(conversation.send(exchange.answer))
    except (StopIteration, Refused):
        pass
    return found


def is_asked(asked: Asked, exchange: Any) -> bool:
    found = (asked.method, asked.path, read_parameters(asked.params))
    return found == (exchange.method, exchange.path or "/", exchange.params) and (
        asked.body == b""
        or read_body(asked.body, asked.headers.get("content-type", "")) == exchange.content
    )


def lives(case: Case, path: Path, step: int) -> tuple[dict[str, str] | None, list[Asked]]:
    """Live once, die when the vendor has the request of ``step``, live again to the end."""
    exchanges = case.exchanges
    asked: list[Asked] = []

    def vendor_says(request: Asked) -> Told:
        asked.append(request)
        rest = iter(exchanges)
        matching = [e for e in rest if is_asked(request, e)]
        before = sum(1 for each in asked[:-1] if _same(each, request))
        return said(matching[min(before, len(matching) - 1)] if matching else exchanges[-1])

    class Dying(Client):
        count = 0

        def send(self, request: Request, transcript: Any) -> Any:
            response = super().send(request, transcript)
            self.count += 1
            if self.count > step:
                raise Killed
            return response

    with loopback(vendor_says) as vendor:
        connection = Connection(case.channel.slug, vendor.url, case.settings)
        dying = Dying(case.channel, connection, Limiter(0), HURRIED, connections=1)
        with Journal(path) as journal, pytest.raises(Killed):
            dying.drive(
                case.channel.converse(case.batch()), JournalTranscript(journal, {}, "b", False)
            )
        known: Answers = {(entry["asked"], entry["step"]): entry for entry in read_journal(path)}
        asked_before = list(asked)
        asked.clear()
        with Journal(path) as journal:
            transcript = JournalTranscript(journal, known, "b", True)
            try:
                found = client(case, vendor.url).drive(
                    case.channel.converse(case.batch()), transcript
                )
            except AnswerLost:
                return None, [*asked_before, *asked]
            except Refused as refused:
                all_ = Verdict("all", "rejected", refused.code, refused.reason)
                return {"all": described(all_)}, [*asked_before, *asked]
        verdicts = {key: described(verdict) for key, verdict in by_key(found).items()}
        return verdicts, [*asked_before, *asked]


def _same(left: Asked, right: Asked) -> bool:
    return (left.method, left.path, left.body) == (right.method, right.path, right.body)


def test_every_golden_conversation_is_declared() -> None:
    """A conversation that no destination declares is never held, and would rot."""
    declared: dict[str, set[str]] = {}
    for case in cases():
        declared.setdefault(case.channel.slug, set()).add(case.name)
    for channel in destinations():
        written = set(golden(channel.slug).get("cases", {}))
        assert written <= declared[channel.slug]
