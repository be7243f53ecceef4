"""A made-up week of one perpetual: 5-minute bars and open interest, from a seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BAR_MS = 300_000
BARS = 7 * 288


class Bar(NamedTuple):
    at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy: float | None
    span_ms: int = BAR_MS


def market_week(seed: int, bars: int = BARS) -> tuple[list[Bar], list[tuple[int, float]]]:
    """Return (bars, [(ms, coins)]): a mean-reverting walk around 60,000 and a wandering open interest."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.0018, bars)
    closes = np.empty(bars)
    logged = 0.0
    for i, step in enumerate(steps):
        logged += step - 0.002 * logged
        closes[i] = 60_000 * np.exp(logged)
    opens = np.concatenate(([60_000.0], closes[:-1]))
    highs = np.maximum(opens, closes) * np.exp(np.abs(random.normal(0, 5e-4, bars)))
    lows = np.minimum(opens, closes) * np.exp(-np.abs(random.normal(0, 5e-4, bars)))
    volumes = random.lognormal(6, 1, bars)
    buys = volumes * random.uniform(0.35, 0.65, bars)
    open_interest = 90_000 * np.exp(np.cumsum(random.normal(0, 0.0015, bars)))
    return (
        [
            Bar(i * BAR_MS, *(float(x) for x in row))
            for i, row in enumerate(zip(opens, highs, lows, closes, volumes, buys, strict=True))
        ],
        [((i + 1) * BAR_MS, float(coins)) for i, coins in enumerate(open_interest)],
    )
