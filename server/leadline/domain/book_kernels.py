"""A side of a book that compiled code can change: a window of ticks around the touch, the rest sorted.

A side counts in *keys*, which rise outwards from the touch (minus the tick for bids, the tick for
asks), so both sides run the same code.  Levels whose key lies in the window are a bit and a size in a
ring indexed by the key: setting one costs no search.  Levels beyond it are two sorted arrays that grow
as needed, so no level is ever lost.  The window follows the touch: it is laid anew when the best level
comes near its edge, and so between two calls no level is better than the window.

A side is one block of int64, its *cells*, known to other kernels by its address.
"""

from __future__ import annotations

import numpy as np
from numba import types

from leadline.domain.book import Ints
from leadline.domain.raw_memory import bits_set, compiled, inlined, ints_at, lowest_bit

WINDOW = 1 << 16  # keys
SLOTS = WINDOW - 1
INWARD = WINDOW // 4  # keys of the window kept free inside of the best level
INWARD_MIN = WINDOW // 16
INWARD_MAX = WINDOW // 2
TOP = 20  # best levels copied out after every change
NONE = 1 << 62  # the best key of an empty side
FAR_ROOM_MIN = 512

# The cells of a side.  The far arrays hold room for FAR_ROOM levels at two addresses.
SIGN, BASE, BEST, FAR_COUNT, FAR_ROOM, FAR_KEYS, FAR_LOTS, TOP_COUNT = range(8)
TOP_TICKS = 8
TOP_LOTS = TOP_TICKS + TOP
BITS = 64
LOTS = BITS + WINDOW // 64
SIDE_CELLS = LOTS + WINDOW

_SIDE = types.int64[::1]


@inlined
def _next_key(side: Ints, key: int) -> int:
    """Return the first key of the window at or beyond ``key`` that has a level, NONE without one."""
    end = side[BASE] + WINDOW
    while key < end:
        slot = key & SLOTS
        ahead = np.uint64(side[BITS + (slot >> 6)]) >> np.uint64(slot & 63)
        if ahead != np.uint64(0):
            return key + lowest_bit(ahead)
        key += 64 - (slot & 63)
    return NONE


@compiled(types.void(_SIDE, types.int64, types.int64))
def _set_far(side: Ints, key: int, lots: int) -> None:
    """Set a level outside the window; there is room for one more."""
    count = side[FAR_COUNT]
    far_keys, far_lots = ints_at(side[FAR_KEYS], side[FAR_ROOM]), ints_at(side[FAR_LOTS], side[FAR_ROOM])
    at, beyond = np.int64(0), count
    while at < beyond:
        middle = (at + beyond) >> 1
        if far_keys[middle] < key:
            at = middle + 1
        else:
            beyond = middle
    held = at < count and far_keys[at] == key
    if lots > 0:
        if not held:
            for i in range(count, at, -1):
                far_keys[i], far_lots[i] = far_keys[i - 1], far_lots[i - 1]
            far_keys[at] = key
            side[FAR_COUNT] = count + 1
        far_lots[at] = lots
    elif held:
        for i in range(at, count - 1):
            far_keys[i], far_lots[i] = far_keys[i + 1], far_lots[i + 1]
        side[FAR_COUNT] = count - 1


@inlined
def set_levels(side: Ints, ticks: Ints, lots: Ints, count: int) -> None:
    """Set ``count`` levels in turn to their lots (0 removes); there is far room for as many more.

    The best level and the top are to be settled afterwards.
    """
    sign, base, best = side[SIGN], side[BASE], side[BEST]
    for i in range(count):
        key, size = sign * ticks[i], lots[i]
        if np.uint64(key - base) < np.uint64(WINDOW):
            slot = key & SLOTS
            at, bit = BITS + (slot >> 6), np.int64(1) << (slot & 63)
            side[at] = side[at] | bit if size > 0 else side[at] & ~bit
            side[LOTS + slot] = size
            best = min(best, key if size > 0 else NONE)
        else:
            _set_far(side, key, size)
    side[BEST] = best


@inlined
def settle(side: Ints) -> bool:
    """Find the best level and copy the top out.  False: the window has to move before it is read."""
    best = _next_key(side, side[BEST])
    far = side[FAR_COUNT]
    side[BEST] = best
    if best == NONE:
        side[TOP_COUNT] = 0
        return bool(far == 0)
    inward = best - side[BASE]
    if far and ints_at(side[FAR_KEYS], far)[0] < side[BASE]:
        return False
    sign, end = side[SIGN], side[BASE] + WINDOW
    count = np.int64(0)
    first = best & ~np.int64(63)
    ahead = np.uint64(side[BITS + ((first & SLOTS) >> 6)])
    while True:
        while ahead != np.uint64(0) and count < TOP:
            key = first + lowest_bit(ahead)
            ahead &= ahead - np.uint64(1)
            side[TOP_TICKS + count] = sign * key
            side[TOP_LOTS + count] = side[LOTS + (key & SLOTS)]
            count += 1
        first += 64
        if count == TOP or first >= end:
            break
        ahead = np.uint64(side[BITS + ((first & SLOTS) >> 6)])
    for i in range(min(TOP - count, far)):
        side[TOP_TICKS + count] = sign * ints_at(side[FAR_KEYS], far)[i]
        side[TOP_LOTS + count] = ints_at(side[FAR_LOTS], far)[i]
        count += 1
    side[TOP_COUNT] = count
    return bool(INWARD_MIN <= inward <= INWARD_MAX)


