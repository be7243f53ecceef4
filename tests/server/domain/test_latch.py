"""Once, then again only after it has gone away."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.latch import COOL_DOWN_MS, DWELL_MS, Latch, Near, nearness


def run(latch: Latch, near: Near, begin_ms: int, seconds: int) -> list[int]:
    return [at for at in range(begin_ms, begin_ms + seconds * 1000, 1000) if latch.step(near, at)]


def test_straddling_a_level_for_an_hour_fires_once_and_rearms_once_it_is_left() -> None:
    latch = Latch()
    steps = ((at, Near.INSIDE if at // 1000 % 2 else Near.BETWEEN) for at in range(0, 3_600_000, 1000))
    fired = [at for at, near in steps if latch.step(near, at)]
    assert len(fired) == 1
    assert latch.rearmed == 0
    run(latch, Near.OUTSIDE, 3_600_000, 60)
    assert latch.rearmed == 1
    assert run(latch, Near.INSIDE, 3_700_000, 60) == [3_700_000]


def test_it_waits_for_the_cool_down_and_for_a_while_outside() -> None:
    latch = Latch()
    assert latch.step(Near.INSIDE, 0)
    assert run(latch, Near.OUTSIDE, 1_000, 60) == []
    assert not latch.armed
    run(latch, Near.OUTSIDE, COOL_DOWN_MS, 2)
    assert latch.armed
    other = Latch(cool_down_ms=0)
    other.step(Near.INSIDE, 0)
    for at in range(1000, 60_000, 2000):
        other.step(Near.OUTSIDE, at)
        other.step(Near.BETWEEN, at + 1000)
    assert not other.armed


@given(st.lists(st.tuples(st.sampled_from(list(Near)), st.integers(1, 100_000)), max_size=200))
def test_firings_lie_apart_and_each_has_its_rearming(steps: list[tuple[Near, int]]) -> None:
    latch, at_ms, fired = Latch(), 0, []
    for near, gap_ms in steps:
        at_ms += gap_ms
        if latch.step(near, at_ms):
            assert near is Near.INSIDE
            fired.append(at_ms)
    assert all(b - a >= COOL_DOWN_MS for a, b in pairwise(fired))
    assert len(fired) - 1 <= latch.rearmed <= len(fired)


def test_nearness_has_a_margin() -> None:
    assert [nearness(x, 10) for x in (9.9, 10, 11, 12, 12.1)] == [
        Near.INSIDE, Near.INSIDE, Near.BETWEEN, Near.BETWEEN, Near.OUTSIDE,
    ]  # fmt: skip
    assert DWELL_MS > 0
