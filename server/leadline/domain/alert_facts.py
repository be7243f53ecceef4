"""What a rule may ask of a symbol at one moment, beside the signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from leadline.domain.odds import Odds
from leadline.domain.regime import Regime

if TYPE_CHECKING:
    from leadline.domain.clusters import Cluster

SideName = Literal["long", "short"]


@dataclass(frozen=True, slots=True)
class ClusterFact:
    """One cluster.  name: as on the ladder (S1, L2).  lo, peak, hi: prices; usd with its 80 % interval.

    oi_share: of open interest; lift: against the month at this distance, None while unknown.  gone,
    gone_closed, gone_triggered: shares of its largest size; moved_bp: its migration, 0.0 while none is
    told.
    """

    id: int
    name: str
    side: SideName
    lo: float
    peak: float
    hi: float
    usd: float
    usd_lo: float
    usd_hi: float
    oi_share: float
    lift: float | None = None
    calibrated: bool = False
    gone: float = 0.0
    gone_closed: float = 0.0
    gone_triggered: float = 0.0
    moved_bp: float = 0.0

    @classmethod
    def of(cls, cluster: Cluster, name: str, oi_usd: float, **known: Any) -> ClusterFact:
        """Return a cluster as a fact.  known: the fields that a cluster does not tell itself."""
        return cls(
            id=cluster.id,
            name=name,
            side=cluster.side,
            lo=cluster.lo,
            peak=cluster.peak,
            hi=cluster.hi,
            usd=cluster.usd,
            usd_lo=cluster.usd_lo,
            usd_hi=cluster.usd_hi,
            oi_share=cluster.usd / oi_usd if oi_usd > 0 else 0.0,
            **known,
        )

    @property
    def near(self) -> float:
        """The edge that price meets first."""
        return self.lo if self.side == "short" else self.hi

    def distance(self, price: float) -> float:
        """Return how far the near edge lies ahead, as a share of price; 0 or less once it is passed."""
        way = 1 if self.side == "short" else -1
        return (self.near / price - 1) * way


@dataclass(frozen=True, slots=True)
class Facts:
    """One symbol at one moment (Unix ms by the server's clock).

    price: the last trade; atr: in price; pace_per_min: signed, in price.  funding: rate an interval;
    oi_change_1h: a share.  down: venues whose book is not live, with since when (Unix ms).  book_word,
    flow_word: "book thinning", "buyers pushing", "" when nothing is to be said.  forced_long_usd,
    forced_short_usd: liquidated within the last minutes, as far as the feeds show.  odds: of a cascade at a
    touch, by cluster, of those that price is near to.  low, high: of the prices since the facts kept before,
    None while it is not told.
    """

    symbol: str
    at_ms: int
    price: float
    clusters: tuple[ClusterFact, ...] = ()
    atr: float | None = None
    pace_per_min: float | None = None
    funding: float | None = None
    oi_usd: float | None = None
    oi_change_1h: float | None = None
    regime: Regime = Regime.UNKNOWN
    down: Mapping[str, int] = field(default_factory=dict)
    row_price: float = 1.0
    book_word: str = ""
    flow_word: str = ""
    forced_long_usd: float = 0.0
    forced_short_usd: float = 0.0
    odds: Mapping[int, Odds] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None

    def forced_usd(self, side: SideName) -> float:
        return self.forced_long_usd if side == "long" else self.forced_short_usd

    def cluster(self, id_: int) -> ClusterFact | None:
        """Return the cluster of an id, None when it is not in view."""
        return next((one for one in self.clusters if one.id == id_), None)
