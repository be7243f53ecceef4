import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.events import BookState
from leadline.limits import BUFFERED_DELTAS_MAX
from leadline.venues.booksync import BookSync, CountedSync, Delta, Levels, Outcome
from tests.server.venues.stream import FaultyLine, instrument

VENUES = ["binance", "bybit", "okx"]
EMPTY = Levels([], [], [], [])


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), faults=st.sampled_from([0.0, 0.05, 0.4]))
def test_a_live_book_is_the_true_one_whatever_the_line_loses_repeats_or_swaps(
    venue: str, seed: int, faults: float
) -> None:
    line = FaultyLine(venue, seed, faults)
    for _ in range(60):
        line.step()
    line.faults = 0.0
    for _ in range(150):
        line.step()
    assert line.book.state is BookState.LIVE
    assert line.held() == line.market.truth[line.market.id]


@pytest.mark.parametrize("venue", VENUES)
def test_a_clean_line_shows_no_gap_no_resync_and_no_duplicate(venue: str) -> None:
    line = FaultyLine(venue, seed=3, faults=0.0)
    for _ in range(300):
        line.step()
    stats = line.book.stats
    assert (stats.gaps, stats.resyncs, stats.duplicates, stats.crossed, stats.protocol_errors) == (0,) * 5
    assert line.book.epoch == 1


def anchored() -> BookSync:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    sync.take_delta(Delta(90, 100, 1, EMPTY), 0)
    assert sync.take_fetched(100, 1, Levels([10], [5], [12], [5]), 0) is Outcome.TAKEN
    assert sync.state is BookState.LIVE
    return sync


def test_a_gap_makes_the_book_stale_only_by_its_flag() -> None:
    sync = anchored()
    assert sync.take_delta(Delta(101, 103, 1, Levels([10], [0], [], [])), 0) is Outcome.LOST
    sync.lose(0)
    assert sync.state is BookState.STALE
    assert sync.book.best_bid == 10
    assert sync.stats.gaps == 1


def test_the_delta_that_proved_the_gap_is_kept_for_the_next_anchor() -> None:
    sync = anchored()
    sync.take_delta(Delta(101, 103, 1, Levels([11], [7], [], [])), 0)
    sync.lose(0)
    assert sync.take_fetched(102, 1, Levels([10], [5], [12], [5]), 0) is Outcome.TAKEN
    assert (sync.update_id, sync.book.best_bid, sync.epoch) == (103, 11, 2)


@pytest.mark.parametrize("snapshot_id", [100, 105, 110])
def test_a_snapshot_meets_the_stream_at_both_edges_of_an_event_and_inside(snapshot_id: int) -> None:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    sync.take_delta(Delta(100, 110, 1, Levels([10], [6], [], [])), 0)
    assert sync.take_fetched(snapshot_id, 1, Levels([10], [6], [12], [5]), 0) is Outcome.TAKEN
    assert sync.state is BookState.LIVE
    assert sync.update_id == 110


def test_a_snapshot_older_than_the_deltas_held_is_refused() -> None:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    sync.take_delta(Delta(100, 110, 1, EMPTY), 0)
    assert sync.take_fetched(99, 1, EMPTY, 0) is Outcome.TOO_OLD
    assert not sync.anchored


def test_a_snapshot_without_events_is_live_only_when_the_first_one_follows() -> None:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    sync.take_fetched(100, 1, Levels([10], [5], [12], [5]), 0)
    assert sync.state is BookState.SYNCING
    assert sync.take_delta(Delta(80, 95, 1, EMPTY), 0) is Outcome.WAITING
    assert sync.take_delta(Delta(95, 103, 1, EMPTY), 0) is Outcome.TAKEN
    assert sync.state is BookState.LIVE
    assert sync.stats.duplicates == 0


def test_a_first_event_beyond_a_bare_snapshot_asks_for_a_newer_one_and_is_no_gap() -> None:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    sync.take_fetched(100, 1, EMPTY, 0)
    assert sync.take_delta(Delta(101, 103, 1, EMPTY), 0) is Outcome.TOO_OLD
    assert sync.stats.gaps == 0


