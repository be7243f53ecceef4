"""The other end of the wire in Python: tests, checks and tools read frames exactly as a phone does."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack
import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS, LADDER_ROWS_MAX
from leadline.wire import frames, glance_frames, map_frames, pulse_frames, tape_frames
from leadline.wire.delta import (
    AGE_UNIT_MS,
    BANDS_CHANGED,
    BANDS_NONE,
    CLOCK_FELL,
    HAS_AGE,
    HAS_ASKS,
    HAS_BANDS,
    HAS_BIDS,
    HAS_FLAGS,
    HAS_TRADES,
    NEAR_ROWS,
    check_of,
    shifted,
)
from leadline.wire.sizes import CODE_MAX, codes_of, lots_of
from leadline.wire.varint import FrameError, VarintReader, unzigzag

FRAME_BYTES_MAX = 1024 * 1024


class SequenceGap(Exception):
    """A delta does not follow the frame held: the reader has dropped its ladder and needs a keyframe."""


@dataclass(frozen=True, slots=True)
class Hello:
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class Subscribed:
    ref: int
    stream: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class Refused:
    ref: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Pong:
    number: int
    server_ms: int


@dataclass(frozen=True, slots=True)
class Keyframe:
    stream: int
    epoch: int
    seq: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class Delta:
    stream: int
    check: int
    body: bytes


@dataclass(frozen=True, slots=True)
class State:
    stream: int
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class StateChanges:
    stream: int
    changes: dict[str, object]


@dataclass(frozen=True, slots=True)
class Notice:
    symbol: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    ref: int
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class MapKeyframe:
    stream: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class MapColumn:
    stream: int
    column: dict[str, object]


@dataclass(frozen=True, slots=True)
class GlanceKeyframe:
    stream: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class GlanceChanges:
    stream: int
    dt: int
    changes: list[object]


@dataclass(frozen=True, slots=True)
class TapeKeyframe:
    stream: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class TapePrints:
    stream: int
    t: int
    trades: list[int]
    liquidations: list[int]
    floor_usd: int
    sums: list[int]
    flags: int
    age: int


@dataclass(frozen=True, slots=True)
class PulseKeyframe:
    stream: int
    key: dict[str, object]


@dataclass(frozen=True, slots=True)
class PulseColumn:
    stream: int
    column: dict[str, object]


@dataclass(frozen=True, slots=True)
class Marks:
    stream: int
    marks: list[list[object]]


@dataclass(frozen=True, slots=True)
class MarkKept:
    ref: int
    id: int


ServerMessage = (
    (Hello | Subscribed | Refused | Pong | Notice | Row | Keyframe | Delta | State | StateChanges)
    | (GlanceKeyframe | GlanceChanges | MapKeyframe | MapColumn)
    | (TapeKeyframe | TapePrints | PulseKeyframe | PulseColumn | Marks | MarkKept)
)


def decode(raw: bytes) -> ServerMessage:
    """Read one message of the server; raises FrameError when it is none of the catalogue."""
    if len(raw) > FRAME_BYTES_MAX:
        raise FrameError(f"expected at most {FRAME_BYTES_MAX} bytes, got {len(raw)}")
    try:
        message = msgpack.unpackb(raw)
    except (ValueError, msgpack.UnpackException) as error:
        raise FrameError("expected one msgpack array") from error
    match message:
        case [frames.LADDER_DELTA, int(stream), int(check), bytes(body)]:
            return Delta(stream, check, body)
        case [frames.LADDER_KEYFRAME, int(stream), int(epoch), int(seq), dict(key)]:
            return Keyframe(stream, epoch, seq, key)
        case [frames.LADDER_STATE, int(stream), dict(facts)]:
            return State(stream, facts)
        case [map_frames.MAP_KEYFRAME, int(stream), dict(key)]:
            return MapKeyframe(stream, key)
        case [map_frames.MAP_COLUMN, int(stream), dict(column)]:
            return MapColumn(stream, column)
        case [glance_frames.GLANCE_CHANGES, int(stream), int(dt), list(changes)]:
            return GlanceChanges(stream, dt, changes)
        case [glance_frames.GLANCE_KEYFRAME, int(stream), dict(key)]:
            return GlanceKeyframe(stream, key)
        case [tape_frames.TAPE_PRINTS, int(stream), int(t), list(made), list(forced), *rest]:
            match rest:
                case [int(floor), list(sums), int(flags), int(age)]:
                    return TapePrints(stream, t, made, forced, floor, sums, flags, age)
        case [tape_frames.TAPE_KEYFRAME, int(stream), dict(key)]:
            return TapeKeyframe(stream, key)
        case [pulse_frames.PULSE_COLUMN, int(stream), dict(column)]:
            return PulseColumn(stream, column)
        case [pulse_frames.PULSE_KEYFRAME, int(stream), dict(key)]:
            return PulseKeyframe(stream, key)
        case [frames.STATE_CHANGES, int(stream), dict(changes)]:
            return StateChanges(stream, changes)
        case [frames.HELLO, dict(facts)]:
            return Hello(facts)
        case [frames.SUBSCRIBED, int(ref), int(stream), dict(key)]:
            return Subscribed(ref, stream, key)
        case [frames.REFUSED, int(ref), str(code), str(text)]:
            return Refused(ref, code, text)
        case [frames.PONG, int(number), int(server_ms)]:
            return Pong(number, server_ms)
        case [frames.NOTICE, str(symbol), {"kind": str(kind), "text": str(text)}]:
            return Notice(symbol, kind, text)
        case [frames.MARKS, int(stream), list(rows)]:
            return Marks(stream, rows)
        case [frames.MARK_KEPT, int(ref), int(mark_id)]:
            return MarkKept(ref, mark_id)
        case [frames.ROW, int(ref), dict(facts)]:
            return Row(ref, facts)
    raise FrameError(f"expected a message of the catalogue, got {message!r:.80}")


class LadderReader:
    """Follows one stream: keyframe, then deltas, each giving the ladder as the server had it.

    group: ticks a row; depth: rows a side, both as the stream was subscribed.  ``view`` is None until
    a keyframe came and after a gap; its prints are the trades that came with the last frame.
    """

    def __init__(self, group: int, depth: int) -> None:
        self.group = group
        self.depth = depth
        self.view: LadderView | None = None
        self.epoch = 0
        self.seq = 0

    def apply(self, message: Keyframe | Delta) -> LadderView:
        """Take the next frame and return the ladder after it.

        Raises SequenceGap when a delta does not follow, FrameError when a frame is broken; the
        ladder is dropped in both cases, so that it can never be shown as live.
        """
        held, self.view = self.view, None
        if isinstance(message, Keyframe):
            view = _whole_view(message.key, self.group)
            self.epoch, self.seq = message.epoch, message.seq
        else:
            if held is None or message.check != check_of(self.epoch, self.seq + 1):
                have = "no frame" if held is None else f"frame {self.seq} of epoch {self.epoch}"
                raise SequenceGap(f"hold {have}, got a delta with check {message.check}")
            view = self._next_view(held, VarintReader(message.body))
            self.seq += 1
        self.view = view
        return view

    def _next_view(self, held: LadderView, body: VarintReader) -> LadderView:
        parts, dt = body.varint(), body.varint()
        t_ms = held.t_ms - dt if parts & CLOCK_FELL else held.t_ms + dt
        age_ms = body.varint() * AGE_UNIT_MS if parts & HAS_AGE else held.age_ms
        flags = body.varint() if parts & HAS_FLAGS else held.flags
        bid_tick, bid_rows, bid_lots = held.bid_tick, held.bid_rows, held.bid_lots
        if parts & HAS_BIDS:
            bid_tick += body.signed()
            bid_rows, bid_lots = self._next_side(body, bid_tick, bid_rows, bid_lots, -1)
        ask_tick, ask_rows, ask_lots = held.ask_tick, held.ask_rows, held.ask_lots
        if parts & HAS_ASKS:
            ask_tick += body.signed()
            ask_rows, ask_lots = self._next_side(body, ask_tick, ask_rows, ask_lots, 1)
        prints = []
        for _ in range(body.varint() if parts & HAS_TRADES else 0):
            tick, packed = bid_tick + body.signed(), body.varint()
            prints.append(Print(tick, packed >> 1, bool(packed & 1), t_ms))
        first, bands = _next_bands(body, held) if parts & HAS_BANDS else (held.first, held.bands)
        body.finish()
        return LadderView(
            t_ms,
            age_ms,
            flags,
            bid_tick,
            ask_tick,
            bid_rows,
            bid_lots,
            ask_rows,
            ask_lots,
            prints,
            first,
            bands,
        )

    def _next_side(
        self, body: VarintReader, tick: int, rows: Ints, lots: Ints, sign: int
    ) -> tuple[Ints, Ints]:
        if tick == 0:
            return rows[:0], lots[:0]
        best = _best_key(tick, self.group, sign)
        held = zip((rows * sign).tolist(), codes_of(lots).tolist(), strict=True)
        codes = {key: code for key, code in held if key >= best}
        near = body.take(1)[0]
        for offset in range(NEAR_ROWS):
            if near >> offset & 1:
                _change(codes, best + offset, body.varint())
        key = best + NEAR_ROWS - 1
        for _ in range(body.varint()):
            gap = body.varint()
            if not gap:
                raise FrameError("expected each row once")
            key += gap
            _change(codes, key, body.varint())
        told = dict(sorted(codes.items())[: self.depth])
        return (
            np.array(list(told), dtype=np.int64) * sign,
            lots_of(np.array(list(told.values()), dtype=np.int64)),
        )


def _change(codes: dict[int, int], key: int, told: int) -> None:
    """Change the code of a row as a delta says."""
    if not told:
        codes.pop(key, None)
        return
    code = codes.get(key, 0) + unzigzag(told)
    if not 0 < code <= CODE_MAX:
        raise FrameError(f"expected a size of 1 to {CODE_MAX} as a code, got {code}")
    codes[key] = code


def _next_bands(body: VarintReader, held: LadderView) -> tuple[int, NDArray[np.uint8]]:
    section = body.varint()
    if section == BANDS_NONE:
        return 0, held.bands[:0]
    shift = body.signed()
    bands = shifted(held.bands if len(held.bands) else np.zeros(BAND_ROWS, dtype=np.uint8), shift)
    index = 0
    for _ in range(section - BANDS_CHANGED):
        index += body.varint()
        code = body.varint()
        if index >= BAND_ROWS or code > 255:
            raise FrameError(f"expected a band code of rows 0 to {BAND_ROWS - 1}, got {code} at {index}")
        bands[index] = code
    return held.first + shift, bands


def _best_key(tick: int, group: int, sign: int) -> int:
    """Return the row of the best tick, counted so that rows rise outwards."""
    return -(tick // group) if sign < 0 else -(-tick // group)


def _side(levels: dict[int, int], sign: int) -> tuple[Ints, Ints]:
    return (
        np.array(list(levels), dtype=np.int64) * sign,
        np.array(list(levels.values()), dtype=np.int64),
    )


def _whole_view(key: dict[str, object], group: int) -> LadderView:
    bid_tick, ask_tick = _number(key, "bid"), _number(key, "ask")
    t_ms = _number(key, "t")
    bid_rows, bid_lots = _whole_side(_numbers(key, "bids", 2), bid_tick, group, -1)
    ask_rows, ask_lots = _whole_side(_numbers(key, "asks", 2), ask_tick, group, 1)
    trades = _numbers(key, "trades", 3)
    bands = key.get("bands")
    if not isinstance(bands, bytes) or len(bands) not in (0, BAND_ROWS):
        raise FrameError(f"expected no bands or {BAND_ROWS} codes")
    return LadderView(
        t_ms,
        _number(key, "age"),
        _number(key, "flags"),
        bid_tick,
        ask_tick,
        bid_rows,
        bid_lots,
        ask_rows,
        ask_lots,
        [
            Print(tick, packed >> 1, bool(packed & 1), t_ms - age_ms)
            for tick, packed, age_ms in zip(trades[::3], trades[1::3], trades[2::3], strict=True)
        ],
        _number(key, "first"),
        np.frombuffer(bands, dtype=np.uint8),
    )


def _whole_side(flat: list[int], tick: int, group: int, sign: int) -> tuple[Ints, Ints]:
    if bool(tick) != bool(flat) or len(flat) > 2 * LADDER_ROWS_MAX:
        raise FrameError(f"expected rows exactly where there is a best tick, got {len(flat) // 2} and {tick}")
    levels = {}
    key = _best_key(tick, group, sign) if tick else 0
    for gap, size in zip(flat[::2], flat[1::2], strict=True):
        key += gap
        levels[key] = size
    return _side(levels, sign)


def _number(key: dict[str, object], name: str) -> int:
    value = key.get(name)
    if not isinstance(value, int):
        raise FrameError(f"expected a whole number as {name}, got {value!r:.60}")
    return value


def _numbers(key: dict[str, object], name: str, every: int) -> list[int]:
    values = key.get(name)
    if not isinstance(values, list) or len(values) % every or not all(isinstance(v, int) for v in values):
        raise FrameError(f"expected whole numbers in groups of {every} as {name}, got {values!r:.60}")
    return values
