"""The hot part of a ladder delta: one body of varints, as the wire's catalogue lays it out.

Which levels changed is found by numpy over whole sides; Python touches only what is sent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView
from leadline.limits import BAND_ROWS
from leadline.wire.varint import append_varints, zigzag

BITMAP_ROWS_MAX = 96  # h above this says: list form, h - LIST_FORM changes
LIST_FORM = BITMAP_ROWS_MAX + 1
AGE_UNIT_MS = 10
CLOCK_FELL = 32  # flag of a delta only: dt counts backwards
BANDS_SAME, BANDS_NONE, BANDS_CHANGED = 0, 1, 2

_NO_BANDS = np.zeros(BAND_ROWS, dtype=np.uint8)
_NO_BANDS.flags.writeable = False


def delta_body(before: LadderView, now: LadderView, depth: int) -> bytes:
    """Return the body that turns ``before`` into ``now`` for a reader that keeps ``depth`` rows a side."""
    body = bytearray()
    dt = now.t_ms - before.t_ms
    flags = now.flags | CLOCK_FELL if dt < 0 else now.flags
    append_varints(body, (abs(dt), now.age_ms // AGE_UNIT_MS, flags))
    append_varints(body, (zigzag(now.bid_tick - before.bid_tick),))
    _append_side(body, -before.bid_rows, before.bid_lots, -now.bid_rows, now.bid_lots, depth)
    append_varints(body, (zigzag(now.ask_tick - before.ask_tick),))
    _append_side(body, before.ask_rows, before.ask_lots, now.ask_rows, now.ask_lots, depth)
    append_varints(body, (len(now.prints),))
    for made in now.prints:
        append_varints(body, (zigzag(made.tick - now.bid_tick), made.lots * 2 + made.bought))
    _append_bands(body, before, now)
    return bytes(body)


def _append_side(body: bytearray, held: Ints, held_lots: Ints, keys: Ints, lots: Ints, depth: int) -> None:
    """Append one side; ``held`` and ``keys`` are rows counted so that they rise outwards."""
    if not len(keys) or (np.array_equal(held, keys) and np.array_equal(held_lots, lots)):
        body.append(0)
        return
    fresh, gone = _changes(held, held_lots, keys, lots, depth)
    listed = _list_form(keys, lots, fresh, gone)
    span = int(keys[-1] - keys[0])
    if 0 < span <= BITMAP_ROWS_MAX:
        mapped = _bitmap_form(keys, lots, fresh, span)
        if len(mapped) < len(listed):
            body += mapped
            return
    body += listed


def _changes(
    held: Ints, held_lots: Ints, keys: Ints, lots: Ints, depth: int
) -> tuple[NDArray[np.bool_], Ints]:
    """Return (which of ``keys`` have lots to send, the rows of ``held`` the reader must be told to drop)."""
    if not len(held):
        return np.ones(len(keys), dtype=np.bool_), held
    at = np.minimum(np.searchsorted(held, keys), len(held) - 1)
    kept = held[at] == keys
    fresh = ~(kept & (held_lots[at] == lots))
    left = np.ones(len(held), dtype=np.bool_)
    left[at[kept]] = False
    # What is better than the best row the reader drops by itself; what falls beyond a full side too.
    left &= held > keys[0]
    if len(keys) >= depth:
        left &= held < keys[-1]
    return fresh, held[left]


def _list_form(keys: Ints, lots: Ints, fresh: NDArray[np.bool_], gone: Ints) -> bytearray:
    changed = np.concatenate((keys[fresh], gone))
    order = np.argsort(changed)
    pairs = np.zeros((len(changed), 2), dtype=np.int64)
    pairs[: len(changed) - len(gone), 1] = lots[fresh]
    pairs = pairs[order]
    pairs[:, 0] = np.diff(changed[order], prepend=keys[0])
    form = bytearray()
    append_varints(form, (LIST_FORM + len(changed),))
    append_varints(form, pairs.ravel().tolist())
    return form


def _bitmap_form(keys: Ints, lots: Ints, fresh: NDArray[np.bool_], span: int) -> bytearray:
    present = np.zeros(span, dtype=np.bool_)
    present[keys[1:] - keys[0] - 1] = True
    form = bytearray((span,))
    form += np.packbits(present, bitorder="little").tobytes()
    form += np.packbits(fresh, bitorder="little").tobytes()
    append_varints(form, lots[fresh].tolist())
    return form


def _append_bands(body: bytearray, before: LadderView, now: LadderView) -> None:
    if not len(now.bands):
        body.append(BANDS_NONE if len(before.bands) else BANDS_SAME)
        return
    old, first = (before.bands, before.first) if len(before.bands) else (_NO_BANDS, 0)
    shift = now.first - first
    moved = shifted(old, shift) if shift else old
    changed = np.flatnonzero(moved != now.bands)
    if not shift and not len(changed) and len(before.bands):
        body.append(BANDS_SAME)
        return
    append_varints(body, (BANDS_CHANGED + len(changed), zigzag(shift)))
    pairs = np.empty((len(changed), 2), dtype=np.int64)
    pairs[:, 0] = np.diff(changed, prepend=0)
    pairs[:, 1] = now.bands[changed]
    append_varints(body, pairs.ravel().tolist())


def shifted(bands: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """Return the bands as seen from a ``first`` that is ``shift`` rows higher; rows new to it are 0."""
    moved = np.zeros_like(bands)
    size = len(bands)
    if abs(shift) < size:
        moved[max(0, -shift) : size - max(0, shift)] = bands[max(0, shift) : size + min(0, shift)]
    return moved
