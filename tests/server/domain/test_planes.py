"""Packed rows are the rows that were written."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.planes import BLOCK_ROWS, Planes

ROWS, WIDTH = 5 * BLOCK_ROWS + 3, 7
WRITES = st.lists(st.tuples(st.integers(0, ROWS - 1), st.binary(min_size=WIDTH, max_size=WIDTH)), max_size=80)


@given(WRITES, st.lists(st.integers(0, ROWS - 1), max_size=30))
def test_rows_read_back_are_those_written_last(writes: list[tuple[int, bytes]], wanted: list[int]) -> None:
    planes, plain = Planes(ROWS, WIDTH), np.zeros((ROWS, WIDTH), dtype=np.uint8)
    for at, row in writes:
        planes[at] = plain[at] = np.frombuffer(row, dtype=np.uint8)
    index = np.array(wanted, dtype=np.int64)
    assert np.array_equal(planes[index], plain[index])
    assert np.array_equal(planes[np.arange(ROWS)], plain)


def test_columns_that_change_little_take_little() -> None:
    planes, random = Planes(2_016, 640), np.random.default_rng(1)
    row = random.integers(0, 255, 640).astype(np.uint8)
    for at in range(2_016):
        row = row.copy()
        row[random.integers(0, 640, 12)] += 1
        planes[at] = row
    assert planes.nbytes < 2_016 * 640 / 7
