"""OKX v5 swaps: an acknowledgement an argument, text keep-alives, linked ids, sizes in contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from leadline.twin import history
from leadline.twin.contracts import FLOOR, LEVERAGE, RATE
from leadline.twin.faults import Faults
from leadline.twin.hub import Feed, Session, VenueServer, json_answer, time_range, whole_number
from leadline.twin.market import STEP_MS, Market
from leadline.twin.okx_streams import (
    BOOK_EVERY,
    BOOK_LEVELS,
    Books,
    Liquidations,
    Rows,
    TopBook,
    Trades,
    funding_rows,
    interest_rows,
    mark_rows,
    ticker_rows,
    trade_row,
)
from leadline.twin.world import World

SOCKET_PATH = "/ws/v5/"
IDLE_S_MAX = 30.0
NOTICE_S_MAX = 60.0
INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1H": 60,
    "2H": 120,
    "4H": 240,
    "6H": 360,
    "12H": 720,
    "1D": 1440,
    "6Hutc": 360,
    "12Hutc": 720,
    "1Dutc": 1440,
}
PERIODS = {"5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240, "1D": 1440}


class Refused(Exception):
    """A request the venue answers with a code other than 0."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Okx(VenueServer):
    """The venue's server; see the module."""

    venue = "okx"
    usual_close_code = 1001
    closed_states: ClassVar[dict[str, str]] = {"delisted": "suspend", "prelaunch": "preopen"}

    def __init__(self, world: World, faults: Faults) -> None:
        super().__init__(world, faults)
        rest: dict[str, Callable[[Request], list[Any]]] = {
            "public/time": lambda _: [{"ts": str(self.now_ms)}],
            "public/instruments": self._instruments,
            "public/open-interest": lambda request: self._each(request, interest_rows),
            "public/mark-price": lambda request: self._each(request, mark_rows),
            "public/funding-rate": lambda request: self._each(request, funding_rows),
            "public/funding-rate-history": self._funding_history,
            "public/position-tiers": self._tiers,
            "market/tickers": lambda request: self._each(request, ticker_rows),
            "market/ticker": lambda request: self._each(request, ticker_rows),
            "market/books": self._books,
            "market/books-full": self._books_full,
            "market/candles": lambda request: self._candles(request, 300),
            "market/history-candles": lambda request: self._candles(request, 300),
            "market/trades": self._trades,
            "rubik/stat/contracts/open-interest-history": self._interest_history,
            "rubik/stat/contracts/long-short-account-ratio-contract": self._account_ratio,
        }
        self.app = Starlette(
            routes=[
                *(Route(f"/api/v5/{path}", self.guard(self._coded(answer))) for path, answer in rest.items()),
                WebSocketRoute("/{path:path}", self.serve_socket),
            ]
        )

    # Streams.

    def admit(self, path: str, query: str) -> Callable[[Session], None] | None:  # noqa: ARG002 - as the base's
        if not path.startswith(SOCKET_PATH):
            return None

        def begin(session: Session) -> None:
            session.route = path.removeprefix(SOCKET_PATH)

        return begin

    def make_feed(self, name: str) -> Feed | None:
        argument = orjson.loads(name)
        channel, market = argument["channel"], self.markets.get(argument.get("instId", ""))
        if channel == "liquidation-orders" and argument.get("instType") == "SWAP":
            return Liquidations(name, list(self.markets.values()))
        if channel == "instruments" and argument.get("instType") == "SWAP":
            return Instruments(name, self)
        if market is None:
            return None
        if channel == "books":
            return Books(name, market)
        if channel in ("books5", "bbo-tbt"):
            return TopBook(name, market, 2 if channel == "books5" else 1, 5 if channel == "books5" else 1)
        if channel == "trades":
            return Trades(name, market)
        rows = {
            "mark-price": (4, mark_rows),
            "open-interest": (60, interest_rows),
            "tickers": (2, ticker_rows),
            "funding-rate": (600, funding_rows),
        }
        if channel not in rows:
            return None
        return Rows(name, market, *rows[channel])

    def watch(self, session: Session) -> None:
        if session.idle_s > IDLE_S_MAX:
            session.close(4004, "No data received in 30s.")
        life_s = self.faults.close_every_s
        if life_s and not session.warned and session.age_s >= life_s - min(NOTICE_S_MAX, life_s / 2.0):
            session.warned = True
            message = "The connection will soon be closed for a service upgrade. Please reconnect."
            body = {"event": "notice", "code": "64008", "msg": message, "connId": session.name}
            session.send(orjson.dumps(body).decode())
        super().watch(session)

    def hear(self, session: Session, text: str) -> None:
        if text == "ping":
            session.send("pong")
            return
        number = None
        try:
            request = orjson.loads(text)
            number, operation, arguments = request.get("id"), request["op"], request["args"]
            if operation not in ("subscribe", "unsubscribe") or not all(
                isinstance(a, dict) for a in arguments
            ):
                raise ValueError(operation)
            for argument in arguments:
                self._apply(session, operation, argument, number)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._error(session, "60012", "Invalid request", number)

    def _apply(self, session: Session, operation: str, argument: dict[str, Any], number: str | None) -> None:
        known = {key: str(value) for key, value in argument.items() if value is not None}
        name = orjson.dumps(known).decode()
        feed = self.feed(name) if session.route == "public" and "channel" in known else None
        if feed is None:
            wrong = f"Wrong URL or channel:{known.get('channel')},instId:{known.get('instId')} doesn't exist."
            self._error(session, "60018", wrong, number)
            return
        reply = {
            **({"id": number} if number else {}),
            "event": operation,
            "arg": known,
            "connId": session.name,
        }
        session.send(orjson.dumps(reply).decode())
        if operation == "unsubscribe":
            self.stop_listening(session, name)
        elif self.listen(session, feed, name):
            if isinstance(feed, Books):
                feed.silent_start = self.faults.no_snapshot
            for text in feed.hello():
                session.tell(feed, text, self.faults)

    def _error(self, session: Session, code: str, message: str, number: str | None) -> None:
        body = {"event": "error", "code": code, "msg": message, "connId": session.name}
        session.send(orjson.dumps({"id": number, **body} if number else body).decode())

    # REST.

    def _coded(self, answer: Callable[[Request], list[Any]]) -> Any:
        async def coded(request: Request) -> Response:
            try:
                code, message, data = "0", "", answer(request)
            except Refused as refused:
                code, message, data = refused.code, str(refused), []
            except KeyError:
                code, message, data = "51001", "Instrument ID doesn't exist.", []
            return json_answer({"code": code, "msg": message, "data": data})

        return coded

    def _market(self, request: Request) -> Market:
        return self.markets[request.query_params.get("instId", "")]

    def _each(self, request: Request, rows: Callable[[Market], list[dict[str, Any]]]) -> list[Any]:
        if "instId" in request.query_params:
            return rows(self._market(request))
        return [row for market in self.markets.values() for row in rows(market)]

    def _instruments(self, request: Request) -> list[Any]:
        if request.query_params.get("instType") != "SWAP":
            return []
        return self._each(request, lambda market: [_instrument_row(market, self.state_of(market, "live"))])

    def _books(self, request: Request) -> list[Any]:
        market, most = self._market(request), whole_number(request, "sz", 1, BOOK_LEVELS)
        # Only books that the channel shows too: an update must carry a reader from this one to the next.
        step = self.book_step(market) // BOOK_EVERY * BOOK_EVERY
        view, feed = market.view_at(step, most), self._books_feed(market)
        sequence = feed.sequence(market.update_id_at(step))
        try:
            _, texts = feed.published(sequence)
        except LookupError:
            texts = market.texts_at(step)
        at_ms = market.now_ms - (market.step - step) * STEP_MS
        return [
            {
                "asks": orjson.loads(texts.levels(view.ask_ticks, view.ask_lots)),
                "bids": orjson.loads(texts.levels(view.bid_ticks, view.bid_lots)),
                "ts": str(at_ms),
                "seqId": sequence,
            }
        ]

    def _books_feed(self, market: Market) -> Books:
        feed = self.feed(book_name(market))
        assert isinstance(feed, Books)  # noqa: S101 - that channel always exists
        return feed

    def _books_full(self, request: Request) -> list[Any]:
        market, most = self._market(request), whole_number(request, "sz", 1, 5000)
        view, texts = market.view(most), market.texts
        sides = {
            "asks": [[*pair, "1"] for pair in texts.pairs(view.ask_ticks, view.ask_lots)],
            "bids": [[*pair, "1"] for pair in texts.pairs(view.bid_ticks, view.bid_lots)],
        }
        return [{**sides, "ts": str(market.now_ms)}]

    def _candles(self, request: Request, most: int) -> list[Any]:
        market, minutes = self._market(request), INTERVALS.get(request.query_params.get("bar", "1m"))
        if minutes is None:
            raise Refused("51000", "Parameter bar error")
        bars = market.bars.every(minutes, market.running_bar())
        newer, older = time_range(request, "before", "after")
        bars = bars[(bars[:, 0] > newer) & (bars[:, 0] < older)][-whole_number(request, "limit", 100, most) :]
        texts, unit = market.texts, market.contract.contract_coins
        return [
            [
                str(int(bar[history.AT_MS])),
                *(texts.usd(price) for price in bar[history.OPEN : history.CLOSE + 1]),
                f"{bar[history.VOLUME] / unit:.2f}",
                f"{bar[history.VOLUME]:.4f}",
                f"{bar[history.VOLUME] * bar[history.CLOSE]:.2f}",
                "1" if bar[history.AT_MS] + minutes * 60_000 <= market.now_ms else "0",
            ]
            for bar in bars[::-1]
        ]

    def _trades(self, request: Request) -> list[Any]:
        market, limit = self._market(request), whole_number(request, "limit", 100, 500)
        texts = market.texts
        return [trade_row(fill, market, texts) for fill in list(market.fills)[-limit:][::-1]]

    def _funding_history(self, request: Request) -> list[Any]:
        market = self._market(request)
        newer, older = time_range(request, "before", "after")
        rows = [
            {
                "instType": "SWAP",
                "instId": market.contract.native,
                "fundingRate": f"{paid.rate:.10f}",
                "realizedRate": f"{paid.rate:.10f}",
                "fundingTime": str(paid.at_ms),
                "method": "current_period",
                "formulaType": "withRate",
            }
            for paid in reversed(market.funding)
            if newer < paid.at_ms < older
        ]
        return rows[: whole_number(request, "limit", 400, 400)]

    def _samples(self, request: Request) -> tuple[Market, list[list[float]]]:
        """Return the market and its samples in the query's range, newest first, at most ``limit``."""
        market, minutes = self._market(request), PERIODS.get(request.query_params.get("period", "5m"))
        if minutes is None:
            raise Refused("51000", "Parameter period error")
        first, last = time_range(request, "begin", "end")
        rows = market.bars.samples(minutes)
        rows = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)][::-1]
        return market, rows[: whole_number(request, "limit", 100, 100)].tolist()

    def _interest_history(self, request: Request) -> list[Any]:
        market, samples = self._samples(request)
        unit = market.contract.contract_coins
        return [
            [str(int(at_ms)), f"{coins / unit:.2f}", f"{coins:.4f}", f"{coins * price:.2f}"]
            for at_ms, coins, _, price in samples
        ]

    def _account_ratio(self, request: Request) -> list[Any]:
        _, samples = self._samples(request)
        return [[str(int(at_ms)), f"{ratio:.4f}"] for at_ms, _, ratio, _ in samples]

    def _tiers(self, request: Request) -> list[Any]:
        family = request.query_params.get("instFamily", "")
        return [
            row
            for market in self.markets.values()
            if not family or market.contract.native == f"{family}-SWAP"
            for row in _tier_rows(market)
        ]


