"""Columns of the map: kept, read back, and laid over each other as the joint heat of that moment would be."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.backcast import backcast
from leadline.domain.bands import STEP, Bands
from leadline.domain.heat import codes_of, combine, usd_of
from leadline.domain.heatmap import (
    COARSE_SLOTS,
    MAP_ROWS,
    STORED_BINS,
    Column,
    Grid,
    VenueColumns,
    book_codes,
    choose_grid,
    coded,
    picture,
    price_range,
)
from leadline.domain.leverage import bundled_tiers
from leadline.domain.profile import Profile
from tests.fakes.market_week import BAR_MS, Bar, market_week

USD = np.array([usd_of(code) for code in range(256)])
NO_BANDS = np.zeros(STORED_BINS, dtype=np.uint8)


def week_of_bands(seed: int, bars: int = 600) -> Bands:
    candles, open_interest = market_week(seed, bars)
    bands = Bands(bundled_tiers("binance", "BTCUSDT"), candles[0].open, 0)
    backcast(bands, candles, open_interest)
    return bands


def column(minute: int, price: float, span_min: int = 1, codes: np.ndarray = NO_BANDS) -> Column:
    origin = int(np.floor(log(price) / STEP)) - STORED_BINS // 2
    return Column(minute, span_min, (price, price + 2, price - 2, price + 1), price, 10.0, origin, codes)


def profile_column(minute: int, profile: Profile, mark: float) -> Column:
    origin = int(np.floor(log(mark) / STEP)) - STORED_BINS // 2
    begin = origin - profile.origin
    coins = (profile.long_coins + profile.short_coins)[begin : begin + STORED_BINS]
    codes = codes_of(coins * np.exp((origin + np.arange(STORED_BINS) + 0.5) * STEP))
    return Column(minute, 1, (mark, mark, mark, mark), mark, profile.oi_coins, origin, codes)


def close_to(codes: np.ndarray, usd: np.ndarray) -> None:
    """A code stands for its dollars within half a step of the scale, and all sums of codes with it."""
    np.testing.assert_allclose(USD[codes], usd, rtol=0.062, atol=20.0)


def test_bands_are_coded_as_their_profile_at_the_price_of_each_bin() -> None:
    bands = week_of_bands(1)
    profile = bands.profile()
    origin, codes = coded(bands)
    begin = origin - profile.origin
    prices = np.exp((origin + np.arange(STORED_BINS) + 0.5) * STEP)
    usd = (profile.long_coins + profile.short_coins)[begin : begin + STORED_BINS] * prices
    assert usd.max() > 1e6
    np.testing.assert_allclose(USD[codes], usd, rtol=0.03, atol=3.0)


@pytest.mark.parametrize("basis", [0.0, 0.0004, -0.0017, 0.0111])
@pytest.mark.parametrize("row_bins", [1, 3])
def test_a_picture_is_the_joint_heat_of_its_moment(basis: float, row_bins: int) -> None:
    one, other = week_of_bands(2).profile(), week_of_bands(3).profile()
    # The second venue trades at its own price: its mark differs from the first one's by the basis.
    shift = round((log(one.mark * (1 + basis)) - log(other.mark)) / STEP)
    moved = Profile(
        **{name: getattr(other, name) for name in Profile.__slots__ if name not in ("origin", "mark")},
        origin=other.origin + shift,
        mark=other.mark * exp(shift * STEP),
    )
    heat = combine([(one, one.mark), (moved, moved.mark)], one.mark)
    venues = [VenueColumns(), VenueColumns()]
    for columns, profile in zip(venues, (one, moved), strict=True):
        columns.put(profile_column(77, profile, profile.mark))
    low_bin = int(np.floor(log(one.mark) / STEP)) - MAP_ROWS * row_bins // 2
    made = picture(venues, Grid(low_bin, row_bins), 77, 1, 1)
    begin = low_bin - heat.origin
    # Where the columns end, a little of the joint heat lies beyond them.
    span = slice(begin, begin + MAP_ROWS * row_bins)
    for codes, usd in ((made.long[0], heat.long_usd), (made.short[0], heat.short_usd)):
        rows = usd[span].reshape(-1, row_bins).sum(axis=1)
        inner = slice(2, -2) if row_bins == 1 else slice(30, -30)
        close_to(codes[inner], rows[inner])
    expected = np.array([p.long_coins.sum() + p.short_coins.sum() for p in (one, moved)])
    assert made.shares[0] == pytest.approx(expected[0] / expected.sum(), abs=0.03)
    assert made.oi_usd[0] == pytest.approx(one.oi_coins * one.mark + moved.oi_coins * moved.mark)


@given(st.floats(-0.02, 0.02), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_longs_stay_below_the_mark_and_shorts_above_it(basis: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    marks = 50_000.0, 50_000.0 * (1 + basis)
    venues = [VenueColumns(), VenueColumns()]
    for columns, mark in zip(venues, marks, strict=True):
        columns.put(column(5, mark, codes=random.integers(0, 256, STORED_BINS).astype(np.uint8)))
    grid = choose_grid(12, marks[0], marks[0], marks[0])
    made = picture(venues, grid, 5, 1, 1)
    centres = grid.low_bin + np.arange(grid.rows) + 0.5
    own = log(marks[0]) / STEP
    assert not made.long[0, centres > own].any()
    assert not made.short[0, centres < own].any()
    assert made.long.any()
    assert made.short.any()


def test_bars_are_kept_by_minute_for_a_day_and_by_five_for_a_week() -> None:
    columns = VenueColumns()
    last = 30_000_000
    for minute in range(last - 8 * 1440, last + 1):
        columns.put(column(minute, 50_000.0 + minute % 7, codes=np.full(STORED_BINS, minute % 256, np.uint8)))
    day = columns.read(last - 1439, 1, 1440)
    assert (day.marks > 0).all()
    assert [int(code) for code in day.codes[:, 0]] == [m % 256 for m in range(last - 1439, last + 1)]
    before = columns.read(last - 1440, 1, 1)
    assert before.marks[0] == 0.0
    assert np.isnan(before.candles[0]).all()
    first = (last // 5 - COARSE_SLOTS + 1) * 5
    week = columns.read(first, 5, COARSE_SLOTS)
    assert (week.marks > 0).all()
    # A column shows the bands of its last minute.
    assert int(week.codes[0, 0]) == (first + 4) % 256


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 39), st.floats(90.0, 110.0)), min_size=1, max_size=60))
def test_a_column_spans_its_minutes_and_shows_the_last_that_is_known(told: list[tuple[int, float]]) -> None:
    told.sort(key=lambda made: made[0])
    columns, known = VenueColumns(), {}
    for minute, price in told:
        columns.put(column(minute, price))
        held = known.get(minute, (price, price + 2, price - 2, price + 1))
        known[minute] = (held[0], max(held[1], price + 2), min(held[2], price - 2), price + 1)
    for step in (2, 5, 20):
        read = columns.read(0, step, 40 // step)
        for at in range(40 // step):
            inside = [known[minute] for minute in range(at * step, (at + 1) * step) if minute in known]
            if not inside:
                assert read.marks[at] == 0.0
                assert np.isnan(read.candles[at]).all()
                continue
            highs, lows = [bar[1] for bar in inside], [bar[2] for bar in inside]
            bar = (inside[0][0], max(highs), min(lows), inside[-1][3])
            assert tuple(read.candles[at]) == pytest.approx(bar, rel=1e-6)
            assert read.marks[at] == pytest.approx(inside[-1][3] - 1, rel=1e-6)


def test_a_bar_told_late_keeps_the_newer_bands() -> None:
    columns = VenueColumns()
    columns.put(column(14, 100.0, codes=np.full(STORED_BINS, 7, np.uint8)))
    columns.put(column(11, 90.0, codes=np.full(STORED_BINS, 3, np.uint8)))
    read = columns.read(10, 5, 1)
    assert int(read.codes[0, 0]) == 7
    assert tuple(read.candles[0]) == (90.0, 102.0, 88.0, 101.0)


@settings(deadline=None)
@given(st.floats(1e-4, 1e6), st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.sampled_from([12, 24, 72, 168]))
def test_rows_show_the_whole_range_with_the_price_in_the_middle_half(
    price: float, below: float, above: float, hours: int
) -> None:
    low, high = price * (1 - below), price * (1 + above)
    grid = choose_grid(hours, price, low, high)
    assert grid.holds(price)
    assert grid.shows(low, high)
    assert not grid.holds(price * exp(grid.rows * grid.row_bins * STEP * 0.26))
    assert grid.low * grid.ratio**grid.rows > high


def test_resting_dollars_lie_on_the_row_of_their_price() -> None:
    grid = choose_grid(12, 50_000.0, 50_000.0, 50_000.0)
    edges = grid.low * grid.ratio ** np.arange(grid.rows + 1)
    prices = np.array([edges[3] * 1.0001, edges[3] * 1.0002, edges[200] * 1.0001, edges[0] * 0.99, 1e9])
    codes = book_codes(grid, prices, np.array([1e6, 2e6, 5e5, 9e9, 9e9]))
    assert list(np.flatnonzero(codes)) == [3, 200]
    np.testing.assert_allclose(USD[codes[[3, 200]]], [3e6, 5e5], rtol=0.03)


@settings(deadline=None)
@given(st.floats(1e-4, 1e6), st.sampled_from([12, 24, 72, 168]), st.data())
def test_rows_within_two_prices_are_those_with_both_edges_there(
    price: float, hours: int, data: st.DataObject
) -> None:
    grid = choose_grid(hours, price, price, price)
    low, high = sorted(price * exp(data.draw(st.floats(-1.0, 1.0))) for _ in range(2))
    edges = grid.low * grid.ratio ** np.arange(grid.rows + 1)
    first, end = grid.within(low, high)
    inside = np.flatnonzero((edges[:-1] >= low * (1 - 1e-9)) & (edges[1:] <= high * (1 + 1e-9)))
    assert list(range(first, end)) == list(inside)


def test_rows_within_prices_on_their_edges_are_all_between() -> None:
    grid = choose_grid(24, 50_000.0, 50_000.0, 50_000.0)
    edges = grid.low * grid.ratio ** np.arange(grid.rows + 1)
    assert grid.within(float(edges[3]), float(edges[7])) == (3, 7)
    assert grid.within(0.0, 1e12) == (0, grid.rows)
    assert grid.within(float(edges[5]) * 1.00001, float(edges[6]) * 0.99999) == (6, 6)


def test_a_range_without_a_trade_has_no_prices() -> None:
    columns = VenueColumns()
    columns.put(column(100, 50.0))
    assert price_range([VenueColumns(), columns], 90, 1, 20) == (48.0, 52.0)
    with pytest.raises(ValueError, match="found none"):
        price_range([columns], 0, 1, 10)


def test_the_past_played_back_leaves_the_bands_where_its_bars_do_and_a_column_a_bar() -> None:
    bars, open_interest = market_week(5, 400)
    one, other = (Bands(bundled_tiers("okx", "BTCUSDT"), bars[0].open, 0) for _ in range(2))
    columns = backcast(one, bars, open_interest, columns_since_ms=bars[100].at_ms)
    other.mark(bars[0].open, 0)
    for bar, (at_ms, coins) in zip(bars, open_interest, strict=True):
        other.candle(bar)
        other.open_interest(coins, at_ms)
    assert one.profile().long_coins.tobytes() == other.profile().long_coins.tobytes()
    assert [made.minute for made in columns] == [bar.at_ms // 60_000 for bar in bars[100:]]
    origin, codes = coded(other)
    assert (columns[-1].origin, columns[-1].codes.tobytes()) == (origin, codes.tobytes())


def test_bars_of_all_lengths_and_settlements_are_played_in_the_order_of_time() -> None:
    candles, open_interest = market_week(6, 432)
    hours = [
        Bar(part[0].at_ms, part[0].open, max(b.high for b in part), min(b.low for b in part), part[-1].close,
            sum(b.volume for b in part), None, 12 * BAR_MS)
        for part in (candles[at : at + 12] for at in range(0, 288, 12))
    ]  # fmt: skip
    bars = [*hours, *candles[288:]]
    assert all(one.at_ms + one.span_ms == two.at_ms for one, two in pairwise(bars))
    plain, funded = (Bands(bundled_tiers("okx", "BTCUSDT"), candles[0].open, 0) for _ in range(2))
    columns = backcast(plain, bars, open_interest)
    assert len(columns) == len(candles) - 288, "an hour is too long for a column"
    rate = 2 * STEP
    end_ms = bars[-1].at_ms + BAR_MS
    backcast(funded, bars, open_interest, [(end_ms, rate), (end_ms + 1, rate)])
    np.testing.assert_allclose(
        funded.profile().long_coins[4:780], plain.profile().long_coins[:776], rtol=2e-3
    )


def test_a_venue_without_history_still_starts_from_its_one_sample() -> None:
    bands = Bands(bundled_tiers("okx", "BTCUSDT"), 100.0, 0)
    assert backcast(bands, [], [(0, 500.0)]) == []
    assert bands.oi_coins == 500.0
