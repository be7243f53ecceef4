"""Phones that stop reading: they cost the others nothing, themselves little, and are sent away by name."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from leadline.clock import SystemClock
from leadline.limits import CLIENT_QUEUE_BYTES_MAX, CLIENT_WRITE_BUFFER_BYTES
from leadline.wire import closing
from leadline.wire.reader import Delta, Keyframe, LadderReader, Subscribed, decode
from tests.fakes.market import HandMarket, hand_market
from tests.fakes.server import serving

STALLED = 40


@contextlib.asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[HandMarket, int]]:
    market = hand_market()
    market.hub.clock = market.session.clock = SystemClock()
    market.books["binance"].received_ms = market.hub.clock.monotonic_ms()
    async with serving(market.hub, tmp_path) as port:
        yield market, port


def phone(port: int, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{port}/live", subprotocols=["leadline.v3"], **options)  # type: ignore[list-item]


def narrow_socket(port: int) -> socket.socket:
    """Connect with the smallest receive buffer, so that not reading is felt by the server at once."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def watch(one: ClientConnection, depth: int = 200) -> None:
    wish = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 1, "depth": depth, "hz": 20}
    await one.send(msgpack.packb([1, 1, wish]))
    while not isinstance(decode(await one.recv()), Subscribed):  # type: ignore[arg-type]
        pass


async def ladder_frame(one: ClientConnection) -> Keyframe | Delta:
    async with asyncio.timeout(5):
        while True:
            message = decode(await one.recv())  # type: ignore[arg-type]
            if isinstance(message, Keyframe | Delta):
                return message


class Follower:
    """A phone that keeps up: it must be able to apply every frame."""

    def __init__(self, market: HandMarket, one: ClientConnection) -> None:
        self._book = market.books["binance"].book
        self._one = one
        self._reader = LadderReader(1, 200)
        self._turn = 0

    async def change_every_row(self, frames: int) -> None:
        """Change the whole book ``frames`` times, each time seen by this phone."""
        if self._reader.view is None:
            self._reader.apply(await ladder_frame(self._one))
        ticks = list(range(9_700, 9_900))
        for _ in range(frames):
            self._turn += 1
            self._book.apply(
                ticks, [1 + (tick * 7919 + self._turn * 387_420_489) % 10**9 for tick in ticks], [], []
            )
            message = await ladder_frame(self._one)
            assert isinstance(message, Delta), "it never falls behind"
            self._reader.apply(message)


def buffered(market: HandMarket) -> list[int]:
    """Return what waits for each phone: on its way and in its outbox."""
    return [
        watcher._frames.transport.get_write_buffer_size() + watcher._outbox.waiting_bytes  # type: ignore[attr-defined]
        for watcher in market.hub.watchers
    ]


async def test_stalled_phones_hold_little_and_delay_nobody(tmp_path: Path) -> None:
    async with served(tmp_path) as (market, port), contextlib.AsyncExitStack() as stack:
        for _ in range(STALLED):
            stalled = await stack.enter_async_context(
                phone(port, sock=narrow_socket(port), max_queue=1, close_timeout=0.1)
            )
            for depth in (200, 199):
                await watch(stalled, depth)
            stalled.transport.pause_reading()
        quick = await stack.enter_async_context(phone(port))
        await watch(quick)
        follower = Follower(market, quick)
        await follower.change_every_row(60)
        held = sorted(buffered(market))
        assert len(held) == STALLED + 1
        assert held[-1] > CLIENT_WRITE_BUFFER_BYTES / 2, "they are stalled indeed"
        assert held[-1] <= CLIENT_WRITE_BUFFER_BYTES + 30_000
        await follower.change_every_row(60)
        assert max(buffered(market)) <= CLIENT_WRITE_BUFFER_BYTES + 30_000, "and it stays so"


async def test_a_phone_for_which_too_much_waits_is_sent_away_by_name(tmp_path: Path) -> None:
    async with served(tmp_path) as (market, port), phone(port) as quick:
        narrow = narrow_socket(port)
        async with phone(port, sock=narrow, max_queue=1, close_timeout=0.1) as stalled:
            for depth in (200, 199):
                await watch(stalled, depth)
            stalled.transport.pause_reading()
            # Notices are never merged: only they can pile up.
            text = "x" * 20_000
            while len(market.hub.watchers) == 2:
                market.hub.notify("BTCUSDT", "test", text)
                assert max(buffered(market)) <= CLIENT_QUEUE_BYTES_MAX + CLIENT_WRITE_BUFFER_BYTES + 40_000
                await asyncio.wait_for(quick.recv(), 5)
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            stalled.transport.resume_reading()
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(10):
                    while True:
                        await stalled.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            closing.TOO_FAR_BEHIND.code,
            closing.TOO_FAR_BEHIND.text,
        )


async def test_a_phone_that_never_reads_again_is_let_go_with_all_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline.web.live.SEND_STALLED_S", 0.3)
    monkeypatch.setattr("leadline.web.prepared_frames.CLOSE_GRACE_S", 0.1)
    async with served(tmp_path) as (market, port), phone(port) as quick:
        await watch(quick)
        async with phone(port, sock=narrow_socket(port), max_queue=1, close_timeout=0.1) as stalled:
            for depth in (200, 199):
                await watch(stalled, depth)
            stalled.transport.pause_reading()
            transports = [made._frames.transport for made in market.hub.watchers]  # type: ignore[attr-defined]
            follower = Follower(market, quick)
            async with asyncio.timeout(20):
                while len(market.hub.watchers) > 1 or not any(one.is_closing() for one in transports):
                    await follower.change_every_row(5)
            (cut,) = (one for one in transports if one.is_closing())
            assert cut.get_write_buffer_size() == 0
