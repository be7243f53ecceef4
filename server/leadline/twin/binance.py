"""Binance USDT-M: routed streams with silent acknowledgements, id-chained depth, weighted REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from leadline.twin.binance_streams import AllMarks, ForceOrders, kline_row, market_feed, public_feed
from leadline.twin.faults import Faults
from leadline.twin.hub import Feed, Session, VenueServer, json_answer, raw_json, time_range, whole_number
from leadline.twin.market import STEP_MS, Market
from leadline.twin.world import World

WEIGHT_BUDGET = 2400
STREAMS_MAX = 1024
LIFETIME_S = 24 * 3600
INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "12h": 720,
    "1d": 1440,
}
PERIODS = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440}
DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
REFUSALS_BEFORE_BAN = 5


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
    closed_states: ClassVar[dict[str, str]] = {"delisted": "SETTLING", "prelaunch": "PENDING_TRADING"}

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(world, faults)
        self.weight = Weight()
        rest: dict[str, tuple[int, Callable[[Request], Response]]] = {
            "/fapi/v1/ping": (1, lambda _: json_answer({})),
            "/fapi/v1/time": (1, lambda _: json_answer({"serverTime": self.now_ms})),
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
                WebSocketRoute("/{path:path}", self.serve_socket),
            ]
        )

    # Streams.

    def admit(self, path: str, query: str) -> Callable[[Session], None] | None:
        parts = [part for part in path.split("/") if part]
        route = parts.pop(0) if parts and parts[0] in ("public", "market") else "public"
        if not parts or parts[0] not in ("ws", "stream"):
            return None
        wrapped = parts[0] == "stream"
        names = parse_qs(query).get("streams", [""])[0].split("/") if wrapped else parts[1:]

        def subscribe(session: Session) -> None:
            session.wrap = _wrapped if wrapped else session.wrap
            session.route = route
            self._subscribe(session, [name for name in names if name])

        return subscribe

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
        return public_feed(stream, kind, market) if route == "public" else market_feed(stream, kind, market)

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
        return json_answer(
            {
                "timezone": "UTC",
                "serverTime": self.now_ms,
                "futuresType": "U_MARGINED",
                "rateLimits": [
                    {
                        "rateLimitType": "REQUEST_WEIGHT",
                        "interval": "MINUTE",
                        "intervalNum": 1,
                        "limit": WEIGHT_BUDGET,
                    }
                ],
                "exchangeFilters": [],
                "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
                "symbols": [
                    _symbol_row(market, self.state_of(market, "TRADING")) for market in self.markets.values()
                ],
            }
        )

    def _depth(self, request: Request) -> Response:
        market = self._market(request)
        limit = whole_number(request, "limit", 500, 1500)
        if limit not in DEPTH_WEIGHTS:
            raise ValueError("limit must be one of 5, 10, 20, 50, 100, 500, 1000")
        step = self.book_step(market)
        view, update_id, texts = market.view_at(step, limit), market.update_id_at(step), market.texts_at(step)
        at_ms = market.now_ms - (market.step - step) * STEP_MS
        return raw_json(
            f'{{"lastUpdateId":{update_id},"E":{at_ms + 3},"T":{at_ms},'
            f'"bids":{texts.levels(view.bid_ticks, view.bid_lots)},'
            f'"asks":{texts.levels(view.ask_ticks, view.ask_lots)}}}'
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
        return json_answer([kline_row(bar, minutes, market) for bar in rows])

    def _agg_trades(self, request: Request) -> Response:
        market = self._market(request)
        texts = market.texts
        limit, first = whole_number(request, "limit", 500, 1000), request.query_params.get("fromId", "")
        fills = list(market.fills)
        fills = (
            [fill for fill in fills if fill.number >= int(first)][:limit]
            if first.isdigit()
            else fills[-limit:]
        )
        return json_answer(
            [
                {
                    "a": fill.number,
                    "p": texts.price(fill.tick),
                    "q": texts.size(fill.lots),
                    "nq": texts.size(fill.lots),
                    "f": fill.number,
                    "l": fill.number,
                    "T": fill.at_ms,
                    "m": fill.side < 0,
                }
                for fill in fills
            ]
        )

    def _premium_index(self, request: Request) -> Response:
        rows = [
            {
                "symbol": market.contract.native,
                "markPrice": f"{market.mark:.8f}",
                "indexPrice": f"{market.index:.8f}",
                "estimatedSettlePrice": f"{market.index:.8f}",
                "lastFundingRate": f"{market.funding_rate:.8f}",
                "interestRate": "0.00010000",
                "nextFundingTime": market.next_funding_ms,
                "time": market.now_ms,
            }
            for market in self.markets.values()
        ]
        if "symbol" in request.query_params:
            return json_answer(rows[list(self.markets.values()).index(self._market(request))])
        return json_answer(rows)

    def _funding_rate(self, request: Request) -> Response:
        market = self._market(request)
        first, last = time_range(request, "startTime", "endTime")
        rows = [
            {
                "symbol": market.contract.native,
                "fundingTime": paid.at_ms,
                "fundingRate": f"{paid.rate:.8f}",
                "markPrice": f"{paid.mark:.8f}",
            }
            for paid in market.funding
            if first <= paid.at_ms <= last
        ]
        return json_answer(rows[-whole_number(request, "limit", 100, 1000) :])

    def _samples(self, request: Request) -> tuple[Market, Any]:
        market, minutes = self._market(request), PERIODS.get(request.query_params.get("period", ""))
        if minutes is None:
            raise ValueError("Invalid period.")
        return market, _ranged(market.bars.samples(minutes), request, whole_number(request, "limit", 30, 500))

    def _open_interest_history(self, request: Request) -> Response:
        market, rows = self._samples(request)
        return json_answer(
            [
                {
                    "symbol": market.contract.native,
                    "sumOpenInterest": f"{coins:.8f}",
                    "sumOpenInterestValue": f"{coins * price:.8f}",
                    "timestamp": int(at_ms),
                }
                for at_ms, coins, _, price in rows.tolist()
            ]
        )

    def _account_ratio(self, request: Request) -> Response:
        market, rows = self._samples(request)
        return json_answer(
            [
                {
                    "symbol": market.contract.native,
                    "longShortRatio": f"{ratio:.4f}",
                    "longAccount": f"{ratio / (1.0 + ratio):.4f}",
                    "shortAccount": f"{1.0 / (1.0 + ratio):.4f}",
                    "timestamp": int(at_ms),
                }
                for at_ms, _, ratio, _ in rows.tolist()
            ]
        )


def _wrapped(feed: Feed, text: str) -> str:
    return f'{{"stream":"{feed.name}","data":{text}}}'


def _ranged(rows: Any, request: Request, limit: int) -> Any:
    """Cut rows (oldest first, time in column 0) to the query's range: from its start, else up to its end."""
    first, last = time_range(request, "startTime", "endTime")
    rows = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)]
    return rows[:limit] if first else rows[-limit:]


def _symbol_row(market: Market, state: str) -> dict[str, Any]:
    contract, decimals = market.contract, market.texts.price_decimals
    tick, lot = f"{float(market.listed_tick):.{decimals}f}", str(contract.lot)
    return {
        "symbol": contract.native,
        "pair": contract.native,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": state,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": contract.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": decimals,
        "quantityPrecision": contract.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "10000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "1000", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
