"""One way to send a frame to many WebSocket clients, as a worker of the fan-out benchmark.

``python fanout_servers.py WAY LOOP`` runs in the way's own environment; only that way's packages are
imported.  It says its port in a line of JSON and then obeys lines: ``run SECONDS RATE`` sends rounds (one
frame of 400 bytes to every client; RATE a second, 0: as many as flow control lets it), ``here`` takes the
clients of now for those whose pace counts, ``memory`` tells what the process holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

MAGIC = 0x1EAD11FE5EED0F0F
PAYLOAD_BYTES = 400
FRAME_BYTES = 4 + PAYLOAD_BYTES
REST = os.urandom(PAYLOAD_BYTES - 16)  # a compressor finds nothing in it
HIGH_WATER_BYTES = 65_536

Round = Callable[[], Awaitable[int]]


def payload() -> bytes:
    """Return a message that carries when it was made."""
    return struct.pack("<QQ", MAGIC, time.monotonic_ns()) + REST


def raw_frame() -> bytes:
    return b"\x82\x7e" + PAYLOAD_BYTES.to_bytes(2, "big") + payload()


class Way:
    """port: where clients connect.  round: send one frame to each and return to how many."""

    port: int
    clients: Callable[[], int]
    round: Round

    def here(self) -> None:
        """Let only the clients of now hold up the rounds."""


class Leadline(Way):
    """The product's own path: a stream offers a frame to its watchers."""

    async def start(self) -> None:
        from leadline import app
        from leadline.clock import SystemClock
        from leadline.feed import hub as hubs
        from leadline.feed.streams.base import Board, Stream
        from leadline.web.routes import build_web
        from leadline.wire.requests import LadderKey, StreamKey

        class Ticker(Stream):
            def __init__(self, number: int, key: StreamKey, board: Board) -> None:
                super().__init__(number, key, every_ms=1_000)

            def keyframe(self) -> bytes:
                return b"\x92\x0a\x01"  # [10, 1]: the type tells the reader that it has joined

            def emit(self, now_ms: int) -> None:
                self._offer(payload())

        hubs.KINDS[LadderKey] = Ticker
        self._hub = hub = hubs.Hub(SystemClock(), "live", simulated=False)
        listener = app.listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        server = app.make_server(build_web(hub, Path("/nonexistent")))
        self._task = asyncio.create_task(server.serve(sockets=[listener]))
        self.clients = lambda: len(hub.watchers)
        self._pacing: list[Any] = []

    def here(self) -> None:
        self._pacing = list(self._hub.watchers)

    async def round(self) -> int:
        for client in self._pacing:
            while client._catching_up is not None:
                await asyncio.sleep(0)
        for stream in self._hub.streams.values():
            stream.emit(0)
        return len(self._pacing)


class Starlette(Way):
    """Starlette's ``send_bytes`` under stock uvicorn, client after client."""

    options: Mapping[str, Any] = MappingProxyType({"ws_per_message_deflate": False})

    async def start(self) -> None:
        import uvicorn
        from starlette.applications import Starlette as App
        from starlette.routing import WebSocketRoute
        from starlette.websockets import WebSocket

        from leadline.app import listen

        self._sockets: dict[WebSocket, None] = {}

        async def endpoint(socket: WebSocket) -> None:
            await socket.accept()
            self._sockets[socket] = None
            try:
                while (await socket.receive())["type"] != "websocket.disconnect":
                    pass
            finally:
                del self._sockets[socket]

        web = App(routes=[WebSocketRoute("/live", endpoint)])
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            web, log_level="error", lifespan="off", ws="websockets-sansio", **self.options
        )
        self._task = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
        self.clients = lambda: len(self._sockets)

    async def round(self) -> int:
        message = payload()
        for socket in list(self._sockets):
            await socket.send_bytes(message)
        return len(self._sockets)


class StarletteDefault(Starlette):
    """The same with uvicorn's defaults: a browser's offer to compress is taken."""

    options: Mapping[str, Any] = MappingProxyType({})


class WebsocketsBroadcast(Way):
    """``websockets.broadcast``, without compression."""

    async def start(self) -> None:
        from websockets.asyncio.server import ServerConnection, serve

        self._connections: set[ServerConnection] = set()

        async def handler(connection: ServerConnection) -> None:
            self._connections.add(connection)
            try:
                await connection.wait_closed()
            finally:
                self._connections.discard(connection)

        self._server = await serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self.clients = lambda: len(self._connections)

    async def round(self) -> int:
        from websockets.asyncio.server import broadcast

        broadcast(self._connections, payload())
        await drained(connection.transport for connection in self._connections)
        return len(self._connections)


