"""The inner loops of the map: columns of stored band codes in, planes of the picture out."""

from __future__ import annotations

from math import floor, log

import numpy as np
from numba import types

from leadline.domain.raw_memory import compiled, inlined

CODE_USD = 100.0
CODE_MAX = 255
_LOG_RATIO = log(1.06)

_CODES = types.uint8[:, ::1]
_F8 = types.float64[::1]
_I8 = types.int64[::1]


@compiled(
    types.void(types.float64[:, :, ::1], _CODES, _I8, _F8, _F8, _F8, types.float64, types.int64, types.int64)
)
def add_planes(
    planes: np.ndarray,
    codes: np.ndarray,
    origins: np.ndarray,
    marks: np.ndarray,
    references: np.ndarray,
    usd_of: np.ndarray,
    log_step: float,
    low_bin: int,
    row_bins: int,
) -> None:
    """Add one venue's columns to the picture's dollars, moved by its basis.

    planes [2, C, R]: dollars of longs and shorts by column and row; row 0 begins at log-price bin
    ``low_bin`` and each row spans ``row_bins``.  codes [C, K]: band codes, bin 0 at log-price bin
    origins [C].  marks [C]: the venue's (0: it had no column then); references [C]: the mark it is
    shown against.  usd_of [256]: dollars of a code.

    A bin below the venue's mark holds longs, one above it shorts; what a fraction of the basis would
    carry over the reference mark stays in the last bin before it.
    """
    columns, bins = codes.shape
    rows = planes.shape[2]
    span = rows * row_bins
    for c in range(columns):
        if marks[c] <= 0.0 or references[c] <= 0.0:
            continue
        own = log(marks[c]) / log_step
        shown = log(references[c]) / log_step
        shift = shown - own
        whole = floor(shift)
        part = shift - whole
        if part < 1e-9:
            part = 0.0
        # The outermost bin of each side whose centre lies on the right side of the reference mark.
        last_long = int(np.ceil(shown - 0.5)) - 1
        first_short = int(np.floor(shown - 0.5)) + 1
        for k in range(bins):
            code = codes[c, k]
            if code == 0:
                continue
            usd = usd_of[code]
            at = origins[c] + k
            side = 0 if at + 0.5 < own else 1
            for step in range(2):
                weight = 1.0 - part if step == 0 else part
                if weight == 0.0:
                    continue
                place = at + int(whole) + step
                place = min(place, last_long) if side == 0 else max(place, first_short)
                row = place - low_bin
                if 0 <= row < span:
                    planes[side, c, row // row_bins] += usd * weight


@inlined
def _code(usd: float) -> int:
    """Return the nearest band code of an amount."""
    if usd <= 0.0:
        return 0
    return min(int(np.rint(np.log1p(usd / CODE_USD) / _LOG_RATIO)), CODE_MAX)


@compiled(
    types.void(
        *(_CODES, _I8, _F8, types.int64, types.int64),
        *(_CODES, _I8, types.int64[:, ::1], types.float64[:, ::1]),
        *(types.int64, _F8, types.float64, _CODES),
    )
)
def keep_opened(
    codes: np.ndarray,
    origins: np.ndarray,
    marks: np.ndarray,
    first_min: int,
    step_min: int,
    opened: np.ndarray,
    opened_origins: np.ndarray,
    spans: np.ndarray,
    kept: np.ndarray,
    row_bins: int,
    usd_of: np.ndarray,
    log_step: float,
    out: np.ndarray,
) -> None:
    """Write the part of each column that was opened since Unix minute ``first_min``, in band codes.

    codes [C, K], origins, marks [C]: a venue's columns of ``step_min`` minutes from first_min on, as
    `add_planes` takes them; out [C, K].  opened [H, R], opened_origins [H]: the band codes of what was
    opened in spans [H, 2], from one Unix minute to another, in order; a code is of ``row_bins`` bins.
    kept [H, 2]: what a position of each side (longs, shorts) is worth at the end of the span over what it
    was at its beginning.

    What was opened comes in evenly over its span and fades with all others of its side.  It is never more
    than all that stands in the bin: so what the mark has taken is gone.
    """
    columns, bins = codes.shape
    out[:] = 0
    known = np.flatnonzero(marks > 0.0)
    if len(known) == 0:
        return
    low = origins[known].min()
    high = origins[known].max()
    for h in range(len(opened)):
        low = min(low, opened_origins[h])
        high = max(high, opened_origins[h])
    held = np.zeros(high - low + max(bins, opened.shape[1] * row_bins))
    own = log(marks[known[0]]) / log_step
    at_row = 0
    for c in range(columns):
        begin = first_min + c * step_min
        end = begin + step_min
        if marks[c] > 0.0:
            own = log(marks[c]) / log_step
        while at_row < len(opened) and spans[at_row, 1] <= begin:
            at_row += 1
        h = at_row
        while h < len(opened) and spans[h, 0] < end:
            minutes = min(spans[h, 1], end) - max(spans[h, 0], begin)
            share = minutes / (spans[h, 1] - spans[h, 0])
            # Longs lie below the mark, shorts above.
            border = min(max(int(np.ceil(own - 0.5)) - low, 0), len(held))
            long_kept, short_kept = kept[h, 0] ** share, kept[h, 1] ** share
            for i in range(border):
                held[i] *= long_kept
            for i in range(border, len(held)):
                held[i] *= short_kept
            at = opened_origins[h] - low
            for k in range(opened.shape[1] * row_bins):
                held[at + k] += share / row_bins * usd_of[opened[h, k // row_bins]]
            h += 1
        if marks[c] <= 0.0:
            continue
        at = origins[c] - low
        for k in range(bins):
            held[at + k] = min(held[at + k], usd_of[codes[c, k]])
            out[c, k] = min(_code(held[at + k]), codes[c, k])


@compiled(types.void(_F8, types.uint8[::1]))
def encode(usd: np.ndarray, codes: np.ndarray) -> None:
    """Write the nearest band code of each amount."""
    for i in range(len(usd)):
        codes[i] = _code(usd[i])


@compiled(types.void(_F8, types.int64, types.float64, types.uint8[::1]))
def encode_at(coins: np.ndarray, origin: int, log_step: float, codes: np.ndarray) -> None:
    """Write the band code of coins, each valued at the price of its bin; bin 0 is ``origin``."""
    price, ratio = np.exp((origin + 0.5) * log_step), np.exp(log_step)
    for i in range(len(coins)):
        codes[i] = _code(coins[i] * price)
        price *= ratio
