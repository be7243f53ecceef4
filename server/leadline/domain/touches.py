"""Clusters that price went through: what was foretold there and what died there.

The same count serves twice: on the prints of a complete feed it widens or narrows the intervals the
app shows, on the truth of a simulated market it scores them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, log
from typing import Any

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import Cluster, SideName, interval_factor, log_sigma
from leadline.domain.events import Side
from leadline.domain.heat import Heat
from leadline.domain.kernels import F8


@dataclass(frozen=True, slots=True)
class Touch:
    """One cluster, or the part of it that the mark crossed.

    sigma: of ln(dollars) as foretold, None while uncalibrated; factor: half-width of the 80 % interval.
    """

    side: SideName
    predicted_usd: float
    realised_usd: float
    sigma: float | None
    factor: float

    @property
    def held(self) -> bool:
        """Did the interval hold what happened?"""
        low, high = self.predicted_usd / self.factor, self.predicted_usd * self.factor
        return low <= self.realised_usd <= high

    @property
    def log_error(self) -> float:
        """|ln(realised / foretold)|, infinite when nothing died."""
        return abs(log(self.realised_usd / self.predicted_usd)) if self.realised_usd > 0 else inf


class Watch:
    """The clusters of one heat, from when it was drawn until `touches` is asked."""

    __slots__ = ("_clusters", "_heat", "_high", "_low", "_usd", "at_ms")

    def __init__(self, heat: Heat, clusters: Iterable[Cluster], at_ms: int) -> None:
        self._heat = heat
        self._clusters = list(clusters)
        self._low = self._high = heat.mark
        self._usd: F8 = np.zeros((2, len(heat.long_usd)))
        self.at_ms = at_ms

    def mark(self, price: float) -> None:
        """Take the mark of the venue the heat is drawn around."""
        if price < self._low:
            self._low = price
        elif price > self._high:
            self._high = price

    def liquidation(self, side: Side, trigger: float, usd: float) -> None:
        """Take what died, at its trigger on the heat's axis."""
        at = int(np.floor(log(trigger) / self._heat.step)) - self._heat.origin
        if 0 <= at < self._usd.shape[1]:
            self._usd[0 if side is Side.BUY else 1, at] += usd

    def touches(self) -> list[Touch]:
        """Return the clusters of which at least TOUCHED_SHARE was crossed, by their crossed bins."""
        found = []
        for cluster in self._clusters:
            crossed = self._crossed(cluster)
            if crossed is None:
                continue
            first, mass = crossed
            row = 0 if cluster.side == "long" else 1
            realised = float(self._usd[row, first : first + len(mass)].sum())
            found.append(
                Touch(
                    cluster.side,
                    float(mass.sum()),
                    realised,
                    log_sigma(self._heat, cluster.side, first, mass),
                    interval_factor(self._heat, cluster.side, first, mass),
                )
            )
        return found

    def _crossed(self, cluster: Cluster) -> tuple[int, F8] | None:
        """Return (first bin in the heat, mass) of what the mark crossed, None when it was too little."""
        step, bins = self._heat.step, len(cluster.mass)
        if cluster.side == "short":
            count = int(np.floor(log(self._high) / step - 0.5)) + 1 - cluster.first_bin
            begin = 0
        else:
            count = cluster.first_bin + bins - int(np.ceil(log(self._low) / step - 0.5))
            begin = bins - count
        if count < max(constants.TOUCHED_SHARE * bins, 1.0):
            return None
        begin, count = max(begin, 0), min(count, bins)
        mass = cluster.mass[begin : begin + count]
        if mass.sum() <= 0.0:
            return None
        return cluster.first_bin - self._heat.origin + begin, mass


class Widening:
    """The factor on log intervals that makes 80 % of the touched clusters of the past fall inside."""

    __slots__ = ("_errors",)

    def __init__(self) -> None:
        self._errors: deque[float] = deque(maxlen=constants.WIDENING_TOUCHES_KEPT)

    def take(self, touches: Iterable[Touch]) -> None:
        """Learn from touched clusters (those foretold without an interval teach nothing)."""
        self._errors.extend(touch.log_error / touch.sigma for touch in touches if touch.sigma)

    def memory(self) -> list[float]:
        """Return what was learnt, as plain values."""
        return list(self._errors)

    def recall(self, memory: Iterable[Any]) -> None:
        """Take back what `memory` told; raises ValueError or TypeError for anything else."""
        errors = [float(error) for error in memory]
        if not all(error >= 0 for error in errors):
            raise ValueError(f"expected errors of at least 0, got {errors!r:.80}")
        self._errors.extend(errors)

    @property
    def touches(self) -> int:
        return len(self._errors)

    @property
    def factor(self) -> float:
        """1.0 until there are WIDENING_TOUCHES_MIN."""
        if len(self._errors) < constants.WIDENING_TOUCHES_MIN:
            return 1.0
        # The conformal quantile: one rank above the share, so that the next one is held that often.
        ordered = sorted(self._errors)
        rank = min(int(np.ceil(0.8 * (len(ordered) + 1))), len(ordered)) - 1
        return min(ordered[rank] / constants.INTERVAL_SIGMAS, constants.WIDENING_MAX)
