"""The machine of a cluster: which way it may go, and what it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.cascade import (
    COOL_DOWN_MS,
    DWELL_MS,
    Cascade,
    Cascades,
    CascadeState,
    Situation,
)

ALLOWED = {
    CascadeState.IDLE: {CascadeState.APPROACH},
    CascadeState.APPROACH: {CascadeState.IDLE, CascadeState.ARMED, CascadeState.EXHAUSTED},
    CascadeState.ARMED: {CascadeState.CONFIRMED, CascadeState.HELD, CascadeState.EXHAUSTED},
    CascadeState.CONFIRMED: {CascadeState.EXHAUSTED},
    CascadeState.EXHAUSTED: {CascadeState.IDLE},
    CascadeState.HELD: {CascadeState.IDLE},
}
CALM = Situation(at_ms=0, distance_bp=100.0, closing_bp_s=0.0, fuel_usd=1e7, oi_drop=0.0)
NEAR = replace(CALM, distance_bp=20.0, closing_bp_s=1.0)
READY = replace(NEAR, imbalance_z=3.0, thin=0.5)
INSIDE = replace(READY, distance_bp=-2.0)


class Run:
    def __init__(self) -> None:
        self.machine = Cascade(1)
        self.at_ms = 0

    def go(self, situation: Situation, seconds: float = 10) -> list[CascadeState]:
        changed = []
        for _ in range(int(seconds * 4)):
            self.at_ms += 250
            transition = self.machine.step(replace(situation, at_ms=self.at_ms))
            if transition is not None:
                changed.append(transition.after)
        return changed


def armed() -> Run:
    run = Run()
    assert run.go(CALM) == []
    assert run.go(READY) == [CascadeState.APPROACH, CascadeState.ARMED]
    return run


def test_the_whole_way() -> None:
    run = armed()
    assert run.go(replace(INSIDE, oi_drop=0.004)) == [CascadeState.CONFIRMED]
    assert run.go(replace(INSIDE, oi_drop=0.004, fuel_left=0.2)) == [CascadeState.EXHAUSTED]
    assert run.go(CALM, seconds=60) == []
    assert run.go(CALM, seconds=COOL_DOWN_MS / 1000) == [CascadeState.IDLE]


def test_prints_alone_confirm_nothing_where_open_interest_is_told() -> None:
    run = armed()
    assert run.go(replace(INSIDE, oi_drop=0.0005, forced_usd=9e6), seconds=60) == []
    assert run.machine.state is CascadeState.ARMED


def test_where_open_interest_is_slow_prints_need_takers_beside_them() -> None:
    run = armed()
    assert run.go(replace(INSIDE, oi_drop=None, forced_usd=2e6, imbalance_z=-0.5, lead_touch=True)) == []
    assert run.go(replace(INSIDE, oi_drop=None, forced_usd=2e6)) == [CascadeState.CONFIRMED]


def test_price_that_only_comes_near_arms_nothing() -> None:
    run = Run()
    assert run.go(NEAR, seconds=30) == [CascadeState.APPROACH]
    assert run.go(replace(NEAR, distance_bp=28.0), seconds=30) == []
    assert run.go(replace(NEAR, distance_bp=31.0), seconds=30) == [CascadeState.IDLE]


def test_a_range_widens_what_counts_as_near() -> None:
    run = Run()
    assert run.go(replace(CALM, closing_bp_s=1.0, atr_bp=150.0, distance_bp=70.0)) == [CascadeState.APPROACH]


def test_a_book_that_absorbs_or_a_price_that_turns_holds_the_cluster() -> None:
    assert armed().go(replace(READY, absorbed_s=12)) == [CascadeState.HELD]
    run = armed()
    assert run.go(INSIDE) == []
    assert run.go(replace(READY, distance_bp=14.0, closing_bp_s=-1.0)) == [CascadeState.HELD]


def test_absorption_keeps_it_from_being_armed() -> None:
    run = Run()
    assert run.go(replace(READY, absorbed_s=6), seconds=30) == [CascadeState.APPROACH]


def test_a_fall_that_slows_down_is_exhausted_after_a_while() -> None:
    run = armed()
    assert run.go(replace(INSIDE, oi_drop=0.006)) == [CascadeState.CONFIRMED]
    assert run.go(replace(INSIDE, oi_drop=0.001), seconds=9) == []
    assert run.go(replace(INSIDE, oi_drop=0.001), seconds=3) == [CascadeState.EXHAUSTED]


def test_straddling_the_border_for_an_hour_is_one_approach_and_one_way_back() -> None:
    run = Run()
    seen = []
    for second in range(3600):
        near = second % 2 == 0
        seen += run.go(replace(NEAR, distance_bp=24.0 if near else 26.0), seconds=1)
    assert seen == [CascadeState.APPROACH]


def test_clusters_that_are_no_longer_seen_are_forgotten() -> None:
    cascades = Cascades()
    cascades.step([(1, CALM), (2, CALM)])
    assert sorted(cascades.machines) == [1, 2]
    cascades.step([(2, replace(CALM, at_ms=7_200_000))])
    assert sorted(cascades.machines) == [2]
    assert cascades.state(1) is CascadeState.IDLE


SITUATIONS = st.builds(
    Situation,
    at_ms=st.integers(100, 30_000),
    distance_bp=st.floats(-50, 200),
    closing_bp_s=st.floats(-5, 5),
    fuel_usd=st.floats(0, 1e9),
    fuel_left=st.floats(0, 1),
    atr_bp=st.none() | st.floats(1, 300),
    fuel_rank=st.floats(0, 1),
    imbalance_z=st.floats(-8, 8),
    thin=st.floats(-1, 1),
    intact=st.booleans(),
    lead_touch=st.booleans(),
    absorbed_s=st.integers(0, 20),
    oi_drop=st.none() | st.floats(-0.01, 0.05),
    forced_usd=st.floats(0, 1e9),
)


@given(st.lists(SITUATIONS, min_size=1, max_size=120))
def test_whatever_comes_it_goes_allowed_ways_and_rests_between(steps: list[Situation]) -> None:
    machine, at_ms, changed = Cascade(7), 0, []
    for step in steps:
        at_ms += step.at_ms
        situation = replace(step, at_ms=at_ms)
        transition = machine.step(situation)
        if transition is None:
            continue
        assert transition.after in ALLOWED[transition.before]
        if changed and transition.before is not CascadeState.IDLE:
            assert transition.at_ms - changed[-1].at_ms >= DWELL_MS
        if transition.after is CascadeState.CONFIRMED and situation.oi_drop is not None:
            assert situation.oi_drop >= 0.0015
        if transition.before in (CascadeState.HELD, CascadeState.EXHAUSTED):
            assert transition.at_ms - changed[-1].at_ms >= COOL_DOWN_MS
        changed.append(transition)
    assert machine.history == changed[-16:]


@pytest.mark.parametrize("state", list(CascadeState))
def test_every_state_has_somewhere_to_go(state: CascadeState) -> None:
    assert ALLOWED[state]
