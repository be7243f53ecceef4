"""Leverage tiers: what each venue demands of positions by size, valid from a date.

The tables below are facts of the venues, entered by hand: Binance publishes its brackets only to
account holders, and a replay needs the table that was in force then.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import inf

from leadline.domain.binance_brackets import READ_ON, brackets

TIER_ROWS_MAX = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

    source: where the rows come from: the venue's public answer ("risk-limit", "position-tiers",
    "position-tier", "risk-limit-tiers", "margin-table"), its answer to the user's "key", the bundled table
    ("brackets", "risk-limit" of its day) or, from the largest leverage alone, the "fallback".
    """

    venue: str
    symbol: str
    valid_from: date
    source: str
    rows: tuple[Tier, ...]

    def later_than(self, on: date) -> bool:
        """Was this table not known to be in force on that day?  The fallback holds for all days."""
        return self.valid_from > on

    def at(self, notional_usd: float) -> Tier:
        """Return the tier of a position of this value; values beyond the table get its last row."""
        place = bisect_right(self.rows, notional_usd, key=lambda row: row.floor_usd)
        return self.rows[max(place - 1, 0)]


def day_of(at_ms: int) -> date:
    """Return the day of a Unix time, in UTC; beyond the calendar its last day."""
    try:
        return (_EPOCH + timedelta(milliseconds=at_ms)).date()
    except OverflowError:
        return date.max


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


def bundled_tiers(venue: str, symbol: str, on: date = date.max, leverage_max: float | None = None) -> Tiers:
    """Return the table in force on a day, else the earliest one known, else the fallback.

    leverage_max: the largest the venue names for the contract; None: what is usual for its kind.
    """
    known = [table for table in _tables() if (table.venue, table.symbol) == (venue, symbol)]
    in_force = [table for table in known if table.valid_from <= on]
    if known:
        return in_force[-1] if in_force else known[0]
    # Deribit publishes a formula instead of a table; its first rate is that of 50x.
    if venue == "deribit":
        return fallback_tiers(venue, symbol, 50.0)
    usual = 100.0 if symbol.startswith(("BTCUSD", "ETHUSD")) else 50.0
    return fallback_tiers(venue, symbol, usual if leverage_max is None else leverage_max)


@cache
def _tables() -> tuple[Tiers, ...]:
    """Return all bundled tables, those of a symbol in the order of their days."""
    now = (
        tiers_from_rates("binance", symbol, READ_ON, "brackets", rows, cap_usd)
        for symbol, (rows, cap_usd) in brackets().items()
    )
    return (*_OLDER_TABLES, *now)


# Binance: its brackets of October 2024.  Bybit: its risk-limit answer of August 2023, with the deductions
# that Bybit introduced since.
_OLDER_TABLES: tuple[Tiers, ...] = (
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
