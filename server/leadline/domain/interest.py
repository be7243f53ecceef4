"""How much of open interest is usual at a distance from price, so that today's map can be read by it.

Rows are kept by the hour for 30 days, in coins as the prior over distances places them, so that what
prints teach meanwhile does not change what was usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.heat import TOP_QUANTILE, TOP_REACH_LOG
from leadline.domain.kernels import F8

# Distance from the mark in ln(price), one bucket each.
EDGES: F8 = np.array([0.0, 25, 50, 100, 150, 200, 300, 400, 600, 800, 1200, 2000, 4000]) * 1e-4
BUCKETS = len(EDGES) - 1
HOUR_MS = 3_600_000
HOURS_KEPT = 30 * 24
TEN_BP = 1e-3
_OI, _ABOVE, _BELOW, _TOP, _FIRST = 0, 1, 2, 3, 4
COLUMNS = _FIRST + 2 * BUCKETS


@dataclass(frozen=True, slots=True)
class Row:
    """One venue at one instant, all in the same unit.

    oi: open interest.  above, below: forced flow of the sides within reach (see `bias`).  top: the 99th
    percentile of flow per 10 bp within a map's reach.  buckets [2, BUCKETS] (long, short): flow by distance.
    """

    oi: float
    above: float
    below: float
    top: float
    buckets: F8

    @classmethod
    def of(cls, coins: F8, origin: int, mark: float, oi: float, range_log: float) -> Row:
        """Sum up [2, n] bins from log-price bin ``origin`` on; range_log: how far reach is."""
        away = _away(coins, origin, mark)
        near = away <= TOP_REACH_LOG
        tens = np.quantile(coins.sum(axis=0)[near], TOP_QUANTILE) * TEN_BP / constants.LOG_STEP
        below, above = coins @ np.exp(-away / range_log)
        return cls(oi, float(above), float(below), float(tens), buckets_of(coins, origin, mark))

    def scaled(self, price: float) -> Row:
        """Return the row with every amount times ``price``: coins become dollars."""
        return Row(
            self.oi * price, self.above * price, self.below * price, self.top * price, self.buckets * price
        )


def buckets_of(coins: F8, origin: int, mark: float) -> F8:
    """Sum up [2, n] bins from log-price bin ``origin`` on by their distance: [2, BUCKETS]."""
    place = np.searchsorted(EDGES, _away(coins, origin, mark), side="right") - 1
    # What lies beyond the last edge falls into a bucket that is not told.
    found = [np.bincount(place, held, BUCKETS + 1)[:BUCKETS] for held in coins]
    return np.stack(found)


def _away(coins: F8, origin: int, mark: float) -> F8:
    found: F8 = np.abs((origin + np.arange(coins.shape[1]) + 0.5) * constants.LOG_STEP - log(mark))
    return found


class History:
    """The hourly rows of one venue over the last HOURS_KEPT hours."""

    __slots__ = ("_rows",)

    def __init__(self, rows: dict[int, F8] | None = None) -> None:
        self._rows: dict[int, F8] = {} if rows is None else rows

    def due(self, at_ms: int) -> bool:
        """Is there no row of this hour yet?"""
        return at_ms // HOUR_MS not in self._rows

    def add(self, row: Row, at_ms: int) -> None:
        """Keep a row (in dollars) as that of its hour."""
        head = [row.oi, row.above, row.below, row.top]
        hour = at_ms // HOUR_MS
        self._rows[hour] = np.concatenate([head, row.buckets.ravel()])
        for old in [known for known in self._rows if known <= hour - HOURS_KEPT]:
            del self._rows[old]

    @property
    def rows(self) -> dict[int, F8]:
        return self._rows


class Reference:
    """What the last 30 days of some venues together say is usual.

    hours: how many are known.  Below HOURS_MIN every question is answered with None.
    """

    __slots__ = ("_asymmetry", "_interest", "hours", "top_share", "usual")

    def __init__(self, histories: Sequence[History]) -> None:
        """Sum the hours that all venues know, or those of the venue that knows most when they share few."""
        known = [history.rows for history in histories if history.rows]
        shared = set.intersection(*(set(rows) for rows in known)) if known else set()
        if known and len(shared) < constants.REFERENCE_HOURS_MIN:
            known = [max(known, key=len)]
            shared = set(known[0])
        self.hours = len(shared)
        table: F8 = np.zeros((0, COLUMNS))
        if shared:
            table = np.array([np.sum([rows[hour] for rows in known], axis=0) for hour in sorted(shared)])
            table = table[table[:, _OI] > 0]
        # [2, BUCKETS] medians of flow as a share of open interest, and per 10 bp that of the densest bins.
        self.usual: F8 | None = None
        self.top_share: float | None = None
        self._asymmetry: tuple[float, float] | None = None
        self._interest: tuple[float, float] | None = None
        if len(table) < constants.REFERENCE_HOURS_MIN:
            return
        shares = table[:, _TOP:] / table[:, _OI, None]
        self.top_share = float(np.median(shares[:, 0]))
        self.usual = np.median(shares[:, 1:], axis=0).reshape(2, BUCKETS)
        both = np.maximum(table[:, _ABOVE] + table[:, _BELOW], 1e-300)
        self._asymmetry = _spread((table[:, _ABOVE] - table[:, _BELOW]) / both)
        if len(known) == len([history for history in histories if history.rows]):
            self._interest = _spread(table[:, _OI])

    @property
    def days(self) -> float:
        return self.hours / 24

    def asymmetry_z(self, asymmetry: float) -> float | None:
        """Return (asymmetry - median) / MAD."""
        return _z(asymmetry, self._asymmetry)

    def interest_z(self, oi_usd: float) -> float | None:
        """Return (open interest - median) / MAD: the regime."""
        return _z(oi_usd, self._interest)

    def lift(self, now: Row) -> F8 | None:
        """Return by side and distance [2, BUCKETS] how many times the usual share there is; 0 unknown."""
        if self.usual is None or now.oi <= 0:
            return None
        usual = np.where(self.usual > 0, self.usual, np.inf)
        lift: F8 = now.buckets / now.oi / usual
        return lift


@dataclass(frozen=True, slots=True)
class Intensity:
    """How much one stretch of the map holds.

    oi_pct: percent of open interest per 10 bp.  percentile: share of the view's bins (0 to 100) that
    hold less.  lift: times what is usual at that side and distance, None while that is not known.
    """

    oi_pct: float
    percentile: float
    lift: float | None


def intensity(usd_per_bin: float, shown: F8, oi_usd: float, lift: float | None) -> Intensity:
    """Rate the mean bin of a stretch; ``shown`` are the dollars of all bins of the view."""
    held = shown[shown > 0]
    below = float(np.count_nonzero(held < usd_per_bin)) / max(len(held), 1)
    tens = usd_per_bin * TEN_BP / constants.LOG_STEP
    return Intensity(tens / oi_usd * 100 if oi_usd > 0 else 0.0, below * 100, lift)


def bucket_of(distance_log: float) -> int:
    """Return the bucket of a distance in ln(price), the last one for all beyond."""
    return min(int(np.searchsorted(EDGES, distance_log, side="right")) - 1, BUCKETS - 1)


def _spread(values: F8) -> tuple[float, float]:
    median = float(np.median(values))
    return median, float(np.median(np.abs(values - median)))


def _z(value: float, spread: tuple[float, float] | None) -> float | None:
    if spread is None or spread[1] <= 0:
        return None
    return (value - spread[0]) / spread[1]
