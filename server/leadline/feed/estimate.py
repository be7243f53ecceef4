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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadline.clock import Clock
from leadline.domain.events import Event, Funding, Liquidation, Mark, OpenInterest, Side, Trade
from leadline.domain.instrument import Instrument
from leadline.domain.leverage import Tiers
from leadline.domain.pace import Pace
from leadline.feed.session import ALL_VENUES, reference_rank
from leadline.limits import BAND_ROWS, WAITING_EVENTS_MAX
from leadline.units import Step
from leadline.venues.base import History

if TYPE_CHECKING:
    # At run time these are imported with the first bands, in their thread: numba loads with them.
    from leadline.domain.bands import Bands
    from leadline.domain.clusters import Cluster, ClusterTracker
    from leadline.domain.estimator import Estimator
    from leadline.domain.heat import Heat

log = logging.getLogger("leadline.feed")

HEAT_EVERY_MS = 1_000
HISTORY_BAR_MS = 300_000
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
    prices: list[float] = field(default_factory=list)
    coins: list[float] = field(default_factory=list)
    bought: list[bool] = field(default_factory=list)

    def take(self, event: Event) -> None:
        if self.bands is None or self.estimator is None:
            if isinstance(event, Trade | Mark | OpenInterest | Liquidation | Funding):
                self.waiting.append(event)
        elif isinstance(event, Trade):
            price = self.instrument.price(event.tick)
            self.prices.append(price)
            self.coins.append(self.instrument.coins(event.lots, price))
            self.bought.append(event.taker == Side.BUY)
        elif isinstance(event, Mark):
            self.mark_price = event.price
            self.estimator.mark(event.venue, event.price, event.at_ms)
        elif isinstance(event, OpenInterest):
            self.flush()
            self.bands.open_interest(event.coins, event.at_ms)
        elif isinstance(event, Liquidation):
            self.estimator.liquidation(
                *(event.venue, event.side, event.coins, event.price),
                *(event.kind, event.completeness, event.at_ms),
            )
        elif isinstance(event, Funding):
            self._take_funding(event)

    def _take_funding(self, event: Funding) -> None:
        """Settle the rate told last before its time, once the venue speaks of the next settlement."""
        told, self.funding = self.funding, event
        if self.bands is not None and told is not None and 0 < told.next_ms < event.next_ms:
            self.bands.funding(told.rate)

    def flush(self) -> None:
        """Give the gathered trades to the bands in one call."""
        if self.bands is not None and self.prices:
            self.bands.trades(np.array(self.prices), np.array(self.coins), np.array(self.bought))
            self.prices, self.coins, self.bought = [], [], []


@dataclass(slots=True)
class ViewEstimate:
    """The heat of one view ("all" or a venue) and its clusters, as of ``at_ms``."""

    tracker: ClusterTracker
    at_ms: int = 0
    heat: Heat | None = None
    clusters: list[Cluster] = field(default_factory=list)
    codes: dict[tuple[Step, int, int], NDArray[np.uint8]] = field(default_factory=dict)


