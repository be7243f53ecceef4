"""What a phone may ask, read strictly: the bytes come from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import ClassVar

import msgpack

from leadline.limits import (
    CLIENT_MESSAGE_BYTES_MAX,
    GLANCE_SYMBOLS_MAX,
    LADDER_HZ_DEFAULT,
    LADDER_HZ_MAX,
    LADDER_ROWS_MAX,
    MAP_HOURS,
    MAP_OPENED,
    MARK_COLOURS,
    MARK_LABEL_CHARS_MAX,
)
from leadline.units import STEPS_MAX

SUBSCRIBE, UNSUBSCRIBE, PING, MARK = 1, 2, 3, 4

LADDER_ROWS_DEFAULT = 50
NAME_CHARS_MAX = 40


class BadRequest(ValueError):
    """A phone's message is not what the catalogue allows.

    ref: the phone's number of the request, 0 when the message held none that could be read.
    """

    def __init__(self, text: str, ref: int = 0) -> None:
        super().__init__(text)
        self.ref = ref


class StreamKey:
    """What makes a stream: equal keys share one.  A frozen dataclass a kind."""

    __slots__ = ()
    kind: ClassVar[str]

    def told(self) -> dict[str, object]:
        """Return the key as the answer to a subscription tells it."""
        # Each kind is a dataclass; this base has no fields of its own.
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class LadderKey(StreamKey):
    """group in ticks a row, depth in rows a side, hz in frames a second at most."""

    kind: ClassVar[str] = "ladder"
    symbol: str
    venue: str
    group: int
    depth: int
    hz: int


@dataclass(frozen=True, slots=True)
class GlanceKey(StreamKey):
    """symbols in the order of the rows."""

    kind: ClassVar[str] = "glance"
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MapKey(StreamKey):
    """hours: one of MAP_HOURS; opened: one of MAP_OPENED."""

    kind: ClassVar[str] = "map"
    symbol: str
    venue: str
    hours: int
    opened: str = MAP_OPENED[0]


@dataclass(frozen=True, slots=True)
class TapeKey(StreamKey):
    kind: ClassVar[str] = "tape"
    symbol: str
    venue: str


@dataclass(frozen=True, slots=True)
class PulseKey(StreamKey):
    """hours: one of MAP_HOURS."""

    kind: ClassVar[str] = "pulse"
    symbol: str
    hours: int


@dataclass(frozen=True, slots=True)
class MarksKey(StreamKey):
    """The user's own marks of all symbols."""

    kind: ClassVar[str] = "marks"


@dataclass(frozen=True, slots=True)
class Subscribe:
    ref: int
    key: StreamKey


@dataclass(frozen=True, slots=True)
class InspectRow:
    """Ask once what a row of ``group`` ticks is made of."""

    ref: int
    symbol: str
    group: int
    row: int


@dataclass(frozen=True, slots=True)
class PutMark:
    """Keep a mark; price as decimal text, not yet read.  label may be empty."""

    ref: int
    symbol: str
    price: str
    label: str
    colour: int


@dataclass(frozen=True, slots=True)
class RemoveMark:
    ref: int
    id: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    number: int


ClientMessage = Subscribe | InspectRow | PutMark | RemoveMark | Unsubscribe | Ping


def parse_client(raw: bytes) -> ClientMessage:
    """Read one message of a phone.

    Raises BadRequest, with a sentence for the phone's developer, for anything the catalogue does not
    allow: unknown types and keys, numbers out of range, texts too long, messages above
    CLIENT_MESSAGE_BYTES_MAX.
    """
    message = _unpack(raw)
    if isinstance(message, list) and message:
        kind = _whole("type", message[0], SUBSCRIBE, MARK)
        if kind == SUBSCRIBE and len(message) == 3:
            return _wish(_whole("ref", message[1], 0, STEPS_MAX), message[2])
        if kind == MARK and len(message) == 3:
            return _mark(_whole("ref", message[1], 0, STEPS_MAX), message[2])
        if kind == UNSUBSCRIBE and len(message) == 2:
            return Unsubscribe(_whole("stream", message[1], 0, STEPS_MAX))
        if kind == PING and len(message) == 2:
            return Ping(_whole("n", message[1], 0, STEPS_MAX))
    raise BadRequest("expected [1, ref, {...}], [2, stream], [3, n] or [4, ref, {...}]")


