"""The part of a book's proof that compiled code reads and writes: one block of int64, its cells.

Python sees the cells as ordinary attributes (Cell, Flag); the kernels of scan.py know the block by its
address.  Nothing here imports numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.units import Step

RECENT_IDS_MAX = 256

(
    INDEX,  # which book of the adapter this is
    BIDS, ASKS,  # addresses of the compiled sides, 0 before there are any
    STATE, UPDATE_ID, AT_MS, RECEIVED_MS, USUAL_GAP_MS, ORDER,  # USUAL_GAP_MS holds a float64
    ANCHORED, LINKED, RECORDING, SILENT, TRIES,
    RECENT_COUNT,
    TAKEN,  # deltas a kernel applied since the book's counters were last read
) = range(16)  # fmt: skip

# What a kernel returns: the INDEX of a book that took a message, and all is said; else the inverse (~) of
# one of these in the low bits and that INDEX above them.  UNKNOWN, NOT_NEXT (its id does not follow),
# NO_ROOM: nothing has changed.  SETTLE: the levels are in the book, and its window has to move or its
# sides cross.
UNKNOWN, NOT_NEXT, NO_ROOM, SETTLE, TRADES, QUOTED = range(6)
KIND, KIND_BITS = 7, 3
UNNUMBERED = -1  # in place of the number of a trade that has none

# How a decimal of f digits after the point counts in steps, f from 0 to FRACTION_MAX: value * MUL / DIV
# without the point, where value is at most MOST; RATIO holds MUL / DIV as a float64.  PLAIN: the f of which
# eight digits are the steps as they stand, -1 for none.
FRACTION_MAX = 15
SCALE = FRACTION_MAX + 1
MUL, DIV, MOST, RATIO, PLAIN = (part * SCALE for part in range(5))
TICK = 16
LOT = TICK + PLAIN + 1
RECENT = LOT + PLAIN + 1  # pairs of (previous id, id)
SYNC_CELLS = RECENT + 2 * RECENT_IDS_MAX

# Below these bounds float64 products round to the right integer and int64 products do not overflow.
_STEPS_EXACT = 2**50
_VALUE_EXACT = 2**53 - 1
_PRODUCT_MAX = 2**62


class SyncCells:
    """A block of cells.  ints, floats: the same memory as int64 and as float64."""

    __slots__ = ("address", "floats", "ints", "memory")

    def __init__(self) -> None:
        self.memory: NDArray[np.int64] = np.zeros(SYNC_CELLS, dtype=np.int64)
        self.address = int(self.memory.ctypes.data)
        self.ints = memoryview(self.memory.data)
        self.floats: Any = memoryview(self.memory.view(np.float64).data)

    def set_scale(self, at: int, step: Step) -> None:
        """Write how decimals count in this step; at: TICK or LOT."""
        self.ints[at + PLAIN] = step.decimals if step.numerator == 1 else -1
        for fraction in range(SCALE):
            mul = 10 ** max(0, step.decimals - fraction)
            div = step.numerator * 10 ** max(0, fraction - step.decimals)
            usable = mul < _PRODUCT_MAX and div < _PRODUCT_MAX
            most = min(_VALUE_EXACT, _PRODUCT_MAX // mul, _STEPS_EXACT * div // mul) if usable else -1
            self.ints[at + MUL + fraction] = mul if usable else 1
            self.ints[at + DIV + fraction] = div if usable else 1
            self.ints[at + MOST + fraction] = most
            self.floats[at + RATIO + fraction] = mul / div


class HasCells:
    """What Cell and Flag are attributes of."""

    cells: SyncCells


class Cell:
    """An integer attribute kept in a cell."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __get__(self, owner: HasCells, _: type | None = None) -> int:
        value: int = owner.cells.ints[self._at]
        return value

    def __set__(self, owner: HasCells, value: int) -> None:
        owner.cells.ints[self._at] = value


class Flag:
    """A truth kept in a cell."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __get__(self, owner: HasCells, _: type | None = None) -> bool:
        return owner.cells.ints[self._at] != 0

    def __set__(self, owner: HasCells, value: bool) -> None:
        owner.cells.ints[self._at] = value
