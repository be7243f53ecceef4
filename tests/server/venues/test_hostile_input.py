"""Nothing a network sends may raise out of an adapter or pass into a book unread."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.events import BookState
from leadline.venues.base import Fetch, Send, VenueProtocol
from tests.server.venues.stream import (
    PROTOCOLS,
    binance_delta,
    binance_snapshot,
    bybit_book,
    instrument,
    okx_book,
)

VENUES = ["binance", "bybit", "okx"]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def live(venue: str) -> VenueProtocol:
    protocol: VenueProtocol = PROTOCOLS[venue]([instrument(venue)])
    for route in protocol.routes():
        protocol.opened(route, 0)
    made = instrument(venue)
    bids, asks = {10: 5}, {12: 5}
    if venue == "binance":
        protocol.receive("public", binance_delta(made, 90, 100, {}, {}), 0)
        protocol.answer(Fetch("snapshot", "BTCUSDT", ""), 200, binance_snapshot(made, 100, bids, asks), 0)
    elif venue == "bybit":
        protocol.receive("linear", bybit_book(made, "snapshot", 100, bids, asks), 0)
    else:
        protocol.receive("public", okx_book(made, "snapshot", -1, 100, bids, asks), 0)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE
    return protocol


def delta(venue: str) -> Any:
    made = instrument(venue)
    raw = {
        "binance": binance_delta(made, 100, 101, {9: 7}, {13: 7}),
        "bybit": bybit_book(made, "delta", 101, {9: 7}, {13: 7}),
        "okx": okx_book(made, "update", 100, 101, {9: 7}, {13: 7}),
    }[venue]
    return orjson.loads(raw)


def others(venue: str) -> list[Any]:
    """One valid message of each other kind."""
    native = instrument(venue).native
    if venue == "binance":
        order = {"s": native, "S": "SELL", "p": "9", "ap": "10", "z": "1", "T": 7}
        return [
            {"e": "aggTrade", "s": native, "p": "1.1", "q": "1", "T": 7, "m": True},
            {"e": "markPriceUpdate", "s": native, "E": 7, "p": "1", "r": "0.1", "T": 7},
            {"e": "bookTicker", "s": native, "u": 7, "b": "1", "B": "1", "a": "2", "A": "1", "T": 7},
            {"e": "forceOrder", "o": order},
            {"error": {"code": 4, "msg": ""}, "id": 8},
        ]
    if venue == "bybit":
        row = {"T": 7, "s": native, "S": "Buy", "v": "1", "p": "1.1"}
        ticker = {"markPrice": "1", "openInterest": "2", "fundingRate": "0.1", "nextFundingTime": "7"}
        return [
            {"topic": f"publicTrade.{native}", "type": "snapshot", "ts": 7, "data": [row]},
            {"topic": f"allLiquidation.{native}", "type": "snapshot", "ts": 7, "data": [row]},
            {"topic": f"tickers.{native}", "type": "delta", "ts": 7, "data": ticker},
            {"success": False, "ret_msg": "", "req_id": "s1", "op": "subscribe"},
        ]
    detail = {"side": "sell", "bkPx": "1", "sz": "1", "ts": "7"}
    rows = {
        "trades": {"px": "1", "sz": "1", "side": "buy", "ts": "7"},
        "mark-price": {"markPx": "1", "ts": "7"},
        "open-interest": {"oi": "1", "oiCcy": "1", "ts": "7"},
        "funding-rate": {"fundingRate": "1", "fundingTime": "7", "ts": "7"},
        "liquidation-orders": {"instId": native, "details": [detail]},
    }
    made = [{"arg": {"channel": name, "instId": native}, "data": [row]} for name, row in rows.items()]
    return [*made, {"event": "unsubscribe", "arg": {"channel": "books", "instId": native}}]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) inside a message."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [place for key, inner in list(items) for place in [(value, key), *places(inner)]]


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None)
@given(raw=st.binary(max_size=60) | st.text(max_size=60))
def test_random_bytes_and_texts_never_raise(venue: str, raw: bytes | str) -> None:
    protocol = live(venue)
    route = next(iter(protocol.routes()))
    list(protocol.receive(route, raw, 1_000))
    list(protocol.tick(2_000))


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None)
@given(data=st.data())
def test_a_message_with_any_part_replaced_never_raises_and_never_leaves_a_crossed_live_book(
    venue: str, data: st.DataObject
) -> None:
    protocol = live(venue)
    message = data.draw(st.sampled_from([delta(venue), *others(venue)]))
    container, key = data.draw(st.sampled_from(places(message)))
    container[key] = data.draw(JUNK)
    raw = orjson.dumps(message)
    cut = data.draw(st.integers(1, len(raw)))
    for sent in (raw, raw[:cut]):
        list(protocol.receive(next(iter(protocol.routes())), sent, 1_000))
    book = protocol.books["BTCUSDT"]
    assert book.state is not BookState.LIVE or not book.book.crossed


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "inf",
        "1_000",
        "１２.0",
        " 5 ",
        "-1",
        "1e400",
        "1" * 31,
        "",
        5,
        5.5,
        None,
        True,
        ["1"],
        "Infinity",
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_hostile_number_is_counted_its_frame_dropped_and_the_book_anchored_anew(
    venue: str, number: object, place: int
) -> None:
    protocol, message = live(venue), delta(venue)
    data = message["data"][0] if venue == "okx" else message.get("data", message)
    data["bids" if venue == "okx" else "b"][0][place] = number
    outputs = list(protocol.receive(next(iter(protocol.routes())), orjson.dumps(message), 1_000))
    book = protocol.books["BTCUSDT"]
    assert book.state is BookState.STALE
    assert book.stats.protocol_errors == 1
    assert book.book.bids()[0].tolist() == [10]
    assert book.book.asks()[0].tolist() == [12]
    assert any(isinstance(made, Send | Fetch) for made in outputs)


@pytest.mark.parametrize("venue", VENUES)
def test_a_price_of_zero_is_rejected(venue: str) -> None:
    protocol, message = live(venue), delta(venue)
    data = message["data"][0] if venue == "okx" else message.get("data", message)
    data["asks" if venue == "okx" else "a"][0][0] = "0.0"
    protocol.receive(next(iter(protocol.routes())), orjson.dumps(message), 1_000)
    assert protocol.books["BTCUSDT"].state is BookState.STALE


@pytest.mark.parametrize("venue", VENUES)
def test_a_truncated_book_message_flags_the_book_it_was_about(venue: str) -> None:
    protocol = live(venue)
    raw = orjson.dumps(delta(venue))
    protocol.receive(next(iter(protocol.routes())), raw[:-5], 1_000)
    assert protocol.books["BTCUSDT"].state is BookState.STALE


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None)
@given(
    status=st.sampled_from([0, 200, 403, 418, 429, 451, 500]),
    purpose=st.sampled_from(["snapshot", "audit", "open_interest", "instruments", "unknown"]),
    body=st.binary(max_size=40) | JUNK.map(orjson.dumps) | st.just(b"<html>blocked</html>"),
)
def test_no_answer_raises(venue: str, status: int, purpose: str, body: bytes) -> None:
    protocol = live(venue)
    native = instrument(venue).native
    for symbol in (native, "UNKNOWN"):
        list(protocol.answer(Fetch(purpose, symbol, "/"), status, body, 1_000))
    list(protocol.tick(60_000))


def test_deeply_nested_json_is_only_counted() -> None:
    protocol = live("binance")
    protocol.receive("public", "[" * 100_000, 1_000)
    assert protocol.books["BTCUSDT"].stats.protocol_errors == 1
