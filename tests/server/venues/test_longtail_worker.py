"""The worker's desk over an exchange made by hand: what it does when ccxt's books go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from leadline.venues import longtail_desk, longtail_worker
from leadline.venues.longtail import LongTailProtocol
from leadline.venues.longtail_desk import Desk, Refused, deleveraged, liquidation_rows
from leadline.venues.longtail_levels import packed
from leadline.venues.longtail_market import TICK_SIZE
from leadline.venues.longtail_worker import make_exchange

ccxt = pytest.importorskip("ccxt")

MARKET = {
    "id": "BTCUSDT",
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "swap": True,
    "contractSize": 1.0,
    "inverse": False,
    "active": True,
    "precision": {"price": 0.1, "amount": 0.001},
}


class Client:
    """A socket of ccxt: breaking it fails whoever waits on it."""

    def __init__(self, exchange: HandExchange) -> None:
        self._exchange = exchange

    def on_error(self, error: Exception) -> None:
        self._exchange.breaks += 1
        self._exchange.fail(error)


class HandExchange:
    """As much of a ccxt.pro exchange as the desk uses; a test decides what each watch brings."""

    def __init__(self, **has: bool) -> None:
        self.has = {"watchOrderBook": True, "watchTrades": True, "fetchOrderBook": True} | has
        self.markets: dict[str, Any] = {MARKET["symbol"]: MARKET}
        self.clients = {"ws://one": Client(self)}
        self.precisionMode = TICK_SIZE
        self.book: dict[str, Any] = {"bids": [[100.0, 1.0], [99.9, 2.0], [99.8, 2.0]], "asks": [[100.1, 1.0]]}
        self.book |= {"timestamp": 5, "nonce": 1}
        self.rest = {side: [list(row) for row in self.book[side]] for side in ("bids", "asks")}
        self.watches = self.breaks = self.fetches = 0
        self.trades: list[dict[str, Any]] = []
        self.closed: list[dict[str, Any]] = []
        self._waiting: list[asyncio.Future[None]] = []

    def push(self) -> None:
        """Let the book's watchers have it."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def fail(self, error: BaseException | None) -> None:
        """Fail the book's watchers; with None as ccxt does on closing: their futures are cancelled."""
        for future in self._waiting:
            if not future.done():
                future.cancel() if error is None else future.set_exception(error)
        self._waiting.clear()

    async def load_markets(self, reload: bool = False) -> None:
        pass

    async def watch_order_book(self, symbol: str, depth: int | None) -> dict[str, Any]:
        self.watches += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
        return self.book

    async def fetch_order_book(self, symbol: str) -> dict[str, Any]:
        self.fetches += 1
        return self.rest

    async def watch_liquidations(self, symbol: str) -> list[dict[str, Any]]:
        while not self.closed:
            await asyncio.sleep(0.005)
        made, self.closed = self.closed, []
        return made

    async def watch_trades(self, symbol: str) -> list[dict[str, Any]]:
        while not self.trades:
            await asyncio.sleep(0.001)
        made, self.trades = self.trades, []
        return made


class Watch:
    """A desk at work, what it reported, and the protocol it reported to."""

    def __init__(self, exchange: HandExchange) -> None:
        self.exchange = exchange
        self.protocol = LongTailProtocol("gate", ["BTCUSDT"], 0)
        self.reports: list[dict[str, Any]] = []
        self.desk = Desk("gate", exchange, ["BTCUSDT"], 0, self._post)

    async def _post(self, report: dict[str, Any]) -> None:
        self.reports.append(report)
        if report["kind"] != "said":
            self.protocol.told(report, 0)

    def kinds(self) -> list[str]:
        return [report["kind"] for report in self.reports]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.002)

    async def live(self) -> None:
        """Push books until one was reported."""
        before = self.kinds().count("book")
        async with asyncio.timeout(20):
            while self.kinds().count("book") == before:
                self.exchange.push()
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def desk(exchange: HandExchange) -> AsyncIterator[Watch]:
    watch = Watch(exchange)
    task = asyncio.create_task(watch.desk.run())
    try:
        await watch.until(lambda: "listed" in watch.kinds() and exchange.watches > 0)
        yield watch
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_S_MIN", "POLL_SPACING_S", "AUDIT_SETTLE_S", "AUDIT_AGAIN_S", "BOOK_EVERY_S"):
        monkeypatch.setattr(longtail_desk, name, 0.005)


