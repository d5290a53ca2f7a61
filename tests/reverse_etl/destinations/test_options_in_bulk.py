"""Zendesk and Salesforce keep to a sync's options by looking many records up at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reverse_etl.channel.batch import Batch, Options, Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.destinations import salesforce, zendesk
from tests.reverse_etl.destinations.driver import answer, batch, by_key, play

KEPT = ("edits_kept", "left as edited at the channel: phone")
SHOWN = {"id": 901, "external_id": "ADA", "email": "ada@example.com", "phone": "1", "name": "A."}


def users(*names: str) -> list[Record]:
    return [Record(n, "add", {"external_id": n, "name": n.title(), "phone": "2"}) for n in names]


def asked_of_zendesk(
    options: Options, records: list[Record], *answers: Response
) -> tuple[list[Request], dict[str, Verdict]]:
    a_batch = replace(batch(records, "users", "upsert", EMAIL="a@example.com"), options=options)
    asked, verdicts = play(zendesk.destination.converse(a_batch), *answers)
    return asked, by_key(verdicts)


@pytest.mark.parametrize(
    ("options", "how", "sent", "left"),
    [
        (Options(update_only=True), "PUT update_many", ["ada"], {"ben": "absent"}),
        (Options(create_only=True), "POST create_many", ["ben"], {"ada": "exists"}),
        (Options(keep_edits=("phone",)), "POST create_or_update_many", ["ada", "ben"], {}),
    ],
    ids=["update_only", "create_only", "keep_edits"],
)
def test_zendesk_is_asked_for_all_at_once_and_told_of_the_others(
    options: Options, how: str, sent: list[str], left: dict[str, str]
) -> None:
    results = [{"index": place, "id": 901 + place} for place in range(len(sent))]
    done = {"job_status": {"id": "J1", "status": "completed", "results": results}}
    asked, found = asked_of_zendesk(
        options,
        users("ada", "ben"),
        answer(200, {"users": [SHOWN]}),
        answer(200, {"job_status": {"id": "J1", "status": "queued"}}),
        answer(200, done),
    )
    look, write, _ = asked
    assert (look.method, look.path) == ("GET", "/api/v2/users/show_many.json")
    assert look.params == {"external_ids": "ada,ben"}
    method, name = how.split()
    assert (write.method, write.path) == (method, f"/api/v2/users/{name}.json")
    assert [each["external_id"] for each in write.json["users"]] == sent
    assert {key: v.code for key, v in found.items() if v.status == "skipped"} == left
    taken = [key for key, verdict in found.items() if verdict.status == "acknowledged"]
    assert sorted(taken) == sent
    if options.keep_edits:
        ada, ben = write.json["users"]
        assert "phone" not in ada and ben["phone"] == "2"
        assert (found["ada"].code, found["ada"].reason) == KEPT


def test_zendesk_tells_edits_of_an_accounts_own_fields() -> None:
    record = Record("ada", "add", {"external_id": "ada", "tier": "gold", "points": 5})
    done = {"job_status": {"id": "J1", "status": "completed", "results": [{"id": 901}]}}
    asked, found = asked_of_zendesk(
        Options(keep_edits=("tier", "points")),
        [record],
        answer(200, {"users": [SHOWN | {"user_fields": {"tier": "silver", "points": 5.0}}]}),
        answer(200, {"job_status": {"id": "J1", "status": "queued"}}),
        answer(200, done),
    )
    (user,) = asked[1].json["users"]
    assert user["user_fields"] == {"points": 5}
    assert found["ada"].reason == "left as edited at the channel: tier"


def test_who_has_no_external_id_is_not_looked_up_by_a_search_that_lags() -> None:
    nameless = Record("cem", "add", {"email": "cem@example.com"})
    asked, found = asked_of_zendesk(Options(create_only=True), [nameless])
    assert not asked
    assert (found["cem"].code, found["cem"].is_permanent) == ("no_external_id", True)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"null", b"[]"])
def test_where_nobody_tells_who_is_there_nobody_is_written(body: bytes) -> None:
    told = Response(200, {"content-type": "text/html"}, body)
    asked, found = asked_of_zendesk(Options(create_only=True), users("ada"), told)
    assert len(asked) == 1 and found["ada"].status == "retry"
    asked, found = asked_of_salesforce(Options(create_only=True), ["ada"], told)
    assert len(asked) == 1 and found["ada"].status == "retry"


def asked_of_salesforce(
    options: Options, names: list[str], *answers: Response
) -> tuple[list[Request], dict[str, Verdict]]:
    records = [
        Record(n, "add", {"Person_Id__c": n, "Interests__c": ["a", "b"], "phone": "2"})
        for n in names
    ]
    a_batch: Batch = replace(
        batch(records, "Contact", "upsert", VERSION="v62.0"),
        options=options,
        match=("Person_Id__c",),
    )
    asked, verdicts = play(salesforce.destination.converse(a_batch), *answers)
    return asked, by_key(verdicts)


def page(*rows: dict[str, Any], done: bool = True) -> Response:
    return answer(200, {"totalSize": len(rows), "done": done, "records": list(rows)})


def test_salesforce_is_asked_in_queries_that_an_address_has_room_for() -> None:
    names = [f"person-{number:04}-{'x' * 30}" for number in range(300)]
    written = [
        answer(200, [{"id": f"003{n}", "success": True, "errors": []} for n in range(count)])
        for count in (200, 100)
    ]
    asked, found = asked_of_salesforce(
        Options(keep_edits=("phone",)), names, *[page()] * 3, *written
    )
    queries = [request.params["q"] for request in asked if request.method == "GET"]
    assert len(queries) == 3 and max(map(len, queries)) < 8_000
    assert sum(query.count("person-") for query in queries) == 300
    assert {verdict.status for verdict in found.values()} == {"acknowledged"}


def test_salesforces_edits_are_told_from_what_it_shows_otherwise() -> None:
    held = {"Id": "0031", "Person_Id__c": "ADA", "Interests__c": "a;b", "phone": "1"}
    options = Options(keep_edits=("Interests__c", "phone"))
    done = answer(200, [{"id": "0031", "success": True, "errors": []}])
    asked, found = asked_of_salesforce(options, ["ada"], page(held), done)
    (row,) = asked[1].json["records"]
    assert row["Interests__c"] == ["a", "b"] and "phone" not in row
    assert (found["ada"].code, found["ada"].reason) == KEPT


def test_a_page_of_more_is_no_answer() -> None:
    asked, found = asked_of_salesforce(Options(update_only=True), ["ada"], page(done=False))
    assert len(asked) == 1 and found["ada"].status == "retry"
