"""One way to keep a book, as a worker of the book benchmark: reads commands, answers in JSON lines.

``python depth_peers.py WAY WORKLOAD TICK`` runs in the way's own environment; only that way's packages are
imported.  Commands: ``pass`` measures the rate, ``latency`` each message, ``end`` leaves.  A way makes
(step, top): step takes one raw message and leaves the best 20 levels a side readable, top returns them as
(price, size) pairs to compare.
"""

from __future__ import annotations

import gc
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

TOP = 20
PASS_S_MIN = 0.25
Top = tuple[Iterable[Any], Iterable[Any]]
Way = tuple[Callable[[bytes], Any], Callable[[], Top] | None]


def ours(snapshot: bytes, tick: str, symbol: str) -> Way:
    """Leadline's adapter as it runs: its sequence check, its book, its event; then both tops as arrays."""
    return _ours(snapshot, tick, symbol, compiled=True)


def ours_plain(snapshot: bytes, tick: str, symbol: str) -> Way:
    """Leadline's adapter before its compiled reader is loaded."""
    return _ours(snapshot, tick, symbol, compiled=False)


def _ours(snapshot: bytes, tick: str, symbol: str, compiled: bool) -> Way:
    from leadline.domain.events import BookState
    from leadline.domain.instrument import Instrument
    from leadline.units import Step
    from leadline.venues.adapter import load_raw_reader
    from leadline.venues.base import Fetch
    from leadline.venues.binance import BinanceProtocol

    made = Instrument("binance", symbol, symbol, Step.of(tick), Step.of("0.001"), Step.of("1"))
    protocol = BinanceProtocol([made])
    protocol.opened("public", 0)
    protocol.answer(Fetch("snapshot", symbol, ""), 200, snapshot, 0)
    if compiled:
        protocol.read_raw_with(load_raw_reader())
    (sync,) = protocol.syncs()
    book, receive = sync.book, protocol.receive
    tops = book.top

    def step(raw: bytes) -> object:
        receive("public", raw, 1)
        return tops()

    def top() -> Top:
        assert sync.state is BookState.LIVE
        assert (sync.stats.gaps, sync.stats.protocol_errors) == (0, 0)
        return tuple(  # type: ignore[return-value]
            [(float(made.tick.text(t)), float(made.lot.text(n))) for t, n in zip(*side, strict=True)]
            for side in (book.bids(TOP), book.asks(TOP))
        )

    return step, top


def orjson_loads(snapshot: bytes, tick: str, symbol: str) -> Way:
    """A floor: orjson parses, nothing is kept."""
    import orjson

    return orjson.loads, None


def ccxt(snapshot: bytes, tick: str, symbol: str) -> Way:
    """ccxt.pro's binanceusdm.handle_order_book as shipped."""
    import ccxt.pro
    import orjson

    exchange = ccxt.pro.binanceusdm()
    name = f"{symbol[:-4]}/USDT:USDT"
    market = {
        "id": symbol, "symbol": name, "base": symbol[:-4], "quote": "USDT", "settle": "USDT", "type": "swap",
        "spot": False, "swap": True, "future": False, "option": False, "contract": True, "linear": True,
        "inverse": False, "active": True, "precision": {"price": float(tick), "amount": 0.001}, "limits": {},
        "info": {},
    }  # fmt: skip
    exchange.set_markets([market])
    opening = orjson.loads(snapshot)
    book = exchange.order_book({}, 1000)
    first = {side: [[float(p), float(q)] for p, q in opening[side]] for side in ("bids", "asks")}
    book.reset(first | {"nonce": opening["lastUpdateId"], "timestamp": 0, "symbol": name})
    exchange.orderbooks[name] = book

    class Client:
        url = "wss://fstream.binance.com/ws"
        subscriptions: dict[str, Any] = {}  # noqa: RUF012 - the shape ccxt expects

        def resolve(self, *_: Any) -> None:
            pass

        def reject(self, error: Exception, *_: Any) -> None:
            raise error

    client, handle, loads = Client(), exchange.handle_order_book, orjson.loads

    def step(raw: bytes) -> object:
        handle(client, loads(raw))
        shown = book.limit()
        return shown["bids"][:TOP], shown["asks"][:TOP]

    return step, lambda: (book["bids"][:TOP], book["asks"][:TOP])


def ccxt_classes(snapshot: bytes, tick: str, symbol: str) -> Way:
    """ccxt's order book classes fed by orjson: the least that ccxt can do."""
    import orjson
    from ccxt.async_support.base.ws.order_book import OrderBook

    opening, loads = orjson.loads(snapshot), orjson.loads
    first = {side: [[float(p), float(q)] for p, q in opening[side]] for side in ("bids", "asks")}
    book = OrderBook(first | {"nonce": opening["lastUpdateId"]}, 1000)
    bids, asks = book["bids"], book["asks"]
    sides = (("b", bids.store), ("a", asks.store))

    def step(raw: bytes) -> object:
        told = loads(raw)
        for key, store in sides:
            for price, size in told[key]:
                store(float(price), float(size))
        book.limit()
        return bids[:TOP], asks[:TOP]

    return step, lambda: (bids[:TOP], asks[:TOP])


