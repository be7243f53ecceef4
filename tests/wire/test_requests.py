"""What a phone may ask, and how everything else is refused."""

from __future__ import annotations

from contextlib import suppress

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.limits import CLIENT_MESSAGE_BYTES_MAX
from leadline.wire.requests import (
    BadRequest,
    GlanceKey,
    InspectRow,
    LadderKey,
    MapKey,
    Ping,
    PulseKey,
    PutMark,
    RemoveMark,
    StreamKey,
    Subscribe,
    TapeKey,
    Unsubscribe,
    parse_client,
)

WISH = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 10, "depth": 40, "hz": 5}


def test_a_subscription_is_read() -> None:
    assert parse_client(msgpack.packb([1, 7, WISH])) == Subscribe(7, LadderKey("BTCUSDT", "all", 10, 40, 5))


def test_depth_and_rate_have_defaults() -> None:
    wish = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 1}
    assert parse_client(msgpack.packb([1, 7, wish])) == Subscribe(7, LadderKey("BTCUSDT", "all", 1, 50, 10))


@pytest.mark.parametrize(
    ("wish", "key"),
    [
        ({"kind": "glance", "symbols": ["BTCUSDT", "ETHUSDT"]}, GlanceKey(("BTCUSDT", "ETHUSDT"))),
        (
            {"kind": "map", "symbol": "BTCUSDT", "venue": "all", "hours": 72, "opened": "all"},
            MapKey("BTCUSDT", "all", 72),
        ),
        (
            {"kind": "map", "symbol": "BTCUSDT", "venue": "okx", "hours": 12, "opened": "range"},
            MapKey("BTCUSDT", "okx", 12, "range"),
        ),
        ({"kind": "tape", "symbol": "BTCUSDT", "venue": "okx"}, TapeKey("BTCUSDT", "okx")),
        ({"kind": "pulse", "symbol": "BTCUSDT", "hours": 12}, PulseKey("BTCUSDT", 12)),
    ],
)
def test_each_kind_of_stream_is_read_and_told_as_it_was_asked(
    wish: dict[str, object], key: StreamKey
) -> None:
    assert parse_client(msgpack.packb([1, 7, wish])) == Subscribe(7, key)
    assert msgpack.unpackb(msgpack.packb(key.told())) == wish


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ({"kind": "glance", "symbols": []}, "symbols"),
        ({"kind": "glance", "symbols": "BTCUSDT"}, "symbols"),
        ({"kind": "glance", "symbols": ["BTCUSDT", 5]}, "symbols"),
        ({"kind": "glance", "symbols": ["BTCUSDT", "BTCUSDT"]}, "once"),
        ({"kind": "map", "symbol": "BTCUSDT", "venue": "all", "hours": 13}, "hours"),
        ({"kind": "map", "symbol": "BTCUSDT", "venue": "all", "hours": 12, "opened": "12h"}, "opened"),
        ({"kind": "map", "symbol": "BTCUSDT", "venue": "all", "hours": 12, "opened": None}, "opened"),
        ({"kind": "map", "symbol": "BTCUSDT", "venue": "all", "hours": 12.0}, "hours"),
        ({"kind": "tape", "symbol": "BTCUSDT"}, "venue"),
        ({"kind": "pulse", "symbol": "BTCUSDT", "hours": 12, "venue": "all"}, "venue"),
        ({"kind": ["ladder"]}, "kind"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(wish: dict[str, object], text: str) -> None:
    with pytest.raises(BadRequest, match=text) as refusal:
        parse_client(msgpack.packb([1, 7, wish]))
    assert refusal.value.ref == 7


def test_a_mark_is_put_and_removed() -> None:
    put = {"op": "put", "symbol": "BTCUSDT", "price": "77500.5", "label": "Tagesöffnung", "colour": 3}
    assert parse_client(msgpack.packb([4, 7, put])) == PutMark(7, "BTCUSDT", "77500.5", "Tagesöffnung", 3)
    bare = {"op": "put", "symbol": "BTCUSDT", "price": "1"}
    assert parse_client(msgpack.packb([4, 7, bare])) == PutMark(7, "BTCUSDT", "1", "", 0)
    assert parse_client(msgpack.packb([4, 7, {"op": "remove", "id": 5}])) == RemoveMark(7, 5)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"op": "drop"}, "op"),
        ({"price": 77_500}, "price"),
        ({"label": "x" * 41}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"colour": 8}, "colour"),
        ({"colour": True}, "colour"),
        ({"symbol": ""}, "symbol"),
        ({"id": 5}, "id"),
    ],
)
def test_a_mark_that_cannot_be_is_refused(change: dict[str, object], text: str) -> None:
    put = {"op": "put", "symbol": "BTCUSDT", "price": "77500", "label": "", "colour": 0}
    with pytest.raises(BadRequest, match=text) as refusal:
        parse_client(msgpack.packb([4, 7, put | change]))
    assert refusal.value.ref == 7


