"""Bybit v5 linear: topics of the best N levels, merged tickers, complete batched liquidations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from leadline.twin import history
from leadline.twin.bybit_streams import CADENCES_MS, Liquidations, OrderBook, Ticker, Trades, ticker_row
from leadline.twin.contracts import DEDUCTION, FLOOR, FUNDING_INTERVAL_MS, LEVERAGE, RATE
from leadline.twin.faults import Faults
from leadline.twin.hub import Feed, Session, VenueServer, json_answer, time_range, whole_number
from leadline.twin.market import Market
from leadline.twin.world import World

INTERVALS = {
    "1": 1,
    "3": 3,
    "5": 5,
    "15": 15,
    "30": 30,
    "60": 60,
    "120": 120,
    "240": 240,
    "360": 360,
    "720": 720,
    "D": 1440,
}
PERIODS = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
ARGUMENT_CHARACTERS_MAX = 21_000
LINEAR_PATH = "/v5/public/linear"


class Refused(Exception):
    """A request the venue answers with a return code other than 0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Bybit(VenueServer):
    """The venue's server; see the module."""

    venue = "bybit"
    usual_close_code = 1001
    closed_states: ClassVar[dict[str, str]] = {"delisted": "Closed", "prelaunch": "PreLaunch"}

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(world, faults)
        rest: dict[str, Callable[[Request], dict[str, Any]]] = {
            "time": self._time,
            "instruments-info": self._instruments,
            "orderbook": self._orderbook,
            "kline": self._kline,
            "open-interest": self._open_interest,
            "tickers": self._tickers,
            "funding/history": self._funding_history,
            "account-ratio": self._account_ratio,
            "risk-limit": self._risk_limit,
            "recent-trade": self._recent_trade,
        }
        self.app = Starlette(
            routes=[
                *(
                    Route(f"/v5/market/{path}", self.guard(self._enveloped(answer)))
                    for path, answer in rest.items()
                ),
                WebSocketRoute("/{path:path}", self.serve_socket),
            ]
        )

    # Streams.

    def make_feed(self, name: str) -> Feed | None:
        kind, _, rest = name.partition(".")
        if kind == "orderbook":
            depth, _, symbol = rest.partition(".")
            market = self.markets.get(symbol)
            known = depth.isdigit() and int(depth) in CADENCES_MS
            return OrderBook(name, market, int(depth)) if market is not None and known else None
        market = self.markets.get(rest)
        makers = {"publicTrade": Trades, "tickers": Ticker, "allLiquidation": Liquidations}
        return makers[kind](name, market) if market is not None and kind in makers else None

    def admit(self, path: str, query: str) -> Callable[[Session], None] | None:  # noqa: ARG002 - as the base's
        return (lambda _: None) if path == LINEAR_PATH else None

    def hear(self, session: Session, text: str) -> None:
        try:
            request = orjson.loads(text)
            operation, number = request["op"], request.get("req_id", "")
            topics = [str(topic) for topic in request.get("args", [])]
        except (ValueError, KeyError, TypeError, AttributeError):
            self._reply(session, False, "Request format error", "", "")
            return
        if operation == "ping":
            self._reply(session, True, "pong", number, "ping")
        elif operation == "subscribe":
            self._subscribe(session, topics, number)
        elif operation == "unsubscribe":
            for topic in topics:
                self.stop_listening(session, topic)
            self._reply(session, True, "", number, "unsubscribe")
        else:
            self._reply(session, False, "Request format error", number, str(operation))

    def _subscribe(self, session: Session, topics: list[str], number: str) -> None:
        unknown = [topic for topic in topics if self.feed(topic) is None]
        if unknown:
            self._reply(session, False, f"error:handler not found,topic:{unknown[0]}", number, "subscribe")
            return
        if sum(map(len, [*session.feeds, *topics])) > ARGUMENT_CHARACTERS_MAX:
            self._reply(session, False, "args size >21000", number, "subscribe")
            return
        held = [topic for topic in topics if topic in session.feeds]
        if held:
            self._reply(session, False, f"error:already subscribed,topic:{held[0]}", number, "subscribe")
            return
        self._reply(session, True, "", number, "subscribe")
        for topic in topics:
            feed = self.feed(topic)
            if feed is not None and self.listen(session, feed, topic):
                for text in feed.hello():
                    session.tell(feed, text, self.faults)

    def _reply(self, session: Session, success: bool, message: str, number: str, operation: str) -> None:
        body = {
            "success": success,
            "ret_msg": message,
            "conn_id": session.name,
            "req_id": number,
            "op": operation,
        }
        session.send(orjson.dumps(body).decode())

    # REST.

    def _enveloped(self, answer: Callable[[Request], dict[str, Any]]) -> Any:
        async def enveloped(request: Request) -> Response:
            try:
                code, message, result = 0, "OK", answer(request)
            except Refused as refused:
                code, message, result = refused.code, str(refused), {}
            except KeyError:
                code, message, result = 10001, "params error: Symbol Invalid", {}
            return json_answer(
                {
                    "retCode": code,
                    "retMsg": message,
                    "result": result,
                    "retExtInfo": {},
                    "time": self.now_ms,
                }
            )

        return enveloped

    def _market(self, request: Request) -> Market:
        return self.markets[request.query_params.get("symbol", "")]

    def _time(self, _: Request) -> dict[str, Any]:
        now_ms = self.now_ms
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}

    def _instruments(self, request: Request) -> dict[str, Any]:
        rows = [_instrument_row(market, self.state_of(market, "Trading")) for market in self.markets.values()]
        return {"category": "linear", **_page(_asked(rows, request), request, 500, 1000)}

    def _orderbook(self, request: Request) -> dict[str, Any]:
        market = self._market(request)
        if market.closed:
            raise KeyError(market.contract.native)
        limit = whole_number(request, "limit", 25, 1000)
        deepest = self.feed(f"orderbook.1000.{market.contract.native}")
        assert isinstance(deepest, OrderBook)  # noqa: S101 - that topic always exists
        u, step = deepest.last_remembered()
        view, texts = market.view_at(step, limit), market.texts_at(step)
        return {
            "s": market.contract.native,
            "b": texts.pairs(view.bid_ticks, view.bid_lots),
            "a": texts.pairs(view.ask_ticks, view.ask_lots),
            "ts": market.now_ms,
            "u": u,
            "seq": market.update_id_at(step),
            "cts": market.now_ms,
        }

    def _kline(self, request: Request) -> dict[str, Any]:
        market, minutes = self._market(request), INTERVALS.get(request.query_params.get("interval", ""))
        if minutes is None:
            raise Refused(10001, "params error: Invalid period!")
        bars = market.bars.every(minutes, market.running_bar())
        first, last = time_range(request, "start", "end")
        bars = bars[(bars[:, 0] >= first) & (bars[:, 0] <= last)][
            -whole_number(request, "limit", 200, 1000) :
        ]
        digits = market.contract.price_decimals
        rows = [
            [
                str(int(bar[history.AT_MS])),
                *(f"{price:.{digits}f}" for price in bar[history.OPEN : history.CLOSE + 1]),
                f"{bar[history.VOLUME]:.{market.contract.size_decimals}f}",
                f"{bar[history.VOLUME] * bar[history.CLOSE]:.4f}",
            ]
            for bar in bars[::-1]
        ]
        return {"category": "linear", "symbol": market.contract.native, "list": rows}

    def _samples(self, request: Request, period: str) -> tuple[Market, list[list[float]]]:
        """Return the market and its samples in the query's range, newest first."""
        market, minutes = self._market(request), PERIODS.get(request.query_params.get(period, ""))
        if minutes is None:
            raise Refused(10001, f"params error: {period} invalid")
        first, last = time_range(request, "startTime", "endTime")
        rows = market.bars.samples(minutes)
        return market, rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)][::-1].tolist()

    def _open_interest(self, request: Request) -> dict[str, Any]:
        market, samples = self._samples(request, "intervalTime")
        digits = market.contract.size_decimals
        rows = [
            {
                "openInterest": f"{2.0 * coins:.{digits}f}",
                "singleOpenInterest": f"{coins:.{digits}f}",
                "timestamp": str(int(at_ms)),
            }
            for at_ms, coins, _, _ in samples
        ]
        return {"symbol": market.contract.native, "category": "linear", **_page(rows, request, 50, 200)}

    def _account_ratio(self, request: Request) -> dict[str, Any]:
        market, samples = self._samples(request, "period")
        rows = [
            {
                "symbol": market.contract.native,
                "buyRatio": f"{ratio / (1.0 + ratio):.4f}",
                "sellRatio": f"{1.0 / (1.0 + ratio):.4f}",
                "timestamp": str(int(at_ms)),
            }
            for at_ms, _, ratio, _ in samples
        ]
        return _page(rows, request, 50, 500)

    def _tickers(self, request: Request) -> dict[str, Any]:
        rows = [ticker_row(market, market.texts) for market in self.markets.values()]
        return {"category": "linear", "list": _asked(rows, request)}

    def _funding_history(self, request: Request) -> dict[str, Any]:
        market = self._market(request)
        if "startTime" in request.query_params and "endTime" not in request.query_params:
            raise Refused(10001, "params error: endTime is required with startTime")
        first, last = time_range(request, "startTime", "endTime")
        rows = [
            {
                "symbol": market.contract.native,
                "fundingRate": f"{paid.rate:.8f}",
                "fundingRateTimestamp": str(paid.at_ms),
            }
            for paid in reversed(market.funding)
            if first <= paid.at_ms <= last
        ]
        return {"category": "linear", "list": rows[: whole_number(request, "limit", 200, 200)]}

    def _risk_limit(self, request: Request) -> dict[str, Any]:
        rows = [row for market in self.markets.values() for row in _risk_rows(market)]
        page = _page(_asked(rows, request), request, 60, 60)
        return {"category": "linear", **page}

    def _recent_trade(self, request: Request) -> dict[str, Any]:
        market = self._market(request)
        texts, limit = market.texts, whole_number(request, "limit", 500, 1000)
        rows = [
            {
                "execId": f"{fill.number:08x}-0000-5000-8000-000000000000",
                "symbol": market.contract.native,
                "price": texts.price(fill.tick),
                "size": texts.size(fill.lots),
                "side": "Buy" if fill.side > 0 else "Sell",
                "time": str(fill.at_ms),
                "isBlockTrade": False,
                "isRPITrade": False,
            }
            for fill in list(market.fills)[-limit:][::-1]
        ]
        return {"category": "linear", "list": rows}


