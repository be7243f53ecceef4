"""Ten minutes of three venues under faults, for each seed: see tests/twin/simulation.py.

LEADLINE_SEEDS="1-200" runs more seeds than the few of an ordinary run.
"""

from __future__ import annotations

import os

import pytest

from leadline.domain.events import BookState
from leadline.twin.faults import Faults
from tests.twin.recovery import FOUND_MS_MAX, measure
from tests.twin.simulation import RUN_S, Simulation


def seeds() -> list[int]:
    first, _, last = os.environ.get("LEADLINE_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.mark.parametrize("seed", seeds())
def test_whatever_breaks_what_is_live_is_true_and_what_is_lost_comes_back(seed: int) -> None:
    report = Simulation(seed).run(RUN_S)
    assert report.seen["compared"] > 200, report.summary()
    assert report.seen["ladders"] > 5_000, report.summary()
    assert not report.failures, f"{report.summary()}\nrun it again: make simulate SEEDS={seed}"


def test_a_loss_is_found_shown_and_mended_in_time() -> None:
    found = measure(range(1, 2))
    assert found.keys() >= {"resync", *FOUND_MS_MAX}
    assert found["above_the_limit"] == []


def test_the_same_seed_is_the_same_run() -> None:
    one, other = Simulation(7).run(30.0), Simulation(7).run(30.0)
    assert (one.log, one.seen, one.recovery_ms) == (other.log, other.seen, other.recovery_ms)
    assert one.log != Simulation(8).run(30.0).log


@pytest.mark.parametrize("fault", ["delist", "prelaunch"])
def test_a_contract_that_is_not_traded_disturbs_its_neighbours_once_at_most(fault: str) -> None:
    simulation = Simulation(3, "BTCUSDT", neighbours=("ETHUSDT",), peace=True)
    simulation.timeline.run_until(10_000)
    epochs = {}
    for name, venue in simulation.venues.items():
        assert venue.live
        epochs[name] = venue.book.epoch
        venue.server.faults = Faults.of({fault: ["ETHUSDT"]})
    simulation.timeline.run_until(130_000)
    for name, venue in simulation.venues.items():
        assert venue.live
        assert venue.book.epoch - epochs[name] <= 1, name
        assert venue.protocol.books["ETHUSDT"].state is BookState.STALE
        venue.server.faults = Faults()
    simulation.timeline.run_until(140_000)
    for name, venue in simulation.venues.items():
        assert venue.protocol.books["ETHUSDT"].state is BookState.LIVE, name
    assert not simulation.report.failures
