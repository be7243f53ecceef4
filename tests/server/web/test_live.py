"""The live socket over real uvicorn: what a phone asks and gets, and what nobody may do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from leadline.clock import SystemClock
from leadline.errors import StoreError
from leadline.feed.marks import Marks
from leadline.store.state import StateStore
from leadline.wire import reader
from leadline.wire.reader import (
    Delta,
    Hello,
    Keyframe,
    LadderReader,
    MarkKept,
    Notice,
    Pong,
    Refused,
    Row,
    State,
    Subscribed,
    decode,
)
from leadline.wire.sizes import rounded
from tests.fakes.market import HandMarket, hand_market
from tests.fakes.server import serving


@dataclass
class Running:
    market: HandMarket
    port: int
    stock: bool

    @property
    def straight(self) -> int:
        """To how many phones a frame would be written at once."""
        return sum(watcher.straight is not None for watcher in self.market.hub.watchers)

    def phone(self, **options: Any) -> connect:
        options.setdefault("subprotocols", ["leadline.v3"])
        options.setdefault("compression", "deflate")
        return connect(f"ws://127.0.0.1:{self.port}/live", **options)


@pytest.fixture(params=[False, True], ids=["ours", "stock"])
async def running(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A server over books made by hand: with prepared frames, and by ASGI alone."""
    market = hand_market("binance", "bybit")
    clock = SystemClock()
    market.hub.clock = market.session.clock = clock
    for book in market.books.values():
        book.received_ms = clock.monotonic_ms()
    async with serving(market.hub, tmp_path, stock=request.param) as port:
        yield Running(market, port, request.param)


def wish(**changes: object) -> dict[str, object]:
    return {
        "kind": "ladder",
        "symbol": "BTCUSDT",
        "venue": "all",
        "group": 1,
        "depth": 20,
        "hz": 20,
    } | changes


async def send(phone: ClientConnection, *message: object) -> None:
    await phone.send(msgpack.packb(message))


async def receive(phone: ClientConnection, *kinds: type) -> Any:
    """Return the next message of one of ``kinds``."""
    async with asyncio.timeout(5):
        while True:
            raw = await phone.recv()
            assert isinstance(raw, bytes)
            message = decode(raw)
            if isinstance(message, kinds):
                return message


async def test_the_first_message_is_hello_with_the_symbols(running: Running) -> None:
    async with running.phone() as phone:
        hello = await receive(phone, Hello)
    assert hello.facts["market"] == "live"
    (symbol,) = hello.facts["symbols"]
    assert (symbol["symbol"], symbol["venues"], symbol["tick"]) == ("BTCUSDT", ["binance", "bybit"], [1, 1])
    assert symbol["group"] in symbol["groups"]


async def test_frames_are_never_deflated(running: Running) -> None:
    async with running.phone() as phone:
        assert phone.protocol.extensions == []


async def test_a_subscription_brings_the_book_and_then_its_changes(running: Running) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 77, wish())
        answer = await receive(phone, Subscribed)
        assert answer.ref == 77
        reader = LadderReader(1, 20)
        view = reader.apply(await receive(phone, Keyframe))
        assert (view.bid_tick, view.ask_tick, view.bid_lots.tolist()) == (10000, 10002, [10, 12, 14])
        running.market.books["bybit"].book.apply([10001], [3], [], [])
        while view.bid_tick != 10001:
            view = reader.apply(await receive(phone, Delta))
        assert view.bid_lots.tolist() == [3, 10, 12, 14]


async def test_slow_facts_come_with_the_subscription(running: Running) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 1, wish())
        state = await receive(phone, State)
    assert [venue["state"] for venue in state.facts["venues"]] == ["live", "live"]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"symbol": "NOPE"}, "unknown_symbol", "known: BTCUSDT"),
        ({"venue": "okx"}, "unknown_venue", "known: binance, bybit"),
        ({"group": 0}, "bad_request", "expected group"),
        ({"kind": "chart"}, "bad_request", "expected kind"),
    ],
)
async def test_a_bad_subscription_is_refused_with_a_sentence(
    running: Running, changes: dict[str, object], code: str, said: str
) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 5, wish(**changes))
        refused = await receive(phone, Refused)
        assert (refused.ref, refused.code) == (5, code)
        assert said in refused.text
        await send(phone, 3, 9)
        assert (await receive(phone, Pong)).number == 9


