"""The running market: a source a venue, a session a symbol, estimates beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from leadline.domain.events import Event
from leadline.domain.instrument import Instrument
from leadline.domain.leverage import bundled_tiers
from leadline.errors import UsageError, VenueError
from leadline.feed.continuity import VenueStatus
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.session import DAY_MS, SymbolSession
from leadline.limits import RECONNECT_S_MAX
from leadline.venues.bans import Bans
from leadline.venues.base import History, VenueProtocol
from leadline.venues.endpoints import Endpoints
from leadline.venues.history import load_history
from leadline.venues.instruments import load_instruments
from leadline.venues.longtail import Listed, LongTailOptions
from leadline.venues.longtail_source import LongTailSource
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from leadline.venues.tiers import load_tiers

log = logging.getLogger("leadline.feed")

HISTORY_MS = 7 * DAY_MS
RETRY_S_FIRST = 1.0
RESTART_S = 5.0


class Market:
    """Feeds a hub from venues until cancelled.  bans: where venues' bans are kept over a restart.

    Each venue runs by itself: one that is out keeps trying and joins the sessions when it answers.
    longtail: venues read by way of ccxt, all in one helper process that starts only if there are any.
    """

    def __init__(
        self,
        hub: Hub,
        symbols: Iterable[str],
        endpoints: dict[str, Endpoints],
        bans: Bans | None = None,
        longtail: Mapping[str, LongTailOptions] | None = None,
    ) -> None:
        self.hub = hub
        self.symbols = list(symbols)
        self.endpoints = endpoints
        self.longtail = dict(longtail or {})
        self._bans = bans
        self._heats = {symbol: SymbolHeat(hub.clock) for symbol in self.symbols}
        self._unlisted: dict[str, set[str]] = {symbol: set() for symbol in self.symbols}
        for symbol, heat in self._heats.items():
            heat.expect(len(endpoints) + len(self.longtail))
            hub.sessions[symbol] = SymbolSession(symbol, hub.clock, hub.simulated, heat, hub.statuses)

    async def run(self) -> None:
        """Run all venues.

        Raises UsageError when no venue lists a symbol that was asked for.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for venue, endpoints in self.endpoints.items():
                    group.create_task(self._keep_venue(venue, endpoints))
                if self.longtail:
                    group.create_task(self._long_tail(group))
        except* UsageError as errors:
            raise errors.exceptions[0] from None

    async def _keep_venue(self, venue: str, endpoints: Endpoints) -> None:
        """Run a venue; a defect of ours in it is logged whole, and the venue alone starts over.

        Its source leaves every book stale when it ends, so nothing of it looks live meanwhile.
        """
        while True:
            try:
                await self._venue(venue, endpoints)
                return
            except UsageError:
                raise
            except Exception:
                log.exception("%s failed; it starts over in %.0f s", venue, RESTART_S)
                await asyncio.sleep(RESTART_S)

    async def _venue(self, venue: str, endpoints: Endpoints) -> None:
        async with Rest(venue, endpoints.rest, self._bans) as rest:
            self.hub.statuses[venue] = VenueStatus(rest=rest)
            instruments = await self._instruments(venue, rest)
            if not instruments:
                return
            protocol = make_protocol(venue, list(instruments.values()))
            self._show(protocol)
            source = VenueSource(
                protocol,
                endpoints,
                self._take,
                rest=rest,
                renew=lambda: make_protocol(venue, list(instruments.values())),
                replaced=self._replaced,
            )
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
                tiers = bundled_tiers(made.venue, made.symbol)
                group.create_task(self._heats[made.symbol].build(made, tiers, History(), now_ms))
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
            try:
                await self._build_bands(venue, rest, protocol.books[symbol].instrument)
            except Exception:
                # An estimate that cannot be made must not cost the book.
                log.exception("no liquidation estimate of %s on %s", symbol, venue)

    async def _build_bands(self, venue: str, rest: Rest, instrument: Instrument) -> None:
        now_ms = self.hub.clock.wall_ms()
        history = await load_history(venue, rest, instrument, now_ms - HISTORY_MS, now_ms)
        session = self.hub.sessions[instrument.symbol]
        if history.candles and not session.day_prices_known():
            since_ms = now_ms - DAY_MS
            closes = [(bar.at_ms, bar.close) for bar in history.candles if bar.at_ms >= since_ms]
            session.remember_day(closes)
        price = history.candles[-1].close if history.candles else 0.0
        tiers = await load_tiers(rest, instrument, price, now_ms)
        await self._heats[instrument.symbol].build(instrument, tiers, history, now_ms)

    def _replaced(self, protocol: VenueProtocol) -> None:
        self.hub.statuses[protocol.venue].replacements += 1
        self._show(protocol)

    def _show(self, protocol: VenueProtocol) -> None:
        """Give the sessions the books of a venue's protocol object."""
        for symbol, book in protocol.books.items():
            self.hub.sessions[symbol].attach(book.instrument, book)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            session = self.hub.sessions.get(event.symbol)
            if session is not None:
                session.accept(event)
