"""Whale orders, and what becomes of them: pulled, eaten or still there.

Sizes are summed over one display row and looked at once a second.  Every price is followed at its own
place, never as a distance from the middle: in a frame that moves with price every order seems to be
cancelled all the time.  A wall that goes says how much of it was cancelled and how much was traded; what
its owner meant by it is not ours to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from leadline.domain.events import Side
from leadline.domain.spread import Spread

Rows = NDArray[np.int64]
Usd = NDArray[np.float64]

DAY_S = 86_400.0
DISTANCES_BP = (2.0, 5.0, 10.0, 20.0, 35.0, 60.0, 100.0, 160.0, 250.0)  # borders of the ten classes
SAMPLED_EVERY_MS = 5_000  # what is usual over half a day needs no second look at the same orders
WHALE_Z_MIN = 3.5
WHALE_TOP = 20
WHALE_OVER_TOP = 5.0
WHALE_SEEN_MS = 5_000
USUAL_MIN = 500  # sizes of a distance class before its z means anything
GONE_SHARE = 0.3  # of its largest size: what is left then is no wall any more
PULLED_SHARE_MIN = 0.7
PULLED_AGE_MS_MIN = 2_000
PULLED_FAR_BP = 15.0
PULLED_NEAR_BP = 5.0
REPEAT_MS = 600_000
REPOST_MS = 5_000
WALLS_MAX = 200
FLOOR_USD = 50_000.0
FLOOR_USD_BY_BASE = {"BTC": 1_000_000.0, "ETH": 500_000.0}


def whale_floor_usd(base: str) -> float:
    """Return the least dollars of a whale order or trade for a base currency, unless the user says."""
    return FLOOR_USD_BY_BASE.get(base, FLOOR_USD)


class WallEnd(StrEnum):
    """What became of a wall. MOVED: the book was lost or no longer reaches it, so nothing is known."""

    PULLED = "pulled"
    EATEN = "eaten"
    CANCELLED = "cancelled"  # taken away while price was not near
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class WhaleOrder:
    """A wall that has stood for WHALE_SEEN_MS. row: its price in rows; distance_bp: from the middle."""

    side: Side
    row: int
    usd: float
    z: float
    distance_bp: float
    since_ms: int


@dataclass(frozen=True, slots=True)
class WallGone:
    """A told wall's end.  usd: its largest size; cancelled_share: of what went, 0..1.

    repeated: pulled at least twice here in ten minutes, or put up again farther away at once.
    """

    side: Side
    row: int
    usd: float
    end: WallEnd
    cancelled_share: float
    since_ms: int
    repeated: bool = False


@dataclass(slots=True)
class _Wall:
    side: Side
    since_ms: int
    usd: float
    usd_max: float
    seen: int = 1
    told: bool = False
    farthest_bp: float = 0.0
    nearest_bp: float = 1e9
    traded_usd: float = 0.0
    cancelled_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A book at one moment, per side best first: rows [n] and dollars [n]; mid: in rows.

    The rows reach as far as the book is known; mid is above 0.
    """

    at_ms: int
    mid: float
    bid_rows: Rows
    bid_usd: Usd
    ask_rows: Rows
    ask_usd: Usd

    def side(self, side: Side) -> tuple[Rows, Usd]:
        return (self.bid_rows, self.bid_usd) if side is Side.BUY else (self.ask_rows, self.ask_usd)

    def distance_bp(self, row: int) -> float:
        """Return how far a row lies from the middle."""
        return abs(row - self.mid) / self.mid * 1e4


