"""What became of the place an alert was about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.aftermath import Aftermath, Reached
from leadline.domain.cascade import CascadeState, Transition

PRICES = st.floats(900.0, 1100.0)


def above() -> Aftermath:
    return Aftermath(0, 1000.0, (4, 1010.0, 1020.0))


def below() -> Aftermath:
    return Aftermath(0, 1000.0, (4, 990.0, 980.0))


@pytest.mark.parametrize(("made", "lowest", "highest", "reached"), [
    (above(), 900.0, 1009.9, Reached.AHEAD),
    (above(), 1000.0, 1010.0, Reached.TOUCHED),
    (above(), 1000.0, 1020.0, Reached.THROUGH),
    (below(), 990.1, 1100.0, Reached.AHEAD),
    (below(), 990.0, 1000.0, Reached.TOUCHED),
    (below(), 979.0, 1000.0, Reached.THROUGH),
])  # fmt: skip
def test_how_far_price_has_come(made: Aftermath, lowest: float, highest: float, reached: Reached) -> None:
    made.see(lowest, highest)
    assert made.reached is reached
    assert (made.closest == 0.0) == (reached is not Reached.AHEAD)


def test_the_least_distance_is_told_while_price_has_not_come() -> None:
    made = above()
    made.see(990.0, 1005.0)
    made.see(990.0, 1001.0)
    assert made.closest == pytest.approx(1010 / 1005 - 1)


def test_only_the_own_cluster_counts_and_no_cluster_reaches_nothing() -> None:
    made, level = above(), Aftermath(0, 1000.0)
    for one in (made, level):
        one.passed(Transition(5, CascadeState.ARMED, CascadeState.HELD, 1, ""))
        assert one.state is None
    made.passed(Transition(4, CascadeState.ARMED, CascadeState.HELD, 1, ""))
    assert made.state is CascadeState.HELD
    assert (level.reached, level.closest) == (None, None)


@given(st.lists(PRICES, min_size=1))
def test_the_order_of_prices_does_not_matter(prices: list[float]) -> None:
    one, other = above(), above()
    for price in prices:
        one.see(price, price)
    other.see(min(prices), max(prices))
    assert (one.reached, one.closest) == (other.reached, other.closest)
