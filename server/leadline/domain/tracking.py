"""The life of clusters: which is which from one picture to the next, and what becomes of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import Cluster
from leadline.domain.heat import Heat
from leadline.domain.kernels import F8
from leadline.domain.ledger import CLOSED, KINDS, MOVED, REVALUED, TRIGGERED, Flows

State = Literal["open", "touched", "consumed"]
How = Literal["consumed", "merged", "split", "faded"]


@dataclass(frozen=True, slots=True)
class Depletion:
    """What a cluster has lost since it was largest, in dollars.

    most_usd: what it held then.  triggered_usd, closed_usd (by their holders), expired_usd (moved away
    by funding or basis, or judged anew): their sum is what is gone from the same stretch of price.
    """

    most_usd: float
    triggered_usd: float = 0.0
    closed_usd: float = 0.0
    expired_usd: float = 0.0

    @property
    def gone(self) -> float:
        """Share of most_usd that is gone."""
        lost = self.triggered_usd + self.closed_usd + self.expired_usd
        return lost / self.most_usd if self.most_usd > 0 else 0.0

    @property
    def depleting(self) -> bool:
        return self.gone >= constants.DEPLETING_SHARE

    @property
    def spent(self) -> bool:
        return self.gone >= constants.SPENT_SHARE


@dataclass(frozen=True, slots=True)
class Tracked:
    """A cluster of now with its past.

    since_ms: when it was first seen.  state: "touched" once the mark entered it, "consumed" once it
    crossed CONSUMED_SHARE of its bins.  split_from: the id of the cluster it was a part of, if any.
    """

    cluster: Cluster
    since_ms: int
    state: State
    depletion: Depletion
    split_from: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A cluster that is no more.  into: the id of the one it became a part of, when it merged."""

    id: int
    side: str
    at_ms: int
    how: How
    into: int | None
    depletion: Depletion


class _Life:
    """What is remembered of one cluster: the stretch it filled when it was largest, and what left it."""

    __slots__ = (
        "bins",
        "cluster",
        "crossed",
        "depletion",
        "first_bin",
        "flows",
        "seen_ms",
        "since_ms",
        "split_from",
    )

    def __init__(self, cluster: Cluster, at_ms: int, split_from: int | None) -> None:
        self.since_ms = self.seen_ms = at_ms
        self.split_from = split_from
        self.cluster = cluster
        self._grow(cluster)

    def _grow(self, cluster: Cluster) -> None:
        self.first_bin, self.bins = cluster.first_bin, len(cluster.mass)
        self.depletion = Depletion(cluster.usd)
        self.flows: F8 = np.zeros(KINDS)
        self.crossed = 0

    def cross(self, heat: Heat, low: float, high: float) -> None:
        """Take the extremes of the mark."""
        self.crossed = max(self.crossed, self._crossed(heat, low, high))

    def see(self, cluster: Cluster | None, heat: Heat, flows: Flows | None, at_ms: int) -> None:
        """Take the next picture; cluster: what it is now, None when it is not found any more."""
        if cluster is not None:
            self.cluster, self.seen_ms = cluster, at_ms
            # Price inside it only shrinks it: what it held before it was touched is what it is judged by.
            if cluster.usd > self.depletion.most_usd and self.crossed == 0:
                self._grow(cluster)
                return
        if flows is not None:
            self.flows += _within(flows.usd, self._side, self.first_bin - flows.origin, self.bins)
        held = np.stack([heat.long_usd, heat.short_usd])[None]
        now = float(_within(held, self._side, self.first_bin - heat.origin, self.bins)[0])
        self.depletion = _depletion(self.depletion.most_usd, now, self.flows)

    def standing(self) -> Cluster:
        """Return the cluster as last seen without what price has crossed: what there is to find again."""
        mass = self.cluster.mass.copy()
        at = np.arange(self.cluster.first_bin, self.cluster.first_bin + len(mass)) - self.first_bin
        mass[at >= self.bins - self.crossed if self._side == 0 else at < self.crossed] = 0.0
        return replace(self.cluster, mass=mass)

    @property
    def _side(self) -> int:
        return 0 if self.cluster.side == "long" else 1

    @property
    def state(self) -> State:
        if self.crossed >= constants.CONSUMED_SHARE * self.bins:
            return "consumed"
        return "touched" if self.crossed else "open"

    def _crossed(self, heat: Heat, low: float, high: float) -> int:
        """Return how many bins the extremes of the mark have reached the centre of."""
        if self._side == 0:
            reached = self.first_bin + self.bins - int(np.ceil(np.log(low) / heat.step - 0.5))
        else:
            reached = int(np.floor(np.log(high) / heat.step - 0.5)) + 1 - self.first_bin
        return min(max(reached, 0), self.bins)


