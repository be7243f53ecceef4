from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from leadline.units import Step
from leadline.venues.grid import refine


@given(st.lists(st.integers(1, 10**6), min_size=1), st.sampled_from(["0.5", "0.01", "5", "0.00002"]))
def test_the_step_found_divides_every_number_and_no_larger_one_does(counts: list[int], text: str) -> None:
    true = Step.of(text)
    found = refine(None, [true.text(count) for count in counts])
    assert found is not None
    quotients = [Fraction(count) * true.fraction / found.fraction for count in counts]
    assert all(quotient.denominator == 1 for quotient in quotients)
    for larger in (2, 3, 5, 7):
        assert any(int(quotient) % larger for quotient in quotients)


def test_the_number_of_decimals_is_not_the_step() -> None:
    assert refine(None, ["7.50", "8.00", "3.50"]) == Step.of("0.5")
    assert refine(None, ["120", "60"]) == Step.of("60")


def test_a_known_step_is_refined_only_when_a_number_lies_between() -> None:
    assert refine(Step.of("0.1"), ["3.0", "7"]) == Step.of("0.1")
    assert refine(Step.of("0.1"), ["3.05"]) == Step.of("0.05")


def test_nothing_seen_is_no_step_and_damaged_numbers_are_passed_over() -> None:
    assert refine(None, []) is None
    assert refine(None, ["0", "0.000", "NaN", None, 5, "-2"]) is None
    assert refine(Step.of("0.1"), ["1e-17", "0.0000000000001"]) == Step.of("0.1")
