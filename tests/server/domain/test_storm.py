"""At most so many pushes, and one that tells of the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.storm import PUSHES_MAX, WINDOW_MS, Storm


def test_five_hundred_in_a_minute_are_the_budget_and_one_summary() -> None:
    storm = Storm()
    rang = sum(storm.admit(f"C{n % 7}", n * 120) for n in range(500))
    assert rang == PUSHES_MAX
    told = [one for at in range(60_000, 2 * WINDOW_MS, 1000) if (one := storm.summary(at))]
    assert len(told) == 1
    assert told[0].alerts == 500 - PUSHES_MAX
    assert len(told[0].symbols) == 7


def test_calm_times_are_never_held_back() -> None:
    storm = Storm()
    assert all(storm.admit("BTCUSDT", n * WINDOW_MS // PUSHES_MAX) for n in range(100))
    assert storm.summary(10**12) is None


@given(st.lists(st.integers(0, 60_000), max_size=300))
def test_no_window_rings_more_than_its_budget_and_none_is_lost(gaps: list[int]) -> None:
    storm, at_ms, rang, summed = Storm(), 0, [], 0
    for gap in gaps:
        at_ms += gap
        if (told := storm.summary(at_ms)) is not None:
            rang.append(at_ms)
            summed += told.alerts
        if storm.admit("X", at_ms):
            rang.append(at_ms)
        else:
            summed -= 1
    last = storm.summary(at_ms + WINDOW_MS)
    assert summed + (last.alerts if last else 0) == 0
    for begin in rang:
        assert sum(begin <= one < begin + WINDOW_MS for one in rang) <= PUSHES_MAX
