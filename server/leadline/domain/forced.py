"""Forced flow as it happens: liquidation bursts, and the open interest that goes with them.

Prints say that something died; only falling open interest proves that fuel was burnt, for prints are
throttled, late or missing at some venues.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from leadline.domain.events import Side

BURST_S = 30
BURST_QUIET_S = 60  # a burst is over after this long without prints
DROP_S = 30
DROP_KEPT_S = 180
SLOW_S = 20  # a venue whose open interest comes less often cannot prove a drop in DROP_S
PRINTS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Burst:
    """Liquidations of one side within BURST_S. side: of the positions that died."""

    side: Side
    usd: float
    prints: int
    venues: int
    since_ms: int


class Bursts:
    """Sums the prints of one symbol over its venues; tells each burst once, and again when it doubles."""

    __slots__ = ("_last_ms", "_prints", "_told_usd", "usd_min")

    def __init__(self, usd_min: float) -> None:
        self.usd_min = usd_min
        self._prints: deque[tuple[int, Side, float, str]] = deque(maxlen=PRINTS_MAX)
        self._told_usd = {Side.BUY: 0.0, Side.SELL: 0.0}
        self._last_ms = {Side.BUY: 0, Side.SELL: 0}

    def liquidation(self, at_ms: int, venue: str, side: Side, usd: float) -> Burst | None:
        """Take one print; return the burst it begins or doubles."""
        if at_ms - self._last_ms[side] > BURST_QUIET_S * 1000:
            self._told_usd[side] = 0.0
        self._last_ms[side] = max(self._last_ms[side], at_ms)
        self._prints.append((at_ms, side, usd, venue))
        burst = self.recent(at_ms, side)
        if burst is None or burst.usd < max(self.usd_min, 2 * self._told_usd[side]):
            return None
        self._told_usd[side] = burst.usd
        return burst

    def recent(self, at_ms: int, side: Side, seconds: int = BURST_S) -> Burst | None:
        """Return what died on a side within the last ``seconds``, None without a print."""
        lately = takewhile(lambda one: at_ms - one[0] <= seconds * 1000, reversed(self._prints))
        prints = [one for one in lately if one[1] is side]
        if not prints:
            return None
        return Burst(
            side,
            sum(usd for _, _, usd, _ in prints),
            len(prints),
            len({venue for _, _, _, venue in prints}),
            min(then_ms for then_ms, _, _, _ in prints),
        )


class InterestDrop:
    """How far the open interest of a symbol has fallen within a time, weighted by the venues' size.

    Times are those of arrival here, by one clock.
    """

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: dict[str, deque[tuple[int, float]]] = {}

    def sample(self, at_ms: int, venue: str, coins: float) -> None:
        """Take one venue's open interest."""
        samples = self._samples.setdefault(venue, deque())
        samples.append((at_ms, coins))
        while at_ms - samples[0][0] > DROP_KEPT_S * 1000:
            samples.popleft()

    def forget(self, venue: str) -> None:
        """A venue's interest is no longer known."""
        self._samples.pop(venue, None)

    def fast(self) -> list[str]:
        """Return the venues whose open interest comes often enough to prove a drop."""
        return [
            venue
            for venue, samples in self._samples.items()
            if len(samples) >= 3 and (samples[-1][0] - samples[0][0]) / (len(samples) - 1) <= SLOW_S * 1000
        ]

    def drop(self, at_ms: int, seconds: float = DROP_S) -> float | None:
        """Return the share of open interest that went within ``seconds``: positive when it fell.

        Over the venues that are fast; None without one that was heard within twice SLOW_S.
        """
        begin, end = 0.0, 0.0
        for venue in self.fast():
            samples = self._samples[venue]
            if at_ms - samples[-1][0] > 2 * SLOW_S * 1000:
                continue
            begin += _at(samples, at_ms - round(seconds * 1000))
            end += samples[-1][1]
        return (begin - end) / begin if begin > 0 else None


def _at(samples: Sequence[tuple[int, float]], at_ms: int) -> float:
    """Return the value that held at ``at_ms``: the last one up to then, else the first one known."""
    return samples[max(bisect_right(samples, at_ms, key=_time) - 1, 0)][1]


def _time(sample: tuple[int, float]) -> int:
    return sample[0]
