"""Is the map worth looking at now: useful, sparse, or overridden by news?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import log, sqrt

from leadline.domain.spread import Spread


class Regime(IntEnum):
    """The wire's numbers."""

    UNKNOWN = 0
    USEFUL = 1
    SPARSE = 2
    NEWS = 3


OI_DAYS = 90.0
OI_USEFUL_RANK = 0.4
OI_SPARSE_RANK = 0.25
OI_SAMPLES_MIN = 24 * 7  # hourly samples: a week
NEAR_MASS_USEFUL = 0.01
NEAR_MASS_SPARSE = 0.003
BOTH_SIDES_MIN = 0.005
FUNDING_RANK_MIN = 0.6
RANGE_RANK_MAX = 0.35
NEWS_SIGMAS = 6.0
NEWS_OVER_SIGMAS = 3.0
NEWS_OVER_MS = 900_000
NEWS_SIGNS = 2
TOGETHER_SHARE = 0.7
FORCED_SHARE_MAX = 0.1
SPREAD_TIMES = 5.0
DEPTH_SHARE = 0.2
MINUTE_HALF_LIFE = 1_440  # minutes: what a usual minute is, over about a day
MINUTES_MIN = 60


@dataclass(frozen=True, slots=True)
class MapFacts:
    """What the map says of a symbol now.

    near_long, near_short: share of open interest within 5 % below and above; capture_low: lower bound
    of the fortnight's capture lift, None before there is a score; healthy: feeds and conservation.
    """

    near_long: float
    near_short: float
    healthy: bool
    capture_low: float | None = None


class RegimeWatch:
    """Decides between useful and sparse from hourly facts, and knows what to say when it cannot."""

    __slots__ = ("_funding", "_oi", "_range")

    def __init__(self) -> None:
        half_life_s = OI_DAYS / 2 * 86_400
        self._oi = Spread(half_life_s)
        self._funding = Spread(half_life_s)
        self._range = Spread(half_life_s)

    def hour(self, at_ms: int, oi_usd: float, funding: float, range_24h: float) -> None:
        """Take the hour's open interest, funding rate and range of 24 h as a share of price."""
        self._oi.take(oi_usd, at_ms)
        self._funding.take(abs(funding), at_ms)
        self._range.take(range_24h, at_ms)

    def judge(self, oi_usd: float, funding: float, range_24h: float, facts: MapFacts) -> Regime:
        """Return USEFUL, SPARSE or UNKNOWN (too little past, or between the two)."""
        near = max(facts.near_long, facts.near_short)
        if near < NEAR_MASS_SPARSE or (facts.capture_low is not None and facts.capture_low <= 1.0):
            return Regime.SPARSE
        if self._oi.count < OI_SAMPLES_MIN:
            return Regime.UNKNOWN
        rank = self._oi.rank(oi_usd)
        if rank < OI_SPARSE_RANK:
            return Regime.SPARSE
        ranging = (
            self._range.rank(range_24h) <= RANGE_RANK_MAX
            and min(facts.near_long, facts.near_short) >= BOTH_SIDES_MIN
        )
        crowded = self._funding.rank(abs(funding)) >= FUNDING_RANK_MIN
        useful = rank >= OI_USEFUL_RANK and near >= NEAR_MASS_USEFUL and facts.healthy
        return Regime.USEFUL if useful and (ranging or crowded) else Regime.UNKNOWN


@dataclass(frozen=True, slots=True)
class NewsSigns:
    """What speaks for news beside the size of a move.

    low_lift: the move began where the map saw little; together: share of the large symbols that moved 3
    sigma the same way in that minute; spot_led: spot moved first, None where spot is not followed;
    forced_share: scaled prints over taker volume; spread_times, depth_share: against their medians.
    """

    low_lift: bool
    together: float
    spot_led: bool | None
    forced_share: float
    spread_times: float
    depth_share: float

    @property
    def count(self) -> int:
        """How many of the five signs stand."""
        return sum(
            (
                self.low_lift,
                self.together >= TOGETHER_SHARE,
                bool(self.spot_led),
                self.forced_share < FORCED_SHARE_MAX,
                self.spread_times >= SPREAD_TIMES or self.depth_share <= DEPTH_SHARE,
            )
        )


class MinuteReturns:
    """What a minute's return usually is: an exponentially weighted deviation, by the minute."""

    __slots__ = ("_kept", "_minutes", "_square", "last")

    def __init__(self) -> None:
        self._kept = 0.5 ** (1 / MINUTE_HALF_LIFE)
        self._square = 0.0
        self._minutes = 0
        self.last = 0.0

    @property
    def sigma(self) -> float | None:
        """The usual size of a minute's return; None before MINUTES_MIN minutes."""
        if self._minutes < MINUTES_MIN or self._square <= 0:
            return None
        return sqrt(self._square)

    def sigmas(self, before: float, price: float) -> float:
        """Return the return from ``before`` to ``price`` in usual ones, signed; 0.0 while unknown."""
        return log(price / before) / self.sigma if self.sigma and before > 0 and price > 0 else 0.0

    def minute(self, before: float, price: float) -> None:
        """Take a whole minute. A move is weighed at most as 4 usual ones, so news does not teach calm."""
        self.last = log(price / before) if before > 0 and price > 0 else 0.0
        size = abs(self.last)
        if self.sigma is not None:
            size = min(size, 4 * self.sigma)
        self._minutes += 1
        weight = max(1 - self._kept, 1 / self._minutes)
        self._square += weight * (size * size - self._square)


class NewsWatch:
    """Overrides the map while a move looks like news, until a quarter of an hour of calm."""

    __slots__ = ("_since_ms", "_wild_ms")

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._wild_ms = 0

    @property
    def since_ms(self) -> int | None:
        """Since when the map is overridden, None while it is not."""
        return self._since_ms

    def look(self, at_ms: int, sigmas: float, signs: NewsSigns) -> bool:
        """Take the last minute's return in sigmas and the signs; return whether news overrides the map."""
        if abs(sigmas) >= NEWS_OVER_SIGMAS:
            self._wild_ms = at_ms
        if self._since_ms is None:
            if abs(sigmas) >= NEWS_SIGMAS and signs.count >= NEWS_SIGNS:
                self._since_ms = at_ms
        elif at_ms - self._wild_ms >= NEWS_OVER_MS:
            self._since_ms = None
        return self._since_ms is not None


def moved_together(sigmas: Sequence[float], mine: float) -> float:
    """Return the share of ``sigmas`` (one a large symbol) of 3 and more with the sign of ``mine``."""
    if not sigmas:
        return 0.0
    way = 1.0 if mine >= 0 else -1.0
    return sum(one * way >= NEWS_OVER_SIGMAS for one in sigmas) / len(sigmas)
