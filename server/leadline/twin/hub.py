"""What the three venue servers share: feeds, the connections that take them, and the REST guard."""

from __future__ import annotations

import asyncio
import contextlib
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from leadline.clock import monotonic_ms
from leadline.limits import CLIENT_QUEUE_BYTES_MAX
from leadline.twin.faults import Faults, FaultyPath
from leadline.twin.market import STEP_MS, STEPS_KEPT, Market
from leadline.twin.texts import Texts
from leadline.twin.world import World

QUEUE_BYTES_MAX = 8 * CLIENT_QUEUE_BYTES_MAX
LATE_SHARE = 0.1  # of the REST books are up to three steps old, as a venue's own caches make them


class Feed(ABC):
    """One stream of one market, made once a step and shared by every connection that takes it.

    every: how many steps lie between two frames; depth: whether faults may touch its frames.
    """

    depth = False

    def __init__(self, name: str, market: Market, every: int = 1) -> None:
        self.name = name
        self.market = market
        self.texts = Texts(market.contract)
        self.every = every
        self.sessions: dict[Session, None] = {}

    @abstractmethod
    def frames(self) -> list[str]:
        """Return what to send now to everybody; called every ``every`` steps while anyone listens."""

    def hello(self) -> list[str]:
        """Return what a new listener gets first."""
        return []

    def woke(self) -> None:  # noqa: B027 - most feeds have nothing to forget
        """The first listener came after a silence: forget what nobody heard."""


