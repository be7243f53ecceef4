"""The other end of the wire in Python: tests, checks and tools read frames exactly as a phone does."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack
import numpy as np

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS, LADDER_ROWS_MAX
from leadline.wire import frames, glance_frames, map_frames, pulse_frames, tape_frames
from leadline.wire.delta import (
    AGE_UNIT_MS,
    BANDS_CHANGED,
    BANDS_NONE,
    BANDS_SAME,
    BITMAP_ROWS_MAX,
    CLOCK_FELL,
    LIST_FORM,
    shifted,
)
from leadline.wire.varint import FrameError, VarintReader

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
    epoch: int
    seq: int
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
        case [frames.LADDER_DELTA, int(stream), int(epoch), int(seq), bytes(body)]:
            return Delta(stream, epoch, seq, body)
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
        else:
            if held is None or (message.epoch, message.seq) != (self.epoch, self.seq + 1):
                have = "no frame" if held is None else f"frame {self.seq} of epoch {self.epoch}"
                raise SequenceGap(f"hold {have}, got delta {message.seq} of epoch {message.epoch}")
            view = self._next_view(held, VarintReader(message.body))
        self.epoch, self.seq, self.view = message.epoch, message.seq, view
        return view

    def _next_view(self, held: LadderView, body: VarintReader) -> LadderView:
        dt, age, flags = body.varint(), body.varint(), body.varint()
        t_ms = held.t_ms - dt if flags & CLOCK_FELL else held.t_ms + dt
        bid_tick = held.bid_tick + body.signed()
        bid_rows, bid_lots = self._next_side(body, bid_tick, held.bid_rows, held.bid_lots, -1)
        ask_tick = held.ask_tick + body.signed()
        ask_rows, ask_lots = self._next_side(body, ask_tick, held.ask_rows, held.ask_lots, 1)
        prints = []
        for _ in range(body.varint()):
            tick, packed = bid_tick + body.signed(), body.varint()
            prints.append(Print(tick, packed >> 1, bool(packed & 1), t_ms))
        first, bands = held.first, held.bands
        section = body.varint()
        if section == BANDS_NONE:
            first, bands = 0, bands[:0]
        elif section != BANDS_SAME:
            shift = body.signed()
            first += shift
            bands = shifted(bands if len(bands) else np.zeros(BAND_ROWS, dtype=np.uint8), shift)
            index = 0
            for _ in range(section - BANDS_CHANGED):
                index += body.varint()
                code = body.varint()
                if index >= BAND_ROWS or code > 255:
                    raise FrameError(
                        f"expected a band code of rows 0 to {BAND_ROWS - 1}, got {code} at {index}"
                    )
                bands[index] = code
        body.finish()
        return LadderView(
            t_ms,
            age * AGE_UNIT_MS,
            flags & ~CLOCK_FELL,
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
        form = body.varint()
        if tick == 0:
            if form:
                raise FrameError(f"expected no rows on an empty side, got form {form}")
            return rows[:0], lots[:0]
        if form == 0:
            return rows, lots
        best = _best_key(tick, self.group, sign)
        held = dict(zip((rows * sign).tolist(), lots.tolist(), strict=True))
        if form <= BITMAP_ROWS_MAX:
            return _side(_read_bitmap(body, held, best, form), sign)
        levels = {key: size for key, size in held.items() if key >= best}
        key = best
        for index in range(form - LIST_FORM):
            gap, size = body.varint(), body.varint()
            if index and not gap:
                raise FrameError("expected each row once")
            key += gap
            if size:
                levels[key] = size
            else:
                levels.pop(key, None)
        return _side(dict(sorted(levels.items())[: self.depth]), sign)


def _best_key(tick: int, group: int, sign: int) -> int:
    """Return the row of the best tick, counted so that rows rise outwards."""
    return -(tick // group) if sign < 0 else -(-tick // group)


def _read_bitmap(body: VarintReader, held: dict[int, int], best: int, span: int) -> dict[int, int]:
    present = int.from_bytes(body.take((span + 7) // 8), "little")
    keys = [best] + [best + 1 + k for k in range(span) if present >> k & 1]
    fresh = int.from_bytes(body.take((len(keys) + 7) // 8), "little")
    levels = {}
    for index, key in enumerate(keys):
        if fresh >> index & 1:
            levels[key] = body.varint()
        elif key in held:
            levels[key] = held[key]
        else:
            raise FrameError("expected lots for a row that was not held before")
    return levels


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