def book_name(market: Market) -> str:
    """Return the name of the feed with a market's deep book."""
    return orjson.dumps({"channel": "books", "instId": market.contract.native}).decode()


class Instruments(Feed):
    """What changed of the contracts, whenever something does."""

    closed = False

    def __init__(self, name: str, server: Okx) -> None:
        super().__init__(name, next(iter(server.markets.values())))
        self._server = server
        self._told = self._facts()

    def frames(self) -> list[str]:
        before, self._told = self._told, self._facts()
        rows = [
            _instrument_row(market, self._server.state_of(market, "live"))
            for native, market in self._server.markets.items()
            if before.get(native) != self._told[native]
        ]
        return [orjson.dumps({"arg": orjson.loads(self.name), "data": rows}).decode()] if rows else []

    def _facts(self) -> dict[str, object]:
        markets = self._server.markets
        return {native: (one.contract, one.closed, one.listed_tick) for native, one in markets.items()}


def _instrument_row(market: Market, state: str) -> dict[str, Any]:
    contract = market.contract
    family = contract.native.removesuffix("-SWAP")
    return {
        "instType": "SWAP",
        "instId": contract.native,
        "instFamily": family,
        "uly": family,
        "category": "1",
        "baseCcy": "",
        "quoteCcy": "",
        "settleCcy": "USDT",
        "ctVal": f"{contract.contract_coins:g}",
        "ctMult": "1",
        "ctValCcy": contract.base,
        "ctType": "linear",
        "tickSz": str(market.listed_tick),
        "lotSz": str(contract.size_step),
        "minSz": str(contract.size_step),
        "lever": f"{contract.tiers[LEVERAGE, 0]:.0f}",
        "state": state,
        "listTime": "1611916828000",
        "expTime": "",
        "optType": "",
        "stk": "",
        "alias": "",
        "ruleType": "normal",
        "maxLmtSz": "100000000",
        "maxMktSz": "12000",
        "maxTwapSz": "100000000",
        "maxIcebergSz": "100000000",
        "maxTriggerSz": "100000000",
        "maxStopSz": "12000",
    }


def _tier_rows(market: Market) -> list[dict[str, str]]:
    contract, tiers = market.contract, market.contract.tiers
    unit_usd = contract.contract_coins * contract.start_price
    caps = [*tiers[FLOOR, 1:].tolist(), tiers[FLOOR, -1] * 1.5]
    family = contract.native.removesuffix("-SWAP")
    return [
        {
            "uly": family,
            "instFamily": family,
            "instId": "",
            "tier": str(at + 1),
            "minSz": f"{tiers[FLOOR, at] / unit_usd:.0f}",
            "maxSz": f"{cap / unit_usd:.0f}",
            "mmr": f"{tiers[RATE, at]:.4f}",
            "imr": f"{1.0 / tiers[LEVERAGE, at]:.4f}",
            "maxLever": f"{tiers[LEVERAGE, at]:.0f}",
            "optMgnFactor": "0",
            "quoteMaxLoan": "",
            "baseMaxLoan": "",
        }
        for at, cap in enumerate(caps)
    ]
