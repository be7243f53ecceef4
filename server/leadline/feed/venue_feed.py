"""One venue of a running market: its contracts, its connections, its clock, its history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial

from leadline.domain.instrument import Instrument
from leadline.errors import VenueError
from leadline.feed.backfill import in_last_unit, load_past, past_rows
from leadline.feed.continuity import VenueStatus
from leadline.feed.contracts import Changes, Contracts
from leadline.feed.due_symbols import DueSymbols
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.pulse_history import remember_pulse
from leadline.feed.raw_reading import RawReading
from leadline.feed.session import DAY_MS, MINUTE_MS
from leadline.limits import RECONNECT_S_MAX
from leadline.store.history import HistoryStore
from leadline.venues.base import History, VenueProtocol
from leadline.venues.clock_offset import measure_offset
from leadline.venues.endpoints import Endpoints
from leadline.venues.history import load_ratio
from leadline.venues.instruments import load_instruments
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Rest
from leadline.venues.source import VenueSource
from leadline.venues.tiers import load_tiers

log = logging.getLogger("leadline.feed")

RETRY_S_FIRST = 1.0
CONTRACTS_EVERY_S = 180.0
RATIOS_EVERY_S = 300.0
RATIOS_BACK_MS = 1_800_000
CLOCK_EVERY_S = 3600.0
CLOCK_RETRY_S = 60.0


class VenueFeed:
    """Feeds the sessions of a hub from one venue until cancelled.

    A venue that is out keeps being asked, and joins the sessions when it answers.  missing: told of
    the symbols it does not list.  store: where history is kept, None for nowhere.
    """

    def __init__(
        self,
        hub: Hub,
        venue: str,
        endpoints: Endpoints,
        rest: Rest,
        heats: dict[str, SymbolHeat],
        missing: Callable[[str, str], None],
        raw_reading: RawReading | None = None,
        store: HistoryStore | None = None,
    ) -> None:
        self.venue = venue
        self._raw_reading = raw_reading
        self._store = store
        self._hub = hub
        self._endpoints = endpoints
        self._rest = rest
        self._heats = heats
        self._missing = missing
        self._status = hub.statuses[venue] = VenueStatus(rest=rest)
        self._contracts = Contracts({})
        self._histories_due = DueSymbols(hub.watched_symbols)

    async def run(self) -> None:
        await asyncio.gather(self._measure_clock(), self._load_contracts())
        protocol = self._protocol()
        self._show(protocol)
        source = VenueSource(
            protocol,
            self._endpoints,
            self._hub.take,
            rest=self._rest,
            renew=self._protocol,
            replaced=self._replaced,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(source.run())
            group.create_task(self._histories())
            group.create_task(self._follow_contracts(source))
            group.create_task(self._follow_clock())
            group.create_task(self._follow_ratios())

    # Books.

    def _protocol(self) -> VenueProtocol:
        protocol = make_protocol(self.venue, self._contracts.trading())
        if self._raw_reading is not None:
            self._raw_reading.serve(protocol)
        return protocol

    def _replaced(self, protocol: VenueProtocol) -> None:
        self._status.replacements += 1
        self._show(protocol)

    def _show(self, protocol: VenueProtocol) -> None:
        """Give the sessions the books of a protocol object; a contract closed meanwhile stays closed."""
        open_symbols = {made.symbol for made in self._contracts.trading()}
        for symbol in protocol.books.keys() & open_symbols:
            book = protocol.books[symbol]
            self._hub.sessions[symbol].attach(book.instrument, book)

    # Contracts.

    async def _load_contracts(self) -> None:
        """Ask for the venue's contracts until it answers."""
        symbols, wait_s = list(self._hub.sessions), RETRY_S_FIRST
        while True:
            try:
                found = await load_instruments(self.venue, self._rest, symbols)
                break
            except VenueError as error:
                log.warning("%s; asking again in %.0f s", error, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RECONNECT_S_MAX)
        for symbol in symbols:
            if symbol not in found:
                self._missing(self.venue, symbol)
            else:
                self._hub.sessions[symbol].unit_changed[self.venue] = partial(self._unit_changed, symbol)
        self._contracts = Contracts(found)
        for made in self._contracts.closed():
            self._close(made)
        for made in self._contracts.trading():
            self._histories_due.put(made.symbol)

    async def _follow_contracts(self, source: VenueSource) -> None:
        """Look now and then whether contracts opened, closed or changed their steps."""
        while True:
            await asyncio.sleep(CONTRACTS_EVERY_S)
            try:
                found = await load_instruments(self.venue, self._rest, list(self._hub.sessions))
            except VenueError as error:
                log.warning("%s; the contracts stay as they were", error)
                continue
            changes = self._contracts.take(found)
            if changes:
                self._apply(changes)
                source.replace("contracts opened, closed or changed")

    def _apply(self, changes: Changes) -> None:
        for symbol in changes.closed:
            self._close(self._contracts.get(symbol))
        for symbol in changes.opened:
            self._histories_due.put(symbol)
            self._say(symbol, f"{self.venue.capitalize()} trades {symbol} now; its book joins.")
        for symbol in changes.rebuilt:
            log.warning("%s changed the steps of %s; its book is built anew", self.venue, symbol)

    def _unit_changed(self, symbol: str) -> None:
        self._histories_due.put(symbol)
        self._say(
            symbol,
            f"{self.venue.capitalize()} counts {symbol} in another unit now: its estimate is made anew, "
            "and price alerts and marks mean the old unit.",
        )

    def _close(self, made: Instrument) -> None:
        self._hub.sessions[made.symbol].close(made)
        self._heats[made.symbol].forget(self.venue)
        self._say(made.symbol, f"{self.venue.capitalize()} does not trade {made.symbol}; its book is closed.")

    def _say(self, symbol: str, text: str) -> None:
        log.warning("%s", text)
        self._hub.notify(symbol, "contract", text)

    # The venue's clock.

    async def _follow_clock(self) -> None:
        while True:
            known = self._status.clock_offset_ms is not None
            await asyncio.sleep(CLOCK_EVERY_S if known else CLOCK_RETRY_S)
            await self._measure_clock()

    async def _measure_clock(self) -> None:
        offset_ms = await measure_offset(self.venue, self._rest)
        if offset_ms is not None:
            self._status.clock_offset_ms = self._rest.clock_offset_ms = offset_ms

    def _venue_ms(self) -> int:
        """Return the time by the venue's clock."""
        return self._hub.clock.wall_ms() + (self._status.clock_offset_ms or 0)

    # History.

    async def _histories(self) -> None:
        """Build each symbol's bands from what history the venue gives, those somebody watches first."""
        async with asyncio.TaskGroup() as without_history:
            while True:
                symbol = await self._histories_due.take()
                try:
                    waiting = await self._build_bands(symbol)
                except Exception:
                    # An estimate that cannot be made must not cost the book.
                    log.exception("no liquidation estimate of %s on %s", symbol, self.venue)
                    continue
                if waiting is not None:
                    # It waits for a first mark, and the others shall not wait with it.
                    without_history.create_task(waiting)

    async def _build_bands(self, symbol: str) -> Coroutine[None, None, object] | None:
        """Build a symbol's bands; without history, return the building that has yet to wait for a price."""
        instrument, now_ms = self._contracts.get(symbol), self._venue_ms()
        heat = self._heats[symbol]
        told = await load_past(
            *(self._store, self.venue, self._rest, instrument, now_ms),
            lambda share: heat.loading(self.venue, share),
        )
        past = in_last_unit(told)
        history = past.history
        self._remember_day(symbol, history, now_ms)
        remember_pulse(self._hub.sessions[symbol].pulse, self.venue, history, self._hub.clock.wall_ms())
        price = history.candles[-1].close if history.candles else 0.0
        tiers = await load_tiers(self._rest, instrument, price, now_ms, self._endpoints.key)
        building = heat.build(instrument, tiers, history, now_ms, past.kept, past.lessons)
        if not history.candles:
            return building
        made = await building
        if self._store is not None:
            rows = await asyncio.to_thread(
                past_rows, symbol, self.venue, history, [*past.kept, *made], past.since_ms
            )
            self._store.put(rows)
        return None

    async def _follow_ratios(self) -> None:
        """Ask now and then who is long; no stream tells."""
        while True:
            await asyncio.sleep(RATIOS_EVERY_S)
            for made in self._contracts.trading():
                now_ms = self._venue_ms()
                ratios = await load_ratio(self.venue, self._rest, made, now_ms - RATIOS_BACK_MS, now_ms)
                pulse = self._hub.sessions[made.symbol].pulse
                for at_ms, ratio in ratios:
                    pulse.sample(self.venue, at_ms // MINUTE_MS, long_share=ratio / (1 + ratio))

    def _remember_day(self, symbol: str, history: History, now_ms: int) -> None:
        session, since_ms = self._hub.sessions[symbol], now_ms - DAY_MS
        if history.candles and not session.day_prices_known():
            session.remember_day([(bar.at_ms, bar.close) for bar in history.candles if bar.at_ms >= since_ms])
