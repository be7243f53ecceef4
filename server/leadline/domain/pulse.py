"""Open interest, funding, taker flow and the long/short ratio of a symbol, minute by minute.

Each venue's minutes are kept apart, for venues differ in how far back they tell what: a sum in which a
venue joins halfway would show a jump that never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
F4 = NDArray[np.float32]

# As the wire names them.
PULSE_FIELDS: Final = ("oi_usd", "funding", "cvd_usd", "buy_usd", "sell_usd", "long_ratio", "close")

KEPT_MIN: Final = 7 * 1440 + 60
HOLD_MIN: Final = 10  # a sample stands for the minutes after it until the next, at most so long
COVERAGE: Final = 0.9  # a venue counts whose minutes cover this part of what the best one's do

_OI, _FUNDING, _BUY, _SELL, _LONG, _CLOSE = range(6)
_CVD = PULSE_FIELDS.index("cvd_usd")
_SAMPLES = (_OI, _FUNDING, _LONG, _CLOSE)


@dataclass(frozen=True, slots=True)
class PulseColumns:
    """``count`` columns of ``step_min`` minutes from Unix minute ``first_min`` on.

    values: [7, count] in the order of PULSE_FIELDS, NaN where unknown; cvd_usd counts from the first
    column.  venues: who counts in "oi", "flow" (buy, sell, CVD) and "ratio".
    """

    first_min: int
    step_min: int
    values: F8
    venues: Mapping[str, tuple[str, ...]]

    @property
    def count(self) -> int:
        return int(self.values.shape[1])

    def field(self, name: str) -> F8:
        row: F8 = self.values[PULSE_FIELDS.index(name)]
        return row

    def column(self, index: int) -> dict[str, float]:
        """Return one column by field name."""
        return dict(zip(PULSE_FIELDS, self.values[:, index].tolist(), strict=True))


class Pulse:
    """The last KEPT_MIN minutes of every venue of one symbol."""

    def __init__(self) -> None:
        # [6, KEPT_MIN], minute m at m % KEPT_MIN; seven digits are more than a curve shows.
        self._venues: dict[str, F4] = {}
        self._last_min = 0
        self.past = 0  # rises when minutes before the newest were told anew

    def remember(
        self,
        venue: str,
        *,
        closes: Sequence[tuple[int, float]] = (),
        flows: Sequence[tuple[int, int, float, float]] = (),
        oi_usd: Sequence[tuple[int, float]] = (),
        funding: Sequence[tuple[int, float]] = (),
        long_share: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Take the venue's history where nothing is known yet, each value with its Unix minute.

        flows: (first minute, minutes, USD bought, USD sold), shared evenly over its minutes.
        funding: settled rates, each of which holds from its minute until the next.
        """
        if venue not in self._venues:
            self._venues[venue] = np.full((6, KEPT_MIN), np.nan, dtype=np.float32)
        held = self._venues[venue]
        heard = ~np.isnan(held[_BUY])

        def places(minutes: NDArray[np.int64]) -> NDArray[np.int64]:
            """Return where minutes are kept; those beyond the range or heard already are at -1."""
            inside = (minutes > self._last_min - KEPT_MIN) & (minutes <= self._last_min)
            return np.where(inside & ~heard[minutes % KEPT_MIN], minutes % KEPT_MIN, -1)

        for row, samples in ((_OI, oi_usd), (_CLOSE, closes), (_LONG, long_share)):
            if samples:
                at = places(np.array([minute for minute, _ in samples]))
                held[row, at[at >= 0]] = np.array([value for _, value in samples])[at >= 0]
        for (minute, rate), (until, _) in pairwise([*funding, (self._last_min, 0.0)]):
            at = places(np.arange(max(minute, self._last_min - KEPT_MIN + 1), max(until, 0)))
            held[_FUNDING, at[at >= 0]] = rate
        if flows:
            spans = np.array([span for _, span, _, _ in flows])
            firsts = np.repeat([minute for minute, _, _, _ in flows], spans)
            at = places(firsts + np.arange(len(firsts)) - np.repeat(np.cumsum(spans) - spans, spans))
            for row, sums in ((_BUY, [flow[2] for flow in flows]), (_SELL, [flow[3] for flow in flows])):
                told = np.zeros(KEPT_MIN)
                np.add.at(told, at[at >= 0], np.repeat(np.array(sums) / spans, spans)[at >= 0])
                known = at[at >= 0]
                held[row, known] = np.nan_to_num(held[row, known]) + told[known]
        self.past += 1

    def advance(self, minute: int) -> None:
        """Let ``minute`` be the newest one; what lies KEPT_MIN before it is forgotten."""
        gone = min(minute - self._last_min, KEPT_MIN)
        if gone > 0:
            places = np.arange(minute - gone + 1, minute + 1) % KEPT_MIN
            for held in self._venues.values():
                held[:, places] = np.nan
            self._last_min = minute

    def sample(
        self,
        venue: str,
        minute: int,
        *,
        oi_usd: float | None = None,
        funding: float | None = None,
        long_share: float | None = None,
        close: float | None = None,
    ) -> None:
        """Take what holds at a minute; None leaves what is known.  long_share: of all accounts, 0..1."""
        place = self._place(venue, minute)
        if place is None:
            return
        held = self._venues[venue]
        for row, value in ((_OI, oi_usd), (_FUNDING, funding), (_LONG, long_share), (_CLOSE, close)):
            if value is not None:
                held[row, place] = value

    def flow(self, venue: str, minute: int, buy_usd: float, sell_usd: float) -> None:
        """Add what takers bought and sold to a minute."""
        place = self._place(venue, minute)
        if place is not None:
            held = self._venues[venue]
            held[_BUY, place] = np.nan_to_num(held[_BUY, place]) + buy_usd
            held[_SELL, place] = np.nan_to_num(held[_SELL, place]) + sell_usd

    def _place(self, venue: str, minute: int) -> int | None:
        """Return where a minute is kept, None when it is too old or ahead of the newest."""
        if not self._last_min - KEPT_MIN < minute <= self._last_min:
            return None
        if venue not in self._venues:
            self._venues[venue] = np.full((6, KEPT_MIN), np.nan, dtype=np.float32)
        return minute % KEPT_MIN

    def columns(self, step_min: int, count: int, order: tuple[str, ...]) -> PulseColumns:
        """Return the newest ``count`` columns; the last one holds the newest minute and may still grow.

        Columns begin at multiples of ``step_min``.  order: venues whose funding and close lead, best
        first.  A bucket's sample is the last known of its minutes, its flow their sum.
        """
        first_min = (self._last_min // step_min - count + 1) * step_min
        buckets = {name: _buckets(self._minutes(name, first_min), step_min, count) for name in self._venues}
        names = [name for name in order if name in buckets]
        counted = {
            "oi": _counted(buckets, names, _OI),
            "flow": _counted(buckets, names, _BUY),
            "ratio": _counted(buckets, names, _LONG),
        }
        values = np.full((len(PULSE_FIELDS), count), np.nan)
        values[0] = _total(buckets, counted["oi"], _OI)
        values[1] = _leading(buckets, names, _FUNDING, count)
        values[3] = _total(buckets, counted["flow"], _BUY)
        values[4] = _total(buckets, counted["flow"], _SELL)
        values[2] = _cumulated(values[3] - values[4])
        values[5] = _ratio(buckets, counted["ratio"])
        values[6] = _leading(buckets, names, _CLOSE, count)
        return PulseColumns(first_min, step_min, values, counted)

    def _minutes(self, venue: str, first_min: int) -> F8:
        """Return [6, n] minutes from ``first_min`` to the newest, samples held for HOLD_MIN."""
        wanted = np.arange(first_min - HOLD_MIN, self._last_min + 1)
        minutes = self._venues[venue][:, wanted % KEPT_MIN].astype(np.float64)
        minutes[:, wanted <= self._last_min - KEPT_MIN] = np.nan
        for row in _SAMPLES:
            minutes[row] = _held(minutes[row])
        return minutes[:, HOLD_MIN:]


def continued(told: PulseColumns, now: PulseColumns) -> PulseColumns:
    """Return ``now`` with its CVD counted from where that of ``told`` was: a stream's never restarts."""
    moved = (now.first_min - told.first_min) // now.step_min
    if not 0 <= moved < told.count:
        return now
    # What a column begins with stands once the column has begun; its own flow may still grow.
    old, new = _cvd_before(told)[moved:], _cvd_before(now)[: told.count - moved]
    both = np.flatnonzero(~np.isnan(old) & ~np.isnan(new))
    if not len(both):
        return now
    values = now.values.copy()
    values[_CVD] += old[both[0]] - new[both[0]]
    return replace(now, values=values)


def _cvd_before(columns: PulseColumns) -> F8:
    bought, sold = columns.field("buy_usd"), columns.field("sell_usd")
    before: F8 = columns.values[_CVD] - (bought - sold)
    return before


def _held(samples: F8) -> F8:
    """Carry each sample forward over at most HOLD_MIN minutes without one."""
    places = np.arange(len(samples))
    last = np.maximum.accumulate(np.where(np.isnan(samples), -1, places))
    kept = (last >= 0) & (places - last <= HOLD_MIN)
    return np.where(kept, samples[np.maximum(last, 0)], np.nan)


def _buckets(minutes: F8, step_min: int, count: int) -> F8:
    """Return [6, count]: of each bucket the last sample that is known, or the sum of its flow."""
    padded = np.full((6, count * step_min), np.nan)
    padded[:, : minutes.shape[1]] = minutes
    cells = padded.reshape(6, count, step_min)
    known = ~np.isnan(cells)
    last = step_min - 1 - np.argmax(known[:, :, ::-1], axis=2)
    found: F8 = np.take_along_axis(cells, last[:, :, None], axis=2)[:, :, 0]
    for row in (_BUY, _SELL):
        found[row] = np.where(known[row].any(axis=1), np.nansum(cells[row], axis=1), np.nan)
    return found


def _counted(buckets: Mapping[str, F8], names: list[str], row: int) -> tuple[str, ...]:
    """Return the venues that tell of this over nearly as much of the range as the best of them."""
    covered = {name: int((~np.isnan(buckets[name][row])).sum()) for name in names}
    best = max(covered.values(), default=0)
    return tuple(name for name in names if covered[name] and covered[name] >= COVERAGE * best)


def _total(buckets: Mapping[str, F8], names: tuple[str, ...], row: int) -> F8 | float:
    """Sum over venues; a column that one of them does not tell is unknown."""
    return np.sum([buckets[name][row] for name in names], axis=0) if names else np.nan


def _leading(buckets: Mapping[str, F8], names: list[str], row: int, count: int) -> F8:
    """Return the first venue's value in each column that has one."""
    found = np.full(count, np.nan)
    for name in names:
        found = np.where(np.isnan(found), buckets[name][row], found)
    return found


def _ratio(buckets: Mapping[str, F8], names: tuple[str, ...]) -> F8 | float:
    """Longs over shorts from the venues' mean share of longs."""
    if not names:
        return np.nan
    share = np.clip(np.mean([buckets[name][_LONG] for name in names], axis=0), 0.001, 0.999)
    found: F8 = share / (1 - share)
    return found


def _cumulated(delta: F8) -> F8:
    return np.where(np.isnan(delta), np.nan, np.nancumsum(delta))
