"""A venue's past when a server starts: what it kept itself first, the rest from the venue.

What was kept is believed only if the venue's own bars agree with it where both tell of the same minutes:
a simulated world that was made anew has another past under the same names.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from leadline.domain.estimator_constants import model_hash
from leadline.domain.events import Side
from leadline.domain.instrument import Instrument
from leadline.domain.leap import leaps
from leadline.feed.map_columns import EndedMinute
from leadline.store.history import HistoryStore
from leadline.store.history_day import BarRow, HistoryRow, LessonRow, LiquidationRow, SampleRow
from leadline.venues.base import Candle, History
from leadline.venues.history import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, load_history
from leadline.venues.rest import Rest
from leadline.wire.map_frames import packed_plane, plane_of
from leadline.wire.varint import FrameError

if TYPE_CHECKING:
    # At run time it comes with the first bands: numba loads with it.
    from leadline.domain.backcast import Bar
    from leadline.domain.heatmap import Column

log = logging.getLogger("leadline.feed")

REACH_MS = 30 * DAY_MS
HOLE_MS_MAX = 15 * MINUTE_MS  # a longer one within the week is fetched, and with it all since
OVERLAP_MS = 30 * MINUTE_MS  # what is asked for of what is kept, to compare
# Of closing prices, in the middle.  Our own minutes end within a second of the venue's; a simulated world
# that is the same one some minutes later differs by a few basis points.
DISAGREEMENT_MAX = 1e-4


@dataclass(slots=True)
class Past:
    """history: kept and fetched, joined; kept: columns of this model that need not be made again.

    since_ms: from when on bars are new to the store.  lessons: what prints had taught, by venue.
    """

    history: History
    kept: list[Column] = field(default_factory=list)
    since_ms: int = 0
    lessons: dict[str, Any] = field(default_factory=dict)


async def load_past(
    store: HistoryStore | None,
    venue: str,
    rest: Rest,
    instrument: Instrument,
    now_ms: int,
    progress: Callable[[float], None],
) -> Past:
    """Return all that is known of the last REACH_MS of a contract."""
    since_ms = now_ms - REACH_MS
    if store is None:
        return Past(await load_history(venue, rest, instrument, since_ms, now_ms, progress))
    kept = await asyncio.to_thread(_kept, store, instrument, since_ms, now_ms)
    until_ms = _whole_until_ms(kept.history.candles, now_ms)
    if until_ms is None:
        history = await load_history(venue, rest, instrument, since_ms, now_ms, progress)
        agrees = _agree(kept.history.candles, history.candles)
        return Past(history, lessons=kept.lessons if agrees else {})
    fresh = await load_history(venue, rest, instrument, until_ms - OVERLAP_MS, now_ms, progress)
    if not _agree(kept.history.candles, fresh.candles):
        log.warning("%s on %s: what was kept is of another past; it is dropped", instrument.symbol, venue)
        store.forget(instrument.symbol, venue)
        return Past(await load_history(venue, rest, instrument, since_ms, now_ms, progress))
    log.info(
        "%s on %s: %d bars kept, %d fetched",
        *(instrument.symbol, venue, len(kept.history.candles), len(fresh.candles)),
    )
    return _joined(kept, fresh)


def in_last_unit(past: Past) -> Past:
    """Leave out what lies before the last leap of the price: it counts in another unit."""
    told = past.history
    leapt = [bar.at_ms for before, bar in pairwise(told.candles) if leaps(before.close, bar.open)]
    if not leapt:
        return past
    since_ms = leapt[-1]
    history = History(
        candles=[bar for bar in told.candles if bar.at_ms >= since_ms],
        open_interest=[sample for sample in told.open_interest if sample[0] >= since_ms],
        funding=told.funding,
        long_ratios=told.long_ratios,
    )
    kept = [column for column in past.kept if column.minute * MINUTE_MS >= since_ms]
    return replace(past, history=history, kept=kept, lessons={})


def _joined(kept: Past, fresh: History) -> Past:
    """Put what was fetched after what was kept; where both tell, the venue's bars count."""
    since_ms = fresh.candles[0].at_ms if fresh.candles else 1 << 62
    told = kept.history
    history = History(
        candles=[bar for bar in told.candles if bar.at_ms + bar.span_ms <= since_ms] + fresh.candles,
        open_interest=sorted(dict(told.open_interest + fresh.open_interest).items()),
        funding=sorted(dict(told.funding + fresh.funding).items()),
        long_ratios=sorted(dict(told.long_ratios + fresh.long_ratios).items()),
    )
    columns = [column for column in kept.kept if column.minute * MINUTE_MS < since_ms]
    return Past(history, columns, since_ms, kept.lessons)


