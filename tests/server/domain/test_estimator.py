"""Venues of one symbol that learn from each other."""

import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import Bands
from leadline.domain.clusters import find_clusters, interval_factor, typical_factor
from leadline.domain.estimator import Estimator
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.leverage import bundled_tiers

START = 60_000.0
HOUR = 3_600_000


def estimator() -> Estimator:
    made = Estimator("BTC")
    for venue in ("binance", "bybit"):
        bands = Bands(bundled_tiers(venue, "BTCUSDT"), START, 0)
        bands.open_interest(50_000.0, 0)
        made.venues[venue] = bands
    return made


def print_shorts(made: Estimator, venue: str, completeness: Completeness, at_ms: int, coins: float) -> None:
    made.liquidation(venue, Side.SELL, coins, START * 1.004, PriceKind.TRIGGER, completeness, at_ms)


def taught(prints: int = 400, hours: float = 13.0) -> Estimator:
    """Both venues' marks swing by 1 %; Bybit prints far less than the prior expects."""
    made = estimator()
    print_shorts(made, "bybit", Completeness.FULL, 1, 1.0)
    step_ms = round(hours * HOUR / prints)
    for i in range(prints):
        at_ms = (i + 1) * step_ms
        for venue in made.venues:
            # What the mark did unseen would teach nothing.
            made.mark(venue, START * (1.0 if i % 2 else 1.01), at_ms - step_ms // 2)
            made.mark(venue, START * (1.01 if i % 2 else 1.0), at_ms)
            made.venues[venue].trades(np.full(2, START), np.full(2, 40_000.0), np.array([True, False]))
            made.venues[venue].open_interest(50_000.0, at_ms)
        print_shorts(made, "bybit", Completeness.FULL, at_ms, 15.0)
    return made


def test_nothing_is_calibrated_before_a_complete_feed_taught_enough() -> None:
    made = estimator()
    assert (made.calibrated, made.prints, made.widening) == (False, 0, None)
    heat = made.heat(["binance", "bybit"], [START, START])
    assert heat.certainty is None
    assert typical_factor(heat, []) == constants.UNCALIBRATED_FACTOR
    assert not taught(prints=constants.LEARNED_PRINTS_MIN - 10).calibrated
    assert not taught(hours=constants.LEARNED_HOURS_MIN - 1).calibrated


def test_once_calibrated_every_cluster_has_its_own_interval() -> None:
    made = taught()
    assert made.calibrated
    assert made.prints == 401
    heat = made.heat(["binance", "bybit"], [START, START])
    assert heat.certainty is not None
    clusters = find_clusters(heat, START, heat.oi_usd)
    assert clusters
    for cluster in clusters:
        assert 1.0 < cluster.usd_hi / cluster.usd < constants.UNCALIBRATED_FACTOR
        assert cluster.usd_hi / cluster.usd == pytest.approx(cluster.usd / cluster.usd_lo)
    factors = [cluster.usd_hi / cluster.usd for cluster in clusters]
    assert min(factors) <= typical_factor(heat, clusters) <= max(factors)


def test_a_venue_without_a_complete_feed_takes_over_the_lesson_with_more_doubt() -> None:
    made = taught()
    binance, bybit = made.venues["binance"], made.venues["bybit"]
    assert bybit.lesson.multipliers[0] < 0.5
    np.testing.assert_allclose(binance.lesson.multipliers, bybit.lesson.multipliers, rtol=0.02)
    np.testing.assert_array_equal(binance.taught.multipliers, 1.0)
    assert binance.lesson.own_sigma > bybit.lesson.own_sigma == 0.0
    one, other = (made.heat([venue], [START]) for venue in ("bybit", "binance"))
    assert interval_factor(other, "long", 0, other.long_usd) > interval_factor(one, "long", 0, one.long_usd)


def test_throttled_prints_never_reach_the_classes_of_any_venue() -> None:
    made = estimator()
    for i in range(600):
        at_ms = i * 60_000
        for venue in made.venues:
            made.mark(venue, START * (1.01 if i % 2 else 1.0), at_ms)
        print_shorts(made, "binance", Completeness.THROTTLED, at_ms, 500.0)
    for bands in made.venues.values():
        np.testing.assert_array_equal(bands.lesson.multipliers, 1.0)
    assert made.prints == 0


def test_a_complete_feed_bounds_what_a_throttled_one_is_thought_to_hide() -> None:
    made = taught()
    ratio = made.venues["bybit"].forced.share_per_min
    assert ratio > 0
    assert made.venues["binance"].forced.share_max_per_min == pytest.approx(
        ratio * constants.THROTTLED_FULL_RATIO_MAX, rel=0.2
    )


def test_clusters_of_a_complete_feed_that_price_went_through_are_counted() -> None:
    made = taught()
    at_ms = made.venues["bybit"].at_ms
    for i in range(200):
        at_ms += 60_000
        made.mark("bybit", START * (1 - 0.0003 * i), at_ms)
        made.venues["bybit"].open_interest(50_000.0, at_ms)
    assert made.touches > 0


def test_a_feed_that_fell_silent_beside_loud_ones_teaches_nothing() -> None:
    made = taught()
    made.venues["okx"] = Bands(bundled_tiers("okx", "BTCUSDT"), START, made.venues["bybit"].at_ms)
    bybit, at_ms = made.venues["bybit"], made.venues["bybit"].at_ms
    before = bybit.taught.multipliers.copy()
    for i in range(1, 60):
        at_ms += 60_000
        for venue in ("binance", "okx"):
            made.liquidation(venue, Side.BUY, 1.0, START, PriceKind.FILL, Completeness.THROTTLED, at_ms)
        for venue in ("binance", "okx", "bybit"):
            made.mark(venue, START * (1 - 0.0006 * max(i - 20, 0)), at_ms)
        bybit.open_interest(50_000.0, at_ms)
    assert made.suspects == ["bybit"]
    after = bybit.taught.multipliers
    # The quarter of an hour that it takes to notice has no moves in it.
    np.testing.assert_allclose(after, before, rtol=0.02)
    made.liquidation("bybit", Side.BUY, 1.0, START, PriceKind.TRIGGER, Completeness.FULL, at_ms)
    assert made.suspects == []
