"""The I/O shell of a venue adapter: connections held, requests carried out, events passed on.

Everything that decides lives in the protocol object; here are sockets, clocks and patience.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Protocol, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from leadline.clock import monotonic_ms
from leadline.domain.events import Event
from leadline.limits import (
    CONNECT_TIMEOUT_S,
    FRAME_BYTES_MAX,
    RECONNECT_HEALTHY_S,
    RECONNECT_S_MAX,
    RECONNECT_S_MIN,
)
from leadline.venues.base import Abort, Fetch, Output, Renew, Send, VenueProtocol
from leadline.venues.budget import Priority
from leadline.venues.endpoints import Endpoints
from leadline.venues.handover import Handover
from leadline.venues.prompt_connection import PromptConnection
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.venues")

TICK_S = 0.25
PING_AFTER_MS = 4_000
DEAD_AFTER_MS = 9_000
FRAMES_QUEUED_MAX = 64  # a burst of a second; reading pauses beyond it, which costs system calls
LOG_EVERY_MS = 30_000
CONNECT_EVERY_MS = 350  # OKX allows three a second, the others more
# A venue that ends its connections at an age: Binance after 24 h, so half an hour and the jitter before.
LIFETIME_S = {"binance": 23.5 * 3600}
LIFETIME_JITTER = 0.01
HANDOVER_S_MAX = 240.0  # a hundred Binance snapshots are spread over two minutes of its budget
HANDOVER_LOOK_S = 0.05
HANDOVER_RETRY_S = 300.0
TOO_BIG = 1009
PRIORITIES = {"open_interest": Priority.POLL, "missing_trades": Priority.HISTORY}

Sink = Callable[[list[Event]], None]


class Tap(Protocol):
    """Somebody who writes down what passes on the connections of one protocol object."""

    def note(self, kind: str, route: str, raw: str | bytes, url: str = "") -> None:
        """Take one message.

        kind: "ws-connect", "ws-send", "ws-recv" or "http" (an answer); url: of a connect or an answer.
        """

    def close(self) -> None:
        """The connections are gone for good."""


class VenueSource:
    """One venue, live: run ``run()`` as a task until cancelled.

    sink: called on the loop's thread with the events of each message, in order.  rest: shared with
    the loading of instruments, so that one pace covers both; made here when None.
    renew: makes the successor of the protocol object, with contracts as they are now.  With it, all
    connections are replaced before the venue ends them and whenever ``replace`` asks for it: the
    successor connects and syncs beside the old one, then ``replaced`` is told of it and its events
    take the place of the old one's.  lifetime_s: how long connections may live, the venue's own limit
    when None.  tap: makes the listener of each protocol object.
    """

    def __init__(
        self,
        protocol: VenueProtocol,
        endpoints: Endpoints,
        sink: Sink,
        *,
        rest: Rest | None = None,
        rng: random.Random | None = None,
        renew: Callable[[], VenueProtocol] | None = None,
        replaced: Callable[[VenueProtocol], None] | None = None,
        lifetime_s: float | None = None,
        tap: Callable[[VenueProtocol], Tap] | None = None,
    ) -> None:
        self.protocol = protocol
        self.replacements = 0
        self._sink = sink
        self._owns_rest = rest is None
        self._rest = rest or Rest(protocol.venue, endpoints.rest)
        self._shared = _Shared(protocol.venue, endpoints, self._rest, rng or random.Random())
        self._renew = renew
        self._replaced = replaced
        self._lifetime_s = lifetime_s or LIFETIME_S.get(protocol.venue)
        self._tap = tap
        self._reason = ""
        self._asked = asyncio.Event()
        self._newest: _Line | None = None

    def replace(self, reason: str) -> None:
        """Ask for all connections to be replaced; asked during a replacement, one more follows."""
        self._reason = reason
        self._asked.set()

    async def run(self) -> None:
        """Hold all connections until cancelled; a defect in the protocol ends it with its error."""
        try:
            async with asyncio.TaskGroup() as group:
                line = self._line(self.protocol, self._sink)
                task = group.create_task(line.run())
                due_s = self._life_s()
                while self._renew is not None:
                    reason = await self._due(due_s)
                    successor = self._line(self._renew(), _ignore)
                    following = group.create_task(successor.run())
                    due_s = HANDOVER_RETRY_S
                    if await self._hand_over(line, successor, reason):
                        (line, task), following = (successor, following), task
                        due_s = self._life_s()
                    self._newest = line
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
        finally:
            if self._owns_rest:
                await self._rest.close()

    def _line(self, protocol: VenueProtocol, sink: Sink) -> _Line:
        tap = self._tap(protocol) if self._tap else None
        line = self._newest = _Line(protocol, self._shared, sink, tap)
        if self._renew is not None:
            line.renew = lambda renew: self._announced(line, renew)
        return line

    def _announced(self, line: _Line, renew: Renew) -> None:
        # What concerns connections that are being replaced is being done already.
        if line is self._newest:
            self.replace(f"{renew.route}: {renew.reason}")

    def _life_s(self) -> float | None:
        """Return how long the next connections shall live; servers started together part here."""
        if self._lifetime_s is None:
            return None
        return self._lifetime_s * (1 - self._shared.rng.uniform(0, LIFETIME_JITTER))

    async def _due(self, life_s: float | None) -> str:
        """Wait until the connections are to be replaced; return why."""
        try:
            async with asyncio.timeout(life_s):
                await self._asked.wait()
        except TimeoutError:
            return "the connections have reached their age"
        self._asked.clear()
        return self._reason

    async def _hand_over(self, old: _Line, new: _Line, reason: str) -> bool:
        """Wait for the successor's books and put it in place of the old one; False when it gets none."""
        log.info("%s: replacing the connections: %s", new.protocol.venue, reason)
        handover = Handover(old.protocol, new.protocol)
        new.sink = handover.hear
        for _ in range(int(HANDOVER_S_MAX / HANDOVER_LOOK_S)):
            if handover.ready(monotonic_ms()):
                break
            await asyncio.sleep(HANDOVER_LOOK_S)
        else:
            self._shared.log.say(f"no books on new connections in {HANDOVER_S_MAX:.0f} s; the old ones stay")
            return False
        # From here to the end nothing waits, so nobody sees one half of it.
        old.sink, new.sink = _ignore, self._sink
        self.protocol = new.protocol
        self.replacements += 1
        told = handover.complete()
        if self._replaced is not None:
            self._replaced(new.protocol)
        self._sink(told)
        return True


