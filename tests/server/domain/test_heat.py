from math import floor, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain.heat import (
    CODE_MAX,
    Heat,
    code_of,
    codes_of,
    combine,
    heat_top_usd,
    row_codes,
    row_usd,
    usd_of,
)
from leadline.domain.kernels import F8
from leadline.domain.profile import Profile

BINS, STEP = constants.PROFILE_BINS, constants.LOG_STEP


def profile(mark: float, longs: dict[float, float], shorts: dict[float, float]) -> Profile:
    """A profile with coins at distances from its mark, given as fractions."""
    origin = floor(log(mark) / STEP) - BINS // 2
    long_coins, short_coins = np.zeros(BINS), np.zeros(BINS)
    for away, coins in longs.items():
        long_coins[floor(log(mark * (1 - away)) / STEP) - origin] += coins
    for away, coins in shorts.items():
        short_coins[floor(log(mark * (1 + away)) / STEP) - origin] += coins
    sds = 0.5 * np.stack([long_coins, short_coins])
    return Profile(origin, STEP, long_coins, short_coins, sds, 2.0, 1_000.0, 0.0, 0.0, mark, 0)


def centres(heat: Heat) -> F8:
    return np.exp(heat.edges[:-1] + heat.step / 2)


def test_coins_are_valued_at_the_price_of_their_band() -> None:
    heat = combine([(profile(60_000.0, {0.1: 2.0}, {0.05: 3.0}), 60_000.0)], 60_000.0)
    assert heat.long_usd.sum() == pytest.approx(2 * 54_000, rel=STEP)
    assert heat.short_usd.sum() == pytest.approx(3 * 63_000, rel=STEP)
    assert heat.oi_usd == 1_000 * 60_000


def test_distance_to_each_venues_own_mark_is_preserved() -> None:
    far = profile(61_234.5, {0.05: 1.0}, {0.03: 1.0})
    heat = combine([(far, 61_234.5)], 60_000.0)
    own = combine([(far, 61_234.5)], 61_234.5)
    for moved, still in ((heat.long_usd, own.long_usd), (heat.short_usd, own.short_usd)):
        away = np.average(np.log(centres(heat)) - log(60_000.0), weights=moved)
        expected = np.average(np.log(centres(own)) - log(61_234.5), weights=still)
        assert away == pytest.approx(expected, abs=STEP / 10)


def test_venues_add_up() -> None:
    one, two = profile(60_000.0, {0.02: 5.0}, {}), profile(60_030.0, {0.02: 7.0}, {0.01: 2.0})
    both = combine([(one, 60_000.0), (two, 60_030.0)], 60_000.0)
    assert both.long_usd.sum() == pytest.approx(12 * 58_800, rel=2 * STEP)
    assert both.oi_usd == 2_000 * 60_000


def test_a_profile_taken_at_an_older_mark_stays_where_its_triggers_are() -> None:
    taken = profile(60_000.0, {0.05: 1.0}, {0.05: 1.0})
    heat = combine([(taken, 60_600.0)], 60_600.0)
    assert np.average(centres(heat), weights=heat.long_usd) == pytest.approx(57_000, rel=STEP)
    assert np.average(centres(heat), weights=heat.short_usd) == pytest.approx(63_000, rel=STEP)


@settings(deadline=None)
@given(
    venue=st.floats(0.97, 1.03),
    mark=st.floats(1e-4, 2e5),
    longs=st.dictionaries(st.floats(0.0006, 0.3), st.floats(0.1, 100), min_size=1, max_size=5),
    shorts=st.dictionaries(st.floats(0.0006, 0.3), st.floats(0.1, 100), min_size=1, max_size=5),
)
def test_no_basis_mixes_the_sides_or_loses_coins(
    venue: float, mark: float, longs: dict[float, float], shorts: dict[float, float]
) -> None:
    heat = combine([(profile(mark * venue, longs, shorts), mark * venue)], mark)
    prices = centres(heat)
    assert not heat.long_usd[prices >= mark].any()
    assert not heat.short_usd[prices <= mark].any()
    assert (heat.long_usd / prices).sum() == pytest.approx(sum(longs.values()))
    assert (heat.short_usd / prices).sum() == pytest.approx(sum(shorts.values()))


def test_without_profiles_there_is_no_heat() -> None:
    heat = combine([], 60_000.0)
    assert not row_codes(heat, 0.1, 100, 5_900, 200).any()
    assert heat_top_usd(heat, 10.0) == 0.0


