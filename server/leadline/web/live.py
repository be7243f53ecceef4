"""The live WebSocket: one task reads what the phone asks, one writes what it can take."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from leadline.clock import monotonic_ms
from leadline.feed.hub import Hub
from leadline.feed.row_facts import row_facts
from leadline.feed.streams.base import Refusal, session_of
from leadline.limits import CLIENT_MESSAGES_PER_S_MAX, CLIENT_SUBSCRIPTIONS_MAX
from leadline.web.prepared_frames import Gone, Write, frames_of
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

SUBPROTOCOL = "leadline.v3"
SEND_STALLED_S = 30.0


class Client:
    """One connected phone: a watcher of streams with an outbox of its own.

    A frame goes straight to a phone that keeps up.  For one that does not, frames wait in its outbox, and
    a task of its own sends from there when there is room, until the phone has caught up.
    """

    __slots__ = (
        *("_allowance", "_allowance_ms", "_catching_up", "_frames", "_hub", "_outbox", "_socket", "_tasks"),
        *("_write", "straight", "__weakref__"),
    )

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._frames = frames_of(socket)
        self._outbox = Conflator(self._keyframe, self._state)
        self._catching_up: asyncio.Task[None] | None = None
        self._write: Write | None = None
        self.straight: Write | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowance = float(CLIENT_MESSAGES_PER_S_MAX)
        self._allowance_ms = monotonic_ms()
        self._frames.watch(self._room_changed)

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        # A stream writes straight by itself where it may.
        self._outbox.frame(stream, frame, is_keyframe)
        self._catch_up()

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        if self.straight is not None:
            self.straight(frame.raw)
        else:
            self._outbox.state(stream)
            self._catch_up()

    def offer_notice(self, frame: PreparedFrame) -> None:
        if self.straight is not None:
            self.straight(frame.raw)
        else:
            self._outbox.control(frame)
            self._catch_up()

    def _room_changed(self, write: Write | None) -> None:
        self._write = write
        self._look_ahead()

    def _look_ahead(self) -> None:
        # With nothing waiting, the phone has been sent all that came before the next frame.
        self.straight = None if self._catching_up is not None else self._write

    async def run(self) -> None:
        """Serve the phone until it leaves or has to be sent away."""
        self._hub.watchers.add(self)
        try:
            self._control(self._hub.hello())
            reason = await self._read()
        except Exception:
            log.exception("a client's connection failed")
            reason = closing.SERVER_ERROR
        finally:
            self._hub.leave(self)
            tasks = [*self._tasks, *([self._catching_up] if self._catching_up else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if reason is not None:
            await self._frames.send_away(reason)

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _control(self, frame: bytes) -> None:
        self.offer_notice(PreparedFrame(frame))

    def _keyframe(self, number: int) -> PreparedFrame | None:
        stream = self._hub.streams.get(number)
        return stream.joining() if stream is not None else None

    def _state(self, number: int) -> PreparedFrame | None:
        stream = self._hub.streams.get(number)
        slow_facts = stream.beside() if stream is not None else None
        return PreparedFrame(slow_facts) if slow_facts is not None else None

    def _catch_up(self) -> None:
        if self._outbox.overrun:
            self._beside(self._frames.send_away(closing.TOO_FAR_BEHIND))
        elif self._catching_up is None:
            self._catching_up = asyncio.create_task(self._send_waiting())
            self._look_ahead()

    async def _send_waiting(self) -> None:
        """Send what waits whenever the phone has room, until nothing does."""
        try:
            while self._outbox.waiting:
                async with asyncio.timeout(SEND_STALLED_S):
                    await self._frames.room()
                    for frame in self._outbox.take():
                        await self._frames.write_prepared(frame)
            self._catching_up = None
            self._look_ahead()
        except TimeoutError:
            await self._frames.send_away(closing.TOO_SLOW)
        except Gone:
            pass  # the reader hears of it too
        except Exception:
            log.exception("a client's frames could not be sent")
            await self._frames.send_away(closing.SERVER_ERROR)

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
            self._outbox.end(asked.stream)
            self._hub.unsubscribe(asked.stream, self)
        elif isinstance(asked, PutMark | RemoveMark):
            # The disk is waited for beside the socket, not in front of it.
            self._beside(self._keep(asked))
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
        if self._outbox.streams >= CLIENT_SUBSCRIPTIONS_MAX:
            raise Refusal(
                "too_many", f"expected at most {CLIENT_SUBSCRIPTIONS_MAX} subscriptions; end one first"
            )
        stream = self._hub.subscribe(asked.key, self)
        self._control(frames.subscribed(asked.ref, stream.number, asked.key.told()))
        self._outbox.begin(stream.number)
        self._outbox.state(stream.number)
        self._catch_up()


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
