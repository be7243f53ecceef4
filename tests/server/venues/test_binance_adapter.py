from itertools import pairwise

import orjson
import pytest

from leadline.domain.events import (
    BestQuote,
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
from leadline.units import Step
from leadline.venues.base import Abort, Fetch, Output, Send
from leadline.venues.binance import BinanceProtocol
from tests.server.venues.stream import binance_delta, binance_snapshot, instrument

MADE = instrument("binance")
SNAPSHOT = Fetch("snapshot", "BTCUSDT", "")


def live() -> BinanceProtocol:
    protocol = BinanceProtocol([MADE])
    protocol.opened("public", 0)
    protocol.receive("public", binance_delta(MADE, 90, 100, {}, {}), 0)
    protocol.answer(SNAPSHOT, 200, binance_snapshot(MADE, 100, {10: 5}, {12: 5}), 0)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE
    return protocol


def fetches(outputs: list[Output]) -> list[Fetch]:
    return [output for output in outputs if isinstance(output, Fetch)]


def message(data: dict[str, object], wrapped: bool) -> bytes:
    return orjson.dumps({"stream": "btcusdt@x", "data": data} if wrapped else data)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("data", "event"),
    [
        (
            {"e": "aggTrade", "s": "BTCUSDT", "p": "1.1", "q": "0.250", "T": 7, "m": False, "extra": 1},
            Trades.of(MADE, [(7, 11, 250, Side.BUY)]),
        ),
        (
            {"m": True, "T": 7, "q": "0.250", "p": "1.1", "s": "BTCUSDT", "e": "trade", "X": "MARKET"},
            Trades.of(MADE, [(7, 11, 250, Side.SELL)]),
        ),
        (
            {
                "e": "bookTicker",
                "u": 9,
                "s": "BTCUSDT",
                "b": "1.0",
                "B": "0.001",
                "a": "1.2",
                "A": "2",
                "T": 7,
            },
            BestQuote("binance", "BTCUSDT", 7, 9, 10, 1, 12, 2000),
        ),
        (
            {"e": "markPriceUpdate", "E": 7, "s": "BTCUSDT", "p": "77118.413", "r": "", "T": 0},
            Mark("binance", "BTCUSDT", 7, 77118.413),
        ),
        (
            {"e": "forceOrder", "E": 8, "st": 1}
            | {
                "o": {
                    "s": "BTCUSDT",
                    "S": "SELL",
                    "q": "0.7",
                    "p": "9",
                    "ap": "10",
                    "l": "1",
                    "z": "0.6",
                    "T": 7,
                }
            },
            Liquidation(
                *("binance", "BTCUSDT", 7, Side.BUY, 0.6, 10.0, PriceKind.FILL, Completeness.THROTTLED)
            ),
        ),
    ],
)
def test_each_stream_becomes_its_event(wrapped: bool, data: dict[str, object], event: object) -> None:
    assert live().receive("market", message(data, wrapped), 0) == [event]


def test_a_bought_in_short_dies_on_the_short_side() -> None:
    order = {"s": "BTCUSDT", "S": "BUY", "p": "9", "ap": "0", "z": "1", "T": 7}
    (event,) = live().receive("market", orjson.dumps({"e": "forceOrder", "o": order}), 0)
    assert isinstance(event, Liquidation)
    assert (event.side, event.price) == (Side.SELL, 9.0)


def test_funding_is_told_when_it_changes_and_not_where_none_applies() -> None:
    protocol = live()
    mark = {"e": "markPriceUpdate", "E": 7, "s": "BTCUSDT", "p": "1", "r": "0.0001", "T": 99}
    funding = Funding("binance", "BTCUSDT", 7, 0.0001, 99)
    assert funding in protocol.receive("market", orjson.dumps(mark), 0)
    assert funding not in protocol.receive("market", orjson.dumps(mark), 0)
    changed = protocol.receive("market", orjson.dumps(mark | {"r": "-0.0002"}), 0)
    assert Funding("binance", "BTCUSDT", 7, -0.0002, 99) in changed


def test_bookings_that_never_met_the_book_are_no_trades() -> None:
    protocol = live()
    for kind in ("INSURANCE_FUND", "ADL", "NA"):
        trade = {"e": "trade", "s": "BTCUSDT", "p": "0", "q": "0", "T": 7, "m": True, "X": kind}
        assert protocol.receive("public", orjson.dumps(trade), 0) == []


