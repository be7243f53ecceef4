"""Taker flow by the second: who pushes, how unusual that is, and whether price follows.

Sizes are dollars.  Definitions: taker imbalance is (bought - sold) / (bought + sold) over the last
IMBALANCE_S; its z is against the same figure of the last half hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from leadline.domain.events import Side
from leadline.domain.trades import TradeColumns

SECONDS = 1_800  # half an hour is kept
IMBALANCE_S = 10
SPIKE_S = 60
SPIKE_Z_MIN = 3.5
SPIKE_MINUTES_MIN = 10  # fewer minutes of a market say nothing of what is usual
DIVERGENCE_S = 900
DIVERGENCE_LEAVE_OUT_S = 60  # an extreme of the last minute is compared with those before it
IMBALANCE_SAMPLES_MIN = 12


@dataclass(frozen=True, slots=True)
class Divergence:
    """Price made a new extreme and the cumulative delta did not.

    side: of the extreme (BUY: a new high without new buying).  price, cvd_usd: at the extreme;
    price_before, cvd_before_usd: at the extreme before it, inside DIVERGENCE_S.
    """

    side: Side
    price: float
    price_before: float
    cvd_usd: float
    cvd_before_usd: float


class TakerFlow:
    """A ring of SECONDS one-second sums over all venues of a symbol; time moves forward only."""

    __slots__ = ("_bought", "_cvd", "_deviation", "_deviation_s", "_first_s", "_now_s", "_price", "_sold")

    def __init__(self) -> None:
        self._bought = np.zeros(SECONDS)
        self._sold = np.zeros(SECONDS)
        self._price = np.full(SECONDS, nan)
        self._cvd = np.zeros(SECONDS)
        self._now_s = -1
        self._first_s = -1
        self._deviation = 0.0  # of the windows before the last one, as of second _deviation_s
        self._deviation_s = -1

    def trade(self, at_ms: int, side: int, usd: float, price: float) -> None:
        """Take trades of one side (+1 bought, -1 sold); older than the second now, they count in it."""
        self.advance(at_ms)
        at = self._now_s % SECONDS
        if side == Side.BUY:
            self._bought[at] += usd
        else:
            self._sold[at] += usd
        self._cvd[at] += usd * side
        self._price[at] = price

    def late(self, now_ms: int, made: TradeColumns) -> None:
        """Count trades in the seconds they were made in; older than that, in the cumulative delta alone."""
        self.advance(now_ms)
        oldest_s = self._now_s - SECONDS + 1
        seconds = np.minimum(made.at_ms // 1000, self._now_s)
        kept, signed = seconds >= oldest_s, np.where(made.bought, made.usd, -made.usd)
        np.add.at(self._bought, seconds[kept & made.bought] % SECONDS, made.usd[kept & made.bought])
        np.add.at(self._sold, seconds[kept & ~made.bought] % SECONDS, made.usd[kept & ~made.bought])
        since = np.cumsum(np.bincount(np.maximum(seconds - oldest_s, 0), signed, SECONDS))
        self._cvd[np.arange(oldest_s, self._now_s + 1) % SECONDS] += since

    def advance(self, at_ms: int) -> None:
        """Let time pass to ``at_ms`` without a trade."""
        second = at_ms // 1000
        if self._now_s < 0:
            self._now_s = self._first_s = second
            return
        gone = min(second - self._now_s, SECONDS)
        if gone <= 0:
            return
        held_cvd, held_price = self._cvd[self._now_s % SECONDS], self._price[self._now_s % SECONDS]
        at = np.arange(second - gone + 1, second + 1) % SECONDS
        self._bought[at] = self._sold[at] = 0.0
        self._cvd[at] = held_cvd
        self._price[at] = held_price
        self._now_s = second

    @property
    def seconds(self) -> int:
        """How many whole seconds are known, at most SECONDS - 1."""
        return max(0, min(self._now_s - self._first_s, SECONDS - 1)) if self._now_s >= 0 else 0

    @property
    def cvd_usd(self) -> float:
        """Bought minus sold since the start."""
        return float(self._cvd[self._now_s % SECONDS]) if self._now_s >= 0 else 0.0

    def sums(self, seconds: int) -> tuple[float, float]:
        """Return (bought, sold) of the last ``seconds``, the one that runs included."""
        end = self._now_s % SECONDS + 1
        first = end - min(seconds, SECONDS)
        if first < 0:
            at = self._last(seconds)
            return float(self._bought[at].sum()), float(self._sold[at].sum())
        return float(self._bought[first:end].sum()), float(self._sold[first:end].sum())

    def imbalance(self) -> float:
        """Return the taker imbalance of the last IMBALANCE_S, -1..1; 0.0 without trades."""
        bought, sold = self.sums(IMBALANCE_S)
        return (bought - sold) / (bought + sold) if bought + sold > 0 else 0.0

    def imbalance_z(self) -> float:
        """Return the imbalance of the last IMBALANCE_S in standard deviations of the half hour's.

        Every window counts by its dollars, so that a silent night does not make one trade a push.
        0.0 before IMBALANCE_SAMPLES_MIN windows with trades.
        """
        if self._deviation_s < 0 or self._now_s - self._deviation_s >= IMBALANCE_S:
            # What is usual of half an hour is so for the length of a window.
            self._deviation, self._deviation_s = self._usual_imbalance(), self._now_s
        if self._deviation <= 0.0:
            return 0.0
        bought, sold = self.sums(IMBALANCE_S)
        return (bought - sold) / self._deviation

    def _usual_imbalance(self) -> float:
        """Return the root mean square of the windows' deltas but the last's, 0.0 while too few are known."""
        windows = self.seconds // IMBALANCE_S
        if windows < 2:
            return 0.0
        at = self._last(windows * IMBALANCE_S)[:-IMBALANCE_S]
        bought = self._bought[at].reshape(windows - 1, IMBALANCE_S).sum(axis=1)
        sold = self._sold[at].reshape(windows - 1, IMBALANCE_S).sum(axis=1)
        if (bought + sold > 0).sum() < IMBALANCE_SAMPLES_MIN:
            return 0.0
        return sqrt(float(np.square(bought - sold).mean()))

    def volume_spike_z(self) -> float:
        """Return how many robust deviations ln(dollars of the last minute) lies above the half hour's.

        0.0 before SPIKE_MINUTES_MIN minutes with trades.
        """
        minutes = self.seconds // SPIKE_S
        if minutes < 2:
            return 0.0
        at = self._last(minutes * SPIKE_S)
        usd = (self._bought + self._sold)[at].reshape(minutes, SPIKE_S).sum(axis=1)
        before = np.log(usd[:-1][usd[:-1] > 0])
        if len(before) < SPIKE_MINUTES_MIN or usd[-1] <= 0:
            return 0.0
        middle = float(np.median(before))
        deviation = max(1.4826 * float(np.median(np.abs(before - middle))), 0.1)
        return float((np.log(usd[-1]) - middle) / deviation)

    def divergence(self) -> Divergence | None:
        """Return the divergence that stands now: the newest minute holds the extreme of DIVERGENCE_S."""
        if self.seconds < DIVERGENCE_S:
            return None
        at = self._last(DIVERGENCE_S)
        price, cvd = self._price[at], self._cvd[at]
        old, new = slice(0, -DIVERGENCE_LEAVE_OUT_S), slice(-DIVERGENCE_LEAVE_OUT_S, None)
        if np.isnan(price[0]):
            return None
        for side in (Side.BUY, Side.SELL):
            before, now = int(np.argmax(price[old] * side)), int(np.argmax(price[new] * side))
            price_before, price_now = float(price[old][before]), float(price[new][now])
            cvd_before, cvd_now = float(cvd[old][before]), float(cvd[new][now])
            if side * (price_now - price_before) > 0 and side * (cvd_now - cvd_before) < 0:
                return Divergence(side, price_now, price_before, cvd_now, cvd_before)
        return None

    def _last(self, seconds: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the ring's places of the last ``seconds``, oldest first."""
        count = min(seconds, SECONDS)
        return np.arange(self._now_s - count + 1, self._now_s + 1) % SECONDS