async def test_an_ended_subscription_sends_no_more(running: Running) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 1, wish())
        stream = (await receive(phone, Subscribed)).stream
        await receive(phone, Keyframe)
        await send(phone, 2, stream)
        await send(phone, 3, 1)
        await receive(phone, Pong)
        assert running.market.hub.streams == {}


async def test_too_many_subscriptions_are_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.web.live.CLIENT_SUBSCRIPTIONS_MAX", 3)
    async with running.phone() as phone:
        for ref in range(4):
            await send(phone, 1, ref, wish(group=ref + 1))
        refused = await receive(phone, Refused)
        assert (refused.ref, refused.code) == (3, "too_many")


async def test_a_flood_of_messages_is_closed_with_a_named_code(running: Running) -> None:
    async with running.phone() as phone:
        with pytest.raises(ConnectionClosed) as closed:
            for number in range(2000):
                await send(phone, 3, number)
            while True:
                await phone.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4501


async def test_garbage_is_refused_and_text_is_closed(running: Running) -> None:
    async with running.phone() as phone:
        await phone.send(b"\xc1\xff\x00")
        assert (await receive(phone, Refused)).code == "bad_request"
        await phone.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await phone.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4503


async def test_a_huge_message_ends_only_its_own_connection(running: Running) -> None:
    async with running.phone() as phone, running.phone() as other:
        with pytest.raises(ConnectionClosed) as closed:
            await phone.send(b"x" * 20_000_000)
            while True:
                await phone.recv()
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        await send(other, 3, 1)
        assert (await receive(other, Pong)).number == 1


async def test_a_foreign_page_or_a_wrong_protocol_is_not_let_in(running: Running) -> None:
    for options in ({"origin": "https://evil.example"}, {"subprotocols": ["other"]}):
        with pytest.raises(InvalidStatus) as refused:
            async with running.phone(**options):
                pass
        assert refused.value.response.status_code == 403
    async with running.phone(origin=f"http://127.0.0.1:{running.port}") as phone:
        await receive(phone, Hello)


