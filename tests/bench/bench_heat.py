"""What the liquidation bands cost: ours beside straightforward numpy and the memory they must touch.

``make bench-heat`` (or ``python -m tests.bench.bench_heat``) writes build/bench/heat.json.  Ours are the
calls the server makes, Python included.  The numpy version keeps the same bands in the same arrays and does
the same work without compiled loops.  The floor is a copy of as many bytes as an operation must read and
write.  All three take turns within a round; times are CPU time, medians over the rounds, ratios are taken
within a round and then their median.  The bootstrap keeps the map's columns too, which numpy's does without.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log
from pathlib import Path
from time import process_time

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.backcast import backcast
from leadline.domain.bands import STEP, Bands
from leadline.domain.kernels import F8
from leadline.domain.leverage import bundled_tiers
from leadline.domain.placement import distance_prior, trigger_kernels
from tests.fakes.market_week import market_week

OUT = Path(__file__).resolve().parents[2] / "build" / "bench"
PRICE = 60_000.0
TIERS = bundled_tiers("binance", "BTCUSDT")
TRADES = 100  # in a batch: what a busy symbol trades in the 50 ms between two flushes
SLICE_TRADES = 40  # between two samples of open interest, over a few basis points
CLASSES = len(constants.CLASS_DISTANCES)
SIDE_BYTES = CLASSES * constants.BINS * 8
GOALS_US = {"trade": 1.0, "oi_sample": 10.0, "snapshot": 60.0, "bootstrap": 300_000.0}


class Plain:
    """The bands in numpy: cells [2, J, n] on a fixed grid around the first price, no lazy scale."""

    SIZE = 6_144  # the farthest trigger of a long lies 2,248 bins below its entry

    def __init__(self) -> None:
        self.first = floor(log(PRICE) / STEP) - self.SIZE // 2
        self.cells: F8 = np.zeros((2, CLASSES, self.SIZE))
        self.pool: F8 = np.zeros(2)
        self.histogram: F8 = np.zeros(self.SIZE)
        self.prior = distance_prior(TIERS)
        self.oi_coins = 0.0
        self.volume = 0.0

    def trades(self, prices: F8, coins: F8, _bought: object) -> None:
        bins = np.floor(np.log(prices) / STEP).astype(np.int64) - self.first
        np.add.at(self.histogram, bins, coins)
        self.volume += float(coins.sum())

    def open_interest(self, coins: float) -> None:
        change = coins - self.oi_coins
        opened = max(change, 0.0) + constants.CHURN_KEPT / 2 * max(self.volume - abs(change), 0.0)
        offsets, widths, weights = trigger_kernels()
        if self.volume > 0:
            for entry in np.flatnonzero(self.histogram):
                here = opened * self.histogram[entry] / self.volume
                for side in range(2):
                    for j in range(CLASSES):
                        row = weights[side, j, 1 : widths[side, j] + 1] * (here * self.prior[j])
                        if side == 0:
                            begin = entry + offsets[side, j]
                            self.cells[side, j, begin : begin + len(row)] += row
                        else:
                            end = entry - offsets[side, j] + 1
                            self.cells[side, j, end - len(row) : end] += row[::-1]
        self.pool += opened * (1.0 - self.prior.sum())
        for side in range(2):
            held = self.cells[side].sum() + self.pool[side]
            if held > 0:
                self.cells[side] *= coins / held
                self.pool[side] *= coins / held
        self.oi_coins = coins
        self.histogram[:] = 0.0
        self.volume = 0.0

    def profile(self, price: float) -> tuple[F8, F8]:
        begin = floor(log(price) / STEP) - self.first - constants.PROFILE_BINS // 2
        view = self.cells[:, :, begin : begin + constants.PROFILE_BINS]
        ones = np.ones(CLASSES)
        coins = np.einsum("j,sjk->sk", ones, view)
        sds = np.sqrt(np.einsum("j,sjk->sk", ones, view * view))
        return coins, sds

    def bar(self, low: float, high: float, volume: float) -> None:
        first, last = (floor(log(price) / STEP) - self.first for price in (low, high))
        self.histogram[first : last + 1] += volume / (last + 1 - first)
        self.volume += volume
        self.cells[0, :, first:] = 0.0
        self.cells[1, :, : last + 1] = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """One operation: ours, numpy's, and how many bytes it must read and write; ``times`` a round."""

    name: str
    ours: Callable[[], object]
    plain: Callable[[], object]
    moved_bytes: int
    times: int
    plain_times: int
    per_call: int = 1


