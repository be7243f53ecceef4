"""Fills become prints, and a rush raises the floor; sums never suffer."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.tape import (
    PRINTS_PER_S_MAX,
    RATE_WINDOW_MS,
    SWEEP_MS,
    Fill,
    Floor,
    SweepMerger,
    TapePrint,
)

FILLS = st.lists(
    st.builds(
        Fill,
        venue=st.sampled_from(("binance", "okx")),
        tick=st.integers(1, 1_000),
        lots=st.integers(1, 10**9),
        usd=st.integers(1, 10**9).map(float),
        bought=st.booleans(),
        made_ms=st.integers(0, 3_000),
        heard_ms=st.just(0),
    ),
    max_size=60,
)


def fill(made_ms: int, tick: int = 100, venue: str = "binance", bought: bool = True) -> Fill:
    return Fill(venue, tick, 2, 200.0, bought, made_ms, heard_ms=made_ms + 30)


def test_fills_of_one_sweep_are_one_print_at_the_price_it_reached() -> None:
    merger = SweepMerger()
    for made in (fill(0), fill(20, tick=103), fill(SWEEP_MS, tick=107)):
        merger.add(made)
    assert merger.take(30) == []
    assert merger.take(10_000) == [TapePrint("binance", 107, 6, 600.0, True, 30, 3)]
    assert merger.take(20_000) == []


def test_another_side_another_venue_or_a_later_fill_is_another_print() -> None:
    merger = SweepMerger()
    for made in (fill(0), fill(1, bought=False), fill(2, venue="okx"), fill(SWEEP_MS + 1)):
        merger.add(made)
    assert [made.fills for made in merger.take(10_000)] == [1, 1, 1, 1]


@given(FILLS, st.lists(st.integers(0, 3_200), max_size=8))
def test_no_lot_is_lost_or_doubled_however_it_is_taken(fills: list[Fill], takes: list[int]) -> None:
    ordered = sorted(fills, key=lambda made: made.made_ms)
    merger, prints = SweepMerger(), []
    for made in ordered:
        merger.add(made._replace(heard_ms=made.made_ms))
        if made.made_ms in takes:
            prints += merger.take(made.made_ms)
    prints += merger.take(10_000)
    for side in (True, False):
        assert sum(p.lots for p in prints if p.bought is side) == sum(
            f.lots for f in fills if f.bought is side
        )
    assert sum(p.usd for p in prints) == sum(f.usd for f in fills)
    assert sum(p.fills for p in prints) == len(fills)


def prints_of(usd: list[float]) -> list[TapePrint]:
    return [TapePrint("binance", 100, 1, one, True, 0, 1) for one in usd]


def test_a_quiet_tape_shows_everything() -> None:
    floor = Floor()
    for turn in range(100):
        floor.observe(prints_of([10.0] * 3), turn * 250)
    assert floor.usd == 0


def test_a_rush_raises_the_floor_until_few_enough_prints_are_left_and_it_falls_again() -> None:
    floor = Floor()
    sizes = [100.0] * 40 + [30_000.0] * 8 + [2_000_000.0]
    for turn in range(40):
        floor.observe(prints_of(sizes), turn * 250)
    shown = sum(size >= floor.usd for size in sizes) * 4
    assert 0 < shown <= PRINTS_PER_S_MAX
    assert floor.usd <= 30_000
    for turn in range(40, 40 + 2 * RATE_WINDOW_MS // 250):
        floor.observe([], turn * 250)
    assert floor.usd == 0


def test_the_floor_does_not_flutter() -> None:
    floor = Floor()
    seen = []
    for turn in range(200):
        size = 9 if turn % 2 else 11  # 36 and 44 a second in turns: 40 on the mean
        floor.observe(prints_of([700.0] * size), turn * 250)
        seen.append(floor.usd)
    changes = sum(one != other for one, other in pairwise(seen[40:]))
    assert changes <= 1
