"""Fire once: a condition that has to go away before it may come again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

DWELL_MS = 3_000
COOL_DOWN_MS = 300_000


class Near(Enum):
    """How a condition stands: INSIDE its limit, OUTSIDE its hysteresis, or BETWEEN the two."""

    INSIDE = auto()
    BETWEEN = auto()
    OUTSIDE = auto()


@dataclass(slots=True)
class Latch:
    """One condition of one identity.

    It fires on INSIDE, then re-arms after it was OUTSIDE without a break for ``dwell_ms`` and at least
    ``cool_down_ms`` have passed since it fired.  armed: False after firing.
    """

    cool_down_ms: int = COOL_DOWN_MS
    dwell_ms: int = DWELL_MS
    armed: bool = True
    fired_ms: int | None = None
    rearmed: int = 0
    _outside_ms: int | None = None

    def step(self, near: Near, at_ms: int) -> bool:
        """Take how the condition stands; return whether it fires now."""
        if near is not Near.OUTSIDE:
            self._outside_ms = None
        elif self._outside_ms is None:
            self._outside_ms = at_ms
        if self.armed:
            if near is Near.INSIDE:
                self.armed, self.fired_ms = False, at_ms
                return True
            return False
        away = self._outside_ms is not None and at_ms - self._outside_ms >= self.dwell_ms
        if away and (self.fired_ms is None or at_ms - self.fired_ms >= self.cool_down_ms):
            self.armed = True
            self.rearmed += 1
        return False


def nearness(value: float, limit: float, hysteresis: float = 1.2) -> Near:
    """Return how a distance stands to its limit, both 0 or more: it re-arms beyond limit x hysteresis."""
    if value <= limit:
        return Near.INSIDE
    return Near.OUTSIDE if value > limit * hysteresis else Near.BETWEEN
