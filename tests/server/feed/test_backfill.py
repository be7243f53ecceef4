"""A start from what was kept: joined with what the venue tells of since, unless the two disagree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.domain.backcast import backcast
from leadline.domain.bands import Bands
from leadline.domain.leverage import bundled_tiers
from leadline.feed.backfill import MINUTE_MS, Past, in_last_unit, lesson_rows, load_past, past_rows, thinned
from leadline.store import history as store_module
from leadline.store.history import HistoryStore
from leadline.store.history_day import BarRow, LessonRow
from leadline.venues.base import Candle, History
from leadline.venues.history import DAY_MS, HOUR_MS, WEEK_MS
from tests.server.venues.stream import instrument
from tests.server.venues.test_history import NOW_MS, Archive

LATER_MS = NOW_MS + 20 * MINUTE_MS


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HistoryStore]:
    # The past of these tests is long ago.
    monkeypatch.setattr(store_module, "wall_ms", lambda: NOW_MS)
    monkeypatch.setattr(store_module, "COMMIT_EVERY_S", 0.0)
    made = HistoryStore(tmp_path / "hist", "twin", 40)
    yield made
    made.close()


async def past_of(store: HistoryStore | None, archive: Archive, now_ms: int = NOW_MS) -> Past:
    made: Any = archive
    return await load_past(store, archive.venue, made, instrument(archive.venue), now_ms, lambda _: None)


def keep(store: HistoryStore, venue: str, past: Past) -> None:
    """Do what a start does with a past: make its columns and keep all."""
    bars = past.history.candles
    bands = Bands(bundled_tiers(venue, "BTCUSDT"), bars[0].open, bars[0].at_ms)
    columns = backcast(bands, bars, past.history.open_interest, columns_since_ms=NOW_MS - HOUR_MS)
    store.put(past_rows("BTCUSDT", venue, past.history, columns, past.since_ms))
    store._waiting.put(None)
    store._thread.join(20)


async def test_a_second_start_asks_for_no_more_than_what_came_since(store: HistoryStore) -> None:
    first = await past_of(store, Archive("binance"))
    keep(store, "binance", first)
    archive = Archive("binance")
    second = await past_of(store, archive, NOW_MS + 2_000)
    assert len(archive.asked) <= 5
    assert len(first.kept) == 0
    assert len(second.kept) > 20, "columns that were made before are made again"
    bars = second.history.candles
    assert bars[0].at_ms <= NOW_MS - 28 * DAY_MS
    assert all(one.at_ms + one.span_ms == other.at_ms for one, other in pairwise(bars))
    assert sum(bar.volume for bar in bars) == pytest.approx(sum(bar.volume for bar in first.history.candles))
    assert second.history.open_interest[0] == first.history.open_interest[0]
    assert len(second.history.funding) == len(first.history.funding)


async def test_columns_come_back_as_they_were(store: HistoryStore) -> None:
    first = await past_of(store, Archive("okx"))
    bars = first.history.candles
    bands = Bands(bundled_tiers("okx", "BTCUSDT"), bars[0].open, bars[0].at_ms)
    made = backcast(bands, bars, first.history.open_interest, columns_since_ms=NOW_MS - 2 * HOUR_MS)
    keep(store, "okx", first)
    second = await past_of(store, Archive("okx"), NOW_MS + 2_000)
    known = {column.minute: column for column in made}
    assert second.kept
    for column in second.kept:
        assert np.array_equal(column.codes, known[column.minute].codes)
        assert (column.origin, column.mark) == (known[column.minute].origin, known[column.minute].mark)


@pytest.mark.parametrize("factor", [1.01, 1.0003])
async def test_a_past_that_the_venue_denies_is_dropped(
    store: HistoryStore, caplog: pytest.LogCaptureFixture, factor: float
) -> None:
    first = await past_of(store, Archive("okx"))
    first.history.candles = [
        type(bar)(bar.at_ms, bar.open, bar.high, bar.low, bar.close * factor, bar.volume, None, bar.span_ms)
        for bar in first.history.candles
    ]
    keep(store, "okx", first)
    archive = Archive("okx")
    second = await past_of(store, archive, NOW_MS + 2_000)
    assert "of another past" in caplog.text
    assert {bar.close for bar in second.history.candles} == {3.0}
    assert len(archive.asked) > 20


async def test_a_venue_that_does_not_answer_leaves_what_was_kept(store: HistoryStore) -> None:
    keep(store, "bybit", await past_of(store, Archive("bybit")))
    second = await past_of(store, Archive("bybit", fails_after=0), NOW_MS + 2_000)
    assert second.history.candles[-1].at_ms > NOW_MS - HOUR_MS
    assert second.kept


async def test_without_the_whole_week_all_is_fetched_again(store: HistoryStore) -> None:
    short = await past_of(store, Archive("binance", first_ms=NOW_MS - 3 * DAY_MS))
    keep(store, "binance", short)
    archive = Archive("binance")
    second = await past_of(store, archive)
    assert len(archive.asked) > 10
    assert second.history.candles[0].at_ms < NOW_MS - WEEK_MS


async def test_what_prints_taught_comes_back_unless_the_model_is_another(store: HistoryStore) -> None:
    store.put(lesson_rows("BTCUSDT", {"bybit": {"churn_kept": 0.1}, "": {"errors": [1.5]}}, NOW_MS))
    store.put([LessonRow("BTCUSDT", "okx", NOW_MS, "bands-of-old", b"{}")])
    keep(store, "bybit", await past_of(store, Archive("bybit")))
    second = await past_of(store, Archive("bybit"), NOW_MS + 2_000)
    assert second.lessons == {"bybit": {"churn_kept": 0.1}, "": {"errors": [1.5]}}


async def test_nothing_kept_and_no_store_are_a_plain_start() -> None:
    past = await past_of(None, Archive("binance"))
    assert past.kept == []
    assert past.since_ms == 0


def row(minute: int, span_min: int = 1, price: float = 10.0) -> BarRow:
    return BarRow(
        *("BTCUSDT", "okx", minute, span_min, price, price + 1, price - 1, price, 2.0, 1.0),
        *(None, None, None, None, None),
    )


def test_minutes_become_fives_after_a_day_and_hours_after_a_week() -> None:
    now_min = 100_000 * 60
    rows = [
        *(row(now_min - 9 * 1440 + at, price=10.0 + at) for at in range(120)),
        *(row(now_min - 3 * 1440 + at) for at in range(10)),
        row(now_min - 3 * 1440 + 10, 5),
        *(row(now_min - 10 + at) for at in range(10)),
    ]
    bars = thinned(rows, now_min * MINUTE_MS)
    assert [bar.span_ms // MINUTE_MS for bar in bars] == [60, 60, 5, 5, 5, *[1] * 10]
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (10.0, 70.0, 9.0, 69.0)
    assert sum(bar.volume for bar in bars) == 2.0 * len(rows)


def test_a_minute_inside_a_longer_bar_is_not_counted_twice() -> None:
    bars = thinned([row(1000, 5), row(1003), row(1004), row(1005)], 1006 * MINUTE_MS)
    assert [(bar.at_ms // MINUTE_MS, bar.span_ms // MINUTE_MS) for bar in bars] == [(1000, 5), (1005, 1)]


def test_what_lies_before_a_change_of_the_unit_is_left_out() -> None:
    prices = [10.0, 10.2, 10.1, 10_100.0, 10_050.0]
    bars = [Candle(at * MINUTE_MS, p, p, p, p, 1.0, None, MINUTE_MS) for at, p in enumerate(prices)]
    interest = [(bar.at_ms, 5.0) for bar in bars]
    past = Past(History(bars, interest), lessons={"": {}})
    cut = in_last_unit(past)
    assert [bar.open for bar in cut.history.candles] == prices[3:]
    assert (cut.history.open_interest, cut.lessons) == (interest[3:], {})
    calm = Past(History(bars[:3], interest), lessons={"": {}})
    assert in_last_unit(calm) is calm
