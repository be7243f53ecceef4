"""What the bands of all venues together put on each row of the ladder, in dollars.

Each venue liquidates by its own mark.  So a venue's bands are moved by its basis: a trigger 1 % below
its own mark stands 1 % below the reference mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log

import numpy as np
from numpy.typing import NDArray

from leadline.domain import estimator_constants as constants
from leadline.domain.kernels import F8
from leadline.domain.profile import Profile

CODE_MAX = 255
CODE_USD = 100.0
CODE_RATIO = 1.06

# The palette's top is this quantile of the bins within this distance in ln(price): what the widest map shows.
TOP_QUANTILE = 0.99
TOP_REACH_LOG = 0.128


@dataclass(frozen=True, slots=True)
class Certainty:
    """How far the dollars of a heat may be off, once that is known.

    sd_usd [v, 2, 2, n]: each venue's standard deviations (of the lesson, of its own; long, short), which
    its bins share, so that they add up along a cluster.  A lesson is wrong at all venues at once, the rest
    at each by itself.  lump_usd2 [2, n]: variances of single positions falling here or there, which add up
    themselves.  widening: factor on the log interval that made past intervals hold as often as told.
    """

    sd_usd: F8
    lump_usd2: F8
    widening: float = 1.0


@dataclass(frozen=True, slots=True)
class Heat:
    """Dollars of estimated forced flow by log-price bin, per side, on the reference mark's axis.

    long_usd lies below the mark and short_usd above it; both are float64 [n], bin i as in Profile.
    oi_usd: one side's open interest of all venues in the view.  certainty: None while uncalibrated.
    """

    origin: int
    step: float
    mark: float
    long_usd: F8
    short_usd: F8
    oi_usd: float
    certainty: Certainty | None = None

    @property
    def edges(self) -> F8:
        """ln(price) of the borders of the bins [n + 1]."""
        return np.arange(self.origin, self.origin + len(self.long_usd) + 1, dtype=np.float64) * self.step


def combine(profiles: list[tuple[Profile, float]], mark_ref: float, widening: float | None = None) -> Heat:
    """Sum venue profiles, each given with its venue's mark now, on the axis of ``mark_ref``.

    Coins are valued at the price of the bin they land in.  Without profiles the heat is empty.
    widening: of the intervals, None while the estimate is uncalibrated.
    """
    bins, step = constants.PROFILE_BINS, constants.LOG_STEP
    position = log(mark_ref) / step
    origin = floor(position) - bins // 2
    usd: F8 = np.zeros((2, bins))
    sds: F8 = np.zeros((len(profiles), 2, 2, bins))
    lumps: F8 = np.zeros((2, bins))
    oi_usd = 0.0
    for venue, (profile, mark_venue) in enumerate(profiles):
        shift = profile.origin - origin + position - log(mark_venue) / step
        for side, coins in enumerate((profile.long_coins, profile.short_coins)):
            add_shifted(usd[side], coins, shift)
            if widening is not None:
                for cause in range(2):
                    add_shifted(sds[venue, cause, side], profile.sd_coins[cause, side], shift)
                add_shifted(lumps[side], coins * profile.lump_coins, shift)
        oi_usd += profile.oi_coins * mark_ref
    centres = origin + np.arange(bins) + 0.5
    # Sharing a bin between two neighbours may push a little across the mark: it goes back to its side.
    below = int(np.searchsorted(centres, position, side="left"))
    above = int(np.searchsorted(centres, position, side="right"))
    usd[0, below - 1] += usd[0, below:].sum()
    usd[1, above] += usd[1, :above].sum()
    usd[0, below:] = 0.0
    usd[1, :above] = 0.0
    prices = np.exp(centres * step)
    usd *= prices
    certainty = None if widening is None else Certainty(sds * prices, lumps * prices**2, widening)
    return Heat(origin, step, mark_ref, usd[0], usd[1], oi_usd, certainty)


def add_shifted(out: F8, coins: F8, shift: float) -> None:
    """Add ``coins`` moved by ``shift`` bins, a fraction shared between neighbours; beyond is dropped."""
    whole = floor(shift)
    part = shift - whole
    for at, weight in ((whole, 1.0 - part), (whole + 1, part)):
        begin, end = max(at, 0), min(at + len(coins), len(out))
        if begin < end and weight:
            out[begin:end] += coins[begin - at : end - at] * weight


def row_usd(heat: Heat, tick: float, group: int, first_row: int, rows: int) -> F8:
    """Return the dollars on each of ``rows`` ladder rows upwards from ``first_row`` [rows].

    Row r stands for prices from (r - 1/2) to (r + 1/2) * group * tick: bids of that row lie at and
    above its price and asks at and below it, so the middle serves both.  A bin's dollars are spread
    evenly over it, up to the mark where that lies inside.
    """
    borders = (first_row - 0.5 + np.arange(rows + 1)) * (group * tick)
    places = np.log(np.maximum(borders, tick * 1e-9))
    edges, mark = heat.edges, log(heat.mark)
    below = np.interp(places, np.minimum(edges, mark), _cumulated(heat.long_usd))
    above = np.interp(places, np.maximum(edges, mark), _cumulated(heat.short_usd))
    usd: F8 = np.diff(below + above)
    return usd


def row_codes(heat: Heat, tick: float, group: int, first_row: int, rows: int) -> NDArray[np.uint8]:
    """Return the band code of each ladder row [rows], as `row_usd` lays them out."""
    return codes_of(row_usd(heat, tick, group, first_row, rows))


def codes_of(usd: F8) -> NDArray[np.uint8]:
    """Return the nearest band codes of dollars: usd = 100 (1.06^code - 1), 255 for all above."""
    codes = np.log1p(np.maximum(usd, 0.0) / CODE_USD) / log(CODE_RATIO)
    return np.minimum(np.rint(codes), CODE_MAX).astype(np.uint8)


def code_of(usd: float) -> int:
    """Return the nearest band code of one amount."""
    return int(codes_of(np.array([usd]))[0])


def usd_of(code: int) -> float:
    """Return the dollars a band code stands for (255: that much or more)."""
    return float(CODE_USD * (CODE_RATIO**code - 1.0))


USD_OF_CODES: F8 = np.array([usd_of(code) for code in range(CODE_MAX + 1)])


def heat_top_usd(heat: Heat, row_width_usd: float) -> float:
    """Return the dollars on a row ``row_width_usd`` wide that the top of the palette stands for.

    It is the 99th percentile of dollars per dollar of price within TOP_REACH_LOG of the mark, times the
    width; 0.0 when nothing is there.
    """
    prices = np.exp(heat.edges)
    density = (heat.long_usd + heat.short_usd) / np.diff(prices)
    near = np.abs(heat.edges[:-1] + heat.step / 2 - log(heat.mark)) <= TOP_REACH_LOG
    return float(np.quantile(density[near], TOP_QUANTILE) * row_width_usd)


def _cumulated(usd: F8) -> F8:
    return np.concatenate(([0.0], np.cumsum(usd)))
