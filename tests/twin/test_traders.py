"""The habits of the twin's traders: drawn by seed, each with the effect its name promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.twin import kernels as k
from leadline.twin.kernels import LEVERAGES
from leadline.twin.market import Market
from leadline.twin.traders import HABITS, LAWS, USUAL, Traders, Weather, size_factor
from leadline.twin.world import World


def market(traders: Traders, minutes: int = 0) -> Market:
    world = World(3, history_days=0.0, symbols=["BTCUSDT"], traders=traders)
    for _ in range(minutes):
        world.run_minute()
    return world.markets["bybit", "BTCUSDT"]


def interest_by_leverage(traders: Traders) -> np.ndarray:
    shares = np.array(traders.leverage_shares) * [size_factor(leverage) for leverage in LEVERAGES]
    return np.asarray(shares / shares.sum())


def test_a_seed_draws_the_same_traders_and_seeds_in_turn_all_leverage_laws() -> None:
    assert Traders.drawn(4) == Traders.drawn(4)
    assert Weather.drawn(4) == Weather.drawn(4)
    drawn = [Traders.drawn(seed) for seed in range(len(LAWS))]
    assert {traders.law for traders in drawn} == set(LAWS)
    assert len({traders.leverage_shares for traders in drawn}) == len(drawn)
    for shares in LAWS.values():
        assert sum(shares) == pytest.approx(1.0)


def test_the_hyperliquid_law_has_the_published_quantiles() -> None:
    published = np.array(LAWS["hyperliquid"])
    levels = np.array(LEVERAGES)
    assert published[levels < 3].sum() == pytest.approx(2.77 / 7.63, abs=0.002)
    assert published[levels < 7].sum() == pytest.approx((2.77 + 3.70) / 7.63, abs=0.002)
    seed = next(seed for seed in range(len(LAWS)) if Traders.drawn(seed).law == "hyperliquid")
    assert interest_by_leverage(Traders.drawn(seed)) == pytest.approx(published, abs=0.15)


def test_a_habit_taken_out_leaves_the_others() -> None:
    traders = Traders.drawn(1)
    for habit in HABITS:
        assert traders.without(habit) != traders
    assert traders.without("openers") == replace(traders, lean=0.0)
    with pytest.raises(ValueError, match="expected one of"):
        traders.without("luck")


def test_whatever_the_habits_each_contract_has_one_long_and_one_short() -> None:
    for seed in (1, 2):
        made = market(Traders.drawn(seed), minutes=120)
        assert made.long_lots == made.short_lots


def test_hedgers_are_short_and_unlevered() -> None:
    made = market(replace(USUAL, hedger_share=0.5))
    rows = made.positions()
    unlevered = rows[:, k.P_LEVERAGE] == 1.0
    shorts = rows[:, k.P_SIDE] < 0
    assert unlevered[shorts].mean() > 2 * unlevered[~shorts].mean() > 0.2


def test_holders_near_their_trigger_add_margin_and_others_do_not() -> None:
    made = market(replace(USUAL, rescues_per_h=1e4))
    before = made.positions()
    mark = made.mark * 0.99
    k.rescue_positions(made.params, made.state, made.table, made.tiers, made.stats, mark, 1.0)
    after = made.positions()
    moved = after[:, k.P_TRIGGER] != before[:, k.P_TRIGGER]
    way = np.abs(before[:, k.P_ENTRY] - before[:, k.P_TRIGGER])
    near = (before[:, k.P_TRIGGER] > 0) & (np.abs(mark - before[:, k.P_TRIGGER]) <= 0.35 * way)
    assert moved.any()
    assert near[moved].all()
    sides = before[:, k.P_SIDE]
    assert ((before[:, k.P_TRIGGER] - after[:, k.P_TRIGGER])[moved] * sides[moved] > 0).all()


def test_who_takes_profits_keeps_losers() -> None:
    made = market(replace(USUAL, profit_taking=0.9))
    price = made.mark
    rows = made.positions()
    losing = (price - rows[:, k.P_ENTRY]) * rows[:, k.P_SIDE] < 0
    longs = rows[:, k.P_SIDE] > 0
    picked = [k.pick_position(made.params, made.state, made.table, made.stats, 1, price) for _ in range(400)]
    assert losing[picked].mean() < 0.5 * losing[longs].mean()


def test_openers_lean_with_the_crowd_or_against_it() -> None:
    def longs(lean: float) -> float:
        made = market(replace(USUAL, lean=lean))
        path = np.full(6, made.mark)
        opened = made.stats[k.NEXT_ID]
        for _ in range(60):
            made.run_minute(path, 1.0)
        rows = made.positions()
        # Makers take the other side at once, so it is the takers' buying that shows.
        assert (rows[:, k.P_ID] > opened).any()
        return float(made.bars.rows[-60:, 6].sum() / made.bars.rows[-60:, 5].sum())

    assert longs(0.5) > longs(-0.5)
