"""The webhook's wire form, its signature, and a 207 that speaks for each record."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from reverse_etl.channel.batch import Mode, Operation
from reverse_etl.destinations.webhook import Webhook, destination, signature
from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import Wire, answer, batch, by_key, play, records

ORDER = {"order_id": "shop-1", "gross_amount": 59.9, "lines": [{"sku": "A"}]}


@pytest.mark.parametrize(
    ("operation", "mode", "word"),
    [
        ("add", "upsert", "upsert"),
        ("change", "mirror", "upsert"),
        ("remove", "mirror", "remove"),
        ("append", "append", "append"),
    ],
)
def test_the_golden_request(operation: Operation, mode: Mode, word: str) -> None:
    rows = records(operation, [ORDER])
    asked, verdicts = play(destination.converse(batch(rows, "records", mode)), answer(204))
    assert (asked[0].method, asked[0].path) == ("POST", "")
    assert dict(asked[0].headers) == {"Idempotency-Key": "run1-0001"}
    assert json.loads(asked[0].body or b"") == {
        "sync": "test_sync",
        "run_id": "run1",
        "records": [{"operation": word, "key": "p1", "fields": ORDER}],
    }
    assert verdicts[0].status == "acknowledged"


def test_the_token_is_sent_where_there_is_one() -> None:
    assert destination.headers({"TOKEN": "t"})["Authorization"] == "Bearer t"
    assert "Authorization" not in destination.headers({"TOKEN": ""})


def test_the_signature_is_the_one_of_the_standard() -> None:
    # The example printed in the Standard Webhooks specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_exact_bytes_are_signed() -> None:
    signing = Webhook(clock=lambda: 1_800_000_000.9)
    rows = records("append", [ORDER])
    conversation = signing.converse(batch(rows, "records", "append", SECRET="plain"))
    asked, _ = play(conversation, answer(200, {}))
    headers = asked[0].headers
    assert headers["webhook-id"] == "run1-0001"
    assert headers["webhook-timestamp"] == "1800000000"
    signed = b"run1-0001.1800000000." + (asked[0].body or b"")
    expected = base64.b64encode(hmac.new(b"plain", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_secret_that_is_no_base64_is_one_clear_error() -> None:
    with pytest.raises(SeamlineError, match="SECRET is not base64"):
        signature("whsec_%%%", "id", 1, b"")


def test_a_207_speaks_for_each_record() -> None:
    rows = records("append", [ORDER] * 5)
    results: list[dict[str, Any]] = [
        {"index": 4, "status": 503, "message": "busy"},
        {"index": 0, "status": 201},
        {"index": 1, "status": 422, "message": "ada@example.com is too long"},
        {"index": 2, "status": 429},
    ]
    answered = answer(207, {"results": results})
    _, verdicts = play(destination.converse(batch(rows, "records", "append")), answered)
    found = by_key(verdicts)
    statuses = [found[f"p{number}"].status for number in range(1, 6)]
    assert statuses == ["acknowledged", "rejected", "retry", "retry", "retry"]
    assert found["p2"].reason == "a***@example.com is too long"
    assert found["p4"].code == "no_verdict"


def test_a_repeated_delivery_is_applied_once(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    rows = records("append", [ORDER])
    for _ in range(2):
        wire.converse(batch(rows, "records", "append"))
    state = running.state("webhook")
    assert state["repeated"] == 0
    assert [entry["operation"] for entry in state["history"]] == ["append"]


def test_rows_are_kept_changed_and_removed(running: Sandbox) -> None:
    wire = Wire(destination, running.url)
    for number, (operation, fields) in enumerate(
        [("add", ORDER), ("change", {**ORDER, "gross_amount": 1}), ("remove", {})]
    ):
        a_batch = batch(records(operation, [fields]), "records", "mirror")
        wire.converse(type(a_batch)(**{**vars(a_batch), "batch_id": f"b{number}"}))
        held = running.state("webhook")["records"]["test_sync"]
        amounts = [row["fields"]["gross_amount"] for row in held.values()]
        assert amounts == [[59.9], [1], []][number]


TEMPLATE = json.dumps(
    {
        "event": "order_{{ operation }}",
        "id": "{{ key }}",
        "order": {"total": "{{ gross_amount }}", "lines": "{{ lines }}", "fixed": 1},
        "said": ["{{order_id}}: {{ gross_amount }}, {{ lines }}"],
    }
)


def test_a_document_has_the_shape_of_its_template_and_the_types_of_its_columns() -> None:
    hostile = {**ORDER, "order_id": 'x", "admin": "{{ gross_amount }}'}
    rows = records("append", [hostile])
    a_batch = batch(rows, "documents", "append", TEMPLATE=TEMPLATE, SECRET="plain")
    (asked,), (verdict,) = play(Webhook(clock=lambda: 5).converse(a_batch), answer(202))
    assert json.loads(asked.body or b"") == {
        "event": "order_append",
        "id": "p1",
        "order": {"total": 59.9, "lines": [{"sku": "A"}], "fixed": 1},
        "said": ['x", "admin": "{{ gross_amount }}: 59.9, [{"sku":"A"}]'],
    }
    assert asked.headers["Idempotency-Key"] == asked.headers["webhook-id"] == "run1-0001-p1"
    signed = signature("plain", "run1-0001-p1", 5, asked.body or b"")
    assert asked.headers["webhook-signature"] == signed
    assert verdict.status == "acknowledged"


def test_without_a_template_a_document_is_the_record() -> None:
    a_batch = batch(records("add", [ORDER]), "documents", "upsert")
    (asked,), _ = play(destination.converse(a_batch), answer(200))
    assert json.loads(asked.body or b"") == ORDER


def test_a_template_that_cannot_be_filled_is_said_to_be() -> None:
    rows = records("append", [ORDER, {**ORDER, "city": "Berlin"}])
    a_batch = batch(rows, "documents", "append", TEMPLATE='{"city": "{{ city }}"}')
    asked, verdicts = play(destination.converse(a_batch), answer(422, {"message": "no city"}))
    found = {key: (v.status, v.code) for key, v in by_key(verdicts).items()}
    assert found == {"p1": ("rejected", "unknown_column"), "p2": ("rejected", "http_422")}
    assert len(asked) == 1
    broken = batch(rows, "documents", "append", TEMPLATE="{city}")
    with pytest.raises(SeamlineError, match="TEMPLATE is no JSON"):
        play(destination.converse(broken))
