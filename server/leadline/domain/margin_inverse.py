"""When a position of an inverse contract dies: margin and profit in coins, size in dollars.

With face value N (USD), entry E, margin W (coins) and side s, equity in coins at the mark P is
W + s N (1/E - 1/P).  It is liquidated when that no longer covers the maintenance (m N / P - c) coins:

    P = (s + m) N / (s N / E + W + c)

Sources: Bybit help "Liquidation price (inverse contract)"; Binance FAQ on COIN-M; Deribit help "Linear
and inverse perpetual margins", whose rate grows with the size itself: m = m_0 + k N / P.
"""

from __future__ import annotations

from math import inf, sqrt

from leadline.domain.events import Side

# Deribit's maintenance rate of the smallest position, and how much a coin of size adds to it.
DERIBIT_RATES = {"BTC": (0.01, 0.00005), "ETH": (0.01, 0.000004)}


def inverse_trigger_price(
    side: Side,
    entry: float,
    leverage: float,
    face_usd: float,
    maintenance_rate: float,
    deduction_coins: float = 0.0,
    added_coins: float = 0.0,
) -> float:
    """Return the mark price that liquidates; infinite for a short whose coins cover any rise.

    added_coins: margin beyond face / (entry x leverage).  Raises ValueError for a number not above 0.
    """
    _check(entry, leverage, face_usd)
    margin_coins = face_usd / (entry * leverage) + added_coins
    coins = side * face_usd / entry + margin_coins + deduction_coins
    # A short's coins owed: once its margin is worth as many, no price is too high.
    return inf if side * coins <= 0 else (side + maintenance_rate) * face_usd / coins


def deribit_trigger_price(side: Side, entry: float, leverage: float, face_usd: float, base: str) -> float:
    """Return the mark price that liquidates a position of ``face_usd`` on Deribit, by its formula.

    With x = 1 / P, (s + m_0) N x + k N^2 x^2 = s N / E + W.  Raises KeyError for a base without a formula,
    ValueError for a number not above 0.
    """
    _check(entry, leverage, face_usd)
    rate, slope = DERIBIT_RATES[base]
    # k N x^2 + (s + m_0) x - (s + 1/L) / E = 0, every term over N.
    a, b, c = slope * face_usd, side + rate, -(side + 1.0 / leverage) / entry
    if side < 0 and c <= 0:
        return inf
    root = b * b - 4.0 * a * c
    if root < 0:
        # The requirement of a short so large is beyond its equity at any price: it was never granted.
        return entry
    # The stable form of the root that goes over into -c / b for a small position.
    return (b + side * sqrt(root)) / (-2.0 * c)


def _check(entry: float, leverage: float, face_usd: float) -> None:
    if min(entry, leverage, face_usd) <= 0:
        raise ValueError(f"expected numbers above 0, got {entry=}, {leverage=}, {face_usd=}")