async def test_a_book_is_reported_as_it_is_when_it_is_sent() -> None:
    async with desk(HandExchange()) as watch:
        watch.exchange.push()
        # Two messages in one turn: ccxt hands over once what both left behind.
        watch.exchange.book["bids"][0][1] = 7.0
        await watch.until(lambda: "book" in watch.kinds())
        assert watch.reports[-1]["bids"] == packed([[100.0, 7.0], [99.9, 2.0], [99.8, 2.0]])


@pytest.mark.parametrize(
    ("error", "gap"),
    [(ccxt.ChecksumError("nonce"), True), (ccxt.NetworkError("gone"), False), (None, False)],
)
async def test_a_book_that_ccxt_lost_is_told_at_once_and_watched_again(
    error: BaseException | None, gap: bool
) -> None:
    async with desk(HandExchange()) as watch:
        await watch.live()
        watch.exchange.fail(error)
        await watch.until(lambda: "lost" in watch.kinds())
        assert watch.protocol.books["BTCUSDT"].state.name == "STALE"
        await watch.live()
        lost = next(report for report in watch.reports if report["kind"] == "lost")
        assert (lost["anchor"], lost["gap"], watch.reports[-1]["anchor"]) == (1, gap, 2)
        assert watch.protocol.books["BTCUSDT"].state.name == "LIVE"


async def test_a_wrong_level_that_three_audits_see_is_a_gap_that_ccxt_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(longtail_desk, "AUDIT_EVERY_S", 0.005)
    exchange = HandExchange()
    exchange.rest["bids"].remove([99.9, 2.0])
    async with desk(exchange) as watch:
        await watch.live()
        await watch.until(lambda: "lost" in watch.kinds())
        assert exchange.fetches >= 3
        assert exchange.breaks == 1
        lost = next(report for report in watch.reports if report["kind"] == "lost")
        assert lost["gap"]
        assert "('bids', 99.9, 2.0)" in lost["why"]


async def test_audits_of_a_right_book_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longtail_desk, "AUDIT_EVERY_S", 0.005)
    async with desk(HandExchange()) as watch:
        await watch.live()
        await watch.until(lambda: watch.exchange.fetches >= 6)
        assert "lost" not in watch.kinds()


async def test_a_passing_disagreement_is_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longtail_desk, "AUDIT_EVERY_S", 0.005)
    exchange = HandExchange()

    async def fetch(symbol: str) -> dict[str, Any]:
        exchange.fetches += 1
        # The venue's answer is old every other time.
        return {"bids": exchange.book["bids"][exchange.fetches % 2 :], "asks": exchange.book["asks"]}

    exchange.fetch_order_book = fetch  # type: ignore[method-assign]
    exchange.book["bids"].insert(0, [100.05, 1.0])
    async with desk(exchange) as watch:
        await watch.live()
        await watch.until(lambda: exchange.fetches >= 10)
        assert "lost" not in watch.kinds()


async def test_a_silent_book_found_right_is_reported_again() -> None:
    async with desk(HandExchange()) as watch:
        await watch.live()
        await watch.until(lambda: not watch.desk._watched["BTCUSDT"].fresh.is_set())
        books = watch.kinds().count("book")
        watch.desk.ask("audit", "BTCUSDT")
        await watch.until(lambda: watch.kinds().count("book") > books)
        assert watch.exchange.breaks == 0


async def test_a_silent_book_found_wrong_or_not_answered_for_is_watched_anew() -> None:
    async with desk(HandExchange()) as watch:
        await watch.live()
        watch.exchange.rest = {"bids": [], "asks": []}
        watch.desk.ask("audit", "BTCUSDT")
        await watch.until(lambda: watch.exchange.breaks == 1)
        await watch.live()
        assert watch.protocol.books["BTCUSDT"].epoch == 2


async def test_a_book_on_its_way_when_a_new_one_is_asked_for_is_not_passed_off_as_new() -> None:
    async with desk(HandExchange()) as watch:
        await watch.live()
        watch.exchange.push()
        await watch.desk._rewatch("a test")
        await asyncio.sleep(0.05)
        assert "book" not in watch.kinds()[watch.kinds().index("lost") :]
        await watch.live()
        assert watch.reports[-1]["anchor"] >= 2