def test_unknown_symbols_streams_and_acknowledgements_are_passed_over() -> None:
    protocol = live()
    for text in ('{"result":null,"id":7}', '{"e":"kline","s":"BTCUSDT","k":{}}', '{"e":"trade","s":"ÄUSDT"}'):
        assert protocol.receive("public", text, 0) == []
    assert protocol.protocol_errors == 0


@pytest.mark.parametrize("text", ['{"error":{"code":4,"msg":"x"},"id":8}', '{"code":2,"msg":"x","id":9}'])
def test_both_shapes_of_a_refusal_are_counted(text: str) -> None:
    protocol = live()
    assert protocol.receive("public", text, 0) == []
    assert protocol.protocol_errors == 1


def test_streams_are_shared_out_over_connections_of_at_most_200() -> None:
    many = [instrument("binance", symbol=f"A{n}USDT", native=f"A{n}USDT") for n in range(250)]
    protocol = BinanceProtocol(many)
    paths = protocol.routes()
    assert set(paths.values()) == {"/public/ws", "/market/ws"}
    names: list[str] = []
    for route in paths:
        sent = [orjson.loads(made.text) for made in protocol.opened(route, 0) if isinstance(made, Send)]
        assert sum(len(request["params"]) for request in sent) <= 200
        assert all(request["method"] == "SUBSCRIBE" and len(request["params"]) <= 100 for request in sent)
        names += [name for request in sent for name in request["params"]]
    assert len(names) == len(set(names)) == 4 * 250
    assert {"a0usdt@depth@100ms", "a249usdt@forceOrder"} <= set(names)


def test_a_symbol_beyond_ascii_is_spelled_as_the_venue_does() -> None:
    made = instrument("binance", symbol="币安USDT", native="币安USDT")
    (*_, request) = BinanceProtocol([made]).opened("public", 0)
    assert isinstance(request, Send)
    assert orjson.loads(request.text)["params"] == ["币安usdt@depth@100ms"]


def test_the_snapshot_is_asked_for_when_the_stream_runs() -> None:
    protocol = BinanceProtocol([MADE])
    assert not fetches(protocol.opened("public", 0))
    (fetch,) = fetches(protocol.receive("public", binance_delta(MADE, 90, 100, {}, {}), 10))
    assert fetch.path == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    assert not fetches(protocol.receive("public", binance_delta(MADE, 100, 101, {}, {}), 20))


def test_a_quiet_symbol_gets_its_snapshot_without_an_event() -> None:
    protocol = BinanceProtocol([MADE])
    protocol.opened("public", 0)
    due = [made for made in fetches(protocol.tick(1_100)) if made.purpose == "snapshot"]
    assert len(due) == 1


def test_a_stale_snapshot_is_asked_for_again_with_growing_pauses_and_then_the_connection_is_given_up() -> (
    None
):
    protocol = BinanceProtocol([MADE])
    protocol.opened("public", 0)
    asked_ms: list[int] = []
    outputs: list[Output] = protocol.receive("public", binance_delta(MADE, 500, 510, {}, {}), 0)
    now_ms = 0
    while not any(isinstance(made, Abort) for made in outputs) and now_ms < 60_000:
        if any(fetch.purpose == "snapshot" for fetch in fetches(outputs)):
            asked_ms.append(now_ms)
            outputs = protocol.answer(SNAPSHOT, 200, binance_snapshot(MADE, 400, {10: 1}, {12: 1}), now_ms)
        else:
            now_ms += 50
            outputs = protocol.tick(now_ms)
    assert len(asked_ms) == SNAPSHOT_TRIES_MAX
    pauses = [later - sooner for sooner, later in pairwise(asked_ms)]
    assert pauses == [250, 500, 1000, 2000]
    assert protocol.books["BTCUSDT"].stats.resyncs == 0


def test_a_failed_snapshot_request_is_repeated_without_hurry_and_never_gives_up_the_stream() -> None:
    protocol = BinanceProtocol([MADE])
    protocol.opened("public", 0)
    outputs = protocol.receive("public", binance_delta(MADE, 90, 100, {}, {}), 0)
    now_ms = tries = 0
    while now_ms < 60_000:
        assert not any(isinstance(made, Abort) for made in outputs)
        if any(fetch.purpose == "snapshot" for fetch in fetches(outputs)):
            tries += 1
            outputs = protocol.answer(SNAPSHOT, 429, b"<html>", now_ms)
        else:
            now_ms += 250
            outputs = protocol.tick(now_ms)
    assert 15 <= tries <= 21


