"""How good a map of liquidations is: measures against what happened, and the maps to beat.

A map is an array [2, n] (long, short) of dollars over log-price bins around a mark.  Where a measure
needs a distance-only map it is learnt from the past alone, as is every scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import CandleLike
from leadline.domain.kernels import F8, I8

STEP = constants.LOG_STEP
HALF = constants.PROFILE_BINS // 2

TOUCHES_MIN = 200
DAYS_MIN = 30
RESAMPLES = 1_000
EMD_REACH = 0.15
DISTANCE_BUCKETS = np.array([0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 85, 113, 150, 200, 266, 400])


def emd_pct(model: F8, truth: F8) -> float | None:
    """Return how far mass must move to turn one map of a side into the other, in percent of price.

    Wasserstein-1 of the two after each is scaled to 1, within EMD_REACH of the mark in the middle; both
    are [n] over the same bins.  None when either is empty there.
    """
    half = len(model) // 2
    reach = floor(EMD_REACH / STEP)
    near = slice(half - reach, half + reach)
    one, other = model[near].sum(), truth[near].sum()
    if one <= 0 or other <= 0:
        return None
    return float(np.abs(np.cumsum(model[near] / one - truth[near] / other)).sum() * STEP * 100)


def mass_ratio(model: F8, truth: F8) -> float | None:
    """Return the map's dollars over the true ones within EMD_REACH of the mark, None without truth."""
    half = len(model) // 2
    reach = floor(EMD_REACH / STEP)
    near = slice(half - reach, half + reach)
    true_usd = float(truth[near].sum())
    return float(model[near].sum()) / true_usd if true_usd > 0 else None


def deviance(realised: F8, expected: F8) -> float:
    """Return the Poisson deviance 2 sum(y ln(y / mu) - (y - mu)); expected is above 0 everywhere."""
    safe = np.where(realised > 0, realised, 1.0)
    return float(2.0 * np.sum(realised * np.log(safe / expected) * (realised > 0) - (realised - expected)))


def capture(realised: F8, ranked_by: F8, share: float) -> float:
    """Return what part of ``realised`` lies in the ``share`` of bins that ``ranked_by`` puts first."""
    count = max(round(share * len(realised)), 1)
    first = np.argsort(-ranked_by, kind="stable")[:count]
    return float(realised[first].sum() / realised.sum())


