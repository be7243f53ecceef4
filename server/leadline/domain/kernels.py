"""The estimator's inner loops, compiled.  Nothing else in the package imports numba.

Both sides of the market run the same code on a *depth* axis: a bin's index grows towards the mark
and beyond it lies what the mark has crossed.  For longs the depth bin is the log-price bin k; for
shorts it is the mirror image -1 - k.  A side is a ring of bins: depth bin k lives in slot k mod BINS.
``edge`` is the first depth bin the mark has reached; the side's open triggers fill edge - BINS to
edge - 1.

Shapes: S = 2 sides (long, short), J classes, K = BINS, H = HISTOGRAM_BINS.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Columns of ``totals``: the coins of a side in band cells are totals[SCALE] * totals[CELLS].
SCALE, CELLS, POOL, SWEPT = 0, 1, 2, 3

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    return cast(_Function, njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def add_trades(
    histogram: F8, first: int, log_step: float, prices: F8, coins: F8, bought: Bools
) -> tuple[float, float]:
    """Add trades to the volume histogram [H], whose bin 0 is log-price bin ``first``.

    Returns coins that takers bought and coins that takers sold.  Prices off the histogram count in its
    outermost bin.
    """
    last = len(histogram) - 1
    buys = 0.0
    sells = 0.0
    for i in range(len(prices)):
        at = min(max(floor(log(prices[i]) / log_step) - first, 0), last)
        histogram[at] += coins[i]
        if bought[i]:
            buys += coins[i]
        else:
            sells += coins[i]
    return buys, sells


@_compiled
def add_range(histogram: F8, first: int, low: float, high: float, coins: float) -> None:
    """Spread ``coins`` evenly between two positions (log price / log step) of the histogram [H]."""
    last = len(histogram) - 1
    low_bin = min(max(floor(low) - first, 0), last)
    high_bin = min(max(floor(high) - first, 0), last)
    if low_bin == high_bin:
        histogram[low_bin] += coins
        return
    density = coins / (high - low)
    inner = 0.0
    for at in range(low_bin + 1, high_bin):
        histogram[at] += density
        inner += density
    upper = density * min(max(high - (high_bin + first), 0.0), 1.0)
    histogram[high_bin] += upper
    histogram[low_bin] += coins - inner - upper


@_compiled
def move(cells: F8, totals: F8, edges: I8, position: float) -> None:
    """Take the mark to ``position`` (log price / log step).

    A bin's triggers stand at its centre.  Bins the mark reaches are emptied into SWEPT; as it moves
    away, the farthest bins leave the ring into POOL.  In a ring these are the same slots, so each
    slot between the old edge and the new one is emptied once and is then free for what it stands
    for next.  cells [S, J, K], totals [S, 4], edges [S].
    """
    bins = cells.shape[2]
    for side in range(2):
        depth = position if side == 0 else -position
        edge = int(np.ceil(depth - 0.5))
        low = min(edge, edges[side])
        high = min(max(edge, edges[side]), low + bins)
        emptied = 0.0
        for k in range(low, high):
            slot = k % bins
            for j in range(cells.shape[1]):
                emptied += cells[side, j, slot]
                cells[side, j, slot] = 0.0
        column = SWEPT if edge < edges[side] else POOL
        totals[side, column] += emptied * totals[side, SCALE]
        totals[side, CELLS] = max(totals[side, CELLS] - emptied, 0.0)
        edges[side] = edge


@_compiled
def place(
    cells: F8,
    totals: F8,
    edges: I8,
    histogram: F8,
    first: int,
    coins: float,
    shares: F8,
    offsets: I8,
    widths: I8,
    weights: F8,
) -> None:
    """Open ``coins`` on both sides at the prices of the histogram.

    shares [S, J]: part of the coins in each class; the rest goes to POOL.  offsets [S, J], widths
    [S, J], weights [S, J, W]: where triggers lie from the entry's depth bin.  A trigger that the mark
    has reached already counts as SWEPT, one beyond the ring goes to POOL.
    """
    bins = cells.shape[2]
    volume = histogram.sum()
    for side in range(2):
        scale = totals[side, SCALE]
        placed = 0.0
        reached = 0.0
        for h in range(len(histogram)):
            if histogram[h] == 0.0:
                continue
            opened = coins * histogram[h] / volume
            entry = first + h if side == 0 else -1 - first - h
            for j in range(cells.shape[1]):
                amount = opened * shares[side, j] / scale
                k = entry + offsets[side, j]
                begin = max(edges[side] - bins - k, 0)
                end = min(edges[side] - k, widths[side, j])
                if begin >= end:
                    # All of this triangle is reached already, or all of it lies beyond the ring.
                    if begin == 0:
                        reached += amount
                    continue
                slot = (k + begin) % bins
                for w in range(begin, end):
                    part = amount * weights[side, j, w]
                    cells[side, j, slot] += part
                    placed += part
                    slot += 1
                    if slot == bins:
                        slot = 0
                for w in range(end, widths[side, j]):
                    reached += amount * weights[side, j, w]
        totals[side, CELLS] += placed
        totals[side, SWEPT] += reached * scale
        totals[side, POOL] += max(coins - (placed + reached) * scale, 0.0)


@_compiled
def balance(
    cells: F8,
    totals: F8,
    closed: float,
    coins: float,
    closed_share_max: float,
    correction_min: float,
    correction_max: float,
    scale_min: float,
) -> float:
    """Close ``closed`` coins on both sides and make each side hold exactly ``coins``.

    What the mark has swept counts as closed first (so nothing is closed twice); the rest closes bands
    and pool alike.  A remaining difference scales both within the correction bounds; the pool takes
    what lies beyond them and, when it is empty, the bands do.  Returns the larger |ln correction|.
    """
    residual = 0.0
    for side in range(2):
        banded = totals[side, SCALE] * totals[side, CELLS]
        held = banded + totals[side, POOL]
        factor = 1.0
        if held > 0.0:
            voluntary = max(closed - totals[side, SWEPT], 0.0)
            kept = 1.0 - min(voluntary / held, closed_share_max)
            wanted = coins / (held * kept)
            correction = min(max(wanted, correction_min), correction_max)
            residual = max(residual, abs(log(correction)))
            factor = kept * correction
        if banded * factor > coins:
            factor = coins / banded
        totals[side, SCALE] *= factor
        totals[side, SWEPT] = 0.0
        if totals[side, SCALE] < scale_min:
            total = 0.0
            for j in range(cells.shape[1]):
                for slot in range(cells.shape[2]):
                    cells[side, j, slot] *= totals[side, SCALE]
                    total += cells[side, j, slot]
            totals[side, SCALE] = 1.0
            totals[side, CELLS] = total
        totals[side, POOL] = max(coins - totals[side, SCALE] * totals[side, CELLS], 0.0)
    return residual


@_compiled
def fold(cells: F8, totals: F8, edges: I8, first: int, out: F8) -> None:
    """Write the coins of all classes into ``out`` [S, n], whose column 0 is log-price bin ``first``."""
    bins = cells.shape[2]
    for side in range(2):
        for i in range(out.shape[1]):
            k = first + i if side == 0 else -1 - first - i
            coins = 0.0
            if edges[side] - bins <= k < edges[side]:
                slot = k % bins
                for j in range(cells.shape[1]):
                    coins += cells[side, j, slot]
            out[side, i] = coins * totals[side, SCALE]
