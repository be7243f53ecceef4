"""Depth near price against what is usual: is the book thinning?"""

from __future__ import annotations

from leadline.domain.events import Side
from leadline.domain.spread import Spread
from leadline.domain.walls import Picture

BAND = 0.01  # depth is counted within 1 % of a price
HALF_LIFE_S = 1_800.0
SAMPLES_MIN = 120


class Thinning:
    """Depth within BAND of the middle, each side, fed once a second."""

    __slots__ = ("_thin", "_usual")

    def __init__(self) -> None:
        self._usual = {Side.BUY: Spread(HALF_LIFE_S), Side.SELL: Spread(HALF_LIFE_S)}
        self._thin = {Side.BUY: 0.0, Side.SELL: 0.0}

    def look(self, picture: Picture) -> None:
        """Take the book of now."""
        for side in (Side.BUY, Side.SELL):
            depth, usual = depth_usd(picture, side, picture.mid), self._usual[side]
            usual.take(depth, picture.at_ms)
            middle = usual.quantile(0.5) if usual.count >= SAMPLES_MIN else None
            self._thin[side] = 1.0 - depth / middle if middle else 0.0

    def thin(self, side: Side) -> float:
        """Return 1 - depth over the half hour's median: 0.4 when 40 % are missing; 0.0 while unknown."""
        return self._thin[side]


def depth_usd(picture: Picture, side: Side, start: float, band: float = BAND) -> float:
    """Return the dollars resting on a side from ``start`` (in rows) to ``band`` beyond, outwards."""
    rows, usd = picture.side(side)
    if side is Side.BUY:
        # Best first: bids fall, and are read from their end.
        rows, usd = rows[::-1], usd[::-1]
        lowest, highest = start * (1 - band), start
    else:
        lowest, highest = start, start * (1 + band)
    first, end = rows.searchsorted(lowest, "left"), rows.searchsorted(highest, "right")
    return float(usd[first:end].sum())
