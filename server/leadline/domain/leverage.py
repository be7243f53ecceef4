"""Leverage tiers: what each venue demands of positions by size, valid from a date.

The tables below are facts of the venues, entered by hand: Binance publishes its brackets only to
account holders, and a replay needs the table that was in force then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Any

import orjson

from leadline.errors import VenueError
from leadline.units import NumberRejected, parse_float, parse_positive_float

TIER_ROWS_MAX = 200


@dataclass(frozen=True, slots=True)
class Tier:
    """Positions worth floor_usd to cap_usd: maintenance is maintenance_rate x value - deduction_usd."""

    floor_usd: float
    cap_usd: float
    maintenance_rate: float
    deduction_usd: float
    leverage_max: float


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tier table of one instrument, smallest positions first.

    source: where the rows come from ("brackets", "risk-limit", "position-tiers" or "fallback").
    """

    venue: str
    symbol: str
    valid_from: date
    source: str
    rows: tuple[Tier, ...]

    def at(self, notional_usd: float) -> Tier:
        """Return the tier of a position of this value; values beyond the table get its last row."""
        place = bisect_right(self.rows, notional_usd, key=lambda row: row.floor_usd)
        return self.rows[max(place - 1, 0)]


def tiers_from_rates(
    venue: str,
    symbol: str,
    valid_from: date,
    source: str,
    rates: list[tuple[float, float, float]],
    cap_usd: float,
    *,
    deducted: bool = True,
) -> Tiers:
    """Make a table from (floor USD, maintenance rate, maximum leverage) rows.

    With ``deducted`` each row's deduction makes the requirement join the row below without a step:
    c_n = floor_n (m_n - m_(n-1)) + c_(n-1), as Binance and Bybit state it.
    """
    rows: list[Tier] = []
    for i, (floor_usd, rate, leverage_max) in enumerate(rates):
        cap = rates[i + 1][0] if i + 1 < len(rates) else cap_usd
        deduction = floor_usd * (rate - rates[i - 1][1]) + rows[-1].deduction_usd if i and deducted else 0.0
        rows.append(Tier(floor_usd, cap, rate, round(deduction, 6), leverage_max))
    return Tiers(venue, symbol, valid_from, source, tuple(rows))


def fallback_tiers(venue: str, symbol: str, leverage_max: float) -> Tiers:
    """Return one tier for all sizes at half the initial margin of the largest leverage.

    Exact for Hyperliquid and for the first bracket of Binance's majors; about a third too low for most
    of the smaller Binance symbols.
    """
    row = Tier(0.0, inf, 0.5 / leverage_max, 0.0, leverage_max)
    return Tiers(venue, symbol, date.min, "fallback", (row,))


def bundled_tiers(venue: str, symbol: str, on: date = date.max) -> Tiers:
    """Return the table in force on a day, else the earliest one known, else the fallback."""
    known = _BUNDLED.get((venue, symbol), ())
    for table in reversed(known):
        if table.valid_from <= on:
            return table
    if known:
        return known[0]
    return fallback_tiers(venue, symbol, 100.0 if symbol.startswith(("BTCUSD", "ETHUSD")) else 50.0)


def parse_risk_limit(body: bytes, on: date) -> dict[str, Tiers]:
    """Read one page of Bybit's ``/v5/market/risk-limit?category=linear`` into tables by symbol.

    A symbol whose rows are split over two pages must be joined by the caller before parsing.
    Raises VenueError when the body is no such answer.
    """
    try:
        listed: dict[str, list[tuple[float, float, float]]] = {}
        for row in _objects(orjson.loads(body)["result"]["list"]):
            cap = parse_positive_float(row["riskLimitValue"])
            rate = parse_positive_float(str(row["maintenanceMargin"]))
            listed.setdefault(row["symbol"], []).append((cap, rate, parse_positive_float(row["maxLeverage"])))
        return {
            symbol: _checked(_from_caps("bybit", symbol, on, "risk-limit", sorted(rows)))
            for symbol, rows in listed.items()
        }
    except (KeyError, TypeError, ValueError, NumberRejected) as error:
        raise VenueError("bybit", f"expected risk limits, got {error!r:.100}") from error


def parse_position_tiers(
    body: bytes, symbol: str, on: date, contract_coins: float, price: float
) -> Tiers:
    """Read OKX's ``/api/v5/public/position-tiers`` of one instrument family.

    Sizes come in contracts: ``contract_coins`` coins each, valued at ``price``.  A position pays its
    tier's rate on all of it, so there is no deduction.  Raises VenueError when the body is no such answer.
    """
    try:
        listed = []
        for row in _objects(orjson.loads(body)["data"]):
            cap = parse_positive_float(row["maxSz"]) * contract_coins * price
            listed.append((cap, parse_positive_float(row["mmr"]), parse_positive_float(row["maxLever"])))
        return _checked(_from_caps("okx", symbol, on, "position-tiers", sorted(listed), deducted=False))
    except (KeyError, TypeError, ValueError, NumberRejected) as error:
        raise VenueError("okx", f"expected position tiers, got {error!r:.100}") from error
