from math import floor, log

import numpy as np
import pytest

from leadline.domain import score
from leadline.domain.estimator_constants import PROFILE_BINS
from tests.fakes.market_week import Bar

HALF = PROFILE_BINS // 2
STEP = score.STEP


def spike(away: int, usd: float = 1.0) -> np.ndarray:
    found = np.zeros(PROFILE_BINS)
    found[HALF + away] = usd
    return found


def test_moving_a_map_costs_its_distance_in_percent() -> None:
    assert score.emd_pct(spike(100), spike(140)) == pytest.approx(40 * STEP * 100)
    assert score.emd_pct(spike(-20), spike(-20)) == 0.0
    half = 0.5 * spike(10) + 0.5 * spike(30)
    assert score.emd_pct(half, spike(10)) == pytest.approx(10 * STEP * 100)


def test_only_the_shape_within_reach_counts_for_the_distance() -> None:
    assert score.emd_pct(spike(50, 7.0), spike(50)) == 0.0
    assert score.emd_pct(spike(50) + spike(700), spike(50)) == 0.0
    assert score.emd_pct(spike(700), spike(50)) is None


def test_the_mass_ratio_is_of_dollars_within_reach() -> None:
    assert score.mass_ratio(spike(50, 3.0) + spike(700, 9.0), spike(20, 2.0)) == 1.5
    assert score.mass_ratio(spike(50), np.zeros(PROFILE_BINS)) is None


def test_deviance_is_nil_for_the_truth_and_grows_with_error() -> None:
    realised = np.array([0.0, 2.0, 5.0])
    truth = np.array([1e-12, 2.0, 5.0])
    assert score.deviance(realised, truth) == pytest.approx(0.0, abs=1e-9)
    assert score.deviance(realised, truth + 1) < score.deviance(realised, truth + 3)


def test_capture_is_what_the_first_ranked_hold() -> None:
    realised = np.array([1.0, 6.0, 0.0, 3.0, 0.0])
    assert score.capture(realised, np.array([0.0, 9.0, 1.0, 2.0, 0.0]), 0.2) == 0.6
    assert score.capture(realised, np.array([9.0, 0.0, 1.0, 2.0, 0.0]), 0.4) == pytest.approx(0.4)


def test_whole_days_are_drawn_for_the_interval() -> None:
    same = [(day, 2.0, 4.0) for day in range(10) for _ in range(24)]
    assert score.day_block_interval(same, 1) == (0.5, 0.5)
    # One bad day in ten: hours drawn alone would hide it.
    bad = [(day, 4.0 if day == 0 else 1.0, 4.0) for day in range(10) for _ in range(24)]
    interval = score.day_block_interval(bad, 1)
    assert interval is not None
    assert interval[0] == pytest.approx(0.25)
    assert interval[1] > 0.4
    assert score.day_block_interval(same[:24], 1) is None


def outcomes(maps: dict[str, float], days: int = 20) -> list[score.Outcome]:
    """Outcomes in which bins die with a rate known to a perfect map; maps blur it by a factor."""
    random = np.random.default_rng(3)
    made = []
    for hour in range(days * 24):
        away = np.arange(40)
        rate = 20 * np.exp(-away / 15) * random.lognormal(0, 1.0, 40)
        realised = random.poisson(rate).astype(float)
        foretold = {name: rate * random.lognormal(0, blur, 40) for name, blur in maps.items()}
        at_ms = hour * 3_600_000
        made.append(score.Outcome(at_ms, at_ms + 3_600_000, away, realised, foretold))
    return made


def test_skill_ranks_maps_and_a_scale_is_no_matter() -> None:
    made = outcomes({"good": 0.2, "poor": 1.0})
    for outcome in made:
        outcome.foretold["loud"] = outcome.foretold["good"] * 300
    score.with_distance_only(made)
    good, days = score.skill(made, "good")
    poor, loud = score.skill(made, "poor")[0], score.skill(made, "loud")[0]
    assert good is not None
    assert poor is not None
    assert good > 0.7 > poor
    assert loud == pytest.approx(good)
    assert len({day for day, _, _ in days}) == 20


