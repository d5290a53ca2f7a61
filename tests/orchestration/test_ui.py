"""Dagster's real UI in a real browser: the graph is there, by its layers and its names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from orchestration.local import dagster_home
from tests.conftest import ROOT, Workspace
from tests.orchestration.conftest import environment

START_SECONDS = 120
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
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Dagster's web server, in a home of its own."""
    workspace = Workspace(tmp_path_factory.mktemp("ui"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with environment(workspace.environment):
        home = str(dagster_home())
    command = [str(Path(sys.executable).with_name("dagster-webserver"))]
    command += ["-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", str(port)]
    log = workspace.folder / "webserver.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **workspace.environment, "DAGSTER_HOME": home},
            stdout=output,
            stderr=output,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(server, f"{address}/server_info", log)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
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
    browser.get(f"{url}/locations/orchestration.definitions/asset-groups/channels")
    _wait_for(browser, "hubspot_contacts", "klaviyo_audience_members", "webhook_orders")
    _keep_screenshot(browser, "dagster_channels")


def test_the_schedule_is_there_to_be_switched_on(browser: webdriver.Chrome, url: str) -> None:
    browser.get(f"{url}/locations/orchestration.definitions/schedules/every_morning")
    _wait_for(browser, "every_morning", "daily")


def _wait_for(browser: webdriver.Chrome, *words: str) -> None:
    def shown(_: webdriver.Chrome) -> bool:
        text = browser.find_element(By.TAG_NAME, "body").text
        return all(word in text for word in words)

    try:
        WebDriverWait(browser, START_SECONDS).until(shown)
    except TimeoutException:
        pytest.fail(f"{words} not on:\n{browser.find_element(By.TAG_NAME, 'body').text}")


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
    raise RuntimeError(f"dagster-webserver did not come up:\n{log.read_text()}")
