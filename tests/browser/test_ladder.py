"""The ladder screen in a real browser against a real server over the twin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from leadline.domain.ladder import LadderView
from leadline.wire.reader import Delta, Hello, Keyframe, LadderReader, decode
from tests.browser import still
from tests.browser.conftest import PHONE, PIXELS, standing_still, touch, wait_live
from tests.browser.fingers import Fingers
from tests.browser.test_quality import AXE, violations

FRAMES_FOLLOWED = 80
FRAMES_COMPARED = 5  # the page tells its words once a second
PHONE_DEPTH, PHONE_HZ = 80, 10  # the page's own subscription, so that both follow one stream
COARSER = "before => Number(document.getElementById('touch').dataset.group) > before"
FINER = "before => Number(document.getElementById('touch').dataset.group) < before"
# A place on the rows: neither on the price column nor at an edge.
BODY = (100.0, 400.0)

# Writes down every frame as the page comes to hold it.
RECORD = """() => {
  const root = document.documentElement.dataset;
  const held = document.getElementById('touch').dataset;
  window.shown = {};
  new MutationObserver(() => {
    window.shown[`${root.epoch} ${root.seq}`] = [Number(held.bid), Number(held.ask)];
  }).observe(document.documentElement, { attributeFilter: ['data-seq'] });
}"""


Touches = dict[tuple[int, int], tuple[float, float]]


def _told(server: str, symbol: str, group: int) -> Touches:
    """Follow the page's stream beside it: {(epoch, seq): (bid, ask)} as the wire tells them."""
    wire: Touches = {}
    address = server.replace("http", "ws") + "/live"
    with connect(address, subprotocols=[Subprotocol("leadline.v3")], compression=None) as socket:
        tick = _tick_of(decode(socket.recv(decode=False)), symbol)
        key = {"kind": "ladder", "symbol": symbol, "venue": "all", "group": group}
        socket.send(msgpack.packb([1, 1, {**key, "depth": PHONE_DEPTH, "hz": PHONE_HZ}]))
        reader = LadderReader(group, PHONE_DEPTH)
        while len(wire) < FRAMES_FOLLOWED:
            message = decode(socket.recv(timeout=60, decode=False))
            if isinstance(message, Keyframe | Delta):
                view = reader.apply(message)
                wire[reader.epoch, reader.seq] = (view.bid_tick * tick, view.ask_tick * tick)
    return wire


def _shown(page: Page) -> Touches:
    frames: dict[str, list[float]] = page.evaluate("() => window.shown")
    return {
        (int(epoch), int(seq)): (bid, ask)
        for (epoch, seq), (bid, ask) in ((frame.split(), touch) for frame, touch in frames.items())
    }


def _tick_of(hello: object, symbol: str) -> float:
    assert isinstance(hello, Hello)
    symbols = hello.facts["symbols"]
    assert isinstance(symbols, list)
    numerator, decimals = next(it["tick"] for it in symbols if it["symbol"] == symbol)
    return float(numerator / 10**decimals)


def test_the_page_holds_the_same_best_prices_as_the_wire(server: str, page: Page) -> None:
    held = touch(page)
    page.evaluate(RECORD)
    wire = _told(server, held["symbol"], int(held["group"]))
    _, last = max(wire)
    page.wait_for_function("last => Number(document.documentElement.dataset.seq) >= last", arg=last)
    shown = _shown(page)
    common = wire.keys() & shown.keys()
    assert len(common) >= FRAMES_COMPARED
    for frame in common:
        bid, ask = wire[frame]
        assert shown[frame] == (round(bid, 8), round(ask, 8))


def test_the_ladder_keeps_moving_and_nothing_breaks_the_policy(page: Page, complaints: list[str]) -> None:
    before = int(touch(page)["seq"])
    page.wait_for_function(
        "before => Number(document.documentElement.dataset.seq) >= before + 20", arg=before
    )
    assert complaints == []


def test_the_picture_is_painted_on_the_whole_pane(page: Page) -> None:
    page.wait_for_function(
        f"""() => {{
          const canvas = document.querySelector('.picture canvas');
          const {{ width, height }} = canvas;
          const pixels = ({PIXELS})(canvas);
          let painted = 0;
          for (let y = 0; y < height; y += 1) {{
            const line = new Set();
            for (let x = 0; x < width; x += 1) line.add(pixels[4 * (y * width + x)]);
            if (line.size > 1) painted += 1;
          }}
          return painted / height > 0.5;
        }}""",
        polling=500,
    )


