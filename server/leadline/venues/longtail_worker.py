"""The helper process that runs ccxt, so that the server need not: it watches, and reports what it sees.

Started by ``longtail_source`` with pipes on standard input and output.  Both carry msgpack maps: first
what to watch, then requests, come in; reports go out (``longtail`` says what they mean).  It ends when its
standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgpack

from leadline.venues.longtail_desk import Desk, Post, Refused

ALIVE_EVERY_S = 1.0
TRADES_CACHED = 5_000
CHUNK_BYTES = 64 * 1024
NOT_WANTED_TYPES = ("spot", "future", "option", "hip3")


def make_exchange(venue: str, hosts: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    """Make ccxt's object of a venue, its addresses and its markets narrowed to what is wanted.

    Raises Refused when ccxt is not installed, or knows no such venue or no such host of it.
    """
    try:
        from ccxt import pro
    except ImportError:
        raise Refused("ccxt is not installed; `pip install 'leadline[ccxt]'` brings it") from None
    if venue not in pro.exchanges:
        raise Refused(f"ccxt has no streams of a venue called {venue}")
    outside = not any(there.startswith(("http://", "ws://")) for there in hosts.values())
    exchange = getattr(pro, venue)(
        {"enableRateLimit": True, "newUpdates": True, "aiohttp_trust_env": outside}
    )
    wanted = exchange.options.get("fetchMarkets")
    if isinstance(wanted, dict) and "types" in wanted:
        wanted["types"] = _derivatives(wanted["types"])
    exchange.options["defaultType"] = "swap"
    exchange.options["tradesLimit"] = TRADES_CACHED
    exchange.options = exchange.deep_extend(exchange.options, dict(options))
    exchange.has["fetchCurrencies"] = False  # about deposits, and at some venues for account holders only
    for beginning, there in hosts.items():
        moved = _moved(exchange.urls, beginning, there)
        if moved == exchange.urls:
            raise Refused(f"no address that ccxt has of {venue} begins with {beginning}")
        exchange.urls = moved
    return exchange


def _derivatives(types: Any) -> Any:
    if isinstance(types, list):
        return [kind for kind in types if kind not in NOT_WANTED_TYPES]
    return {kind: False if kind in NOT_WANTED_TYPES else wanted for kind, wanted in types.items()}


def _moved(urls: Any, beginning: str, there: str) -> Any:
    """Return the tree of addresses with those of one beginning led elsewhere."""
    if isinstance(urls, dict):
        return {name: _moved(entry, beginning, there) for name, entry in urls.items()}
    if isinstance(urls, list):
        return [_moved(entry, beginning, there) for entry in urls]
    if isinstance(urls, str) and urls.startswith(beginning):
        return there + urls[len(beginning) :]
    return urls


async def _read(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    unpacker = msgpack.Unpacker()
    while data := await reader.read(CHUNK_BYTES):
        unpacker.feed(data)
        for message in unpacker:
            yield message


async def _pipes(report_fd: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(report_fd, "wb")
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def _run(report_fd: int) -> None:
    reader, writer = await _pipes(report_fd)

    async def post(report: dict[str, Any]) -> None:
        writer.write(msgpack.packb(report))
        # A server that does not keep up gets fewer books, not older ones.
        await writer.drain()

    messages = _read(reader)
    desks: dict[str, Desk] = {}
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_stay_alive(post))]
        async for message in messages:
            if "venues" in message:
                for venue, wanted in message["venues"].items():
                    running.append(tasks.create_task(_run_desk(desks, venue, wanted, post)))
            elif (desk := desks.get(message["venue"])) is not None:
                desk.ask(message["what"], message["symbol"])
        for task in running:
            task.cancel()


async def _run_desk(desks: dict[str, Desk], venue: str, wanted: dict[str, Any], post: Post) -> None:
    try:
        exchange = make_exchange(venue, wanted["hosts"], wanted["options"])
    except Refused as refused:
        await post({"kind": "refused", "venue": venue, "why": str(refused)})
        return
    desk = desks[venue] = Desk(venue, exchange, wanted["symbols"], wanted["depth"], post)
    try:
        await desk.run()
    except Refused as refused:
        await post({"kind": "refused", "venue": venue, "why": str(refused)})
    finally:
        with contextlib.suppress(Exception):
            await exchange.close()


async def _stay_alive(post: Post) -> None:
    while True:
        await post({"kind": "alive"})
        await asyncio.sleep(ALIVE_EVERY_S)


def main() -> int:
    """Run the worker; its reports go where standard output went, and what ccxt prints to standard error."""
    report_fd = os.dup(1)
    os.dup2(2, 1)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("asyncio").setLevel("CRITICAL")  # futures that ccxt leaves behind
    try:
        asyncio.run(_run(report_fd))
    except* (KeyboardInterrupt, ConnectionError):
        pass  # the server is gone, and nobody is left to tell
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
