"""The topics of Bybit linear: books of the best N levels, trades, merged tickers, all liquidations."""

from __future__ import annotations

from typing import Any

import orjson

from leadline.twin import history
from leadline.twin.contracts import FUNDING_INTERVAL_MS
from leadline.twin.hub import Feed
from leadline.twin.market import STEP_MS, Death, Market
from leadline.twin.views import ViewFeed

# Depth of a topic -> milliseconds between frames; the real 10 and 20 ms are coarser than a step.
CADENCES_MS = {1: 50, 50: 50, 200: 100, 1000: 200}
REPEAT_MS = 3000  # a quiet depth-1 topic says the same again after this long
FILLS_MAX = 1024


class OrderBook(ViewFeed):
    """``orderbook.N``: a snapshot, then what changed among the best N levels; u counts the frames."""

    def __init__(self, name: str, market: Market, most: int) -> None:
        super().__init__(name, market, CADENCES_MS[most] // STEP_MS, most)
        self._most = most
        self._u = 880_000 + market.update_id % 9_000
        self._sent_ms = 0

    def restart(self) -> list[str]:
        """Start the ids anew, as the venue does after a restart of its service: u is 1 in a snapshot."""
        self._u = 0
        self.take_view()
        return self._next("snapshot")

    def frames(self) -> list[str]:
        change = self.take_view()
        quiet = change is None
        if quiet and not (self._most == 1 and self.market.now_ms - self._sent_ms >= REPEAT_MS):
            return []
        if self._most == 1:
            return [self._text("snapshot", self.view_texts())] if quiet else self._next("snapshot")
        return self._next("delta", change)

    def hello(self) -> list[str]:
        return [self._text("snapshot", self.view_texts())]

    def repeat(self) -> list[str]:
        return self.hello()

    def woke(self) -> None:
        self.take_view()
        self._u += 1
        self.remember(self._u)

    def _next(self, kind: str, change: tuple[str, str] | None = None) -> list[str]:
        self._u += 1
        self.remember(self._u)
        return [self._text(kind, change or self.view_texts())]

    def _text(self, kind: str, sides: tuple[str, str]) -> str:
        self._sent_ms = at = self.market.now_ms
        return (
            f'{{"topic":"{self.name}","type":"{kind}","ts":{at + 2},'
            f'"data":{{"s":"{self.market.contract.native}","b":{sides[0]},"a":{sides[1]},"u":{self._u},"seq":{self.market.update_id}}},"cts":{at}}}'
        )


class Trades(Feed):
    """Every fill, many in a message."""

    trades = True

    def frames(self) -> list[str]:
        fills, market, texts = self.market.new_fills, self.market, self.texts
        out = []
        for start in range(0, len(fills), FILLS_MAX):
            rows = [
                {
                    "T": fill.at_ms,
                    "s": market.contract.native,
                    "S": "Buy" if fill.side > 0 else "Sell",
                    "v": texts.size(fill.lots),
                    "p": texts.price(fill.tick),
                    "L": "ZeroPlusTick",
                    "i": f"{fill.number:08x}-0000-5000-8000-000000000000",
                    "BT": False,
                    "RPI": False,
                    "seq": market.update_id,
                }
                for fill in fills[start : start + FILLS_MAX]
            ]
            body = {"topic": self.name, "type": "snapshot", "ts": market.now_ms + 2, "data": rows}
            out.append(orjson.dumps(body).decode())
        return out


class Ticker(Feed):
    """``tickers``: everything once, then changed fields only."""

    def __init__(self, name: str, market: Market) -> None:
        super().__init__(name, market, 2)
        self._last: dict[str, str] = {}

    def frames(self) -> list[str]:
        row = ticker_row(self.market, self.texts)
        changed = {key: value for key, value in row.items() if self._last.get(key) != value}
        self._last = row
        return [self._text("delta", {"symbol": self.market.contract.native, **changed})] if changed else []

    def hello(self) -> list[str]:
        return [self._text("snapshot", self._last)]

    def woke(self) -> None:
        self._last = ticker_row(self.market, self.texts)

    def _text(self, kind: str, row: dict[str, str]) -> str:
        at, seq = self.market.now_ms, self.market.update_id
        return orjson.dumps({"topic": self.name, "type": kind, "data": row, "cs": seq, "ts": at}).decode()


class Liquidations(Feed):
    """``allLiquidation``: every forced order, both sides, in batches of half a second."""

    def __init__(self, name: str, market: Market) -> None:
        super().__init__(name, market)
        self._waiting: list[Death] = []

    def frames(self) -> list[str]:
        self._waiting += self.market.new_deaths
        if self.market.now_ms % 500 >= STEP_MS or not self._waiting:
            return []
        rows = [
            {
                "T": death.at_ms,
                "s": self.market.contract.native,
                "S": "Buy" if death.side > 0 else "Sell",
                "v": self.texts.size(death.lots),
                "p": self.texts.usd(death.bankrupt),
            }
            for death in self._waiting
        ]
        self._waiting = []
        body = {"topic": self.name, "type": "snapshot", "ts": self.market.now_ms, "data": rows}
        return [orjson.dumps(body).decode()]


def ticker_row(market: Market, texts: Any) -> dict[str, str]:
    """Return all fields of a market's ticker; openInterest counts both sides, singleOpenInterest one."""
    view, coins, digits = market.view(1), market.interest_coins, market.contract.size_decimals
    day = market.bars.rows[-1440:]
    price = market.last_tick * float(market.contract.tick)
    first = float(day[0, history.OPEN]) if len(day) else price
    return {
        "symbol": market.contract.native,
        "lastPrice": texts.price(market.last_tick),
        "prevPrice24h": texts.usd(first),
        "price24hPcnt": f"{price / first - 1.0:.6f}",
        "highPrice24h": texts.usd(max(price, float(day[:, history.HIGH].max()) if len(day) else price)),
        "lowPrice24h": texts.usd(min(price, float(day[:, history.LOW].min()) if len(day) else price)),
        "volume24h": f"{float(day[:, history.VOLUME].sum()):.4f}",
        "turnover24h": f"{float((day[:, history.VOLUME] * day[:, history.CLOSE]).sum()):.4f}",
        "markPrice": texts.usd(market.mark),
        "indexPrice": texts.usd(market.index),
        "openInterest": f"{2.0 * coins:.{digits}f}",
        "openInterestValue": f"{2.0 * coins * market.mark:.2f}",
        "singleOpenInterest": f"{coins:.{digits}f}",
        "fundingRate": f"{market.funding_rate:.8f}".rstrip("0").rstrip(".") or "0",
        "nextFundingTime": str(market.next_funding_ms),
        "fundingIntervalHour": str(FUNDING_INTERVAL_MS // 3_600_000),
        "bid1Price": texts.price(int(view.bid_ticks[0])),
        "bid1Size": texts.size(int(view.bid_lots[0])),
        "ask1Price": texts.price(int(view.ask_ticks[0])),
        "ask1Size": texts.size(int(view.ask_lots[0])),
    }
