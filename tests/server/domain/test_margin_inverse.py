"""Inverse contracts: the published formulas, and equity that just covers maintenance at the trigger."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.margin_inverse import DERIBIT_RATES, deribit_trigger_price, inverse_trigger_price

ENTRY = 60_000.0


def equity_less_maintenance(
    side: Side, leverage: float, face: float, price: float, rate: float, deduction: float
) -> float:
    equity = face / (ENTRY * leverage) + side * face * (1 / ENTRY - 1 / price)
    return equity - (rate * face / price - deduction)


def test_bybits_inverse_formula_is_ours() -> None:
    # Long: Q (1 + m) / (Q/E + Q/(E L) + c); short: Q (1 - m) / (Q/E - Q/(E L) - c).
    q, leverage, m, c = 50_000.0, 10.0, 0.005, 0.01
    long = q * (1 + m) / (q / ENTRY + q / (ENTRY * leverage) + c)
    short = q * (1 - m) / (q / ENTRY - q / (ENTRY * leverage) - c)
    assert inverse_trigger_price(Side.BUY, ENTRY, leverage, q, m, c) == pytest.approx(long, rel=1e-12)
    assert inverse_trigger_price(Side.SELL, ENTRY, leverage, q, m, c) == pytest.approx(short, rel=1e-12)


@settings(deadline=None)
@given(
    side=st.sampled_from(list(Side)),
    leverage=st.floats(1.2, 100),
    face=st.floats(10, 1e7),
    rate=st.floats(0.002, 0.02),
)
def test_at_the_trigger_equity_is_the_requirement_in_coins(
    side: Side, leverage: float, face: float, rate: float
) -> None:
    price = inverse_trigger_price(side, ENTRY, leverage, face, rate)
    rest = equity_less_maintenance(side, leverage, face, price, rate, 0.0)
    assert rest == pytest.approx(0.0, abs=1e-12 * face)


@settings(deadline=None)
@given(
    base=st.sampled_from(["BTC", "ETH"]),
    side=st.sampled_from(list(Side)),
    leverage=st.floats(1.2, 25),
    face=st.floats(10, 3e7),
)
def test_deribits_rate_grows_with_the_size_at_the_trigger(
    base: str, side: Side, leverage: float, face: float
) -> None:
    price = deribit_trigger_price(side, ENTRY, leverage, face, base)
    rate, slope = DERIBIT_RATES[base]
    if price == ENTRY:
        return
    rest = equity_less_maintenance(side, leverage, face, price, rate + slope * face / price, 0.0)
    assert rest == pytest.approx(0.0, abs=1e-11 * face)


def test_small_deribit_positions_follow_the_approximation_of_its_help() -> None:
    long = deribit_trigger_price(Side.BUY, ENTRY, 10, 10.0, "BTC")
    short = deribit_trigger_price(Side.SELL, ENTRY, 10, 10.0, "BTC")
    assert long == pytest.approx(ENTRY * 1.01 / 1.1, rel=1e-6)
    assert short == pytest.approx(ENTRY * 0.99 / 0.9, rel=1e-6)


def test_a_short_of_coins_it_owns_never_dies() -> None:
    assert inverse_trigger_price(Side.SELL, ENTRY, 1.0, 1_000.0, 0.005) == inf
    assert deribit_trigger_price(Side.SELL, ENTRY, 1.0, 1_000.0, "ETH") == inf
    assert inverse_trigger_price(Side.SELL, ENTRY, 2.0, 1_000.0, 0.005, added_coins=1.0) == inf


def test_numbers_not_above_zero_are_refused() -> None:
    for function in (
        lambda: inverse_trigger_price(Side.BUY, 0.0, 5, 10, 0.01),
        lambda: deribit_trigger_price(Side.BUY, 1.0, 5, -1, "BTC"),
    ):
        with pytest.raises(ValueError, match="above 0"):
            function()
