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

POINTS = 4000  # of a triangle's flank: several in each bin of the widest one


@cache
def distance_prior(tiers: Tiers) -> F8:
    """Return the share of new open interest in each distance class [J]; the sum is 1 - POOL_SHARE.

    BARELY_LEVERED_SHARE is a log-normal density of distance far out.  Of the rest, ISOLATED_WEIGHT follows
    the venue's rules: leverage by LEVERAGE_WEIGHTS where the tier allows it, position value log-normal,
    trigger by `margin.trigger_price`, mean of both sides.  What remains is a log-normal density for cross
    margin, top-ups and partial hedges.
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
    weight = constants.ISOLATED_WEIGHT if isolated.any() else 0.0
    tail = _log_normal(constants.TAIL_LOG_MEDIAN, constants.TAIL_LOG_SIGMA)
    mixed = weight * isolated / max(isolated.sum(), 1e-300) + (1 - weight) * tail
    far = _log_normal(constants.BARELY_LEVERED_LOG_MEDIAN, constants.BARELY_LEVERED_LOG_SIGMA)
    levered = 1 - constants.POOL_SHARE - constants.BARELY_LEVERED_SHARE
    prior: F8 = levered * mixed + constants.BARELY_LEVERED_SHARE * far
    prior.flags.writeable = False
    return prior


def _log_normal(log_median: float, log_sigma: float) -> F8:
    """Return the share of each distance class [J] in a log-normal density of distance; the sum is 1."""
    logs = np.log(np.array(constants.CLASS_DISTANCES))
    shares: F8 = np.exp(-0.5 * ((logs - log_median) / log_sigma) ** 2)
    shares /= shares.sum()
    return shares


@cache
def trigger_kernels() -> tuple[I8, I8, F8]:
    """Return where triggers lie from the entry's depth bin: offsets, widths [2, J], weights [2, J, W + 2].

    Each class is a triangle over distance, as wide as `_feet` says; a point between two bin centres is
    shared between them.  A row's weights sum to 1, with a 0 before the first and after the last.
    """
    offsets = np.zeros((2, len(constants.CLASS_DISTANCES)), dtype=np.int64)
    widths = np.zeros_like(offsets)
    rows: list[F8] = []
    for side, sign in enumerate((1, -1)):
        for j, away in enumerate(constants.CLASS_DISTANCES):
            near, far = _feet(j)
            distances = np.concatenate((np.linspace(near, away, POINTS), np.linspace(away, far, POINTS)[1:]))
            heights = np.interp(distances, (near, away, far), (0.0, 1.0, 0.0))
            # Each point stands for half the way to its neighbours.
            heights *= np.gradient(distances)
            depths = sign * np.log(1 - sign * distances) / constants.LOG_STEP
            lower = np.floor(depths).astype(np.int64)
            upper_part = depths - lower
            offsets[side, j] = lower.min()
            at = lower - lower.min()
            widths[side, j] = at.max() + 2
            row: F8 = np.zeros(at.max() + 2)
            np.add.at(row, at, heights * (1 - upper_part))
            np.add.at(row, at + 1, heights * upper_part)
            rows.append(row)
    weights: F8 = np.zeros((*widths.shape, int(widths.max()) + 2))
    for i, row in enumerate(rows):
        weights[i // widths.shape[1], i % widths.shape[1], 1 : len(row) + 1] = row / row.sum()
    return offsets, widths, weights


def _feet(j: int) -> tuple[float, float]:
    """Return the distances (near, far) at which a class's triangle ends.

    From KERNEL_NARROW_UNTIL on classes stand apart by more than entries do, so each reaches its neighbours:
    what lies far is smooth, not a row of dense places that only the choice of classes put there.
    """
    classes = constants.CLASS_DISTANCES
    away = classes[j]
    if away < constants.KERNEL_NARROW_UNTIL:
        return away * (1 - constants.KERNEL_HALF_WIDTH), away * (1 + constants.KERNEL_HALF_WIDTH)
    near = classes[j - 1]
    return near, classes[j + 1] if j + 1 < len(classes) else away * away / near
