import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.book import TOP, Book, SortedSide
from leadline.domain.book_kernels import INWARD, WINDOW, WindowSide
from leadline.units import Step

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=30)
MESSAGES = st.lists(st.tuples(LEVELS, LEVELS), max_size=12)
# Prices of a market that jumps: near, at the window's edges and far from any of it.
JUMPS = st.sampled_from([1, 500, INWARD, WINDOW - INWARD, WINDOW, 3 * WINDOW, 2**40])
WIDE_LEVELS = st.lists(
    st.tuples(st.builds(lambda at, by: at + by, JUMPS, st.integers(0, 130)), st.integers(0, 3)), max_size=40
)
WIDE_MESSAGES = st.lists(st.tuples(WIDE_LEVELS, WIDE_LEVELS), max_size=12)
MAKES = pytest.mark.parametrize("make", [SortedSide, WindowSide])


def book_of(make: type) -> Book:
    book = Book()
    book.rebuild(make)
    return book


def apply(book: Book, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
    book.apply([t for t, _ in bids], [n for _, n in bids], [t for t, _ in asks], [n for _, n in asks])


def side(levels: dict[int, int], best_first: bool) -> list[tuple[int, int]]:
    return sorted(((t, n) for t, n in levels.items() if n), reverse=best_first)


def rows(levels: tuple[object, object]) -> list[tuple[int, int]]:
    ticks, lots = levels
    return list(zip(ticks.tolist(), lots.tolist(), strict=True))  # type: ignore[attr-defined]


@MAKES
@given(MESSAGES)
def test_a_book_holds_what_a_plain_dictionary_would(make: type, messages: list[tuple[list, list]]) -> None:  # type: ignore[type-arg]
    book, bids, asks = book_of(make), {}, {}
    for bid_rows, ask_rows in messages:
        apply(book, bid_rows, ask_rows)
        bids.update(bid_rows)
        asks.update(ask_rows)
        assert rows(book.bids()) == side(bids, True)
        assert rows(book.asks()) == side(asks, False)
    assert book.best_bid == max((t for t, n in bids.items() if n), default=None)
    assert book.best_ask == min((t for t, n in asks.items() if n), default=None)


@MAKES
@given(MESSAGES, LEVELS, LEVELS)
def test_a_snapshot_forgets_everything_before_it(make, messages, bids, asks) -> None:  # type: ignore[no-untyped-def]
    used, fresh = book_of(make), book_of(make)
    for message in messages:
        apply(used, *message)
    for book in (used, fresh):
        book.replace([t for t, _ in bids], [n for _, n in bids], [t for t, _ in asks], [n for _, n in asks])
    assert rows(used.bids()) == rows(fresh.bids())
    assert rows(used.asks()) == rows(fresh.asks())


@MAKES
@given(LEVELS)
def test_the_best_levels_are_the_front_of_all(make: type, bids: list[tuple[int, int]]) -> None:
    book = book_of(make)
    apply(book, bids, [])
    assert rows(book.bids(3)) == rows(book.bids())[:3]


@MAKES
def test_a_level_of_size_zero_is_removed_and_removing_what_is_not_held_is_normal(make: type) -> None:
    book = book_of(make)
    apply(book, [(10, 5), (9, 5)], [(11, 5)])
    apply(book, [(10, 0), (3, 0)], [(50, 0)])
    assert rows(book.bids()) == [(9, 5)]
    assert rows(book.asks()) == [(11, 5)]


@MAKES
def test_the_last_row_of_a_repeated_price_wins(make: type) -> None:
    book = book_of(make)
    apply(book, [(10, 5), (10, 0), (10, 7)], [])
    assert rows(book.bids()) == [(10, 7)]


@MAKES
def test_a_copy_of_the_levels_does_not_change_with_the_book(make: type) -> None:
    book = book_of(make)
    apply(book, [(10, 5)], [])
    _, lots = book.bids()
    apply(book, [(10, 8)], [])
    assert lots.tolist() == [5]


@MAKES
def test_a_book_is_crossed_when_the_best_bid_reaches_the_best_ask(make: type) -> None:
    book = book_of(make)
    apply(book, [(10, 1)], [(11, 1)])
    assert not book.crossed
    apply(book, [(11, 1)], [])
    assert book.crossed
    book.clear()
    assert not book.crossed
    assert book.best_bid is None


@MAKES
def test_the_digest_depends_on_the_market_alone(make: type) -> None:
    coarse, fine = book_of(make), book_of(make)
    apply(coarse, [(10, 2)], [(11, 3)])
    apply(fine, [(100, 20)], [(110, 30)])
    expected = hashlib.sha256(b"b 1 0.2\na 1.1 0.3\n").hexdigest()
    assert coarse.digest(Step.of("0.1"), Step.of("0.1")) == expected
    assert fine.digest(Step.of("0.01"), Step.of("0.01")) == expected


@settings(deadline=None)
@given(WIDE_MESSAGES, st.sampled_from(["apply", "replace"]), st.integers(0, 12))
def test_both_kinds_of_sides_hold_the_same_wherever_the_price_goes(
    messages: list[tuple[list, list]],  # type: ignore[type-arg]
    last: str,
    moved_at: int,
) -> None:
    plain, compiled = Book(), Book()
    for index, (bids, asks) in enumerate(messages):
        if index == moved_at:
            compiled.rebuild(WindowSide)
        call = last if index == len(messages) - 1 else "apply"
        for book in (plain, compiled):
            changes = ([t for t, _ in bids], [n for _, n in bids], [t for t, _ in asks], [n for _, n in asks])
            getattr(book, call)(*changes)
        for count in (None, 0, 1, TOP, TOP + 5):
            assert rows(plain.bids(count)) == rows(compiled.bids(count))
            assert rows(plain.asks(count)) == rows(compiled.asks(count))
        for book in (plain, compiled):
            assert [rows(side) for side in book.top()] == [rows(plain.bids(TOP)), rows(plain.asks(TOP))]
        assert (plain.best_bid, plain.best_ask) == (compiled.best_bid, compiled.best_ask)


def test_nobody_writes_into_the_top_of_a_compiled_side() -> None:
    book = book_of(WindowSide)
    apply(book, [(10, 5)], [])
    (ticks, lots), _ = book.top()
    for column in (ticks, lots):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_a_walk_through_many_windows_keeps_the_levels_left_behind() -> None:
    book, ticks = book_of(WindowSide), range(1, 40 * WINDOW, WINDOW // 7)
    for tick in ticks:
        apply(book, [(tick, tick)], [])
    assert rows(book.bids()) == [(tick, tick) for tick in reversed(ticks)]
    for touch in range(39 * WINDOW, 0, -WINDOW):
        held = book.bids()[0]
        apply(book, [(tick, 0) for tick in held[held > touch].tolist()], [])
        assert rows(book.bids()) == [(tick, tick) for tick in reversed(ticks) if tick <= touch]