def _unpack(raw: bytes) -> object:
    if len(raw) > CLIENT_MESSAGE_BYTES_MAX:
        raise BadRequest(f"expected at most {CLIENT_MESSAGE_BYTES_MAX} bytes, got {len(raw)}")
    try:
        return msgpack.unpackb(
            raw,
            max_str_len=4 * NAME_CHARS_MAX,
            max_bin_len=0,
            max_array_len=GLANCE_SYMBOLS_MAX,
            max_map_len=12,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise BadRequest("expected one msgpack array of the catalogue") from error


def key_of(wish: dict[object, object]) -> StreamKey:
    """Read the third element of a subscription; raises BadRequest as parse_client does."""
    asked = _wish(0, wish)
    if not isinstance(asked, Subscribe):
        raise BadRequest(f"expected kind to be one of {', '.join(_KEYS)}")
    return asked.key


def _wish(ref: int, wish: object) -> Subscribe | InspectRow:
    if not isinstance(wish, dict):
        raise BadRequest("expected a map as the third element of a subscription", ref)
    kind = wish.get("kind")
    fields = _Fields(ref, wish)
    if kind == "row":
        fields.only("kind", "symbol", "group", "row")
        row = fields.whole("row", 0, STEPS_MAX)
        return InspectRow(ref, fields.name("symbol"), fields.whole("group", 1, STEPS_MAX), row)
    read = _KEYS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise BadRequest(f"expected kind to be one of {', '.join(_KEYS)} or row, got {kind!r:.60}", ref)
    return Subscribe(ref, read(fields))


def _mark(ref: int, wish: object) -> PutMark | RemoveMark:
    if not isinstance(wish, dict):
        raise BadRequest("expected a map as the third element of a mark", ref)
    fields = _Fields(ref, wish)
    if wish.get("op") == "put":
        fields.only("op", "symbol", "price", "label", "colour")
        return PutMark(
            ref,
            symbol=fields.name("symbol"),
            price=fields.name("price"),
            label=fields.text("label", MARK_LABEL_CHARS_MAX),
            colour=fields.whole("colour", 0, MARK_COLOURS - 1, 0),
        )
    if wish.get("op") == "remove":
        fields.only("op", "id")
        return RemoveMark(ref, fields.whole("id", 1, STEPS_MAX))
    raise BadRequest(f"expected op to be put or remove, got {wish.get('op')!r:.60}", ref)


def _ladder_key(fields: _Fields) -> LadderKey:
    fields.only("kind", "symbol", "venue", "group", "depth", "hz")
    return LadderKey(
        symbol=fields.name("symbol"),
        venue=fields.name("venue"),
        group=fields.whole("group", 1, STEPS_MAX),
        depth=fields.whole("depth", 1, LADDER_ROWS_MAX, LADDER_ROWS_DEFAULT),
        hz=fields.whole("hz", 1, LADDER_HZ_MAX, LADDER_HZ_DEFAULT),
    )


def _glance_key(fields: _Fields) -> GlanceKey:
    fields.only("kind", "symbols")
    return GlanceKey(fields.names("symbols", GLANCE_SYMBOLS_MAX))


def _map_key(fields: _Fields) -> MapKey:
    fields.only("kind", "symbol", "venue", "hours", "opened")
    return MapKey(
        symbol=fields.name("symbol"),
        venue=fields.name("venue"),
        hours=fields.one_of("hours", MAP_HOURS),
        opened=fields.choice("opened", MAP_OPENED),
    )


def _tape_key(fields: _Fields) -> TapeKey:
    fields.only("kind", "symbol", "venue")
    return TapeKey(fields.name("symbol"), fields.name("venue"))


def _marks_key(fields: _Fields) -> MarksKey:
    fields.only("kind")
    return MarksKey()


def _pulse_key(fields: _Fields) -> PulseKey:
    fields.only("kind", "symbol", "hours")
    return PulseKey(fields.name("symbol"), fields.one_of("hours", MAP_HOURS))


_KEYS: dict[str, Callable[[_Fields], StreamKey]] = {
    "ladder": _ladder_key,
    "glance": _glance_key,
    "map": _map_key,
    "tape": _tape_key,
    "pulse": _pulse_key,
    "marks": _marks_key,
}


class _Fields:
    """The fields of one wish; every reader raises BadRequest that names the field."""

    def __init__(self, ref: int, wish: dict[object, object]) -> None:
        self._ref = ref
        self._wish = wish

    def only(self, *names: str) -> None:
        unknown = [key for key in self._wish if key not in names]
        if unknown:
            raise BadRequest(f"expected only {', '.join(names)}; got {unknown[0]!r:.60}", self._ref)

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        return _whole(name, self._wish.get(name, default), low, high, self._ref)

    def one_of(self, name: str, choices: tuple[int, ...]) -> int:
        value = self._wish.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value not in choices:
            allowed = ", ".join(map(str, choices))
            raise BadRequest(f"expected {name} to be one of {allowed}, got {value!r:.60}", self._ref)
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of ``choices``, the first when it is absent."""
        value = self._wish.get(name, choices[0])
        if value not in choices:
            allowed = ", ".join(choices)
            raise BadRequest(f"expected {name} to be one of {allowed}, got {value!r:.60}", self._ref)
        return str(value)

    def text(self, name: str, most: int) -> str:
        """Return a text that may be absent or empty and holds no control characters."""
        value = self._wish.get(name, "")
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise BadRequest(
                f"expected {name} to be a printable text of at most {most} characters, got {value!r:.60}",
                self._ref,
            )
        return value

    def name(self, name: str) -> str:
        return _name(name, self._wish.get(name), self._ref)

    def names(self, name: str, most: int) -> tuple[str, ...]:
        values = self._wish.get(name)
        if not isinstance(values, list) or not 0 < len(values) <= most:
            raise BadRequest(f"expected {name} to be a list of 1 to {most} texts", self._ref)
        found = tuple(_name(name, value, self._ref) for value in values)
        if len(set(found)) < len(found):
            raise BadRequest(f"expected each of {name} once", self._ref)
        return found


def _whole(name: str, value: object, low: int, high: int, ref: int = 0) -> int:
    # A bool is an int to Python, and no number to the catalogue.
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadRequest(f"expected {name} to be a whole number from {low} to {high}, got {value!r:.60}", ref)
    return value


def _name(name: str, value: object, ref: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_CHARS_MAX:
        raise BadRequest(
            f"expected {name} to be a text of 1 to {NAME_CHARS_MAX} characters, got {value!r:.60}", ref
        )
    return value
