"""What was opened in each of the last hours, for a map of young positions alone.

Bands do not tell an old position from a young one in the same bin: all of a side fade alike, and the mark
takes all of a bin.  So it is enough to know what was opened where and when, by the hour, and how much
of a side outlived each hour.
"""

from __future__ import annotations

from math import floor, log

import numpy as np
from numpy.typing import NDArray

from leadline.domain import heatmap_kernels, kernels
from leadline.domain.bands import STEP, Bands
from leadline.domain.kernels import F8, I8
from leadline.domain.planes import Codes

MINUTE_MS = 60_000
SPAN_MIN = 60
SLOTS = 7 * 24 + 1
ROW_BINS = 2  # triggers of one class spread over more bins than that
ROWS = 320  # as far as a column of the map reaches: 16 % on each side of the mark


class OpenedHours:
    """Seven days of what was opened on one venue, an hour a row; the running hour grows."""

    __slots__ = ("_codes", "_kept", "_origin", "_origins", "_spans", "_start", "_start_faded", "_start_min")

    def __init__(self) -> None:
        self._codes: Codes = np.zeros((SLOTS, ROWS), dtype=np.uint8)
        self._origins: I8 = np.zeros(SLOTS, dtype=np.int64)
        self._spans: I8 = np.zeros((SLOTS, 2), dtype=np.int64)
        self._kept: F8 = np.ones((SLOTS, 2))
        # The bands when the running hour began.
        self._start: F8 | None = None
        self._start_faded: F8 = np.zeros(2)
        self._start_min = self._origin = 0

    def note(self, bands: Bands, at_ms: int) -> None:
        """Take what ``bands`` say at ``at_ms``, the later the better; at least once an hour."""
        minute = at_ms // MINUTE_MS
        if self._start is None:
            self._begin(bands, minute)
        elif minute > self._start_min:
            self._put(bands, self._start, minute)
            if minute // SPAN_MIN > self._start_min // SPAN_MIN:
                self._begin(bands, minute)

    def rows(self, first_min: int, last_min: int) -> tuple[Codes, I8, I8, F8]:
        """Return the rows that reach into a range of Unix minutes, oldest first.

        codes [H, ROWS] (band codes of ROW_BINS bins each), origins [H] (the log-price bin each begins at),
        spans [H, 2] (Unix minutes) and kept [H, 2]: what a position of each side is worth at the end of the
        span over what it was at its beginning.
        """
        chosen: NDArray[np.int64] = np.flatnonzero(
            (self._spans[:, 1] > first_min) & (self._spans[:, 0] < last_min)
        )
        chosen = chosen[np.argsort(self._spans[chosen, 0])]
        return self._codes[chosen], self._origins[chosen], self._spans[chosen], self._kept[chosen]

    @property
    def nbytes(self) -> int:
        """What the rows take up."""
        return self._codes.nbytes + self._origins.nbytes + self._spans.nbytes + self._kept.nbytes

    def _begin(self, bands: Bands, minute: int) -> None:
        self._start_min = minute
        self._origin = floor(log(bands.mark_price) / STEP) - ROWS * ROW_BINS // 2
        self._start, self._start_faded = _opened(bands, self._origin), bands.faded

    def _put(self, bands: Bands, start: F8, minute: int) -> None:
        slot = self._start_min // SPAN_MIN % SLOTS
        coins = np.maximum(_opened(bands, self._origin) - start, 0.0)
        middles = (self._origin + ROW_BINS * (np.arange(ROWS) + 0.5)) * STEP
        usd = bands.total_multipliers @ coins.reshape(2, ROWS, ROW_BINS).sum(axis=2) * np.exp(middles)
        heatmap_kernels.encode(usd, self._codes[slot])
        self._origins[slot] = self._origin
        self._spans[slot] = self._start_min, minute
        self._kept[slot] = np.exp(bands.faded - self._start_faded)


def _opened(bands: Bands, origin: int) -> F8:
    """Return the coins [2, ROWS x ROW_BINS] that were opened since the start of the bands."""
    opened: F8 = bands.flows(origin, ROWS * ROW_BINS)[kernels.OPENED]
    return opened
