"""The frames of the pulse (types 50 and 51): see shared/wire/README.md."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack
import numpy as np

from leadline.domain.pulse import PULSE_FIELDS, PulseColumns

PULSE_KEYFRAME, PULSE_COLUMN = 50, 51


def pulse_keyframe(stream: int, t_ms: int, columns: PulseColumns) -> bytes:
    """Encode the whole range: a bin of little-endian float32 a field, one value a column."""
    key = {
        "t": t_ms,
        "step_min": columns.step_min,
        "first_min": columns.first_min,
        "columns": columns.count,
        **{name: columns.field(name).astype("<f4").tobytes() for name in PULSE_FIELDS},
        **{f"{name}_venues": list(names) for name, names in columns.venues.items()},
    }
    packed: bytes = msgpack.packb((PULSE_KEYFRAME, stream, key))
    return packed


def pulse_column(stream: int, t_ms: int, minute: int, values: Mapping[str, float]) -> bytes:
    """Encode one column; a value that is not known (NaN) is nil, the others have 32-bit precision."""
    told = {name: None if np.isnan(values[name]) else values[name] for name in PULSE_FIELDS}
    packer = msgpack.Packer(use_single_float=True)
    packed: bytes = packer.pack((PULSE_COLUMN, stream, {"t": t_ms, "minute": minute, **told}))
    return packed
