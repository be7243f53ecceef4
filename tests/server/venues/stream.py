"""A made-up market and the three venues' ways to tell of it, with a line that loses, repeats and swaps."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import orjson

from leadline.domain.events import BookState
from leadline.domain.instrument import Instrument
from leadline.units import Step
from leadline.venues.base import Abort, Fetch, Output, Send, VenueProtocol
from leadline.venues.binance import BinanceProtocol
from leadline.venues.bybit import BybitProtocol
from leadline.venues.okx import OkxProtocol

NATIVES = {"binance": "BTCUSDT", "bybit": "BTCUSDT", "okx": "BTC-USDT-SWAP"}
PROTOCOLS = {"binance": BinanceProtocol, "bybit": BybitProtocol, "okx": OkxProtocol}

Side = dict[int, int]


def instrument(venue: str, **changes: Any) -> Instrument:
    contract = "0.01" if venue == "okx" else "1"
    fields: dict[str, Any] = {
        "venue": venue,
        "symbol": "BTCUSDT",
        "native": NATIVES[venue],
        "tick": Step.of("0.1"),
        "lot": Step.of("0.01" if venue == "okx" else "0.001"),
        "contract_size": Step.of(contract),
    }
    return Instrument(**(fields | changes))


def texts(made: Instrument, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    return [[made.tick.text(tick), made.lot.text(lots)] for tick, lots in levels]


def binance_delta(made: Instrument, prev: int, last: int, bids: Side, asks: Side, first: int = 0) -> bytes:
    return orjson.dumps(
        {"e": "depthUpdate", "E": 1_000 + last, "T": 1_000 + last, "s": made.native, "U": first or prev + 1}
        | {"u": last, "pu": prev, "b": texts(made, bids.items()), "a": texts(made, asks.items())}
    )


def binance_snapshot(made: Instrument, last: int, bids: Side, asks: Side) -> bytes:
    return orjson.dumps(
        {"lastUpdateId": last, "E": 1_000 + last, "T": 1_000 + last}
        | {"bids": texts(made, bids.items()), "asks": texts(made, asks.items())}
    )


def bybit_book(
    made: Instrument, kind: str, last: int, bids: Side, asks: Side, seq: int | None = None
) -> bytes:
    data = {"s": made.native, "b": texts(made, bids.items()), "a": texts(made, asks.items())}
    data |= {"u": last, "seq": last if seq is None else seq}
    topic = f"orderbook.1000.{made.native}"
    return orjson.dumps({"topic": topic, "type": kind, "ts": 1_000 + last, "data": data, "cts": 1_000 + last})


def okx_book(made: Instrument, action: str, prev: int, last: int, bids: Side, asks: Side) -> bytes:
    def rows(side: Side) -> list[list[str]]:
        return [[*row, "0", "1"] for row in texts(made, side.items())]

    row = {"asks": rows(asks), "bids": rows(bids), "ts": str(1_000 + max(last, 0)), "checksum": 0}
    row |= {"prevSeqId": prev, "seqId": last}
    arg = {"channel": "books", "instId": made.native}
    return orjson.dumps({"arg": arg, "action": action, "data": [row]})


class TrueMarket:
    """A random book that never crosses, with the truth at every update id."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.id = 100
        self.bids: Side = {1000 - n: rng.randint(1, 9) for n in range(10)}
        self.asks: Side = {1001 + n: rng.randint(1, 9) for n in range(10)}
        self.truth = {self.id: (dict(self.bids), dict(self.asks))}

    def move(self, by: int) -> tuple[int, Side, Side]:
        """Change the book; return the id before and the changes."""
        bids = {self.rng.randint(980, 1000): self.rng.randint(0, 9) for _ in range(self.rng.randint(0, 4))}
        asks = {self.rng.randint(1001, 1020): self.rng.randint(0, 9) for _ in range(self.rng.randint(0, 4))}
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            side.update(changes)
            for tick in [tick for tick, lots in side.items() if not lots]:
                del side[tick]
        before, self.id = self.id, self.id + by
        self.truth[self.id] = (dict(self.bids), dict(self.asks))
        return before, bids, asks


