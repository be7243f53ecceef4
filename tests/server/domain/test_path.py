import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.ladder import Touch, VenueLevels, resting_of
from leadline.domain.path import BINS, Depth, Standing, path_of
from leadline.domain.true_range import HOUR_MS, TrueRange
from tests.server.domain.test_clusters import MARK, STEP, heat

REACH = 0.01


def depth(up: float, down: float, covered: int = 100, mid: float = MARK) -> Depth:
    """A book with the same dollars in each bin of a side."""
    at = np.arange(BINS)
    return Depth(mid, np.where(at < covered, up, 0.0), np.where(at < covered, down, 0.0), covered, covered)


def test_without_fuel_the_thinner_side_is_easier() -> None:
    path = path_of(heat(), depth(1e6, 3e6), REACH)
    assert path is not None
    assert path.resistance == pytest.approx(np.log(1 / 3), rel=1e-6)
    assert path.easier == "up"
    assert (path.chain_up, path.chain_down) == (None, None)
    assert path.reach_bp == pytest.approx(100.0)


def test_sides_that_hardly_differ_are_not_called_easier() -> None:
    path = path_of(heat(), depth(1e6, 1.2e6), REACH)
    assert path is not None
    assert path.easier is None


def test_fuel_on_the_way_pays_for_a_part_of_it() -> None:
    # 20 bins of 1 M a side; above, 15 M of shorts die before half of the way.
    path = path_of(heat((MARK * 1.002, 15e6, 0.0005)), depth(1e6, 1e6), REACH)
    assert path is not None
    assert path.easier == "up"
    assert path.resistance < np.log(0.6)


def test_the_chain_point_is_where_fuel_outweighs_the_book_for_ten_basis_points() -> None:
    path = path_of(heat((MARK * 1.006, 30e6, 0.0004)), depth(2e6, 2e6), REACH)
    assert path is not None
    assert path.chain_down is None
    assert path.chain_up is not None
    assert MARK * 1.0045 < path.chain_up.price < MARK * 1.006
    assert path.chain_up.distance_bp == pytest.approx(52, abs=8)
    lone = heat()
    lone.short_usd[len(lone.short_usd) // 2 + 12] = 30e6
    spike = path_of(lone, depth(20e6, 2e6), REACH)
    assert spike is not None
    assert spike.chain_up is None  # one bin alone is no chain


def test_beyond_the_known_book_nothing_is_said() -> None:
    source = heat((MARK * 1.006, 30e6, 0.0004))
    short = path_of(source, depth(2e6, 2e6, covered=8), REACH)
    assert short is not None
    assert short.reach_bp == pytest.approx(40.0)
    assert short.chain_up is None
    assert path_of(source, depth(2e6, 2e6, covered=1), REACH) is None


def test_levels_are_binned_outwards_from_the_mid() -> None:
    bids, asks = MARK * np.exp([-1e-4, -6e-4, -0.3]), MARK * np.exp([1e-4, 3e-4])
    made = Depth.of(MARK, bids, np.array([1.0, 2.0, 4.0]), asks, np.array([8.0, 16.0]))
    assert made.down_usd[:3].tolist() == [1.0, 2.0, 0.0]
    assert made.up_usd[:2].tolist() == [24.0, 0.0]
    assert (made.covered_down, made.covered_up) == (BINS, 0)


def test_the_books_of_all_venues_are_read_in_dollars() -> None:
    one = VenueLevels(np.array([999, 998]), np.array([5, 7]), np.array([1001]), np.array([2]))
    two = VenueLevels(np.array([998]), np.array([1]), np.array([1002]), np.array([4]))
    made = resting_of([one, two], Touch(999, 1001, crossed=False), 0.1, 0.01, quoted=False)
    assert made is not None
    assert made.mid == pytest.approx(100.0)
    assert made.bid_usd.tolist() == pytest.approx([0.05 * 99.9, 0.07 * 99.8, 0.01 * 99.8])
    inverse = resting_of([one], Touch(999, 1001, crossed=False), 0.1, 100.0, quoted=True)
    assert inverse is not None
    assert inverse.ask_usd.tolist() == [200.0]
    assert resting_of([], Touch(0, 0, crossed=False), 0.1, 0.01, quoted=False) is None


def test_a_new_wall_counts_slowly_and_a_pulled_one_goes_at_once() -> None:
    standing = Standing()
    assert standing.update(depth(1e6, 1e6), 0).up_usd[3] == 1e6
    walled = depth(1e6, 1e6)
    walled.up_usd[3] = 50e6
    assert standing.update(walled, 1_000).up_usd[3] < 3e6
    assert standing.update(walled, 120_000).up_usd[3] > 45e6
    assert standing.update(depth(1e6, 1e6), 121_000).up_usd[3] == 1e6


@given(st.integers(-20, 20))
def test_standing_depth_stays_at_its_price_when_the_mid_moves(bins: int) -> None:
    # A mid in the middle of a bin, so that the bins of both books are the same ones.
    mid = float(np.exp((np.floor(np.log(MARK) / STEP)) * STEP)) * 1.0000001
    standing = Standing()
    walled = depth(1e6, 1e6, mid=mid)
    walled.up_usd[60] = 50e6
    standing.update(walled, 0)
    moved = depth(1e6, 1e6, mid=mid * float(np.exp(bins * STEP)))
    moved.up_usd[60 - bins] = 50e6
    assert standing.update(moved, 1_000).up_usd[60 - bins] > 49e6


def test_the_true_range_is_that_of_whole_hours_with_their_gaps() -> None:
    ranges = TrueRange()
    for hour in range(3):
        for price in (100.0, 101.0, 99.0, 100.0):
            ranges.observe(price, hour * HOUR_MS + 1)
    assert ranges.average == pytest.approx(np.log(101 / 99))
    ranges.observe(110.0, 3 * HOUR_MS)  # opens far from where it closed
    ranges.observe(110.0, 4 * HOUR_MS)
    assert ranges.average == pytest.approx((3 * np.log(101 / 99) + np.log(110 / 100)) / 4)


def test_no_range_is_known_within_the_first_hour() -> None:
    ranges = TrueRange()
    ranges.observe(100.0, 0)
    ranges.observe(120.0, HOUR_MS - 1)
    assert ranges.average is None