def test_distance_alone_learns_from_the_past_alone() -> None:
    made = outcomes({"good": 0.2}, days=2)
    score.with_distance_only(made)
    before = made[20].foretold["distance"].copy()
    again = outcomes({"good": 0.2}, days=2)
    for outcome in again[20:]:
        outcome.realised[:] = 1e6
    score.with_distance_only(again)
    np.testing.assert_array_equal(again[20].foretold["distance"], before)
    assert (again[22].foretold["distance"] > made[22].foretold["distance"]).all()
    assert "distance" not in made[0].foretold


def test_a_number_is_told_only_when_enough_stands_behind_it() -> None:
    assert score.enough(199, 200, 0.8) == "not enough data (n=199)"
    assert score.enough(200, 200, 0.8) == 0.8
    assert score.enough(200, 200, None) == "not enough data (n=200)"


def bar(low: float, high: float, close: float, volume: float = 90.0, buys: float | None = None) -> Bar:
    return Bar(0, close, high, low, close, volume, buys)


def around(baseline: score.Baseline, price: float) -> np.ndarray:
    return baseline.coins(floor(log(price) / STEP) - HALF)


def mean_away(coins: np.ndarray) -> float:
    return float(np.average(np.arange(PROFILE_BINS) - HALF, weights=coins)) * STEP


def test_the_coinank_like_map_opens_both_sides_by_leverage_and_clears_on_touch() -> None:
    made = score.CoinankLike(100.0)
    made.minute(bar(99.99, 100.01, 100.0), 1.0)
    long, short = around(made, 100.0)
    assert long.sum() == pytest.approx(90.0)
    assert mean_away(long) == pytest.approx(np.mean(np.log([0.96, 0.98, 0.99])), abs=1e-3)
    assert mean_away(short) == pytest.approx(np.mean(np.log([1.04, 1.02, 1.01])), abs=1e-3)
    made.minute(bar(98.5, 100.0, 99.0, volume=0.0), 1.0)
    assert around(made, 99.0)[0].sum() == pytest.approx(60.0)


def test_the_one_sided_map_follows_takers_and_open_interest() -> None:
    made = score.OneSided(100.0)
    made.minute(bar(99.99, 100.01, 100.0, buys=80.0), 50.0)
    made.minute(bar(99.99, 100.01, 100.0, buys=80.0), 60.0)
    long, short = around(made, 100.0)
    assert (long.sum(), short.sum()) == (pytest.approx(10.0), 0.0)
    made.minute(bar(99.99, 100.01, 100.0, buys=80.0), 30.0)
    assert around(made, 100.0)[0].sum() == pytest.approx(5.0)


def test_the_volume_profile_lies_where_was_traded_and_fades() -> None:
    made = score.VolumeProfile(100.0)
    made.minute(bar(100.0, 100.01, 100.0), 1.0)
    assert around(made, 100.0)[0].sum() == pytest.approx(90.0, rel=1e-3)
    for _ in range(7 * 1440):
        made.minute(bar(50.0, 50.001, 50.0, volume=0.0), 1.0)
    assert around(made, 100.0)[0].sum() == pytest.approx(90.0 / np.e, rel=1e-3)


def test_what_died_is_counted_in_the_bins_between_mark_and_extremes() -> None:
    origin = 1_000
    here = origin + HALF
    sides = np.array([0, 0, 1, 1])
    bins = np.array([here - 2, here - 9, here + 1, here + 3])
    away, realised, index = score.touched_bins(
        sides, bins, np.array([1.0, 2.0, 4.0, 8.0]), origin, here - 3, here + 2
    )
    assert away.tolist() == [3, 2, 1, 1, 2]
    assert realised.tolist() == [0.0, 1.0, 0.0, 4.0, 0.0]
    assert index.tolist() == [HALF - 3, HALF - 2, HALF - 1, PROFILE_BINS + HALF + 1, PROFILE_BINS + HALF + 2]
