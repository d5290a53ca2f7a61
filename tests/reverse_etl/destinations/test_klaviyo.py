"""Klaviyo: lists are found or made, members join by import jobs and leave by list removal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reverse_etl.channel.batch import Audience
from reverse_etl.channel.exchange import Refused
from reverse_etl.conversation.polling import WAITS
from reverse_etl.destinations.klaviyo import destination
from reverse_etl.destinations.klaviyo.imports import JOBS
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import Wire, answer, batch, by_key, play, records

CART = {"items": [{"product_name": "Linen shirt", "quantity": 2, "unit_price": 39.0}]}
ADA = {"email": "ada@example.com", "first_name": "Ada", "properties": json.dumps(CART)}
GRACE = {"email": "grace@example.com", "first_name": "Grace", "phone_number": None}
LIST = Audience("abandoned_cart", "Abandoned cart", "L00001")


def job(status: str, failed: int = 0) -> Any:
    attributes = {"status": status, "failed_count": failed}
    return answer(200, {"data": {"id": "J1", "attributes": attributes}})


def test_the_golden_import() -> None:
    rows = records("add", [ADA, GRACE])
    conversation = destination.converse(batch(rows, "list_members", audience=LIST))
    asked, verdicts = play(conversation, job("queued"), job("processing"), job("complete"))
    assert [(request.method, request.path) for request in asked] == [
        ("POST", JOBS),
        ("GET", f"{JOBS}/J1"),
        ("GET", f"{JOBS}/J1"),
    ]
    assert [request.wait_before for request in asked] == [0.0, *WAITS[:2]]
    assert asked[0].json == {
        "data": {
            "type": "profile-bulk-import-job",
            "attributes": {
                "profiles": {
                    "data": [
                        {
                            "type": "profile",
                            "attributes": {
                                "email": "ada@example.com",
                                "first_name": "Ada",
                                "properties": CART,
                            },
                        },
                        {
                            "type": "profile",
                            "attributes": {"email": "grace@example.com", "first_name": "Grace"},
                        },
                    ]
                }
            },
            "relationships": {"lists": {"data": [{"type": "list", "id": "L00001"}]}},
        }
    }
    assert {verdict.status for verdict in verdicts} == {"acknowledged"}


def test_the_golden_headers() -> None:
    assert destination.headers({"TOKEN": "pk_1", "REVISION": "2026-07-15"}) == {
        "Authorization": "Klaviyo-API-Key pk_1",
        "revision": "2026-07-15",
        "Accept": "application/vnd.api+json",
        "Content-Type": "application/vnd.api+json",
    }


def test_the_golden_removal() -> None:
    rows = records(
        "remove", [{}, {}], p1={"email": "Ada@example.com"}, p2={"email": "x@example.com"}
    )
    found = {"id": "P1", "attributes": {"email": "ada@example.com"}}
    conversation = destination.converse(batch(rows, "list_members", audience=LIST))
    asked, verdicts = play(conversation, answer(200, {"data": [found]}), answer(204))
    look_up, removal = asked
    assert (look_up.method, look_up.path) == ("GET", "/api/profiles")
    assert look_up.params["filter"] == 'any(email,["ada@example.com","x@example.com"])'
    assert (removal.method, removal.path) == ("DELETE", "/api/lists/L00001/relationships/profiles")
    assert removal.json == {"data": [{"type": "profile", "id": "P1"}]}
    # Klaviyo does not know the second: nobody is left to remove.
    assert {verdict.status for verdict in verdicts} == {"acknowledged"}


def test_a_member_without_a_known_address_is_not_said_to_have_left() -> None:
    conversation = destination.converse(
        batch(records("remove", [{}]), "list_members", audience=LIST)
    )
    asked, verdicts = play(conversation)
    assert not asked
    assert (verdicts[0].status, verdicts[0].code) == ("rejected", "missing_email")


def test_a_cleared_column_is_cleared_on_change_but_never_an_identifier() -> None:
    fields = {"email": "ada@example.com", "first_name": None, "phone_number": None}
    rows = records("change", [fields], p1={"email": "ada@example.com"})
    conversation = destination.converse(batch(rows, "list_members", audience=LIST))
    asked, _ = play(conversation, job("queued"), job("complete"))
    sent = asked[0].json["data"]["attributes"]["profiles"]["data"][0]["attributes"]
    assert sent == {"email": "ada@example.com", "first_name": None}


@pytest.mark.parametrize("properties", ["[1]", "{broken", '{"$consent": "email"}'])
def test_properties_that_klaviyo_must_not_get_are_rejected(properties: str) -> None:
    rows = records("add", [{**ADA, "properties": properties}, GRACE])
    conversation = destination.converse(batch(rows, "list_members", audience=LIST))
    asked, verdicts = play(conversation, job("queued"), job("complete"))
    assert by_key(verdicts)["p1"].code == "bad_properties"
    assert by_key(verdicts)["p2"].status == "acknowledged"
    assert len(asked[0].json["data"]["attributes"]["profiles"]["data"]) == 1


def test_a_list_is_made_once_and_found_afterwards(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    made = wire.prepare("list_members", "abandoned_cart", 'Abandoned "cart", É')
    assert wire.prepare("list_members", "abandoned_cart", 'Abandoned "cart", É') == made
    assert list(running.state("klaviyo")["audiences"]) == ['Abandoned "cart", É']


def test_a_list_that_cannot_be_made_says_why() -> None:
    conversation = destination.prepare("list_members", "a", "A", {})
    error = {"errors": [{"code": "permission_denied", "detail": "Missing lists:write"}]}
    with pytest.raises(Refused, match="Missing lists:write"):
        play(conversation, answer(200, {"data": []}), answer(400, error))


def test_members_join_and_leave_and_no_subscription_is_touched(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare("list_members", "abandoned_cart", "Abandoned cart")
    wire.converse(batch(records("add", [ADA, GRACE]), "list_members", audience=audience))
    members = running.state("klaviyo")["audiences"]["Abandoned cart"]["members"]
    assert [member["email"] for member in members] == ["ada@example.com", "grace@example.com"]
    assert members[0]["properties"] == CART

    rows = records("remove", [{}], p1={"email": "ada@example.com"})
    found = wire.converse(batch(rows, "list_members", audience=audience))
    assert found["p1"].status == "acknowledged"
    state = running.state("klaviyo")
    left = [member["email"] for member in state["audiences"]["Abandoned cart"]["members"]]
    assert left == ["grace@example.com"]
    assert [entry["operation"] for entry in state["history"]] == [
        "create_list",
        "add",
        "add",
        "remove",
    ]
    assert not any(
        word in request.path_url for request in wire.sent for word in ("subscri", "suppr")
    )


def test_a_new_address_takes_the_place_of_the_old_one(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare("list_members", "abandoned_cart", "Abandoned cart")
    wire.converse(batch(records("add", [ADA]), "list_members", audience=audience))
    moved = {**ADA, "email": "ada.new@example.com"}
    rows = records("change", [moved], p1={"email": "ada@example.com"})
    wire.converse(batch(rows, "list_members", audience=audience))
    members = running.state("klaviyo")["audiences"]["Abandoned cart"]["members"]
    assert [member["email"] for member in members] == ["ada.new@example.com"]


def test_an_address_that_passes_to_another_member_stays(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare("list_members", "abandoned_cart", "Abandoned cart")
    wire.converse(batch(records("add", [ADA, GRACE]), "list_members", audience=audience))
    swapped = [{**ADA, "email": "grace@example.com"}, {**GRACE, "email": "new@example.com"}]
    sent = {"p1": {"email": "ada@example.com"}, "p2": {"email": "grace@example.com"}}
    rows = records("change", swapped, **sent)
    wire.converse(batch(rows, "list_members", audience=audience))
    members = running.state("klaviyo")["audiences"]["Abandoned cart"]["members"]
    assert {member["email"] for member in members} == {"grace@example.com", "new@example.com"}


def test_more_import_errors_than_a_page_holds_are_all_read(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    audience = wire.prepare("list_members", "a", "A")
    rows = [{"email": f"p{n}@example.com", "phone_number": "123"} for n in range(150)]
    rows.append(dict(ADA))
    found = wire.converse(batch(records("add", rows), "list_members", audience=audience))
    assert sum(verdict.status == "rejected" for verdict in found.values()) == 150
    assert found["p151"].status == "acknowledged"
    assert found["p1"].reason.startswith("Klaviyo cannot take a value (Invalid phone number format")


def test_errors_that_name_nobody_refuse_the_batch() -> None:
    rows = records("add", [ADA, GRACE])
    error = {"code": "invalid", "detail": "Something", "source": {}, "original_payload": None}
    page = answer(200, {"data": [{"attributes": error}], "links": {}})
    conversation = destination.converse(batch(rows, "list_members", audience=LIST))
    with pytest.raises(Refused, match="Something"):
        play(conversation, job("queued"), job("complete", failed=1), page)


def test_an_import_that_never_ends_leaves_its_records_waiting() -> None:
    conversation = destination.converse(batch(records("add", [ADA]), "list_members", audience=LIST))
    asked, verdicts = play(conversation, *[job("processing")] * (len(WAITS) + 1))
    assert (verdicts[0].status, verdicts[0].code) == ("retry", "still_processing")
    assert 500 < sum(request.wait_before for request in asked) < 700


def test_a_cancelled_import_waits() -> None:
    conversation = destination.converse(batch(records("add", [ADA]), "list_members", audience=LIST))
    _, verdicts = play(conversation, job("queued"), job("cancelled"))
    assert (verdicts[0].status, verdicts[0].code) == ("retry", "cancelled")
