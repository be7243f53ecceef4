"""What is told of a view beside its heat: clusters with their past, bias, path, intensity."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import Bands
from leadline.domain.bias import Bias, bias_of
from leadline.domain.clusters import Cluster, densest
from leadline.domain.heat import TOP_REACH_LOG, Heat, heat_top_usd
from leadline.domain.interest import (
    EDGES,
    TEN_BP,
    Intensity,
    Reference,
    Row,
    bucket_of,
    buckets_of,
    intensity,
)
from leadline.domain.kernels import F8
from leadline.domain.ledger import ViewLedger
from leadline.domain.migration import MapMark, Recentred, SideMove
from leadline.domain.path import Depth, Path, Standing, path_of
from leadline.domain.tracking import ClusterTracker, Ended, Tracked

SESSION_MS = 8 * 3_600_000  # Asia, Europe and America open at 0, 8 and 16 h UTC, more or less
SESSIONS_KEPT = 2


class Story:
    """Follows one view from picture to picture.

    tracked: its clusters now, nearest first.  shown: those worth a mark.  Everything is as of the last
    `update`.
    """

    __slots__ = (
        "_flow_buckets",
        "_heat",
        "_ledger",
        "_marks",
        "_prior_buckets",
        "_range_log",
        "_standing",
        "_tracker",
        "reference",
        "shown",
        "tracked",
    )

    def __init__(self) -> None:
        self._tracker = ClusterTracker()
        self._ledger = ViewLedger()
        self._standing = Standing()
        self._marks: deque[MapMark] = deque(maxlen=SESSIONS_KEPT)
        self._heat: Heat | None = None
        self._prior_buckets: F8 | None = None
        self._flow_buckets: F8 | None = None
        self._range_log: float | None = None
        self.reference = Reference([])
        self.tracked: list[Tracked] = []
        self.shown: list[Tracked] = []

    def update(
        self,
        heat: Heat,
        found: Sequence[Cluster],
        venues: Sequence[tuple[str, Bands, float]],
        extremes: tuple[float, float],
        range_log: float | None,
        at_ms: int,
    ) -> None:
        """Take a new picture: its heat, the clusters found in it, and the bands and marks behind it.

        extremes: lowest and highest mark since the picture before.  range_log: the average true range.
        """
        flows = self._ledger.update(heat, venues)
        if flows is not None:
            for mark in self._marks:
                mark.add(flows)
        self.tracked = self._tracker.update(found, heat, flows, extremes, at_ms)
        chosen = {one.id for one in densest(tracked.cluster for tracked in self.tracked)}
        self.shown = [one for one in self.tracked if one.cluster.id in chosen]
        self._heat, self._range_log = heat, range_log
        self._prior_buckets = np.sum([_prior_buckets(bands) * mark for _, bands, mark in venues], axis=0)
        self._flow_buckets = buckets_of(np.stack([heat.long_usd, heat.short_usd]), heat.origin, heat.mark)
        if not self._marks or self._marks[-1].at_ms // SESSION_MS != at_ms // SESSION_MS:
            clusters = [one.cluster for one in self.tracked]
            self._marks.append(MapMark(heat, clusters, at_ms))

    @property
    def ended(self) -> Sequence[Ended]:
        """The last clusters that went, the newest last."""
        return self._tracker.ended

    def bias(self) -> Bias | None:
        """Which side holds more within an average hour's range; None without flow or a range."""
        if self._heat is None or self._range_log is None:
            return None
        return bias_of(self._heat, self._range_log, self.reference)

    def path(self, depth: Depth, at_ms: int) -> Path | None:
        """Compare both ways from ``depth``'s mid within an average hour's range."""
        standing = self._standing.update(depth, at_ms)
        if self._heat is None or self._range_log is None:
            return None
        return path_of(self._heat, standing, self._range_log)

    def moves(self) -> tuple[int, SideMove, SideMove] | None:
        """Return (since ms, longs, shorts): how the map has moved since the last session but one began."""
        if self._heat is None or not self._marks:
            return None
        mark = self._marks[0]
        return mark.at_ms, mark.side(self._heat, "long"), mark.side(self._heat, "short")

    def recentred(self, cluster: Cluster) -> Recentred | None:
        """Tell whether new positions moved a cluster since then."""
        if self._heat is None or not self._marks:
            return None
        return self._marks[0].recentred(cluster, self._heat)

    def intensity(self, cluster: Cluster) -> Intensity:
        """Rate a cluster of the last picture.  Raises ValueError before the first."""
        heat, prior_of, flow = self._heat, self._prior_buckets, self._flow_buckets
        if heat is None or prior_of is None or flow is None:
            raise ValueError("expected a picture before a rating")
        row = 0 if cluster.side == "long" else 1
        bucket = bucket_of(abs(log(cluster.peak / heat.mark)))
        lift: float | None = None
        usual = self.reference.usual
        if usual is not None and min(usual[row, bucket], flow[row, bucket], heat.oi_usd) > 0:
            # What is usual is in terms of the prior: so is this, by the ratio of the two around it.
            prior = cluster.density * float(prior_of[row, bucket] / flow[row, bucket])
            bins = float(EDGES[bucket + 1] - EDGES[bucket]) / heat.step
            lift = prior / heat.oi_usd / float(usual[row, bucket] / bins)
        return intensity(cluster.density, np.concatenate([heat.long_usd, heat.short_usd]), heat.oi_usd, lift)

    def interest_z(self) -> float | None:
        """Return how unusual the open interest is for the last 30 days."""
        return None if self._heat is None else self.reference.interest_z(self._heat.oi_usd)

    def top_usd(self, row_width_usd: float) -> float:
        """Return the dollars on a row so wide that the top of the palette stands for.

        It is the share of open interest that the densest bins usually hold, so that a colour stands for the
        same exposure in quiet and in crowded weeks.  Until that is known it is the 99th percentile of the
        present picture.  Raises ValueError before the first.
        """
        heat, prior_of, flow = self._heat, self._prior_buckets, self._flow_buckets
        if heat is None or prior_of is None or flow is None:
            raise ValueError("expected a picture before a scale")
        near = bucket_of(TOP_REACH_LOG)
        prior, taught = float(prior_of[:, :near].sum()), float(flow[:, :near].sum())
        share = self.reference.top_share
        if not share or prior <= 0 or taught <= 0:
            return heat_top_usd(heat, row_width_usd)
        tens = row_width_usd / heat.mark / TEN_BP
        return share * (taught / prior) * heat.oi_usd * tens


def venue_row(bands: Bands, mark: float, range_log: float) -> Row:
    """Return a venue's row of what is usual, in dollars, as its bands stand now."""
    coins, origin = _prior_coins(bands)
    return Row.of(coins, origin, bands.mark_price, bands.oi_coins, range_log).scaled(mark)


def _prior_coins(bands: Bands) -> tuple[F8, int]:
    """Return the coins [2, n] around the venue's mark as the prior places them, and their first bin."""
    origin = int(np.floor(log(bands.mark_price) / constants.LOG_STEP)) - constants.PROFILE_BINS // 2
    return bands.prior_coins(origin), origin


def _prior_buckets(bands: Bands) -> F8:
    return buckets_of(*_prior_coins(bands), bands.mark_price)
