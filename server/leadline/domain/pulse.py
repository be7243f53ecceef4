"""Open interest, funding, taker flow and the long/short ratio of a symbol, minute by minute.

Each venue's minutes are kept apart, for venues differ in how far back they tell what: a sum in which a
venue joins halfway would show a jump that never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Bools = NDArray[np.bool_]

# As the wire names them.
PULSE_FIELDS: Final = ("oi_usd", "funding", "cvd_usd", "buy_usd", "sell_usd", "long_ratio", "close")

KEPT_MIN: Final = 7 * 1440 + 60
FINE_MIN: Final = 1440 + 60  # what the map shows by the minute
COARSE_MIN: Final = 5
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


class _Tier:
    """One venue's values [6, slots] by ``step_min`` minutes over the last ``kept_min``.  Slots are numbered
    from Unix time on; slot n is kept at n % slots.
    """

    def __init__(self, step_min: int, kept_min: int) -> None:
        self.step_min = step_min
        self.slots = kept_min // step_min
        # Seven digits are as many as a frame has.
        self.held = np.full((6, self.slots), np.nan, dtype=np.float32)

    def clear(self, first: int, last: int) -> None:
        """Forget what the slots of these numbers held before."""
        self.held[:, np.arange(max(first, last - self.slots + 1), last + 1) % self.slots] = np.nan

    def add(self, row: int, minutes: I8, usd: F8) -> None:
        """Add flow to the slots of minutes."""
        told = np.bincount(minutes // self.step_min % self.slots, usd, self.slots)
        slots = np.unique(minutes // self.step_min % self.slots)
        self.held[row, slots] = np.nan_to_num(self.held[row, slots]) + told[slots]

    def columns(self, first_min: int, last_min: int, step_min: int, count: int) -> F8:
        """Return [6, count] buckets of ``step_min`` minutes from ``first_min``; samples hold for HOLD_MIN."""
        hold = HOLD_MIN // self.step_min
        newest = last_min // self.step_min
        wanted = np.arange(first_min // self.step_min - hold, newest + 1)
        slots = self.held[:, wanted % self.slots].astype(np.float64)
        slots[:, wanted <= newest - self.slots] = np.nan
        for row in _SAMPLES:
            slots[row] = _held(slots[row], hold)
        return _buckets(slots[:, hold:], step_min // self.step_min, count)


class Pulse:
    """The last KEPT_MIN minutes of every venue of one symbol; beyond FINE_MIN five of them are one."""

    def __init__(self) -> None:
        self._venues: dict[str, tuple[_Tier, _Tier]] = {}
        # By venue, what the newest minute has told since it was last written to the tiers.
        self._running: dict[str, list[float]] = {}
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
        self._settle()
        kept = np.arange(self._last_min - KEPT_MIN + 1, self._last_min + 1)
        unheard = self._unheard(venue, kept)  # [KEPT_MIN], before any of it is told
        for tier in self._tiers(venue):
            slots = kept // tier.step_min
            inside = slots > self._last_min // tier.step_min - tier.slots
            # A slot with a minute that was heard has a newer sample than history.
            heard = np.unique(slots[~unheard])
            free = inside & ~np.isin(slots, heard)

            def put(row: int, minutes: I8, values: F8, tier: _Tier = tier, free: Bools = free) -> None:
                at = minutes - kept[0]
                known = (at >= 0) & (at < KEPT_MIN)
                known[known] = free[at[known]]
                tier.held[row, minutes[known] // tier.step_min % tier.slots] = values[known]

            for row, samples in ((_OI, oi_usd), (_CLOSE, closes), (_LONG, long_share)):
                if samples:
                    put(row, np.array([minute for minute, _ in samples]), np.array([v for _, v in samples]))
            for (minute, rate), (until, _) in pairwise([*funding, (self._last_min, 0.0)]):
                minutes = np.arange(max(minute, int(kept[0])), max(until, 0))
                put(_FUNDING, minutes, np.full(len(minutes), rate))
            if flows:
                spans = np.array([span for _, span, _, _ in flows])
                firsts = np.repeat([minute for minute, _, _, _ in flows], spans)
                minutes = firsts + np.arange(len(firsts)) - np.repeat(np.cumsum(spans) - spans, spans)
                at = minutes - kept[0]
                known = (at >= 0) & (at < KEPT_MIN)
                known[known] = (unheard & inside)[at[known]]
                for row, sums in ((_BUY, [flow[2] for flow in flows]), (_SELL, [flow[3] for flow in flows])):
                    tier.add(row, minutes[known], np.repeat(np.array(sums) / spans, spans)[known])
        self.past += 1

    def forget(self, venue: str) -> None:
        """Let a venue's minutes go: its numbers mean something else from now on."""
        if self._venues.pop(venue, None) is not None:
            self.past += 1

    def advance(self, minute: int) -> None:
        """Let ``minute`` be the newest one; what lies KEPT_MIN before it is forgotten."""
        if minute > self._last_min:
            self._settle()
            for tiers in self._venues.values():
                for tier in tiers:
                    tier.clear(self._last_min // tier.step_min + 1, minute // tier.step_min)
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
        told = ((_OI, oi_usd), (_FUNDING, funding), (_LONG, long_share), (_CLOSE, close))
        if minute == self._last_min:
            running = self._running.setdefault(venue, [nan] * 6)
            for row, value in told:
                if value is not None:
                    running[row] = value
        else:
            self._write(venue, minute, [(row, value) for row, value in told if value is not None])

    def flow(self, venue: str, minute: int, buy_usd: float, sell_usd: float) -> None:
        """Add what takers bought and sold to a minute."""
        if minute == self._last_min:
            running = self._running.setdefault(venue, [nan] * 6)
            running[_BUY] = _added(running[_BUY], buy_usd)
            running[_SELL] = _added(running[_SELL], sell_usd)
        else:
            self._write(venue, minute, [(_BUY, buy_usd), (_SELL, sell_usd)])

    def _settle(self) -> None:
        """Write the running minute down."""
        for venue, values in self._running.items():
            self._write(venue, self._last_min, [told for told in enumerate(values) if not isnan(told[1])])
        self._running.clear()

    def _write(self, venue: str, minute: int, told: Sequence[tuple[int, float]]) -> None:
        """Set the samples of a minute, and add to its flow; nowhere when it is too old or yet to come."""
        if minute > self._last_min:
            return
        for tier in self._tiers(venue):
            slot, newest = minute // tier.step_min, self._last_min // tier.step_min
            if slot > newest - tier.slots:
                held = tier.held[:, slot % tier.slots]
                for row, value in told:
                    held[row] = value if row in _SAMPLES else _added(float(held[row]), value)

    def _tiers(self, venue: str) -> tuple[_Tier, _Tier]:
        if venue not in self._venues:
            self._venues[venue] = _Tier(1, FINE_MIN), _Tier(COARSE_MIN, KEPT_MIN)
        return self._venues[venue]

    def _unheard(self, venue: str, minutes: I8) -> Bools:
        """Tell of each minute whether nothing of its flow was heard; of old ones their five tell together."""
        fine, coarse = self._tiers(venue)
        told: Bools = np.isnan(coarse.held[_BUY, minutes // COARSE_MIN % coarse.slots])
        young = minutes > self._last_min - fine.slots
        told[young] = np.isnan(fine.held[_BUY, minutes[young] % fine.slots])
        return told

    def columns(self, step_min: int, count: int, order: tuple[str, ...]) -> PulseColumns:
        """Return the newest ``count`` columns; the last one holds the newest minute and may still grow.

        Columns begin at multiples of ``step_min``.  order: venues whose funding and close lead, best
        first.  A bucket's sample is the last known of its minutes, its flow their sum.
        """
        self._settle()
        first_min = (self._last_min // step_min - count + 1) * step_min
        buckets = {
            name: (fine if self._last_min - first_min < FINE_MIN - HOLD_MIN else coarse).columns(
                first_min, self._last_min, step_min, count
            )
            for name, (fine, coarse) in self._venues.items()
        }
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


def _added(held: float, more: float) -> float:
    """Add to what may be unknown (NaN)."""
    return more if isnan(held) else held + more


def _held(samples: F8, hold: int) -> F8:
    """Carry each sample forward over at most ``hold`` places without one."""
    places = np.arange(len(samples))
    last = np.maximum.accumulate(np.where(np.isnan(samples), -1, places))
    kept = (last >= 0) & (places - last <= hold)
    return np.where(kept, samples[np.maximum(last, 0)], np.nan)


def _buckets(slots: F8, step: int, count: int) -> F8:
    """Return [6, count]: of each bucket the last sample that is known, or the sum of its flow."""
    padded = np.full((6, count * step), np.nan)
    padded[:, : slots.shape[1]] = slots
    cells = padded.reshape(6, count, step)
    known = ~np.isnan(cells)
    last = step - 1 - np.argmax(known[:, :, ::-1], axis=2)
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
