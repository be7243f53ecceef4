"""The days before now from the venues' REST: bars, open interest, funding, and who is long.

Bars are of a minute for the last day, of five minutes for the week, of an hour before that; open interest
likewise, five minutes at its finest.  Pages are asked for backwards from now, so that a venue which stops
answering, or keeps fewer days, still leaves the most recent part: history is welcome, never required.
Where a finer series ends early, the coarser one goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from leadline.domain.instrument import Instrument
from leadline.units import parse_float, parse_positive_float
from leadline.venues.adapter import coins_of, whole, whole_text
from leadline.venues.base import Candle, History
from leadline.venues.budget import Priority
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.venues")

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
# How far back it is worth asking.  A page of OKX holds a hundred rows: a month would hold up all that wait.
REACH_MS = {"binance": 29 * DAY_MS, "bybit": 29 * DAY_MS, "okx": WEEK_MS}
PAGES_MAX = 40
Row = TypeVar("Row")
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class _Series:
    """One paged resource.  path takes native, name (of the interval), start, end (ms), after (ms) and limit.

    weight is a page's price.  names: of the intervals in minutes; a settlement of funding comes at most
    once an hour.
    """

    path: str
    limit: int
    weight: float
    rows: Callable[[Any], list[Any]]
    names: dict[int, str] = field(default_factory=dict)


def _result_list(answer: Any) -> list[Any]:
    if answer["retCode"] != 0:
        raise ValueError(f"refused with {answer['retCode']}")
    return list(answer["result"]["list"])


def _data(answer: Any) -> list[Any]:
    if answer["code"] != "0":
        raise ValueError(f"refused with {answer['code']}")
    return list(answer["data"])


_BINANCE_RANGE = "&startTime={start}&endTime={end}&limit={limit}"
_BYBIT = "category=linear&symbol={native}"
CANDLES = {
    "binance": _Series(
        "/fapi/v1/klines?symbol={native}&interval={name}" + _BINANCE_RANGE,
        1500,
        10,
        list,
        {1: "1m", 5: "5m", 60: "1h"},
    ),
    "bybit": _Series(
        f"/v5/market/kline?{_BYBIT}&interval={{name}}&start={{start}}&end={{end}}&limit={{limit}}",
        1000,
        1,
        _result_list,
        {1: "1", 5: "5", 60: "60"},
    ),
    "okx": _Series(
        "/api/v5/market/history-candles?instId={native}&bar={name}&after={after}&limit={limit}",
        100,
        1,
        _data,
        {5: "5m", 60: "1H"},
    ),
}
# OKX tells the last 1440 bars of any length in larger pages.
RECENT_CANDLES = {
    "okx": _Series(
        "/api/v5/market/candles?instId={native}&bar={name}&after={after}&limit={limit}",
        300,
        1,
        _data,
        {1: "1m"},
    ),
}
INTERESTS = {
    "binance": _Series(
        "/futures/data/openInterestHist?symbol={native}&period={name}" + _BINANCE_RANGE,
        500,
        1,
        list,
        {5: "5m", 60: "1h"},
    ),
    "bybit": _Series(
        f"/v5/market/open-interest?{_BYBIT}&intervalTime={{name}}"
        "&startTime={start}&endTime={end}&limit={limit}",
        200,
        1,
        _result_list,
        {5: "5min", 60: "1h"},
    ),
    "okx": _Series(
        "/api/v5/rubik/stat/contracts/open-interest-history"
        "?instId={native}&period={name}&end={after}&limit={limit}",
        100,
        1,
        _data,
        {5: "5m", 60: "1H"},
    ),
}
FUNDINGS = {
    "binance": _Series("/fapi/v1/fundingRate?symbol={native}" + _BINANCE_RANGE, 1000, 1, list),
    "bybit": _Series(
        f"/v5/market/funding/history?{_BYBIT}&startTime={{start}}&endTime={{end}}&limit={{limit}}",
        200,
        1,
        _result_list,
    ),
    "okx": _Series(
        "/api/v5/public/funding-rate-history?instId={native}&after={after}&limit={limit}", 400, 1, _data
    ),
}
RATIOS = {
    "binance": _Series(
        "/futures/data/globalLongShortAccountRatio?symbol={native}&period={name}" + _BINANCE_RANGE,
        500,
        1,
        list,
        {5: "5m", 60: "1h"},
    ),
    "bybit": _Series(
        f"/v5/market/account-ratio?{_BYBIT}&period={{name}}&startTime={{start}}&endTime={{end}}&limit={{limit}}",
        500,
        1,
        _result_list,
        {5: "5min", 60: "1h"},
    ),
    "okx": _Series(
        "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
        "?instId={native}&period={name}&end={after}&limit={limit}",
        100,
        1,
        _data,
        {5: "5m", 60: "1H"},
    ),
}


async def load_history(
    venue: str,
    rest: Rest,
    instrument: Instrument,
    since_ms: int,
    now_ms: int,
    progress: Callable[[float], None] = lambda _: None,
) -> History:
    """Load what the venue still has of [since_ms, now_ms]; an error yields the part got before it.

    progress is told 0 to 1 as pages come.
    """
    since_ms = max(since_ms, now_ms - REACH_MS[venue])
    loading = _Loading(rest, instrument, now_ms, progress, now_ms - since_ms)
    bars: dict[int, Candle] = {}
    oldest = now_ms + 1
    for minutes, age_ms in ((1, DAY_MS), (5, WEEK_MS), (60, REACH_MS[venue])):
        series = RECENT_CANDLES.get(venue, CANDLES[venue]) if minutes == 1 else CANDLES[venue]
        # Bars of one length begin where one of the next would, and those end where the first of these begins.
        from_ms = max(since_ms, (now_ms - age_ms) // HOUR_MS * HOUR_MS)
        found = await loading.load(series, minutes, _candles_of(minutes), from_ms, oldest - 1)
        bars |= found
        longer_ms = 5 * MINUTE_MS if minutes == 1 else HOUR_MS
        oldest = min(found) // longer_ms * longer_ms if found else oldest
    interests: dict[int, float] = {}
    oldest = now_ms + 1
    for minutes, age_ms in ((5, WEEK_MS), (60, REACH_MS[venue])):
        from_ms = max(since_ms, now_ms - age_ms)
        found_coins = await loading.load(INTERESTS[venue], minutes, parse_interest, from_ms, oldest - 1)
        interests |= found_coins
        oldest = min(found_coins, default=oldest)
    rates = await loading.load(FUNDINGS[venue], 60, parse_funding, since_ms, now_ms)
    ratios = await loading.load(RATIOS[venue], 60, parse_ratio, max(since_ms, now_ms - WEEK_MS), now_ms)
    progress(1.0)
    return History(
        candles=[bars[at_ms] for at_ms in sorted(bars)],
        open_interest=sorted(interests.items()),
        funding=sorted(rates.items()),
        long_ratios=sorted(ratios.items()),
    )


async def load_ratio(
    venue: str, rest: Rest, instrument: Instrument, since_ms: int, now_ms: int
) -> list[tuple[int, float]]:
    """Load (ms, longs over shorts) of every five minutes of [since_ms, now_ms], oldest first."""
    loading = _Loading(rest, instrument, now_ms, lambda _: None, now_ms - since_ms)
    return sorted((await loading.load(RATIOS[venue], 5, parse_ratio, since_ms, now_ms)).items())


class _Loading:
    """Loads the series of one contract, and tells how far it is by the pages that each will take."""

    def __init__(
        self,
        rest: Rest,
        instrument: Instrument,
        now_ms: int,
        progress: Callable[[float], None],
        range_ms: int,
    ) -> None:
        self._rest = rest
        self._instrument = instrument
        self._now_ms = now_ms
        self._progress = progress
        venue = instrument.venue
        fine_ms = min(range_ms, WEEK_MS)
        self._pages = 0
        self._pages_expected = 3 + sum(
            span_ms / (series.limit * minutes * MINUTE_MS)
            for series, minutes, span_ms in (
                (RECENT_CANDLES.get(venue, CANDLES[venue]), 1, min(range_ms, DAY_MS)),
                (CANDLES[venue], 5, fine_ms),
                (INTERESTS[venue], 5, fine_ms),
            )
        )

    async def load(
        self,
        series: _Series,
        minutes: int,
        parse: Callable[[Instrument, list[Any]], dict[int, Row]],
        since_ms: int,
        until_ms: int,
    ) -> dict[int, Row]:
        """Return the rows of [since_ms, until_ms] by time, as far back as pages come."""
        found: dict[int, Row] = {}
        end_ms = until_ms
        for _ in range(PAGES_MAX):
            if end_ms - since_ms < minutes * MINUTE_MS:
                # No whole bar fits in what is left.
                break
            start_ms = max(since_ms, end_ms - series.limit * minutes * MINUTE_MS + 1)
            page = await self._page(series, minutes, parse, start_ms, end_ms)
            fresh = {at_ms: row for at_ms, row in page.items() if since_ms <= at_ms <= end_ms}
            if not fresh:
                break
            found |= fresh
            end_ms = min(fresh) - 1
        return found

    async def _page(
        self,
        series: _Series,
        minutes: int,
        parse: Callable[[Instrument, list[Any]], dict[int, Row]],
        start_ms: int,
        end_ms: int,
    ) -> dict[int, Row]:
        instrument = self._instrument
        path = series.path.format(
            native=instrument.native,
            name=series.names.get(minutes, ""),
            start=start_ms,
            end=end_ms,
            after=end_ms + 1,
            limit=series.limit,
        )
        reply = await self._rest.get(path, series.weight, Priority.HISTORY)
        self._pages += 1
        self._progress(min(self._pages / self._pages_expected, 0.99))
        if reply.status != 200:
            return {}
        try:
            return parse(instrument, series.rows(orjson.loads(reply.body)))
        except MALFORMED as error:
            log.info("%s history of %s ends early: %s", self._rest.venue, instrument.symbol, error)
            return {}


def _candles_of(minutes: int) -> Callable[[Instrument, list[Any]], dict[int, Candle]]:
    return lambda instrument, rows: parse_candles(instrument, rows, minutes)


def parse_candles(instrument: Instrument, rows: list[Any], minutes: int = 5) -> dict[int, Candle]:
    """Read the venue's rows of bars of ``minutes``, in any order, by their opening time (ms).

    Raises any of MALFORMED on a row that is none.
    """
    read = {"binance": _binance_candle, "bybit": _bybit_candle, "okx": _okx_candle}[instrument.venue]
    bars = (read(instrument, row, minutes * MINUTE_MS) for row in rows)
    return {bar.at_ms: bar for bar in bars}


def parse_interest(instrument: Instrument, rows: list[Any]) -> dict[int, float]:
    """Read the venue's rows of open interest as coins of one side by time (ms)."""
    read = {"binance": _binance_interest, "bybit": _bybit_interest, "okx": _okx_interest}[instrument.venue]
    return dict(read(instrument, row) for row in rows)


