"""The channels of OKX swaps: linked books of 400 levels, trades, marks, interest and funding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from leadline.twin import history
from leadline.twin.contracts import FUNDING_INTERVAL_MS
from leadline.twin.hub import Feed
from leadline.twin.market import STEP_MS, Death, Market
from leadline.twin.texts import Texts
from leadline.twin.views import ViewFeed

BOOK_LEVELS = 400
BOOK_EVERY = 100 // STEP_MS
RESTART_FALL = 5_000
QUIET_MS = 60_000  # a book without changes says so this often


class Books(ViewFeed):
    """``books``: 400 levels, a snapshot and then changes, each linked to the one before by sequence ids."""

    def __init__(self, name: str, market: Market) -> None:
        super().__init__(name, market, BOOK_EVERY, BOOK_LEVELS)
        self._fallen = 0
        self._seq = market.update_id
        self._sent_ms = market.now_ms
        self.silent_start = False

    def sequence(self, update_id: int) -> int:
        """Return the sequence id that stands for an update id of the market since the last restart."""
        return update_id - self._fallen

    def restart(self) -> list[str]:
        """Let the next update have a lower id than the one before it, as after the venue's maintenance."""
        self._fallen = self.market.update_id - self._seq + RESTART_FALL
        return []

    def repeat(self) -> list[str]:
        return self.hello()

    def frames(self) -> list[str]:
        change = self.take_view()
        if change is None and self.market.now_ms - self._sent_ms < QUIET_MS:
            return []
        previous = self._seq
        if change is not None:
            self._seq = self.sequence(self.market.update_id)
            self.remember(self._seq)
        return [self._text("update", change or ("[]", "[]"), previous)]

    def hello(self) -> list[str]:
        return [] if self.silent_start else [self._text("snapshot", self.view_texts(), -1)]

    def woke(self) -> None:
        self.take_view()
        self._seq = self.sequence(self.market.update_id)
        self.remember(self._seq)

    def _text(self, action: str, sides: tuple[str, str], previous: int) -> str:
        self._sent_ms = at = self.market.now_ms
        return (
            f'{{"arg":{self.name},"action":"{action}","data":[{{"asks":{sides[1]},"bids":{sides[0]},'
            f'"ts":"{at}","checksum":0,"prevSeqId":{previous},"seqId":{self._seq}}}]}}'
        )


class TopBook(Feed):
    """``books5`` and ``bbo-tbt``: the best few levels, whole, whenever they change."""

    depth = True

    def __init__(self, name: str, market: Market, every: int, most: int) -> None:
        super().__init__(name, market, every)
        self._most = most
        self._last = ""

    def frames(self) -> list[str]:
        body = self._levels()
        if body == self._last:
            return []
        self._last = body
        return [self._text(body)]

    def hello(self) -> list[str]:
        self._last = self._levels()
        return [self._text(self._last)]

    def _levels(self) -> str:
        view, levels = self.market.view(self._most), self.texts.levels
        return (
            f'"asks":{levels(view.ask_ticks, view.ask_lots)},"bids":{levels(view.bid_ticks, view.bid_lots)}'
        )

    def _text(self, body: str) -> str:
        native, at, seq = self.market.contract.native, self.market.now_ms, self.market.update_id
        return f'{{"arg":{self.name},"data":[{{{body},"instId":"{native}","ts":"{at}","seqId":{seq}}}]}}'


class Rows(Feed):
    """A channel whose frames are rows made by a function of the market."""

    def __init__(
        self, name: str, market: Market, every: int, make: Callable[[Market], list[dict[str, Any]]]
    ) -> None:
        super().__init__(name, market, every)
        self._make = make

    def frames(self) -> list[str]:
        rows = self._make(self.market)
        return [f'{{"arg":{self.name},"data":{orjson.dumps(rows).decode()}}}'] if rows else []

    def hello(self) -> list[str]:
        return self.frames()


class Trades(Feed):
    """``trades``: a taker's fills at one price, one a message."""

    trades = True

    def frames(self) -> list[str]:
        rows = [orjson.dumps(trade_row(fill, self.market, self.texts)) for fill in self.market.new_fills]
        return [f'{{"arg":{self.name},"data":[{row.decode()}]}}' for row in rows]


