"""What channels are asked before a sync: for lists, for properties, for scopes; word for word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Refused, Request, Response
from reverse_etl.channel.inspection import Inspector, Missing, Scoped
from tests.reverse_etl.destinations.contents import content_of, read_parameters
from tests.reverse_etl.destinations.driver import SETTINGS, play
from tests.reverse_etl.destinations.golden import cases, destinations, exchange_of, golden

PREPARED = [
    (channel, written)
    for channel in destinations()
    for written in golden(channel.slug).get("prepare", [])
]


@pytest.mark.parametrize(
    ("channel", "written"), PREPARED, ids=[f"{c.slug}-{w['label']}" for c, w in PREPARED]
)
def test_a_list_is_found_or_made(channel: Destination, written: dict[str, Any]) -> None:
    expected = [exchange_of(each) for each in written["exchanges"]]
    known = {**SETTINGS, **golden(channel.slug).get("settings", {})}
    preparation = channel.prepare(written["object"], "an_audience", written["label"], known)
    answers = [each.answer for each in expected]
    try:
        asked, found = play(preparation, *answers)
    except Refused as refused:
        assert f"refused {refused.code}" == written["becomes"]
        return
    assert found == written["becomes"]
    for request, exchange in zip(asked, expected, strict=True):
        assert (request.method, request.path) == (exchange.method, exchange.path)
        assert read_parameters(request.params) == exchange.params
        assert content_of(request) == exchange.content
        # Made twice, a list would be there twice; where it is found by its name it may be repeated.
        assert request.repeatable or request.method == "POST"


def test_every_channel_with_audiences_shows_how_a_list_is_made() -> None:
    shown = {(channel.slug, written["object"]) for channel, written in PREPARED}
    assert shown == {(c.channel.slug, c.object.name) for c in cases() if c.mode == "audience"}


INSPECTED = [
    (channel, written)
    for channel in destinations()
    for written in golden(channel.slug).get("inspect", [])
]


def inspected(channel: Destination, written: dict[str, Any]) -> tuple[list[Request], list[Missing]]:
    """What is asked of a golden inspection, and what is found to be missing."""
    assert isinstance(channel, Inspector)
    known = {**SETTINGS, **golden(channel.slug).get("settings", {})}
    inspection = channel.inspect(written["object"], written["columns"], known)
    return play(inspection, *(exchange_of(each).answer for each in written["exchanges"]))


def creations_written(written: dict[str, Any]) -> list[dict[str, Any]]:
    """The requests that make what is missing, as a golden file writes them, in their order."""
    makings = [each for each in written["missing"] if isinstance(each, dict)]
    return [one for each in makings for one in (each, each.get("then")) if one]


def creations(missing: Missing, written: dict[str, Any]) -> Iterator[Request]:
    """The requests that make one, given the golden answer to the first."""
    if missing.creation is None:
        return
    yield missing.creation
    if missing.then is not None:
        answers = [
            exchange_of(each).answer
            for each in creations_written(written)
            if exchange_of(each).content == content_of(missing.creation)
        ]
        following = missing.then(*answers)
        assert following is not None and missing.then(Response(200, {}, b"{}")) is None
        yield following


@pytest.mark.parametrize(
    ("channel", "written"), INSPECTED, ids=[f"{c.slug}-{w['object']}" for c, w in INSPECTED]
)
def test_what_a_channel_lacks_is_found_and_made_word_for_word(
    channel: Destination, written: dict[str, Any]
) -> None:
    asked, missing = inspected(channel, written)
    made = [request for each in missing for request in creations(each, written)]
    wanted = [exchange_of(each) for each in creations_written(written)]
    expected = [exchange_of(each) for each in written["exchanges"]]
    for request, exchange in zip([*asked, *made], [*expected, *wanted], strict=True):
        assert (request.method, request.path) == (exchange.method, exchange.path)
        assert dict(request.params) == exchange.params
        assert content_of(request) == exchange.content
    advice = [each for each in written["missing"] if isinstance(each, str)]
    assert [each.advice for each in missing if each.creation is None] == advice


def test_every_channel_that_tells_what_it_lacks_is_shown_to() -> None:
    shown = {channel.slug for channel, _ in INSPECTED}
    assert shown == {each.slug for each in destinations() if isinstance(each, Inspector)}


SCOPED = [channel for channel in destinations() if isinstance(channel, Scoped)]


@pytest.mark.parametrize("channel", SCOPED, ids=lambda channel: channel.slug)
def test_what_a_credential_may_do_is_asked_word_for_word(channel: Any) -> None:
    written = golden(channel.slug)["scopes"]
    known = {**SETTINGS, **golden(channel.slug).get("settings", {})}
    (exchange,) = map(exchange_of, written["exchanges"])
    (request,), granted = play(channel.scopes(known), exchange.answer)
    assert (request.method, request.path) == (exchange.method, exchange.path)
    assert content_of(request) == exchange.content
    assert list(granted) == written["granted"]
    for answer in (Response(404, {}, b"{}"), Response(200, {}, b"<html>")):
        with pytest.raises(Refused):
            play(channel.scopes(known), answer)