def parse_funding(instrument: Instrument, rows: list[Any]) -> dict[int, float]:
    """Read the venue's settlements: the rate by time (ms)."""
    if instrument.venue == "binance":
        return {whole(row["fundingTime"]): parse_float(row["fundingRate"]) for row in rows}
    if instrument.venue == "bybit":
        return {whole_text(row["fundingRateTimestamp"]): parse_float(row["fundingRate"]) for row in rows}
    # What was announced and what was paid may differ; the latter is empty until it is known.
    return {
        whole_text(row["fundingTime"]): parse_float(row.get("realizedRate") or row["fundingRate"])
        for row in rows
    }


def parse_ratio(instrument: Instrument, rows: list[Any]) -> dict[int, float]:
    """Read the venue's rows of accounts that are long for each that is short, by time (ms)."""
    if instrument.venue == "binance":
        return {whole(row["timestamp"]): parse_positive_float(row["longShortRatio"]) for row in rows}
    if instrument.venue == "bybit":
        return {
            whole_text(row["timestamp"]): parse_positive_float(row["buyRatio"])
            / parse_positive_float(row["sellRatio"])
            for row in rows
        }
    return {whole_text(row[0]): parse_positive_float(row[1]) for row in rows}


def _candle(at_ms: int, row: list[Any], volume: float, taker_buy: float | None, span_ms: int) -> Candle:
    first, high, low, last = (parse_positive_float(text) for text in row[1:5])
    return Candle(at_ms, first, high, low, last, volume, taker_buy, span_ms)


def _binance_candle(instrument: Instrument, row: list[Any], span_ms: int) -> Candle:
    price = parse_positive_float(row[4])
    volume = coins_of(instrument, parse_float(row[5]), price)
    return _candle(whole(row[0]), row, volume, coins_of(instrument, parse_float(row[9]), price), span_ms)


def _bybit_candle(instrument: Instrument, row: list[Any], span_ms: int) -> Candle:
    volume = coins_of(instrument, parse_float(row[5]), parse_positive_float(row[4]))
    return _candle(whole_text(row[0]), row, volume, None, span_ms)


def _okx_candle(_: Instrument, row: list[Any], span_ms: int) -> Candle:
    # The seventh column is in coins already.
    return _candle(whole_text(row[0]), row, parse_float(row[6]), None, span_ms)


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
