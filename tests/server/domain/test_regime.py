"""When the map is worth looking at."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.regime import (
    NEWS_OVER_MS,
    MapFacts,
    MinuteReturns,
    NewsSigns,
    NewsWatch,
    Regime,
    RegimeWatch,
    moved_together,
)

GOOD = MapFacts(near_long=0.02, near_short=0.03, healthy=True)
QUIET = NewsSigns(False, 0.1, None, 0.5, 1.0, 1.0)
NEWS = NewsSigns(True, 0.9, None, 0.02, 1.0, 1.0)


def watched() -> RegimeWatch:
    watch = RegimeWatch()
    for hour in range(24 * 30):
        watch.hour(
            hour * 3_600_000, 1e9 * (1 + hour % 50 / 100), 1e-4 * (hour % 10), 0.01 + 0.001 * (hour % 20)
        )
    return watch


def test_much_interest_and_fuel_on_both_sides_of_a_range_is_useful() -> None:
    assert watched().judge(1.4e9, 0.0, 0.01, GOOD) is Regime.USEFUL
    assert watched().judge(1.4e9, 1e-3, 0.05, GOOD) is Regime.USEFUL


def test_little_interest_little_fuel_or_no_skill_is_sparse() -> None:
    assert watched().judge(1.02e9, 0.0, 0.01, GOOD) is Regime.SPARSE
    assert watched().judge(1.4e9, 0.0, 0.01, MapFacts(0.001, 0.002, healthy=True)) is Regime.SPARSE
    assert watched().judge(1.4e9, 0.0, 0.01, MapFacts(0.02, 0.03, True, capture_low=0.9)) is Regime.SPARSE


def test_what_cannot_be_told_is_unknown() -> None:
    assert RegimeWatch().judge(1e9, 0.0, 0.01, GOOD) is Regime.UNKNOWN
    assert watched().judge(1.4e9, 0.0, 0.05, MapFacts(0.02, 0.03, healthy=False)) is Regime.UNKNOWN
    assert watched().judge(1.4e9, 0.0, 0.05, GOOD) is Regime.UNKNOWN


def test_news_needs_a_large_move_and_two_signs() -> None:
    watch = NewsWatch()
    assert not watch.look(0, 7.0, QUIET)
    assert not watch.look(0, 5.0, NEWS)
    assert watch.look(0, -7.0, NEWS)
    assert watch.since_ms == 0


def test_news_is_over_after_a_quarter_of_an_hour_of_calm() -> None:
    watch = NewsWatch()
    watch.look(0, 7.0, NEWS)
    assert watch.look(NEWS_OVER_MS - 1, 1.0, QUIET)
    watch.look(NEWS_OVER_MS - 1, 3.5, QUIET)
    assert watch.look(2 * NEWS_OVER_MS - 2, 1.0, QUIET)
    assert not watch.look(2 * NEWS_OVER_MS - 1, 1.0, QUIET)


def test_the_usual_minute_is_learned_and_one_shock_does_not_move_it_far() -> None:
    returns, random, price = MinuteReturns(), np.random.default_rng(4), 100.0
    assert returns.sigmas(100.0, 120.0) == 0.0
    for _ in range(3_000):
        before, price = price, price * float(np.exp(random.normal(0, 0.0005)))
        returns.minute(before, price)
    assert returns.sigma == pytest.approx(0.0005, rel=0.15)
    assert returns.sigmas(100.0, 100.0 * np.exp(0.004)) == pytest.approx(8, rel=0.2)
    usual = returns.sigma
    returns.minute(100.0, 90.0)
    assert returns.sigma is not None
    assert usual is not None
    assert returns.sigma < 1.02 * usual


def test_those_that_moved_the_same_way_are_counted() -> None:
    assert moved_together([4.0, 3.1, -5.0, 0.0], 7.0) == 0.5
    assert moved_together([4.0, -3.1, -5.0, 0.0], -7.0) == 0.5
    assert moved_together([], 7.0) == 0.0