def _whole_until_ms(bars: Sequence[Candle], now_ms: int) -> int | None:
    """Return the end of the bars, None when they do not cover the week up to it."""
    if not bars or bars[0].at_ms > now_ms - WEEK_MS + HOUR_MS:
        return None
    for one, other in pairwise(bars):
        if other.at_ms - one.at_ms - one.span_ms > HOLE_MS_MAX and other.at_ms > now_ms - WEEK_MS:
            return None
    until_ms = bars[-1].at_ms + bars[-1].span_ms
    return until_ms if until_ms > now_ms - WEEK_MS else None


def _agree(kept: Sequence[Candle], fresh: Sequence[Candle]) -> bool:
    """Compare closing prices of the minutes both know; without any there is nothing to say against it."""
    closes = {bar.at_ms: bar.close for bar in kept if bar.span_ms == MINUTE_MS}
    # The newest bar kept may have ended before its minute did.
    shared = [bar for bar in fresh if bar.at_ms in closes and bar.span_ms == MINUTE_MS][:-1]
    if not shared:
        return not fresh
    return median(abs(bar.close / closes[bar.at_ms] - 1) for bar in shared) <= DISAGREEMENT_MAX


def _kept(store: HistoryStore, instrument: Instrument, since_ms: int, now_ms: int) -> Past:
    """Read what is kept; runs in a thread."""
    past = store.past(instrument.symbol, instrument.venue, since_ms, now_ms)
    bars = thinned(past.bars, now_ms)
    day_min = (now_ms - DAY_MS) // MINUTE_MS
    at_ends = [
        ((row.minute + row.span_min) * MINUTE_MS, row.oi_coins)
        for row in past.bars
        if row.oi_coins is not None and (row.minute >= day_min or (row.minute + row.span_min) % 5 == 0)
    ]
    history = History(
        candles=bars,
        open_interest=sorted(dict(past.samples["oi"] + at_ends).items()),
        funding=past.samples["funding"],
        long_ratios=past.samples["ratio"],
    )
    return Past(
        history,
        kept=_columns(past.bars, bars),
        lessons=_lessons(store, instrument.symbol, now_ms),
    )


def _lessons(store: HistoryStore, symbol: str, now_ms: int) -> dict[str, Any]:
    """Return what prints had taught under this very model, by venue."""
    rows = store.lessons(symbol, now_ms)
    try:
        return {row.venue: json.loads(row.body) for row in rows.values() if row.model == model_hash()}
    except ValueError as error:
        log.warning("what prints had taught about %s cannot be read: %s", symbol, error)
        return {}


def lesson_rows(symbol: str, memory: Mapping[str, object], at_ms: int) -> list[LessonRow]:
    """Return what prints have taught as it is kept."""
    model = model_hash()
    return [
        LessonRow(symbol, venue, at_ms, model, json.dumps(told).encode()) for venue, told in memory.items()
    ]


