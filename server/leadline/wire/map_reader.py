"""The map as a phone holds it, in Python: the picture of a keyframe with its later columns put in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.wire.map_frames import Codes, plane_of
from leadline.wire.reader import MapColumn, MapKeyframe
from leadline.wire.varint import FrameError

_FACTS = ("book", "top_usd", "oi_usd", "flags", "age", "clusters", "progress", "part", "standing")


class MapReader:
    """long, short [columns, rows] band codes; candles [columns, 4] (NaN: none); facts: the other keys."""

    def __init__(self, keyframe: MapKeyframe) -> None:
        """Read a keyframe; raises FrameError when its arrays are not what it says."""
        key: dict[str, Any] = keyframe.key
        self.stream = keyframe.stream
        self.columns, self.rows = int(key["columns"]), int(key["rows"])
        self.first_min, self.step_min = int(key["first_min"]), int(key["step_min"])
        self.long = plane_of(key["long"], self.columns, self.rows)
        self.short = plane_of(key["short"], self.columns, self.rows)
        if len(key["candles"]) != self.columns * 16:
            raise FrameError(f"expected candles of {self.columns} columns, got {len(key['candles'])} bytes")
        candles = np.frombuffer(key["candles"], dtype="<f4").reshape(self.columns, 4)
        self.candles: NDArray[np.float32] = candles.astype(np.float32)
        arrays = ("long", "short", "candles", "columns", "rows", "first_min", "step_min")
        self.facts = {name: value for name, value in key.items() if name not in arrays}

    def apply(self, message: MapColumn) -> None:
        """Put a column in its place; raises FrameError for one before the range or of another height.

        Columns that the range then no longer holds fall out at its beginning; those that were skipped
        stay empty.
        """
        column: dict[str, Any] = message.column
        away = int(column["minute"]) - self.first_min
        if away < 0 or away % self.step_min or message.stream != self.stream:
            raise FrameError(f"expected a column of this range, got minute {column['minute']}")
        if not len(column["long"]) == len(column["short"]) == self.rows:
            raise FrameError(f"expected {self.rows} rows, got {len(column['long'])}")
        at = away // self.step_min
        if at >= self.columns:
            beyond = at - self.columns + 1
            self.long, self.short = _moved(self.long, beyond), _moved(self.short, beyond)
            kept = self.candles[beyond:]
            fresh = np.full((self.columns - len(kept), 4), np.nan, dtype=np.float32)
            self.candles = np.concatenate([kept, fresh])
            self.first_min += beyond * self.step_min
            at = self.columns - 1
        self.long[at] = np.frombuffer(column["long"], dtype=np.uint8)
        self.short[at] = np.frombuffer(column["short"], dtype=np.uint8)
        self.candles[at] = np.nan if column["candle"] is None else column["candle"]
        self.facts |= {name: column[name] for name in _FACTS if name in column}
        self.facts["t"] = column["t"]


def _moved(plane: Codes, columns: int) -> Codes:
    kept = plane[columns:]
    fresh = np.zeros((len(plane) - len(kept), plane.shape[1]), dtype=np.uint8)
    return np.concatenate([kept, fresh])
