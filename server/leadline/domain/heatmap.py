"""The map's memory and its picture: what the bands of each venue said, minute by minute.

A *column* is one venue's bands at the end of a minute as one byte a bin (a band code) on the absolute
log-price grid of the bands, STORED_BINS around the venue's mark then.  Bins below the mark hold longs
and bins above it shorts, so one plane serves both sides.  A picture lays the columns of the wanted
venues over each other, each moved by its venue's basis of that minute, on rows that do not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, floor, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.domain import heatmap_kernels as kernels
from leadline.domain.bands import STEP, Bands
from leadline.domain.heat import USD_OF_CODES, codes_of
from leadline.domain.kernels import F8, I8
from leadline.domain.opened import ROW_BINS as OPENED_ROW_BINS
from leadline.domain.opened import OpenedHours
from leadline.domain.planes import Codes, Planes

STORED_BINS = 640  # 16 % on each side of the mark
FINE_MINUTES = 1440
COARSE_MIN = 5
COARSE_SLOTS = 7 * 1440 // COARSE_MIN
MAP_ROWS = 256
# Bins a row at least: 5 basis points where a day is looked at, twice that where a week is.
ROW_BINS = {12: 1, 24: 1, 72: 2, 168: 2}
FILLED_SHARE = 0.45  # of the rows, on each side of the price, that the range's prices may take up


@dataclass(frozen=True, slots=True)
class Column:
    """One venue at the end of a bar of ``span_min`` minutes from Unix minute ``minute`` on.

    candle: open, high, low, close of the last price.  oi_coins: one side's open interest (NaN: unknown).
    codes [STORED_BINS]: band codes upwards from log-price bin ``origin``.
    """

    minute: int
    span_min: int
    candle: tuple[float, float, float, float]
    mark: float
    oi_coins: float
    origin: int
    codes: Codes


def coded(bands: Bands) -> tuple[int, Codes]:
    """Return what bands say now as (origin, codes [STORED_BINS]): dollars at the price of each bin."""
    origin = floor(log(bands.mark_price) / STEP) - STORED_BINS // 2
    codes = np.zeros(STORED_BINS, dtype=np.uint8)
    kernels.encode_at(bands.outline(origin, STORED_BINS), origin, STEP, codes)
    return origin, codes


class _Tier:
    """A ring of slots of ``step_min`` minutes; a slot keeps its newest bands and merges its candles.

    Seven digits of a price are far finer than a row of a map, and seven days of three venues are many slots.
    """

    def __init__(self, slots: int, step_min: int) -> None:
        self.step_min = step_min
        self.ids = np.full(slots, -1, dtype=np.int32)
        self.codes = Planes(slots, STORED_BINS)
        self.origins = np.zeros(slots, dtype=np.int32)
        self.marks = np.zeros(slots, dtype=np.float32)
        self.oi_coins = np.full(slots, np.nan, dtype=np.float32)
        self.candles = np.full((slots, 4), np.nan, dtype=np.float32)
        self._newest = np.zeros(slots, dtype=np.int32)

    def put(self, column: Column) -> None:
        slot = column.minute // self.step_min
        at = slot % len(self.ids)
        if self.ids[at] > slot:
            return
        first, high, low, last = column.candle
        if self.ids[at] == slot and column.minute >= self._newest[at]:
            held = self.candles[at]
            self.candles[at] = (held[0], max(held[1], high), min(held[2], low), last)
        elif self.ids[at] == slot:
            held = self.candles[at]
            self.candles[at] = (first, max(held[1], high), min(held[2], low), held[3])
            return
        else:
            self.ids[at] = slot
            self.candles[at] = column.candle
        self._newest[at] = column.minute
        self.codes[at] = column.codes
        self.origins[at] = column.origin
        self.marks[at] = column.mark
        self.oi_coins[at] = column.oi_coins


@dataclass(frozen=True, slots=True)
class Stretch:
    """Columns read back, C of them: codes [C, K]; origins, marks (0: nothing known), oi_coins [C];
    candles [C, 4] (NaN: none)."""

    codes: Codes
    origins: I8
    marks: F8
    oi_coins: F8
    candles: F8


class VenueColumns:
    """Seven days of one venue: every minute of the last day, every five minutes before that.

    opened: what was opened when, to tell young positions from old ones.
    """

    __slots__ = ("_coarse", "_fine", "newest_minute", "opened")

    def __init__(self, opened: OpenedHours | None = None) -> None:
        self.opened = OpenedHours() if opened is None else opened
        self._fine = _Tier(FINE_MINUTES, 1)
        self._coarse = _Tier(COARSE_SLOTS, COARSE_MIN)
        self.newest_minute: int | None = None

    def put(self, column: Column) -> None:
        """Keep a column.  Bars longer than COARSE_MIN are passed over: they are no columns of a map."""
        if column.span_min > COARSE_MIN:
            return
        if column.span_min == 1:
            self._fine.put(column)
        self._coarse.put(column)
        last = column.minute + column.span_min - 1
        self.newest_minute = last if self.newest_minute is None else max(last, self.newest_minute)

    def read(self, first_min: int, step_min: int, columns: int) -> Stretch:
        """Return ``columns`` columns of ``step_min`` minutes from Unix minute ``first_min`` on.

        Each shows its last minute that is known; its candle spans all of them.
        """
        tier = self._coarse if step_min % COARSE_MIN == 0 else self._fine
        parts = step_min // tier.step_min
        slots = (first_min // tier.step_min + np.arange(columns * parts)).reshape(columns, parts)
        at = slots % len(tier.ids)
        known = tier.ids[at] == slots
        rank = parts - 1 - np.argmax(known[:, ::-1], axis=1)
        chosen = at[np.arange(columns), rank]
        some = known.any(axis=1)
        candles = np.where(known[:, :, None], tier.candles[at], np.nan).astype(np.float64)
        merged = candles[:, 0].copy()
        for part in range(1, parts):
            more = candles[:, part]
            merged[:, 0] = np.where(np.isnan(merged[:, 0]), more[:, 0], merged[:, 0])
            merged[:, 1] = np.fmax(merged[:, 1], more[:, 1])
            merged[:, 2] = np.fmin(merged[:, 2], more[:, 2])
            merged[:, 3] = np.where(np.isnan(more[:, 3]), merged[:, 3], more[:, 3])
        return Stretch(
            codes=tier.codes[chosen],
            origins=tier.origins[chosen].astype(np.int64),
            marks=np.where(some, tier.marks[chosen], 0.0).astype(np.float64),
            oi_coins=np.where(some, tier.oi_coins[chosen], np.nan).astype(np.float64),
            candles=merged,
        )

    def opened_in(self, stretch: Stretch, first_min: int, step_min: int) -> Stretch:
        """Return what `read` told of this range, of each column only what was opened since it began."""
        codes, young = np.ascontiguousarray(stretch.codes), np.zeros_like(stretch.codes)
        opened, origins, spans, kept = self.opened.rows(first_min, first_min + len(codes) * step_min)
        kernels.keep_opened(
            codes,
            stretch.origins,
            stretch.marks,
            first_min,
            step_min,
            opened,
            origins,
            spans,
            kept,
            OPENED_ROW_BINS,
            USD_OF_CODES,
            STEP,
            young,
        )
        return replace(stretch, codes=young)


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of equal width in log price: row r spans bins low_bin + r * row_bins and the next row_bins."""

    low_bin: int
    row_bins: int
    rows: int = MAP_ROWS

    @property
    def low(self) -> float:
        """Price of the lower edge of row 0."""
        return exp(self.low_bin * STEP)

    @property
    def ratio(self) -> float:
        """Price of a row's upper edge over that of its lower one."""
        return exp(self.row_bins * STEP)

    def holds(self, price: float) -> bool:
        """Tell whether ``price`` lies in the middle half of the rows."""
        row = (floor(log(price) / STEP) - self.low_bin) // self.row_bins
        return self.rows // 4 <= row < self.rows * 3 // 4

    def shows(self, low: float, high: float) -> bool:
        """Tell whether all prices from ``low`` to ``high`` lie on the rows."""
        return self.low <= low and high < exp((self.low_bin + self.rows * self.row_bins) * STEP)

    def within(self, low: float, high: float) -> tuple[int, int]:
        """Return the rows that lie wholly between two prices: the first, and the one after the last."""
        first, end = (
            (log(max(price, self.low)) / STEP - self.low_bin) / self.row_bins for price in (low, high)
        )
        # Prices come from logarithms and go back to them: an edge is one within a millionth of a row.
        first = min(max(ceil(first - 1e-6), 0), self.rows)
        return first, max(min(floor(end + 1e-6), self.rows), first)


