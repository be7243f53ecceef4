from dataclasses import replace
from itertools import pairwise
from math import floor, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import Cluster, cluster_usd_min, densest, eta_min, find_clusters, named
from leadline.domain.heat import Heat
from leadline.domain.pace import Pace

BINS, STEP = constants.PROFILE_BINS, constants.LOG_STEP
MARK = 60_000.0


def heat(*humps: tuple[float, float, float], mark: float = MARK) -> Heat:
    """Heat of Gaussian humps: (price, dollars, sigma in ln price); below the mark they are longs."""
    origin = floor(log(mark) / STEP) - BINS // 2
    centres = (origin + np.arange(BINS) + 0.5) * STEP
    sides = np.zeros((2, BINS))
    for price, usd, sigma in humps:
        shape = np.exp(-0.5 * ((centres - log(price)) / sigma) ** 2)
        sides[0 if price < mark else 1] += usd * shape / shape.sum()
    sides[0, centres >= log(mark)] = 0.0
    sides[1, centres <= log(mark)] = 0.0
    return Heat(origin, STEP, mark, sides[0], sides[1], 1e9)


def found(*humps: tuple[float, float, float]) -> list[Cluster]:
    return find_clusters(heat(*humps), MARK, 1e9)


def test_a_hump_on_each_side_is_a_cluster_on_each_side() -> None:
    short, long = found((61_000, 40e6, 0.002), (57_000, 60e6, 0.003))
    assert (short.side, long.side) == ("short", "long")
    assert short.peak == pytest.approx(61_000, rel=2 * STEP)
    assert long.peak == pytest.approx(57_000, rel=2 * STEP)
    assert short.lo < 61_000 < short.hi
    assert short.distance_pct == pytest.approx(100 / 60, rel=0.05)
    # Half of a Gaussian's height and above is 76 % of it; smoothing widens the stretch a little.
    assert 0.76 * 40e6 < short.usd < 0.95 * 40e6
    assert (short.usd_lo, short.usd_hi) == (short.usd / 4, short.usd * 4)


def test_mass_is_what_lies_between_lo_and_hi() -> None:
    source = heat((61_000, 40e6, 0.002), (57_000, 60e6, 0.003))
    prices = np.exp(source.edges[:-1] + STEP / 2)
    for cluster in find_clusters(source, MARK, 1e9):
        usd = source.long_usd if cluster.side == "long" else source.short_usd
        assert cluster.usd == pytest.approx(usd[(prices > cluster.lo) & (prices < cluster.hi)].sum())
        np.testing.assert_array_equal(
            cluster.mass, usd[cluster.first_bin - source.origin :][: len(cluster.mass)]
        )


def test_peaks_with_a_deep_saddle_stay_two_and_share_no_bin() -> None:
    one, two = found((61_000, 40e6, 0.002), (62_000, 40e6, 0.002))
    assert one.hi <= two.lo
    assert one.peak == pytest.approx(61_000, rel=2 * STEP)
    assert two.peak == pytest.approx(62_000, rel=2 * STEP)


def test_a_saddle_at_two_thirds_still_parts_two_clusters() -> None:
    one, two = found((61_000, 40e6, 0.003), (61_600, 40e6, 0.003))
    assert one.hi <= two.lo
    assert one.usd == pytest.approx(two.usd, rel=0.1)


def test_a_lower_peak_must_stand_out_by_a_quarter_of_its_height() -> None:
    # The saddle is 78 % of the lower peak in the first map and 72 % in the second.
    assert len(found((61_000, 80e6, 0.003), (61_610, 40e6, 0.003))) == 1
    assert len(found((61_000, 80e6, 0.003), (61_630, 40e6, 0.003))) == 2


def test_peaks_with_a_shallow_saddle_are_one() -> None:
    (only,) = found((61_000, 40e6, 0.002), (61_270, 40e6, 0.002))
    assert only.lo < 61_000
    assert 61_000 < only.peak < 61_270


def test_a_broad_hump_is_marked_where_price_meets_its_densest_part() -> None:
    source = heat((63_000, 400e6, 0.02))
    (wide,) = find_clusters(source, MARK, 1e9)
    # At 5 % from the mark a mark may span a quarter of the distance.
    assert log(wide.hi / wide.lo) == pytest.approx(0.25 * log(63_000 / MARK), rel=0.15)
    bins = len(wide.mass)
    masses = np.convolve(source.short_usd, np.ones(bins), mode="valid")
    assert masses.max() * 0.8 <= wide.usd <= masses.max()
    nearer = masses[: wide.first_bin - source.origin]
    assert nearer.max() < masses.max() * 0.8
    assert wide.lo < wide.peak < wide.hi < 63_500


