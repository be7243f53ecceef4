"""The frames of the map (types 30 and 31): see shared/wire/README.md."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgpack
import numpy as np
from numpy.typing import NDArray

from leadline.wire.varint import FrameError

MAP_KEYFRAME, MAP_COLUMN = 30, 31

Codes = NDArray[np.uint8]
PLANE_BYTES_MAX = 1024 * 1024
_RAW_DEFLATE = -15


def map_keyframe(
    stream: int, long: Codes, short: Codes, candles: NDArray[np.float64], facts: Mapping[str, object]
) -> bytes:
    """Encode the whole range: planes [C, R] of band codes, candles [C, 4], and the other keys by name."""
    columns, rows = long.shape
    key = {
        **facts,
        "columns": columns,
        "rows": rows,
        "long": packed_plane(long),
        "short": packed_plane(short),
        "candles": candles.astype("<f4").tobytes(),
    }
    packed: bytes = msgpack.packb((MAP_KEYFRAME, stream, key))
    return packed


def map_column(
    stream: int, long: Codes, short: Codes, candle: NDArray[np.float64], facts: Mapping[str, object]
) -> bytes:
    """Encode one column: codes [R], the candle [4] (NaN: none), and the other keys by name."""
    # A price has the figures that it has in the keyframe.
    told = None if np.isnan(candle).any() else candle.astype("<f4").tolist()
    column = {**facts, "long": long.tobytes(), "short": short.tobytes(), "candle": told}
    packed: bytes = msgpack.packb((MAP_COLUMN, stream, column))
    return packed


def packed_plane(codes: Codes) -> bytes:
    """Return band codes [C, R] as differences from the column before, raw-deflated."""
    steps = codes.copy()
    steps[1:] -= codes[:-1]
    # Run lengths alone: as small as the search for matches makes it, in a fiftieth of the time.
    made = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE, 9, zlib.Z_RLE)
    return made.compress(steps.tobytes()) + made.flush()


def plane_of(raw: bytes, columns: int, rows: int) -> Codes:
    """Return the band codes [C, R] of a packed plane; raises FrameError for one of another size."""
    size = columns * rows
    if not 0 <= size <= PLANE_BYTES_MAX:
        raise FrameError(f"expected at most {PLANE_BYTES_MAX} cells, got {columns} x {rows}")
    reading = zlib.decompressobj(_RAW_DEFLATE)
    try:
        steps = reading.decompress(raw, size + 1)
    except zlib.error as error:
        raise FrameError("expected a raw-deflated plane") from error
    if len(steps) != size or not reading.eof:
        raise FrameError(f"expected {size} cells, got another number")
    return np.cumsum(np.frombuffer(steps, dtype=np.uint8).reshape(columns, rows), axis=0, dtype=np.uint8)