def cryptofeed(snapshot: bytes, tick: str, symbol: str) -> Way:
    """cryptofeed's path: yapic.json and order-book with Decimal."""
    from decimal import Decimal

    from yapic import json as yapic

    return _cryptofeed(snapshot, lambda raw: yapic.loads(raw, parse_float=Decimal), Decimal)


def cryptofeed_float(snapshot: bytes, tick: str, symbol: str) -> Way:
    """The same packages with float instead."""
    from yapic import json as yapic

    return _cryptofeed(snapshot, yapic.loads, float)


def _cryptofeed(snapshot: bytes, loads: Callable[[bytes], Any], number: Any) -> Way:
    from order_book import OrderBook

    opening, book = loads(snapshot), OrderBook()
    sides = (("b", book.bids), ("a", book.asks))
    for key, side in (("bids", book.bids), ("asks", book.asks)):
        for price, size in opening[key]:
            side[number(price)] = number(size)

    def top() -> Top:
        return tuple([side.index(n) for n in range(min(TOP, len(side)))] for _, side in sides)  # type: ignore[return-value]

    def step(raw: bytes) -> object:
        told = loads(raw)
        for key, side in sides:
            for price_text, size_text in told[key]:
                price, size = number(price_text), number(size_text)
                if size:
                    side[price] = size
                elif price in side:
                    del side[price]
        return top()

    return step, top


def sorteddict(snapshot: bytes, tick: str, symbol: str) -> Way:
    """sortedcontainers.SortedDict and orjson."""
    import orjson
    from sortedcontainers import SortedDict

    opening, loads = orjson.loads(snapshot), orjson.loads
    bids = SortedDict((-float(p), float(q)) for p, q in opening["bids"])
    asks = SortedDict((float(p), float(q)) for p, q in opening["asks"])

    def top() -> Top:
        return [(-price, size) for price, size in bids.items()[:TOP]], asks.items()[:TOP]

    def step(raw: bytes) -> object:
        told = loads(raw)
        for rows, side, sign in ((told["b"], bids, -1.0), (told["a"], asks, 1.0)):
            for price_text, size_text in rows:
                price, size = sign * float(price_text), float(size_text)
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        return top()

    return step, top


def nautilus(snapshot: bytes, tick: str, symbol: str) -> Way:
    """nautilus_trader's Rust book and objects, its own decoder before them."""
    import msgspec
    from nautilus_trader.adapters.binance.common.schemas.market import BinanceOrderBookData
    from nautilus_trader.core import nautilus_pyo3 as core

    opening = json.loads(snapshot)
    first = {"e": "depthUpdate", "E": 0, "T": 0, "s": symbol, "U": 1, "u": opening["lastUpdateId"], "pu": 0}
    decode = msgspec.json.Decoder(BinanceOrderBookData).decode
    contract = core.InstrumentId.from_str(f"{symbol}-PERP.BINANCE")
    book = core.OrderBook(contract, core.BookType.L2_MBP)
    delta, deltas, order = core.OrderBookDelta, core.OrderBookDeltas, core.BookOrder
    update, delete = core.BookAction.UPDATE, core.BookAction.DELETE
    price_of, size_of = core.Price.from_str, core.Quantity.from_str

    def apply(raw: bytes) -> None:
        told = decode(raw)
        at_ns, made = told.T * 1_000_000, []
        for side, rows in ((core.OrderSide.BUY, told.b), (core.OrderSide.SELL, told.a)):
            for row in rows:
                size = size_of(row.size)
                action = update if size.raw else delete
                one = order(side, price_of(row.price), size, 0)
                made.append(delta(contract, action, one, 0, told.u, at_ns, at_ns))
        if made:
            book.apply_deltas(deltas(contract, made))

    apply(json.dumps(first | {"b": opening["bids"], "a": opening["asks"]}).encode())

    def step(raw: bytes) -> object:
        apply(raw)
        return book.bids(TOP), book.asks(TOP)

    def top() -> Top:
        return tuple(  # type: ignore[return-value]
            [(float(level.price), level.size()) for level in side(TOP)] for side in (book.bids, book.asks)
        )

    return step, top


WAYS = {
    way.__name__: way
    for way in (
        ours, ours_plain, orjson_loads, ccxt, ccxt_classes, cryptofeed, cryptofeed_float,
        sorteddict, nautilus,
    )
}  # fmt: skip


