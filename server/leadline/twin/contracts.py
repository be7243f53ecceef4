"""What trades in the twin: nine perpetuals, with each venue's steps, margin tiers and size of market."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from leadline.units import Step

VENUES = ("binance", "bybit", "okx")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
FUNDING_INTERVAL_MS = 8 * 3_600_000
MULTIPLE, DECIMALS_OF_MULTIPLE = 1_000, 3

# Rows of a tier table: from which notional (USD), maintenance rate, deduction (USD), maximum leverage.
FLOOR, RATE, DEDUCTION, LEVERAGE = range(4)


@dataclass(frozen=True, slots=True)
class Contract:
    """One perpetual at one venue.

    model is the symbol whose price it follows and whose shape it has: its own, but for a copy of it.
    lot is the smallest size in coins; size_step the same size in the unit of the venue's feed
    (contracts at OKX); price_decimals and size_decimals are how many digits its texts carry (OKX and
    Bybit sizes drop trailing zeros).  Sizes of the market are in dollars: oi_usd of one side,
    position_usd the mean position, depth_usd what rests per basis point near the touch.
    """

    venue: str
    symbol: str
    model: str
    native: str
    base: str
    tick: Step
    lot: Step
    size_step: Step
    price_decimals: int
    size_decimals: int
    start_price: float
    oi_usd: float
    position_usd: float
    depth_usd: float
    dense_ticks: float
    round_ticks: int
    orders_per_s: float
    close_fee: float

    @property
    def contract_coins(self) -> float:
        """Coins in one unit of the venue's feed."""
        return float(self.lot.fraction / self.size_step.fraction)

    def changed(self, renamed: bool, multiplied: bool) -> Contract:
        """Return the contract under another name, or with another unit; twice the same is still one.

        A multiplied contract counts MULTIPLE coins as one, as 1000PEPE does, so its sizes are as much smaller
        and its price is so many times as high; but at OKX, whose prices are those of a coin.
        """
        base = f"{self.base}X" if renamed else self.base
        native = f"{base}-USDT-SWAP" if self.venue == "okx" else f"{base}USDT"
        made = replace(self, base=base, native=native)
        if not multiplied:
            return made
        part = Fraction(1, MULTIPLE)
        made = replace(
            made,
            size_step=Step.of(self.size_step.fraction * part),
            size_decimals=self.size_decimals + DECIMALS_OF_MULTIPLE,
        )
        if self.venue == "okx":
            return made
        return replace(
            made,
            tick=Step.of(self.tick.fraction * MULTIPLE),
            lot=Step.of(self.lot.fraction * part),
            start_price=self.start_price * MULTIPLE,
        )

    @property
    def tiers(self) -> NDArray[np.float64]:
        return tier_table(self.venue, self.model)


@dataclass(frozen=True, slots=True)
class _Coin:
    start_price: float
    tick: str
    oi_usd: float
    position_usd: float
    depth_usd: float
    dense_ticks: float
    round_ticks: int
    orders_per_s: float


_COINS = {
    "BTC": _Coin(77_000.0, "0.1", 4.0e9, 300_000.0, 1_200_000.0, 25.0, 100, 9.0),
    "ETH": _Coin(2_650.0, "0.01", 2.5e9, 200_000.0, 700_000.0, 25.0, 100, 7.0),
    "SOL": _Coin(155.0, "0.01", 0.9e9, 100_000.0, 250_000.0, 150.0, 10, 5.0),
}
_SHARE = {"binance": 1.0, "bybit": 0.5, "okx": 0.5}
_CLOSE_FEE = {"binance": 0.0, "bybit": 0.00055, "okx": 0.0005}
# (lot in coins, step in the feed's unit, digits of a price, digits of a size)
_STEPS = {
    ("binance", "BTC"): ("0.001", "0.001", 2, 3),
    ("binance", "ETH"): ("0.001", "0.001", 2, 3),
    ("binance", "SOL"): ("0.01", "0.01", 4, 2),
    ("bybit", "BTC"): ("0.001", "0.001", 2, 3),
    ("bybit", "ETH"): ("0.01", "0.01", 2, 2),
    ("bybit", "SOL"): ("0.1", "0.1", 3, 1),
    ("okx", "BTC"): ("0.0001", "0.01", 1, 2),
    ("okx", "ETH"): ("0.001", "0.01", 2, 2),
    ("okx", "SOL"): ("0.01", "0.01", 2, 2),
}


