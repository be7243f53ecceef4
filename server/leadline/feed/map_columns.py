"""What a symbol's map remembers: the columns of its venues, and the minute of each that is not over yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadline.clock import Clock
from leadline.domain.events import Liquidation
from leadline.domain.trades import TradeColumns
from leadline.feed.session import ALL_VENUES, reference_rank
from leadline.venues.base import Candle

if TYPE_CHECKING:
    # At run time these come with the first bands: numba loads with them.
    from leadline.domain.bands import Bands
    from leadline.domain.heatmap import Column, VenueColumns
    from leadline.domain.opened import OpenedHours
    from leadline.feed.estimate import SymbolHeat

log = logging.getLogger("leadline.feed")

MINUTE_MS = 60_000
MINUTE_LOOK_S = 0.25


@dataclass(slots=True)
class RunningBar:
    """A venue's bar of the minute that is not over yet.  Prices are those of trades; 0 before the first.

    volume, taker_buy: coins.  heard: whether the venue told a price in this minute at all.
    """

    at_ms: int = 0
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    close: float = 0.0
    volume: float = 0.0
    taker_buy: float = 0.0
    span_ms: int = MINUTE_MS
    heard: bool = False

    def add(self, made: TradeColumns) -> None:
        """Take trades, oldest first; late ones only of this minute, and not as its last."""
        of_it = ~made.late | (made.at_ms >= self.at_ms)
        in_time = made.prices[~made.late]
        if not of_it.any():
            return
        prices = made.prices[of_it]
        high, low = float(prices.max()), float(prices.min())
        if not self.close:
            self.open, self.high, self.low = float(prices[0]), high, low
        self.high, self.low = max(self.high, high), min(self.low, low)
        if len(in_time) or not self.close:
            self.close = float(in_time[-1] if len(in_time) else prices[-1])
        self.volume += float(made.coins[of_it].sum())
        self.taker_buy += float(made.coins[of_it & made.bought].sum())
        self.heard = True

    def over(self, now_ms: int) -> bool:
        """Has another minute begun?"""
        return now_ms // MINUTE_MS * MINUTE_MS > self.at_ms

    def begin(self, now_ms: int) -> None:
        """Start the minute of ``now_ms``: its bar is flat at the last price until a trade comes."""
        self.at_ms = now_ms // MINUTE_MS * MINUTE_MS
        self.open = self.high = self.low = self.close
        self.volume = self.taker_buy = 0.0
        self.heard = False


@dataclass(frozen=True, slots=True)
class EndedMinute:
    """What a venue's minute came to.  column: None when the venue told no price in it.

    died: liquidations heard; settled: (ms, rate) of funding.
    """

    venue: str
    column: Column | None
    bar: RunningBar
    died: Sequence[Liquidation]
    settled: Sequence[tuple[int, float]]


class SymbolColumns:
    """Columns by venue.

    revision rises when columns of the past were made anew or a venue left, ended with each minute that
    ended for some venue.
    """

    def __init__(self) -> None:
        self.venues: dict[str, VenueColumns] = {}
        self.revision = 0
        self.ended = 0

    def begin(
        self,
        venue: str,
        past: list[Column],
        last: Candle | None,
        now_ms: int,
        opened: OpenedHours | None = None,
    ) -> RunningBar:
        """Show a venue's past in place of what was known of it; returns the bar of the running minute.

        last: the last bar of the past.  If it is of this very minute, the running bar goes on from it.
        opened: what was opened in that past.
        """
        from leadline.domain.heatmap import VenueColumns

        columns = self.venues[venue] = VenueColumns(opened)
        for column in past:
            columns.put(column)
        self.revision += 1
        bar = RunningBar()
        if last is not None:
            bought = last.volume / 2 if last.taker_buy is None else last.taker_buy
            prices = last.open, last.high, last.low, last.close
            bar = RunningBar(last.at_ms, *prices, last.volume, bought, heard=True)
        if last is None or last.span_ms != MINUTE_MS or bar.over(now_ms):
            bar.begin(now_ms)
        return bar

    def end(self, venue: str, bands: Bands, bar: RunningBar) -> Column | None:
        """Keep the column of a venue's minute that has just ended.

        A venue that told no price in it gets none: what is not known must not look known.
        """
        from leadline.domain.backcast import column

        columns = self.venues.get(venue)
        if columns is None or not bar.heard or not bands.oi_coins > 0.0:
            return None
        if not bar.open:
            # There was no trade yet, but a mark.
            bar.open = bar.high = bar.low = bar.close = bands.mark_price
        ended = column(bands, bar)
        columns.put(ended)
        columns.opened.note(bands, bar.at_ms + MINUTE_MS)
        return ended

    def forget(self, venue: str) -> None:
        if self.venues.pop(venue, None) is not None:
            self.revision += 1

    def of_view(self, venue: str) -> dict[str, VenueColumns]:
        """Return the columns of a view ("all" or a venue) by venue, whose price leads first."""
        names = self.venues if venue == ALL_VENUES else [name for name in (venue,) if name in self.venues]
        return {name: self.venues[name] for name in sorted(names, key=reference_rank)}


async def end_minutes(
    clock: Clock,
    heats: Mapping[str, SymbolHeat],
    keep: Callable[[str, list[EndedMinute]], None] = lambda _symbol, _ended: None,
) -> None:
    """End every minute of ``clock`` in all ``heats`` (they may change meanwhile), until cancelled.

    keep: told of each symbol's.
    """
    minute = clock.wall_ms() // MINUTE_MS
    while True:
        await asyncio.sleep(MINUTE_LOOK_S)
        if clock.wall_ms() // MINUTE_MS == minute:
            continue
        minute = clock.wall_ms() // MINUTE_MS
        for symbol, heat in list(heats.items()):
            try:
                keep(symbol, heat.end_minute())
            except Exception:
                # One symbol's defect must not stop the others' maps.
                log.exception("a minute of the map of %s is lost", symbol)
            await asyncio.sleep(0)
