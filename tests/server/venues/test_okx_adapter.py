import binascii
from typing import Any

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
from leadline.units import Step
from leadline.venues.base import Abort, Fetch, Output, Renew, Send
from leadline.venues.okx import OkxProtocol
from tests.server.venues.stream import instrument, okx_book

MADE = instrument("okx")
NATIVE = "BTC-USDT-SWAP"
BOOK_ARG = {"channel": "books", "instId": NATIVE}


def live() -> OkxProtocol:
    protocol = OkxProtocol([MADE])
    protocol.opened("public", 0)
    protocol.receive("public", okx_book(MADE, "snapshot", -1, 500, {10: 5}, {12: 5}), 0)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE
    return protocol


def push(channel: str, *rows: dict[str, Any]) -> bytes:
    return orjson.dumps({"arg": {"channel": channel, "instId": NATIVE}, "data": list(rows)})


def sent(outputs: list[Output]) -> list[Any]:
    return [orjson.loads(made.text) for made in outputs if isinstance(made, Send) and made.text != "ping"]


@pytest.mark.parametrize(
    ("channel", "row", "event"),
    [
        (
            "trades",
            {"instId": NATIVE, "px": "1.1", "sz": "14", "side": "buy", "ts": "7", "count": "3"},
            Trades.of(MADE, [(7, 11, 1400, Side.BUY)]),
        ),
        ("mark-price", {"markPx": "77118.55", "ts": "7"}, Mark("okx", "BTCUSDT", 7, 77118.55)),
        (
            "open-interest",
            {"oi": "2810044", "oiCcy": "28100.44", "ts": "7"},
            OpenInterest("okx", "BTCUSDT", 7, 28100.44),
        ),
        ("open-interest", {"oi": "2810000", "ts": "7"}, OpenInterest("okx", "BTCUSDT", 7, 28100.0)),
        (
            "funding-rate",
            {"fundingRate": "-0.0000912", "nextFundingRate": "", "fundingTime": "99", "ts": "7"},
            Funding("okx", "BTCUSDT", 7, -0.0000912, 99),
        ),
    ],
)
def test_each_channel_becomes_its_event(channel: str, row: dict[str, Any], event: object) -> None:
    assert live().receive("public", push(channel, row), 0) == [event]


def test_an_empty_funding_rate_is_not_zero() -> None:
    assert live().receive("public", push("funding-rate", {"fundingRate": "", "ts": "7"}), 0) == []


def test_every_row_of_a_liquidation_counts_in_coins_and_its_orders_side_is_flipped() -> None:
    details = [
        {"side": "sell", "posSide": "net", "bkPx": "76700.4", "sz": "52", "ts": "7"},
        {"side": "buy", "posSide": "short", "bkPx": "77000", "sz": "3", "ts": "8"},
    ]
    rows = [{"instId": NATIVE, "details": details}, {"instId": "DOGE-USDT-SWAP", "details": details}]
    raw = orjson.dumps({"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": rows})
    kind = (PriceKind.BANKRUPTCY, Completeness.THROTTLED)
    assert live().receive("public", raw, 0) == [
        Liquidation("okx", "BTCUSDT", 7, Side.BUY, 0.52, 76700.4, *kind),
        Liquidation("okx", "BTCUSDT", 8, Side.SELL, 0.03, 77000.0, *kind),
    ]


def test_deep_books_are_shared_out_30_a_connection_with_one_liquidation_feed() -> None:
    many = [instrument("okx", symbol=f"A{n}USDT", native=f"A{n}-USDT-SWAP") for n in range(70)]
    protocol = OkxProtocol(many)
    requests = {route: sent(protocol.opened(route, 0)) for route in protocol.routes()}
    assert len(requests) == 3
    args = [arg for made in requests.values() for request in made for arg in request["args"]]
    assert sum(arg["channel"] == "liquidation-orders" for arg in args) == 1
    assert sum(arg["channel"] == "books" for arg in args) == 70
    assert all(len(orjson.dumps(request)) < 65_536 for made in requests.values() for request in made)


def test_a_broken_chain_unsubscribes_and_subscribes_when_that_is_acknowledged() -> None:
    protocol = live()
    outputs = protocol.receive("public", okx_book(MADE, "update", 501, 505, {}, {}), 1_000)
    assert BookChanged("okx", "BTCUSDT", BookState.STALE, 1) in outputs
    assert [(made["op"], made["args"]) for made in sent(outputs)] == [("unsubscribe", [BOOK_ARG])]
    ack = orjson.dumps({"event": "unsubscribe", "arg": BOOK_ARG, "connId": "a"})
    (subscribe,) = sent(protocol.receive("public", ack, 0))
    assert (subscribe["op"], subscribe["args"]) == ("subscribe", [BOOK_ARG])
    protocol.receive("public", okx_book(MADE, "snapshot", -1, 600, {9: 5}, {12: 5}), 0)
    assert (protocol.books["BTCUSDT"].state, protocol.books["BTCUSDT"].epoch) == (BookState.LIVE, 2)


