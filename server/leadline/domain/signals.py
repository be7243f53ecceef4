"""What the order flow and the map tell of a symbol, in one form: what rules, logs and screens take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from leadline.domain.absorption import Absorption
from leadline.domain.cascade import Transition
from leadline.domain.flow import Divergence
from leadline.domain.forced import Burst
from leadline.domain.odds import Features, Odds
from leadline.domain.regime import Regime
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallGone, WhaleOrder


class ClusterLike(Protocol):
    """What is needed of a cluster here: see domain/clusters."""

    @property
    def id(self) -> int: ...
    @property
    def side(self) -> Literal["long", "short"]: ...
    @property
    def lo(self) -> float: ...
    @property
    def hi(self) -> float: ...
    @property
    def usd(self) -> float: ...


AnyCluster = TypeVar("AnyCluster", bound=ClusterLike, covariant=True)


@dataclass(frozen=True, slots=True)
class Fuel(Generic[AnyCluster]):
    """The estimate as it stands: clusters of all venues around ``mark``, nearest first.

    oi_usd: open interest of one side; near_long, near_short: its shares estimated to be liquidated
    within 5 % below and above.  venues: of which all this is.
    """

    mark: float
    oi_usd: float
    near_long: float
    near_short: float
    clusters: tuple[AnyCluster, ...]
    venues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeSpike:
    """usd: of the last minute, so many robust deviations above what is usual."""

    usd: float
    z: float


@dataclass(frozen=True, slots=True)
class TouchOutcome:
    """What became of a touched cluster within two minutes.

    usd: as foretold at the touch; odds, features: as known then.  burst: forced flow showed; beyond:
    price left by the far edge.
    """

    cluster: int
    side: Literal["long", "short"]
    usd: float
    odds: Odds
    features: Features
    burst: bool
    beyond: bool
    touched_ms: int


@dataclass(frozen=True, slots=True)
class RegimeChange:
    before: Regime
    after: Regime


Signal = (
    WhaleOrder
    | WallGone
    | Sweep
    | Absorption
    | Burst
    | Divergence
    | VolumeSpike
    | Transition
    | TouchOutcome
    | RegimeChange
)


@dataclass(frozen=True, slots=True)
class Told:
    """A signal: of which symbol, when by the server's clock, and the price at that moment."""

    symbol: str
    at_ms: int
    price: float
    what: Signal
