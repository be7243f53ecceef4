"""Venues without an adapter of their own, by way of ccxt: what its reports mean and how far to believe them.

ccxt keeps the books and hands over whole ones, with prices as floats and without the link between two
messages.  So continuity cannot be proven here, and a book says so (``verified`` is False).  What can be
known is held to: prices lie on the grid, the sides do not cross, the stream is not silent, the venue's REST
book agrees (the worker audits), and after any doubt only a book anchored anew is believed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leadline.domain.book import Book, Ints
from leadline.domain.events import (
    BookChanged,
    BookState,
    Completeness,
    Deleveraged,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.instrument import Instrument
from leadline.domain.trades import Trades
from leadline.limits import SILENT_BOOK_S
from leadline.units import NumberRejected, OffGrid, parse_decimal
from leadline.venues.base import BookStats
from leadline.venues.grid import refine
from leadline.venues.longtail_levels import Floats, lots_of, summed, ticks_of, unpacked
from leadline.venues.longtail_market import number, positive, read_instrument

SILENT_MS = int(SILENT_BOOK_S * 1000)
USUAL_GAPS_PER_SILENCE = 20
GAP_WEIGHT = 0.05
REWATCH_MS_FIRST = 15_000  # ccxt fetches a snapshot, at times three, before it has a book
REWATCH_MS_MAX = 600_000
REWATCH_HEALTHY_MS = 20_000
METADATA_EVERY_MS = 60_000
NO_BOOK = "no book in time"
TRADE_IDS_MAX = 10_000
TRADES_BEFORE_START_MS = 10_000
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError)


@dataclass(frozen=True, slots=True)
class LongTailOptions:
    """How ccxt is set up for one venue.

    hosts: beginning of one of ccxt's addresses -> what stands there instead (a regional host, a twin);
    options: laid over ccxt's own options of the exchange; depth: levels a side to ask for, 0: ccxt's choice.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class LiquidationRule:
    """What one row of a venue's liquidation feed means.

    of_position: the side is that of the position that died; else of the order that closed it.
    """

    of_position: bool
    kind: PriceKind
    completeness: Completeness


_BINANCE = LiquidationRule(False, PriceKind.FILL, Completeness.THROTTLED)
_BYBIT = LiquidationRule(True, PriceKind.BANKRUPTCY, Completeness.FULL)
_OKX = LiquidationRule(False, PriceKind.BANKRUPTCY, Completeness.THROTTLED)
LIQUIDATION_RULES = {
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "bybit": _BYBIT,
    "okx": _OKX,
    "myokx": _OKX,
    "okxus": _OKX,
    "lighter": LiquidationRule(False, PriceKind.FILL, Completeness.FULL),
}
# The order's side is what most venues send; how much a feed shows is not known before it is measured.
UNKNOWN_RULE = LiquidationRule(False, PriceKind.FILL, Completeness.UNKNOWN)
COUNTS_BOTH_SIDES = {"bybit"}  # of open interest, as ccxt passes it on


