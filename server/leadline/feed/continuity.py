"""How well venues have been followed: since when a book is proven, what losses cost, how clocks differ."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from leadline.domain.events import BookState, Completeness
from leadline.venues.rest import Rest

RESYNCS_KEPT = 256
# What each venue's liquidation feed leaves out: Binance and OKX tell at most one a second and contract.
LIQUIDATION_FEEDS = {
    "binance": Completeness.THROTTLED,
    "bybit": Completeness.FULL,
    "okx": Completeness.THROTTLED,
}


@dataclass(slots=True)
class Continuity:
    """The proof of one (venue, symbol) over time; it outlives connections and the objects that hold them.

    verified_since_ms: Unix time since when the book was live without a break, None while it is not.
    resync_ms: how long the last losses lasted, from the message that proved one to the live book.
    """

    verified_since_ms: int | None = None
    resync_ms: deque[int] = field(default_factory=lambda: deque(maxlen=RESYNCS_KEPT))
    _lost_ms: int | None = None

    def observe(self, state: BookState, wall_ms: int, now_ms: int) -> None:
        """Take the book's state after a message; now_ms: monotonic."""
        if state is BookState.LIVE:
            if self._lost_ms is not None:
                self.resync_ms.append(now_ms - self._lost_ms)
                self._lost_ms = None
            if self.verified_since_ms is None:
                self.verified_since_ms = wall_ms
        elif self.verified_since_ms is not None:
            self.verified_since_ms, self._lost_ms = None, now_ms

    def last_resync_ms(self) -> int | None:
        return self.resync_ms[-1] if self.resync_ms else None

    def p99_resync_ms(self) -> int | None:
        """Return the smallest duration that 99 % of the last losses did not exceed (nearest rank)."""
        if not self.resync_ms:
            return None
        return sorted(self.resync_ms)[math.ceil(0.99 * len(self.resync_ms)) - 1]


@dataclass(slots=True)
class VenueStatus:
    """What concerns a venue as a whole.

    clock_offset_ms: the venue's clock minus ours, None before it is known.  replacements: how often
    all its connections were replaced by fresh ones.  rest: its REST side, None before there is one.
    """

    clock_offset_ms: int | None = None
    replacements: int = 0
    rest: Rest | None = None
