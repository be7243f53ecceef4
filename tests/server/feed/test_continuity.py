"""What a loss costs, and since when a book is proven."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import BookState, Completeness, Liquidation
from leadline.feed.continuity import LIQUIDATION_FEEDS, RESYNCS_KEPT, Continuity
from leadline.venues.okx import OkxProtocol
from tests.server.venues.stream import instrument

LIVE, STALE, SYNCING = BookState.LIVE, BookState.STALE, BookState.SYNCING


def test_a_book_is_verified_from_its_first_live_message_until_it_is_lost() -> None:
    made = Continuity()
    made.observe(SYNCING, 900, 0)
    made.observe(LIVE, 1_000, 100)
    made.observe(LIVE, 2_000, 1_100)
    assert (made.verified_since_ms, made.last_resync_ms()) == (1_000, None)
    made.observe(STALE, 3_000, 2_100)
    made.observe(SYNCING, 3_100, 2_200)
    assert made.verified_since_ms is None
    made.observe(LIVE, 3_400, 2_500)
    assert (made.verified_since_ms, made.last_resync_ms()) == (3_400, 400)


def test_the_first_sync_is_no_loss() -> None:
    made = Continuity()
    made.observe(SYNCING, 0, 0)
    made.observe(LIVE, 0, 5_000)
    assert made.p99_resync_ms() is None


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=600))
def test_99_percent_of_the_last_losses_did_not_last_longer(durations: list[int]) -> None:
    made, now_ms = Continuity(), 0
    made.observe(LIVE, 0, now_ms)
    for duration_ms in durations:
        made.observe(STALE, 0, now_ms)
        now_ms += duration_ms
        made.observe(LIVE, 0, now_ms)
    kept = durations[-RESYNCS_KEPT:]
    p99 = made.p99_resync_ms()
    assert p99 in kept
    assert sum(duration <= p99 for duration in kept) >= 0.99 * len(kept)
    assert sum(duration < p99 for duration in kept) < 0.99 * len(kept)


def test_the_table_of_feeds_agrees_with_the_adapters() -> None:
    made = instrument("okx")
    row = (
        b'{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"instId":"BTC-USDT-SWAP",'
        b'"details":[{"side":"sell","bkPx":"9","sz":"1","ts":"1"}]}]}'
    )
    (event,) = OkxProtocol([made]).receive("public", row, 0)
    assert isinstance(event, Liquidation)
    assert event.completeness is LIQUIDATION_FEEDS["okx"] is Completeness.THROTTLED
