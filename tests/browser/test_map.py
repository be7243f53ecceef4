"""The map on a market that stands still: what it shows, and what fingers do to it."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import PIXELS, Still
from tests.browser.fingers import Fingers

# A place on the plot, and the price axis beside it.
BODY = (180.0, 400.0)
AXIS = (365.0, 400.0)

# Part of the heat that is bright.
BRIGHT = f"""() => {{
  const canvas = document.querySelector('.map-pane [data-painted] canvas');
  if (!canvas) return 0;
  const pixels = ({PIXELS})(canvas);
  let bright = 0;
  for (let at = 0; at < pixels.length; at += 4) bright += pixels[at] > 100 ? 1 : 0;
  return 4 * bright / pixels.length;
}}"""


@pytest.fixture
def map_page(still_page: Page) -> Page:
    still_page.get_by_role("link", name="Map").click()
    expect(still_page.locator(".map-notes")).to_contain_text("USD per")
    return still_page


def card(page: Page) -> Locator:
    return page.locator(".map-card")


def test_the_map_shows_heat_and_says_that_it_is_simulated(map_page: Page, complaints: list[str]) -> None:
    map_page.wait_for_function(f"() => ({BRIGHT})() > 0.02", polling=500)
    expect(map_page.locator(".watermark")).to_have_text("SIMULATED")
    expect(map_page.locator(".map-age")).to_contain_text("map")
    assert complaints == []


def test_another_range_is_asked_of_the_server_and_remembered(map_page: Page, still: Still) -> None:
    map_page.get_by_role("button", name="7 days").click()
    expect(map_page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    map_page.wait_for_function("() => localStorage.getItem('leadline.map').includes('168')")
    map_page.reload()
    expect(map_page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    expect(map_page.locator(".map-notes")).to_contain_text("USD per")
    # Once by the finger and once by the app that starts anew; what was kept is shown before.
    still.wait_for(
        map_page,
        lambda it: [ask["hours"] for ask in it.asked if ask["kind"] == "map"][-2:] == [168, 168],
    )


def test_a_tap_shows_what_was_opened_within_the_range_and_says_how_much_that_is(
    map_page: Page, still: Still
) -> None:
    chip = map_page.locator(".map-opened")
    expect(chip).to_have_text("all positions")
    map_page.wait_for_function(f"() => ({BRIGHT})() > 0.02", polling=500)
    bright = map_page.evaluate(BRIGHT)
    chip.click()
    expect(chip).to_have_text("opened in 24h: 38 %")
    expect(chip).to_have_attribute("aria-pressed", "true")
    map_page.wait_for_function(f"most => ({BRIGHT})() < most", arg=0.9 * bright, polling=500)
    map_page.get_by_role("button", name="12 hours").click()
    expect(chip).to_have_text("opened in 12h: 38 %")
    still.wait_for(
        map_page,
        lambda it: (
            [(ask["hours"], ask["opened"]) for ask in it.asked if ask["kind"] == "map"][-2:]
            == [(24, "range"), (12, "range")]
        ),
    )
    map_page.reload()
    expect(chip).to_have_text("opened in 12h: 38 %")
    chip.click()
    expect(chip).to_have_text("all positions")
    # What the ladder remembers of a row is of all positions, whatever the map shows.
    chip.click()
    map_page.get_by_role("link", name="Ladder").click()
    Fingers(map_page).rest((300, 330))
    expect(map_page.locator(".row-card-history")).to_contain_text("heat over 12 h")
    still.wait_for(map_page, lambda _: still.last_asked("map")["opened"] == "all")


def test_a_resting_finger_brings_the_card_and_moves_it_without_being_lifted(map_page: Page) -> None:
    fingers = Fingers(map_page)
    fingers.rest(BODY)
    title = card(map_page).locator(".map-card-title")
    expect(title).to_contain_text(" at ")
    before = title.inner_text()
    fingers.slide((BODY[0] + 40, BODY[1] - 150))
    expect(title).not_to_have_text(before)
    fingers.lift()
    expect(card(map_page)).to_have_count(0)


def test_two_fingers_zoom_and_a_double_tap_fits_again(map_page: Page) -> None:
    fit = map_page.get_by_role("button", name="Fit")
    expect(fit).to_have_count(0)
    Fingers(map_page).pinch(BODY, 80, 200)
    expect(fit).to_be_visible()
    Fingers(map_page).tap(BODY, times=2)
    expect(fit).to_have_count(0)


def test_a_drag_on_the_price_axis_scales_it(map_page: Page) -> None:
    Fingers(map_page).drag(AXIS, (AXIS[0], AXIS[1] + 90))
    expect(map_page.get_by_role("button", name="Fit")).to_be_visible()


def test_without_a_server_the_last_map_is_shown_as_the_past(map_page: Page, phone: BrowserContext) -> None:
    map_page.wait_for_function("() => localStorage.getItem('leadline.map.kept') !== null")
    map_page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    map_page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    map_page.reload()
    expect(map_page.locator(".map-age")).to_contain_text("map last seen")
    expect(map_page.locator(".map.stale")).to_be_visible()
    # Nothing comes that could have it painted, yet it grows older.
    expect(map_page.locator(".map-age")).not_to_have_text(map_page.locator(".map-age").inner_text())
    map_page.wait_for_function(f"() => ({BRIGHT})() > 0.02", polling=500)
    expect(map_page.locator(".watermark")).to_have_text("SIMULATED")


def test_on_its_side_the_ladder_has_the_map_beside_it(still_page: Page) -> None:
    still_page.set_viewport_size({"width": 844, "height": 390})
    still_page.wait_for_function(f"() => ({BRIGHT})() > 0.02", polling=500)
    expect(still_page.get_by_role("button", name="24 hours")).to_be_visible()


def test_a_resting_finger_tells_what_a_row_is_made_of(still_page: Page) -> None:
    still_page.get_by_role("link", name="Ladder").click()
    fingers = Fingers(still_page)
    fingers.rest((300, 330))
    row = still_page.locator(".row-card")
    expect(row.locator(".row-card-title")).to_contain_text("Asks at")
    expect(row.locator(".row-card-venues li")).to_have_count(3)
    expect(row.locator(".row-card-venues li").first).to_contain_text("Binance")
    expect(row.locator(".late")).to_have_text("OKXstale")
    expect(row.locator(".row-card-history")).to_contain_text("heat over 24 h")
    before = row.locator(".row-card-title").inner_text()
    fingers.slide((280, 400))
    expect(row.locator(".row-card-title")).not_to_have_text(before)
    fingers.lift()
    expect(row).to_have_count(0)
