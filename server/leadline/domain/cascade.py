"""What the market does about one cluster: a machine of named states, fed by map and book.

    idle -> approach -> armed -> confirmed -> exhausted
                             `-> held

A liquidation print alone confirms nothing: open interest has to fall.  Only where no venue tells it
fast enough do complete feeds' prints, together with takers who go on pushing, stand in for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class CascadeState(StrEnum):
    IDLE = "idle"
    APPROACH = "approach"
    ARMED = "armed"
    CONFIRMED = "confirmed"
    EXHAUSTED = "exhausted"
    HELD = "held"


APPROACH_BP_MIN = 25.0
APPROACH_ATR = 0.5  # of the 15 minute average true range
CLOSING_MS = 3_000
HYSTERESIS = 1.2
DWELL_MS = 3_000
COOL_DOWN_MS = 300_000
ARMED_SIGNS = 3
FUEL_RANK_MIN = 0.8
IMBALANCE_Z_MIN = 2.0
THIN_MIN = 0.4
OI_DROP_MIN = 0.0015
FORCED_SHARE_MIN = 0.1
FUEL_LEFT_MIN = 0.3
ABSORBED_S = 10
RETREAT_BP = 15.0
RATE_SHARE = 1 / 3
RATE_LOW_MS = 10_000
FORGET_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known around one cluster at one moment; side-free: everything is told toward it.

    distance_bp: from the mark to the near edge, 0 or less once it is crossed; closing_bp_s: speed toward
    it; atr_bp: of 15 minutes, None while unknown.
    fuel_rank: of fuel over depth in its own past, 0..1; imbalance_z: takers pushing toward the cluster;
    thin: missing share of the depth on the way; intact: open interest was not falling before the touch;
    lead_touch: a leading venue's price is at the edge; absorbed_s: how long the book on the way absorbs.
    oi_drop: share of open interest that went in 30 s, None where no venue tells it fast enough.
    forced_usd: scaled prints of complete feeds on this side since the touch; fuel_usd: predicted at the
    touch; fuel_left: share of it still ahead, 0..1.
    """

    at_ms: int
    distance_bp: float
    closing_bp_s: float
    fuel_usd: float
    fuel_left: float = 1.0
    atr_bp: float | None = None
    fuel_rank: float = 0.0
    imbalance_z: float = 0.0
    thin: float = 0.0
    intact: bool = True
    lead_touch: bool = False
    absorbed_s: int = 0
    oi_drop: float | None = None
    forced_usd: float = 0.0

    @property
    def signs(self) -> int:
        """How many of the five signs of an armed cluster stand."""
        return sum(
            (
                self.fuel_rank >= FUEL_RANK_MIN,
                self.imbalance_z >= IMBALANCE_Z_MIN,
                self.thin >= THIN_MIN,
                self.intact,
                self.lead_touch,
            )
        )

    @property
    def approach_bp(self) -> float:
        """The distance from which a cluster is approached."""
        return max(APPROACH_BP_MIN, APPROACH_ATR * (self.atr_bp or 0.0))

    @property
    def burning(self) -> bool:
        """Does forced flow show beyond prints?"""
        if self.oi_drop is not None:
            return self.oi_drop >= OI_DROP_MIN
        pushed = self.imbalance_z > 0.0
        return pushed and self.fuel_usd > 0 and self.forced_usd >= FORCED_SHARE_MIN * self.fuel_usd


@dataclass(frozen=True, slots=True)
class Transition:
    """A cluster went from one state to another. reason: for the log and the inspector."""

    cluster: int
    before: CascadeState
    after: CascadeState
    at_ms: int
    reason: str