@compiled(types.boolean(_SIDE, types.int64[::1], types.int64[::1]))
def apply(side: Ints, ticks: Ints, lots: Ints) -> bool:
    """Set levels and settle; return what settle does."""
    set_levels(side, ticks, lots, len(ticks))
    return settle(side)


@compiled(types.int64(_SIDE))
def levels_held(side: Ints) -> int:
    """Return how many levels the side has, wherever they lie."""
    count = side[FAR_COUNT]
    for i in range(BITS, LOTS):
        count += bits_set(np.uint64(side[i]))
    return count


@compiled(types.void(_SIDE, types.int64[::1], types.int64[::1]))
def copy_levels(side: Ints, ticks: Ints, lots: Ints) -> None:
    """Copy the best levels, as many as the arrays hold (no more than there are); settled or not."""
    sign, base, wanted = side[SIGN], side[BASE], len(ticks)
    far_keys, far_lots = ints_at(side[FAR_KEYS], side[FAR_ROOM]), ints_at(side[FAR_LOTS], side[FAR_ROOM])
    count, far = np.int64(0), np.int64(0)
    while count < wanted and far < side[FAR_COUNT] and far_keys[far] < base:
        ticks[count], lots[count] = sign * far_keys[far], far_lots[far]
        count, far = count + 1, far + 1
    key = _next_key(side, base)
    while count < wanted and key != NONE:
        ticks[count], lots[count] = sign * key, side[LOTS + (key & SLOTS)]
        count += 1
        key = _next_key(side, key + 1)
    while count < wanted:
        ticks[count], lots[count] = sign * far_keys[far], far_lots[far]
        count, far = count + 1, far + 1


class WindowSide:
    """A side of a book in cells; ``sign`` is -1 for bids, +1 for asks."""

    __slots__ = ("_cells", "_far", "_head")

    def __init__(self, sign: int) -> None:
        # Fresh zeroed memory costs nothing until it is touched, and little of the window ever is.
        self._cells: Ints = np.zeros(SIDE_CELLS, dtype=np.int64)
        self._head = memoryview(self._cells)[:TOP_TICKS]
        self._far: Ints = np.zeros((2, 0), dtype=np.int64)
        self._head[SIGN] = sign
        self._make_room(FAR_ROOM_MIN)
        self._clear()

    @property
    def address(self) -> int:
        """Where the cells lie; they stay there as long as this object lives."""
        return int(self._cells.ctypes.data)

    @property
    def best(self) -> int | None:
        key: int = self._head[BEST]
        return None if key == NONE else key * self._head[SIGN]

    def replace(self, ticks: Ints, lots: Ints) -> None:
        self._clear()
        levels = ticks[lots > 0]
        if len(levels):
            self._aim(int((levels * self._head[SIGN]).min()))
        self.apply(ticks, lots)

    def apply(self, ticks: Ints, lots: Ints) -> None:
        self._make_room(len(ticks))
        if not apply(self._cells, np.ascontiguousarray(ticks), np.ascontiguousarray(lots)):
            self._move()

    def levels(self, count: int | None) -> tuple[Ints, Ints]:
        if count is not None and 0 <= count <= TOP:
            count = min(count, self._head[TOP_COUNT])
            ticks, lots = self._cells[TOP_TICKS : TOP_TICKS + count], self._cells[TOP_LOTS : TOP_LOTS + count]
            return ticks.copy(), lots.copy()
        held = int(levels_held(self._cells))
        levels: Ints = np.empty((2, held if count is None else min(held, count)), dtype=np.int64)
        copy_levels(self._cells, levels[0], levels[1])
        return levels[0], levels[1]

    def settle(self) -> None:
        """Finish what a kernel began that knows the cells alone: move the window if it has to."""
        if not apply(self._cells, _NO_LEVELS, _NO_LEVELS):
            self._move()

    def _clear(self) -> None:
        self._cells[BITS:LOTS] = 0
        self._head[FAR_COUNT] = 0
        self._head[TOP_COUNT] = 0
        self._head[BEST] = NONE

    def _aim(self, best: int) -> None:
        """Place the window of an empty side for this best key."""
        self._head[BASE] = (best - INWARD) & ~63

    def _move(self) -> None:
        """Lay the window around the best level; afterwards the side is settled."""
        ticks, lots = self.levels(None)
        keys = ticks * self._head[SIGN]
        self._clear()
        self._aim(int(keys[0]))
        near = int(np.searchsorted(keys, self._head[BASE] + WINDOW))
        far = len(keys) - near
        self._make_room(far)
        self._far[:, :far] = keys[near:], lots[near:]
        self._head[FAR_COUNT] = far
        apply(self._cells, ticks[:near], lots[:near])

    def _make_room(self, more: int) -> None:
        """See to it that ``more`` levels can come to lie outside the window."""
        held = self._head[FAR_COUNT]
        if self._far.shape[1] >= held + more:
            return
        far: Ints = np.zeros((2, 2 * (held + more)), dtype=np.int64)
        far[:, :held] = self._far[:, :held]
        self._far = far
        self._head[FAR_ROOM] = far.shape[1]
        self._head[FAR_KEYS], self._head[FAR_LOTS] = far[0].ctypes.data, far[1].ctypes.data


_NO_LEVELS: Ints = np.zeros(0, dtype=np.int64)
