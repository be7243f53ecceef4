"""OKX v5 swaps: books chained by sequence ids, text keep-alive, one liquidation feed for all contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from leadline.domain.events import Completeness, Liquidation, Mark, OpenInterest, PriceKind, Side
from leadline.domain.instrument import Instrument
from leadline.units import OffGrid, parse_float, parse_positive_float
from leadline.venues.adapter import Adapter, batches, coins_of, whole, whole_text
from leadline.venues.base import Abort, Fetch, Output, Renew, Send
from leadline.venues.booksync import Delta, SequenceSync
from leadline.venues.instruments import read_instruments

PUBLIC_PATH = "/ws/v5/public"
OTHER_CHANNELS = ("trades", "mark-price", "funding-rate", "open-interest")
CONTRACTS_ARG = {"channel": "instruments", "instType": "SWAP"}  # tells changes alone
BOOK_CHANNELS = ("books", "books-l2-tbt", "books50-l2-tbt")
SYMBOLS_PER_ROUTE_MAX = 30  # deep books a connection carries well
ARGS_PER_REQUEST_MAX = 100
REQUESTS_PER_CONNECTION_MAX = 400  # the venue allows 480 an hour
FETCHED_LEVELS = 400
FETCHED_WEIGHT = 1
SNAPSHOT_WAIT_MS = 1_000
PING_AFTER_MS = 20_000
PONG_WITHIN_MS = 8_000
# How far interest in contracts and in coins may disagree: both are rounded, and may be a moment apart.
UNIT_TOLERANCE = 0.05
UNIT_CONTRACTS_MIN = 100
UPGRADE_NOTICE = "64008"
TAKERS = {"buy": Side.BUY, "sell": Side.SELL}
# A liquidation's side is its order's: selling closes a long.
LIQUIDATED = {"sell": Side.BUY, "buy": Side.SELL}


class OkxProtocol(Adapter[SequenceSync]):
    """channel: the book channel; the two tick-by-tick ones need a fee tier and serve recordings."""

    venue = "okx"

    def __init__(self, instruments: list[Instrument], *, channel: str = "books") -> None:
        self._channel = channel
        self._natives: dict[str, list[str]] = {}
        syncs: list[SequenceSync] = []
        for index, chosen in enumerate(batches(instruments, SYMBOLS_PER_ROUTE_MAX)):
            route = "public" if index == 0 else f"public-{index + 1}"
            self._natives[route] = [made.native for made in chosen]
            syncs += [SequenceSync(made, route) for made in chosen]
        super().__init__(syncs)
        self._heard_ms: dict[str, int] = {}
        self._pinged: set[str] = set()
        self._requests: dict[str, int] = {}
        self._fallback: set[str] = set()
        self._doubted: set[str] = set()

    def routes(self) -> dict[str, str]:
        return dict.fromkeys(self._natives, PUBLIC_PATH)

    def opened(self, route: str, now_ms: int) -> list[Output]:
        self._heard_ms[route] = now_ms
        self._pinged.discard(route)
        self._requests[route] = 0
        return super().opened(route, now_ms)

    def _subscribe(self, route: str) -> list[Output]:
        natives = self._natives.get(route, [])
        channels = (self._channel, *OTHER_CHANNELS)
        # The contracts first: a book must not come in sizes of which nothing was said.
        args = [CONTRACTS_ARG]
        args += [{"channel": channel, "instId": native} for native in natives for channel in channels]
        if route == next(iter(self._natives), None):
            args.append({"channel": "liquidation-orders", "instType": "SWAP"})
        return [self._request(route, "subscribe", some) for some in batches(args, ARGS_PER_REQUEST_MAX)]

    def _request(self, route: str, op: str, args: list[dict[str, str]]) -> Send:
        count = self._requests[route] = self._requests.get(route, 0) + 1
        return Send(route, orjson.dumps({"id": f"{op[0]}{count}", "op": op, "args": args}).decode())

    def _ask_anchor(self, sync: SequenceSync) -> list[Output]:
        if self._requests.get(sync.route, 0) >= REQUESTS_PER_CONNECTION_MAX:
            return [Abort(sync.route, "the hour's subscription requests are nearly used up")]
        self._fallback.discard(sync.instrument.native)
        # The subscription follows when the end of the old one is acknowledged.
        return [self._request(sync.route, "unsubscribe", [self._book_arg(sync)])]

    def _subscribe_marks_again(self, route: str, syncs: list[SequenceSync]) -> list[Output]:
        args = [
            {"channel": channel, "instId": sync.instrument.native}
            for sync in syncs
            for channel in OTHER_CHANNELS
        ]
        return [
            self._request(route, op, some)
            for some in batches(args, ARGS_PER_REQUEST_MAX)
            for op in ("unsubscribe", "subscribe")
        ]

    def _book_arg(self, sync: SequenceSync) -> dict[str, str]:
        return {"channel": self._channel, "instId": sync.instrument.native}

    def _tick(self, now_ms: int) -> list[Output]:
        outputs: list[Output] = []
        for route in sorted(self._opened):
            quiet_ms = now_ms - self._heard_ms.get(route, now_ms)
            if quiet_ms >= PING_AFTER_MS + PONG_WITHIN_MS:
                outputs.append(Abort(route, f"nothing heard for {quiet_ms // 1000} s"))
                self._heard_ms[route] = now_ms
            elif quiet_ms >= PING_AFTER_MS and route not in self._pinged:
                self._pinged.add(route)
                outputs.append(Send(route, "ping"))
        for native, sync in self._by_native.items():
            waited = sync.route in self._opened and now_ms - sync.waiting_ms >= SNAPSHOT_WAIT_MS
            if waited and not sync.anchored and native not in self._fallback:
                # No snapshot came in the stream: the venue has announced to drop it one day.
                self._fallback.add(native)
                outputs.append(self._snapshot(sync))
        return outputs

    def _snapshot(self, sync: SequenceSync) -> Fetch:
        native = sync.instrument.native
        path = f"/api/v5/market/books?instId={native}&sz={FETCHED_LEVELS}"
        return Fetch("snapshot", native, path, weight=FETCHED_WEIGHT)

    # Messages.

    def receive(self, route: str, raw: bytes | str, now_ms: int) -> Sequence[Output]:
        self._heard_ms[route] = now_ms
        self._pinged.discard(route)
        if raw in ("pong", b"pong"):
            return []
        return super().receive(route, raw, now_ms)

    def _take(self, route: str, message: Any, now_ms: int) -> list[Output]:
        if "event" in message:
            return self._take_reply(route, message)
        arg, rows = message["arg"], message["data"]
        if not isinstance(rows, list):
            raise TypeError(f"expected a list of data, got {rows!r:.60}")
        channel = arg["channel"]
        if channel == "instruments":
            return self._take_contracts(read_instruments(self.venue, rows), now_ms)
        if channel == "liquidation-orders":
            return [event for row in rows for event in self._take_liquidations(row)]
        sync = self._by_native.get(str(arg.get("instId")))
        if sync is None:
            return []
        sync.stats.messages += 1
        if channel in BOOK_CHANNELS:
            outputs: list[Output] = []
            for row in rows:
                outputs += self._take_book(sync, message["action"], row, now_ms)
            return outputs
        if channel == "trades":
            return self._trades(
                sync,
                ((_time_of(row), row["px"], row["sz"], TAKERS[row["side"]]) for row in rows),
            )
        return [event for row in rows for event in self._take_row(sync, channel, row)]

    def _take_reply(self, route: str, reply: dict[str, Any]) -> list[Output]:
        event = reply["event"]
        if event == "notice" and reply.get("code") == UPGRADE_NOTICE:
            return [Renew(route, "the venue announced the end of this connection")]
        if event == "error":
            self.protocol_errors += 1
            return []
        arg = reply.get("arg") or {}
        sync = self._by_native.get(str(arg.get("instId")))
        if event == "unsubscribe" and sync is not None and arg.get("channel") == self._channel:
            return [self._request(route, "subscribe", [self._book_arg(sync)])]
        return []

    def _take_book(self, sync: SequenceSync, action: str, row: dict[str, Any], now_ms: int) -> list[Output]:
        fresh = {"snapshot": True, "update": False}[action]
        at_ms = whole_text(row["ts"])
        levels = self._levels(sync, row["bids"], row["asks"], now_ms)
        if "seqId" not in row:
            if not row.get("checksum"):
                raise ValueError("expected a sequence id or a checksum")
            rows, checksum = (row["bids"], row["asks"]), whole(row["checksum"])
            return self._after(sync, sync.take_summed(fresh, at_ms, levels, rows, checksum, now_ms), now_ms)
        last_id, prev_id = whole(row["seqId"]), whole(row["prevSeqId"])
        if fresh:
            outcome = sync.take_snapshot(last_id, at_ms, levels, now_ms)
        elif last_id == prev_id == sync.update_id and sync.anchored:
            outcome = sync.take_keepalive(at_ms, now_ms)
        else:
            outcome = sync.take_delta(Delta(prev_id, last_id, at_ms, levels), now_ms)
        return self._after(sync, outcome, now_ms)

    def _take_row(self, sync: SequenceSync, channel: str, row: dict[str, Any]) -> list[Output]:
        made = sync.instrument
        if channel not in OTHER_CHANNELS:
            return []
        at_ms = _time_of(row)
        if channel == "mark-price":
            self._note_mark(sync)
            return [Mark(made.venue, made.symbol, at_ms, parse_positive_float(row["markPx"]))]
        if channel == "open-interest":
            if row.get("oiCcy"):
                coins = parse_float(row["oiCcy"])
                self._check_unit(sync, row, coins)
            else:
                bid = sync.book.best_bid
                coins = coins_of(made, parse_float(row["oi"]), made.price(bid) if bid else 1.0)
            return [OpenInterest(made.venue, made.symbol, at_ms, coins)]
        if not row.get("fundingRate"):
            return []  # an empty text means that none applies, not zero
        next_ms = whole_text(row.get("fundingTime") or "0")
        return self._funding(sync, at_ms, parse_float(row["fundingRate"]), next_ms)

    def _check_unit(self, sync: SequenceSync, row: dict[str, Any], coins: float) -> None:
        """Doubt the contract's size once when the interest in contracts and in coins disagree about it.

        Should a new size not have been told, this finds it before the next list of contracts does: raises
        OffGrid, for then every size in the book is wrong by the same factor.
        """
        made = sync.instrument
        contracts = parse_float(row["oi"]) if row.get("oi") else 0.0
        told = contracts * float(made.contract_size)
        agrees = made.inverse or contracts < UNIT_CONTRACTS_MIN or abs(coins / told - 1) < UNIT_TOLERANCE
        if agrees:
            self._doubted.discard(made.native)
        elif made.native not in self._doubted:
            self._doubted.add(made.native)
            raise OffGrid(f"expected {told:.6g} coins in {contracts:.6g} contracts, got {coins:.6g}")

    def _take_liquidations(self, row: dict[str, Any]) -> list[Output]:
        sync = self._by_native.get(row["instId"])
        if sync is None:
            return []
        sync.stats.messages += 1
        return [_liquidation(sync.instrument, detail) for detail in row["details"]]

    def _take_answer(self, fetch: Fetch, body: Any, now_ms: int) -> list[Output]:
        sync = self._by_native[fetch.symbol]
        if sync.anchored:
            return []
        if body["code"] != "0":
            raise ValueError(f"refused with {body['code']}")
        row = body["data"][0]
        levels = self._levels(sync, row["bids"], row["asks"], now_ms)
        outcome = sync.take_fetched(whole(row["seqId"]), whole_text(row["ts"]), levels, now_ms)
        return self._after(sync, outcome, now_ms)


def _time_of(row: dict[str, Any]) -> int:
    return whole_text(row.get("ts") or "0")


def _liquidation(made: Instrument, detail: dict[str, Any]) -> Liquidation:
    price = parse_positive_float(detail["bkPx"])
    return Liquidation(
        venue=made.venue,
        symbol=made.symbol,
        at_ms=whole_text(detail["ts"]),
        side=LIQUIDATED[detail["side"]],
        coins=coins_of(made, parse_positive_float(detail["sz"]), price),
        price=price,
        kind=PriceKind.BANKRUPTCY,
        completeness=Completeness.THROTTLED,
    )