def _ignore(_: list[Event]) -> None:
    pass


class _Shared:
    """What the connections of one venue share, those being replaced and their successors alike."""

    def __init__(self, venue: str, endpoints: Endpoints, rest: Rest, rng: random.Random) -> None:
        self.endpoints = endpoints
        self.rest = rest
        self.rng = rng
        self.log = _CalmLog(venue)
        self._dial_ms = 0

    async def await_dial(self) -> None:
        """Wait for the turn to connect: venues count connections a second."""
        now_ms = monotonic_ms()
        at_ms = max(now_ms, self._dial_ms)
        self._dial_ms = at_ms + CONNECT_EVERY_MS
        await asyncio.sleep((at_ms - now_ms) / 1000)


class _Line:
    """One protocol object and the connections it asks for, held until ``run`` is cancelled.

    sink and renew may be exchanged while it runs.
    """

    def __init__(self, protocol: VenueProtocol, shared: _Shared, sink: Sink, tap: Tap | None) -> None:
        self.protocol = protocol
        self.sink = sink
        self.renew: Callable[[Renew], None] = self._give_up
        self._shared = shared
        self._log = shared.log
        self._tap = tap
        self._connections: dict[str, PromptConnection] = {}
        self._fetching: set[Fetch] = set()
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        try:
            async with self._tasks:
                self._tasks.create_task(self._tick())
                for route, path in self.protocol.routes().items():
                    url = self._shared.endpoints.ws.rstrip("/") + path
                    self._tasks.create_task(self._hold(route, url))
        finally:
            if self._tap is not None:
                self._tap.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._carry_out(self.protocol.tick(monotonic_ms()))

    # Connections.

    async def _hold(self, route: str, url: str) -> None:
        """Keep the connection of ``route`` up, waiting a random share of a growing time in between."""
        failures = 0
        while True:
            await self._shared.await_dial()
            opened_ms = monotonic_ms()
            reason = await self._connect_once(route, url)
            if monotonic_ms() - opened_ms >= RECONNECT_HEALTHY_S * 1000:
                failures = 0
            wait_s = self._shared.rng.uniform(0, min(RECONNECT_S_MAX, RECONNECT_S_MIN * 2**failures))
            failures = min(failures + 1, 16)
            self._log.say(f"{route}: {reason}; reconnecting")
            await asyncio.sleep(wait_s)

    async def _connect_once(self, route: str, url: str) -> str:
        """Run one connection to its end; return the reason in words."""
        try:
            made = await connect(
                url,
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=1,
                max_size=FRAME_BYTES_MAX,
                max_queue=FRAMES_QUEUED_MAX,
                compression=None,  # the venues send it only when asked, and it costs more than it saves
                ping_interval=None,  # _watch pings, and does not wait for a polite goodbye
                proxy=True if urlsplit(url).scheme == "wss" else None,
                create_connection=PromptConnection,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            return f"no connection ({str(error) or type(error).__name__})"
        connection = cast("PromptConnection", made)  # the kind that was asked for
        self._connections[route] = connection
        self._note("ws-connect", route, "", url)
        heard = _Heard(monotonic_ms())
        watch = asyncio.create_task(_watch(connection, heard))
        try:
            log.info("%s %s: connected", self.protocol.venue, route)
            self._carry_out(self.protocol.opened(route, monotonic_ms()))
            return await self._read(route, connection, heard)
        finally:
            watch.cancel()
            self._connections.pop(route, None)
            connection.transport.abort()
            await asyncio.gather(watch, return_exceptions=True)
            self._carry_out(self.protocol.closed(route, monotonic_ms()))

    async def _read(self, route: str, connection: PromptConnection, heard: _Heard) -> str:
        def take(raw: bytes) -> None:
            try:
                self._take(route, raw, heard)
            except Exception as error:
                # The transport would take it for a fault of its own; the reader lets it end the process.
                heard.defect, connection.take = error, None
                connection.transport.abort()

        connection.take = take
        try:
            while True:
                raw = await connection.next()
                if heard.defect is not None:
                    raise heard.defect
                self._take(route, raw, heard)
        except ConnectionClosed as closed:
            if heard.defect is not None:
                raise heard.defect from None
            return heard.verdict or _reason(closed)
        finally:
            connection.take = None

    def _take(self, route: str, raw: bytes, heard: _Heard) -> None:
        """Take one message; nothing here waits."""
        heard.at_ms = now_ms = monotonic_ms()
        if self._tap is not None:
            self._tap.note("ws-recv", route, raw)
        outputs = self.protocol.receive(route, raw, now_ms)
        if len(outputs) == 1 and not isinstance(only := outputs[0], (Send, Fetch, Abort, Renew)):
            self.sink([only])  # nearly always
        else:
            self._carry_out(outputs)

    # What the protocol asks for.

    def _carry_out(self, outputs: Iterable[Output]) -> None:
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Send):
                # Tasks begin in the order they are made, and so do requests leave.
                self._begin(self._send(output))
            elif isinstance(output, Fetch):
                # What waits for its turn already need not wait there twice.
                if output not in self._fetching:
                    self._fetching.add(output)
                    self._begin(self._fetch(output))
            elif isinstance(output, Abort):
                self._abort(output)
            elif isinstance(output, Renew):
                self.renew(output)
            else:
                events.append(output)
        if events:
            self.sink(events)

    def _begin(self, request: Coroutine[None, None, None]) -> None:
        try:
            self._tasks.create_task(request)
        except RuntimeError:
            # The group ends with the line: a message that came meanwhile asks for nothing any more.
            request.close()

    async def _send(self, send: Send) -> None:
        connection = self._connections.get(send.route)
        if connection is not None:
            # A connection that is gone is told to the protocol by its reader.
            with contextlib.suppress(ConnectionClosed):
                await connection.send(send.text)
            self._note("ws-send", send.route, send.text)

    async def _fetch(self, fetch: Fetch) -> None:
        if fetch.delay_s:
            await asyncio.sleep(fetch.delay_s)
        urgent = Priority.RESYNC if fetch.urgent else PRIORITIES.get(fetch.purpose, Priority.SYNC)
        reply = await self._shared.rest.get(fetch.path, fetch.weight, urgent)
        self._fetching.discard(fetch)
        if reply.status != 200:
            what = reply.reason or f"status {reply.status}"
            self._log.say(f"no {fetch.purpose.replace('_', ' ')}: {what}")
        else:
            self._note("http", "rest", reply.body, self._shared.rest.base + fetch.path)
        self._carry_out(self.protocol.answer(fetch, reply.status, reply.body, monotonic_ms()))

    def _abort(self, abort: Abort) -> None:
        connection = self._connections.get(abort.route)
        if connection is not None:
            self._log.say(f"{abort.route}: {abort.reason}")
            connection.transport.abort()

    def _give_up(self, renew: Renew) -> None:
        self._abort(Abort(renew.route, renew.reason))

    def _note(self, kind: str, route: str, raw: str | bytes, url: str = "") -> None:
        if self._tap is not None:
            self._tap.note(kind, route, raw, url)


