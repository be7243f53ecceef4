"""Compiles ahead what numba compiles on first use, into the caches beside the sources.

A fresh clone would otherwise compile for half a minute while its first phone waits for the map.  Each
part calls its kernels the way the product does, for a kernel is compiled for the kinds of arguments it
gets; where the caches are good this takes about two seconds and compiles nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TextIO

PRICE, COINS, MINUTE_MS = 100_000.0, 10_000.0, 60_000


def warm_reading() -> None:
    """The reading of raw messages, the books, and the map's columns: compiled when imported."""
    from leadline.domain import heatmap_kernels  # noqa: F401 - that is all
    from leadline.venues.adapter import load_raw_reader

    load_raw_reader()


def warm_estimate() -> None:
    """The bands: some minutes of market with all that can happen to them."""
    import numpy as np

    from leadline.domain.bands import Bands
    from leadline.domain.events import Completeness, PriceKind, Side
    from leadline.domain.leverage import bundled_tiers
    from leadline.venues.base import Candle

    bands = Bands(bundled_tiers("binance", "BTCUSDT"), PRICE, 0)
    bands.candle(Candle(0, PRICE, 1.001 * PRICE, 0.999 * PRICE, PRICE, COINS, None, MINUTE_MS))
    bands.open_interest(COINS, MINUTE_MS)
    bands.trades(np.array([PRICE]), np.array([1.0]), np.array([True]))
    bands.open_interest(COINS + 1.0, 2 * MINUTE_MS)
    bands.funding(0.001)
    bands.mark(0.99 * PRICE, 3 * MINUTE_MS)
    print_at_ms = 3 * MINUTE_MS + 1
    bands.liquidation(Side.BUY, 1.0, 0.99 * PRICE, PriceKind.TRIGGER, Completeness.FULL, print_at_ms)
    bands.deleveraged(Side.SELL, 1.0)
    bands.mark(0.98 * PRICE, 5 * MINUTE_MS)
    bands.outline(bands.profile().origin, 1)
    bands.load()


def warm_twin() -> None:
    """The simulated venues: a past long enough to settle funding, a step, and what changed in a book."""
    import numpy as np

    from leadline.twin import kernels
    from leadline.twin.world import World

    world = World(1, history_days=0.4, symbols=("BTCUSDT",))
    market = next(iter(world.markets.values()))
    old = market.view(50)
    world.run_step()
    new, out = market.view(50), np.zeros((2, 100), dtype=np.int64)
    kernels.difference(old.bid_ticks, old.bid_lots, new.bid_ticks, new.bid_lots, 1, out[0], out[1])


PARTS: tuple[Callable[[], None], ...] = (warm_twin, warm_reading, warm_estimate)


def run_warm(out: TextIO) -> int:
    """Run `leadline warm`: all parts, two at a time; return the exit code."""
    began_s = time.monotonic()
    out.write("compiling for this machine, once (half a minute) ...\n")
    out.flush()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for part in [pool.submit(part) for part in PARTS]:
            part.result()
    out.write(f"compiled in {time.monotonic() - began_s:.0f} s\n")
    return 0