def spearman(one: F8, other: F8) -> float | None:
    """Return the rank correlation of two arrays [n], ties sharing their mean rank; None without spread."""
    ranks = []
    for values in (one, other):
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        ranks.append((ends - (counts - 1) / 2)[place])
    if ranks[0].std() == 0.0 or ranks[1].std() == 0.0:
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def day_block_interval(values: Sequence[tuple[int, float, float]], seed: int) -> tuple[float, float] | None:
    """Return the 90 % interval of sum(numerators) / sum(denominators) over resampled days.

    values: (day, numerator, denominator).  Hours of a day belong together, so whole days are drawn.
    None for fewer than two days.
    """
    days = sorted({day for day, _, _ in values})
    if len(days) < 2:
        return None
    sums: F8 = np.zeros((len(days), 2))
    for day, numerator, denominator in values:
        sums[days.index(day)] += numerator, denominator
    drawn = np.random.default_rng(seed).integers(0, len(days), (RESAMPLES, len(days)))
    totals = sums[drawn].sum(axis=1)
    low, high = np.quantile(totals[:, 0] / np.maximum(totals[:, 1], 1e-300), [0.05, 0.95])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one map foretold for the bins the mark then reached, and what died there.

    from_ms, to_ms: when the map was drawn and how long it was watched.  away [n]: bins from the mark;
    realised [n]: dollars; foretold: dollars by name of map, [n] each.
    """

    from_ms: int
    to_ms: int
    away: I8
    realised: F8
    foretold: dict[str, F8]


def with_distance_only(outcomes: list[Outcome]) -> None:
    """Add the map "distance": the mean dollars of the past at that distance, scales taken from there too.

    An outcome learns only from those that were over when it began.  Maps are scaled to the past's
    total, so a deviance compares shapes.  Outcomes without a past keep what they have and are left out
    of `skill`.
    """
    buckets = len(DISTANCE_BUCKETS)
    died, reached = np.zeros(buckets), np.zeros(buckets)
    totals: dict[str, float] = {}
    over: list[Outcome] = sorted(outcomes, key=lambda outcome: outcome.to_ms)
    raw = {id(outcome): dict(outcome.foretold) for outcome in outcomes}
    at = 0
    for outcome in sorted(outcomes, key=lambda outcome: outcome.from_ms):
        while at < len(over) and over[at].to_ms <= outcome.from_ms:
            past = over[at]
            place = np.searchsorted(DISTANCE_BUCKETS, past.away, side="right") - 1
            np.add.at(died, place, past.realised)
            np.add.at(reached, place, 1.0)
            totals["realised"] = totals.get("realised", 0.0) + float(past.realised.sum())
            for name, usd in raw[id(past)].items():
                totals[name] = totals.get(name, 0.0) + float(usd.sum())
            at += 1
        if not died.any():
            continue
        mean = died.sum() / reached.sum()
        rates = (died + mean) / (reached + 1.0)
        place = np.searchsorted(DISTANCE_BUCKETS, outcome.away, side="right") - 1
        for name, usd in raw[id(outcome)].items():
            if totals.get(name, 0.0) > 0:
                outcome.foretold["scaled " + name] = usd * (totals["realised"] / totals[name])
        outcome.foretold["distance"] = rates[place]


def skill(outcomes: Sequence[Outcome], name: str) -> tuple[float | None, list[tuple[int, float, float]]]:
    """Return 1 - deviance of a map over that of distance alone, and both by day.

    Bins a map leaves empty count as a hundredth of the mean bin.  None without outcomes that had a past.
    """
    days: list[tuple[int, float, float]] = []
    for outcome in outcomes:
        scaled = outcome.foretold.get("scaled " + name)
        if scaled is None or not len(scaled):
            continue
        null = outcome.foretold["distance"]
        floor_usd = 0.01 * float(null.mean())
        unit = float(null.mean())
        mine = deviance(outcome.realised / unit, np.maximum(scaled, floor_usd) / unit) * unit
        base = deviance(outcome.realised / unit, np.maximum(null, floor_usd) / unit) * unit
        days.append((outcome.from_ms // 86_400_000, mine, base))
    total = sum(base for _, _, base in days)
    if total <= 0:
        return None, days
    return 1.0 - sum(mine for _, mine, _ in days) / total, days


class Baseline(Protocol):
    """A map to beat: fed the same public minutes, asked for coins around a mark."""

    def minute(self, bar: CandleLike, oi_coins: float, /) -> None: ...
    def coins(self, origin: int, /) -> F8: ...


class _Grid:
    """Coins [2, SIZE] on fixed log-price bins around the first price seen."""

    SIZE = 8_192

    def __init__(self, price: float) -> None:
        self.origin = floor(log(price) / STEP) - self.SIZE // 2
        self.held = np.zeros((2, self.SIZE), dtype=np.float32)

    def position(self, price: float) -> float:
        """Return the place of a price on the grid, in bins."""
        return log(price) / STEP - self.origin

    def spread(self, side: int, low: float, high: float, coins: float) -> None:
        """Spread coins over the bins from one position to another."""
        first = min(max(floor(low), 0), self.SIZE - 1)
        last = min(max(floor(high), 0), self.SIZE - 1)
        self.held[side, first : last + 1] += coins / (last + 1 - first)

    def clear(self, low: float, high: float) -> None:
        """Empty what a bar between two positions touched or left on the wrong side."""
        self.held[0, max(floor(low), 0) :] = 0.0
        self.held[1, : max(floor(high), 0) + 1] = 0.0

    def coins(self, origin: int) -> F8:
        """Return [2, PROFILE_BINS] from log-price bin ``origin`` on."""
        begin = origin - self.origin
        return self.held[:, begin : begin + constants.PROFILE_BINS].astype(np.float64)


def _shifts(leverages: tuple[float, ...]) -> list[tuple[float, float]]:
    """Return how many bins below and above its entry each leverage dies."""
    return [(log(1 - 1 / leverage) / STEP, log(1 + 1 / leverage) / STEP) for leverage in leverages]


class CoinankLike(_Grid):
    """All volume opens on both sides at 1 / leverage from its price, is cleared on touch, never closes."""

    SHIFTS = _shifts((25.0, 50.0, 100.0))

    def minute(self, bar: CandleLike, _oi_coins: float, /) -> None:
        low, high = self.position(bar.low), self.position(bar.high)
        coins = bar.volume / len(self.SHIFTS)
        for below, above in self.SHIFTS:
            self.spread(0, low + below, high + below, coins)
            self.spread(1, low + above, high + above, coins)
        self.clear(low, high)


class OneSided(_Grid):
    """Rising open interest opens on the side of the takers alone; falling scales all down."""

    SHIFTS = _shifts((5.0, 10.0, 25.0, 50.0, 100.0))

    def __init__(self, price: float) -> None:
        super().__init__(price)
        self._oi_coins: float | None = None

    def minute(self, bar: CandleLike, oi_coins: float) -> None:
        low, high = self.position(bar.low), self.position(bar.high)
        change = 0.0 if self._oi_coins is None else oi_coins - self._oi_coins
        if change > 0:
            buys = bar.volume / 2 if bar.taker_buy is None else bar.taker_buy
            bought = 2 * buys >= bar.volume if bar.taker_buy is not None else bar.close >= bar.open
            part = change / len(self.SHIFTS)
            for below, above in self.SHIFTS:
                shift = below if bought else above
                self.spread(0 if bought else 1, low + shift, high + shift, part)
        elif change < 0 and self._oi_coins:
            self.held *= oi_coins / self._oi_coins
        self._oi_coins = oi_coins
        self.clear(low, high)


class VolumeProfile(_Grid):
    """What was traded at a price in about the last week is what dies there."""

    KEPT = float(np.exp(-1.0 / (7 * 1440)))

    def __init__(self, price: float) -> None:
        super().__init__(price)
        self._scale = 1.0

    def minute(self, bar: CandleLike, _oi_coins: float, /) -> None:
        self._scale *= self.KEPT
        self.spread(0, self.position(bar.low), self.position(bar.high), bar.volume / self._scale)
        if self._scale < 1e-6:
            self.held *= self._scale
            self._scale = 1.0

    def coins(self, origin: int) -> F8:
        found: F8 = np.repeat(super().coins(origin)[:1], 2, axis=0) * self._scale
        return found


class Uniform:
    """Every bin alike."""

    def minute(self, _bar: CandleLike, _oi_coins: float, /) -> None:
        """Nothing to learn."""

    def coins(self, _origin: int, /) -> F8:
        return np.ones((2, constants.PROFILE_BINS))


def enough(n: int, least: int, value: float | None) -> float | str:
    """Return the value, or why it is not told."""
    if value is None or n < least:
        return f"not enough data (n={n})"
    return value


def touched_bins(
    sides: NDArray[np.int64], bins: I8, usd: F8, origin: int, low: int, high: int
) -> tuple[I8, F8, NDArray[np.int64]]:
    """Return what died in the bins between the mark and its extremes.

    sides (0 long, 1 short), bins, usd: of each death [d].  low, high: the lowest and highest log-price
    bin whose centre the mark reached.  Returns (away [n] bins from the mark, realised [n] dollars, index
    [n] into a map's flattened [2, PROFILE_BINS]).
    """
    below = np.arange(max(low - origin, 0), HALF)
    above = np.arange(HALF + 1, min(high - origin, constants.PROFILE_BINS - 1) + 1)
    realised: F8 = np.zeros((2, constants.PROFILE_BINS))
    inside = (bins >= origin) & (bins < origin + constants.PROFILE_BINS)
    np.add.at(realised, (sides[inside], bins[inside] - origin), usd[inside])
    index = np.concatenate([below, constants.PROFILE_BINS + above])
    away = np.concatenate([HALF - below, above - HALF])
    return away, realised.ravel()[index], index
