"""The average true range: how far price usually goes within a bar, an hour unless told otherwise."""

from __future__ import annotations

from math import log

HOUR_MS = 3_600_000
BARS = 14


class TrueRange:
    """Wilder's average over BARS bars of ``bar_ms``, in ln(price); fed with prices or bars in time order."""

    __slots__ = ("_bar", "_bar_ms", "_close", "_count", "_high", "_low", "average")

    def __init__(self, bar_ms: int = HOUR_MS) -> None:
        self._bar_ms = bar_ms
        self._bar: int | None = None
        self._high = self._low = 0.0
        self._close: float | None = None
        self._count = 0
        self.average: float | None = None

    def observe(self, price: float, at_ms: int) -> None:
        """Take a price; a bar counts once the next one has begun."""
        self.bar(price, price, price, at_ms)

    def bar(self, high: float, low: float, close: float, at_ms: int) -> None:
        """Take a bar that begins at ``at_ms`` and lies within one of ours."""
        number = at_ms // self._bar_ms
        if number != self._bar:
            if self._bar is not None and self._close is not None:
                self._end()
            self._bar = number
            # What lay between the last price and this one is a part of this bar.
            self._high = max(high, self._close or high)
            self._low = min(low, self._close or low)
        self._high, self._low = max(self._high, high), min(self._low, low)
        self._close = close

    def _end(self) -> None:
        self._count += 1
        weight = 1.0 / min(self._count, BARS)
        self.average = (1.0 - weight) * (self.average or 0.0) + weight * log(self._high / self._low)
