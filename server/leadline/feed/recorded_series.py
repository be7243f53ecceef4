"""Recorded price, open interest and liquidations of real markets, read from a folder of recordings.

What the recordings' own notes warn of is kept to: open interest is told in dollars and stamped with the
instant it was measured at (not, as in the venue's archive, five minutes early); duplicates are dropped;
a quarter of an hour without a row had no liquidation, a longer gap is unknown; a forced order is one of
at most one a second and symbol.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from leadline.domain.kernels import F8
from leadline.errors import UsageError

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
SETTLEMENT_MS = 8 * HOUR_MS

# Coins traded a day over open interest, where a recording holds no volume: what BTCUSDT did in February
# 2026 (Binance's bars over the open interest of three venues).  It goes with the range of each bar.
TURNOVER_PER_DAY = 2.9

BINANCE_5M = "binance_usdm/btcusdt_5m_klines_oi_funding_20260525_20260604.csv.gz"
BINANCE_1H = "binance_usdm/btcusdt_1h_klines_20260201_20260303.json.gz"
BINANCE_15M_LIQUIDATIONS = "binance_usdm/btcusdt_15m_liquidations_20260224_20260303.json.gz"
COINGLASS_1H = "aggregated/coinglass_btc_1h_liq_oi_funding_20251204_20260415.csv.gz"
COINGLASS_30M = "aggregated/coinglass_btc_30m_liq_oi_funding_20260521_20260604.csv.gz"
COINGLASS_30M_LIQUIDATIONS = "aggregated/coinglass_btc_30m_liquidations_20260221_20260415.csv.gz"


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """One bar.  oi_coins: one side's open interest at its end.  long_usd, short_usd: liquidated in it.

    volume, taker_buy: coins; nan where the recording does not say (taker_buy: None).  long_usd and
    short_usd are nan where unknown, oi_coins is nan before the first.  funding: the rate settled at its
    end, 0.0 for none.
    """

    at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy: float | None
    oi_coins: float
    long_usd: float
    short_usd: float
    funding: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one market in time order.  notes: what a reader of its score has to know."""

    name: str
    span_ms: int
    bars: list[RecordedBar]
    notes: tuple[str, ...]

    @property
    def days(self) -> float:
        return (self.bars[-1].at_ms + self.span_ms - self.bars[0].at_ms) / 86_400_000 if self.bars else 0.0


def recorded_series(folder: Path) -> list[Series]:
    """Return every series that price, open interest and liquidations can be put together for.

    Files that are not there are passed over.  Raises UsageError when none is, or one is malformed.
    """
    readers: list[tuple[tuple[str, ...], Callable[..., Series]]] = [
        ((COINGLASS_1H,), _coinglass_1h),
        ((COINGLASS_1H, COINGLASS_30M_LIQUIDATIONS), _coinglass_30m_liquidations),
        ((COINGLASS_30M,), _coinglass_30m),
        ((BINANCE_5M, COINGLASS_30M), _binance_5m),
        ((BINANCE_1H, COINGLASS_1H, BINANCE_15M_LIQUIDATIONS), _binance_1h),
    ]
    made = []
    for names, read in readers:
        paths = [folder / name for name in names]
        if all(path.is_file() for path in paths):
            try:
                made.append(read(*paths))
            except (KeyError, ValueError, TypeError, OSError, EOFError) as error:
                raise UsageError(f"{paths[0]}: not the recording it should be: {error!r}") from None
    if not made:
        raise UsageError(f"{folder}: expected recordings such as {COINGLASS_1H}, found none of them")
    return made


def _coinglass_1h(path: Path) -> Series:
    bars = [_coinglass_bar(row, HOUR_MS) for row in rows(path)]
    return Series("coinglass_1h", HOUR_MS, with_turnover(_sorted(bars), HOUR_MS), (*_COINGLASS, *_NO_VOLUME))


def _coinglass_30m(path: Path) -> Series:
    span = 30 * MINUTE_MS
    bars = [_coinglass_bar(row, span) for row in rows(path)]
    return Series("coinglass_30m", span, with_turnover(_sorted(bars), span), (*_COINGLASS, *_NO_VOLUME))


