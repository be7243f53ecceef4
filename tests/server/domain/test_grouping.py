"""Groupings are real prices."""

import pytest

from leadline.domain.grouping import default_group, group_steps
from leadline.units import Step


@pytest.mark.parametrize(
    ("tick", "price", "first", "last", "chosen"),
    [
        ("0.1", 77_000.0, "0.1", "200", "100"),
        ("0.01", 2_650.0, "0.01", "10", "5"),
        ("0.5", 30_000.0, "0.5", "100", "50"),
        ("0.00001", 0.16, "0.00001", "0.0005", "0.0002"),
    ],
)
def test_steps_run_from_the_tick_to_a_part_of_the_price(
    tick: str, price: float, first: str, last: str, chosen: str
) -> None:
    step = Step.of(tick)
    steps = group_steps(step, price)
    assert [step.text(steps[0]), step.text(steps[-1])] == [first, last]
    assert step.text(default_group(steps, step, price)) == chosen
    assert steps == sorted(set(steps))


def test_a_tick_of_a_quarter_gets_only_whole_multiples() -> None:
    step = Step.of("0.25")
    assert [step.text(s) for s in group_steps(step, 4_000.0)] == ["0.25", "0.5", "1", "2", "5", "10", "20"]
