"""Levels that take in takers without giving way."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.absorption import LAST_S, Absorption, AbsorptionWatch, Second, zone_width
from leadline.domain.events import Side

CALM = Second(1_000.0, 50_000.0)


class Market:
    """Flow moves the middle by 1e-6 of price a dollar, until told otherwise."""

    def __init__(self) -> None:
        self.watch = AbsorptionWatch()
        self.random = np.random.default_rng(5)
        self.mid = 10_000.0
        self.second = 0
        self.flows: list[float] = []

    def run(
        self, seconds: int, bid: Second = CALM, ask: Second = CALM, impact: float = 1e-4, push: float = 0.0
    ) -> list[Absorption]:
        standing: list[Absorption] = []
        for _ in range(seconds):
            flow = push or float(self.random.normal(0, 2_000))
            self.flows = [*self.flows, flow][-10:]
            self.mid += impact * flow
            standing = self.watch.second(self.second * 1000, self.mid, sum(self.flows), bid, ask)
            self.second += 1
        return standing


@pytest.mark.parametrize("side", list(Side))
def test_heavy_flow_into_a_level_that_does_not_give_way_is_absorbed(side: Side) -> None:
    market = Market()
    assert market.run(900) == []
    hit = Second(30_000.0, 100_000.0)
    push = -float(side) * 30_000.0
    sides = {"bid": hit} if side is Side.BUY else {"ask": hit}
    (found,) = market.run(12 + LAST_S, impact=0.0, push=push, **sides)
    assert found.side is side
    assert found.score >= 1.0
    assert found.refill == pytest.approx(3.0)
    assert found.iceberg_like
    assert market.watch.held_s(side) >= LAST_S
    assert market.watch.held_s(Side(-side)) == 0


def test_the_same_flow_that_moves_price_is_not() -> None:
    market = Market()
    market.run(900)
    assert market.run(20, bid=Second(30_000.0, 100_000.0), push=-30_000.0) == []


def test_flow_that_the_shown_orders_can_serve_is_not() -> None:
    market = Market()
    market.run(900)
    assert market.run(20, bid=Second(30_000.0, 900_000.0), impact=0.0, push=-30_000.0) == []


def test_usual_flow_is_not() -> None:
    market = Market()
    market.run(900)
    assert market.run(30, impact=0.0) == []


def test_nothing_is_said_before_there_is_a_past() -> None:
    market = Market()
    assert market.run(60, bid=Second(1e6, 1e5), impact=0.0, push=-1e6) == []


def test_the_zone_is_three_ticks_or_two_basis_points() -> None:
    assert zone_width(10_000.0, 0.1) == pytest.approx(2.0)
    assert zone_width(1.0, 0.001) == pytest.approx(0.003)


def test_looks_far_apart_make_no_window() -> None:
    market = Market()
    market.run(900)
    hit = Second(30_000.0, 100_000.0)
    for _ in range(30):
        market.second += 4
        assert market.run(1, bid=hit, impact=0.0, push=-30_000.0) == []
    assert market.watch.held_s(Side.BUY) == 0
