"""Connections replaced before the venue ends them: nobody who looks at a book sees it stale."""

from __future__ import annotations

import asyncio

import pytest

from leadline.domain.events import BookState
from leadline.domain.ladder import LadderFlags
from leadline.feed.session import ALL_VENUES
from leadline.twin.faults import Faults
from leadline.twin.main import Twin
from leadline.venues import source as source_module
from tests.twin.markets import Witness, live, market_of


@pytest.mark.parametrize(
    ("venue", "lifetime_s", "close_every_s"),
    # Binance tells nothing and closes at an age we know; OKX announces it, here two seconds before.
    [("binance", 2.0, 5.0), ("okx", None, 4.0)],
)
async def test_the_books_stay_live_while_the_venue_ends_every_connection(
    venue: str, lifetime_s: float | None, close_every_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lifetime_s is not None:
        monkeypatch.setitem(source_module.LIFETIME_S, venue, lifetime_s)
    faults = {venue: Faults(close_every_s=close_every_s)}
    async with Twin(seed=3, faults=faults, history_days=0.02) as twin, market_of(twin, venue) as hub:
        witnesses = {symbol: Witness(session) for symbol, session in hub.sessions.items()}
        epochs = {symbol: session.epoch for symbol, session in hub.sessions.items()}
        before = hub.statuses[venue].replacements
        async with asyncio.timeout(30):
            while hub.statuses[venue].replacements < before + 3:
                await asyncio.sleep(0.1)
        # The first connections would be gone by now.
        await asyncio.sleep(1.0)
        for symbol, witness in witnesses.items():
            assert set(witness.states) == {BookState.LIVE}, f"{symbol}: {witness.states}"
            assert witness.flags == {LadderFlags.LIVE | LadderFlags.SIMULATED}
            assert len(witness.states) > 30
            view = hub.sessions[symbol].venues[venue]
            assert (view.book.stats.gaps, view.book.stats.resyncs, view.book.epoch) == (0, 0, 1)
            assert hub.sessions[symbol].epoch == epochs[symbol]
            assert view.mark is not None
            assert view.funding is not None


async def test_connections_that_end_unannounced_are_seen_as_stale_and_counted() -> None:
    """The proof that the test above can fail; and what the loss cost is told."""
    faults = {"binance": Faults(close_every_s=3.0)}
    async with Twin(seed=3, faults=faults, history_days=0.02) as twin, market_of(twin, "binance") as hub:
        session = hub.sessions["BTCUSDT"]
        witness = Witness(session)
        async with asyncio.timeout(20):
            while BookState.STALE not in witness.states or not live(session, "binance"):
                await asyncio.sleep(0.1)
        (told,) = session.state(ALL_VENUES, 1)["venues"]  # type: ignore[misc]
        assert hub.statuses["binance"].replacements == 0
        assert 0 < told["resync_ms"] == told["resync_p99_ms"] < 10_000
        assert told["epoch"] == 2
        assert told["since"] > hub.clock.wall_ms() - 20_000