class Hftbacktest:
    """hftbacktest's ROI book in its backtest loop: events parsed in arrays beforehand, two books kept."""

    STEP_NS = 100_000_000

    def __init__(self, snapshot: bytes, messages: list[bytes], tick: str) -> None:
        import hftbacktest
        import numpy as np
        from numba import njit

        self._package, self._tick, self._count = hftbacktest, float(tick), len(messages)
        self._middle = float(json.loads(snapshot)["bids"][0][0])
        common = hftbacktest.EXCH_EVENT | hftbacktest.LOCAL_EVENT | hftbacktest.DEPTH_EVENT
        kinds = {"b": common | hftbacktest.BUY_EVENT, "a": common | hftbacktest.SELL_EVENT}
        opening = json.loads(snapshot)
        told = [{"b": opening["bids"], "a": opening["asks"]}, *(json.loads(raw) for raw in messages)]
        rows = [
            (kinds[key], (index + 1) * self.STEP_NS, float(price), float(size))
            for index, message in enumerate(told)
            for key in "ba"
            for price, size in message[key]
        ]
        self._events = np.zeros(len(rows), hftbacktest.event_dtype)
        for column, name in enumerate(("ev", "exch_ts", "px", "qty")):
            self._events[name] = [row[column] for row in rows]
        self._events["local_ts"] = self._events["exch_ts"]
        self._out = np.zeros(4 * TOP)

        @njit
        def run(backtest: Any, steps: int, out: Any) -> int:
            done, more = 0, True
            while done < steps and more:
                more = backtest.elapse(100_000_000) == 0
                done += 1
                depth = backtest.depth(0)
                for side in range(2):
                    tick = depth.best_bid_tick if side == 0 else depth.best_ask_tick
                    found, last = 0, tick + (1 if side else -1) * 20_000
                    while found < 20 and tick != last:
                        size = depth.bid_qty_at_tick(tick) if side == 0 else depth.ask_qty_at_tick(tick)
                        if size > 0:
                            out[40 * side + 2 * found], out[40 * side + 2 * found + 1] = tick, size
                            found += 1
                        tick += 1 if side else -1
            return done

        self._run = run
        self._measure(3)

    def _measure(self, steps: int) -> float:
        package = self._package
        asset = (
            package.BacktestAsset()
            .data(self._events)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0, 0)
            .tick_size(self._tick)
            .lot_size(0.001)
            .roi_lb(self._middle * 0.9)
            .roi_ub(self._middle * 1.1)
        )
        backtest = package.ROIVectorMarketDepthBacktest([asset])
        began = time.process_time()
        self._run(backtest, steps, self._out)
        taken = time.process_time() - began
        backtest.close()
        return taken

    def measure(self) -> float:
        return self._measure(self._count + 2)

    def top(self) -> Top:
        pairs = self._out.reshape(2, TOP, 2)
        return tuple([(price * self._tick, size) for price, size in side] for side in pairs)  # type: ignore[return-value]


def digest(top: Top, tick: str) -> str:
    """Return a checksum of the top in whole ticks and thousandths."""
    levels = [[(round(float(p) / float(tick)), round(float(q) * 1000)) for p, q in side] for side in top]
    return hashlib.sha256(repr(levels).encode()).hexdigest()[:16]


class Worker:
    def __init__(self, name: str, path: Path, tick: str) -> None:
        self.snapshot, *self.messages = path.read_bytes().splitlines()
        self.tick = tick
        self.symbol = json.loads(self.messages[0])["s"]
        self.bulk = Hftbacktest(self.snapshot, self.messages, tick) if name == "hftbacktest" else None
        self.way = WAYS.get(name)
        if self.way is not None:
            step, _ = self.way(self.snapshot, tick, self.symbol)
            for raw in self.messages[:300]:
                step(raw)

    def rate(self) -> dict[str, Any]:
        """Run whole passes for PASS_S_MIN of CPU time, each on a fresh book; return messages a CPU second."""
        took: list[float] = []
        top: Top | None = None
        while sum(took) < PASS_S_MIN:
            if self.bulk is not None:
                took.append(self.bulk.measure())
                top = self.bulk.top()
                continue
            assert self.way is not None
            step, read = self.way(self.snapshot, self.tick, self.symbol)
            gc.collect()
            began = time.process_time()
            for raw in self.messages:
                step(raw)
            took.append(time.process_time() - began)
            top = read() if read is not None else None
        told = {"messages_per_s": len(self.messages) / statistics.median(took)}
        return told | ({"top": digest(top, self.tick)} if top is not None else {})

    def latency(self) -> dict[str, Any]:
        if self.way is None:
            return {}
        step, _ = self.way(self.snapshot, self.tick, self.symbol)
        clock, took = time.perf_counter_ns, []
        for raw in self.messages:
            began = clock()
            step(raw)
            took.append(clock() - began)
        parts = statistics.quantiles(took, n=100)
        return {"p50_us": parts[49] / 1_000, "p99_us": parts[98] / 1_000}


def main() -> None:
    name, path, tick = sys.argv[1:]
    worker = Worker(name, Path(path), tick)
    actions = {"pass": worker.rate, "latency": worker.latency, "ready": dict}
    for line in sys.stdin:
        if line.strip() == "end":
            break
        print(json.dumps(actions[line.strip()]()), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
