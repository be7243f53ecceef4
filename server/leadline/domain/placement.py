"""Where the triggers of new positions lie: shares of the distance classes, and the shape of each."""

from __future__ import annotations

from functools import cache
from math import exp, log
from statistics import NormalDist

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.kernels import F8, I8
from leadline.domain.leverage import Tiers
from leadline.domain.margin import distance


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
def trigger_kernels() -> tuple[I8, I8, F8]:
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
            depths = (
                sign
                * np.log(1 - sign * away * (1 + constants.KERNEL_HALF_WIDTH * steps))
                / constants.LOG_STEP
            )
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
