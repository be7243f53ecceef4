"""A real recording on the phone: what it shows is what the venue's own best-quote stream said."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import PHONE, Serving, touch, wait_live
from tests.browser.fingers import Fingers
from tests.fakes.captures import capture

RECORDING = "binance_usdm/ethusdt_20240718_depth_trade_bbo.txt.gz"
# It goes on where another one ends, and so has trades but no book.
WITHOUT_A_SNAPSHOT = "binance_usdm/btcusdt_20230405_depth_trade_bbo_mark.txt.gz"
MESSAGES_MIN = 3_000
SPINE_X = 198  # the price column of a phone 390 wide


def cut_at_a_checked_book(source: Path, target: Path) -> tuple[float, float]:
    """Copy a recording up to a book update that the best-quote stream also reports; return that quote."""
    lines = gzip.decompress(source.read_bytes()).splitlines()
    messages = [json.loads(line[line.index(b"{") :]).get("data", {}) for line in lines]
    quotes = {m["u"]: (float(m["b"]), float(m["a"])) for m in messages if m.get("e") == "bookTicker"}
    for index, message in enumerate(messages):
        if index > MESSAGES_MIN and message.get("e") == "depthUpdate" and message["u"] in quotes:
            target.write_bytes(b"\n".join(lines[: index + 1]))
            return quotes[message["u"]]
    raise AssertionError("no update of the recording has a quote of the same id")


def test_the_best_prices_equal_the_recorded_quote_of_the_same_update(
    serving: Serving, phone: BrowserContext, tmp_path: Path
) -> None:
    recording = tmp_path / "eth.txt"
    bid, ask = cut_at_a_checked_book(capture(RECORDING), recording)
    address = serving("replay", str(recording), "--speed", "30")
    page = phone.new_page()
    page.goto(address)
    expect(page.locator(".watermark")).to_contain_text(re.compile(r"REPLAY 2024-07-1\d \d\d:\d\d:\d\d"))
    # At its end the recording leaves its last book, and says that it is over.
    expect(page.locator("html")).to_have_attribute("data-freshness", "stale")
    page.wait_for_function(
        "([bid, ask]) => { const t = document.getElementById('touch').dataset;"
        " return Number(t.bid) === bid && Number(t.ask) === ask; }",
        arg=[bid, ask],
    )
    assert touch(page)["symbol"] == "ETHUSDT"


def test_without_a_book_the_rows_are_those_about_the_last_trade(
    serving: Serving, phone: BrowserContext
) -> None:
    address = serving("replay", str(capture(WITHOUT_A_SNAPSHOT)), "--loop")
    page = phone.new_page()
    page.goto(address)
    expect(page.locator("html")).to_have_attribute("data-freshness", "stale")
    expect(page.locator(".price")).to_contain_text("28,1")
    box = page.locator(".pane").bounding_box()
    assert box is not None
    Fingers(page).tap((SPINE_X, box["y"] + box["height"] / 2 - 100))
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"28,\d{3}"))


def test_a_recording_is_shown_with_its_day_its_source_and_what_it_has(
    serving: Serving, phone: BrowserContext
) -> None:
    address = serving("replay", str(capture(RECORDING)), "--loop")
    page = phone.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(address)
    wait_live(page)
    expect(page.locator(".watermark time")).to_be_visible()
    # The day it plays leaves room for where it comes from.
    expect(page.locator(".source")).to_have_text("1 venue")
    assert page.locator(".source").evaluate("it => it.scrollWidth <= it.clientWidth")
    # Nothing was recorded that a map could be made of: on its side the phone shows the market's facts.
    page.set_viewport_size({"width": 844, "height": 390})
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".panel")).to_contain_text("Market")
    expect(page.locator(".map-beside")).to_have_count(0)
    page.set_viewport_size(PHONE)
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_text("A recording is over: no alert fires in it.")).to_be_visible()
    for screen in ("Map", "Glance", "Ladder"):
        page.get_by_role("link", name=screen).click()
        expect(page.locator(".watermark time")).to_be_visible()
        if screen == "Glance":
            expect(page.locator(".glance-row")).to_contain_text("no liquidation estimate yet")
    assert complaints == []