class ClusterTracker:
    """Gives clusters ids that last while at least CLUSTER_OVERLAP_MIN of their mass stays in place.

    One that price is in and that is not found any more (what is left of it counts as a part of the next)
    is followed on until price has crossed it, for at most CLUSTER_TOUCHED_KEPT_MS.  ended: the last
    clusters that went, the newest last.
    """

    __slots__ = ("_last_id", "_lives", "ended")

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}
        self._last_id = 0
        self.ended: deque[Ended] = deque(maxlen=constants.CLUSTERS_ENDED_KEPT)

    def update(
        self,
        clusters: Sequence[Cluster],
        heat: Heat,
        flows: Flows | None,
        extremes: tuple[float, float],
        at_ms: int,
    ) -> list[Tracked]:
        """Return the clusters of a new picture, in their order, as those they continue or as new ones.

        flows: since the picture before.  extremes: lowest and highest mark since then.
        """
        for life in self._lives.values():
            life.cross(heat, *extremes)
        known = {number: life.standing() for number, life in self._lives.items()}
        continued = _matches(known, clusters)
        lives: list[_Life] = []
        for at, cluster in enumerate(clusters):
            number = continued.get(at)
            if number is None:
                number = self._last_id = self._last_id + 1
                origin = _part_of(cluster, known)
                self._lives[number] = _Life(replace(cluster, id=number), at_ms, origin)
            else:
                self._lives[number].see(replace(cluster, id=number), heat, flows, at_ms)
            lives.append(self._lives[number])
        now = {life.cluster.id: life.cluster for life in lives}
        for number, life in list(self._lives.items()):
            if number not in now:
                life.see(None, heat, flows, at_ms)
                if life.state != "touched" or at_ms - life.seen_ms > constants.CLUSTER_TOUCHED_KEPT_MS:
                    self._end(number, now, at_ms)
        return [
            Tracked(life.cluster, life.since_ms, life.state, life.depletion, life.split_from)
            for life in lives
        ]

    def _end(self, number: int, now: dict[int, Cluster], at_ms: int) -> None:
        life = self._lives.pop(number)
        into = None if life.state == "consumed" else _part_of(life.cluster, now)
        parts = any(other.split_from == number for other in self._lives.values())
        how: How = "split" if parts else "faded" if into is None else "merged"
        if life.state == "consumed":
            how = "consumed"
        self.ended.append(Ended(number, life.cluster.side, at_ms, how, into, life.depletion))


def _matches(known: dict[int, Cluster], clusters: Sequence[Cluster]) -> dict[int, int]:
    """Return which of the ``clusters`` (by position) continues which known id: the best overlaps first."""
    pairs = [
        (overlap(old, cluster), at, number)
        for number, old in known.items()
        for at, cluster in enumerate(clusters)
    ]
    continued: dict[int, int] = {}
    taken: set[int] = set()
    for share, at, number in sorted(pairs, key=lambda pair: -pair[0]):
        if share < constants.CLUSTER_OVERLAP_MIN:
            break
        if at not in continued and number not in taken:
            continued[at] = number
            taken.add(number)
    return continued


def _part_of(part: Cluster, wholes: dict[int, Cluster]) -> int | None:
    """Return the id of the cluster whose stretch at least half of the dollars of ``part`` lie in."""
    best, best_share = None, constants.CLUSTER_OVERLAP_MIN
    for number, whole in wholes.items():
        if part.side != whole.side:
            continue
        mine, theirs = aligned(part, whole)
        share = float(mine[theirs > 0].sum() / max(part.usd, 1e-300))
        if share >= best_share:
            best, best_share = number, share
    return best


def overlap(one: Cluster, other: Cluster) -> float:
    """Sum of the smaller over sum of the larger mass, bin by bin; 0.0 between two sides."""
    if one.side != other.side:
        return 0.0
    mine, theirs = aligned(one, other)
    larger = float(np.maximum(mine, theirs).sum())
    return float(np.minimum(mine, theirs).sum()) / larger if larger > 0 else 0.0


def aligned(one: Cluster, other: Cluster) -> tuple[F8, F8]:
    """Return the masses of two clusters over the bins of both [n, n]."""
    first = min(one.first_bin, other.first_bin)
    end = max(one.first_bin + len(one.mass), other.first_bin + len(other.mass))
    found: F8 = np.zeros((2, end - first))
    for row, cluster in enumerate((one, other)):
        at = cluster.first_bin - first
        found[row, at : at + len(cluster.mass)] = cluster.mass
    return found[0], found[1]


def _within(values: F8, side: int, first: int, bins: int) -> F8:
    """Sum [kinds, 2, n] over ``bins`` bins of a side from index ``first``; what lies outside counts 0."""
    summed: F8 = values[:, side, max(first, 0) : max(first + bins, 0)].sum(axis=1)
    return summed


def _depletion(most_usd: float, now_usd: float, flows: F8) -> Depletion:
    """Tell what a stretch that held most_usd lost to whom.

    What came in meanwhile made up for every loss in proportion, so that the parts add up to what is
    missing.
    """
    lost = max(most_usd - now_usd, 0.0)
    moved = float(flows[MOVED] + flows[REVALUED])
    causes = np.maximum([flows[TRIGGERED], flows[CLOSED], -moved], 0.0)
    total = float(causes.sum())
    if total <= 0.0:
        return Depletion(most_usd, expired_usd=lost)
    triggered, closed, expired = (float(cause / total) * lost for cause in causes)
    return Depletion(most_usd, triggered, closed, expired)
