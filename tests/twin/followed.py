"""A venue of the twin followed by the real adapter over sockets; what it calls live is compared at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

from leadline.domain.events import BookChanged, BookState, Event
from leadline.twin.faults import Faults
from leadline.twin.hub import VenueServer
from leadline.twin.main import Twin
from leadline.venues.booksync import BookSync
from leadline.venues.endpoints import Endpoints
from leadline.venues.instruments import load_instruments
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from tests.twin.reading import read_by_seed
from tests.twin.true_books import difference

SYMBOL = "SOLUSDT"
PATIENCE_S = 45.0  # a test that waits this long has failed; none should
COMPARED = 0.3


class Followed:
    """One venue and the adapter that follows it; ``books`` by symbol, ``seen`` counts what was told."""

    def __init__(self, server: VenueServer, seed: int) -> None:
        self.server = server
        self.books: dict[str, BookSync] = {}
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.listeners: list[Callable[[Event], None]] = []
        self._random = random.Random(f"{seed}/{server.venue}")
        self._changed = asyncio.Event()
        self._last: dict[str, BookState] = {}

    @property
    def book(self) -> BookSync:
        return self.books[SYMBOL]

    @property
    def live(self) -> bool:
        return self.book.state is BookState.LIVE

    def take(self, events: list[Event]) -> None:
        for event in events:
            self.seen[type(event).__name__] += 1
            if isinstance(event, BookChanged):
                self._compare(event)
            for listener in self.listeners:
                listener(event)
        self._changed.set()

    def _compare(self, event: BookChanged) -> None:
        held = self.books[event.symbol]
        before, self._last[event.symbol] = self._last.get(event.symbol), held.state
        self.seen[held.state.name] += 1
        if held.state is not BookState.LIVE:
            return
        if before is not BookState.LIVE or self._random.random() < COMPARED:
            self.seen["compared"] += 1
            wrong = difference(self.server, held)
            if wrong:
                self.wrong.append(wrong)

    async def until(self, what: Callable[[], bool], words: str) -> None:
        """Wait for a condition; fails in words when it does not come."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not what():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            await self._changed.wait()
                    self._changed.clear()
        except TimeoutError:
            held = f"{self.book.state.name}, {self.book.stats}, {self.wrong[:1]}"
            raise AssertionError(f"{self.server.venue}: never {words}; {held}") from None

    async def until_live(self, updates: int = 5) -> None:
        """Wait until the book is live and goes on being updated."""
        await self.until(lambda: self.live, "live")
        deltas, epoch = self.book.stats.deltas, self.book.epoch
        await self.until(
            lambda: self.live and (self.book.stats.deltas >= deltas + updates or self.book.epoch > epoch + 3),
            "live with updates",
        )

    def assert_true(self) -> None:
        assert self.seen["compared"] > 0
        assert not self.wrong, f"{self.server.venue} called live what is not true: {self.wrong[0]}"


@contextlib.asynccontextmanager
async def followed(
    twin: Twin,
    venue: str,
    port: int | None = None,
    faults: Faults | None = None,
    symbols: tuple[str, ...] = (SYMBOL,),
) -> AsyncIterator[Followed]:
    """Follow ``venue``.  faults hold from the first connection on; port: of a proxy before the sockets."""
    server = twin.servers[venue]
    made = Followed(server, twin.world.seed)
    base = f"127.0.0.1:{twin.ports[venue]}"
    endpoints = Endpoints(rest=f"http://{base}", ws=f"ws://127.0.0.1:{port}" if port else f"ws://{base}")
    async with Rest(venue, endpoints.rest) as rest:
        instruments = await load_instruments(venue, rest, list(symbols))
        protocol = make_protocol(venue, list(instruments.values()))
        read_by_seed(protocol, twin.world.seed)
        made.books = protocol.books  # type: ignore[assignment]
        server.faults = faults or Faults()
        source = VenueSource(protocol, endpoints, made.take, rest=rest, rng=random.Random(twin.world.seed))
        running = asyncio.create_task(source.run())
        try:
            yield made
            assert not running.done(), f"{venue}: the source ended by itself: {running.exception()!r}"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    made.assert_true()
