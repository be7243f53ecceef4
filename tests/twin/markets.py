"""A market of one of the twin's venues, and somebody who watches a session of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from leadline.clock import SystemClock
from leadline.domain.events import BookChanged, BookState, Event
from leadline.domain.ladder import LadderFlags
from leadline.feed.hub import Hub
from leadline.feed.market import Market
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.twin.main import Twin
from leadline.venues.endpoints import Endpoints
from leadline.wire.prepared import PreparedFrame

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


def endpoints_of(twin: Twin, venue: str) -> dict[str, Endpoints]:
    port = twin.ports[venue]
    return {venue: Endpoints(rest=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}")}


@contextlib.asynccontextmanager
async def market_of(twin: Twin, venue: str, closed: int = 0) -> AsyncIterator[Hub]:
    """Run a market of one venue; yields when all its books but the closed ones are live."""
    hub = Hub(SystemClock(), "twin", simulated=True)
    market = Market(hub, SYMBOLS, endpoints_of(twin, venue))
    running = asyncio.create_task(market.run())
    try:
        async with asyncio.timeout(20):
            while sum(live(session, venue) for session in hub.sessions.values()) < len(SYMBOLS) - closed:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.02)
        yield hub
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def live(session: SymbolSession, venue: str) -> bool:
    return venue in session.venues and session.venues[venue].book.state is BookState.LIVE


class Witness:
    """Sees every event a session takes, and the flags of the ladder after it."""

    def __init__(self, session: SymbolSession) -> None:
        self.states: list[BookState] = []
        self.flags: set[int] = set()
        accept = session.accept

        def watched(event: Event) -> None:
            accept(event)
            if isinstance(event, BookChanged):
                self.states.append(event.state)
                flags = session.ladder(ALL_VENUES, 1, 5, session.tape.count).flags
                self.flags.add(flags & ~LadderFlags.CROSSED)

        session.accept = watched  # type: ignore[method-assign]


class Reader:
    """A phone that reads notices."""

    straight = None

    def __init__(self) -> None:
        self.notices: list[bytes] = []

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None: ...

    def offer_state(self, stream: int, frame: PreparedFrame) -> None: ...

    def offer_notice(self, frame: PreparedFrame) -> None:
        self.notices.append(frame.payload)

    def told(self, *texts: str) -> bool:
        """Tell whether one notice held all of these texts."""
        return any(all(text.encode() in frame for text in texts) for frame in self.notices)
