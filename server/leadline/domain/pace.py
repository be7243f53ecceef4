"""How fast price has been moving of late, and when it would arrive somewhere at that speed."""

from __future__ import annotations

from math import exp

HALF_LIFE_S = 120.0
_DECAY = 0.6931471805599453 / HALF_LIFE_S


class Pace:
    """An exponentially weighted speed of price in units of price a minute, signed."""

    __slots__ = ("_at_ms", "_price", "per_min")

    def __init__(self) -> None:
        self.per_min: float | None = None
        self._price = 0.0
        self._at_ms = 0

    def observe(self, price: float, at_ms: int) -> None:
        """Take the price at a time of the local clock; observations closer than 0.5 s are skipped."""
        elapsed_s = (at_ms - self._at_ms) / 1000
        if self._price and elapsed_s < 0.5:
            return
        if self._price:
            speed = (price - self._price) / elapsed_s * 60
            kept = exp(-_DECAY * elapsed_s)
            self.per_min = speed * (1 - kept) + (self.per_min or 0.0) * kept
        self._price, self._at_ms = price, at_ms

    def minutes_to(self, distance: float) -> float | None:
        """Return the minutes until price has moved by ``distance``; None when it moves away or rests."""
        if self.per_min is None or self.per_min * distance <= 0:
            return None
        return distance / self.per_min