def test_a_simulated_market_is_marked_in_every_layout(page: Page) -> None:
    watermark = page.locator(".watermark")
    for width, height in [(390, 844), (844, 390), (320, 568), (1280, 800)]:
        page.set_viewport_size({"width": width, "height": height})
        expect(watermark).to_be_in_viewport(ratio=1)
        expect(watermark).to_have_text("SIMULATED")


# Reads the classes of what reaches beyond the right edge of the screen.
SPILL = """[...document.querySelectorAll('body *')]
  .filter((it) => !it.closest('.unseen') && it.getBoundingClientRect().right > innerWidth + 0.5)
  .map((it) => it.className)"""


def test_nothing_is_wider_than_the_screen(page: Page) -> None:
    for width, height in [(390, 844), (844, 390), (320, 568), (430, 932), (1280, 800)]:
        page.set_viewport_size({"width": width, "height": height})
        # The column heads follow the rows' widths with the frame that paints them.
        page.wait_for_function(f"() => innerWidth === {width} && ({SPILL}).length === 0")


def test_grouping_changes_the_rows_and_is_remembered(page: Page) -> None:
    before = int(touch(page)["group"])
    page.get_by_role("button", name="Coarser rows").click()
    page.wait_for_function(COARSER, arg=before)
    chosen = touch(page)["group"]
    page.reload()
    wait_live(page)
    assert touch(page)["group"] == chosen


def test_a_scroll_offers_the_way_back_to_price(page: Page) -> None:
    back = page.get_by_role("button", name="Back to price")
    expect(back).to_have_count(0)
    Fingers(page).drag(BODY, (BODY[0], BODY[1] + 70))
    expect(back).to_be_visible()
    back.click()
    expect(back).to_have_count(0)


def test_fingers_drawn_apart_make_finer_rows_and_together_coarser_ones(page: Page) -> None:
    before = int(touch(page)["group"])
    Fingers(page).pinch(BODY, 200, 120)
    page.wait_for_function(COARSER, arg=before)
    wait_live(page)
    coarser = int(touch(page)["group"])
    Fingers(page).pinch(BODY, 120, 200)
    page.wait_for_function(FINER, arg=coarser)


def test_the_price_column_pulled_down_shows_more_of_the_market_and_up_less(page: Page) -> None:
    before = int(touch(page)["group"])
    Fingers(page).drag((195, 300), (195, 370))
    page.wait_for_function(COARSER, arg=before)
    wait_live(page)
    coarser = int(touch(page)["group"])
    Fingers(page).drag((195, 370), (195, 300))
    page.wait_for_function(FINER, arg=coarser)


def test_a_fling_goes_on_after_the_finger(page: Page) -> None:
    back = page.get_by_role("button", name="Back to price")
    # A finger that rests first leaves price in the picture; one that throws the same way does not.
    Fingers(page).drag(BODY, (BODY[0], BODY[1] + 90))
    expect(back).to_have_text("Back to price")
    page.get_by_role("button", name="Centre").click()
    expect(back).to_have_count(0)
    Fingers(page).drag(BODY, (BODY[0], BODY[1] + 90), steps=3, rest=False)
    expect(back).not_to_have_text("Back to price")


def test_a_swipe_along_the_edge_goes_to_the_next_symbol(page: Page) -> None:
    before = touch(page)["symbol"]
    Fingers(page).drag((380, 400), (250, 410))
    page.wait_for_function("before => document.getElementById('touch').dataset.symbol !== before", arg=before)
    wait_live(page)
    Fingers(page).drag((10, 400), (140, 410))
    page.wait_for_function("before => document.getElementById('touch').dataset.symbol === before", arg=before)


def test_a_double_tap_brings_price_back(page: Page) -> None:
    back = page.get_by_role("button", name="Back to price")
    Fingers(page).drag(BODY, (BODY[0], BODY[1] + 90))
    expect(back).to_be_visible()
    Fingers(page).tap(BODY, times=2)
    expect(back).to_have_count(0)


def test_another_symbol_brings_its_own_book(page: Page) -> None:
    page.get_by_role("button", name="Choose a market").click()
    page.get_by_role("dialog").get_by_role("button", name="ETH").click()
    page.wait_for_function("() => document.getElementById('touch').dataset.symbol === 'ETHUSDT'")
    wait_live(page)
    assert float(touch(page)["bid"]) < 20_000