class Picows(Way):
    """picows: a WebSocket server in Cython."""

    async def start(self) -> None:
        from picows import WSListener, WSMsgType, WSTransport, ws_create_server

        transports: dict[WSListener, WSTransport] = {}

        class Listener(WSListener):  # type: ignore[misc]
            def on_ws_connected(self, transport: WSTransport) -> None:
                transports[self] = transport

            def on_ws_disconnected(self, transport: WSTransport) -> None:
                transports.pop(self, None)

        self._binary = WSMsgType.BINARY
        self._transports = transports
        self._server = await ws_create_server(lambda request: Listener(), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.clients = lambda: len(transports)

    async def round(self) -> int:
        message = payload()
        for transport in self._transports.values():
            transport.send(self._binary, message)
        await drained(transport.underlying_transport for transport in self._transports.values())
        return len(self._transports)


class Floor(Way):
    """No server at all: one ``transport.write`` of one shared frame a client."""

    async def start(self) -> None:
        import base64
        import hashlib

        connected: dict[asyncio.Protocol, asyncio.Transport] = {}

        class Bare(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                self._transport = transport
                self.writable = asyncio.Event()
                self.writable.set()
                self._head = b""

            def data_received(self, data: bytes) -> None:
                self._head += data
                if self in connected or b"\r\n\r\n" not in self._head:
                    return
                key = self._head.lower().partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]
                at = self._head.lower().find(key)
                salted = self._head[at : at + len(key)] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                accept = base64.b64encode(hashlib.sha1(salted, usedforsecurity=False).digest())
                self._transport.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
                )
                connected[self] = self._transport

            def pause_writing(self) -> None:
                self.writable.clear()

            def resume_writing(self) -> None:
                self.writable.set()

            def connection_lost(self, error: Exception | None) -> None:
                connected.pop(self, None)

        self._connected: dict[Any, asyncio.Transport] = connected  # type: ignore[assignment]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(Bare, "127.0.0.1", 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        self.clients = lambda: len(connected)

    async def round(self) -> int:
        frame = raw_frame()
        for protocol, transport in self._connected.items():
            if not protocol.writable.is_set():
                await protocol.writable.wait()
            transport.write(frame)
        return len(self._connected)


WAYS: dict[str, type[Any]] = {
    "leadline": Leadline,
    "starlette": Starlette,
    "starlette_default": StarletteDefault,
    "websockets_broadcast": WebsocketsBroadcast,
    "picows": Picows,
    "floor": Floor,
}


async def drained(transports: Iterable[Any]) -> None:
    """Wait until no client is more than the usual mark behind."""
    for transport in transports:
        while transport.get_write_buffer_size() > HIGH_WATER_BYTES:
            await asyncio.sleep(0)


async def run(way: Any, seconds: float, rate: float) -> dict[str, float]:
    rounds = sent = late = 0
    cpu_s, began_s = time.process_time(), time.perf_counter()
    due_s = began_s
    while (now_s := time.perf_counter()) - began_s < seconds:
        if rate:
            if now_s < due_s:
                await asyncio.sleep(due_s - now_s)
            late += now_s - due_s > 1 / rate
            due_s = max(due_s + 1 / rate, now_s - 1 / rate)
        sent += await way.round()
        rounds += 1
        await asyncio.sleep(0)
    took_s = time.perf_counter() - began_s
    return {
        "rounds": rounds, "sent": sent, "late": late,
        "seconds": took_s, "cpu_s": time.process_time() - cpu_s,
    }  # fmt: skip


def memory_kb() -> float:
    gc.collect()
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


async def obey(way: Any) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await way.start()
    answer: dict[str, float] = {"port": way.port}
    while True:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        command = (await lines.readline()).decode().split()
        match command:
            case ["run", seconds, rate]:
                answer = await run(way, float(seconds), float(rate))
            case ["here"]:
                way.here()
                answer = {"clients": way.clients()}
            case ["memory"]:
                answer = {"memory_kb": memory_kb(), "clients": way.clients()}
            case _:
                return


def main() -> None:
    way, loop = sys.argv[1:3]
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        if loop == "uvloop":
            import uvloop

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(obey(WAYS[way]()))
        else:
            asyncio.run(obey(WAYS[way]()))
    os._exit(0)


if __name__ == "__main__":
    main()
