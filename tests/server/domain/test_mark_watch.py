from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.mark_watch import SILENT_MS, MarkWatch


def test_while_marks_come_nothing_stands_in() -> None:
    watch = MarkWatch()
    for second in range(120):
        watch.told(100.0, 1_000 * second)
        assert watch.traded(101.0, 1_000 * second + 900) is None
    assert not watch.estimated


def test_in_a_silence_trades_stand_in_at_the_ratio_the_mark_had_until_a_mark_comes() -> None:
    watch = MarkWatch()
    for second in range(60):
        watch.told(100.2, 1_000 * second)
        watch.traded(100.0, 1_000 * second)
    assert watch.traded(100.0, 59_000 + SILENT_MS) is None
    assert watch.traded(200.0, 59_001 + SILENT_MS) == pytest.approx(200.4)
    assert watch.estimated
    watch.told(201.0, 90_000)
    assert not watch.estimated
    assert watch.traded(200.6, 90_500) is None


def test_where_a_mark_is_never_told_trades_stand_in_as_they_are_after_a_while() -> None:
    watch = MarkWatch()
    assert watch.traded(50.0, 1_000) is None
    assert watch.traded(51.0, 1_000 + SILENT_MS) is None
    assert watch.traded(52.0, 1_001 + SILENT_MS) == 52.0
    assert watch.estimated


@given(st.lists(st.floats(0.99, 1.01), min_size=1, max_size=50), st.floats(1e-6, 1e6))
def test_the_ratio_stays_within_what_was_seen(ratios: list[float], price: float) -> None:
    watch = MarkWatch()
    for at, ratio in enumerate(ratios):
        watch.told(price * ratio, 1_000 * at)
        watch.traded(price, 1_000 * at)
    stands_in = watch.traded(price, 1_000 * len(ratios) + SILENT_MS + 1)
    assert stands_in is not None
    assert min(ratios) * (1 - 1e-9) <= stands_in / price <= max(ratios) * (1 + 1e-9)
