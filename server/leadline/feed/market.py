"""The running market: a feed a venue, a session a symbol, estimates beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from leadline.errors import UsageError
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.session import SymbolSession
from leadline.feed.venue_feed import VenueFeed
from leadline.venues.bans import Bans
from leadline.venues.endpoints import Endpoints
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.feed")


class Market:
    """Feeds a hub from venues until cancelled.  bans: where venues' bans are kept over a restart.

    Each venue runs by itself: one that is out keeps trying and joins the sessions when it answers.
    """

    def __init__(
        self, hub: Hub, symbols: Iterable[str], endpoints: dict[str, Endpoints], bans: Bans | None = None
    ) -> None:
        self.hub = hub
        self.endpoints = endpoints
        self._bans = bans
        self._heats = {symbol: SymbolHeat(hub.clock) for symbol in symbols}
        self._unlisted: dict[str, set[str]] = {symbol: set() for symbol in self._heats}
        for symbol, heat in self._heats.items():
            heat.expect(len(endpoints))
            hub.sessions[symbol] = SymbolSession(symbol, hub.clock, hub.simulated, heat, hub.statuses)

    async def run(self) -> None:
        """Run all venues.

        Raises UsageError when no venue lists a symbol that was asked for.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for venue, endpoints in self.endpoints.items():
                    group.create_task(self._venue(venue, endpoints))
        except* UsageError as errors:
            raise errors.exceptions[0] from None

    async def _venue(self, venue: str, endpoints: Endpoints) -> None:
        async with Rest(venue, endpoints.rest, self._bans) as rest:
            await VenueFeed(self.hub, venue, endpoints, rest, self._heats, self._missing).run()

    def _missing(self, venue: str, symbol: str) -> None:
        refused = self._unlisted[symbol]
        refused.add(venue)
        if refused == set(self.endpoints):
            raise UsageError(f"unknown symbol {symbol}: none of {', '.join(sorted(refused))} lists it")
        log.warning("%s lists no %s; it is left out there", venue, symbol)
