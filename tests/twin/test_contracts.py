"""Contracts that open, close and change their steps while they are watched; clocks that differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from leadline.clock import wall_ms
from leadline.domain.events import BookChanged, BookState, Event
from leadline.domain.ladder import LadderFlags
from leadline.feed import venue_feed
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.session import ALL_VENUES
from leadline.twin import binance as twin_binance
from leadline.twin.faults import Faults
from leadline.twin.main import Twin
from leadline.units import Step
from tests.twin.markets import Reader, Witness, live, market_of

VENUES = ("binance", "bybit", "okx")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_feed, "CONTRACTS_EVERY_S", 0.5)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.05)


def facts(hub: Hub, symbol: str) -> dict[str, Any]:
    (told,) = hub.sessions[symbol].state(ALL_VENUES, 1)["venues"]  # type: ignore[misc]
    return dict(told)


@pytest.mark.parametrize("venue", VENUES)
async def test_a_contract_that_is_taken_off_is_closed_and_said_and_one_that_opens_joins(venue: str) -> None:
    closed = Faults(delist=("ETHUSDT",))
    async with Twin(seed=4, history_days=0.02) as twin, market_of(twin, venue) as hub:
        reader = Reader()
        hub.watchers.add(reader)
        witness = Witness(hub.sessions["BTCUSDT"])
        twin.servers[venue].faults = closed
        await until(lambda: facts(hub, "ETHUSDT")["state"] == "idle")
        told = facts(hub, "ETHUSDT")
        assert (told["trading"], told["since"], told["resync_ms"]) == (False, None, None)
        assert reader.told("does not trade ETHUSDT")
        assert hub.sessions["ETHUSDT"].ladder(ALL_VENUES, 1, 5, 0).flags == LadderFlags.SIMULATED
        await until(lambda: hub.statuses[venue].replacements == 1)
        assert facts(hub, "ETHUSDT")["state"] == "idle"

        twin.servers[venue].faults = Faults()
        await until(lambda: facts(hub, "ETHUSDT")["state"] == "live")
        assert facts(hub, "ETHUSDT")["trading"] is True
        assert reader.told(f"{venue.capitalize()} trades ETHUSDT now")
        # The others went on as if nothing had happened.
        assert set(witness.states) == {BookState.LIVE}
        assert hub.statuses[venue].replacements == 2


@pytest.mark.parametrize("venue", VENUES)
async def test_a_contract_that_does_not_trade_yet_waits_and_disturbs_nobody(venue: str) -> None:
    faults = {venue: Faults(prelaunch=("ETHUSDT",))}
    async with Twin(seed=4, faults=faults, history_days=0.02) as twin, market_of(twin, venue, 1) as hub:
        assert facts(hub, "ETHUSDT")["state"] == "idle"
        witness = Witness(hub.sessions["SOLUSDT"])
        await asyncio.sleep(1.5)
        assert hub.statuses[venue].replacements == 0
        twin.servers[venue].faults = Faults()
        await until(lambda: live(hub.sessions["ETHUSDT"], venue))
        assert set(witness.states) == {BookState.LIVE}


async def test_when_all_contracts_are_closed_the_server_goes_on() -> None:
    faults = {"okx": Faults(prelaunch=("BTCUSDT", "ETHUSDT", "SOLUSDT"))}
    async with Twin(seed=4, faults=faults, history_days=0.02) as twin, market_of(twin, "okx", 3) as hub:
        await until(lambda: "okx" in hub.sessions["BTCUSDT"].venues)
        twin.servers["okx"].faults = Faults()
        await until(lambda: all(live(session, "okx") for session in hub.sessions.values()))


async def test_a_change_of_the_tick_rebuilds_the_book_without_a_stale_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = twin_binance._symbol_row
    finer = False

    def row(market: Any, status: str) -> dict[str, Any]:
        made = usual(market, status)
        if finer and made["symbol"] == "BTCUSDT":
            made["filters"][0]["tickSize"] = "0.01"
        return made

    monkeypatch.setattr(twin_binance, "_symbol_row", row)
    async with Twin(seed=4, history_days=0.02) as twin, market_of(twin, "binance") as hub:
        session = hub.sessions["BTCUSDT"]
        epoch, price, witness = session.epoch, session.price(), Witness(session)
        assert price is not None
        finer = True
        await until(lambda: session.tick == Step.of("0.01") and live(session, "binance"))
        await asyncio.sleep(0.5)
        assert set(witness.states) == {BookState.LIVE}
        assert session.epoch > epoch, "who holds a ladder in the old ticks needs a keyframe"
        assert session.price() == pytest.approx(price, rel=0.05)


async def test_the_difference_of_the_clocks_is_measured_and_told() -> None:
    start_ms = wall_ms() + 600_000
    async with Twin(seed=4, history_days=0.02, start_ms=start_ms) as twin:
        async with market_of(twin, "bybit") as hub:
            told_ms = facts(hub, "BTCUSDT")["clock_ms"]
            ahead_ms = twin.world.now_ms - wall_ms()
        # The twin's clock moves in steps of 50 ms, and may fall behind on a busy machine.
        assert ahead_ms - 100 <= told_ms <= 601_000
        rest = hub.statuses["bybit"].rest
        assert rest is not None
        assert rest.clock_offset_ms == told_ms


@pytest.mark.parametrize("venue", VENUES)
async def test_a_contract_under_another_name_is_closed_and_said(venue: str) -> None:
    async with Twin(seed=4, history_days=0.02) as twin, market_of(twin, venue) as hub:
        reader, witness = Reader(), Witness(hub.sessions["BTCUSDT"])
        hub.watchers.add(reader)
        twin.servers[venue].faults = Faults(rename=("ETHUSDT",))
        await until(lambda: not live(hub.sessions["ETHUSDT"], venue))
        await until(lambda: facts(hub, "ETHUSDT")["trading"] is False)
        assert reader.told(f"{venue.capitalize()} does not trade ETHUSDT")
        assert hub.sessions["ETHUSDT"].ladder(ALL_VENUES, 1, 5, 0).flags == LadderFlags.SIMULATED
        twin.servers[venue].faults = Faults()
        await until(lambda: live(hub.sessions["ETHUSDT"], venue))
        assert set(witness.states) == {BookState.LIVE}


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_contract_that_becomes_1000_coins_is_never_shown_in_two_units(venue: str) -> None:
    async with Twin(seed=4, history_days=0.05) as twin, market_of(twin, venue) as hub:
        session, reader = hub.sessions["ETHUSDT"], Reader()
        hub.watchers.add(reader)
        heat = session.heat
        assert isinstance(heat, SymbolHeat)
        await until(lambda: heat.fuel(0) is not None)
        tick, before = float(session.tick), session.price()
        assert before is not None
        mixed: list[str] = []
        seen: set[BookState] = set()

        accept = session.accept

        def watched(event: Event) -> None:
            """In the new steps all that is live is in the new unit."""
            accept(event)
            view = session.venues[venue]
            if isinstance(event, BookChanged):
                seen.add(event.state)
            if float(session.tick) < 100 * tick or not live(session, venue):
                return
            ladder, fuel = session.ladder(ALL_VENUES, 1, 5, session.tape.count), heat.fuel(0)
            told = {"bid": ladder.bid_tick * float(session.tick), "mark": view.mark, "price": session.price()}
            told["estimate"] = None if fuel is None else fuel.mark
            mixed.extend(
                f"{name} {one}" for name, one in told.items() if one and not 900 < one / before < 1100
            )

        session.accept = watched  # type: ignore[method-assign]  # also of books, which a listener does not hear
        epoch = session.epoch
        twin.servers[venue].faults = Faults(multiplier=("ETHUSDT",))
        await until(lambda: session.venues[venue].instrument.tick.fraction > 100 * Fraction(tick))
        await until(lambda: live(session, venue) and session.venues[venue].mark is not None)
        assert reader.told(f"{venue.capitalize()} counts ETHUSDT in another unit now")
        await until(lambda: heat.fuel(0) is not None)
        fuel, now = heat.fuel(0), session.price()
        assert fuel is not None
        assert now is not None
        assert mixed == []
        assert seen > {BookState.LIVE}
        assert session.epoch > epoch
        assert 900 < now / before < 1100
        assert all(100 < one.near / before < 10_000 for one in fuel.clusters)
        assert session.day_change_pct() is None or abs(session.day_change_pct() or 0.0) < 20
        assert live(hub.sessions["BTCUSDT"], venue)
