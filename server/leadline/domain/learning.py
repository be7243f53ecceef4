"""What liquidation prints teach: how often each distance class dies, and how much in total.

Prints of a class ~ Poisson(multiplier x base coins the mark swept of it), so that a Gamma prior with
evidence a (coins printed) over b (base coins swept) stays a Gamma.  Both are counted in effective
positions (coins over the mean square per mean of their sizes), for one whale is one piece of
evidence, and fade over weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, isfinite, log1p
from typing import Any

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.kernels import F8, conserve


@dataclass(frozen=True, slots=True)
class Lesson:
    """Multipliers of the prior's distance classes [J] and their relative variances [J]."""

    multipliers: F8
    variances: F8


class ClassLearning:
    """Class multipliers of one venue and symbol, from a feed that shows every liquidation."""

    __slots__ = ("_coins", "_evidence", "_printed", "_squares", "prints")

    def __init__(self) -> None:
        classes = len(constants.CLASS_DISTANCES)
        self._evidence: F8 = np.full((2, classes), constants.LEARN_PRIOR)
        self._printed: F8 = np.zeros(classes)
        self._coins = 0.0
        self._squares = 0.0
        self.prints = 0

    def take(self, coins: float, shares: F8) -> None:
        """Take one print, split over the classes by ``shares`` [J], whose sum is 1."""
        self._printed += coins * shares
        self._coins += coins
        self._squares += coins * coins
        self.prints += 1

    def learn(self, expected: F8, lump_coins: float, minutes: float) -> None:
        """Weigh the prints since the last call against the base coins swept meanwhile [J]."""
        kept = constants.LEARN_KEPT_PER_MIN**minutes
        prior = constants.LEARN_PRIOR
        news = np.stack([self._printed, expected]) / lump_coins
        self._evidence = prior + kept * (self._evidence - prior) + news
        self._printed[:] = 0.0

    def lesson(self) -> Lesson:
        """Return the multipliers, each smoothed over the classes at similar distances."""
        printed, expected = self._evidence @ _smoothing().T
        return Lesson(printed / expected, 1.0 / printed)

    def memory(self) -> dict[str, object]:
        """Return all that was learnt, as plain values."""
        evidence = self._evidence.tolist()
        return {"evidence": evidence, "coins": self._coins, "squares": self._squares, "prints": self.prints}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` told; raises ValueError, KeyError or TypeError for anything else."""
        evidence = _evidence(memory["evidence"], (2, len(constants.CLASS_DISTANCES)))
        coins, squares, prints = float(memory["coins"]), float(memory["squares"]), int(memory["prints"])
        if not (isfinite(coins) and coins >= 0 and isfinite(squares) and squares >= 0 and prints >= 0):
            raise ValueError(f"expected sums of at least 0, got {coins}, {squares}, {prints}")
        self._evidence, self._coins, self._squares, self.prints = evidence, coins, squares, prints

    def lump_coins(self, price: float) -> float:
        """Return mean square over mean of the sizes of liquidations: how coarse forced flow is.

        Until prints say more it is that of the prior over position sizes, valued at ``price``.
        """
        mean = constants.POSITION_USD_MEDIAN * exp(0.5 * constants.POSITION_LOG_SIGMA**2) / price
        square = mean**2 * exp(constants.POSITION_LOG_SIGMA**2)
        prior = constants.LUMP_PRIOR_PRINTS
        return (prior * square + self._squares) / (prior * mean + self._coins)


class TotalLearning:
    """A multiplier for all that a venue liquidates on a side: what is realised over what is expected.

    Arrays are [2]: longs, shorts.  The sides differ where hedgers crowd one of them.
    """

    __slots__ = ("_expected", "_realised")

    def __init__(self) -> None:
        self._realised: F8 = np.full(2, constants.LEARN_PRIOR)
        self._expected: F8 = np.full(2, constants.LEARN_PRIOR)

    def learn(self, realised: F8, expected: F8, lump_coins: float, weight: float, minutes: float) -> None:
        """Weigh coins liquidated against coins the bands expected; ``weight`` 1 for a complete feed."""
        kept = constants.TOTAL_KEPT_PER_MIN**minutes
        prior = constants.LEARN_PRIOR
        scale = weight / lump_coins
        self._realised = prior + kept * (self._realised - prior) + scale * realised
        self._expected = prior + kept * (self._expected - prior) + scale * expected

    def memory(self) -> dict[str, object]:
        """Return all that was learnt, as plain values."""
        return {"realised": self._realised.tolist(), "expected": self._expected.tolist()}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` told; raises ValueError, KeyError or TypeError for anything else."""
        realised, expected = _evidence(memory["realised"], (2,)), _evidence(memory["expected"], (2,))
        self._realised, self._expected = realised, expected

    @property
    def multipliers(self) -> F8:
        return self._realised / self._expected

    @property
    def sigmas(self) -> F8:
        """Standard deviations of ln(multiplier) that its evidence leaves."""
        return 1.0 / np.sqrt(self._realised)


def _evidence(told: object, shape: tuple[int, ...]) -> F8:
    evidence: F8 = np.array(told, dtype=np.float64)
    least = constants.LEARN_PRIOR * (1.0 - 1e-9)
    if evidence.shape != shape or not np.isfinite(evidence).all() or (evidence < least).any():
        raise ValueError(f"expected evidence {shape} of at least {constants.LEARN_PRIOR}, got {told!r:.80}")
    return evidence


def misfit(realised: F8, foretold: F8, lump_coins: float) -> float:
    """Return the Poisson deviance of coins liquidated from coins foretold, counted in whole positions."""
    least = 1e-3 * lump_coins
    mean = np.maximum(foretold, least)
    ratio = np.where(realised > 0, realised, mean) / mean
    return float(2.0 * np.sum(realised * np.log(ratio) - (realised - mean)) / lump_coins)


class Unthrottled:
    """Estimates what a feed of at most one print a second left out.

    With f the share of seconds that had a print (recent, per side), liquidations came at a rate of
    -ln(1 - f) a second, of which f were shown.
    """

    __slots__ = ("_second", "_share")

    def __init__(self) -> None:
        self._share = {Side.BUY: 0.0, Side.SELL: 0.0}
        self._second = {Side.BUY: 0, Side.SELL: 0}

    def coins(self, side: Side, coins: float, at_ms: int) -> float:
        """Return the coins that one print stands for."""
        second = at_ms // 1000
        passed = second - self._second[side]
        if passed > 0:
            kept = exp(-1.0 / constants.THROTTLE_MEMORY_S)
            self._share[side] = self._share[side] * kept**passed + (1.0 - kept)
            self._second[side] = second
        share = min(self._share[side], constants.THROTTLE_SHARE_MAX)
        return coins * -log1p(-share) / share if share > 0 else coins


class ForcedFlow:
    """Coins a venue liquidated since they were last taken, as far as its feed tells, by side [2].

    share_per_min: of the open interest, over about the last FORCED_MEMORY_MIN.  share_max_per_min: bound
    on it that a complete feed of another venue sets, None without one.
    """

    __slots__ = (
        "_completed",
        "_printed",
        "_slice_completed",
        "_slice_printed",
        "_throttled",
        "_unthrottled",
        "share_max_per_min",
        "share_per_min",
    )

    def __init__(self) -> None:
        self._unthrottled = Unthrottled()
        self._printed, self._completed = np.zeros(2), np.zeros(2)
        self._slice_printed, self._slice_completed = np.zeros(2), np.zeros(2)
        self._throttled = False
        self.share_per_min = 0.0
        self.share_max_per_min: float | None = None

    def hear(self, side: Side, coins: float) -> None:
        """Take a print of a feed that shows all."""
        row = 0 if side is Side.BUY else 1
        self._printed[row] += coins
        self._completed[row] += coins

    def hear_throttled(self, side: Side, coins: float, at_ms: int) -> None:
        """Take a print of a feed that leaves some out."""
        row = 0 if side is Side.BUY else 1
        self._throttled = True
        self._slice_printed[row] += coins
        self._slice_completed[row] += self._unthrottled.coins(side, coins, at_ms)

    def settle(self, closed: float) -> None:
        """End a slice that closed so many coins a side: what was left out is a part of them."""
        if not self._throttled:
            return
        self._throttled = False
        most = constants.THROTTLED_CLOSED_SHARE_MAX * closed
        self._printed += self._slice_printed
        self._completed += np.maximum(self._slice_printed, np.minimum(self._slice_completed, most))
        self._slice_printed[:] = self._slice_completed[:] = 0.0

    def take(self, oi_coins: float, minutes: float) -> F8:
        """Return the coins of the last ``minutes`` [2] and start anew."""
        coins, total = self._completed.copy(), float(self._completed.sum())
        if self.share_max_per_min is not None and total > 0.0:
            most = self.share_max_per_min * oi_coins * minutes
            coins = np.maximum(self._printed, coins * min(1.0, most / total))
        self._printed[:] = self._completed[:] = 0.0
        kept = exp(-minutes / constants.FORCED_MEMORY_MIN)
        share = float(coins.sum()) / oi_coins / minutes
        self.share_per_min = kept * self.share_per_min + (1 - kept) * share
        return coins


def conserved(lesson: Lesson, prior: F8) -> F8:
    """Return the lesson's multipliers [J], changed so that all shares of an opening add up to 1.

    prior [J]: the classes' shares before any lesson; what remains of 1 is the pool, which no print ever
    speaks of.  Whoever opens near opens nothing far: what is known least gives way most.  With evidence
    a_j printed over b_j expected, class j becomes a_j / (b_j + x) and the pool a_0 / (a_0 + x), with x
    such that the sum is 1.
    """
    printed = np.append(1.0 / lesson.variances, constants.POOL_PRIOR)
    expected = np.append(1.0 / lesson.variances / lesson.multipliers, constants.POOL_PRIOR)
    shares = np.append(prior, 1.0 - prior.sum())
    if abs(shares @ (printed / expected) - 1.0) < 1e-9:
        return lesson.multipliers
    less = conserve(printed, expected, shares, 1.0)
    multipliers: F8 = (printed / (expected + less))[:-1]
    return multipliers


def transfer(lessons: list[Lesson]) -> Lesson | None:
    """Return what venues with complete feeds teach one without; None when there is none.

    Logs of the multipliers are averaged by their precision; venues differ by TRANSFER_LOG_SIGMA.
    """
    if not lessons:
        return None
    precisions = np.stack([1.0 / lesson.variances for lesson in lessons])
    logs = np.log(np.stack([lesson.multipliers for lesson in lessons]))
    total = precisions.sum(axis=0)
    mean = (precisions * logs).sum(axis=0) / total
    return Lesson(np.exp(mean), 1.0 / total + constants.TRANSFER_LOG_SIGMA**2)


@cache
def _smoothing() -> F8:
    """Return the weights [J, J] by which a class learns from those at similar distances."""
    logs = np.log(np.array(constants.CLASS_DISTANCES))
    weights: F8 = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / constants.CLASS_LOG_SMOOTHING) ** 2)
    return weights