def _coinglass_30m_liquidations(hourly: Path, path: Path) -> Series:
    """Liquidations of half hours, summed to the hours whose prices and open interest are known."""
    halves = {int(row["timestamp"]): (float(row["longUsd"]), float(row["shortUsd"])) for row in rows(path)}
    bars = []
    for bar in _coinglass_1h(hourly).bars:
        pair = [halves.get(bar.at_ms + half * 30 * MINUTE_MS, (nan, nan)) for half in (0, 1)]
        long_usd, short_usd = (pair[0][side] + pair[1][side] for side in (0, 1))
        bars.append(replace(bar, long_usd=long_usd, short_usd=short_usd))
    return Series(
        "coinglass_30m_liquidations",
        HOUR_MS,
        bars,
        (*_COINGLASS, *_NO_VOLUME, "half hours summed to hours, for lack of finer prices"),
    )


def _binance_5m(path: Path, aggregated: Path) -> Series:
    """Bars of 5 minutes; what died is known by the half hour, of three venues together."""
    span = 5 * MINUTE_MS
    table = rows(path)
    # The open interest stamped T is that of T: it ends the bar before.
    ends = {int(row["timestamp"]) - span: float(row["oi_close"]) for row in table}
    bars = []
    for row in table:
        bar = _csv_bar(row)
        oi_usd = ends.get(bar.at_ms, nan)
        bars.append(
            replace(bar, oi_coins=oi_usd / bar.close, funding=_settled(row["funding_close"], bar.at_ms, span))
        )
    died = {bar.at_ms: bar for bar in _coinglass_30m(aggregated).bars}
    halves = [
        _joined(part, died.get(part[0].at_ms), 30 * MINUTE_MS) for part in _groups(bars, 30 * MINUTE_MS, 6)
    ]
    return Series(
        "binance_5m",
        30 * MINUTE_MS,
        with_turnover(halves, 30 * MINUTE_MS),
        (
            "open interest of Binance, liquidations of three venues: totals are not comparable",
            *_NO_VOLUME,
        ),
    )


def _binance_1h(klines: Path, interest: Path, liquidations: Path) -> Series:
    """Binance's own bars and forced orders; open interest of three venues, for want of Binance's."""
    oi = {bar.at_ms: bar.oi_coins for bar in _coinglass_1h(interest).bars}
    quarters = _quarters(liquidations)
    bars = []
    for row in json.loads(_text(klines)):
        at_ms = int(row[0])
        first, high, low, last, volume = (float(value) for value in row[1:6])
        parts = [quarters.get(at_ms + at * 15 * MINUTE_MS, (nan, nan)) for at in range(4)]
        long_usd, short_usd = (sum(part[side] for part in parts) for side in (0, 1))
        bars.append(
            RecordedBar(
                *(at_ms, first, high, low, last, volume, float(row[9])),
                *(oi.get(at_ms, nan), long_usd, short_usd),
            )
        )
    return Series(
        "binance_1h",
        HOUR_MS,
        bars,
        (
            "forced orders of Binance: at most one a second and symbol, so a lower bound",
            "open interest of three venues, volume of Binance: totals are not comparable",
        ),
    )


_COINGLASS = (
    "Binance, Bybit and OKX as a third party sums them: a lower bound, for two of them show one a second",
)
_NO_VOLUME = (
    f"no volume recorded: {TURNOVER_PER_DAY} times open interest a day is assumed, by the range of each bar",
)


def _coinglass_bar(row: dict[str, str], span_ms: int) -> RecordedBar:
    bar = _csv_bar(row)
    return replace(
        bar,
        oi_coins=float(row["oi_close"]) / bar.close,
        long_usd=float(row["liquidation_long_usd"]),
        short_usd=float(row["liquidation_short_usd"]),
        funding=_settled(row["funding_close"], bar.at_ms, span_ms) / 100,  # told in percent
    )


def _csv_bar(row: dict[str, str]) -> RecordedBar:
    opened, high, low, close = (float(row[f"price_{name}"]) for name in ("open", "high", "low", "close"))
    return RecordedBar(int(row["timestamp"]), opened, high, low, close, nan, None, nan, nan, nan)


def _settled(rate: str, at_ms: int, span_ms: int) -> float:
    """Return the rate if a settlement falls to the end of the bar, else 0."""
    return float(rate) if (at_ms + span_ms) % SETTLEMENT_MS == 0 else 0.0


