"""Frames damaged on purpose: each way takes a good frame of any venue and returns a bad one.

Damage shows: a reader can tell that the frame is none, or loses nothing by taking it.  A frame that is
well-formed and lies is beyond what any reader could notice, so no way makes one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

HUGE_BYTES = 20_000_000
NESTED_DEEP = 5_000
# Each is refused by the grammar of prices and sizes, though float() takes the first six.
BAD_NUMBERS = (
    "NaN",
    "inf",
    "1_000",
    "１２.５",
    " 5 ",
    "1e400",
    "-1",
    "9" * 30,
    "",
    "0x10",
    "+5",
    "1,5",
    ".5",
)

Rows = list[list[str]]


def levels_of(message: Any) -> tuple[Any, str, str]:
    """Return the object that holds a book frame's levels and the names of its bids and asks."""
    body = message.get("data", message)
    body = body[0] if isinstance(body, list) else body
    return (body, "bids", "asks") if "bids" in body else (body, "b", "a")


def with_bids(text: str, first: Rows, last: Rows) -> str:
    """Return a book frame with more rows before and after its bids."""
    message = orjson.loads(text)
    body, bids, _ = levels_of(message)
    body[bids] = [*first, *body[bids], *last]
    return orjson.dumps(message).decode()


def _cut(text: str, _: random.Random) -> str:
    return text[: len(text) // 2]


def _types(text: str, source: random.Random) -> str:
    """Put a value of another type in the place of ids, levels or the names of things."""
    message = orjson.loads(text)
    body, bids, _ = levels_of(message)
    wrong: Any = source.choice([None, True, -1.5, "text", [], [[]], {"a": 1}, [1, 2], [[1.5, 2.5]], [None]])
    names = [name for name in (bids, "u", "pu", "seqId", "prevSeqId") if name in body]
    name = source.choice(names)
    # An empty list of levels would be a good frame that hides a change.
    body[name] = {"a": 1} if wrong == [] else wrong
    return orjson.dumps(message).decode()


def _keys(text: str, source: random.Random) -> str:
    """Leave out a key that a book cannot do without."""
    message = orjson.loads(text)
    body, bids, asks = levels_of(message)
    del body[source.choice([name for name in (bids, asks, "u", "pu", "seqId", "prevSeqId") if name in body])]
    return orjson.dumps(message).decode()


def _nested(text: str, _: random.Random) -> str:
    return f'{text[:-1]},"deep":{"[" * NESTED_DEEP}{"]" * NESTED_DEEP}}}'


def _repeated(text: str, source: random.Random) -> str:
    """Write a key twice: nonsense first and the value last, or the other way round."""
    name = next(name for name in ('"bids":', '"b":') if name in text)
    if source.random() < 0.5:
        return text.replace(name, f"{name}null,{name}", 1)
    closing = "}]}" if '"bids":' in text else "}"
    at = text.index(closing, text.index(name))
    return f"{text[:at]},{name}null{text[at:]}"


def _bom(text: str, _: random.Random) -> str:
    return "\ufeff" + text


def _huge(text: str, _: random.Random) -> str:
    return text + " " * (HUGE_BYTES - len(text))


def _numbers(text: str, source: random.Random) -> str:
    """Put a bad number in the place of a price or a size; a price of 0 is one, a size of 0 is not."""
    message = orjson.loads(text)
    body, bids, asks = levels_of(message)
    rows = [row for side in (bids, asks) for row in body[side]]
    at = source.randrange(2)
    if not rows:
        rows = [["1", "1"]]
        body[bids] = rows
    source.choice(rows)[at] = source.choice((*BAD_NUMBERS, "0") if at == 0 else BAD_NUMBERS)
    return orjson.dumps(message).decode()


DAMAGES: dict[str, Callable[[str, random.Random], str]] = {
    "cut": _cut,
    "types": _types,
    "keys": _keys,
    "nested": _nested,
    "repeated": _repeated,
    "bom": _bom,
    "huge": _huge,
    "numbers": _numbers,
}
