"""The days before now from the venues' REST: 5-minute bars and open interest.

Pages are asked for backwards from now, so that a venue which stops answering, or keeps fewer days,
still leaves the most recent part: history is welcome, never required.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from leadline.domain.instrument import Instrument
from leadline.units import parse_float, parse_positive_float
from leadline.venues.adapter import coins_of, whole, whole_text
from leadline.venues.base import Candle, History
from leadline.venues.budget import Priority
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.venues")

BAR_MS = 300_000
PAGES_MAX = 40
Row = TypeVar("Row")
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class _Series:
    """One paged resource.  path takes native, start (ms), end (ms) and limit; weight is a page's price."""

    path: str
    limit: int
    weight: float
    rows: Callable[[Any], list[Any]]


def _result_list(answer: Any) -> list[Any]:
    if answer["retCode"] != 0:
        raise ValueError(f"refused with {answer['retCode']}")
    return list(answer["result"]["list"])


def _data(answer: Any) -> list[Any]:
    if answer["code"] != "0":
        raise ValueError(f"refused with {answer['code']}")
    return list(answer["data"])


CANDLES = {
    "binance": _Series(
        "/fapi/v1/klines?symbol={native}&interval=5m&startTime={start}&endTime={end}&limit={limit}",
        1500,
        10,
        list,
    ),
    "bybit": _Series(
        "/v5/market/kline?category=linear&symbol={native}&interval=5&start={start}&end={end}&limit={limit}",
        1000,
        1,
        _result_list,
    ),
    "okx": _Series(
        "/api/v5/market/history-candles?instId={native}&bar=5m&after={after}&limit={limit}",
        100,
        1,
        _data,
    ),
}
INTERESTS = {
    "binance": _Series(
        "/futures/data/openInterestHist"
        "?symbol={native}&period=5m&startTime={start}&endTime={end}&limit={limit}",
        500,
        1,
        list,
    ),
    "bybit": _Series(
        "/v5/market/open-interest?category=linear&symbol={native}&intervalTime=5min"
        "&startTime={start}&endTime={end}&limit={limit}",
        200,
        1,
        _result_list,
    ),
    "okx": _Series(
        "/api/v5/rubik/stat/contracts/open-interest-history"
        "?instId={native}&period=5m&end={after}&limit={limit}",
        100,
        1,
        _data,
    ),
}


async def load_history(venue: str, rest: Rest, instrument: Instrument, since_ms: int, now_ms: int) -> History:
    """Load what the venue still has of [since_ms, now_ms]; an error yields the part got before it."""
    bars = await _load(rest, CANDLES[venue], parse_candles, instrument, since_ms, now_ms)
    interests = await _load(rest, INTERESTS[venue], parse_interest, instrument, since_ms, now_ms)
    return History(
        candles=[bars[at_ms] for at_ms in sorted(bars)],
        open_interest=[(at_ms, interests[at_ms]) for at_ms in sorted(interests)],
    )


async def _load(
    rest: Rest,
    series: _Series,
    parse: Callable[[Instrument, list[Any]], dict[int, Row]],
    instrument: Instrument,
    since_ms: int,
    now_ms: int,
) -> dict[int, Row]:
    found: dict[int, Row] = {}
    end_ms = now_ms
    for _ in range(PAGES_MAX):
        start_ms = max(since_ms, end_ms - series.limit * BAR_MS + 1)
        path = series.path.format(
            native=instrument.native, start=start_ms, end=end_ms, after=end_ms + 1, limit=series.limit
        )
        reply = await rest.get(path, series.weight, Priority.HISTORY)
        try:
            page = parse(instrument, series.rows(orjson.loads(reply.body))) if reply.status == 200 else {}
        except MALFORMED as error:
            log.info("%s history of %s ends early: %s", rest.venue, instrument.symbol, error)
            break
        fresh = {at_ms: row for at_ms, row in page.items() if since_ms <= at_ms <= end_ms}
        if not fresh:
            break
        found |= fresh
        end_ms = min(fresh) - 1
        if end_ms < since_ms:
            break
    return found


def parse_candles(instrument: Instrument, rows: list[Any]) -> dict[int, Candle]:
    """Read the venue's rows of 5-minute bars, in any order, by their opening time (ms).

    Raises any of MALFORMED on a row that is none.
    """
    read = {"binance": _binance_candle, "bybit": _bybit_candle, "okx": _okx_candle}[instrument.venue]
    return {bar.at_ms: bar for bar in (read(instrument, row) for row in rows)}


def parse_interest(instrument: Instrument, rows: list[Any]) -> dict[int, float]:
    """Read the venue's rows of open interest as coins of one side by time (ms)."""
    read = {"binance": _binance_interest, "bybit": _bybit_interest, "okx": _okx_interest}[instrument.venue]
    return dict(read(instrument, row) for row in rows)


def _candle(at_ms: int, row: list[Any], volume: float, taker_buy: float | None) -> Candle:
    first, high, low, last = (parse_positive_float(text) for text in row[1:5])
    return Candle(at_ms, first, high, low, last, volume, taker_buy)


def _binance_candle(instrument: Instrument, row: list[Any]) -> Candle:
    price = parse_positive_float(row[4])
    volume = coins_of(instrument, parse_float(row[5]), price)
    return _candle(whole(row[0]), row, volume, coins_of(instrument, parse_float(row[9]), price))


def _bybit_candle(instrument: Instrument, row: list[Any]) -> Candle:
    volume = coins_of(instrument, parse_float(row[5]), parse_positive_float(row[4]))
    return _candle(whole_text(row[0]), row, volume, None)


def _okx_candle(_: Instrument, row: list[Any]) -> Candle:
    # The seventh column is in coins already.
    return _candle(whole_text(row[0]), row, parse_float(row[6]), None)


def _binance_interest(_: Instrument, row: Any) -> tuple[int, float]:
    return whole(row["timestamp"]), parse_float(row["sumOpenInterest"])


def _bybit_interest(_: Instrument, row: Any) -> tuple[int, float]:
    """The older field counts both sides; the newer, where it is sent, one."""
    single = row.get("singleOpenInterest")
    coins = parse_float(single) if single else parse_float(row["openInterest"]) / 2
    return whole_text(row["timestamp"]), coins


def _okx_interest(_: Instrument, row: list[Any]) -> tuple[int, float]:
    # The third column is in coins.
    return whole_text(row[0]), parse_float(row[2])
