from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.events import Side
from leadline.domain.leverage import Tiers, bundled_tiers, fallback_tiers, tiers_from_rates
from leadline.domain.margin import (
    BYBIT_AT_ENTRY,
    LeverageNotAllowed,
    MarginRule,
    bankruptcy_from_trigger,
    bankruptcy_price,
    distance,
    rule_of,
    trigger_from_bankruptcy,
    trigger_price,
)

BRACKETS_2024 = bundled_tiers("binance", "BTCUSDT", date(2024, 11, 1))
NOTIONALS = (10e3, 200e3, 2e6, 10e6, 50e6)
# Percent of the entry price at which a long dies; None where the venue grants no such leverage.
LONG_DISTANCES = {
    10: (9.64, 9.57, 9.46, 9.21, 8.43),
    25: (3.61, 3.54, 3.42, 3.15, 2.31),
    50: (1.61, 1.53, 1.41, 1.13, None),
    75: (0.94, 0.86, 0.74, None, None),
    100: (0.60, 0.53, None, None, None),
}


@pytest.mark.parametrize("leverage", LONG_DISTANCES)
@pytest.mark.parametrize("column", range(5))
def test_binance_longs_die_at_the_distances_of_the_published_table(leverage: int, column: int) -> None:
    expected = LONG_DISTANCES[leverage][column]
    if expected is None:
        with pytest.raises(LeverageNotAllowed):
            distance(BRACKETS_2024, Side.BUY, leverage, NOTIONALS[column])
    else:
        found = distance(BRACKETS_2024, Side.BUY, leverage, NOTIONALS[column])
        assert found == pytest.approx(expected / 100, abs=1e-4)


def equity_less_maintenance(
    tiers: Tiers, rule: MarginRule, side: Side, entry: float, leverage: float, notional: float, price: float
) -> float:
    coins = notional / entry
    tier = tiers.at(coins * price)
    valued = coins * (entry if rule.at_entry else price)
    maintenance = (tier.maintenance_rate + rule.fee_rate) * valued - tier.deduction_usd
    return notional / leverage + side * coins * (price - entry) - maintenance


@settings(deadline=None)
@given(
    venue=st.sampled_from(["binance", "bybit", "okx"]),
    side=st.sampled_from(list(Side)),
    entry=st.floats(1e-3, 1e6),
    leverage=st.floats(1.5, 100),
    notional=st.floats(10, 90e6),
)
def test_at_the_trigger_equity_is_exactly_the_maintenance_requirement(
    venue: str, side: Side, entry: float, leverage: float, notional: float
) -> None:
    rows = [(row.floor_usd, row.maintenance_rate, row.leverage_max) for row in BRACKETS_2024.rows]
    tiers = tiers_from_rates(venue, "BTCUSDT", date(2024, 10, 24), "brackets", rows, 1.8e9)
    leverage = min(leverage, tiers.at(notional).leverage_max)
    price = trigger_price(tiers, side, entry, leverage, notional)
    rest = equity_less_maintenance(tiers, rule_of(venue), side, entry, leverage, notional, price)
    assert rest == pytest.approx(0.0, abs=notional * 1e-9)
    assert price * side < entry * side


def test_a_tier_is_chosen_by_value_at_the_trigger_and_not_at_entry() -> None:
    # A long of 3.1 M at 10x is worth under 3 M where it dies, so the rate below 3 M counts.
    price = trigger_price(BRACKETS_2024, Side.BUY, 100.0, 10, 3.1e6)
    assert 31_000 * price < 3e6
    assert price == pytest.approx(100 * (1 - 1 / 10 - 950 / 3.1e6) / (1 - 0.0065))


def test_without_deductions_a_short_dies_where_a_tier_begins_that_it_cannot_afford() -> None:
    tiers = tiers_from_rates(
        "okx", "XUSDT", date(2026, 1, 1), "t", [(0, 0.01, 50), (105_000, 0.05, 10)], 1e6, deducted=False
    )
    low, high = (
        trigger_price(fallback_tiers("okx", "", lever), Side.SELL, 100, 10, 100_000) for lever in (50, 10)
    )
    assert high < 105 < low
    assert trigger_price(tiers, Side.SELL, 100.0, 10, 100_000) == 105.0
    # A long that falls out of the dear tier alive goes on by the cheap one.
    assert trigger_price(tiers, Side.BUY, 110.0, 10, 110_000) == pytest.approx(99 / (1 - 0.01 - 0.0005))


