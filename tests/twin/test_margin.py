"""Margin rules: the triggers of the liquidation engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.twin.contracts import DEDUCTION, FLOOR, LEVERAGE, RATE, SYMBOLS, VENUES, tier_table
from leadline.twin.kernels import trigger_price

ENTRY = 77_000.0
# Distance from entry to trigger of a long, in percent, for the brackets of October 2024.
DISTANCES = [
    (10, 10e3, 9.64), (10, 200e3, 9.57), (10, 2e6, 9.46), (10, 10e6, 9.21), (10, 50e6, 8.43),
    (25, 10e3, 3.61), (25, 200e3, 3.54), (25, 2e6, 3.42), (25, 10e6, 3.15), (25, 50e6, 2.31),
    (50, 10e3, 1.61), (50, 200e3, 1.53), (50, 2e6, 1.41), (50, 10e6, 1.13),
    (75, 10e3, 0.94), (75, 200e3, 0.86), (75, 2e6, 0.74),
    (100, 10e3, 0.60), (100, 200e3, 0.53),
]  # fmt: skip


@pytest.mark.parametrize(("leverage", "notional", "percent"), DISTANCES)
def test_binance_brackets_give_the_published_distances(
    leverage: int, notional: float, percent: float
) -> None:
    tiers = tier_table("binance", "BTCUSDT")
    trigger = trigger_price(tiers, 0.0, 1, notional / ENTRY, ENTRY, notional / leverage)
    assert 100.0 * (1.0 - trigger / ENTRY) == pytest.approx(percent, abs=0.0051)


def test_binance_deductions_are_the_published_ones() -> None:
    assert tier_table("binance", "BTCUSDT")[DEDUCTION, :7].tolist() == pytest.approx(
        [0, 50, 950, 11_450, 131_450, 481_450, 2_981_450]
    )


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_larger_position_never_needs_a_lower_rate_or_may_use_more_leverage(venue: str, symbol: str) -> None:
    tiers = tier_table(venue, symbol)
    assert (np.diff(tiers[FLOOR]) > 0).all()
    assert (np.diff(tiers[RATE]) > 0).all()
    assert (np.diff(tiers[LEVERAGE]) <= 0).all()


@given(
    side=st.sampled_from([1, -1]),
    notional=st.floats(1e3, 5e7),
    leverage=st.sampled_from([3.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0]),
    extra=st.floats(1.0, 3.0),
)
def test_at_the_trigger_equity_equals_the_maintenance_margin(
    side: int, notional: float, leverage: float, extra: float
) -> None:
    tiers = tier_table("bybit", "BTCUSDT")
    coins, margin, fee = notional / ENTRY, notional / leverage * extra, 0.00055
    price = trigger_price(tiers, fee, side, coins, ENTRY, margin)
    if price <= 0.0:
        return
    tier = int(np.searchsorted(tiers[FLOOR], coins * price, side="right")) - 1
    required = (tiers[RATE, tier] + fee) * coins * price - tiers[DEDUCTION, tier]
    assert margin + side * coins * (price - ENTRY) == pytest.approx(required, rel=1e-6, abs=1e-3)
