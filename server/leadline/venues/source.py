"""The I/O shell of a venue adapter: connections held, requests carried out, events passed on.

Everything that decides lives in the protocol object; here are sockets, clocks and patience.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
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
from leadline.venues.base import Abort, Fetch, Output, Send, VenueProtocol
from leadline.venues.endpoints import Endpoints
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.venues")

TICK_S = 0.25
PING_AFTER_MS = 4_000
DEAD_AFTER_MS = 9_000
MESSAGES_PER_TURN_MAX = 64
LOG_EVERY_MS = 30_000
TOO_BIG = 1009

Sink = Callable[[list[Event]], None]


class VenueSource:
    """One venue, live: run ``run()`` as a task until cancelled.

    sink: called on the loop's thread with the events of each message, in order.  rest: shared with
    the loading of instruments, so that one pace covers both; made here when None.
    """

    def __init__(
        self,
        protocol: VenueProtocol,
        endpoints: Endpoints,
        sink: Sink,
        *,
        rest: Rest | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._protocol = protocol
        self._endpoints = endpoints
        self._sink = sink
        self._rest = rest or Rest(protocol.venue, endpoints.rest)
        self._owns_rest = rest is None
        self._rng = rng or random.Random()
        self._connections: dict[str, ClientConnection] = {}
        self._tasks = asyncio.TaskGroup()
        self._log = _CalmLog(protocol.venue)

    async def run(self) -> None:
        """Hold all connections until cancelled; a defect in the protocol ends it with its error."""
        try:
            async with self._tasks:
                self._tasks.create_task(self._tick())
                for route, path in self._protocol.routes().items():
                    self._tasks.create_task(self._hold(route, self._endpoints.ws.rstrip("/") + path))
        finally:
            if self._owns_rest:
                await self._rest.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._carry_out(self._protocol.tick(monotonic_ms()))

    # Connections.

    async def _hold(self, route: str, url: str) -> None:
        """Keep the connection of ``route`` up, waiting a random share of a growing time in between."""
        failures = 0
        while True:
            opened_ms = monotonic_ms()
            reason = await self._connect_once(route, url)
            if monotonic_ms() - opened_ms >= RECONNECT_HEALTHY_S * 1000:
                failures = 0
            wait_s = self._rng.uniform(0, min(RECONNECT_S_MAX, RECONNECT_S_MIN * 2**failures))
            failures = min(failures + 1, 16)
            self._log.say(f"{route}: {reason}; reconnecting")
            await asyncio.sleep(wait_s)

    async def _connect_once(self, route: str, url: str) -> str:
        """Run one connection to its end; return the reason in words."""
        try:
            connection = await connect(
                url,
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=1,
                max_size=FRAME_BYTES_MAX,
                compression=None,  # the venues send it only when asked, and it costs more than it saves
                ping_interval=None,  # _watch pings, and does not wait for a polite goodbye
                proxy=True if urlsplit(url).scheme == "wss" else None,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            return f"no connection ({str(error) or type(error).__name__})"
        self._connections[route] = connection
        heard = _Heard(monotonic_ms())
        watch = asyncio.create_task(_watch(connection, heard))
        try:
            log.info("%s %s: connected", self._protocol.venue, route)
            await self._carry_out(self._protocol.opened(route, monotonic_ms()))
            return await self._read(route, connection, heard)
        finally:
            watch.cancel()
            self._connections.pop(route, None)
            connection.transport.abort()
            await asyncio.gather(watch, return_exceptions=True)
            await self._carry_out(self._protocol.closed(route, monotonic_ms()))

    async def _read(self, route: str, connection: ClientConnection, heard: _Heard) -> str:
        taken = 0
        try:
            while True:
                # What is queued already is returned without a pause, so a burst is one run of this loop.
                raw = await connection.recv(decode=False)
                heard.at_ms = now_ms = monotonic_ms()
                await self._carry_out(self._protocol.receive(route, raw, now_ms))
                taken += 1
                if taken % MESSAGES_PER_TURN_MAX == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            return heard.verdict or _reason(closed)

    # What the protocol asks for.

    async def _carry_out(self, outputs: Iterable[Output]) -> None:
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Send):
                await self._send(output)
            elif isinstance(output, Fetch):
                self._tasks.create_task(self._fetch(output))
            elif isinstance(output, Abort):
                self._abort(output)
            else:
                events.append(output)
        if events:
            self._sink(events)

    async def _send(self, send: Send) -> None:
        connection = self._connections.get(send.route)
        if connection is not None:
            # A connection that is gone is told to the protocol by its reader.
            with contextlib.suppress(ConnectionClosed):
                await connection.send(send.text)

    async def _fetch(self, fetch: Fetch) -> None:
        if fetch.delay_s:
            await asyncio.sleep(fetch.delay_s)
        reply = await self._rest.get(fetch.path, fetch.weight)
        if reply.status != 200:
            what = reply.reason or f"status {reply.status}"
            self._log.say(f"no {fetch.purpose.replace('_', ' ')} of {fetch.symbol}: {what}")
        await self._carry_out(self._protocol.answer(fetch, reply.status, reply.body, monotonic_ms()))

    def _abort(self, abort: Abort) -> None:
        connection = self._connections.get(abort.route)
        if connection is not None:
            self._log.say(f"{abort.route}: {abort.reason}")
            connection.transport.abort()


class _Heard:
    """When the peer was last heard, and why the connection was given up if it was."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.verdict = ""


async def _watch(connection: ClientConnection, heard: _Heard) -> None:
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