class FaultyLine:
    """One venue told to its adapter over a line with faults; the venue answers what is asked of it.

    faults: how likely (0 to 1) each message is lost, repeated or swapped with the next.
    """

    def __init__(self, venue: str, seed: int, faults: float) -> None:
        self.venue = venue
        self.rng = random.Random(seed)
        self.faults = faults
        self.made = instrument(venue)
        self.market = TrueMarket(self.rng)
        self.protocol: VenueProtocol = PROTOCOLS[venue]([self.made])
        self.book = self.protocol.books["BTCUSDT"]
        self.route = self.book_route()
        self.now_ms = 0
        self.count = 0  # Bybit's own u
        self.counts = {0: self.market.id}
        self.subscribed = False
        self.late: list[bytes] = []
        self.waiting: list[tuple[int, Any]] = []
        self.handle(self.protocol.opened(self.route, 0))
        if venue != "binance":
            self.subscribe()

    def book_route(self) -> str:
        return next(iter(self.protocol.routes()))

    def step(self) -> None:
        """Move the market once, tell of it (or not), answer what is due, and let time pass."""
        self.now_ms += 100
        before, bids, asks = self.market.move(1 if self.venue == "bybit" else self.rng.randint(1, 5))
        if self.subscribed or self.venue == "binance":
            self.send(self.delta(before, bids, asks))
        due = [item for item in self.waiting if item[0] <= self.now_ms]
        self.waiting = [item for item in self.waiting if item[0] > self.now_ms]
        for _, action in due:
            action()
        self.handle(self.protocol.tick(self.now_ms))
        self.check()

    def delta(self, before: int, bids: Side, asks: Side) -> bytes:
        if self.venue == "binance":
            return binance_delta(self.made, before, self.market.id, bids, asks)
        if self.venue == "bybit":
            self.count += 1
            self.counts[self.count] = self.market.id
            return bybit_book(self.made, "delta", self.count, bids, asks, seq=self.market.id)
        return okx_book(self.made, "update", before, self.market.id, bids, asks)

    def send(self, raw: bytes) -> None:
        fate = self.rng.random() / self.faults if self.faults else 1.0
        if fate < 1 / 3:
            return
        if fate < 2 / 3:
            self.late.append(raw)
            return
        self.deliver(raw)
        if fate < 1:
            self.deliver(raw)
        held, self.late = self.late, []
        for one in held:
            self.deliver(one)

    def deliver(self, raw: bytes) -> None:
        self.handle(self.protocol.receive(self.route, raw, self.now_ms))
        self.check()

    def handle(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Abort):
                self.late, self.waiting = [], []
                self.handle(self.protocol.closed(self.route, self.now_ms))
                self.handle(self.protocol.opened(self.route, self.now_ms))
                if self.venue != "binance":
                    self.subscribe()
            elif isinstance(output, Fetch):
                self.later(lambda fetch=output: self.answer(fetch))
            elif isinstance(output, Send) and self.venue != "binance":
                self.request(orjson.loads(output.text))

    def later(self, action: Any) -> None:
        self.waiting.append((self.now_ms + self.rng.choice([0, 50, 100, 300]), action))

    def answer(self, fetch: Fetch) -> None:
        if fetch.purpose == "open_interest":
            return
        # The venue's REST side lags its stream, or runs ahead of what the line has delivered.
        at = self.rng.choice(list(self.market.truth)[-8:])
        body = binance_snapshot(self.made, at, *self.market.truth[at])
        self.handle(self.protocol.answer(fetch, 200, body, self.now_ms))

    def request(self, message: dict[str, Any]) -> None:
        names = orjson.dumps(message.get("args", "")).decode()
        if "book" not in names:
            return
        if message["op"] == "unsubscribe":
            self.subscribed = False
            if self.venue == "okx":
                ack = orjson.dumps({"event": "unsubscribe", "arg": message["args"][0]})
                self.later(lambda: self.deliver(ack))
        elif message["op"] == "subscribe":
            self.later(self.subscribe)

    def subscribe(self) -> None:
        self.subscribed = True
        bids, asks = self.market.truth[self.market.id]
        if self.venue == "bybit":
            self.count += 1
            self.counts[self.count] = self.market.id
            self.deliver(bybit_book(self.made, "snapshot", self.count, bids, asks, seq=self.market.id))
        else:
            self.deliver(okx_book(self.made, "snapshot", -1, self.market.id, bids, asks))

    def check(self) -> None:
        """What the adapter calls live must be the true book at its update id."""
        if self.book.state is not BookState.LIVE:
            return
        at = self.counts[self.book.update_id] if self.venue == "bybit" else self.book.update_id
        assert self.held() == self.market.truth[at]

    def held(self) -> tuple[Side, Side]:
        bids, asks = self.book.book.bids(), self.book.book.asks()
        return (
            dict(zip(bids[0].tolist(), bids[1].tolist(), strict=True)),
            dict(zip(asks[0].tolist(), asks[1].tolist(), strict=True)),
        )
