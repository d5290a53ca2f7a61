"""Dagster's real UI in a real browser: what is there, what it shows, and what it can start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType
from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from orchestration.local import dagster_home
from orchestration.run import run_daily
from tests.conftest import ROOT, Workspace
from tests.orchestration.conftest import environment, load_definitions

START_SECONDS = 120
SYNC = dg.AssetSelection.assets(["plans", "files_open_deals"], ["channels", "files_open_deals"])
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1600,1000",
)


@pytest.fixture(scope="module")
def url(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Dagster's web server, in a home where one sync has run."""
    workspace = built.copy(tmp_path_factory.mktemp("ui") / "home")
    with environment(workspace.environment):
        load_definitions()
        assert run_daily(SYNC).is_success
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with environment(workspace.environment):
        home = str(dagster_home())
    command = [str(Path(sys.executable).with_name("dagster")), "dev"]
    command += ["-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", str(port)]
    log = workspace.folder / "dagster.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **workspace.environment, "DAGSTER_HOME": home},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(server, f"{address}/server_info", log)
        with environment({**workspace.environment, "DAGSTER_HOME": home}):
            yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            # Started where SIGINT is ignored, in a shell's background, it ignores SIGTERM too.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.fixture(scope="module")
def browser(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that is closed before the server, which waits for whoever still looks at it."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


def test_the_graph_shows_the_layers(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/asset-groups")
    layers = ("raw", "staging", "intermediate", "marts", "segments", "activation", "channels")
    _wait_for(browser, *layers)
    _keep_screenshot(browser, "dagster_graph")


def test_the_channels_show_their_syncs(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/locations/orchestration.definitions/asset-groups/channels/list")
    _wait_for(browser, "files_open_deals", "Materialized", "hubspot_contacts", "once of each")
    _keep_screenshot(browser, "dagster_channels")


def test_a_sync_shows_its_figures(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/assets/channels/files_open_deals?view=events")
    _wait_for(browser, "acknowledged", "records_per_second", "accepted_percent", "39")
    _keep_screenshot(browser, "dagster_sync")


def test_a_plan_shows_what_the_guards_said(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/assets/plans/files_open_deals?view=checks")
    _wait_for(browser, "removed_fraction", "failed_tests", "stale_source")


def test_a_run_that_is_launched_here_finishes(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/assets/channels/files_open_deals")
    _wait_for(browser, "Materialize")
    _click(browser, "//button[contains(., 'Materialize')]")
    _wait_for(browser, "Launched run")
    browser.get(f"{url}/runs")
    _wait_until(browser, lambda text: text.count("Success") == 2)
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
        [run, _] = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        assert run.asset_selection == {dg.AssetKey(["channels", "files_open_deals"])}


def test_the_micro_batch_loop_is_there_to_be_switched_on(
    browser: webdriver.Chrome, url: str
) -> None:
    browser.get(f"{url}/locations/orchestration.definitions/sensors/changes")
    _wait_for(browser, "changes", "micro_batch", "instant has passed")
    assert not _switched_on(browser)


def test_the_schedule_is_switched_on(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/locations/orchestration.definitions/schedules/every_morning")
    _wait_for(browser, "every_morning", "daily")
    assert not _switched_on(browser)
    _click(browser, "//input[@type='checkbox']/..")
    _patience(browser).until(_switched_on)
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
        [state] = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
        assert (state.name, state.status) == ("every_morning", InstigatorStatus.RUNNING)


def _patience(browser: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    """Waits through what the page draws anew: an element that was found may be another's by now."""
    return WebDriverWait(
        browser,
        START_SECONDS,
        ignored_exceptions=[NoSuchElementException, StaleElementReferenceException],
    )


def _click(browser: webdriver.Chrome, path: str) -> None:
    def clicked(_: webdriver.Chrome) -> bool:
        browser.find_element(By.XPATH, path).click()
        return True

    _patience(browser).until(clicked)


def _switched_on(browser: webdriver.Chrome) -> bool:
    checkbox = (By.CSS_SELECTOR, "input[type=checkbox]")
    # In a list, as what is waited for has to be true and a switch may be off.
    [on] = _patience(browser).until(lambda _: [browser.find_element(*checkbox).is_selected()])
    return on


def _wait_for(browser: webdriver.Chrome, *words: str) -> None:
    _wait_until(browser, lambda text: all(word in text for word in words), *words)


def _wait_until(browser: webdriver.Chrome, holds: Callable[[str], bool], *words: str) -> None:
    last = ""

    def shown(_: webdriver.Chrome) -> bool:
        nonlocal last
        last = browser.find_element(By.TAG_NAME, "body").text
        return holds(last)

    try:
        _patience(browser).until(shown)
    except TimeoutException:
        pytest.fail(f"{words} not on:\n{last}")


def _keep_screenshot(browser: webdriver.Chrome, name: str) -> None:
    folder = os.environ.get("SEAMLINE_SCREENSHOTS")
    if folder:
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def _wait_until_up(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"dagster did not come up:\n{log.read_text()}")
