"""A side of a book that compiled code can change: a window of ticks around the touch, the rest sorted.

A side counts in *keys*, which rise outwards from the touch (minus the tick for bids, the tick for
asks), so both sides run the same code.  Levels whose key lies in the window are a bit and a size in a
ring indexed by the key: setting one costs no search.  Levels beyond it are two sorted arrays that grow
as needed, so no level is ever lost.  The window follows the touch: it is laid anew when the best level
comes near its edge, and so between two calls no level is better than the window.

A side is one block of int64, its *cells*, known to other kernels by its address.
"""

from __future__ import annotations

from mmap import mmap
from typing import Any

import numpy as np
from numba import types

from leadline.domain.book import TOP, Ints
from leadline.domain.raw_memory import address_of, bits_set, cell, compiled, inlined, lowest_bit, set_cell

WINDOW = 1 << 16  # keys
SLOTS = WINDOW - 1
INWARD = WINDOW // 4  # keys of the window kept free inside of the best level
INWARD_MIN = WINDOW // 16
INWARD_MAX = WINDOW // 2
NONE = 1 << 62  # the best key of an empty side
FAR_ROOM_MIN = 512

# The cells of a side.  The far arrays hold room for FAR_ROOM levels at two addresses.
SIGN, BASE, BEST, FAR_COUNT, FAR_ROOM, FAR_KEYS, FAR_LOTS, TOP_COUNT = range(8)
TOP_TICKS = 8
TOP_LOTS = TOP_TICKS + TOP
BITS = 64
LOTS = BITS + WINDOW // 64
SIDE_CELLS = LOTS + WINDOW

_ARRAY = types.int64[::1]
INT: Any = np.int64
U: Any = np.uint64


@inlined
def _next_key(side: int, key: int) -> int:
    """Return the first key of the window at or beyond ``key`` that has a level, NONE without one."""
    end = cell(side, BASE) + WINDOW
    while key < end:
        slot = key & SLOTS
        ahead = U(cell(side, BITS + (slot >> 6))) >> U(slot & 63)
        if ahead != U(0):
            return key + lowest_bit(ahead)
        key += 64 - (slot & 63)
    return NONE


@compiled(types.void(types.int64, types.int64, types.int64))
def _set_far(side: int, key: int, lots: int) -> None:
    """Set a level outside the window; there is room for one more."""
    count = cell(side, FAR_COUNT)
    far_keys, far_lots = cell(side, FAR_KEYS), cell(side, FAR_LOTS)
    at, beyond = INT(0), count
    while at < beyond:
        middle = (at + beyond) >> 1
        if cell(far_keys, middle) < key:
            at = middle + 1
        else:
            beyond = middle
    held = at < count and cell(far_keys, at) == key
    if lots > 0:
        if not held:
            for i in range(count, at, -1):
                set_cell(far_keys, i, cell(far_keys, i - 1))
                set_cell(far_lots, i, cell(far_lots, i - 1))
            set_cell(far_keys, at, key)
            set_cell(side, FAR_COUNT, count + 1)
        set_cell(far_lots, at, lots)
    elif held:
        for i in range(at, count - 1):
            set_cell(far_keys, i, cell(far_keys, i + 1))
            set_cell(far_lots, i, cell(far_lots, i + 1))
        set_cell(side, FAR_COUNT, count - 1)


@inlined
def set_levels(side: int, ticks: int, lots: int, count: int) -> bool:
    """Set ``count`` levels in turn to their lots (0 removes); there is far room for as many more.

    True: the best level or the top may have changed and is to be settled.
    """
    sign, base, best = cell(side, SIGN), cell(side, BASE), cell(side, BEST)
    nearest = NONE
    for i in range(count):
        key, size = sign * cell(ticks, i), cell(lots, i)
        nearest = min(nearest, key)
        if U(key - base) < U(WINDOW):
            slot = key & SLOTS
            at, bit = BITS + (slot >> 6), INT(1) << (slot & 63)
            set_cell(side, at, cell(side, at) | bit if size > 0 else cell(side, at) & ~bit)
            set_cell(side, LOTS + slot, size)
            best = min(best, key if size > 0 else NONE)
        else:
            _set_far(side, key, size)
    set_cell(side, BEST, best)
    return bool(cell(side, TOP_COUNT) < TOP) | bool(nearest <= sign * cell(side, TOP_TICKS + TOP - 1))


