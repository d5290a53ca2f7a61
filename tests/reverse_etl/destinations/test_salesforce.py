"""Salesforce above the threshold: one job a batch, read to the last row; below it see golden."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from reverse_etl.channel.batch import Operation, Record
from reverse_etl.channel.exchange import Response
from reverse_etl.contract.project import Project
from reverse_etl.destinations.salesforce import LARGEST_IN_COLLECTIONS, destination
from tests.reverse_etl.destinations.driver import answer, batch, by_key, play
from tests.reverse_etl.world import World

JOBS = "/services/data/v62.0/jobs/ingest"
MANY = LARGEST_IN_COLLECTIONS + 1


def job(operation: Operation, *answers: Response) -> tuple[list[Any], dict[str, Any]]:
    def record(number: int) -> Record:
        fields = {"Person_Id__c": f"e{number}", "Fax": None, "Note": 'a "b"\n,', "Tags": ["x", "y"]}
        removing = operation == "remove"
        return Record(f"p{number}", operation, {} if removing else fields, f"003{number}")

    a_batch = batch([record(number) for number in range(MANY)], "Contact", "mirror",
                    VERSION="v62.0")  # fmt: skip
    object.__setattr__(a_batch, "match", ("Person_Id__c",))
    asked, verdicts = play(destination.converse(a_batch), *answers)
    return asked, by_key(verdicts)


def table(*rows: dict[str, str]) -> Response:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["sf__Id"])
    writer.writeheader()
    writer.writerows(rows)
    return Response(200, {"content-type": "text/csv"}, text.getvalue().encode())


CREATED = answer(200, {"id": "750", "state": "Open", "contentUrl": "ignored"})
UPLOADED = Response(201, {}, b"")


def state(name: str, **more: Any) -> Response:
    return answer(200, {"id": "750", "state": name, **more})


def test_a_large_batch_is_one_job_and_every_row_has_an_answer() -> None:
    good = [{"sf__Id": f"003{n}", "sf__Created": "true", "Person_Id__c": f"e{n}"}
            for n in range(3, MANY)]  # fmt: skip
    failed = [
        {"sf__Id": "", "sf__Error": "INVALID_EMAIL_ADDRESS:bad:Email --", "Person_Id__c": "e0"},
        {"sf__Id": "", "sf__Error": "UNABLE_TO_LOCK_ROW:locked:--", "Person_Id__c": "e1"},
    ]  # fmt: skip
    unprocessed = [{"Person_Id__c": "e2"}]
    asked, verdicts = job(
        "add",
        CREATED,
        UPLOADED,
        state("UploadComplete"),
        state("InProgress"),
        state("JobComplete"),
        table(*good),
        table(*failed),
        table(*unprocessed),
    )
    assert [(request.method, request.path) for request in asked] == [
        ("POST", JOBS),
        ("PUT", f"{JOBS}/750/batches"),
        ("PATCH", f"{JOBS}/750"),
        ("GET", f"{JOBS}/750"),
        ("GET", f"{JOBS}/750"),
        ("GET", f"{JOBS}/750/successfulResults/"),
        ("GET", f"{JOBS}/750/failedResults/"),
        ("GET", f"{JOBS}/750/unprocessedrecords/"),
    ]
    assert asked[0].json == {
        "object": "Contact",
        "operation": "upsert",
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
        "externalIdFieldName": "Person_Id__c",
    }
    assert [request.remembered for request in asked[:3]] == [True, True, True]
    uploaded = list(csv.DictReader(io.StringIO((asked[1].body or b"").decode(), newline="")))
    assert len(uploaded) == MANY
    assert uploaded[0] == {"Person_Id__c": "e0", "Fax": "#N/A", "Note": 'a "b"\n,', "Tags": "x;y"}
    assert asked[2].json == {"state": "UploadComplete"}
    assert (verdicts["p0"].status, verdicts["p0"].reason) == (
        "rejected",
        "Salesforce cannot read the e-mail address (bad:Email)",
    )
    assert [verdicts[key].code for key in ("p1", "p2")] == ["UNABLE_TO_LOCK_ROW", "unprocessed"]
    assert [verdicts[key].status for key in ("p1", "p2")] == ["retry", "retry"]
    assert (verdicts["p3"].status, verdicts["p3"].channel_id) == ("acknowledged", "0033")
    assert len(verdicts) == MANY


def test_many_are_deleted_by_their_own_ids() -> None:
    good = [{"sf__Id": f"003{number}", "Id": f"003{number}"} for number in range(MANY - 1)]
    asked, verdicts = job(
        "remove", CREATED, UPLOADED, state("UploadComplete"), state("JobComplete"),
        table(*good), table(), table(),
    )  # fmt: skip
    assert asked[0].json["operation"] == "delete"
    assert "externalIdFieldName" not in asked[0].json
    assert (asked[1].body or b"").startswith(b"Id\n0030\n0031\n")
    assert verdicts["p0"].status == "acknowledged"
    assert verdicts[f"p{MANY - 1}"].code == "no_result", "nothing was said of it"


@pytest.mark.parametrize("end", ["Failed", "Aborted"])
def test_a_job_that_ends_badly_leaves_its_records_waiting(end: str) -> None:
    message = {"errorMessage": "InvalidBatch : Field name not found : Fax"}
    _, verdicts = job("add", CREATED, UPLOADED, state("UploadComplete"), state(end, **message))
    assert {verdict.status for verdict in verdicts.values()} == {"retry"}
    assert "Field name not found" in verdicts["p0"].reason


def test_any_object_of_the_organisation_can_be_synced(world: World) -> None:
    world.declare("contacts", "upsert", destination="salesforce", object="Visit__c")
    sync = Project.load().sync("contacts")
    assert (sync.object.name, sync.object.limits.rows) == ("Visit__c", 50_000)


def test_an_audience_is_a_campaign_found_by_name_or_made() -> None:
    label = "Ada's best \\ customers"
    settings = {"VERSION": "v62.0"}
    preparation = destination.prepare("CampaignMember", "best", label, settings)
    asked, found = play(preparation, answer(200, {"records": []}), answer(201, {"id": "701"}))
    assert found == "701"
    assert asked[0].params["q"] == (
        "SELECT Id FROM Campaign WHERE Name = 'Ada\\'s best \\\\ customers' "
        "ORDER BY CreatedDate LIMIT 1"
    )
    assert (asked[1].json["Name"], asked[1].repeatable) == (label, False)
    preparation = destination.prepare("CampaignMember", "best", label, settings)
    assert play(preparation, answer(200, {"records": [{"Id": "702"}]}))[1] == "702"