def choose_grid(hours: int, price: float, low: float, high: float) -> Grid:
    """Return rows around ``price`` that also show prices from ``low`` to ``high``."""
    reach = max(log(high / price), log(price / low), 0.0)
    row_bins = max(ROW_BINS[hours], ceil(reach / (FILLED_SHARE * MAP_ROWS * STEP)))
    middle = floor(log(price) / STEP / row_bins) * row_bins
    return Grid(middle - MAP_ROWS // 2 * row_bins, row_bins)


@dataclass(frozen=True, slots=True)
class Picture:
    """C columns of R rows: long, short [C, R] band codes; candles [C, 4] (NaN: none).

    marks [C]: of the reference (0: unknown); oi_usd [C]: of all venues shown; shares: each venue's part
    of the dollars in the last column, in the order given (all 0 when there are none).  part: of the last
    column's dollars that are shown, 1 unless old positions were left out.
    """

    long: Codes
    short: Codes
    candles: F8
    marks: F8
    oi_usd: F8
    shares: tuple[float, ...]
    part: float = 1.0


def picture(
    venues: Sequence[VenueColumns],
    grid: Grid,
    first_min: int,
    step_min: int,
    columns: int,
    opened_in: bool = False,
) -> Picture:
    """Lay venues over each other, the reference first: its mark and candles lead where it has any.

    A venue's bands keep their distance to its own mark: they are moved by its basis of that minute.
    opened_in: show of each column only what was opened since the first one began.
    """
    stretches = [venue.read(first_min, step_min, columns) for venue in venues]
    part = 1.0
    if opened_in:
        whole_usd = _last_usd(stretches)
        stretches = [
            venue.opened_in(all_, first_min, step_min) for venue, all_ in zip(venues, stretches, strict=True)
        ]
        part = _last_usd(stretches) / whole_usd if whole_usd else 1.0
    planes: F8 = np.zeros((2, columns, grid.rows))
    references: F8 = np.zeros(columns)
    candles: F8 = np.full((columns, 4), np.nan)
    oi_usd: F8 = np.zeros(columns)
    for told in stretches:
        references = np.where(references > 0.0, references, told.marks)
        candles = np.where(np.isnan(candles[:, :1]), told.candles, candles)
        oi_usd += np.nan_to_num(told.oi_coins * told.marks)
    totals = [0.0]
    for told in stretches:
        codes = np.ascontiguousarray(told.codes)
        kernels.add_planes(
            planes,
            codes,
            told.origins,
            told.marks,
            references,
            USD_OF_CODES,
            STEP,
            grid.low_bin,
            grid.row_bins,
        )
        totals.append(float(planes[:, -1].sum()))
    flat = np.zeros(planes.size, dtype=np.uint8)
    kernels.encode(planes.reshape(-1), flat)
    long, short = flat.reshape(planes.shape)
    whole = totals[-1]
    shares = tuple(round(float(usd) / whole, 4) if whole else 0.0 for usd in np.diff(totals))
    return Picture(long, short, candles, references, oi_usd, shares, part)


def _last_usd(stretches: Sequence[Stretch]) -> float:
    """Return the dollars of the last column over all venues that have one."""
    return sum(float(USD_OF_CODES[told.codes[-1]].sum()) for told in stretches if told.marks[-1] > 0.0)


def price_range(
    venues: Sequence[VenueColumns], first_min: int, step_min: int, columns: int
) -> tuple[float, float]:
    """Return the lowest and the highest price of the first venue that traded in a range.

    Raises ValueError when none did.
    """
    for venue in venues:
        candles = venue.read(first_min, step_min, columns).candles
        if not np.isnan(candles[:, 0]).all():
            return float(np.nanmin(candles[:, 2])), float(np.nanmax(candles[:, 1]))
    raise ValueError("expected a candle in the range, found none")


def book_codes(grid: Grid, prices: NDArray[np.floating[Any]], usd: NDArray[np.floating[Any]]) -> Codes:
    """Return the resting dollars of levels (prices, usd [n]) as a band code a row."""
    rows = (np.floor(np.log(prices) / STEP).astype(np.int64) - grid.low_bin) // grid.row_bins
    inside = (rows >= 0) & (rows < grid.rows)
    resting: F8 = np.bincount(rows[inside], weights=usd[inside], minlength=grid.rows).astype(np.float64)
    return codes_of(resting)
