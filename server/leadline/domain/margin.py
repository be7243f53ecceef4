"""When a position dies: isolated one-way margin, exact, by each venue's rule and tier table.

A position of Q coins entered at E (side s: +1 long, -1 short) with margin W is liquidated when its
equity W + s Q (P - E) no longer covers the maintenance requirement (m + f) Q P - c, where m and c are
the rate and deduction of its tier and f a closing fee.  Solved for P:

    P = (W + c - s Q E) / (Q (m + f - s))

Sources: Binance FAQ "How to calculate liquidation price"; Bybit help "Liquidation price (USDT
contract)"; OKX "Margin ratio", Bitget "Position tier" and Gate "Liquidation price", where c is 0 and a
position pays its tier's rate on all of it, and the closing fee; Hyperliquid docs "Liquidations", where m
is half the initial margin at the tier's largest leverage (its form, price - s available / Q / (1 - m s),
is the one above, written from the mark).  Inverse contracts: `margin_inverse`.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadline.domain.events import Side
from leadline.domain.leverage import Tier, Tiers
from leadline.domain.margin_inverse import DERIBIT_RATES, deribit_trigger_price, inverse_trigger_price


class LeverageNotAllowed(ValueError):
    """The venue does not grant this leverage to a position of this size."""


@dataclass(frozen=True, slots=True)
class MarginRule:
    """fee_rate: part of the mark value that maintenance adds for closing.

    at_entry: maintenance is valued at the entry price instead of the mark (Bybit before 2026).
    inverse: margin and profit are in coins.
    """

    fee_rate: float = 0.0
    at_entry: bool = False
    inverse: bool = False


MARGIN_RULES = {
    "binance": MarginRule(),
    "bybit": MarginRule(fee_rate=0.00055),
    "okx": MarginRule(fee_rate=0.0005),
    "bitget": MarginRule(fee_rate=0.0006),
    "gate": MarginRule(fee_rate=0.00075),
    "hyperliquid": MarginRule(),
    "deribit": MarginRule(inverse=True),
}
BYBIT_AT_ENTRY = MarginRule(at_entry=True)


def rule_of(venue: str) -> MarginRule:
    """Return the venue's rule; venues without one of their own follow the plain rule."""
    return MARGIN_RULES.get(venue, MarginRule())


def trigger_price(
    tiers: Tiers,
    side: Side,
    entry: float,
    leverage: float,
    notional_usd: float,
    rule: MarginRule | None = None,
) -> float:
    """Return the mark price that liquidates a position of ``notional_usd`` at entry.

    The tier is that of the position's value at the trigger itself.  Raises LeverageNotAllowed when the
    table grants less than ``leverage`` to that notional, ValueError for a number not above 0.
    """
    if min(entry, leverage, notional_usd) <= 0:
        raise ValueError(f"expected numbers above 0, got {entry=}, {leverage=}, {notional_usd=}")
    tier = tiers.at(notional_usd)
    if leverage > tier.leverage_max:
        raise LeverageNotAllowed(f"expected at most {tier.leverage_max:g}x, got {leverage:g}x")
    rule = rule or rule_of(tiers.venue)
    if rule.inverse:
        base = tiers.symbol.removesuffix("USD")
        if tiers.venue == "deribit" and base in DERIBIT_RATES:
            return deribit_trigger_price(side, entry, leverage, notional_usd, base)
        return inverse_trigger_price(side, entry, leverage, notional_usd, tier.maintenance_rate)
    coins, margin_usd = notional_usd / entry, notional_usd / leverage
    seen: list[Tier] = []
    while tier not in seen:
        seen.append(tier)
        price = _trigger(tier, rule, side, entry, coins, margin_usd)
        tier = tiers.at(coins * price)
    if tier is seen[-1]:
        return price
    # Without deductions the requirement jumps where a tier begins.  A short that would survive there by
    # the rate below and is dead by the rate above dies at that very value.
    return max(row.floor_usd for row in seen[seen.index(tier) :]) / coins


def _trigger(
    tier: Tier, rule: MarginRule, side: Side, entry: float, coins: float, margin_usd: float
) -> float:
    rate = tier.maintenance_rate + rule.fee_rate
    if rule.at_entry:
        maintenance_usd = rate * coins * entry - tier.deduction_usd
        return max(entry - side * (margin_usd - maintenance_usd) / coins, 0.0)
    return max((margin_usd + tier.deduction_usd - side * coins * entry) / (coins * (rate - side)), 0.0)


def distance(
    tiers: Tiers, side: Side, leverage: float, notional_usd: float, rule: MarginRule | None = None
) -> float:
    """Return how far the trigger lies from entry, as a fraction of the entry price.

    Deribit's rate grows with the coins of a position, which takes a price to know: here it is that of a
    small one.
    """
    rule = rule or rule_of(tiers.venue)
    if rule.inverse:
        rate = tiers.at(notional_usd).maintenance_rate
        return abs(1.0 - inverse_trigger_price(side, 1.0, leverage, notional_usd, rate))
    return abs(1.0 - trigger_price(tiers, side, 1.0, leverage, notional_usd, rule))


def bankruptcy_price(side: Side, entry: float, leverage: float) -> float:
    """Return the price at which the margin is gone."""
    return entry * (1.0 - side / leverage)


def trigger_from_bankruptcy(tiers: Tiers, side: Side, bankruptcy: float, coins: float) -> float:
    """Return the trigger of a liquidation that was published at its bankruptcy price.

    With B the bankruptcy price, T = (B - s c / Q) / (1 - s (m + f)), by the tier of the position's value
    at B.  The venue's rule must value maintenance at the mark.
    """
    tier, rate = _tier_at(tiers, bankruptcy * coins)
    return (bankruptcy - side * tier.deduction_usd / coins) / (1.0 - side * rate)


def bankruptcy_from_trigger(tiers: Tiers, side: Side, trigger: float, coins: float) -> float:
    """Return the bankruptcy price that belongs to a trigger, by the tier of the position's value there."""
    tier, rate = _tier_at(tiers, trigger * coins)
    return trigger * (1.0 - side * rate) + side * tier.deduction_usd / coins


def _tier_at(tiers: Tiers, notional_usd: float) -> tuple[Tier, float]:
    tier = tiers.at(notional_usd)
    return tier, tier.maintenance_rate + rule_of(tiers.venue).fee_rate
