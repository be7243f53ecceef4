"""Binance USDT-M: routed streams with silent acknowledgements, id-chained depth, weighted REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from leadline.clock import monotonic_ms
from leadline.twin import history
from leadline.twin.contracts import FUNDING_INTERVAL_MS
from leadline.twin.faults import Faults
from leadline.twin.hub import Feed, Session, VenueServer, json_answer, raw_json, time_range, whole_number
from leadline.twin.market import STEP_MS, Death, Fill, Market
from leadline.twin.world import World

WEIGHT_BUDGET = 2400
STREAMS_MAX = 1024
LIFETIME_S = 24 * 3600
INTERVALS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360,
             "12h": 720, "1d": 1440}  # fmt: skip
PERIODS = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}
DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
CADENCES = {"": 250, "@100ms": 100, "@500ms": 500}
REFUSALS_BEFORE_BAN = 5


class Depth(Feed):
    """Differences since the last frame, whatever the price; `pu` links to the frame before."""

    depth = True

    def __init__(self, name: str, market: Market, every: int) -> None:
        super().__init__(name, market, every)
        self.woke()

    def woke(self) -> None:
        self._step = self.market.step
        self._last_id = self.market.update_id

    def frames(self) -> list[str]:
        market = self.market
        since = [change for change in _newest(market, self._step)]
        if not since:
            return []
        at, previous_id = market.now_ms, self._last_id
        self._step, self._last_id = market.step, market.update_id
        ticks, first = np.unique(np.concatenate([change.ticks for change in since]), return_index=True)
        before = np.concatenate([change.lots for change in since])[first]
        inside = (ticks >= market.head[0]) & (ticks < market.head[0] + market.book.shape[1])
        lots = np.zeros_like(ticks)
        lots[inside] = market.book[0, ticks[inside] - market.head[0]]
        was_bid, is_bid = ticks <= since[0].best_bid, ticks <= market.best_bid
        changed = {}
        for side, was, now in (("b", was_bid, is_bid), ("a", ~was_bid, ~is_bid)):
            # A side sees what now rests there, and a removal of what used to.
            here = (now & (lots > 0)) | (was & (before > 0) & ((lots == 0) | ~now)) | (now & (lots == 0))
            changed[side] = self.texts.levels(ticks[here], np.where(now, lots, 0)[here])
        name = market.contract.native
        return [
            f'{{"e":"depthUpdate","E":{at + 3},"T":{at},"s":"{name}","ps":"{name}","st":1,"U":{since[0].first_id},'
            f'"u":{market.update_id},"pu":{previous_id},"b":{changed["b"]},"a":{changed["a"]}}}'
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
        self._last_id = market.update_id
        return [
            f'{{"e":"depthUpdate","E":{market.now_ms + 3},"T":{market.now_ms},"s":"{name}","ps":"{name}","st":1,'
            f'"U":{previous + 1},"u":{market.update_id},"pu":{previous},'
            f'"b":{texts.levels(view.bid_ticks, view.bid_lots)},"a":{texts.levels(view.ask_ticks, view.ask_lots)}}}'
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
    """Every fill; ``aggTrade`` and ``trade`` number them alike because a fill here is one taker at one price."""

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
            numbers = f'"a":{fill.number},"p":"{price}","q":"{size}","nq":"{size}","f":{fill.number},"l":{fill.number}'
        else:
            kind, numbers = "trade", f'"t":{fill.number},"p":"{price}","q":"{size}","X":"MARKET"'
        return (
            f'{{"e":"{kind}","E":{fill.at_ms + 2},"s":"{self.market.contract.native}",{numbers},'
            f'"T":{fill.at_ms},"m":{maker},"st":1}}'
        )


def _mark_row(market: Market) -> dict[str, Any]:
    return {
        "e": "markPriceUpdate", "E": market.now_ms, "s": market.contract.native, "p": f"{market.mark:.8f}",
        "ap": f"{market.mark:.8f}", "i": f"{market.index:.8f}", "P": f"{market.index:.8f}",
        "r": f"{market.funding_rate:.8f}", "T": market.next_funding_ms, "st": 1,
    }  # fmt: skip


class Mark(Feed):
    """Mark, index and funding of one market."""

    def frames(self) -> list[str]:
        return [orjson.dumps(_mark_row(self.market)).decode()]


class AllMarks(Feed):
    """Mark, index and funding of all markets: one frame for crypto, one for the other contracts."""

    def __init__(self, name: str, markets: list[Market], every: int) -> None:
        super().__init__(name, markets[0], every)
        self._markets = markets

    def frames(self) -> list[str]:
        return [orjson.dumps([_mark_row(market) for market in self._markets]).decode(), "[]"]


class ForceOrders(Feed):
    """Forced orders, at most one a symbol and second: the largest of that second."""

    def __init__(self, name: str, markets: list[Market]) -> None:
        super().__init__(name, markets[0])
        self._markets = markets
        self._largest: dict[str, Death] = {}

    def frames(self) -> list[str]:
        for market in self._markets:
            name = market.contract.native
            for death in market.new_deaths:
                held = self._largest.get(name)
                if death.filled and (held is None or death.filled > held.filled):
                    self._largest[name] = death
        if self.market.now_ms % 1000 >= STEP_MS:
            return []
        sent = [self._frame(market, self._largest.get(market.contract.native)) for market in self._markets]
        self._largest.clear()
        return [text for text in sent if text]

    def _frame(self, market: Market, death: Death | None) -> str:
        if death is None:
            return ""
        tick, lot = float(market.contract.tick), float(market.contract.size_step)
        digits, name = market.contract.price_decimals, market.contract.native
        row = {
            "s": name, "S": "SELL" if death.side > 0 else "BUY", "o": "LIMIT", "f": "IOC",
            "q": f"{death.lots * lot:.{market.contract.size_decimals}f}",
            "p": f"{round(death.bankrupt / tick) * tick:.{digits}f}", "ap": f"{death.average:.{digits}f}",
            "X": "FILLED" if death.filled == death.lots else "PARTIALLY_FILLED",
            "l": f"{death.last * lot:.{market.contract.size_decimals}f}",
            "z": f"{death.filled * lot:.{market.contract.size_decimals}f}", "T": death.at_ms,
        }  # fmt: skip
        return orjson.dumps({"e": "forceOrder", "E": market.now_ms + 9, "st": 1, "ps": name, "o": row}).decode()


class Kline(Feed):
    """The running one-minute bar."""

    def frames(self) -> list[str]:
        market, bar, name = self.market, self.market.running_bar(), self.market.contract.native
        row = _kline_row(bar, 1, market)
        keys = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        kline = {**dict(zip(keys, row, strict=True)), "s": name, "i": "1m", "x": False}
        return [orjson.dumps({"e": "kline", "E": market.now_ms, "s": name, "k": kline, "st": 1}).decode()]


def _newest(market: Market, after: int) -> list[Any]:
    """Return the changes of the steps after ``after``, oldest first."""
    newest: list[Any] = []
    for change in reversed(market.changes):
        if change.step <= after:
            break
        newest.append(change)
    return newest[::-1]


def _kline_row(bar: Any, minutes: int, market: Market) -> list[Any]:
    digits, coins = market.contract.price_decimals, market.contract.size_decimals
    prices = [f"{bar[column]:.{digits}f}" for column in (history.OPEN, history.HIGH, history.LOW, history.CLOSE)]
    at_ms, volume, bought = int(bar[history.AT_MS]), bar[history.VOLUME], bar[history.BOUGHT]
    mean = (bar[history.HIGH] + bar[history.LOW]) / 2.0
    return [
        at_ms, *prices, f"{volume:.{coins}f}", at_ms + minutes * 60_000 - 1, f"{volume * mean:.5f}",
        int(bar[history.TRADES]), f"{bought:.{coins}f}", f"{bought * mean:.5f}", "0",
    ]  # fmt: skip


class Weight:
    """The request budget of a clock minute: beyond it 429, and 418 for those who do not stop."""

    def __init__(self) -> None:
        self.used = 0
        self._minute = 0
        self._refused = 0
        self._banned_until_ms = 0

    def spend(self, weight: int, now_ms: int) -> int:
        """Take ``weight`` and return the HTTP status it earns: 200, 429 or 418."""
        if now_ms // 60_000 != self._minute:
            self._minute, self.used, self._refused = now_ms // 60_000, 0, 0
        self.used += weight
        if now_ms < self._banned_until_ms:
            return 418
        if self.used <= WEIGHT_BUDGET:
            return 200
        self._refused += 1
        if self._refused > REFUSALS_BEFORE_BAN:
            self._banned_until_ms = now_ms + 120_000
            return 418
        return 429


class Binance(VenueServer):
    """The venue's server; see the module."""

    venue = "binance"
    usual_close_code = 1008

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(world, faults)
        self.weight = Weight()
        rest: dict[str, tuple[int, Callable[[Request], Response]]] = {
            "/fapi/v1/ping": (1, lambda _: json_answer({})),
            "/fapi/v1/time": (1, lambda _: json_answer({"serverTime": self.world.now_ms})),
            "/fapi/v1/exchangeInfo": (1, self._exchange_info),
            "/fapi/v1/depth": (0, self._depth),
            "/fapi/v1/openInterest": (1, self._open_interest),
            "/fapi/v1/klines": (5, self._klines),
            "/fapi/v1/aggTrades": (20, self._agg_trades),
            "/fapi/v1/premiumIndex": (1, self._premium_index),
            "/fapi/v1/fundingRate": (0, self._funding_rate),
            "/fapi/v1/fundingInfo": (0, lambda _: json_answer([])),
            "/futures/data/openInterestHist": (0, self._open_interest_history),
            "/futures/data/globalLongShortAccountRatio": (0, self._account_ratio),
        }
        self.app = Starlette(
            routes=[
                *(Route(path, self.guard(self._weighed(*entry))) for path, entry in rest.items()),
                WebSocketRoute("/{path:path}", self._socket),
            ]
        )

    # Streams.

    async def _socket(self, socket: WebSocket) -> None:
        parts = [part for part in socket.path_params["path"].split("/") if part]
        route = parts.pop(0) if parts and parts[0] in ("public", "market") else "public"
        if not parts or parts[0] not in ("ws", "stream"):
            await socket.close(1008)
            return
        wrapped = parts[0] == "stream"
        names = socket.query_params.get("streams", "").split("/") if wrapped else parts[1:]

        def subscribe(session: Session) -> None:
            session.wrap = _wrapped if wrapped else session.wrap
            session.route = route
            self._subscribe(session, [name for name in names if name])

        await self.serve_socket(socket, subscribe)

    def _subscribe(self, session: Session, names: list[str]) -> None:
        for name in names:
            feed = self.feed(f"{session.route}/{name}")
            if feed is not None:
                self.listen(session, feed, name)

    def make_feed(self, name: str) -> Feed | None:
        route, _, stream = name.partition("/")
        if stream != stream.lower():
            return None
        symbol, _, kind = stream.partition("@")
        every = {"markPrice@1s": 20, "markPrice": 60}
        if route == "market" and symbol == "!forceorder":
            return None
        return None

    def hear(self, session: Session, text: str) -> None:
        raise NotImplementedError
