"""What stands in for a venue's mark price while the venue tells none."""

from __future__ import annotations

SILENT_MS = 20_000  # streams tell a mark at least each second, polls every ten
RATIO_WEIGHT = 0.1


class MarkWatch:
    """Follows one venue's mark beside its trades; times are the venue's.

    Marks are indices, smoothed, and differ from the last price by some basis points.  So in a silence
    trades stand in at the ratio that the mark had to them of late (1 where it was never told), and only
    their mean price counts, for a single print moves no mark.
    estimated: trades stand in now.
    """

    __slots__ = ("_fresh", "_ratio", "_since_ms", "estimated")

    def __init__(self) -> None:
        self._fresh: float | None = None  # the mark, if one came since the last trades
        self._ratio: float | None = None
        self._since_ms: int | None = None
        self.estimated = False

    def told(self, price: float, at_ms: int) -> None:
        """Take a mark that the venue told."""
        self._fresh, self._since_ms, self.estimated = price, at_ms, False

    def traded(self, mean_price: float, at_ms: int) -> float | None:
        """Take the mean price of some seconds of trades; return the mark they stand in for, if any."""
        if self._since_ms is None:
            self._since_ms = at_ms
        self.estimated = at_ms - self._since_ms > SILENT_MS
        if self.estimated:
            return mean_price * (1.0 if self._ratio is None else self._ratio)
        if self._fresh is not None:
            ratio, self._fresh = self._fresh / mean_price, None
            self._ratio = ratio if self._ratio is None else self._ratio + RATIO_WEIGHT * (ratio - self._ratio)
        return None
