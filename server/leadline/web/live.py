"""The live WebSocket: one task reads what the phone asks, one writes what it can take."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from leadline.clock import monotonic_ms
from leadline.feed.hub import Hub, StreamKey
from leadline.feed.row_facts import row_facts
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.limits import CLIENT_MESSAGES_PER_S_MAX, CLIENT_SUBSCRIPTIONS_MAX
from leadline.wire import closing, frames
from leadline.wire.conflate import Conflator

log = logging.getLogger("leadline.web")

SUBPROTOCOL = "leadline.v1"
SEND_STALLED_S = 30.0


class Client:
    """One connected phone: a watcher of streams with an outbox of its own."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._wake = asyncio.Event()
        self._outbox = Conflator(self._keyframe)
        self._subscribed: set[int] = set()
        self._allowance = float(CLIENT_MESSAGES_PER_S_MAX)
        self._allowance_ms = monotonic_ms()

    def offer(self, stream: int, frame: bytes, is_keyframe: bool) -> None:
        self._outbox.frame(stream, frame, is_keyframe)
        self._wake.set()

    def offer_state(self, stream: int, frame: bytes) -> None:
        self._outbox.state(stream, frame)
        self._wake.set()

    def offer_notice(self, frame: bytes) -> None:
        self._control(frame)

    async def run(self) -> None:
        """Serve the phone until it leaves or has to be sent away."""
        self._hub.watchers.add(self)
        self._control(self._hub.hello())
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read())
        try:
            done, _ = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            reason = next((task.result() for task in done if task.exception() is None), None)
            for task in done:
                if (error := task.exception()) is not None:
                    log.error("a client's connection failed", exc_info=error)
                    reason = closing.SERVER_ERROR
            if reason is not None and self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.close(reason.code, reason.text)
        finally:
            self._hub.leave(self)
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    def _control(self, frame: bytes) -> None:
        self._outbox.control(frame)
        self._wake.set()

    def _keyframe(self, number: int) -> bytes | None:
        stream = self._hub.streams.get(number)
        return stream.keyframe() if stream is not None else None

    async def _write(self) -> closing.Closing | None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for frame in self._outbox.take():
                try:
                    async with asyncio.timeout(SEND_STALLED_S):
                        await self._socket.send_bytes(frame)
                except TimeoutError:
                    return closing.TOO_SLOW
                except (WebSocketDisconnect, RuntimeError):
                    return None  # the phone left while we were sending
            if self._outbox.overrun:
                return closing.TOO_SLOW

    async def _read(self) -> closing.Closing | None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            raw = message.get("bytes")
            if raw is None:
                return closing.BINARY_ONLY
            if not self._may_speak():
                return closing.TOO_MANY_MESSAGES
            self._handle(raw)

    def _may_speak(self) -> bool:
        """Spend one message of a bucket that refills at CLIENT_MESSAGES_PER_S_MAX a second."""
        now_ms = monotonic_ms()
        refill = (now_ms - self._allowance_ms) / 1000 * CLIENT_MESSAGES_PER_S_MAX
        self._allowance = min(self._allowance + refill, 3.0 * CLIENT_MESSAGES_PER_S_MAX) - 1
        self._allowance_ms = now_ms
        return self._allowance > 0

    def _handle(self, raw: bytes) -> None:
        try:
            asked = frames.parse_client(raw)
        except frames.BadRequest as error:
            self._control(frames.refused(error.ref, "bad_request", str(error)))
            return
        if isinstance(asked, frames.Ping):
            self._control(frames.pong(asked.number, self._hub.clock.wall_ms()))
        elif isinstance(asked, frames.Unsubscribe):
            self._subscribed.discard(asked.stream)
            self._outbox.end(asked.stream)
            self._hub.unsubscribe(asked.stream, self)
        elif isinstance(asked, frames.InspectRow):
            self._inspect(asked)
        else:
            self._subscribe(asked)

    def _session(self, asked: frames.Subscribe | frames.InspectRow) -> SymbolSession | None:
        """Return the session of the symbol asked for; refuses the request when there is none."""
        session = self._hub.sessions.get(asked.symbol)
        if session is not None and session.venues:
            return session
        known = ", ".join(self._hub.sessions) or "none yet"
        text = f"unknown symbol {asked.symbol!r}; known: {known}"
        self._control(frames.refused(asked.ref, "unknown_symbol", text))
        return None

    def _inspect(self, asked: frames.InspectRow) -> None:
        session = self._session(asked)
        if session is not None:
            self._control(frames.row(asked.ref, row_facts(session, asked.group, asked.row)))

    def _subscribe(self, asked: frames.Subscribe) -> None:
        if len(self._subscribed) >= CLIENT_SUBSCRIPTIONS_MAX:
            text = f"expected at most {CLIENT_SUBSCRIPTIONS_MAX} subscriptions; end one first"
            self._control(frames.refused(asked.ref, "too_many", text))
            return
        session = self._session(asked)
        if session is None:
            return
        if asked.venue != ALL_VENUES and asked.venue not in session.venues:
            text = f"unknown venue {asked.venue!r} of {asked.symbol}; known: {', '.join(session.venues)}"
            self._control(frames.refused(asked.ref, "unknown_venue", text))
            return
        key = StreamKey(asked.symbol, asked.venue, asked.group, asked.depth, asked.hz)
        stream = self._hub.subscribe(key, self)
        self._subscribed.add(stream.number)
        self._control(
            frames.subscribed(
                asked.ref,
                stream.number,
                {
                    "symbol": key.symbol,
                    "venue": key.venue,
                    "group": key.group,
                    "depth": key.depth,
                    "hz": key.hz,
                },
            )
        )
        self._outbox.begin(stream.number)
        self._outbox.state(stream.number, stream.state())
        self._wake.set()


def same_origin(socket: WebSocket) -> bool:
    """Tell whether the page that opened the socket came from this very server.

    A browser always sends Origin; a client without one is no browser and carries no user's cookies.
    """
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def live(socket: WebSocket) -> None:
    """The endpoint of /live."""
    if not same_origin(socket):
        await socket.close(1008, "expected a page of this server")
        return
    offered = socket.scope.get("subprotocols", [])
    if SUBPROTOCOL not in offered:
        await socket.close(1002, f"expected subprotocol {SUBPROTOCOL}")
        return
    await socket.accept(subprotocol=SUBPROTOCOL)
    await Client(socket, socket.app.state.hub).run()
