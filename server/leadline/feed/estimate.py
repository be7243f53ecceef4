"""The liquidation estimate of one symbol: bands per venue, the heat of a view, its clusters.

A venue's bands are built from its history in a thread, for their kernels take a second to load;
events that come meanwhile wait.  From then on each goes straight in, and heat is worked out anew once
a second, only for the views somebody watches.  History has no liquidation prints, so learning begins
with the first one heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadline.clock import Clock
from leadline.domain.events import (
    Completeness,
    Deleveraged,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
)
from leadline.domain.instrument import Instrument
from leadline.domain.leap import leaps
from leadline.domain.leverage import Tiers, day_of
from leadline.domain.mark_watch import SILENT_MS, MarkWatch
from leadline.domain.pace import Pace
from leadline.domain.trades import AT_MS, TradeColumns, Trades, joined
from leadline.domain.true_range import TrueRange
from leadline.feed.building import built
from leadline.feed.continuity import LIQUIDATION_FEEDS
from leadline.feed.map_columns import MINUTE_MS, EndedMinute, RunningBar, SymbolColumns
from leadline.feed.session import ALL_VENUES, reference_rank
from leadline.feed.telling import NO_SUMMARY, cluster_told, move_told, path_told, rounded, tiers_told
from leadline.limits import BAND_ROWS, WAITING_EVENTS_MAX
from leadline.units import Step
from leadline.venues.base import History

if TYPE_CHECKING:
    # At run time these are imported with the first bands, in their thread: numba loads with them.
    from leadline.domain.alert_facts import ClusterFact
    from leadline.domain.backcast import Bar
    from leadline.domain.bands import Bands
    from leadline.domain.estimator import Estimator
    from leadline.domain.heat import Heat
    from leadline.domain.heatmap import Column, VenueColumns
    from leadline.domain.interest import History as Interest
    from leadline.domain.ladder import Resting
    from leadline.domain.opened import OpenedHours
    from leadline.domain.path import Path
    from leadline.domain.signals import Fuel
    from leadline.domain.story import Story
    from leadline.domain.tracking import Tracked
    from leadline.feed.witness import Witness

log = logging.getLogger("leadline.feed")

HEAT_EVERY_MS = 1_000
HEAT_UNSEEN_MS = 30_000  # the view of all venues is followed even while nobody watches
HOUR_MS = 3_600_000
MAP_MS = 7 * 86_400_000
NO_CODES: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)


@dataclass(slots=True)
class VenueEstimate:
    """Bands of one venue, the trades not yet given to them, and what waits while they are built."""

    instrument: Instrument
    bands: Bands | None = None
    estimator: Estimator | None = None
    mark_price: float | None = None
    funding: Funding | None = None
    waiting: deque[Event] = field(default_factory=lambda: deque(maxlen=WAITING_EVENTS_MAX))
    trades: list[Trades] = field(default_factory=list)
    ranges: TrueRange = field(default_factory=TrueRange)
    interest: Interest | None = None
    bar: RunningBar = field(default_factory=RunningBar)
    witness: Witness | None = None
    died: list[Liquidation] = field(default_factory=list)
    settled: list[tuple[int, float]] = field(default_factory=list)
    marks: MarkWatch = field(default_factory=MarkWatch)

    @property
    def standing(self) -> str:
        """How this venue stands in the estimate: "in", with "mark_estimated", or why it is not in it."""
        if self.bands is None:
            return "building"
        if not self.bands.oi_coins > 0:
            return "no_interest"
        if self.mark_price is None:
            return "no_mark"
        return "mark_estimated" if self.marks.estimated else "in"

    def take(self, event: Event) -> None:
        if self.bands is None or self.estimator is None:
            if isinstance(event, Trades | Mark | OpenInterest | Liquidation | Deleveraged | Funding):
                self.waiting.append(event)
        elif isinstance(event, Trades):
            self.trades.append(event)
        elif isinstance(event, Mark):
            self.marks.told(event.price, event.at_ms)
            self._take_mark(event.price, event.at_ms)
        elif isinstance(event, OpenInterest):
            self.flush()
            self.bands.open_interest(event.coins, event.at_ms)
        elif isinstance(event, Liquidation):
            self.died.append(event)
            trigger = self.estimator.liquidation(
                *(event.venue, event.side, event.coins, event.price),
                *(event.kind, event.completeness, event.at_ms),
            )
            if self.witness is not None:
                self.witness.died(event.side, trigger, event.coins)
        elif isinstance(event, Deleveraged):
            self.estimator.deleveraged(event.venue, event.side, event.coins)
        elif isinstance(event, Funding):
            self._take_funding(event)

    def _take_mark(self, price: float, at_ms: int) -> None:
        self.mark_price = price
        self.bar.heard = True
        self.ranges.observe(price, at_ms)
        if self.estimator is not None:
            self.estimator.mark(self.instrument.venue, price, at_ms)
        if self.witness is not None:
            self.witness.mark(price)

    def _take_funding(self, event: Funding) -> None:
        """Settle the rate told last before its time, once the venue speaks of the next settlement."""
        told, self.funding = self.funding, event
        if self.bands is not None and told is not None and 0 < told.next_ms < event.next_ms:
            self.bands.funding(told.rate)
            self.settled.append((told.next_ms, told.rate))

    def flush(self) -> None:
        """Give the gathered trades to the bands in one call."""
        if self.bands is not None and self.trades:
            made, self.trades = joined(self.trades), []
            self.bands.trades(made.prices, made.coins, made.bought)
            self.bar.add(made)
            self._stand_in(made)

    def _stand_in(self, made: TradeColumns) -> None:
        """Let trades stand in for the mark, if the venue has told none for a while."""
        in_time = ~made.late
        coins = float(made.coins[in_time].sum())
        if coins > 0.0:
            at_ms = made.at_ms[in_time].item(-1)
            mark = self.marks.traded(float(made.usd[in_time].sum()) / coins, at_ms)
            if mark is not None:
                self._take_mark(mark, at_ms)


@dataclass(slots=True)
class ViewEstimate:
    """The heat of one view ("all" or a venue) and what is told of it, as of ``at_ms``.

    reference: the venue by whose mark it is drawn; venues: all in it.  low, high: of that mark since then.
    """

    story: Story
    reference: str = ""
    venues: tuple[str, ...] = ()
    at_ms: int = 0
    low: float = inf
    high: float = 0.0
    heat: Heat | None = None
    usual_of: tuple[object, ...] = ()
    codes: dict[tuple[Step, int, int], NDArray[np.uint8]] = field(default_factory=dict)
    fuel: Fuel[ClusterFact] | None = None


class SymbolHeat:
    """The estimate of one symbol over its venues; satisfies the session's HeatSource.

    columns: what its map shows of the last days.
    """

    def __init__(self, clock: Clock) -> None:
        self.columns = SymbolColumns()
        self._loaded: dict[str, float] = {}
        self._clock = clock
        self._venues: dict[str, VenueEstimate] = {}
        self._views: dict[str, ViewEstimate] = {}
        self._estimator: Estimator | None = None
        self._expected = 0

    def take(self, event: Event, instrument: Instrument) -> None:
        """Take one event of a venue; those that say nothing of positions are passed over."""
        estimate = self._venues.get(event.venue)
        if estimate is None:
            estimate = self._venues[event.venue] = VenueEstimate(instrument)
        estimate.take(event)
        if isinstance(event, Mark) and estimate.bands is not None:
            for view in self._views.values():
                if view.reference == event.venue:
                    view.low, view.high = min(view.low, event.price), max(view.high, event.price)
            self._view(ALL_VENUES, HEAT_UNSEEN_MS)

    def expect(self, venues: int) -> None:
        """Say how many venues' bands will be built, for the progress shown meanwhile."""
        self._expected = venues

    def loading(self, venue: str, share: float) -> None:
        """Hear how much of a venue's history has come, 0 to 1."""
        self._loaded[venue] = share

    @property
    def progress(self) -> float:
        """How far the bands of the venues are built, 0 to 1; loading counts for nine tenths."""
        built = {name for name, made in self._venues.items() if made.bands is not None}
        loaded = sum(0.9 * share for name, share in self._loaded.items() if name not in built)
        return (len(built) + loaded) / max(self._expected, len(built | self._loaded.keys()), 1)

    def forget(self, venue: str) -> None:
        """Let a venue's bands go: its contract is closed."""
        self._venues.pop(venue, None)
        self._loaded.pop(venue, None)
        self.columns.forget(venue)
        self._views.clear()

    async def build(
        self,
        instrument: Instrument,
        tiers: Tiers,
        history: History,
        until_ms: int,
        kept: Sequence[Column] = (),
        lessons: Mapping[str, Any] = MappingProxyType({}),
    ) -> list[Column]:
        """Build the bands of a venue from ``history`` in a thread, then let the waiting events in.

        until_ms: the venue's time up to which ``history`` counts trades; older ones that wait are in it.
        kept: columns of the map that were made before; only those after them are made.  Returns these.
        lessons: what prints had taught before, as `memory` told it.

        Without a single price or open interest in history the first events to come start the bands; a
        venue that trades for a while and tells no mark starts with its trades.
        """
        estimate = self._venues.setdefault(instrument.venue, VenueEstimate(instrument))
        estimate.instrument = instrument
        price = history.candles[0].open if history.candles else _first_mark(estimate.waiting)
        while price is None:
            await asyncio.sleep(1.0)
            price = _first_mark(estimate.waiting) or _price_without_mark(estimate.waiting)
        bands, interest, past, opened = await built(
            _bands_of,
            tiers,
            history,
            price,
            self._clock.wall_ms(),
            estimate.ranges,
            kept,
            lessons.get(instrument.venue),
        )
        estimate.interest = interest
        if self._estimator is None:
            from leadline.domain.estimator import Estimator

            self._estimator = Estimator(instrument.base)
        if "" in lessons and self._estimator.touches == 0:
            _recalled(self._estimator.recall_shared, lessons[""])
        self._estimator.venues[instrument.venue] = estimate.bands = bands
        if LIQUIDATION_FEEDS.get(instrument.venue) is Completeness.FULL:
            from leadline.feed.witness import Witness

            estimate.witness = Witness(instrument.symbol, instrument.venue, bands.mark_price)
        estimate.estimator = self._estimator
        last, now_ms = history.candles[-1] if history.candles else None, self._clock.wall_ms()
        estimate.bar = self.columns.begin(instrument.venue, [*kept, *past], last, now_ms, opened)
        waited, estimate.waiting = estimate.waiting, deque(maxlen=0)
        for event in waited:
            new = event.since(until_ms) if isinstance(event, Trades) else event
            if new is not None:
                estimate.take(new)
        log.info(
            "%s on %s: bands from %d bars, %d open interest samples and %d tiers (%s)",
            *(instrument.symbol, instrument.venue, len(history.candles), len(history.open_interest)),
            *(len(tiers.rows), tiers.source),
        )
        return past

    def end_minute(self) -> list[EndedMinute]:
        """End the running minute of each venue with a column of the map; begin the next."""
        now_ms = self._clock.wall_ms()
        ended = []
        for name, estimate in self._venues.items():
            if estimate.bands is not None and estimate.bar.over(now_ms):
                estimate.flush()
                column = self.columns.end(name, estimate.bands, estimate.bar)
                if estimate.witness is not None:
                    end_ms = now_ms // MINUTE_MS * MINUTE_MS
                    estimate.witness.minute(end_ms, estimate.bar if column else None, estimate.bands)
                ended.append(
                    EndedMinute(name, column, replace(estimate.bar), estimate.died, estimate.settled)
                )
                estimate.died, estimate.settled = [], []
                estimate.bar.begin(now_ms)
        self.columns.ended += any(one.column is not None for one in ended)
        return ended

    def memory(self) -> dict[str, object]:
        """Return what prints have taught, by venue, and under "" what the venues share."""
        return {} if self._estimator is None else self._estimator.memory()

    def witnesses(self) -> list[Witness]:
        """Return those who seal the maps of venues with a complete feed."""
        return [made.witness for made in self._venues.values() if made.witness is not None]

    def codes(self, venue: str, tick: Step, group: int, first: int) -> NDArray[np.uint8]:
        """Return the band codes of BAND_ROWS rows upwards from ``first``; empty without an estimate."""
        view = self._view(venue)
        if view is None or view.heat is None:
            return NO_CODES
        key = (tick, group, first)
        codes = view.codes.get(key)
        if codes is None:
            from leadline.domain.heat import row_codes

            codes = view.codes[key] = row_codes(view.heat, float(tick), group, first, BAND_ROWS)
        return codes

    def _tiers_of(self, venue: str) -> dict[str, dict[str, object]]:
        """Return where the leverage tiers of each venue in a view come from, and of which day they are."""
        today = day_of(self._clock.wall_ms())
        return {
            name: tiers_told(one.bands.tiers, today)
            for name, one in self._venues.items()
            if one.bands is not None and venue in (ALL_VENUES, name)
        }

    def summary(
        self, venue: str, tick: Step, group: int, pace: Pace, resting: Resting | None
    ) -> dict[str, object]:
        """Return what the state frame says of the estimate; ``resting``: the books of the view."""
        view = self._view(venue)
        if view is None or view.heat is None:
            return NO_SUMMARY
        from leadline.domain.clusters import named, typical_factor

        story, step = view.story, float(tick)
        shown = [tracked.cluster for tracked in story.shown]
        names = named(shown)
        bias, z = story.bias(), story.interest_z()
        return {
            "bands": {
                "calibrated": view.heat.certainty is not None,
                "factor": round(typical_factor(view.heat, shown), 2),
                "progress": round(self.progress, 2),
                "heat_top_usd": rounded(story.top_usd(group * step), 2),
                "usual_days": min(int(story.reference.days), 30),
                "oi_z": None if z is None else round(z, 1),
                "tiers": self._tiers_of(venue),
                "suspect": [] if self._estimator is None else self._estimator.suspects,
            },
            "clusters": [
                cluster_told(tracked, story, names[tracked.cluster.id], view.heat.mark, step, pace)
                for tracked in story.shown
            ],
            "bias": round(bias.asymmetry * 100) if bias is not None and bias.decided else None,
            **path_told(self._path(view, resting), step),
        }

    def standing(self, venue: str) -> str:
        """Return how a venue stands in the estimate, as `VenueEstimate` has it."""
        estimate = self._venues.get(venue)
        return "building" if estimate is None else estimate.standing

    def fuel(self, every_ms: int) -> Fuel[ClusterFact] | None:
        """Return what lies around the mark of now over all venues, None before there is an estimate.

        every_ms: how old its picture may be; the mark is always that of now.
        """
        view = self._view(ALL_VENUES, every_ms)
        if view is None or view.heat is None:
            return None
        if view.fuel is None:
            from leadline.feed.fuel import fuel_of

            view.fuel = fuel_of(view.heat, view.story, view.venues)
        mark = self._venues[view.reference].mark_price
        return view.fuel if mark is None else replace(view.fuel, mark=mark)

    def prices_since(self, since_ms: int) -> tuple[float, float] | None:
        """Return the lowest and highest price the map knows of since a moment; None for none."""
        from leadline.domain.heatmap import price_range

        try:
            return price_range(*self._columns_since(since_ms))
        except ValueError:
            return None

    def path_since(self, since_ms: int) -> list[tuple[int, float]]:
        """Return (Unix ms, last price) by the minute since a moment, by five minutes beyond a day."""
        venues, first_min, step_min, columns = self._columns_since(since_ms)
        for venue in venues:
            closes = venue.read(first_min, step_min, columns).candles[:, 3].tolist()
            ends_ms = ((first_min + (at + 1) * step_min) * MINUTE_MS for at in range(columns))
            known = [
                one for one in zip(ends_ms, closes, strict=True) if one[0] > since_ms and isfinite(one[1])
            ]
            if known:
                return known
        return []

    def _columns_since(self, since_ms: int) -> tuple[list[VenueColumns], int, int, int]:
        """Return what columns to read: of which venues, from which minute on, how long each, and how many."""
        from leadline.domain.heatmap import COARSE_MIN, FINE_MINUTES

        now_min, since_min = self._clock.wall_ms() // MINUTE_MS, since_ms // MINUTE_MS
        step_min = 1 if now_min - since_min < FINE_MINUTES else COARSE_MIN
        first_min = max(since_min, now_min - MAP_MS // MINUTE_MS) // step_min * step_min
        columns = max(0, (now_min - first_min) // step_min + 1)
        return list(self.columns.of_view(ALL_VENUES).values()), first_min, step_min, columns

    def tracked(self, venue: str) -> list[Tracked]:
        """Return all clusters of a view with their past, nearest first."""
        view = self._view(venue)
        return [] if view is None else view.story.tracked

    def moves(self, venue: str) -> dict[str, object] | None:
        """Return how the map of a view has moved since the last session but one began, for the map frames."""
        view = self._view(venue)
        moved = None if view is None else view.story.moves()
        if moved is None:
            return None
        since_ms, longs, shorts = moved
        return {"since": since_ms, "long": move_told(longs), "short": move_told(shorts)}

    def _path(self, view: ViewEstimate, resting: Resting | None) -> Path | None:
        if resting is None:
            return None
        from leadline.domain.path import Depth

        depth = Depth.of(
            resting.mid, resting.bid_prices, resting.bid_usd, resting.ask_prices, resting.ask_usd
        )
        return view.story.path(depth, self._clock.monotonic_ms())

    def _view(self, venue: str, every_ms: int = HEAT_EVERY_MS) -> ViewEstimate | None:
        """Return the view's estimate, worked out anew when it is older than ``every_ms``."""
        view, now_ms = self._views.get(venue), self._clock.monotonic_ms()
        if view is not None and view.heat is not None and now_ms - view.at_ms < every_ms:
            return view
        names = list(self._venues) if venue == ALL_VENUES else [venue]
        made = [self._venues[name] for name in sorted(names, key=reference_rank) if name in self._venues]
        ready = [one for one in made if one.bands is not None and one.mark_price and one.bands.oi_coins > 0]
        # One that counts in another unit cannot be added to the first.
        ready = [one for one in ready if not leaps(ready[0].mark_price, one.mark_price or 0.0)]
        if not ready or self._estimator is None:
            return None
        from leadline.domain.story import Story

        if view is None:
            view = self._views[venue] = ViewEstimate(Story())
        self._draw(view, ready, self._estimator, now_ms)
        return view

    def _draw(
        self, view: ViewEstimate, ready: list[VenueEstimate], estimator: Estimator, now_ms: int
    ) -> None:
        from leadline.domain.clusters import cluster_usd_min, find_clusters

        for one in ready:
            one.flush()
        names = [one.instrument.venue for one in ready]
        marks = [one.mark_price for one in ready if one.mark_price is not None]
        mark = marks[0]
        if view.reference != names[0]:
            view.reference, view.low, view.high = names[0], mark, mark
        view.at_ms, view.venues = now_ms, tuple(sorted(names))
        view.heat = estimator.heat(names, marks)
        found = find_clusters(view.heat, mark, view.heat.oi_usd, cluster_usd_min(ready[0].instrument.base))
        at_ms = self._clock.wall_ms()
        self._keep_usual(view, ready, at_ms)
        venues = [(name, estimator.venues[name], price) for name, price in zip(names, marks, strict=True)]
        extremes = min(view.low, mark), max(view.high, mark)
        view.story.update(view.heat, found, venues, extremes, ready[0].ranges.average, at_ms)
        view.low = view.high = mark
        view.codes.clear()
        view.fuel = None

    def _keep_usual(self, view: ViewEstimate, ready: list[VenueEstimate], at_ms: int) -> None:
        """Note once an hour what each venue holds, and what that makes usual for the view."""
        from leadline.domain.interest import Reference
        from leadline.domain.story import venue_row

        for one in ready:
            known, reach = one.interest, one.ranges.average
            if known is not None and reach is not None and one.bands is not None and known.due(at_ms):
                known.add(venue_row(one.bands, one.mark_price or one.bands.mark_price, reach), at_ms)
        usual_of = (at_ms // HOUR_MS, *(id(one.interest) for one in ready))
        if usual_of != view.usual_of:
            view.usual_of = usual_of
            view.story.reference = Reference([one.interest for one in ready if one.interest is not None])


def _bands_of(
    tiers: Tiers,
    history: History,
    price: float,
    now_ms: int,
    ranges: TrueRange,
    kept: Sequence[Column],
    lesson: Mapping[str, Any] | None,
) -> tuple[Bands, Interest, list[Column], OpenedHours]:
    """Replay history; ``ranges`` hears its bars.

    Returns the bands, by the hour what was usual, the columns of the map after those ``kept``, and what was
    opened by the hour.
    """
    from leadline.domain.backcast import backcast
    from leadline.domain.bands import Bands
    from leadline.domain.interest import History as Interest
    from leadline.domain.opened import OpenedHours
    from leadline.domain.story import venue_row

    at_ms = history.candles[0].at_ms if history.candles else now_ms
    bands, interest, opened = Bands(tiers, price, at_ms), Interest(), OpenedHours()
    taught = lesson is not None and _recalled(bands.recall, lesson)

    def note(bar: Bar) -> None:
        ranges.bar(bar.high, bar.low, bar.close, bar.at_ms)
        if ranges.average is not None and bands.oi_coins > 0 and interest.due(bar.at_ms):
            interest.add(venue_row(bands, bar.close, ranges.average), bar.at_ms)
        end_ms = bar.at_ms + bar.span_ms
        if end_ms % HOUR_MS == 0 and now_ms - end_ms <= MAP_MS + HOUR_MS:
            opened.note(bands, end_ms)

    kept_until_ms = max((column.minute + column.span_min for column in kept), default=0) * MINUTE_MS
    columns_since_ms = max(now_ms - MAP_MS, kept_until_ms)
    past = backcast(
        bands, history.candles, history.open_interest, history.funding, columns_since_ms, on_bar=note
    )
    bands.load()
    if taught and lesson is not None:
        bands.hear_on(lesson)
    if history.candles:
        opened.note(bands, history.candles[-1].at_ms + history.candles[-1].span_ms)
    return bands, interest, past, opened


def _recalled(recall: Callable[[Mapping[str, Any]], None], memory: Mapping[str, Any]) -> bool:
    """Let what was learnt before be taken back; what makes no sense is left out, and said."""
    try:
        recall(memory)
    except (KeyError, TypeError, ValueError) as error:
        log.warning("what prints had taught cannot be taken back: %s", error)
        return False
    return True


def _first_mark(events: deque[Event]) -> float | None:
    return next((event.price for event in events if isinstance(event, Mark)), None)


def _price_without_mark(events: deque[Event]) -> float | None:
    """Return the last traded price, if trades have waited for a mark for so long that none will come."""
    trades = [event for event in events if isinstance(event, Trades) and not event.late]
    waited = trades and trades[-1].columns[AT_MS, -1] - trades[0].columns[AT_MS, 0] > SILENT_MS
    return trades[-1].last_price if waited else None
