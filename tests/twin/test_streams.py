"""Every stream a phone may watch, over a real server that follows the twin's three venues."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from leadline.clock import SystemClock
from leadline.feed.hub import Hub
from leadline.feed.market import Market
from leadline.twin.main import Twin
from leadline.wire.reader import (
    GlanceChanges,
    GlanceKeyframe,
    Hello,
    PulseKeyframe,
    Subscribed,
    TapeKeyframe,
    TapePrints,
    decode,
)
from tests.fakes.server import serving
from tests.twin.markets import SYMBOLS, endpoints_of, live
from tests.wire.watchlists import changed_rows

VENUES = ("binance", "bybit", "okx")


@contextlib.asynccontextmanager
async def phone_of(tmp_path: Path) -> AsyncIterator[tuple[Hub, ClientConnection]]:
    """Yield a phone of a server whose books are all live."""
    async with Twin(seed=3, history_days=0.05) as twin:
        hub = Hub(SystemClock(), "twin", simulated=True)
        endpoints = {venue: endpoints_of(twin, venue)[venue] for venue in VENUES}
        running = asyncio.create_task(Market(hub, SYMBOLS, endpoints).run())
        try:
            async with serving(hub, tmp_path) as port:
                async with asyncio.timeout(20):
                    while not all(live(made, venue) for made in hub.sessions.values() for venue in VENUES):
                        assert not running.done(), running.exception()
                        await asyncio.sleep(0.02)
                async with connect(f"ws://127.0.0.1:{port}/live", subprotocols=["leadline.v3"]) as phone:  # type: ignore[list-item]
                    yield hub, phone
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def next_of(phone: ClientConnection, *kinds: type) -> Any:
    async with asyncio.timeout(10):
        while True:
            message = decode(await phone.recv())  # type: ignore[arg-type]
            if isinstance(message, kinds):
                return message


async def test_the_watchlist_the_tape_and_the_pulse_follow_the_market(tmp_path: Path) -> None:
    async with phone_of(tmp_path) as (hub, phone), asyncio.timeout(40):
        hello = await next_of(phone, Hello)
        wishes: list[dict[str, object]] = [
            {"kind": "glance", "symbols": SYMBOLS},
            {"kind": "tape", "symbol": "BTCUSDT", "venue": "all"},
            {"kind": "pulse", "symbol": "BTCUSDT", "hours": 12},
        ]
        keyframes = []
        for ref, wish in enumerate(wishes):
            await phone.send(msgpack.packb([1, ref, wish]))
            assert (await next_of(phone, Subscribed)).key == wish
            keyframes.append(await next_of(phone, GlanceKeyframe, TapeKeyframe, PulseKeyframe))
        glance, tape, pulse = keyframes
        rows: list[Any] = glance.key["rows"]
        sums = np.array(tape.key["sums"], dtype=float)
        venues_seen: set[str] = set()
        glances = 0
        while glances < 3 or venues_seen != set(VENUES):
            message = await next_of(phone, GlanceChanges, TapePrints)
            if isinstance(message, GlanceChanges):
                rows = changed_rows(rows, message.changes)
                glances += 1
                continue
            sums += message.sums
            venues_seen |= {hello.facts["venues"][index] for index in message.trades[2::5]}
            book = hub.sessions["BTCUSDT"].ladder("all", 1, 1, hub.sessions["BTCUSDT"].tape.count)
            assert all(abs(tick / book.bid_tick - 1) < 0.02 for tick in message.trades[::5])
        for symbol, row in zip(SYMBOLS, rows, strict=True):
            view = hub.sessions[symbol].ladder("all", 1, 1, 0)
            assert row[0] == 1
            assert abs(row[2] / view.bid_tick - 1) < 0.01
        heard = np.array(hub.sessions["BTCUSDT"].tape.sums_of("all"))
        assert (sums <= heard + 1).all()
        assert sums.sum() > sum(tape.key["sums"])
        assert pulse.key["columns"] == 720