def test_a_gap_is_flagged_at_once_and_a_snapshot_asked_for() -> None:
    protocol = live()
    outputs = protocol.receive("public", binance_delta(MADE, 101, 105, {}, {}), 1_000)
    assert BookChanged("binance", "BTCUSDT", BookState.STALE, 1) in outputs
    assert len(fetches(outputs)) == 1
    outputs = protocol.answer(SNAPSHOT, 200, binance_snapshot(MADE, 103, {10: 5}, {12: 5}), 0)
    assert outputs == [BookChanged("binance", "BTCUSDT", BookState.LIVE, 2)]
    book = protocol.books["BTCUSDT"]
    assert (book.at_ms, book.update_id) == (1105, 105)
    stats = protocol.books["BTCUSDT"].stats
    assert (stats.gaps, stats.resyncs) == (1, 1)


def test_a_silent_book_is_audited_and_lives_on_when_the_venues_own_is_the_same() -> None:
    protocol = live()
    outputs = protocol.tick(10_001)
    assert BookChanged("binance", "BTCUSDT", BookState.STALE, 1) in outputs
    (audit,) = (made for made in fetches(outputs) if made.purpose == "audit")
    protocol.answer(audit, 200, binance_snapshot(MADE, 400, {10: 5}, {12: 5}), 10_100)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE


def test_a_silent_book_that_differs_from_the_venues_own_is_anchored_anew() -> None:
    protocol = live()
    (audit,) = (made for made in fetches(protocol.tick(10_001)) if made.purpose == "audit")
    outputs = protocol.answer(audit, 200, binance_snapshot(MADE, 400, {10: 4}, {12: 5}), 10_100)
    assert protocol.books["BTCUSDT"].state is BookState.STALE
    assert [made.purpose for made in fetches(outputs)] == ["snapshot"]


def test_the_book_is_fetched_anew_when_the_market_nears_the_edge_of_what_the_snapshot_showed() -> None:
    protocol = BinanceProtocol([MADE])
    protocol.opened("public", 0)
    protocol.receive("public", binance_delta(MADE, 90, 100, {}, {}), 0)
    bids, asks = dict.fromkeys(range(900, 1001), 1), dict.fromkeys(range(1002, 1103), 1)
    protocol.answer(SNAPSHOT, 200, binance_snapshot(MADE, 100, bids, asks), 0)
    assert not [made for made in fetches(protocol.tick(1_000)) if made.purpose == "snapshot"]
    gone = dict.fromkeys(range(940, 1001), 0)
    protocol.receive("public", binance_delta(MADE, 100, 110, gone, {945: 1}), 20_000)
    assert [made.purpose for made in fetches(protocol.tick(20_100)) if made.purpose == "snapshot"] == [
        "snapshot"
    ]
    wider = binance_snapshot(MADE, 110, dict.fromkeys(range(840, 940), 1), {945: 1, 1103: 2})
    protocol.answer(SNAPSHOT, 200, wider, 20_200)
    book = protocol.books["BTCUSDT"]
    assert (book.state, book.epoch, len(book.book.bids()[0])) == (BookState.LIVE, 1, 100)


def test_open_interest_is_polled_within_the_weight_budget() -> None:
    many = [instrument("binance", symbol=f"A{n}USDT", native=f"A{n}USDT") for n in range(300)]
    protocol = BinanceProtocol(many)
    for route in protocol.routes():
        protocol.opened(route, 0)
    polls = [
        fetch
        for now_ms in range(0, 60_000, 250)
        for fetch in fetches(protocol.tick(now_ms))
        if fetch.purpose == "open_interest"
    ]
    assert 500 <= sum(fetch.weight for fetch in polls) <= 700
    assert {fetch.symbol for fetch in polls} == {made.native for made in many}
    body = b'{"openInterest":"81234.551","symbol":"A0USDT","time":17}'
    assert protocol.answer(polls[0], 200, body, 0) == [OpenInterest("binance", "A0USDT", 17, 81234.551)]


