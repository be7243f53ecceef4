"""What a symbol's flow and book tell, over its venues."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from leadline.domain.events import BookState, Completeness, Liquidation, OpenInterest, PriceKind, Side
from leadline.domain.flow import TakerFlow
from leadline.domain.forced import Burst
from leadline.domain.regime import Regime
from leadline.domain.signals import Fuel, Told
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallEnd, WallGone, WhaleOrder
from leadline.feed.signals import SymbolSignals
from tests.fakes.market import HandMarket, hand_market

T = TypeVar("T")

MID = 10_000  # ticks of 0.1: a price of 1,000


class Running:
    """A market of one or more venues with a book of 400 levels a side, looked at once a second."""

    def __init__(self, *venues: str) -> None:
        self.market: HandMarket = hand_market(*venues)
        self.signals = SymbolSignals(self.market.session, "DOGE")
        self.random = np.random.default_rng(3)
        self.told: list[Told] = []

    def second(self, wall: dict[int, int] | None = None, fuel: Fuel | None = None, mid: int = MID) -> None:
        self.market.clock.now_ms += 1000
        for book in self.market.books.values():
            bids, asks = np.arange(mid, mid - 400, -1), np.arange(mid + 2, mid + 402)
            sizes = [self.random.integers(500, 2_000, 400) for _ in range(2)]
            for tick, lots in (wall or {}).items():
                sizes[0][bids == tick] = sizes[1][asks == tick] = lots
            book.book.replace(bids.tolist(), sizes[0].tolist(), asks.tolist(), sizes[1].tolist())
            book.received_ms = self.market.clock.now_ms
            self.market.session.accept(book.changed())
        self.told += self.signals.look(fuel)

    def trade(self, venue: str, tick: int, lots: int, taker: Side) -> None:
        event = self.market.books[venue].trade(tick, lots, taker)
        self.market.session.accept(event)
        self.told += self.signals.take(event, self.market.session.venues[venue])

    def die(self, venue: str, usd: float, completeness: Completeness) -> None:
        event = Liquidation(venue, "BTCUSDT", 0, Side.BUY, usd / 1000, 1000.0, PriceKind.FILL, completeness)
        self.told += self.signals.take(event, self.market.session.venues[venue])

    def of(self, kind: type[T]) -> list[T]:
        return [one.what for one in self.told if isinstance(one.what, kind)]


def test_a_wall_over_all_venues_is_found_and_its_end_told() -> None:
    running = Running("binance", "bybit")
    running.trade("binance", MID, 10, Side.BUY)
    for _ in range(60):
        running.second()
    for _ in range(10):
        running.second({MID - 100: 200_000})
    (order,) = running.of(WhaleOrder)
    group_price = 1000 * (1 - 0.01)
    assert order.side is Side.BUY
    assert order.usd > 2 * 200 * group_price * 0.9
    running.second()
    (gone,) = running.of(WallGone)
    assert gone.end is WallEnd.CANCELLED
    assert all(one.symbol == "BTCUSDT" and one.price == 1000.0 for one in running.told)


def test_a_lost_book_lets_walls_go_without_a_verdict() -> None:
    running = Running()
    running.trade("binance", MID, 10, Side.BUY)
    for _ in range(60):
        running.second()
    for _ in range(10):
        running.second({MID - 100: 200_000})
    running.market.books["binance"].state = BookState.STALE
    running.second({MID - 100: 200_000})
    (gone,) = running.of(WallGone)
    assert gone.end is WallEnd.MOVED


def test_a_large_taker_is_a_sweep_and_one_beside_a_print_is_forced() -> None:
    running = Running("binance", "bybit")
    running.trade("binance", MID, 100_000, Side.SELL)
    running.die("binance", 90_000.0, Completeness.THROTTLED)
    running.trade("bybit", MID + 2, 80_000, Side.BUY)
    running.second()
    found = sorted(running.of(Sweep), key=lambda one: one.venue)
    assert [(one.venue, one.side, one.forced) for one in found] == [
        ("binance", Side.SELL, True),
        ("bybit", Side.BUY, False),
    ]
    assert running.signals.flow.sums(60) == (80_000.0 * 1.0002, 100_000.0)


def test_prints_of_a_complete_feed_stand_for_all_venues() -> None:
    running = Running("binance", "bybit")
    for venue, coins in (("binance", 3_000.0), ("bybit", 1_000.0)):
        running.signals.take(OpenInterest(venue, "BTCUSDT", 0, coins), running.market.session.venues[venue])
    running.die("bybit", 60_000.0, Completeness.FULL)
    running.die("binance", 60_000.0, Completeness.THROTTLED)
    assert running.signals._forced_usd == {Side.BUY: 240_000.0, Side.SELL: 0.0}
    assert [one.usd for one in running.of(Burst)] == [60_000.0, 120_000.0]


def test_a_map_without_fuel_is_sparse_and_said_once() -> None:
    running = Running()
    running.trade("binance", MID, 10, Side.BUY)
    for _ in range(5):
        running.second(fuel=Fuel(1000.0, 1e9, 0.001, 0.001, ()))
    assert running.signals.regime is Regime.SPARSE
    assert len([one for one in running.told if type(one.what).__name__ == "RegimeChange"]) == 1


def test_nothing_is_told_of_a_market_without_a_price() -> None:
    market = hand_market()
    for book in market.books.values():
        book.book.clear()
    signals = SymbolSignals(market.session, "BTC")
    assert signals.look(None) == []
    assert isinstance(signals.flow, TakerFlow)
