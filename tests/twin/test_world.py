"""The world: the same seed gives the same market, and nothing in it appears from nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.twin import kernels as k
from leadline.twin.contracts import SYMBOLS, VENUES, copies
from leadline.twin.history import AT_MS, CLOSE, HIGH, LOW, VOLUME
from leadline.twin.market import Market, View
from leadline.twin.world import World

HISTORY_DAYS = 0.05


def columns(view: View) -> list[list[int]]:
    return [part.tolist() for part in (view.bid_ticks, view.bid_lots, view.ask_ticks, view.ask_lots)]


def whole(market: Market) -> list[list[int]]:
    return columns(market.view(market.book.shape[1]))


def fingerprint(world: World) -> list[object]:
    return [
        (key, market.update_id, whole(market), market.positions().tolist(), market.fill_number, market.mark)
        for key, market in world.markets.items()
    ]


@pytest.fixture(scope="module")
def world() -> World:
    made = World(11, history_days=HISTORY_DAYS)
    made.advance(30_000)
    return made


def test_the_same_seed_gives_the_same_world_whatever_the_pieces_of_time() -> None:
    one, two = World(5, history_days=0.01), World(5, history_days=0.01)
    one.advance(3_000)
    for dt_ms in (20, 30, 1_234, 1_000, 716):
        two.advance(dt_ms)
    assert fingerprint(one) == fingerprint(two)


def test_another_seed_gives_another_world() -> None:
    one, two = World(5, history_days=0.0), World(6, history_days=0.0)
    assert fingerprint(one) != fingerprint(two)


def test_copies_trade_books_of_their_own_and_change_nothing_of_the_others() -> None:
    names = (*SYMBOLS, *copies(4))
    assert names[3:] == ("BTC2USDT", "ETH2USDT", "SOL2USDT", "BTC3USDT")
    plain, more = World(5, history_days=0.01), World(5, history_days=0.01, symbols=names)
    for world in (plain, more):
        world.advance(3_000)
    assert fingerprint(more)[: len(plain.markets)] == fingerprint(plain)
    assert len(more.markets) == len(names) * len(VENUES)
    model, copy = (more.markets["okx", symbol] for symbol in ("ETHUSDT", "ETH2USDT"))
    assert copy.contract.native == "ETH2-USDT-SWAP"
    assert copy.mark == pytest.approx(model.mark, rel=0.01)
    assert whole(copy) != whole(model)


def test_each_contract_has_one_long_and_one_short(world: World) -> None:
    for _ in range(200):
        world.run_step()
        for market in world.markets.values():
            assert market.long_lots == market.short_lots


def test_the_sums_kept_while_running_equal_a_recount_of_the_positions(world: World) -> None:
    for market in world.markets.values():
        table = market.positions()
        longs = table[:, k.P_SIDE] > 0
        assert table[longs, k.P_LOTS].sum() == market.stats[k.LONG_LOTS]
        assert table[~longs, k.P_LOTS].sum() == market.stats[k.SHORT_LOTS]
        assert (longs.sum(), (~longs).sum()) == (market.stats[k.LONGS], market.stats[k.SHORTS])
        assert len(set(table[:, k.P_ID].tolist())) == len(table)
        assert (table[:, k.P_LOTS] > 0).all()


def test_a_book_is_never_crossed_and_its_best_prices_are_levels(world: World) -> None:
    for _ in range(200):
        world.run_step()
        for market in world.markets.values():
            view = market.view(1)
            assert market.best_bid < market.best_ask
            assert (view.bid_ticks[0], view.ask_ticks[0]) == (market.best_bid, market.best_ask)


def test_books_are_as_deep_as_the_venues_ones(world: World) -> None:
    for market in world.markets.values():
        view = market.view(5_000)
        assert min(len(view.bid_ticks), len(view.ask_ticks)) > 350
        assert (market.best_ask - market.best_bid) <= 20
        price, lot = market.mark, float(market.contract.lot)
        near = view.ask_ticks < market.best_ask + price * 10e-4 / float(market.contract.tick)
        per_bp_usd = view.ask_lots[near].sum() * lot * price / 10.0
        assert 0.2 < per_bp_usd / market.contract.depth_usd < 5.0


def test_venues_follow_one_price_within_a_few_basis_points(world: World) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        marks = [world.markets[venue, symbol].mark for venue in ("binance", "bybit", "okx")]
        assert max(marks) / min(marks) - 1.0 < 20e-4
        assert len(set(marks)) == 3


def test_an_earlier_book_can_be_looked_up_exactly(world: World) -> None:
    market = world.markets["binance", "BTCUSDT"]
    seen = {}
    for _ in range(120):
        world.run_step()
        seen[market.update_id] = (market.step, whole(market))
    for update_id, (step, book) in seen.items():
        assert columns(market.view_at(market.step_of(update_id), 10**6)) == book
        assert market.update_id_at(step) == update_id
    with pytest.raises(LookupError):
        market.step_of(12)
    with pytest.raises(LookupError):
        market.view_at(market.step + 1, 10)


def test_the_window_of_a_book_follows_a_long_move_without_losing_the_rest() -> None:
    market = World(4, history_days=0.0).markets["okx", "SOLUSDT"]
    price, base = market.mark, int(market.head[k.BASE])
    for _ in range(400):
        price *= 0.9994
        before = market.step
        book = whole(market)
        market.run_step(price, 0.0)
        assert columns(market.view_at(before, 10**6)) == book
    assert market.head[k.BASE] < base
    assert market.best_bid * float(market.contract.tick) == pytest.approx(price, rel=0.01)


def test_history_joins_the_live_market_without_a_gap() -> None:
    world = World(9, history_days=0.05)
    before = {key: market.interest_coins for key, market in world.markets.items()}
    world.advance(61_000)
    for key, market in world.markets.items():
        bars = market.bars.rows
        assert (np.diff(bars[:, AT_MS]) == 60_000).all()
        assert bars[-1, AT_MS] == world.now_ms // 60_000 * 60_000 - 60_000
        assert (bars[:, LOW] <= bars[:, CLOSE]).all()
        assert (bars[:, CLOSE] <= bars[:, HIGH]).all()
        assert (bars[:-1, VOLUME] > 0).all()
        assert abs(market.interest_coins / before[key] - 1.0) < 0.05
        assert abs(np.diff(np.log(bars[:, CLOSE]))).max() < 0.03


def test_longer_bars_are_made_of_the_minutes() -> None:
    market = World(9, history_days=0.05).markets["bybit", "ETHUSDT"]
    minutes, fives = market.bars.rows, market.bars.every(5, market.running_bar())
    inside = (minutes[:, AT_MS] >= fives[3, AT_MS]) & (minutes[:, AT_MS] < fives[4, AT_MS])
    assert inside.sum() == 5
    assert fives[3, VOLUME] == pytest.approx(minutes[inside, VOLUME].sum())
    assert fives[3, HIGH] == minutes[inside, HIGH].max()
    assert (fives[:, AT_MS] % 300_000 == 0).all()


def test_funding_is_settled_every_eight_hours_and_moves_triggers() -> None:
    market = World(3, history_days=0.4).markets["okx", "BTCUSDT"]
    assert market.funding
    assert all(paid.at_ms % (8 * 3_600_000) == 0 for paid in market.funding)
    before = market.positions()
    k.settle_funding(market.params, market.table, market.tiers, market.stats, 0.001, market.mark)
    after = market.positions()
    moved = (after[:, k.P_TRIGGER] - before[:, k.P_TRIGGER])[before[:, k.P_TRIGGER] > 0]
    # Longs pay and shorts receive, so the trigger of either rises.
    assert (moved > 0).mean() > 0.99
