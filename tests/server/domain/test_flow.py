"""Takers by the second: imbalance, spikes and divergence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.flow import DIVERGENCE_S, SECONDS, TakerFlow
from leadline.domain.instrument import Instrument
from leadline.domain.trades import Trades, joined
from leadline.units import Step

TRADES = st.lists(
    st.tuples(st.integers(0, 4_000_000), st.sampled_from(list(Side)), st.floats(1.0, 1e6)), max_size=60
)


@given(TRADES, st.integers(1, 2_000))
def test_sums_are_those_of_the_trades_within_the_time(
    trades: list[tuple[int, Side, float]], seconds: int
) -> None:
    trades.sort(key=lambda one: one[0])
    flow = TakerFlow()
    for at_ms, side, usd in trades:
        flow.trade(at_ms, side, usd, 100.0)
    end_s = trades[-1][0] // 1000 if trades else 0
    kept = [one for one in trades if end_s - one[0] // 1000 < min(seconds, SECONDS)]
    bought, sold = flow.sums(seconds)
    assert bought == pytest.approx(sum(usd for _, side, usd in kept if side is Side.BUY))
    assert sold == pytest.approx(sum(usd for _, side, usd in kept if side is Side.SELL))
    assert flow.cvd_usd == pytest.approx(sum(usd * side for _, side, usd in trades), abs=1e-3)


def steady(seconds: int, flow: TakerFlow | None = None) -> TakerFlow:
    """A market in which both sides take 1,000 dollars a second, one a little more each time."""
    flow = flow or TakerFlow()
    for second in range(seconds):
        flow.trade(second * 1000, Side.BUY, 1000.0 + 100 * (second % 7), 100.0)
        flow.trade(second * 1000 + 500, Side.SELL, 1000.0 + 100 * (second % 5), 100.0)
    return flow


def test_an_even_market_is_no_push_and_no_spike() -> None:
    flow = steady(1200)
    assert abs(flow.imbalance()) < 0.2
    assert abs(flow.imbalance_z()) < 3
    assert abs(flow.volume_spike_z()) < 3
    assert flow.divergence() is None


def test_a_push_stands_out_and_has_its_sign() -> None:
    flow = steady(1200)
    for second in range(1200, 1210):
        flow.trade(second * 1000, Side.SELL, 50_000.0, 99.0)
    assert flow.imbalance() == -1.0
    assert flow.imbalance_z() < -5
    assert flow.volume_spike_z() > 3.5


def test_a_young_market_says_nothing_of_what_is_usual() -> None:
    flow = TakerFlow()
    assert (flow.imbalance(), flow.imbalance_z(), flow.volume_spike_z(), flow.seconds) == (0, 0, 0, 0)
    flow.trade(1000, Side.BUY, 1e9, 1.0)
    assert (flow.imbalance_z(), flow.volume_spike_z()) == (0.0, 0.0)
    assert flow.divergence() is None


@pytest.mark.parametrize("side", list(Side))
def test_a_new_extreme_without_takers_behind_it_is_a_divergence(side: Side) -> None:
    flow = TakerFlow()
    price = 100.0
    for second in range(DIVERGENCE_S + 5):
        last = second >= DIVERGENCE_S - 20
        price += side * (0.05 if last else 0.01 if second < 300 else -0.002)
        # At first takers carry the move; the last one goes against them.
        flow.trade(second * 1000, Side(side if second < 300 else -side), 5_000.0, price)
    found = flow.divergence()
    assert found is not None
    assert found.side is side
    assert side * (found.price - found.price_before) > 0
    assert side * (found.cvd_usd - found.cvd_before_usd) < 0


def test_hours_of_silence_empty_the_ring() -> None:
    flow = steady(100)
    flow.advance(100_000_000)
    assert flow.sums(SECONDS) == (0.0, 0.0)
    assert flow.cvd_usd != 0.0


PERHAPS_LATE = st.tuples(
    st.integers(0, 4_000_000), st.sampled_from(list(Side)), st.integers(1, 10**6), st.booleans()
)


@settings(max_examples=30)
@given(st.lists(PERHAPS_LATE, min_size=1, max_size=60))
def test_a_late_trade_counts_as_if_it_had_come_in_time(
    told: list[tuple[int, Side, int, bool]],
) -> None:
    """All that is sums: what came late lies in its second, the cumulative delta from there on."""
    made = Instrument("binance", "BTCUSDT", "BTCUSDT", Step(1, 1), Step(1, 0), Step(1, 0))
    told.sort(key=lambda one: one[0])
    in_time, late = TakerFlow(), TakerFlow()
    for at_ms, side, lots, _ in told:
        in_time.trade(at_ms, side, lots * 1.0, 1.0)
    late.advance(told[0][0])
    for at_ms, side, lots, lost in told:
        if not lost:
            late.trade(at_ms, side, lots * 1.0, 1.0)
    rows = [(at_ms, 10, lots, int(side)) for at_ms, side, lots, lost in told if lost]
    if rows:
        late.late(told[-1][0] + 300, joined([Trades.of(made, rows, late=True)]))
    in_time.advance(told[-1][0] + 300)
    late.advance(told[-1][0] + 300)
    for seconds in (1, 10, 60, 1_800):
        assert late.sums(seconds) == pytest.approx(in_time.sums(seconds))
    assert late.cvd_usd == pytest.approx(in_time.cvd_usd)
    assert late._cvd == pytest.approx(in_time._cvd)
