"""Speed of price, and arrival times that are never made up."""

import pytest

from leadline.domain.pace import Pace


def moved(per_second: float, seconds: int) -> Pace:
    pace = Pace()
    for second in range(seconds + 1):
        pace.observe(1000 + per_second * second, second * 1000)
    return pace


def test_a_steady_move_is_measured_as_its_speed() -> None:
    pace = moved(0.5, 1200)
    assert pace.per_min == pytest.approx(30, rel=0.01)
    assert pace.minutes_to(60) == pytest.approx(2, rel=0.01)


def test_moving_away_or_resting_has_no_arrival() -> None:
    assert moved(0.5, 100).minutes_to(-10) is None
    assert moved(0.0, 100).minutes_to(10) is None
    assert Pace().minutes_to(10) is None


def test_observations_too_close_together_are_skipped() -> None:
    pace = Pace()
    pace.observe(100, 0)
    pace.observe(101, 100)
    assert pace.per_min is None
