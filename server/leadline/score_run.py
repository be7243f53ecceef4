"""Scores the estimator against a simulated market, whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TextIO

import numpy as np

from leadline.domain.events import Completeness, Liquidation, PriceKind, Side
from leadline.domain.leverage import Tier, Tiers, bundled_tiers
from leadline.feed.score import Deaths, Minute, SymbolScore, report
from leadline.twin import history
from leadline.twin import kernels as k
from leadline.twin.contracts import SYMBOLS, VENUES
from leadline.twin.market import Market
from leadline.twin.traders import Traders, Weather
from leadline.twin.world import World
from leadline.venues.base import Candle

WARMUP_DAYS_MAX = 3.0
# How each venue's feed shows liquidations: all, or the largest a second; and at which price.
FEEDS = {
    "binance": (Completeness.THROTTLED, PriceKind.FILL),
    "bybit": (Completeness.FULL, PriceKind.BANKRUPTCY),
    "okx": (Completeness.THROTTLED, PriceKind.BANKRUPTCY),
}


@dataclass(slots=True)
class _Venue:
    """One market of the world, read minute by minute."""

    market: Market
    random: np.random.Generator
    fundings: int = 0

    def minute(self) -> Minute:
        market = self.market
        row = market.bars.rows[-1]
        at_ms = int(row[history.AT_MS])
        # Only Binance says how much of a bar takers bought.
        bought = float(row[history.BOUGHT]) if market.contract.venue == "binance" else None
        opened, high, low, close, volume = (float(value) for value in row[1:6])
        bar = Candle(at_ms, opened, high, low, close, volume, bought)
        rows = market.deaths()
        lot = float(market.contract.lot)
        deaths = Deaths(
            (rows[:, k.L_SIDE] < 0).astype(np.int64), rows[:, k.L_TRIGGER], rows[:, k.L_LOTS] * lot
        )
        settled = market.funding[self.fundings :]
        self.fundings = len(market.funding)
        rate = settled[-1].rate if settled else None
        return Minute(bar, float(row[history.INTEREST]), self._prints(at_ms, rows, lot), rate, deaths)

    def positions(self) -> Deaths:
        rows, lot = self.market.positions(), float(self.market.contract.lot)
        sides = (rows[:, k.P_SIDE] < 0).astype(np.int64)
        return Deaths(sides, rows[:, k.P_TRIGGER], rows[:, k.P_LOTS] * lot)

    def _prints(self, at_ms: int, rows: k.Floats, lot: float) -> list[Liquidation]:
        """Publish the minute's deaths as the venue does; their seconds are drawn, as a minute is one step."""
        if not len(rows):
            return []
        contract = self.market.contract
        completeness, kind = FEEDS[contract.venue]
        seconds = np.sort(self.random.integers(0, 60, len(rows)))
        shown = list(range(len(rows)))
        if completeness is Completeness.THROTTLED:
            largest: dict[int, int] = {}
            for at in shown:
                held = largest.get(int(seconds[at]))
                if held is None or rows[at, k.L_LOTS] > rows[held, k.L_LOTS]:
                    largest[int(seconds[at])] = at
            shown = sorted(largest.values())
        column = k.L_BANKRUPT if kind is PriceKind.BANKRUPTCY else k.L_AVERAGE
        return [
            Liquidation(
                contract.venue,
                contract.symbol,
                at_ms + int(seconds[at]) * 1000,
                Side.BUY if rows[at, k.L_SIDE] > 0 else Side.SELL,
                float(rows[at, k.L_LOTS]) * lot,
                float(rows[at, column]),
                kind,
                completeness,
            )
            for at in shown
        ]


def score_twin(
    seed: int,
    days: float,
    symbols: Sequence[str] = SYMBOLS,
    traders: Traders | None = None,
    weather: Weather | None = None,
) -> dict[str, object]:
    """Run a twin world minute by minute for ``days`` and return the estimator's score against its truth.

    Its traders and its weather are drawn by the seed, unless they are given.
    """
    traders, weather = traders or Traders.drawn(seed), weather or Weather.drawn(seed)
    world = World(seed, history_days=0.0, symbols=symbols, traders=traders, weather=weather)
    venues = {
        key: _Venue(market, np.random.default_rng([seed, at]))
        for at, (key, market) in enumerate(world.markets.items())
    }
    minutes = round(days * 1440)
    warmup = round(min(WARMUP_DAYS_MAX, days / 4) * 1440)
    scores = {
        symbol: SymbolScore(
            symbol.removesuffix("USDT"),
            {venue: _tiers(venues[venue, symbol].market) for venue in VENUES},
            warmup,
        )
        for symbol in symbols
    }
    for _ in range(minutes):
        world.run_minute()
        for symbol, made in scores.items():
            now = {venue: venues[venue, symbol].minute() for venue in VENUES}
            made.minute(now, lambda venue, symbol=symbol: venues[venue, symbol].positions())  # type: ignore[misc]
    for made in scores.values():
        made.finish()
    result = report(scores, seed, days)
    habits = {name: value for name, value in asdict(traders).items() if name != "leverage_shares"}
    result["traders"] = {**habits, **asdict(weather)}
    return result


def run_score(
    seed: int, days: float, as_json: bool, out: TextIO, symbols: Sequence[str] | None = None
) -> int:
    """Score one seed and write the result: one line of JSON, or a line a measure."""
    result = score_twin(seed, days, symbols or SYMBOLS)
    if as_json:
        out.write(json.dumps(result) + "\n")
    else:
        out.writelines(f"{name:24} {_text(value)}\n" for name, value in result.items())
    return 0


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return "  ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return " to ".join(_text(part) for part in value)
    return str(value)


def _tiers(market: Market) -> Tiers:
    """Return the tiers the estimator would have: those a venue publishes, else the bundled ones."""
    contract = market.contract
    if contract.venue == "binance":
        return bundled_tiers(contract.venue, contract.symbol)
    floors, rates, deductions, leverages = market.tiers
    caps = [*floors[1:].tolist(), float("inf")]
    rows = tuple(
        Tier(*(float(value) for value in values))
        for values in zip(floors, caps, rates, deductions, leverages, strict=True)
    )
    source = "risk-limit" if contract.venue == "bybit" else "position-tiers"
    return Tiers(contract.venue, contract.symbol, date.min, source, rows)
