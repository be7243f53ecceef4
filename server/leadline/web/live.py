"""The live WebSocket: one task reads what the phone asks, one writes what it can take."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from leadline.clock import monotonic_ms
from leadline.feed.hub import Hub
from leadline.feed.row_facts import row_facts
from leadline.feed.streams.base import Refusal, session_of
from leadline.limits import CLIENT_MESSAGES_PER_S_MAX, CLIENT_SUBSCRIPTIONS_MAX
from leadline.wire import closing, frames
from leadline.wire.conflate import Conflator
from leadline.wire.prepared import PreparedFrame
from leadline.wire.requests import (
    BadRequest,
    InspectRow,
    Ping,
    PutMark,
    RemoveMark,
    Subscribe,
    Unsubscribe,
    parse_client,
)

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
        self._keeping: set[asyncio.Task[None]] = set()
        self._allowance = float(CLIENT_MESSAGES_PER_S_MAX)
        self._allowance_ms = monotonic_ms()

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        self._outbox.frame(stream, frame, is_keyframe)
        self._wake.set()

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        self._outbox.state(stream, frame)
        self._wake.set()

    def offer_notice(self, frame: PreparedFrame) -> None:
        self._outbox.control(frame)
        self._wake.set()

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
        self.offer_notice(PreparedFrame(frame))

    def _keyframe(self, number: int) -> PreparedFrame | None:
        stream = self._hub.streams.get(number)
        return stream.joining() if stream is not None else None

    async def _write(self) -> closing.Closing | None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for frame in self._outbox.take():
                try:
                    async with asyncio.timeout(SEND_STALLED_S):
                        await self._socket.send_bytes(frame.payload)
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
            asked = parse_client(raw)
        except BadRequest as error:
            self._control(frames.refused(error.ref, "bad_request", str(error)))
            return
        if isinstance(asked, Ping):
            self._control(frames.pong(asked.number, self._hub.clock.wall_ms()))
        elif isinstance(asked, Unsubscribe):
            self._subscribed.discard(asked.stream)
            self._outbox.end(asked.stream)
            self._hub.unsubscribe(asked.stream, self)
        elif isinstance(asked, PutMark | RemoveMark):
            # The disk is waited for beside the socket, not in front of it.
            task = asyncio.create_task(self._keep(asked))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)
        else:
            try:
                self._answer(asked)
            except Refusal as refusal:
                self._control(frames.refused(asked.ref, refusal.code, refusal.text))

    async def _keep(self, asked: PutMark | RemoveMark) -> None:
        marks = self._hub.marks
        try:
            if marks is None:
                raise Refusal("bad_request", "no marks are kept while a recording plays")
            if isinstance(asked, PutMark):
                mark_id = (await marks.put(asked)).id
            else:
                mark_id = asked.id
                await marks.remove(mark_id)
        except Refusal as refusal:
            self._control(frames.refused(asked.ref, refusal.code, refusal.text))
        else:
            self._control(frames.mark_kept(asked.ref, mark_id))

    def _answer(self, asked: Subscribe | InspectRow) -> None:
        """Do what was asked; raises Refusal when that cannot be."""
        if isinstance(asked, InspectRow):
            facts = row_facts(session_of(self._hub, asked.symbol), asked.group, asked.row)
            self._control(frames.row(asked.ref, facts))
            return
        if len(self._subscribed) >= CLIENT_SUBSCRIPTIONS_MAX:
            raise Refusal(
                "too_many", f"expected at most {CLIENT_SUBSCRIPTIONS_MAX} subscriptions; end one first"
            )
        stream = self._hub.subscribe(asked.key, self)
        self._subscribed.add(stream.number)
        self._control(frames.subscribed(asked.ref, stream.number, asked.key.told()))
        self._outbox.begin(stream.number)
        slow_facts = stream.beside()
        if slow_facts is not None:
            self._outbox.state(stream.number, PreparedFrame(slow_facts))
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
