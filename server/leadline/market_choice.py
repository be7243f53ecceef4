"""Which market to serve: the venues, the twin, or whichever answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from leadline.config import VENUES, Settings
from leadline.errors import UsageError
from leadline.venues.bans import Bans
from leadline.venues.endpoints import LIVE_ENDPOINTS, Endpoints, ReadKey
from leadline.venues.longtail import LongTailOptions

log = logging.getLogger("leadline")

PROBE_S = 10.0
PROBE_EVERY_S = 2.0
TWIN_START_S = 60.0
PROBES = {"binance": "/fapi/v1/ping", "bybit": "/v5/market/time", "okx": "/api/v5/public/time"}


@dataclass(frozen=True, slots=True)
class ChosenMarket:
    """name: what the phone is told ("live" or "twin"); endpoints: venue -> addresses.

    longtail: the venues read by way of ccxt, by name.
    """

    name: str
    simulated: bool
    endpoints: dict[str, Endpoints]
    longtail: dict[str, LongTailOptions] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def choose_market(settings: Settings, bans: Bans) -> AsyncIterator[ChosenMarket]:
    """Decide by ``settings.market``; a twin runs as a child process as long as the context."""
    live = {name: _live_endpoints(settings, name) for name in settings.venues if name in VENUES}
    longtail = {name: _longtail_options(settings, name) for name in settings.venues if name not in VENUES}
    if settings.market == "twin" and not live:
        raise UsageError(f"the twin simulates {', '.join(VENUES)} only; name one of them in venues")
    # Venues that only ccxt knows cannot be looked for without starting it, and have no twin.
    if settings.market == "live" or (
        settings.market == "auto" and (not live or await _any_answers(live, bans))
    ):
        yield ChosenMarket("live", simulated=False, endpoints=live, longtail=longtail)
        return
    if longtail:
        log.warning("the twin has no %s; left out", ", ".join(longtail))
    if settings.market == "auto":
        log.warning("no venue answered within %.0f s: serving the twin, a SIMULATED market", PROBE_S)
    async with _twin(settings.twin_seed) as endpoints:
        chosen = {name: endpoints[name] for name in live}
        yield ChosenMarket("twin", simulated=True, endpoints=chosen)


def _live_endpoints(settings: Settings, venue: str) -> Endpoints:
    rest = getattr(settings, f"{venue}_rest") or LIVE_ENDPOINTS[venue].rest
    ws = getattr(settings, f"{venue}_ws") or LIVE_ENDPOINTS[venue].ws
    key = None
    if venue == "binance" and settings.binance_key and settings.binance_secret:
        key = ReadKey(settings.binance_key, settings.binance_secret)
    return Endpoints(rest=rest, ws=ws, key=key)


def _longtail_options(settings: Settings, venue: str) -> LongTailOptions:
    return LongTailOptions(**settings.ccxt_options.get(venue, {}))


async def _any_answers(endpoints: dict[str, Endpoints], bans: Bans) -> bool:
    """Ask every venue until one answers, for at most PROBE_S; one that banned us is there, unasked."""
    if any(bans.until_ms(made.rest) for made in endpoints.values()):
        return True
    log.info("looking for the venues, at most %.0f s", PROBE_S)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_S)) as http:
        try:
            async with asyncio.timeout(PROBE_S):
                while True:
                    answers = await asyncio.gather(
                        *(_answers(http, name, made) for name, made in endpoints.items())
                    )
                    if any(answers):
                        return True
                    await asyncio.sleep(PROBE_EVERY_S)
        except TimeoutError:
            return False


async def _answers(http: aiohttp.ClientSession, venue: str, endpoints: Endpoints) -> bool:
    try:
        async with http.get(endpoints.rest + PROBES[venue]) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


@contextlib.asynccontextmanager
async def _twin(seed: int) -> AsyncIterator[dict[str, Endpoints]]:
    """Run the twin as a child that ends when we do, even if we are killed (its stdin closes)."""
    log.info("starting the twin, seed %d: every number is SIMULATED", seed)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "leadline.twin.main", "--seed", str(seed), "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C is for us: the twin stops after its clients, not under them.
        start_new_session=True,
    )
    assert child.stdin is not None  # noqa: S101 - both are pipes, as asked above
    assert child.stdout is not None  # noqa: S101
    try:
        try:
            async with asyncio.timeout(TWIN_START_S):
                line = await child.stdout.readline()
            ports = json.loads(line)
        except (TimeoutError, ValueError):
            raise UsageError("the twin did not start; see its messages above") from None
        yield {
            name: Endpoints(rest=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}")
            for name, port in ports.items()
        }
    finally:
        child.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(5):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