class Session:
    """One WebSocket connection: what it takes and what waits to be sent."""

    def __init__(self, socket: WebSocket, number: int, seed: int) -> None:
        self.socket = socket
        self.name = f"c-{number}"
        self.opened_ms = self.heard_ms = monotonic_ms()
        self.warned = False
        self.route = ""
        self.feeds: dict[str, Feed] = {}
        self.wrap: Callable[[Feed, str], str] = lambda _feed, text: text
        self._path = FaultyPath(random.Random(f"{seed}/{number}"))
        self._queue: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self._queued_bytes = 0
        self._closing = False

    @property
    def age_s(self) -> float:
        return (monotonic_ms() - self.opened_ms) / 1000.0

    @property
    def idle_s(self) -> float:
        """Seconds since a frame went either way."""
        return (monotonic_ms() - self.heard_ms) / 1000.0

    def send(self, text: str) -> None:
        """Queue one message; a listener that does not drain its queue is cut off."""
        if self._closing:
            return
        self._queued_bytes += len(text)
        if self._queued_bytes > QUEUE_BYTES_MAX:
            self.close(1008, "too slow")
            return
        self._queue.put_nowait(text)

    def offer(self, feed: Feed, text: str, faults: Faults) -> None:
        """Queue a feed's frame as the faults let it through."""
        if feed.market.contract.native in faults.closed or any(part in feed.name for part in faults.freeze):
            return
        for frame in self._path.passed(text, faults) if feed.depth else (text,):
            self.send(self.wrap(feed, frame))

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued has gone out."""
        if not self._closing:
            self._closing = True
            self._queue.put_nowait((code, reason))

    async def run(self, heard: Callable[[Session, str], None]) -> None:
        """Serve the connection until either side ends it."""
        sender = asyncio.create_task(self._send_queued())
        try:
            while True:
                message = await self.socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self.heard_ms = monotonic_ms()
                heard(self, message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            for feed in list(self.feeds.values()):
                feed.sessions.pop(self, None)

    async def _send_queued(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                item = await self._queue.get()
                if isinstance(item, tuple):
                    await self.socket.close(*item)
                    return
                await self.socket.send_text(item)
                self.heard_ms = monotonic_ms()
                self._queued_bytes -= len(item)


class VenueServer(ABC):
    """One venue: its REST answers and its sockets over the markets of the world."""

    venue: str
    usual_close_code = 1001
    app: Starlette

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.markets = {
            m.contract.native: m for (venue, _), m in world.markets.items() if venue == self.venue
        }
        self.texts = {native: Texts(market.contract) for native, market in self.markets.items()}
        self.feeds: dict[str, Feed] = {}
        self.sessions: dict[Session, None] = {}
        self.random = random.Random(f"{world.seed}/{self.venue}")
        self._numbers = 0

    @abstractmethod
    def make_feed(self, name: str) -> Feed | None:
        """Return the feed of this name, None when the venue has none."""

    @abstractmethod
    def hear(self, session: Session, text: str) -> None:
        """Answer one client message."""

    def feed(self, name: str) -> Feed | None:
        """Return the feed of this name, made on first use."""
        if name not in self.feeds and (made := self.make_feed(name)) is not None:
            self.feeds[name] = made
        return self.feeds.get(name)

    def publish(self) -> None:
        """Send what the last step of the world brought."""
        step = self.world.steps
        for feed in list(self.feeds.values()):
            if feed.sessions and step % feed.every == 0:
                for text in feed.frames():
                    for session in feed.sessions:
                        session.offer(feed, text, self.faults)
        if step % (1000 // STEP_MS) == 0:
            for session in list(self.sessions):
                self.watch(session)

    def watch(self, session: Session) -> None:
        """Look after a connection once a second; closes it when the faults ask for it."""
        if self.faults.close_every_s and session.age_s >= self.faults.close_every_s:
            session.close(self.faults.close_code or self.usual_close_code, "closed by the venue")

    def listen(self, session: Session, feed: Feed, key: str) -> bool:
        """Give a session a feed under ``key``; False when it has it already."""
        if key in session.feeds:
            return False
        if not feed.sessions:
            feed.woke()
        session.feeds[key] = feed
        feed.sessions[session] = None
        return True

    def stop_listening(self, session: Session, key: str) -> bool:
        feed = session.feeds.pop(key, None)
        if feed is not None:
            feed.sessions.pop(session, None)
        return feed is not None

    async def serve_socket(self, socket: WebSocket, before: Callable[[Session], None] | None = None) -> None:
        """Accept a connection and serve it; ``before`` may subscribe it."""
        await socket.accept()
        self._numbers += 1
        session = Session(socket, self._numbers, self.world.seed)
        self.sessions[session] = None
        if before is not None:
            before(session)
        try:
            await session.run(self.hear)
        finally:
            self.sessions.pop(session, None)

    def _closing(self, market: Market, words: dict[str, Any]) -> dict[str, Any]:
        """Return ``words`` for the listing of a contract that does not trade, nothing for the others."""
        return words if market.contract.native in self.faults.closed else {}

    def book_step(self, market: Market) -> int:
        """Return the step whose book a REST answer shows: a little late at times, much later by fault."""
        late = self.random.randrange(1, 4) if self.random.random() < LATE_SHARE else 0
        if self.random.random() < self.faults.stale_snapshot:
            late += self.faults.stale_ms // STEP_MS
        oldest = market.changes[0].step + 1 if len(market.changes) == STEPS_KEPT else 0
        return max(oldest, market.step - late)

    def guard(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a REST answer with the venue-wide fault switch."""

        async def guarded(request: Request) -> Response:
            if self.faults.status:
                return Response("refused by the fault switch", status_code=self.faults.status)
            return await answer(request)

        return guarded


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer JSON."""
    return Response(orjson.dumps(value), status, headers, "application/json")


def raw_json(text: str) -> Response:
    """Answer text that is JSON already."""
    return Response(text, 200, None, "application/json")


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """Read a query number, clipped to 1..most; the default when it is absent or no number."""
    text = request.query_params.get(name, "")
    return max(1, min(most, int(text))) if text.isascii() and text.isdigit() else default


def time_range(request: Request, first: str, last: str) -> tuple[float, float]:
    """Read a query's time range in milliseconds; open ends when absent."""
    begin, end = (request.query_params.get(name, "") for name in (first, last))
    return (float(begin) if begin.isdigit() else 0.0, float(end) if end.isdigit() else float("inf"))
