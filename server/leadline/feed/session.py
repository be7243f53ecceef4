"""One symbol over its venues: what is known now, and the ladder of any view of it.

A session is told of events by the venues' sources and asked for ladders by its streams, on one
thread.  It keeps the venues' books by reference, never a copy: a ladder is cut from them when it is
wanted, so clients cost ingest nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.clock import Clock
from leadline.domain.events import (
    BestQuote,
    BookChanged,
    BookState,
    Completeness,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    Side,
)
from leadline.domain.grouping import default_group, group_steps
from leadline.domain.instrument import Instrument
from leadline.domain.ladder import (
    LadderFlags,
    LadderView,
    Resting,
    VenueLevels,
    VenueScale,
    grain_of,
    resting_of,
    rows_of,
    touch_of,
)
from leadline.domain.leap import leaps
from leadline.domain.mark_watch import SILENT_MS
from leadline.domain.pace import Pace
from leadline.domain.pulse import Pulse
from leadline.domain.tape import TapeLiquidation
from leadline.domain.trades import Trades, joined
from leadline.feed.continuity import LIQUIDATION_FEEDS, Continuity, VenueStatus
from leadline.feed.tape import ALL_VENUES as ALL_VENUES
from leadline.feed.tape import Tape
from leadline.feed.telling import NO_SUMMARY
from leadline.units import Step, common_step
from leadline.venues.base import VenueBook
from leadline.venues.booksync import BookSync

if TYPE_CHECKING:
    from leadline.feed.map_columns import SymbolColumns

log = logging.getLogger("leadline.feed")

MINUTE_MS = 60_000
UNIT_CHANGE_MS = 10_000
DAY_MS = 86_400_000
PULSE_EVERY_MS = 5_000
PULSE_AHEAD_MS = (
    1_000  # a minute is looked at in its last second too, so that what was traded in it is its own
)
DAY_PRICE_EVERY_MS = 300_000
DAY_PRICES_MAX = DAY_MS // DAY_PRICE_EVERY_MS + 2
REFERENCE_ORDER = ("binance", "okx", "bybit")  # whose mark and price lead when several are live


def reference_rank(venue: str) -> int:
    """Return the place of a venue among those whose price leads; unknown ones come last."""
    return REFERENCE_ORDER.index(venue) if venue in REFERENCE_ORDER else len(REFERENCE_ORDER)


class HeatSource(Protocol):
    """What a session needs of the estimator: the heat of its rows and the clusters around it."""

    def take(self, event: Event, instrument: Instrument) -> None: ...

    def forget(self, venue: str) -> None: ...

    def codes(self, venue: str, tick: Step, group: int, first: int) -> NDArray[np.uint8]: ...

    def summary(
        self, venue: str, tick: Step, group: int, pace: Pace, resting: Resting | None
    ) -> dict[str, object]: ...

    def moves(self, venue: str) -> dict[str, object] | None: ...

    def standing(self, venue: str) -> str: ...

    @property
    def progress(self) -> float: ...

    @property
    def columns(self) -> SymbolColumns: ...


@dataclass(slots=True)
class VenueView:
    """One venue of the session: its book by reference and its last slow facts.

    closed: the venue does not trade the contract (not yet, for now, or no more).  marked_ms: when its mark
    came; anew_ms: when it was last begun anew in another unit; both by the local clock.
    """

    instrument: Instrument
    book: VenueBook
    scale: VenueScale
    mark: float | None = None
    marked_ms: int = 0
    funding: Funding | None = None
    open_interest_coins: float | None = None
    last_price: float | None = None
    epoch_seen: int = 0
    continuity: Continuity = field(default_factory=Continuity)
    liquidations: Completeness = Completeness.UNKNOWN
    closed: bool = False
    anew_ms: int | None = None

    def known(self) -> tuple[int, int]:
        """Return the ticks of the symbol between which each order of the venue is known, (0, 0) unknown."""
        low, high = self.book.known
        return low * self.scale.tick_factor, high * self.scale.tick_factor


class SymbolSession:
    """Everything known of one symbol now.  statuses: of the venues, kept up to date by whoever runs them.

    epoch rises when a venue's book was lost and anchored anew, a venue joined or the recording
    started over: whoever holds a frame of an older epoch needs a keyframe.
    """

    def __init__(
        self,
        symbol: str,
        clock: Clock,
        simulated: bool,
        heat: HeatSource | None = None,
        statuses: Mapping[str, VenueStatus] | None = None,
    ) -> None:
        self.symbol = symbol
        self.clock = clock
        self.simulated = simulated
        self.heat = heat
        self.statuses: Mapping[str, VenueStatus] = {} if statuses is None else statuses
        self.epoch = 0
        self.venues: dict[str, VenueView] = {}
        self.tick = Step(1, 0)
        self.lot = Step(1, 0)
        self.tape = Tape()
        self.pulse = Pulse()
        self.regime = 0  # the wire's number, 0 while nobody judges it
        self.cascades: Mapping[int, dict[str, object]] = {}  # by cluster of all venues: how price nears it
        self._flow_told: dict[str, tuple[float, float]] = {}
        self.pace = Pace()
        self.day_prices: deque[tuple[int, float]] = deque(maxlen=DAY_PRICES_MAX)
        self._day_range: tuple[object, float] = None, 0.0  # of the prices between which it was worked out
        self.listener: Callable[[Event, VenueView], None] | None = None  # told of each event once it is taken
        self.unit = 0  # rises when the price began to be that of another unit
        self.unit_changed: dict[str, Callable[[], None]] = {}  # by venue: told when its unit changed
        self._grouped_price: float | None = None
        self._pulse_turn = -1

    def attach(self, instrument: Instrument, book: VenueBook) -> None:
        """Add a venue, or replace its book and instrument; the common steps are worked out again.

        What is known of the venue beside its book stays.  A book that goes on where the one before it
        stood (same steps, same epoch) leaves the session's epoch as it is.
        """
        before = self.venues.get(instrument.venue)
        if before is not None and before.closed:
            before = None
        held = {name: view for name, view in self.venues.items() if name != instrument.venue}
        instruments = [view.instrument for view in held.values()] + [instrument]
        tick = common_step([made.tick for made in instruments])
        lot = common_step([_coin_lot(made) for made in instruments])
        if (tick, lot) != (self.tick, self.lot):
            # Trades already told keep their numbers; their sizes in the old steps are forgotten.
            self.tick, self.lot, self.tape = tick, lot, Tape(self.tape)
        feed = LIQUIDATION_FEEDS.get(instrument.venue, Completeness.UNKNOWN)
        known = before or VenueView(instrument, book, VenueScale(1, 1), liquidations=feed)
        view = replace(known, instrument=instrument, book=book, epoch_seen=book.epoch)
        held[instrument.venue] = view
        self.venues = dict(sorted(held.items(), key=lambda item: reference_rank(item[0])))
        for each in self.venues.values():
            each.scale = VenueScale(
                int(each.instrument.tick.fraction / tick.fraction),
                int(_coin_lot(each.instrument).fraction / lot.fraction),
            )
        self.epoch += before is None or not _continues(before, view)

    def close(self, instrument: Instrument) -> None:
        """Let a venue's contract be closed: its book is gone, and so is what was known of it."""
        self.venues.pop(instrument.venue, None)
        book = BookSync(instrument, "")
        self.attach(instrument, book)
        self.venues[instrument.venue].closed = True

    def accept(self, event: Event) -> None:
        """Take one event of this symbol; events come in the order the venue sent them."""
        view = self.venues.get(event.venue)
        if view is None or view.closed:
            return
        if isinstance(event, BookChanged):
            # The most frequent of all, and nobody else's: who looks at books does so in his own time.
            self._book_changed(event, view)
            return
        if isinstance(event, BestQuote):
            return  # the books say it themselves
        if isinstance(event, Trades):
            self._trades(event, view)
        elif isinstance(event, Mark):
            if leaps(view.mark, event.price):
                self._begin_anew(view)
            view.mark, view.marked_ms = event.price, self.clock.monotonic_ms()
        elif isinstance(event, Funding):
            view.funding = event
        elif isinstance(event, OpenInterest):
            view.open_interest_coins = event.coins
        elif isinstance(event, Liquidation):
            self._liquidation(event)
        if self.heat is not None:
            self.heat.take(event, view.instrument)
        if self.listener is not None:
            self.listener(event, view)

    def _trades(self, trades: Trades, view: VenueView) -> None:
        now_ms = self.clock.wall_ms()
        self.tape.add(trades, view.scale, now_ms)
        if trades.late:
            self._late_flow(trades, now_ms)
        elif not leaps(view.mark, trades.last_price):
            view.last_price = trades.last_price

    def _begin_anew(self, view: VenueView) -> None:
        """Forget what was known of a venue in another unit; whoever keeps more of it is told."""
        venue, now_ms = view.instrument.venue, self.clock.monotonic_ms()
        # Book and mark tell of the same change, one after the other.
        again = view.anew_ms is not None and now_ms - view.anew_ms < UNIT_CHANGE_MS
        view.anew_ms = now_ms
        log.warning("%s counts %s in another unit now", venue, self.symbol)
        if view is next(iter(self.venues.values())):
            # What is known of the symbol's price is known in this venue's unit.
            self.pace, self._grouped_price = Pace(), None
            self.day_prices.clear()
            self.unit += 1
        view.mark = view.last_price = view.funding = view.open_interest_coins = None
        self.tape = Tape(self.tape)
        self.pulse.forget(venue)
        self._flow_told.pop(venue, None)
        self.epoch += 1
        if self.heat is not None:
            self.heat.forget(venue)
        if venue in self.unit_changed and not again:
            self.unit_changed[venue]()

    def _late_flow(self, trades: Trades, now_ms: int) -> None:
        """Count late trades in the minutes they were made in, and not in this one."""
        made, venue = joined((trades,)), trades.venue
        minutes = np.minimum(made.at_ms, now_ms) // MINUTE_MS
        for minute in np.unique(minutes).tolist():
            of_it = minutes == minute
            bought = float(made.usd.sum(where=of_it & made.bought))
            sold = float(made.usd.sum(where=of_it & ~made.bought))
            self.pulse.flow(venue, minute, bought, sold)
            if venue in self._flow_told:
                told = self._flow_told[venue]
                self._flow_told[venue] = told[0] + bought, told[1] + sold
        self.pulse.past += 1

    def _liquidation(self, event: Liquidation) -> None:
        usd, tick = round(event.coins * event.price), round(event.price / float(self.tick))
        long = event.side == Side.BUY
        self.tape.force(TapeLiquidation(event.venue, tick, usd, long, self.clock.wall_ms()))

    def _book_changed(self, event: BookChanged, view: VenueView) -> None:
        if event.state is not BookState.LIVE or view.continuity.verified_since_ms is None:
            view.continuity.observe(event.state, self.clock.wall_ms(), self.clock.monotonic_ms())
        if view.book.instrument is not view.instrument:
            # The venue changed the contract's steps: the same book now counts in others.
            if view.instrument.in_other_unit(view.book.instrument):
                self._begin_anew(view)
            self.attach(view.book.instrument, view.book)
            return
        if event.epoch != view.epoch_seen:
            view.epoch_seen = event.epoch
            self.epoch += 1

    def views(self, venue: str) -> list[VenueView]:
        """Return the venues of a view: the one named (none when it is not attached), or all.

        In the view of all is none that counts in another unit than the first: nothing of it could be added.
        """
        if venue != ALL_VENUES:
            return [self.venues[venue]] if venue in self.venues else []
        unit = next((view.mark for view in self.venues.values() if view.mark is not None), None)
        return [view for view in self.venues.values() if view.mark is None or not leaps(unit, view.mark)]

    def ladder(self, venue: str, group: int, depth: int, tape_count: int) -> LadderView:
        """Cut the ladder of a view as it stands now; prints are the trades after ``tape_count``."""
        shown, flags = self._shown(venue)
        levels = [VenueLevels.of(view.book.book, view.scale) for view in shown]
        touch = touch_of(levels)
        bid_rows, bid_lots, ask_rows, ask_lots = rows_of(levels, touch, group, depth)
        flags |= LadderFlags.CROSSED if touch.crossed else LadderFlags(0)
        return LadderView(
            t_ms=self.clock.wall_ms(),
            age_ms=self._age_ms(shown),
            flags=int(flags),
            bid_tick=touch.bid_tick,
            ask_tick=touch.ask_tick,
            bid_rows=bid_rows,
            bid_lots=bid_lots,
            ask_rows=ask_rows,
            ask_lots=ask_lots,
            prints=self.tape.since(tape_count, venue, grain_of(group)),
        )

    def freshness(self, venue: str) -> tuple[int, int]:
        """Return (flags, age in ms) of a view: what its ladder would say of itself, but for crossing."""
        shown, flags = self._shown(venue)
        return int(flags), self._age_ms(shown)

    def _shown(self, venue: str) -> tuple[list[VenueView], LadderFlags]:
        """Return the venues whose books a view shows, and its flags."""
        views = self.views(venue)
        live = [view for view in views if view.book.state == BookState.LIVE]
        # With no live book the last one known is shown, and flagged: a picture that looks stale.
        shown = live or [view for view in views if view.book.state == BookState.STALE]
        asked = self.venues.values() if venue == ALL_VENUES else views
        open_venues = sum(not view.closed for view in asked)
        flags = LadderFlags.LIVE if live else LadderFlags.STALE if shown else LadderFlags(0)
        flags |= LadderFlags.SIMULATED if self.simulated else LadderFlags(0)
        flags |= LadderFlags.PARTIAL if live and len(live) < open_venues else LadderFlags(0)
        return shown, flags

    def _age_ms(self, shown: list[VenueView]) -> int:
        now_ms = self.clock.monotonic_ms()
        # A recording is fed a breath ahead of its clock; no picture is younger than now.
        return max([0, *(now_ms - view.book.received_ms for view in shown)])

    def resting(self, venue: str) -> Resting | None:
        """Return what rests in the live books of a view, None while there is none."""
        live = [view for view in self.views(venue) if view.book.state == BookState.LIVE]
        levels = [VenueLevels.of(view.book.book, view.scale) for view in live]
        quoted = bool(live) and live[0].instrument.inverse
        return resting_of(levels, touch_of(levels), float(self.tick), float(self.lot), quoted)

    def known(self, venue: str, group: int) -> dict[str, int] | None:
        """Return the ticks between which a view shows every order of each of its live venues.

        On whole rows of ``group`` ticks.  A venue that cannot say (one side of its book is empty) sets no
        bounds; None where none of them can, or none is live.
        """
        live = [view for view in self.views(venue) if view.book.state == BookState.LIVE]
        ranges = [known for view in live if any(known := view.known())]
        if not ranges:
            return None
        low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
        return {"low": -(-low // group) * group, "high": high // group * group}

    def price(self) -> float | None:
        """Return the last trade of the leading venue that has one, else its mid."""
        for view in self.venues.values():
            if view.last_price is not None:
                return view.last_price
        for view in self.venues.values():
            bid, ask = view.book.book.best_bid, view.book.book.best_ask
            if bid is not None and ask is not None:
                return view.instrument.price(bid + ask) / 2
        return None

    def observe(self) -> None:
        """Let the pace and the day's prices see the price; called about once a second."""
        price = self.price()
        if price is None:
            return
        self.pace.observe(price, self.clock.monotonic_ms())
        now_ms = self.clock.wall_ms()
        turn = (now_ms + PULSE_AHEAD_MS) // PULSE_EVERY_MS
        if turn != self._pulse_turn:
            self._pulse_turn = turn
            self._observe_pulse(now_ms // MINUTE_MS)
        if not self.day_prices or now_ms - self.day_prices[-1][0] >= DAY_PRICE_EVERY_MS:
            self.day_prices.append((now_ms, price))

    def _observe_pulse(self, minute: int) -> None:
        """Let the pulse see each live venue; of one that is not live nothing is known now."""
        self.pulse.advance(minute)
        for name, view in self.venues.items():
            if view.book.state is not BookState.LIVE:
                self._flow_told.pop(name, None)
                continue
            price, coins = view.mark or view.last_price, view.open_interest_coins
            self.pulse.sample(
                name,
                minute,
                oi_usd=None if coins is None or price is None else coins * price,
                funding=view.funding.rate if view.funding else None,
                close=view.last_price,
            )
            sums = self.tape.sums_of(name)
            before = self._flow_told.get(name, sums)
            self.pulse.flow(name, minute, sums[0] - before[0], sums[1] - before[1])
            self._flow_told[name] = sums

    def remember_day(self, prices: list[tuple[int, float]]) -> None:
        """Take the prices of the last day from history, oldest first: (Unix ms, price)."""
        self.day_prices.clear()
        for at_ms, price in prices:
            if not self.day_prices or at_ms - self.day_prices[-1][0] >= DAY_PRICE_EVERY_MS:
                self.day_prices.append((at_ms, price))

    def day_prices_known(self) -> bool:
        """Tell whether the prices reach back a day already."""
        return self.day_change_pct() is not None

    def day_change_pct(self) -> float | None:
        """Return the change over 24 h in percent; None while fewer hours are known."""
        price = self.price()
        since_ms = self.clock.wall_ms() - DAY_MS
        for at_ms, then in self.day_prices:
            if at_ms >= since_ms:
                known = at_ms - since_ms <= 2 * DAY_PRICE_EVERY_MS
                return (price / then - 1) * 100 if price and known else None
        return None

    def day_range(self) -> float:
        """Return how far apart the prices of the last 24 h lie, as a share of the last; 0.0 without any."""
        if not self.day_prices:
            return 0.0
        # Asked for every second; prices come every some minutes.
        known, (at, found) = (self.day_prices[0], self.day_prices[-1]), self._day_range
        if known != at:
            prices = [price for _, price in self.day_prices]
            found = (max(prices) - min(prices)) / prices[-1]
            self._day_range = known, found
        return found

    def describe(self) -> dict[str, object] | None:
        """Return the symbol's entry of the hello frame, None while no price of it is known."""
        price = self._price_of_groups()
        if price is None:
            return None
        steps = group_steps(self.tick, price)
        first = next(iter(self.venues.values())).instrument
        return {
            "symbol": self.symbol,
            "base": first.base,
            "quote": first.quote,
            "tick": [self.tick.numerator, self.tick.decimals],
            "lot": [self.lot.numerator, self.lot.decimals],
            "unit": "quote" if first.inverse else "coin",
            "venues": list(self.venues),
            "groups": steps,
            "group": default_group(steps, self.tick, price),
        }

    def _price_of_groups(self) -> float | None:
        """Return the price the groupings are made for: it follows the market only when far behind."""
        price = self.price()
        held = self._grouped_price
        if price is not None and (held is None or not 0.5 < price / held < 2.0):
            self._grouped_price = price
        return self._grouped_price

    def state(self, venue: str, group: int) -> dict[str, object]:
        """Return the slow facts of a view: the state frame of the catalogue."""
        views = self.views(venue)
        now_ms = self.clock.monotonic_ms()
        marked = (view for view in views if view.mark is not None and now_ms - view.marked_ms <= SILENT_MS)
        lead = next(marked, None)
        funded = next((view.funding for view in views if view.funding is not None), None)
        price = self.price()
        row_price = group * float(self.tick)
        held = [
            view.open_interest_coins * (view.mark or price or 0.0)
            for view in views
            if view.open_interest_coins is not None
        ]
        day = self.day_change_pct()
        heat = (
            self.heat.summary(venue, self.tick, group, self.pace, self.resting(venue))
            if self.heat
            else NO_SUMMARY
        )
        if venue == ALL_VENUES and self.cascades:
            heat = {**heat, "clusters": [self._with_cascade(one) for one in heat["clusters"]]}  # type: ignore[attr-defined]
        return {
            "t": self.clock.wall_ms(),
            "mark": lead.mark if lead else None,
            "funding": funded.rate if funded else None,
            "funding_at": funded.next_ms or None if funded else None,
            "oi_usd": round(sum(held)) if held else None,
            "day": None if day is None else round(day, 2),
            "venues": [self._venue_state(view, now_ms) for view in views],
            "pace": None if self.pace.per_min is None else round(self.pace.per_min / row_price, 2),
            "known": self.known(venue, group),
            **heat,
        }

    def standings(self, venue: str) -> dict[str, str]:
        """Return the venues of a view that are not simply in its estimate, and how they stand."""
        if self.heat is None:
            return {}
        told = {one.instrument.venue: self.heat.standing(one.instrument.venue) for one in self.views(venue)}
        return {name: standing for name, standing in told.items() if standing != "in"}

    def _with_cascade(self, cluster: Mapping[str, Any]) -> dict[str, object]:
        return {**cluster, "cascade": self.cascades.get(cluster["id"])}

    def _venue_state(self, view: VenueView, now_ms: int) -> dict[str, object]:
        book, continuity = view.book, view.continuity
        status = self.statuses.get(view.instrument.venue)
        told: dict[str, object] = {
            "venue": view.instrument.venue,
            "state": book.state.name.lower(),
            "age_ms": max(0, now_ms - book.received_ms) if book.received_ms else None,
            "epoch": book.epoch,
            "gaps": book.stats.gaps,
            "resyncs": book.stats.resyncs,
            "trading": not view.closed,
            "since": continuity.verified_since_ms,
            "resync_ms": continuity.last_resync_ms(),
            "resync_p99_ms": continuity.p99_resync_ms(),
            "silent_ms": book.stats.silent_ms,
            "errors": book.stats.protocol_errors,
            "liquidations": view.liquidations.value,
            "clock_ms": status.clock_offset_ms if status else None,
            "estimate": "none" if self.heat is None else self.heat.standing(view.instrument.venue),
        }
        return told if book.verified else {**told, "unverified": True}


def _continues(before: VenueView, after: VenueView) -> bool:
    one, other = before.instrument, after.instrument
    return one.steps == other.steps and before.epoch_seen == after.book.epoch


def _coin_lot(instrument: Instrument) -> Step:
    """Return one lot in coins (in quote currency for an inverse contract)."""
    return Step.of(instrument.lot.fraction * instrument.contract_size.fraction)
