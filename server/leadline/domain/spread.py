"""What is usual: the distribution of a positive quantity over the recent past, in fixed memory."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray

LOG_STEP = 0.05  # width of a bin in ln(value): quantiles are good to 5 %
BINS = 1024  # from e^-8 to e^43: fractions of a coin to anything in dollars
FIRST_LOG = -8.0
_LN2 = 0.6931471805599453
AGED_EVERY_MS = 1_000  # finer than any half-life asks for
_FOLD_AT = 1e9  # weights are kept growing instead of fading all bins; beyond this they are folded back


class Spread:
    """A histogram of ln(value) whose memory halves every ``half_life_s``.

    Values of zero or less are not taken: what is absent has no size.
    """

    __slots__ = ("_at_ms", "_bins", "_half_life_s", "_scale", "_total")

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        # Seven digits each: a bin of ten million values still grows by one.
        self._bins = np.zeros(BINS, dtype=np.float32)
        self._scale = 1.0
        self._total = 0.0
        self._at_ms: int | None = None

    @property
    def count(self) -> float:
        """How many values of now the memory is worth."""
        return self._total / self._scale

    def take(self, value: float, at_ms: int) -> None:
        """Remember one value."""
        if not 0.0 < value < inf:
            return
        self._age(at_ms)
        self._bins[min(max(int((log(value) - FIRST_LOG) / LOG_STEP), 0), BINS - 1)] += self._scale
        self._total += self._scale

    def take_all(self, values: NDArray[np.float64], at_ms: int) -> None:
        """Remember many values of one moment [n]."""
        values = values[(values > 0.0) & (values < inf)]
        if not len(values):
            return
        self._age(at_ms)
        at = ((np.log(values) - FIRST_LOG) / LOG_STEP).astype(np.int64)
        np.maximum(at, 0, out=at)
        np.minimum(at, BINS - 1, out=at)
        np.add.at(self._bins, at, np.float32(self._scale))
        self._total += self._scale * len(values)

    def quantile(self, share: float) -> float | None:
        """Return the value that ``share`` (0..1] of the remembered ones do not exceed; None when empty."""
        if self._total <= 0.0:
            return None
        at = int(np.searchsorted(np.cumsum(self._bins), share * self._total))
        return exp(FIRST_LOG + (min(at, BINS - 1) + 1) * LOG_STEP)

    def rank(self, value: float) -> float:
        """Return the share of remembered values that lie below ``value``; 0.0 when empty."""
        if value <= 0.0 or self._total <= 0.0:
            return 0.0
        at = min(max(int((log(value) - FIRST_LOG) / LOG_STEP), 0), BINS - 1)
        return float((self._bins[:at].sum() + 0.5 * self._bins[at]) / self._total)

    def log_centre(self) -> tuple[float, float] | None:
        """Return (median, robust standard deviation) of ln(value); None when empty.

        The deviation is the interquartile range over 1.349, as of a normal; it is never less than a bin.
        """
        if self._total <= 0.0:
            return None
        sums = np.cumsum(self._bins)
        low, middle, high = np.searchsorted(sums, np.array((0.25, 0.5, 0.75)) * self._total)
        return (
            FIRST_LOG + (float(middle) + 0.5) * LOG_STEP,
            max(float(high - low) * LOG_STEP / 1.349, LOG_STEP),
        )

    def z(self, value: float) -> float:
        """Return how many robust deviations ln(value) lies above the median; 0.0 when empty."""
        centre = self.log_centre()
        if centre is None or value <= 0.0:
            return 0.0
        return (log(value) - centre[0]) / centre[1]

    def _age(self, at_ms: int) -> None:
        if self._at_ms is None:
            self._at_ms = at_ms
        elif at_ms - self._at_ms >= AGED_EVERY_MS:
            self._scale *= exp(_LN2 * (at_ms - self._at_ms) / 1000 / self._half_life_s)
            if self._scale > _FOLD_AT:
                self._bins /= self._scale
                self._total /= self._scale
                self._scale = 1.0
            self._at_ms = at_ms
