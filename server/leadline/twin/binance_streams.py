"""The streams of Binance USDT-M: depth by id-chained differences, trades, marks and forced orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from leadline.twin import history
from leadline.twin.hub import Feed
from leadline.twin.kernels import BASE, LOTS
from leadline.twin.market import STEP_MS, Death, Fill, Market
from leadline.twin.texts import joined

CADENCES = {"": 250, "@100ms": 100, "@500ms": 500}


class Depth(Feed):
    """Differences since the last frame, whatever the price; `pu` links to the frame before."""

    depth = True

    def __init__(self, name: str, market: Market, every: int) -> None:
        super().__init__(name, market, every)
        self.woke()

    def woke(self) -> None:
        self._step = self.market.step // self.every * self.every
        self._written = self.market.texts_at(self._step)
        self._last_id = self.market.update_id_at(self._step)

    def frames(self) -> list[str]:
        market = self.market
        since = market.changes_after(self._step)
        if not since:
            return []
        at, previous_id = market.now_ms, self._last_id
        first_step, self._step, self._last_id = self._step, market.step, market.update_id
        ticks = np.unique(np.concatenate([change.ticks for change in since]))
        inside = (ticks >= market.head[BASE]) & (ticks < market.head[BASE] + market.book.shape[1])
        lots = np.zeros_like(ticks)
        lots[inside] = market.book[LOTS, ticks[inside] - market.head[BASE]]
        best_bids = [market.best_bid, *(change.best_bid for change in since)]
        # A snapshot may lie inside this frame, so a side hears of every level that can have come and gone.
        could_bid, could_ask = ticks <= max(best_bids), ticks > min(best_bids)
        is_bid = ticks <= market.best_bid
        bids = self.texts.levels(ticks[could_bid], np.where(is_bid, lots, 0)[could_bid])
        asks = self.texts.levels(ticks[could_ask], np.where(is_bid, 0, lots)[could_ask])
        if self._written is not self.texts:
            before, self._written = self._written, self.texts
            old, new = market.view_at(first_step, market.book.shape[1]), market.view(market.book.shape[1])
            gone = before.gone(np.unique(np.concatenate([ticks, old.bid_ticks, old.ask_ticks])))
            # Behind what is gone, what changed: a snapshot inside this frame may be written as the frame is.
            bids = joined(joined(gone, bids), self.texts.levels(new.bid_ticks, new.bid_lots))
            asks = joined(joined(gone, asks), self.texts.levels(new.ask_ticks, new.ask_lots))
        name = market.contract.native
        first_id = since[0].update_id if market.narrow_ids else since[0].first_id
        return [
            f'{{"e":"depthUpdate","E":{at + 3},"T":{at},"s":"{name}","ps":"{name}","st":1,'
            f'"U":{first_id},"u":{market.update_id},"pu":{previous_id},"b":{bids},"a":{asks}}}'
        ]


class PartialDepth(Feed):
    """The best few levels, whole, at a cadence."""

    depth = True

    def __init__(self, name: str, market: Market, every: int, most: int) -> None:
        super().__init__(name, market, every)
        self._most = most
        self._last_id = market.update_id

    def frames(self) -> list[str]:
        market, texts = self.market, self.texts
        view, name, previous = market.view(self._most), market.contract.native, self._last_id
        self._last_id, at = market.update_id, market.now_ms
        return [
            f'{{"e":"depthUpdate","E":{at + 3},"T":{at},"s":"{name}","ps":"{name}","st":1,'
            f'"U":{previous + 1},"u":{market.update_id},"pu":{previous},'
            f'"b":{texts.levels(view.bid_ticks, view.bid_lots)},'
            f'"a":{texts.levels(view.ask_ticks, view.ask_lots)}}}'
        ]


class BookTicker(Feed):
    """The best bid and ask whenever they change."""

    def __init__(self, name: str, market: Market) -> None:
        super().__init__(name, market)
        self._last = ""

    def frames(self) -> list[str]:
        market, texts = self.market, self.texts
        view, name = market.view(1), market.contract.native
        if not len(view.bid_ticks) or not len(view.ask_ticks):
            return []
        best = (
            f'"b":"{texts.price(int(view.bid_ticks[0]))}","B":"{texts.size(int(view.bid_lots[0]))}",'
            f'"a":"{texts.price(int(view.ask_ticks[0]))}","A":"{texts.size(int(view.ask_lots[0]))}"'
        )
        if best == self._last:
            return []
        self._last = best
        return [
            f'{{"e":"bookTicker","u":{market.update_id},"s":"{name}","ps":"{name}","st":1,{best},'
            f'"T":{market.now_ms},"E":{market.now_ms + 3}}}'
        ]


class Trades(Feed):
    """Every fill; both kinds number them alike, because a fill here is one taker's at one price."""

    trades = True

    def __init__(self, name: str, market: Market, aggregated: bool) -> None:
        super().__init__(name, market)
        self._aggregated = aggregated

    def frames(self) -> list[str]:
        return [self._frame(fill) for fill in self.market.new_fills]

    def _frame(self, fill: Fill) -> str:
        price, size = self.texts.price(fill.tick), self.texts.size(fill.lots)
        maker = "true" if fill.side < 0 else "false"
        if self._aggregated:
            kind = "aggTrade"
            number = fill.number
            numbers = f'"a":{number},"p":"{price}","q":"{size}","nq":"{size}","f":{number},"l":{number}'
        else:
            kind, numbers = "trade", f'"t":{fill.number},"p":"{price}","q":"{size}","X":"MARKET"'
        return (
            f'{{"e":"{kind}","E":{fill.at_ms + 2},"s":"{self.market.contract.native}",{numbers},'
            f'"T":{fill.at_ms},"m":{maker},"st":1}}'
        )


