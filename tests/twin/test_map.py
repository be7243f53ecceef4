"""The map end to end: a market over the twin, a real server, and a phone that holds what the domain drew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from leadline.clock import SystemClock
from leadline.domain.heat import usd_of
from leadline.domain.heatmap import Grid, VenueColumns, picture
from leadline.feed.hub import Hub
from leadline.feed.market import Market
from leadline.limits import MAP_HOURS, MAP_STEP_MIN
from leadline.store.history import HistoryStore
from leadline.twin.main import Twin
from leadline.venues.endpoints import Endpoints
from leadline.wire.map_reader import MapReader
from leadline.wire.reader import MapColumn, MapKeyframe, Refused, decode
from tests.fakes.server import serving

SYMBOL, VENUES = "BTCUSDT", ("binance", "okx", "bybit")
KEYFRAME_BYTES_MAX = 60_000
USD = np.array([usd_of(code) for code in range(256)])


class AheadClock(SystemClock):
    """The system's clock, moved ahead by hand: a minute need not be waited for."""

    ahead_ms = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_ms


class Phone:
    """A map of one view over a real socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.map: MapReader | None = None
        self.keyframe_bytes = self.column_bytes = 0

    async def ask(self, hours: int, venue: str = "all", opened: str = "all") -> None:
        wish = {"kind": "map", "symbol": SYMBOL, "venue": venue, "hours": hours, "opened": opened}
        await self.socket.send(msgpack.packb([1, 7, wish]))

    async def until(self, reached: Callable[[MapReader], bool]) -> MapReader:
        async with asyncio.timeout(60):
            while self.map is None or not reached(self.map):
                raw = await self.socket.recv()
                assert isinstance(raw, bytes)
                message = decode(raw)
                if isinstance(message, MapKeyframe):
                    self.map, self.keyframe_bytes = MapReader(message), len(raw)
                elif isinstance(message, MapColumn):
                    assert self.map is not None
                    self.map.apply(message)
                    self.column_bytes = len(raw)
                elif isinstance(message, Refused):
                    raise AssertionError(message.text)
        return self.map


@contextlib.asynccontextmanager
async def serving_twin(static: Path, days: float) -> AsyncIterator[tuple[Hub, AheadClock, int]]:
    async with (
        Twin(seed=11, history_days=days, symbols=[SYMBOL]) as twin,
        serving_market(static, twin) as made,
    ):
        yield made


@contextlib.asynccontextmanager
async def serving_market(
    static: Path, twin: Twin, kept_in: Path | None = None
) -> AsyncIterator[tuple[Hub, AheadClock, int]]:
    endpoints = {
        venue: Endpoints(*(f"{scheme}://127.0.0.1:{twin.ports[venue]}" for scheme in ("http", "ws")))
        for venue in VENUES
    }
    clock = AheadClock()
    hub = Hub(clock, "twin", simulated=True)
    store = HistoryStore(kept_in, "twin", 30) if kept_in is not None else None
    try:
        running = asyncio.create_task(Market(hub, [SYMBOL], endpoints, store=store).run())
        try:
            async with serving(hub, static) as port, asyncio.timeout(120):
                while len(hub.sessions[SYMBOL].venues) < len(VENUES) or hub.sessions[SYMBOL].price() is None:
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.02)
                yield hub, clock, port
            assert not running.done(), running.exception()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        if store is not None:
            await asyncio.to_thread(store.close, 60.0)


def phone(port: int) -> connect:
    return connect(f"ws://127.0.0.1:{port}/live", subprotocols=["leadline.v3"], max_size=None)  # type: ignore[list-item]


def whole(shown: MapReader) -> bool:
    return shown.columns > 0 and shown.facts["progress"] == 1.0 and len(facts(shown, "venues")) == len(VENUES)


def facts(shown: MapReader, name: str) -> Any:
    return shown.facts[name]


def drawn(hub: Hub, shown: MapReader, venue: str = "all") -> Any:
    """Return the picture that the server's columns give on the rows that the phone holds."""
    heat = hub.sessions[SYMBOL].heat
    assert heat is not None
    step = 5e-4
    row_bins = round(np.log(shown.facts["ratio"]) / step)
    grid = Grid(round(np.log(shown.facts["low"]) / step), row_bins, shown.rows)
    views = list(heat.columns.of_view(venue).values())
    opened_in = shown.facts["opened"] == "range"
    return picture(views, grid, shown.first_min, shown.step_min, shown.columns, opened_in)


