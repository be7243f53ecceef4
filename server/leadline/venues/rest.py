"""GET requests to one venue: pooled, paced, bounded in time and in size.

The pace keeps well under each venue's budget, so that a cold start with many symbols cannot earn a
ban; once a venue does refuse, no request leaves before the time it asked for has passed.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Self

import aiohttp

from leadline.clock import monotonic_ms
from leadline.limits import CONNECT_TIMEOUT_S, REST_BYTES_MAX, REST_TIMEOUT_S

log = logging.getLogger("leadline.venues")

REFUSALS = (403, 418, 429)
RETRY_AFTER_S_DEFAULT = {403: 600.0, 418: 120.0, 429: 30.0}
RETRY_AFTER_S_MAX = 86_400.0
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """burst: weight that may be spent at once; per_s: weight regained each second."""

    burst: float
    per_s: float


# Half to two thirds of the documented budgets: 2400 weight a minute, 600 requests per 5 s, and 10 to
# 40 requests per 2 s depending on the path.
PACES = {"binance": Pace(600, 25), "bybit": Pace(60, 40), "okx": Pace(8, 5)}


@dataclass(frozen=True, slots=True)
class Reply:
    """status 0: no answer came (no connection, too slow, too large); reason says why."""

    status: int
    body: bytes = b""
    reason: str = ""


class Rest:
    """The REST side of one venue.  Use as an async context manager, or call ``close``."""

    def __init__(self, venue: str, base: str) -> None:
        self.venue = venue
        self.base = base.rstrip("/")
        self._pace = PACES.get(venue, Pace(10, 5))
        self._weight = self._pace.burst
        self._weighed_ms = monotonic_ms()
        self._shut_until_ms = 0
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def get(self, path: str, weight: float = 1) -> Reply:
        """GET ``path`` when the pace allows; never raises for what a network or a venue does."""
        await self._await_turn(weight)
        wait_ms = self._shut_until_ms - monotonic_ms()
        if wait_ms > 0:
            return Reply(429, reason=f"{self.venue} asked for quiet, {wait_ms // 1000} s more")
        try:
            async with asyncio.timeout(REST_TIMEOUT_S):
                return await self._get(path)
        except TimeoutError:
            return Reply(0, reason=f"no answer within {REST_TIMEOUT_S:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(0, reason=str(error) or type(error).__name__)

    async def _get(self, path: str) -> Reply:
        # A redirect is not followed: no venue uses one, and it could lead anywhere.
        async with self._session().get(self.base + path, allow_redirects=False) as response:
            if response.status in REFUSALS:
                self._shut(response.status, response.headers.get("Retry-After", ""))
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > REST_BYTES_MAX:
                    response.close()
                    return Reply(0, reason=f"an answer of more than {REST_BYTES_MAX} bytes")
            return Reply(response.status, bytes(body))

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S)
            headers = {"Accept-Encoding": "gzip", "User-Agent": "leadline"}
            # A proxy of the environment is for the world outside, not for a twin on loopback.
            outside = self.base.startswith("https:")
            self._http = aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=outside)
        return self._http

    async def _await_turn(self, weight: float) -> None:
        now_ms = monotonic_ms()
        regained = (now_ms - self._weighed_ms) / 1000 * self._pace.per_s
        self._weighed_ms = now_ms
        # The weight is taken at once, also below zero: later callers see the debt and wait longer.
        self._weight = min(self._pace.burst, self._weight + regained) - weight
        if self._weight < 0:
            await asyncio.sleep(-self._weight / self._pace.per_s)

    def _shut(self, status: int, retry_after: str) -> None:
        asked_s = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        wait_s = min(asked_s or RETRY_AFTER_S_DEFAULT[status], RETRY_AFTER_S_MAX)
        until_ms = monotonic_ms() + int(wait_s * 1000)
        if until_ms > self._shut_until_ms:
            self._shut_until_ms = until_ms
            log.warning("%s answered %d; no request to it for %.0f s", self.venue, status, wait_s)
