"""Fills merged into takers' orders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.sweeps import Sweep, Sweeps
from leadline.domain.trades import Run

FILLS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(list(Side)), st.floats(10.0, 1e5)), min_size=1, max_size=80
)


def fill(side: Side, usd: float, price: float = 100.0) -> Run:
    return Run(side, usd, price, price, 1)


def all_of(fills: list[tuple[int, Side, float]], usd_min: float = 0.0) -> list[Sweep]:
    sweeps = Sweeps("binance", usd_min)
    told, at_ms = [], 0
    for gap_ms, side, usd in fills:
        at_ms += gap_ms
        told += sweeps.take(at_ms, fill(side, usd))
    return told + sweeps.advance(at_ms + 10_000)


@given(FILLS)
def test_every_dollar_is_in_one_sweep(fills: list[tuple[int, Side, float]]) -> None:
    told = all_of(fills)
    assert sum(one.usd for one in told) == pytest.approx(sum(usd for _, _, usd in fills))
    assert all(one.ended_ms - one.begun_ms <= 1_000 for one in told)
    assert [one.begun_ms for one in told] == sorted(one.begun_ms for one in told)


def test_fills_of_one_side_close_together_are_one_order() -> None:
    sweeps = Sweeps("okx", 100_000.0)
    for at_ms, price in ((0, 100.0), (60, 100.1), (120, 100.1), (150, 100.3)):
        assert sweeps.take(at_ms, fill(Side.BUY, 40_000.0, price)) == []
    (one,) = sweeps.advance(500)
    assert (one.usd, one.levels, one.begun_ms, one.ended_ms) == (160_000.0, 3, 0, 150)
    assert one.slippage_bp == pytest.approx(30.0)
    assert not one.forced


def test_the_other_side_or_a_pause_ends_it() -> None:
    fills = [(0, Side.BUY, 60_000.0), (50, Side.SELL, 60_000.0), (150, Side.SELL, 60_000.0)]
    assert [(one.side, one.usd) for one in all_of(fills, 50_000.0)] == [
        (Side.BUY, 60_000.0),
        (Side.SELL, 60_000.0),
        (Side.SELL, 60_000.0),
    ]


@pytest.mark.parametrize(("print_ms", "died", "forced"), [
    (1_250, Side.BUY, True),
    (750, Side.BUY, True),
    (1_000, Side.SELL, False),  # a short that dies is bought back: not this seller
    (1_600, Side.BUY, False),
])  # fmt: skip
def test_a_print_beside_it_makes_it_a_liquidation(print_ms: int, died: Side, forced: bool) -> None:
    sweeps = Sweeps("bybit", 1_000.0)
    sweeps.take(1_000, fill(Side.SELL, 5_000.0))
    sweeps.liquidation(print_ms, died)
    (one,) = sweeps.advance(5_000)
    assert one.forced is forced


def test_what_is_usual_on_a_busy_day_is_no_whale() -> None:
    sweeps = Sweeps("binance", 1_000.0)
    told = []
    for number in range(2_000):
        told += sweeps.take(number * 1_000, fill(Side.BUY, 5_000.0 + number % 100))
    late = [one for one in told if one.begun_ms > 500_000]
    assert len(late) < 100
    sweeps.take(3_000_000, fill(Side.SELL, 500_000.0))
    assert [one.usd for one in sweeps.advance(3_010_000)][-1] == 500_000.0
