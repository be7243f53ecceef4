import hashlib

from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.book import Book
from leadline.units import Step

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=30)
MESSAGES = st.lists(st.tuples(LEVELS, LEVELS), max_size=12)


def apply(book: Book, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
    book.apply([t for t, _ in bids], [n for _, n in bids], [t for t, _ in asks], [n for _, n in asks])


def side(levels: dict[int, int], best_first: bool) -> list[tuple[int, int]]:
    return sorted(((t, n) for t, n in levels.items() if n), reverse=best_first)


def rows(levels: tuple[object, object]) -> list[tuple[int, int]]:
    ticks, lots = levels
    return list(zip(ticks.tolist(), lots.tolist(), strict=True))  # type: ignore[attr-defined]


@given(MESSAGES)
def test_a_book_holds_what_a_plain_dictionary_would(messages: list[tuple[list, list]]) -> None:  # type: ignore[type-arg]
    book, bids, asks = Book(), {}, {}
    for bid_rows, ask_rows in messages:
        apply(book, bid_rows, ask_rows)
        bids.update(bid_rows)
        asks.update(ask_rows)
        assert rows(book.bids()) == side(bids, True)
        assert rows(book.asks()) == side(asks, False)
    assert book.best_bid == max((t for t, n in bids.items() if n), default=None)
    assert book.best_ask == min((t for t, n in asks.items() if n), default=None)


@given(MESSAGES, LEVELS, LEVELS)
def test_a_snapshot_forgets_everything_before_it(messages, bids, asks) -> None:  # type: ignore[no-untyped-def]
    used, fresh = Book(), Book()
    for message in messages:
        apply(used, *message)
    for book in (used, fresh):
        book.replace([t for t, _ in bids], [n for _, n in bids], [t for t, _ in asks], [n for _, n in asks])
    assert rows(used.bids()) == rows(fresh.bids())
    assert rows(used.asks()) == rows(fresh.asks())


@given(LEVELS)
def test_the_best_levels_are_the_front_of_all(bids: list[tuple[int, int]]) -> None:
    book = Book()
    apply(book, bids, [])
    assert rows(book.bids(3)) == rows(book.bids())[:3]


def test_a_level_of_size_zero_is_removed_and_removing_what_is_not_held_is_normal() -> None:
    book = Book()
    apply(book, [(10, 5), (9, 5)], [(11, 5)])
    apply(book, [(10, 0), (3, 0)], [(50, 0)])
    assert rows(book.bids()) == [(9, 5)]
    assert rows(book.asks()) == [(11, 5)]


def test_the_last_row_of_a_repeated_price_wins() -> None:
    book = Book()
    apply(book, [(10, 5), (10, 0), (10, 7)], [])
    assert rows(book.bids()) == [(10, 7)]


def test_a_copy_of_the_levels_does_not_change_with_the_book() -> None:
    book = Book()
    apply(book, [(10, 5)], [])
    _, lots = book.bids()
    apply(book, [(10, 8)], [])
    assert lots.tolist() == [5]


def test_a_book_is_crossed_when_the_best_bid_reaches_the_best_ask() -> None:
    book = Book()
    apply(book, [(10, 1)], [(11, 1)])
    assert not book.crossed
    apply(book, [(11, 1)], [])
    assert book.crossed
    book.clear()
    assert not book.crossed
    assert book.best_bid is None


def test_the_digest_depends_on_the_market_alone() -> None:
    coarse, fine = Book(), Book()
    apply(coarse, [(10, 2)], [(11, 3)])
    apply(fine, [(100, 20)], [(110, 30)])
    expected = hashlib.sha256(b"b 1 0.2\na 1.1 0.3\n").hexdigest()
    assert coarse.digest(Step.of("0.1"), Step.of("0.1")) == expected
    assert fine.digest(Step.of("0.01"), Step.of("0.01")) == expected
