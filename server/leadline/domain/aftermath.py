"""What became of the place an alert was about, from the instant it fired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from leadline.domain.cascade import CascadeState, Transition
from leadline.domain.signals import ClusterLike


class Reached(StrEnum):
    """How far price has come: not to the edge it would meet first, to it, or past the far one."""

    AHEAD = "ahead"
    TOUCHED = "touched"
    THROUGH = "through"


@dataclass(frozen=True, slots=True)
class Interest:
    """Open interest when an alert fired, in coins, of these venues together."""

    coins: float
    venues: tuple[str, ...]


@dataclass(slots=True)
class Aftermath:
    """Prices since an alert fired at ``price``.

    cluster: its id and its edges as price meets them, None for an alert about no cluster; the id is 0
    after a restart, until `recognise` finds it.  forced_usd: liquidations shown since, of both sides.
    interest: None while unknown.  state: what the cluster went through last.  unwatched_ms: how long
    nobody watched since.
    """

    at_ms: int
    price: float
    cluster: tuple[int, float, float] | None = None
    interest: Interest | None = None
    forced_usd: float = 0.0
    state: CascadeState | None = None
    unwatched_ms: int = 0
    lowest: float = inf
    highest: float = 0.0

    def __post_init__(self) -> None:
        self.see(self.price, self.price)

    def see(self, lowest: float, highest: float) -> bool:
        """Take the lowest and the highest price of a while; tell whether they are news."""
        news = lowest < self.lowest or highest > self.highest
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        return news

    def passed(self, transition: Transition) -> bool:
        """Take a transition of a cluster of the market; tell whether it was this one's."""
        if self.cluster is None or transition.cluster != self.cluster[0]:
            return False
        self.state = transition.after
        return True

    def recognise(self, clusters: Iterable[ClusterLike]) -> None:
        """Take the id that the cluster has now, if the one of another process is not known here."""
        if self.cluster is None or self.cluster[0]:
            return
        _, near, far = self.cluster
        side, lo, hi = ("short", near, far) if near < far else ("long", far, near)
        for one in clusters:
            if one.side == side and one.lo <= hi and lo <= one.hi:
                self.cluster = one.id, near, far
                return

    def taken_up(self, away_ms: int) -> Aftermath:
        """Return it as another process goes on with it, after nobody watched for a while."""
        cluster = self.cluster and (0, *self.cluster[1:])
        return replace(self, cluster=cluster, unwatched_ms=self.unwatched_ms + away_ms)

    @property
    def reached(self) -> Reached | None:
        """How far price has come, None for no cluster."""
        if self.cluster is None:
            return None
        _, near, far = self.cluster
        furthest = self._furthest(near < far)
        for edge, reached in ((far, Reached.THROUGH), (near, Reached.TOUCHED)):
            if furthest >= edge if near < far else furthest <= edge:
                return reached
        return Reached.AHEAD

    @property
    def closest(self) -> float | None:
        """The least distance to the near edge so far, as a share of price; 0.0 once price was there."""
        if self.cluster is None:
            return None
        _, near, far = self.cluster
        return 0.0 if self.reached is not Reached.AHEAD else abs(near / self._furthest(near < far) - 1)

    def _furthest(self, up: bool) -> float:
        return self.highest if up else self.lowest
