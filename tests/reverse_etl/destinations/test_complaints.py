"""Content that a vendor does not take: its code, a reason in words, and nobody's address in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverse_etl.channel.registry import find_destination
from reverse_etl.conversation.verdicts import readable
from tests.reverse_etl.destinations.golden import cases, destinations
from tests.reverse_etl.destinations.test_every_conversation import driven
from tests.reverse_etl.loopback import Told, loopback

WRITTEN: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "complaints.yml").read_text()
)
COMPLAINTS = [(slug, each) for slug, listed in WRITTEN.items() for each in listed]
NAMED = {
    "ada.lovelace@example.com": "a***@example.com",
    "ada.lovelace%40example.com": "a***@example.com",
    "+44 (0)7700 900-123": "+***",
    "+447700900123": "+***",
}


def naming(content: Any, who: str) -> Any:
    return json.loads(json.dumps(content).replace("{who}", who))


@pytest.mark.parametrize("who", NAMED)
@pytest.mark.parametrize(
    ("slug", "written"), COMPLAINTS, ids=[f"{slug}-{each['status']}" for slug, each in COMPLAINTS]
)
def test_a_complaint_is_told_in_words_with_the_vendors_code(
    slug: str, written: dict[str, Any], who: str
) -> None:
    case = next(case for case in cases() if case.channel.slug == slug and case.exchanges)
    told = Told(written["status"], naming(written["answer"], who))
    with loopback(lambda _: told) as vendor:
        verdicts = driven(case, vendor.url)
    said = written["says"].format(who=NAMED[who])
    assert any(said in verdict for verdict in verdicts.values()), verdicts
    assert not any(who in verdict for verdict in verdicts.values())


def test_every_channel_shows_how_it_complains() -> None:
    assert set(WRITTEN) == {channel.slug for channel in destinations()}
    assert all(find_destination(slug) for slug in WRITTEN)


@pytest.mark.parametrize(
    "words", ["contact 1234567890 is gone", "at 2026-11-23 14:00:00+00:00", "1 + 2 of 3"]
)
def test_ids_and_instants_are_left_as_they_are(words: str) -> None:
    assert readable(words) == words
