"""Binance USDⓈ-M futures (and, for recordings, COIN-M): streams, snapshots beside them, polled interest.

The book's snapshot comes by REST and must meet the stream: see BookSync.take_fetched.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson

from leadline.domain.events import (
    BestQuote,
    Completeness,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.instrument import Instrument
from leadline.domain.trades import Trades
from leadline.units import OffGrid, parse_float, parse_positive_float
from leadline.venues.adapter import Adapter, batches, coins_of, read_trades, whole
from leadline.venues.base import Fetch, Output, Send, VenueProtocol
from leadline.venues.booksync import BookSync, Delta, Outcome
from leadline.venues.sync_cells import UNNUMBERED
from leadline.venues.trade_numbers import TradeNumbers

STREAMS_PER_ROUTE_MAX = 200
STREAMS_PER_REQUEST_MAX = 100
SNAPSHOT_LEVELS = 1000
SNAPSHOT_WEIGHT = 20
FIRST_EVENT_WAIT_MS = 1_000
RESNAPSHOT_MS = 15 * 60_000
RESNAPSHOT_STAGGER_MS = 7_000
MISSING_TRADES, MISSING_TRADES_WEIGHT = "missing_trades", 20
INTEREST_EVERY_MS = 5_000
INTEREST_WEIGHT_PER_MIN_MAX = 600
# ADL, insurance fund and rows without a price are bookings, not trades in the book.
MARKET_TRADE = "MARKET"
KINDS = ("depthUpdate", "aggTrade", "trade", "bookTicker", "markPriceUpdate", "forceOrder")


class BinanceProtocol(Adapter[BookSync]):
    """depth_limit: levels of a snapshot.  best_quotes: subscribe bookTicker too, to check the books."""

    venue = "binance"

    def __init__(
        self,
        instruments: list[Instrument],
        *,
        depth_limit: int = SNAPSHOT_LEVELS,
        best_quotes: bool = False,
    ) -> None:
        public = ["depth@100ms"] + (["bookTicker"] if best_quotes else [])
        self._depth_limit = depth_limit
        self._streams: dict[str, list[str]] = {}
        route_of = self._share_out("public", instruments, public)
        self._market_routes = self._share_out(
            "market", instruments, ["aggTrade", "markPrice@1s", "forceOrder"]
        )
        super().__init__(BookSync(made, route_of[made.native]) for made in instruments)
        self._numbers = {native: TradeNumbers(sync.stats) for native, sync in self._by_native.items()}
        self._interest_due_ms: dict[str, int] = {}
        self._next_request = 0
        self._widen_due_ms: dict[str, int] = {}
        self._unserved: dict[str, list[BookSync]] = {}  # by route, to be subscribed anew

    def _share_out(self, kind: str, instruments: list[Instrument], names: list[str]) -> dict[str, str]:
        """Give each symbol's streams of one kind to a connection; return the route of each symbol."""
        route_of: dict[str, str] = {}
        for index, chosen in enumerate(batches(instruments, STREAMS_PER_ROUTE_MAX // len(names))):
            route = kind if index == 0 else f"{kind}-{index + 1}"
            # Only ASCII letters are lowered: that is how the venue spells the others.
            self._streams[route] = [f"{_lower(made.native)}@{name}" for made in chosen for name in names]
            route_of |= {made.native: route for made in chosen}
        return route_of

    def routes(self) -> dict[str, str]:
        return {route: f"/{route.partition('-')[0]}/ws" for route in self._streams}

    def _subscribe(self, route: str) -> list[Output]:
        return [
            Send(route, self._request("SUBSCRIBE", names))
            for names in batches(self._streams.get(route, []), STREAMS_PER_REQUEST_MAX)
        ]

    def _subscribe_again(self, route: str, syncs: list[BookSync]) -> list[Output]:
        own = tuple(f"{_lower(sync.instrument.native)}@" for sync in syncs)
        names = [name for name in self._streams[route] if name.startswith(own)]
        return [
            Send(route, self._request(method, some))
            for some in batches(names, STREAMS_PER_REQUEST_MAX)
            for method in ("UNSUBSCRIBE", "SUBSCRIBE")
        ]

    def _mark_route(self, sync: BookSync) -> str:
        return self._market_routes[sync.instrument.native]

    def _subscribe_marks_again(self, route: str, syncs: list[BookSync]) -> list[Output]:
        return self._subscribe_again(route, syncs)

    def _request(self, method: str, names: list[str]) -> str:
        self._next_request += 1
        return orjson.dumps({"method": method, "params": names, "id": self._next_request}).decode()

    def _ask_anchor(self, sync: BookSync) -> list[Output]:
        return [self._snapshot("snapshot", sync)]

    def _snapshot(self, purpose: str, sync: BookSync) -> Fetch:
        native = sync.instrument.native
        path = f"/fapi/v1/depth?symbol={native}&limit={self._depth_limit}"
        lost = sync.epoch > 0 and (purpose == "audit" or not sync.anchored)
        return Fetch(purpose, native, path, weight=SNAPSHOT_WEIGHT, urgent=lost)

    def _on_silence(self, sync: BookSync, now_ms: int) -> list[Output]:  # noqa: ARG002 - as the base's
        # A quiet market and a dead stream look alike: the venue's own book tells them apart.
        return [self._snapshot("audit", sync)]

    def follow(self, earlier: VenueProtocol) -> None:
        if isinstance(earlier, BinanceProtocol):
            for native, numbers in self._numbers.items():
                if native in earlier._numbers:
                    numbers.follow(earlier._numbers[native])

    # Messages.

    def _told_trades(self, sync: BookSync, trades: Trades, number: int) -> list[Output]:
        if number != UNNUMBERED and not self._numbers[sync.instrument.native].hear(number):
            sync.stats.duplicates += 1
            return []
        return super()._told_trades(sync, trades, number)

    def _take(self, route: str, message: Any, now_ms: int) -> list[Output]:  # noqa: ARG002 - as the base's
        data = message.get("data", message)
        kind = data.get("e")
        if kind not in KINDS:
            return self._take_reply(data) if kind is None else []
        order = data["o"] if kind == "forceOrder" else data
        sync = self._by_native.get(order["s"])
        if sync is None:
            return []
        sync.stats.messages += 1
        if kind == "depthUpdate":
            return self._take_depth(sync, data, now_ms)
        if kind in ("aggTrade", "trade"):
            if data.get("X", MARKET_TRADE) != MARKET_TRADE:
                sync.stats.trades += 1
                return []
            number = whole(data["a"]) if kind == "aggTrade" and "a" in data else UNNUMBERED
            return self._trades(sync, [_trade_row(data)], number)
        if kind == "bookTicker":
            return [_best_quote(sync.instrument, data)]
        if kind == "markPriceUpdate":
            return self._take_mark(sync, data)
        return [_liquidation(sync.instrument, order)]

    def _take_reply(self, reply: dict[str, Any]) -> list[Output]:
        """An acknowledgement proves nothing; a refusal (two shapes) is counted, the watchdogs mend it."""
        if "error" in reply or "code" in reply:
            self.protocol_errors += 1
        return []

    def _take_depth(self, sync: BookSync, data: dict[str, Any], now_ms: int) -> list[Output]:
        whole(data["U"])  # not needed to follow the book, but a message without it is not a change
        delta = Delta(
            prev_id=whole(data["pu"]),
            last_id=whole(data["u"]),
            at_ms=whole(data["T"]),
            levels=self._levels(sync, data["b"], data["a"], now_ms),
        )
        return self._after_delta(sync, sync.take_delta(delta, now_ms), now_ms)

    def _after_delta(self, sync: BookSync, outcome: Outcome, now_ms: int) -> list[Output]:
        outputs = self._after(sync, outcome, now_ms)
        if not sync.anchored and sync.tries == 0 and sync.due_ms is None:
            # The stream runs: a snapshot asked for now cannot be older than it.
            outputs += self._ask(sync, now_ms)
        return outputs

    def _take_mark(self, sync: BookSync, data: dict[str, Any]) -> list[Output]:
        self._note_mark(sync)
        made, at_ms = sync.instrument, whole(data["E"])
        outputs: list[Output] = [Mark(made.venue, made.symbol, at_ms, parse_positive_float(data["p"]))]
        if data.get("r"):
            outputs += self._funding(sync, at_ms, parse_float(data["r"]), whole(data.get("T", 0)))
        return outputs

    # Answers.

    def _take_answer(self, fetch: Fetch, body: Any, now_ms: int) -> list[Output]:
        sync = self._by_native[fetch.symbol]
        if fetch.purpose == MISSING_TRADES:
            return self._take_missing(sync, body, now_ms)
        if fetch.purpose == "open_interest":
            coins = coins_of(sync.instrument, parse_float(body["openInterest"]), self._price(sync))
            at_ms = whole(body.get("time", 0))
            return [OpenInterest(self.venue, sync.instrument.symbol, at_ms, coins)] if coins >= 0 else []
        levels = self._levels(sync, body["bids"], body["asks"], now_ms)
        update_id, at_ms = whole(body["lastUpdateId"]), whole(body.get("T", body.get("E", 0)))
        if fetch.purpose == "audit":
            if not sync.silent or sync.audit(levels, now_ms):
                return [sync.changed()]
            # The market moved and the stream told nothing of it: its subscription is not served.
            self._unserved.setdefault(sync.route, []).append(sync)
            return self._resync(sync, now_ms)
        widening = sync.recording
        outcome = sync.take_fetched(update_id, at_ms, levels, now_ms)
        if widening and outcome is Outcome.TOO_OLD:
            sync.recording = False
            return []
        return self._after(sync, outcome, now_ms)

    def _take_missing(self, sync: BookSync, body: Any, now_ms: int) -> list[Output]:
        made = sync.instrument
        rows: dict[int, tuple[int, int, int, int]] = {}
        for row in body:
            # A trade in steps that hold no more is none of the book's business, and lost.
            with suppress(OffGrid):
                (rows[whole(row["a"])],) = read_trades(made, [_trade_row(row)])
        found = self._numbers[made.native].fill(rows, now_ms)
        return super()._told_trades(sync, Trades.of(made, found, late=True), UNNUMBERED) if found else []

    def _unanswered(self, fetch: Fetch, sync: BookSync | None, now_ms: int) -> list[Output]:
        if fetch.purpose == MISSING_TRADES and sync is not None:
            self._numbers[sync.instrument.native].refused(now_ms)
            return []
        return super()._unanswered(fetch, sync, now_ms)

    def _price(self, sync: BookSync) -> float:
        """Return a price for an inverse contract's coins: the best bid held (1 for others: unused)."""
        bid = sync.book.best_bid
        return sync.instrument.price(bid) if bid else 1.0

    # What is due.

    def _tick(self, now_ms: int) -> list[Output]:
        # Gathered up to here: the venue cuts a connection that sends more than ten messages a second.
        unserved, self._unserved = self._unserved, {}
        outputs = [out for route, syncs in unserved.items() for out in self._subscribe_again(route, syncs)]
        for index, sync in enumerate(self._by_native.values()):
            if sync.route not in self._opened:
                continue
            if not sync.anchored and sync.tries == 0 and sync.due_ms is None:
                if now_ms - sync.waiting_ms >= FIRST_EVENT_WAIT_MS:
                    outputs += self._ask(sync, now_ms)
            elif sync.anchored and not sync.recording and self._wants_wider(sync, index, now_ms):
                sync.record()
                outputs.append(self._snapshot("snapshot", sync))
            outputs += self._poll_interest(sync, index, now_ms) + self._ask_missing(sync, now_ms)
        return outputs

    def _ask_missing(self, sync: BookSync, now_ms: int) -> list[Output]:
        native = sync.instrument.native
        hole = self._numbers[native].ask(now_ms)
        if hole is None:
            return []
        query = f"symbol={native}&fromId={hole.first}&limit={hole.end - hole.first}"
        return [Fetch(MISSING_TRADES, native, f"/fapi/v1/aggTrades?{query}", weight=MISSING_TRADES_WEIGHT)]

    def _wants_wider(self, sync: BookSync, index: int, now_ms: int) -> bool:
        """True when the market moved past half of the range the snapshot reached, or time has passed."""
        native = sync.instrument.native
        if now_ms < self._widen_due_ms.get(native, 0) or not sync.linked:
            return False
        bid, (low, high) = sync.book.best_bid, sync.trusted
        # Each snapshot costs weight, so even a running market gets at most one in a while.
        self._widen_due_ms[native] = now_ms + RESNAPSHOT_STAGGER_MS
        if bid is None or low >= high:
            return False
        aged = now_ms - sync.anchored_ms >= RESNAPSHOT_MS + index * RESNAPSHOT_STAGGER_MS
        return aged or abs(2 * bid - low - high) > (high - low) // 2

    def _poll_interest(self, sync: BookSync, index: int, now_ms: int) -> list[Output]:
        native = sync.instrument.native
        every_ms = max(INTEREST_EVERY_MS, len(self._by_native) * 60_000 // INTEREST_WEIGHT_PER_MIN_MAX)
        due_ms = self._interest_due_ms.setdefault(native, now_ms + index * every_ms // len(self._by_native))
        if now_ms < due_ms:
            return []
        self._interest_due_ms[native] = now_ms + every_ms
        return [Fetch("open_interest", native, f"/fapi/v1/openInterest?symbol={native}")]


def _best_quote(made: Instrument, data: dict[str, Any]) -> BestQuote:
    return BestQuote(
        venue=made.venue,
        symbol=made.symbol,
        at_ms=whole(data.get("T", 0)),
        update_id=whole(data["u"]),
        bid_tick=made.tick.count(data["b"]),
        bid_lots=made.lot.count(data["B"]),
        ask_tick=made.tick.count(data["a"]),
        ask_lots=made.lot.count(data["A"]),
    )


def _liquidation(made: Instrument, order: dict[str, Any]) -> Liquidation:
    """Read a forced order: it sells out a long or buys in a short, so its side is flipped."""
    side = {"SELL": Side.BUY, "BUY": Side.SELL}[order["S"]]
    price = parse_float(order["ap"]) or parse_positive_float(order["p"])
    return Liquidation(
        venue=made.venue,
        symbol=made.symbol,
        at_ms=whole(order["T"]),
        side=side,
        coins=coins_of(made, parse_positive_float(order["z"]), price),
        price=price,
        kind=PriceKind.FILL,
        completeness=Completeness.THROTTLED,
    )


def _trade_row(data: dict[str, Any]) -> tuple[int, object, object, Side]:
    return whole(data["T"]), data["p"], data["q"], Side.SELL if _flag(data["m"]) else Side.BUY


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r:.60}")
    return value


def _lower(native: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in native)
