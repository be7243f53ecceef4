"""How ccxt describes contracts and numbers, read into ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor, isfinite, log10
from typing import Any

from leadline.domain.instrument import Instrument
from leadline.units import NumberRejected, Step
from leadline.venues.instruments import read_leverage

# ccxt's precision modes.
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4


def pick_market(markets: Iterable[Mapping[str, Any]], symbol: str) -> Mapping[str, Any] | None:
    """Return the perpetual named base + quote ("BTCUSDT"), the linear one if there are two."""
    found = [
        market
        for market in markets
        if market.get("swap") and f"{market.get('base')}{market.get('quote')}" == symbol
    ]
    settled = [market for market in found if market.get("settle") == market.get("quote")]
    return next(iter(settled + found), None)


def read_instrument(venue: str, symbol: str, market: Mapping[str, Any]) -> Instrument:
    """Read ccxt's description of a contract, with the keys ``mode``, ``price`` and ``leverage_max``
    that the worker adds.

    Raises KeyError, TypeError, AttributeError or ValueError when it names no usable price step.  Without
    a size step the lot is 1 and becomes as fine as the sizes that are seen.
    """
    precision, mode = market["precision"], market["mode"]
    amount = precision.get("amount")
    amount_mode = DECIMAL_PLACES if mode == SIGNIFICANT_DIGITS else mode
    contract = market.get("contractSize")
    return Instrument(
        venue=venue,
        symbol=symbol,
        native=str(market["id"]),
        tick=step_of(mode, precision["price"], market.get("price")),
        lot=Step(1, 0) if amount is None else step_of(amount_mode, amount),
        contract_size=Step(1, 0) if contract is None else Step.of(decimal_text(contract)),
        inverse=market.get("inverse") is True,
        trading=market.get("active") is not False,
        base=str(market["base"]),
        quote=str(market["quote"]),
        leverage_max=read_leverage(market.get("leverage_max")),
    )


def step_of(mode: int, precision: object, price: object = None) -> Step:
    """Return the step that ``precision`` means in one of ccxt's three modes.

    With significant digits the step depends on the price; one digit more is allowed for, so that a fall
    below the next power of ten stays on the grid.
    """
    if mode == TICK_SIZE:
        return Step.of(decimal_text(precision))
    digits = Fraction(decimal_text(precision))
    if digits.denominator != 1 or not -18 <= digits <= 18:
        raise NumberRejected(f"expected a number of digits, got {precision!r:.60}")
    if mode == DECIMAL_PLACES:
        return Step.of(Fraction(10) ** -int(digits))
    if mode == SIGNIFICANT_DIGITS:
        return Step.of(Fraction(10) ** (floor(log10(positive(price))) - int(digits)))
    raise NumberRejected(f"expected a precision mode, got {mode!r:.60}")


def decimal_text(value: object) -> str:
    """Return the decimal that ccxt made this number of: the shortest text of a float is the venue's."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NumberRejected(f"expected a number, got {value!r:.60}")
    return repr(value)


def number(value: object) -> float:
    """Return a finite float; ccxt's None, text and NaN raise NumberRejected."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise NumberRejected(f"expected a finite number, got {value!r:.60}")
    return float(value)


def positive(value: object) -> float:
    """Return a finite float above zero, else raise NumberRejected."""
    made = number(value)
    if made <= 0:
        raise NumberRejected(f"expected a number above 0, got {value!r:.60}")
    return made
