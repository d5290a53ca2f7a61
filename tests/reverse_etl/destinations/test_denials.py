"""Who is not let in, and who is asked to wait: each vendor's own answers, through the client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Request
from reverse_etl.channel.meaning import Meaningful
from reverse_etl.channel.registry import find_destination
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.delivery.http import Client, OutOfPatience
from reverse_etl.delivery.limiter import Limiter
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.delivery.understanding import ChannelDenied, meaning_of, meanings_of
from tests.reverse_etl.destinations.driver import answer
from tests.reverse_etl.destinations.golden import Case, cases, destinations
from tests.reverse_etl.destinations.test_every_conversation import HURRIED, driven
from tests.reverse_etl.loopback import Told, loopback

WRITTEN: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "denials.yml").read_text()
)


@dataclass(frozen=True)
class Denial:
    """One answer, and what it asks of us."""

    channel: Destination
    written: dict[str, Any]

    @property
    def told(self) -> Told:
        return Told(self.written["status"], self.written.get("answer"))

    def __str__(self) -> str:
        return f"{self.channel.slug}-{self.written['status']}-{self.written['sense']}"


def channel_of(slug: str) -> Destination:
    found = find_destination(slug)
    assert isinstance(found, Destination)
    return found


DENIALS = [Denial(channel_of(slug), each) for slug, listed in WRITTEN.items() for each in listed]
UNKNOWN = {d.channel.slug: d for d in DENIALS if d.written["sense"] == "unknown"}


def of_sense(*senses: str) -> Any:
    return pytest.mark.parametrize(
        "denial", [each for each in DENIALS if each.written["sense"] in senses], ids=str
    )


def sender(denial: Denial, url: str) -> Client:
    case = next(case for case in cases() if case.channel.slug == denial.channel.slug)
    connection = Connection(denial.channel.slug, url, case.settings)
    return Client(denial.channel, connection, Limiter(0), HURRIED, connections=1)


@of_sense("unknown", "barred")
def test_who_is_not_let_in_hears_what_the_vendor_says(denial: Denial) -> None:
    with loopback(lambda _: denial.told) as vendor:
        with pytest.raises(ChannelDenied) as denied:
            sender(denial, vendor.url).send(Request("GET", "/"), Forgetful())
        assert len(vendor.asked) == 1, "nobody knocks twice at a closed door"
    said = str(denied.value)
    assert denied.value.meaning.sense == denial.written["sense"]
    assert denial.written["says"] in said
    # A secret that is good is not looked for in vain.
    names = [f"{denial.channel.slug}_{s.name}".upper() for s in denial.channel.settings if s.secret]
    assert any(name in said for name in names) == (denial.written["sense"] == "unknown")


@of_sense("busy")
def test_a_busy_vendor_is_asked_again_until_patience_ends(
    denial: Denial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limiter, "slow_down", lambda self, sent_at, pause: None)
    answers = iter([denial.told, denial.told, Told(200, {"code": 0})])
    with loopback(lambda _: next(answers)) as vendor:
        request = Request("POST", "/", json={}, repeatable=False)
        assert sender(denial, vendor.url).send(request, Forgetful()).ok
        assert len(vendor.asked) == 3
    monkeypatch.undo()
    with loopback(lambda _: denial.told) as vendor, pytest.raises(OutOfPatience) as silence:
        sender(denial, vendor.url).send(Request("GET", "/"), Forgetful())
    assert silence.value.is_busy
    assert str(silence.value).startswith(f"{denial.written['status']}: ")


@of_sense("readable")
def test_what_is_about_the_content_is_for_the_conversation_to_read(denial: Denial) -> None:
    with loopback(lambda _: denial.told) as vendor:
        found = sender(denial, vendor.url).send(Request("GET", "/"), Forgetful())
    assert found.json() == denial.told.content


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case.exchanges],
    ids=lambda case: f"{case.channel.slug}-{case.name}",
)
def test_no_conversation_goes_on_with_a_token_that_is_not_known(case: Case) -> None:
    """A sync hears of it as well as ``check --connect``, whatever it was about to say."""
    told = UNKNOWN[case.channel.slug].told
    with loopback(lambda _: told) as vendor, pytest.raises(ChannelDenied):
        driven(case, vendor.url)
    assert len(vendor.asked) == 1


def test_every_channel_shows_how_it_does_not_know_somebody() -> None:
    assert set(UNKNOWN) == {channel.slug for channel in destinations()}


def test_every_meaning_that_is_declared_is_shown() -> None:
    """One that no answer has would never be missed."""
    for channel in destinations():
        declared = set(channel.meanings) if isinstance(channel, Meaningful) else set()
        shown = {
            meaning_of(meanings_of(channel), answer(each["status"], each.get("answer")))
            for each in WRITTEN[channel.slug]
        }
        assert declared <= shown, channel.slug


def test_codes_are_read_where_the_vendors_write_them() -> None:
    codes = {
        str(denial): complaint_of(answer(denial.told.status, denial.told.content))[0]
        for denial in DENIALS
    }
    assert codes["google-403-barred"] == "PERMISSION_DENIED"
    assert codes["meta-400-unknown"] == "190/463"
    assert codes["linkedin-401-unknown"] == "EXPIRED_ACCESS_TOKEN"
    assert codes["mailchimp-403-busy"] == "http_403"