def narrow_socket(port: int) -> socket.socket:
    """Connect with the smallest receive buffer, so that not reading is felt by the server at once."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def test_a_phone_that_stops_reading_gets_a_keyframe_and_delays_nobody(running: Running) -> None:
    narrow = narrow_socket(running.port)
    async with running.phone(sock=narrow, max_queue=1, close_timeout=0.2) as slow, running.phone() as quick:
        for depth in range(200, 192, -1):
            await send(slow, 1, depth, wish(depth=depth))
        await send(quick, 1, 1, wish(depth=200))
        watched = (await receive(slow, Subscribed)).stream
        reader = LadderReader(1, 200)
        reader.apply(await receive(quick, Keyframe))
        slow.transport.pause_reading()
        book = running.market.books["binance"].book
        ticks = list(range(9700, 9900))
        deltas = 0
        for turn in range(40):
            # Every row changes in every frame, so what is not read soon fills all buffers.
            book.apply(ticks, [1 + (tick * 7919 + turn * 387_420_489) % 10**9 for tick in ticks], [], [])
            reader.apply(await receive(quick, Delta))
            deltas += 1
        # By ASGI alone every frame waits its turn.
        assert running.straight == (0 if running.stock else 1)
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        slow.transport.resume_reading()
        final = rounded(book.bids(200)[1]).tolist()
        follower = LadderReader(1, 200)
        keyframes = received = 0
        async with asyncio.timeout(10):
            while follower.view is None or follower.view.bid_lots.tolist()[3:] != final[3:]:
                message = await receive(slow, Keyframe, Delta)
                if message.stream == watched:
                    keyframes += isinstance(message, Keyframe)
                    received += 1
                    follower.apply(message)
        assert keyframes >= 2, "the join's keyframe and one after the skip"
        assert received < deltas
        async with asyncio.timeout(10):
            while running.straight < (0 if running.stock else 2):
                await asyncio.sleep(0.01)


async def test_leaving_frees_everything(running: Running) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 1, wish())
        await receive(phone, Keyframe)
    async with asyncio.timeout(2):
        while running.market.hub.watchers or running.market.hub.streams:
            await asyncio.sleep(0.01)


async def test_a_notice_reaches_every_phone(running: Running) -> None:
    async with running.phone() as phone:
        await receive(phone, Hello)
        running.market.hub.notify("BTCUSDT", "replay ended", "The recording is over.")
        assert await receive(phone, Notice) == Notice("BTCUSDT", "replay ended", "The recording is over.")


async def test_a_row_is_told_by_venue_once(running: Running) -> None:
    async with running.phone() as phone:
        await receive(phone, Hello)
        await send(phone, 1, 5, {"kind": "row", "symbol": "BTCUSDT", "group": 1, "row": 10_000})
        row: Row = await receive(phone, Row)
        assert row.ref == 5
        venues: Any = row.facts["venues"]
        assert [(it["venue"], it["state"], it["bid"], it["ask"]) for it in venues] == [
            ("binance", "live", 5, 0),
            ("bybit", "live", 5, 0),
        ]


async def test_a_row_of_an_unknown_symbol_is_refused(running: Running) -> None:
    async with running.phone() as phone:
        await receive(phone, Hello)
        await send(phone, 1, 5, {"kind": "row", "symbol": "NONE", "group": 1, "row": 1})
        refused: Refused = await receive(phone, Refused)
        assert (refused.ref, refused.code) == (5, "unknown_symbol")


@pytest.fixture
async def marking(running: Running) -> AsyncIterator[Running]:
    """A server that keeps marks, in memory."""
    store = await StateStore.open(None, "live")
    hub = running.market.hub
    hub.marks = Marks(store, hub.clock, hub.sessions)
    await hub.marks.load()
    yield running
    await store.close()


def put(price: str, **changes: object) -> dict[str, object]:
    return {"op": "put", "symbol": "BTCUSDT", "price": price, "label": "open", "colour": 2} | changes


async def test_a_mark_made_on_one_phone_appears_on_the_others(marking: Running) -> None:
    async with marking.phone() as one, marking.phone() as other:
        await send(other, 1, 1, {"kind": "marks"})
        assert (await receive(other, reader.Marks)).marks == []
        await send(one, 4, 9, put("1000.50"))
        kept = await receive(one, MarkKept)
        assert kept.ref == 9
        ((mark_id, *mark, created_ms),) = (await receive(other, reader.Marks)).marks
        assert (mark_id, mark) == (kept.id, ["BTCUSDT", "1000.5", "open", 2])
        assert abs(created_ms - SystemClock().wall_ms()) < 60_000

        # The same price again is the same mark with another label.
        await send(one, 4, 10, put("1.0005e3", label="", colour=0))
        assert (await receive(one, MarkKept)).id == kept.id
        assert [row[:5] for row in (await receive(other, reader.Marks)).marks] == [
            [kept.id, "BTCUSDT", "1000.5", "", 0]
        ]

        await send(other, 4, 11, {"op": "remove", "id": kept.id})
        assert (await receive(other, MarkKept)).id == kept.id
        while (await receive(other, reader.Marks)).marks:
            pass
        await send(one, 1, 12, {"kind": "marks"})
        assert (await receive(one, reader.Marks)).marks == []


async def test_where_no_marks_are_kept_there_are_none_and_none_is_taken(running: Running) -> None:
    async with running.phone() as phone:
        await send(phone, 1, 1, {"kind": "marks"})
        assert (await receive(phone, reader.Marks)).marks == []
        await send(phone, 4, 2, put("1000.50"))
        refused: Refused = await receive(phone, Refused)
        assert (refused.ref, refused.code) == (2, "bad_request")


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (put("1", symbol="NOPE"), "unknown_symbol", "known: BTCUSDT"),
        (put("-1"), "bad_request", "above 0"),
        (put("1e400"), "bad_request", "price"),
        (put("nan"), "bad_request", "decimal"),
    ],
)
async def test_a_mark_that_means_nothing_is_refused(
    marking: Running, asked: dict[str, object], code: str, said: str
) -> None:
    async with marking.phone() as phone:
        await send(phone, 4, 9, asked)
        refused = await receive(phone, Refused)
        assert (refused.ref, refused.code) == (9, code)
        assert said in refused.text


async def test_marks_are_bounded_and_one_that_is_not_kept_is_not_shown(
    marking: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline.feed.marks.MARKS_MAX", 1)
    async with marking.phone() as phone:
        await send(phone, 4, 1, put("1"))
        await receive(phone, MarkKept)
        await send(phone, 4, 2, put("2"))
        assert (await receive(phone, Refused)).code == "too_many"

        async def full_disk(self: StateStore, work: object) -> None:
            raise StoreError("disk full")

        monkeypatch.setattr(StateStore, "run", full_disk)
        await send(phone, 4, 3, put("1", label="other"))
        assert (await receive(phone, Refused)).code == "not_kept"
        await send(phone, 1, 4, {"kind": "marks"})
        ((_, _, price, label, *_),) = (await receive(phone, reader.Marks)).marks
        assert (price, label) == ("1", "open")
