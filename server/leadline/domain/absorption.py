"""Absorption: takers hit a level hard and price does not give way.

Looked at once a second, per side of the book.  Over the last WINDOW_S, near the touch of that side
(max(3 ticks, 2 bp)): the takers' dollars reach the 95th percentile of the day, the middle moved by at
most a quarter of what such flow usually moves it (Kyle's slope over half an hour), and more was
executed there than was ever shown.  It stands when that holds for LAST_S.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from leadline.domain.events import Side
from leadline.domain.spread import Spread

WINDOW_S = 10
LAST_S = 5
GAP_MS = 2_500  # seconds farther apart do not make a window
DAY_S = 86_400.0
VOLUME_QUANTILE = 0.95
VOLUMES_MIN = 120  # seconds with flow before the quantile counts
MOVE_SHARE_MAX = 0.25
REFILL_MIN = 1.5
ICEBERG_REFILL_MIN = 3.0
ZONE_BP = 2.0
ZONE_TICKS = 3
SLOPE_HALF_LIFE_S = 1_800.0
SLOPE_SAMPLES_MIN = 60


def zone_width(price: float, tick: float) -> float:
    """Return how far from a level its zone reaches, in price."""
    return max(ZONE_TICKS * tick, ZONE_BP * 1e-4 * price)


@dataclass(frozen=True, slots=True)
class Second:
    """One second at one side of the book: dollars taken in the zone, dollars shown there at its end."""

    taken_usd: float
    shown_usd: float


@dataclass(frozen=True, slots=True)
class Absorption:
    """side: of the book that absorbs (BUY: bids take in sellers).

    score: the least of the three excesses over their thresholds, 1 or more.  iceberg_like: three times
    as much was executed as was ever shown.
    """

    side: Side
    score: float
    taken_usd: float
    refill: float
    lasted_s: int
    iceberg_like: bool


class ImpactSlope:
    """How far the middle moves for a dollar of taker flow: least squares through the origin, fading."""

    __slots__ = ("_kept", "_samples", "_xx", "_xy")

    def __init__(self) -> None:
        self._xx = self._xy = 0.0
        self._samples = 0
        self._kept = 0.5 ** (WINDOW_S / SLOPE_HALF_LIFE_S)

    def take(self, flow_usd: float, move: float) -> None:
        """Take the signed flow and the signed move of one window of WINDOW_S."""
        self._xx = self._xx * self._kept + flow_usd * flow_usd
        self._xy = self._xy * self._kept + flow_usd * move
        self._samples += 1

    @property
    def value(self) -> float | None:
        """Price a dollar; None before SLOPE_SAMPLES_MIN windows or where flow does not move price."""
        if self._samples < SLOPE_SAMPLES_MIN or self._xx <= 0 or self._xy <= 0:
            return None
        return self._xy / self._xx


@dataclass(slots=True)
class _Side:
    seconds: deque[Second] = field(default_factory=lambda: deque(maxlen=WINDOW_S))
    usual: Spread = field(default_factory=lambda: Spread(DAY_S / 2))
    held_s: int = 0


class AbsorptionWatch:
    """Both sides of one symbol's book, fed once a second; after a gap its windows begin anew."""

    __slots__ = ("_at_ms", "_mids", "_seconds", "_sides", "slope")

    def __init__(self) -> None:
        self._sides = {Side.BUY: _Side(), Side.SELL: _Side()}
        self._mids: deque[float] = deque(maxlen=WINDOW_S + 1)
        self._seconds = 0
        self._at_ms = 0
        self.slope = ImpactSlope()

    def second(self, at_ms: int, mid: float, flow_usd: float, bid: Second, ask: Second) -> list[Absorption]:
        """Take one second; return what stands.

        mid: at its end; flow_usd: takers' bought minus sold over the last WINDOW_S, wherever it was;
        bid, ask: what was taken from and shown on each side near the touch.
        """
        if at_ms - self._at_ms > GAP_MS:
            self._begin()
        self._at_ms = at_ms
        self._mids.append(mid)
        self._seconds += 1
        move = mid - self._mids[0]
        if self._seconds % WINDOW_S == 0 and len(self._mids) > WINDOW_S:
            self.slope.take(flow_usd, move)
        standing = []
        for side, second in ((Side.BUY, bid), (Side.SELL, ask)):
            one = self._sides[side]
            one.seconds.append(second)
            taken_usd = sum(each.taken_usd for each in one.seconds)
            found = self._judge(side, one, taken_usd, move)
            one.usual.take(taken_usd, at_ms)
            one.held_s = one.held_s + 1 if found else 0
            if found and one.held_s >= LAST_S:
                score, refill = found
                standing.append(
                    Absorption(side, score, taken_usd, refill, one.held_s, refill >= ICEBERG_REFILL_MIN)
                )
        return standing

    def _begin(self) -> None:
        self._mids.clear()
        self._seconds = 0
        for one in self._sides.values():
            one.seconds.clear()
            one.held_s = 0

    def held_s(self, side: Side) -> int:
        """Return for how many seconds a side has been absorbing, 0 when it is not."""
        held = self._sides[side].held_s
        return held if held >= LAST_S else 0

    def _judge(self, side: Side, one: _Side, taken_usd: float, move: float) -> tuple[float, float] | None:
        """Return (score, refill ratio) when a side absorbs in this second."""
        slope = self.slope.value
        usual_usd = one.usual.quantile(VOLUME_QUANTILE) if one.usual.count >= VOLUMES_MIN else None
        shown_usd = max((each.shown_usd for each in one.seconds), default=0.0)
        if slope is None or usual_usd is None or taken_usd <= 0 or len(one.seconds) < WINDOW_S:
            return None
        # Only what goes against the side counts as giving way.
        given_way = max(0.0, -move * side)
        refill = taken_usd / shown_usd if shown_usd > 0 else 0.0
        excesses = (
            taken_usd / usual_usd,
            MOVE_SHARE_MAX * slope * taken_usd / max(given_way, 1e-12 + 0.01 * slope * taken_usd),
            refill / REFILL_MIN,
        )
        score = min(excesses)
        return (score, refill) if score >= 1.0 else None
