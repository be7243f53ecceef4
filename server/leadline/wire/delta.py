"""The hot part of a ladder delta: one body of varints, as the wire's catalogue lays it out.

Which levels changed is found by numpy over whole sides; Python touches only what is sent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView
from leadline.limits import BAND_ROWS
from leadline.wire.sizes import codes_of
from leadline.wire.varint import append_varints, zigzag

NEAR_ROWS = 8  # from the best row outwards: which of them changed is one byte
AGE_UNIT_MS = 100
CHECK_ROUND = 128
BANDS_NONE, BANDS_CHANGED = 0, 1
# What a body holds, in this order; the last bit says that dt counts backwards.
HAS_AGE, HAS_FLAGS, HAS_BIDS, HAS_ASKS, HAS_TRADES, HAS_BANDS, CLOCK_FELL = (1 << bit for bit in range(7))

_NO_BANDS = np.zeros(BAND_ROWS, dtype=np.uint8)
_NO_BANDS.flags.writeable = False
_NO_CHANGES = bytes(2)


def check_of(epoch: int, seq: int) -> int:
    """Return what a delta says of its place: enough to notice a frame that does not follow."""
    return (epoch + seq) % CHECK_ROUND


def delta_body(before: LadderView, now: LadderView, depth: int) -> bytes:
    """Return the body that turns ``before`` into ``now`` for a reader that keeps ``depth`` rows a side."""
    dt = now.t_ms - before.t_ms
    age = now.age_ms // AGE_UNIT_MS
    parts = (
        _varints(age) if age != before.age_ms // AGE_UNIT_MS else b"",
        _varints(now.flags) if now.flags != before.flags else b"",
        _bids(before, now, depth),
        _asks(before, now, depth),
        _trades(now),
        _bands(before, now),
    )
    held = sum(1 << bit for bit, part in enumerate(parts) if part)
    return b"".join((_varints(held | CLOCK_FELL if dt < 0 else held, abs(dt)), *parts))


def _varints(*values: int) -> bytes:
    written = bytearray()
    append_varints(written, values)
    return bytes(written)


def _bids(before: LadderView, now: LadderView, depth: int) -> bytes:
    moved = now.bid_tick - before.bid_tick
    changes = _side(-before.bid_rows, before.bid_lots, -now.bid_rows, now.bid_lots, depth)
    return _moved_side(moved, changes, now.bid_tick)


def _asks(before: LadderView, now: LadderView, depth: int) -> bytes:
    moved = now.ask_tick - before.ask_tick
    changes = _side(before.ask_rows, before.ask_lots, now.ask_rows, now.ask_lots, depth)
    return _moved_side(moved, changes, now.ask_tick)


def _moved_side(moved: int, changes: bytes, tick: int) -> bytes:
    """Return a side: how far its best tick moved, then the changes of its rows; nothing for no news."""
    if not moved and changes in (b"", _NO_CHANGES):
        return b""
    return _varints(zigzag(moved)) + (changes if tick else b"")


def _side(held: Ints, held_lots: Ints, keys: Ints, lots: Ints, depth: int) -> bytes:
    """Return the changes of one side; ``held`` and ``keys`` are rows counted so that they rise outwards."""
    if not len(keys):
        return b""
    rows, sizes = _changes(held, held_lots, keys, lots, depth)
    offsets = rows - keys[0]
    near = int(np.searchsorted(offsets, NEAR_ROWS))
    far = np.diff(offsets[near:], prepend=NEAR_ROWS - 1)
    written = bytearray((sum(1 << offset for offset in offsets[:near].tolist()),))
    append_varints(written, sizes[:near].tolist())
    append_varints(written, (len(far),))
    append_varints(written, np.column_stack((far, sizes[near:])).ravel().tolist())
    return bytes(written)


def _changes(held: Ints, held_lots: Ints, keys: Ints, lots: Ints, depth: int) -> tuple[Ints, Ints]:
    """Return the rows to tell of, best first, and for each how its code changed as a zigzag, 0 for gone."""
    codes, held_codes = codes_of(lots), codes_of(held_lots)
    changed = codes
    gone = held[:0]
    if len(held):
        at = np.minimum(np.searchsorted(held, keys), len(held) - 1)
        kept = held[at] == keys
        changed = np.where(kept, codes - held_codes[at], codes)
        left = np.ones(len(held), dtype=np.bool_)
        left[at[kept]] = False
        # What is better than the best row the reader drops by itself; what falls beyond a full side too.
        left &= held > keys[0]
        if len(keys) >= depth:
            left &= held < keys[-1]
        gone = held[left]
    told = changed != 0
    rows = np.concatenate((keys[told], gone))
    sizes = np.concatenate((changed[told] << 1 ^ changed[told] >> 63, np.zeros_like(gone)))
    order = np.argsort(rows)
    return rows[order], sizes[order]


def _trades(now: LadderView) -> bytes:
    if not now.prints:
        return b""
    written = bytearray()
    append_varints(written, (len(now.prints),))
    for made in now.prints:
        append_varints(written, (zigzag(made.tick - now.bid_tick), made.lots * 2 + made.bought))
    return bytes(written)


def _bands(before: LadderView, now: LadderView) -> bytes:
    if not len(now.bands):
        return bytes((BANDS_NONE,)) if len(before.bands) else b""
    old, first = (before.bands, before.first) if len(before.bands) else (_NO_BANDS, 0)
    shift = now.first - first
    moved = shifted(old, shift) if shift else old
    changed = np.flatnonzero(moved != now.bands)
    if not shift and not len(changed) and len(before.bands):
        return b""
    pairs = np.empty((len(changed), 2), dtype=np.int64)
    pairs[:, 0] = np.diff(changed, prepend=0)
    pairs[:, 1] = now.bands[changed]
    return _varints(BANDS_CHANGED + len(changed), zigzag(shift), *pairs.ravel().tolist())


def shifted(bands: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """Return the bands as seen from a ``first`` that is ``shift`` rows higher; rows new to it are 0."""
    moved = np.zeros_like(bands)
    size = len(bands)
    if abs(shift) < size:
        moved[max(0, -shift) : size - max(0, shift)] = bands[max(0, shift) : size + min(0, shift)]
    return moved
