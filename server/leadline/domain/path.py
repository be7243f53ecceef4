"""Where price moves more easily: forced flow ahead against what the order book holds."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.domain import estimator_constants as constants
from leadline.domain.heat import Heat
from leadline.domain.kernels import F8

STEP = constants.LOG_STEP
BINS = constants.PATH_BINS


@dataclass(frozen=True, slots=True)
class Depth:
    """Dollars resting in bins of LOG_STEP outwards from the mid: up and down [PATH_BINS].

    covered_up, covered_down: bins the book is known for; beyond them nothing is.
    """

    mid: float
    up_usd: F8
    down_usd: F8
    covered_up: int
    covered_down: int

    @classmethod
    def of(
        cls,
        mid: float,
        bid_prices: NDArray[np.float64],
        bid_usd: F8,
        ask_prices: NDArray[np.float64],
        ask_usd: F8,
    ) -> Depth:
        """Bin the levels of both sides, best first; levels beyond the mid count in the first bin."""
        up, covered_up = _binned(np.log(ask_prices / mid), ask_usd)
        down, covered_down = _binned(-np.log(bid_prices / mid), bid_usd)
        return cls(mid, up, down, covered_up, covered_down)


class Standing:
    """Depth that has stood for a while: what is pulled goes at once, what comes counts slowly.

    A mean over about MEMORY_S seconds of each bin, or what is there now where that is less.
    """

    MEMORY_S = 30.0

    __slots__ = ("_at_ms", "_held", "_mid_bin")

    def __init__(self) -> None:
        self._held: F8 | None = None
        self._mid_bin = 0
        self._at_ms = 0

    def update(self, depth: Depth, at_ms: int) -> Depth:
        """Return the depth by its persistence.  Bins follow the price, not the mid: a wall stays one."""
        now = np.concatenate([depth.down_usd[::-1], depth.up_usd])
        mid_bin = floor(log(depth.mid) / STEP)
        if self._held is None:
            self._held = now
        else:
            shift = mid_bin - self._mid_bin
            before = now.copy()
            count = len(now) - abs(shift)
            if count > 0:
                to, at = max(-shift, 0), max(shift, 0)
                before[to : to + count] = self._held[at : at + count]
            kept = np.exp(-max(at_ms - self._at_ms, 0) / 1000 / self.MEMORY_S)
            self._held = kept * before + (1 - kept) * now
        self._mid_bin, self._at_ms = mid_bin, at_ms
        standing = np.minimum(self._held, now)
        return Depth(depth.mid, standing[BINS:], standing[:BINS][::-1], depth.covered_up, depth.covered_down)


@dataclass(frozen=True, slots=True)
class ChainPoint:
    """The nearest place beyond which forced flow outweighs the book: price, and the way there in bp.

    The price is that of a border of the map's bins, so that it stays as the mid moves within one.
    """

    price: float
    distance_bp: float


@dataclass(frozen=True, slots=True)
class Path:
    """resistance: ln(work up / work down).  easier: the side with less, None when they hardly differ.

    reach_bp: how far was looked.  chain_up, chain_down: None when there is none within the known book.
    """

    resistance: float
    easier: Literal["up", "down"] | None
    reach_bp: float
    chain_up: ChainPoint | None
    chain_down: ChainPoint | None


def path_of(heat: Heat, depth: Depth, range_log: float) -> Path | None:
    """Compare both ways over ``range_log`` (one average true range), as far as both books are known.

    Net cost at y is resting dollars up to y less forced flow up to y (shorts above, longs below); the work
    of a way is its highest net cost.  None when less than PATH_LOG_MIN of the book is known.
    """
    reach = min(round(range_log / STEP), depth.covered_up, depth.covered_down, BINS)
    if reach * STEP < constants.PATH_LOG_MIN:
        return None
    fuel_up, fuel_down = _fuel(heat, depth.mid)
    up = _work(depth.up_usd[:reach], fuel_up[:reach])
    down = _work(depth.down_usd[:reach], fuel_down[:reach])
    resistance = log(up / down)
    easier: Literal["up", "down"] | None = None
    if abs(resistance) >= constants.PATH_RESISTANCE_MIN:
        easier = "up" if resistance < 0 else "down"
    chain_up = _chain(depth.up_usd[: depth.covered_up], fuel_up, depth.mid, 1)
    chain_down = _chain(depth.down_usd[: depth.covered_down], fuel_down, depth.mid, -1)
    return Path(resistance, easier, reach * STEP * 1e4, chain_up, chain_down)


def _binned(away: F8, usd: F8) -> tuple[F8, int]:
    place = np.maximum(np.floor(away / STEP), 0.0).astype(np.int64)
    inside = place < BINS
    covered = min(int(place.max()), BINS) if len(place) else 0
    binned: F8 = np.bincount(place[inside], usd[inside], BINS)[:BINS].astype(np.float64)
    return binned, covered


def _fuel(heat: Heat, mid: float) -> tuple[F8, F8]:
    """Return forced flow in bins outwards from the mid: up, down [PATH_BINS]."""
    position = log(mid) / STEP
    at = np.arange(BINS + 1)
    long_held = np.concatenate(([0.0], np.cumsum(heat.long_usd)))
    short_held = np.concatenate(([0.0], np.cumsum(heat.short_usd)))
    index = np.arange(len(long_held))
    up = np.diff(np.interp(position + at - heat.origin, index, short_held))
    down = -np.diff(np.interp(position - at - heat.origin, index, long_held))
    return up, down


def _work(resting: F8, fuel: F8) -> float:
    # The first dollar always has to be paid: a ratio of works needs both above 0.
    return max(float(np.max(np.cumsum(resting - fuel))), 1.0)


def _chain(resting: F8, fuel: F8, mid: float, sign: int) -> ChainPoint | None:
    """Return where fuel outweighs the book over CHAIN_LOG in one go."""
    width = round(constants.CHAIN_LOG / STEP)
    if len(resting) < width:
        return None
    over = fuel[: len(resting)] > resting
    runs = np.convolve(over.astype(np.int64), np.ones(width, dtype=np.int64), "valid") == width
    if not runs.any():
        return None
    first = int(np.argmax(runs))
    border = floor(log(mid) / STEP) + sign * first
    return ChainPoint(float(np.exp(border * STEP)), first * STEP * 1e4)
