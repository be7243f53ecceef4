"""What became of the place an alert was about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.aftermath import Aftermath, Reached
from leadline.domain.alert_facts import ClusterFact
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


def test_after_a_restart_the_cluster_is_found_where_it_was() -> None:
    held = below().taken_up(60_000)
    assert held.unwatched_ms == 60_000
    held.passed(Transition(4, CascadeState.ARMED, CascadeState.HELD, 1, ""))
    assert held.state is None
    far = ClusterFact(3, "L2", "long", 960.0, 965.0, 970.0, 1e6, 1e6, 1e6, 0.1)
    other = ClusterFact(5, "S1", "short", 980.0, 985.0, 990.0, 1e6, 1e6, 1e6, 0.1)
    same = ClusterFact(8, "L1", "long", 985.0, 988.0, 992.0, 1e6, 1e6, 1e6, 0.1)
    held.recognise([far, other])
    assert held.cluster == (0, 990.0, 980.0)
    held.recognise([far, other, same])
    assert held.cluster == (8, 990.0, 980.0)
    held.recognise([replace(same, id=9)])
    held.passed(Transition(8, CascadeState.ARMED, CascadeState.HELD, 1, ""))
    assert held.state is CascadeState.HELD
