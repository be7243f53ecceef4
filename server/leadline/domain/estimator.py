"""The estimate of one symbol: bands of its venues, what they learn from each other, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import Bands
from leadline.domain.canary import Canary
from leadline.domain.clusters import cluster_usd_min, find_clusters
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.heat import Heat, combine
from leadline.domain.learning import transfer
from leadline.domain.touches import Watch, Widening


class Estimator:
    """Bands by venue.  base: the symbol's base currency, for the least size of a cluster.

    A venue whose feed shows every liquidation teaches its own bands, and through them those of the
    venues that show some or none.  Its clusters, and what was printed in them once price came, say how
    wide the intervals of all venues have to be.
    """

    def __init__(self, base: str) -> None:
        self.venues: dict[str, Bands] = {}
        self._usd_min = cluster_usd_min(base)
        self._watches: dict[str, Watch] = {}
        self._widening = Widening()
        self._canary = Canary()
        self._shared_ms: int | None = None

    def memory(self) -> dict[str, object]:
        """Return what prints have taught, by venue, and under "" what the venues share."""
        told: dict[str, object] = {
            name: memory for name, bands in self.venues.items() if (memory := bands.memory()) is not None
        }
        return told | {"": {"errors": self._widening.memory()}}

    def recall_shared(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` told under "".

        Raises ValueError, KeyError or TypeError for anything else.
        """
        self._widening.recall(memory["errors"])

    @property
    def calibrated(self) -> bool:
        """Has some venue with a complete feed taught enough?"""
        return any(bands.learnt for bands in self.venues.values())

    @property
    def prints(self) -> int:
        """Prints of complete feeds so far: the n behind ``calibrated``."""
        return sum(bands.prints for bands in self.venues.values())

    @property
    def suspects(self) -> list[str]:
        """Venues whose liquidation feed is silent while others' are not."""
        return sorted(name for name, bands in self.venues.items() if bands.suspect)

    @property
    def touches(self) -> int:
        """Touched clusters behind the width of the intervals."""
        return self._widening.touches

    @property
    def widening(self) -> float | None:
        """The factor on log intervals, None while uncalibrated."""
        return self._widening.factor if self.calibrated else None

    def mark(self, venue: str, price: float, at_ms: int) -> None:
        """Take a venue's mark."""
        bands = self.venues[venue]
        self._canary.watch(venue, at_ms)
        bands.mark(price, at_ms)
        if bands.hears_all:
            self._watch(venue, bands, price, at_ms)
        if self._shared_ms is None or at_ms - self._shared_ms >= constants.LEARN_EVERY_MS:
            self._share()
            self._shared_ms = at_ms
            suspects = self._canary.suspects(at_ms)
            for name, one in self.venues.items():
                one.doubt_feed(name in suspects)

    def liquidation(
        self,
        venue: str,
        side: Side,
        coins: float,
        price: float,
        kind: PriceKind,
        completeness: Completeness,
        at_ms: int,
    ) -> float:
        """Take a liquidation print of a venue; return its trigger, as far as the print tells."""
        bands = self.venues[venue]
        self._canary.hear(venue, at_ms)
        bands.doubt_feed(False)
        trigger = bands.liquidation(side, coins, price, kind, completeness, at_ms)
        watch = self._watches.get(venue)
        if watch is not None:
            watch.liquidation(side, trigger, coins * trigger)
        return trigger

    def deleveraged(self, venue: str, side: Side, coins: float) -> None:
        """Take what a venue closed of winners on ``side``: no trigger of theirs came, nothing is learnt."""
        self.venues[venue].deleveraged(side, coins)

    def heat(self, venues: Sequence[str], marks: Sequence[float]) -> Heat:
        """Return the heat of these venues, each with its mark now, around the mark of the first."""
        profiles = [self.venues[name].profile() for name in venues]
        return combine(list(zip(profiles, marks, strict=True)), marks[0], self.widening)

    def _watch(self, venue: str, bands: Bands, price: float, at_ms: int) -> None:
        watch = self._watches.get(venue)
        if watch is not None:
            watch.mark(price)
            if at_ms - watch.at_ms < constants.WATCH_MS:
                return
            self._widening.take(watch.touches())
        if not bands.learnt:
            return
        # Intervals are foretold without the widening, which is what these touches will say.
        heat = combine([(bands.profile(), price)], price, widening=1.0)
        usd_min = min(self._usd_min, constants.WATCH_OI_SHARE_MIN * heat.oi_usd)
        self._watches[venue] = Watch(heat, find_clusters(heat, price, heat.oi_usd, usd_min), at_ms)

    def _share(self) -> None:
        """Let venues without a complete feed take over what those with one learnt."""
        full = [bands for bands in self.venues.values() if bands.hears_all]
        lesson = transfer([bands.taught for bands in full])
        if lesson is None:
            return
        ratio = max(bands.forced.share_per_min for bands in full) * constants.THROTTLED_FULL_RATIO_MAX
        lump_coins = max(bands.lump_coins for bands in full)
        churn_kept = median(bands.churn_kept for bands in full)
        for bands in self.venues.values():
            if not bands.hears_all:
                bands.adopt(lesson, lump_coins, churn_kept)
                bands.forced.share_max_per_min = ratio
