"""An independent client accepts the twin: ccxt.pro builds the books that the truth knows."""

from __future__ import annotations

import contextlib
from typing import Any

import aiohttp
import pytest

from leadline.twin.main import Twin
from tests.twin.followers import get

pro = pytest.importorskip("ccxt.pro")

LEVELS = 40
BOOKS = 8
SYMBOL = "BTC/USDT:USDT"


def client(venue: str, port: int) -> Any:
    rest, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    if venue == "binance":
        made = pro.binanceusdm({"enableRateLimit": False})
        for name in ("fapiPublic", "fapiPublicV2", "fapiPublicV3", "fapiData"):
            made.urls["api"][name] = made.urls["api"][name].replace("https://fapi.binance.com", rest)
        made.urls["api"]["ws"]["linear"] = f"{ws}/ws"
    elif venue == "bybit":
        made = pro.bybit({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["linear"]}}})
        made.urls["api"]["public"] = rest
        made.urls["api"]["ws"]["public"]["linear"] = f"{ws}/v5/public/linear"
    else:
        made = pro.okx({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["swap"]}}})
        made.urls["api"]["rest"] = rest
        made.urls["api"]["ws"] = f"{ws}/ws/v5"
    return made


async def watched(exchange: Any) -> Any:
    """Return the next book; ccxt gives up on a snapshot older than its stream and must be asked again."""
    for _ in range(5):
        with contextlib.suppress(pro.ChecksumError):
            return await exchange.watch_order_book(SYMBOL)
    raise AssertionError("no book in five tries")


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
async def test_ccxt_builds_the_true_book(venue: str) -> None:
    async with Twin(3, history_days=0.06) as twin, aiohttp.ClientSession() as http:
        exchange = client(venue, twin.ports[venue])
        try:
            for _ in range(BOOKS):
                book = await watched(exchange)
                sides = [[row[:2] for row in book[side][:LEVELS]] for side in ("bids", "asks")]
                # ccxt keeps no sequence for Bybit, but the time of the frame, 2 ms after the book's.
                at = {"at_ms": book["timestamp"] - 2, "topic": "orderbook.50"}
                at = at if venue == "bybit" else {"update_id": book["nonce"]}
                true = await get(
                    http, twin.ports["truth"], "/truth/book", venue=venue, symbol="BTCUSDT", **at
                )
                assert sides == [
                    [[float(text) for text in row] for row in true[side][:LEVELS]]
                    for side in ("bids", "asks")
                ]
            trade = (await exchange.watch_trades(SYMBOL))[-1]
            assert trade["side"] in ("buy", "sell")
            interest = await exchange.fetch_open_interest(SYMBOL)
            assert interest["openInterestAmount"] > 0
            candles = await exchange.fetch_ohlcv(SYMBOL, "5m", limit=3)
            assert len(candles) == 3
        finally:
            await exchange.close()
