"""The I/O shell against small venues on loopback."""

import asyncio
import contextlib
import gc
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from websockets.asyncio.server import ServerConnection, serve

from leadline.domain.events import BookChanged, BookState, Event
from leadline.domain.trades import AT_MS, Trades
from leadline.venues import source as source_module
from leadline.venues.base import Fetch, Output, Send, VenueProtocol
from leadline.venues.binance import BinanceProtocol
from leadline.venues.bybit import BybitProtocol
from leadline.venues.endpoints import Endpoints
from leadline.venues.okx import OkxProtocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from tests.server.venues.stream import binance_delta, binance_snapshot, bybit_book, instrument, okx_book

BYBIT = instrument("bybit")
MARKED = '{"topic":"tickers.BTCUSDT","type":"snapshot","ts":1,"data":{"symbol":"BTCUSDT","markPrice":"1.1"}}'
Talk = Callable[[ServerConnection, int], Awaitable[None]]


class NoWait(random.Random):
    """Reconnects at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


@contextlib.asynccontextmanager
async def venue(talk: Talk) -> AsyncIterator[Endpoints]:
    """Serve ``talk(connection, number of the connection)`` on a loopback port."""
    count = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal count
        count += 1
        await talk(connection, count)

    async with serve(handle, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        yield Endpoints(rest="http://127.0.0.1:1", ws=f"ws://127.0.0.1:{port}")


class Watched:
    """A running source and what it told."""

    def __init__(self, protocol: VenueProtocol, endpoints: Endpoints) -> None:
        self.events: list[Event] = []
        self.protocol = protocol
        self.changed = asyncio.Event()
        self.source = VenueSource(protocol, endpoints, self._sink, rng=NoWait())

    def _sink(self, events: list[Event]) -> None:
        self.events += events
        self.changed.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def running(protocol: VenueProtocol, endpoints: Endpoints) -> AsyncIterator[Watched]:
    watched = Watched(protocol, endpoints)
    task = asyncio.create_task(watched.source.run())
    try:
        yield watched
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def greet(connection: ServerConnection) -> dict[str, Any]:
    """Take the subscription and send a snapshot."""
    request: dict[str, Any] = orjson.loads(await connection.recv())
    await connection.send(bybit_book(BYBIT, "snapshot", 50, {10: 5}, {12: 5}).decode())
    return request


async def test_events_reach_the_sink_in_order() -> None:
    async def talk(connection: ServerConnection, number: int) -> None:
        request = await greet(connection)
        assert "publicTrade.BTCUSDT" in request["args"]
        row = {"T": 7, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "1.1"}
        for at_ms in range(200):
            trade = {"topic": "publicTrade.BTCUSDT", "data": [row | {"T": at_ms}]}
            await connection.send(orjson.dumps(trade).decode())
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(BybitProtocol([BYBIT]), endpoints) as watched:
        await watched.until(lambda: sum(isinstance(event, Trades) for event in watched.events) == 200)
        times = [event.columns[AT_MS, 0] for event in watched.events if isinstance(event, Trades)]
        assert times == list(range(200))
        assert watched.protocol.books["BTCUSDT"].state is BookState.LIVE


@pytest.mark.parametrize("how", ["close", "cut", "refuse"])
async def test_a_lost_connection_turns_the_book_stale_and_is_replaced(how: str) -> None:
    async def talk(connection: ServerConnection, number: int) -> None:
        await greet(connection)
        if number == 1:
            await asyncio.sleep(0.05)
            if how == "cut":
                connection.transport.abort()
            else:
                await connection.close(1008 if how == "refuse" else 1000)
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(BybitProtocol([BYBIT]), endpoints) as watched:
        book = watched.protocol.books["BTCUSDT"]
        await watched.until(lambda: book.epoch == 2)
        states = [event.state for event in watched.events if not isinstance(event, Trades)]
        assert states.count(BookState.STALE) >= 1
        assert states[-1] is BookState.LIVE


async def test_a_frame_too_large_is_said_once_and_the_connection_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(source_module, "FRAME_BYTES_MAX", 10_000)

    async def talk(connection: ServerConnection, number: int) -> None:
        await greet(connection)
        if number == 1:
            await connection.send("x" * 20_000)
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(BybitProtocol([BYBIT]), endpoints) as watched:
        await watched.until(lambda: watched.protocol.books["BTCUSDT"].epoch == 2)
    said = [
        record.getMessage() for record in caplog.records if "more than 10000 bytes" in record.getMessage()
    ]
    assert len(said) == 1


async def test_a_peer_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_module, "TICK_S", 0.01)
    monkeypatch.setattr(source_module, "PING_AFTER_MS", 50)
    monkeypatch.setattr(source_module, "DEAD_AFTER_MS", 200)

    replaced = asyncio.Event()

    async def talk(connection: ServerConnection, number: int) -> None:
        await greet(connection)
        if number == 1:
            # Bytes arrive and are never read: neither pongs nor the closing handshake come back.
            connection.transport.pause_reading()
            await replaced.wait()
        else:
            replaced.set()
            await connection.wait_closed()

    async with venue(talk) as endpoints, running(BybitProtocol([BYBIT]), endpoints) as watched:
        await watched.until(lambda: watched.protocol.books["BTCUSDT"].epoch == 2)


async def test_a_quiet_peer_that_answers_pings_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "TICK_S", 0.01)
    monkeypatch.setattr(source_module, "PING_AFTER_MS", 30)
    monkeypatch.setattr(source_module, "DEAD_AFTER_MS", 3_000)
    connections: list[int] = []

    async def talk(connection: ServerConnection, number: int) -> None:
        connections.append(number)
        await greet(connection)
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(BybitProtocol([BYBIT]), endpoints) as watched:
        await watched.until(lambda: watched.protocol.books["BTCUSDT"].state is BookState.LIVE)
        await asyncio.sleep(0.3)
        assert connections == [1]


async def test_an_unreachable_venue_is_tried_again_and_said_calmly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    attempts = asyncio.Semaphore(0)
    real = source_module.connect

    def connect(*args: Any, **kwargs: Any) -> Any:
        attempts.release()
        return real(*args, **kwargs)

    monkeypatch.setattr(source_module, "connect", connect)
    endpoints = Endpoints(rest="http://127.0.0.1:1", ws=f"ws://127.0.0.1:{unused_tcp_port}")
    async with running(BybitProtocol([BYBIT]), endpoints), asyncio.timeout(10):
        for _ in range(5):
            await attempts.acquire()
    assert len([record for record in caplog.records if "no connection" in record.getMessage()]) == 1


async def test_a_snapshot_is_fetched_and_joined_with_the_stream() -> None:
    made = instrument("binance")

    async def talk(connection: ServerConnection, number: int) -> None:
        await connection.recv()
        if connection.request is not None and connection.request.path == "/public/ws":
            await connection.send(binance_delta(made, 90, 100, {}, {}).decode())
            await connection.send(binance_delta(made, 100, 101, {9: 2}, {}).decode())
        await connection.wait_closed()

    async def depth(request: web.Request) -> web.Response:
        assert request.query == {"symbol": "BTCUSDT", "limit": "1000"}
        return web.Response(body=binance_snapshot(made, 100, {10: 5}, {12: 5}))

    app = web.Application()
    app.router.add_get("/fapi/v1/depth", depth)
    async with TestServer(app) as rest, venue(talk) as streams:
        endpoints = Endpoints(rest=str(rest.make_url("")), ws=streams.ws)
        async with running(BinanceProtocol([made]), endpoints) as watched:
            book = watched.protocol.books["BTCUSDT"]
            await watched.until(lambda: book.state is BookState.LIVE)
            assert (book.update_id, book.book.bids()[0].tolist()) == (101, [10, 9])


async def test_a_defect_in_an_adapter_ends_the_source_with_its_error() -> None:
    class Broken(BybitProtocol):
        def receive(self, route: str, raw: bytes | str, now_ms: int) -> Any:
            raise ZeroDivisionError

    async def talk(connection: ServerConnection, number: int) -> None:
        await greet(connection)
        await connection.wait_closed()

    async with venue(talk) as endpoints:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(10):
                await VenueSource(Broken([BYBIT]), endpoints, lambda _: None).run()
    assert caught.group_contains(ZeroDivisionError)


async def test_a_source_that_ends_asks_for_nothing_more() -> None:
    class Asking(BybitProtocol):
        def closed(self, route: str, now_ms: int) -> list[Output]:
            return [*super().closed(route, now_ms), Send(route, "{}"), Fetch("depth", "BTCUSDT", "/one-more")]

    async def talk(connection: ServerConnection, number: int) -> None:
        await greet(connection)
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(Asking([BYBIT]), endpoints) as watched:
        await watched.until(lambda: watched.protocol.books["BTCUSDT"].state is BookState.LIVE)
    # An error of the end would have come out of it, and a request that nobody awaits is told here.
    gc.collect()


async def test_without_books_on_the_new_connections_the_old_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_module, "HANDOVER_S_MAX", 1.0)
    monkeypatch.setattr(source_module, "HANDOVER_RETRY_S", 0.1)

    async def talk(connection: ServerConnection, number: int) -> None:
        # The second connection, the successor's, hears nothing.
        if number != 2:
            await greet(connection)
            if number > 2:
                await connection.send(MARKED)
        await connection.wait_closed()

    async with venue(talk) as endpoints:
        events: list[Event] = []
        first = BybitProtocol([BYBIT])
        source = VenueSource(first, endpoints, events.extend, renew=lambda: BybitProtocol([BYBIT]))
        task = asyncio.create_task(source.run())
        async with asyncio.timeout(10):
            while first.books["BTCUSDT"].state is not BookState.LIVE:
                await asyncio.sleep(0.01)
            source.replace("a test")
            # The first attempt fails, and is made again by itself.
            while source.replacements == 0:
                assert first.books["BTCUSDT"].state is BookState.LIVE
                await asyncio.sleep(0.01)
            assert source.protocol is not first
            books = [event for event in events if isinstance(event, BookChanged)]
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert BookState.STALE not in [event.state for event in books]
    assert books[-1].state is BookState.LIVE
    assert books[-1].epoch == 1


async def test_a_source_that_cannot_renew_gives_an_announced_connection_up() -> None:
    made = instrument("okx")

    async def talk(connection: ServerConnection, number: int) -> None:
        await connection.recv()
        await connection.send(okx_book(made, "snapshot", -1, 50, {10: 5}, {12: 5}).decode())
        if number == 1:
            await connection.send('{"event":"notice","code":"64008","msg":"soon","connId":"a"}')
        await connection.wait_closed()

    async with venue(talk) as endpoints, running(OkxProtocol([made]), endpoints) as watched:
        await watched.until(lambda: watched.protocol.books["BTCUSDT"].epoch == 2)


async def test_connections_of_a_venue_are_opened_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "CONNECT_EVERY_MS", 5_000)
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(delay_s: float) -> None:
        waits.append(delay_s)
        await sleep(0)

    monkeypatch.setattr(source_module.asyncio, "sleep", note)
    shared = source_module._Shared("okx", Endpoints("", ""), Rest("okx", ""), NoWait())
    for _ in range(3):
        await shared.await_dial()
    assert waits == pytest.approx([0.0, 5.0, 10.0], abs=0.5)