class Liquidations(Feed):
    """``liquidation-orders`` of all swaps: one order a contract and second at most, two seconds a frame."""

    closed = False

    def __init__(self, name: str, markets: list[Market]) -> None:
        super().__init__(name, markets[0])
        self._markets = markets
        self._largest: dict[tuple[str, int], Death] = {}

    def frames(self) -> list[str]:
        due = self.market.now_ms % 2000 < STEP_MS
        out = self._told() if due else []
        for market in self._markets:
            for death in market.new_deaths:
                key = (market.contract.native, death.at_ms // 1000)
                if key not in self._largest or death.lots > self._largest[key].lots:
                    self._largest[key] = death
        return out

    def _told(self) -> list[str]:
        out = []
        for market in self._markets:
            native = market.contract.native
            rows = [self._row(market, death) for (name, _), death in self._largest.items() if name == native]
            if rows:
                family = native.removesuffix("-SWAP")
                body = {
                    "instType": "SWAP",
                    "instFamily": family,
                    "instId": native,
                    "uly": family,
                    "details": rows,
                }
                out.append(f'{{"arg":{self.name},"data":[{orjson.dumps(body).decode()}]}}')
        self._largest.clear()
        return out

    def _row(self, market: Market, death: Death) -> dict[str, str]:
        texts, long = market.texts, death.side > 0
        return {
            "side": "sell" if long else "buy",
            "posSide": "long" if long else "short",
            "bkPx": texts.usd(death.bankrupt),
            "sz": texts.size(death.lots),
            "bkLoss": "0",
            "ccy": "",
            "ts": str(death.at_ms),
        }


def trade_row(fill: Any, market: Market, texts: Texts) -> dict[str, str]:
    """Return one fill as the venue writes it."""
    return {
        "instId": market.contract.native,
        "tradeId": str(fill.number),
        "px": texts.price(fill.tick),
        "sz": texts.size(fill.lots),
        "side": "buy" if fill.side > 0 else "sell",
        "ts": str(fill.at_ms),
        "count": "1",
        "source": "0",
        "seqId": str(market.update_id),
    }


def mark_rows(market: Market) -> list[dict[str, Any]]:
    mark = f"{market.mark:.{market.contract.price_decimals}f}"
    return [{"instType": "SWAP", "instId": market.contract.native, "markPx": mark, "ts": str(market.now_ms)}]


def interest_rows(market: Market) -> list[dict[str, Any]]:
    coins = market.interest_coins
    contracts = coins / market.contract.contract_coins
    return [
        {
            "instType": "SWAP",
            "instId": market.contract.native,
            "oi": f"{contracts:.2f}",
            "oiCcy": f"{coins:.4f}",
            "oiUsd": f"{coins * market.mark:.2f}",
            "ts": str(market.now_ms),
        }
    ]


def funding_rows(market: Market) -> list[dict[str, Any]]:
    return [
        {
            "instType": "SWAP",
            "instId": market.contract.native,
            "fundingRate": f"{market.funding_rate:.10f}",
            "nextFundingRate": "",
            "fundingTime": str(market.next_funding_ms),
            "nextFundingTime": str(market.next_funding_ms + FUNDING_INTERVAL_MS),
            "minFundingRate": "-0.003",
            "maxFundingRate": "0.003",
            "settState": "settled",
            "settFundingRate": f"{market.funding_rate:.10f}",
            "method": "current_period",
            "formulaType": "withRate",
            "premium": "0.0001",
            "interestRate": "0.0001",
            "impactValue": "20000",
            "ts": str(market.now_ms),
        }
    ]


def ticker_rows(market: Market) -> list[dict[str, Any]]:
    texts, view, day = market.texts, market.view(1), market.bars.rows[-1440:]
    price = market.last_tick * float(market.contract.tick)
    coins = float(day[:, history.VOLUME].sum())
    high = max(price, float(day[:, history.HIGH].max())) if len(day) else price
    low = min(price, float(day[:, history.LOW].min())) if len(day) else price
    first = float(day[0, history.OPEN]) if len(day) else price
    return [
        {
            "instType": "SWAP",
            "instId": market.contract.native,
            "last": texts.price(market.last_tick),
            "lastSz": texts.size(market.fills[-1].lots if market.fills else 0),
            "askPx": texts.price(int(view.ask_ticks[0])),
            "askSz": texts.size(int(view.ask_lots[0])),
            "bidPx": texts.price(int(view.bid_ticks[0])),
            "bidSz": texts.size(int(view.bid_lots[0])),
            "open24h": texts.usd(first),
            "high24h": texts.usd(high),
            "low24h": texts.usd(low),
            "sodUtc0": texts.usd(first),
            "sodUtc8": texts.usd(first),
            "volCcy24h": f"{coins:.4f}",
            "vol24h": f"{coins / market.contract.contract_coins:.2f}",
            "ts": str(market.now_ms),
        }
    ]