def filled() -> tuple[Bands, Plain]:
    """Return both after a day of trading."""
    random = np.random.default_rng(3)
    bands, plain = Bands(TIERS, PRICE, 0), Plain()
    for at in range(200):
        prices = PRICE * np.exp(random.normal(0, 0.004, 50))
        coins = random.lognormal(0, 1, 50)
        for one in (bands, plain):
            one.trades(prices, coins, coins > 1)
        bands.open_interest(90_000.0 + at, at * 1_000)
        plain.open_interest(90_000.0 + at)
    return bands, plain


def works() -> list[Work]:
    random = np.random.default_rng(4)
    bands, plain = filled()
    prices = PRICE * np.exp(random.normal(0, 4e-4, TRADES))
    coins, bought = random.lognormal(0, 1, TRADES), random.random(TRADES) > 0.5
    few = slice(0, SLICE_TRADES)
    level = iter(range(10**9))

    def sample() -> None:
        at = next(level)
        bands.trades(prices[few], coins[few], bought[few])
        bands.open_interest(90_000.0 + at % 7, 1_000_000 + at * 1_000)

    def plain_sample() -> None:
        plain.trades(prices[few], coins[few], bought[few])
        plain.open_interest(90_000.0 + next(level) % 7)

    def sweep() -> None:
        up = next(level) % 2
        bands.mark(PRICE * (1.0005 if up else 0.9995), 0)

    def plain_sweep() -> None:
        plain.cells[0, :, plain.SIZE // 2 - 1 :] = 0.0
        plain.cells[1, :, : plain.SIZE // 2 + 1] = 0.0

    widths = trigger_kernels()[1]
    bins = len(np.unique(np.floor(np.log(prices[few]) / STEP)))
    weeks = [market_week(seed) for seed in range(3)]

    def boot() -> None:
        for candles, interest in weeks:
            backcast(Bands(TIERS, candles[0].open, candles[0].at_ms), candles, interest)

    def plain_boot() -> None:
        for candles, interest in weeks:
            made = Plain()
            for bar, (_, oi) in zip(candles, interest, strict=True):
                made.bar(bar.low, bar.high, bar.volume)
                made.open_interest(oi)

    def placed(over: int) -> int:
        """Bytes read and written: each cell once, in the bands and in the ledger of flows."""
        return 2 * 16 * int((widths + over).sum())

    bar_bins = 8  # the middle of what a five-minute bar spans
    traded = Work(
        "trade",
        ours=lambda: bands.trades(prices, coins, bought),
        plain=lambda: plain.trades(prices, coins, bought),
        moved_bytes=17 * TRADES,
        times=2_000,
        plain_times=500,
        per_call=TRADES,
    )
    shown = Work(
        "snapshot",
        ours=bands.profile,
        plain=lambda: plain.profile(PRICE),
        moved_bytes=2 * SIDE_BYTES + 4 * constants.PROFILE_BINS * 8,
        times=500,
        plain_times=100,
    )
    return [
        traded,
        Work("mark_sweep", sweep, plain_sweep, 2 * 2 * CLASSES * 8, times=1_000, plain_times=500),
        Work("oi_sample", sample, plain_sample, placed(bins), times=500, plain_times=20),
        shown,
        Work("bootstrap", boot, plain_boot, 3 * len(weeks[0][0]) * placed(bar_bins), times=1, plain_times=1),
    ]


def timed(call: Callable[[], object], times: int) -> float:
    """Return CPU microseconds a call."""
    begin = process_time()
    for _ in range(times):
        call()
    return (process_time() - begin) / times * 1e6


def floor_us(moved_bytes: int) -> float:
    """Return how long copying takes that reads and writes ``moved_bytes`` together."""
    source = np.zeros(max(moved_bytes // 16, 1))
    target = np.empty_like(source)
    return timed(lambda: np.copyto(target, source), max(20, 2_000_000 // max(moved_bytes, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    results: dict[str, dict[str, object]] = {}
    for work in works():
        work.ours()
        seen = []
        for _ in range(rounds if work.name != "bootstrap" else min(rounds, 3)):
            ours = timed(work.ours, work.times) / work.per_call
            plain = timed(work.plain, work.plain_times) / work.per_call
            seen.append((ours, plain, floor_us(work.moved_bytes) / work.per_call))
        ours, plain, least = (statistics.median(values) for values in zip(*seen, strict=True))
        goal = GOALS_US.get(work.name)
        results[work.name] = {
            "us": round(ours, 3),
            "numpy_us": round(plain, 3),
            "floor_us": round(least, 4),
            "times_faster_than_numpy": round(statistics.median(p / o for o, p, _ in seen), 1),
            "times_the_floor": round(statistics.median(o / f for o, _, f in seen), 1),
            "goal_us": goal,
            "holds": None if goal is None else ours <= goal,
        }
    OUT.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"rounds": rounds, "trades_a_batch": TRADES, "of": results}, indent=2)
    (OUT / "heat.json").write_text(text + "\n")
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
