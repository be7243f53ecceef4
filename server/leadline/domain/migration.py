"""How the map has moved since a mark in time: single clusters, and each side as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import Cluster, SideName
from leadline.domain.heat import Heat
from leadline.domain.kernels import F8
from leadline.domain.ledger import CLOSED, KINDS, MOVED, OPENED, REVALUED, SIGNS, TRIGGERED, Flows, slid

BP = 1e4


@dataclass(frozen=True, slots=True)
class SideMove:
    """One side of the map between two times, over the bins of the earlier one.

    transport_bp: mean way of a dollar in the cheapest plan that turns one map into the other, each scaled
    to 1; above 0 is up.  distance_bp: the mean without signs (Wasserstein-1).  before_usd + opened_usd -
    closed_usd - triggered_usd + moved_usd + revalued_usd = after_usd.
    """

    side: SideName
    transport_bp: float
    distance_bp: float
    before_usd: float
    after_usd: float
    opened_usd: float
    closed_usd: float
    triggered_usd: float
    moved_usd: float
    revalued_usd: float


@dataclass(frozen=True, slots=True)
class Recentred:
    """A cluster that new positions have moved.

    shift_bp: of its centre of mass, above 0 is up.  retained: share of its earlier mass that still stands
    where it stood.  fresh: share of its mass opened since.
    """

    id: int
    shift_bp: float
    retained: float
    fresh: float


class MapMark:
    """The map at one instant, kept to compare later ones with, and what flowed since."""

    __slots__ = ("_clusters", "_flows", "_heat", "at_ms")

    def __init__(self, heat: Heat, clusters: list[Cluster], at_ms: int) -> None:
        self._heat = heat
        self._clusters = {cluster.id: cluster for cluster in clusters}
        self._flows: F8 = np.zeros((KINDS, 2, len(heat.long_usd)))
        self.at_ms = at_ms

    def add(self, flows: Flows) -> None:
        """Take the flows from one picture to the next."""
        self._flows += slid(flows.usd, self._heat.origin - flows.origin)

    def side(self, heat: Heat, side: SideName) -> SideMove:
        """Compare a later heat of the same view with this one."""
        row = 0 if side == "long" else 1
        before = self._heat.long_usd if row == 0 else self._heat.short_usd
        after = slid(heat.long_usd if row == 0 else heat.short_usd, self._heat.origin - heat.origin)
        sums = self._flows[:, row].sum(axis=1)
        # What the later picture does not show any more, or shows anew at its far ends, has moved.
        sums[MOVED] += float(after.sum() - before.sum()) - float(SIGNS @ sums)
        transport, away = transport_bp(before, after, heat.step)
        return SideMove(
            side,
            transport,
            away,
            float(before.sum()),
            float(after.sum()),
            *(float(sums[kind]) for kind in (OPENED, CLOSED, TRIGGERED, MOVED, REVALUED)),
        )

    def recentred(self, cluster: Cluster, heat: Heat) -> Recentred | None:
        """Tell whether a cluster of a later heat was moved by new positions, None when it was not.

        Its centre has moved by MIGRATION_LOG_MIN and by two standard errors, while it kept
        MIGRATION_RETAINED_MIN of its mass and MIGRATION_FRESH_MIN of it is new.
        """
        old = self._clusters.get(cluster.id)
        if old is None or old.side != cluster.side:
            return None
        shift = (_centre(cluster) - _centre(old)) * heat.step
        error = max(_centre_error(old, self._heat), _centre_error(cluster, heat)) * heat.step
        row = 0 if cluster.side == "long" else 1
        there = slid(heat.long_usd if row == 0 else heat.short_usd, old.first_bin - heat.origin)
        retained = float(np.minimum(old.mass, there[: len(old.mass)]).sum() / old.mass.sum())
        first = cluster.first_bin - self._heat.origin
        opened = float(self._flows[OPENED, row, max(first, 0) : max(first + len(cluster.mass), 0)].sum())
        fresh = min(opened / cluster.usd, 1.0)
        if abs(shift) < max(constants.MIGRATION_LOG_MIN, 2.0 * error):
            return None
        if retained < constants.MIGRATION_RETAINED_MIN or fresh < constants.MIGRATION_FRESH_MIN:
            return None
        return Recentred(cluster.id, shift * BP, retained, fresh)


def transport_bp(before: F8, after: F8, step: float) -> tuple[float, float]:
    """Return the signed and the absolute mean way from one map [n] to the other, in basis points.

    In one dimension the cheapest plan keeps the order of dollars, so both follow from the two
    cumulated shares.  (0, 0) when one of them is empty.
    """
    one, other = before.sum(), after.sum()
    if one <= 0 or other <= 0:
        return 0.0, 0.0
    ahead = np.cumsum(before / one - after / other)
    return float(ahead.sum() * step * BP), float(np.abs(ahead).sum() * step * BP)


def _centre(cluster: Cluster) -> float:
    """Return the bin (a fraction) of the centre of mass."""
    at = cluster.first_bin + np.arange(len(cluster.mass)) + 0.5
    return float(at @ cluster.mass / cluster.mass.sum())


def _centre_error(cluster: Cluster, heat: Heat) -> float:
    """Return the standard error of the centre in bins: single positions may fall here or there.

    While uncalibrated the bins count as that many positions.
    """
    away = np.arange(len(cluster.mass)) + 0.5 + cluster.first_bin - _centre(cluster)
    first = cluster.first_bin - heat.origin
    if heat.certainty is None:
        return sqrt(float(away**2 @ cluster.mass / cluster.mass.sum()) / len(away))
    lumps = heat.certainty.lump_usd2[0 if cluster.side == "long" else 1, first : first + len(away)]
    return sqrt(float(away[: len(lumps)] ** 2 @ lumps)) / cluster.usd
