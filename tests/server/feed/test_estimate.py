"""The estimate fed by events: prints teach it, funding moves it, the state frame tells how sure it is."""

from __future__ import annotations

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
    Trade,
)
from leadline.domain.instrument import Instrument
from leadline.domain.leverage import bundled_tiers
from leadline.domain.pace import Pace
from leadline.feed.estimate import SymbolHeat
from leadline.units import Step
from leadline.venues.base import History
from tests.fakes.market import HandClock, instrument

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
                Trade(venue, "BTCUSDT", at_ms, round(PRICE * 10), 10, Side.BUY),
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
