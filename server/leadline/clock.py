"""The two clocks: wall time orders events between machines, monotonic time measures age.

Domain code and parsers never call these; the shells read them and pass the values in.
"""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds on a clock that never steps; only differences mean anything."""
    return time.monotonic_ns() // 1_000_000