def test_a_watchlist_longer_than_allowed_is_refused() -> None:
    symbols = [f"S{number}" for number in range(31)]
    with pytest.raises(BadRequest):
        parse_client(msgpack.packb([1, 7, {"kind": "glance", "symbols": symbols}]))


def test_a_row_is_asked_for() -> None:
    wish = {"kind": "row", "symbol": "BTCUSDT", "group": 10, "row": 7_727}
    assert parse_client(msgpack.packb([1, 7, wish])) == InspectRow(7, "BTCUSDT", 10, 7_727)


@pytest.mark.parametrize("change", [{"row": -1}, {"row": 1.5}, {"group": 0}, {"venue": "all"}])
def test_a_row_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    wish = {"kind": "row", "symbol": "BTCUSDT", "group": 10, "row": 7_727}
    with pytest.raises(BadRequest, match=next(iter(change))) as refusal:
        parse_client(msgpack.packb([1, 7, wish | change]))
    assert refusal.value.ref == 7


def test_an_unsubscription_and_a_ping_are_read() -> None:
    assert parse_client(msgpack.packb([2, 3])) == Unsubscribe(3)
    assert parse_client(msgpack.packb([3, 2**53])) == Ping(2**53)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "chart"}, "kind"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "X" * 41}, "symbol"),
        ({"symbol": 5}, "symbol"),
        ({"venue": None}, "venue"),
        ({"group": 0}, "group"),
        ({"group": 1.0}, "group"),
        ({"group": True}, "group"),
        ({"group": 2**53 + 1}, "group"),
        ({"depth": 201}, "depth"),
        ({"depth": 0}, "depth"),
        ({"hz": 21}, "hz"),
        ({"hz": "10"}, "hz"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_wrong_field_is_named_and_the_refusal_carries_the_phones_number(
    change: dict[str, object], text: str
) -> None:
    with pytest.raises(BadRequest, match=text) as refusal:
        parse_client(msgpack.packb([1, 7, WISH | change]))
    assert refusal.value.ref == 7


@pytest.mark.parametrize(
    "message",
    [
        [],
        {},
        None,
        7,
        [0],
        [4, 1],
        [4, 1, []],
        [5, 1, {}],
        [True, 7, WISH],
        [1, 7],
        [1, 7, WISH, 0],
        [1, -1, WISH],
        [1, 7, []],
        [2],
        [2, -1],
        [3, 1.5],
        [3, 2**60],
        [2, b"1"],
        [2, msgpack.ExtType(5, b"1")],
        [2, [[[[[[1]]]]]]],
        [1, 7, {1: 2}],
        [1, 7, WISH | {"symbol": "X" * 5_000}],
        [3] * 5,
    ],
)
def test_anything_else_is_refused(message: object) -> None:
    with pytest.raises(BadRequest):
        parse_client(msgpack.packb(message))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(BadRequest):
        parse_client(b"\x91" * 50_000 + b"\x00")


def test_a_message_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(BadRequest, match="bytes"):
        parse_client(b"\x00" * (CLIENT_MESSAGE_BYTES_MAX + 1))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_bad_request(raw: bytes) -> None:
    with suppress(BadRequest):
        parse_client(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_no_message_raises_anything_but_a_bad_request(message: object) -> None:
    for sent in (
        message,
        [1, message, message],
        [1, 7, message],
        [2, message],
        [3, message],
        [4, 7, message],
    ):
        with suppress(BadRequest):
            parse_client(msgpack.packb(sent))
