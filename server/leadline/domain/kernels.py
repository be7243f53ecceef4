"""The estimator's inner loops, compiled.  Nothing else in the package imports numba.

Both sides of the market run the same code on a *depth* axis: a bin's index grows towards the mark
and beyond it lies what the mark has crossed.  For longs the depth bin is the log-price bin k; for
shorts it is the mirror image -1 - k.  A side is a ring of bins: depth bin k lives in slot k mod BINS.
``edge`` is the first depth bin the mark has reached; the side's open triggers fill edge - BINS to
edge - 1.

Cells hold *base* coins: what the prior over distance classes places, before the class multipliers
that prints teach.  So a lesson counts at once for every open position, however old.

Shapes: S = 2 sides (long, short), J classes, K = BINS, H = HISTOGRAM_BINS.  cells [S, J, K] are base
coins over ``scales`` [S].  sums [S, 3, J]: HELD the sum of the cells over K; SWEPT the base coins the
mark reached (or the venue deleveraged) since the last open interest sample; EXPECTED those since the last
lesson.  flows [S, 4, 2K]: what happened to each depth bin's coins since the start, as multipliers valued
them then: OPENED in it, TRIGGERED by the mark, SHIFTED in (or out, below 0) by funding or by leaving the
ring, REVALUED by lessons.  What was closed has no row: closing is a scale of a whole side (or deleveraging),
and is what remains of the change of a bin after these four.
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

HELD, SWEPT, EXPECTED = 0, 1, 2
OPENED, TRIGGERED, SHIFTED, REVALUED = 0, 1, 2, 3
NARROW = 4  # a histogram this many times narrower than a triangle widens it by 6 % at most

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    return cast(_Function, njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def add_trades(
    histogram: F8, span: I8, first: int, log_step: float, prices: F8, coins: F8, bought: Bools
) -> tuple[float, float]:
    """Add trades to the volume histogram [H], whose bin 0 is log-price bin ``first``.

    span [2]: the first bin in use and the one after the last.  Returns coins that takers bought and coins
    that takers sold.  Prices off the histogram count in its outermost bin.
    """
    last = len(histogram) - 1
    buys = 0.0
    sells = 0.0
    for i in range(len(prices)):
        at = min(max(floor(log(prices[i]) / log_step) - first, 0), last)
        histogram[at] += coins[i]
        span[0] = min(span[0], at)
        span[1] = max(span[1], at + 1)
        if bought[i]:
            buys += coins[i]
        else:
            sells += coins[i]
    return buys, sells


@_compiled
def add_range(histogram: F8, span: I8, first: int, low: float, high: float, coins: float) -> None:
    """Spread ``coins`` evenly between two positions (log price / log step) of the histogram [H]."""
    last = len(histogram) - 1
    low_bin = min(max(floor(low) - first, 0), last)
    high_bin = min(max(floor(high) - first, 0), last)
    span[0] = min(span[0], low_bin)
    span[1] = max(span[1], high_bin + 1)
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
def move(
    cells: F8,
    sums: F8,
    scales: F8,
    edges: I8,
    multipliers: F8,
    flows: F8,
    position: float,
    counted: bool,
) -> None:
    """Take the mark to ``position`` (log price / log step).

    A bin's triggers stand at its centre.  Bins the mark reaches are emptied into SWEPT (and EXPECTED,
    when ``counted``).  As the mark moves away, the farthest bins leave the ring.  In a ring these are the
    same slots, so each slot between the old edge and the new one is emptied once and is then free for
    what it stands for next.
    """
    classes, bins = cells.shape[1], cells.shape[2]
    for side in range(2):
        depth = position if side == 0 else -position
        edge = int(np.ceil(depth - 0.5))
        low = min(edge, edges[side])
        high = min(max(edge, edges[side]), low + bins)
        swept = edge < edges[side]
        for k in range(low, high):
            slot = k % bins
            value = 0.0
            for j in range(classes):
                amount = cells[side, j, slot]
                cells[side, j, slot] = 0.0
                value += amount * multipliers[j]
                sums[side, HELD, j] = max(sums[side, HELD, j] - amount, 0.0)
                if swept:
                    coins = amount * scales[side]
                    sums[side, SWEPT, j] += coins
                    if counted:
                        sums[side, EXPECTED, j] += coins
            # The bin this slot stood for, which after a jump or at the ring's far end is not k.
            left = (edges[side] - 1 - (edges[side] - 1 - k) % bins) % flows.shape[2]
            if swept:
                flows[side, TRIGGERED, left] += value * scales[side]
            else:
                flows[side, SHIFTED, left] -= value * scales[side]
        edges[side] = edge


@_compiled
def shift(cells: F8, sums: F8, scales: F8, edges: I8, multipliers: F8, flows: F8, bins_up: int) -> None:
    """Move every trigger by ``bins_up`` (+1 or -1) log-price bins: what funding does to margins.

    A bin that is pushed over the mark is swept, one that is pushed out of the ring is forgotten.
    """
    classes, bins, width = cells.shape[1], cells.shape[2], flows.shape[2]
    for side in range(2):
        inwards = bins_up == 1 if side == 0 else bins_up == -1
        edge = edges[side]
        leaving = (edge - 1) % bins if inwards else (edge - bins) % bins
        for k in range(edge - bins, edge):
            value = 0.0
            for j in range(classes):
                value += cells[side, j, k % bins] * multipliers[j]
            value *= scales[side]
            if inwards and k == edge - 1:
                flows[side, TRIGGERED, k % width] += value
            else:
                flows[side, SHIFTED, k % width] -= value
            to = k + 1 if inwards else k - 1
            if edge - bins <= to < edge:
                flows[side, SHIFTED, to % width] += value
        for j in range(classes):
            amount = cells[side, j, leaving]
            sums[side, HELD, j] = max(sums[side, HELD, j] - amount, 0.0)
            if inwards:
                sums[side, SWEPT, j] += amount * scales[side]
            row = cells[side, j]
            if inwards:
                for k in range(edge - 1, edge - bins, -1):
                    row[k % bins] = row[(k - 1) % bins]
                row[(edge - bins) % bins] = 0.0
            else:
                for k in range(edge - bins, edge - 1):
                    row[k % bins] = row[(k + 1) % bins]
                row[(edge - 1) % bins] = 0.0


@_compiled
def _add_to_rings(row: F8, opened: F8, k: int, shape: F8, amount: float, value: float) -> None:
    """Add ``shape`` to the depth bins from ``k`` on: x amount to the cells, x value to the flows.

    Both are rings, of different lengths; the loop runs straight until one of them begins anew.
    """
    bins, width, done = len(row), len(opened), 0
    while done < len(shape):
        slot, to = (k + done) % bins, (k + done) % width
        run = min(len(shape) - done, min(bins - slot, width - to))
        # Slices, for an index that may be below 0 would keep the loop from being vectorised.
        cells, flows, part = row[slot : slot + run], opened[to : to + run], shape[done : done + run]
        for i in range(run):
            cells[i] += amount * part[i]
            flows[i] += value * part[i]
        done += run


@_compiled
def _add_pair_to_rings(
    row: F8, opened: F8, k: int, triangle: F8, deep: float, shallow: float, amount: float, value: float
) -> None:
    """As `_add_to_rings` with deep x triangle[1:] + shallow x triangle[:-1], which is never written down."""
    bins, width, done, count = len(row), len(opened), 0, len(triangle) - 1
    while done < count:
        slot, to = (k + done) % bins, (k + done) % width
        run = min(count - done, min(bins - slot, width - to))
        cells, flows = row[slot : slot + run], opened[to : to + run]
        here, before = triangle[done + 1 : done + 1 + run], triangle[done : done + run]
        for i in range(run):
            part = deep * here[i] + shallow * before[i]
            cells[i] += amount * part
            flows[i] += value * part
        done += run


@_compiled
def _triggers(shape: F8, entries: F8, triangle: F8) -> None:
    """Write into ``shape`` the shares of each depth bin when ``triangle`` stands at each of ``entries``."""
    shape[:] = 0.0
    for e in range(len(entries)):
        share = entries[e]
        if share > 0.0:
            part = shape[e : e + len(triangle)]
            for i in range(len(triangle)):
                part[i] += share * triangle[i]


@_compiled
def place(
    cells: F8,
    sums: F8,
    scales: F8,
    edges: I8,
    histogram: F8,
    span: I8,
    first: int,
    coins: float,
    long_part: float,
    short_part: float,
    prior: F8,
    offsets: I8,
    widths: I8,
    weights: F8,
    multipliers: F8,
    flows: F8,
    counted: bool,
) -> None:
    """Open ``coins`` on both sides at the prices of the histogram.

    long_part, short_part: factors on prior [J], the base part of the coins in each class.  offsets [S, J],
    widths [S, J], weights [S, J, W + 2]: where triggers lie from the entry's depth bin; the weights of a
    class add up to 1, with a 0 before and after them.  A trigger that the mark has reached already counts
    as swept, one beyond the ring is left out.
    """
    bins, used = cells.shape[2], span[1] - span[0]
    volume = 0.0
    moment = 0.0
    for h in range(used):
        volume += histogram[span[0] + h]
        moment += histogram[span[0] + h] * h
    # Under a wide triangle a short histogram is as good as two bins around the mean, and most of the work is
    # that of the widest: their shape goes into the rings without being written down.
    middle = min(int(moment / volume), max(used - 2, 0))
    beyond = moment / volume - middle
    entries = np.empty(used)
    shape_of = np.empty(used + weights.shape[2])
    for side in range(2):
        # Along the depth axis: entries of longs from the lowest price up, of shorts from the highest down.
        for h in range(used):
            entries[h if side == 0 else used - 1 - h] = histogram[span[0] + h] / volume
        deepest = first + span[0] if side == 0 else -first - span[1]
        deepest_of_pair = first + span[0] + middle if side == 0 else -first - span[0] - middle - 2
        deep = 1.0 - beyond if side == 0 else beyond
        for j in range(cells.shape[1]):
            width = widths[side, j]
            short = used * NARROW < width
            k = (deepest_of_pair if short else deepest) + offsets[side, j]
            count = width + (1 if short else used - 1)
            begin = min(max(edges[side] - bins - k, 0), count)
            end = max(min(edges[side] - k, count), begin)
            amount = coins * (long_part if side == 0 else short_part) * prior[j]
            stored = amount / scales[side]
            left_out = 0.0
            reached = 0.0
            if short:
                triangle = weights[side, j, : width + 2]
                for i in range(begin):
                    left_out += deep * triangle[i + 1] + (1.0 - deep) * triangle[i]
                for i in range(end, count):
                    reached += deep * triangle[i + 1] + (1.0 - deep) * triangle[i]
                _add_pair_to_rings(
                    cells[side, j],
                    flows[side, OPENED],
                    k + begin,
                    triangle[begin : end + 1],
                    deep,
                    1.0 - deep,
                    stored,
                    amount * multipliers[j],
                )
            else:
                shape = shape_of[:count]
                _triggers(shape, entries, weights[side, j, 1 : width + 1])
                for i in range(begin):
                    left_out += shape[i]
                for i in range(end, count):
                    reached += shape[i]
                _add_to_rings(
                    cells[side, j],
                    flows[side, OPENED],
                    k + begin,
                    shape[begin:end],
                    stored,
                    amount * multipliers[j],
                )
            sums[side, HELD, j] += stored * max(1.0 - reached - left_out, 0.0)
            sums[side, SWEPT, j] += amount * reached
            if counted:
                sums[side, EXPECTED, j] += amount * reached


@_compiled
def balance(
    cells: F8,
    sums: F8,
    scales: F8,
    multipliers: F8,
    total: float,
    closed: float,
    coins: float,
    closed_share_max: float,
    correction_min: float,
    correction_max: float,
    banded_share_max: float,
    scale_min: float,
    corrected: F8,
    faded: F8,
) -> float:
    """Close ``closed`` of the ``total`` coins of each side, which is then worth exactly ``coins``.

    What the mark has swept counts as closed first (so nothing is closed twice); the rest closes bands
    and pool alike.  A remaining difference scales the bands within the correction bounds; the pool
    takes what lies beyond them.  Returns the larger |ln correction|; ``corrected`` [S] sums up what was
    scaled beside closing, in ln, and ``faded`` [S] all that was scaled.
    """
    residual = 0.0
    for side in range(2):
        banded = 0.0
        swept = 0.0
        for j in range(cells.shape[1]):
            banded += multipliers[j] * sums[side, HELD, j]
            swept += multipliers[j] * sums[side, SWEPT, j]
            sums[side, SWEPT, j] = 0.0
        banded *= scales[side]
        held = total - swept
        factor = 1.0
        kept = 1.0
        if held > 0.0:
            voluntary = max(closed - swept, 0.0)
            kept = 1.0 - min(voluntary / held, closed_share_max)
            wanted = coins / (held * kept)
            correction = min(max(wanted, correction_min), correction_max)
            residual = max(residual, abs(log(correction)))
            factor = kept * correction
        if banded * factor > banded_share_max * coins:
            factor = banded_share_max * coins / banded
        if factor > 0.0 and kept > 0.0:
            corrected[side] += log(factor / kept)
            faded[side] += log(factor)
        scales[side] *= factor
        if scales[side] < scale_min:
            for j in range(cells.shape[1]):
                held_now = 0.0
                for slot in range(cells.shape[2]):
                    cells[side, j, slot] *= scales[side]
                    held_now += cells[side, j, slot]
                sums[side, HELD, j] = held_now
            scales[side] = 1.0
    return residual


@_compiled
def settle(
    cells: F8,
    sums: F8,
    scales: F8,
    edges: I8,
    histogram: F8,
    span: I8,
    first: int,
    opened: float,
    long_part: float,
    short_part: float,
    prior: F8,
    offsets: I8,
    widths: I8,
    weights: F8,
    multipliers: F8,
    flows: F8,
    counted: bool,
    anew: bool,
    before: float,
    coins: float,
    closed_share_max: float,
    correction_min: float,
    correction_max: float,
    banded_share_max: float,
    scale_min: float,
    corrected: F8,
    faded: F8,
) -> float:
    """Open ``opened`` of the ``before`` coins a side had more (`place`), close the rest (`balance`).

    anew: nothing was open before, so that who opened beyond the mark can no longer exist: the pool.
    Empties the histogram.  One call, for a call's way into compiled code costs as much as either.
    """
    if opened > 0.0:
        place(
            cells,
            sums,
            scales,
            edges,
            histogram,
            span,
            first,
            opened,
            long_part,
            short_part,
            prior,
            offsets,
            widths,
            weights,
            multipliers,
            flows,
            counted,
        )
    if anew:
        sums[:, SWEPT:] = 0.0
    histogram[span[0] : span[1]] = 0.0
    span[0], span[1] = len(histogram), 0
    return balance(
        cells,
        sums,
        scales,
        multipliers,
        before + opened,
        opened - (coins - before),
        coins,
        closed_share_max,
        correction_min,
        correction_max,
        banded_share_max,
        scale_min,
        corrected,
        faded,
    )


@_compiled
def deleverage(
    cells: F8, sums: F8, scales: F8, edges: I8, multipliers: F8, away: F8, side: int, coins: float
) -> None:
    """Close ``coins`` of a side, of those who gain: in proportion to gain times leverage.

    A bin gives all it has at most.  away [J]: bins from a class's entries to its triggers; of two who gain
    alike the one whose trigger is nearer put up less.  What was closed counts as swept, for the next sample
    has it among its closings.
    """
    bins = cells.shape[2]
    edge = edges[side]
    total = 0.0
    for j in range(cells.shape[1]):
        for k in range(edge - bins, edge - int(away[j])):
            gain = (edge - k) / away[j] - 1.0
            total += max(gain, 0.0) * multipliers[j] * cells[side, j, k % bins]
    if total <= 0.0:
        return
    rate = coins / (total * scales[side])
    for j in range(cells.shape[1]):
        closed = 0.0
        for k in range(edge - bins, edge - int(away[j])):
            part = min(max((edge - k) / away[j] - 1.0, 0.0) * rate, 1.0)
            closed += part * cells[side, j, k % bins]
            cells[side, j, k % bins] *= 1.0 - part
        sums[side, HELD, j] = max(sums[side, HELD, j] - closed, 0.0)
        sums[side, SWEPT, j] += closed * scales[side]


@_compiled
def revalue(cells: F8, scales: F8, edges: I8, change: F8, flows: F8) -> None:
    """Count what a ``change`` [J] of the multipliers makes of each bin's coins."""
    bins, width = cells.shape[2], flows.shape[2]
    for side in range(2):
        row = flows[side, REVALUED]
        first = edges[side] - bins
        # Straight runs: a run ends where the ring of cells or that of flows begins anew.
        done = 0
        while done < bins:
            slot, to = (first + done) % bins, (first + done) % width
            run = min(bins - done, min(bins - slot, width - to))
            for j in range(cells.shape[1]):
                factor = change[j] * scales[side]
                for i in range(run):
                    row[to + i] += factor * cells[side, j, slot + i]
            done += run