def copies(count: int) -> tuple[str, ...]:
    """Return the names of ``count`` more symbols, copies of those there are: BTC2USDT, ETH2USDT, ..."""
    return tuple(
        f"{SYMBOLS[at % len(SYMBOLS)].removesuffix('USDT')}{2 + at // len(SYMBOLS)}USDT"
        for at in range(count)
    )


def _contract(venue: str, symbol: str) -> Contract:
    base = symbol.removesuffix("USDT")
    model = base.rstrip("0123456789")
    coin = _COINS[model]
    lot, size_step, price_decimals, size_decimals = _STEPS[venue, model]
    share = _SHARE[venue]
    return Contract(
        venue=venue,
        symbol=symbol,
        model=f"{model}USDT",
        native=f"{base}-USDT-SWAP" if venue == "okx" else symbol,
        base=base,
        tick=Step.of(coin.tick),
        lot=Step.of(lot),
        size_step=Step.of(size_step),
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        start_price=coin.start_price,
        oi_usd=coin.oi_usd * share,
        position_usd=coin.position_usd,
        depth_usd=coin.depth_usd * share,
        dense_ticks=coin.dense_ticks,
        round_ticks=coin.round_ticks,
        orders_per_s=coin.orders_per_s * share,
        close_fee=_CLOSE_FEE[venue],
    )


# Binance BTCUSDT as published in October 2024; ETH shares its shape, SOL starts at 100x.
_FLOORS_BTC = (0, 50e3, 600e3, 3e6, 12e6, 70e6, 100e6, 230e6, 480e6, 600e6, 800e6, 1.2e9)
_RATES_BTC = (0.004, 0.005, 0.0065, 0.01, 0.02, 0.025, 0.05, 0.1, 0.125, 0.15, 0.25, 0.5)
_LEVERAGES_BTC = (125, 100, 75, 50, 25, 20, 10, 5, 4, 3, 2, 1)
_FLOORS_SOL = (0, 50e3, 400e3, 1e6, 4e6, 8e6, 40e6, 80e6, 100e6, 200e6)
_RATES_SOL = (0.005, 0.0065, 0.01, 0.02, 0.025, 0.05, 0.1, 0.125, 0.25, 0.5)
_LEVERAGES_SOL = (100, 75, 50, 25, 20, 10, 5, 4, 2, 1)
# Bybit and OKX: first tier, then equal steps, as their risk-limit and position-tier pages are built.
_STEPPED = {
    ("bybit", "BTC"): (2e6, 0.005, 0.0025, 100.0, 40),
    ("bybit", "ETH"): (1e6, 0.005, 0.005, 100.0, 30),
    ("bybit", "SOL"): (0.2e6, 0.01, 0.005, 75.0, 25),
    ("okx", "BTC"): (1e6, 0.004, 0.0015, 100.0, 40),
    ("okx", "ETH"): (0.75e6, 0.005, 0.0025, 100.0, 30),
    ("okx", "SOL"): (0.2e6, 0.0065, 0.0035, 75.0, 25),
}


@cache
def tier_table(venue: str, symbol: str) -> NDArray[np.float64]:
    """Return the margin tiers, shape (4, tiers): floor USD, maintenance rate, deduction USD, leverage.

    The deduction joins the tiers without a jump: ``c_n = floor_n (m_n - m_(n-1)) + c_(n-1)``.  OKX has none.
    """
    base = symbol.removesuffix("USDT")
    if venue == "binance":
        sol = base == "SOL"
        floors = np.array(_FLOORS_SOL if sol else _FLOORS_BTC)
        rates = np.array(_RATES_SOL if sol else _RATES_BTC)
        leverages = np.array(_LEVERAGES_SOL if sol else _LEVERAGES_BTC, dtype=np.float64)
    else:
        width, first, rise, leverage, count = _STEPPED[venue, base]
        index = np.arange(count)
        floors, rates = width * index, first + rise * index
        leverages = np.maximum(1.0, np.floor(np.minimum(leverage, 1.0 / (2.0 * rates))))
    deductions = np.zeros(len(floors))
    if venue != "okx":
        deductions[1:] = np.cumsum(floors[1:] * np.diff(rates))
    table = np.vstack([floors, rates, deductions, leverages])
    table.flags.writeable = False
    return table


CONTRACTS = {(venue, symbol): _contract(venue, symbol) for venue in VENUES for symbol in SYMBOLS}


def contracts_of(symbols: Collection[str]) -> dict[tuple[str, str], Contract]:
    """Return CONTRACTS and, behind them, those of the copies among ``symbols``."""
    more = [symbol for symbol in symbols if symbol not in SYMBOLS]
    return CONTRACTS | {(venue, symbol): _contract(venue, symbol) for symbol in more for venue in VENUES}