@dataclass(slots=True)
class Cascade:
    """One cluster's machine. quiet: the cool-down after its last end still runs."""

    cluster: int
    state: CascadeState = CascadeState.IDLE
    since_ms: int = 0
    seen_ms: int = 0
    closing_since_ms: int | None = None
    nearest_bp: float = 1e9
    peak_rate: float = 0.0
    low_since_ms: int | None = None
    ended_ms: int | None = None
    history: list[Transition] = field(default_factory=list)

    def step(self, now: Situation) -> Transition | None:
        """Take one situation; return the transition it causes, at most one."""
        self.seen_ms = now.at_ms
        if now.closing_bp_s > 0:
            self.closing_since_ms = self.closing_since_ms if self.closing_since_ms is not None else now.at_ms
        else:
            self.closing_since_ms = None
        self.nearest_bp = min(self.nearest_bp, now.distance_bp)
        if self.state is not CascadeState.IDLE and now.at_ms - self.since_ms < DWELL_MS:
            return None
        found = self._next(now)
        if found is None:
            return None
        after, reason = found
        transition = Transition(self.cluster, self.state, after, now.at_ms, reason)
        self.history = [*self.history[-15:], transition]
        self.state, self.since_ms = after, now.at_ms
        if after in (CascadeState.EXHAUSTED, CascadeState.HELD):
            self.ended_ms = now.at_ms
        if after in (CascadeState.IDLE, CascadeState.APPROACH):
            self.nearest_bp = now.distance_bp
        if after is CascadeState.CONFIRMED:
            self.peak_rate, self.low_since_ms = now.oi_drop or 0.0, None
        return transition

    def _next(self, now: Situation) -> tuple[CascadeState, str] | None:
        match self.state:
            case CascadeState.IDLE:
                return self._from_idle(now)
            case CascadeState.APPROACH:
                return self._from_approach(now)
            case CascadeState.ARMED:
                return self._from_armed(now)
            case CascadeState.CONFIRMED:
                return self._from_confirmed(now)
            case _:
                return self._from_end(now)

    def _from_idle(self, now: Situation) -> tuple[CascadeState, str] | None:
        closing = self.closing_since_ms is not None and now.at_ms - self.closing_since_ms >= CLOSING_MS
        if closing and 0 < now.distance_bp <= now.approach_bp:
            return CascadeState.APPROACH, f"{now.distance_bp:.0f} bp away and closing"
        return None

    def _from_approach(self, now: Situation) -> tuple[CascadeState, str] | None:
        if now.distance_bp > HYSTERESIS * now.approach_bp:
            return CascadeState.IDLE, f"{now.distance_bp:.0f} bp away again"
        if now.signs >= ARMED_SIGNS and now.absorbed_s == 0:
            return CascadeState.ARMED, f"{now.signs} of 5 signs"
        if now.distance_bp <= 0 and now.fuel_left < FUEL_LEFT_MIN:
            return CascadeState.EXHAUSTED, "price went through"
        return None

    def _from_armed(self, now: Situation) -> tuple[CascadeState, str] | None:
        if self.nearest_bp <= 0 and now.burning:
            how = "prints" if now.oi_drop is None else f"open interest -{now.oi_drop:.2%} in 30 s"
            return CascadeState.CONFIRMED, how
        if now.fuel_left < FUEL_LEFT_MIN:
            return CascadeState.EXHAUSTED, f"{now.fuel_left:.0%} left"
        if now.absorbed_s >= ABSORBED_S:
            return CascadeState.HELD, f"absorbed for {now.absorbed_s} s"
        if now.distance_bp - self.nearest_bp > RETREAT_BP:
            return CascadeState.HELD, f"price turned {now.distance_bp - self.nearest_bp:.0f} bp away"
        return None

    def _from_confirmed(self, now: Situation) -> tuple[CascadeState, str] | None:
        rate = now.oi_drop or 0.0
        self.peak_rate = max(self.peak_rate, rate)
        low = now.oi_drop is not None and rate < RATE_SHARE * self.peak_rate
        if not low:
            self.low_since_ms = None
        elif self.low_since_ms is None:
            self.low_since_ms = now.at_ms
        if now.fuel_left < FUEL_LEFT_MIN:
            return CascadeState.EXHAUSTED, f"{now.fuel_left:.0%} left"
        if now.absorbed_s > 0:
            return CascadeState.EXHAUSTED, f"absorbed for {now.absorbed_s} s"
        if self.low_since_ms is not None and now.at_ms - self.low_since_ms >= RATE_LOW_MS:
            return CascadeState.EXHAUSTED, "open interest no longer falls"
        if now.distance_bp > HYSTERESIS * now.approach_bp:
            return CascadeState.EXHAUSTED, f"price {now.distance_bp:.0f} bp away"
        return None

    def _from_end(self, now: Situation) -> tuple[CascadeState, str] | None:
        cooled = self.ended_ms is None or now.at_ms - self.ended_ms >= COOL_DOWN_MS
        if cooled and now.distance_bp > HYSTERESIS * now.approach_bp:
            return CascadeState.IDLE, "cooled down"
        return None


class Cascades:
    """The machines of one symbol by cluster id."""

    __slots__ = ("machines",)

    def __init__(self) -> None:
        self.machines: dict[int, Cascade] = {}

    def step(self, situations: Iterable[tuple[int, Situation]]) -> list[Transition]:
        """Take the situations of the clusters that are followed now; return what changed."""
        changed = []
        now_ms = 0
        for cluster, situation in situations:
            now_ms = situation.at_ms
            machine = self.machines.setdefault(cluster, Cascade(cluster, since_ms=situation.at_ms))
            transition = machine.step(situation)
            if transition is not None:
                changed.append(transition)
        gone = [id_ for id_, one in self.machines.items() if now_ms - one.seen_ms > FORGET_MS]
        for id_ in gone:
            del self.machines[id_]
        return changed

    @property
    def armed(self) -> bool:
        """Is any cluster armed?"""
        return any(one.state is CascadeState.ARMED for one in self.machines.values())

    def state(self, cluster: int) -> CascadeState:
        """Return a cluster's state, IDLE when it is not followed."""
        machine = self.machines.get(cluster)
        return machine.state if machine else CascadeState.IDLE
