"""The liquidation engine: who dies, when, and what that does to the price."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.twin import kernels as k
from leadline.twin.market import Market
from leadline.twin.world import World


@pytest.fixture
def market() -> Market:
    world = World(21, history_days=0.05)
    world.advance(2_000)
    return world.markets["binance", "BTCUSDT"]


@pytest.mark.parametrize("drift", [-1, 1])
def test_a_position_dies_when_the_mark_reaches_its_trigger_and_never_before(
    market: Market, drift: int
) -> None:
    price, died = market.index, 0
    for _ in range(400):
        price *= 1.0 + drift * 1.5e-4
        before = market.positions()
        market.run_step(price, 0.0)
        ids, trigger, side = before[:, k.P_ID], before[:, k.P_TRIGGER], before[:, k.P_SIDE]
        reached = (trigger > 0) & ((market.mark - trigger) * side <= 0.0)
        left = market.positions()[:, k.P_ID]
        dying = np.array([death.position for death in market.new_deaths])
        # Whoever was reached is dying or, closed by its owner in the same step, gone; nobody else is dying.
        assert np.isin(ids[reached & np.isin(ids, left)], dying).all()
        assert not np.isin(ids[~reached], dying).any()
        for death in market.new_deaths:
            own = before[ids == death.position]
            assert len(own) == 0 or death.bankrupt == pytest.approx(own[0, k.P_BANKRUPT])
        died += len(dying)
    assert died > 20
    assert market.long_lots == market.short_lots


def test_a_cascade_eats_the_book_and_moves_the_price(market: Market) -> None:
    best_bid, interest = market.best_bid, market.long_lots
    longs = np.sort(market.positions()[market.positions()[:, k.P_SIDE] > 0, k.P_TRIGGER])[::-1]
    mark = float(longs[60])
    market.head[k.STEP] += 1
    market.head[[k.CHANGED, k.TRADES, k.LIQUIDATIONS]] = 0
    signed_usd = k.liquidate_in_book(
        market.params, market.head, market.book, market._log, market._trades, market.table, market.stats,
        market._deaths, mark,
    )  # fmt: skip
    trades = market._trades[:, : market.head[k.TRADES]]
    assert signed_usd < 0
    assert market.head[k.LIQUIDATIONS] >= 40
    assert (trades[k.T_SIDE] == -1).all()
    assert (trades[k.T_KIND] == 1).all()
    assert market.best_bid < best_bid
    assert market.long_lots == market.short_lots
    assert market.long_lots <= interest


def test_forced_orders_push_the_reference_and_so_every_venue() -> None:
    calm, shaken = World(8, history_days=0.0), World(8, history_days=0.0)
    shaken._shock_bp[0] = -25.0
    calm.advance(1_000)
    shaken.advance(1_000)
    for venue in ("binance", "bybit", "okx"):
        for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
            assert shaken.markets[venue, symbol].index < calm.markets[venue, symbol].index


def test_no_forced_fill_is_worse_than_the_bankruptcy_price() -> None:
    world = World(2, history_days=0.2)
    deaths = []
    for _ in range(24_000):
        world.run_step()
        deaths += [(m, death) for m in world.markets.values() for death in m.new_deaths if death.filled]
        if len(deaths) >= 5:
            break
    assert deaths
    for market, death in deaths:
        tick = float(market.contract.tick)
        assert (death.average - death.bankrupt) * death.side >= -tick
        assert death.filled <= death.lots