def test_a_keep_alive_is_a_sign_of_life_without_a_change() -> None:
    protocol = live()
    protocol.receive("public", okx_book(MADE, "update", 500, 500, {}, {}), 9_000)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.received_ms, book.stats.gaps, book.stats.duplicates) == (
        BookState.LIVE,
        9_000,
        0,
        0,
    )
    protocol.receive("public", okx_book(MADE, "update", 500, 510, {10: 6}, {}), 9_100)
    assert book.update_id == 510


def test_ids_may_start_over_lower() -> None:
    protocol = live()
    protocol.receive("public", okx_book(MADE, "update", 500, 7, {10: 6}, {}), 0)
    protocol.receive("public", okx_book(MADE, "update", 7, 9, {10: 8}, {}), 0)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.update_id, book.stats.gaps) == (BookState.LIVE, 9, 0)
    assert book.book.bids()[1].tolist() == [8]


def test_a_start_over_that_was_lost_is_a_gap_though_its_ids_are_low() -> None:
    protocol = live()
    protocol.receive("public", okx_book(MADE, "update", 7, 9, {10: 8}, {}), 0)
    assert protocol.books["BTCUSDT"].stats.gaps == 1


def test_repeated_messages_are_dropped_without_alarm() -> None:
    protocol = live()
    messages = [okx_book(MADE, "update", 500 + n, 501 + n, {10: n + 1}, {}) for n in range(3)]
    for raw in messages + messages:
        protocol.receive("public", raw, 0)
    stats = protocol.books["BTCUSDT"].stats
    assert (stats.duplicates, stats.gaps) == (3, 0)


def test_updates_without_their_snapshot_fall_back_to_the_fetched_book() -> None:
    protocol = OkxProtocol([MADE])
    protocol.opened("public", 0)
    protocol.receive("public", okx_book(MADE, "update", 500, 505, {10: 6}, {}), 100)
    fetched = [made for made in protocol.tick(3_000) if isinstance(made, Fetch)]
    assert [made.path for made in fetched] == [f"/api/v5/market/books?instId={NATIVE}&sz=400"]
    row = {"asks": [["1.2", "1", "0", "1"]], "bids": [["1.0", "2", "0", "1"]], "ts": "7", "seqId": 503}
    body = orjson.dumps({"code": "0", "msg": "", "data": [row]})
    protocol.answer(fetched[0], 200, body, 3_100)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.update_id, book.book.bids()[1].tolist()) == (BookState.LIVE, 505, [6])


def test_an_error_sent_with_status_200_is_no_book() -> None:
    protocol = OkxProtocol([MADE])
    protocol.opened("public", 0)
    protocol.answer(Fetch("snapshot", NATIVE, ""), 200, b'{"code":"50011","msg":"slow down","data":[]}', 0)
    assert protocol.books["BTCUSDT"].state is BookState.SYNCING
    assert protocol.protocol_errors == 1


def test_a_text_ping_breaks_a_silence_of_20_seconds_and_no_answer_ends_the_connection() -> None:
    protocol = live()
    outputs = {now_ms: protocol.tick(now_ms) for now_ms in range(19_000, 29_000, 500)}
    assert [at for at, made in outputs.items() if Send("public", "ping") in made] == [20_000]
    assert [at for at, made in outputs.items() if any(isinstance(one, Abort) for one in made)] == [28_000]
    assert protocol.receive("public", "pong", 28_500) == []
    assert Send("public", "ping") not in protocol.tick(29_000)


def test_an_announced_end_asks_for_a_new_connection_and_keeps_the_book() -> None:
    protocol = live()
    notice = b'{"event":"notice","code":"64008","msg":"service upgrade","connId":"a"}'
    (renew,) = protocol.receive("public", notice, 0)
    assert isinstance(renew, Renew)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE


