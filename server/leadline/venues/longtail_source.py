"""The I/O shell of the long-tail venues: one helper process for all of them, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgpack

from leadline.clock import monotonic_ms, wall_ms
from leadline.domain.events import Event
from leadline.errors import UsageError
from leadline.limits import FRAME_BYTES_MAX, RECONNECT_HEALTHY_S, RECONNECT_S_MAX, RECONNECT_S_MIN
from leadline.venues import longtail_worker
from leadline.venues.longtail import Ask, Listed, LongTailOptions, LongTailProtocol, Told

log = logging.getLogger("leadline.venues")

TICK_S = 0.25
START_S = 60.0  # ccxt alone takes 3 to 6 s to import, more on a busy machine
ALIVE_S = 15.0
STOP_S = 3.0
CHUNK_BYTES = 256 * 1024

Sink = Callable[[list[Event]], None]


class LongTailSource:
    """Long-tail venues, live: run ``run()`` as a task until cancelled.

    venues: ccxt's name of each venue and its options.  sink: called on the loop's thread with events, in
    order.  listed: called when a venue told its contracts, before any event of a new book.
    """

    def __init__(
        self,
        venues: Mapping[str, LongTailOptions],
        symbols: Iterable[str],
        sink: Sink,
        listed: Callable[[Listed], None],
        *,
        rng: random.Random | None = None,
    ) -> None:
        names = list(symbols)
        self.protocols = {venue: LongTailProtocol(venue, names, wall_ms()) for venue in venues}
        self._wanted = {
            venue: {
                "symbols": names,
                "hosts": dict(made.hosts),
                "options": dict(made.options),
                "depth": made.depth,
            }
            for venue, made in venues.items()
        }
        self._sink = sink
        self._listed = listed
        self._rng = rng or random.Random()
        self._said: dict[tuple[str, str], int] = {}
        self.child: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep the worker running until cancelled.

        Raises UsageError when ccxt is not installed or cannot watch one of the venues.
        """
        failures = 0
        while True:
            started_ms = monotonic_ms()
            try:
                reason = await self._run_once()
            finally:
                for protocol in self.protocols.values():
                    self._carry_out(protocol.ended())
            if monotonic_ms() - started_ms >= RECONNECT_HEALTHY_S * 1000:
                failures = 0
            wait_s = self._rng.uniform(0, min(RECONNECT_S_MAX, RECONNECT_S_MIN * 2**failures))
            failures = min(failures + 1, 16)
            log.warning("the ccxt helper %s; starting it again", reason)
            await asyncio.sleep(wait_s)

    async def _run_once(self) -> str:
        """Run one worker to its end; return the reason in words."""
        child = self.child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", longtail_worker.__name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C is for us; the worker ends when its standard input does, even if we are killed.
            start_new_session=True,
        )
        ticking = asyncio.create_task(self._tick())
        try:
            self._tell({"venues": self._wanted})
            return await self._read(child)
        finally:
            ticking.cancel()
            self.child = None
            await _stop(child)

    async def _read(self, child: asyncio.subprocess.Process) -> str:
        assert child.stdout is not None  # noqa: S101 - a pipe, as asked above
        unpacker = msgpack.Unpacker(max_buffer_size=FRAME_BYTES_MAX)
        patience_s = START_S
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    data = await child.stdout.read(CHUNK_BYTES)
            except TimeoutError:
                return f"was silent for {patience_s:.0f} s"
            if not data:
                return "ended"
            try:
                unpacker.feed(data)
                reports = list(unpacker)
            except (ValueError, msgpack.UnpackException):
                return "sent what is no report"
            for report in reports:
                if report["kind"] != "alive":
                    # From now on no import holds it up, and it says every second that it lives.
                    patience_s = ALIVE_S
                    self._take(report)

    def _take(self, report: dict[str, Any]) -> None:
        venue = report["venue"]
        if report["kind"] == "refused":
            raise UsageError(f"{venue}: {report['why']}")
        if report["kind"] == "said":
            self._say(venue, report["text"])
            return
        if report["kind"] == "lost":
            self._say(venue, f"{report['symbol']}: {report['why']}")
        self._carry_out(self.protocols[venue].told(report, monotonic_ms()))

    def _carry_out(self, outputs: Iterable[Told]) -> None:
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Ask):
                self._say(output.venue, f"{output.symbol}: {output.what}, {output.reason}")
                self._tell({"venue": output.venue, "what": output.what, "symbol": output.symbol})
            elif isinstance(output, Listed):
                self._listed(output)
            else:
                events.append(output)
        if events:
            self._sink(events)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for protocol in self.protocols.values():
                self._carry_out(protocol.tick(monotonic_ms()))

    def _tell(self, message: dict[str, Any]) -> None:
        if self.child is not None and self.child.stdin is not None:
            self.child.stdin.write(msgpack.packb(message))

    def _say(self, venue: str, text: str) -> None:
        """Log a sentence, the same one at most twice a minute."""
        now_ms = monotonic_ms()
        if now_ms - self._said.get((venue, text), -30_000) >= 30_000:
            if len(self._said) > 1_000:
                self._said.clear()
            self._said[venue, text] = now_ms
            log.warning("%s %s", venue, text)


async def _stop(child: asyncio.subprocess.Process) -> None:
    """End the worker: asked by closing its input, then forced."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
