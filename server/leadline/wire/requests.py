"""What a phone may ask, read strictly: the bytes come from outside."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack

from leadline.limits import CLIENT_MESSAGE_BYTES_MAX, LADDER_HZ_DEFAULT, LADDER_HZ_MAX, LADDER_ROWS_MAX
from leadline.units import STEPS_MAX

SUBSCRIBE, UNSUBSCRIBE, PING = 1, 2, 3

LADDER_ROWS_DEFAULT = 50
NAME_CHARS_MAX = 40
_FIELDS = ("kind", "symbol", "venue", "group", "depth", "hz")
_ROW_FIELDS = ("kind", "symbol", "group", "row")


class BadRequest(ValueError):
    """A phone's message is not what the catalogue allows.

    ref: the phone's number of the request, 0 when the message held none that could be read.
    """

    def __init__(self, text: str, ref: int = 0) -> None:
        super().__init__(text)
        self.ref = ref


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for a ladder; group in ticks a row, depth in rows a side."""

    ref: int
    symbol: str
    venue: str
    group: int
    depth: int
    hz: int


@dataclass(frozen=True, slots=True)
class InspectRow:
    """Ask once what a row of ``group`` ticks is made of."""

    ref: int
    symbol: str
    group: int
    row: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    number: int


ClientMessage = Subscribe | InspectRow | Unsubscribe | Ping


def parse_client(raw: bytes) -> ClientMessage:
    """Read one message of a phone.

    Raises BadRequest, with a sentence for the phone's developer, for anything the catalogue does not
    allow: unknown types and keys, numbers out of range, texts too long, messages above
    CLIENT_MESSAGE_BYTES_MAX.
    """
    message = _unpack(raw)
    if isinstance(message, list) and message:
        kind = _whole("type", message[0], SUBSCRIBE, PING)
        if kind == SUBSCRIBE and len(message) == 3:
            return _subscribe(_whole("ref", message[1], 0, STEPS_MAX), message[2])
        if kind == UNSUBSCRIBE and len(message) == 2:
            return Unsubscribe(_whole("stream", message[1], 0, STEPS_MAX))
        if kind == PING and len(message) == 2:
            return Ping(_whole("n", message[1], 0, STEPS_MAX))
    raise BadRequest("expected [1, ref, {...}], [2, stream] or [3, n]")


def _unpack(raw: bytes) -> object:
    if len(raw) > CLIENT_MESSAGE_BYTES_MAX:
        raise BadRequest(f"expected at most {CLIENT_MESSAGE_BYTES_MAX} bytes, got {len(raw)}")
    try:
        return msgpack.unpackb(
            raw,
            max_str_len=4 * NAME_CHARS_MAX,
            max_bin_len=0,
            max_array_len=4,
            max_map_len=2 * len(_FIELDS),
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise BadRequest("expected one msgpack array of the catalogue") from error


def _subscribe(ref: int, wish: object) -> Subscribe | InspectRow:
    if not isinstance(wish, dict):
        raise BadRequest("expected a map as the third element of a subscription", ref)
    if wish.get("kind") == "row":
        return _inspect_row(ref, wish)
    _only(_FIELDS, wish, ref)
    if wish.get("kind") != "ladder":
        raise BadRequest("expected kind 'ladder'", ref)
    return Subscribe(
        ref,
        symbol=_name("symbol", wish.get("symbol"), ref),
        venue=_name("venue", wish.get("venue"), ref),
        group=_whole("group", wish.get("group"), 1, STEPS_MAX, ref),
        depth=_whole("depth", wish.get("depth", LADDER_ROWS_DEFAULT), 1, LADDER_ROWS_MAX, ref),
        hz=_whole("hz", wish.get("hz", LADDER_HZ_DEFAULT), 1, LADDER_HZ_MAX, ref),
    )


def _inspect_row(ref: int, wish: dict[object, object]) -> InspectRow:
    _only(_ROW_FIELDS, wish, ref)
    return InspectRow(
        ref,
        symbol=_name("symbol", wish.get("symbol"), ref),
        group=_whole("group", wish.get("group"), 1, STEPS_MAX, ref),
        row=_whole("row", wish.get("row"), 0, STEPS_MAX, ref),
    )


def _only(fields: tuple[str, ...], wish: dict[object, object], ref: int) -> None:
    unknown = [key for key in wish if key not in fields]
    if unknown:
        raise BadRequest(f"expected only {', '.join(fields)}; got {unknown[0]!r:.60}", ref)


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
