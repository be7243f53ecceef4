"""Tells an outside watcher once a minute that this server watches the market.

A server that is killed or loses its power can tell nobody; a watcher elsewhere (healthchecks.io, Uptime
Kuma, any that expects a GET in time) notices the silence and pages.  So silence is kept when the process
runs but does not watch: without a live book, with rules nobody looks at, or a state that takes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from leadline.clock import Clock
from leadline.domain.events import BookState
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.session import SymbolSession
from leadline.push.alarms import ALIVE_EVERY_S, Alarms
from leadline.push.answers import Answer, Verdict, verdict
from leadline.push.sender import Sender

log = logging.getLogger("leadline.push")

EVERY_S = 60.0
AGAIN_S = 10.0  # after a beat that was not heard; watchers allow for a late one
STEP_LATE_MS = 30_000
KEEP_LATE_MS = round(3 * ALIVE_EVERY_S * 1000)


class Heartbeat:
    """Beats to ``url`` by GET.  every_s, again_s: between two beats, and after one that was not heard.

    trouble: asked before each beat why the server does not watch now, "" while it does.
    """

    def __init__(
        self, sender: Sender, url: str, clock: Clock, every_s: float = EVERY_S, again_s: float = AGAIN_S
    ) -> None:
        self.trouble: Callable[[], str] = lambda: "the server is starting"
        self._sender = sender
        self._url = url
        self._clock = clock
        self._every_s = every_s
        self._again_s = again_s
        self._said = ""
        self._heard_ms: int | None = None

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            trouble = self.trouble()
            said = trouble or await self._beat()
            if said != self._said:
                # That a server which has just started does not watch yet is no warning.
                level = logging.INFO if trouble or not said else logging.WARNING
                log.log(level, "the watcher at %s: %s", self._host, said or "heard")
            self._said = said
            await asyncio.sleep(self._again_s if said else self._every_s)

    async def _beat(self) -> str:
        """Beat once; return why it was not heard, "" when it was."""
        answer = await self._sender.beat(self._url)
        if verdict(answer.status) is not Verdict.DELIVERED:
            return _sentence(answer)
        self._heard_ms = self._clock.wall_ms()
        return ""

    def told(self) -> dict[str, Any]:
        """Return what the health page shows: host, heard_ms (Unix ms, null before), problem ("" for none)."""
        return {"host": self._host, "heard_ms": self._heard_ms, "problem": self._said}

    @property
    def _host(self) -> str:
        # The rest of the address is as good as a password.
        return urlsplit(self._url).hostname or "?"


def trouble_of(clock: Clock, sessions: Mapping[str, SymbolSession], desk: AlertDesk, alarms: Alarms) -> str:
    """Say why nothing would be told now, "" while rules are held against a live book and alerts are kept."""
    now_ms = clock.monotonic_ms()
    if now_ms - alarms.kept_ms > KEEP_LATE_MS:
        return "the state takes no alerts"
    if now_ms - desk.stepped_ms > STEP_LATE_MS:
        return "the rules are not looked at"
    books = (view.book for session in sessions.values() for view in session.venues.values())
    return "" if any(book.state is BookState.LIVE for book in books) else "no market has a live book"


def _sentence(answer: Answer) -> str:
    if answer.status is None:
        return answer.problem
    if 300 <= answer.status < 400:
        return f"it points elsewhere, which is not followed ({answer.status})"
    return f"it answers {answer.status}"
