"""Trades lost on the way: in the end the volume is the truth's, and a venue that wants quiet has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from leadline.domain.events import BookState, Event
from leadline.domain.trades import Trades
from leadline.twin.faults import Faults
from leadline.twin.market import Fill
from leadline.venues import trade_numbers
from tests.twin.simulation import Simulation

ARRIVED_MS = 1_000  # by then a trade has been told or is missing


class Trial:
    """A peaceful market of Binance, and every trade that was made and that was told since ``begin``."""

    def __init__(self, seed: int) -> None:
        self.simulation = Simulation(seed, peace=True)
        self.venue = self.simulation.venues["binance"]
        self.server = self.venue.server
        self.late = 0
        self._told: list[Trades] = []
        self._made: list[Fill] = []
        self._since_ms = 0
        accept, run_step = self.simulation.session.accept, self.simulation.world.run_step

        def heard(event: Event) -> None:
            accept(event)
            if isinstance(event, Trades) and event.venue == "binance":
                self._told.append(event)
                self.late += event.late * len(event)

        def stepped() -> None:
            run_step()
            for market in self.server.markets.values():
                self._made += market.new_fills

        self.simulation.session.accept = heard  # type: ignore[method-assign]
        self.simulation.world.run_step = stepped  # type: ignore[method-assign]

    def run(self, seconds: float) -> None:
        self.simulation.timeline.run_until(self.simulation.clock.now_ms + round(seconds * 1_000))

    def begin(self, faults: Faults) -> None:
        self.run(8)
        assert self.venue.live
        self._since_ms = self.simulation.clock.wall_ms()
        self.run(2)
        self.server.faults = faults

    def mend(self, seconds: float) -> None:
        """End all faults and give what is missing this long to come."""
        self.server.faults = Faults()
        self.run(seconds)

    def differences(self) -> tuple[int, int]:
        """Return how many trades were never told, and how many once too often."""
        until_ms = self.simulation.clock.wall_ms() - ARRIVED_MS
        made = Counter((one.at_ms, one.tick, one.lots, one.side) for one in self._made)
        told = Counter(tuple(row) for event in self._told for row in event.columns.T.tolist())
        for counted in (made, told):
            for row in list(counted):
                if not self._since_ms <= row[0] < until_ms:
                    del counted[row]
        assert made
        return (made - told).total(), (told - made).total()


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_after_the_refill_the_volume_is_the_truth(share: float) -> None:
    trial = Trial(1)
    trial.begin(replace(Faults(), drop_trades=share))
    trial.run(20)
    trial.mend(10)
    stats = trial.venue.book.stats
    assert trial.differences() == (0, 0)
    assert trial.late == stats.trades_refilled > 3
    assert (stats.trades_lost, stats.gaps, trial.venue.book.state) == (0, 0, BookState.LIVE)


def test_trades_of_a_lost_connection_come_later() -> None:
    trial = Trial(2)
    trial.begin(Faults())
    for link in trial.venue.links.values():
        link.swallowing = True
    trial.run(15)
    trial.mend(15)
    assert trial.differences() == (0, 0)
    assert trial.late > 3


def test_a_venue_that_wants_quiet_has_it_and_is_asked_again_afterwards() -> None:
    trial = Trial(3)
    trial.begin(replace(Faults(), drop_trades=0.5, status=429, retry_after="14"))
    refused, requests = trial.simulation.report.seen["REST 429"], trial.server.requests
    trial.run(12)
    assert trial.simulation.report.seen["REST 429"] - refused <= 2
    assert trial.server.requests - requests <= 2
    assert trial.late == 0
    trial.mend(17)
    assert trial.differences() == (0, 0)
    assert trial.venue.book.stats.trades_lost == 0


def test_in_a_long_ban_what_is_missing_is_counted_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_numbers, "RETRY_MS", 1_000)
    trial = Trial(4)
    trial.begin(replace(Faults(), drop_trades=0.5, status=418, retry_after="600"))
    requests = trial.server.requests
    trial.run(10)
    trial.mend(25)
    never, twice = trial.differences()
    stats = trial.venue.book.stats
    assert (twice, trial.late) == (0, 0)
    assert never == stats.trades_lost > 3
    assert trial.server.requests - requests <= 2
    assert trial.venue.book.state is BookState.LIVE
