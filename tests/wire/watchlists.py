"""Streams of the watchlist, the tape and the pulse: made for the golden files, read as a phone reads them."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np

from leadline.domain.glance import STRIP_CODES, GlanceRow, Nearest
from leadline.domain.pulse import Pulse
from leadline.domain.tape import TapeLiquidation, TapePrint
from leadline.wire.glance_frames import glance_changes, glance_keyframe
from leadline.wire.pulse_frames import pulse_column, pulse_keyframe
from leadline.wire.reader import (
    GlanceChanges,
    GlanceKeyframe,
    PulseColumn,
    PulseKeyframe,
    TapeKeyframe,
    TapePrints,
    decode,
)
from leadline.wire.tape_frames import TapeNews, tape_keyframe, tape_prints

VENUES = ("binance", "bybit", "okx")


def glance_stream(starts_ms: int) -> list[bytes]:
    """Return a keyframe of three symbols and frames in which each kind of field comes, moves and goes."""
    above = Nearest(776_200, 42_000, 24_000, 71_000, 48, 22, "S1", "approach")
    below = Nearest(758_800, 31_000, 18_000, 52_000, 168, None, "L1", None)
    btc = GlanceRow(
        *(1, 2, 772_500, -125, above, below, 34, 1),
        strip=bytes(range(0, 2 * STRIP_CODES, 2)),
        top=187,
        funding=-83,
        calibrated=False,
    )
    eth = GlanceRow(1, 0, 198_250, 340)
    new = GlanceRow()
    tables = [[btc, eth, new]]
    tables.append([btc._replace(last=772_611, day=-111), eth, new])
    tables.append(
        [
            btc._replace(
                last=772_700,
                age_ds=130,
                state=2,
                above=above._replace(distance_bp=45, eta_min=9),
                calibrated=True,
            ),
            eth._replace(below=below, strip=bytes(STRIP_CODES), regime=3, bias=-100),
            new._replace(state=1, last=1, day=0, top=0, funding=0),
        ]
    )
    tables.append(
        [btc._replace(above=None, bias=None, strip=b"", top=None, day=None, calibrated=None), eth, new]
    )
    frames = [glance_keyframe(7, starts_ms, True, tables[0])]
    frames += [glance_changes(7, 1_000, *pair) for pair in pairwise(tables)]
    return frames


def read_glance(raws: list[bytes]) -> list[dict[str, Any]]:
    """Return the watchlist after each frame as plain values."""
    seen: list[dict[str, Any]] = []
    t, rows = 0, []
    for raw in raws:
        message = decode(raw)
        if isinstance(message, GlanceKeyframe):
            key: Any = message.key
            t, rows = key["t"], key["rows"]
        else:
            assert isinstance(message, GlanceChanges)
            t, rows = t + message.dt, changed_rows(rows, message.changes)
        seen.append({"stream": message.stream, "t": t, "rows": [_plain_row(row) for row in rows]})
    return seen


def changed_rows(rows: list[list[Any]], changes: list[Any]) -> list[list[Any]]:
    """Apply the changes of a frame to the rows of the frame before."""
    rows = [list(row) for row in rows]
    at = 0
    while at < len(changes):
        index, mask = changes[at : at + 2]
        at += 2
        for place in range(len(rows[index])):
            if mask >> place & 1:
                rows[index][place] = changes[at]
                at += 1
    return rows


def _plain_row(row: list[Any]) -> list[Any]:
    return [list(value) if isinstance(value, bytes) else value for value in row]


def tape_stream(starts_ms: int) -> list[bytes]:
    """Return a keyframe and two frames: one of many prints, one of none in a rush."""
    pick = random.Random(41)
    prints = [
        TapePrint(
            pick.choice(VENUES),
            772_500 + pick.randint(-40, 40),
            pick.choice((1, 250, 70_000, 2**40)),
            1_000.0,
            pick.random() < 0.5,
            starts_ms - 9_000 + index * 40,
            pick.choice((1, 1, 2, 17)),
        )
        for index in range(230)
    ]
    forced = [
        TapeLiquidation("bybit", 771_900, 12_345, True, starts_ms - 60_000),
        TapeLiquidation("okx", 773_010, 2_000_000, False, starts_ms - 10),
    ]
    quiet = TapeNews(starts_ms, prints, forced, 0, (1_000_000_000, 2_000_000_000), 1, 12)
    busy = TapeNews(starts_ms + 250, prints[-30:], forced[1:], 0, (48_211, 0), 17, 0)
    rush = TapeNews(starts_ms + 500, [], [], 50_000, (1_948_211, 3_102), 2, 12_345)
    return [tape_keyframe(9, quiet, VENUES), *(tape_prints(9, news, VENUES) for news in (busy, rush))]


def pulse_stream(starts_ms: int) -> list[bytes]:
    """Return a keyframe of four hours and the two columns that follow."""
    minute = starts_ms // 60_000
    pulse = Pulse()
    pulse.advance(minute)
    for age in range(0, 200, 5):
        at = minute - age
        pulse.sample(
            "binance", at, oi_usd=5e9 + age * 1e6, funding=1e-4, long_share=0.55, close=77_250.5 + age
        )
        pulse.sample("okx", at, oi_usd=2e9, long_share=0.5)
        pulse.flow("binance", at, 1e6 + age, 9e5)
    frames = [pulse_keyframe(5, starts_ms, pulse.columns(5, 48, VENUES))]
    for step in (0, 1):
        pulse.advance(minute + step)
        pulse.sample("binance", minute + step, close=77_300.25)
        pulse.flow("binance", minute + step, 5e5, 0.0)
        columns = pulse.columns(5, 48, VENUES)
        at = columns.first_min + 47 * 5
        frames.append(pulse_column(5, starts_ms + 10_000 * step, at, columns.column(47)))
    return frames


def read_plain(raws: list[bytes]) -> list[dict[str, Any]]:
    """Return frames of the tape or the pulse as plain values; a bin becomes its 32-bit numbers."""
    seen: list[dict[str, Any]] = []
    for raw in raws:
        message = decode(raw)
        if isinstance(message, TapeKeyframe | PulseKeyframe):
            key = {name: _numbers(value) for name, value in message.key.items()}
            seen.append({"stream": message.stream, "key": key})
        elif isinstance(message, PulseColumn):
            seen.append({"stream": message.stream, "column": message.column})
        else:
            assert isinstance(message, TapePrints)
            seen.append({name: getattr(message, name) for name in message.__slots__})
    return seen


def _numbers(value: object) -> object:
    if not isinstance(value, bytes):
        return value
    return [None if np.isnan(number) else number for number in np.frombuffer(value, "<f4").tolist()]
