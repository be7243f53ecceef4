"""The estimate fed by events: prints teach it, funding moves it, the state frame tells how sure it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.events import (
    Completeness,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.instrument import Instrument
from leadline.domain.ladder import Resting
from leadline.domain.leverage import bundled_tiers
from leadline.domain.pace import Pace
from leadline.domain.trades import Trades
from leadline.feed.estimate import HEAT_UNSEEN_MS, SymbolHeat
from leadline.units import Step
from leadline.venues.base import Candle, History
from tests.fakes.market import HandClock, instrument
from tests.fakes.market_week import BAR_MS, market_week

PRICE = 60_000.0
HOUR = 3_600_000


async def started(*venues: str) -> tuple[SymbolHeat, HandClock, dict[str, Instrument]]:
    clock = HandClock()
    heat = SymbolHeat(clock)
    heat.expect(len(venues))
    made = {venue: instrument(venue) for venue in venues}
    for venue, one in made.items():
        heat.take(Mark(venue, "BTCUSDT", 0, PRICE), one)
        heat.take(OpenInterest(venue, "BTCUSDT", 0, 50_000.0), one)
        await heat.build(one, bundled_tiers(venue, "BTCUSDT"), History(), until_ms=0)
    return heat, clock, made


def died(at_ms: int, coins: float = 5.0) -> Liquidation:
    return Liquidation(
        "bybit", "BTCUSDT", at_ms, Side.SELL, coins, PRICE * 1.006, PriceKind.BANKRUPTCY, Completeness.FULL
    )


def teach(heat: SymbolHeat, clock: HandClock, made: dict[str, Instrument], prints: int) -> None:
    """Let the mark swing and Bybit print, a print every five minutes."""
    for i in range(prints):
        at_ms = (i + 1) * 300_000
        for venue, one in made.items():
            events: list[Event] = [
                Mark(venue, "BTCUSDT", at_ms, PRICE * (1.008 if i % 2 else 1.0)),
                Trades.of(one, [(at_ms, round(PRICE * 10), 10, Side.BUY)]),
                OpenInterest(venue, "BTCUSDT", at_ms, 50_000.0),
            ]
            for event in events:
                heat.take(event, one)
        heat.take(died(at_ms + 400), made["bybit"])
    clock.now_ms += 2_000


def bands_of(heat: SymbolHeat, venue: str = "all") -> dict[str, object]:
    summary = heat.summary(venue, Step.of("0.1"), 100, Pace(), None)
    bands = summary["bands"]
    assert isinstance(bands, dict)
    return bands


async def test_without_prints_the_state_says_uncalibrated() -> None:
    heat, _, _ = await started("binance", "bybit")
    assert bands_of(heat) == {
        "calibrated": False,
        "factor": constants.UNCALIBRATED_FACTOR,
        "progress": 1.0,
        "heat_top_usd": bands_of(heat)["heat_top_usd"],
        "usual_days": 0,
        "oi_z": None,
        "tiers": {
            "binance": {"source": "brackets", "from": "2026-09-29", "later": True},
            "bybit": {"source": "risk-limit", "from": "2023-08-15", "later": False},
        },
        "suspect": [],
    }


async def test_a_complete_feed_calibrates_its_view_and_the_joint_one() -> None:
    heat, clock, made = await started("binance", "bybit")
    teach(heat, clock, made, constants.LEARNED_PRINTS_MIN + 10)
    for view in ("all", "bybit", "binance"):
        bands = bands_of(heat, view)
        assert bands["calibrated"] is True
        factor = bands["factor"]
        assert isinstance(factor, float)
        assert 1.0 < factor < constants.UNCALIBRATED_FACTOR


async def test_prints_that_came_while_the_bands_were_built_are_heard() -> None:
    clock = HandClock()
    heat = SymbolHeat(clock)
    one = instrument("bybit")
    heat.take(Mark("bybit", "BTCUSDT", 0, PRICE), one)
    heat.take(OpenInterest("bybit", "BTCUSDT", 0, 50_000.0), one)
    heat.take(died(500), one)
    await heat.build(one, bundled_tiers("bybit", "BTCUSDT"), History(), until_ms=0)
    estimate = heat._venues["bybit"]
    assert estimate.bands is not None
    assert estimate.bands.prints == 1


async def test_funding_moves_triggers_once_a_settlement_and_not_with_every_quote() -> None:
    heat, _, made = await started("bybit")
    bands = heat._venues["bybit"].bands
    assert bands is not None
    before = bands.profile()
    rate = 3 * constants.LOG_STEP
    for at_ms in range(0, 8 * HOUR, HOUR):
        heat.take(Funding("bybit", "BTCUSDT", at_ms, rate, 8 * HOUR), made["bybit"])
    assert bands.profile().long_coins.tobytes() == before.long_coins.tobytes()
    heat.take(Funding("bybit", "BTCUSDT", 8 * HOUR + 1, 0.0, 16 * HOUR), made["bybit"])
    after = bands.profile()
    np.testing.assert_allclose(after.long_coins[3:700], before.long_coins[:697])
    np.testing.assert_allclose(after.short_coins[903:], before.short_coins[900:-3])
    assert sum(bands.held_coins(Side.BUY)) == pytest.approx(50_000.0)


def golden_keys() -> tuple[set[str], set[str]]:
    """The keys the catalogue's example has: of the state's estimate, and of a cluster."""
    path = Path(__file__).resolve().parents[3] / "shared" / "wire" / "golden" / "state_clusters.json"
    facts = json.loads(path.read_text())["facts"]
    return set(facts), set(facts["clusters"][0])


async def test_the_summary_has_the_keys_of_the_catalogue_and_names_the_nearest_first() -> None:
    heat, clock, made = await started("binance", "bybit")
    book = np.array([1e-4, 1e-3, 1e-2])
    resting = Resting(PRICE, PRICE * (1 - book), np.full(3, 1e6), PRICE * (1 + book), np.full(3, 1e6))
    summary: Any = heat.summary("all", Step.of("0.1"), 100, Pace(), resting)
    state_keys, cluster_keys = golden_keys()
    assert set(summary) <= state_keys
    clusters = summary["clusters"]
    assert clusters
    assert all(set(cluster) == cluster_keys for cluster in clusters)
    for side, letter in (("short", "S"), ("long", "L")):
        own = [cluster for cluster in clusters if cluster["side"] == side]
        assert [cluster["name"] for cluster in own] == [f"{letter}{at + 1}" for at in range(len(own))]
        assert [c["distance_pct"] for c in own] == sorted(c["distance_pct"] for c in own)
    # Before an hour has passed nothing is known of how far price goes, and before a week of what is usual.
    assert (summary["bias"], summary["easier"]) == (None, None)
    assert summary["bands"]["usual_days"] == 0
    del clock, made


async def test_clusters_are_followed_while_nobody_watches() -> None:
    heat, clock, made = await started("binance")
    first: Any = heat.summary("all", Step.of("0.1"), 100, Pace(), None)
    near = next(cluster for cluster in first["clusters"] if cluster["side"] == "long")
    one, depth = made["binance"], near["hi"] - near["lo"]
    for share in (0.3, 0.6):
        clock.now_ms += HEAT_UNSEEN_MS + 1
        heat.take(Mark("binance", "BTCUSDT", clock.now_ms, (near["hi"] - share * depth) / 10), one)
        # Price leaves again before anybody looks.
        heat.take(Mark("binance", "BTCUSDT", clock.now_ms + 1, PRICE), one)
    clock.now_ms += HEAT_UNSEEN_MS + 1
    heat.take(OpenInterest("binance", "BTCUSDT", clock.now_ms, 40_000.0), one)
    heat.take(Mark("binance", "BTCUSDT", clock.now_ms, PRICE), one)
    later: Any = heat.summary("all", Step.of("0.1"), 100, Pace(), None)
    seen = {cluster["id"]: cluster for cluster in later["clusters"]}
    moves: Any = heat.moves("all")
    assert moves["long"]["triggered"] > 0
    assert moves["short"]["closed"] > 0
    told = moves["long"]
    change = told["opened"] - told["closed"] - told["triggered"] + told["moved"] + told["revalued"]
    assert change < 0
    touched = [cluster for cluster in seen.values() if cluster["touch"] == "touched"]
    closed = [cluster for cluster in seen.values() if cluster["split"]["closed"] > 0]
    assert closed
    assert all(cluster["side"] == "long" for cluster in touched)
    for cluster in seen.values():
        assert sum(cluster["split"].values()) <= 1.05 * cluster["most_usd"]


async def test_what_is_usual_comes_from_history_at_the_start() -> None:
    clock = HandClock()
    heat, one = SymbolHeat(clock), instrument("binance")
    bars, open_interest = market_week(3, bars=9 * 288)
    now_ms = clock.wall_ms()
    shift_ms = now_ms - bars[-1].at_ms - BAR_MS
    candles = [Candle(bar.at_ms + shift_ms, *bar[1:]) for bar in bars]
    past = [(at_ms + shift_ms, coins) for at_ms, coins in open_interest]
    heat.take(Mark("binance", "BTCUSDT", now_ms, bars[-1].close), one)
    heat.take(OpenInterest("binance", "BTCUSDT", now_ms, past[-1][1]), one)
    history = History(candles=candles, open_interest=past)
    await heat.build(one, bundled_tiers("binance", "BTCUSDT"), history, until_ms=now_ms)
    heat.take(Mark("binance", "BTCUSDT", now_ms, bars[-1].close), one)
    summary: Any = heat.summary("all", Step.of("0.1"), 100, Pace(), None)
    assert summary["bands"]["usual_days"] == 9
    assert isinstance(summary["bands"]["oi_z"], float)
    lifts = [cluster["lift"] for cluster in summary["clusters"]]
    assert lifts
    assert all(0.05 < lift < 20 for lift in lifts)
    # Uncalibrated, no bias is told however uneven the sides are.
    assert summary["bias"] is None


async def test_each_trade_counts_by_the_steps_it_was_made_in() -> None:
    heat, _, made = await started("binance")
    one = made["binance"]
    finer = replace(one, tick=Step(1, 2))
    heat.take(Trades.of(one, [(1, round(PRICE * 10), 1_000, 1)]), one)
    heat.take(Trades.of(finer, [(2, round(PRICE * 100) + 50, 1_000, -1)]), finer)
    heat.take(OpenInterest("binance", "BTCUSDT", 3, 50_000.0), finer)
    bar = heat._venues["binance"].bar
    assert (bar.open, bar.close, bar.volume) == (PRICE, pytest.approx(PRICE + 0.5), pytest.approx(2.0))


async def test_late_trades_move_no_close_and_no_minute_that_is_over() -> None:
    heat, clock, made = await started("binance")
    one, now_ms = made["binance"], clock.wall_ms()
    heat.take(Trades.of(one, [(now_ms, round(PRICE * 10), 1_000, 1)]), one)
    this, before = now_ms // 60_000 * 60_000, now_ms // 60_000 * 60_000 - 5_000
    rows = [(before, 10, 1_000, 1), (this, round(PRICE * 10) - 100, 2_000, -1)]
    heat.take(Trades.of(one, rows, late=True), one)
    heat.take(OpenInterest("binance", "BTCUSDT", 3, 50_000.0), one)
    bar = heat._venues["binance"].bar
    assert (bar.high, bar.low, bar.close) == (PRICE, pytest.approx(PRICE - 10), PRICE)
    assert (bar.volume, bar.taker_buy) == (pytest.approx(3.0), pytest.approx(1.0))


def trades(one: Instrument, at_ms: int, price: float, lots: int = 10_000) -> Trades:
    return Trades.of(one, [(at_ms, round(price / float(one.tick)), lots, 1)])


async def test_when_a_mark_falls_silent_trades_stand_in_and_it_is_said() -> None:
    heat, clock, made = await started("okx")
    one, quote = made["okx"], PRICE * 1.001  # the last price is 10 bp above the mark
    for second in range(60):
        clock.now_ms += 1_000
        heat.take(Mark("okx", "BTCUSDT", 1_000 * second, PRICE), one)
        heat.take(trades(one, 1_000 * second, quote), one)
        assert heat.codes("okx", one.tick, 100, 5_900).any()
    assert heat.standing("okx") == "in"
    bands = heat._venues["okx"].bands
    assert bands is not None
    before = bands.held_coins(Side.BUY)
    for second in range(60, 90):
        clock.now_ms += 1_000
        heat.take(trades(one, 1_000 * second, 0.98 * quote), one)
        heat.codes("okx", one.tick, 100, 5_900)
    assert heat.standing("okx") == "mark_estimated"
    assert bands.mark_price == pytest.approx(0.98 * PRICE, rel=1e-6)
    assert bands.held_coins(Side.BUY)[0] < before[0], "what trades reached stays in the bands"
    heat.take(Mark("okx", "BTCUSDT", 91_000, 0.99 * PRICE), one)
    assert heat.standing("okx") == "in"
    assert bands.mark_price == 0.99 * PRICE


async def test_a_venue_that_tells_no_mark_starts_with_its_trades_and_one_without_interest_is_left_out() -> (
    None
):
    clock = HandClock()
    heat, one, other = SymbolHeat(clock), instrument("okx"), instrument("binance")
    for second in range(40):
        heat.take(trades(one, 1_000 * second, PRICE), one)
    heat.take(Mark("binance", "BTCUSDT", 0, PRICE), other)
    assert (heat.standing("okx"), heat.standing("bybit")) == ("building", "building")
    for made in (one, other):
        await heat.build(made, bundled_tiers(made.venue, "BTCUSDT"), History(), until_ms=0)
    assert heat.standing("binance") == "no_interest"
    heat.take(OpenInterest("okx", "BTCUSDT", 40_000, 50_000.0), one)
    heat.take(trades(one, 70_000, PRICE), one)
    heat.take(OpenInterest("okx", "BTCUSDT", 71_000, 50_000.0), one)
    assert heat.standing("okx") == "mark_estimated"
    assert heat.codes("okx", one.tick, 100, 5_900).any()
    assert not heat.codes("binance", other.tick, 100, 5_900).any()


async def test_the_map_tells_which_prices_there_were_since_a_moment() -> None:
    heat, clock, made = await started("binance", "okx")
    begun_ms = clock.wall_ms()
    assert heat.prices_since(begun_ms) is None
    for minute, low in enumerate((PRICE - 50, PRICE - 10, PRICE)):
        for venue, one in made.items():
            at_ms = (minute + 1) * 60_000
            # Another venue is a little off: the first one's prices count.
            own = low - (300 if venue == "okx" else 0)
            heat.take(Mark(venue, "BTCUSDT", at_ms, PRICE), one)
            ticks = [(at_ms, round(price * 10), 10, Side.BUY) for price in (own, PRICE + 5)]
            heat.take(Trades.of(one, ticks), one)
        clock.now_ms += 60_000
        heat.end_minute()
    assert heat.prices_since(begun_ms) == (PRICE - 50, PRICE + 5)
    assert heat.prices_since(begun_ms + 60_000) == (PRICE - 10, PRICE + 5)
    path = heat.path_since(begun_ms + 60_000)
    assert [at_ms - begun_ms // 60_000 * 60_000 for at_ms, _ in path] == [120_000, 180_000]
    assert {price for _, price in path} == {PRICE + 5}
    assert heat.path_since(clock.wall_ms() + HOUR) == []
    assert heat.prices_since(begun_ms - 30 * 24 * HOUR) == (PRICE - 50, PRICE + 5)
