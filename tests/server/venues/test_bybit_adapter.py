from itertools import pairwise

import orjson
import pytest

from leadline.domain.events import (
    BookChanged,
    BookState,
    Completeness,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.trades import Trades
from leadline.limits import SNAPSHOT_TRIES_MAX
from leadline.venues.base import Abort, Output, Send
from leadline.venues.bybit import BybitProtocol
from tests.server.venues.stream import bybit_book, instrument

MADE = instrument("bybit")


def live() -> BybitProtocol:
    protocol = BybitProtocol([MADE])
    protocol.opened("linear", 0)
    protocol.receive("linear", bybit_book(MADE, "snapshot", 50, {10: 5}, {12: 5}), 0)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE
    return protocol


def sent(outputs: list[Output]) -> list[tuple[str, list[str]]]:
    requests = [orjson.loads(made.text) for made in outputs if isinstance(made, Send)]
    return [(made["op"], made.get("args", [])) for made in requests]


def ticker(kind: str, **data: str) -> bytes:
    message = {"topic": "tickers.BTCUSDT", "type": kind, "cs": 1, "ts": 7}
    return orjson.dumps(message | {"data": {"symbol": "BTCUSDT"} | data})


def test_everything_of_a_symbol_is_subscribed() -> None:
    (request,) = sent(BybitProtocol([MADE], depth=200).opened("linear", 0))
    topics = ["orderbook.200.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT", "allLiquidation.BTCUSDT"]
    assert request == ("subscribe", topics)


def test_topics_beyond_a_connections_characters_get_another_connection() -> None:
    many = [instrument("bybit", symbol=f"A{n}USDT", native=f"A{n}USDT") for n in range(500)]
    protocol = BybitProtocol(many)
    routes = protocol.routes()
    assert len(routes) > 1
    asked: list[str] = []
    for route in routes:
        topics = [topic for _, topics in sent(protocol.opened(route, 0)) for topic in topics]
        assert len(orjson.dumps(topics)) <= 21_000
        asked += topics
    assert len(set(asked)) == len(asked) == 4 * 500


def test_many_trades_of_one_message_keep_their_order_and_sides() -> None:
    row = {"T": 7, "s": "BTCUSDT", "S": "Buy", "v": "0.031", "p": "1.1", "RPI": False, "seq": 5}
    message = {
        "topic": "publicTrade.BTCUSDT",
        "type": "snapshot",
        "ts": 9,
        "data": [row, row | {"S": "Sell"}],
    }
    assert live().receive("linear", orjson.dumps(message), 0) == [
        Trades.of(MADE, [(7, 11, 31, Side.BUY), (7, 11, 31, Side.SELL)])
    ]


def test_each_liquidation_of_a_batch_carries_the_side_of_its_position() -> None:
    rows = [
        {"T": 7, "s": "BTCUSDT", "S": "Buy", "v": "0.420", "p": "76702.10"},
        {"T": 8, "s": "BTCUSDT", "S": "Sell", "v": "0.015", "p": "77610.00"},
    ]
    message = {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": 9, "data": rows}
    full = (PriceKind.BANKRUPTCY, Completeness.FULL)
    assert live().receive("linear", orjson.dumps(message), 0) == [
        Liquidation("bybit", "BTCUSDT", 7, Side.BUY, 0.42, 76702.1, *full),
        Liquidation("bybit", "BTCUSDT", 8, Side.SELL, 0.015, 77610.0, *full),
    ]


def test_partial_tickers_are_merged_and_only_what_changed_is_told() -> None:
    protocol = live()
    first = ticker(
        "snapshot", markPrice="77118.4", openInterest="100", singleOpenInterest="50", fundingRate="0.0001"
    )
    assert protocol.receive("linear", first, 0) == [
        Mark("bybit", "BTCUSDT", 7, 77118.4),
        Funding("bybit", "BTCUSDT", 7, 0.0001, 0),
        OpenInterest("bybit", "BTCUSDT", 7, 50.0),
    ]
    assert protocol.receive("linear", ticker("delta", bid1Price="1"), 0) == []
    next_funding = Funding("bybit", "BTCUSDT", 7, 0.0001, 99)
    assert protocol.receive("linear", ticker("delta", nextFundingTime="99"), 0) == [next_funding]


def test_open_interest_of_both_sides_is_halved() -> None:
    assert live().receive("linear", ticker("delta", openInterest="51200.004"), 0) == [
        OpenInterest("bybit", "BTCUSDT", 7, 25600.002)
    ]


def test_a_missed_count_is_a_gap_and_the_topic_is_subscribed_anew() -> None:
    protocol = live()
    outputs = protocol.receive("linear", bybit_book(MADE, "delta", 52, {}, {}), 1_000)
    assert BookChanged("bybit", "BTCUSDT", BookState.STALE, 1) in outputs
    topic = ["orderbook.1000.BTCUSDT"]
    assert sent(outputs) == [("unsubscribe", topic), ("subscribe", topic)]
    outputs = protocol.receive("linear", bybit_book(MADE, "snapshot", 60, {9: 1}, {12: 5}), 0)
    assert outputs == [BookChanged("bybit", "BTCUSDT", BookState.LIVE, 2)]
    book = protocol.books["BTCUSDT"]
    assert (book.at_ms, book.update_id) == (1060, 60)


def test_a_repeated_delta_is_dropped_without_alarm() -> None:
    protocol = live()
    for _ in range(3):
        protocol.receive("linear", bybit_book(MADE, "delta", 51, {10: 7}, {}), 0)
    stats = protocol.books["BTCUSDT"].stats
    assert (stats.duplicates, stats.gaps, stats.resyncs) == (2, 0, 0)


@pytest.mark.parametrize("update_id", [1, 50, 3000])
def test_a_later_snapshot_replaces_the_book_without_alarm(update_id: int) -> None:
    protocol = live()
    raw = bybit_book(MADE, "snapshot", update_id, {9: 1}, {13: 2}, seq=9_000)
    assert sent(protocol.receive("linear", raw, 0)) == []
    protocol.receive("linear", bybit_book(MADE, "delta", update_id + 1, {8: 1}, {}, seq=9_001), 0)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.epoch, book.update_id) == (BookState.LIVE, 1, update_id + 1)
    assert book.book.bids()[0].tolist() == [9, 8]
    assert (book.stats.gaps, book.stats.resyncs) == (0, 0)


def test_a_restarted_count_whose_snapshot_was_lost_is_a_gap_not_a_row_of_duplicates() -> None:
    protocol = live()
    outputs = protocol.receive("linear", bybit_book(MADE, "delta", 2, {10: 1}, {}, seq=9_000), 1_000)
    assert ("subscribe", ["orderbook.1000.BTCUSDT"]) in sent(outputs)
    assert protocol.books["BTCUSDT"].stats.gaps == 1


def test_a_refused_batch_is_retried_topic_by_topic_once() -> None:
    protocol = BybitProtocol([MADE])
    (request,) = (orjson.loads(made.text) for made in protocol.opened("linear", 0) if isinstance(made, Send))
    refusal = {"success": False, "ret_msg": "error:handler not found", "op": "subscribe"}
    retried = protocol.receive("linear", orjson.dumps(refusal | {"req_id": request["req_id"]}), 0)
    assert sent(retried) == [("subscribe", [topic]) for topic in request["args"]]
    for made in retried:
        assert isinstance(made, Send)
        single = orjson.dumps(refusal | {"req_id": orjson.loads(made.text)["req_id"]})
        assert protocol.receive("linear", single, 0) == []


def test_a_ping_goes_out_every_20_seconds() -> None:
    protocol = live()
    pings = [
        now_ms for now_ms in range(250, 60_250, 250) for op, _ in sent(protocol.tick(now_ms)) if op == "ping"
    ]
    assert [later - sooner for sooner, later in pairwise(pings)] == [20_000, 20_000]


def test_a_subscription_without_data_is_retried_and_then_the_connection_given_up() -> None:
    protocol = BybitProtocol([MADE])
    protocol.opened("linear", 0)
    tries = 0
    for now_ms in range(0, 120_000, 250):
        outputs = protocol.tick(now_ms)
        tries += ("subscribe", ["orderbook.1000.BTCUSDT"]) in sent(outputs)
        if any(isinstance(made, Abort) for made in outputs):
            break
    assert tries == SNAPSHOT_TRIES_MAX
    assert now_ms <= 45_000