@inlined
def settle(side: int) -> bool:
    """Find the best level and copy the top out.  False: the window has to move before it is read."""
    best = _next_key(side, cell(side, BEST))
    far = cell(side, FAR_COUNT)
    set_cell(side, BEST, best)
    if best == NONE:
        set_cell(side, TOP_COUNT, 0)
        return bool(far == 0)
    inward = best - cell(side, BASE)
    if far and cell(cell(side, FAR_KEYS), 0) < cell(side, BASE):
        return False
    sign, end = cell(side, SIGN), cell(side, BASE) + WINDOW
    count = INT(0)
    first = best & ~INT(63)
    ahead = U(cell(side, BITS + ((first & SLOTS) >> 6)))
    while True:
        while ahead != U(0) and count < TOP:
            key = first + lowest_bit(ahead)
            ahead &= ahead - U(1)
            set_cell(side, TOP_TICKS + count, sign * key)
            set_cell(side, TOP_LOTS + count, cell(side, LOTS + (key & SLOTS)))
            count += 1
        first += 64
        if count == TOP or first >= end:
            break
        ahead = U(cell(side, BITS + ((first & SLOTS) >> 6)))
    for i in range(min(TOP - count, far)):
        set_cell(side, TOP_TICKS + count, sign * cell(cell(side, FAR_KEYS), i))
        set_cell(side, TOP_LOTS + count, cell(cell(side, FAR_LOTS), i))
        count += 1
    set_cell(side, TOP_COUNT, count)
    return bool(INWARD_MIN <= inward <= INWARD_MAX)


@compiled(types.boolean(types.int64, _ARRAY, _ARRAY))
def apply(side: int, ticks: Ints, lots: Ints) -> bool:
    """Set levels and settle; return what settle does."""
    set_levels(side, address_of(ticks), address_of(lots), len(ticks))
    return settle(side)


@compiled(types.int64(types.int64))
def levels_held(side: int) -> int:
    """Return how many levels the side has, wherever they lie."""
    count = cell(side, FAR_COUNT)
    for i in range(BITS, LOTS):
        count += bits_set(U(cell(side, i)))
    return count


@compiled(types.void(types.int64, _ARRAY, _ARRAY))
def copy_levels(side: int, ticks: Ints, lots: Ints) -> None:
    """Copy the best levels, as many as the arrays hold (no more than there are); settled or not."""
    sign, base, wanted = cell(side, SIGN), cell(side, BASE), len(ticks)
    far_keys, far_lots = cell(side, FAR_KEYS), cell(side, FAR_LOTS)
    count, far = INT(0), INT(0)
    while count < wanted and far < cell(side, FAR_COUNT) and cell(far_keys, far) < base:
        ticks[count], lots[count] = sign * cell(far_keys, far), cell(far_lots, far)
        count, far = count + 1, far + 1
    key = _next_key(side, base)
    while count < wanted and key != NONE:
        ticks[count], lots[count] = sign * key, cell(side, LOTS + (key & SLOTS))
        count, key = count + 1, _next_key(side, key + 1)
    while count < wanted:
        ticks[count], lots[count] = sign * cell(far_keys, far), cell(far_lots, far)
        count, far = count + 1, far + 1


class WindowSide:
    """A side of a book in cells; ``sign`` is -1 for bids, +1 for asks.

    address: where the cells lie; they stay there as long as this object lives.
    """

    __slots__ = ("_cells", "_far", "_head", "_tops", "address")

    def __init__(self, sign: int) -> None:
        # Pages straight from the system cost nothing until they are touched, and little of the window ever
        # is; an allocator hands out used ones too, and touches each to clear it.
        self._cells: Ints = np.frombuffer(mmap(-1, SIDE_CELLS * 8), dtype=np.int64)
        self.address = int(self._cells.ctypes.data)
        self._head = memoryview(self._cells.data)[:TOP_TICKS]
        self._tops = [self._view_of_top(count) for count in range(TOP + 1)]
        self._far: Ints = np.zeros((2, 0), dtype=np.int64)
        self._head[SIGN] = sign
        self._make_room(FAR_ROOM_MIN)
        self._clear()

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
        if not apply(self.address, np.ascontiguousarray(ticks), np.ascontiguousarray(lots)):
            self._move()

    def levels(self, count: int | None) -> tuple[Ints, Ints]:
        if count is not None and 0 <= count <= TOP:
            ticks, lots = self._tops[min(count, self._head[TOP_COUNT])]
            return ticks.copy(), lots.copy()
        held = int(levels_held(self.address))
        levels: Ints = np.empty((2, held if count is None else min(held, count)), dtype=np.int64)
        copy_levels(self.address, levels[0], levels[1])
        return levels[0], levels[1]

    def top(self) -> tuple[Ints, Ints]:
        return self._tops[self._head[TOP_COUNT]]

    def _view_of_top(self, count: int) -> tuple[Ints, Ints]:
        """Return (ticks, lots) of the first ``count`` levels of the top, which kernels keep up to date."""
        ticks, lots = (self._cells[start : start + count] for start in (TOP_TICKS, TOP_LOTS))
        ticks.flags.writeable = lots.flags.writeable = False
        return ticks, lots

    def settle(self) -> None:
        """Finish what a kernel began that knows the cells alone: move the window if it has to."""
        if not apply(self.address, _NO_LEVELS, _NO_LEVELS):
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
        apply(self.address, ticks[:near], lots[:near])

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
