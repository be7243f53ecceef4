"""What one ladder shows at one instant: rows of grouped price on both sides of the touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Book, Ints

Floats = NDArray[np.float64]


class LadderFlags(IntFlag):
    """The wire's flags; the two lowest bits are one number (0 syncing, 1 live, 2 stale)."""

    LIVE = 1
    STALE = 2
    SIMULATED = 4
    CROSSED = 8
    PARTIAL = 16


@dataclass(frozen=True, slots=True)
class Print:
    """Trades of one grain of price on one side since the frame before; the tick is that of the last one.

    tick and lots in the symbol's steps.
    """

    tick: int
    lots: int
    bought: bool
    at_ms: int


def grain_of(group: int) -> int:
    """Return how many ticks of a ladder's prints may be told as one: a tenth of a row where that is whole.

    Rows can then be made ten times finer without losing where the trades of the last minutes were.
    """
    return group // 10 if group % 10 == 0 else 1


@dataclass(slots=True)
class LadderView:
    """One ladder, ready for the wire.

    bid_tick, ask_tick: best prices in ticks, 0 when the side is empty.  Rows are outwards from the
    best row and hold at most the stream's depth; lots are > 0.  bands: one code (see shared/wire) a
    row upwards from ``first``, BAND_ROWS of them or none.  prints: since the frame before, by grains.
    """

    t_ms: int
    age_ms: int
    flags: int
    bid_tick: int
    ask_tick: int
    bid_rows: Ints
    bid_lots: Ints
    ask_rows: Ints
    ask_lots: Ints
    prints: list[Print] = field(default_factory=list)
    first: int = 0
    bands: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))


@dataclass(frozen=True, slots=True)
class VenueScale:
    """Whole factors from a venue's ticks and lots to the symbol's common ones."""

    tick_factor: int
    lot_factor: int


@dataclass(frozen=True, slots=True)
class VenueLevels:
    """One venue's book in the symbol's common ticks and lots, best level first."""

    bid_ticks: Ints
    bid_lots: Ints
    ask_ticks: Ints
    ask_lots: Ints

    @classmethod
    def of(cls, book: Book, scale: VenueScale) -> VenueLevels:
        bid_ticks, bid_lots = book.bids()
        ask_ticks, ask_lots = book.asks()
        return cls(
            bid_ticks * scale.tick_factor,
            bid_lots * scale.lot_factor,
            ask_ticks * scale.tick_factor,
            ask_lots * scale.lot_factor,
        )


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bid and ask over venues; ticks are 0 on an empty side.

    crossed: a bid of one venue reaches an ask of another.  Both best ticks then lie side by side in
    the middle of the overlap, so that no row of a ladder holds orders of both sides.
    """

    bid_tick: int
    ask_tick: int
    crossed: bool


def touch_of(venues: list[VenueLevels]) -> Touch:
    """Find the best bid and ask over all ``venues`` (their levels in common ticks)."""
    bids = [int(v.bid_ticks[0]) for v in venues if len(v.bid_ticks)]
    asks = [int(v.ask_ticks[0]) for v in venues if len(v.ask_ticks)]
    bid, ask = max(bids, default=0), min(asks, default=0)
    if not bids or not asks or bid < ask:
        return Touch(bid, ask, crossed=False)
    middle = (bid + ask) // 2
    return Touch(middle, middle + 1, crossed=True)


def rows_of(venues: list[VenueLevels], touch: Touch, group: int, depth: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Sum the books into rows of ``group`` ticks: (bid rows, bid lots, ask rows, ask lots), best first.

    A level beyond the touch (where venues cross) counts in the best row of its side: whoever trades
    through the touch takes it first, so the depth out to any farther row stays exact.  At most
    ``depth`` rows a side are returned.
    """
    bid_ticks = np.concatenate([v.bid_ticks for v in venues]) if venues else _NONE
    ask_ticks = np.concatenate([v.ask_ticks for v in venues]) if venues else _NONE
    bid_lots = np.concatenate([v.bid_lots for v in venues]) if venues else _NONE
    ask_lots = np.concatenate([v.ask_lots for v in venues]) if venues else _NONE
    bid_rows = np.minimum(bid_ticks, touch.bid_tick) // group
    ask_rows = -(-np.maximum(ask_ticks, touch.ask_tick) // group)
    return *_summed(bid_rows, bid_lots, -1, depth), *_summed(ask_rows, ask_lots, 1, depth)


@dataclass(frozen=True, slots=True)
class Resting:
    """All that rests in some venues' books: prices, best first by venue, and the dollars at each."""

    mid: float
    bid_prices: Floats
    bid_usd: Floats
    ask_prices: Floats
    ask_usd: Floats


def resting_of(
    venues: list[VenueLevels], touch: Touch, tick: float, lot: float, quoted: bool
) -> Resting | None:
    """Return the levels of ``venues`` in dollars, None while a side is empty.

    tick, lot: what one counts.  quoted: a lot counts quote currency instead of coins.
    """
    if not touch.bid_tick or not touch.ask_tick:
        return None
    bids = np.concatenate([v.bid_ticks for v in venues]) * tick
    asks = np.concatenate([v.ask_ticks for v in venues]) * tick
    bid_usd = np.concatenate([v.bid_lots for v in venues]) * lot * (1.0 if quoted else bids)
    ask_usd = np.concatenate([v.ask_lots for v in venues]) * lot * (1.0 if quoted else asks)
    return Resting((touch.bid_tick + touch.ask_tick) / 2 * tick, bids, bid_usd, asks, ask_usd)


_NONE: Ints = np.zeros(0, dtype=np.int64)


def _summed(rows: Ints, lots: Ints, sign: int, depth: int) -> tuple[Ints, Ints]:
    if not len(rows):
        return _NONE, _NONE
    keys = rows * sign
    order = np.argsort(keys, kind="stable")
    keys, lots = keys[order], lots[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    ends = starts[depth] if len(starts) > depth else len(keys)
    starts = starts[:depth]
    return keys[starts] * sign, np.add.reduceat(lots[:ends], starts)
