"""Bybit v5 linear: books with their snapshot in the stream, tickers as partial deltas, all liquidations."""

from __future__ import annotations

from typing import Any

import orjson

from leadline.domain.events import Completeness, Liquidation, Mark, OpenInterest, PriceKind, Side
from leadline.domain.instrument import Instrument
from leadline.units import parse_float, parse_positive_float
from leadline.venues.adapter import Adapter, batches, coins_of, whole, whole_text
from leadline.venues.base import Fetch, Output, Send
from leadline.venues.booksync import CountedSync, Delta

LINEAR_PATH = "/v5/public/linear"
# 1000 levels come five times a second and reach five times as far as 200 at ten: width is what an
# aggregated ladder lacks, pace it has from the other venues.
DEPTH = 1000
TOPIC_CHARS_PER_ROUTE_MAX = 20_000  # the venue's limit is 21,000
TOPICS_PER_REQUEST_MAX = 50
REQUESTS_HELD_MAX = 1_000
PING_EVERY_MS = 20_000
OTHER_TOPICS = ("publicTrade", "tickers", "allLiquidation")
SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}


class BybitProtocol(Adapter[CountedSync]):
    """depth: levels of the book topic, one of 1, 50, 200, 1000 (recordings may hold any)."""

    venue = "bybit"

    def __init__(self, instruments: list[Instrument], *, depth: int = DEPTH) -> None:
        self._depth = depth
        self._topics: dict[str, list[str]] = {}
        super().__init__(CountedSync(made, self._place(made)) for made in instruments)
        self._tickers: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, tuple[str, list[str]]] = {}
        self._next_request = 0
        self._ping_due_ms: dict[str, int] = {}

    def _place(self, made: Instrument) -> str:
        """Give a symbol's topics to the last connection with room for them; return its route."""
        names = [f"orderbook.{self._depth}", *OTHER_TOPICS]
        topics = [f"{name}.{made.native}" for name in names]
        route = list(self._topics)[-1] if self._topics else "linear"
        taken = sum(len(topic) + 3 for topic in self._topics.get(route, []))
        if taken + sum(len(topic) + 3 for topic in topics) > TOPIC_CHARS_PER_ROUTE_MAX:
            route = f"linear-{len(self._topics) + 1}"
        self._topics.setdefault(route, []).extend(topics)
        return route

    def routes(self) -> dict[str, str]:
        return dict.fromkeys(self._topics, LINEAR_PATH)

    def _subscribe(self, route: str) -> list[Output]:
        topics = self._topics.get(route, [])
        return [self._request(route, "subscribe", some) for some in batches(topics, TOPICS_PER_REQUEST_MAX)]

    def _request(self, route: str, op: str, topics: list[str]) -> Send:
        self._next_request += 1
        name = f"{op[0]}{self._next_request}"
        if op == "subscribe":
            self._asked[name] = (route, topics)
            while len(self._asked) > REQUESTS_HELD_MAX:
                del self._asked[next(iter(self._asked))]
        return Send(route, orjson.dumps({"req_id": name, "op": op, "args": topics}).decode())

    def _ask_anchor(self, sync: CountedSync) -> list[Output]:
        topic = f"orderbook.{self._depth}.{sync.instrument.native}"
        return [
            self._request(sync.route, "unsubscribe", [topic]),
            self._request(sync.route, "subscribe", [topic]),
        ]

    def _subscribe_marks_again(self, route: str, syncs: list[CountedSync]) -> list[Output]:
        topics = [f"{name}.{sync.instrument.native}" for sync in syncs for name in OTHER_TOPICS]
        return [
            self._request(route, op, some)
            for some in batches(topics, TOPICS_PER_REQUEST_MAX)
            for op in ("unsubscribe", "subscribe")
        ]

    def _tick(self, now_ms: int) -> list[Output]:
        outputs: list[Output] = []
        for route in self._opened:
            if now_ms >= self._ping_due_ms.get(route, 0):
                self._ping_due_ms[route] = now_ms + PING_EVERY_MS
                outputs.append(Send(route, '{"op":"ping"}'))
        return outputs

    # Messages.

    def _take(self, route: str, message: Any, now_ms: int) -> list[Output]:  # noqa: ARG002 - as the base's
        topic = message.get("topic")
        if topic is None:
            return self._take_reply(message)
        kind, _, rest = topic.partition(".")
        sync = self._by_native.get(rest.rpartition(".")[2])
        if sync is None:
            return []
        sync.stats.messages += 1
        if kind == "orderbook":
            return self._take_book(sync, message, now_ms)
        if kind == "publicTrade":
            return self._trades(
                sync,
                ((whole(row["T"]), row["p"], row["v"], SIDES[row["S"]]) for row in message["data"]),
            )
        if kind == "tickers":
            return self._take_ticker(sync, message)
        if kind == "allLiquidation":
            return [_liquidation(sync.instrument, row) for row in message["data"]]
        return []

    def _take_reply(self, reply: dict[str, Any]) -> list[Output]:
        """A refused batch is retried topic by topic, so that one bad name costs only itself."""
        route, topics = self._asked.pop(reply.get("req_id", ""), ("", []))
        if reply.get("success") is not False:
            return []
        self.protocol_errors += 1
        if len(topics) < 2:
            return []
        return [self._request(route, "subscribe", [topic]) for topic in topics]

    def _take_book(self, sync: CountedSync, message: dict[str, Any], now_ms: int) -> list[Output]:
        data = message["data"]
        update_id, order = whole(data["u"]), whole(data.get("seq", 0))
        at_ms = whole(message.get("cts") or message["ts"])
        levels = self._levels(sync, data["b"], data["a"], now_ms)
        if message["type"] == "snapshot":
            outcome = sync.take_snapshot(update_id, at_ms, levels, now_ms, order)
        elif message["type"] == "delta":
            outcome = sync.take_delta(Delta(update_id - 1, update_id, at_ms, levels, order), now_ms)
        else:
            raise ValueError(f"expected a snapshot or a delta, got {message['type']!r:.60}")
        return self._after(sync, outcome, now_ms)

    def _take_ticker(self, sync: CountedSync, message: dict[str, Any]) -> list[Output]:
        """Merge a partial ticker and tell what changed of mark, funding and open interest."""
        self._note_mark(sync)
        made, fresh, at_ms = sync.instrument, message["data"], whole(message["ts"])
        held = self._tickers.setdefault(made.native, {})
        if message["type"] == "snapshot":
            held.clear()
        held.update(fresh)
        outputs: list[Output] = []
        if fresh.get("markPrice"):
            outputs.append(Mark(made.venue, made.symbol, at_ms, parse_positive_float(fresh["markPrice"])))
        if ("fundingRate" in fresh or "nextFundingTime" in fresh) and held.get("fundingRate"):
            next_ms = whole_text(held.get("nextFundingTime") or "0")
            outputs += self._funding(sync, at_ms, parse_float(held["fundingRate"]), next_ms)
        one_side = _one_side(fresh)
        if one_side is not None:
            price = parse_positive_float(held["markPrice"]) if made.inverse else 1.0
            coins = coins_of(made, one_side, price)
            outputs.append(OpenInterest(made.venue, made.symbol, at_ms, coins))
        return outputs

    def _take_answer(self, fetch: Fetch, body: Any, now_ms: int) -> list[Output]:  # noqa: ARG002
        raise ValueError(f"nothing asks for {fetch.purpose!r}")


def _one_side(ticker: dict[str, Any]) -> float | None:
    """Return the open interest of one side: Bybit's older field counts both."""
    if ticker.get("singleOpenInterest"):
        return parse_float(ticker["singleOpenInterest"])
    if ticker.get("openInterest"):
        return parse_float(ticker["openInterest"]) / 2
    return None


def _liquidation(made: Instrument, row: dict[str, Any]) -> Liquidation:
    """Read a liquidated position: S is its side already; p is where its margin was used up."""
    price = parse_positive_float(row["p"])
    return Liquidation(
        venue=made.venue,
        symbol=made.symbol,
        at_ms=whole(row["T"]),
        side=SIDES[row["S"]],
        coins=coins_of(made, parse_positive_float(row["v"]), price),
        price=price,
        kind=PriceKind.BANKRUPTCY,
        completeness=Completeness.FULL,
    )
