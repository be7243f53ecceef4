"""Answers of the venues' REST side, damaged: the loaders leave out what makes no sense, and never fail."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import BookState
from leadline.domain.trades import TICK, Trades
from leadline.errors import VenueError
from leadline.twin.faults import Faults
from leadline.twin.main import SERVERS
from leadline.twin.world import START_MS, World
from leadline.venues.base import Fetch
from leadline.venues.budget import SILENCES, silence_s
from leadline.venues.clock_offset import measure_offset
from leadline.venues.history import load_history
from leadline.venues.instruments import load_instruments
from leadline.venues.rest import Reply, Rest
from leadline.venues.tiers import load_tiers
from tests.fuzz.budget import VENUES, fuzz
from tests.server.venues.test_scan import damaged
from tests.twin.simulation import call

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
HOUR_MS = 3_600_000
T = TypeVar("T")


class DamagedRest:
    """Answers as the twin does, but now and then damaged or with another status."""

    def __init__(self, venue: str, server: Any, rng: random.Random) -> None:
        self.venue = venue
        self._server = server
        self._rng = rng

    async def get(self, path: str, weight: float = 1, priority: object = None) -> Reply:
        return await self.ask(path, weight, priority)

    async def ask(self, path: str, weight: float, priority: object, **posted: object) -> Reply:
        status, _, body = call(self._server, path)
        if self._rng.random() < 0.1:
            status = self._rng.choice([0, 200, 403, 451, 500])
        if self._rng.random() < 0.7:
            for _ in range(self._rng.randint(1, 3)):
                with suppress(ValueError, IndexError):  # it is no JSON any more
                    body = damaged(body, self._rng)
        return Reply(status, body, "", START_MS, START_MS + 20)


def ran(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("it waits for something")


@pytest.fixture(scope="module")
def servers() -> dict[str, Any]:
    world = World(3, history_days=0.1, symbols=SYMBOLS)
    return {venue: SERVERS[venue](world, Faults()) for venue in VENUES}


@pytest.mark.parametrize("venue", VENUES)
@fuzz(examples=40)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_answer_makes_a_loader_fail(servers: dict[str, Any], venue: str, seed: int) -> None:
    rest = cast(Rest, DamagedRest(venue, servers[venue], random.Random(seed)))
    with suppress(VenueError):
        for made in ran(load_instruments(venue, rest, SYMBOLS)).values():
            history = ran(load_history(venue, rest, made, START_MS - 2 * HOUR_MS, START_MS))
            times = [bar.at_ms for bar in history.candles]
            assert times == sorted(set(times))
            assert all(min(bar.open, bar.high, bar.low, bar.close) > 0 for bar in history.candles)
            tiers = ran(load_tiers(rest, made, 77_000.0, START_MS))
            assert len(tiers.rows)
    offset_ms = ran(measure_offset(venue, rest))
    assert offset_ms is None or isinstance(offset_ms, int)


@pytest.mark.parametrize("venue", VENUES)
@fuzz(examples=100)
@given(
    status=st.sampled_from([*SILENCES, 200, 500]),
    named=st.text(max_size=12) | st.integers(-(10**20), 10**20).map(str),
    body=st.binary(max_size=60) | st.sampled_from([b'{"code":"50011"}', b'{"retCode":10006}']),
    now_ms=st.integers(0, 2**45),
)
def test_no_refusal_asks_for_more_quiet_than_any_venue_does(
    venue: str, status: int, named: str, body: bytes, now_ms: int
) -> None:
    headers = {"Retry-After": named, "X-Bapi-Limit-Reset-Timestamp": named}
    wait_s = silence_s(venue, status, headers, body, now_ms)
    assert 0 <= wait_s <= max(rule.max_s for rule in SILENCES.values())
    assert wait_s or status not in SILENCES


@pytest.mark.parametrize("purpose", ["snapshot", "audit", "open_interest", "instruments"])
@fuzz(examples=25)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_answer_makes_an_adapter_fail(servers: dict[str, Any], purpose: str, seed: int) -> None:
    from tests.server.venues.test_hostile_input import live

    rng = random.Random(seed)
    for venue in VENUES:
        protocol = live(venue)
        native = protocol.books["BTCUSDT"].instrument.native
        path = {
            "instruments": "/fapi/v1/exchangeInfo",
            "open_interest": "/fapi/v1/openInterest?symbol=BTCUSDT",
        }.get(purpose, "/fapi/v1/depth?symbol=BTCUSDT&limit=5")
        reply = ran(DamagedRest("binance", servers["binance"], rng).get(path))
        list(protocol.answer(Fetch(purpose, native, path), reply.status, reply.body, 1_000))
        list(protocol.tick(2_000))


@fuzz(examples=50)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_answer_about_missing_trades_costs_the_book_or_tells_more_than_was_missing(seed: int) -> None:
    from tests.server.venues.test_hostile_input import live

    rng, protocol = random.Random(seed), live("binance")
    rows = [
        {"e": "aggTrade", "s": "BTCUSDT", "a": n, "p": "1.1", "q": "1", "T": n, "m": True}
        for n in range(1, 40)
    ]
    for row in (rows[0], rows[-1]):
        list(protocol.receive("market", orjson.dumps(row), 1_000))
    (fetch,) = [one for one in protocol.tick(2_000) if isinstance(one, Fetch) and "aggTrades" in one.path]
    body = orjson.dumps(rows)
    for _ in range(rng.randint(1, 3)):
        with suppress(ValueError, IndexError):  # it is no JSON any more
            body = damaged(body, rng)
    told = [one for one in protocol.answer(fetch, 200, body, 2_100) if isinstance(one, Trades)]
    assert all(one.late and one.columns[TICK].min() > 0 and len(one) <= len(rows) - 2 for one in told)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.epoch, book.stats.resyncs) == (BookState.LIVE, 1, 0)
