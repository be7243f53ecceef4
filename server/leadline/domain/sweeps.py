"""Whale trades: takers' fills merged into the orders they came from.

A sweep is what one side takes on one venue with gaps of at most GAP_MS, for at most LENGTH_MS_MAX.  It
is a whale trade when its dollars reach the symbol's floor and the 99.9th percentile of the day's
sweeps; it is forced when a liquidation was printed on the same side within FORCED_MS of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from leadline.domain.events import Side
from leadline.domain.spread import Spread
from leadline.domain.trades import Run

GAP_MS = 100
LENGTH_MS_MAX = 1_000
FORCED_MS = 250
WHALE_QUANTILE = 0.999
DAY_S = 86_400.0
SWEEPS_MIN = 200  # fewer of them do not say what is usual: only the floor counts
PRINTS_KEPT = 64
USUAL_EVERY_MS = 10_000


@dataclass(frozen=True, slots=True)
class Sweep:
    """side: of the taker.  first_price, last_price: of its fills; levels: how many prices it went through.

    usd: all of it; forced: part of a liquidation, as far as the feed tells.
    """

    venue: str
    side: Side
    begun_ms: int
    ended_ms: int
    usd: float
    first_price: float
    last_price: float
    levels: int
    forced: bool = False

    @property
    def slippage_bp(self) -> float:
        """How far the fills moved against the taker, in basis points of the first."""
        return float((self.last_price / self.first_price - 1) * 1e4 * self.side)


@dataclass(slots=True)
class _Open:
    side: int
    begun_ms: int
    ended_ms: int
    usd: float
    first_price: float
    last_price: float
    levels: int


class Sweeps:
    """Merges one venue's trades.  A sweep is told once it is over and its time for prints has passed."""

    __slots__ = ("_closed", "_open", "_prints", "_spread", "_usual_ms", "_usual_usd", "_venue", "usd_min")

    def __init__(self, venue: str, usd_min: float) -> None:
        self._venue = venue
        self.usd_min = usd_min
        self._open: _Open | None = None
        self._closed: deque[_Open] = deque()
        self._prints: deque[tuple[int, Side]] = deque(maxlen=PRINTS_KEPT)
        self._spread = Spread(DAY_S / 2)
        self._usual_usd, self._usual_ms = 0.0, -USUAL_EVERY_MS

    def take(self, at_ms: int, run: Run) -> list[Sweep]:
        """Take fills, in the order of the venue; return the whale trades that are complete now."""
        held = self._open
        if (
            held is not None
            and held.side == run.taker
            and at_ms - held.ended_ms <= GAP_MS
            and at_ms - held.begun_ms <= LENGTH_MS_MAX
        ):
            held.ended_ms = max(held.ended_ms, at_ms)
            held.usd += run.usd
            held.levels += run.levels - (run.first_price == held.last_price)
            held.last_price = run.last_price
        else:
            self._close()
            self._open = _Open(run.taker, at_ms, at_ms, run.usd, run.first_price, run.last_price, run.levels)
        return self._told(at_ms)

    def liquidation(self, at_ms: int, side: Side) -> None:
        """Take a liquidation print; side: of the position that died (its order goes the other way)."""
        self._prints.append((at_ms, Side(-side)))

    def advance(self, at_ms: int) -> list[Sweep]:
        """Let the venue's time pass; return the whale trades that are complete now."""
        if self._open is not None and at_ms - self._open.ended_ms > GAP_MS:
            self._close()
        return self._told(at_ms)

    def _whale_usd(self, at_ms: int) -> float:
        """Return the dollars from which a sweep is a whale's; of a day, so worked out now and then."""
        if at_ms >= self._usual_ms + USUAL_EVERY_MS:
            usual = self._spread.quantile(WHALE_QUANTILE) if self._spread.count >= SWEEPS_MIN else None
            self._usual_usd, self._usual_ms = usual or 0.0, at_ms
        return max(self.usd_min, self._usual_usd)

    def _close(self) -> None:
        if self._open is None:
            return
        # The quantile costs more than all the rest, and few sweeps come near to it.
        whale = self._open.usd >= self.usd_min and self._open.usd >= self._whale_usd(self._open.ended_ms)
        self._spread.take(self._open.usd, self._open.ended_ms)
        if whale:
            self._closed.append(self._open)
        self._open = None

    def _told(self, at_ms: int) -> list[Sweep]:
        told = []
        while self._closed and at_ms - self._closed[0].ended_ms > FORCED_MS:
            one = self._closed.popleft()
            forced = any(
                side == one.side and one.begun_ms - FORCED_MS <= print_ms <= one.ended_ms + FORCED_MS
                for print_ms, side in self._prints
            )
            told.append(
                Sweep(
                    self._venue,
                    *(Side(one.side), one.begun_ms, one.ended_ms, one.usd),
                    *(one.first_price, one.last_price, one.levels, forced),
                )
            )
        return told
