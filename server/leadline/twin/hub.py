"""What the three venue servers share: feeds, the connections that take them, and the REST guard."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from leadline.limits import CLIENT_QUEUE_BYTES_MAX
from leadline.twin.contracts import SYMBOLS
from leadline.twin.damage import HUGE_BYTES, Rows
from leadline.twin.faults import Faults, FaultyPath
from leadline.twin.market import STEP_MS, STEPS_KEPT, Market
from leadline.twin.texts import Texts
from leadline.twin.world import World

QUEUE_BYTES_MAX = 8 * CLIENT_QUEUE_BYTES_MAX
LATE_SHARE = 0.1  # of the REST books are up to three steps old, as a venue's own caches make them
BOMB_BYTES = 128 * 1024 * 1024
CROSS_TICKS = 3


class Feed(ABC):
    """One stream of one market, made once a step and shared by every connection that takes it.

    every: how many steps lie between two frames; depth, trades: what of the faults may touch its frames.
    """

    depth = trades = False

    def __init__(self, name: str, market: Market, every: int = 1) -> None:
        self.name = name
        self.market = market
        self.every = every
        self.sessions: dict[Session, None] = {}

    @property
    def texts(self) -> Texts:
        return self.market.texts

    @property
    def closed(self) -> bool:
        """True while the market's contract is not traded; feeds of many markets never are."""
        return bool(self.market.closed)

    @abstractmethod
    def frames(self) -> list[str]:
        """Return what to send now to everybody; called every ``every`` steps while anyone listens."""

    def hello(self) -> list[str]:
        """Return what a new listener gets first."""
        return []

    def repeat(self) -> list[str]:
        """Return the present snapshot for those who have one already."""
        return []

    def restart(self) -> list[str]:
        """Let the ids legally start over; return what to send at once."""
        return []

    def woke(self) -> None:  # noqa: B027 - most feeds have nothing to forget
        """The first listener came after a silence: forget what nobody heard."""

    def phantoms(self) -> dict[str, Rows]:
        """Return a bid beyond the best ask ("cross") and one at it ("lock"), as this feed writes rows."""
        at = self.market.best_ask
        lots = np.ones(1, dtype=np.int64)
        return {
            name: orjson.loads(self.texts.levels(np.array([at + more]), lots))
            for name, more in (("cross", CROSS_TICKS), ("lock", 0))
        }


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection, in the order of its messages."""

    code: int
    reason: str


class Session:
    """One WebSocket connection: what it takes and what waits to be sent.

    uptime_ms: the server's clock, which no fault sets.
    """

    def __init__(self, number: int, source: random.Random, uptime_ms: Callable[[], int]) -> None:
        self.name = f"c-{number}"
        self.opened_ms = self.heard_ms = uptime_ms()
        self.warned = False
        self.route = ""
        self.feeds: dict[str, Feed] = {}
        self.wrap: Callable[[Feed, str], str] = lambda _feed, text: text
        self._uptime_ms = uptime_ms
        self._random = source
        self._paths: dict[Feed, FaultyPath] = {}
        self._queue: asyncio.Queue[str | Close] = asyncio.Queue()
        self._queued_bytes = 0
        self._closing = False

    @property
    def age_s(self) -> float:
        return (self._uptime_ms() - self.opened_ms) / 1000.0

    @property
    def idle_s(self) -> float:
        """Seconds since a frame went either way."""
        return (self._uptime_ms() - self.heard_ms) / 1000.0

    def send(self, text: str) -> None:
        """Queue one message; a listener that does not drain its queue is cut off."""
        if self._closing:
            return
        if self._queued_bytes > QUEUE_BYTES_MAX:
            self.close(1008, "too slow")
            return
        self._queued_bytes += len(text)
        self._queue.put_nowait(text)

    def offer(self, feed: Feed, text: str, faults: Faults) -> None:
        """Queue a feed's frame as the faults let it through."""
        if feed.trades and faults.drop_trades and self._random.random() < faults.drop_trades:
            return
        if not feed.depth:
            self.tell(feed, text, faults)
            return
        path = self._paths.get(feed)
        if path is None:
            path = self._paths[feed] = FaultyPath(random.Random(self._random.random()))
        phantoms = feed.phantoms() if faults.cross or faults.lock else {}
        for frame in path.passed(text, faults, phantoms):
            self.tell(feed, frame, faults)

    def tell(self, feed: Feed, text: str, faults: Faults) -> None:
        """Queue a feed's frame, unless the feed is frozen or its contract closed."""
        if not feed.closed and not any(part in feed.name for part in faults.freeze):
            self.send(self.wrap(feed, text))

    def forget(self, feed: Feed) -> None:
        """Forget what the faults had in store for a feed that is no longer taken."""
        self._paths.pop(feed, None)

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued has gone out."""
        if not self._closing:
            self._closing = True
            self._queue.put_nowait(Close(code, reason))

    def heard(self) -> None:
        """Note that the peer said something."""
        self.heard_ms = self._uptime_ms()

    async def next(self) -> str | Close:
        """Wait for what is to be sent next."""
        return self._sent(await self._queue.get())

    def take(self) -> list[str | Close]:
        """Return everything that waits to be sent: for a peer in the same process."""
        return [self._sent(self._queue.get_nowait()) for _ in range(self._queue.qsize())]

    def _sent(self, item: str | Close) -> str | Close:
        if isinstance(item, str):
            self.heard()
            self._queued_bytes -= len(item)
        return item


async def _send_queued(socket: WebSocket, session: Session) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            item = await session.next()
            if isinstance(item, Close):
                await socket.close(item.code, item.reason)
                return
            await socket.send_text(item)


class VenueServer(ABC):
    """One venue: its REST answers and its sockets over the markets of the world."""

    venue: str
    usual_close_code = 1001
    closed_states: ClassVar[
        dict[str, str]
    ]  # how the venue calls a contract that is "delisted" or in "prelaunch"
    app: Starlette

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.markets = {
            m.contract.native: m for (venue, _), m in world.markets.items() if venue == self.venue
        }
        self.feeds: dict[str, Feed] = {}
        self.sessions: dict[Session, None] = {}
        self.random = random.Random(f"{world.seed}/{self.venue}")
        self.connects = 0
        self.requests = 0
        self._done_ms: dict[str, int] = {}
        self.faults = faults

    @property
    def faults(self) -> Faults:
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        """Break what these say and mend the rest.  Raises ValueError for a symbol that is not traded."""
        steps = (*faults.finer_tick, *faults.coarse_list, *faults.multiplier)
        for symbol in (*faults.delist, *faults.prelaunch, *faults.rename, *steps):
            if symbol not in SYMBOLS:
                raise ValueError(f"there is no symbol {symbol}; expected one of {', '.join(SYMBOLS)}")
        self._faults = faults
        for market in list(self.markets.values()):
            self._set_up(market)

    def _set_up(self, market: Market) -> None:
        faults, symbol = self._faults, market.contract.symbol
        market.skew_ms = faults.clock_offset_ms
        market.zero_times, market.zero_interest = faults.zero_times, faults.zero_interest
        market.narrow_ids = bool(faults.snapshot_edge)
        self._change_contract(market, symbol in faults.rename, symbol in faults.multiplier)
        market.refine(symbol in faults.finer_tick)
        market.list_tick(symbol in faults.coarse_list)
        was = market.closed
        market.closed = (
            "delisted" if symbol in faults.delist else "prelaunch" if symbol in faults.prelaunch else ""
        )
        if was and not market.closed:
            self._open(market)

    def _change_contract(self, market: Market, renamed: bool, multiplied: bool) -> None:
        """Rename or re-measure a contract; nobody hears anything more under a former name."""
        former = market.contract.native
        market.change_contract(renamed, multiplied)
        if market.contract.native == former:
            return
        self.markets = {one.contract.native: one for one in self.markets.values()}
        for name in [name for name in self.feeds if former.lower() in name.lower()]:
            feed = self.feeds.pop(name)
            for session in list(feed.sessions):
                for key in [key for key, held in session.feeds.items() if held is feed]:
                    self.stop_listening(session, key)

    def _open(self, market: Market) -> None:
        """Let a contract that opens send its first books."""
        for feed in self.feeds.values():
            if feed.market is market and feed.sessions:
                feed.woke()
                for text in feed.hello():
                    self._tell_all(feed, text)

    @property
    def now_ms(self) -> int:
        """The venue's own clock."""
        return self.world.now_ms + self._faults.clock_offset_ms

    def uptime_ms(self) -> int:
        """The world's time since its start, which no fault sets."""
        return self.world.steps * STEP_MS

    def state_of(self, market: Market, open_state: str) -> str:
        """Return how the list of contracts calls the state of a market."""
        return self.closed_states[market.closed] if market.closed else open_state

    @abstractmethod
    def make_feed(self, name: str) -> Feed | None:
        """Return the feed of this name, None when the venue has none."""

    @abstractmethod
    def hear(self, session: Session, text: str) -> None:
        """Answer one client message."""

    @abstractmethod
    def admit(self, path: str, query: str) -> Callable[[Session], None] | None:
        """Return what to do with a new connection to ``path``, None when there is no such path."""

    def feed(self, name: str) -> Feed | None:
        """Return the feed of this name, made on first use."""
        if name not in self.feeds and (made := self.make_feed(name)) is not None:
            self.feeds[name] = made
        return self.feeds.get(name)

    def publish(self) -> None:
        """Send what the last step of the world brought."""
        step = self.world.steps
        for feed in list(self.feeds.values()):
            if feed.sessions and step % feed.every == 0 and not feed.closed:
                for text in feed.frames():
                    for session in feed.sessions:
                        session.offer(feed, text, self._faults)
        for name, every_s in (
            ("restart", self._faults.restart_every_s),
            ("repeat", self._faults.repeat_every_s),
        ):
            if (
                every_s
                and self.uptime_ms() - self._done_ms.setdefault(name, self.uptime_ms()) >= every_s * 1000
            ):
                self._done_ms[name] = self.uptime_ms()
                for feed in [feed for feed in self.feeds.values() if feed.sessions]:
                    for text in feed.restart() if name == "restart" else feed.repeat():
                        self._tell_all(feed, text)
        if step % (1000 // STEP_MS) == 0:
            for session in list(self.sessions):
                self.watch(session)

    def _tell_all(self, feed: Feed, text: str) -> None:
        for session in feed.sessions:
            session.tell(feed, text, self._faults)

    def watch(self, session: Session) -> None:
        """Look after a connection once a second; closes it when the faults ask for it."""
        if self._faults.close_every_s and session.age_s >= self._faults.close_every_s:
            session.close(self._faults.close_code or self.usual_close_code, "closed by the venue")

    def listen(self, session: Session, feed: Feed, key: str) -> bool:
        """Give a session a feed under ``key``; False when it has it already, or a fault withholds it."""
        if key in session.feeds or self.random.random() < self._faults.silent_ack:
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
            session.forget(feed)
        return feed is not None

    # Connections.

    def connect(self, path: str, query: str = "") -> Session | None:
        """Open a connection for a peer in the same process; None when the path is none of the venue's."""
        begin = self.admit(path, query)
        if begin is None:
            return None
        self.connects += 1
        source = random.Random(f"{self.world.seed}/{self.venue}/{self.connects}")
        session = Session(self.connects, source, self.uptime_ms)
        self.sessions[session] = None
        begin(session)
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a connection whose peer is gone."""
        self.sessions.pop(session, None)
        for feed in session.feeds.values():
            feed.sessions.pop(session, None)
        session.feeds.clear()

    async def serve_socket(self, socket: WebSocket) -> None:
        """Accept a connection and serve it until either side ends it."""
        if self.admit(socket.url.path, socket.url.query) is None:
            await socket.close(1008)
            return
        await socket.accept()
        session = self.connect(socket.url.path, socket.url.query)
        if session is None:
            return
        sender = asyncio.create_task(_send_queued(socket, session))
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                session.heard()
                self.hear(
                    session, message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
                )
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            self.disconnect(session)

    # REST.

    def book_step(self, market: Market) -> int:
        """Return the step whose book a REST answer shows: a little late at times, much later by fault.

        Raises KeyError while the contract is not traded.
        """
        if market.closed:
            raise KeyError(market.contract.native)
        late = self.random.randrange(1, 4) if self.random.random() < LATE_SHARE else 0
        if self.random.random() < self._faults.stale_snapshot:
            late += self._faults.stale_ms // STEP_MS
        oldest = market.changes[0].step + 1 if len(market.changes) == STEPS_KEPT else 0
        step = max(oldest, market.step - late)
        if self._faults.snapshot_edge:
            # A depth frame of 100 ms spans an odd step and the even one after it.
            wanted = 1 if self._faults.snapshot_edge == "first" else 0
            step -= step % 2 != wanted
        return step

    def guard(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a REST answer with the venue-wide fault switches."""

        async def guarded(request: Request) -> Response:
            self.requests += 1
            faults = self._faults
            if faults.status and self.random.random() < faults.status_share:
                headers = {"Retry-After": faults.retry_after} if faults.retry_after else {}
                return Response("refused by the fault switch", faults.status, headers)
            if faults.rest_body == "gzip_bomb":
                return Response(_bomb(), 200, {"Content-Encoding": "gzip"}, "application/json")
            if faults.rest_body == "html":
                return Response("<!doctype html><title>Just a moment</title>", 200, None, "text/html")
            if faults.rest_body in ("empty", "huge"):
                return raw_json(" " * (HUGE_BYTES if faults.rest_body == "huge" else 0))
            reply = await answer(request)
            if faults.rest_body == "cut":
                return Response(bytes(reply.body)[: len(reply.body) // 2], 200, None, "application/json")
            return reply

        return guarded


@cache
def _bomb() -> bytes:
    """A small body that unpacks to BOMB_BYTES."""
    return gzip.compress(bytes(BOMB_BYTES), 9)


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
