"""The last trades and liquidations of a symbol over its venues, as they were heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from leadline.domain.ladder import Print
from leadline.domain.tape import Fill, TapeLiquidation
from leadline.limits import TRADES_PER_FRAME_MAX

ALL_VENUES = "all"
FILLS_KEPT = 5_000
LIQUIDATIONS_KEPT = 500


@dataclass(slots=True)
class Tape:
    """Fills and liquidations in common ticks and lots, numbered so that each stream knows what it has shown.

    sums: USD that takers (bought, sold) at each venue since the server began.
    """

    count: int = 0
    forced_count: int = 0
    fills: deque[Fill] = field(default_factory=lambda: deque(maxlen=FILLS_KEPT))
    forced: deque[TapeLiquidation] = field(default_factory=lambda: deque(maxlen=LIQUIDATIONS_KEPT))
    sums: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, fill: Fill) -> None:
        self.fills.append(fill)
        self.count += 1
        bought, sold = self.sums.get(fill.venue, (0.0, 0.0))
        self.sums[fill.venue] = (bought + fill.usd, sold) if fill.bought else (bought, sold + fill.usd)

    def force(self, made: TapeLiquidation) -> None:
        self.forced.append(made)
        self.forced_count += 1

    def in_other_steps(self) -> Tape:
        """Return the tape after a change of steps: it counts on; what was told in the old ones is gone."""
        return Tape(count=self.count, forced_count=self.forced_count, sums=self.sums)

    def fills_since(self, count: int, venue: str) -> list[Fill]:
        """Return the fills of a view after the first ``count``, oldest first, as far as they are kept."""
        newest = list(islice(reversed(self.fills), self.count - count))[::-1]
        return [made for made in newest if venue in (ALL_VENUES, made.venue)]

    def forced_since(self, count: int, venue: str) -> list[TapeLiquidation]:
        """Return the liquidations of a view after the first ``count``, oldest first."""
        newest = list(islice(reversed(self.forced), self.forced_count - count))[::-1]
        return [made for made in newest if venue in (ALL_VENUES, made.venue)]

    def sums_of(self, venue: str) -> tuple[float, float]:
        """Return the USD takers (bought, sold) in a view since the server began."""
        held = [sums for name, sums in self.sums.items() if venue in (ALL_VENUES, name)]
        return sum(bought for bought, _ in held), sum(sold for _, sold in held)

    def since(self, count: int, venue: str) -> list[Print]:
        """Return the trades after the first ``count``, one print a price and side, oldest first."""
        merged: dict[tuple[int, bool], Print] = {}
        for made in self.fills_since(count, venue):
            key = (made.tick, made.bought)
            # The newest print moves to the end: the last of the list is the last trade.
            held = merged.pop(key, None)
            lots = made.lots + (held.lots if held else 0)
            merged[key] = Print(made.tick, lots, made.bought, made.heard_ms)
        return list(merged.values())[-TRADES_PER_FRAME_MAX:]

    def last(self, kept: int, venue: str, count: int) -> list[Print]:
        """Return the last ``kept`` of the first ``count`` trades as they were made, oldest first."""
        newer = self.count - count
        chosen: list[Print] = []
        for made in islice(reversed(self.fills), newer, None):
            if venue in (ALL_VENUES, made.venue):
                chosen.append(Print(made.tick, made.lots, made.bought, made.heard_ms))
                if len(chosen) == kept:
                    break
        return chosen[::-1]
