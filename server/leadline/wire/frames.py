"""What the server sends, as bytes: see shared/wire/README.md, which is the contract with the phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgpack

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS, TRADES_KEPT
from leadline.wire.delta import AGE_UNIT_MS, check_of, delta_body
from leadline.wire.sizes import rounded

HELLO, SUBSCRIBED, REFUSED, PONG = 0, 1, 2, 3
LADDER_KEYFRAME, LADDER_DELTA, LADDER_STATE, NOTICE, ROW, STATE_CHANGES = 10, 11, 12, 13, 14, 15
MARKS, MARK_KEPT = 60, 61


def hello(facts: Mapping[str, object]) -> bytes:
    """Encode the first message of a connection."""
    return _pack(HELLO, facts)


def subscribed(ref: int, stream: int, key: Mapping[str, object]) -> bytes:
    """Answer a subscription: frames of ``stream`` follow, for the subscription as understood in ``key``."""
    return _pack(SUBSCRIBED, ref, stream, key)


def refused(ref: int, code: str, text: str) -> bytes:
    """Refuse a request; ``text`` is a sentence for a person."""
    return _pack(REFUSED, ref, code, text)


def pong(number: int, server_ms: int) -> bytes:
    return _pack(PONG, number, server_ms)


def state(stream: int, facts: Mapping[str, object]) -> bytes:
    """Encode the slow facts of a ladder stream."""
    return _pack(LADDER_STATE, stream, facts)


def state_changes(stream: int, changes: Mapping[str, object]) -> bytes:
    """Encode what changed of the slow facts: a patch as wire/patch.py makes it."""
    return _pack(STATE_CHANGES, stream, changes)


def notice(symbol: str, kind: str, text: str) -> bytes:
    return _pack(NOTICE, symbol, {"kind": kind, "text": text})


def row(ref: int, facts: Mapping[str, object]) -> bytes:
    """Answer what a row of the ladder is made of."""
    return _pack(ROW, ref, facts)


def marks(stream: int, rows: Sequence[Sequence[object]]) -> bytes:
    """Encode all marks: a row (id, symbol, price, label, colour, created_ms) each."""
    return _pack(MARKS, stream, rows)


def mark_kept(ref: int, mark_id: int) -> bytes:
    """Answer that a mark is kept, or removed, for good."""
    return _pack(MARK_KEPT, ref, mark_id)


def ladder_keyframe(stream: int, epoch: int, seq: int, view: LadderView, trades: list[Print]) -> bytes:
    """Encode a whole ladder with the last trades, oldest first (the newest TRADES_KEPT are sent).

    Raises ValueError for a view that no ladder can be: a side without its best tick, or bands that
    are neither none nor BAND_ROWS rows.
    """
    _check(view)
    kept = [
        number
        for made in trades[-TRADES_KEPT:]
        for number in (made.tick, made.lots * 2 + made.bought, max(0, view.t_ms - made.at_ms))
    ]
    key = {
        "t": view.t_ms,
        "age": view.age_ms // AGE_UNIT_MS * AGE_UNIT_MS,
        "flags": view.flags,
        "bid": view.bid_tick,
        "ask": view.ask_tick,
        "bids": _gaps(-view.bid_rows, view.bid_lots),
        "asks": _gaps(view.ask_rows, view.ask_lots),
        "trades": kept,
        "first": view.first if len(view.bands) else 0,
        "bands": view.bands.tobytes(),
    }
    return _pack(LADDER_KEYFRAME, stream, epoch, seq, key)


def ladder_delta(stream: int, epoch: int, seq: int, before: LadderView, now: LadderView, depth: int) -> bytes:
    """Encode what turns ``before`` (the frame seq - 1) into ``now``.

    depth: rows a side that the readers of the stream keep.  Raises ValueError as ladder_keyframe
    does, and for numbers beyond 2^53.
    """
    _check(now)
    return _pack(LADDER_DELTA, stream, check_of(epoch, seq), delta_body(before, now, depth))


def _pack(*parts: object) -> bytes:
    packed: bytes = msgpack.packb(parts)
    return packed


def _check(view: LadderView) -> None:
    for side, tick, rows in (("bid", view.bid_tick, view.bid_rows), ("ask", view.ask_tick, view.ask_rows)):
        if (tick == 0) != (len(rows) == 0):
            raise ValueError(
                f"expected a best {side} exactly where the side has rows, got {tick}, {len(rows)} rows"
            )
    if len(view.bands) not in (0, BAND_ROWS):
        raise ValueError(f"expected no bands or {BAND_ROWS}, got {len(view.bands)}")


def _gaps(keys: Ints, lots: Ints) -> list[int]:
    flat: list[int] = []
    last = int(keys[0]) if len(keys) else 0
    for key, size in zip(keys.tolist(), rounded(lots).tolist(), strict=True):
        flat += (key - last, size)
        last = key
    return flat