async def test_trades_go_out_with_their_ids() -> None:
    async with desk(HandExchange()) as watch:
        watch.exchange.trades = [{"id": "7", "timestamp": 3, "price": 100.0, "amount": 0.5, "side": "buy"}]
        await watch.until(lambda: "trades" in watch.kinds())
        assert watch.reports[-1]["rows"] == [("7", 3, 100.0, 0.5, "buy")]


def test_every_fill_of_an_okx_liquidation_is_read() -> None:
    details = [
        {"bkPx": "0.0078", "posSide": "short", "side": "buy", "sz": "13", "ts": "1692266434010"},
        {"bkPx": "0.0079", "posSide": "short", "side": "buy", "sz": "4", "ts": "1692266434011"},
    ]
    made = {"info": {"details": details}, "contracts": 13.0, "price": 0.0078, "side": "buy"}
    assert liquidation_rows(made) == [
        (1692266434010, 0.0078, 13.0, "buy", "short"),
        (1692266434011, 0.0079, 4.0, "buy", "short"),
    ]


def test_the_whole_of_a_binance_order_is_read() -> None:
    made = {
        "info": {"X": "FILLED", "l": "0.2", "z": "1.4"},
        "timestamp": 3,
        "contracts": 0.2,
        "price": 100.0,
        "side": "sell",
    }
    assert liquidation_rows(made) == [(3, 100.0, 1.4, "sell", None)]


@pytest.mark.parametrize("told", [{"type": "deleverage"}, {"autoCloseType": "ADL"}, {"category": "adl"}])
def test_auto_deleveraging_is_no_liquidation(told: dict[str, str]) -> None:
    made = {"timestamp": 3, "price": 100.0, "contracts": 1.0, "side": "sell"}
    assert deleveraged({**made, "info": told})
    assert not deleveraged({**made, "info": {"type": "liquidation", "orderType": "LIMIT"}})
    assert not deleveraged({**made, "info": None})
    assert liquidation_rows({**made, "info": told}) == [(3, 100.0, 1.0, "sell", None)]


async def test_liquidations_and_deleveraging_go_out_apart() -> None:
    died = {"timestamp": 3, "price": 100.0, "contracts": 1.0, "side": "sell", "info": {"type": "liquidation"}}
    won = {"timestamp": 4, "price": 99.0, "contracts": 2.0, "side": "buy", "info": {"type": "deleverage"}}
    async with desk(HandExchange(watchLiquidations=True)) as watch:
        watch.exchange.closed = [died, won]
        await watch.until(lambda: "liquidations" in watch.kinds())
        told = watch.reports[watch.kinds().index("liquidations")]
        assert told["rows"] == [(3, 100.0, 1.0, "sell", None)]
        assert told["deleveraged"] == [(4, 99.0, 2.0, "buy", None)]


async def test_a_venue_without_streams_is_refused() -> None:
    with pytest.raises(Refused, match="ccxt has no watchTrades of gate"):
        await Watch(HandExchange(watchTrades=False)).desk.run()


def test_a_missing_ccxt_a_strange_name_and_a_strange_host_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Refused, match="no streams of a venue called mtgox"):
        make_exchange("mtgox", {}, {})
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(Refused, match=r"leadline\[ccxt\]"):
        make_exchange("gate", {}, {})


async def test_addresses_and_markets_are_narrowed_to_what_was_asked_for() -> None:
    with pytest.raises(Refused, match="no address that ccxt has of gate begins with https://nowhere"):
        make_exchange("gate", {"https://nowhere": "https://example.org"}, {})
    made = make_exchange("gate", {"wss://fx-ws.gateio.ws": "wss://example.org"}, {"extra": {"deep": 1}})
    try:
        assert "'wss://example.org/" in str(made.urls)
        assert "fx-ws.gateio.ws" not in str(made.urls)
        assert made.options["fetchMarkets"]["types"] == ["swap"]
        assert made.options["extra"] == {"deep": 1}
        assert made.options["tradesLimit"] == longtail_worker.TRADES_CACHED
    finally:
        await made.close()
