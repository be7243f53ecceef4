"""The two clocks: wall time orders events between machines, monotonic time measures age.

Domain code and parsers never read a clock; the shells do and pass the values in.  A replay hands
its own clock to the sessions, so that recorded time runs like real time.
"""

from __future__ import annotations

import time
from typing import Protocol


def wall_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds on a clock that never steps; only differences mean anything."""
    return time.monotonic_ns() // 1_000_000


class Clock(Protocol):
    """Where a session gets its time from."""

    def wall_ms(self) -> int: ...

    def monotonic_ms(self) -> int: ...


class SystemClock:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        return wall_ms()

    def monotonic_ms(self) -> int:
        return monotonic_ms()
