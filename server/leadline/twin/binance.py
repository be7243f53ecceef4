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

from leadline.twin import history
from leadline.twin.faults import Faults
from leadline.twin.hub import Feed, Session, VenueServer, json_answer, raw_json, time_range, whole_number
from leadline.twin.kernels import BASE, LOTS
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
        self._step = self.market.step // self.every * self.every
        self._last_id = self.market.update_id_at(self._step)

    def frames(self) -> list[str]:
        market = self.market
        since = market.changes_after(self._step)
        if not since:
            return []
        at, previous_id = market.now_ms, self._last_id
        self._step, self._last_id = market.step, market.update_id
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
        name = market.contract.native
        return [
            f'{{"e":"depthUpdate","E":{at + 3},"T":{at},"s":"{name}","ps":"{name}","st":1,"U":{since[0].first_id},'
            f'"u":{market.update_id},"pu":{previous_id},"b":{bids},"a":{asks}}}'
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
        return orjson.dumps(
            {"e": "forceOrder", "E": market.now_ms + 9, "st": 1, "ps": name, "o": row}
        ).decode()


class Kline(Feed):
    """The running one-minute bar."""

    def frames(self) -> list[str]:
        market, bar, name = self.market, self.market.running_bar(), self.market.contract.native
        row = _kline_row(bar, 1, market)
        keys = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        kline = {**dict(zip(keys, row, strict=True)), "s": name, "i": "1m", "x": False}
        return [orjson.dumps({"e": "kline", "E": market.now_ms, "s": name, "k": kline, "st": 1}).decode()]


def _kline_row(bar: Any, minutes: int, market: Market) -> list[Any]:
    digits, coins = market.contract.price_decimals, market.contract.size_decimals
    prices = [
        f"{bar[column]:.{digits}f}" for column in (history.OPEN, history.HIGH, history.LOW, history.CLOSE)
    ]
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
        symbol, _, kind = stream.partition("@")
        markets = list(self.markets.values())
        if route == "market" and stream == "!forceOrder@arr":
            return ForceOrders(stream, markets)
        if route == "market" and stream in ("!markPrice@arr", "!markPrice@arr@1s"):
            return AllMarks(stream, markets, 20 if stream.endswith("@1s") else 60)
        market = self.markets.get(symbol.upper())
        if market is None or symbol != symbol.lower():
            return None
        return _public_feed(stream, kind, market) if route == "public" else _market_feed(stream, kind, market)

    def hear(self, session: Session, text: str) -> None:
        try:
            request = orjson.loads(text)
            method, names, number = request["method"], request.get("params", []), request.get("id")
            known = method in ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")
            if not known or not all(isinstance(name, str) for name in names):
                raise ValueError(method)
        except (ValueError, KeyError, TypeError, AttributeError):
            session.send('{"code":2,"msg":"Invalid request: bad property"}')
            return
        if method == "LIST_SUBSCRIPTIONS":
            session.send(orjson.dumps({"result": list(session.feeds), "id": number}).decode())
            return
        if method == "SUBSCRIBE" and len(set(names) | set(session.feeds)) > STREAMS_MAX:
            error = {"code": 4, "msg": "Too many subscriptions"}
            session.send(orjson.dumps({"error": error, "id": number}).decode())
            session.close(1008, "Too many subscriptions")
            return
        session.send(orjson.dumps({"result": None, "id": number}).decode())
        if method == "SUBSCRIBE":
            self._subscribe(session, names)
        else:
            for name in names:
                self.stop_listening(session, name)

    def watch(self, session: Session) -> None:
        super().watch(session)
        if session.age_s > LIFETIME_S:
            session.close(1001, "connection lifetime is over")

    # REST.

    def _weighed(
        self, weight: int, answer: Callable[[Request], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def weighed(request: Request) -> Response:
            limit = whole_number(request, "limit", 500, 1500)
            cost = DEPTH_WEIGHTS.get(limit, 1) if request.url.path.endswith("/v1/depth") else weight
            status = self.weight.spend(cost, self.world.now_ms)
            headers = {"X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
            if status != 200:
                body = {
                    "code": -1003,
                    "msg": f"Too many requests; current limit is {WEIGHT_BUDGET} weight a minute.",
                }
                wait_s = 120 if status == 418 else 60 - self.world.now_ms % 60_000 // 1000
                return json_answer(body, status, {**headers, "Retry-After": str(wait_s)})
            try:
                reply = answer(request)
            except KeyError:
                return json_answer({"code": -1121, "msg": "Invalid symbol."}, 400, headers)
            except ValueError as error:
                return json_answer({"code": -1130, "msg": str(error)}, 400, headers)
            reply.headers.update(headers)
            return reply

        return weighed

    def _market(self, request: Request) -> Market:
        return self.markets[request.query_params.get("symbol", "")]

    def _exchange_info(self, _: Request) -> Response:
        return json_answer({
            "timezone": "UTC", "serverTime": self.world.now_ms, "futuresType": "U_MARGINED",
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_BUDGET}
            ],
            "exchangeFilters": [], "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": [_symbol_row(market) for market in self.markets.values()],
        })  # fmt: skip

    def _depth(self, request: Request) -> Response:
        market, texts = self._market(request), self.texts[self._market(request).contract.native]
        limit = whole_number(request, "limit", 500, 1500)
        if limit not in DEPTH_WEIGHTS:
            raise ValueError("limit must be one of 5, 10, 20, 50, 100, 500, 1000")
        step = self.book_step(market)
        view, update_id = market.view_at(step, limit), market.update_id_at(step)
        at_ms = market.now_ms - (market.step - step) * STEP_MS
        return raw_json(
            f'{{"lastUpdateId":{update_id},"E":{at_ms + 3},"T":{at_ms},'
            f'"bids":{texts.levels(view.bid_ticks, view.bid_lots)},"asks":{texts.levels(view.ask_ticks, view.ask_lots)}}}'
        )

    def _open_interest(self, request: Request) -> Response:
        market = self._market(request)
        coins = f"{market.interest_coins:.{market.contract.size_decimals}f}"
        return json_answer({"openInterest": coins, "symbol": market.contract.native, "time": market.now_ms})

    def _klines(self, request: Request) -> Response:
        market, minutes = self._market(request), INTERVALS.get(request.query_params.get("interval", ""))
        if minutes is None:
            raise ValueError("Invalid interval.")
        bars = market.bars.every(minutes, market.running_bar())
        rows = _ranged(bars, request, whole_number(request, "limit", 500, 1500))
        return json_answer([_kline_row(bar, minutes, market) for bar in rows])

    def _agg_trades(self, request: Request) -> Response:
        market, texts = self._market(request), self.texts[self._market(request).contract.native]
        limit, first = whole_number(request, "limit", 500, 1000), request.query_params.get("fromId", "")
        fills = list(market.fills)
        fills = (
            [fill for fill in fills if fill.number >= int(first)][:limit]
            if first.isdigit()
            else fills[-limit:]
        )
        return json_answer([
            {"a": fill.number, "p": texts.price(fill.tick), "q": texts.size(fill.lots), "nq": texts.size(fill.lots),
             "f": fill.number, "l": fill.number, "T": fill.at_ms, "m": fill.side < 0}
            for fill in fills
        ])  # fmt: skip

    def _premium_index(self, request: Request) -> Response:
        rows = [
            {"symbol": market.contract.native, "markPrice": f"{market.mark:.8f}", "indexPrice": f"{market.index:.8f}",
             "estimatedSettlePrice": f"{market.index:.8f}", "lastFundingRate": f"{market.funding_rate:.8f}",
             "interestRate": "0.00010000", "nextFundingTime": market.next_funding_ms, "time": market.now_ms}
            for market in self.markets.values()
        ]  # fmt: skip
        if "symbol" in request.query_params:
            return json_answer(rows[list(self.markets.values()).index(self._market(request))])
        return json_answer(rows)

    def _funding_rate(self, request: Request) -> Response:
        market = self._market(request)
        first, last = time_range(request, "startTime", "endTime")
        rows = [
            {"symbol": market.contract.native, "fundingTime": paid.at_ms, "fundingRate": f"{paid.rate:.8f}",
             "markPrice": f"{paid.mark:.8f}"}
            for paid in market.funding
            if first <= paid.at_ms <= last
        ]  # fmt: skip
        return json_answer(rows[-whole_number(request, "limit", 100, 1000) :])

    def _samples(self, request: Request) -> tuple[Market, Any]:
        market, minutes = self._market(request), PERIODS.get(request.query_params.get("period", ""))
        if minutes is None:
            raise ValueError("Invalid period.")
        return market, _ranged(market.bars.samples(minutes), request, whole_number(request, "limit", 30, 500))

    def _open_interest_history(self, request: Request) -> Response:
        market, rows = self._samples(request)
        return json_answer([
            {"symbol": market.contract.native, "sumOpenInterest": f"{coins:.8f}",
             "sumOpenInterestValue": f"{coins * price:.8f}", "timestamp": int(at_ms)}
            for at_ms, coins, _, price in rows.tolist()
        ])  # fmt: skip

    def _account_ratio(self, request: Request) -> Response:
        market, rows = self._samples(request)
        return json_answer([
            {"symbol": market.contract.native, "longShortRatio": f"{ratio:.4f}",
             "longAccount": f"{ratio / (1.0 + ratio):.4f}", "shortAccount": f"{1.0 / (1.0 + ratio):.4f}",
             "timestamp": int(at_ms)}
            for at_ms, _, ratio, _ in rows.tolist()
        ])  # fmt: skip


def _public_feed(stream: str, kind: str, market: Market) -> Feed | None:
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


def _market_feed(stream: str, kind: str, market: Market) -> Feed | None:
    if kind == "aggTrade":
        return Trades(stream, market, aggregated=True)
    if kind in ("markPrice", "markPrice@1s"):
        return Mark(stream, market, 20 if kind.endswith("@1s") else 60)
    if kind == "forceOrder":
        return ForceOrders(stream, [market])
    return Kline(stream, market, 5) if kind == "kline_1m" else None


def _wrapped(feed: Feed, text: str) -> str:
    return f'{{"stream":"{feed.name}","data":{text}}}'


def _ranged(rows: Any, request: Request, limit: int) -> Any:
    """Cut rows (oldest first, time in column 0) to the query's range: from its start, else up to its end."""
    first, last = time_range(request, "startTime", "endTime")
    rows = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)]
    return rows[:limit] if first else rows[-limit:]


def _symbol_row(market: Market) -> dict[str, Any]:
    contract = market.contract
    tick, lot = f"{float(contract.tick):.{contract.price_decimals}f}", str(contract.lot)
    return {
        "symbol": contract.native, "pair": contract.native, "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000, "status": "TRADING", "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": contract.base, "quoteAsset": "USDT", "marginAsset": "USDT",
        "pricePrecision": contract.price_decimals, "quantityPrecision": contract.size_decimals,
        "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500", "liquidationFee": "0.012500", "marketTakeBound": "0.05",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "10000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "1000", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500",
             "multiplierDecimal": "4"},
        ],
        "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }  # fmt: skip
