"""Settings, install, health and glance mode, on a market that stands still."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Still
from tests.browser.fingers import Fingers
from tests.browser.test_glance import go
from tests.browser.test_pictures import take


def open_settings(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("link", name="Settings, install, health").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_settings_change_the_look_at_once_and_are_kept(still_page: Page, complaints: list[str]) -> None:
    open_settings(still_page)
    still_page.get_by_role("button", name="Colour-blind").click()
    still_page.get_by_role("button", name="True black").click()
    still_page.get_by_role("button", name="Left", exact=True).click()
    root = still_page.locator("html")
    expect(root).to_have_attribute("data-colours", "cvd")
    expect(still_page.locator("body")).to_have_css("background-color", "rgb(0, 0, 0)")
    expect(still_page.locator(".shell")).to_have_class(re.compile("hand-left"))
    still_page.reload()
    expect(root).to_have_attribute("data-colours", "cvd")
    take(still_page, "settings-black-colour-blind-left")
    for tab in ("Ladder", "Glance", "Flow"):
        go(still_page, tab)
        expect(still_page.locator(".watermark")).to_have_text("SIMULATED")
        still_page.wait_for_timeout(300)
        take(still_page, f"{tab.lower()}-black-colour-blind-left")
    assert complaints == []


def test_prices_at_the_left_and_summed_bars_are_chosen_and_kept(still_page: Page) -> None:
    open_settings(still_page)
    still_page.get_by_role("button", name="At the left").click()
    still_page.get_by_role("button", name="Summed from price").click()
    go(still_page, "Ladder")
    heads = still_page.locator(".columns").first
    expect(heads).to_contain_text("Σ ASKS")
    expect(heads).to_contain_text("Σ SHORTS LIQ.")
    # What is pressed is where it is drawn: the price at the left opens its sheet, the middle does not.
    fingers = Fingers(still_page)
    fingers.tap((250, 400))
    expect(still_page.get_by_role("dialog")).to_have_count(0)
    fingers.tap((78, 400))
    expect(still_page.get_by_role("dialog")).to_contain_text("BTC 77,")
    still_page.reload()
    expect(still_page.locator("html")).to_have_attribute("data-layout", "left")
    expect(heads).to_contain_text("Σ ASKS")


def test_the_data_saver_asks_for_less(still_page: Page, still: Still) -> None:
    open_settings(still_page)
    still_page.get_by_role("group", name="Data saver").get_by_role("button", name="On").click()
    go(still_page, "Ladder")
    still.wait_for(still_page, lambda _: still.last_asked("ladder").get("hz") == 2)
    assert still.last_asked("ladder")["depth"] == 30


def test_health_tells_of_the_connection_and_every_venue(still_page: Page) -> None:
    open_settings(still_page)
    still_page.get_by_role("link", name="Health").click()
    for text in ("Venues of BTCUSDT", "Binance", "Bybit", "OKX", "Proven without a break for", "60 min"):
        expect(still_page.get_by_text(text).first).to_be_visible()
    expect(still_page.locator("dd", has_text=re.compile(r"^\d+ ms$")).first).to_be_visible()
    expect(still_page.locator("dd", has_text="bytes/s")).to_be_visible()
    take(still_page, "health")


def test_install_tells_the_steps_and_what_works(still_page: Page) -> None:
    open_settings(still_page)
    still_page.get_by_role("link", name="Install").click()
    expect(still_page.get_by_role("listitem").first).to_be_visible()
    expect(still_page.locator("dt", has_text="Start without a server")).to_be_visible()
    take(still_page, "install")


def test_glance_mode_shows_one_price_and_close_leads_back(still_page: Page) -> None:
    go(still_page, "Glance")
    still_page.get_by_role("link", name="Glance mode").click()
    expect(still_page.locator(".big-price")).to_have_text("77,270.0")
    expect(still_page.locator(".big-near")).to_contain_text("42 M of shorts")
    expect(still_page.locator(".watermark")).to_have_text("SIMULATED")
    expect(still_page.get_by_role("navigation")).to_have_count(0)
    take(still_page, "big")
    still_page.get_by_role("button", name="Close").click()
    expect(still_page.locator(".hero")).to_be_visible()
