"""What takers took between two looks at a book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.domain.events import Side
from leadline.domain.instrument import F8, Ints
from leadline.domain.trades import Bools, Trades, joined


@dataclass(frozen=True, slots=True)
class Taken:
    """Parallel columns, oldest first.  ticks: in the symbol's common steps."""

    ticks: Ints
    bought: Bools
    prices: F8
    usd: F8

    @classmethod
    def of(cls, messages: Sequence[tuple[Trades, int]]) -> Taken:
        """Join messages, each with the whole factor from its venue's ticks to the common ones."""
        if not messages:
            nothing = np.zeros(0)
            return cls(nothing.astype(np.int64), nothing.astype(np.bool_), nothing, nothing)
        made = joined(trades for trades, _ in messages)
        factors = np.array([factor for _, factor in messages])
        return cls(made.ticks * factors[made.of], made.bought, made.prices, made.usd)

    def usd_by_row(self, group: int) -> dict[int, float]:
        """Return the dollars taken at each row of ``group`` ticks."""
        # A buyer takes an ask, and asks lie in the row above.
        at = np.where(self.bought, -(-self.ticks // group), self.ticks // group)
        found: dict[int, float] = {}
        for row, usd in zip(at.tolist(), self.usd.tolist(), strict=True):
            found[row] = found.get(row, 0.0) + usd
        return found

    def usd_near(self, side: Side, price: float, reach: float) -> float:
        """Return the dollars taken from one side of the book within ``reach`` of ``price``."""
        # Bids are taken by sellers.
        there = (self.bought != (side is Side.BUY)) & (np.abs(self.prices - price) <= reach)
        return float(self.usd.sum(where=there))
