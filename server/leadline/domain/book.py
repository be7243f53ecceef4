"""The order book of one venue: integer ticks to integer lots, sorted, no object a level.

At first each side is two parallel int64 arrays, best level first.  A message of n changes costs a
binary search for each and, when levels come or go, one merge of the side: no level is ever lost,
however far from the touch it rests.  Once the compiled sides of book_kernels are loaded a book moves
into them, and is the same book.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.units import Step

Ints = NDArray[np.int64]
TOP = 20  # levels of a side that are at hand after every change
_NONE: Ints = np.zeros(0, dtype=np.int64)


class Side(Protocol):
    """One side of a book: what levels it holds, best first."""

    @property
    def best(self) -> int | None:
        """The best tick, None without a level."""

    def replace(self, ticks: Ints, lots: Ints) -> None:
        """Forget everything and hold these levels."""

    def apply(self, ticks: Ints, lots: Ints) -> None:
        """Set each level in turn; 0 lots remove it."""

    def levels(self, count: int | None) -> tuple[Ints, Ints]:
        """Return (ticks, lots) of the best ``count`` levels, all without a count, as copies."""

    def top(self) -> tuple[Ints, Ints]:
        """Return (ticks, lots) of the best TOP levels, to be read before the next change."""

    def settle(self) -> None:
        """Make the side readable after compiled code changed it."""


class SortedSide:
    """A side in two arrays; ``sign`` maps ticks to keys that rise away from the touch (-1 bids, +1 asks)."""

    __slots__ = ("keys", "lots", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys = _NONE
        self.lots = _NONE

    @property
    def best(self) -> int | None:
        return int(self.keys[0]) * self.sign if len(self.keys) else None

    def replace(self, ticks: Ints, lots: Ints) -> None:
        self.keys, self.lots = _NONE, _NONE
        self.apply(ticks, lots)

    def apply(self, ticks: Ints, lots: Ints) -> None:
        if not len(ticks):
            return
        # The last row of a repeated price wins, as it would one row after the other.
        keys, last = np.unique(ticks[::-1] * self.sign, return_index=True)
        lots = lots[::-1][last]
        at = np.searchsorted(self.keys, keys)
        held = np.zeros(len(keys), dtype=bool)
        inside = at < len(self.keys)
        held[inside] = self.keys[at[inside]] == keys[inside]
        self.lots[at[held]] = lots[held]
        fresh = ~held & (lots > 0)
        removed = held & (lots == 0)
        if removed.any():
            kept = self.lots > 0
            self.keys, self.lots = self.keys[kept], self.lots[kept]
        if fresh.any():
            at = np.searchsorted(self.keys, keys[fresh])
            self.keys = np.insert(self.keys, at, keys[fresh])
            self.lots = np.insert(self.lots, at, lots[fresh])

    def levels(self, count: int | None) -> tuple[Ints, Ints]:
        return self.keys[:count] * self.sign, self.lots[:count].copy()

    def top(self) -> tuple[Ints, Ints]:
        return self.keys[:TOP] * self.sign, self.lots[:TOP]

    def settle(self) -> None:
        return


SideT = TypeVar("SideT", bound=Side)


class Book:
    """Bids and asks of one instrument in ticks and lots."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids: Side = SortedSide(-1)
        self._asks: Side = SortedSide(1)

    def settle(self) -> None:
        """Finish a change that compiled code made in the sides."""
        self._bids.settle()
        self._asks.settle()

    def rebuild(self, make: Callable[[int], SideT]) -> tuple[SideT, SideT]:
        """Hold the same levels in sides of another make (called with -1 and +1); return bids and asks."""
        bids, asks = make(-1), make(1)
        bids.replace(*self._bids.levels(None))
        asks.replace(*self._asks.levels(None))
        self._bids, self._asks = bids, asks
        return bids, asks

    def replace(
        self,
        bid_ticks: Sequence[int],
        bid_lots: Sequence[int],
        ask_ticks: Sequence[int],
        ask_lots: Sequence[int],
    ) -> None:
        """Forget everything and hold these levels (a snapshot); zero lots are no level."""
        self._bids.replace(_ints(bid_ticks), _ints(bid_lots))
        self._asks.replace(_ints(ask_ticks), _ints(ask_lots))

    def apply(
        self,
        bid_ticks: Sequence[int],
        bid_lots: Sequence[int],
        ask_ticks: Sequence[int],
        ask_lots: Sequence[int],
    ) -> None:
        """Set each level to its absolute lots; 0 removes, and removing what is not held is normal."""
        self._bids.apply(_ints(bid_ticks), _ints(bid_lots))
        self._asks.apply(_ints(ask_ticks), _ints(ask_lots))

    def clear(self) -> None:
        self.replace((), (), (), ())

    def bids(self, count: int | None = None) -> tuple[Ints, Ints]:
        """Return (ticks, lots) of the best ``count`` bids, best first (all without a count)."""
        return self._bids.levels(count)

    def asks(self, count: int | None = None) -> tuple[Ints, Ints]:
        """Return (ticks, lots) of the best ``count`` asks, best first (all without a count)."""
        return self._asks.levels(count)

    def top(self) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        """Return (ticks, lots) of the best TOP bids and of the best TOP asks, best first.

        Nothing is copied: they are what the book holds now, and may change with its next message.
        """
        return self._bids.top(), self._asks.top()

    @property
    def best_bid(self) -> int | None:
        return self._bids.best

    @property
    def best_ask(self) -> int | None:
        return self._asks.best

    @property
    def extent(self) -> tuple[int, int]:
        """Lowest bid and highest ask held, (0, 0) while a side is empty."""
        bid_ticks, ask_ticks = self.bids()[0], self.asks()[0]
        both = len(bid_ticks) and len(ask_ticks)
        return (int(bid_ticks[-1]), int(ask_ticks[-1])) if both else (0, 0)

    @property
    def crossed(self) -> bool:
        """True when the best bid is at or above the best ask."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def digest(self, tick: Step, lot: Step) -> str:
        """Return the sha256 (hex) of the whole book.

        The text hashed is one line a level, ``b PRICE SIZE`` for the bids from the best down, then
        ``a PRICE SIZE`` for the asks from the best up; plain decimals without trailing zeros, each
        line ended by a line feed.  So it does not depend on the steps, only on the market.
        """
        text = hashlib.sha256()
        for name, (ticks, lots) in (("b", self.bids()), ("a", self.asks())):
            for t, n in zip(ticks.tolist(), lots.tolist(), strict=True):
                text.update(f"{name} {tick.text(t)} {lot.text(n)}\n".encode())
        return text.hexdigest()


def _ints(values: Sequence[int]) -> Ints:
    return np.asarray(values, dtype=np.int64)
