"""The compiled reading of messages: what it takes, what it leaves alone, and that nobody can tell."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import leadline
from leadline.domain import raw_memory
from leadline.domain.events import BookChanged, BookState
from leadline.domain.trades import AT_MS, Trades
from leadline.units import Step
from leadline.venues.adapter import load_raw_reader
from leadline.venues.base import Fetch
from leadline.venues.booksync import BookSync
from leadline.venues.sync_cells import NO_ROOM, NOT_NEXT, QUOTED, SETTLE, TRADES, UNKNOWN
from tests.server.venues import stream
from tests.server.venues.pair import BOOK, Pair, reader_of
from tests.server.venues.stream import (
    NATIVES,
    FaultyLine,
    binance_delta,
    binance_snapshot,
    bybit_book,
    instrument,
    okx_book,
)  # fmt: skip
from tests.server.venues.test_hostile_input import others, places

VENUES = ["binance", "bybit", "okx"]
SEEDS = st.integers(0, 2**32 - 1)


def delta(venue: str, last: int = 101, bids: Any = None, asks: Any = None) -> dict[str, Any]:
    made, bids, asks = instrument(venue), {9: 7} if bids is None else bids, {13: 7} if asks is None else asks
    raw = {
        "binance": lambda: binance_delta(made, last - 1, last, bids, asks),
        "bybit": lambda: bybit_book(made, "delta", last, bids, asks),
        "okx": lambda: okx_book(made, "update", last - 1, last, bids, asks),
    }[venue]()
    message: dict[str, Any] = orjson.loads(raw)
    return message


def live(venue: str, bids: Any = None, asks: Any = None) -> Pair:
    """Return adapters whose book is live at id 100 and takes deltas."""
    made, pair = instrument(venue), Pair([instrument(venue)], venue)
    for route in pair.routes():
        pair.opened(route, 0)
    bids, asks = bids or {10: 5}, asks or {12: 5}
    if venue == "binance":
        pair.receive("public", binance_delta(made, 90, 100, {}, {}), 0)
        pair.answer(Fetch("snapshot", made.native, ""), 200, binance_snapshot(made, 100, bids, asks), 0)
    elif venue == "bybit":
        pair.receive("linear", bybit_book(made, "snapshot", 100, bids, asks), 0)
    else:
        pair.receive("public", okx_book(made, "snapshot", -1, 100, bids, asks), 0)
    assert pair.books["BTCUSDT"].state is BookState.LIVE
    pair.told.clear()
    return pair


def send(pair: Pair, message: object, now_ms: int = 50) -> str | int:
    """Hand a message to both; return what the compiled reader said of it."""
    before = pair.told.copy()
    raw = message if isinstance(message, bytes) else orjson.dumps(message)
    pair.receive(next(iter(pair.routes())), raw, now_ms)
    (said,) = pair.told - before
    return said


# What it takes.


@pytest.mark.parametrize("venue", VENUES)
@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_keys_may_stand_in_any_order_among_unknown_fields(venue: str, seed: int) -> None:
    rng = random.Random(seed)
    assert send(live(venue), stirred(delta(venue), rng)) == BOOK


def stirred(value: Any, rng: random.Random) -> Any:
    """Return a message with its keys in another order and fields nobody knows."""
    if isinstance(value, list):
        return [stirred(inner, rng) for inner in value]
    if not isinstance(value, dict):
        return value
    odd = [0, -1.25, "x y", True, False, None, [], {}, [1, ["b"]], {"b": {"a": [[{}, "u"]]}, "u": 3}]
    fields = [(key, stirred(inner, rng)) for key, inner in value.items()]
    fields += [(f"k{n}", rng.choice(odd)) for n in range(rng.randint(0, 3))]
    rng.shuffle(fields)
    return dict(fields)


def test_a_binance_event_may_come_in_an_envelope() -> None:
    for envelope in (
        lambda data: {"stream": "btcusdt@depth", "data": data},
        lambda data: {"data": data, "stream": "btcusdt@depth"},
        lambda data: {"data": data, "e": "trade", "b": [1]},
    ):
        assert send(live("binance"), envelope(delta("binance"))) == BOOK


@pytest.mark.parametrize(
    ("venue", "kind", "said"),
    [
        ("binance", 0, TRADES),
        ("binance", 2, QUOTED),
        ("bybit", 0, TRADES),
        ("okx", 0, TRADES),
    ],
)
def test_trades_and_best_quotes_are_taken(venue: str, kind: int, said: int) -> None:
    assert send(live(venue), others(venue)[kind]) == said


def test_the_trades_of_one_message_keep_their_order() -> None:
    rows = [{"T": n, "S": "Sell" if n % 2 else "Buy", "v": f"{n}.5", "p": f"{n + 1}.1"} for n in range(40)]
    pair = live("bybit")
    (trades,) = pair.receive("linear", orjson.dumps({"topic": "publicTrade.BTCUSDT", "data": rows}), 7)
    assert isinstance(trades, Trades)
    assert trades.columns[AT_MS].tolist() == list(range(40))
    assert pair.told[TRADES] == 1


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("price", "size"),
    [
        ("0.9", "7"),
        ("000.90", "7.000"),
        ("0.90000", "0"),
        ("12345678.9", "one lot"),
        ("900000000000", "90000000000"),
    ],
)
def test_plain_decimals_of_any_length_are_read(venue: str, price: str, size: str) -> None:
    size = str(instrument(venue).lot) if size == "one lot" else size
    message = delta(venue)
    rows = {"binance": lambda: message, "bybit": lambda: message["data"], "okx": lambda: message["data"][0]}[
        venue
    ]()
    rows["asks" if venue == "okx" else "a"] = [["1.4", "7"], [price, size], ["1.5", "7"]]
    rows["bids" if venue == "okx" else "b"] = [["1", "0"]]
    pair = live(venue)
    assert send(pair, message) in (BOOK, SETTLE)


@pytest.mark.parametrize(
    ("tick", "prices"), [("0.5", ["1.5", "2"]), ("25", ["75", "100.00"]), ("0.0003", ["0.0009"])]
)
def test_steps_of_any_numerator_are_counted(tick: str, prices: list[str]) -> None:
    made = replace(instrument("bybit"), tick=Step.of(tick))
    pair = Pair([made], "bybit")
    pair.opened("linear", 0)
    pair.receive("linear", bybit_book(made, "snapshot", 100, {1: 1}, {2_000: 1}), 0)
    message = delta("bybit", asks={})
    message["data"] |= {"b": [], "a": [[price, "1"] for price in prices]}
    assert send(pair, message) == BOOK
    message["data"] |= {"u": 102, "a": [[prices[0] + "1" if "." in prices[0] else "1", "1"]]}
    assert send(pair, message) == UNKNOWN


def test_each_symbol_of_a_connection_is_found_by_its_whole_name() -> None:
    names = [
        "A",
        "AB",
        "ABCDEFGH",
        "ABCDEFGHI",
        "ABCDEFGHX",
        "B" * 31,
        "B" * 32,
        "B" * 33,
        "币安人生USDT",
        "BTCUSDT",
    ]
    made = [replace(instrument("bybit"), symbol=name, native=name) for name in names]
    pair = Pair(made, "bybit")
    pair.opened("linear", 0)
    for one in made:
        pair.receive("linear", bybit_book(one, "snapshot", 100, {10: 5}, {12: 5}), 0)
    for index, one in enumerate(made):
        said = send(pair, bybit_book(one, "delta", 101, {9: index + 1}, {}))
        assert said == (UNKNOWN if one.native in ("B" * 33, "币安人生USDT") else BOOK), one.native
    assert [book.book.bids(2)[1].tolist() for book in pair.books.values()] == [
        [5, n + 1] for n in range(len(names))
    ]


def test_a_message_is_taken_wherever_in_memory_it_lies() -> None:
    # A message that ends near the end of a page is read from a copy: here some do.
    pair = live("bybit")
    for last in range(101, 400):
        message = delta("bybit", last, bids={n % 9 + 1: last for n in range(last % 9)})
        assert send(pair, message) == BOOK


# What it leaves alone.


def broken(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new, 1)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"0.9"', b'"9e-1"'),
        (b'"0.9"', b'"-0.9"'),
        (b'"0.9"', b'"+0.9"'),
        (b'"0.9"', b'".9"'),
        (b'"0.9"', b'"0."'),
        (b'"0.9"', b'" 0.9"'),
        (b'"0.9"', b'"0.95"'),
        (b'"0.9"', b'"0.0"'),
        (b'"0.9"', b'"0.9.0"'),
        (b'"0.9"', b'"0_9"'),
        (b'"0.9"', b'"0,9"'),
        (b'"0.9"', b'"\\u0030.9"'),
        (b'"0.9"', '"٠.9"'.encode()),
        (b'"0.9"', b"0.9"),
        (b'"0.9"', b'"99999999999999999"'),
        (b'"0.9"', b'"1125899906842625"'),
        (b'"0.9"', b'["0.9"]'),
        (b'["0.9"', b'[["0.9"'),
        (b'["0.9"', b' ["0.9"'),
        (b'["0.9",', b'["0.9" ,'),
        (b":101", b":0101"),
        (b":101", b":101.0"),
        (b":101", b":101e0"),
        (b":101", b":-101"),
        (b":101", b":99999999999999999999"),
        (b":101", b':"101 "'),
        (b"}", b"},"),
        (b"}", b"}}"),
        (b"{", b"{,"),
        (b"{", b"["),
        (b":", b": "),
        (b":", b"::"),
        (b'":', b'"\x00:'),
    ],
)
def test_what_is_not_known_exactly_changes_nothing(venue: str, old: bytes, new: bytes) -> None:
    pair, raw = live(venue), broken(orjson.dumps(delta(venue)), old, new)
    untouched(pair, raw)
    assert send(pair, raw) == UNKNOWN


def untouched(pair: Pair, raw: bytes) -> None:
    """A direct call of the reader must leave every cell of the book as it is."""
    reader, (sync,) = reader_of(pair), pair.compiled.syncs()
    sides = (sync.book._bids, sync.book._asks)

    def cells() -> list[bytes]:
        return [sync.cells.memory.tobytes(), *(side._cells.tobytes() + side._far.tobytes() for side in sides)]  # type: ignore[attr-defined]

    before = cells()
    assert reader.scan(raw, reader.desk, 60) < 0
    assert cells() == before


@pytest.mark.parametrize("venue", VENUES)
def test_a_message_that_does_not_follow_changes_nothing(venue: str) -> None:
    for last in (100, 99, 103):
        pair = live(venue)
        untouched(pair, orjson.dumps(delta(venue, last)))
        assert send(pair, delta(venue, last)) == NOT_NEXT
    pair = live(venue)
    assert send(pair, delta(venue)) == BOOK
    assert send(pair, delta(venue)) == NOT_NEXT
    assert pair.books["BTCUSDT"].stats.duplicates == 1


@pytest.mark.parametrize("venue", VENUES)
def test_a_known_key_twice_is_not_known(venue: str) -> None:
    raw = orjson.dumps(delta(venue))
    key = {"binance": b'"u":101', "bybit": b'"u":101', "okx": b'"seqId":101'}[venue]
    assert send(live(venue), broken(raw, key, key + b"," + key)) == UNKNOWN


@pytest.mark.parametrize("venue", VENUES)
def test_any_message_cut_short_changes_nothing(venue: str) -> None:
    pair, raw = live(venue), orjson.dumps(stirred(delta(venue), random.Random(1)))
    for length in range(len(raw)):
        untouched(pair, raw[:length])
    assert send(pair, raw) == BOOK


def test_a_book_that_is_not_linked_is_left_to_the_ordinary_way() -> None:
    pair = Pair([instrument("binance")], "binance")
    pair.opened("public", 0)
    assert send(pair, delta("binance")) == UNKNOWN
    assert pair.books["BTCUSDT"].state is BookState.SYNCING


# The book behind it.


@pytest.mark.parametrize("venue", VENUES)
def test_a_crossing_message_is_settled_as_ever(venue: str) -> None:
    pair = live(venue)
    assert send(pair, delta(venue, bids={12: 1}, asks={})) == SETTLE
    assert pair.books["BTCUSDT"].state is BookState.STALE
    assert pair.books["BTCUSDT"].stats.crossed == 0  # locked only
    assert send(pair, delta(venue, 102, bids={13: 1}, asks={})) == SETTLE
    assert pair.books["BTCUSDT"].stats.crossed == 1


def test_levels_far_from_the_touch_are_held_and_more_of_them_than_there_was_room_for() -> None:
    pair, last = live("bybit", {500_000: 5}, {500_001: 5}), 100
    said = set()
    for _ in range(6):
        last += 1
        far = dict.fromkeys(range(1000000 + 100 * last, 1000090 + 100 * last), last)
        low = dict.fromkeys(range(10000 + 100 * last, 10090 + 100 * last), last)
        said.add(send(pair, delta("bybit", last, low, far)))
    assert said == {BOOK}
    said = {send(pair, delta("bybit", 107, dict.fromkeys(range(1, 2000), 1), {}))}
    assert said == {NO_ROOM}
    assert send(pair, delta("bybit", 108, dict.fromkeys(range(1, 2000), 0), {})) == BOOK


def test_the_window_follows_the_price_and_loses_nothing() -> None:
    pair, rng = live("bybit", {500_000: 5}, {500_001: 5}), random.Random(7)
    touch = 500_000
    for last in range(101, 500):
        step = rng.choice([-60_000, -9_000, -500, 500, 9_000, 60_000])
        bids, asks = pair.books["BTCUSDT"].book.bids()[0], pair.books["BTCUSDT"].book.asks()[0]
        touch = max(1_000, touch + step)
        gone_bids = {tick: 0 for tick in bids.tolist() if tick >= touch}
        gone_asks = {tick: 0 for tick in asks.tolist() if tick <= touch}
        send(pair, delta("bybit", last, gone_bids | {touch - 1: last}, gone_asks | {touch + 1: last}))
        assert pair.books["BTCUSDT"].state is BookState.LIVE
    assert pair.told[SETTLE] > 50


# Both ways side by side.


class Lines(FaultyLine):
    """A faulty line whose messages may be damaged as well; ``late``: compiled from this step on."""

    def __init__(self, venue: str, seed: int, faults: float, damage: float, late: int) -> None:
        self.damage = damage
        before = stream.PROTOCOLS[venue]
        stream.PROTOCOLS[venue] = lambda made: Pair(made, venue, late=late > 0)  # type: ignore[assignment]
        try:
            super().__init__(venue, seed, faults)
        finally:
            stream.PROTOCOLS[venue] = before
        self.late_at = late

    @property
    def pair(self) -> Pair:
        assert isinstance(self.protocol, Pair)
        return self.protocol

    def play(self, steps: int) -> None:
        for step in range(steps):
            if step == self.late_at and step:
                self.pair.compile()
            self.step()

    def deliver(self, raw: bytes) -> None:
        super().deliver(damaged(raw, self.rng) if self.rng.random() < self.damage else raw)

    def check(self) -> None:
        if not self.damage:
            super().check()


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, faults=st.sampled_from([0.0, 0.1, 0.3]), late=st.sampled_from([0, 10]))
def test_both_ways_agree_over_a_line_that_loses_repeats_and_swaps(
    venue: str, seed: int, faults: float, late: int
) -> None:
    line = Lines(venue, seed, faults, 0.0, late)
    line.play(60)
    if not faults and not late:
        assert line.pair.told[BOOK] > 40


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_both_ways_agree_on_damaged_messages(venue: str, seed: int) -> None:
    Lines(venue, seed, 0.05, 0.4, 0).play(40)


def damaged(raw: bytes, rng: random.Random) -> bytes:
    return rng.choice([_with_other_bytes, _with_another_value, _stirred_text, _spaced])(raw, rng)


BYTES = b'0123456789.-+eE"\\,:[]{}tfnuabpsT \x00\x1f\x7f\xc3\xa9'


def _with_other_bytes(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(data))
        change: Callable[[], Any] = rng.choice(
            [
                lambda at=at: data.__setitem__(at, rng.choice(BYTES)),
                lambda at=at: data.insert(at, rng.choice(BYTES)),
                lambda at=at: data.__delitem__(slice(at, at + rng.randint(1, 3))),
                lambda at=at: data.__setitem__(slice(at, at), data[at : at + rng.randint(1, 40)]),
            ]
        )
        change()
        if not data:
            break
    return bytes(data)


VALUES = [
    0, 1, -1, 101, 2**53, 2**63, 2**64 - 1, 1.0, 1.5, True, False, None, "", "0", "0.1", "1e2", "-1", "1.",
    "00.10", "0.123456789", "1" * 16, "1" * 17, "9" * 31, "NaN", "１", "x", [], {}, [[]], [["1", "1"]],
    [["1", "1", {}]], [["0.3"]], [["0.1", "0"], ["0.1", "2"]], "snapshot", "update", "delta", "trade",
    "books", "BTCUSDT",
]  # fmt: skip


def _with_another_value(raw: bytes, rng: random.Random) -> bytes:
    message = orjson.loads(raw)
    container, key = rng.choice(places(message))
    if isinstance(container, dict) and rng.random() < 0.3:
        del container[key]
    else:
        container[key] = rng.choice(VALUES)
    return orjson.dumps(message)


def _stirred_text(raw: bytes, rng: random.Random) -> bytes:
    return orjson.dumps(stirred(orjson.loads(raw), rng))


def _spaced(raw: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2)
    at = rng.randrange(len(raw))
    return raw[:at] + b" " + raw[at:]


@pytest.mark.parametrize("venue", VENUES)
@settings(deadline=None, max_examples=150)
@given(seed=SEEDS)
@example(seed=0)
def test_both_ways_agree_on_damaged_messages_of_every_kind(venue: str, seed: int) -> None:
    rng = random.Random(seed)
    pair, last = live(venue), 100
    for _ in range(12):
        book = pair.books["BTCUSDT"]
        last = book.update_id + 1 if rng.random() < 0.9 else last
        bids = {rng.randint(1, 10): rng.randint(0, 9) for _ in range(rng.randint(0, 5))}
        asks = {rng.randint(11, 20): rng.randint(0, 9) for _ in range(rng.randint(0, 5))}
        message = rng.choice([delta(venue, last, bids, asks), *others(venue)])
        raw = orjson.dumps(message)
        pair.receive(next(iter(pair.routes())), damaged(raw, rng) if rng.random() < 0.6 else raw, last)
        if book.state is not BookState.LIVE and rng.random() < 0.7:
            resync(pair, venue, last)


def resync(pair: Pair, venue: str, last: int) -> None:
    made = instrument(venue)
    if venue == "binance":
        body = binance_snapshot(made, last, {10: 5}, {12: 5})
        pair.receive("public", binance_delta(made, last - 1, last, {}, {}), 0)
        pair.answer(Fetch("snapshot", NATIVES[venue], ""), 200, body, 0)
    elif venue == "bybit":
        pair.receive("linear", bybit_book(made, "snapshot", last, {10: 5}, {12: 5}), 0)
    else:
        pair.receive("public", okx_book(made, "snapshot", -1, last, {10: 5}, {12: 5}), 0)


def test_a_text_frame_is_read_the_ordinary_way() -> None:
    pair = live("bybit")
    outputs = pair.receive("linear", orjson.dumps(delta("bybit")).decode(), 50)
    assert [type(output) for output in outputs] == [BookChanged]
    assert not pair.told


def test_counters_are_whole_whenever_they_are_read() -> None:
    pair = live("bybit")
    stats = pair.books["BTCUSDT"].stats
    for last in range(101, 111):
        pair.compiled.receive("linear", orjson.dumps(delta("bybit", last)), 50)
    assert pair.books["BTCUSDT"].stats is stats
    assert (stats.deltas, stats.messages) == (10, 11)


def test_an_adapter_reads_on_with_a_new_reader() -> None:
    pair = live("bybit")
    assert send(pair, delta("bybit")) == BOOK
    pair.compiled.read_raw_with(load_raw_reader())
    pair.receive("linear", orjson.dumps(delta("bybit", 102)), 60)
    (sync,) = pair.compiled.syncs()
    assert isinstance(sync, BookSync)
    assert sync.update_id == 102


def test_an_adapter_starts_without_the_compiler() -> None:
    code = (
        "import sys, leadline.venues.protocols; sys.exit('numba' in sys.modules or 'llvmlite' in sys.modules)"
    )
    package = Path(leadline.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(package)})


def test_a_kernels_name_changes_with_what_is_compiled_into_it_and_with_nothing_else() -> None:
    def name(number: int, step: int = 1, before: bool = False) -> str:
        seen, made = raw_memory._Sources(), {"TABLE": np.arange(step)}
        lines = [
            f"LIMIT = {number}",
            "def inner(x): return x + LIMIT",
            "def outer(x): return inner(x) + TABLE[0]",
        ]
        exec("\n".join(lines), made)  # noqa: S102 - functions that differ in a number they name
        if before:
            seen.made(print, seen.add(lambda: number))
        seen.made(made["inner"], seen.add(made["inner"]))
        return seen.add(made["outer"])

    assert name(1) == name(1) == name(1, before=True)
    assert len({name(1), name(2), name(1, step=2)}) == 3