class _Heard:
    """When the peer was last heard, and why the connection was given up if it was.

    defect: what went wrong in taking a message, which nothing a venue sends should bring about.
    """

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.verdict = ""
        self.defect: Exception | None = None


async def _watch(connection: PromptConnection, heard: _Heard) -> None:
    """Ask a silent peer for a sign of life, and give it up when none comes."""
    asked: asyncio.Future[float] | None = None
    while True:
        await asyncio.sleep(TICK_S)
        now_ms = monotonic_ms()
        if asked is not None and asked.done():
            heard.at_ms = max(heard.at_ms, now_ms)
            asked = None
        quiet_ms = now_ms - heard.at_ms
        if quiet_ms >= DEAD_AFTER_MS:
            heard.verdict = f"the venue was silent for {quiet_ms // 1000} s"
            connection.transport.abort()
            return
        if quiet_ms >= PING_AFTER_MS and asked is None:
            asked = asyncio.ensure_future(await connection.ping())


def _reason(closed: ConnectionClosed) -> str:
    if closed.sent is not None and closed.sent.code == TOO_BIG:
        return f"a frame of more than {FRAME_BYTES_MAX} bytes was refused"
    if closed.rcvd is not None:
        words = f" ({closed.rcvd.reason})" if closed.rcvd.reason else ""
        return f"closed by the venue with {closed.rcvd.code}{words}"
    return "the connection was lost"


class _CalmLog:
    """Says the same thing at most every LOG_EVERY_MS, and then how often it happened."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._said_ms: dict[str, int] = {}
        self._unsaid: dict[str, int] = {}

    def say(self, text: str) -> None:
        now_ms = monotonic_ms()
        if text in self._said_ms and now_ms - self._said_ms[text] < LOG_EVERY_MS:
            self._unsaid[text] = self._unsaid.get(text, 0) + 1
            return
        if len(self._said_ms) > 1_000:
            self._said_ms.clear()
        more = self._unsaid.pop(text, 0)
        self._said_ms[text] = now_ms
        log.warning("%s %s%s", self._venue, text, f" ({more} times more since)" if more else "")