@dataclass(slots=True)
class Walls:
    """Follows the large orders of one symbol.  usd_min: the floor, which the user may change."""

    usd_min: float
    _usual: list[Spread] = field(default_factory=lambda: [Spread(DAY_S / 2) for _ in range(10)])
    _sampled_ms: int | None = None
    _walls: dict[tuple[int, int], _Wall] = field(default_factory=dict)
    _pulled: deque[tuple[int, Side, int]] = field(default_factory=lambda: deque(maxlen=256))

    def standing(self) -> list[tuple[Side, int, float, int]]:
        """Return (side, row, dollars, since ms) of the walls that stand, as told."""
        return [(one.side, row, one.usd, one.since_ms) for (_, row), one in self._walls.items() if one.told]

    def look(self, picture: Picture, traded_usd: Mapping[int, float]) -> list[WhaleOrder | WallGone]:
        """Take the book of now and what was traded at each row since the last look; return the news."""
        told: list[WhaleOrder | WallGone] = []
        sampled = self._sampled_ms is None or picture.at_ms - self._sampled_ms >= SAMPLED_EVERY_MS
        if sampled:
            self._sampled_ms = picture.at_ms
        for side in (Side.BUY, Side.SELL):
            rows, usd = picture.side(side)
            distances = np.abs(rows - picture.mid) / picture.mid * 1e4
            told += self._follow(side, picture, rows, usd, traded_usd)
            self._find(side, picture.at_ms, rows, usd, distances)
            told += self._tell(side, picture)
            # Best first, distances rise: the rows of a class lie together.
            borders = [0, *np.searchsorted(distances, DISTANCES_BP, side="right").tolist(), len(rows)]
            for usual, (first, end) in zip(self._usual, pairwise(borders), strict=True):
                if first < end and (sampled or usual.count < 2 * USUAL_MIN):
                    usual.take_all(usd[first:end], picture.at_ms)
        return told

    def lost(self) -> list[WallGone]:
        """The book was lost: what stood is no longer known."""
        gone = [
            WallGone(one.side, row, one.usd_max, WallEnd.MOVED, 0.0, one.since_ms)
            for (_, row), one in self._walls.items()
            if one.told
        ]
        self._walls.clear()
        return gone

    def _follow(
        self, side: Side, picture: Picture, rows: Rows, usd: Usd, traded_usd: Mapping[int, float]
    ) -> list[WallGone]:
        """Bring the known walls of a side up to date; return the ends of those that were told."""
        followed = [(row, wall) for (of_side, row), wall in self._walls.items() if of_side == side]
        if not followed:
            return []
        held = dict(zip(rows.tolist(), usd.tolist(), strict=True))
        farthest = (int(rows[-1]) if len(rows) else 0) * side
        gone = []
        for row, wall in followed:
            if not len(rows) or row * side < farthest:
                del self._walls[side, row]
                if wall.told:
                    gone.append(WallGone(side, row, wall.usd_max, WallEnd.MOVED, 0.0, wall.since_ms))
                continue
            now_usd = held.get(row, 0.0)
            lost_usd = max(0.0, wall.usd - now_usd)
            eaten_usd = min(traded_usd.get(row, 0.0), lost_usd)
            wall.traded_usd += eaten_usd
            wall.cancelled_usd += lost_usd - eaten_usd
            wall.usd = now_usd
            wall.usd_max = max(wall.usd_max, now_usd)
            wall.seen += 1
            distance_bp = picture.distance_bp(row)
            wall.farthest_bp = max(wall.farthest_bp, distance_bp)
            wall.nearest_bp = min(wall.nearest_bp, distance_bp)
            if now_usd <= GONE_SHARE * wall.usd_max:
                del self._walls[side, row]
                if wall.told:
                    gone.append(self._end(side, row, wall, picture.at_ms))
        return gone

    def _end(self, side: Side, row: int, wall: _Wall, at_ms: int) -> WallGone:
        went_usd = wall.cancelled_usd + wall.traded_usd
        share = wall.cancelled_usd / went_usd if went_usd > 0 else 0.0
        approached = wall.farthest_bp > PULLED_FAR_BP and wall.nearest_bp < PULLED_NEAR_BP
        aged = at_ms - wall.since_ms >= PULLED_AGE_MS_MIN
        if share < PULLED_SHARE_MIN:
            return WallGone(side, row, wall.usd_max, WallEnd.EATEN, share, wall.since_ms)
        if not (approached and aged):
            return WallGone(side, row, wall.usd_max, WallEnd.CANCELLED, share, wall.since_ms)
        earlier = any(
            at_ms - then_ms <= REPEAT_MS and of_side is side and of_row == row
            for then_ms, of_side, of_row in self._pulled
        )
        reposted = any(
            other.side is side and row_of * side < row * side and 0 <= at_ms - other.since_ms <= REPOST_MS
            for (_, row_of), other in self._walls.items()
        )
        self._pulled.append((at_ms, side, row))
        return WallGone(side, row, wall.usd_max, WallEnd.PULLED, share, wall.since_ms, earlier or reposted)

    def _find(self, side: Side, at_ms: int, rows: Rows, usd: Usd, distances: Usd) -> None:
        """Begin to follow rows that are large enough."""
        if not len(rows):
            return
        least_usd = max(self.usd_min, WHALE_OVER_TOP * median(usd[:WHALE_TOP].tolist()))
        for index in np.flatnonzero(usd >= least_usd).tolist():
            row, size = int(rows[index]), float(usd[index])
            if (int(side), row) in self._walls or len(self._walls) >= WALLS_MAX:
                continue
            if self._z(float(distances[index]), size) >= WHALE_Z_MIN:
                wall = _Wall(side, at_ms, size, size)
                wall.farthest_bp = wall.nearest_bp = float(distances[index])
                self._walls[int(side), row] = wall

    def _tell(self, side: Side, picture: Picture) -> list[WhaleOrder]:
        told = []
        for (of_side, row), wall in self._walls.items():
            old = picture.at_ms - wall.since_ms >= WHALE_SEEN_MS and wall.seen >= 2
            if of_side != side or wall.told or not old:
                continue
            wall.told = True
            distance_bp = picture.distance_bp(row)
            z = self._z(distance_bp, wall.usd)
            told.append(WhaleOrder(side, row, wall.usd, z, distance_bp, wall.since_ms))
        return told

    def _z(self, distance_bp: float, usd: float) -> float:
        usual = self._usual[int(np.searchsorted(DISTANCES_BP, distance_bp))]
        return usual.z(usd) if usual.count >= USUAL_MIN else 0.0
