import csv
import gzip
from math import floor, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain import kernels
from leadline.domain.backcast import backcast
from leadline.domain.bands import STEP, Bands
from leadline.domain.clusters import find_clusters
from leadline.domain.events import Side
from leadline.domain.heat import combine
from leadline.domain.kernels import F8
from leadline.domain.leverage import bundled_tiers, fallback_tiers
from leadline.domain.placement import distance_prior, trigger_kernels
from leadline.domain.profile import Profile
from tests.fakes.captures import capture
from tests.fakes.market_week import BAR_MS, Bar, market_week

TIERS = bundled_tiers("binance", "BTCUSDT")
START = 60_000.0


def trade(bands: Bands, price: float, coins: float, bought: bool = True) -> None:
    bands.trades(np.array([price]), np.array([coins]), np.array([bought]))


def opened(price: float = START, coins: float = 100.0, volume: float = 100.0) -> Bands:
    """Bands that knew nothing until ``coins`` were opened in one slice, all at one price."""
    bands = Bands(TIERS, price, 0)
    bands.open_interest(0.0, 0)
    trade(bands, price, volume / 2, bought=True)
    trade(bands, price, volume / 2, bought=False)
    bands.open_interest(coins, 1_000)
    return bands


def held(bands: Bands) -> tuple[float, float]:
    return sum(bands.held_coins(Side.BUY)), sum(bands.held_coins(Side.SELL))


def centres(profile: Profile) -> F8:
    return np.exp((profile.origin + np.arange(len(profile.long_coins)) + 0.5) * profile.step)


def assert_sound(bands: Bands) -> None:
    """The invariants that hold after every event."""
    assert held(bands) == pytest.approx((bands.oi_coins, bands.oi_coins), rel=1e-9)
    profile = bands.profile()
    prices = centres(profile)
    assert not profile.long_coins[prices >= bands.mark_price].any()
    assert not profile.short_coins[prices <= bands.mark_price].any()
    assert min(profile.long_coins.min(), profile.short_coins.min()) >= 0.0
    assert min(profile.long_rest, profile.short_rest) >= -1e-9


moves = st.tuples(st.just("mark"), st.floats(-0.08, 0.08) | st.floats(-1.5, 1.5))
prints = st.tuples(st.just("trade"), st.floats(-0.01, 0.01), st.floats(0.001, 500.0), st.booleans())
samples = st.tuples(st.just("oi"), st.floats(0.2, 3.0) | st.floats(0.99, 1.01) | st.just(0.0))


def play(bands: Bands, event: tuple[object, ...], at_ms: int) -> None:
    match event:
        case ("mark", float(move)):
            bands.mark(min(max(bands.mark_price * np.exp(move), 1e-3), 1e9), at_ms)
        case ("trade", float(away), float(coins), bool(bought)):
            trade(bands, bands.mark_price * np.exp(away), coins, bought)
        case ("oi", float(factor)):
            bands.open_interest((bands.oi_coins or 1_000.0) * factor, at_ms)
        case _:
            raise AssertionError(event)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(moves, prints, samples), max_size=40))
def test_both_sides_stay_worth_the_open_interest_and_on_their_side_of_the_mark(
    events: list[tuple[object, ...]],
) -> None:
    bands = Bands(TIERS, START, 0)
    for i, event in enumerate(events):
        play(bands, event, i * 1_000)
        assert_sound(bands)


class Plain:
    """The same placement and sweeping on long arrays that never wrap: one coin a trade, no closing."""

    def __init__(self, mark: float) -> None:
        self.first = floor(log(mark) / STEP) - 6_000
        self.cells = np.zeros((2, 12_000))
        self.move(mark)

    def move(self, mark: float) -> None:
        position = log(mark) / STEP - self.first
        at = np.arange(self.cells.shape[1]) + 0.5
        below = np.count_nonzero(at < position)
        above = np.count_nonzero(at <= position)
        self.cells[0, below:] = 0.0
        self.cells[0, : below - constants.BINS] = 0.0
        self.cells[1, :above] = 0.0
        self.cells[1, above + constants.BINS :] = 0.0

    def open(self, price: float, mark: float, shares: F8) -> None:
        offsets, widths, weights = trigger_kernels()
        entry = floor(log(price) / STEP) - self.first
        for side in range(2):
            for j in range(offsets.shape[1]):
                for w in range(widths[side, j]):
                    away = offsets[side, j] + w
                    at = entry + away if side == 0 else entry - away
                    self.cells[side, at] += shares[j] * weights[side, j, 1 + w]
        self.move(mark)


