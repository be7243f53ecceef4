"""Clusters among positions opened within a map's range: those of its last column."""

from __future__ import annotations

from dataclasses import replace
from math import floor, log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import Cluster, densest, find_clusters
from leadline.domain.heat import USD_OF_CODES, Heat
from leadline.domain.heatmap import Grid, Picture
from leadline.domain.kernels import F8


def young_heat(made: Picture, grid: Grid) -> Heat | None:
    """Return what the last column of a picture holds as dollars a bin; None where it has no mark."""
    mark = float(made.marks[-1])
    if mark <= 0.0:
        return None
    half = constants.PROFILE_BINS // 2
    at_mark = floor(log(mark) / constants.LOG_STEP)
    origin = at_mark - half
    bins = grid.low_bin + np.arange(grid.rows * grid.row_bins) - origin
    sides: F8 = np.zeros((2, constants.PROFILE_BINS))
    # The row that holds the mark may reach over it: what it holds stays on its own side.
    for side, codes, own in (
        (0, made.long[-1], np.minimum(bins, half)),
        (1, made.short[-1], np.maximum(bins, half)),
    ):
        usd = np.repeat(USD_OF_CODES[codes] / grid.row_bins, grid.row_bins)
        there = (own >= 0) & (own < constants.PROFILE_BINS)
        np.add.at(sides[side], own[there], usd[there])
    return Heat(origin, constants.LOG_STEP, mark, sides[0], sides[1], float(made.oi_usd[-1]))


def young_clusters(heat: Heat, part: float, factor: float, usd_min: float) -> list[Cluster]:
    """Return the densest clusters of both sides, nearest first, numbered from 1 on.

    They are found anew each time: there is no history of them.  part: what ``heat`` holds of all; a
    cluster has to hold so much less of the open interest to be one.  factor: of the 80 % interval of all
    positions, from dollars / factor to dollars x factor; usd_min: dollars of the smallest worth a mark.
    """
    found = densest(find_clusters(heat, heat.mark, heat.oi_usd * part, usd_min))
    return [
        replace(one, id=rank + 1, usd_lo=one.usd / factor, usd_hi=one.usd * factor)
        for rank, one in enumerate(found)
    ]
