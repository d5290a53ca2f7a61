"""The advertising channels: what leaves is hashed, in each one's own form, and answered."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from reverse_etl.channel.batch import Audience
from reverse_etl.channel.connection import ConnectionRefused, connect
from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Refused, Request, Response
from reverse_etl.destinations import google, linkedin, meta, tiktok
from reverse_etl.destinations.google.requests import POLLS
from tests.reverse_etl.destinations.driver import answer, batch, by_key, play, records
from tests.reverse_etl.destinations.golden import destinations

AUDIENCE = Audience("best_customers", "Best customers", "77")
SETTINGS = {
    "ACCOUNT": "123-456-7890",
    "LOGIN_ACCOUNT": "999-000-1111",
    "ADVERTISER": "A1",
    "CONSENT": "CONSENT_GRANTED",
}
HEDWIG = {
    "email": "Hedwig.Example+news@Gmail.com",
    "phone": "+44 20 7946 0958",
    "first_name": "Dr. Hedwig",
    "last_name": "O'Example, Jr.",
    "country": "GB",
    "postcode": "sw1a 1aa",
    "mobile_id": "6F1E3C52-8A11-4C0B-9F5E-0A1B2C3D4E5F",
    "google_aid": "7a2e3c52-8a11-4c0b-9f5e-0a1b2c3d4e5f",
    "external_id": "Hedwig Example",
    "city": "San Sampleton",
    "date_of_birth": "1979-03-04",
    "gender": "female",
}
# What stands where it should not is not sent in clear either.
NOBODY = {
    "email": "nobody at example.com",
    "phone": "12",
    "last_name": "Nobodysson",
    "external_id": "442079460958",
    "postcode": "Nobodysson",
}
DONE = answer(200, {"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]})
TAKEN = answer(200, {"requestId": "r1"})
UPLOADED = answer(200, {"code": 0, "message": "OK", "data": {"file_path": "f" * 16}})
OK = answer(200, {"code": 0, "message": "OK", "data": {}})


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def columns(channel: Destination, row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in channel.objects[0].fields}


def converse(
    channel: Destination,
    operation: Any,
    rows: list[dict[str, Any]],
    *answers: Response,
    name: str = "",
    **sent: Any,
) -> tuple[list[Request], dict[str, Any]]:
    name = name or channel.objects[0].name
    chosen = [columns(channel, row) for row in rows]
    a_batch = batch(records(operation, chosen, **sent), name, audience=AUDIENCE, **SETTINGS)
    asked, verdicts = play(channel.converse(a_batch), *answers)
    return asked, by_key(verdicts)


def users(*statuses: int) -> Response:
    return answer(200, {"elements": [{"status": status} for status in statuses]})


def test_google_takes_each_identifier_by_itself_and_an_address_as_a_whole() -> None:
    asked, verdicts = converse(google.destination, "add", [HEDWIG, NOBODY], TAKEN, DONE)
    assert [(r.method, r.path) for r in asked] == [
        ("POST", "/audienceMembers:ingest"),
        ("GET", "/requestStatus:retrieve"),
    ]
    assert asked[0].remembered
    assert asked[0].json == {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "9990001111"},
                "productDestinationId": "77",
            }
        ],
        "audienceMembers": [
            {
                "userData": {
                    "userIdentifiers": [
                        {"emailAddress": sha("hedwigexample@gmail.com")},
                        {"phoneNumber": sha("+442079460958")},
                        {
                            "address": {
                                "givenName": sha("hedwig"),
                                "familyName": sha("oexample"),
                                "regionCode": "GB",
                                "postalCode": "SW1A 1AA",
                            }
                        },
                    ]
                }
            }
        ],
        "encoding": "HEX",
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }
    assert verdicts["p1"].status == "acknowledged"
    assert verdicts["p2"].code == "no_usable_key"


def test_google_blames_the_members_at_the_positions_that_it_names() -> None:
    rows = [{"email": f"p{number}@example.com"} for number in range(3)]
    counts = [
        {
            "reason": "PROCESSING_ERROR_REASON_INVALID_FORMAT",
            "recordCount": "1",
            "recordIndices": [1],
        }
    ]
    status = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": counts}}
    working = answer(200, {"requestStatusPerDestination": [{"requestStatus": "PROCESSING"}]})
    ended = answer(200, {"requestStatusPerDestination": [status]})
    asked, verdicts = converse(google.destination, "add", rows, TAKEN, working, ended)
    assert [v.status for v in verdicts.values()] == ["acknowledged", "rejected", "acknowledged"]
    assert verdicts["p2"].code == "INVALID_FORMAT"
    assert [request.wait_before for request in asked] == [0, *POLLS[:2]]
    del status["errorInfo"]
    with pytest.raises(Refused, match="some of these members"):
        blind = answer(200, {"requestStatusPerDestination": [status]})
        converse(google.destination, "add", rows, TAKEN, blind)


def test_google_is_not_waited_for_for_hours_and_what_it_took_is_not_sent_again() -> None:
    working = answer(200, {"requestStatusPerDestination": [{"requestStatus": "PROCESSING"}]})
    _, verdicts = converse(google.destination, "add", [HEDWIG], TAKEN, *[working] * len(POLLS))
    assert (verdicts["p1"].status, verdicts["p1"].code) == ("acknowledged", "still_processing")


def test_who_moved_is_taken_out_under_the_old_address_first() -> None:
    sent = {"email": "old@example.com", "phone": HEDWIG["phone"]}
    asked, _ = converse(google.destination, "change", [HEDWIG], TAKEN, DONE, TAKEN, DONE, p1=sent)
    removal = asked[0]
    assert removal.path == "/audienceMembers:remove"
    assert removal.json["audienceMembers"] == [
        {"userData": {"userIdentifiers": [{"emailAddress": sha("old@example.com")}]}}
    ]
    assert not {"consent", "termsOfService"} & set(removal.json)
    assert asked[2].path == "/audienceMembers:ingest"
    asked, _ = converse(tiktok.destination, "change", [HEDWIG], UPLOADED, OK, UPLOADED, OK, p1=sent)
    assert [r.json["action"] for r in asked if r.json] == ["REMOVE", "APPEND"]
    assert sha("old@example.com").encode() in (asked[0].body or b"")
    assert sha("+442079460958").encode() not in (asked[0].body or b"")


def test_tiktok_is_told_what_to_do_with_a_file_since_it_would_replace_everybody() -> None:
    asked, verdicts = converse(tiktok.destination, "add", [HEDWIG, NOBODY], UPLOADED, OK)
    content = tiktok.as_file([tiktok.MEMBERS.row(columns(tiktok.destination, HEDWIG))])
    hashes = [
        sha("hedwig.example+news@gmail.com"),
        sha("+442079460958"),
        sha(HEDWIG["mobile_id"].lower()),
    ]
    assert content.decode().splitlines() == [
        "EMAIL_SHA256,PHONE_SHA256,MAID_SHA256",
        ",".join(hashes),
    ]
    assert content in (asked[0].body or b"")
    assert hashlib.md5(content).hexdigest().encode() in (asked[0].body or b"")
    assert asked[1].json == {
        "advertiser_id": "A1",
        "custom_audience_id": "77",
        "action": "APPEND",
        "file_paths": ["f" * 16],
    }
    assert [v.status for v in verdicts.values()] == ["rejected", "acknowledged"]


def test_tiktok_s_200_is_read_before_it_is_believed() -> None:
    small = answer(200, {"code": 40002, "message": "The audience has fewer than 1000 people"})
    _, verdicts = converse(tiktok.destination, "add", [HEDWIG], UPLOADED, small)
    assert (verdicts["p1"].status, verdicts["p1"].code) == ("retry", "40002")
    assert "fewer than 1000" in verdicts["p1"].reason


def test_linkedin_answers_each_user() -> None:
    rows = [{"email": f"p{number}@example.com", "country": "de"} for number in range(3)]
    asked, verdicts = converse(linkedin.destination, "add", rows, users(201, 400, 503))
    assert asked[0].path == "/rest/dmpSegments/77/users"
    assert asked[0].headers["X-RestLi-Method"] == "BATCH_CREATE"
    assert asked[0].json["elements"][0] == {
        "action": "ADD",
        "userIds": [{"idType": "SHA256_EMAIL", "idValue": sha("p0@example.com")}],
        "country": "DE",
    }
    assert [v.status for v in verdicts.values()] == ["acknowledged", "rejected", "retry"]
    _, verdicts = converse(linkedin.destination, "add", rows, users(201, 201))
    assert {v.status for v in verdicts.values()} == {"retry"}, "whose answer is missing?"


def test_a_new_segment_is_waited_for() -> None:
    none = answer(200, {"elements": []})
    created = Response(201, {"x-restli-id": "88"}, b"")
    missing = answer(404, {"status": 404, "message": "not found"})
    preparation = linkedin.destination.prepare("segment_users", "a", "A", SETTINGS)
    asked, found = play(preparation, none, created, missing, answer(200, {"id": 88}))
    assert found == "88"
    assert [request.wait_before for request in asked] == [0, 0, 5, 5]
    assert not asked[1].repeatable


def test_lists_are_found_by_name_before_one_is_made() -> None:
    mine = answer(200, {"userLists": [{"id": "5", "displayName": "A"}]})
    other = answer(200, {"userLists": [{"id": "4", "displayName": "B"}], "nextPageToken": "n"})
    asked, found = play(google.destination.prepare("o", "a", "A", SETTINGS), other, mine)
    assert (found, len(asked)) == ("5", 2)
    assert asked[0].headers == {"login-account": "accountTypes/GOOGLE_ADS/accounts/9990001111"}
    listed = answer(200, {"code": 0, "data": {"list": [{"name": "A", "audience_id": "6"}]}})
    assert play(tiktok.destination.prepare("o", "a", "A", SETTINGS), listed)[1] == "6"


def wires(operation: str) -> list[tuple[Destination, list[Request]]]:
    """Every request that each channel makes of these people."""
    sent = {"p1": HEDWIG | {"email": "old.hedwig@example.com"}}
    sent = {} if operation == "add" else sent
    counts = answer(200, {"num_received": 1, "num_invalid_entries": 0})
    scripts: dict[tuple[Destination, str], list[Response]] = {
        (google.destination, "customer_match_members"): [TAKEN, DONE] * 2,
        (tiktok.destination, "custom_audience_members"): [UPLOADED, OK] * 2,
        (tiktok.destination, "streamed_members"): [OK] * 2,
        (linkedin.destination, "segment_users"): [users(200)] * 2,
        (meta.destination, "custom_audience_members"): [counts] * 2,
    }
    assert set(scripts) == {
        (channel, each.name)
        for channel in destinations()
        for each in channel.objects
        if each.hashed
    }, "an object that hashes is not shown to"
    return [
        (channel, converse(channel, operation, [HEDWIG, NOBODY], *script, name=name, **sent)[0])
        for (channel, name), script in scripts.items()
    ]


@pytest.mark.parametrize("operation", ["add", "change", "remove"])
def test_no_byte_that_leaves_names_a_person(operation: str) -> None:
    """But for what the vendor takes in clear alone: country and postcode, and device ids."""
    clear = {"google": {"postcode", "country"}, "meta": {"mobile_id"}}
    clear |= {"linkedin": {"google_aid", "country"}, "tiktok": set()}
    # Two letters, and digits that may be part of a hash, prove nothing.
    telling = [name for name in HEDWIG if name not in ("country", "gender")]
    for channel, asked in wires(operation):
        assert asked
        left = b"\n".join(
            request.path.encode()
            + (request.body or b"")
            + json.dumps(request.json, ensure_ascii=False).encode()
            + urlencode({**request.params, **(request.form or {})}).encode()
            for request in asked
        ).lower()
        assert re.search(rb"[0-9a-f]{64}", left)
        values = [HEDWIG[name] for name in telling if name not in clear[channel.slug]]
        words = ["hedwig", "gmail.com", "example.com", "oexample", "7946", "@", "%40", "sampleton"]
        for value in [*values, *words, "nobodysson", "1979", "old.hedwig"]:
            found = str(value).lower().encode()
            assert re.search(rb"(?<![0-9a-f])" + re.escape(found), left) is None, (
                channel.slug,
                value,
            )


def test_nobodys_consent_is_assumed_towards_google(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_ACCOUNT", "1234567890")
    with pytest.raises(ConnectionRefused, match="GOOGLE_CONSENT is not set"):
        connect("google", google.destination, "prod", frozenset({"prod"}), tmp_path)