@_compiled
def flows_of(flows: F8, first: int, out: F8) -> None:
    """Write the flows of each log-price bin from ``first`` on into ``out`` [4, S, n]."""
    width = flows.shape[2]
    for side in range(2):
        for i in range(out.shape[2]):
            k = first + i if side == 0 else -1 - first - i
            for kind in range(4):
                out[kind, side, i] = flows[side, kind, k % width]


@_compiled
def fold(
    cells: F8,
    scales: F8,
    edges: I8,
    multipliers: F8,
    variances: F8,
    first: int,
    out: F8,
) -> None:
    """Write what each log-price bin holds into ``out`` [2, S, n], whose column 0 is bin ``first``.

    out[0] are coins over all classes, out[1] their standard deviation, given the relative
    ``variances`` [J] of the class multipliers.
    """
    bins, n = cells.shape[2], out.shape[2]
    out[:] = 0.0
    for side in range(2):
        coins, doubts = out[0, side], out[1, side]
        scale = scales[side]
        # Depth bins run upwards for longs and downwards for shorts; outside of the ring there is nothing.
        lowest = first if side == 0 else -first - n
        begin = max(edges[side] - bins, lowest)
        end = min(edges[side], lowest + n)
        while begin < end:
            slot = begin % bins
            run = min(end - begin, bins - slot)
            for j in range(cells.shape[1]):
                row = cells[side, j]
                factor, variance = multipliers[j] * scale, variances[j]
                if side == 0:
                    at = begin - first
                    for i in range(run):
                        amount = factor * row[slot + i]
                        coins[at + i] += amount
                        doubts[at + i] += amount * amount * variance
                else:
                    at = -1 - first - begin
                    for i in range(run):
                        amount = factor * row[slot + i]
                        coins[at - i] += amount
                        doubts[at - i] += amount * amount * variance
            begin += run
    for side in range(2):
        for i in range(n):
            out[1, side, i] = np.sqrt(out[1, side, i])


