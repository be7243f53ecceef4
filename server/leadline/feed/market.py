"""The running market: a source a venue, a session a symbol, estimates beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from leadline.domain.events import Event
from leadline.domain.instrument import Instrument
from leadline.errors import UsageError, VenueError
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.session import DAY_MS, SymbolSession
from leadline.limits import RECONNECT_S_MAX
from leadline.venues.base import History, VenueProtocol
from leadline.venues.endpoints import Endpoints
from leadline.venues.history import load_history
from leadline.venues.instruments import load_instruments
from leadline.venues.longtail import Listed, LongTailOptions
from leadline.venues.longtail_source import LongTailSource
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource

log = logging.getLogger("leadline.feed")

HISTORY_MS = 7 * DAY_MS
RETRY_S_FIRST = 1.0


class Market:
    """Feeds a hub from venues until cancelled.

    Each venue runs by itself: one that is out keeps trying and joins the sessions when it answers.
    longtail: venues read by way of ccxt, all in one helper process that starts only if there are any.
    """

    def __init__(
        self,
        hub: Hub,
        symbols: Iterable[str],
        endpoints: dict[str, Endpoints],
        longtail: Mapping[str, LongTailOptions] | None = None,
    ) -> None:
        self.hub = hub
        self.symbols = list(symbols)
        self.endpoints = endpoints
        self.longtail = dict(longtail or {})
        self._heats = {symbol: SymbolHeat(hub.clock) for symbol in self.symbols}
        self._unlisted: dict[str, set[str]] = {symbol: set() for symbol in self.symbols}
        for symbol, heat in self._heats.items():
            heat.expect(len(endpoints) + len(self.longtail))
            hub.sessions[symbol] = SymbolSession(symbol, hub.clock, hub.simulated, heat)

    async def run(self) -> None:
        """Run all venues.

        Raises UsageError when no venue lists a symbol that was asked for.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for venue, endpoints in self.endpoints.items():
                    group.create_task(self._venue(venue, endpoints))
                if self.longtail:
                    group.create_task(self._long_tail(group))
        except* UsageError as errors:
            raise errors.exceptions[0] from None

    async def _venue(self, venue: str, endpoints: Endpoints) -> None:
        async with Rest(venue, endpoints.rest) as rest:
            instruments = await self._instruments(venue, rest)
            if not instruments:
                return
            protocol = make_protocol(venue, list(instruments.values()))
            for symbol, instrument in instruments.items():
                self.hub.sessions[symbol].attach(instrument, protocol.books[symbol])
            source = VenueSource(protocol, endpoints, self._take, rest=rest)
            async with asyncio.TaskGroup() as group:
                group.create_task(source.run())
                group.create_task(self._histories(venue, rest, protocol))

    async def _long_tail(self, group: asyncio.TaskGroup) -> None:
        def listed(told: Listed) -> None:
            for book in told.books:
                made = book.instrument
                self.hub.sessions[made.symbol].attach(made, book)
                # No history is loaded by way of ccxt: the bands start with what comes.
                now_ms = self.hub.clock.wall_ms()
                group.create_task(self._heats[made.symbol].build(made, History(), now_ms))
            for symbol in told.missing:
                self._missing(told.venue, symbol)

        await LongTailSource(self.longtail, self.symbols, self._take, listed).run()

    async def _instruments(self, venue: str, rest: Rest) -> dict[str, Instrument]:
        """Ask for the venue's contracts until it answers; return those we watch and it lists."""
        wait_s = RETRY_S_FIRST
        while True:
            try:
                found = await load_instruments(venue, rest, self.symbols)
                break
            except VenueError as error:
                log.warning("%s; asking again in %.0f s", error, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RECONNECT_S_MAX)
        for symbol in self.symbols:
            if symbol not in found:
                self._missing(venue, symbol)
        return found

    def _missing(self, venue: str, symbol: str) -> None:
        refused = self._unlisted[symbol]
        refused.add(venue)
        if refused == {*self.endpoints, *self.longtail}:
            raise UsageError(f"unknown symbol {symbol}: none of {', '.join(sorted(refused))} lists it")
        log.warning("%s lists no %s; it is left out there", venue, symbol)

    async def _histories(self, venue: str, rest: Rest, protocol: VenueProtocol) -> None:
        """Build each symbol's bands from what history the venue gives, the first symbol first."""
        for symbol in self.symbols:
            if symbol not in protocol.books:
                continue
            instrument = protocol.books[symbol].instrument
            now_ms = self.hub.clock.wall_ms()
            history = await load_history(venue, rest, instrument, now_ms - HISTORY_MS, now_ms)
            session = self.hub.sessions[symbol]
            if history.candles and not session.day_prices_known():
                since_ms = now_ms - DAY_MS
                closes = [(bar.at_ms, bar.close) for bar in history.candles if bar.at_ms >= since_ms]
                session.remember_day(closes)
            await self._heats[symbol].build(instrument, history, now_ms)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            session = self.hub.sessions.get(event.symbol)
            if session is not None:
                session.accept(event)