def with_turnover(bars: list[RecordedBar], span_ms: int) -> list[RecordedBar]:
    """Give each bar a volume in proportion to its range, as the ranges so far let one expect it."""
    usual = 0.0
    made = []
    for at, bar in enumerate(bars):
        wide = float(np.log(bar.high / bar.low))
        usual += (wide - usual) / min(at + 1, 7 * 24 * HOUR_MS // span_ms)
        share = TURNOVER_PER_DAY * span_ms / 86_400_000 * (wide / usual if usual else 0.0)
        made.append(replace(bar, volume=share * (bar.oi_coins if bar.oi_coins > 0 else 0.0)))
    return made


def _quarters(path: Path) -> dict[int, tuple[float, float]]:
    """Return dollars (long, short) by quarter of an hour; a single quarter left out had none."""
    candles = sorted(json.loads(_text(path))["data"]["candles"], key=lambda row: int(row["timestamp"]))
    # Longs are closed by sales.
    found = {
        int(row["timestamp"]): (float(row["sell_volume_usd"]), float(row["buy_volume_usd"]))
        for row in candles
    }
    for one, other in pairwise(sorted(found)):
        if other - one == 30 * MINUTE_MS:
            found[one + 15 * MINUTE_MS] = 0.0, 0.0
    return found


def _groups(bars: list[RecordedBar], span_ms: int, count: int) -> Iterator[list[RecordedBar]]:
    """Yield whole groups of bars that fill a span."""
    by_start: dict[int, list[RecordedBar]] = {}
    for bar in _sorted(bars):
        by_start.setdefault(bar.at_ms // span_ms * span_ms, []).append(bar)
    yield from (group for group in by_start.values() if len(group) == count)


def _joined(part: list[RecordedBar], died: RecordedBar | None, span_ms: int) -> RecordedBar:
    return RecordedBar(
        part[0].at_ms // span_ms * span_ms,
        part[0].open,
        max(bar.high for bar in part),
        min(bar.low for bar in part),
        part[-1].close,
        nan,
        None,
        part[-1].oi_coins,
        nan if died is None else died.long_usd,
        nan if died is None else died.short_usd,
        sum(bar.funding for bar in part),
    )


def _sorted(bars: list[RecordedBar]) -> list[RecordedBar]:
    """Return the bars in time order, the last of those with the same time."""
    return [bar for _, bar in sorted({bar.at_ms: bar for bar in bars}.items())]


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header."""
    return list(csv.DictReader(_text(path).splitlines()))


def _text(path: Path) -> str:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read()


@dataclass(frozen=True, slots=True)
class ForcedOrder:
    """One forced order as Binance shows it.  side: 0 a long died, 1 a short.

    price: that of its limit, the bankruptcy price; average: what it was filled at.
    """

    symbol: str
    side: int
    coins: float
    price: float
    average: float
    at_ms: int


def forced_orders(folder: Path) -> tuple[list[ForcedOrder], int]:
    """Return the distinct forced orders of all recordings in time order, and how many rows repeated one."""
    found: dict[tuple[Any, ...], ForcedOrder] = {}
    read = 0
    for path in sorted(folder.glob("binance_usdm/forceorders_*.csv.gz")):
        for row in csv.reader(_text(path).splitlines()):
            symbol, order_side, _, _, _, price, average, _, _, coins, at_ms, _ = row
            read += 1
            # The recorder took "USDT" off the names.
            name = symbol if symbol.endswith(("USDC", "USD")) else f"{symbol}USDT"
            order = ForcedOrder(
                *(name, 0 if order_side == "SELL" else 1, float(coins)),
                *(float(price), float(average), int(at_ms)),
            )
            found[name, order_side, order.coins, order.price, order.average, order.at_ms] = order
    return sorted(found.values(), key=lambda order: order.at_ms), read - len(found)


def large_trades(folder: Path) -> dict[str, F8]:
    """Return (time ms, price) [n, 2] by symbol of the recorded large trades, in time order."""
    found: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(folder.glob("binance_usdm/aggtrades_large_*.csv.gz")):
        for row in csv.reader(_text(path).splitlines(), skipinitialspace=True):
            # The event's time: that of the trade is text in some rows.
            found.setdefault(row[1], []).append((float(row[0]), float(row[3])))
    return {symbol: np.array(sorted(trades)) for symbol, trades in found.items()}
