"""Columns of open interest, flow and ratios from minutes of several venues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.pulse import HOLD_MIN, KEPT_MIN, Pulse

START = 28_000_000
ORDER = ("binance", "okx")


def pulse_at(minute: int = START) -> Pulse:
    pulse = Pulse()
    pulse.advance(minute)
    return pulse


def test_columns_hold_the_last_sample_and_the_sum_of_flow() -> None:
    pulse = pulse_at(START + 9)
    for minute in range(10):
        pulse.sample("binance", START + minute, oi_usd=100.0 + minute, close=10.0 + minute)
        pulse.flow("binance", START + minute, 3.0, 1.0)
    columns = pulse.columns(5, 2, ORDER)
    assert columns.first_min == START
    assert columns.field("oi_usd").tolist() == [104.0, 109.0]
    assert columns.field("close").tolist() == [14.0, 19.0]
    assert columns.field("buy_usd").tolist() == [15.0, 15.0]
    assert columns.field("cvd_usd").tolist() == [10.0, 20.0]
    assert columns.column(1)["sell_usd"] == 5.0


def test_columns_begin_at_multiples_of_their_step_and_the_last_one_grows() -> None:
    pulse = pulse_at(START + 7)
    columns = pulse.columns(5, 3, ORDER)
    assert columns.first_min == START - 5
    assert (columns.first_min // 5 + 2) * 5 <= START + 7


def test_what_nobody_told_is_unknown_and_a_sample_is_held_for_a_while_only() -> None:
    pulse = pulse_at(START + 30)
    pulse.sample("binance", START, oi_usd=5.0)
    oi = pulse.columns(1, 31, ORDER).field("oi_usd")
    assert (oi[: HOLD_MIN + 1] == 5.0).all()
    assert np.isnan(oi[HOLD_MIN + 1 :]).all()
    assert np.isnan(pulse.columns(1, 31, ORDER).field("buy_usd")).all()


def test_a_venue_that_joins_halfway_does_not_count_so_sums_never_jump() -> None:
    pulse = pulse_at(START + 99)
    for minute in range(100):
        pulse.sample("binance", START + minute, oi_usd=10.0)
        if minute >= 50:
            pulse.sample("okx", START + minute, oi_usd=7.0)
    columns = pulse.columns(1, 100, ORDER)
    assert columns.venues["oi"] == ("binance",)
    assert set(columns.field("oi_usd").tolist()) == {10.0}
    assert pulse.columns(1, 40, ORDER).venues["oi"] == ORDER
    assert set(pulse.columns(1, 40, ORDER).field("oi_usd").tolist()) == {17.0}


def test_a_column_that_a_counted_venue_does_not_tell_is_unknown() -> None:
    pulse = pulse_at(START + 99)
    for minute in range(100):
        pulse.flow("binance", START + minute, 1.0, 0.0)
        if minute != 50:
            pulse.flow("okx", START + minute, 1.0, 0.0)
    buy = pulse.columns(1, 100, ORDER).field("buy_usd")
    assert np.isnan(buy[50])
    assert buy[49] == buy[51] == 2.0


def test_the_ratio_is_of_longs_to_shorts() -> None:
    pulse = pulse_at()
    pulse.sample("binance", START, long_share=0.7)
    pulse.sample("okx", START, long_share=0.5)
    assert pulse.columns(1, 1, ORDER).column(0)["long_ratio"] == pytest.approx(1.5)


def test_the_leading_venue_gives_funding_and_close() -> None:
    pulse = pulse_at()
    pulse.sample("okx", START, funding=2e-4, close=11.0)
    assert pulse.columns(1, 1, ORDER).column(0)["funding"] == pytest.approx(2e-4)
    pulse.sample("binance", START, funding=1e-4)
    assert pulse.columns(1, 1, ORDER).column(0)["funding"] == pytest.approx(1e-4)
    assert pulse.columns(1, 1, ORDER).column(0)["close"] == 11.0


def test_time_moves_on_and_forgets() -> None:
    pulse = pulse_at()
    pulse.sample("binance", START, oi_usd=5.0)
    pulse.sample("binance", START + 1, oi_usd=9.0)  # ahead of the clock: not taken
    pulse.advance(START + 1)
    assert pulse.columns(1, 1, ORDER).column(0)["oi_usd"] == 5.0
    pulse.advance(START + KEPT_MIN)
    assert np.isnan(pulse.columns(1, 700, ORDER).field("oi_usd")).all()
    pulse.sample("binance", START, oi_usd=5.0)  # too old
    assert np.isnan(pulse.columns(1, 700, ORDER).field("oi_usd")).all()


def test_without_a_venue_everything_is_unknown() -> None:
    columns = pulse_at().columns(15, 672, ORDER)
    assert columns.count == 672
    assert np.isnan(columns.values).all()
    assert columns.venues == {"oi": (), "flow": (), "ratio": ()}


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 3 * 1440 - 1), st.integers(1, 1000), min_size=1, max_size=60))
def test_days_ago_five_minutes_are_one_and_lose_nothing(told: dict[int, int]) -> None:
    pulse, newest = Pulse(), START + 3 * 1440 - 1
    for minute, usd in sorted(told.items()):
        pulse.advance(START + minute)
        pulse.flow("binance", START + minute, float(usd), 1.0)
        pulse.sample("binance", START + minute, close=float(usd))
    pulse.advance(newest)
    columns = pulse.columns(5, 3 * 288, ORDER)
    assert columns.first_min == START
    for index, (bought, sold) in enumerate(
        zip(columns.field("buy_usd"), columns.field("sell_usd"), strict=True)
    ):
        inside = [usd for minute, usd in told.items() if minute // 5 == index]
        assert (bought, sold) == (sum(inside), len(inside)) if inside else np.isnan(bought)
    last = max(told)
    assert columns.field("close")[last // 5] == told[last]


def test_history_does_not_count_twice_what_was_heard_in_the_same_five_minutes() -> None:
    pulse = pulse_at(START + 3)
    pulse.flow("binance", START + 3, 7.0, 0.0)
    pulse.advance(START + 4)
    pulse.remember("binance", flows=[(START - 6000, 6005, 6005.0, 0.0)])
    week = pulse.columns(15, 168 * 4, ORDER).field("buy_usd")
    # Its bucket begins ten minutes before: thirteen minutes up to the heard one, and the one that runs.
    assert week[-1] == 7.0 + 14.0
    assert week[-2] == 15.0
