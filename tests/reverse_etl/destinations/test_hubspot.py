"""HubSpot: golden requests, verdicts by trace id, contacts that move to another address."""

from __future__ import annotations

import pytest

from reverse_etl.channel.exchange import Refused
from reverse_etl.destinations.hubspot import destination, property_value
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import Wire, answer, batch, by_key, play, records

UPSERT = "/crm/v3/objects/contacts/batch/upsert"
ADA = {"email": "Ada@example.com", "firstname": "Ada", "seamline_order_count": 3}


def result(key: str, contact: str, email: str) -> dict[str, object]:
    return {"id": contact, "objectWriteTraceId": key, "properties": {"email": email}}


def test_the_golden_upsert() -> None:
    rows = records("add", [ADA])
    taken = answer(200, {"results": [result("p1", "101", "ada@example.com")]})
    asked, verdicts = play(destination.converse(batch(rows, "contacts", "upsert")), taken)
    assert [(request.method, request.path) for request in asked] == [("POST", UPSERT)]
    assert asked[0].json == {
        "inputs": [
            {
                "id": "ada@example.com",
                "idProperty": "email",
                "objectWriteTraceId": "p1",
                "properties": {
                    "email": "Ada@example.com",
                    "firstname": "Ada",
                    "seamline_order_count": "3",
                },
            }
        ]
    }
    assert by_key(verdicts)["p1"].channel_id == "101"
    assert destination.headers({"TOKEN": "t"})["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (12.5, "12.5"),
        (["a", "b"], "a;b"),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_property_values_are_text(value: object, text: str) -> None:
    assert property_value(value) == text


def test_answers_are_matched_by_trace_id_whatever_their_order() -> None:
    rows = records("add", [{"email": f"{name}@example.com"} for name in ("a", "b", "c")])
    answered = answer(
        207,
        {
            "results": [result("p3", "103", "c@example.com")],
            "numErrors": 1,
            "errors": [
                {
                    "category": "VALIDATION_ERROR",
                    "message": 'Property values were not valid: [{"message":"It is too long"}]',
                    "context": {"objectWriteTraceId": ["p1"]},
                }
            ],
        },
    )
    _, verdicts = play(destination.converse(batch(rows, "contacts", "upsert")), answered)
    found = by_key(verdicts)
    assert (found["p1"].status, found["p1"].code) == ("rejected", "VALIDATION_ERROR")
    assert found["p1"].reason == "A value does not fit its property (It is too long)"
    assert found["p2"].status == "retry"
    assert (found["p3"].status, found["p3"].channel_id) == ("acknowledged", "103")


def test_errors_that_name_addresses_find_their_records() -> None:
    rows = records("add", [{"email": "a@example.com"}, {"email": "b@example.com"}])
    error = {"category": "X", "message": "no", "context": {"ids": ["B@example.com"]}}
    unnamed = {"id": "101", "properties": {"email": "a@example.com"}}
    answered = answer(207, {"results": [unnamed], "errors": [error]})
    _, verdicts = play(destination.converse(batch(rows, "contacts", "upsert")), answered)
    assert [by_key(verdicts)[key].status for key in ("p1", "p2")] == ["acknowledged", "rejected"]


def test_a_new_address_moves_the_contact_and_leaves_no_orphan(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    before = wire.converse(batch(records("add", [ADA]), "contacts", "upsert"))
    moved = {**ADA, "email": "ada.new@example.com"}
    rows = records("change", [moved], p1={"email": "ada@example.com"})
    after = wire.converse(batch(rows, "contacts", "upsert"))
    assert after["p1"].channel_id == before["p1"].channel_id
    contacts = running.state("hubspot")["contacts"].values()
    assert [contact["properties"]["email"] for contact in contacts] == ["ada.new@example.com"]


def test_a_move_whose_answer_got_lost_is_repeated_safely(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    others = [{"email": "grace@example.com", "firstname": "Grace"}]
    wire.converse(batch(records("add", [ADA, *others]), "contacts", "upsert"))
    moved = {**ADA, "email": "ada.new@example.com", "firstname": "Augusta"}
    rows = records("change", [moved], p1={"email": "ada@example.com"})
    for _ in range(2):
        found = wire.converse(batch(rows, "contacts", "upsert"))
        assert found["p1"].status == "acknowledged"
    emails = [c["properties"]["email"] for c in running.state("hubspot")["contacts"].values()]
    assert emails == ["ada.new@example.com", "grace@example.com"]


def test_one_address_twice_in_a_batch_is_sent_once(running: Sandbox) -> None:
    rows = records("add", [ADA, {"email": "ADA@example.com", "firstname": "Other"}])
    found = Wire(destination, running.url).converse(batch(rows, "contacts", "upsert"))
    assert [found["p1"].status, found["p2"].status] == ["acknowledged", "rejected"]
    assert found["p2"].code == "repeated_email"


def test_a_deal_is_not_sent_without_the_property_that_finds_it() -> None:
    rows = records("add", [{"dealname": "A deal"}])
    asked, verdicts = play(destination.converse(batch(rows, "deals", "upsert")))
    assert not asked
    assert by_key(verdicts)["p1"].code == "no_unique_property"


def test_no_consent_property_is_written() -> None:
    rows = records("add", [{**ADA, "hs_email_optout": False}])
    asked, verdicts = play(destination.converse(batch(rows, "contacts", "upsert")))
    assert not asked
    assert by_key(verdicts)["p1"].code == "consent_property"


def test_a_refused_batch_keeps_hubspots_words() -> None:
    body = {"category": "VALIDATION_ERROR", "message": "Property nope does not exist"}
    conversation = destination.converse(batch(records("add", [ADA]), "contacts", "upsert"))
    with pytest.raises(Refused, match=r"VALIDATION_ERROR: A value .* \(Property nope does"):
        play(conversation, answer(400, body))