def thinned(rows: Sequence[BarRow], now_ms: int) -> list[Candle]:
    """Return bars without overlap: of a minute for the last day, of five for the week, else of an hour.

    A shorter bar that begins inside a longer one is a part of it and left out.
    """
    joined: list[Candle] = []
    end_ms = 0
    # Lengths change at whole hours, so that no longer bar is cut in two.
    day_ms, week_ms = ((now_ms - age_ms) // HOUR_MS * HOUR_MS for age_ms in (DAY_MS, WEEK_MS))
    for row in rows:
        at_ms = row.minute * MINUTE_MS
        if at_ms < end_ms:
            continue
        end_ms = at_ms + row.span_min * MINUTE_MS
        candle = Candle(
            *(at_ms, row.open, row.high, row.low, row.close),
            *(row.volume, row.taker_buy, row.span_min * MINUTE_MS),
        )
        span_ms = MINUTE_MS if at_ms >= day_ms else 5 * MINUTE_MS if at_ms >= week_ms else HOUR_MS
        last = joined[-1] if joined else None
        if last is not None and last.at_ms // span_ms == at_ms // span_ms and candle.span_ms < span_ms:
            joined[-1] = _merged(last, candle)
        else:
            joined.append(candle)
    return joined


def _merged(one: Candle, other: Candle) -> Candle:
    buys = None if one.taker_buy is None or other.taker_buy is None else one.taker_buy + other.taker_buy
    return Candle(
        *(one.at_ms, one.open, max(one.high, other.high), min(one.low, other.low), other.close),
        *(one.volume + other.volume, buys, other.at_ms + other.span_ms - one.at_ms),
    )


def _columns(rows: Sequence[BarRow], bars: Sequence[Candle]) -> list[Column]:
    """Return the columns of rows; one that stands for five minutes has the candle of all of them."""
    joined = {bar.at_ms // (5 * MINUTE_MS): bar for bar in bars if bar.span_ms == 5 * MINUTE_MS}
    columns = []
    for row in rows:
        column = _column_of(row)
        if column is None:
            continue
        bar = joined.get(column.minute // 5) if column.span_min == 1 else None
        if bar is not None:
            candle = bar.open, bar.high, bar.low, bar.close
            column = replace(column, minute=bar.at_ms // MINUTE_MS, span_min=5, candle=candle)
        columns.append(column)
    return columns


def _column_of(row: BarRow) -> Column | None:
    from leadline.domain.heatmap import STORED_BINS, Column

    if row.codes is None or row.origin is None or row.mark is None or row.model != model_hash():
        return None
    try:
        codes = plane_of(row.codes, STORED_BINS, 1)[:, 0]
    except FrameError:
        return None
    candle = row.open, row.high, row.low, row.close
    oi_coins = float("nan") if row.oi_coins is None else row.oi_coins
    return Column(row.minute, row.span_min, candle, row.mark, oi_coins, row.origin, codes)


def bar_row(symbol: str, venue: str, bar: Bar, column: Column | None, model: str) -> BarRow:
    """Return a bar, and its column if there is one, as they are kept."""
    return BarRow(
        symbol,
        venue,
        minute=bar.at_ms // MINUTE_MS,
        span_min=bar.span_ms // MINUTE_MS,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        taker_buy=bar.taker_buy,
        oi_coins=None if column is None else column.oi_coins,
        mark=None if column is None else column.mark,
        model=None if column is None else model,
        origin=None if column is None else column.origin,
        codes=None if column is None else packed_plane(column.codes[:, None]),
    )


def past_rows(
    symbol: str, venue: str, history: History, columns: Iterable[Column], since_ms: int
) -> list[BarRow | SampleRow]:
    """Return what a start has fetched and made, as it is kept: bars from ``since_ms`` on, and all samples."""
    model, made = model_hash(), {column.minute: column for column in columns}
    rows: list[BarRow | SampleRow] = [
        bar_row(symbol, venue, bar, made.get(bar.at_ms // MINUTE_MS), model)
        for bar in history.candles
        if bar.at_ms >= since_ms
    ]
    series = {"oi": history.open_interest, "funding": history.funding, "ratio": history.long_ratios}
    for kind, samples in series.items():
        rows += [
            SampleRow(symbol, venue, kind, at_ms, value) for at_ms, value in samples if at_ms >= since_ms
        ]
    return rows


def minute_rows(symbol: str, ended: EndedMinute) -> list[HistoryRow]:
    """Return a live minute as it is kept."""
    venue, rows = ended.venue, list[HistoryRow]()
    if ended.column is not None:
        rows.append(bar_row(symbol, venue, ended.bar, ended.column, model_hash()))
    rows += [
        LiquidationRow(
            *(
                symbol,
                venue,
                died.at_ms,
                "long" if died.side is Side.BUY else "short",
                died.price,
                died.coins,
            ),
            *(died.kind.value, died.completeness.value),
        )
        for died in ended.died
    ]
    rows += [SampleRow(symbol, venue, "funding", at_ms, rate) for at_ms, rate in ended.settled]
    return rows
