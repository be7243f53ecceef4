"""The map of what was opened within its range: a part of all that stands, and near the truth of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain.backcast import backcast
from leadline.domain.bands import STEP, Bands
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.heat import usd_of
from leadline.domain.heatmap import MAP_ROWS, STORED_BINS, Column, Grid, VenueColumns, picture
from leadline.domain.leverage import bundled_tiers
from leadline.domain.opened import SPAN_MIN
from leadline.domain.young import young_clusters, young_heat
from tests.fakes.market_week import BAR_MS, Bar, market_week

USD = np.array([usd_of(code) for code in range(256)])
STEP_MIN = BAR_MS // 60_000
BARS = 4 * 288
HOUR_BARS = 60 // STEP_MIN


class Cohort:
    """What stood in the bands at one moment, followed by hand: it fades by what closes and dies by price."""

    def __init__(self, bands: Bands) -> None:
        self.cells = bands._cells.copy()

    def sweep(self, bar: Bar) -> None:
        bins = constants.BINS
        for side, reached in ((0, np.log(bar.low) / STEP), (1, -np.log(bar.high) / STEP)):
            edge = int(np.ceil(reached - 0.5))
            self.cells[side][:, np.arange(edge, edge + 400) % bins] = 0.0

    def usd(self, bands: Bands, origin: int) -> np.ndarray:
        found = np.zeros(STORED_BINS)
        for at in range(STORED_BINS):
            for side, depth in ((0, origin + at), (1, -1 - origin - at)):
                if bands._edges[side] - constants.BINS <= depth < bands._edges[side]:
                    cell = self.cells[side][:, depth % constants.BINS]
                    found[at] += bands.lesson.multipliers @ cell * bands._scales[side]
        return found * np.exp((origin + np.arange(STORED_BINS) + 0.5) * STEP)


def played(seed: int, since_bar: int) -> tuple[VenueColumns, Bands, Cohort]:
    """Play days of bars; returns what the map keeps, the bands, and those of ``since_bar`` that are left."""
    bars, open_interest = market_week(seed, BARS)
    bands, columns = Bands(bundled_tiers("binance", "BTCUSDT"), bars[0].open, 0), VenueColumns()
    cohorts: list[Cohort] = []

    def note(bar: Bar) -> None:
        end_ms = bar.at_ms + bar.span_ms
        if end_ms // BAR_MS % HOUR_BARS == 0:
            columns.opened.note(bands, end_ms)
        for cohort in cohorts:
            cohort.sweep(bar)
        if end_ms // BAR_MS == since_bar:
            cohorts.append(Cohort(bands))

    for column in backcast(bands, bars, open_interest, on_bar=note):
        columns.put(column)
    return columns, bands, cohorts[0]


@pytest.mark.parametrize(("seed", "hours"), [(1, 12), (2, 24), (3, 72)])
def test_what_was_opened_in_a_range_is_what_is_there_less_what_is_left_of_before(
    seed: int, hours: int
) -> None:
    since_bar = BARS - hours * HOUR_BARS
    columns, bands, old = played(seed, since_bar)
    count = BARS - since_bar
    whole = columns.read(since_bar * STEP_MIN, STEP_MIN, count)
    young = columns.opened_in(whole, since_bar * STEP_MIN, STEP_MIN)
    total, found = USD[whole.codes[-1]], USD[young.codes[-1]]
    truth = np.maximum(total - old.usd(bands, int(whole.origins[-1])), 0.0)
    assert 0.1 < truth.sum() / total.sum() < 0.9
    assert np.abs(found - truth).sum() / truth.sum() < 0.15
    assert found.sum() == pytest.approx(truth.sum(), rel=0.12)


def test_ranges_lie_in_each_other_and_in_the_whole() -> None:
    columns, _, _ = played(4, 288)
    last = BARS * STEP_MIN
    before: np.ndarray | None = None
    for hours in (6, 12, 24, 48, 72):
        first = last - hours * 60
        whole = columns.read(first, STEP_MIN, hours * HOUR_BARS)
        young = columns.opened_in(whole, first, STEP_MIN).codes
        assert (young <= whole.codes).all()
        assert young[-1].any()
        if before is not None:
            assert (young[-1] >= before).all()
        before = young[-1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_whatever_the_columns_say_the_young_part_is_no_more(seed: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    venue = VenueColumns()
    bands = Bands(bundled_tiers("binance", "BTCUSDT"), 60_000.0, 0)
    for minute in range(columns):
        price = 60_000.0 * float(np.exp(random.normal(0, 0.01)))
        bands.trades(np.array([price]), np.array([50.0]), np.array([True]))
        bands.mark(price, minute * 60_000)
        bands.open_interest(1_000.0 + 10.0 * minute, minute * 60_000)
        venue.opened.note(bands, (minute + 1) * 60_000)
        origin = int(np.floor(np.log(price) / STEP)) - STORED_BINS // 2
        codes = random.integers(0, 256, STORED_BINS).astype(np.uint8)
        if random.random() < 0.8:  # else the venue told nothing in that minute
            venue.put(Column(minute, 1, (price,) * 4, price, 10.0, origin, codes))
    whole = venue.read(0, 1, columns)
    young = venue.opened_in(whole, 0, 1)
    known = whole.marks > 0.0
    assert (young.codes[known] <= whole.codes[known]).all()
    assert not young.codes[~known].any()


def test_a_picture_of_the_range_says_which_part_it_is_and_one_of_all_that_it_is_whole() -> None:
    columns, bands, _ = played(5, BARS - 288)
    first, grid = (BARS - 288) * STEP_MIN, Grid(int(np.log(bands.mark_price) / STEP) - MAP_ROWS // 2, 1)
    whole = picture([columns], grid, first, STEP_MIN, 288)
    young = picture([columns], grid, first, STEP_MIN, 288, opened_in=True)
    assert whole.part == 1.0
    assert 0.1 < young.part < 0.9
    for one, other in ((young.long, whole.long), (young.short, whole.short)):
        assert (one.astype(int) <= other.astype(int) + 1).all()  # sums of rows are coded anew
    assert np.array_equal(young.candles, whole.candles)
    # The range begins with nothing and fills as it goes on.
    assert USD[young.long[0]].sum() < 0.1 * USD[young.long[-1]].sum()


@pytest.mark.parametrize("row_bins", [1, 2, 3])
def test_clusters_of_a_range_lie_where_its_last_column_is_dense_and_hold_what_it_shows(row_bins: int) -> None:
    columns, bands, _ = played(6, BARS - 288)
    low_bin = int(np.log(bands.mark_price) / STEP) - MAP_ROWS // 2 * row_bins
    first, grid = (BARS - 288) * STEP_MIN, Grid(low_bin, row_bins)
    young = picture([columns], grid, first, STEP_MIN, 288, opened_in=True)
    heat = young_heat(young, grid)
    assert heat is not None
    assert heat.mark == young.marks[-1]
    for side, codes in ((heat.long_usd, young.long[-1]), (heat.short_usd, young.short[-1])):
        assert side.sum() == pytest.approx(USD[codes].sum())
    found = young_clusters(heat, young.part, 2.0, usd_min=1e5)
    assert {one.side for one in found} == {"long", "short"}
    assert [one.id for one in found] == list(range(1, len(found) + 1))
    rows = np.arange(grid.rows)
    for one in found:
        assert one.hi <= heat.mark if one.side == "long" else one.lo >= heat.mark
        assert (one.usd_lo, one.usd_hi) == (one.usd / 2, one.usd * 2)
        shown = USD[(young.long if one.side == "long" else young.short)[-1]]
        from_row, to_row = ((np.log(price) / STEP - low_bin) / row_bins for price in (one.lo, one.hi))
        # A row that the border cuts is spread evenly over its bins.
        part = np.clip(np.minimum(rows + 1, to_row) - np.maximum(rows, from_row), 0.0, 1.0)
        assert one.usd == pytest.approx(float(part @ shown), rel=0.02)
    # A smallest size of a hundred times what is there leaves none.
    assert young_clusters(heat, young.part, 2.0, usd_min=100 * USD[young.long[-1]].sum()) == []


def test_a_picture_that_ends_before_it_knows_a_mark_has_no_clusters() -> None:
    columns, bands, _ = played(6, BARS - 288)
    grid = Grid(int(np.log(bands.mark_price) / STEP) - MAP_ROWS // 2, 1)
    assert young_heat(picture([columns], grid, BARS * STEP_MIN, STEP_MIN, 4, opened_in=True), grid) is None


def test_the_running_hour_grows_minute_by_minute_and_hours_last_a_week() -> None:
    bands, venue = Bands(bundled_tiers("binance", "BTCUSDT"), 60_000.0, 0), VenueColumns()
    bands.open_interest(1_000.0, 0)
    opened = venue.opened
    opened.note(bands, 0)
    sums = []
    for minute in range(1, 59):
        bands.trades(np.array([60_000.0]), np.array([10.0]), np.array([True]))
        bands.open_interest(1_000.0 + 10.0 * minute, minute * 60_000)
        opened.note(bands, minute * 60_000)
        codes, _, spans, _ = opened.rows(0, 10_000)
        assert spans.tolist() == [[0, minute]]
        sums.append(USD[codes].sum())
    assert sums[-1] > 40 * sums[0] > 0
    for hour in range(1, 200):
        bands.open_interest(2_000.0, hour * SPAN_MIN * 60_000)
        opened.note(bands, hour * SPAN_MIN * 60_000)
    spans = opened.rows(0, 1 << 40)[2]
    assert spans[-1].tolist() == [198 * 60, 199 * 60]
    assert len(spans) >= 168
    assert (spans[1:, 0] >= spans[:-1, 1]).all()


def test_what_prints_teach_counts_as_fading() -> None:
    bands = Bands(bundled_tiers("bybit", "BTCUSDT"), 60_000.0, 0)
    bands.open_interest(10_000.0, 0)
    before, held = bands.faded.copy(), [bands.held_coins(side)[0] for side in Side]
    for minute in range(1, 200):
        at_ms = minute * 60_000
        bands.mark(60_000.0 - minute, at_ms)
        for _ in range(5):
            bands.liquidation(Side.BUY, 1.0, 59_900.0, PriceKind.TRIGGER, Completeness.FULL, at_ms)
    multipliers = bands.total_multipliers
    swept = [bands.held_coins(side)[2] for side in Side]
    # The mark rises nowhere: shorts lost nothing to it, so all of their change is in what faded.
    assert swept[1] == 0.0
    worth = multipliers[1] * bands.held_coins(Side.SELL)[0]
    assert worth == pytest.approx(held[1] * np.exp(bands.faded[1] - before[1]), rel=1e-9)
    assert abs(bands.faded[1] - before[1]) > 0.01
