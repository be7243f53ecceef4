"""Rows of bytes in little memory: those written last lie open, the others packed.

A map's columns differ little from one to the next, so a block of them packs to a few percent.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]

BLOCK_ROWS = 48
OPEN_BLOCKS = 2
LEVEL = 1


class Planes:
    """``rows`` rows of ``width`` bytes, all 0 at first; written one by one, read many at a time."""

    __slots__ = ("_open", "_packed", "_width")

    def __init__(self, rows: int, width: int) -> None:
        self._width = width
        self._packed: list[bytes | None] = [None] * (-(-rows // BLOCK_ROWS))
        self._open: dict[int, Codes] = {}  # the block written last is the last

    def __setitem__(self, at: int, row: Codes) -> None:
        """Write a row [width]."""
        number = at // BLOCK_ROWS
        block = self._open.pop(number, None)
        if block is None:
            block = self._unpacked(number)
        self._open[number] = block
        block[at % BLOCK_ROWS] = row
        while len(self._open) > OPEN_BLOCKS:
            oldest = next(iter(self._open))
            self._packed[oldest] = _pack(self._open.pop(oldest))

    def __getitem__(self, at: NDArray[np.int64]) -> Codes:
        """Return copies of rows [n, width]."""
        found: Codes = np.empty((len(at), self._width), dtype=np.uint8)
        numbers = at // BLOCK_ROWS
        for number in np.unique(numbers).tolist():
            chosen = numbers == number
            block = self._open.get(number)
            if block is None:
                block = self._unpacked(number)
            found[chosen] = block[at[chosen] % BLOCK_ROWS]
        return found

    @property
    def nbytes(self) -> int:
        """What the rows take up."""
        opened = sum(block.nbytes for block in self._open.values())
        return opened + sum(len(packed) for packed in self._packed if packed is not None)

    def _unpacked(self, number: int) -> Codes:
        packed = self._packed[number]
        if packed is None:
            return np.zeros((BLOCK_ROWS, self._width), dtype=np.uint8)
        steps = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(BLOCK_ROWS, self._width)
        block: Codes = np.bitwise_xor.accumulate(steps, axis=0)
        return block


def _pack(block: Codes) -> bytes:
    """Pack what each row differs by from the row before it."""
    steps = block.copy()
    steps[1:] ^= block[:-1]
    return zlib.compress(steps.tobytes(), LEVEL)
