"""The last trades and liquidations of a symbol over its venues, as they were heard."""

from __future__ import annotations

from collections import deque
from itertools import islice

import numpy as np

from leadline.domain.instrument import Ints
from leadline.domain.ladder import Print, VenueScale
from leadline.domain.tape import Fill, TapeLiquidation
from leadline.domain.trades import Trades, joined
from leadline.limits import TRADES_PER_FRAME_MAX

ALL_VENUES = "all"
FILLS_KEPT = 2_500
LIQUIDATIONS_KEPT = 500
GATHERED_MAX = 512  # messages

_VENUE, _TICK, _LOTS, _BOUGHT, _MADE_MS, _HEARD_MS, _LATE = range(7)


class Tape:
    """Trades and liquidations in common ticks and lots, numbered so that each stream knows what it has shown.

    Messages of trades are gathered as they come and written down together, when somebody looks or
    GATHERED_MAX have come.
    """

    def __init__(self, before: Tape | None = None) -> None:
        """Begin a tape; one after ``before`` counts on where that one stands, with nothing on it."""
        self.count: int = before.count if before else 0
        self.forced_count: int = before.forced_count if before else 0
        self.forced: deque[TapeLiquidation] = deque(maxlen=LIQUIDATIONS_KEPT)
        self._sums: dict[str, tuple[float, float]] = before.sums if before else {}
        self._gathered: list[tuple[Trades, VenueScale, int]] = []
        self._venues: list[str] = []
        self._began = self._written = self.count
        # Two rings: trade number n stands at n % FILLS_KEPT.
        self._rows = np.zeros((7, FILLS_KEPT), dtype=np.int64)
        self._usd = np.zeros(FILLS_KEPT)

    def add(self, trades: Trades, scale: VenueScale, heard_ms: int) -> None:
        """Take a message; scale: from its contract's steps to the common ones; heard_ms: Unix time, ours."""
        self._gathered.append((trades, scale, heard_ms))
        self.count += len(trades)
        if len(self._gathered) >= GATHERED_MAX:
            self._write()

    def force(self, made: TapeLiquidation) -> None:
        self.forced.append(made)
        self.forced_count += 1

    @property
    def sums(self) -> dict[str, tuple[float, float]]:
        """USD that takers (bought, sold) at each venue since the server began."""
        self._write()
        return self._sums

    def fills_since(self, count: int, venue: str) -> list[Fill]:
        """Return the fills of a view after the first ``count``, oldest first, as far as they are kept."""
        return [] if count >= self.count else self._fills(self._places(count, self.count, venue))

    def forced_since(self, count: int, venue: str) -> list[TapeLiquidation]:
        """Return the liquidations of a view after the first ``count``, oldest first."""
        newest = list(islice(reversed(self.forced), self.forced_count - count))[::-1]
        return [made for made in newest if venue in (ALL_VENUES, made.venue)]

    def sums_of(self, venue: str) -> tuple[float, float]:
        """Return the USD takers (bought, sold) in a view since the server began."""
        held = [sums for name, sums in self.sums.items() if venue in (ALL_VENUES, name)]
        return sum(bought for bought, _ in held), sum(sold for _, sold in held)

    def since(self, count: int, venue: str, grain: int = 1) -> list[Print]:
        """Return what was traded after the first ``count``, one print a price and side, oldest first.

        grain: ticks that count as one price, as the rows of the book sides do: bought ones upwards.
        """
        merged: dict[tuple[int, bool], Print] = {}
        for made in self.fills_since(count, venue):
            if made.late:
                continue  # whoever watches the price must not see an older one come last
            key = (-(-made.tick // grain) if made.bought else made.tick // grain, made.bought)
            # The newest print moves to the end: the last of the list is the last trade.
            held = merged.pop(key, None)
            lots = made.lots + (held.lots if held else 0)
            merged[key] = Print(made.tick, lots, made.bought, made.heard_ms)
        return list(merged.values())[-TRADES_PER_FRAME_MAX:]

    def last(self, kept: int, venue: str, count: int) -> list[Print]:
        """Return the last ``kept`` of the first ``count`` trades as they were made, oldest first."""
        at = self._places(0, count, venue)
        chosen = self._fills(at[self._rows[_LATE, at] == 0][-kept:])
        return [Print(made.tick, made.lots, made.bought, made.heard_ms) for made in chosen]

    def _places(self, first: int, end: int, venue: str) -> Ints:
        """Return where the trades of a view from number ``first`` to before ``end`` stand."""
        self._write()
        at = np.arange(max(first, self._began, self.count - FILLS_KEPT), end) % FILLS_KEPT
        if venue == ALL_VENUES:
            return at
        number = self._venues.index(venue) if venue in self._venues else -1
        of_view: Ints = at[self._rows[_VENUE, at] == number]
        return of_view

    def _fills(self, at: Ints) -> list[Fill]:
        rows, usd = self._rows[:, at].tolist(), self._usd[at].tolist()
        return [
            Fill(self._venues[venue], tick, lots, value, bool(bought), made_ms, heard_ms, bool(late))
            for venue, tick, lots, bought, made_ms, heard_ms, late, value in zip(*rows, usd, strict=True)
        ]

    def _write(self) -> None:
        """Write the gathered messages down."""
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, []
        made = joined(trades for trades, _, _ in gathered)
        told = [
            (self._number(trades.venue), scale.tick_factor, scale.lot_factor, heard_ms)
            for trades, scale, heard_ms in gathered
        ]
        venue, tick_factor, lot_factor, heard_ms = np.array(told)[made.of].T
        heard_ms = np.where(made.late, np.minimum(made.at_ms, heard_ms), heard_ms)
        steps = made.ticks * tick_factor, made.lots * lot_factor
        rows = (venue, *steps, made.bought, made.at_ms, heard_ms, made.late)
        at = np.arange(self._written, self.count)[-FILLS_KEPT:] % FILLS_KEPT
        self._rows[:, at] = np.array(rows)[:, -FILLS_KEPT:]
        self._usd[at] = made.usd[-FILLS_KEPT:]
        self._written = self.count
        sums = np.bincount(2 * venue + made.bought, made.usd, 2 * len(self._venues)).tolist()
        for name, sold_usd, bought_usd in zip(self._venues, sums[::2], sums[1::2], strict=True):
            bought, sold = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = bought + bought_usd, sold + sold_usd

    def _number(self, venue: str) -> int:
        if venue not in self._venues:
            self._venues.append(venue)
        return self._venues.index(venue)
