"""What became of the place an alert was about, from the instant it fired."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from leadline.domain.cascade import CascadeState, Transition


class Reached(StrEnum):
    """How far price has come: not to the edge it would meet first, to it, or past the far one."""

    AHEAD = "ahead"
    TOUCHED = "touched"
    THROUGH = "through"


@dataclass(slots=True)
class Aftermath:
    """Prices since an alert fired at ``price``.

    cluster: its id and its edges as price meets them, None for an alert about no cluster.  forced_usd: all
    liquidations shown when it fired, of both sides; oi_coins: open interest then, None while unknown.
    state: what the cluster went through last.
    """

    at_ms: int
    price: float
    cluster: tuple[int, float, float] | None = None
    forced_usd: float = 0.0
    oi_coins: float | None = None
    state: CascadeState | None = None
    lowest: float = field(init=False)
    highest: float = field(init=False)

    def __post_init__(self) -> None:
        self.lowest = self.highest = self.price

    def see(self, lowest: float, highest: float) -> None:
        """Take the lowest and the highest price of a while."""
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)

    def passed(self, transition: Transition) -> None:
        """Take a transition of a cluster of the market."""
        if self.cluster is not None and transition.cluster == self.cluster[0]:
            self.state = transition.after

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
