"""Leverage tiers: what each venue demands of positions by size, valid from a date.

The tables below are facts of the venues, entered by hand: Binance publishes its brackets only to
account holders, and a replay needs the table that was in force then.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from math import inf

import orjson

from leadline.errors import VenueError
from leadline.units import parse_positive_float

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
    known = [table for table in _TABLES if (table.venue, table.symbol) == (venue, symbol)]
    in_force = [table for table in known if table.valid_from <= on]
    if known:
        return in_force[-1] if in_force else known[0]
    return fallback_tiers(venue, symbol, 100.0 if symbol.startswith(("BTCUSD", "ETHUSD")) else 50.0)


def parse_risk_limit(body: bytes, on: date) -> dict[str, Tiers]:
    """Read one page of Bybit's ``/v5/market/risk-limit?category=linear`` into tables by symbol.

    Raises VenueError when the body is no such answer.  Rates are fractions.
    """
    caps: dict[str, list[tuple[float, float, float]]] = {}
    try:
        for row in orjson.loads(body)["result"]["list"]:
            caps.setdefault(row["symbol"], []).append(
                (
                    parse_positive_float(row["riskLimitValue"]),
                    parse_positive_float(str(row["maintenanceMargin"])),
                    parse_positive_float(row["maxLeverage"]),
                )
            )
        return {
            symbol: _tiers_from_caps("bybit", symbol, on, "risk-limit", rows) for symbol, rows in caps.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise VenueError("bybit", f"expected risk limits, got {error!r:.100}") from error


def parse_position_tiers(body: bytes, symbol: str, on: date, contract_coins: float, price: float) -> Tiers:
    """Read OKX's ``/api/v5/public/position-tiers`` of one instrument family.

    Sizes come in contracts of ``contract_coins`` coins, valued at ``price``.  A position pays its tier's
    rate on all of it, so there is no deduction.  Raises VenueError when the body is no such answer.
    """
    try:
        caps = [
            (
                parse_positive_float(row["maxSz"]) * contract_coins * price,
                parse_positive_float(row["mmr"]),
                parse_positive_float(row["maxLever"]),
            )
            for row in orjson.loads(body)["data"]
        ]
        return _tiers_from_caps("okx", symbol, on, "position-tiers", caps, deducted=False)
    except (KeyError, TypeError, ValueError) as error:
        raise VenueError("okx", f"expected position tiers, got {error!r:.100}") from error


def _tiers_from_caps(
    venue: str,
    symbol: str,
    on: date,
    source: str,
    caps: list[tuple[float, float, float]],
    *,
    deducted: bool = True,
) -> Tiers:
    if not 1 <= len(caps) <= TIER_ROWS_MAX:
        raise ValueError(f"expected 1 to {TIER_ROWS_MAX} tiers of {symbol}, got {len(caps)}")
    caps = sorted(caps)
    floors = [0.0] + [cap for cap, _, _ in caps[:-1]]
    rates = [(floor, rate, lever) for floor, (_, rate, lever) in zip(floors, caps, strict=True)]
    if any(rate * lever > 1.0 for _, rate, lever in rates):
        raise ValueError(f"expected maintenance of {symbol} below the initial margin")
    return tiers_from_rates(venue, symbol, on, source, rates, caps[-1][0], deducted=deducted)


# Binance: the public brackets page, October 2024 and September 2026.  Bybit: its risk-limit answer of
# August 2023, with the deductions that Bybit introduced since.
_TABLES: tuple[Tiers, ...] = (
    tiers_from_rates(
        "binance",
        "BTCUSDT",
        date(2024, 10, 24),
        "brackets",
        [
            (0, 0.004, 125),
            (50e3, 0.005, 100),
            (600e3, 0.0065, 75),
            (3e6, 0.01, 50),
            (12e6, 0.02, 25),
            (70e6, 0.025, 20),
            (100e6, 0.05, 10),
            (230e6, 0.10, 5),
            (480e6, 0.125, 4),
            (600e6, 0.15, 3),
            (800e6, 0.25, 2),
            (1.2e9, 0.50, 1),
        ],
        1.8e9,
    ),
    tiers_from_rates(
        "binance",
        "BTCUSDT",
        date(2026, 9, 29),
        "brackets",
        [
            (0, 0.004, 150),
            (300e3, 0.005, 100),
            (800e3, 0.0065, 75),
            (3e6, 0.01, 50),
            (12e6, 0.02, 25),
            (70e6, 0.025, 20),
            (100e6, 0.05, 10),
            (230e6, 0.10, 5),
            (480e6, 0.125, 4),
            (600e6, 0.15, 3),
            (800e6, 0.25, 2),
            (1.2e9, 0.50, 1),
        ],
        1.8e9,
    ),
    tiers_from_rates(
        "binance",
        "ETHUSDT",
        date(2026, 9, 29),
        "brackets",
        [
            (0, 0.004, 150),
            (300e3, 0.005, 100),
            (800e3, 0.0065, 75),
            (3e6, 0.01, 50),
            (12e6, 0.02, 25),
            (50e6, 0.025, 20),
            (65e6, 0.05, 10),
            (150e6, 0.10, 5),
            (320e6, 0.125, 4),
            (400e6, 0.15, 3),
            (530e6, 0.25, 2),
            (800e6, 0.50, 1),
        ],
        1.2e9,
    ),
    tiers_from_rates(
        "binance",
        "SOLUSDT",
        date(2026, 9, 29),
        "brackets",
        [
            (0, 0.005, 100),
            (50e3, 0.0065, 75),
            (400e3, 0.01, 50),
            (1e6, 0.02, 25),
            (4e6, 0.025, 20),
            (8e6, 0.05, 10),
            (40e6, 0.10, 5),
            (80e6, 0.125, 4),
            (100e6, 0.25, 2),
            (200e6, 0.50, 1),
        ],
        400e6,
    ),
    tiers_from_rates(
        "bybit",
        "BTCUSDT",
        date(2023, 8, 15),
        "risk-limit",
        [
            (0, 0.005, 100),
            (2e6, 0.01, 57.14),
            (4e6, 0.015, 40),
            (6e6, 0.02, 30.77),
            (8e6, 0.025, 25),
            (10e6, 0.03, 21.05),
            (12e6, 0.035, 18.18),
            (14e6, 0.04, 16),
            (16e6, 0.045, 14.29),
            (18e6, 0.05, 12.9),
            (20e6, 0.055, 11.76),
            (22e6, 0.06, 10.81),
            (24e6, 0.065, 10),
            (26e6, 0.07, 9.3),
            (28e6, 0.075, 8.7),
            (30e6, 0.08, 8.16),
            (32e6, 0.085, 7.69),
            (34e6, 0.09, 7.27),
            (36e6, 0.095, 6.9),
            (38e6, 0.10, 6.56),
            (40e6, 0.105, 6.25),
            (42e6, 0.11, 5.97),
            (44e6, 0.115, 5.71),
            (46e6, 0.12, 5.48),
            (48e6, 0.125, 5.26),
            (50e6, 0.13, 5.06),
            (52e6, 0.135, 4.88),
            (54e6, 0.14, 4.71),
            (56e6, 0.145, 4.55),
            (58e6, 0.15, 4.4),
            (60e6, 0.18, 3.33),
            (70e6, 0.30, 2),
            (85e6, 0.42, 1.43),
            (100e6, 0.60, 1),
        ],
        200e6,
    ),
)
