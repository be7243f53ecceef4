"""What a market remembers: one-minute bars with open interest, and funding settlements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000
DAYS_KEPT = 10

# Columns of a bar; volumes are coins, open interest coins of one side, ratio longs / shorts by accounts.
AT_MS, OPEN, HIGH, LOW, CLOSE, VOLUME, BOUGHT, TRADES, INTEREST, RATIO = range(10)


@dataclass(frozen=True, slots=True)
class Funding:
    """One settlement."""

    at_ms: int
    rate: float
    mark: float


class Bars:
    """Closed one-minute bars, oldest first, bounded to DAYS_KEPT days."""

    def __init__(self) -> None:
        self._rows = np.zeros((4096, 10))
        self._count = 0

    @property
    def rows(self) -> NDArray[np.float64]:
        """The bars, shape (bars, 10); a view that the next append may invalidate."""
        rows: NDArray[np.float64] = self._rows[: self._count]
        return rows

    def append(self, row: NDArray[np.float64]) -> None:
        kept = DAYS_KEPT * 1440
        if self._count == len(self._rows):
            if self._count >= 2 * kept:
                self._rows[:kept] = self._rows[self._count - kept : self._count].copy()
                self._count = kept
            else:
                self._rows = np.vstack([self._rows, np.zeros_like(self._rows)])
        self._rows[self._count] = row
        self._count += 1

    def every(self, minutes: int, running: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return bars of this many minutes, aligned to the epoch, the running one last; same columns.

        running is the minute that is not over yet, as one more row.
        """
        rows = np.vstack([self.rows, running])
        slot = rows[:, AT_MS] // (minutes * MINUTE_MS)
        starts = np.flatnonzero(np.diff(slot, prepend=-1))
        ends = np.append(starts[1:], len(rows)) - 1
        bars: NDArray[np.float64] = rows[ends].copy()
        bars[:, AT_MS] = slot[starts] * (minutes * MINUTE_MS)
        bars[:, OPEN] = rows[starts, OPEN]
        bars[:, HIGH] = np.maximum.reduceat(rows[:, HIGH], starts)
        bars[:, LOW] = np.minimum.reduceat(rows[:, LOW], starts)
        for column in (VOLUME, BOUGHT, TRADES):
            bars[:, column] = np.add.reduceat(rows[:, column], starts)
        return bars

    def samples(self, minutes: int) -> NDArray[np.float64]:
        """Return what was measured at every whole ``minutes``: rows (ms, open interest, ratio, price)."""
        rows = self.rows
        ends = rows[:, AT_MS] + MINUTE_MS
        chosen = ends % (minutes * MINUTE_MS) == 0
        samples: NDArray[np.float64] = np.empty((int(chosen.sum()), 4))
        samples[:, 0] = ends[chosen]
        samples[:, 1:] = rows[chosen][:, [INTEREST, RATIO, CLOSE]]
        return samples