@dataclass(frozen=True, slots=True)
class Ask:
    """What the worker shall do: "rewatch" a venue's streams, "audit" a symbol's book, reload "markets"."""

    what: str
    venue: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The venue listed its contracts: books that are new, and symbols it has none of."""

    venue: str
    books: tuple[LongTailBook, ...]
    missing: tuple[str, ...]


Told = Event | Ask | Listed


class LongTailBook:
    """A book as ccxt keeps it; satisfies VenueBook.

    anchor: the watch that the book believed now came from (each new watch has the next number);
    distrusted: books of watches up to this one are not believed any more.
    """

    verified = False

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.book = Book()
        self.state = BookState.IDLE
        self.epoch = 0
        self.update_id = 0
        self.at_ms = 0
        self.received_ms = 0
        self.stats = BookStats()
        self.anchor = 0
        self.distrusted = 0
        self.asked_ms = 0
        self.tries = 0
        self.doubt = NO_BOOK
        self._live_ms = 0
        self._usual_gap_ms = SILENT_MS / USUAL_GAPS_PER_SILENCE

    @property
    def known(self) -> tuple[int, int]:
        return self.book.extent

    def begin(self, now_ms: int) -> None:
        """A worker watches anew; its anchors start over."""
        self.anchor = self.distrusted = 0
        self.wait(now_ms)
        self.lose()

    def wait(self, now_ms: int) -> None:
        """Something was asked for just now; what comes of it is given its time."""
        self.asked_ms, self.tries = now_ms, max(self.tries, 1)

    def lose(self) -> None:
        """Flag the book: it is kept to look at until there is a better one."""
        self.stats.resyncs += self.state is BookState.LIVE
        self.state = BookState.STALE if self.epoch else BookState.SYNCING

    def rebase(self, instrument: Instrument) -> None:
        """The contract's steps changed: what is held has lost its meaning."""
        self.instrument = instrument
        self.book.clear()
        self.lose()

    def take(
        self, report: Mapping[str, Any], bids: tuple[Ints, Ints], asks: tuple[Ints, Ints], now_ms: int
    ) -> None:
        """Take a whole book of a watch that is believed."""
        self.book.replace(*bids, *asks)  # type: ignore[arg-type]  # arrays are sequences of integers
        if self.received_ms:
            gap_ms = now_ms - self.received_ms
            self._usual_gap_ms += GAP_WEIGHT * (gap_ms - self._usual_gap_ms)
        anchor, was = int(report["anchor"]), self.state
        if anchor != self.anchor or was is not BookState.LIVE:
            self.epoch += 1
            self.stats.snapshots += 1
            self._live_ms, self.doubt = now_ms, NO_BOOK
        elif now_ms - self._live_ms >= REWATCH_HEALTHY_MS:
            self.tries = 0
        self.anchor, self.received_ms = anchor, now_ms
        self.update_id, self.at_ms = int(report.get("nonce") or 0), int(report.get("at") or 0)
        self.stats.deltas += 1
        self.state = BookState.LIVE

    def silent_limit_ms(self) -> float:
        return max(SILENT_MS, USUAL_GAPS_PER_SILENCE * self._usual_gap_ms)

    def rewatch_due(self, now_ms: int) -> bool:
        """Tell whether a book that is not live has been waited for long enough; each wait is longer."""
        wait_ms = min(REWATCH_MS_MAX, REWATCH_MS_FIRST * 2 ** (self.tries - 1)) if self.tries else 0
        return self.state is not BookState.LIVE and now_ms - self.asked_ms >= wait_ms

    def changed(self) -> BookChanged:
        made = self.instrument
        return BookChanged(made.venue, made.symbol, self.state, self.epoch)


