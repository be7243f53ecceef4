"""Bursts of liquidations, and open interest that falls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.forced import Bursts, InterestDrop


def test_a_burst_is_told_when_it_reaches_the_least_and_when_it_doubles() -> None:
    bursts = Bursts(1e6)
    told = [bursts.liquidation(second * 1000, "bybit", Side.BUY, 3e5) for second in range(16)]
    usd = [one.usd for one in told if one]
    assert usd == pytest.approx([1.2e6, 2.4e6, 4.8e6])
    assert told[3] is not None
    assert (told[3].venues, told[3].prints, told[3].side) == (1, 4, Side.BUY)


def test_sides_do_not_add_up_and_a_pause_begins_anew() -> None:
    bursts = Bursts(1e6)
    assert bursts.liquidation(0, "okx", Side.BUY, 6e5) is None
    assert bursts.liquidation(10, "okx", Side.SELL, 6e5) is None
    assert bursts.liquidation(20, "bybit", Side.BUY, 6e5) is not None
    assert bursts.liquidation(200_000, "bybit", Side.BUY, 9e5) is None
    assert bursts.liquidation(201_000, "bybit", Side.BUY, 9e5) is not None


def test_a_fall_of_open_interest_is_weighed_over_the_venues_that_are_fast() -> None:
    drop = InterestDrop()
    assert drop.drop(0) is None
    for second in range(0, 61, 3):
        drop.sample(second * 1000, "bybit", 1_000.0 - (second - 30 if second > 30 else 0))
        drop.sample(second * 1000, "okx", 3_000.0)
    for minute in range(2):
        drop.sample(minute * 60_000, "slow", 10_000.0 - 5_000 * minute)
    assert sorted(drop.fast()) == ["bybit", "okx"]
    assert drop.drop(60_000) == pytest.approx(30 / 4_000)


def test_a_venue_that_fell_silent_or_was_forgotten_proves_nothing() -> None:
    drop = InterestDrop()
    for second in range(10):
        drop.sample(second * 1000, "okx", 100.0)
    assert drop.drop(9_000) == 0.0
    assert drop.drop(200_000) is None
    drop.forget("okx")
    assert drop.drop(9_000) is None


@given(st.lists(st.floats(1.0, 1e6), min_size=3, max_size=40))
def test_the_drop_is_of_the_interest_at_the_beginning(coins: list[float]) -> None:
    drop = InterestDrop()
    for second, each in enumerate(coins):
        drop.sample(second * 1000, "okx", each)
    then = coins[max(0, len(coins) - 1 - 30)]
    assert drop.drop((len(coins) - 1) * 1000) == pytest.approx((then - coins[-1]) / then)
