"""Pictures of ladder and map: written to build/pictures for people, and compared with how they looked before.

A comparison is of colours in coarse blocks, so that another machine's fonts do not matter but a bar, a
column or a palette does.  ``LEADLINE_NEW_PICTURES=1`` writes what is compared with again, after a look.
"""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, PHONE, standing_still, visit, wait_live
from tests.browser.fingers import Fingers
from tests.browser.still import StillServer

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
LOOKED_AT = Path(__file__).parent / "looked_at"
SIDEWAYS = {"width": 844, "height": 390}
BLOCKS = (36, 48)
# So far that nothing which showed is left.
AWAY_AND_BACK = (2_000, 2_400, -4_400)
# Largest mean difference of two pictures that count as the same, of 255.
TOLERANCE = 3.0
# So many colours of two pictures may differ: who pushes is told in digits that become others with time,
# and a line of a row has more than they.
LIKE = 1_200
# A preference that the app reads at its start.
PREFER = "preferences => localStorage.setItem('leadline.preferences', JSON.stringify(preferences))"

# Colours of a PNG in BLOCKS: red, green, blue a block, row by row.
COLOURS = """async ([png, across, down]) => {
  const bytes = Uint8Array.from(atob(png), it => it.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const small = document.createElement('canvas');
  [small.width, small.height] = [across, down];
  const context = small.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, across, down);
  return [...context.getImageData(0, 0, across, down).data].filter((_, at) => at % 4 < 3);
}"""


# How many colours of two PNGs of one size differ by more than their rounding.
UNLIKE = """async pngs => {
  const [one, other] = await Promise.all(pngs.map(async png => {
    const bytes = Uint8Array.from(atob(png), it => it.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, picture.width, picture.height).data;
  }));
  let unlike = 0;
  for (let at = 0; at < one.length; at++) if (Math.abs(one[at] - other[at]) > 5) unlike++;
  return unlike;
}"""


