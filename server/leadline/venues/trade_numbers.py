"""Trades that a venue numbers one by one: what a stream left out, and the asking for it page by page.

Binance numbers the aggregated trades of a symbol without holes, and serves any of the last two days by
number.  What is missing waits in holes until the venue can be asked; what cannot be had is counted lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from leadline.venues.base import BookStats

PAGE_MAX = 1_000  # trades of one answer
MISSING_MAX = 5 * PAGE_MAX  # of one symbol; what is more is lost, the oldest first
REPEATS_MAX = 1_000  # a number this little below the last is a repetition, a lower one a new numbering
LEAP_MAX = 1_000_000  # a number this far above the last is one, too
ASK_EVERY_MS = 1_000  # one page covers all the holes of a second of losses
TRIES_MAX = 4
RETRY_MS = 5_000  # after a refusal, four times as long after each further one

T = TypeVar("T")


class Hole(NamedTuple):
    """Missing numbers: first, and the one behind the last."""

    first: int
    end: int


class TradeNumbers:
    """The numbers of one symbol's trades.  stats: where gaps, and what was refilled and lost, are counted."""

    def __init__(self, stats: BookStats) -> None:
        self.stats = stats
        self._last: int | None = None
        self._holes: deque[Hole] = deque()
        self._asked: Hole | None = None
        self._due_ms = 0
        self._tries = 0

    @property
    def missing(self) -> int:
        """How many trades are still to be had."""
        return sum(hole.end - hole.first for hole in self._holes)

    def hear(self, number: int) -> bool:
        """Take the number of a streamed trade; False for one that was told before."""
        last, self._last = self._last, number
        if last is None or number == last + 1:
            return True
        if last - REPEATS_MAX < number <= last:
            self._last = last
            return False
        if last < number <= last + LEAP_MAX:
            self._open(Hole(last + 1, number))
        return True

    def follow(self, earlier: TradeNumbers) -> None:
        """Go on where an earlier connection's trades end: what was heard here so far was told to nobody."""
        heard, self._asked = self._last, None
        self._holes = earlier._holes.copy()
        if earlier._last is None:
            return
        self._last = earlier._last
        if heard is not None and heard > self._last:
            self.hear(heard + 1)
            self._last = heard

    def ask(self, now_ms: int) -> Hole | None:
        """Return the range to ask for now, at most PAGE_MAX numbers; None while nothing is due."""
        if self._asked is not None or not self._holes or now_ms < self._due_ms:
            return None
        first = self._holes[0].first
        self._asked = Hole(first, min(self._holes[-1].end, first + PAGE_MAX))
        self._due_ms = now_ms + ASK_EVERY_MS
        return self._asked

    def fill(self, trades: Mapping[int, T], now_ms: int) -> list[T]:
        """Take the answer, trades by number; return those that were missing, in their order."""
        asked, self._asked = self._asked, None
        if asked is None:
            return []
        if not trades:
            # The venue's answers may be behind its stream; once they surely are not, the trades are lost.
            self.refused(now_ms)
            return []
        self._tries = 0
        end = min(asked.end, max(trades) + 1)
        found: list[T] = []
        left: deque[Hole] = deque()
        for hole in self._holes:
            covered = range(hole.first, min(hole.end, end))
            held = [trades[number] for number in covered if number in trades]
            self.stats.trades_lost += len(covered) - len(held)
            found += held
            if hole.end > end:
                left.append(Hole(max(hole.first, end), hole.end))
        self._holes = left
        self.stats.trades_refilled += len(found)
        return found

    def refused(self, now_ms: int) -> None:
        """Note that no answer came; after TRIES_MAX times what is missing is given up."""
        self._asked = None
        self._tries += 1
        self._due_ms = now_ms + RETRY_MS * 4 ** (self._tries - 1)
        if self._tries >= TRIES_MAX:
            self._tries = 0
            self.stats.trades_lost += self.missing
            self._holes.clear()

    def _open(self, hole: Hole) -> None:
        self.stats.trade_gaps += 1
        self._holes.append(hole)
        excess = self.missing - MISSING_MAX
        while excess > 0:
            oldest = self._holes.popleft()
            gone = min(excess, oldest.end - oldest.first)
            if gone < oldest.end - oldest.first:
                self._holes.appendleft(Hole(oldest.first + gone, oldest.end))
            self.stats.trades_lost += gone
            excess -= gone
