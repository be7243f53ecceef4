"""The alerts screen: what fired, the book as it was then, and the rules."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Still, wait_live
from tests.browser.test_glance import go
from tests.browser.test_pictures import take
from tests.browser.test_push import until
from tests.browser.test_quality import AXE, FINGER_PX, SMALL_TARGETS, violations


def test_the_inbox_tells_what_fired_and_a_tap_opens_its_row(
    still_page: Page, still: Still, complaints: list[str]
) -> None:
    page = still_page
    page.evaluate(AXE.read_text())
    # Rows of the ladder that no moment has.
    page.get_by_role("button", name="Coarser rows").click()
    still.wait_for(page, lambda _: still.last_asked("ladder").get("group") != 100)
    coarse = still.last_asked("ladder")["group"]
    go(page, "Alerts")
    first = page.get_by_role("button", name="BTC 0.4 % above: 42 M USD")
    expect(first).to_have_attribute("data-seen", "false")
    expect(first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d 3 min$"))
    expect(first.locator(".entry-moved")).to_have_text("+0.05 %")
    expect(page.get_by_role("link", name="Alerts 3 new")).to_be_visible()
    expect(page.locator(".watermark")).to_have_text("SIMULATED")
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    take(page, "inbox")
    # The book as it was, on the row, says so; the live one is a tap away.
    first.click()
    expect(page.get_by_text(re.compile(r"The book as it was at \d\d:\d\d:\d\d"))).to_be_visible()
    expect(page.locator(".moment-sentence")).to_contain_text("24–71 M")
    expect(page.get_by_text("3 min ago")).to_be_visible()
    expect(page.get_by_text("asks 46 % thinner than usual · buyers +1.8 σ")).to_be_visible()
    expect(page.locator(".watermark")).to_have_text("SIMULATED")
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    assert violations(page) == []
    expect(page.locator(".moment-since")).to_contain_text("since then+0.05 %")
    expect(page.get_by_role("button", name="Live 77,308.6")).to_be_visible()
    take(page, "moment")
    # What price did since is played over that book, and ends where it is now.
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text(re.compile(r"Price at \d\d:\d\d, over the book as it was"))).to_be_visible()
    take(page, "moment-replay")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    expect(page.get_by_text(re.compile(r"The book as it was at"))).to_be_visible()
    # What it offers is done there, and undone; a muted market is found among the rules.
    snooze = page.get_by_role("button", name="Snooze 15 m")
    snooze.click()
    asleep = page.get_by_role("button", name="Asleep to")
    expect(asleep).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Mute BTC 8 h").click()
    expect(page.get_by_role("button", name="Muted to")).to_be_visible()
    page.get_by_role("button", name="Mark", exact=True).click()
    expect(page.get_by_role("button", name="Marked")).to_be_disabled()
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    assert violations(page) == []
    take(page, "moment-acted")
    asleep.click()
    expect(snooze).to_have_attribute("aria-pressed", "false")
    # The live book takes its place in the same rows, and leaves it again.
    panes = page.locator(".moment-panes .pane")
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_text("The book now")).to_be_visible()
    expect(panes.nth(0)).to_have_css("opacity", "0")
    expect(panes.nth(1)).to_have_css("opacity", "1")
    still.wait_for(page, lambda _: still.last_asked("ladder").get("group") == 100)
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    assert violations(page) == []
    take(page, "moment-live")
    page.get_by_role("button", name="Then").click()
    expect(panes.nth(0)).to_have_css("opacity", "1")
    expect(page.get_by_text(re.compile(r"The book as it was at"))).to_be_visible()
    # The map of that market, and back; then the ladder, on the row.
    page.get_by_role("button", name="Map").click()
    expect(page.locator(".map-pane")).to_be_visible()
    go(page, "Alerts")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Ladder").click()
    wait_live(page)
    assert page.url.endswith("/#ladder")
    still.wait_for(page, lambda _: still.last_asked("ladder")["group"] == coarse)
    go(page, "Alerts")
    page.get_by_role("button", name="All alerts").click()
    expect(first).to_have_attribute("data-seen", "true")
    # One without a moment leads to the live row at once, however far it lies from price.
    page.get_by_role("button", name="SOL cluster held").click()
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    go(page, "Alerts")
    # One that is about no market is seen, and leads nowhere.
    page.get_by_role("button", name="Feed down: Bybit DOGE").click()
    expect(page.get_by_role("link", name="Alerts 1 new")).to_be_visible()
    assert page.url.endswith("/#alerts")
    assert complaints == []


def test_without_a_server_what_fired_can_be_read_as_the_past(
    still_page: Page, phone: BrowserContext, complaints: list[str]
) -> None:
    page = still_page
    go(page, "Alerts")
    first = page.get_by_role("button", name="BTC 0.4 % above: 42 M USD")
    expect(first.locator(".entry-moved")).to_be_visible()
    tab = page.locator(".tabs a", has_text="Alerts")
    unseen = tab.inner_text()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    page.reload()
    expect(page.locator(".page-warning")).to_have_text(
        re.compile(r"not reached: this is from \d+(\.\d)? s ago")
    )
    expect(page.locator(".inbox.stale .entry")).to_have_count(4)
    expect(first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d \d+ min$"))
    # How far price has come since is not known any more.
    expect(first.locator(".entry-moved")).to_have_count(0)
    assert tab.inner_text() == unseen
    take(page, "inbox-offline")
    # The screen of its instant is the server's: what is left is the last ladder, grey and with its age.
    first.click()
    expect(page.locator(".age")).to_contain_text("last seen")
    phone.set_offline(False)
    go(page, "Alerts")
    expect(page.locator(".inbox.stale")).to_have_count(0)
    expect(first.locator(".entry-moved")).to_be_visible()
    # The browser itself tells of what it could not fetch.
    assert [it for it in complaints if "ERR_INTERNET_DIS" not in it] == []


def test_a_rule_is_made_with_its_preview_changed_and_removed(page: Page, server: str) -> None:
    go(page, "Alerts")
    page.evaluate(AXE.read_text())
    page.get_by_role("button", name="Rules").click()
    row = page.get_by_role("button", name="Price within 50 % of a cluster")
    page.get_by_role("button", name="New rule").click()
    sheet = page.get_by_role("dialog")
    approach = {"kind": "approach", "symbol": "BTCUSDT", "settings": {"distance": 50, "unit": "pct"}}

    def looks_back() -> bool:
        told = page.request.post(f"{server}/api/rules/preview", data=approach).json()
        return bool(told["now"] - told["since"] > 23 * 3_600_000)

    # The map is built in the first seconds of a server.
    until(page, looks_back)
    sheet.get_by_role("combobox", name="Market").select_option("BTCUSDT")
    sheet.get_by_role("textbox", name="Distance").fill("50000")
    # The server's own sentence says what is wrong, before and after keeping.
    wrong = "distance: expected a number from 0 to 10000, got 50000"
    expect(sheet.get_by_role("status")).to_have_text(wrong)
    sheet.get_by_role("button", name="Keep").click()
    expect(sheet.get_by_role("alert")).to_have_text(wrong)
    sheet.get_by_role("textbox", name="Distance").fill("50")
    sheet.get_by_role("button", name="%", exact=True).click()
    # The map reaches back to before this server was started.
    expect(sheet.get_by_role("status")).to_contain_text(
        re.compile(r"Would have fired (once|\d+ times) in the last 24 h")
    )
    pressed = sheet.locator("button, select, input")
    heights = pressed.evaluate_all("all => all.map((it) => it.getBoundingClientRect().height)")
    assert min(heights) >= FINGER_PX
    assert violations(page) == []
    take(page, "rule-editor")
    sheet.get_by_role("button", name="Keep").click()
    expect(row).to_contain_text("BTCUSDT")
    expect(sheet).to_have_count(0)

    def kept() -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = page.request.get(f"{server}/api/rules").json()["rules"]
        return [it for it in rules if it["settings"].get("distance") == 50]

    assert [(it["symbol"], it["settings"]["unit"], it["enabled"]) for it in kept()] == [
        ("BTCUSDT", "pct", True)
    ]
    switch = page.get_by_role("switch", name="On: Price within 50 % of a cluster")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert kept()[0]["enabled"] is False
    row.click()
    sheet.get_by_role("button", name="15 min").click()
    expect(row).to_contain_text("asleep until")
    quiet = page.get_by_role("switch", name="Quiet hours")
    quiet.click()
    page.get_by_label("From", exact=True).fill("22:30")
    expect(page.get_by_text("By the clock of")).to_be_visible()
    # Several at once, for one market; those that are there already are not added again.
    page.get_by_role("button", name="New rule").click()
    sheet.get_by_role("combobox", name="Market").select_option("ETHUSDT")
    sheet.get_by_role("button", name="Positions").click()
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("button", name="ETHUSDT")).to_have_count(5)
    assert page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    assert violations(page) == []
    take(page, "rules")
    for rule in page.request.get(f"{server}/api/rules").json()["rules"]:
        if rule["symbol"] == "ETHUSDT":
            page.request.post(f"{server}/api/rules/remove", data={"id": rule["id"]})
    quiet.click()
    expect(quiet).to_have_attribute("aria-checked", "false")
    row.click()
    sheet.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert kept() == []
