"""GET requests to one venue: pooled, paced, bounded in time and in size.

The pace keeps well under each venue's budget, so that a cold start with many symbols cannot earn a
ban; once a venue does refuse, no request leaves before the time it asked for has passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from leadline.clock import monotonic_ms, wall_ms
from leadline.limits import CONNECT_TIMEOUT_S, REST_BYTES_MAX, REST_TIMEOUT_S
from leadline.venues.bans import Bans
from leadline.venues.budget import PACES, SILENCES, Budget, Pace, Priority, silence_s

log = logging.getLogger("leadline.venues")

CHUNK_BYTES = 64 * 1024
BAN_MS_MAX = int(max(rule.max_s for rule in SILENCES.values()) * 1000)
REFUSED = 429
USED_HEADER = "X-MBX-USED-WEIGHT-1M"


@dataclass(frozen=True, slots=True)
class Reply:
    """status 0: no answer came (no connection, too slow, too large); reason says why.

    asked_ms, answered_ms: our Unix time when the request left and when the answer began.
    """

    status: int
    body: bytes = b""
    reason: str = ""
    asked_ms: int = 0
    answered_ms: int = 0


@dataclass(order=True, slots=True)
class _Turn:
    """A request that waits; the most important first, then the first to come."""

    priority: Priority
    number: int
    weight: float = field(compare=False)
    come: asyncio.Future[None] = field(compare=False)


class Rest:
    """The REST side of one venue.  Use as an async context manager, or call ``close``.

    bans: where the ends of bans are kept.  clock_offset_ms: the venue's clock minus ours, set by whoever
    measured it.  requests, refusals: counted since the start.
    """

    def __init__(self, venue: str, base: str, bans: Bans | None = None) -> None:
        self.venue = venue
        self.base = base.rstrip("/")
        self.clock_offset_ms = 0
        self.requests = 0
        self.refusals = 0
        self._bans = bans or Bans()
        self._budget = Budget(PACES.get(venue, Pace(10, 5)))
        self._turns: list[_Turn] = []
        self._turn_count = 0
        self._came = asyncio.Event()
        self._pump_task: asyncio.Task[None] | None = None
        # An end further off than any venue asks for is a clock that was wrong, then or now.
        left_ms = min(self._bans.until_ms(self.base) - wall_ms(), BAN_MS_MAX)
        self._shut_until_ms = monotonic_ms() + max(0, left_ms)
        self._http: aiohttp.ClientSession | None = None

    @property
    def shut_ms(self) -> int:
        """For how long no request will leave."""
        return max(0, self._shut_until_ms - monotonic_ms())

    @property
    def used_weight(self) -> int:
        """Weight used of the present minute's budget, by all who share our address, as far as known."""
        return round(self._budget.used)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._pump_task is not None:
            self._pump_task.cancel()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def get(self, path: str, weight: float = 1, priority: Priority = Priority.SYNC) -> Reply:
        """GET ``path`` when the budget allows; never raises for what a network or a venue does."""
        return await self.ask(path, weight, priority)

    async def ask(
        self,
        path: str,
        weight: float,
        priority: Priority,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """GET ``path`` as `get` does, or POST ``body``, JSON, where a venue wants its questions posted."""
        if not self.shut_ms:
            await self._await_turn(weight, priority)
        if self.shut_ms:
            return Reply(REFUSED, reason="the venue asked for quiet")
        self.requests += 1
        try:
            async with asyncio.timeout(REST_TIMEOUT_S):
                return await self._get(path, headers, body)
        except TimeoutError:
            return Reply(0, reason=f"no answer within {REST_TIMEOUT_S:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(0, reason=str(error) or type(error).__name__)

    async def _get(self, path: str, headers: Mapping[str, str] | None, body: bytes | None) -> Reply:
        asked_ms = wall_ms()
        method = "GET" if body is None else "POST"
        if body is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        # A redirect is not followed: no venue uses one, and it could lead anywhere.
        async with self._session().request(
            method, self.base + path, headers=headers, data=body, allow_redirects=False
        ) as response:
            answered_ms = wall_ms()
            used = response.headers.get(USED_HEADER, "")
            if used.isascii() and used.isdigit() and len(used) < 10:
                offset_ms = self.clock_offset_ms
                self._budget.told(int(used), asked_ms + offset_ms, answered_ms + offset_ms)
            answer = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                answer += chunk
                if len(answer) > REST_BYTES_MAX:
                    response.close()
                    return Reply(0, reason=f"an answer of more than {REST_BYTES_MAX} bytes")
            taken = bytes(answer)
            wait_s = silence_s(
                self.venue, response.status, response.headers, taken, answered_ms + self.clock_offset_ms
            )
            if wait_s:
                self._shut(response.status, wait_s)
                status = REFUSED if response.status == 200 else response.status
                return Reply(status, taken, "the venue refused it", asked_ms, answered_ms)
            return Reply(response.status, taken, "", asked_ms, answered_ms)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S)
            headers = {"Accept-Encoding": "gzip", "User-Agent": "leadline"}
            # A proxy of the environment is for the world outside, not for a twin on loopback.
            outside = self.base.startswith("https:")
            self._http = aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=outside)
        return self._http

    async def _await_turn(self, weight: float, priority: Priority) -> None:
        """Wait until the budget has room and nobody more important waits."""
        come = asyncio.get_running_loop().create_future()
        self._turn_count += 1
        heapq.heappush(self._turns, _Turn(priority, self._turn_count, weight, come))
        self._came.set()
        if self._pump_task is None or self._pump_task.done():
            self._pump_task = asyncio.create_task(self._pump())
        await come

    async def _pump(self) -> None:
        """Let the requests that wait go, one by one, as the budget allows."""
        while self._turns:
            turn = self._turns[0]
            if not turn.come.cancelled():
                venue_ms = wall_ms() + self.clock_offset_ms
                # Nothing leaves while the venue wants quiet, so those who wait are told at once.
                wait_ms = self._budget.take(turn.weight, turn.priority, monotonic_ms(), venue_ms)
                if wait_ms and not self.shut_ms:
                    self._came.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait_ms / 1000):
                            # Somebody more important may come meanwhile, or the venue want quiet.
                            await self._came.wait()
                    continue
                turn.come.set_result(None)
            heapq.heappop(self._turns)

    def _shut(self, status: int, wait_s: float) -> None:
        self.refusals += 1
        wait_ms = int(wait_s * 1000)
        until_ms = monotonic_ms() + wait_ms
        if until_ms > self._shut_until_ms:
            self._shut_until_ms = until_ms
            self._bans.ban(self.base, wall_ms() + wait_ms)
            log.warning("%s answered %d; no request to it for %.0f s", self.venue, status, wait_s)
        self._came.set()