class LongTailProtocol:
    """The rules of one venue that ccxt reads for us: reports in, events and requests out.

    since_ms: Unix time of the start; trades long before it, which some venues send first, are history.
    No method raises for anything a report holds.  ``now_ms`` is the local monotonic clock.
    """

    def __init__(self, venue: str, symbols: Iterable[str], since_ms: int) -> None:
        self.venue = venue
        self.symbols = tuple(symbols)
        self.books: dict[str, LongTailBook] = {}
        self.protocol_errors = 0
        self._since_ms = since_ms
        self._running = self._told_missing = False
        self._metadata_asked_ms: int | None = None
        self._trade_ids: dict[str, RecentIds] = {}
        self._prices: dict[str, float] = {}
        self._fundings: dict[str, tuple[float, int]] = {}
        self._rule = LIQUIDATION_RULES.get(venue, UNKNOWN_RULE)
        self._takers: dict[str, Callable[[LongTailBook, Mapping[str, Any], int], list[Told]]] = {
            "book": self._take_book,
            "lost": self._take_lost,
            "trades": self._take_trades,
            "mark": self._take_mark,
            "funding": self._take_funding,
            "interest": self._take_interest,
            "liquidations": self._take_liquidations,
        }

    def ended(self) -> list[Told]:
        """The worker is gone: nothing it kept is believed any more."""
        self._running = False
        for book in self.books.values():
            book.lose()
        return [book.changed() for book in self.books.values()]

    def told(self, report: Mapping[str, Any], now_ms: int) -> list[Told]:
        """Take one report of the worker."""
        try:
            if report["kind"] == "listed":
                return self._take_listed(report["markets"], now_ms)
            book = self.books[report["symbol"]]
            book.stats.messages += 1
            return self._takers[report["kind"]](book, report, now_ms)
        except MALFORMED:
            self.protocol_errors += 1
            named = self.books.get(str(report.get("symbol")))
            if named is None:
                return []
            named.stats.protocol_errors += 1
            return self._doubt(named, now_ms, "a book that is none") if report.get("kind") == "book" else []

    def tick(self, now_ms: int) -> list[Told]:
        """Look for silence, a few times a second."""
        outputs: list[Told] = []
        if not self._running:
            return outputs
        for book in self.books.values():
            quiet_ms = now_ms - book.received_ms
            if book.state is BookState.LIVE and quiet_ms > book.silent_limit_ms():
                book.lose()
                book.wait(now_ms)
                outputs += [book.changed(), self._ask("audit", book, f"silent for {quiet_ms // 1000} s")]
            elif book.rewatch_due(now_ms):
                outputs += self._rewatch(book, now_ms)
        return outputs

    # Reports.

    def _take_listed(self, markets: Mapping[str, Mapping[str, Any]], now_ms: int) -> list[Told]:
        """Take the contracts: at the worker's start, and when they were asked for again."""
        fresh: list[LongTailBook] = []
        outputs: list[Told] = []
        for symbol, market in markets.items():
            try:
                made = read_instrument(self.venue, symbol, market)
            except MALFORMED:
                self.protocol_errors += 1
                continue
            book = self.books.get(symbol)
            if book is None:
                book = self.books[symbol] = LongTailBook(made)
                fresh.append(book)
            elif (made.tick, made.contract_size) != (book.instrument.tick, book.instrument.contract_size):
                book.rebase(made)
                outputs.append(book.changed())
            if not self._running:
                book.begin(now_ms)
        changed = [book.changed() for book in self.books.values()]
        if self._running:
            return outputs
        self._running, first, self._told_missing = True, not self._told_missing, True
        missing = tuple(symbol for symbol in self.symbols if symbol not in self.books)
        return [Listed(self.venue, tuple(fresh), missing if first else ()), *changed]

    def _take_book(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:
        if report["anchor"] <= book.distrusted:
            return []
        try:
            bids, asks = self._sides(book, report)
        except OffGrid as error:
            return self._off_grid(book, now_ms, str(error))
        if len(bids[0]) and len(asks[0]) and bids[0].max() >= asks[0].min():
            book.stats.crossed += 1
            return self._doubt(book, now_ms, "its sides cross", report["anchor"])
        if not len(bids[0]) and not len(asks[0]):
            return self._doubt(book, now_ms, "it is empty", report["anchor"])
        book.take(report, bids, asks, now_ms)
        return [book.changed()]

    def _sides(
        self, book: LongTailBook, report: Mapping[str, Any]
    ) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        bid_prices, bid_sizes = unpacked(report["bids"])
        ask_prices, ask_sizes = unpacked(report["asks"])
        # Both sides at once: a size that makes the lot finer does so for all.
        lots = self._lots(book, np.concatenate((bid_sizes, ask_sizes)))
        tick, count = book.instrument.tick, len(bid_sizes)
        return (
            summed(ticks_of(tick, bid_prices), lots[:count]),
            summed(ticks_of(tick, ask_prices), lots[count:]),
        )

    def _lots(self, book: LongTailBook, sizes: Floats) -> Ints:
        """Count lots; sizes finer than the venue's list says make the lot finer."""
        try:
            return lots_of(book.instrument.lot, sizes)
        except OffGrid:
            lot = refine(book.instrument.lot, (_plain(size) for size in sizes.tolist()))
            if lot is None or lot == book.instrument.lot:
                raise
        book.rebase(replace(book.instrument, lot=lot))
        return lots_of(lot, sizes)

    def _off_grid(self, book: LongTailBook, now_ms: int, reason: str) -> list[Told]:
        """A price between two ticks: the book is not shown, and the contract's steps are asked for."""
        book.stats.protocol_errors += 1
        book.lose()
        outputs: list[Told] = [book.changed()]
        asked = self._metadata_asked_ms
        if asked is None or now_ms - asked >= METADATA_EVERY_MS:
            self._metadata_asked_ms = now_ms
            outputs.append(self._ask("markets", book, reason))
        book.wait(now_ms)
        return outputs

    def _take_lost(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:
        """ccxt lost the book (it says so once) and the worker watches it again by itself."""
        book.stats.gaps += report.get("gap") is True
        book.distrusted = max(book.distrusted, int(report["anchor"]))
        book.wait(now_ms)
        book.lose()
        return [book.changed()]

    def _take_trades(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:  # noqa: ARG002
        known = self._trade_ids.setdefault(book.instrument.symbol, RecentIds())
        read: list[tuple[int, int, Side]] = []
        sizes: list[float] = []
        for name, at_ms, price, size, side in report["rows"]:
            try:
                # A venue without ids is taken at its word: ccxt hands each trade over once.
                if name is not None and not known.add(name):
                    continue
                if at_ms < self._since_ms - TRADES_BEFORE_START_MS:
                    continue
                tick = int(ticks_of(book.instrument.tick, np.array([positive(price)]))[0])
                row, size = (int(at_ms), tick, SIDES[side]), positive(size)
            except MALFORMED:
                book.stats.protocol_errors += 1
                continue
            read.append(row)
            sizes.append(size)
        return self._trades(book, read, sizes)

    def _trades(
        self, book: LongTailBook, read: list[tuple[int, int, Side]], sizes: list[float]
    ) -> list[Told]:
        before = book.instrument
        lots = self._lots(book, np.array(sizes)).tolist()
        made = book.instrument
        # Whoever counts in the old lot must hear of the finer one first.
        outputs: list[Told] = [] if made is before else [book.changed()]
        if read:
            rows = [
                (at_ms, tick, count, int(side)) for (at_ms, tick, side), count in zip(read, lots, strict=True)
            ]
            outputs.append(Trades.of(made, rows))
            book.stats.trades += len(read)
            self._prices[made.symbol] = made.price(read[-1][1])
        return outputs

    def _take_mark(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:  # noqa: ARG002
        made, price = book.instrument, positive(report["price"])
        self._prices[made.symbol] = price
        return [Mark(made.venue, made.symbol, int(report["at"]), price)]

    def _take_funding(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:  # noqa: ARG002
        made, rate, next_ms = book.instrument, number(report["rate"]), int(report.get("next") or 0)
        if self._fundings.get(made.symbol) == (rate, next_ms):
            return []
        self._fundings[made.symbol] = (rate, next_ms)
        return [Funding(made.venue, made.symbol, int(report["at"]), rate, next_ms)]

    def _take_interest(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:  # noqa: ARG002
        """ccxt's amount is in the venue's size unit; where there is only a value, it is in quote currency."""
        made = book.instrument
        if report.get("amount") is not None:
            units = number(report["amount"]) * float(made.contract_size)
            coins = units / self._prices[made.symbol] if made.inverse else units
        else:
            coins = number(report["value"]) / self._prices[made.symbol]
        if coins < 0:
            raise NumberRejected("expected open interest of 0 or more")
        coins = coins / 2 if self.venue in COUNTS_BOTH_SIDES else coins
        return [OpenInterest(made.venue, made.symbol, int(report["at"]), coins)]

    def _take_liquidations(self, book: LongTailBook, report: Mapping[str, Any], now_ms: int) -> list[Told]:  # noqa: ARG002
        made, rule = book.instrument, self._rule
        return [
            *(
                Liquidation(made.venue, made.symbol, at_ms, side, coins, price, rule.kind, rule.completeness)
                for at_ms, side, coins, price in self._closed(book, report["rows"])
            ),
            *(
                # A winner was closed, whose trigger never came.
                Deleveraged(made.venue, made.symbol, at_ms, side, coins)
                for at_ms, side, coins, _ in self._closed(book, report.get("deleveraged", ()))
            ),
        ]

    def _closed(
        self, book: LongTailBook, rows: Iterable[Sequence[Any]]
    ) -> Iterator[tuple[int, Side, float, float]]:
        """Read (ms, side of the position, coins, price) of what a venue closed, without what is malformed."""
        made = book.instrument
        for at_ms, price, size, side, position in rows:
            try:
                units, dollars = positive(size) * float(made.contract_size), positive(price)
                died, when_ms = dead_side(self._rule, side, position), int(at_ms)
            except MALFORMED:
                book.stats.protocol_errors += 1
                continue
            yield when_ms, died, units / dollars if made.inverse else units, dollars

    # Doubt.

    def _doubt(self, book: LongTailBook, now_ms: int, reason: str, anchor: int = 0) -> list[Told]:
        """Believe nothing of this watch any more, and ask for a new one (not in a storm)."""
        book.distrusted = max(book.distrusted, anchor, book.anchor)
        book.doubt = reason
        book.lose()
        if book.rewatch_due(now_ms):
            return [book.changed(), *self._rewatch(book, now_ms)]
        return [book.changed()]

    def _rewatch(self, book: LongTailBook, now_ms: int) -> list[Told]:
        """Ask for new streams: those of the whole venue, for ccxt shares its sockets among symbols."""
        for other in self.books.values():
            if other.state is not BookState.LIVE:
                other.asked_ms, other.tries = now_ms, min(other.tries + 1, 16)
        return [self._ask("rewatch", book, book.doubt)]

    def _ask(self, what: str, book: LongTailBook, reason: str) -> Ask:
        return Ask(what, self.venue, book.instrument.symbol, reason)


class RecentIds:
    """The ids of the last TRADE_IDS_MAX trades."""

    def __init__(self) -> None:
        self._known: set[object] = set()
        self._order: deque[object] = deque()

    def add(self, name: object) -> bool:
        """Remember ``name``; False when it is known already."""
        if name in self._known:
            return False
        self._known.add(name)
        self._order.append(name)
        if len(self._order) > TRADE_IDS_MAX:
            self._known.discard(self._order.popleft())
        return True


def dead_side(rule: LiquidationRule, side: object, position: object) -> Side:
    """Return the side of the position that died; ``position``: "long" or "short" where the venue tells."""
    if position in ("long", "short"):
        return Side.BUY if position == "long" else Side.SELL
    told = SIDES[str(side).lower()]
    return told if rule.of_position else Side(-told)


def _plain(size: float) -> str:
    """Return the decimal of a size; what is no number is left for the count to refuse."""
    text = repr(size)
    return text if parse_decimal(text) >= 0 else "0"
