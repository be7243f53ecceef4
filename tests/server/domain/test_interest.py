from dataclasses import replace
from math import exp

import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import Bands
from leadline.domain.clusters import find_clusters
from leadline.domain.heat import combine, heat_top_usd
from leadline.domain.interest import BUCKETS, EDGES, HOUR_MS, HOURS_KEPT, History, Reference, Row, intensity
from leadline.domain.story import Story, venue_row
from tests.server.domain.test_bands import START, opened
from tests.server.domain.test_clusters import MARK, heat

REACH = 0.005


def row(scale: float = 1.0, oi: float = 1e9, above: float = 30e6, below: float = 20e6) -> Row:
    return Row(oi, above, below, 2e6 * scale, np.full((2, BUCKETS), 5e6 * scale))


def history(rows: list[Row]) -> History:
    made = History()
    for hour, one in enumerate(rows):
        made.add(one, hour * HOUR_MS)
    return made


def test_a_row_sums_what_lies_at_each_distance_on_each_side() -> None:
    source = heat((MARK * exp(0.012), 40e6, 0.0003), (MARK * exp(-0.005), 10e6, 0.0001))
    flow = np.stack([source.long_usd, source.short_usd])
    made = Row.of(flow, source.origin, MARK, 1e9, REACH)
    assert made.buckets[1, np.searchsorted(EDGES, 0.012) - 1] == pytest.approx(40e6, rel=1e-6)
    assert made.buckets[0].sum() == pytest.approx(10e6, rel=1e-6)
    # Half a per cent away is one e-fold of reach.
    assert made.below == pytest.approx(10e6 * exp(-1), rel=0.05)
    assert made.above == pytest.approx(40e6 * exp(-2.4), rel=0.05)


def test_rows_of_30_days_are_kept() -> None:
    kept = history([row(oi=1e9 + hour) for hour in range(HOURS_KEPT + 50)])
    assert len(kept.rows) == HOURS_KEPT
    assert not kept.due((HOURS_KEPT + 49) * HOUR_MS + 5)
    assert kept.due((HOURS_KEPT + 50) * HOUR_MS)


def test_nothing_is_usual_before_a_week_is_known() -> None:
    young = Reference([history([row()] * (constants.REFERENCE_HOURS_MIN - 1))])
    assert (young.usual, young.top_share, young.asymmetry_z(0.9), young.interest_z(2e9)) == (None,) * 4
    assert young.days == pytest.approx(6.96, abs=0.01)
    assert Reference([]).usual is None


def test_what_is_usual_is_the_median_share_of_open_interest() -> None:
    rows = [row(scale=1.0 + 0.01 * (hour % 11), oi=2e9) for hour in range(220)]
    known = Reference([history(rows)])
    assert known.usual is not None
    np.testing.assert_allclose(known.usual, 5e6 * 1.05 / 2e9, rtol=1e-9)
    assert known.top_share == pytest.approx(2e6 * 1.05 / 2e9)


def test_regime_and_asymmetry_are_measured_in_the_spread_that_is_usual() -> None:
    rows = [row(oi=1e9 + 1e7 * (hour % 5 - 2), above=30e6 + 1e6 * (hour % 5 - 2)) for hour in range(200)]
    known = Reference([history(rows)])
    assert known.interest_z(1e9) == pytest.approx(0.0)
    assert known.interest_z(1.03e9) == pytest.approx(3.0)
    z = known.asymmetry_z(0.5)
    assert z is not None
    assert z > 10
    assert Reference([history([row()] * 200)]).interest_z(2e9) is None  # nothing ever moved: no spread


def test_venues_are_summed_over_the_hours_both_know() -> None:
    long, short = history([row(oi=1e9)] * 400), history([row(oi=3e9)] * 300)
    both = Reference([long, short])
    assert both.hours == 300
    assert both.usual is not None
    np.testing.assert_allclose(both.usual, 2 * 5e6 / 4e9)
    young = Reference([long, history([row(oi=3e9)] * 20)])
    assert young.hours == 400
    assert young.interest_z(1e9) is None  # the two together have no past to compare with


def test_a_stretch_is_rated_by_share_and_rank() -> None:
    shown = np.array([0.0, 1e6, 2e6, 3e6, 4e6])
    rated = intensity(2.5e6, shown, 1e9, 1.5)
    assert (rated.oi_pct, rated.percentile, rated.lift) == (pytest.approx(0.5), 50.0, 1.5)


def story(bands: Bands, hours: int, growth: float = 1.0) -> Story:
    """A view whose last weeks looked as now, but for ``growth``."""
    made = Story()
    past = venue_row(bands, START, REACH)
    rows = [replace(past, buckets=past.buckets / growth, top=past.top / growth)] * hours
    made.reference = Reference([history(rows)])
    picture = combine([(bands.profile(), START)], START)
    found = find_clusters(picture, START, picture.oi_usd, usd_min=1e5)
    made.update(picture, found, [("one", bands, START)], (START, START), REACH, 0)
    return made


def test_lift_compares_with_what_is_usual_at_that_distance() -> None:
    bands = opened(coins=20_000.0, volume=20_000.0)
    same, doubled = story(bands, 200), story(bands, 200, growth=2.0)
    for one, other in zip(same.tracked, doubled.tracked, strict=True):
        lift, twice = same.intensity(one.cluster).lift, doubled.intensity(other.cluster).lift
        assert lift is not None
        assert twice == pytest.approx(2 * lift)
        assert 0.5 < lift < 5.0
    assert story(bands, 20).intensity(same.tracked[0].cluster).lift is None


def test_the_palette_follows_open_interest_and_not_the_picture_once_a_week_is_known() -> None:
    bands = opened(coins=20_000.0, volume=20_000.0)
    picture = combine([(bands.profile(), START)], START)
    young = story(bands, 20)
    assert young.top_usd(10.0) == heat_top_usd(picture, 10.0)
    known = story(bands, 200)
    assert known.top_usd(10.0) == pytest.approx(heat_top_usd(picture, 10.0), rel=0.1)
    # Twice as much as ever near price: the top stays what it was, and the picture is simply bright.
    assert story(bands, 200, growth=2.0).top_usd(10.0) == pytest.approx(known.top_usd(10.0) / 2)
    # The whole market doubles: so do the dollars a colour stands for.
    grown = opened(coins=40_000.0, volume=40_000.0)
    assert story(grown, 200).top_usd(10.0) == pytest.approx(2 * known.top_usd(10.0), rel=1e-6)
