"""What venues tell us, in one form: the only values that pass from venues/ to the rest.

Times are the venue's Unix milliseconds.  Trades (domain/trades.py) come in columns of integer ticks and
lots, those of a message together; marks and liquidations, which need not lie on the grid, are floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from leadline.domain.trades import Trades


class Side(IntEnum):
    """+1 bid, buy, long; -1 ask, sell, short."""

    BUY = 1
    SELL = -1


class PriceKind(StrEnum):
    """What the price of a liquidation means."""

    TRIGGER = "trigger"
    BANKRUPTCY = "bankruptcy"
    FILL = "fill"


class Completeness(StrEnum):
    """How much of the truth a liquidation feed shows."""

    FULL = "full"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"


class BookState(IntEnum):
    """May the book be believed?  Only LIVE may be shown as live."""

    IDLE = 0
    SYNCING = 1
    LIVE = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class BestQuote:
    """The venue's own best bid and ask, with the update id it belongs to (a check on our book)."""

    venue: str
    symbol: str
    at_ms: int
    update_id: int
    bid_tick: int
    bid_lots: int
    ask_tick: int
    ask_lots: int


@dataclass(frozen=True, slots=True)
class Mark:
    venue: str
    symbol: str
    at_ms: int
    price: float


@dataclass(frozen=True, slots=True)
class Funding:
    """rate: fraction per interval (0.0001 = 1 bp); next_ms 0 where none is scheduled."""

    venue: str
    symbol: str
    at_ms: int
    rate: float
    next_ms: int


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """coins: ONE side, in coins (a venue that counts both sides is halved by its adapter)."""

    venue: str
    symbol: str
    at_ms: int
    coins: float


@dataclass(frozen=True, slots=True)
class Liquidation:
    """side: the side of the position that died (BUY = a long was liquidated)."""

    venue: str
    symbol: str
    at_ms: int
    side: Side
    coins: float
    price: float
    kind: PriceKind
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class Deleveraged:
    """A position in profit was closed because a loser's account could not pay: ``side`` of the winner's."""

    venue: str
    symbol: str
    at_ms: int
    side: Side
    coins: float


class BookChanged(NamedTuple):
    """The book of (venue, symbol) took a message, or its state or epoch changed.

    By far the most frequent event, so what else there is to know is read from the book: its levels, time
    and update id.
    """

    venue: str
    symbol: str
    state: BookState
    epoch: int


Event = Trades | BestQuote | Mark | Funding | OpenInterest | Liquidation | Deleveraged | BookChanged
