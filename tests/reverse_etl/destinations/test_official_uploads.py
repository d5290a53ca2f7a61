"""Meta's and Salesforce's Python clients as second judges of what is uploaded in bulk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from reverse_etl.channel.batch import Audience
from reverse_etl.channel.exchange import Request
from reverse_etl.destinations import meta, salesforce
from reverse_etl.destinations.salesforce.bulk import run_job
from tests.reverse_etl.destinations.driver import answer, batch, play, records
from tests.reverse_etl.destinations.golden import exchange_of, golden
from tests.reverse_etl.destinations.test_official_clients import case_of
from tests.reverse_etl.loopback import Asked, Loopback, Told, loopback

ADA = {
    "external_id": "person-1",
    "email": " Ada@Example.com",
    "phone": "+442079460958",
    "mobile_id": "6f1e3c52-8a11-4c0b-9f5e-0a1b2c3d4e5f",
    "gender": "Female",
    "date_of_birth": "1979-03-04",
    "first_name": "Ada",
    "last_name": "Example",
    "city": "Sampleton",
    "state": "ca",
    "postcode": "94035-1234",
    "country": "US",
}
# As the client wants them, in our order: each part by itself, the state by its code.
RAW = ["person-1", ADA["email"], ADA["phone"], "Female", "1979", "3", "4", "Ada", "Example",
       "Sampleton", "ca", "94035-1234", "US"]  # fmt: skip
KEYS = ["EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "FN", "LN", "CT", "ST",
        "ZIP", "COUNTRY"]  # fmt: skip
SESSION = {"session_id": 1, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 1}


@pytest.fixture
def graph() -> Iterator[Loopback]:
    with loopback(lambda asked: Told(200, {"num_received": 1})) as server:
        yield server


def parameters(asked: Asked) -> dict[str, Any]:
    """Parameters as Meta reads them, from the query string or the form."""
    found = dict(parse_qsl(asked.body.decode())) | asked.params
    return {name: json.loads(found[name]) for name in ("payload", "session") if name in found}


def ours(operation: Any, fields: dict[str, Any]) -> Request:
    rows = records(operation, [fields], p1=fields) if operation == "remove" else None
    rows = rows or records(operation, [fields])
    a_batch = batch(rows, "custom_audience_members", audience=Audience("a", "A", "23"))
    counts = answer(200, {"num_received": 1, "num_invalid_entries": 0})
    return play(meta.destination.converse(a_batch), counts)[0][0]


@pytest.mark.parametrize("operation", ["add", "remove"])
def test_meta_s_client_sends_the_rows_that_we_send(
    graph: Loopback, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("facebook_business", reason="facebook-business is not installed")
    from facebook_business.adobjects.customaudience import CustomAudience  # noqa: PLC0415
    from facebook_business.api import FacebookAdsApi  # noqa: PLC0415
    from facebook_business.session import FacebookSession  # noqa: PLC0415

    monkeypatch.setattr(FacebookSession, "GRAPH", graph.url)
    api = FacebookAdsApi.init(access_token="sandbox", api_version="v26.0", crash_log=False)
    audience = CustomAudience("23", api=api)
    adding = operation == "add"
    keys, raw = (KEYS, RAW) if adding else (KEYS[:3], RAW[:3])
    call = audience.add_users if adding else audience.remove_users
    call(keys, [raw], is_raw=True, session=SESSION)
    (asked,) = graph.asked
    # The client hashes device ids, against Meta's own documentation: they are compared elsewhere.
    fields = {name: value for name, value in ADA.items() if name != "mobile_id"}
    request = ours(operation, fields)
    assert (request.method, request.path) == (asked.method, asked.path)
    sent = json.loads(({**request.params, **(request.form or {})})["payload"])
    theirs = parameters(asked)
    # It says of hashes that they are raw, so that it may join keys; without it they are as well.
    assert theirs["payload"].pop("is_raw") is True
    assert sent == theirs["payload"]
    assert set(json.loads({**request.params, **(request.form or {})}["session"])) == set(SESSION)
    # The client puts the token where it is logged; we send it as a header, which Meta takes too.
    assert "sandbox" in json.dumps(asked.params) + asked.body.decode()
    assert "sandbox" not in json.dumps({**request.params, **(request.form or {})})


def test_meta_s_client_replaces_an_audience_as_we_do(
    graph: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("facebook_business", reason="facebook-business is not installed")
    from facebook_business.adobjects.customaudience import CustomAudience  # noqa: PLC0415
    from facebook_business.api import FacebookAdsApi  # noqa: PLC0415
    from facebook_business.session import FacebookSession  # noqa: PLC0415

    a_batch = batch(
        records("add", [{"email": ADA["email"]}]),
        "custom_audience_members",
        audience=Audience("a", "A", "23"),
    )
    counts = answer(200, {"num_received": 1, "num_invalid_entries": 0})
    (request,), outside = play(meta.destination.replace([a_batch], 1), counts)
    assert outside == []
    monkeypatch.setattr(FacebookSession, "GRAPH", graph.url)
    api = FacebookAdsApi.init(access_token="sandbox", api_version="v26.0", crash_log=False)
    form = {name: json.loads(value) for name, value in (request.form or {}).items()}
    CustomAudience("23", api=api).create_users_replace(params=form)
    (asked,) = graph.asked
    assert (request.method, request.path) == (asked.method, asked.path)
    assert parameters(asked) == form
    assert set(form["session"]) == set(SESSION)


@pytest.fixture
def salesforce_client() -> Iterator[tuple[Any, Loopback]]:
    pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")
    from simple_salesforce import Salesforce  # noqa: PLC0415

    with loopback(lambda asked: Told(200, {"id": "701", "records": []})) as server:
        client = Salesforce(instance_url=server.url, session_id="sandbox", version="62.0")
        client.base_url = client.base_url.replace("https://", "http://")
        yield client, server


COLLECTIONS = [
    ("Contact-upsert-add", 0, "composite/sobjects/Contact/Person_Id__c"),
    ("Contact-mirror-remove", 0, "composite/sobjects"),
    ("CampaignMember-audience-add", 0, "composite/sobjects"),
    ("CampaignMember-audience-change", 0, "composite/sobjects"),
    ("CampaignMember-audience-change", 2, "composite/sobjects"),
    ("CampaignMember-audience-remove", 0, "composite/sobjects"),
]


@pytest.mark.parametrize(
    ("name", "step", "path"), COLLECTIONS, ids=[f"{each[0]}-{each[1]}" for each in COLLECTIONS]
)
def test_salesforce_s_client_sends_collections_alike(
    salesforce_client: tuple[Any, Loopback], name: str, step: int, path: str
) -> None:
    """It knows no collections of its own; what it judges is address, method and authorisation."""
    client, server = salesforce_client
    case = case_of("salesforce", name)
    exchange = case.exchanges[step]
    content = {"json": exchange.content} if exchange.content is not None else {}
    client.restful(path, params=exchange.params, method=exchange.method, **content)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.params) == (
        exchange.method,
        exchange.path,
        exchange.params,
    )
    assert asked.json == exchange.content
    ours_says = case.channel.headers(case.settings)["Authorization"]
    assert asked.headers["authorization"] == ours_says


def test_salesforce_s_client_looks_and_makes_campaigns_alike(
    salesforce_client: tuple[Any, Loopback],
) -> None:
    client, server = salesforce_client
    written = golden("salesforce")
    (made,) = (each for each in written["prepare"] if each["label"] == "Best customers")
    look, make = map(exchange_of, made["exchanges"])
    describe = exchange_of(written["inspect"][0]["exchanges"][0])
    campaign, contact = client.Campaign, client.Contact
    for kind in (campaign, contact):
        kind.base_url = kind.base_url.replace("https://", "http://")
    client.query(look.params["q"])
    campaign.create(make.content)
    contact.describe()
    client.limits()
    found = [(asked.method, asked.path.rstrip("/")) for asked in server.asked]
    expected = [(each.method, each.path) for each in (look, make, describe)]
    assert found == [*expected, ("GET", "/services/data/v62.0/limits")]
    assert server.asked[0].params == look.params
    assert server.asked[1].json == make.content


JOB = {"id": "750", "state": "Open", "numberRecordsFailed": 0, "numberRecordsProcessed": 2}
DONE = JOB | {"state": "JobComplete"}
UPSERTED = [{"Person_Id__c": "person-1", "LastName": "Example"},
            {"Person_Id__c": "person-2", "LastName": 'Sample, "S"'}]  # fmt: skip
DELETED = [{"Id": "0035g00000AAAA1"}, {"Id": "0035g00000AAAA2"}]


@pytest.mark.parametrize(
    ("rows", "field"), [(UPSERTED, "Person_Id__c"), (DELETED, "")], ids=["upsert", "delete"]
)
def test_salesforce_s_client_runs_the_job_that_we_run(
    rows: list[dict[str, str]], field: str
) -> None:
    pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")
    from simple_salesforce import Salesforce  # noqa: PLC0415

    def vendor(asked: Asked) -> Told:
        if asked.method == "PUT":
            return Told(201)
        return Told(200, JOB if asked.method == "POST" else DONE)

    with loopback(vendor) as server:
        client = Salesforce(instance_url=server.url, session_id="sandbox", version="62.0")
        client.bulk2_url = client.bulk2_url.replace("https://", "http://")
        if field:
            client.bulk2.Contact.upsert(records=rows, external_id_field=field)
        else:
            client.bulk2.Contact.delete(records=rows)
        for kind in ("successful", "failed", "unprocessed"):
            getattr(client.bulk2.Contact, f"get_{kind}_records")("750")
        theirs = server.asked
    a_batch = batch(records("add", rows), "Contact", "upsert")
    known = {row[field or "Id"]: each for row, each in zip(rows, a_batch.records, strict=True)}
    conversation = run_job(a_batch, "/services/data/v62.0", known, rows, field)
    done = answer(200, DONE)
    asked, _ = play(conversation, answer(200, JOB), answer(201), done, done, *[answer(404)] * 3)
    # It polls once more, and has a capital where Salesforce's own documentation has none.
    steps = [
        (they.method, they.path.rstrip("/").replace("dRecords", "drecords")) for they in theirs
    ]
    assert [(request.method, request.path.rstrip("/")) for request in asked] == [
        step for place, step in enumerate(steps) if step != steps[place - 1]
    ]
    assert asked[0].json == {**theirs[0].json, "lineEnding": "LF"}
    assert theirs[0].json["columnDelimiter"] == asked[0].json["columnDelimiter"]
    tables = [list(csv.DictReader(io.StringIO(body.decode(), newline="")))
              for body in (asked[1].body or b"", theirs[1].body)]  # fmt: skip
    assert tables[0] == tables[1]  # the client writes columns in any order
    assert asked[2].json == theirs[2].json == {"state": "UploadComplete"}
    ours_says = salesforce.destination.headers({"TOKEN": "sandbox"})["Authorization"]
    assert {they.headers["authorization"] for they in theirs} == {ours_says}