def test_a_price_off_the_grid_asks_for_the_steps_and_the_book_starts_over_on_the_new_ones() -> None:
    protocol = live()
    finer = instrument("binance", tick=Step.of("0.01"))
    outputs = protocol.receive("public", binance_delta(finer, 100, 101, {1005: 1}, {}), 1_000)
    (ask,) = (made for made in fetches(outputs) if made.purpose == "instruments")
    assert ask.path == "/fapi/v1/exchangeInfo"
    assert protocol.books["BTCUSDT"].state is BookState.STALE
    outputs = protocol.answer(ask, 200, exchange_info("0.01"), 2_000)
    assert protocol.books["BTCUSDT"].instrument.tick == Step.of("0.01")
    assert [made.purpose for made in fetches(outputs)] == ["snapshot"]


def test_old_orders_between_the_confirmed_ticks_make_the_book_go_on_in_finer_steps() -> None:
    protocol = live()
    finer = instrument("binance", tick=Step.of("0.005"))
    (ask, *_) = (
        made
        for made in fetches(protocol.receive("public", binance_delta(finer, 100, 101, {2011: 1}, {}), 0))
        if made.purpose == "instruments"
    )
    protocol.answer(ask, 200, exchange_info("0.1"), 100)
    assert protocol.books["BTCUSDT"].instrument.tick == Step.of("0.1")
    protocol.answer(SNAPSHOT, 200, binance_snapshot(finer, 105, {200: 5, 181: 3}, {240: 5}), 200)
    book = protocol.books["BTCUSDT"]
    assert book.instrument.tick == Step.of("0.005")
    assert book.book.bids()[0].tolist() == [200, 181]
    protocol.answer(ask, 200, exchange_info("0.1"), 300)
    assert book.instrument.tick == Step.of("0.005")


def exchange_info(tick: str) -> bytes:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    ]
    row = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC"}
    return orjson.dumps({"symbols": [row | {"quoteAsset": "USDT", "filters": filters}]})


def test_an_inverse_contract_tells_its_liquidations_in_coins() -> None:
    made = instrument(
        "binance", symbol="BTCUSD_PERP", native="BTCUSD_PERP", contract_size=Step(100, 0), inverse=True
    )
    order = {"s": "BTCUSD_PERP", "S": "SELL", "p": "9", "ap": "50000", "z": "30", "T": 7}
    (event,) = BinanceProtocol([made]).receive("market", orjson.dumps({"e": "forceOrder", "o": order}), 0)
    assert isinstance(event, Liquidation)
    assert event.coins == pytest.approx(0.06)


def test_a_hundred_symbols_wait_for_snapshots_that_queue_for_a_minute_without_asking_twice() -> None:
    made = [instrument("binance", symbol=f"C{n}USDT", native=f"C{n}USDT") for n in range(100)]
    protocol = BinanceProtocol(made)
    outputs = list(protocol.opened("public", 0))
    last = 100
    asked: dict[str, int] = {}
    for now_ms in range(100, 100_000, 100):
        last += 1
        for contract in made if now_ms % 1000 == 100 else ():
            raw = binance_delta(contract, last - 10, last, {9: 2}, {})
            outputs += protocol.receive("public", raw, now_ms)
        outputs += protocol.tick(now_ms)
        for output in outputs:
            assert not isinstance(output, Abort)
            if isinstance(output, Fetch) and output.purpose == "snapshot":
                assert output.symbol not in asked
                assert not output.urgent
                asked[output.symbol] = now_ms
        outputs = []
        if now_ms > 70_000:
            # One answer every 100 ms, in the order asked.
            native = next(iter(asked), None)
            if native is not None and protocol.books[native].epoch == 0:
                del asked[native]
                contract = protocol.books[native].instrument
                body = binance_snapshot(contract, last, {10: 5}, {12: 5})
                fetch = Fetch("snapshot", native, "")
                outputs += protocol.answer(fetch, 200, body, now_ms)
    assert all(book.state is BookState.LIVE for book in protocol.books.values())


