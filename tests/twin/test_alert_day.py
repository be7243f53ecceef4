"""Hours of a simulated market at the alert desk: see tests/twin/alert_day.py.

LEADLINE_SEEDS="1-8" and LEADLINE_HOURS="24" run more than the part of an hour of an ordinary run.
"""

from __future__ import annotations

import os

import pytest

from tests.twin.alert_day import AlertDay


def seeds() -> list[int]:
    first, _, last = os.environ.get("LEADLINE_SEEDS", "1").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.mark.parametrize("seed", seeds())
def test_every_approach_rings_once_and_nothing_else_does(seed: int) -> None:
    hours = float(os.environ.get("LEADLINE_HOURS", "0.3"))
    report = AlertDay(seed).run(hours)
    assert not report.failures, (
        f"{dict(report.seen)}\n{report.failures}\nrun it again: make alert-days SEEDS={seed}"
    )
