"""A TCP proxy on loopback that breaks connections below the level any protocol can see."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

Mode = Literal["forward", "swallow", "drip"]

CHUNK_BYTES = 64 * 1024


@dataclass(eq=False)
class Pair:
    """One connection through the proxy: the sockets to the client and to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class TcpProxy:
    """``async with TcpProxy(port) as proxy:`` and connect to ``proxy.port`` instead of ``port``.

    mode, for all connections and at once: "forward"; "swallow" reads and forgets, both ways, while the
    connections stay open (a half-open peer); "drip" sends drip_bytes at a time to the client and then
    waits drip_s (0: as fast as the loop turns).
    """

    def __init__(self, target_port: int, host: str = "127.0.0.1") -> None:
        self.mode: Mode = "forward"
        self.drip_bytes = 1
        self.drip_s = 0.0
        self.port = 0
        self.accepted = 0
        self._host = host
        self._target_port = target_port
        self._pairs: set[Pair] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()

    @property
    def open_count(self) -> int:
        """How many connections are open now."""
        return len(self._pairs)

    async def reset(self) -> None:
        """End every connection with RST, to both sides."""
        for pair in list(self._pairs):
            for writer in (pair.client, pair.server):
                made = writer.get_extra_info("socket")
                # Closing with a linger time of zero sends RST in place of FIN.
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        await self._ended()

    async def cut(self) -> None:
        """End every connection with FIN in mid-stream: no close frame comes."""
        for pair in list(self._pairs):
            pair.client.close()
            pair.server.close()
        await self._ended()

    async def _ended(self) -> None:
        tasks = [task for pair in self._pairs for task in pair.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            writer.close()
            return
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(writer, far_writer)
        pair.tasks = [
            asyncio.create_task(self._carry(reader, far_writer, dripping=False)),
            asyncio.create_task(self._carry(far_reader, writer, dripping=True)),
        ]
        self._pairs.add(pair)
        await asyncio.wait(pair.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pair.tasks:
            task.cancel()
        await asyncio.gather(*pair.tasks, return_exceptions=True)
        writer.close()
        far_writer.close()
        self._pairs.discard(pair)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dripping: bool
    ) -> None:
        """Carry one direction until it ends."""
        while data := await reader.read(CHUNK_BYTES):
            if self.mode == "swallow":
                continue
            if self.mode == "drip" and dripping:
                await self._drip(data, writer)
            else:
                writer.write(data)
            await writer.drain()

    async def _drip(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(data), self.drip_bytes):
            if self.mode != "drip":
                # What is left belongs to the same stream: it goes out whole.
                writer.write(data[start:])
                return
            writer.write(data[start : start + self.drip_bytes])
            await asyncio.sleep(self.drip_s)
