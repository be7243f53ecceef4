"""A row of the watchlist, and which of its changes are worth telling a phone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STRIP_CODES = 33
STRIP_REACH = 0.02  # the strip spans -2 % to +2 % about the last price
FRESH_DS = 10  # a book younger than a second is simply fresh

SYNCING, LIVE, STALE = 0, 1, 2
REGIME_UNKNOWN = 0

_USD_STEP = 0.10
_DISTANCE_STEP = 0.15
_DISTANCE_BP_LEAST = 3
_ETA_STEP = 0.30
_STRIP_CODES_STEP = 4  # 26 % of the dollars of a place
_TOP_CODES_STEP = 2  # 12 %


class Nearest(NamedTuple):
    """The nearest dense cluster of a side.

    peak: in ticks; usd, usd_lo, usd_hi: thousands of USD; distance_bp: from the last price to the peak;
    eta_min: None while price moves away; name, state: None where the estimate does not tell them.
    """

    peak: int
    usd: int
    usd_lo: int
    usd_hi: int
    distance_bp: int
    eta_min: int | None
    name: str | None
    state: str | None


class GlanceRow(NamedTuple):
    """One symbol, its fields in the order of the wire (shared/wire/README.md).

    last: ticks, 0 before there is a price; day: basis points; bias: -100..100; strip: STRIP_CODES band
    codes, or none without an estimate; top: band code of what the palette's top stands for on a place of it;
    funding: hundredths of a basis point; calibrated: whether liquidations that were seen bear the estimate
    out, None without one.
    """

    state: int = SYNCING
    age_ds: int = 0
    last: int = 0
    day: int | None = None
    above: Nearest | None = None
    below: Nearest | None = None
    bias: int | None = None
    regime: int = REGIME_UNKNOWN
    strip: bytes = b""
    top: int | None = None
    funding: int | None = None
    calibrated: bool | None = None


def settled(told: GlanceRow, now: GlanceRow, slowly: bool) -> GlanceRow:
    """Return the row to tell next: ``now``, but fields that have hardly moved as they were ``told``.

    slowly: whether the estimate's fields may be told anew; without it only their coming, going and changing
    name or state are.
    """
    fresh = told.state == now.state == LIVE and max(told.age_ds, now.age_ds) < FRESH_DS
    return GlanceRow(
        state=now.state,
        age_ds=told.age_ds if fresh else now.age_ds,
        last=now.last,
        day=now.day,
        above=_nearest(told.above, now.above, slowly),
        below=_nearest(told.below, now.below, slowly),
        bias=now.bias if slowly or told.bias is None or now.bias is None else told.bias,
        regime=now.regime,
        strip=now.strip if _strip_moved(told.strip, now.strip, slowly) else told.strip,
        top=now.top if _top_moved(told.top, now.top, slowly) else told.top,
        funding=now.funding,
        calibrated=now.calibrated,
    )


def _nearest(told: Nearest | None, now: Nearest | None, slowly: bool) -> Nearest | None:
    if told is None or now is None or (told.name, told.state) != (now.name, now.state):
        return now
    if not slowly:
        return told
    distance = abs(now.distance_bp - told.distance_bp)
    same = (
        told.peak == now.peak
        and not any(
            _moved(old, new, _USD_STEP)
            for old, new in ((told.usd, now.usd), (told.usd_lo, now.usd_lo), (told.usd_hi, now.usd_hi))
        )
        and distance <= max(_DISTANCE_BP_LEAST, _DISTANCE_STEP * told.distance_bp)
        and not _moved(told.eta_min, now.eta_min, _ETA_STEP)
    )
    return told if same else now


def _moved(told: int | None, now: int | None, step: float) -> bool:
    """Tell whether a number came, went or moved by more than a ``step`` of itself."""
    if told is None or now is None:
        return told is not now
    return abs(now - told) > step * abs(told)


def _strip_moved(told: bytes, now: bytes, slowly: bool) -> bool:
    if len(told) != len(now) or not now:
        return told != now
    old, new = (np.frombuffer(codes, dtype=np.uint8).astype(np.int16) for codes in (told, now))
    return slowly and bool((np.abs(new - old) >= _STRIP_CODES_STEP).any())


def _top_moved(told: int | None, now: int | None, slowly: bool) -> bool:
    if told is None or now is None:
        return told is not now
    return slowly and abs(now - told) >= _TOP_CODES_STEP
