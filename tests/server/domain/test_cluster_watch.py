"""Clusters that price comes to: states, touches and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from leadline.domain.cascade import CascadeState, Transition
from leadline.domain.cluster_watch import Around, ClusterWatch
from leadline.domain.events import Side
from leadline.domain.odds import CascadeOdds
from leadline.domain.signals import Fuel, TouchOutcome
from leadline.domain.walls import Picture


@dataclass(frozen=True)
class Cluster:
    id: int
    side: Literal["long", "short"]
    lo: float
    hi: float
    usd: float = 2e7


def around(at_ms: int = 0) -> Around:
    bids, asks = np.arange(10_000, 9_000, -1), np.arange(10_001, 11_001)
    usd = np.full(1_000, 10_000.0)
    return Around(
        at_ms=at_ms,
        picture=Picture(at_ms, 10_000.5, bids, usd, asks, usd),
        row_price=1.0,
        imbalance_z=0.0,
        thin={Side.BUY: 0.0, Side.SELL: 0.0},
        absorbed_s={Side.BUY: 0, Side.SELL: 0},
        oi_drop=0.0,
        forced_usd={Side.BUY: 0.0, Side.SELL: 0.0},
        last=(),
        atr_bp=None,
    )


class Run:
    """A mark that walks toward a cluster; signs for and against told as they stand."""

    def __init__(self, side: Literal["long", "short"]) -> None:
        self.way = 1 if side == "short" else -1
        self.side = side
        low, high = (10_050.0, 10_080.0) if side == "short" else (9_920.0, 9_950.0)
        self.cluster = Cluster(5, side, low, high)
        self.watch = ClusterWatch(CascadeOdds())
        self.at_ms = 0
        self.told: list[Transition | TouchOutcome] = []

    def go(self, start: float, end: float, seconds: int, drop: float = 0.0, forced_usd: float = 0.0) -> None:
        """Move from ``start`` to ``end``, told as price toward the cluster from 10,000."""
        for second in range(seconds):
            self.at_ms += 1000
            away = start + (end - start) * (second + 1) / seconds
            mark = 10_000.0 + away * self.way
            book = Side.SELL if self.way > 0 else Side.BUY
            now = replace(
                around(self.at_ms),
                imbalance_z=3.0 * self.way,
                thin={book: 0.5, Side(-book): 0.0},
                oi_drop=drop,
                forced_usd={book: forced_usd, Side(-book): 0.0},
            )
            self.told += self.watch.look(Fuel(mark, 4e9, 0.01, 0.01, (self.cluster,)), now)

    @property
    def states(self) -> list[CascadeState]:
        return [one.after for one in self.told if isinstance(one, Transition)]

    @property
    def outcomes(self) -> list[TouchOutcome]:
        return [one for one in self.told if isinstance(one, TouchOutcome)]


@pytest.mark.parametrize("side", ["short", "long"])
def test_a_cascade_upwards_is_the_mirror_of_one_downwards(side: Literal["long", "short"]) -> None:
    run = Run(side)
    run.go(0, 30, 60)
    assert run.states == [CascadeState.APPROACH, CascadeState.ARMED]
    run.go(30, 60, 30, drop=0.005)
    assert run.states[-1] is CascadeState.CONFIRMED
    run.go(60, 95, 120, drop=0.005)
    assert run.states[-1] is CascadeState.EXHAUSTED
    (outcome,) = run.outcomes
    assert (outcome.cluster, outcome.side, outcome.burst, outcome.beyond) == (5, side, True, True)
    assert outcome.odds.text() == "uncalibrated, n=0"
    assert run.watch.odds.n == 1


def test_a_touch_without_forced_flow_is_an_outcome_too() -> None:
    run = Run("short")
    run.go(0, 52, 60)
    run.go(52, 20, 150)
    (outcome,) = run.outcomes
    assert (outcome.burst, outcome.beyond) == (False, False)
    assert CascadeState.CONFIRMED not in run.states
    assert run.states[-1] is CascadeState.HELD


def test_prints_of_a_complete_feed_make_a_burst() -> None:
    run = Run("short")
    run.go(0, 52, 60)
    run.go(52, 20, 150, forced_usd=3e6)
    (outcome,) = run.outcomes
    assert outcome.burst


def test_a_touch_counts_once_until_price_leaves_again() -> None:
    run = Run("short")
    run.go(0, 55, 60)
    run.go(55, 56, 200)
    assert len(run.outcomes) == 1
    run.go(56, 20, 30)
    run.go(20, 55, 30)
    run.go(55, 55, 200)
    assert len(run.outcomes) == 2


def test_a_cluster_that_is_gone_is_let_go_and_its_touch_still_judged() -> None:
    run = Run("short")
    run.go(0, 55, 60)
    for second in range(130):
        run.at_ms += 1000
        run.told += run.watch.look(Fuel(10_055.0, 4e9, 0, 0, ()), around(run.at_ms))
        assert len(run.outcomes) == (1 if second >= 120 else len(run.outcomes))
    assert len(run.outcomes) == 1


def test_three_a_side_are_followed_nearest_first() -> None:
    watch = ClusterWatch(CascadeOdds())
    many = tuple(Cluster(n, "short" if n % 2 else "long", 1e4 + n, 1e4 + n + 1) for n in range(1, 13))
    watch.look(Fuel(10_000.0, 1e9, 0, 0, many), around())
    assert sorted(watch.cascades.machines) == [1, 2, 3, 4, 5, 6]
