"""Connections that break below the protocol: the adapters notice by their own clock, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from leadline.twin.main import Twin
from tests.fakes.tcp_proxy import TcpProxy
from tests.twin.followed import SYMBOL, Followed, followed

VENUES = ("binance", "bybit", "okx")
Trial = Callable[[Followed, TcpProxy], Awaitable[None]]


async def through_proxies(trial: Trial, venues: tuple[str, ...] = VENUES) -> None:
    """Run a trial at each venue, all at once, each through a proxy of its own."""
    async with Twin(4, history_days=0.01, symbols=(SYMBOL,)) as twin:

        async def one(venue: str) -> None:
            async with TcpProxy(twin.ports[venue]) as proxy, followed(twin, venue, proxy.port) as made:
                await made.until_live()
                await trial(made, proxy)
                await made.until_live()

        await asyncio.gather(*(one(venue) for venue in venues))


async def test_a_reset_connection_is_told_at_once_and_opened_again() -> None:
    async def trial(made: Followed, proxy: TcpProxy) -> None:
        epoch = made.book.epoch
        await proxy.reset()
        await made.until(lambda: not made.live, "stale after RST")
        await made.until(lambda: made.book.epoch == epoch + 1, "anchored anew")

    await through_proxies(trial)


async def test_an_end_without_a_close_frame_is_told_at_once_and_opened_again() -> None:
    async def trial(made: Followed, proxy: TcpProxy) -> None:
        await proxy.cut()
        await made.until(lambda: not made.live, "stale after FIN")

    await through_proxies(trial)


async def test_a_half_open_peer_is_given_up_by_the_clock_on_its_last_frame() -> None:
    async def trial(made: Followed, proxy: TcpProxy) -> None:
        connects, accepted = made.server.connects, proxy.accepted
        proxy.mode = "swallow"
        await made.until(lambda: not made.live, "stale before a half-open peer")
        await made.until(lambda: proxy.accepted > accepted, "connected again")
        assert made.server.connects == connects, "a swallowed handshake cannot have reached the venue"
        proxy.mode = "forward"
        await proxy.reset()

    await through_proxies(trial)


async def test_a_peer_too_slow_to_finish_a_frame_is_given_up() -> None:
    async def trial(made: Followed, proxy: TcpProxy) -> None:
        proxy.drip_bytes, proxy.drip_s = 4, 0.1
        proxy.mode = "drip"
        await made.until(lambda: not made.live, "stale before a dripping peer")
        proxy.mode = "forward"

    await through_proxies(trial)


async def test_frames_in_pieces_of_one_byte_are_whole_frames() -> None:
    async def trial(made: Followed, proxy: TcpProxy) -> None:
        stats = made.book.stats
        deltas, resyncs = stats.deltas, stats.resyncs
        proxy.mode = "drip"
        await made.until(lambda: stats.deltas >= deltas + 5, "updated byte by byte")
        proxy.mode = "forward"
        assert stats.resyncs == resyncs
        assert stats.protocol_errors == 0

    await through_proxies(trial, venues=("binance", "okx"))


@pytest.mark.parametrize("mode", ["swallow", "forward"])
async def test_the_proxy_forwards_and_swallows(mode: str) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, TcpProxy(server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        proxy.mode = "swallow" if mode == "swallow" else "forward"
        writer.write(b"two")
        if mode == "forward":
            assert await reader.readexactly(3) == b"two"
            await proxy.cut()
            assert await reader.read() == b""
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.2)
            await proxy.reset()
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()