def test_a_book_that_was_live_before_asks_for_its_snapshot_urgently() -> None:
    protocol = BinanceProtocol([instrument("binance")])
    protocol.opened("public", 0)
    contract = protocol.books["BTCUSDT"].instrument
    (first,) = [
        made
        for made in protocol.receive("public", binance_delta(contract, 99, 100, {}, {}), 0)
        if isinstance(made, Fetch)
    ]
    assert not first.urgent
    protocol.answer(first, 200, binance_snapshot(contract, 100, {10: 5}, {12: 5}), 10)
    assert protocol.books["BTCUSDT"].state is BookState.LIVE
    lost = protocol.receive("public", binance_delta(contract, 150, 160, {}, {}), 5_000)
    (again,) = [made for made in lost if isinstance(made, Fetch)]
    assert again.urgent


def agg(number: object, price: str = "1.1", size: str = "0.250", at_ms: int = 7) -> dict[str, object]:
    return {"e": "aggTrade", "s": "BTCUSDT", "a": number, "p": price, "q": size, "T": at_ms, "m": False}


def missing_of(protocol: BinanceProtocol, now_ms: int) -> list[Fetch]:
    found = [one for one in protocol.tick(now_ms) if isinstance(one, Fetch)]
    return [one for one in found if one.purpose == "missing_trades"]


def hear(protocol: BinanceProtocol, *numbers: object) -> list[object]:
    return [
        told for number in numbers for told in protocol.receive("market", orjson.dumps(agg(number)), 10_000)
    ]


def test_trades_that_the_stream_left_out_are_fetched_and_told_as_late() -> None:
    protocol = live()
    assert len(hear(protocol, 5, 6, 9)) == 3
    (fetch,) = missing_of(protocol, 10_000)
    assert (fetch.path, fetch.weight) == ("/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=7&limit=2", 20)
    rows = [agg(7, "1.2", at_ms=3), agg(8, "1.3", at_ms=4)]
    assert protocol.answer(fetch, 200, orjson.dumps(rows), 10_050) == [
        Trades.of(MADE, [(3, 12, 250, Side.BUY), (4, 13, 250, Side.BUY)], late=True)
    ]
    stats = protocol.books["BTCUSDT"].stats
    assert (stats.trades, stats.trade_gaps, stats.trades_refilled, stats.trades_lost) == (5, 1, 2, 0)
    assert missing_of(protocol, 20_000) == []


def test_a_trade_told_twice_counts_once() -> None:
    protocol = live()
    assert len(hear(protocol, 5, 6, 6, 5, 7)) == 3
    assert protocol.books["BTCUSDT"].stats.trades == 3


def test_trades_without_a_number_are_taken_at_their_word() -> None:
    protocol = live()
    plain = {key: value for key, value in agg(0).items() if key != "a"}
    for _ in range(3):
        assert len(protocol.receive("market", orjson.dumps(plain), 0)) == 1
    assert missing_of(protocol, 10_000) == []


@pytest.mark.parametrize("number", ["5", 5.5, None, True])
def test_a_number_that_is_none_is_a_protocol_error(number: object) -> None:
    protocol = live()
    assert not any(isinstance(told, Trades) for told in hear(protocol, number))
    assert protocol.protocol_errors == 1


@pytest.mark.parametrize(
    ("status", "body"), [(418, b""), (429, b""), (0, b""), (200, b"[]"), (200, b"{}"), (200, b'[{"a":7}]')]
)
def test_missing_trades_that_cannot_be_had_are_given_up_and_cost_the_book_nothing(
    status: int, body: bytes
) -> None:
    protocol, now_ms, asked = live(), 10_000, 0
    hear(protocol, 5, 9)
    book = protocol.books["BTCUSDT"]
    held = book.state, book.epoch
    for _ in range(2_000):
        now_ms += 250
        for fetch in missing_of(protocol, now_ms):
            asked += 1
            assert protocol.answer(fetch, status, body, now_ms) == []
    assert (asked, book.stats.trades_lost) == (4, 3)
    assert (book.epoch, book.stats.resyncs) == (held[1], 0)


def test_a_missing_trade_in_steps_that_hold_no_more_is_lost_alone() -> None:
    protocol = live()
    hear(protocol, 5, 8)
    (fetch,) = missing_of(protocol, 10_000)
    (told,) = protocol.answer(fetch, 200, orjson.dumps([agg(6, "1.25"), agg(7, "1.2")]), 10_050)
    assert told == Trades.of(MADE, [(7, 12, 250, Side.BUY)], late=True)
    stats = protocol.books["BTCUSDT"].stats
    assert (stats.trades_lost, stats.resyncs, protocol.protocol_errors) == (1, 0, 0)
