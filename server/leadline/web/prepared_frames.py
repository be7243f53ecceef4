"""Sending one frame to many sockets: built once, one write a socket, and never a wait for a slow one.

uvicorn builds a WebSocket frame anew for every client it is sent to, and its ``send`` waits until there is
room.  `PreparedFrameProtocol` is uvicorn's own protocol class with a way around both, offered to the
application as an ASGI extension; an application under a server without it uses `AsgiFrames`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from leadline.limits import CLIENT_WRITE_BUFFER_BYTES
from leadline.wire.closing import Closing
from leadline.wire.prepared import PreparedFrame

EXTENSION = "leadline.prepared_frames"
CLOSE_GRACE_S = 2.0  # how long a closing client may take what is on its way


class Gone(Exception):
    """The client has left."""


Write = Callable[[bytes], object]
Told = Callable[[Write | None], None]


class FrameSender(Protocol):
    """The way to one client."""

    def watch(self, told: Told) -> None:
        """Tell, now and whenever it changes, how bytes are written to the client; None: it has no room."""

    async def room(self) -> None:
        """Wait until the client takes frames again; raises Gone when it never will."""

    async def write_prepared(self, frame: PreparedFrame) -> None:
        """Send a frame behind all that is on its way already; raises Gone."""

    async def send_away(self, closing: Closing) -> None:
        """End the connection with a code, also one whose client takes nothing any more."""


class PreparedFrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol that also takes finished frames (a `FrameSender`).

    The frames are not compressed, whatever extensions were agreed: RFC 7692 lets a sender choose so for
    every message.
    """

    __slots__ = ("_close_sent", "_told")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._told: Told | None = None
        super().__init__(*arguments, **options)

    @property
    def close_sent(self) -> bool:
        return self._close_sent

    @close_sent.setter
    def close_sent(self, sent: bool) -> None:
        self._close_sent = sent
        self._tell()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.transport.set_write_buffer_limits(CLIENT_WRITE_BUFFER_BYTES)
            # ASGI's extensions hold values; what this one offers is a way to act.
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The handshake's headers are read; they would stay as long as the connection.
            del self.request, self.response
            self.scope["headers"].clear()  # type: ignore[attr-defined]  # a list, as uvicorn makes it

    def pause_writing(self) -> None:
        super().pause_writing()
        self._tell()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._tell()
        self._told = None

    def watch(self, told: Told) -> None:
        self._told = told
        self._tell()

    def _tell(self) -> None:
        if self._told is not None:
            roomy = self.writable.is_set() and not (self._close_sent or self.disconnected)
            self._told(self.transport.write if roomy else None)

    async def room(self) -> None:
        await self.writable.wait()
        if self.close_sent or self.disconnected:
            raise Gone

    async def write_prepared(self, frame: PreparedFrame) -> None:
        if self.close_sent or self.disconnected:
            raise Gone
        self.transport.write(frame.raw)

    async def send_away(self, closing: Closing) -> None:
        if self.close_sent or self.disconnected:
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closing.code, "reason": closing.text})
        self.conn.send_close(closing.code, closing.text)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # An orderly close waits for ever for a client that takes nothing.
        self.close_timer = self.loop.call_later(CLOSE_GRACE_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # What is on its way to a peer that does not answer would keep the connection and its memory.
        self.transport.abort()


class AsgiFrames:
    """The same by ASGI alone."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    def watch(self, told: Told) -> None:
        told(None)

    async def room(self) -> None:
        """ASGI waits for room while it sends."""

    async def write_prepared(self, frame: PreparedFrame) -> None:
        try:
            await self._socket.send_bytes(frame.payload)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error

    async def send_away(self, closing: Closing) -> None:
        await self._socket.close(closing.code, closing.text)


def frames_of(socket: WebSocket) -> FrameSender:
    """Return the best way to a client that the server offers."""
    offered: FrameSender | None = socket.scope.get("extensions", {}).get(EXTENSION)
    return offered if offered is not None else AsgiFrames(socket)