def _mark_row(market: Market) -> dict[str, Any]:
    return {
        "e": "markPriceUpdate",
        "E": market.now_ms,
        "s": market.contract.native,
        "p": f"{market.mark:.8f}",
        "ap": f"{market.mark:.8f}",
        "i": f"{market.index:.8f}",
        "P": f"{market.index:.8f}",
        "r": f"{market.funding_rate:.8f}",
        "T": market.next_funding_ms,
        "st": 1,
    }


class Mark(Feed):
    """Mark, index and funding of one market."""

    def frames(self) -> list[str]:
        return [orjson.dumps(_mark_row(self.market)).decode()]


class AllMarks(Feed):
    """Mark, index and funding of all markets: one frame for crypto, one for the other contracts."""

    closed = False

    def __init__(self, name: str, markets: list[Market], every: int) -> None:
        super().__init__(name, markets[0], every)
        self._markets = markets

    def frames(self) -> list[str]:
        return [orjson.dumps([_mark_row(market) for market in self._markets]).decode(), "[]"]


class ForceOrders(Feed):
    """Forced orders, at most one a symbol and second: the largest of that second."""

    closed = False

    def __init__(self, name: str, markets: list[Market]) -> None:
        super().__init__(name, markets[0])
        self._markets = markets
        self._largest: dict[str, Death] = {}

    def frames(self) -> list[str]:
        sent: list[str] = []
        if self.market.now_ms % 1000 < STEP_MS:
            sent = [
                self._frame(market, self._largest[market.contract.native])
                for market in self._markets
                if market.contract.native in self._largest
            ]
            self._largest.clear()
        for market in self._markets:
            name = market.contract.native
            for death in market.new_deaths:
                held = self._largest.get(name)
                if death.filled and (held is None or death.filled > held.filled):
                    self._largest[name] = death
        return sent

    def _frame(self, market: Market, death: Death) -> str:
        tick, lot = float(market.contract.tick), float(market.contract.size_step)
        digits, name = market.contract.price_decimals, market.contract.native
        row = {
            "s": name,
            "S": "SELL" if death.side > 0 else "BUY",
            "o": "LIMIT",
            "f": "IOC",
            "q": f"{death.lots * lot:.{market.contract.size_decimals}f}",
            "p": f"{round(death.bankrupt / tick) * tick:.{digits}f}",
            "ap": f"{death.average:.{digits}f}",
            "X": "FILLED" if death.filled == death.lots else "PARTIALLY_FILLED",
            "l": f"{death.last * lot:.{market.contract.size_decimals}f}",
            "z": f"{death.filled * lot:.{market.contract.size_decimals}f}",
            "T": death.at_ms,
        }
        return orjson.dumps(
            {"e": "forceOrder", "E": market.now_ms + 9, "st": 1, "ps": name, "o": row}
        ).decode()


class Kline(Feed):
    """The running one-minute bar."""

    def frames(self) -> list[str]:
        market, bar, name = self.market, self.market.running_bar(), self.market.contract.native
        row = kline_row(bar, 1, market)
        keys = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        kline = {**dict(zip(keys, row, strict=True)), "s": name, "i": "1m", "x": False}
        return [orjson.dumps({"e": "kline", "E": market.now_ms, "s": name, "k": kline, "st": 1}).decode()]


def kline_row(bar: Any, minutes: int, market: Market) -> list[Any]:
    digits, coins = market.contract.price_decimals, market.contract.size_decimals
    prices = [
        f"{bar[column]:.{digits}f}" for column in (history.OPEN, history.HIGH, history.LOW, history.CLOSE)
    ]
    at_ms, volume, bought = int(bar[history.AT_MS]), bar[history.VOLUME], bar[history.BOUGHT]
    mean = (bar[history.HIGH] + bar[history.LOW]) / 2.0
    return [
        at_ms,
        *prices,
        f"{volume:.{coins}f}",
        at_ms + minutes * 60_000 - 1,
        f"{volume * mean:.5f}",
        int(bar[history.TRADES]),
        f"{bought:.{coins}f}",
        f"{bought * mean:.5f}",
        "0",
    ]


def public_feed(stream: str, kind: str, market: Market) -> Feed | None:
    if kind == "bookTicker":
        return BookTicker(stream, market)
    if kind == "trade":
        return Trades(stream, market, aggregated=False)
    name, at, cadence = kind.partition("@")
    every_ms = CADENCES.get(at + cadence)
    if every_ms is None or not name.startswith("depth"):
        return None
    if name == "depth":
        return Depth(stream, market, every_ms // STEP_MS)
    most = {"depth5": 5, "depth10": 10, "depth20": 20}.get(name)
    return PartialDepth(stream, market, every_ms // STEP_MS, most) if most else None


def market_feed(stream: str, kind: str, market: Market) -> Feed | None:
    if kind == "aggTrade":
        return Trades(stream, market, aggregated=True)
    if kind in ("markPrice", "markPrice@1s"):
        return Mark(stream, market, 20 if kind.endswith("@1s") else 60)
    if kind == "forceOrder":
        return ForceOrders(stream, [market])
    return Kline(stream, market, 5) if kind == "kline_1m" else None
