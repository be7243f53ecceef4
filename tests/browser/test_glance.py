"""The watchlist and the thumb bar, on a market that stands still."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Still, age_what_is_kept, wait_live
from tests.browser.test_pictures import take

ROWS = ".glance-row .glance-name > b"


def go(page: Page, tab: str) -> None:
    page.get_by_role("navigation", name="Screens").get_by_role("link", name=tab).click()


def test_the_hero_is_the_market_closest_to_a_cluster_and_late_ones_are_last(
    still_page: Page, complaints: list[str]
) -> None:
    go(still_page, "Glance")
    hero = still_page.locator(".hero")
    expect(hero).to_contain_text("BTC")
    expect(hero).to_contain_text("0.40 % to 42 M of shorts")
    expect(hero).to_contain_text("(25–71)")
    expect(hero).to_contain_text("About 12 min away")
    expect(still_page.locator(ROWS)).to_have_text(["SOL", "XRP", "ETH"])
    eth = still_page.locator(".glance-row", has_text="ETH")
    expect(eth).to_contain_text("last seen")
    expect(eth).not_to_contain_text("−0.42 %")
    xrp = still_page.locator(".glance-row", has_text="XRP")
    expect(xrp).to_contain_text("uncalibrated")
    expect(still_page.locator(".strip.uncalibrated")).to_have_count(1)
    expect(hero).not_to_contain_text("uncalibrated")
    assert complaints == []


def test_rows_can_be_ordered_and_the_choice_is_kept(still_page: Page) -> None:
    go(still_page, "Glance")
    still_page.get_by_label("Order", exact=True).select_option("name")
    expect(still_page.locator(ROWS)).to_have_text(["ETH", "SOL", "XRP"])
    still_page.reload()
    expect(still_page.locator(ROWS)).to_have_text(["ETH", "SOL", "XRP"])
    still_page.get_by_label("Order", exact=True).select_option("change")
    expect(still_page.locator(ROWS)).to_have_text(["SOL", "XRP", "ETH"])


def test_a_tap_opens_the_ladder_and_back_leads_back(still_page: Page, still: Still) -> None:
    go(still_page, "Glance")
    still_page.locator(".glance-row", has_text="SOL").click()
    expect(still_page.locator(".symbol")).to_contain_text("SOL")
    wait_live(still_page)
    still.wait_for(still_page, lambda _: still.last_asked("ladder")["symbol"] == "SOLUSDT")
    still_page.go_back()
    expect(still_page.locator(".hero")).to_be_visible()


def test_only_the_streams_of_the_screen_in_view_are_asked_for(still_page: Page, still: Still) -> None:
    before = len(still.market.asked)
    go(still_page, "Glance")
    expect(still_page.locator(".hero")).to_be_visible()
    go(still_page, "Alerts")
    expect(still_page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    still.wait_for(still_page, lambda it: it.open_streams() == 0)
    assert [it["kind"] for it in still.market.asked[before:]] == ["glance"]


def test_markets_can_be_left_out_and_taken_back(still_page: Page) -> None:
    go(still_page, "Glance")
    still_page.get_by_role("button", name="Add or find a market").click()
    sheet = still_page.get_by_role("dialog")
    sheet.get_by_role("button", name="Stop watching BTCUSDT").click()
    sheet.get_by_role("button", name="Move XRPUSDT up").click()
    sheet.get_by_role("button", name="Close").click()
    expect(still_page.locator(".hero")).to_contain_text("SOL")
    still_page.get_by_label("Order", exact=True).select_option("own")
    expect(still_page.locator(ROWS)).to_have_text(["ETH", "XRP"])
    still_page.get_by_role("button", name="Add or find a market").click()
    sheet.get_by_role("button", name="Watch BTCUSDT").click()
    sheet.get_by_role("button", name="Close").click()
    expect(still_page.locator(".hero")).to_contain_text("BTC")


def test_without_a_server_the_watchlist_is_shown_as_the_past(still_page: Page, phone: BrowserContext) -> None:
    go(still_page, "Glance")
    expect(still_page.locator(".hero")).to_be_visible()
    still_page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    still_page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    age_what_is_kept(still_page)
    phone.set_offline(True)
    still_page.reload()
    expect(still_page.locator(".glance-row.stale")).to_have_count(4)
    expect(still_page.locator(".watermark")).to_have_text("SIMULATED")
    expect(still_page.locator(".hero")).to_have_count(0)
    take(still_page, "glance-offline")


def test_pictures_of_the_watchlist(still_page: Page) -> None:
    go(still_page, "Glance")
    expect(still_page.locator(".glance-row")).to_have_count(3)
    take(still_page, "glance")
    still_page.set_viewport_size({"width": 844, "height": 390})
    take(still_page, "glance-landscape")
