"""Planes of the map survive the wire, and a reader keeps what a phone must show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.wire import map_frames
from leadline.wire.map_reader import MapReader
from leadline.wire.reader import MapColumn, MapKeyframe, decode
from leadline.wire.varint import FrameError
from tests.wire.maps import COLUMNS, ROWS, STEP_MIN, STREAM, map_stream

STARTS_MS = 1_790_000_000_000


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_any_plane_reads_back_as_it_was(columns: int, rows: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (columns, rows)).astype(np.uint8)
    raw = map_frames.packed_plane(codes)
    assert np.array_equal(map_frames.plane_of(raw, columns, rows), codes)


@pytest.mark.parametrize(
    ("columns", "rows"), [(COLUMNS, ROWS + 1), (COLUMNS - 1, ROWS), (0, ROWS), (5000, 5000)]
)
def test_a_plane_of_another_size_is_refused(columns: int, rows: int) -> None:
    raw = map_frames.packed_plane(np.zeros((COLUMNS, ROWS), dtype=np.uint8))
    with pytest.raises(FrameError, match="expected"):
        map_frames.plane_of(raw, columns, rows)


def test_bytes_that_are_no_plane_are_refused() -> None:
    with pytest.raises(FrameError, match="raw-deflated"):
        map_frames.plane_of(b"\xff\xff\xff", 4, 4)


def read(raw: bytes) -> MapKeyframe | MapColumn:
    message = decode(raw)
    assert isinstance(message, MapKeyframe | MapColumn)
    return message


def test_columns_replace_follow_and_skip() -> None:
    keyframe, replaced, followed, further = (read(raw) for raw in map_stream(STARTS_MS))
    assert isinstance(keyframe, MapKeyframe)
    reader = MapReader(keyframe)
    first_min, before = reader.first_min, reader.long.copy()
    for message in (replaced, followed, further):
        assert isinstance(message, MapColumn)
        reader.apply(message)
    assert reader.first_min == first_min + 3 * STEP_MIN
    assert np.array_equal(reader.long[: COLUMNS - 4], before[3:-1]), "columns moved that should have stood"
    assert bytes(reader.long[-4]) == replaced.column["long"]
    assert bytes(reader.long[-3]) == followed.column["long"]
    assert not reader.long[-2].any(), "a minute nobody told of shows something"
    assert np.isnan(reader.candles[-2]).all()
    assert bytes(reader.short[-1]) == further.column["short"]
    assert reader.facts["progress"] == 1.0


def test_a_column_before_the_range_or_between_columns_is_refused() -> None:
    keyframe, column, *_ = (read(raw) for raw in map_stream(STARTS_MS))
    assert isinstance(keyframe, MapKeyframe)
    reader = MapReader(keyframe)
    for minute in (reader.first_min - STEP_MIN, reader.first_min + 1):
        assert isinstance(column, MapColumn)
        with pytest.raises(FrameError, match="column of this range"):
            reader.apply(MapColumn(STREAM, {**column.column, "minute": minute}))
