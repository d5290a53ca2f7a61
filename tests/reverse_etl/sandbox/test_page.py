"""The page, looked at in a real browser: what a marketer would see, and what nobody should."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.reverse_etl.sandbox.arrivals import fill

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1800",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("home")
    with running_sandbox(home) as sandbox:
        fill(sandbox, home / "outbox")
        yield sandbox


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("there is no Chromium with its driver on this machine")
    from selenium import webdriver  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def texts(element: Any, selector: str) -> list[str]:
    return [found.text for found in element.find_elements("css selector", selector)]


def card(browser: Any, section: str, title: str) -> Any:
    for found in browser.find_elements("css selector", f"#{section} article"):
        if found.find_element("css selector", "h3").text.startswith(title):
            return found
    raise AssertionError(f"there is no card {title}")


def test_it_says_plainly_that_it_is_a_stand_in(browser: Any, running: Sandbox) -> None:
    browser.get(running.url)
    banner = browser.find_element("css selector", "[role=note]")
    assert banner.is_displayed()
    assert "This is a stand-in" in banner.text
    assert browser.title == "Seamline sandbox"
    channels = ["Klaviyo", "Meta", "HubSpot", "Salesforce", "Webhook", "CSV drop"]
    assert texts(browser, "h2") == channels
    assert texts(browser, ".tiles strong") == ["6", "2", "1", "1", "8", "1"]


def test_an_audience_shows_its_size_its_changes_and_the_cart(
    browser: Any, running: Sandbox
) -> None:
    browser.get(running.url)
    cart = card(browser, "klaviyo", "Abandoned cart")
    assert texts(cart, ".size") == ["6 members"]
    facts = cart.find_element("css selector", ".facts").text
    assert "7 joined, 1 left. Last changed" in facts
    first = cart.find_elements("css selector", "tbody tr")[0]
    assert texts(first, "td")[:2] == ["b•••@example.com", "Ben E."]
    items = texts(first, ".items li")
    # A product's name is text, whatever is in it.
    assert [line.split() for line in items] == [
        ["2", "×", "Linen", "<b>shirt</b>", "39.00"],
        ["1", "×", "Canvas", "tote", "24.50"],
    ]
    assert "Cart value 1,102.50" in first.text.replace("\n", " ")
    assert "31 Oct 2026, 18:20" in first.text
    assert texts(cart, ".leavers")[0].startswith("Left last: a•••@example.com")
    # What another list brought to the same profile is shown with that list.
    assert "Cart value" not in card(browser, "klaviyo", "New customers").text


def test_an_event_shows_whom_it_is_of_and_what_a_message_can_say(
    browser: Any, running: Sandbox
) -> None:
    browser.get(running.url)
    reminders = card(browser, "klaviyo", "Cart reminder")
    assert texts(reminders, ".size") == ["2 events"]
    first = reminders.find_elements("css selector", "tbody tr")[0]
    assert texts(first, "td")[0] == "b•••@example.com"
    assert "Cart value 1,102.50" in first.text.replace("\n", " ")


def test_meta_shows_hashes_only(browser: Any, running: Sandbox) -> None:
    browser.get(running.url)
    rows = card(browser, "meta", "Best customers").find_elements("css selector", "tbody tr")
    assert len(rows) == 2
    assert len(set(texts(rows[0], "code"))) == 5


def test_tables_of_contacts_orders_and_files(browser: Any, running: Sandbox) -> None:
    browser.get(running.url)
    contact = texts(card(browser, "hubspot", "Contacts"), "td")
    assert contact == ["a•••@example.com", "Ada E.", "+44•••58", "51.20"]
    orders = card(browser, "webhook", "Test sync")
    assert texts(orders, "td")[:2] == ["shop-7", "59.90"]
    orders.find_element("css selector", "summary").click()
    assert texts(orders, "details td")[-2:] == ["shop-0", "59.90"]
    assert texts(card(browser, "files", "test_sync.csv"), "td") == ["d1", "12000.5"]


def test_a_campaign_shows_its_members(browser: Any, running: Sandbox) -> None:
    browser.get(running.url)
    campaign = card(browser, "salesforce", "The club's VIPs")
    assert texts(campaign, ".size") == ["1 member"]
    (contact,) = running.state("salesforce")["records"]["Contact"]
    assert texts(campaign, "td") == [contact, "Sent"]
    cells = texts(card(browser, "salesforce", "Contact"), "td")
    assert cells == [contact, "p1", "Example", "a•••@example.com"]


def test_addresses_are_shown_on_request_only(browser: Any, running: Sandbox) -> None:
    assert "ben@example.com" not in requests.get(running.url, timeout=10).text
    browser.get(running.url)
    browser.find_element("link text", "Show addresses").click()
    assert "ben@example.com" in browser.page_source
    assert browser.find_element("link text", "Mask addresses").is_displayed()


def test_it_refreshes_itself_when_asked_to(browser: Any, running: Sandbox) -> None:
    browser.get(running.url)
    assert not browser.find_elements("css selector", "meta[http-equiv=refresh]")
    browser.find_element("link text", "Refresh every 10 seconds").click()
    refresh = browser.find_element("css selector", "meta[http-equiv=refresh]")
    assert refresh.get_attribute("content") == "10"
    browser.find_element("link text", "Stop refreshing").click()
    assert not browser.find_elements("css selector", "meta[http-equiv=refresh]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_by_day_and_by_night(browser: Any, running: Sandbox, scheme: str) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    browser.get(running.url)
    for selector in ("header p", ".banner p", ".facts", "td", "th", "dt", ".actions a", ".left"):
        element = browser.find_element("css selector", selector)
        assert contrast(browser, element) >= 4.5, selector


def test_nothing_comes_from_elsewhere(running: Sandbox) -> None:
    page = requests.get(running.url, timeout=10).text
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page


def contrast(browser: Any, element: Any) -> float:
    """The contrast ratio of WCAG between an element's text and the ground it stands on."""
    ink, ground = browser.execute_script(
        """
        let ground = arguments[0];
        const clear = colour => colour === 'rgba(0, 0, 0, 0)';
        while (clear(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
        return [getComputedStyle(arguments[0]).color, getComputedStyle(ground).backgroundColor];
        """,
        element,
    )
    levels = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (levels[0] + 0.05) / (levels[1] + 0.05)


def luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour.split("(")[1].rstrip(")").split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_an_empty_sandbox_says_what_to_do() -> None:
    with running_sandbox() as empty:
        page = requests.get(empty.url, timeout=10).text
    assert page.count("Nothing has arrived yet.") == 4
    assert "CSV drop" not in page and "Salesforce" not in page