def test_subscription_requests_stay_within_the_hours_limit() -> None:
    protocol = live()
    requests = 0
    for n in range(1_000):
        gap = okx_book(MADE, "update", 10**6 + n * 9, 10**6 + n * 9 + 1, {}, {})
        outputs = protocol.receive("public", gap, n * 1_000)
        requests += len(sent(outputs))
        if any(isinstance(made, Abort) for made in outputs):
            break
        ack = orjson.dumps({"event": "unsubscribe", "arg": BOOK_ARG})
        requests += len(sent(protocol.receive("public", ack, 0)))
        protocol.receive("public", okx_book(MADE, "snapshot", -1, n, {9: 5}, {12: 5}), 0)
        protocol.receive("public", okx_book(MADE, "update", n, n + 1, {9: 6}, {}), 0)
    assert 300 < requests < 480


def summed(action: str, bids: list[list[str]], asks: list[list[str]], checksum: int) -> bytes:
    row = {"asks": asks, "bids": bids, "ts": "7", "checksum": checksum}
    return orjson.dumps({"arg": BOOK_ARG, "action": action, "data": [row]})


def crc(text: str) -> int:
    unsigned = binascii.crc32(text.encode())
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned


def test_without_ids_the_checksum_proves_the_book_with_its_texts_as_sent() -> None:
    protocol = OkxProtocol([MADE])
    protocol.opened("public", 0)
    first = summed("snapshot", [["1.0", "2.00", "0", "1"]], [["1.2", "1", "0", "1"]], crc("1.0:2.00:1.2:1"))
    protocol.receive("public", first, 0)
    second = summed("update", [["0.9", "3", "0", "1"]], [["1.2", "0", "0", "0"]], crc("1.0:2.00:0.9:3"))
    protocol.receive("public", second, 0)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE


def test_a_wrong_checksum_is_a_lost_book() -> None:
    protocol = OkxProtocol([MADE])
    protocol.opened("public", 0)
    protocol.receive("public", summed("snapshot", [["1.0", "2", "0", "1"]], [], crc("1.0:2")), 0)
    protocol.receive("public", summed("update", [["1.0", "3", "0", "1"]], [], crc("1.0:2")), 0)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.stats.resyncs) == (BookState.STALE, 1)


def interest(contracts: str, coins: str) -> bytes:
    row = {"instId": NATIVE, "oi": contracts, "oiCcy": coins, "ts": "7"}
    return orjson.dumps({"arg": {"channel": "open-interest", "instId": NATIVE}, "data": [row]})


def test_interest_that_disagrees_with_the_size_of_a_contract_casts_doubt_on_it_once() -> None:
    protocol = live()
    book = protocol.books["BTCUSDT"]
    assert book.instrument.contract_size == Step.of("0.01")
    for contracts, coins in (("2810044", "28100.44"), ("50", "5"), ("0", "0"), ("100000", "980")):
        protocol.receive("public", interest(contracts, coins), 0)
    assert (book.state, book.epoch, protocol.protocol_errors) == (BookState.LIVE, 1, 0)
    outputs = protocol.receive("public", interest("28100440", "28100.44"), 1_000)
    assert book.state is BookState.STALE
    assert "instruments" in [one.purpose for one in outputs if isinstance(one, Fetch)]
    protocol.receive("public", okx_book(MADE, "snapshot", -1, 600, {9: 5}, {12: 5}), 1_100)
    # Should the list of contracts not agree, it is believed: a book that is never live serves nobody.
    protocol.receive("public", interest("28100440", "28100.44"), 4_000)
    assert (book.state, protocol.protocol_errors) == (BookState.LIVE, 1)
    protocol.receive("public", interest("2810044", "28100.44"), 7_000)
    protocol.receive("public", interest("28100440", "28100.44"), 10_000)
    assert (book.state, protocol.protocol_errors) == (BookState.STALE, 2)


def test_a_contract_of_another_size_in_the_stream_anchors_its_book_anew() -> None:
    protocol = live()
    book = protocol.books["BTCUSDT"]
    row = {
        "instType": "SWAP",
        "instId": NATIVE,
        "ctVal": "0.01",
        "ctMult": "1",
        "ctType": "linear",
        "tickSz": "0.1",
        "lotSz": "0.01",
        "state": "live",
    }

    def tell(**changed: str) -> list[Output]:
        arg = {"channel": "instruments", "instType": "SWAP"}
        return list(protocol.receive("public", orjson.dumps({"arg": arg, "data": [row | changed]}), 1_000))

    assert tell(instId="ETH-USDT-SWAP", ctVal="0.5") == tell() == tell(state="rebase") == []
    assert (book.state, book.epoch) == (BookState.LIVE, 1)
    outputs = tell(ctVal="0.001")
    assert BookChanged("okx", "BTCUSDT", BookState.STALE, 1) in outputs
    assert [made["op"] for made in sent(outputs)] == ["unsubscribe"]
    assert book.instrument.contract_size == Step.of("0.001")
