"""One answer that makes a first picture: small, whole, and refused with a sentence when it cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgpack
import numpy as np
import pytest

from leadline.clock import SystemClock
from leadline.domain.events import Mark, OpenInterest
from leadline.domain.leverage import bundled_tiers
from leadline.feed.estimate import SymbolHeat
from leadline.feed.session import SymbolSession
from leadline.venues.base import History
from leadline.wire.reader import GlanceKeyframe, Hello, Keyframe, LadderReader, State, decode
from tests.fakes.market import HandBook, hand_market, instrument
from tests.fakes.server import serving

BYTES_MAX = 20_000
SYMBOLS = ["BTCUSDT", *(f"COIN{number}USDT" for number in range(1, 16))]
VENUES = ("binance", "bybit", "okx")


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A server of sixteen symbols on three venues, books full, the first with an estimate."""
    market = hand_market()
    hub, clock = market.hub, SystemClock()
    hub.clock = clock
    hub.sessions.clear()
    random = np.random.default_rng(5)
    for symbol in SYMBOLS:
        heat = SymbolHeat(clock) if symbol == "BTCUSDT" else None
        session = hub.sessions[symbol] = SymbolSession(symbol, clock, False, heat)
        for venue in VENUES:
            book = HandBook(instrument(venue, symbol), received_ms=clock.monotonic_ms())
            lots = random.integers(1, 2**40, 400).tolist()
            book.book.replace(list(range(770_000, 769_600, -1)), lots, list(range(770_001, 770_401)), lots)
            session.attach(book.instrument, book)
            for lot in lots[:40]:
                session.accept(book.trade(770_000, lot))
            session.accept(Mark(venue, symbol, 0, 77_000.0))
            session.accept(OpenInterest(venue, symbol, 0, 90_000.0))
            if heat is not None:
                await heat.build(book.instrument, bundled_tiers(venue, symbol), History(), until_ms=0)
    async with serving(hub, tmp_path) as made:
        yield made


async def get(port: int, query: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/snapshot{query}") as answer,
    ):
        return answer.status, await answer.read()


async def test_a_snapshot_is_small_and_makes_a_whole_picture(port: int) -> None:
    status, body = await get(port, "?symbol=BTCUSDT&group=1&depth=40")
    assert status == 200
    assert len(body) <= BYTES_MAX
    hello, glance, keyframe, state = (decode(frame) for frame in msgpack.unpackb(body))
    assert isinstance(hello, Hello)
    assert isinstance(glance, GlanceKeyframe)
    assert isinstance(keyframe, Keyframe)
    assert isinstance(state, State)
    symbols: Any = hello.facts["symbols"]
    rows: Any = glance.key["rows"]
    assert [it["symbol"] for it in symbols] == SYMBOLS[:12]
    assert len(rows) == 12
    view = LadderReader(1, 40).apply(keyframe)
    assert (view.bid_tick, view.ask_tick, len(view.bid_rows), len(view.bands)) == (770_000, 770_001, 40, 400)
    assert state.facts["bands"] is not None


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("?symbol=NOPE&group=1", 404, "unknown symbol"),
        ("?symbol=BTCUSDT&group=1&venue=gate", 404, "unknown venue"),
        ("?symbol=BTCUSDT", 400, "expected group"),
        ("?symbol=BTCUSDT&group=x", 400, "expected group"),
        ("?symbol=BTCUSDT&group=1&depth=5000", 400, "expected depth"),
        ("?symbol=BTCUSDT&group=1&kind=tape", 400, "expected"),
        ("?symbol=BTCUSDT&group=99999999999999999999", 400, "expected group"),
        ("", 400, "expected symbol"),
    ],
)
async def test_what_cannot_be_answered_is_refused(port: int, query: str, status: int, said: str) -> None:
    got, body = await get(port, query)
    assert (got, said in body.decode()) == (status, True), body