def test_a_ripple_on_the_slope_of_a_hump_is_no_cluster() -> None:
    clusters = found((62_000, 400e6, 0.01), (63_200, 6e6, 0.001))
    assert len(clusters) == 1


def test_clusters_too_small_for_the_market_are_left_out() -> None:
    humps = heat((61_000, 40e6, 0.002), (57_000, 2e6, 0.002))
    assert [c.side for c in find_clusters(humps, MARK, 1e9)] == ["short"]
    assert [c.side for c in find_clusters(humps, MARK, 100e6)] == ["short", "long"]
    assert [c.side for c in find_clusters(humps, MARK, 100e6, usd_min=5e6)] == ["short"]
    assert find_clusters(humps, MARK, 100e9) == []


def test_an_empty_map_has_no_clusters() -> None:
    assert found() == []


def test_mass_that_ends_at_the_mark_is_a_cluster_that_ends_at_the_mark() -> None:
    source = heat()
    half = BINS // 2
    source.long_usd[half - 20 : half] = 1e6
    source.short_usd[half + 1 : half + 21] = 1e6
    clusters = find_clusters(source, MARK, 1e9)
    assert {cluster.side for cluster in clusters} == {"long", "short"}
    for cluster in clusters:
        assert (cluster.hi <= MARK) if cluster.side == "long" else (cluster.lo >= MARK)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1e7), min_size=30, max_size=30),
    st.lists(st.floats(0, 1e7), min_size=30, max_size=30),
)
def test_any_map_gives_ordered_clusters_that_do_not_overlap(longs: list[float], shorts: list[float]) -> None:
    source = heat()
    half = BINS // 2
    source.long_usd[half - 300 : half] = np.repeat(longs, 10)
    source.short_usd[half + 1 : half + 301] = np.repeat(shorts, 10)
    clusters = find_clusters(source, MARK, 1e9)
    assert [c.distance_pct for c in clusters] == sorted(c.distance_pct for c in clusters)
    for side, usd in (("long", source.long_usd), ("short", source.short_usd)):
        own = sorted((c for c in clusters if c.side == side), key=lambda c: c.lo)
        assert sum(c.usd for c in own) <= usd.sum() * (1 + 1e-9)
        for cluster in own:
            assert cluster.lo <= cluster.peak <= cluster.hi
        for below, above in pairwise(own):
            assert below.hi <= above.lo * (1 + 1e-12)


def test_the_densest_three_of_each_side_are_shown_and_named_from_the_nearest_on() -> None:
    humps = [(price, 50e6, 0.001) for price in (60_600, 61_500, 63_000, 66_000, 59_000)]
    clusters = [replace(c, id=i + 1) for i, c in enumerate(found(*humps))]
    shown = densest(clusters)
    assert [round(c.peak / 500) * 500 for c in shown if c.side == "short"] == [60_500, 61_500, 63_000]
    names = named(shown)
    assert [names[c.id] for c in shown] == ["S1", "L1", "S2", "S3"]


def test_a_cluster_much_thinner_than_the_densest_of_its_side_is_not_shown() -> None:
    shown = densest(found((60_600, 90e6, 0.001), (62_000, 8e6, 0.001), (58_000, 8e6, 0.001)))
    assert [(c.side, round(c.peak / 1_000)) for c in shown] == [("short", 61), ("long", 58)]


def test_the_time_of_arrival_needs_price_to_move_towards_the_cluster() -> None:
    short, long = found((61_000, 40e6, 0.002), (57_000, 60e6, 0.003))
    pace = Pace()
    assert eta_min(short, MARK, pace) is None
    for second in range(600):
        pace.observe(MARK + second, second * 1_000)
    now = MARK + 599
    assert eta_min(long, now, pace) is None
    assert eta_min(short, now, pace) == pytest.approx((short.lo - now) / 60, rel=0.1)


def test_large_coins_need_larger_clusters() -> None:
    assert cluster_usd_min("BTC") > cluster_usd_min("ETH") > cluster_usd_min("PEPE") == 300_000
