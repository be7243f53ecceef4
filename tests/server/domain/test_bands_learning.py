"""Bands that hear liquidation prints: what they learn, and what stays true meanwhile."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import STEP, Bands
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.learning import Lesson, TotalLearning
from leadline.domain.leverage import bundled_tiers
from leadline.domain.margin import bankruptcy_from_trigger
from leadline.domain.profile import Profile

TIERS = bundled_tiers("bybit", "BTCUSDT")
START = 60_000.0
MINUTE = 60_000
FULL, THROTTLED = Completeness.FULL, Completeness.THROTTLED


def opened(coins: float = 10_000.0) -> Bands:
    """Bands with coins opened at START on both sides."""
    bands = Bands(TIERS, START, 0)
    bands.open_interest(0.0, 0)
    bands.trades(np.full(2, START), np.full(2, coins / 2), np.array([True, False]))
    bands.open_interest(coins, 1_000)
    return bands


def hear(bands: Bands, at_ms: int, side: Side, trigger: float, coins: float) -> None:
    price = bankruptcy_from_trigger(TIERS, side, trigger, coins)
    bands.liquidation(side, coins, price, PriceKind.BANKRUPTCY, FULL, at_ms)


def assert_sound(bands: Bands) -> None:
    for side in Side:
        banded, pool, swept = bands.held_coins(side)
        assert banded + pool + swept == pytest.approx(bands.oi_coins, rel=1e-9, abs=1e-9)
        assert min(banded, swept) >= 0.0
        assert pool >= -1e-9 * bands.oi_coins
    profile = bands.profile()
    prices = np.exp((profile.origin + np.arange(len(profile.long_coins)) + 0.5) * STEP)
    assert not profile.long_coins[prices >= bands.mark_price].any()
    assert not profile.short_coins[prices <= bands.mark_price].any()
    assert min(profile.long_rest, profile.short_rest) >= -1e-9
    assert np.isfinite(profile.sd_coins).all()


events = st.one_of(
    st.tuples(st.just("mark"), st.floats(-0.06, 0.06)),
    st.tuples(st.just("oi"), st.floats(0.7, 1.4)),
    st.tuples(st.just("print"), st.sampled_from(list(Side)), st.floats(-0.05, 0.05), st.floats(1e-3, 3e3)),
    st.tuples(st.just("throttled"), st.sampled_from(list(Side)), st.floats(1e-3, 3e3)),
    st.tuples(st.just("funding"), st.floats(-0.003, 0.003)),
    st.tuples(st.just("winners"), st.sampled_from(list(Side)), st.floats(1e-3, 3e4)),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(events, st.integers(0, 90_000)), max_size=40))
def test_prints_and_funding_keep_both_sides_worth_the_open_interest(
    story: list[tuple[tuple[object, ...], int]],
) -> None:
    bands, at_ms = opened(), 1_000
    for event, wait_ms in story:
        at_ms += wait_ms
        match event:
            case ("mark", float(move)):
                bands.mark(bands.mark_price * np.exp(move), at_ms)
            case ("oi", float(factor)):
                bands.open_interest(bands.oi_coins * factor, at_ms)
            case ("print", Side() as side, float(away), float(coins)):
                hear(bands, at_ms, side, bands.mark_price * np.exp(away), coins)
            case ("throttled", Side() as side, float(coins)):
                bands.liquidation(side, coins, bands.mark_price, PriceKind.FILL, THROTTLED, at_ms)
            case ("funding", float(rate)):
                bands.funding(rate)
            case ("winners", Side() as side, float(coins)):
                bands.deleveraged(side, coins)
            case _:
                raise AssertionError(event)
        assert_sound(bands)


def test_deleveraging_closes_winners_with_most_gain_and_leverage_first() -> None:
    bands = opened()
    bands.mark(START * 0.9, 2_000)  # longs die, and shorts gain 10 %
    before, oi_coins = bands._cells[1].sum(axis=1) * bands._scales[1], bands.oi_coins
    longs = bands.held_coins(Side.BUY)
    bands.deleveraged(Side.SELL, 50.0)
    assert bands.held_coins(Side.BUY) == longs
    banded, pool, swept = bands.held_coins(Side.SELL)
    assert swept == pytest.approx(50.0, rel=1e-9)
    assert banded + pool + swept == pytest.approx(oi_coins, rel=1e-9)
    left = bands._cells[1].sum(axis=1) * bands._scales[1] / before
    assert (np.diff(left) > 0).all()
    # All gain the same: what they put up for it, a class's distance, makes the rank.
    distances = np.array(constants.CLASS_DISTANCES)[:5]
    np.testing.assert_allclose((1 - left[:5]) / (1 - left[0]), distances[0] / distances, rtol=0.05)


def test_what_was_deleveraged_is_not_closed_again_by_the_open_interest() -> None:
    bands = opened()
    bands.mark(START * 0.999, 2_000)
    bands.deleveraged(Side.SELL, 40.0)
    banded = [bands.held_coins(side)[0] for side in Side]
    longs_swept = bands.held_coins(Side.BUY)[2]
    bands.open_interest(bands.oi_coins - 40.0, 3_000)
    assert bands.held_coins(Side.SELL)[0] == pytest.approx(banded[list(Side).index(Side.SELL)], rel=1e-9)
    assert longs_swept < 40.0
    assert bands.held_coins(Side.BUY)[0] < banded[list(Side).index(Side.BUY)] * (1 - 1e-6)


def test_nobody_is_deleveraged_who_gains_nothing() -> None:
    bands = opened()
    bands.mark(START * 0.8, 2_000)
    cells = bands._cells.copy()
    bands.deleveraged(Side.BUY, 40.0)
    np.testing.assert_array_equal(bands._cells, cells)
    assert_sound(bands)


def prior_map(bands: Bands) -> Profile:
    """What the bands would be without any lesson."""
    lesson, total = bands.lesson, bands._total
    bands.lesson, bands._total = Lesson(np.ones(15), np.ones(15)), TotalLearning()
    shown = bands.profile()
    bands.lesson, bands._total = lesson, total
    return shown


def market(multiplier: float, rounds: int, completeness: Completeness = FULL) -> Bands:
    """Longs are opened and swept round by round; ``multiplier`` times what was expected is printed."""
    bands, at_ms = opened(), 1_000
    bands.liquidation(Side.BUY, 1e-6, START, PriceKind.TRIGGER, completeness, at_ms)
    for _ in range(rounds):
        before = prior_map(bands)
        prices = np.exp((before.origin + np.arange(len(before.long_coins)) + 0.5) * STEP)
        at_ms += MINUTE // 2
        bands.mark(START * 0.985, at_ms)
        reached = prices >= START * 0.985
        for price, coins in zip(prices[reached], before.long_coins[reached] * multiplier, strict=True):
            if coins > 0:
                bands.liquidation(
                    Side.BUY, float(coins), float(price), PriceKind.TRIGGER, completeness, at_ms
                )
        at_ms += MINUTE // 2
        bands.mark(START, at_ms)
        bands.trades(np.full(2, START), np.full(2, 2_000.0), np.array([True, False]))
        bands.open_interest(10_000.0, at_ms)
    return bands


@pytest.mark.parametrize("multiplier", [0.5, 1.4])
def test_a_complete_feed_bends_the_classes_it_prints(multiplier: float) -> None:
    bands = market(multiplier, rounds=400)
    near = np.array(constants.CLASS_DISTANCES) <= 0.013
    far = np.array(constants.CLASS_DISTANCES) >= 0.14
    assert bands.taught.multipliers[near] == pytest.approx(np.full(near.sum(), multiplier), rel=0.2)
    # All shares of an opening add up to 1: what the near classes take, the unseen ones and the pool give.
    unseen = bands.taught.multipliers[far]
    assert (unseen > 1.0).all() if multiplier < 1 else (unseen < 1.0).all()
    assert 0.5 < unseen.min() <= unseen.max() < 2.0


def test_a_lesson_counts_for_what_is_open_already() -> None:
    bands = opened()
    shown = bands.profile().long_coins.sum()
    bands.adopt(type(bands.lesson)(np.full(15, 0.5), np.full(15, 0.1)), 1.0, constants.CHURN_KEPT)
    assert bands.profile().long_coins.sum() == pytest.approx(shown / 2)
    assert_sound(bands)


def test_a_throttled_feed_leaves_the_classes_alone() -> None:
    bands = market(0.5, rounds=30, completeness=THROTTLED)
    np.testing.assert_array_equal(bands.taught.multipliers, 1.0)
    assert not bands.hears_all
    assert bands.total_multipliers[0] < 0.9
    assert bands.total_multipliers[1] == pytest.approx(1.0)


def test_a_bankruptcy_price_is_told_as_its_trigger() -> None:
    """At 0.5 % maintenance the two lie ten bins apart."""
    bands = opened()
    trigger = START * (1 - 0.016)
    price = bankruptcy_from_trigger(TIERS, Side.BUY, trigger, 1.0)
    assert log(trigger / price) / STEP > 8
    told = bands.liquidation(Side.BUY, 1.0, price, PriceKind.BANKRUPTCY, FULL, 2_100)
    assert told == pytest.approx(trigger)


def test_history_without_prints_and_gaps_in_the_mark_teach_nothing() -> None:
    bands = opened()
    bands.mark(START * 0.98, 30_000)
    bands.mark(START, 2 * MINUTE)
    np.testing.assert_array_equal(bands.taught.multipliers, 1.0)
    # From the first print on, silence is told, but not about what happened while the mark was away.
    hear(bands, 2 * MINUTE, Side.SELL, START * 1.5, 1e-6)
    bands.mark(START * 0.97, 2 * MINUTE + constants.LEARN_GAP_MS + 1)
    bands.mark(START * 0.97, 9 * MINUTE)  # a lesson
    assert bands.taught.multipliers == pytest.approx(np.ones(15), abs=1e-6)
    bands.mark(START * 0.95, 9 * MINUTE + 1_000)
    bands.mark(START * 0.95, 9 * MINUTE + constants.LEARN_EVERY_MS)
    assert bands.taught.multipliers.min() < 0.95


def test_longs_pay_funding_with_a_higher_trigger_and_shorts_receive_one() -> None:
    bands = opened()
    before = bands.profile()
    for _ in range(10):
        bands.funding(STEP / 4)
    after = bands.profile()
    moved = 2
    np.testing.assert_allclose(after.long_coins[moved:700], before.long_coins[: 700 - moved], atol=1e-9)
    np.testing.assert_allclose(after.short_coins[900 + moved :], before.short_coins[900:-moved], atol=1e-9)
    for _ in range(10):
        bands.funding(-STEP / 4)
    back = bands.profile()
    np.testing.assert_allclose(back.long_coins[:700], before.long_coins[:700], atol=1e-9)


def test_little_is_called_learnt_only_after_enough_prints_and_hours() -> None:
    bands = opened()
    for i in range(constants.LEARNED_PRINTS_MIN):
        assert not bands.learnt
        hear(bands, 2_000 + i, Side.SELL, START * 1.01, 1e-3)
    assert not bands.learnt
    bands.mark(START, 2_000 + round(constants.LEARNED_HOURS_MIN * 3_600_000))
    assert bands.learnt
    assert bands.prints == constants.LEARNED_PRINTS_MIN


def test_intervals_narrow_as_prints_come() -> None:
    def doubt(bands: Bands) -> float:
        profile = bands.profile()
        return float(np.hypot(*profile.sd_coins[:, 0]).sum() / profile.long_coins.sum())

    assert doubt(market(1.0, rounds=40)) < doubt(market(1.0, rounds=2)) < doubt(opened())


@pytest.mark.parametrize("times", [2.0, 0.25])
def test_the_share_of_churn_is_learnt_from_what_a_complete_feed_prints(times: float) -> None:
    """The market here keeps more or less of its two-way flow than the bands think at first."""
    truth, bands = opened(), opened()
    truth.churn_kept = times * constants.CHURN_KEPT
    random = np.random.default_rng(8)
    hear(bands, 1_000, Side.BUY, START, 1e-6)
    assert bands.churn_kept == constants.CHURN_KEPT
    price = START
    for minute in range(1, 1440):
        at_ms = minute * MINUTE
        price *= np.exp(8e-4 * random.normal() - 2e-3 * np.log(price / START))
        before = truth.profile()
        truth.mark(price, at_ms)
        bands.mark(price, at_ms)
        places = np.exp((before.origin + np.arange(len(before.long_coins)) + 0.5) * STEP)
        for side, coins in ((Side.BUY, before.long_coins), (Side.SELL, before.short_coins)):
            reached = (places - price) * side >= 0
            for place, died in zip(places[reached], coins[reached], strict=True):
                if died > 1e-6:
                    bands.liquidation(side, float(died), float(place), PriceKind.TRIGGER, FULL, at_ms)
        for one in (truth, bands):
            one.trades(np.full(2, price), np.full(2, 100.0), np.array([True, False]))
            one.open_interest(10_000.0, at_ms)
    assert bands.churn_kept == truth.churn_kept
    assert_sound(bands)
