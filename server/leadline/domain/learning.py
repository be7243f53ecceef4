"""What liquidation prints teach: how often each distance class dies, and how much in total.

Prints are counted in effective positions (coins over the mean square per mean of their sizes), for one
whale is one piece of evidence; what was learnt fades over weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, isfinite, log, log1p
from typing import Any

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.kernels import F8


@dataclass(frozen=True, slots=True)
class Lesson:
    """Multipliers of the prior's distance classes [J] and their relative variances [J].

    own_sigma: of ln(all multipliers) at the venue that goes by the lesson, where another one gave it.
    """

    multipliers: F8
    variances: F8
    own_sigma: float = 0.0


class ClassLearning:
    """Class multipliers of one venue and symbol, from a feed that shows every liquidation.

    What is printed of a side between two lessons ~ Poisson(sum of multiplier x base coins swept).  The
    logs of the multipliers [J] are Gaussian: at first with means of 0 and neighbours alike, then with what
    each count adds along the direction in which it tells (Laplace's approximation of the posterior).  So
    a class goes by its own prints as far as there are any, and by its neighbours' where there are none.
    """

    __slots__ = (
        "_coins",
        "_foretold",
        "_information",
        "_missed_squares",
        "_precision",
        "_printed",
        "_squares",
        "prints",
    )

    def __init__(self) -> None:
        prior = _prior_precision()
        self._precision: F8 = prior.copy()
        self._information: F8 = np.zeros(len(prior))
        self._printed: F8 = np.zeros(2)
        self._missed_squares = 0.0
        self._foretold = 0.0
        self._coins = 0.0
        self._squares = 0.0
        self.prints = 0

    def take(self, side: Side, coins: float) -> None:
        """Take one print."""
        self._printed[0 if side is Side.BUY else 1] += coins
        self._coins += coins
        self._squares += coins * coins
        self.prints += 1

    def learn(self, expected: F8, lump_coins: float, minutes: float) -> None:
        """Weigh the prints since the last call against the base coins swept meanwhile [2, J].

        Prints of a side of which nothing was swept (or seen to be) tell of no class.
        """
        kept = constants.LEARN_KEPT_PER_MIN**minutes
        prior = _prior_precision()
        self._precision = prior + kept * (self._precision - prior)
        covariance = np.linalg.inv(self._precision)
        mean = covariance @ (kept * self._information)
        self._missed_squares *= kept
        self._foretold *= kept
        dispersion = self.dispersion
        for side in range(2):
            parts = expected[side] * np.exp(mean) / lump_coins
            foretold, printed = float(parts.sum()), float(self._printed[side]) / lump_coins
            self._printed[side] = 0.0
            if foretold <= 0.0:
                continue
            self._missed_squares += (printed - foretold) ** 2
            self._foretold += foretold
            told = parts / foretold
            gain = covariance @ told
            spread = float(told @ gain)
            found = _found(foretold / dispersion, printed / dispersion, spread)
            mean += gain * (printed / dispersion - found)
            covariance -= np.outer(gain, gain) * (found / (1.0 + found * spread))
            self._precision += found * np.outer(told, told)
        self._information = self._precision @ mean

    @property
    def dispersion(self) -> float:
        """How many times their Poisson variance counts miss what was foretold of them, at least 1.

        Positions do not die one by one: whoever follows the same call dies in the same minute.
        """
        prior = constants.LEARN_PRIOR
        return max((prior + self._missed_squares) / (prior + self._foretold), 1.0)

    def lesson(self, prior: F8) -> Lesson:
        """Return the multipliers with which all shares of an opening add up to 1.

        prior [J]: the classes' shares before any lesson; what remains of 1 is the pool, which no print
        ever speaks of: before any it is as sure as a class.  Whoever opens near opens nothing far and hedges
        nothing: what is known least gives way most.
        """
        count = len(prior)
        precision: F8 = np.zeros((count + 1, count + 1))
        precision[:count, :count] = self._precision
        precision[count, count] = constants.CLASS_LOG_SIGMA**-2
        start = np.append(np.linalg.solve(self._precision, self._information), 0.0)
        shares = np.append(prior, 1.0 - prior.sum())
        logs = _conserved(start, precision, shares)
        # What the shares' sum tells makes the multipliers surer too.
        parts = shares * np.exp(logs)
        covariance = np.linalg.inv(precision)
        gain = covariance @ parts
        covariance -= np.outer(gain, gain) / float(gain @ parts)
        return Lesson(np.exp(logs[:count]), np.diagonal(covariance)[:count].copy())

    def memory(self) -> dict[str, object]:
        """Return all that was learnt, as plain values."""
        return {
            "precision": self._precision.tolist(),
            "information": self._information.tolist(),
            "missed_squares": self._missed_squares,
            "foretold": self._foretold,
            "coins": self._coins,
            "squares": self._squares,
            "prints": self.prints,
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` told; raises ValueError, KeyError or TypeError for anything else."""
        prior = _prior_precision()
        precision: F8 = np.array(memory["precision"], dtype=np.float64)
        information: F8 = np.array(memory["information"], dtype=np.float64)
        if precision.shape != prior.shape or information.shape != prior.shape[:1]:
            raise ValueError(f"expected {prior.shape} numbers, got {precision.shape}, {information.shape}")
        names = ("missed_squares", "foretold", "coins", "squares", "prints")
        sums = [float(memory[name]) for name in names]
        if not (np.isfinite(precision).all() and np.isfinite(information).all()):
            raise ValueError("expected finite numbers of what was learnt")
        if not np.allclose(precision, precision.T) or np.linalg.eigvalsh(precision)[0] <= 0.0:
            raise ValueError("expected a precision that is one")
        if not all(isfinite(total) and total >= 0 for total in sums):
            raise ValueError(f"expected sums of at least 0, got {sums}")
        self._precision, self._information = precision, information
        self._missed_squares, self._foretold, self._coins, self._squares = sums[:4]
        self.prints = int(memory["prints"])

    def lump_coins(self, price: float) -> float:
        """Return mean square over mean of the sizes of liquidations: how coarse forced flow is.

        Until prints say more it is that of the prior over position sizes, valued at ``price``.
        """
        mean = constants.POSITION_USD_MEDIAN * exp(0.5 * constants.POSITION_LOG_SIGMA**2) / price
        square = mean**2 * exp(constants.POSITION_LOG_SIGMA**2)
        prior = constants.LUMP_PRIOR_PRINTS
        return (prior * square + self._squares) / (prior * mean + self._coins)


def _found(foretold: float, printed: float, spread: float) -> float:
    """Return the mean of a Poisson count that was foretold, once ``printed`` was counted.

    Its log had the variance ``spread``: foretold x exp(x) for the x that makes printed x - foretold exp(x)
    - x^2 / (2 spread) largest, by Newton's method from where it cannot overshoot.
    """
    x = log(printed / foretold) if printed > foretold else 0.0
    for _ in range(50):
        mean = foretold * exp(x)
        step = (x - spread * (printed - mean)) / (1.0 + spread * mean)
        x -= step
        if abs(step) < 1e-10:
            break
    return foretold * exp(x)


def _conserved(start: F8, precision: F8, shares: F8) -> F8:
    """Return the likeliest logs [n] under a Gaussian around ``start`` with sum(shares x exp(logs)) = 1.

    Newton's method on the Lagrangian, without what could make its curvature negative.
    """
    if abs(float(shares @ np.exp(start)) - 1.0) < 1e-12:
        return start
    logs, force = start, 0.0
    for _ in range(50):
        parts = shares * np.exp(logs)
        total = float(parts.sum())
        parts /= total
        curvature = precision + max(force, 0.0) * (np.diag(parts) - np.outer(parts, parts))
        pull, turn = np.linalg.solve(curvature, np.stack([precision @ (logs - start), parts], axis=1)).T
        force = (log(total) - float(parts @ pull)) / float(parts @ turn)
        step = pull + force * turn
        logs = logs - step
        if np.abs(step).max() < 1e-9:
            break
    return logs


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


def transfer(lessons: list[Lesson]) -> Lesson | None:
    """Return what venues with complete feeds teach one without; None when there is none.

    Logs of the multipliers are averaged by their precision.  What that leaves in doubt is wrong at all
    venues alike; TRANSFER_LOG_SIGMA is how far each of them lies from it by itself.
    """
    if not lessons:
        return None
    precisions = np.stack([1.0 / lesson.variances for lesson in lessons])
    logs = np.log(np.stack([lesson.multipliers for lesson in lessons]))
    total = precisions.sum(axis=0)
    mean = (precisions * logs).sum(axis=0) / total
    return Lesson(np.exp(mean), 1.0 / total, constants.TRANSFER_LOG_SIGMA)


@cache
def _prior_precision() -> F8:
    """Return the inverse covariance [J, J] of the logs of the multipliers before any print."""
    logs = np.log(np.array(constants.CLASS_DISTANCES))
    alike = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / constants.CLASS_LOG_REACH) ** 2)
    own = constants.CLASS_OWN_SHARE
    covariance = constants.CLASS_LOG_SIGMA**2 * ((1.0 - own) * alike + own * np.eye(len(logs)))
    precision: F8 = np.linalg.inv(covariance)
    precision.flags.writeable = False
    return precision
