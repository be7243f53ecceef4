"""Whole books of ccxt: floats over a pipe, onto the grid, and against the venue's REST book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Ints
from leadline.limits import FRAME_BYTES_MAX
from leadline.units import NumberRejected, OffGrid, Step

OFF_GRID_TICKS = 1e-6  # what a double may stray from the decimal it was read from, with room
ROUNDING = 4 * float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]


def packed(rows: Iterable[Any]) -> bytes:
    """Pack ccxt's rows [price, size, ...] as doubles: all prices, then all sizes."""
    pairs = np.array([(row[0], row[1]) for row in rows], dtype=np.float64).reshape(-1, 2)
    return np.ascontiguousarray(pairs.T).tobytes()


def unpacked(data: object) -> tuple[Floats, Floats]:
    """Return (prices, sizes) of what ``packed`` made."""
    if not isinstance(data, bytes) or len(data) % 16 or len(data) > FRAME_BYTES_MAX:
        raise NumberRejected("expected packed levels")
    both = np.frombuffer(data, dtype=np.float64).reshape(2, -1)
    return both[0], both[1]


def ticks_of(step: Step, prices: Floats) -> Ints:
    """Return whole ticks; raises OffGrid for a price more than OFF_GRID_TICKS off the grid."""
    ticks = _steps(step, prices, np.full(len(prices), OFF_GRID_TICKS))
    if (ticks <= 0).any():
        raise NumberRejected("expected prices above 0")
    return ticks


def lots_of(step: Step, sizes: Floats) -> Ints:
    """Return whole lots; a large size may stray as far from the grid as a double of it must."""
    lots = _steps(step, sizes, OFF_GRID_TICKS + np.abs(sizes) / float(step) * ROUNDING)
    if (lots < 0).any():
        raise NumberRejected("expected sizes of 0 or more")
    return lots


def _steps(step: Step, values: Floats, allowed: Floats) -> Ints:
    steps = values * 10.0**step.decimals / step.numerator
    if not (np.abs(steps) < 2.0**53).all():  # also false for NaN
        raise NumberRejected(f"expected finite numbers of at most 2^53 steps of {step}")
    whole = np.rint(steps)
    off = np.abs(steps - whole) > allowed
    if off.any():
        raise OffGrid(f"expected multiples of {step}, got {values[off][0]!r}")
    return whole.astype(np.int64)


def summed(ticks: Ints, lots: Ints) -> tuple[Ints, Ints]:
    """Return one level a price: some venues' books hold one row an order."""
    prices, place = np.unique(ticks, return_inverse=True)
    if len(prices) == len(ticks):
        return ticks, lots
    sums = np.zeros(len(prices), dtype=np.int64)
    np.add.at(sums, place, lots)
    return prices, sums


Levels = Mapping[float, float]  # price -> size


def disagreements(before: Levels, after: Levels, fetched: Levels) -> frozenset[tuple[float, float]] | None:
    """Return the levels (price, size) of one side that a fetched book contradicts.

    before, after: the same side of the kept book around the fetch.  Only what stood still between them can
    be judged: such a level must be in ``fetched``, and a level fetched at a price that the kept book
    held nothing at, before and after, is missing there.  None: the two books do not speak of the same
    thing (other units, grouped prices, far apart in time), so nothing follows.
    """
    if not before or not after or not fetched:
        return None
    low, high = min(fetched), max(fetched)
    still = {(price, size) for price, size in before.items() if after.get(price) == size}
    judged = {row for row in still if low <= row[0] <= high}
    held_low, held_high = max(min(before), min(after)), min(max(before), max(after))
    missing = {
        (price, size)
        for price, size in fetched.items()
        if held_low <= price <= held_high and price not in before and price not in after
    }
    wrong = {row for row in judged if fetched.get(row[0]) != row[1]}
    if not judged or 2 * len(wrong) > len(judged):
        return None
    return frozenset(wrong | missing)
