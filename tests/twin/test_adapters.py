"""The adapters against the twin under faults: what is called live equals the truth, always.

LEADLINE_SEEDS="1-200" runs more seeds than the few of an ordinary run; LEADLINE_SEED_S how long each.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import pytest

from leadline.domain.events import BookChanged, BookState, Event, Mark, OpenInterest
from leadline.domain.trades import Trades
from leadline.twin.faults import Faults
from leadline.twin.main import Twin
from leadline.venues.base import VenueBook
from leadline.venues.bybit import DEPTH
from leadline.venues.endpoints import Endpoints
from leadline.venues.instruments import load_instruments
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from tests.twin.reading import read_by_seed

VENUES = ("binance", "bybit", "okx")
SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
SEED_S = float(os.environ.get("LEADLINE_SEED_S", "6"))
SAMPLES_MIN, SAMPLES_MAX = 10, 60
PATIENCE_S = 30
SLOW_KINDS = (Trades, Mark, OpenInterest)
HARSH = Faults(drop=0.03, duplicate=0.03, reorder=0.02, stale_snapshot=0.3, close_every_s=2.5)

Levels = list[list[str]]


def seeds() -> list[int]:
    text = os.environ.get("LEADLINE_SEEDS", "1-2")
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


@dataclass
class Sample:
    symbol: str
    update_id: int
    bids: Levels
    asks: Levels
    reach: tuple[float, float]  # the prices a REST snapshot covered; beyond them only changes are known


@dataclass
class Follower:
    """One venue followed by the real adapter; keeps copies of some books it called live."""

    venue: str
    rng: random.Random
    books: dict[str, VenueBook] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def has_enough(self) -> bool:
        return len(self.samples) >= SAMPLES_MIN and all(self.seen[kind.__name__] for kind in SLOW_KINDS)

    def take(self, events: list[Event]) -> None:
        for event in events:
            self.seen[type(event).__name__] += 1
            if isinstance(event, BookChanged) and event.state is BookState.LIVE:
                self.seen["live"] += 1
                if len(self.samples) < SAMPLES_MAX and self.rng.random() < 0.3:
                    self._sample(event)

    def _sample(self, event: BookChanged) -> None:
        held = self.books[event.symbol]
        assert held.state is BookState.LIVE
        assert not held.book.crossed
        made = held.instrument
        sides = [
            [[made.tick.text(t), made.lot.text(n)] for t, n in zip(*map(list, levels), strict=True)]
            for levels in (held.book.bids(), held.book.asks())
        ]
        reach = (0.0, float("inf"))
        if self.venue == "binance":
            low, high = held.known
            reach = (made.price(low) - 1e-9, made.price(high) + 1e-9)
        self.samples.append(Sample(event.symbol, held.update_id, *sides, reach))


async def follow(twin: Twin, follower: Follower, seconds: float) -> None:
    port = twin.ports[follower.venue]
    endpoints = Endpoints(rest=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}")
    async with Rest(follower.venue, endpoints.rest) as rest:
        instruments = await load_instruments(follower.venue, rest, SYMBOLS)
        protocol = make_protocol(follower.venue, list(instruments.values()))
        read_by_seed(protocol, twin.world.seed)
        follower.books = protocol.books
        source = VenueSource(protocol, endpoints, follower.take, rest=rest)
        running = asyncio.create_task(source.run())
        # At least the time asked for; on a busy machine as long as it takes to have something to judge.
        await asyncio.wait({running}, timeout=seconds)
        for _ in range(PATIENCE_S):
            if running.done() or follower.has_enough():
                break
            await asyncio.wait({running}, timeout=1)
        assert not running.done(), "the source ended by itself"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def assert_true(held: Levels, truth: Levels, reach: tuple[float, float], where: str) -> None:
    """Inside the reach the levels are the same; beyond it each one held is a true one."""
    low, high = reach
    held_sizes, true_sizes = (
        {float(price): float(size) for price, size in levels} for levels in (held, truth)
    )
    assert {p: n for p, n in held_sizes.items() if low <= p <= high} == {
        p: n for p, n in true_sizes.items() if low <= p <= high
    }, where
    assert held_sizes.items() <= true_sizes.items(), where
    assert [float(price) for price, _ in held] == [p for p in true_sizes if p in held_sizes], where


async def compare(twin: Twin, follower: Follower) -> int:
    """Compare every sample with the truth at its update id; return how many the truth still knew."""
    compared = 0
    base = f"http://127.0.0.1:{twin.ports['truth']}/truth/book"
    async with aiohttp.ClientSession() as http:
        for sample in follower.samples:
            query = {
                "venue": follower.venue,
                "symbol": sample.symbol,
                "update_id": str(sample.update_id),
                "topic": f"orderbook.{DEPTH}",
            }
            async with http.get(base, params=query) as answer:
                assert answer.status == 200, (
                    f"{follower.venue} {sample.symbol}: no book at {sample.update_id}"
                )
                truth = await answer.json()
            where = f"{follower.venue} {sample.symbol} at {sample.update_id}"
            assert_true(sample.bids, truth["bids"], sample.reach, where)
            assert_true(sample.asks, truth["asks"], sample.reach, where)
            compared += 1
    return compared


async def run(seed: int, faults: Faults, seconds: float) -> dict[str, Follower]:
    followers = {venue: Follower(venue, random.Random(f"{seed} {venue}")) for venue in VENUES}
    async with Twin(seed=seed, faults=dict.fromkeys(VENUES, faults), history_days=0.02) as twin:
        await asyncio.gather(*(follow(twin, follower, seconds) for follower in followers.values()))
        for follower in followers.values():
            assert await compare(twin, follower) == len(follower.samples) > 0, f"seed {seed}: {follower.seen}"
    return followers


async def test_without_faults_every_book_is_live_and_true_without_a_gap() -> None:
    followers = await run(seed=1, faults=Faults(), seconds=5.0)
    for follower in followers.values():
        for book in follower.books.values():
            assert (book.stats.gaps, book.stats.resyncs, book.stats.protocol_errors) == (0, 0, 0)
            assert book.epoch == 1
        for kind in SLOW_KINDS:
            assert follower.seen[kind.__name__] > 0, f"{follower.venue} told no {kind.__name__}"


@pytest.mark.parametrize("seed", seeds())
async def test_under_faults_nothing_called_live_differs_from_the_truth(seed: int) -> None:
    followers = await run(seed, HARSH, SEED_S)
    resyncs = sum(book.stats.resyncs for made in followers.values() for book in made.books.values())
    assert resyncs > 0, f"seed {seed}: the faults had no effect"


@pytest.mark.parametrize("seed", seeds())
async def test_cut_frames_are_counted_and_never_believed(seed: int) -> None:
    followers = await run(seed, Faults(corrupt=0.05), SEED_S)
    errors = sum(book.stats.protocol_errors for made in followers.values() for book in made.books.values())
    assert errors > 0
