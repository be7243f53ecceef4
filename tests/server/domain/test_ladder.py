"""The ladder cut from books: rows, the touch over venues, overlap between venues."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.book import Book
from leadline.domain.ladder import Touch, VenueLevels, VenueScale, rows_of, touch_of

levels = st.dictionaries(st.integers(1, 400), st.integers(1, 1000), max_size=40)


def venue(bids: dict[int, int], asks: dict[int, int], scale: VenueScale | None = None) -> VenueLevels:
    book = Book()
    book.replace(list(bids), list(bids.values()), list(asks), list(asks.values()))
    return VenueLevels.of(book, scale or VenueScale(1, 1))


def rows(venues: list[VenueLevels], group: int, depth: int = 50) -> tuple[dict[int, int], dict[int, int]]:
    bid_rows, bid_lots, ask_rows, ask_lots = rows_of(venues, touch_of(venues), group, depth)
    return (
        dict(zip(bid_rows.tolist(), bid_lots.tolist(), strict=True)),
        dict(zip(ask_rows.tolist(), ask_lots.tolist(), strict=True)),
    )


def test_bids_round_down_and_asks_round_up_to_their_row() -> None:
    bids, asks = rows([venue({109: 1, 101: 2, 99: 4}, {111: 8, 120: 16, 121: 32})], group=10)
    assert bids == {10: 3, 9: 4}
    assert asks == {12: 24, 13: 32}


def test_rows_of_two_venues_add_up_in_common_ticks_and_lots() -> None:
    coarse = venue({20: 3}, {21: 5}, VenueScale(tick_factor=5, lot_factor=10))
    fine = venue({100: 1, 99: 2}, {105: 7}, VenueScale(1, 1))
    bids, asks = rows([coarse, fine], group=1)
    assert bids == {100: 31, 99: 2}
    assert asks == {105: 57}


def test_depth_counts_rows_that_hold_orders() -> None:
    bids, _ = rows([venue({100: 1, 90: 1, 50: 1}, {})], group=1, depth=2)
    assert bids == {100: 1, 90: 1}


def test_an_empty_side_has_touch_zero_and_no_rows() -> None:
    only_bids = venue({100: 1}, {})
    assert touch_of([only_bids]) == Touch(100, 0, crossed=False)
    assert touch_of([]) == Touch(0, 0, crossed=False)
    assert rows([only_bids], group=1) == ({100: 1}, {})


def test_where_venues_cross_the_overlap_folds_into_the_touch() -> None:
    high = venue({110: 4, 100: 1}, {111: 1})
    low = venue({95: 1}, {104: 2, 120: 1})
    assert touch_of([high, low]) == Touch(107, 108, crossed=True)
    bids, asks = rows([high, low], group=1)
    assert bids == {107: 4, 100: 1, 95: 1}
    assert asks == {108: 2, 111: 1, 120: 1}


@given(st.lists(st.tuples(levels, levels), max_size=3), st.sampled_from([1, 2, 5, 10, 50]))
def test_nothing_is_lost_and_no_row_holds_both_sides(
    books: list[tuple[dict[int, int], dict[int, int]]], group: int
) -> None:
    venues = [venue(bids, asks) for bids, asks in books]
    bids, asks = rows(venues, group, depth=1000)
    assert sum(bids.values()) == sum(sum(b.values()) for b, _ in books)
    assert sum(asks.values()) == sum(sum(a.values()) for _, a in books)
    assert all(lots > 0 for lots in (*bids.values(), *asks.values()))
    if bids and asks:
        assert max(bids) < min(asks)


@given(levels, st.integers(1, 60))
def test_rows_equal_a_plain_sum_and_start_at_the_best(bids: dict[int, int], group: int) -> None:
    expected: dict[int, int] = defaultdict(int)
    for tick, lots in bids.items():
        expected[tick // group] += lots
    found, _, _, _ = rows_of([venue(bids, {})], touch_of([venue(bids, {})]), group, 1000)
    assert found.tolist() == sorted(expected, reverse=True)
    assert found.dtype == np.int64
