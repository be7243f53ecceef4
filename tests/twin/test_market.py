"""The running market over the twin: a defect of ours costs a moment, never the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from leadline.clock import SystemClock
from leadline.domain.events import BookState, Event
from leadline.feed import market as market_module
from leadline.feed import venue_feed
from leadline.feed.hub import Hub
from leadline.feed.market import Market
from leadline.feed.session import SymbolSession
from leadline.twin.main import Twin
from leadline.venues.endpoints import Endpoints

VENUES = ("binance", "bybit", "okx")


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[SymbolSession]:
    """Run a market of one symbol over a twin of its own; yields the session."""
    async with Twin(seed=4, history_days=0.01) as twin:
        endpoints = {
            venue: Endpoints(
                rest=f"http://127.0.0.1:{twin.ports[venue]}", ws=f"ws://127.0.0.1:{twin.ports[venue]}"
            )
            for venue in VENUES
        }
        hub = Hub(SystemClock(), "twin", simulated=True)
        task = asyncio.create_task(Market(hub, ["BTCUSDT"], endpoints).run())
        try:
            yield hub.sessions["BTCUSDT"] if hub.sessions else await _first_session(hub, task)
            assert not task.done(), "the market ended by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _first_session(hub: Hub, task: asyncio.Task[None]) -> SymbolSession:
    while not hub.sessions and not task.done():
        await asyncio.sleep(0.01)
    return hub.sessions["BTCUSDT"]


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await asyncio.sleep(0.05)


def all_live(session: SymbolSession) -> bool:
    books = [view.book for view in session.venues.values()]
    return len(books) == len(VENUES) and all(book.state is BookState.LIVE for book in books)


async def test_a_defect_in_taking_an_event_restarts_that_venue_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(market_module, "RESTART_S", 0.2)
    async with running() as session:
        await until(lambda: all_live(session))
        accept, failed = SymbolSession.accept, []

        def failing(self: SymbolSession, event: Event) -> None:
            if event.venue == "okx" and not failed:
                failed.append(event)
                raise ArithmeticError("made up")
            accept(self, event)

        before = session.venues["okx"].book
        monkeypatch.setattr(SymbolSession, "accept", failing)
        await until(lambda: session.venues["okx"].book is not before)
        assert before.state is not BookState.LIVE
        await until(lambda: all_live(session))
    assert "okx failed; it starts over" in caplog.text
    assert "binance failed" not in caplog.text


async def test_an_estimate_that_fails_does_not_cost_the_book(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object) -> object:
        raise ArithmeticError("made up")

    monkeypatch.setattr(venue_feed, "load_tiers", failing)
    async with running() as session:
        await until(lambda: all_live(session) and caplog.text.count("no liquidation estimate") == len(VENUES))
        assert session.state("all", 10)["bands"] is None