def take(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000


def colours(page: Page, pane: str) -> np.ndarray:
    """Return the colours of a pane as the screen shows it."""
    png = base64.b64encode(page.locator(pane).screenshot()).decode()
    values = page.evaluate(COLOURS, [png, *BLOCKS])
    return np.array(values, dtype=np.int16).reshape(BLOCKS[1], BLOCKS[0], 3)


def unlike(page: Page, one: bytes, other: bytes) -> int:
    pixels: int = page.evaluate(UNLIKE, [base64.b64encode(it).decode() for it in (one, other)])
    return pixels


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def looks_as_before(page: Page, pane: str, name: str) -> np.ndarray:
    """Compare a pane with its kept colours; returns them."""
    path = LOOKED_AT / f"{name}.npy"
    if os.environ.get("LEADLINE_NEW_PICTURES"):
        LOOKED_AT.mkdir(exist_ok=True)
        np.save(path, colours(page, pane).astype(np.uint8))
    kept = np.load(path).astype(np.int16)
    give_up = time.monotonic() + PATIENCE_MS / 1_000
    while difference(seen := colours(page, pane), kept) >= TOLERANCE:
        assert time.monotonic() < give_up, f"{name} looks different; see build/pictures/{name}.png"
        page.wait_for_timeout(200)
    return seen


def at_rest(page: Page, pane: Locator) -> bytes:
    """Return how a pane looks once it looks the same for a moment."""
    give_up = time.monotonic() + PATIENCE_MS / 1_000
    seen = pane.screenshot()
    while True:
        page.wait_for_timeout(200)
        again = pane.screenshot()
        if unlike(page, seen, again) < LIKE:
            return again
        assert time.monotonic() < give_up, "expected a picture at rest, it goes on changing"
        seen = again


def settle(page: Page) -> None:
    """Wait for what comes a moment later: large orders get their chip, the last trade's flash is over."""
    expect(page.locator(".compass").first).to_be_visible()
    page.wait_for_timeout(2_200)


def open_map(page: Page) -> None:
    visit(page, "map")
    expect(page.locator(".map-notes")).to_contain_text("USD per")
    page.wait_for_timeout(400)


def test_the_ladder_looks_as_before(still_page: Page) -> None:
    settle(still_page)
    take(still_page, "ladder")
    looks_as_before(still_page, ".pane", "ladder")
    fingers = Fingers(still_page)
    fingers.rest((300, 152))
    expect(still_page.locator(".row-card-venues li")).to_have_count(3)
    expect(still_page.locator(".row-card-history")).to_be_visible()
    still_page.wait_for_timeout(400)
    take(still_page, "ladder-row")
    fingers.lift()
    still_page.set_viewport_size(SIDEWAYS)
    expect(still_page.locator(".map-beside .map-legend")).to_be_visible()
    still_page.wait_for_timeout(600)
    take(still_page, "ladder-landscape")


def test_a_scrolled_ladder_is_the_one_that_is_painted_anew(still_page: Page) -> None:
    still_page.emulate_media(reduced_motion="reduce")
    settle(still_page)
    pane = still_page.locator(".pane")
    pane.hover()
    # Marks lie over the rows and tell ages.
    still_page.evaluate(
        "() => { document.querySelector('.picture canvas:last-child').style.visibility = 'hidden'; }"
    )
    for pixels in (-100, 7, -533, -1_600, 60, 2_900, 611, -1_345, 20_000, -20_345):
        for part in (*AWAY_AND_BACK, pixels // 2, pixels - pixels // 2):
            still_page.mouse.wheel(0, part)
            still_page.wait_for_timeout(60)
        scrolled = at_rest(still_page, pane)
        still_page.evaluate("() => document.fonts.dispatchEvent(new Event('loadingdone'))")
        anew = at_rest(still_page, pane)
        if unlike(still_page, scrolled, anew) > LIKE:
            (PICTURES / "ladder-scrolled.png").write_bytes(scrolled)
            (PICTURES / "ladder-anew.png").write_bytes(anew)
            pytest.fail(f"after {pixels} pixels the scrolled ladder is not as one that is painted anew")


def test_the_map_looks_as_before(still_page: Page) -> None:
    open_map(still_page)
    take(still_page, "map")
    before = looks_as_before(still_page, ".map-pane", "map")
    fingers = Fingers(still_page)
    fingers.rest((230, 420))
    expect(still_page.locator(".map-card")).to_be_visible()
    fingers.slide((230, 333))
    still_page.wait_for_timeout(300)
    take(still_page, "map-card")
    fingers.lift()
    still_page.get_by_role("button", name="Shown: long + short").click()
    still_page.get_by_role("button", name="Prices as Candles").click()
    still_page.wait_for_timeout(300)
    take(still_page, "map-split")
    assert difference(colours(still_page, ".map-pane"), before) > TOLERANCE, "a comparison that sees nothing"
    still_page.set_viewport_size(SIDEWAYS)
    still_page.wait_for_timeout(400)
    take(still_page, "map-landscape")


def test_other_colours_look_different(still_page: Page, phone: BrowserContext) -> None:
    settle(still_page)
    before = colours(still_page, ".pane")
    still_page.evaluate(PREFER, {"colours": "cvd", "ground": "black", "hand": "left"})
    still_page.reload()
    wait_live(still_page)
    settle(still_page)
    take(still_page, "ladder-black-colour-blind-left")
    assert difference(colours(still_page, ".pane"), before) > TOLERANCE
    open_map(still_page)
    take(still_page, "map-black-colour-blind-left")


def test_the_past_looks_like_the_past(still_page: Page, phone: BrowserContext) -> None:
    open_map(still_page)
    still_page.wait_for_function("() => localStorage.getItem('leadline.map.kept') !== null")
    visit(still_page, "ladder")
    wait_live(still_page)
    still_page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    still_page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    still_page.reload()
    expect(still_page.locator(".age")).to_contain_text("last seen")
    still_page.wait_for_timeout(900)  # the fade to grey
    take(still_page, "ladder-offline")
    visit(still_page, "map")
    expect(still_page.locator(".map-age")).to_contain_text("last seen")
    still_page.wait_for_timeout(900)
    take(still_page, "map-offline")


@pytest.mark.parametrize(
    ("name", "freshness", "market"),
    [
        ("stale", "stale", StillServer(age_ms=48_000)),
        ("uncalibrated", "fresh", StillServer(calibrated=False)),
        ("estimated", "fresh", StillServer(standing={"okx": "mark_estimated", "bybit": "no_interest"})),
    ],
)
def test_a_market_in_doubt_looks_in_doubt(
    chromium: Browser, name: str, freshness: str, market: StillServer
) -> None:
    context = chromium.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True)
    with standing_still(market) as still:
        page = context.new_page()
        page.goto(f"{still.address}/#ladder")
        expect(page.locator("html")).to_have_attribute(
            "data-freshness", "stale" if name == "stale" else "fresh"
        )
        expect(page.locator(".watermark")).to_have_text("SIMULATED")
        settle(page)
        take(page, f"ladder-{name}")
        note = {"stale": "last seen", "uncalibrated": "uncalibrated", "estimated": "mark estimated"}[name]
        if name != "stale":
            expect(page.locator(".column-note")).to_have_text(note)
        open_map(page)
        expect(page.locator(".map-notes")).to_contain_text(note)
        page.wait_for_timeout(900)
        take(page, f"map-{name}")
        context.close()
