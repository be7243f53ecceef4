"""What price and book do about the nearest clusters: their machines, their touches and what came of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log
from typing import Literal

from leadline.domain.cascade import APPROACH_BP_MIN, Cascades, CascadeState, Situation, Transition
from leadline.domain.events import Side
from leadline.domain.odds import CascadeOdds, Features, Odds
from leadline.domain.signals import ClusterLike, Fuel, TouchOutcome
from leadline.domain.spread import Spread
from leadline.domain.thinning import depth_usd
from leadline.domain.walls import Picture

FOLLOWED = 3  # clusters a side
NEAR_BP = 100.0
TOUCH_MS = 120_000  # what happens within this time of a touch is its outcome
TOUCH_OI_DROP = 0.003
TOUCH_FORCED_SHARE = 0.1
BEYOND = 1e-3  # past the far edge by a tenth of a percent
SPEED_MS = 5_000  # over which the speed toward a cluster is measured
RATIO_HALF_LIFE_S = 4 * 3_600.0
USUAL_FUEL = 0.005  # of open interest: what a cluster's fuel is measured against


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known at a look, beside the map.

    picture: the joint book, whose rows are ``row_price`` wide; imbalance_z: takers, signed; thin,
    absorbed_s: of each side of the book; oi_drop: see InterestDrop; forced_usd: scaled prints of complete
    feeds so far, by the side that died; last: the venues' last prices; atr_bp: the average true
    range of 15 minutes, None while unknown.
    """

    at_ms: int
    picture: Picture
    row_price: float
    imbalance_z: float
    thin: Mapping[Side, float]
    absorbed_s: Mapping[Side, int]
    oi_drop: float | None
    forced_usd: Mapping[Side, float]
    last: tuple[float, ...]
    atr_bp: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cluster stands that price is near to; odds: of a cascade if it were touched now."""

    state: CascadeState
    odds: Odds


@dataclass(slots=True)
class _Near:
    """What is remembered of a followed cluster."""

    usd: float
    forced_usd: float  # the sum when it came into view, then at its touch
    armed_bp: float
    distances: deque[tuple[int, float]] = field(default_factory=deque)
    ratios: Spread = field(default_factory=lambda: Spread(RATIO_HALF_LIFE_S))
    touched: bool = False

    @property
    def closing_bp_s(self) -> float:
        """Speed toward the near edge over the last looks."""
        (then_ms, then_bp), (now_ms, now_bp) = self.distances[0], self.distances[-1]
        return (then_bp - now_bp) / ((now_ms - then_ms) / 1000) if now_ms > then_ms else 0.0


@dataclass(slots=True)
class _Touch:
    cluster: int
    side: Literal["long", "short"]
    usd: float
    far: float
    touched_ms: int
    odds: Odds
    features: Features
    forced_usd: float
    oi_drop: float = 0.0
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class _Course:
    """The way to a cluster. way: +1 up to a short cluster; near, far: its edges as price meets them."""

    way: int
    near: float
    far: float

    @classmethod
    def to(cls, one: ClusterLike) -> _Course:
        return cls(1, one.lo, one.hi) if one.side == "short" else cls(-1, one.hi, one.lo)

    @property
    def side(self) -> Side:
        """SELL on the way up: the asks lie on it, and shorts die there."""
        return Side.SELL if self.way > 0 else Side.BUY

    def passed(self, price: float, edge: float) -> float:
        """Return by which share of it price has passed an edge, negative before it."""
        return (price / edge - 1) * self.way


class ClusterWatch:
    """Follows up to FOLLOWED clusters a side.

    odds: may be shared with other symbols; standing: of the clusters within NEAR_BP at the last look, by id.
    """

    __slots__ = ("_near", "_touches", "cascades", "odds", "standing")

    def __init__(self, odds: CascadeOdds) -> None:
        self.odds = odds
        self.cascades = Cascades()
        self.standing: dict[int, Standing] = {}
        self._near: dict[int, _Near] = {}
        self._touches: list[_Touch] = []

    def look(self, fuel: Fuel[ClusterLike], around: Around) -> list[Transition | TouchOutcome]:
        """Take the map and what is around it; return what changed and what became of touches."""
        followed = _followed(fuel.clusters)
        for gone in set(self._near) - {one.id for one in followed}:
            del self._near[gone]
        situations = [(one.id, self._situation(one, fuel, around)) for one in followed]
        changed = self.cascades.step(situations)
        for transition in changed:
            if transition.after is CascadeState.ARMED and transition.cluster in self._near:
                near = self._near[transition.cluster]
                near.armed_bp = near.distances[-1][1]
        for one in followed:
            self._touch(one, fuel, around)
        self.standing = {
            one.id: Standing(self.cascades.state(one.id), self.odds.odds(self._features(one, fuel, around)))
            for one in followed
            if abs(self._near[one.id].distances[-1][1]) <= NEAR_BP
        }
        return [*changed, *self._outcomes(fuel.mark, around)]

    def touched_within(self, at_ms: int, ms: int) -> bool:
        """Tell whether a cluster was touched within the last ``ms``."""
        return any(at_ms - touch.touched_ms <= ms for touch in self._touches)

    def _situation(self, one: ClusterLike, fuel: Fuel[ClusterLike], around: Around) -> Situation:
        course, mark = _Course.to(one), fuel.mark
        distance_bp = -course.passed(mark, course.near) * 1e4
        forced_usd = around.forced_usd[course.side]
        near = self._near.get(one.id)
        if near is None:
            near = self._near[one.id] = _Near(one.usd, forced_usd, distance_bp)
        near.distances.append((around.at_ms, distance_bp))
        while around.at_ms - near.distances[0][0] > SPEED_MS:
            near.distances.popleft()
        if not near.touched:
            near.usd = one.usd
        depth = depth_usd(around.picture, course.side, course.near / around.row_price)
        ratio = one.usd / depth if depth > 0 else 0.0
        rank = near.ratios.rank(ratio)
        near.ratios.take(ratio, around.at_ms)
        width = abs(course.far / course.near - 1)
        crossed = course.passed(mark, course.near) / width if width > 0 else 0.0
        return Situation(
            at_ms=around.at_ms,
            distance_bp=distance_bp,
            closing_bp_s=near.closing_bp_s,
            fuel_usd=near.usd,
            fuel_left=1.0 - min(max(crossed, 0.0), 1.0),
            atr_bp=around.atr_bp,
            fuel_rank=rank,
            imbalance_z=around.imbalance_z * course.way,
            thin=around.thin[course.side],
            intact=around.oi_drop is not None and around.oi_drop <= 0.0,
            lead_touch=any(course.passed(price, course.near) >= 0 for price in around.last),
            absorbed_s=around.absorbed_s[course.side],
            oi_drop=around.oi_drop,
            forced_usd=forced_usd - near.forced_usd,
        )

    def _touch(self, one: ClusterLike, fuel: Fuel[ClusterLike], around: Around) -> None:
        """Begin to watch what becomes of a cluster whose near edge the mark crosses now."""
        course, near = _Course.to(one), self._near[one.id]
        inside = course.passed(fuel.mark, course.near) >= 0
        if near.touched or not inside:
            near.touched = inside
            return
        near.touched = True
        near.forced_usd = around.forced_usd[course.side]
        features = self._features(one, fuel, around)
        self._touches.append(
            _Touch(
                *(one.id, one.side, one.usd, course.far, around.at_ms),
                *(self.odds.odds(features), features, near.forced_usd),
            )
        )

    def _features(self, one: ClusterLike, fuel: Fuel[ClusterLike], around: Around) -> Features:
        course, near = _Course.to(one), self._near[one.id]
        return Features(
            ln_distance=log(max(near.armed_bp, 1.0) / APPROACH_BP_MIN),
            ln_fuel=log(max(one.usd, 1.0) / max(fuel.oi_usd * USUAL_FUEL, 1.0)),
            aggression_z=around.imbalance_z * course.way,
            thin=around.thin[course.side],
            speed_z=near.closing_bp_s,
        )

    def _outcomes(self, mark: float, around: Around) -> list[TouchOutcome]:
        """Follow the touched clusters; return those whose time is over, and learn from them."""
        told, going = [], []
        for touch in self._touches:
            way = 1 if touch.side == "short" else -1
            touch.oi_drop = max(touch.oi_drop, around.oi_drop or 0.0)
            touch.beyond = touch.beyond or (mark / touch.far - 1) * way >= BEYOND
            if around.at_ms - touch.touched_ms < TOUCH_MS:
                going.append(touch)
                continue
            forced = around.forced_usd[Side.SELL if way > 0 else Side.BUY] - touch.forced_usd
            burst = touch.oi_drop >= TOUCH_OI_DROP or forced >= TOUCH_FORCED_SHARE * touch.usd
            self.odds.learn(touch.features, burst, around.at_ms)
            told.append(
                TouchOutcome(
                    *(touch.cluster, touch.side, touch.usd, touch.odds, touch.features),
                    *(burst, touch.beyond, touch.touched_ms),
                )
            )
        self._touches = going
        return told


def _followed(clusters: Iterable[ClusterLike]) -> list[ClusterLike]:
    """Return up to FOLLOWED clusters a side of those given nearest first."""
    kept: dict[str, list[ClusterLike]] = {"long": [], "short": []}
    for one in clusters:
        if len(kept[one.side]) < FOLLOWED:
            kept[one.side].append(one)
    return [*kept["long"], *kept["short"]]