@_compiled
def outline(
    cells: F8,
    sums: F8,
    scales: F8,
    edges: I8,
    multipliers: F8,
    totals: F8,
    oi_coins: float,
    first: int,
    out: F8,
) -> None:
    """Write the forced flow of both sides by log-price bin into ``out`` [n], whose bin 0 is ``first``.

    The coins that `fold` and `as_flow` tell, without their doubt.
    """
    bins, n = cells.shape[2], len(out)
    out[:] = 0.0
    for side in range(2):
        held = 0.0
        for j in range(cells.shape[1]):
            held += multipliers[j] * sums[side, HELD, j]
        scale = scales[side] * min(totals[side], oi_coins / max(held * scales[side], 1e-300))
        lowest = first if side == 0 else -first - n
        begin = max(edges[side] - bins, lowest)
        end = min(edges[side], lowest + n)
        while begin < end:
            slot = begin % bins
            run = min(end - begin, bins - slot)
            for j in range(cells.shape[1]):
                row, factor = cells[side, j], multipliers[j] * scale
                if side == 0:
                    at = begin - first
                    for i in range(run):
                        out[at + i] += factor * row[slot + i]
                else:
                    at = -1 - first - begin
                    for i in range(run):
                        out[at - i] += factor * row[slot + i]
            begin += run


@_compiled
def as_flow(folded: F8, totals: F8, oi_coins: float, flow: F8) -> None:
    """Turn what `fold` wrote into forced flow: times the side's total.

    folded [2, S, n] is changed in place; totals [S]; flow [S] becomes the factor used, no larger than what
    makes a side worth all of ``oi_coins``.
    """
    for side in range(2):
        held = 0.0
        for i in range(folded.shape[2]):
            held += folded[0, side, i]
        factor = min(totals[side], oi_coins / max(held, 1e-300))
        for i in range(folded.shape[2]):
            folded[0, side, i] *= factor
            folded[1, side, i] *= factor
        flow[side] = factor