async def test_a_phone_holds_what_the_domain_drew_and_follows_it_by_the_minute(tmp_path: Path) -> None:
    async with (
        serving_twin(tmp_path, days=2.0) as (hub, clock, port),
        phone(port) as one,
        phone(port) as other,
    ):
        first = Phone(one)
        await first.ask(12)
        shown = await first.until(whole)
        made = drawn(hub, shown)
        assert np.array_equal(shown.long, made.long)
        assert np.array_equal(shown.short, made.short)
        np.testing.assert_array_equal(shown.candles, made.candles.astype(np.float32))
        assert (made.marks > 0).mean() > 0.99, "columns of the range are missing"
        assert first.keyframe_bytes <= KEYFRAME_BYTES_MAX
        assert sum(one["share"] for one in facts(shown, "venues")) == pytest.approx(1.0, abs=0.001)
        assert facts(shown, "flags") & 4, "a simulated map must say so"
        book, session = facts(shown, "book"), hub.sessions[SYMBOL]
        assert any(book["bids"])
        # Where every order is known: about price, and not as far as the book of the venue that tells most.
        known, end = book["known"]
        row = int(np.log((session.price() or 0) / facts(shown, "low")) / np.log(facts(shown, "ratio")))
        assert 0 < known <= row < end < shown.rows
        assert any(book["asks"][end:]) or any(book["bids"][:known])
        assert facts(shown, "part") == 1.0
        assert session.day_change_pct() is not None, "its history reaches back two days"
        young = Phone(other)
        await young.ask(12, opened="range")
        fresh = await young.until(whole)
        assert np.array_equal(fresh.short, drawn(hub, fresh).short)
        assert 0.0 < facts(fresh, "part") < 1.0
        assert USD[fresh.long].sum() < USD[shown.long].sum()
        # Its clusters are those of what it shows, and its colours stand for as much less.
        last = {"long": USD[fresh.long[-1]].sum(), "short": USD[fresh.short[-1]].sum()}
        found = facts(fresh, "clusters")
        assert found
        assert {one["name"] for one in found} == {""}
        for side, usd in last.items():
            assert sum(one["usd"] for one in found if one["side"] == side) <= 1.01 * usd
        assert facts(fresh, "top_usd") == pytest.approx(
            facts(shown, "top_usd") * facts(fresh, "part"), rel=0.1
        )

        minutes, tape = hub.sessions[SYMBOL].heat.columns, hub.sessions[SYMBOL].tape  # type: ignore[union-attr]
        for ahead_min in (1, 2, 3):
            # A minute in which no venue told a price gets no column.
            trades, ended = tape.count, minutes.ended
            while tape.count < trades + 20:
                await asyncio.sleep(0.02)
            clock.ahead_ms = 60_000 * ahead_min
            while minutes.ended == ended:
                await asyncio.sleep(0.02)
        newest = max(columns.newest_minute for columns in minutes.venues.values())
        shown = await first.until(lambda held: held.first_min + held.columns - 1 == newest)
        assert first.column_bytes, "the map was sent whole instead of by the column"
        made = drawn(hub, shown)
        assert np.array_equal(shown.long, made.long)
        assert np.array_equal(shown.short, made.short)
        assert first.column_bytes <= 6_000, "more than 100 bytes a second"
        fresh = await young.until(lambda held: held.first_min + held.columns - 1 == newest)
        made = drawn(hub, fresh)
        assert np.array_equal(fresh.long[-1], made.long[-1])
        assert facts(fresh, "part") == pytest.approx(made.part, abs=0.001)


async def test_all_ranges_and_single_venues_share_one_encoding(tmp_path: Path) -> None:
    async with serving_twin(tmp_path, days=1.0) as (hub, _, port), phone(port) as one, phone(port) as other:
        held: dict[int, MapReader] = {}
        for hours in MAP_HOURS:
            watching = Phone(one)
            await watching.ask(hours)
            held[hours] = await watching.until(
                lambda shown, hours=hours: whole(shown) and shown.columns == hours * 60 // MAP_STEP_MIN[hours]
            )  # type: ignore[misc]
            assert watching.keyframe_bytes <= KEYFRAME_BYTES_MAX
        assert held[168].facts["ratio"] > held[12].facts["ratio"]
        streams = len(hub.streams)
        again = Phone(other)
        await again.ask(24)
        await again.until(whole)
        assert len(hub.streams) == streams
        alone = Phone(other)
        await alone.ask(24, "okx")
        shown = await alone.until(lambda held: held.columns > 0)
        made = drawn(hub, shown, "okx")
        assert [one["venue"] for one in facts(shown, "venues")] == ["okx"]
        assert np.array_equal(shown.short, made.short)
        assert made.oi_usd[-1] < held[24].facts["oi_usd"]


async def test_a_second_start_shows_what_the_first_one_kept(tmp_path: Path) -> None:
    asked: list[int] = []
    pictures: list[MapReader] = []
    kept: list[dict[str, VenueColumns]] = []
    async with Twin(seed=12, history_days=7.0, symbols=[SYMBOL]) as twin:
        for _ in range(2):
            async with (
                serving_market(tmp_path, twin, tmp_path / "hist") as (hub, _, port),
                phone(port) as socket,
            ):
                watching = Phone(socket)
                await watching.ask(168)
                pictures.append(await watching.until(whole))
                assert watching.keyframe_bytes <= KEYFRAME_BYTES_MAX
                asked.append(sum(status.rest.requests for status in hub.statuses.values() if status.rest))
                heat = hub.sessions[SYMBOL].heat
                assert heat is not None
                kept.append(heat.columns.of_view("all"))
    assert asked[1] < asked[0] - 40, "the second start asked for what it had"
    first, second = pictures
    assert (second.long.any(axis=1) | second.short.any(axis=1)).mean() > 0.99
    # But for the half hour that is fetched to compare, they are the very same columns.
    count = first.columns - 5
    for venue, columns in kept[0].items():
        one, other = (made.read(second.first_min, 15, count) for made in (columns, kept[1][venue]))
        assert np.array_equal(one.codes, other.codes)
        assert np.array_equal(one.marks, other.marks)
        np.testing.assert_array_equal(one.candles, other.candles)
