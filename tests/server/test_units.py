from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.units import (
    STEPS_MAX,
    NumberRejected,
    OffGrid,
    Step,
    common_step,
    parse_decimal,
    parse_float,
    parse_positive_float,
)

STEPS = st.builds(Step, st.integers(1, 10_000), st.integers(0, 12))
NOT_NUMBERS = [
    *("", " 5 ", "1_000", "NaN", "inf", "-inf", "１２", "0x10", "1,5", "5.", ".5", "+5", "1e", "1e400"),
    *(None, 5, 5.0, True, b"5", ["5"]),
]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_strict_decimal_is_rejected_everywhere(text: object) -> None:
    for read in (parse_decimal, parse_float, parse_positive_float, Step.of("0.1").count):
        with pytest.raises(NumberRejected):
            read(text)


@pytest.mark.parametrize("text", ["1" * 31, "0." + "1" * 40, "1e999999999999"])
def test_a_text_cannot_become_a_number_of_unbounded_size(text: str) -> None:
    with pytest.raises(NumberRejected):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["0", "-1", "-0.5", "0.000"])
def test_a_price_must_lie_above_zero(text: str) -> None:
    with pytest.raises(NumberRejected):
        parse_positive_float(text)


@given(STEPS, st.integers(0, STEPS_MAX))
def test_steps_survive_the_way_to_text_and_back(step: Step, count: int) -> None:
    text = step.text(count)
    if len(text.replace(".", "")) <= 30:
        assert step.count(text) == count


@given(STEPS, st.integers(0, 10**9), st.integers(0, 4))
def test_trailing_zeros_change_nothing(step: Step, count: int, zeros: int) -> None:
    text = step.text(count)
    padded = text + ("" if "." in text else ".") + "0" * zeros
    assert step.count(padded.removesuffix(".")) == count


@given(st.integers(1, 10**6), st.integers(0, 8), st.integers(0, 10**12))
def test_counting_agrees_with_exact_fractions(numerator: int, decimals: int, scaled: int) -> None:
    step, text = Step(numerator, decimals), Step(1, decimals).text(scaled)
    exact = parse_decimal(text) / step.fraction
    if exact.denominator == 1:
        assert step.count(text) == exact
    else:
        with pytest.raises(OffGrid):
            step.count(text)


def test_a_number_between_two_steps_is_off_the_grid() -> None:
    for step, text in (("0.1", "77120.15"), ("0.5", "0.7"), ("5", "12"), ("0.001", "1e-4")):
        with pytest.raises(OffGrid):
            Step.of(step).count(text)


def test_exponents_count_like_plain_decimals() -> None:
    assert Step.of("0.001").count("1.5e1") == 15_000
    assert Step.of("1e-3") == Step(1, 3)


@pytest.mark.parametrize("text", ["-0.1", "1e15", "9007199254740993"])
def test_sizes_below_zero_and_beyond_what_a_phone_can_hold_are_rejected(text: str) -> None:
    with pytest.raises(NumberRejected):
        Step.of("0.1" if "e" in text or "-" in text else "1").count(text)


@pytest.mark.parametrize("value", ["0", "-0.1", Fraction(1, 3)])
def test_a_step_is_a_decimal_above_zero(value: str | Fraction) -> None:
    with pytest.raises(NumberRejected):
        Step.of(value)


@given(st.lists(STEPS, min_size=1, max_size=5))
def test_every_step_is_a_whole_multiple_of_the_common_one(steps: list[Step]) -> None:
    common = common_step(steps)
    assert all((step.fraction / common.fraction).denominator == 1 for step in steps)


@pytest.mark.parametrize(
    ("steps", "common"),
    [(("0.1", "0.01"), "0.01"), (("0.5", "0.2"), "0.1"), (("2", "3"), "1"), (("0.1",), "0.1")],
)
def test_the_common_step_is_the_largest_one(steps: tuple[str, ...], common: str) -> None:
    assert common_step([Step.of(text) for text in steps]) == Step.of(common)
