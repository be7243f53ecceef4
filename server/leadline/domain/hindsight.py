"""What rules would have been held against before anybody watched: the map's columns, read as facts.

A column holds the bands of its minute, so clusters can be found in it as in the live picture.  What only
the order flow tells (who swept, what a book did) is in no column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.bands import STEP
from leadline.domain.clusters import cluster_usd_min, densest, find_clusters, named
from leadline.domain.heat import USD_OF_CODES, Heat
from leadline.domain.heatmap import Grid, Picture, VenueColumns, picture
from leadline.domain.kernels import F8
from leadline.domain.pace import Pace
from leadline.domain.tracking import ClusterTracker
from leadline.domain.true_range import TrueRange

MINUTE_MS = 60_000
LOOK_MIN = 5  # clusters move slowly
REACH_BINS = 320  # to each side of the mark, as far as a column reaches
QUARTER_MS = 900_000
HOUR_MIN = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """Columns of a symbol as they were: ``bars`` a minute each with prices alone, ``looks`` with bands."""

    first_min: int
    grid: Grid
    looks: Picture
    bars: F8


def seen(venues: Sequence[VenueColumns], first_min: int, minutes: int) -> Seen | None:
    """Read ``minutes`` minutes of all venues, the reference first; None where nothing is known of them.

    first_min, minutes: multiples of LOOK_MIN.
    """
    bars: F8 = np.full((minutes, 4), np.nan)
    for venue in venues:
        told = venue.read(first_min, 1, minutes).candles
        bars = np.where(np.isnan(bars[:, :1]), told, bars)
    known = bars[~np.isnan(bars[:, 0])]
    if not len(known):
        return None
    low = floor(log(float(known[:, 2].min())) / STEP) - REACH_BINS
    high = floor(log(float(known[:, 1].max())) / STEP) + REACH_BINS
    grid = Grid(low, 1, high - low)
    return Seen(first_min, grid, picture(venues, grid, first_min, LOOK_MIN, minutes // LOOK_MIN), bars)


def hindsight(symbol: str, base: str, of: Seen) -> Iterator[Facts]:
    """Yield the facts of every minute that is known, oldest first, with the lowest and highest price in it.

    base: the currency ("BTC"), for the least cluster.  ids of clusters begin with 1.
    """
    tracker, pace, ranges = ClusterTracker(), Pace(), TrueRange(QUARTER_MS)
    clusters: tuple[ClusterFact, ...] = ()
    oi_usd: float | None = None
    coins: F8 = np.full(len(of.bars), np.nan)
    for at, (_, high, low, close) in enumerate(of.bars.tolist()):
        look, start = divmod(at, LOOK_MIN)
        if start == 0 and look > 0:
            # The bands of a look are those of its end: what comes next is held against them.
            heat = _heat(of, look - 1)
            clusters, oi_usd = _clusters(tracker, base, heat, of, look - 1) if heat else ((), None)
            coins[at:] = oi_usd / heat.mark if heat and oi_usd else np.nan
        if not isfinite(close):
            continue
        end_ms = (of.first_min + at + 1) * MINUTE_MS
        ranges.bar(high, low, close, end_ms - MINUTE_MS)
        pace.observe(close, end_ms)
        then = coins[at - HOUR_MIN] if at >= HOUR_MIN else np.nan
        change = coins[at] / then - 1 if then > 0 else np.nan
        yield Facts(
            symbol=symbol,
            at_ms=end_ms,
            price=close,
            clusters=clusters,
            atr=None if ranges.average is None else ranges.average * close,
            pace_per_min=pace.per_min,
            oi_usd=oi_usd,
            oi_change_1h=float(change) if isfinite(change) else None,
            low=low,
            high=high,
        )


def _heat(of: Seen, look: int) -> Heat | None:
    """Return the heat of one look around its mark, None where nothing is known of it."""
    mark = float(of.looks.marks[look])
    if not mark > 0.0:
        return None
    bins = constants.PROFILE_BINS
    origin = floor(log(mark) / STEP) - bins // 2
    sides: F8 = np.zeros((2, bins))
    first = of.grid.low_bin - origin
    begin, end = max(first, 0), min(first + of.grid.rows, bins)
    for side, codes in enumerate((of.looks.long, of.looks.short)):
        sides[side, begin:end] = USD_OF_CODES[codes[look]][begin - first : end - first]
    return Heat(origin, STEP, mark, sides[0], sides[1], float(of.looks.oi_usd[look]))


def _clusters(
    tracker: ClusterTracker, base: str, heat: Heat, of: Seen, look: int
) -> tuple[tuple[ClusterFact, ...], float]:
    bars = of.bars[look * LOOK_MIN : (look + 1) * LOOK_MIN]
    known = bars[~np.isnan(bars[:, 0])]
    extremes = (float(known[:, 2].min()), float(known[:, 1].max())) if len(known) else (heat.mark, heat.mark)
    found = find_clusters(heat, heat.mark, heat.oi_usd, cluster_usd_min(base))
    at_ms = (of.first_min + (look + 1) * LOOK_MIN) * MINUTE_MS
    tracked = tracker.update(found, heat, None, extremes, at_ms)
    shown = densest(one.cluster for one in tracked)
    names = named(shown)
    return tuple(ClusterFact.of(one, names[one.id], heat.oi_usd) for one in shown), heat.oi_usd
