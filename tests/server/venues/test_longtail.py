"""What reports of ccxt may make of a book: the rules, without a process or a network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import (
    BookChanged,
    BookState,
    Completeness,
    Deleveraged,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.trades import LOTS, TAKER, Trades
from leadline.units import NumberRejected, OffGrid, Step
from leadline.venues.longtail import (
    LIQUIDATION_RULES,
    REWATCH_MS_MAX,
    TRADE_IDS_MAX,
    UNKNOWN_RULE,
    Ask,
    Listed,
    LongTailBook,
    LongTailProtocol,
    RecentIds,
    dead_side,
)
from leadline.venues.longtail_levels import disagreements, lots_of, packed, ticks_of, unpacked
from leadline.venues.longtail_market import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    pick_market,
    read_instrument,
    step_of,
)

START_MS = 1_790_000_000_000
MARKET: dict[str, Any] = {
    "id": "BTC_USDT",
    "base": "BTC",
    "quote": "USDT",
    "contractSize": 0.0001,
    "inverse": False,
    "active": True,
    "precision": {"price": 0.1, "amount": 1.0},
    "mode": TICK_SIZE,
}


def protocol(venue: str = "gate", **market: Any) -> LongTailProtocol:
    """Return a protocol whose worker has listed BTCUSDT at time 0."""
    made = LongTailProtocol(venue, ["BTCUSDT"], START_MS)
    made.told({"kind": "listed", "venue": venue, "markets": {"BTCUSDT": MARKET | market}}, 0)
    return made


def book(bids: Any = ((100.1, 5.0),), asks: Any = ((100.2, 7.0),), anchor: int = 1) -> dict[str, Any]:
    return {
        "kind": "book",
        "symbol": "BTCUSDT",
        "anchor": anchor,
        "at": START_MS,
        "nonce": 9,
        "bids": packed(bids),
        "asks": packed(asks),
    }


def report(kind: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "symbol": "BTCUSDT", "at": START_MS, **values}


def asks_of(outputs: list[Any]) -> list[str]:
    return [output.what for output in outputs if isinstance(output, Ask)]


def only(made: LongTailProtocol) -> LongTailBook:
    return made.books["BTCUSDT"]


# Contracts.


@pytest.mark.parametrize(
    ("mode", "precision", "price", "step"),
    [
        (TICK_SIZE, 0.1, None, "0.1"),
        (TICK_SIZE, 1e-08, None, "0.00000001"),
        (TICK_SIZE, "0.5", None, "0.5"),
        (TICK_SIZE, 5, None, "5"),
        (DECIMAL_PLACES, 2, None, "0.01"),
        (DECIMAL_PLACES, 0, None, "1"),
        (DECIMAL_PLACES, -1, None, "10"),
        (SIGNIFICANT_DIGITS, 5, 77_123.0, "0.1"),
        (SIGNIFICANT_DIGITS, 5, 0.012345, "0.0000001"),
    ],
)
def test_each_precision_mode_becomes_a_step(mode: int, precision: Any, price: Any, step: str) -> None:
    assert step_of(mode, precision, price) == Step.of(step)


@pytest.mark.parametrize(
    ("mode", "precision", "price"),
    [
        (TICK_SIZE, None, None),
        (TICK_SIZE, 0.0, None),
        (TICK_SIZE, math.nan, None),
        (TICK_SIZE, True, None),
        (DECIMAL_PLACES, 1.5, None),
        (DECIMAL_PLACES, 400, None),
        (SIGNIFICANT_DIGITS, 5, None),
        (SIGNIFICANT_DIGITS, 5, 0.0),
        (7, 1, None),
    ],
)
def test_a_precision_that_says_nothing_is_refused(mode: int, precision: Any, price: Any) -> None:
    with pytest.raises(NumberRejected):
        step_of(mode, precision, price)


def test_the_linear_perpetual_is_chosen_and_dated_contracts_are_not() -> None:
    def market(symbol: str, quote: str, settle: str, swap: bool = True) -> dict[str, Any]:
        return {"symbol": symbol, "base": "BTC", "quote": quote, "settle": settle, "swap": swap}

    inverse = market("BTC/USD:BTC", "USD", "BTC")
    linear = market("BTC/USD:USD", "USD", "USD")
    spot = market("BTC/USDT", "USDT", "", swap=False)
    assert pick_market([spot, inverse, linear], "BTCUSD") is linear
    assert pick_market([spot, inverse], "BTCUSD") is inverse
    assert pick_market([spot, inverse], "BTCUSDT") is None


def test_an_inverse_contract_counts_quote_currency() -> None:
    made = read_instrument("deribit", "BTCUSD", MARKET | {"inverse": True, "contractSize": 10})
    assert made.inverse
    assert made.coins(8, 80_000.0) == pytest.approx(0.001)


def test_a_contract_keeps_the_largest_leverage_that_is_told_of_it() -> None:
    told = [read_instrument("mexc", "PEPEUSDT", MARKET | {"leverage_max": most}) for most in (200, 0, None)]
    assert [made.leverage_max for made in told] == [200.0, None, None]
    assert read_instrument("mexc", "PEPEUSDT", MARKET).leverage_max is None


def test_a_contract_without_a_price_step_is_left_out() -> None:
    made = LongTailProtocol("gate", ["BTCUSDT"], START_MS)
    bad = MARKET | {"precision": {"price": None, "amount": 1.0}}
    (listed,) = made.told({"kind": "listed", "venue": "gate", "markets": {"BTCUSDT": bad}}, 0)
    assert listed == Listed("gate", (), ("BTCUSDT",))
    assert made.protocol_errors == 1


# The grid.


@given(
    st.integers(1, 10**8),
    st.sampled_from(["0.1", "0.5", "0.01", "0.0001", "0.00000001", "0.25", "1", "10"]),
)
def test_every_decimal_price_read_as_a_float_comes_back_as_its_tick(tick: int, text: str) -> None:
    step = Step.of(text)
    assert ticks_of(step, np.array([float(step.text(tick))])).tolist() == [tick]


@given(st.integers(1, 10**6), st.floats(1.1e-6, 0.5), st.sampled_from([-1, 1]))
def test_a_price_further_off_than_a_millionth_of_a_tick_is_refused(tick: int, off: float, sign: int) -> None:
    with pytest.raises(OffGrid):
        ticks_of(Step(1, 1), np.array([(tick + sign * off) / 10]))


@given(st.integers(0, 2**50))
def test_large_sizes_are_counted_exactly(lots: int) -> None:
    step = Step(1, 3)
    assert lots_of(step, np.array([float(step.text(lots))])).tolist() == [lots]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 0.0, -1.0])
def test_no_such_price_gets_in(value: float) -> None:
    with pytest.raises(NumberRejected):
        ticks_of(Step(1, 1), np.array([value]))


def test_levels_survive_the_pipe() -> None:
    prices, sizes = unpacked(packed([[100.1, 5, "id"], [100.0, 0.25, "other"]]))
    assert (prices.tolist(), sizes.tolist()) == ([100.1, 100.0], [5.0, 0.25])


@pytest.mark.parametrize("data", [b"\x00" * 8, "text", None, 5])
def test_damaged_levels_are_refused(data: Any) -> None:
    with pytest.raises(NumberRejected):
        unpacked(data)


# The book.


def test_a_whole_book_goes_live_and_says_that_its_continuity_is_not_verified() -> None:
    made = protocol()
    (event,) = made.told(book(), 1_000)
    assert event == BookChanged("gate", "BTCUSDT", BookState.LIVE, 1)
    assert (only(made).at_ms, only(made).update_id) == (START_MS, 9)
    assert only(made).book.bids()[0].tolist() == [1001]
    assert only(made).book.asks()[1].tolist() == [7]
    assert not only(made).verified


def test_each_book_replaces_the_one_before_within_one_epoch() -> None:
    made = protocol()
    made.told(book(), 0)
    made.told(book(bids=[(99.9, 1.0)]), 100)
    assert only(made).book.bids()[0].tolist() == [999]
    assert (only(made).epoch, only(made).stats.snapshots, only(made).stats.deltas) == (1, 1, 2)


def test_rows_of_single_orders_are_summed() -> None:
    made = protocol()
    made.told(book(bids=[(100.1, 5.0), (100.0, 1.0), (100.0, 2.0)]), 0)
    ticks, lots = only(made).book.bids()
    assert (ticks.tolist(), lots.tolist()) == ([1001, 1000], [5, 3])


def test_a_lost_book_is_stale_at_once_and_returns_under_a_new_epoch() -> None:
    made = protocol()
    made.told(book(), 0)
    (event,) = made.told(report("lost", anchor=1, gap=True, why="gap"), 10)
    assert event.state is BookState.STALE
    assert only(made).book.best_bid == 1001
    assert made.told(book(anchor=1), 20) == []
    (event,) = made.told(book(anchor=2), 30)
    assert (event.state, event.epoch) == (BookState.LIVE, 2)
    assert (only(made).stats.gaps, only(made).stats.resyncs) == (1, 1)


def test_crossed_sides_end_the_belief_in_all_books_of_that_watch() -> None:
    made = protocol()
    made.told(book(), 0)
    outputs = made.told(book(bids=[(100.2, 1.0)]), 100_000)
    assert asks_of(outputs) == ["rewatch"]
    assert only(made).state is BookState.STALE
    # The level that crossed is still wrong when the market has moved away from it.
    assert made.told(book(), 100_050) == []
    assert only(made).state is BookState.STALE
    made.told(book(anchor=2), 100_100)
    assert only(made).state is BookState.LIVE
    assert only(made).stats.crossed == 1


def test_books_that_keep_crossing_do_not_make_a_storm_of_reconnections() -> None:
    made = protocol()
    asked = 0
    for second in range(600):
        asked += len(asks_of(made.told(book(anchor=2 * second + 1), second * 1_000)))
        asked += len(asks_of(made.told(book(bids=[(100.3, 1.0)], anchor=2 * second + 1), second * 1_000)))
        asked += len(asks_of(made.tick(second * 1_000 + 500)))
    assert 2 <= asked <= 7


def test_silence_makes_it_stale_and_the_same_book_found_right_makes_it_live() -> None:
    made = protocol()
    made.told(book(), 0)
    assert made.tick(9_000) == []
    outputs = made.tick(10_001)
    assert only(made).state is BookState.STALE
    assert asks_of(outputs) == ["audit"]
    assert asks_of(made.tick(10_251)) == []
    made.told(book(), 11_000)
    assert only(made).state is BookState.LIVE


def test_a_book_that_stays_away_is_watched_anew_at_growing_intervals() -> None:
    made = protocol()
    at_ms = [now_ms for now_ms in range(0, 7_200_000, 250) if asks_of(made.tick(now_ms))]
    waits_ms = np.diff([0, *at_ms])
    assert waits_ms[0] == 15_000
    assert (np.diff(waits_ms) >= 0).all()
    assert waits_ms[-1] == REWATCH_MS_MAX


def test_the_death_of_the_worker_is_stale_at_once_and_its_successor_starts_over() -> None:
    made = protocol()
    made.told(book(anchor=5), 0)
    (event,) = made.ended()
    assert event.state is BookState.STALE
    assert made.tick(100_000) == []
    made.told({"kind": "listed", "venue": "gate", "markets": {"BTCUSDT": MARKET}}, 100_000)
    assert only(made).state is BookState.STALE
    made.told(book(anchor=1), 100_100)
    assert (only(made).state, only(made).epoch) == (BookState.LIVE, 2)


def test_an_off_grid_price_is_an_error_and_the_contract_is_asked_for_again() -> None:
    made = protocol()
    made.told(book(), 0)
    outputs = made.told(book(bids=[(100.05, 1.0)]), 100)
    assert only(made).state is BookState.STALE
    assert asks_of(outputs) == ["markets"]
    assert only(made).stats.protocol_errors == 1
    assert asks_of(made.told(book(bids=[(100.05, 1.0)]), 200)) == []
    finer = MARKET | {"precision": {"price": 0.05, "amount": 1.0}}
    made.told({"kind": "listed", "venue": "gate", "markets": {"BTCUSDT": finer}}, 300)
    made.told(book(bids=[(100.05, 1.0)]), 400)
    assert (only(made).state, only(made).book.best_bid) == (BookState.LIVE, 2001)
    assert only(made).instrument.tick == Step(5, 2)


def test_sizes_finer_than_the_listed_lot_make_both_sides_finer() -> None:
    made = protocol()
    made.told(book(bids=[(100.1, 5.0)], asks=[(100.2, 0.25)]), 0)
    assert only(made).instrument.lot == Step(25, 2)
    assert only(made).book.bids()[1].tolist() == [20]
    assert only(made).book.asks()[1].tolist() == [1]


@pytest.mark.parametrize(
    "damage",
    [
        {"bids": None},
        {"bids": b"123"},
        {"asks": packed([(math.nan, 1.0)])},
        {"asks": packed([(100.2, -1.0)])},
        {"asks": packed([(100.2, math.inf)])},
        {"bids": packed([]), "asks": packed([])},
        {"anchor": None},
    ],
)
def test_a_damaged_book_is_never_shown_live(damage: dict[str, Any]) -> None:
    made = protocol()
    made.told(book(), 0)
    made.told(book() | damage, 50)
    assert only(made).state is BookState.STALE


NAMES = st.sampled_from(["kind", "symbol", "anchor", "rows", "price", "amount", "at", "bids", "markets"])
WORDS = st.sampled_from(["book", "trades", "mark", "lost", "listed", "interest", "liquidations", "BTCUSDT"])
JUNK = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    WORDS,
    st.binary(max_size=40),
    st.lists(st.lists(st.integers(), max_size=5), max_size=3),
    st.dictionaries(WORDS, st.dictionaries(st.text(max_size=3), st.integers())),
)


@given(st.dictionaries(NAMES, JUNK), WORDS)
def test_no_report_can_raise(message: dict[str, Any], kind: str) -> None:
    made = protocol()
    made.told(message, 0)
    made.told({"symbol": "BTCUSDT", "at": START_MS} | message | {"kind": kind}, 0)
    made.tick(1_000)


# Trades and slow facts.


def trades(*rows: tuple[Any, ...]) -> dict[str, Any]:
    return report("trades", rows=[list(row) for row in rows])


def test_a_trade_handed_over_twice_is_told_once() -> None:
    made = protocol()
    one, two = (("a", START_MS, 100.1, 3.0, "buy"), ("b", START_MS, 100.1, 3.0, "buy"))
    outputs = made.told(trades(one), 0) + made.told(trades(one, two), 1) + made.told(trades(two), 2)
    assert outputs == [Trades.of(only(made).instrument, [(START_MS, 1001, 3, Side.BUY)])] * 2


def test_alike_trades_without_ids_all_count() -> None:
    row = (None, START_MS, 100.1, 3.0, "sell")
    (told,) = protocol().told(trades(row, row), 0)
    assert isinstance(told, Trades)
    assert len(told) == 2


def test_trades_of_long_before_the_start_are_history() -> None:
    made = protocol()
    assert made.told(trades(("a", START_MS - 60_000, 100.1, 3.0, "buy")), 0) == []


def test_one_bad_trade_costs_only_itself() -> None:
    made = protocol()
    outputs = made.told(
        trades(
            ("a", START_MS, None, 3.0, "buy"),
            ("b", START_MS, 100.15, 3.0, "buy"),
            ("c", START_MS, 100.1, 3.0, None),
            ("d", START_MS, 100.1, 3.0, "sell"),
        ),
        0,
    )
    assert [o.columns[TAKER].tolist() for o in outputs if isinstance(o, Trades)] == [[Side.SELL]]
    assert only(made).stats.protocol_errors == 3


def test_a_trade_finer_than_the_lot_tells_of_the_finer_lot_first() -> None:
    made = protocol()
    outputs = made.told(trades(("a", START_MS, 100.1, 3.0, "buy"), ("b", START_MS, 100.1, 0.5, "buy")), 0)
    assert isinstance(outputs[0], BookChanged)
    assert [o.columns[LOTS].tolist() for o in outputs[1:] if isinstance(o, Trades)] == [[6, 1]]
    assert only(made).instrument.lot == Step(5, 1)


def test_the_memory_of_ids_is_bounded_and_forgets_the_oldest() -> None:
    known = RecentIds()
    for name in range(TRADE_IDS_MAX + 1):
        assert known.add(name)
    assert known.add(0)
    assert not known.add(TRADE_IDS_MAX)


def test_marks_and_funding_pass_and_a_repeated_funding_does_not() -> None:
    made = protocol()
    assert made.told(report("mark", price=100.0), 0) == [Mark("gate", "BTCUSDT", START_MS, 100.0)]
    funding = report("funding", rate=0.0001, next=START_MS + 1)
    assert made.told(funding, 0) == [Funding("gate", "BTCUSDT", START_MS, 0.0001, START_MS + 1)]
    assert made.told(funding, 0) == []
    assert made.told(report("mark", price=0.0), 0) == []
    assert made.told(report("funding", rate=math.nan), 0) == []


def interest(made: LongTailProtocol, **values: Any) -> list[float]:
    outputs = made.told(report("interest", **values), 0)
    return [output.coins for output in outputs if isinstance(output, OpenInterest)]


def test_open_interest_is_coins_of_one_side() -> None:
    assert interest(protocol(), amount=50_000.0) == [5.0]
    # ccxt passes on Bybit's older field, which counts longs and shorts.
    assert interest(protocol("bybit", contractSize=1), amount=50.0) == [25.0]


def test_open_interest_as_a_value_waits_for_a_price() -> None:
    made = protocol("deribit", inverse=True, contractSize=10)
    assert interest(made, amount=None, value=1_000.0) == []
    made.told(report("mark", price=100.0), 0)
    assert interest(made, amount=None, value=1_000.0) == [10.0]
    assert interest(made, amount=50.0) == [5.0]


@pytest.mark.parametrize(
    ("venue", "side", "position", "died", "kind", "completeness"),
    [
        ("binanceusdm", "sell", None, Side.BUY, PriceKind.FILL, Completeness.THROTTLED),
        ("bybit", "buy", None, Side.BUY, PriceKind.BANKRUPTCY, Completeness.FULL),
        ("okx", "sell", "long", Side.BUY, PriceKind.BANKRUPTCY, Completeness.THROTTLED),
        ("okx", "buy", "net", Side.SELL, PriceKind.BANKRUPTCY, Completeness.THROTTLED),
        ("lighter", "buy", None, Side.SELL, PriceKind.FILL, Completeness.FULL),
        ("newvenue", "sell", None, Side.BUY, PriceKind.FILL, Completeness.UNKNOWN),
    ],
)
def test_liquidations_name_the_side_that_died(
    venue: str, side: str, position: str | None, died: Side, kind: PriceKind, completeness: Completeness
) -> None:
    made = protocol(venue)
    row = [START_MS, 100.0, 200.0, side, position]
    assert made.told(report("liquidations", rows=[row]), 0) == [
        Liquidation(venue, "BTCUSDT", START_MS, died, 0.02, 100.0, kind, completeness)
    ]


def test_a_winner_that_was_closed_is_told_as_such_and_what_is_malformed_is_left_out() -> None:
    made = protocol("lighter")
    rows = [[START_MS, 100.0, 200.0, "buy", None], [START_MS, 100.0, "no size", "buy", None]]
    told = made.told(report("liquidations", rows=[], deleveraged=rows), 0)
    assert told == [Deleveraged("lighter", "BTCUSDT", START_MS, Side.SELL, 0.02)]
    assert only(made).stats.protocol_errors == 1


def test_binance_and_bybit_mean_opposite_things_by_a_side() -> None:
    assert dead_side(LIQUIDATION_RULES["bybit"], "buy", None) is Side.BUY
    assert dead_side(LIQUIDATION_RULES["binanceusdm"], "buy", None) is Side.SELL
    with pytest.raises(KeyError):
        dead_side(UNKNOWN_RULE, None, None)


# The audit.


def test_a_level_that_stood_still_and_is_not_at_the_venue_is_wrong() -> None:
    kept = {100.0: 1.0, 99.0: 2.0, 98.0: 3.0}
    assert disagreements(kept, kept, {100.0: 1.0, 98.0: 3.0}) == {(99.0, 2.0)}
    assert disagreements(kept, kept, {100.0: 1.0, 99.0: 5.0, 98.0: 3.0}) == {(99.0, 2.0)}


def test_a_level_the_venue_has_and_the_book_never_had_is_wrong() -> None:
    kept = {100.0: 1.0, 98.0: 3.0}
    assert disagreements(kept, kept, {100.0: 1.0, 99.0: 5.0, 98.0: 3.0}) == {(99.0, 5.0)}


def test_what_moved_meanwhile_or_lies_beyond_either_book_is_not_judged() -> None:
    before = {100.0: 1.0, 99.0: 2.0, 98.0: 3.0, 90.0: 1.0}
    after = {100.0: 4.0, 99.0: 2.0, 98.0: 3.0, 97.0: 1.0, 90.0: 1.0}
    fetched = {100.0: 9.0, 99.0: 2.0, 98.0: 3.0, 97.0: 7.0}
    assert disagreements(before, after, fetched) == frozenset()


def test_books_that_have_nothing_in_common_prove_nothing() -> None:
    kept = {100.0: 1.0, 99.0: 2.0}
    assert disagreements(kept, kept, {100.0: 100.0, 99.0: 200.0}) is None
    assert disagreements(kept, kept, {50.0: 1.0}) is None
    assert disagreements(kept, kept, {}) is None