@pytest.mark.parametrize(
    ("tick", "group", "mark"), [(0.1, 100, 60_123.4), (0.01, 50, 3_000.0), (1e-6, 20, 0.031)]
)
def test_rows_share_out_every_dollar_within_their_reach(tick: float, group: int, mark: float) -> None:
    heat = combine([(profile(mark, {0.004: 5.0, 0.06: 3.0}, {0.003: 2.0, 0.1: 1.0}), mark)], mark)
    middle = round(mark / (tick * group))
    rows = middle * 2 // 5
    usd = row_usd(heat, tick, group, middle - rows // 2, rows)
    assert usd.sum() == pytest.approx(heat.long_usd.sum() + heat.short_usd.sum())
    prices = np.arange(middle - rows // 2, middle - rows // 2 + rows) * tick * group
    assert usd[prices < mark].sum() == pytest.approx(heat.long_usd.sum())


def test_a_row_reaches_half_a_group_to_either_side_of_its_price() -> None:
    mark = 60_000.0
    heat = combine([(profile(mark, {0.05: 1.0}, {}), mark)], mark)
    (at,) = np.flatnonzero(heat.long_usd)
    low, high = np.exp(heat.edges[at : at + 2])
    group = 10
    first = round(low / group) - 5
    usd = row_usd(heat, 1.0, group, first, 20)
    prices = (first + np.arange(20)) * group
    assert np.average(prices, weights=usd) == pytest.approx((low + high) / 2, abs=1.0)
    inside = (prices + 5 > low) & (prices - 5 < high)
    assert not usd[~inside].any()
    whole = (prices - 5 > low) & (prices + 5 < high)
    assert whole.any()
    assert usd[whole] == pytest.approx(heat.long_usd[at] * 10 / (high - low), rel=1e-3)


def test_a_bin_that_holds_the_mark_colours_only_the_side_it_belongs_to() -> None:
    position = floor(log(60_000.0) / STEP)
    mark = float(np.exp((position + 0.7) * STEP))
    heat = Heat(position - BINS // 2, STEP, mark, np.zeros(BINS), np.zeros(BINS), 0.0)
    heat.long_usd[BINS // 2] = 1e6
    usd = row_usd(heat, 0.1, 10, 0, 80_000)
    prices = np.arange(80_000)
    assert usd[prices > mark + 1].sum() == 0.0
    assert usd[prices < mark + 1].sum() == pytest.approx(1e6)


def test_rows_at_and_below_a_price_of_zero_are_empty() -> None:
    mark = 0.5
    heat = combine([(profile(mark, {0.2: 1e9}, {}), mark)], mark)
    codes = row_codes(heat, 0.01, 1, -100, 400)
    assert codes.shape == (400,)
    assert codes.dtype == np.uint8
    assert not codes[:105].any()
    assert codes[105:].any()


def test_every_code_reads_back_as_itself() -> None:
    assert [code_of(usd_of(code)) for code in range(CODE_MAX + 1)] == list(range(CODE_MAX + 1))
    assert usd_of(0) == 0.0


@settings(deadline=None)
@given(st.floats(0, 1e12))
def test_a_code_is_within_half_a_step_of_the_dollars(usd: float) -> None:
    code = code_of(usd)
    if code < CODE_MAX:
        assert usd_of(code) <= (usd + 100) * 1.06**0.5 - 100 + 1e-6
        assert usd_of(code) >= (usd + 100) * 1.06**-0.5 - 100 - 1e-6
    else:
        assert usd >= usd_of(CODE_MAX - 1)


def test_rounding_noise_below_zero_is_empty() -> None:
    assert codes_of(np.array([-1e-9, 0.0, 1e15])).tolist() == [0, 0, CODE_MAX]


def test_the_top_of_the_palette_is_what_a_dense_row_holds_where_a_map_reaches() -> None:
    origin = floor(log(60_000.0) / STEP) - BINS // 2
    density = np.diff(np.exp((origin + np.arange(BINS + 1)) * STEP)) * 1_000.0
    heat = Heat(origin, STEP, 60_000.0, density, np.zeros(BINS), 0.0)
    assert heat_top_usd(heat, 25.0) == pytest.approx(25_000.0)
    # One glowing bin does not darken all others, nor does what lies beyond the widest map.
    density[BINS // 2 - 40] *= 1e6
    density[: BINS // 2 - 300] *= 50.0
    assert heat_top_usd(heat, 25.0) == pytest.approx(25_000.0)
    # What price has cleared about itself does not make the ordinary rows beyond it bright.
    density[BINS // 2 - 80 : BINS // 2 + 80] *= 0.01
    assert heat_top_usd(heat, 25.0) == pytest.approx(25_000.0)
