"""What liquidation prints teach: how often each distance class dies, and how much in total.

Prints of a class ~ Poisson(multiplier x base coins the mark swept of it), so that a Gamma prior with
evidence a (coins printed) over b (base coins swept) stays a Gamma.  Both are counted in effective
positions (coins over the mean square per mean of their sizes), for one whale is one piece of
evidence, and fade over weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, log1p, sqrt

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.kernels import F8


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

    def lump_coins(self, price: float) -> float:
        """Return mean square over mean of the sizes of liquidations: how coarse forced flow is.

        Until prints say more it is that of the prior over position sizes, valued at ``price``.
        """
        mean = constants.POSITION_USD_MEDIAN * exp(0.5 * constants.POSITION_LOG_SIGMA**2) / price
        square = mean**2 * exp(constants.POSITION_LOG_SIGMA**2)
        prior = constants.LUMP_PRIOR_PRINTS
        return (prior * square + self._squares) / (prior * mean + self._coins)


class TotalLearning:
    """One multiplier for all that a venue liquidates: what is realised over what is expected."""

    __slots__ = ("_expected", "_realised")

    def __init__(self) -> None:
        self._realised = self._expected = constants.LEARN_PRIOR

    def learn(
        self, realised: float, expected: float, lump_coins: float, weight: float, minutes: float
    ) -> None:
        """Weigh coins liquidated against coins the bands expected; ``weight`` 1 for a complete feed."""
        kept = constants.TOTAL_KEPT_PER_MIN**minutes
        prior = constants.LEARN_PRIOR
        scale = weight / lump_coins
        self._realised = prior + kept * (self._realised - prior) + scale * realised
        self._expected = prior + kept * (self._expected - prior) + scale * expected

    @property
    def multiplier(self) -> float:
        return self._realised / self._expected

    @property
    def sigma(self) -> float:
        """Standard deviation of ln(multiplier) that its evidence leaves."""
        return 1.0 / sqrt(self._realised)


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
    """Coins a venue liquidated since they were last taken, as far as its feed tells.

    share_per_min: of the open interest, over about the last FORCED_MEMORY_MIN.  share_max_per_min: bound
    on it that a complete feed of another venue sets, None without one.
    """

    __slots__ = (
        "_completed",
        "_printed",
        "_slice_completed",
        "_slice_printed",
        "_unthrottled",
        "share_max_per_min",
        "share_per_min",
    )

    def __init__(self) -> None:
        self._unthrottled = Unthrottled()
        self._printed = self._completed = 0.0
        self._slice_printed = self._slice_completed = 0.0
        self.share_per_min = 0.0
        self.share_max_per_min: float | None = None

    def hear(self, coins: float) -> None:
        """Take a print of a feed that shows all."""
        self._printed += coins
        self._completed += coins

    def hear_throttled(self, side: Side, coins: float, at_ms: int) -> None:
        """Take a print of a feed that leaves some out."""
        self._slice_printed += coins
        self._slice_completed += self._unthrottled.coins(side, coins, at_ms)

    def settle(self, closed: float) -> None:
        """End a slice that closed so many coins: what was left out is a part of them."""
        most = constants.THROTTLED_CLOSED_SHARE_MAX * closed
        self._printed += self._slice_printed
        self._completed += max(self._slice_printed, min(self._slice_completed, most))
        self._slice_printed = self._slice_completed = 0.0

    def take(self, oi_coins: float, minutes: float) -> float:
        """Return the coins of the last ``minutes`` and start anew."""
        coins = self._completed
        if self.share_max_per_min is not None:
            coins = max(self._printed, min(coins, self.share_max_per_min * oi_coins * minutes))
        self._printed = self._completed = 0.0
        kept = exp(-minutes / constants.FORCED_MEMORY_MIN)
        self.share_per_min = kept * self.share_per_min + (1 - kept) * coins / oi_coins / minutes
        return coins


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
