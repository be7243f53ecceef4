"""Messages of trades against the same trades taken one by one."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.instrument import Instrument
from leadline.domain.ladder import VenueScale
from leadline.domain.sweeps import Sweep, Sweeps
from leadline.domain.taken import Taken
from leadline.domain.trades import Run, Trades, joined
from leadline.feed.tape import ALL_VENUES, FILLS_KEPT, GATHERED_MAX, Tape
from leadline.units import Step

CONTRACTS = {
    "binance": Instrument("binance", "BTCUSDT", "BTCUSDT", Step(1, 1), Step(1, 3), Step(1, 0)),
    "okx": Instrument("okx", "BTCUSDT", "BTC-USDT-SWAP", Step(1, 1), Step(1, 2), Step(1, 2)),
    "inverse": Instrument("inverse", "BTCUSD", "BTCUSD", Step(5, 1), Step(1, 0), Step(100, 0), inverse=True),
}
SCALES = {"binance": VenueScale(1, 10), "okx": VenueScale(1, 1), "inverse": VenueScale(5, 1)}
Row = tuple[int, int, int, int]
ROWS = st.lists(
    st.tuples(st.integers(0, 10**13), st.integers(1, 12), st.integers(0, 10**9), st.sampled_from((1, -1))),
    min_size=1,
    max_size=12,
)
MESSAGES = st.lists(st.tuples(st.sampled_from(sorted(CONTRACTS)), ROWS), min_size=1, max_size=20)


def messages_of(told: list[tuple[str, list[Row]]]) -> list[Trades]:
    return [Trades.of(CONTRACTS[venue], rows) for venue, rows in told]


def usd_of(made: Instrument, tick: int, lots: int) -> float:
    price = made.price(tick)
    return made.coins(lots, price) * price


@given(MESSAGES)
def test_joined_messages_count_each_trade_by_its_own_contract(told: list[tuple[str, list[Row]]]) -> None:
    columns = joined(messages_of(told))
    plain = [(number, CONTRACTS[venue], *row) for number, (venue, rows) in enumerate(told) for row in rows]
    assert list(
        zip(*(column.tolist() for column in (columns.of, columns.at_ms, columns.ticks)), strict=True)
    ) == [(number, at_ms, tick) for number, _, at_ms, tick, _, _ in plain]
    assert columns.bought.tolist() == [taker > 0 for *_, taker in plain]
    assert columns.prices.tolist() == [made.price(tick) for _, made, _, tick, _, _ in plain]
    assert columns.usd.tolist() == pytest.approx(
        [usd_of(made, tick, lots) for _, made, _, tick, lots, _ in plain]
    )
    assert columns.coins.tolist() == pytest.approx(
        [made.coins(lots, made.price(tick)) for _, made, _, tick, lots, _ in plain]
    )


@given(st.sampled_from(sorted(CONTRACTS)), ROWS)
def test_the_runs_of_a_message_are_its_trades(venue: str, rows: list[Row]) -> None:
    made = CONTRACTS[venue]
    plain: list[Run] = []
    for _, tick, lots, taker in rows:
        usd, price = usd_of(made, tick, lots), made.price(tick)
        if plain and plain[-1].taker == taker:
            held = plain[-1]
            levels = held.levels + (price != held.last_price)
            plain[-1] = Run(taker, held.usd + usd, held.first_price, price, levels)
        else:
            plain.append(Run(taker, usd, price, price, 1))
    told = list(Trades.of(made, rows).runs())
    assert [run._replace(usd=0.0) for run in told] == [run._replace(usd=0.0) for run in plain]
    assert [run.usd for run in told] == pytest.approx([run.usd for run in plain])


@given(st.lists(st.tuples(st.integers(0, 300), ROWS), min_size=1, max_size=15))
def test_a_sweep_is_the_same_in_one_message_or_in_many(told: list[tuple[int, list[Row]]]) -> None:
    made, found = CONTRACTS["binance"], []
    for apart in (False, True):
        sweeps, now_ms = Sweeps("binance", 0.0), 0
        out: list[Sweep] = []
        for gap_ms, rows in told:
            now_ms += gap_ms
            for part in [[row] for row in rows] if apart else [rows]:
                for run in Trades.of(made, part).runs():
                    out += sweeps.take(now_ms, run)
        found.append(out + sweeps.advance(now_ms + 10_000))
    whole, single = found
    assert [(one.side, one.begun_ms, one.ended_ms, one.levels) for one in whole] == [
        (one.side, one.begun_ms, one.ended_ms, one.levels) for one in single
    ]
    assert [one.usd for one in whole] == pytest.approx([one.usd for one in single])


@given(MESSAGES, st.integers(0, 40), st.sampled_from([ALL_VENUES, *CONTRACTS]))
def test_the_tape_keeps_every_trade_of_every_view(
    told: list[tuple[str, list[Row]]], count: int, view: str
) -> None:
    tape, plain = Tape(), []
    sums: dict[str, dict[bool, float]] = defaultdict(lambda: {True: 0.0, False: 0.0})
    for heard_ms, (trades, (venue, rows)) in enumerate(zip(messages_of(told), told, strict=True)):
        tape.add(trades, SCALES[venue], heard_ms)
        for at_ms, tick, lots, taker in rows:
            scale, usd = SCALES[venue], usd_of(CONTRACTS[venue], tick, lots)
            plain.append(
                (venue, tick * scale.tick_factor, lots * scale.lot_factor, taker > 0, at_ms, heard_ms)
            )
            sums[venue][taker > 0] += usd
        if heard_ms % 3 == 0:
            tape.fills_since(0, ALL_VENUES)
    told_since = [made for made in plain[count:] if view in (ALL_VENUES, made[0])]
    found = [
        (made.venue, made.tick, made.lots, made.bought, made.made_ms, made.heard_ms)
        for made in tape.fills_since(count, view)
    ]
    assert (tape.count, found) == (len(plain), told_since)
    for venue, held in sums.items():
        assert tape.sums_of(venue) == pytest.approx((held[True], held[False]))
    last = tape.last(5, view, len(plain) // 2)
    assert [made.tick for made in last] == [
        made[1] for made in plain[: len(plain) // 2] if view in (ALL_VENUES, made[0])
    ][-5:]


def test_a_tape_keeps_the_newest_and_counts_all() -> None:
    tape, made = Tape(), CONTRACTS["binance"]
    per_message = FILLS_KEPT // GATHERED_MAX + 3
    for number in range(GATHERED_MAX + 10):
        tape.add(Trades.of(made, [(number, 1, 1, 1)] * per_message), SCALES["binance"], number)
    kept = tape.fills_since(0, ALL_VENUES)
    assert tape.count == (GATHERED_MAX + 10) * per_message
    assert (len(kept), kept[-1].made_ms) == (FILLS_KEPT, GATHERED_MAX + 9)
    assert [one.made_ms for one in kept] == sorted(one.made_ms for one in kept)
    assert tape.sums_of("binance")[0] == pytest.approx(tape.count * 0.1 * 0.001)


@given(MESSAGES, st.integers(1, 5))
def test_what_was_taken_lies_in_the_row_of_its_side(told: list[tuple[str, list[Row]]], group: int) -> None:
    factors = {venue: scale.tick_factor for venue, scale in SCALES.items()}
    taken = Taken.of([(one, factors[one.venue]) for one in messages_of(told)])
    plain: dict[int, float] = defaultdict(float)
    near = 0.0
    for venue, rows in told:
        for _, tick, lots, taker in rows:
            usd, common = usd_of(CONTRACTS[venue], tick, lots), tick * factors[venue]
            plain[-(-common // group) if taker > 0 else common // group] += usd
            if taker < 0 and abs(CONTRACTS[venue].price(tick) - 0.5) <= 0.3:
                near += usd
    assert taken.usd_by_row(group) == pytest.approx(dict(plain))
    assert taken.usd_near(Side.BUY, 0.5, 0.3) == pytest.approx(near)


def test_nothing_taken_is_nothing_anywhere() -> None:
    taken = Taken.of([])
    assert (taken.usd_by_row(10), taken.usd_near(Side.SELL, 1.0, 1.0)) == ({}, 0.0)
