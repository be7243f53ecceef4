"""The running market: a feed a venue, a session a symbol, estimates beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from leadline.domain.instrument import Instrument
from leadline.domain.leverage import bundled_tiers
from leadline.errors import UsageError
from leadline.feed import compiler_pages
from leadline.feed.backfill import lesson_rows, minute_rows
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.map_columns import EndedMinute, end_minutes
from leadline.feed.promise_log import keep_promises
from leadline.feed.raw_reading import RawReading
from leadline.feed.session import SymbolSession
from leadline.feed.venue_feed import VenueFeed
from leadline.store.history import HistoryStore
from leadline.venues.bans import Bans
from leadline.venues.base import History
from leadline.venues.endpoints import Endpoints
from leadline.venues.longtail import Listed, LongTailOptions
from leadline.venues.longtail_source import LongTailSource
from leadline.venues.rest import Rest
from leadline.venues.tiers import load_public_tiers

log = logging.getLogger("leadline.feed")

RESTART_S = 5.0
LESSONS_EVERY_MS = 600_000


class Market:
    """Feeds a hub from venues until cancelled.  bans: where venues' bans are kept over a restart.

    Each venue runs by itself: one that is out keeps trying and joins the sessions when it answers.
    longtail: venues read by way of ccxt, all in one helper process that starts only if there are any.
    scores: the folder sealed maps are kept in, None to keep none.
    store: where history is kept, None for nowhere.
    """

    def __init__(
        self,
        hub: Hub,
        symbols: Iterable[str],
        endpoints: dict[str, Endpoints],
        bans: Bans | None = None,
        longtail: Mapping[str, LongTailOptions] | None = None,
        scores: Path | None = None,
        store: HistoryStore | None = None,
    ) -> None:
        self.hub = hub
        self.endpoints = endpoints
        self.longtail = dict(longtail or {})
        self._bans = bans
        self._scores = scores
        self._store = store
        self._taught_ms: dict[str, int] = {}
        self._raw_reading = RawReading()
        self._heats = {symbol: SymbolHeat(hub.clock) for symbol in symbols}
        self._unlisted: dict[str, set[str]] = {symbol: set() for symbol in self._heats}
        for symbol, heat in self._heats.items():
            heat.expect(len(endpoints) + len(self.longtail))
            hub.sessions[symbol] = SymbolSession(symbol, hub.clock, hub.simulated, heat, hub.statuses)

    @property
    def heats(self) -> Mapping[str, SymbolHeat]:
        """The estimates, by symbol."""
        return self._heats

    async def run(self) -> None:
        """Run all venues.

        Raises UsageError when no venue lists a symbol that was asked for.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._raw_reading.run())
                group.create_task(compiler_pages.keep_away())
                group.create_task(end_minutes(self.hub.clock, self._heats, self._keep))
                if self._scores is not None:
                    group.create_task(keep_promises(self._heats, self._scores))
                for venue, endpoints in self.endpoints.items():
                    group.create_task(self._keep_venue(venue, endpoints))
                if self.longtail:
                    group.create_task(self._long_tail(group))
        except* UsageError as errors:
            raise errors.exceptions[0] from None

    def _keep(self, symbol: str, ended: list[EndedMinute]) -> None:
        """Hand the minutes of a symbol's venues to the store, and now and then what they have taught."""
        if self._store is None:
            return
        self._store.put(row for minute in ended for row in minute_rows(symbol, minute))
        now_ms = self.hub.clock.wall_ms()
        if now_ms - self._taught_ms.get(symbol, 0) >= LESSONS_EVERY_MS:
            self._taught_ms[symbol] = now_ms
            self._store.put(lesson_rows(symbol, self.heats[symbol].memory(), now_ms))

    async def _keep_venue(self, venue: str, endpoints: Endpoints) -> None:
        """Run a venue; a defect of ours in it is logged whole, and the venue alone starts over.

        Its source leaves every book stale when it ends, so nothing of it looks live meanwhile.
        """
        while True:
            try:
                async with Rest(venue, endpoints.rest, self._bans) as rest:
                    await VenueFeed(
                        *(self.hub, venue, endpoints, rest, self._heats, self._missing),
                        *(self._raw_reading, self._store),
                    ).run()
                return
            except UsageError:
                raise
            except Exception:
                log.exception("%s failed; it starts over in %.0f s", venue, RESTART_S)
                await asyncio.sleep(RESTART_S)

    async def _long_tail(self, group: asyncio.TaskGroup) -> None:
        def listed(told: Listed) -> None:
            for book in told.books:
                made = book.instrument
                self.hub.sessions[made.symbol].attach(made, book)
                group.create_task(self._build_bands(made))
            for symbol in told.missing:
                self._missing(told.venue, symbol)

        await LongTailSource(self.longtail, list(self._heats), self.hub.take, listed).run()

    async def _build_bands(self, made: Instrument) -> None:
        """Start the bands of a contract read by way of ccxt, with what comes: no history is loaded for it."""
        now_ms = self.hub.clock.wall_ms()
        # Other hosts than the venue's own are those of a stand-in, which has no tiers.
        own = not self.longtail[made.venue].hosts
        tiers = (
            await load_public_tiers(made, 0.0, now_ms)
            if own
            else bundled_tiers(made.venue, made.symbol, leverage_max=made.leverage_max)
        )
        await self._heats[made.symbol].build(made, tiers, History(), now_ms)

    def _missing(self, venue: str, symbol: str) -> None:
        refused = self._unlisted[symbol]
        refused.add(venue)
        if refused == {*self.endpoints, *self.longtail}:
            raise UsageError(f"unknown symbol {symbol}: none of {', '.join(sorted(refused))} lists it")
        log.warning("%s lists no %s; it is left out there", venue, symbol)
