"""The world: one reference price a symbol, nine markets that follow it and push it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from leadline.twin import kernels as k
from leadline.twin.contracts import CONTRACTS, SYMBOLS, VENUES, contracts_of
from leadline.twin.market import STEP_MS, Market
from leadline.twin.traders import MILD, USUAL, Traders, Weather

START_MS = 1_790_000_000_000
HISTORY_DAYS = 7.0
MINUTE_MS = 60_000
PARTS_OF_MINUTE = 6
# Dollars traded against the usual depth move the price for good by this share of the book they ate.
LASTING_SHARE = 0.2
BETAS = np.array([1.0, 1.15, 1.35])
OWN_SIGMAS = np.array([0.05, 0.25, 0.40]) / np.sqrt(365.0 * 86_400.0)


class World:
    """Seeded and deterministic: the same seed, start and schedule of advances give the same world.

    seed: any int; start_ms: Unix time at which the fine steps begin; history_days: how much to run
    before that in coarse one-minute steps, so that bars, open interest, funding and positions exist;
    symbols: which of SYMBOLS, and copies of them, are traded.  A copy follows its model's price and
    does not push it.  traders, weather: by whom, and how the price moves.
    """

    def __init__(
        self,
        seed: int,
        start_ms: int = START_MS,
        history_days: float = HISTORY_DAYS,
        symbols: Collection[str] = SYMBOLS,
        traders: Traders = USUAL,
        weather: Weather = MILD,
    ) -> None:
        self.seed = seed
        self.now_ms = start_ms
        self.steps = 0
        contracts = contracts_of(symbols)
        seeds = np.random.SeedSequence(seed).generate_state(1 + len(contracts), np.uint64).astype(np.uint64)
        self.markets = {
            key: Market(contract, int(own), traders)
            for (key, contract), own in zip(contracts.items(), seeds[1:], strict=True)
            if contract.symbol in symbols
        }
        self._state = seeds[:1].copy()
        self._reference = np.zeros(k.REFERENCE_SIZE)
        self._reference[k.SIGMA] = weather.volatility / np.sqrt(365.0 * 86_400.0)
        self._reference[k.REVERSION_PER_S] = 1.0 / (weather.reversion_days * 86_400.0)
        self._logs = np.zeros(len(SYMBOLS))
        self._slow_logs = np.zeros(len(SYMBOLS))
        self._shock_bp = np.zeros(len(SYMBOLS))
        self._owed_ms = 0
        self._starts = np.array([CONTRACTS[VENUES[0], symbol].start_price for symbol in SYMBOLS])
        self._depth_usd = np.array(
            [sum(CONTRACTS[venue, symbol].depth_usd for venue in VENUES) for symbol in SYMBOLS]
        )
        self._run_history(start_ms, history_days)

    def advance(self, dt_ms: int) -> int:
        """Advance the world; whole steps of STEP_MS are run, the rest is owed to the next call."""
        steps, self._owed_ms = divmod(self._owed_ms + dt_ms, STEP_MS)
        for _ in range(steps):
            self.run_step()
        return steps

    def run_step(self) -> None:
        """Advance by one step of STEP_MS."""
        prices, crowd = self._move(STEP_MS / 1000.0)
        self.steps += 1
        self.now_ms += STEP_MS
        flow_usd = np.zeros(len(SYMBOLS))
        for (_, symbol), market in self.markets.items():
            at = SYMBOLS.index(market.contract.model)
            flow = market.run_step(prices[at], crowd[at])
            flow_usd[at] += flow if symbol in SYMBOLS else 0.0
        self._shock_bp = LASTING_SHARE * flow_usd / self._depth_usd

    def run_minute(self) -> None:
        """Advance by a minute without books: bars, open interest, positions and liquidations alone."""
        path = np.zeros((len(SYMBOLS), PARTS_OF_MINUTE))
        part_s = 60.0 / PARTS_OF_MINUTE
        k.reference_path(self._reference, self._state, self._shock_bp, BETAS, OWN_SIGMAS, part_s, path)
        prices, crowd = self._starts[:, None] * np.exp(path), self._lean(path[:, -1], 60.0)
        flow_usd = np.zeros(len(SYMBOLS))
        for (_, symbol), market in self.markets.items():
            at = SYMBOLS.index(market.contract.model)
            flow = market.run_minute(prices[at], crowd[at])
            flow_usd[at] += flow if symbol in SYMBOLS else 0.0
        # A minute is too coarse for the book to refill between two waves of a cascade: bound its push.
        self._shock_bp = np.clip(LASTING_SHARE * flow_usd / self._depth_usd, -10.0, 10.0)
        self.now_ms += MINUTE_MS

    def _run_history(self, start_ms: int, history_days: float) -> None:
        minutes = round(history_days * 1440)
        self.now_ms = start_ms // MINUTE_MS * MINUTE_MS - minutes * MINUTE_MS
        for market in self.markets.values():
            market.populate(market.contract.start_price, self.now_ms)
        for _ in range(minutes):
            self.run_minute()
        self.now_ms = start_ms
        for market in self.markets.values():
            market.open_book(start_ms)

    def _move(self, dt_s: float) -> tuple[k.Floats, k.Floats]:
        """Advance the reference; return prices and, per symbol, how the crowd leans."""
        k.move_reference(self._reference, self._state, self._shock_bp, BETAS, OWN_SIGMAS, dt_s, self._logs)
        return self._starts * np.exp(self._logs), self._lean(self._logs, dt_s)

    def _lean(self, logs: k.Floats, dt_s: float) -> k.Floats:
        """Return how the crowd leans, -1 to 1: it follows the move of the last half hour."""
        self._slow_logs += (logs - self._slow_logs) * min(1.0, dt_s / 1800.0)
        return np.tanh((logs - self._slow_logs) / 0.006)
