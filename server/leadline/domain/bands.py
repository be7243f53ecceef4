"""Where the open positions of one venue would be liquidated: an estimate that conserves open interest.

Every contract is one long and one short, so both sides are always worth the open interest.  On each
side a coin is in exactly one place: in a *band* (a bin of log price and a distance class: its estimated
trigger), in the *pool* (positions no move inside the grid liquidates), or *swept* (the mark reached its
trigger since the last open interest sample, which will settle it).  Trades say where positions were
opened, open interest how many were opened and closed, and the mark alone takes bands away.

Not learned yet: class multipliers stay 1 and liquidation prints are not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import exp, isfinite, log
from statistics import NormalDist
from typing import Protocol

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain import kernels
from leadline.domain.events import Side
from leadline.domain.kernels import F8, I8, Bools
from leadline.domain.leverage import Tiers
from leadline.domain.margin import distance

STEP = constants.LOG_STEP


class CandleLike(Protocol):
    """One bar of history; volume and taker_buy in coins, taker_buy None where the venue does not say."""

    @property
    def at_ms(self) -> int: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def volume(self) -> float: ...
    @property
    def taker_buy(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """Estimated triggers around the mark at one instant.

    Bin i covers ln(price) from (origin + i) * step to (origin + i + 1) * step.  long_coins and
    short_coins are float64 [PROFILE_BINS].  long_rest, short_rest: the share of the side's open interest
    that lies in no bin (pool, swept, or farther than the profile reaches).
    """

    origin: int
    step: float
    long_coins: F8
    short_coins: F8
    oi_coins: float
    long_rest: float
    short_rest: float
    mark: float
    at_ms: int


class Bands:
    """The estimate for one (venue, symbol).  Sizes are coins, prices in quote currency.

    tiers: the venue's leverage tiers, which give the prior over distances.
    """

    __slots__ = (
        "_buys",
        "_cells",
        "_edges",
        "_first",
        "_histogram",
        "_prior",
        "_sells",
        "_totals",
        "at_ms",
        "mark_price",
        "oi_coins",
        "residual_per_h",
        "sampled_ms",
    )

    def __init__(self, tiers: Tiers, mark: float, at_ms: int) -> None:
        classes = len(constants.CLASS_DISTANCES)
        self._prior = distance_prior(tiers)
        self._cells: F8 = np.zeros((2, classes, constants.BINS))
        self._totals: F8 = np.zeros((2, 4))
        self._totals[:, kernels.SCALE] = 1.0
        self._edges: I8 = np.zeros(2, dtype=np.int64)
        self._histogram: F8 = np.zeros(constants.HISTOGRAM_BINS)
        self._first = 0
        self._buys = 0.0
        self._sells = 0.0
        self.oi_coins = 0.0
        self.sampled_ms: int | None = None
        self.residual_per_h = 0.0
        self.mark(mark, at_ms)
        self._start_slice()

    def trades(self, prices: F8, coins: F8, bought: Bools) -> None:
        """Take trades: three parallel arrays; ``bought`` where the taker bought."""
        buys, sells = kernels.add_trades(
            self._histogram,
            self._first,
            STEP,
            np.asarray(prices, dtype=np.float64),
            np.asarray(coins, dtype=np.float64),
            np.asarray(bought, dtype=np.bool_),
        )
        self._buys += buys
        self._sells += sells

    def mark(self, price: float, at_ms: int) -> None:
        """Take the venue's mark price, which liquidates what it reaches.

        A jump of the mark reaches everything in between.  Raises ValueError for a price not above 0.
        """
        if not (isfinite(price) and price > 0):
            raise ValueError(f"expected a mark price above 0, got {price}")
        kernels.move(self._cells, self._totals, self._edges, log(price) / STEP)
        self.mark_price = float(price)
        self.at_ms = at_ms

    def candle(self, candle: CandleLike) -> None:
        """Take a bar of history in place of its trades and marks.

        Volume is spread evenly over low to high in log price.  The extremes are of the last price and
        may exceed the mark's, so history sweeps a little too much rather than too little.
        """
        low, high = log(candle.low) / STEP, log(candle.high) / STEP
        kernels.add_range(self._histogram, self._first, low, high, candle.volume)
        buys = candle.volume / 2 if candle.taker_buy is None else candle.taker_buy
        self._buys += buys
        self._sells += candle.volume - buys
        extremes = (candle.low, candle.high)
        for price in (*(extremes if candle.close >= candle.open else extremes[::-1]), candle.close):
            self.mark(price, candle.at_ms)

    def open_interest(self, coins: float, at_ms: int) -> None:
        """Take one side's open interest: settles the flow since the sample before.

        Let every traded coin open on both sides, close on both or change hands.  Then of the volume V,
        with dQ the change of open interest, max(dQ, 0) + CHURN_KEPT / 2 * max(V - |dQ|, 0) coins were
        opened a side and dQ less were closed.  The first sample seeds both sides with the prior around
        the mark, as nothing is known of older entries.  Raises ValueError for a negative number.
        """
        if not (isfinite(coins) and coins >= 0):
            raise ValueError(f"expected open interest of at least 0, got {coins}")
        if self.sampled_ms is None:
            self._seed(coins)
            self._balance(0.0, coins, 0.0)
        else:
            volume = self._buys + self._sells
            change = coins - self.oi_coins
            opened = max(change, 0.0) + constants.CHURN_KEPT / 2 * max(volume - abs(change), 0.0)
            if opened > 0:
                self._place(opened, self._class_shares())
            self._balance(opened - change, coins, max(at_ms - self.sampled_ms, 0) / 3_600_000)
        self.oi_coins = coins
        self.sampled_ms = at_ms
        self._start_slice()

    def profile(self) -> Profile:
        """Return the bands around the mark, all distance classes summed."""
        half = constants.PROFILE_BINS // 2
        origin = int(np.floor(log(self.mark_price) / STEP)) - half
        coins: F8 = np.empty((2, constants.PROFILE_BINS))
        kernels.fold(self._cells, self._totals, self._edges, origin, coins)
        shown = coins.sum(axis=1) / self.oi_coins if self.oi_coins else np.ones(2)
        return Profile(
            origin=origin,
            step=STEP,
            long_coins=coins[0],
            short_coins=coins[1],
            oi_coins=self.oi_coins,
            long_rest=1.0 - float(shown[0]),
            short_rest=1.0 - float(shown[1]),
            mark=self.mark_price,
            at_ms=self.at_ms,
        )

    def held_coins(self, side: Side) -> tuple[float, float, float]:
        """Return (in bands, in the pool, swept since the last sample); their sum is the open interest."""
        row = 0 if side is Side.BUY else 1
        banded = self._cells[row].sum() * self._totals[row, kernels.SCALE]
        return float(banded), float(self._totals[row, kernels.POOL]), float(self._totals[row, kernels.SWEPT])

    def _start_slice(self) -> None:
        self._histogram.fill(0.0)
        self._first = int(np.floor(log(self.mark_price) / STEP)) - constants.HISTOGRAM_BINS // 2
        self._buys = self._sells = 0.0

    def _class_shares(self) -> F8:
        """Split an opening over the classes [2, J]: takers of a side are easier to liquidate."""
        volume = self._buys + self._sells
        takers = np.array([self._buys, self._sells]) / volume if volume else np.array([0.5, 0.5])
        taker, maker = constants.TAKER_LIQUIDATABLE, constants.MAKER_LIQUIDATABLE
        liquidatable = np.clip(
            taker * takers + maker * (1 - takers), constants.LIQUIDATABLE_MIN, constants.LIQUIDATABLE_MAX
        )
        shares: F8 = np.outer(liquidatable / constants.MEAN_LIQUIDATABLE, self._prior)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True) / constants.CLASS_SHARE_MAX, 1.0)
        return shares

    def _place(self, coins: float, shares: F8) -> None:
        if not self._histogram.any():
            at = int(np.floor(log(self.mark_price) / STEP)) - self._first
            self._histogram[min(max(at, 0), constants.HISTOGRAM_BINS - 1)] = 1.0
        offsets, widths, weights = _trigger_kernels()
        kernels.place(
            self._cells,
            self._totals,
            self._edges,
            self._histogram,
            self._first,
            coins,
            shares,
            offsets,
            widths,
            weights,
        )

    def _seed(self, coins: float) -> None:
        """Place what was open before the first sample: entries unknown, spread around the mark.

        Triggers the mark would have reached are of positions that can no longer exist: the pool.
        """
        self._start_slice()
        bins = np.arange(constants.HISTOGRAM_BINS) - constants.HISTOGRAM_BINS // 2
        self._histogram[:] = np.exp(-0.5 * (bins * STEP / constants.SEED_LOG_SIGMA) ** 2)
        self._place(coins, np.stack([self._prior, self._prior]))
        self._totals[:, kernels.POOL] += self._totals[:, kernels.SWEPT]
        self._totals[:, kernels.SWEPT] = 0.0

    def _balance(self, closed: float, coins: float, hours: float) -> None:
        correction = kernels.balance(
            self._cells,
            self._totals,
            closed,
            coins,
            constants.CLOSED_SHARE_MAX,
            constants.CORRECTION_MIN,
            constants.CORRECTION_MAX,
            constants.SCALE_MIN,
        )
        # The mean of |ln correction| an hour over about the last RESIDUAL_HOURS: a sum that fades.
        kept = exp(-hours / constants.RESIDUAL_HOURS)
        self.residual_per_h = self.residual_per_h * kept + correction / constants.RESIDUAL_HOURS


def bootstrap(
    bands: Bands, candles: Iterable[CandleLike], open_interest: list[tuple[int, float]], bar_ms: int
) -> None:
    """Replay history into ``bands``, oldest first: bars of ``bar_ms`` and (ms, coins) samples.

    A sample settles once the bars that end at or before it are in.  With a single sample (a venue
    without history) open interest is held constant: every bar settles with that one.
    """
    candles = list(candles)
    if candles:
        bands.mark(candles[0].open, candles[0].at_ms)
    constant = len(open_interest) == 1
    pending = iter(open_interest)
    sample = next(pending, None)
    for candle in candles:
        end_ms = candle.at_ms + bar_ms
        while sample is not None and not constant and sample[0] < end_ms:
            bands.open_interest(sample[1], sample[0])
            sample = next(pending, None)
        bands.candle(candle)
        if constant and sample is not None:
            bands.open_interest(sample[1], end_ms)
    while sample is not None and not constant:
        bands.open_interest(sample[1], sample[0])
        sample = next(pending, None)


@cache
def distance_prior(tiers: Tiers) -> F8:
    """Return the share of new open interest in each distance class [J]; the sum is 1 - POOL_SHARE.

    ISOLATED_WEIGHT of it follows the venue's rules: leverage by LEVERAGE_WEIGHTS where the tier allows
    it, position value log-normal, trigger by `margin.trigger_price`, mean of both sides.  The rest is a
    log-normal density of distance for cross margin, top-ups and partial hedges.
    """
    distances = np.array(constants.CLASS_DISTANCES)
    borders = np.sqrt(distances[1:] * distances[:-1])
    isolated = np.zeros(len(distances))
    normal = NormalDist(log(constants.POSITION_USD_MEDIAN), constants.POSITION_LOG_SIGMA)
    for i in range(constants.POSITION_QUANTILES):
        notional_usd = exp(normal.inv_cdf((i + 0.5) / constants.POSITION_QUANTILES))
        allowed = tiers.at(notional_usd).leverage_max
        for leverage, weight in constants.LEVERAGE_WEIGHTS:
            if leverage <= allowed:
                for side in Side:
                    away = distance(tiers, side, leverage, notional_usd)
                    isolated[np.searchsorted(borders, away)] += weight
    tail = np.exp(-0.5 * ((np.log(distances) - constants.TAIL_LOG_MEDIAN) / constants.TAIL_LOG_SIGMA) ** 2)
    weight = constants.ISOLATED_WEIGHT if isolated.any() else 0.0
    mixed = weight * isolated / max(isolated.sum(), 1e-300) + (1 - weight) * tail / tail.sum()
    prior: F8 = (1 - constants.POOL_SHARE) * mixed
    prior.flags.writeable = False
    return prior


@cache
def _trigger_kernels() -> tuple[I8, I8, F8]:
    """Return where triggers lie from the entry's depth bin: offsets, widths [2, J], weights [2, J, W].

    Each class is a triangle of +- KERNEL_HALF_WIDTH around its distance; a point between two bin
    centres is shared between them.  Each row of weights sums to 1.
    """
    steps = np.arange(-999, 1000) / 1000
    triangle = (1 - np.abs(steps)) / (1 - np.abs(steps)).sum()
    offsets = np.zeros((2, len(constants.CLASS_DISTANCES)), dtype=np.int64)
    widths = np.zeros_like(offsets)
    rows: list[F8] = []
    for side, sign in enumerate((1, -1)):
        for j, away in enumerate(constants.CLASS_DISTANCES):
            depths = sign * np.log(1 - sign * away * (1 + constants.KERNEL_HALF_WIDTH * steps)) / STEP
            lower = np.floor(depths).astype(np.int64)
            upper_part = depths - lower
            offsets[side, j] = lower.min()
            at = lower - lower.min()
            widths[side, j] = at.max() + 2
            row: F8 = np.zeros(at.max() + 2)
            np.add.at(row, at, triangle * (1 - upper_part))
            np.add.at(row, at + 1, triangle * upper_part)
            rows.append(row)
    weights: F8 = np.zeros((*widths.shape, int(widths.max())))
    for i, row in enumerate(rows):
        weights[i // widths.shape[1], i % widths.shape[1], : len(row)] = row / row.sum()
    return offsets, widths, weights
