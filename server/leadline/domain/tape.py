"""Time and sales as a person reads them: fills of one sweep as one print, small prints left out in a rush."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SWEEP_MS = 50  # fills of one taker within it are one print
PRINTS_PER_S_MAX = 40
RATE_WINDOW_MS = 5_000
FLOORS_USD = (0, 500, *(figure * 10**power for power in range(3, 9) for figure in (1, 2, 5)))
_EASE = 0.7  # the floor falls only when the lower one would let this part of the most through


class Fill(NamedTuple):
    """One trade as a venue told it.

    tick, lots: in the symbol's common steps; made_ms: the venue's time; heard_ms: ours.  late: newer ones
    were told before it; heard_ms is then when it should have been heard.
    """

    venue: str
    tick: int
    lots: int
    usd: float
    bought: bool
    made_ms: int
    heard_ms: int
    late: bool = False


class TapePrint(NamedTuple):
    """``fills`` of one taker: tick of the last of them (how far it went), lots and USD of all together."""

    venue: str
    tick: int
    lots: int
    usd: float
    bought: bool
    at_ms: int
    fills: int


class TapeLiquidation(NamedTuple):
    """A forced order.  tick: its price to the nearest tick; long: the side of the position that died."""

    venue: str
    tick: int
    usd: int
    long: bool
    at_ms: int


class SweepMerger:
    """Joins fills of the same venue and side within SWEEP_MS of the first one, in the venue's time."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, bool], tuple[int, TapePrint]] = {}
        self._done: list[TapePrint] = []

    def add(self, fill: Fill) -> None:
        """Take the next fill; those of a venue come in the order they were made."""
        place = (fill.venue, fill.bought)
        held = self._open.get(place)
        if held is not None:
            began_ms, made = held
            if 0 <= fill.made_ms - began_ms <= SWEEP_MS:
                self._open[place] = (
                    began_ms,
                    made._replace(
                        tick=fill.tick,
                        lots=made.lots + fill.lots,
                        usd=made.usd + fill.usd,
                        fills=made.fills + 1,
                    ),
                )
                return
            self._done.append(made)
        made = TapePrint(fill.venue, fill.tick, fill.lots, fill.usd, fill.bought, fill.heard_ms, 1)
        self._open[place] = (fill.made_ms, made)

    def take(self, now_ms: int) -> list[TapePrint]:
        """Return the prints that are whole at our time ``now_ms``, the oldest first, and forget them."""
        for place, (_, made) in list(self._open.items()):
            # A clock that was set back must not keep a print open for as long.
            if not 0 <= now_ms - made.at_ms <= SWEEP_MS:
                self._done.append(made)
                del self._open[place]
        # What is still open may be older than what is done; it then comes a frame later.
        whole, self._done = sorted(self._done, key=lambda made: made.at_ms), []
        return whole


class Floor:
    """The least USD of a print that is shown, so that about PRINTS_PER_S_MAX a second are."""

    def __init__(self) -> None:
        self.usd = 0
        self._lately: deque[tuple[int, float]] = deque(maxlen=20_000)

    def observe(self, prints: list[TapePrint], now_ms: int) -> None:
        """Take all prints since the last call, shown or not."""
        self._lately.extend((now_ms, made.usd) for made in prints)
        while self._lately and now_ms - self._lately[0][0] >= RATE_WINDOW_MS:
            self._lately.popleft()
        most = PRINTS_PER_S_MAX * RATE_WINDOW_MS / 1000
        usd = [usd for _, usd in self._lately]
        least = next(floor for floor in FLOORS_USD if sum(1 for one in usd if one >= floor) <= most)
        if least >= self.usd:
            self.usd = least
            return
        lower = max(floor for floor in FLOORS_USD if floor < self.usd)
        if sum(1 for one in usd if one >= lower) <= most * _EASE:
            self.usd = lower
