"""How often a touched cluster becomes a cascade: a logistic model that learns from each touch.

The weights are a normal distribution, moved by one Newton step a touch (Laplace) and widened back to the
prior over FORGET_DAYS.  The prior knows distance only, and not much of that; until CALIBRATED_MIN touches
the odds are shown as uncalibrated, and from ISOTONIC_MIN on they are corrected by what really happened.
"""

from __future__ import annotations

from collections import deque
from dataclasses import astuple, dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]

CALIBRATED_MIN = 200
ISOTONIC_MIN = 300
OUTCOMES_KEPT = 2_000
FORGET_DAYS = 60.0
PRIOR_BIAS = log(0.25 / 0.75)  # a quarter of the touches, before anything is known
PRIOR_DISTANCE = -0.2
PRIOR_SIGMA_BIAS = 1.0
PRIOR_SIGMA_DISTANCE = 0.3
PRIOR_SIGMA = 0.15  # of the others: a ridge toward the distance-only model
FEATURE_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Features:
    """What is known at the touch, each about 0 when nothing is special.

    ln_distance: of the distance in bp at which the cluster was armed, over 25 bp; ln_fuel: of fuel over
    depth; oi_z, funding_z: against their month; aggression_z: takers toward it; thin: missing share of
    depth; speed_z: of approach; exact: share of the estimate from published positions.
    """

    ln_distance: float = 0.0
    ln_fuel: float = 0.0
    oi_z: float = 0.0
    funding_z: float = 0.0
    aggression_z: float = 0.0
    thin: float = 0.0
    speed_z: float = 0.0
    exact: float = 0.0

    def vector(self) -> F8:
        """Return the model's input [9], the constant first."""
        vector: F8 = np.clip(np.array((1.0, *astuple(self))), -FEATURE_MAX, FEATURE_MAX)
        return vector


@dataclass(frozen=True, slots=True)
class Odds:
    """p: of a cascade given a touch; n: touches it was learned from."""

    p: float
    n: int

    @property
    def calibrated(self) -> bool:
        return self.n >= CALIBRATED_MIN

    def text(self) -> str:
        """Return the words for a person."""
        return f"{self.p * 100:.0f} %, n={self.n}" if self.calibrated else f"uncalibrated, n={self.n}"


class CascadeOdds:
    """Learns over all symbols that are given to it; times are Unix ms."""

    __slots__ = (
        *("_at_ms", "_blocks", "_mean", "_outcomes", "_precision", "_prior_mean", "_prior_precision"),
        "n",
    )

    def __init__(self) -> None:
        size = len(Features().vector())
        self._prior_mean: F8 = np.zeros(size)
        self._prior_mean[:2] = PRIOR_BIAS, PRIOR_DISTANCE
        sigmas = np.full(size, PRIOR_SIGMA)
        sigmas[:2] = PRIOR_SIGMA_BIAS, PRIOR_SIGMA_DISTANCE
        self._prior_precision: F8 = np.diag(1.0 / sigmas**2)
        self._mean: F8 = self._prior_mean.copy()
        self._precision: F8 = self._prior_precision.copy()
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=OUTCOMES_KEPT)
        self._blocks: list[tuple[float, float, float]] = []  # of the correction, none when it is out of date
        self._at_ms: int | None = None
        self.n = 0

    def odds(self, features: Features) -> Odds:
        """Return the odds of a touch."""
        p = self._raw(features.vector())
        if self.n >= ISOTONIC_MIN:
            p = self._corrected(p)
        return Odds(p, self.n)

    def learn(self, features: Features, cascaded: bool, at_ms: int) -> None:
        """Take what became of a touch."""
        self._forget(at_ms)
        x = features.vector()
        p = self._raw(x)
        self._outcomes.append((p, cascaded))
        self._blocks = []
        self._precision = self._precision + np.outer(x, x) * max(p * (1 - p), 1e-6)
        self._mean = self._mean + np.linalg.solve(self._precision, x * (float(cascaded) - p))
        self.n += 1

    def skill(self) -> float | None:
        """Return the Brier skill against always saying the base rate; None before CALIBRATED_MIN touches."""
        if len(self._outcomes) < CALIBRATED_MIN:
            return None
        p, y = (np.array(each, dtype=np.float64) for each in zip(*self._outcomes, strict=True))
        base = float(y.mean() * (1 - y.mean()))
        return 1.0 - float(np.square(p - y).mean()) / base if base > 0 else None

    def _raw(self, x: F8) -> float:
        return 1.0 / (1.0 + exp(-float(x @ self._mean)))

    def _forget(self, at_ms: int) -> None:
        """Let what was learned fade toward the prior."""
        if self._at_ms is not None and at_ms > self._at_ms:
            kept = exp(-(at_ms - self._at_ms) / (FORGET_DAYS * 86_400_000))
            informed = self._precision @ self._mean - self._prior_precision @ self._prior_mean
            self._precision = self._prior_precision + kept * (self._precision - self._prior_precision)
            weighed = self._prior_precision @ self._prior_mean + kept * informed
            self._mean = np.asarray(np.linalg.solve(self._precision, weighed), dtype=np.float64)
        self._at_ms = max(at_ms, self._at_ms or 0)

    def _corrected(self, p: float) -> float:
        """Correct by the isotonic regression of the kept outcomes."""
        blocks = self._blocks = self._blocks or self._pooled()
        for total, count, last in blocks:
            if p <= last:
                return (total + 0.5) / (count + 1.0)
        total, count, _ = blocks[-1]
        return (total + 0.5) / (count + 1.0)

    def _pooled(self) -> list[tuple[float, float, float]]:
        """Pool adjacent violators: (sum of outcomes, count, largest p) of each block."""
        blocks: list[tuple[float, float, float]] = []
        for each_p, happened in sorted(self._outcomes):
            blocks.append((float(happened), 1.0, each_p))
            while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
                total, count, last = blocks.pop()
                before, more, _ = blocks.pop()
                blocks.append((before + total, more + count, last))
        return blocks
