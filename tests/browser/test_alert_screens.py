"""The alerts screen: what fired, and where it leads."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_glance import go
from tests.browser.test_pictures import take
from tests.browser.test_quality import FINGER_PX, SMALL_TARGETS


def test_the_inbox_tells_what_fired_and_a_tap_opens_its_row(still_page: Page, complaints: list[str]) -> None:
    page = still_page
    go(page, "Alerts")
    first = page.get_by_role("button", name="BTC 0.4 % above: 42 M USD")
    expect(first).to_have_attribute("data-seen", "false")
    expect(first.locator("time")).to_have_text("3 min")
    expect(page.get_by_role("link", name="Alerts 3 new")).to_be_visible()
    expect(page.locator(".watermark")).to_have_text("SIMULATED")
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    take(page, "inbox")
    first.click()
    # The row of the alert is in view, so price, which is 11 rows below it, need not be.
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    assert page.url.endswith("/#ladder")
    go(page, "Alerts")
    expect(first).to_have_attribute("data-seen", "true")
    # One that is about no market is seen, and leads nowhere.
    page.get_by_role("button", name="Feed down: Bybit DOGE").click()
    expect(page.get_by_role("link", name="Alerts 1 new")).to_be_visible()
    assert page.url.endswith("/#alerts")
    assert complaints == []