def test_a_locked_book_is_flagged_but_stays_anchored() -> None:
    sync = anchored()
    assert sync.take_delta(Delta(100, 101, 1, Levels([12], [1], [], [])), 0) is Outcome.TAKEN
    assert sync.state is BookState.STALE
    assert sync.take_delta(Delta(101, 102, 1, Levels([12], [0], [], [])), 0) is Outcome.TAKEN
    assert (sync.state, sync.epoch, sync.stats.crossed) == (BookState.LIVE, 1, 0)


def test_a_crossed_book_is_lost_and_counted() -> None:
    sync = anchored()
    assert sync.take_delta(Delta(100, 101, 1, Levels([13], [1], [], [])), 0) is Outcome.LOST
    assert sync.state is BookState.STALE
    assert sync.stats.crossed == 1


def test_a_crossed_book_in_a_call_auction_is_only_flagged() -> None:
    sync = BookSync(instrument("okx", trading=False), "public")
    sync.begin(0)
    assert sync.take_snapshot(1, 1, Levels([13], [1], [12], [1]), 0) is Outcome.TAKEN
    assert sync.state is BookState.STALE
    assert sync.stats.crossed == 0


def test_the_deltas_held_without_an_anchor_are_bounded() -> None:
    sync = BookSync(instrument("binance"), "public")
    sync.begin(0)
    for last_id in range(1, BUFFERED_DELTAS_MAX + 100):
        sync.take_delta(Delta(last_id - 1, last_id, 1, EMPTY), 0)
    assert sync.take_fetched(50, 1, EMPTY, 0) is Outcome.TOO_OLD
    assert sync.take_fetched(100, 1, EMPTY, 0) is Outcome.TAKEN


def test_a_wider_snapshot_replaces_a_live_book_without_a_new_epoch() -> None:
    sync = anchored()
    sync.take_delta(Delta(100, 101, 1, Levels([2], [9], [], [])), 0)
    sync.record()
    sync.take_delta(Delta(101, 102, 1, Levels([9], [3], [], [])), 0)
    assert sync.take_fetched(101, 1, Levels([10, 8], [5, 4], [12], [5]), 0) is Outcome.TAKEN
    assert (sync.state, sync.epoch, sync.update_id) == (BookState.LIVE, 1, 102)
    assert sync.book.bids()[0].tolist() == [10, 9, 8, 2]
    assert sync.trusted == sync.known == (8, 12)


def test_a_stream_of_best_levels_is_known_as_far_as_it_reaches_now() -> None:
    sync = CountedSync(instrument("bybit"), "public")
    sync.begin(0)
    assert sync.known == (0, 0)
    sync.take_snapshot(100, 1, Levels([10, 9], [5, 4], [12, 13], [5, 4]), 0)
    sync.take_delta(Delta(100, 101, 1, Levels([9, 7], [0, 3], [14], [2])), 0)
    assert sync.known == (7, 14)


def test_a_wider_snapshot_that_does_not_reach_the_stream_leaves_the_book_alone() -> None:
    sync = anchored()
    sync.record()
    sync.take_delta(Delta(100, 103, 1, EMPTY), 0)
    assert sync.take_fetched(99, 1, Levels([3], [1], [12], [1]), 0) is Outcome.TOO_OLD
    assert sync.anchored
    assert sync.book.best_bid == 10


def test_the_usual_pace_of_a_symbol_stretches_its_silence_limit() -> None:
    sync = anchored()
    assert sync.silent_limit_ms() == 10_000
    now_ms, last_id = 0, 100
    for _ in range(200):
        now_ms, last_id = now_ms + 2_000, last_id + 1
        sync.take_delta(Delta(last_id - 1, last_id, 1, EMPTY), now_ms)
    assert 35_000 < sync.silent_limit_ms() <= 40_000
