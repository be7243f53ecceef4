"""The user's own marks and the hints, on a market that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE, PIXELS, Still, wait_live
from tests.browser.fingers import Fingers
from tests.browser.test_glance import go
from tests.browser.test_pictures import take
from tests.browser.test_quality import FINGER_PX

SPINE_X = 198  # the price column of a phone 390 wide
ROW_ABOVE_MID = 5
ON_THE_GROUND = (40, 100)  # above a sheet of a few lines
VIOLET = f"""() => {{
  const pixels = ({PIXELS})(document.querySelector('.picture canvas:last-child'));
  let violet = 0;
  for (let at = 0; at < pixels.length; at += 4)
    if (pixels[at + 3] > 200 && Math.abs(pixels[at] - 185) < 12 && Math.abs(pixels[at + 1] - 163) < 12
        && pixels[at + 2] > 240) violet += 1;
  return violet;
}}"""


@pytest.fixture
def no_marks(still: Still) -> Iterator[None]:
    """Every test begins and ends without marks."""
    still.market.marks.clear()
    yield
    still.market.marks.clear()


def tap_a_price(page: Page) -> None:
    box = page.locator(".pane").bounding_box()
    assert box is not None
    Fingers(page).tap((SPINE_X, box["y"] + box["height"] / 2 - 20 * ROW_ABOVE_MID))
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_tapped_price_is_watched_and_forgotten(
    still_page: Page, still: Still, no_marks: None, complaints: list[str]
) -> None:
    page = still_page

    def levels() -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = page.request.get(f"{still.address}/api/rules").json()["rules"]
        return [it for it in rules if it["kind"] == "price"]

    tap_a_price(page)
    page.get_by_role("textbox", name="Name, if it needs one").fill("stop")
    page.get_by_role("button", name="Alert me when price crosses it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    (level,) = levels()
    assert (level["symbol"], level["settings"]["label"]) == ("BTCUSDT", "stop")
    assert 77_280 <= level["settings"]["price"] <= 77_400
    tap_a_price(page)
    expect(page.get_by_text("Alert: stop")).to_be_visible()
    pressed = page.get_by_role("dialog").locator("button")
    assert min(pressed.evaluate_all("all => all.map((it) => it.getBoundingClientRect().height)")) >= FINGER_PX
    take(page, "price-sheet-alert")
    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_text("Alert: stop")).to_have_count(0)
    assert levels() == []
    assert complaints == []


def test_a_tap_presses_nothing_that_it_brought_up(
    still_page: Page, still: Still, no_marks: None, complaints: list[str]
) -> None:
    # A touch is told a second time, as a click on what is there by then: on a busy phone, the sheet.
    still_page.evaluate("""() => {
      const show = HTMLDialogElement.prototype.showModal;
      HTMLDialogElement.prototype.showModal = function () {
        show.call(this);
        for (const it of [this, this.querySelector('.close'), this.querySelector('.mark-words button')])
          it.click();
      };
    }""")
    tap_a_price(still_page)
    still_page.get_by_role("button", name="entry").click()
    still.wait_for(still_page, lambda it: len(it.marks) == 1)
    (mark,) = still.market.marks.values()
    assert mark[3] == "entry"
    assert complaints == []


def test_a_sheet_is_closed_by_the_ground_behind_it_and_not_by_a_selected_text(still_page: Page) -> None:
    tap_a_price(still_page)
    field = still_page.get_by_role("textbox", name="Name, if it needs one")
    field.fill("stop")
    box = field.bounding_box()
    assert box is not None
    still_page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    still_page.mouse.down()
    still_page.mouse.move(ON_THE_GROUND[0], ON_THE_GROUND[1], steps=4)
    still_page.mouse.up()
    expect(field).to_have_value("stop")
    still_page.mouse.click(*ON_THE_GROUND)
    expect(still_page.get_by_role("dialog")).to_have_count(0)


def test_a_mark_is_put_by_a_tap_kept_by_the_server_and_forgotten(
    still_page: Page, still: Still, no_marks: None, complaints: list[str]
) -> None:
    before = still_page.evaluate(VIOLET)
    tap_a_price(still_page)
    take(still_page, "price-sheet")
    still_page.get_by_role("button", name="stop").click()
    still.wait_for(still_page, lambda it: len(it.marks) == 1)
    (mark,) = still.market.marks.values()
    assert (mark[1], mark[3]) == ("BTCUSDT", "stop")
    assert 77_280 <= float(str(mark[2])) <= 77_400
    still_page.wait_for_function(f"before => ({VIOLET})() > before + 100", arg=before)
    still_page.reload()
    wait_live(still_page)
    still_page.wait_for_function(f"before => ({VIOLET})() > before + 100", arg=before)
    take(still_page, "ladder-mark")
    tap_a_price(still_page)
    still_page.get_by_role("button", name="Forget").click()
    still.wait_for(still_page, lambda it: not it.marks)
    assert complaints == []


def test_a_mark_of_one_phone_is_seen_on_another(
    still_page: Page, still: Still, chromium: Browser, no_marks: None
) -> None:
    other = chromium.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True)
    try:
        page = other.new_page()
        page.goto(still.address)
        wait_live(page)
        before = page.evaluate(VIOLET)
        tap_a_price(still_page)
        still_page.get_by_role("button", name="entry").click()
        page.wait_for_function(f"before => ({VIOLET})() > before + 100", arg=before)
    finally:
        other.close()


def test_a_mark_put_without_a_server_is_told_later(
    still_page: Page, still: Still, phone: BrowserContext, no_marks: None
) -> None:
    # From then on every part of the app is on the phone.
    still_page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    still_page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    expect(still_page.locator("html")).not_to_have_attribute("data-connection", "open")
    tap_a_price(still_page)
    still_page.get_by_role("button", name="target").click()
    assert not still.market.marks
    phone.set_offline(False)
    still.wait_for(still_page, lambda it: len(it.marks) == 1)


def test_levels_from_long_ago_and_a_thin_map_are_warned_of(still_page: Page) -> None:
    still_page.add_init_script("""localStorage.setItem('leadline.sessions', JSON.stringify({ BTCUSDT: {
      day: 0, premarks: [], step: '', seenMs: Date.now() - 3 * 3600000, price: 75000 } }))""")
    still_page.reload()
    wait_live(still_page)
    guide = still_page.locator(".guide")
    expect(guide).to_contain_text("Last looked 3 h ago, price +3.0 %")
    take(still_page, "ladder-look-again")
    guide.get_by_role("button").click()
    expect(guide).to_have_count(0)
    go(still_page, "Glance")
    still_page.locator(".glance-row", has_text="XRP").click()
    expect(guide).to_contain_text("Sparse map")