def test_okx_adds_the_closing_fee_to_the_rate() -> None:
    tiers = fallback_tiers("okx", "BTCUSDT", 100)
    long = trigger_price(tiers, Side.BUY, 50_000.0, 20, 10_000)
    short = trigger_price(tiers, Side.SELL, 50_000.0, 20, 10_000)
    assert long == pytest.approx((50_000 - 50_000 / 20) / (1 - 0.005 - 0.0005))
    assert short == pytest.approx((50_000 + 50_000 / 20) / (1 + 0.005 + 0.0005))


def test_bybit_before_2026_valued_maintenance_at_entry() -> None:
    tiers = fallback_tiers("bybit", "BTCUSDT", 100)
    coins, initial, maintenance = 0.2, 10_000 / 20, 10_000 * 0.005
    long = trigger_price(tiers, Side.BUY, 50_000.0, 20, 10_000, BYBIT_AT_ENTRY)
    short = trigger_price(tiers, Side.SELL, 50_000.0, 20, 10_000, BYBIT_AT_ENTRY)
    assert long == pytest.approx(50_000 - (initial - maintenance) / coins)
    assert short == pytest.approx(50_000 + (initial - maintenance) / coins)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("notional", [5_000, 4e6, 150e6])
def test_a_bankruptcy_price_leads_to_the_trigger_and_back(side: Side, notional: float) -> None:
    leverage = 5.0
    trigger = trigger_price(BRACKETS_2024, side, 70_000.0, leverage, notional)
    coins = notional / 70_000
    bankruptcy = bankruptcy_price(side, 70_000.0, leverage)
    assert trigger_from_bankruptcy(BRACKETS_2024, side, bankruptcy, coins) == pytest.approx(trigger)
    assert bankruptcy_from_trigger(BRACKETS_2024, side, trigger, coins) == pytest.approx(bankruptcy)
    assert bankruptcy * side < trigger * side


def test_an_unlevered_long_dies_at_nothing_and_never_below() -> None:
    assert trigger_price(BRACKETS_2024, Side.BUY, 100.0, 1, 1_000) == 0.0


@pytest.mark.parametrize(("entry", "leverage", "notional"), [(0, 5, 10), (1, 0, 10), (1, 5, -1)])
def test_numbers_not_above_zero_are_refused(entry: float, leverage: float, notional: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        trigger_price(BRACKETS_2024, Side.BUY, entry, leverage, notional)


# What each venue's own page says of a 10x position of 10,000 USD entered at 50,000: f is its closing fee.
@pytest.mark.parametrize(
    ("venue", "fee"),
    [
        ("binance", 0.0),
        ("bitget", 0.0006),
        ("gate", 0.00075),
        ("okx", 0.0005),
        ("hyperliquid", 0.0),
        ("mexc", 0.0),
    ],
)
def test_linear_venues_follow_their_published_form(venue: str, fee: float) -> None:
    tiers = fallback_tiers(venue, "BTCUSDT", 100)
    entry, coins, margin, rate = 50_000.0, 0.2, 1_000.0, 0.005
    long, short = (trigger_price(tiers, side, entry, 10, 10_000) for side in (Side.BUY, Side.SELL))
    assert long == pytest.approx((entry - margin / coins) / (1 - rate - fee), rel=1e-12)
    assert short == pytest.approx((entry + margin / coins) / (1 + rate + fee), rel=1e-12)


def test_hyperliquids_form_from_the_mark_is_ours() -> None:
    """price - side x margin available / size / (1 - l x side), l = 1 / maintenance leverage, at any mark."""
    tiers = fallback_tiers("hyperliquid", "BTCUSD", 40)
    entry, coins, rate = 50_000.0, 0.2, 0.5 / 40
    for side in Side:
        for mark in (47_000.0, 50_000.0, 53_000.0):
            equity = 10_000 / 10 + side * coins * (mark - entry)
            available = equity - rate * coins * mark
            published = mark - side * available / coins / (1 - rate * side)
            assert trigger_price(tiers, side, entry, 10, 10_000) == pytest.approx(published, rel=1e-12)


def test_deribit_positions_die_by_its_inverse_formula() -> None:
    tiers = bundled_tiers("deribit", "BTCUSD")
    long = trigger_price(tiers, Side.BUY, 50_000.0, 10, 10_000)
    assert long == pytest.approx(50_000 * 1.01 / 1.1, rel=1e-4)
    assert distance(tiers, Side.BUY, 10, 10_000) == pytest.approx(1 - 1.01 / 1.1)
    assert distance(tiers, Side.SELL, 10, 10_000) == pytest.approx(0.99 / 0.9 - 1)