def _asked(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Keep the rows of the symbol the query names, all when it names none."""
    symbol = request.query_params.get("symbol")
    chosen = [row for row in rows if symbol is None or row["symbol"] == symbol]
    if not chosen:
        raise Refused(10001, "params error: Symbol Invalid")
    return chosen


def _page(rows: list[dict[str, Any]], request: Request, usual: int, most: int) -> dict[str, Any]:
    """Cut one page; the cursor is the number of its first row and is empty after the last page."""
    cursor = request.query_params.get("cursor", "")
    start = int(cursor) if cursor.isdigit() else 0
    end = start + whole_number(request, "limit", usual, most)
    return {"list": rows[start:end], "nextPageCursor": str(end) if end < len(rows) else ""}


def _instrument_row(market: Market, state: str) -> dict[str, Any]:
    contract, decimals = market.contract, market.texts.price_decimals
    tick, lot = f"{float(market.listed_tick):.{decimals}f}", str(contract.lot)
    return {
        "symbol": contract.native,
        "contractType": "LinearPerpetual",
        "status": state,
        "baseCoin": contract.base,
        "quoteCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(decimals),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{contract.tiers[LEVERAGE, 0]:.2f}",
            "leverageStep": "0.01",
        },
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": lot,
            "qtyStep": lot,
            "postOnlyMaxOrderQty": "1190.000",
            "maxMktOrderQty": "119.000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": FUNDING_INTERVAL_MS // 60_000,
        "settleCoin": "USDT",
        "copyTrading": "both",
        "upperFundingRate": "0.003",
        "lowerFundingRate": "-0.003",
        "isPreListing": False,
        "preListingInfo": None,
    }


def _risk_rows(market: Market) -> list[dict[str, Any]]:
    tiers = market.contract.tiers
    caps = [*tiers[FLOOR, 1:].tolist(), tiers[FLOOR, -1] * 1.5]
    return [
        {
            "id": at + 1,
            "symbol": market.contract.native,
            "riskLimitValue": f"{cap:.0f}",
            "maintenanceMargin": f"{tiers[RATE, at]:.4f}",
            "initialMargin": f"{1.0 / tiers[LEVERAGE, at]:.4f}",
            "isLowestRisk": int(at == 0),
            "maxLeverage": f"{tiers[LEVERAGE, at]:.2f}",
            "mmDeduction": f"{tiers[DEDUCTION, at]:.0f}" if at else "",
        }
        for at, cap in enumerate(caps)
    ]
