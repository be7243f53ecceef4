"""The average true range: how far price usually goes within an hour."""

from __future__ import annotations

from math import log

BAR_MS = 3_600_000
BARS = 14


class TrueRange:
    """Wilder's average over BARS bars of an hour, in ln(price); fed with prices or bars in time order."""

    __slots__ = ("_bar", "_close", "_count", "_high", "_low", "average")

    def __init__(self) -> None:
        self._bar: int | None = None
        self._high = self._low = 0.0
        self._close: float | None = None
        self._count = 0
        self.average: float | None = None

    def observe(self, price: float, at_ms: int) -> None:
        """Take a price; an hour counts once the next one has begun."""
        self.bar(price, price, price, at_ms)

    def bar(self, high: float, low: float, close: float, at_ms: int) -> None:
        """Take a bar that begins at ``at_ms`` and lies within one hour."""
        number = at_ms // BAR_MS
        if number != self._bar:
            if self._bar is not None and self._close is not None:
                self._end()
            self._bar = number
            # What lay between the last price and this one is a part of this hour.
            self._high = max(high, self._close or high)
            self._low = min(low, self._close or low)
        self._high, self._low = max(self._high, high), min(self._low, low)
        self._close = close

    def _end(self) -> None:
        self._count += 1
        weight = 1.0 / min(self._count, BARS)
        self.average = (1.0 - weight) * (self.average or 0.0) + weight * log(self._high / self._low)
