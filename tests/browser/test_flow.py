"""Tape and pulse, on a market that stands still."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Still, age_what_is_kept
from tests.browser.test_glance import go
from tests.browser.test_pictures import take


def open_flow(page: Page) -> None:
    go(page, "Flow")
    # Both pictures have come: before the screen itself is there, nothing says that they have not.
    expect(page.locator(".sums")).to_contain_text("bought")
    expect(page.locator(".pulse-pane")).to_have_attribute("aria-label", re.compile("Open interest"))
    expect(page.locator(".pane-note")).to_have_count(0)


def test_flow_tells_what_was_bought_sold_and_forced(still_page: Page, complaints: list[str]) -> None:
    open_flow(still_page)
    sums = still_page.locator(".sums")
    expect(sums).to_contain_text("bought")
    expect(sums).to_contain_text("at least 4.4 M forced")
    expect(sums).to_contain_text("4.2 M shorts, 240 k longs, 3 venues")
    expect(still_page.locator(".pulse-pane")).to_have_attribute(
        "aria-label", re.compile("Open interest 8.4 B")
    )
    assert complaints == []


def test_the_border_between_tape_and_pulse_moves_and_stays(still_page: Page) -> None:
    open_flow(still_page)
    divider = still_page.get_by_role("separator")
    box = divider.bounding_box()
    assert box is not None
    still_page.mouse.move(195, box["y"] + 6)
    still_page.mouse.down()
    still_page.mouse.move(195, box["y"] + 106, steps=4)
    still_page.mouse.up()
    moved = divider.bounding_box()
    assert moved is not None
    assert 90 < moved["y"] - box["y"] < 110
    still_page.reload()
    open_flow(still_page)
    kept = divider.bounding_box()
    assert kept is not None
    assert abs(kept["y"] - moved["y"]) < 1


def test_the_range_is_the_maps_and_asks_for_the_pulse_alone(still_page: Page, still: Still) -> None:
    open_flow(still_page)
    before = len(still.market.asked)
    still_page.get_by_label("Time range").select_option("12")
    still_page.wait_for_function("localStorage.getItem('leadline.map').includes('12')")
    still.wait_for(still_page, lambda it: len(it.asked) > before)
    expect(still_page.locator(".pane-note")).to_have_count(0)
    assert [(it["kind"], it.get("hours")) for it in still.market.asked[before:]] == [("pulse", 12)]


def test_the_tape_of_one_venue_is_asked_for_and_named(still_page: Page, still: Still) -> None:
    open_flow(still_page)
    still_page.get_by_role("button", name="Settings").click()
    sheet = still_page.get_by_role("dialog")
    sheet.get_by_role("button", name="Bybit").click()
    sheet.get_by_role("button", name="Close").click()
    expect(still_page.locator(".only")).to_have_text("Bybit only")
    still.wait_for(still_page, lambda _: still.last_asked("tape").get("venue") == "bybit")


def test_scrolling_the_tape_offers_the_way_back(still_page: Page) -> None:
    open_flow(still_page)
    tape = still_page.get_by_role("application", name="Trades and liquidations")
    tape.hover()
    still_page.mouse.wheel(0, 200)
    back = still_page.get_by_role("button", name="Newest")
    expect(back).to_be_visible()
    back.click()
    expect(back).to_have_count(0)


def test_without_a_server_tape_and_pulse_are_shown_as_the_past(
    still_page: Page, phone: BrowserContext
) -> None:
    open_flow(still_page)
    still_page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    still_page.wait_for_function("navigator.serviceWorker.controller !== null")
    age_what_is_kept(still_page)
    phone.set_offline(True)
    still_page.reload()
    expect(still_page.locator(".flow-panes.stale")).to_be_visible()
    expect(still_page.locator(".pane-note")).to_have_count(0)
    expect(still_page.locator(".age")).to_contain_text("last seen")
    expect(still_page.locator(".watermark")).to_have_text("SIMULATED")
    expect(still_page.locator(".sums")).to_contain_text("– bought")
    expect(still_page.locator(".sums")).not_to_contain_text("liquidations")
    still_page.wait_for_timeout(700)  # the fade to grey
    take(still_page, "flow-offline")


def test_pictures_of_the_flow(still_page: Page) -> None:
    open_flow(still_page)
    expect(still_page.locator(".flow-screen.fresh .flow-panes.fresh")).to_be_visible()
    still_page.wait_for_timeout(700)  # the colours of a picture that lives again
    take(still_page, "flow")
    still_page.set_viewport_size({"width": 844, "height": 390})
    take(still_page, "flow-landscape")