def test_one_venue_is_shown_with_a_lasting_chip(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_role("button", name="Bybit").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.locator(".only")).to_have_text("Bybit only")
    page.reload()
    wait_live(page)
    expect(page.locator(".only")).to_have_text("Bybit only")


def test_without_a_server_the_last_picture_is_shown_as_the_past(page: Page, phone: BrowserContext) -> None:
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    page.reload()
    expect(page.locator("html")).not_to_have_attribute("data-connection", "open")
    expect(page.locator(".age")).to_contain_text("s")
    kept = touch(page)
    assert float(kept["bid"]) > 0
    expect(page.locator("html")).to_have_attribute("data-freshness", "stale")
    expect(page.locator(".age")).to_contain_text("last seen")
    expect(page.locator(".watermark")).to_have_text("SIMULATED")
    assert touch(page)["bid"] == kept["bid"]
    phone.set_offline(False)
    wait_live(page)


def test_chromium_finds_nothing_that_keeps_it_from_installing_the_app(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []
    assert session.send("Page.getAppManifest")["errors"] == []


def test_the_price_leads_to_the_facts_of_the_market_and_a_cluster_in_them_to_its_row(
    still_page: Page, complaints: list[str]
) -> None:
    page = still_page
    page.evaluate(AXE.read_text())
    page.get_by_role("button", name="Market facts").click()
    sheet = page.get_by_role("dialog")
    for name, value in (
        ("Open interest", "$8.5 B"),
        ("OI against its month", "+0.6 deviations"),
        ("Fuel within an hour's range", "more forced buying above"),
        ("Thinner way, fuel counted", "up"),
        ("Fuel outweighs the book", "above 77,390"),
    ):
        expect(sheet.locator(".facts > div", has_text=name)).to_contain_text(value)
    assert violations(page) == []
    expect(page.get_by_role("button", name="Back to price")).to_have_count(0)
    sheet.get_by_role("button", name="L2").click()
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    assert complaints == []


def test_a_market_without_orders_and_trades_has_no_rows_yet(
    phone: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = still.ladder
    nothing = np.zeros(0, np.int64)

    def empty(*asked: Any) -> LadderView:
        rows = {"bid_rows": nothing, "bid_lots": nothing, "ask_rows": nothing, "ask_lots": nothing}
        return replace(made(*asked), bid_tick=0, ask_tick=0, prints=[], **rows)

    monkeypatch.setattr(still, "ladder", empty)
    with standing_still(still.StillServer()) as market:
        page = phone.new_page()
        page.goto(market.address)
        expect(page.get_by_text("Waiting for the first picture")).to_be_visible()
        expect(page.locator(".picture")).to_be_hidden()
        monkeypatch.setattr(still, "ladder", made)
        # The next one has a book: a phone that asks anew is sent all of it.
        page.reload()
        wait_live(page)
        expect(page.locator(".picture canvas").first).to_be_visible()


def test_a_painter_that_cannot_be_fetched_is_tried_again(server: str, chromium: Browser) -> None:
    context = chromium.new_context(viewport=PHONE)
    asked = 0

    def refuse_at_first(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked <= 2:
            route.abort()
        else:
            route.continue_()

    context.route("**/ladder_painter.js", refuse_at_first)
    page = context.new_page()
    page.goto(f"{server}/#ladder")
    expect(page.locator(".picture[data-painted]")).to_be_visible()
    assert asked > 2
    context.close()


def test_the_picture_of_one_market_is_not_seen_under_the_name_of_another(page: Page) -> None:
    picture = page.locator(".picture")
    expect(picture).to_be_visible()
    page.evaluate(
        """() => {
          const picture = document.querySelector('.picture');
          const bid = () => document.getElementById('touch').dataset.bid;
          window.seen = [];
          new MutationObserver(() => window.seen.push(['painted' in picture.dataset, bid()]))
            .observe(picture, { attributeFilter: ['data-painted'] });
        }"""
    )
    Fingers(page).drag((380, 400), (250, 410))
    page.wait_for_function("() => window.seen.length >= 2")
    # Gone before the other market is there, and back when that is painted.
    (painted, before), *later = page.evaluate("() => window.seen")
    assert (painted, before) == (False, "")
    assert all(painted and float(after) > 0 for painted, after in later)