class SymbolHeat:
    """The estimate of one symbol over its venues; satisfies the session's HeatSource."""

    def __init__(self, clock: Clock) -> None:
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

    def expect(self, venues: int) -> None:
        """Say how many venues' bands will be built, for the progress shown meanwhile."""
        self._expected = venues

    def forget(self, venue: str) -> None:
        """Let a venue's bands go: its contract is closed."""
        self._venues.pop(venue, None)
        self._views.clear()

    async def build(self, instrument: Instrument, tiers: Tiers, history: History, until_ms: int) -> None:
        """Build the bands of a venue from ``history`` in a thread, then let the waiting events in.

        until_ms: the venue's time up to which ``history`` counts trades; older ones that wait are in it.

        Without a single price or open interest in history the first events to come start the bands.
        """
        estimate = self._venues.setdefault(instrument.venue, VenueEstimate(instrument))
        estimate.instrument = instrument
        price = history.candles[0].open if history.candles else _first_mark(estimate.waiting)
        while price is None:
            await asyncio.sleep(1.0)
            price = _first_mark(estimate.waiting)
        bands = await asyncio.to_thread(_bands_of, tiers, history, price, self._clock.wall_ms())
        if self._estimator is None:
            from leadline.domain.estimator import Estimator

            self._estimator = Estimator(instrument.base)
        self._estimator.venues[instrument.venue] = estimate.bands = bands
        estimate.estimator = self._estimator
        waited, estimate.waiting = estimate.waiting, deque(maxlen=0)
        for event in waited:
            if not isinstance(event, Trade) or event.at_ms >= until_ms:
                estimate.take(event)
        log.info(
            "%s on %s: bands from %d bars, %d open interest samples and %d tiers (%s)",
            *(instrument.symbol, instrument.venue, len(history.candles), len(history.open_interest)),
            *(len(tiers.rows), tiers.source),
        )

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

    def summary(self, venue: str, tick: Step, group: int, pace: Pace) -> dict[str, object]:
        """Return the keys ``bands`` and ``clusters`` of the state frame."""
        view = self._view(venue)
        if view is None or view.heat is None:
            return {"bands": None, "clusters": []}
        from leadline.domain.clusters import eta_min, nearest, typical_factor
        from leadline.domain.heat import heat_top_usd

        shown = nearest(view.clusters)
        built = sum(1 for made in self._venues.values() if made.bands is not None)
        mark, step = view.heat.mark, float(tick)
        return {
            "bands": {
                "calibrated": view.heat.certainty is not None,
                "factor": round(typical_factor(view.heat, shown), 2),
                "progress": round(built / max(self._expected, built), 2),
                "heat_top_usd": _rounded(heat_top_usd(view.heat, group * step)),
            },
            "clusters": [
                {
                    "id": cluster.id,
                    "side": cluster.side,
                    "lo": round(cluster.lo / step),
                    "peak": round(cluster.peak / step),
                    "hi": round(cluster.hi / step),
                    "usd": _rounded(cluster.usd),
                    "usd_lo": _rounded(cluster.usd_lo),
                    "usd_hi": _rounded(cluster.usd_hi),
                    "distance_pct": round(cluster.distance_pct, 2),
                    "eta_min": _whole(eta_min(cluster, mark, pace)),
                }
                for cluster in shown
            ],
        }

    def _view(self, venue: str) -> ViewEstimate | None:
        """Return the view's estimate, worked out anew when it is older than HEAT_EVERY_MS."""
        names = list(self._venues) if venue == ALL_VENUES else [venue]
        made = [self._venues[name] for name in sorted(names, key=reference_rank) if name in self._venues]
        ready = [one for one in made if one.bands is not None and one.mark_price and one.bands.oi_coins > 0]
        if not ready or self._estimator is None:
            return None
        from leadline.domain.clusters import ClusterTracker, cluster_usd_min, find_clusters

        view = self._views.setdefault(venue, ViewEstimate(ClusterTracker()))
        now_ms = self._clock.monotonic_ms()
        if view.heat is None or now_ms - view.at_ms >= HEAT_EVERY_MS:
            for one in ready:
                one.flush()
            names = [one.instrument.venue for one in ready]
            marks = [one.mark_price for one in ready if one.mark_price is not None]
            reference = marks[0]
            view.at_ms = now_ms
            view.heat = self._estimator.heat(names, marks)
            usd_min = cluster_usd_min(ready[0].instrument.base)
            found = find_clusters(view.heat, reference, view.heat.oi_usd, usd_min)
            view.clusters = view.tracker.update(found)
            view.codes.clear()
        return view


def _bands_of(tiers: Tiers, history: History, price: float, now_ms: int) -> Bands:
    from leadline.domain.bands import Bands, bootstrap

    at_ms = history.candles[0].at_ms if history.candles else now_ms
    bands = Bands(tiers, price, at_ms)
    bootstrap(bands, history.candles, history.open_interest, HISTORY_BAR_MS)
    return bands


def _first_mark(events: deque[Event]) -> float | None:
    return next((event.price for event in events if isinstance(event, Mark)), None)


def _rounded(usd: float) -> int:
    """Three significant figures: what an estimate can carry, and fewer changes to send."""
    return int(float(f"{usd:.3g}"))


def _whole(minutes: float | None) -> int | None:
    return None if minutes is None or minutes > 10_000 else round(minutes)
