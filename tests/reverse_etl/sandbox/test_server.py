"""The sandbox itself: faults, memory across restarts, and doors that stay shut."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox import Sandbox, running_sandbox, serve
from reverse_etl.sandbox.shelf import running_at
from tests.reverse_etl.sandbox.arrivals import fill

ROW = {"sync": "orders", "run_id": "r", "records": [{"operation": "append", "key": "1"}]}


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


def deliver(running: Sandbox, key: str = "", **record: str) -> requests.Response:
    body = {**ROW, "records": [{**ROW["records"][0], **record}]}  # type: ignore[dict-item]
    headers = {"Idempotency-Key": key} if key else {}
    return requests.post(f"{running.url}/webhook", json=body, headers=headers, timeout=10)


def rows(running: Sandbox) -> int:
    return len(running.state("webhook")["records"].get("orders", {}))


def test_too_many_requests_say_when_to_come_back(running: Sandbox) -> None:
    running.fail("webhook", "rate_limit", times=2, retry_after=7)
    answers = [deliver(running) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"


def test_an_error_before_changes_nothing_and_one_after_everything(running: Sandbox) -> None:
    running.fail("webhook", "error_before")
    assert deliver(running).status_code == 500
    assert rows(running) == 0
    running.fail("webhook", "error_after")
    assert deliver(running).status_code == 500
    assert rows(running) == 1


def test_a_lost_connection_leaves_the_change_behind(running: Sandbox) -> None:
    running.fail("webhook", "disconnect")
    with pytest.raises(requests.ConnectionError):
        deliver(running)
    assert rows(running) == 1


def test_records_can_be_rejected_by_what_they_hold(running: Sandbox) -> None:
    running.fail("webhook", "reject", times=2, match="bad")
    assert deliver(running, key="good").status_code == 200
    answer = requests.post(
        f"{running.url}/webhook",
        json={
            **ROW,
            "records": [
                {"operation": "append", "key": "2"},
                {"operation": "append", "key": "bad"},
            ],
        },
        timeout=10,
    )
    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == [200, 422]


def test_a_slow_channel_takes_its_time(running: Sandbox) -> None:
    running.fail("webhook", "slow", seconds=0.3)
    started = time.monotonic()
    assert deliver(running).status_code == 200
    assert time.monotonic() - started >= 0.3


def test_faults_strike_the_channel_and_path_they_are_meant_for(running: Sandbox) -> None:
    running.fail("klaviyo", "error_before", path="import-errors")
    assert deliver(running).status_code == 200
    assert requests.get(f"{running.url}/klaviyo/api/lists", timeout=10).status_code == 401


def test_faults_are_planned_over_http_and_forgotten(running: Sandbox) -> None:
    url = f"{running.url}/_control/faults"
    planned = {"slug": "webhook", "kind": "rate_limit", "times": 5}
    assert requests.post(url, json=planned, timeout=10).status_code == 204
    assert deliver(running).status_code == 429
    assert requests.delete(url, timeout=10).status_code == 204
    assert deliver(running).status_code == 200


@pytest.mark.parametrize(
    "planned",
    [
        {"slug": "pigeon", "kind": "slow"},
        {"slug": "webhook", "kind": "rain"},
        {"slug": "webhook", "kind": "slow", "colour": "red"},
        {"kind": "slow"},
        "text",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(running: Sandbox, planned: object) -> None:
    answer = requests.post(f"{running.url}/_control/faults", json=planned, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_it_remembers_across_restarts(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as first:
        deliver(first, key="d1")
        before = {slug: first.state(slug) for slug in first.stand_ins}
    file = tmp_path / "sandbox.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with running_sandbox(tmp_path) as second:
        assert {slug: second.state(slug) for slug in second.stand_ins} == before
        assert deliver(second, key="d1").json() == {
            "message": "This delivery is known.",
            "repeated": True,
        }


def test_what_it_remembers_can_still_change(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as first:
        fill(first, tmp_path / "outbox")
        before = {slug: first.state(slug) for slug in first.stand_ins}
    with running_sandbox(tmp_path) as second:
        assert {slug: second.state(slug) for slug in second.stand_ins} == before
        fill(second, tmp_path / "outbox")
        after = {slug: second.state(slug) for slug in second.stand_ins}
    # Everything arrived again, at the places where it was.
    for slug in ("klaviyo", "meta"):
        sizes = [{name: audience["size"] for name, audience in state[slug]["audiences"].items()}
                 for state in (before, after)]  # fmt: skip
        assert sizes[0] == sizes[1]
    assert set(before["klaviyo"]["profiles"]) == set(after["klaviyo"]["profiles"])
    assert set(before["hubspot"]["contacts"]) == set(after["hubspot"]["contacts"])


def test_it_saves_while_it_runs(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as running:
        deliver(running)
        deadline = time.monotonic() + 10
        while not (tmp_path / "sandbox.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        saved = json.loads((tmp_path / "sandbox.json").read_text())
        assert "orders" in saved["webhook"]["records"]


def test_a_home_has_one_sandbox_at_a_time(tmp_path: Path) -> None:
    assert running_at(tmp_path) == ""
    with running_sandbox(tmp_path) as first:
        deliver(first, key="d1")
        assert running_at(tmp_path) == first.url
        with pytest.raises(SeamlineError, match=rf"open already at {first.url}"):
            Sandbox(tmp_path)
    assert running_at(tmp_path) == ""
    with running_sandbox(tmp_path) as second:
        assert deliver(second, key="d1").json()["repeated"]


def test_looking_changes_nothing_that_is_kept(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as first:
        deliver(first)
    file = tmp_path / "sandbox.json"
    file.write_text(kept := file.read_text() + "\n")
    with running_sandbox(tmp_path) as second:
        requests.get(second.url, timeout=10)
    assert file.read_text() == kept


@pytest.mark.parametrize("content", ["{broken", "[]", '{"pigeon": {}}', '{"meta": {}}'])
def test_a_broken_memory_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox.json").write_text(content)
    with pytest.raises(SeamlineError, match=r"sandbox\.json is not what the sandbox wrote"):
        Sandbox(tmp_path)


def test_it_saves_when_it_is_told_to_end(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (
        "from pathlib import Path; from reverse_etl.sandbox import serve; "
        f"serve('127.0.0.1', {port}, Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", command])
    try:
        until = time.monotonic() + 20
        while True:
            try:
                requests.post(f"http://127.0.0.1:{port}/webhook", json=ROW, timeout=10)
                break
            except requests.ConnectionError:
                assert time.monotonic() < until
                time.sleep(0.05)
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
    saved = json.loads((tmp_path / "sandbox.json").read_text())
    assert list(saved["webhook"]["records"]["orders"]) == ["1"]


def test_states_are_served_as_json(running: Sandbox) -> None:
    deliver(running)
    answer = requests.get(f"{running.url}/_state/webhook", timeout=10).json()
    assert answer == running.state("webhook")
    assert requests.get(f"{running.url}/_state/pigeon", timeout=10).status_code == 404
    health = requests.get(f"{running.url}/health", timeout=10).json()
    assert health["status"] == "ok"


def test_a_web_page_cannot_reach_it_under_another_name(running: Sandbox) -> None:
    headers = {"Host": "attacker.example.com"}
    answer = requests.get(f"{running.url}/_state/webhook", headers=headers, timeout=10)
    assert answer.status_code == 403


def test_it_listens_on_loopback_only_and_says_when_the_port_is_taken(running: Sandbox) -> None:
    with pytest.raises(SeamlineError, match=r"does not listen on 0\.0\.0\.0"):
        serve("0.0.0.0", 0, None)
    port = int(running.url.rsplit(":", 1)[1])
    with pytest.raises(SeamlineError, match="choose another port"):
        serve("127.0.0.1", port, None)
