"""Alerts, posted to a real HTTP server: what happened, what to do next, and never the address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from orchestration.alert_webhook import ADDRESS, AlertNotDeliveredError
from orchestration.defs.alerts import build_alerts
from orchestration.follower import Followed, RefusedFile
from orchestration.troubles import Troubles
from reverse_etl.errors import SeamlineError
from reverse_etl.sync import SyncResult

SECRET = "T0SECRET"


@dataclass
class Webhook:
    """What was posted, and what is answered; the last answer stands."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    posted: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    found = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.posted.append(json.loads(body))
            status = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
    monkeypatch.setenv(ADDRESS, found.url)
    yield found
    server.shutdown()
    server.server_close()


@dg.asset(key=["warehouse_step"])
def warehouse_step() -> None:
    raise dg.Failure("refused: removed_fraction\nto send anyway: seamline sync --override x")


def _rejecting(rejected: int, fraction: float) -> dg.AssetsDefinition:
    key = dg.AssetKey(["channels", "hubspot_contacts"])

    @dg.multi_asset(
        specs=[dg.AssetSpec(key)], check_specs=[dg.AssetCheckSpec("records_accepted", asset=key)]
    )
    def sync() -> Iterator[Any]:
        yield dg.MaterializeResult(asset_key=key)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name="records_accepted",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "rejected": rejected,
                "rejected_fraction": fraction,
                "rejections": dg.MetadataValue.md("| INVALID_EMAIL | 7 |"),
            },
        )

    return sync


def _alert(asset: dg.AssetsDefinition, sensor: str) -> Any:
    """Run the asset for real, and hand the run to the sensor as Dagster's daemon does."""
    sensors = {each.name: each for each in build_alerts()}
    with dg.instance_for_test() as instance:
        ran = dg.materialize([asset], instance=instance, raise_on_error=False)
        ended = {dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE}
        [entry] = instance.all_logs(ran.run_id, of_type=ended)
        assert entry.dagster_event
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor,
            dagster_event=entry.dagster_event,
            dagster_instance=instance,
            dagster_run=ran.dagster_run,
        )
        if sensor == "alert_of_failures":
            context = context.for_run_failure()
        return sensors[sensor](context)


def test_a_failure_says_why_and_what_to_do_next(webhook: Webhook) -> None:
    _alert(warehouse_step, "alert_of_failures")
    [message] = webhook.posted
    assert "failed" in message["text"]
    assert "to send anyway: seamline sync --override x" in message["text"]
    assert "http://127.0.0.1:3000/runs/" in message["text"]


def test_many_rejections_of_a_good_run_are_told(webhook: Webhook) -> None:
    _alert(_rejecting(7, 0.07), "alert_of_rejections")
    [message] = webhook.posted
    assert "*hubspot_contacts*: the channel rejected 7 records (7.0%)" in message["text"]
    assert "INVALID_EMAIL" in message["text"]
    assert "seamline status --select hubspot_contacts" in message["text"]


def test_a_few_rejections_are_no_alert(webhook: Webhook) -> None:
    assert isinstance(_alert(_rejecting(1, 0.01), "alert_of_rejections"), dg.SkipReason)
    assert webhook.posted == []


def test_a_moment_s_trouble_is_waited_out(webhook: Webhook) -> None:
    webhook.answers = [503, 429, 200]
    _alert(warehouse_step, "alert_of_failures")
    assert len(webhook.posted) == 3


@pytest.mark.parametrize("status", [404, 500])
def test_an_alert_that_is_not_taken_is_an_error_without_the_address(
    webhook: Webhook, status: int
) -> None:
    webhook.answers = [status]
    with pytest.raises(AlertNotDeliveredError) as error:
        _alert(warehouse_step, "alert_of_failures")
    assert str(status) in str(error.value)
    assert SECRET not in str(error.value)


def test_nobody_listening_is_an_error_without_the_address(
    monkeypatch: pytest.MonkeyPatch, webhook: Webhook
) -> None:
    monkeypatch.setenv(ADDRESS, f"http://127.0.0.1:9/{SECRET}")
    with pytest.raises(AlertNotDeliveredError) as error:
        _alert(warehouse_step, "alert_of_failures")
    assert SECRET not in str(error.value)


def test_without_an_address_the_alerts_are_off_and_say_how_to_switch_them_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    told = _alert(warehouse_step, "alert_of_failures")
    assert ADDRESS in str(told.skip_message)
    stopped = dg.DefaultSensorStatus.STOPPED
    assert {sensor.default_status for sensor in build_alerts()} == {stopped}


def _batch(*syncs: SyncResult, refused: str = "") -> Followed:
    files = (RefusedFile(("raw_shop", "events"), refused),) if refused else ()
    return Followed(datetime(2026, 3, 1), 1, 1, (), 0.1, syncs, files, 1.0)


def _went(status: str, error: str = "") -> SyncResult:
    return SyncResult("r1", "klaviyo_vips", "klaviyo", status, error=error)


def test_the_trouble_of_a_micro_batch_is_told_once_and_again_after_it_was_over(
    webhook: Webhook,
) -> None:
    troubles, down = Troubles(), _batch(_went("failed", "the channel is down"))
    [told] = troubles.tell(down)
    [message] = webhook.posted
    assert message["text"] == f"Seamline: a micro-batch is in trouble.\n\n{told}"
    assert "*klaviyo_vips* failed: the channel is down" in told
    # A file that is broken says nothing of the channel, nor does a batch that sends nothing.
    assert troubles.tell(_batch(refused="orders.jsonl: line 3")) == ["orders.jsonl: line 3"]
    assert troubles.tell(_batch()) == []
    assert troubles.tell(down) == []
    assert troubles.tell(_batch(_went("done"))) == []
    assert troubles.tell(down) == [told]
    assert len(webhook.posted) == 3


def test_a_batch_that_fails_as_a_whole_is_told_once(webhook: Webhook) -> None:
    troubles = Troubles()
    assert troubles.tell(SeamlineError("no room")) == ["no room"]
    assert troubles.tell(SeamlineError("no room")) == []
    assert troubles.tell(_batch()) == []
    assert troubles.tell(SeamlineError("no room")) == ["no room"]
    assert len(webhook.posted) == 2


def test_a_trouble_of_which_nobody_could_be_alerted_says_so(webhook: Webhook) -> None:
    webhook.answers = [404]
    told = Troubles().tell(_batch(_went("failed", "the channel is down")))
    assert told[1].startswith("Nobody was alerted: ")
    assert "404" in told[1]
    assert SECRET not in told[1]
