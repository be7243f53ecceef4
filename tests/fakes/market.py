"""A market by hand: books set level by level and a clock that moves when told."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadline.domain.book import Book
from leadline.domain.events import BookChanged, BookState, Side
from leadline.domain.instrument import Instrument
from leadline.domain.trades import Trades
from leadline.feed.hub import Hub
from leadline.feed.session import SymbolSession
from leadline.units import Step
from leadline.venues.base import BookStats


class HandClock:
    """A clock that stands until moved; wall time starts at a round moment."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def wall_ms(self) -> int:
        return 1_790_000_000_000 + self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


def instrument(
    venue: str = "binance",
    symbol: str = "BTCUSDT",
    tick: str = "0.1",
    lot: str = "0.001",
    contract: str = "1",
) -> Instrument:
    return Instrument(
        venue, symbol, symbol, Step.of(tick), Step.of(lot), Step.of(contract), base=symbol[:-4], quote="USDT"
    )


@dataclass
class HandBook:
    """A VenueBook without a venue."""

    instrument: Instrument
    book: Book = field(default_factory=Book)
    state: BookState = BookState.LIVE
    epoch: int = 1
    update_id: int = 0
    at_ms: int = 0
    received_ms: int = 1_000_000
    stats: BookStats = field(default_factory=BookStats)
    verified: bool = True
    known: tuple[int, int] = (0, 0)

    def changed(self) -> BookChanged:
        made = self.instrument
        return BookChanged(made.venue, made.symbol, self.state, self.epoch)

    def trade(self, tick: int, lots: int, taker: Side = Side.BUY) -> Trades:
        return Trades.of(self.instrument, [(0, tick, lots, taker)])


@dataclass
class HandMarket:
    """One symbol in a hub over hand-made books."""

    clock: HandClock
    hub: Hub
    session: SymbolSession
    books: dict[str, HandBook]


def hand_market(*venues: str, simulated: bool = False) -> HandMarket:
    """Make a market of BTCUSDT at 1000.0 / 1000.2 on each of ``venues`` (binance when none is named)."""
    clock = HandClock()
    hub = Hub(clock, "live", simulated)
    session = SymbolSession("BTCUSDT", clock, simulated)
    hub.sessions["BTCUSDT"] = session
    books = {}
    for venue in venues or ("binance",):
        made = HandBook(instrument(venue))
        made.book.replace([10000, 9999, 9990], [5, 6, 7], [10002, 10003], [8, 9])
        session.attach(made.instrument, made)
        books[venue] = made
    return HandMarket(clock, hub, session, books)
