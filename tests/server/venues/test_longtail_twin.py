"""The whole way of a long-tail venue: our process, ccxt in its own, and the twin's venues behind it.

ccxt's own Binance, Bybit and OKX stand for the long tail, for these are what the twin speaks and what the
native adapters can be compared with.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from leadline.clock import SystemClock
from leadline.domain.events import (
    BookChanged,
    BookState,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
)
from leadline.domain.trades import Trades
from leadline.errors import UsageError
from leadline.feed.hub import Hub
from leadline.feed.market import Market
from leadline.twin.main import Twin
from leadline.venues.endpoints import Endpoints
from leadline.venues.instruments import load_instruments
from leadline.venues.longtail import Listed, LongTailOptions
from leadline.venues.longtail_source import LongTailSource
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from tests.twin.followers import get

pytest.importorskip("ccxt")

TWIN_OF = {"binanceusdm": "binance", "bybit": "bybit", "okx": "okx"}
ADDRESSES = {
    "binanceusdm": ("https://fapi.binance.com", "wss://fstream.binance.com"),
    "bybit": ("https://api.{hostname}", "wss://stream.{hostname}"),
    "okx": ("https://{hostname}", "wss://ws.okx.com:443"),
}
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
WATCH_S = 6.0
LEVELS = 50
SAMPLES_MAX = 25


def options(venue: str, ports: dict[str, int]) -> LongTailOptions:
    port, (rest, ws) = ports[TWIN_OF[venue]], ADDRESSES[venue]
    return LongTailOptions(hosts={rest: f"http://127.0.0.1:{port}", ws: f"ws://127.0.0.1:{port}"})


@dataclass
class Sample:
    """The best levels of a book at the moment it was called live."""

    venue: str
    symbol: str
    update_id: int
    at_ms: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


@dataclass
class Tail:
    """A source at work, and all it told."""

    source: LongTailSource
    events: list[Event] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def take(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, BookChanged) and event.state is BookState.LIVE:
                self._sample(event)

    def _sample(self, event: BookChanged) -> None:
        kept = self.source.protocols[event.venue].books[event.symbol]
        made = kept.instrument
        sides = [
            [
                (made.tick.text(tick), made.lot.text(lots))
                for tick, lots in zip(*(column.tolist() for column in side), strict=True)
            ]
            for side in (kept.book.bids(LEVELS), kept.book.asks(LEVELS))
        ]
        self.samples.append(Sample(event.venue, event.symbol, kept.update_id, kept.at_ms, *sides))

    def states(self) -> set[BookState]:
        return {book.state for protocol in self.source.protocols.values() for book in protocol.books.values()}

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.02)

    async def until_live(self, books: int) -> None:
        def all_live() -> bool:
            held = [book for protocol in self.source.protocols.values() for book in protocol.books.values()]
            return len(held) == books and self.states() == {BookState.LIVE}

        await self.until(all_live)


@contextlib.asynccontextmanager
async def tail(venues: dict[str, LongTailOptions], symbols: list[str]) -> AsyncIterator[Tail]:
    made: Tail
    source = LongTailSource(
        venues, symbols, lambda events: made.take(events), lambda told: made.listed.append(told)
    )
    made = Tail(source)
    async with _running(source.run()):
        yield made


@contextlib.asynccontextmanager
async def _running(coroutine: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def native(venue: str, port: int, sink: Callable[[list[Event]], None]) -> AsyncIterator[None]:
    """Run the native adapter of a venue of the twin."""
    endpoints = Endpoints(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
    async with Rest(venue, endpoints.rest) as rest:
        found = await load_instruments(venue, rest, SYMBOLS)
        source = VenueSource(make_protocol(venue, list(found.values())), endpoints, sink, rest=rest)
        async with _running(source.run()):
            yield


async def test_books_trades_and_slow_facts_are_those_of_the_venue() -> None:
    """One long run, because each costs seconds of importing ccxt: every book and trade is compared."""
    seen: dict[str, list[Event]] = {venue: [] for venue in TWIN_OF.values()}
    async with contextlib.AsyncExitStack() as stack:
        twin = await stack.enter_async_context(Twin(3, history_days=0.06))
        for venue, events in seen.items():
            await stack.enter_async_context(native(venue, twin.ports[venue], events.extend))
        venues = {venue: options(venue, twin.ports) for venue in TWIN_OF}
        made = await stack.enter_async_context(tail(venues, [*SYMBOLS, "NOSUCHUSDT"]))
        await made.until_live(books=6)
        await asyncio.sleep(WATCH_S)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        for sample in _chosen(made.samples):
            await _compare(http, twin.ports["truth"], sample)
        open_interest = {key: market.interest_coins for key, market in twin.world.markets.items()}

    assert {(told.venue, told.missing) for told in made.listed} == {
        (venue, ("NOSUCHUSDT",)) for venue in TWIN_OF
    }
    for venue, name in TWIN_OF.items():
        for symbol in SYMBOLS:
            _same_trades(_trades(seen[name], symbol), _trades(made.events, symbol, venue))
            told = [e for e in made.events if getattr(e, "symbol", "") == symbol and e.venue == venue]
            assert any(isinstance(event, Mark) for event in told)
            assert any(isinstance(event, Funding) for event in told)
            coins = [event.coins for event in told if isinstance(event, OpenInterest)]
            assert coins == pytest.approx([open_interest[name, symbol]] * len(coins), rel=0.02)
            assert coins
        _same_sides(seen[name], [e for e in made.events if e.venue == venue])
        assert made.source.protocols[venue].protocol_errors == 0


def _chosen(samples: list[Sample]) -> list[Sample]:
    """Return some samples of every venue, drawn over the whole run."""
    rng = random.Random(1)
    chosen: list[Sample] = []
    for venue in TWIN_OF:
        of_venue = [sample for sample in samples if sample.venue == venue]
        assert len(of_venue) > SAMPLES_MAX
        chosen += rng.sample(of_venue, SAMPLES_MAX)
    return chosen


async def _compare(http: aiohttp.ClientSession, port: int, sample: Sample) -> None:
    # ccxt keeps no sequence for Bybit, but the time of the frame, 2 ms after the book's.
    at: dict[str, object] = {"update_id": sample.update_id}
    if sample.venue == "bybit":
        at = {"at_ms": sample.at_ms - 2, "topic": "orderbook.50"}
    true = await get(
        http, port, "/truth/book", venue=TWIN_OF[sample.venue], symbol=sample.symbol, limit=LEVELS, **at
    )
    for side, kept in (("bids", sample.bids), ("asks", sample.asks)):
        assert [(float(price), float(size)) for price, size in true[side]] == [
            (float(price), float(size)) for price, size in kept
        ], (sample.venue, sample.symbol, sample.update_id)


TradeKey = tuple[int, int, int, int]


def _trades(events: list[Event], symbol: str, venue: str | None = None) -> list[TradeKey]:
    return [
        (at_ms, tick, lots, taker)
        for event in events
        if isinstance(event, Trades) and event.symbol == symbol and venue in (None, event.venue)
        for at_ms, tick, lots, taker in event.columns.T.tolist()
    ]


def _same_trades(truth: list[TradeKey], told: list[TradeKey]) -> None:
    """Assert that between the first and the last second of both nothing is lost and nothing doubled."""
    since = max(truth[0][0], told[0][0]) + 1_000
    until = min(truth[-1][0], told[-1][0]) - 1_000
    inside = [Counter(row for row in rows if since <= row[0] < until) for rows in (truth, told)]
    assert inside[0] == inside[1]
    assert sum(inside[0].values()) > 10


def _same_sides(truth: list[Event], told: list[Event]) -> None:
    """Assert that each liquidation is one the native adapter told too, with the same side that died."""

    def keys(events: list[Event]) -> set[tuple[str, int, int, float]]:
        return {
            (event.symbol, event.at_ms, int(event.side), round(event.coins, 6))
            for event in events
            if isinstance(event, Liquidation)
        }

    assert keys(told) <= keys(truth)


async def test_a_killed_worker_leaves_stale_books_and_a_new_one_brings_them_back() -> None:
    async with Twin(4, history_days=0.06) as twin:
        async with tail({"binanceusdm": options("binanceusdm", twin.ports)}, ["BTCUSDT"]) as made:
            await made.until_live(books=1)
            child = made.source.child
            assert child is not None
            os.kill(child.pid, signal.SIGKILL)
            book = made.source.protocols["binanceusdm"].books["BTCUSDT"]
            await made.until(lambda: book.state is BookState.STALE)
            assert book.book.best_bid is not None
            await made.until_live(books=1)
            assert book.epoch == 2
            assert made.source.child is not None
            assert made.source.child.pid != child.pid
            last = made.source.child
        assert last.returncode == 0


async def test_the_market_serves_such_a_venue_and_says_it_is_unverified() -> None:
    async with Twin(5, history_days=0.06) as twin:
        hub = Hub(SystemClock(), "twin", simulated=True)
        market = Market(hub, ["BTCUSDT"], {}, longtail={"binanceusdm": options("binanceusdm", twin.ports)})
        session = hub.sessions["BTCUSDT"]
        async with _running(market.run()), asyncio.timeout(60):
            while not session.venues or session.views("all")[0].book.state is not BookState.LIVE:
                await asyncio.sleep(0.05)
            (entry,) = session.state("all", 1)["venues"]  # type: ignore[misc]  # a list of one entry
            assert (entry["venue"], entry["state"], entry["unverified"]) == ("binanceusdm", "live", True)
            assert session.ladder("all", 1, 10, 0).bid_tick > 0
            while (
                session.heat is None
                or session.heat.summary("all", session.tick, 10, session.pace, None)["bands"] is None
            ):
                await asyncio.sleep(0.1)


async def test_a_server_without_ccxt_ends_with_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ccxt.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    market = Market(Hub(SystemClock(), "live", False), ["BTCUSDT"], {}, longtail={"gate": LongTailOptions()})
    with pytest.raises(UsageError, match=r"gate: ccxt is not installed; `pip install 'leadline\[ccxt\]'`"):
        async with asyncio.timeout(30):
            await market.run()


def test_no_part_of_the_server_imports_ccxt() -> None:
    code = """
import sys
from argparse import ArgumentParser
import leadline.app, leadline.cli, leadline.feed.market, leadline.market_choice
from leadline.config import add_flags, load_settings
parser = ArgumentParser()
add_flags(parser)
settings = load_settings(parser.parse_args(["--venues", "binance,gate"]), {})
assert settings.venues == ("binance", "gate")
assert not [name for name in sys.modules if name.startswith("ccxt")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