def place(bands: Bands, coins: float) -> None:
    """Open coins at the prices traded since the last sample, and close none."""
    kernels.place(
        bands._cells,
        bands._sums,
        bands._scales,
        bands._edges,
        bands._histogram,
        bands._span,
        bands._first,
        coins,
        1.0,
        1.0,
        bands._prior,
        *trigger_kernels(),
        bands.lesson.multipliers,
        bands._flows,
        False,
    )
    bands._histogram[:] = 0.0
    bands._span[:] = constants.HISTOGRAM_BINS, 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.3, 0.3), st.floats(-0.01, 0.01) | st.floats(-0.4, 0.4)), min_size=1, max_size=8
    )
)
def test_the_ring_holds_what_unbounded_arrays_would(steps: list[tuple[float, float]]) -> None:
    bands, plain = Bands(TIERS, START, 0), Plain(START)
    bands.open_interest(0.0, 0)
    bands.oi_coins = 1e6  # more than is placed below, so that nothing is cut to size
    for move, away in steps:
        mark = bands.mark_price * np.exp(move)
        bands.mark(mark, 0)
        plain.move(mark)
        bands._start_slice()
        trade(bands, mark * np.exp(away), 1.0)
        place(bands, 1.0)
        plain.open(mark * np.exp(away), mark, bands._prior)
        profile = bands.profile()
        begin = profile.origin - plain.first
        shown = plain.cells[:, begin : begin + constants.PROFILE_BINS]
        np.testing.assert_allclose(profile.long_coins, shown[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(profile.short_coins, shown[1], rtol=1e-9, atol=1e-12)


def test_positions_stand_at_the_distance_of_their_class_from_their_entry() -> None:
    bands = opened()
    share = distance_prior(TIERS)[constants.CLASS_DISTANCES.index(0.022)] * 100.0
    profile = bands.profile()
    prices = centres(profile)
    for coins, sign in ((profile.long_coins, 1), (profile.short_coins, -1)):
        away = sign * (1 - prices / START)
        inside = (away > 0.0185) & (away < 0.0255)
        assert coins[inside].sum() == pytest.approx(share)
        assert np.average(away[inside], weights=coins[inside]) == pytest.approx(0.022, abs=2 * STEP)


def test_far_out_the_prior_is_smooth_however_narrow_the_prices_of_the_entries() -> None:
    bands = opened()
    shares = distance_prior(TIERS) * 100.0
    classes = np.array(constants.CLASS_DISTANCES)
    # At a class's own distance no neighbour adds to it: twice its share over the way between them.
    nodes = np.flatnonzero(classes >= 0.20)[:2]
    expected = [2 * shares[j] / (classes[j + 1] - classes[j - 1]) for j in nodes]
    profile = bands.profile()
    prices = centres(profile)
    for coins, sign in ((profile.long_coins, 1), (profile.short_coins, -1)):
        away = sign * (1 - prices / START)
        density = coins / (prices * STEP / START)
        for j, height in zip(nodes, expected, strict=True):
            assert density[np.argmin(np.abs(away - classes[j]))] == pytest.approx(height, rel=0.02)
        # Between the two it runs straight from the one to the other.
        between = (away > classes[nodes[0]]) & (away < classes[nodes[1]])
        straight = np.interp(away[between], classes[nodes], expected)
        assert density[between] == pytest.approx(straight, rel=0.02)


@pytest.mark.parametrize("venue", ["binance", "okx", "hyperliquid"])
@pytest.mark.parametrize("moves", [0, 1, 40])
def test_of_the_prior_alone_no_cluster_is_found_far_out(venue: str, moves: int) -> None:
    bands = Bands(fallback_tiers(venue, "BTCUSDT", 100), START, 0)
    bands.open_interest(1_000.0, 0)
    for step in range(moves):
        trade(bands, START, 200.0)
        bands.open_interest(1_000.0 + 100.0 * step, 1_000 + step)
    heat = combine([(bands.profile(), START)], START)
    far = [one for one in find_clusters(heat, START, heat.oi_usd, 0.0) if one.distance_pct > 12.0]
    assert far == []


def test_takers_of_a_side_leave_more_of_it_in_bands() -> None:
    held = {}
    for bought in (True, False):
        bands = Bands(TIERS, START, 0)
        bands.open_interest(0.0, 0)
        trade(bands, START, 100.0, bought=bought)
        bands.open_interest(100.0, 1_000)
        held[bought] = [bands.held_coins(side)[0] for side in Side]
    ratio = constants.TAKER_LIQUIDATABLE / constants.MAKER_LIQUIDATABLE
    assert held[True][0] / held[False][0] == pytest.approx(ratio, rel=1e-6)
    assert held[False][1] / held[True][1] == pytest.approx(ratio, rel=1e-6)


def test_only_the_mark_takes_bands_away_and_only_on_its_way() -> None:
    bands = opened()
    before = bands.profile()
    bands.mark(START * 0.98, 2_000)
    after = bands.profile()
    prices = centres(before)
    reached = prices >= START * 0.98
    moved = after.origin - before.origin
    gone = before.long_coins[reached].sum()
    assert gone > 0
    assert bands.held_coins(Side.BUY)[2] == pytest.approx(gone)
    assert bands.held_coins(Side.SELL)[2] == 0.0
    kept = before.long_coins[~reached][-700:]
    found = after.long_coins[: (~reached).sum() - moved][-700:]
    np.testing.assert_allclose(found, kept)


def test_a_price_crossed_again_takes_nothing_twice() -> None:
    bands = opened()
    bands.mark(START * 0.97, 2_000)
    once = bands.held_coins(Side.BUY), bands.held_coins(Side.SELL)[:1]
    bands.mark(START * 0.99, 3_000)
    bands.mark(START * 0.97, 4_000)
    assert (bands.held_coins(Side.BUY), bands.held_coins(Side.SELL)[:1]) == once


def test_what_was_swept_counts_as_closed_and_is_not_closed_again() -> None:
    bands = opened()
    bands.mark(START * 0.97, 2_000)
    banded, pool, swept = bands.held_coins(Side.BUY)
    short_banded = bands.held_coins(Side.SELL)[0]
    trade(bands, START * 0.97, swept, bought=False)
    bands.open_interest(100.0 - swept, 3_000)
    assert bands.held_coins(Side.BUY) == pytest.approx((banded, pool, 0.0))
    assert bands.held_coins(Side.SELL)[0] == pytest.approx(short_banded * (1 - swept / 100.0))


def test_two_way_flow_replaces_positions_while_open_interest_stands_still() -> None:
    bands = opened()
    bands.mark(START * 1.05, 2_000)
    before = bands.held_coins(Side.BUY)[0]
    trade(bands, START * 1.05, 200.0, bought=True)
    trade(bands, START * 1.05, 200.0, bought=False)
    bands.open_interest(100.0, 3_000)
    profile = bands.profile()
    fresh = constants.CHURN_KEPT / 2 * 400.0
    # Nothing opened at START can die above it; of what was opened since, the classes to 4.6 % do.
    near = distance_prior(TIERS)[: constants.CLASS_DISTANCES.index(0.046) + 1].sum()
    kept = 100.0 / (100.0 + fresh)
    found = profile.long_coins[centres(profile) > START * 0.997].sum()
    assert found == pytest.approx(fresh * kept * near, rel=0.02)
    # As much is in bands as before, but for what was too far below for the ring and is not from here.
    assert bands.held_coins(Side.BUY)[0] == pytest.approx(before, rel=0.005)
    assert bands.held_coins(Side.BUY)[0] > before


def test_two_way_flow_where_nothing_has_moved_leaves_as_much_in_bands() -> None:
    bands = opened()
    before = [bands.held_coins(side)[0] for side in Side]
    trade(bands, START, 200.0, bought=True)
    trade(bands, START, 200.0, bought=False)
    bands.open_interest(100.0, 2_000)
    assert [bands.held_coins(side)[0] for side in Side] == pytest.approx(before, rel=1e-9)


def test_triggers_the_mark_leaves_far_behind_go_to_the_pool_and_not_to_the_swept() -> None:
    bands = opened()
    banded, pool, _ = bands.held_coins(Side.BUY)
    bands.mark(START * 2.2, 2_000)
    left, larger, swept = bands.held_coins(Side.BUY)
    assert swept == 0.0
    assert left < banded
    assert left + larger == pytest.approx(banded + pool)
    # They do not come back: the estimate forgets what a price so far away could have taken.
    bands.mark(START, 3_000)
    assert bands.held_coins(Side.BUY)[0] == pytest.approx(left)


def test_a_bar_takes_what_lies_between_its_extremes() -> None:
    by_bar, by_marks = opened(), opened()
    by_bar.candle(Bar(2_000, START, START * 1.02, START * 0.98, START * 1.001, 1.0, None))
    for factor in (0.98, 1.02, 1.001):
        by_marks.mark(START * factor, 2_000)
    for side in Side:
        assert by_bar.held_coins(side) == by_marks.held_coins(side)
        assert by_bar.held_coins(side)[2] > 0.0


def test_a_first_sample_without_history_is_a_smooth_map_with_a_pool() -> None:
    bands = Bands(TIERS, START, 0)
    bands.open_interest(1_000.0, 0)
    profile = bands.profile()
    assert_sound(bands)
    # The pool, and what dies beyond the picture: it ends 33 % below the mark and 49 % above it.
    assert constants.POOL_SHARE + 0.1 < profile.short_rest < profile.long_rest < 0.5
    # No stretch of 1 % holds more than a few percent of the open interest: nothing is claimed dense.
    assert np.convolve(profile.long_coins, np.ones(20)).max() < 0.05 * 1_000.0


def test_the_lazy_scale_survives_open_interest_falling_to_nothing_and_back() -> None:
    bands = opened()
    coins = 100.0
    for i in range(80):
        coins *= 0.5
        bands.open_interest(coins, 2_000 + i)
        assert_sound(bands)
    assert bands.held_coins(Side.BUY)[0] > 0.0
    bands.open_interest(0.0, 3_000)
    bands.open_interest(50.0, 4_000)
    assert_sound(bands)


def test_the_residual_shows_open_interest_that_the_model_cannot_explain() -> None:
    calm = opened()
    trade(calm, START, 10.0)
    calm.open_interest(101.0, 2_000)
    assert calm.residual_per_h == pytest.approx(0.0, abs=1e-9)
    # Half of the longs are swept, yet open interest does not fall.
    torn = opened()
    torn.mark(START * 0.9, 2_000)
    torn.open_interest(100.0, 3_000)
    assert torn.residual_per_h > 0.05


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_mark_that_is_no_price_is_refused(bad: float) -> None:
    bands = opened()
    with pytest.raises(ValueError, match="above 0"):
        bands.mark(bad, 1)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_open_interest_that_is_no_amount_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        opened().open_interest(bad, 1)


def test_the_prior_leaves_most_open_interest_far_away() -> None:
    # Isolated and cross positions seen in the open: about 43 to 48 % at 20 % or farther, 7 to 9 % within 2 %.
    prior = distance_prior(TIERS)
    away = np.array(constants.CLASS_DISTANCES)
    assert prior.sum() == pytest.approx(1 - constants.POOL_SHARE)
    assert constants.POOL_SHARE + prior[away >= 0.20].sum() == pytest.approx(0.455, abs=0.03)
    assert prior[away <= 0.02].sum() == pytest.approx(0.08, abs=0.015)


def test_a_lower_maximum_leverage_moves_the_prior_outwards() -> None:
    far = distance_prior(fallback_tiers("okx", "XUSDT", 20))
    near = distance_prior(fallback_tiers("okx", "XUSDT", 100))
    away = np.array(constants.CLASS_DISTANCES)
    assert far[away < 0.02].sum() < near[away < 0.02].sum() * 0.8


def test_a_bar_counts_like_its_volume_spread_over_its_range() -> None:
    low, high = START * 0.995, START * 1.005
    by_bar, by_trades = (Bands(TIERS, START, 0) for _ in range(2))
    prices = np.exp(np.linspace(log(low), log(high), 20_001))
    for bands in (by_bar, by_trades):
        bands.open_interest(0.0, 0)
    by_bar.candle(Bar(0, START, high, low, START, 100.0, None))
    by_trades.trades(prices, np.full(len(prices), 100 / len(prices)), np.arange(len(prices)) % 2 == 0)
    for price in (low, high, START):
        by_trades.mark(price, 0)
    by_bar.open_interest(50.0, 1_000)
    by_trades.open_interest(50.0, 1_000)
    one, other = by_bar.profile(), by_trades.profile()
    np.testing.assert_allclose(one.long_coins, other.long_coins, atol=5e-4)
    np.testing.assert_allclose(one.short_coins, other.short_coins, atol=5e-4)


def week(seed: int) -> Bands:
    bars, open_interest = market_week(seed)
    bands = Bands(TIERS, START, 0)
    backcast(bands, bars, open_interest)
    return bands


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_week_of_trading_leaves_clusters_on_both_sides(seed: int) -> None:
    bands = week(seed)
    assert_sound(bands)
    heat = combine([(bands.profile(), bands.mark_price)], bands.mark_price)
    clusters = find_clusters(heat, bands.mark_price, heat.oi_usd)
    assert {cluster.side for cluster in clusters} == {"long", "short"}
    for cluster in clusters:
        assert cluster.lo <= cluster.peak <= cluster.hi
        assert (cluster.hi <= bands.mark_price) == (cluster.side == "long")
        assert 0 < cluster.usd < heat.oi_usd


def test_a_long_fall_empties_the_prices_it_crossed_for_good() -> None:
    bands = week(4)
    top = bands.mark_price
    bands.mark(top * 0.93, bands.at_ms + 1)
    bands.mark(top, bands.at_ms + 1)
    bands.open_interest(bands.oi_coins * 0.97, bands.at_ms + 1_000)
    profile = bands.profile()
    prices = centres(profile)
    assert not profile.long_coins[prices > top * 0.93].any()
    assert profile.long_coins[prices < top * 0.93].any()
    assert profile.short_coins[(prices > top) & (prices < top * 1.07)].any()


def test_a_week_replayed_is_the_same_to_the_last_bit() -> None:
    one, other = week(5).profile(), week(5).profile()
    assert one.long_coins.tobytes() == other.long_coins.tobytes()
    assert one.short_coins.tobytes() == other.short_coins.tobytes()


def test_samples_settle_after_the_bars_that_end_before_them() -> None:
    bars, open_interest = market_week(6, bars=10)
    by_hand, replayed = (Bands(TIERS, START, 0) for _ in range(2))
    by_hand.mark(bars[0].open, 0)
    for bar, sample in zip(bars, open_interest, strict=True):
        by_hand.candle(bar)
        by_hand.open_interest(sample[1], sample[0])
    backcast(replayed, bars, open_interest)
    assert by_hand.profile().long_coins.tobytes() == replayed.profile().long_coins.tobytes()
    assert replayed.oi_coins == open_interest[-1][1]


def test_a_single_sample_stands_for_a_constant_open_interest() -> None:
    bars, _ = market_week(7, bars=50)
    bands = Bands(TIERS, START * 2, 0)
    backcast(bands, bars, [(0, 5_000.0)])
    assert_sound(bands)
    assert bands.oi_coins == 5_000.0
    assert bands.sampled_ms == bars[-1].at_ms + BAR_MS


def test_recorded_days_keep_both_sides_worth_the_open_interest() -> None:
    path = capture("binance_usdm/btcusdt_5m_klines_oi_funding_20260525_20260604.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    bands = Bands(TIERS, float(rows[0]["price_open"]), int(rows[0]["timestamp"]))
    net_before = 0.0
    for row in rows:
        # The file gives buys less sells, no volume: 500 coins a bar is this market's daily mean.
        net = float(row["cvd_close"]) - net_before
        net_before += net
        volume = max(500.0, abs(net))
        prices = [float(row[f"price_{name}"]) for name in ("open", "high", "low", "close")]
        bands.candle(Bar(int(row["timestamp"]), *prices, volume, (volume + net) / 2))
        bands.open_interest(float(row["oi_close"]) / prices[3], int(row["timestamp"]) + BAR_MS)
    assert_sound(bands)
    assert bands.residual_per_h < 0.02
    # Ten days of falling from 78 k to 62 k: longs entered above are gone, shorts are left above.
    profile = bands.profile()
    near = np.abs(centres(profile) / bands.mark_price - 1) < 0.25
    assert profile.short_coins[near].sum() > 1.2 * profile.long_coins[near].sum()
