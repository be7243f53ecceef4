"""Numbers as venues write them, and the integers we keep instead.

Inside Leadline a price is a whole number of ticks and a size a whole number of lots.  Text becomes
an integer here and nowhere else; floats appear only at the edges (dollars on a screen, log prices in
the estimator).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, isfinite

DIGITS_MAX = 30
STEPS_MAX = 2**53  # what a phone can hold exactly
EXPONENT_MAX = 18

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)


class NumberRejected(ValueError):
    """A text that should be a number is not one, or lies outside what a market can mean."""


class OffGrid(NumberRejected):
    """A well-formed number that is no whole multiple of the step: the instrument's step changed."""


def parse_decimal(text: object) -> Fraction:
    """Read a decimal by the strict grammar ``-?digits[.digits][e+-digits]`` in ASCII.

    Raises NumberRejected for anything else, for more than DIGITS_MAX digits and for an exponent
    beyond +-EXPONENT_MAX, so that no text can become a number of unbounded size.
    """
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise NumberRejected(f"expected a decimal number in ASCII digits, got {text!r:.60}")
    sign, whole, fraction, exponent = match.groups()
    digits = whole + (fraction or "")
    power = int(exponent) if exponent and len(exponent) <= 4 else 0
    if len(digits) > DIGITS_MAX or abs(power) > EXPONENT_MAX or len(exponent or "") > 4:
        raise NumberRejected(f"expected a number of at most {DIGITS_MAX} digits, got {text!r:.60}")
    value = Fraction(int(digits), 10 ** len(fraction or "")) * Fraction(10) ** power
    return -value if sign else value


def parse_positive_float(text: object) -> float:
    """Read a decimal that must be finite and above zero (a mark price, a value in dollars)."""
    value = parse_float(text)
    if value <= 0:
        raise NumberRejected(f"expected a number above 0, got {text!r:.60}")
    return value


def parse_float(text: object) -> float:
    """Read a decimal by the strict grammar as a float (rates, open interest)."""
    if not isinstance(text, str) or _DECIMAL.fullmatch(text) is None or len(text) > DIGITS_MAX + 8:
        raise NumberRejected(f"expected a decimal number in ASCII digits, got {text!r:.60}")
    value = float(text)
    if not isfinite(value):
        raise NumberRejected(f"expected a finite number, got {text!r:.60}")
    return value


@dataclass(frozen=True, slots=True)
class Step:
    """The size of one tick or one lot: ``numerator / 10**decimals`` (0.5 is Step(5, 1))."""

    numerator: int
    decimals: int

    @classmethod
    def of(cls, value: str | Fraction) -> Step:
        """Make a step from decimal text or a fraction with a decimal expansion; it must be > 0."""
        exact = parse_decimal(value) if isinstance(value, str) else value
        if exact <= 0:
            raise NumberRejected(f"expected a step above 0, got {value!r}")
        decimals = 0
        while exact.denominator != 1:
            exact *= 10
            decimals += 1
            if decimals > DIGITS_MAX:
                raise NumberRejected(f"expected a decimal step, got {value!r}")
        return cls(int(exact), decimals)

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.numerator, 10**self.decimals)

    def __float__(self) -> float:
        return float(self.numerator / 10**self.decimals)

    def count(self, text: object) -> int:
        """Return how many steps ``text`` is, exactly.

        Raises NumberRejected when it is no strict decimal or negative, OffGrid when no whole
        multiple.  The common case (plain decimals, at most ``decimals`` digits after the point)
        takes one regular expression and two integer operations.
        """
        match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise NumberRejected(f"expected a decimal number in ASCII digits, got {text!r:.60}")
        sign, whole, fraction, exponent = match.groups()
        fraction = (fraction or "").rstrip("0")
        if exponent or len(fraction) > self.decimals or len(whole) > DIGITS_MAX or sign:
            return self._count_exact(text)
        scaled = int(whole + fraction + "0" * (self.decimals - len(fraction)))
        steps, rest = divmod(scaled, self.numerator)
        if rest:
            raise OffGrid(f"expected a multiple of {self}, got {text}")
        if steps > STEPS_MAX:
            raise NumberRejected(f"expected at most 2^53 steps of {self}, got {text!r:.60}")
        return steps

    def _count_exact(self, text: object) -> int:
        steps = parse_decimal(text) / self.fraction
        if not 0 <= steps <= STEPS_MAX:
            raise NumberRejected(f"expected 0 to 2^53 steps of {self}, got {text!r:.60}")
        if steps.denominator != 1:
            raise OffGrid(f"expected a multiple of {self}, got {text}")
        return int(steps)

    def text(self, steps: int) -> str:
        """Write ``steps`` of this step as a plain decimal without trailing zeros after the point."""
        scaled = steps * self.numerator
        sign, scaled = ("-", -scaled) if scaled < 0 else ("", scaled)
        whole, fraction = divmod(scaled, 10**self.decimals)
        tail = f"{fraction:0{self.decimals}d}".rstrip("0")
        return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"

    def __str__(self) -> str:
        return self.text(1)


def common_step(steps: list[Step]) -> Step:
    """Return the largest step of which every given one is a whole multiple (at least one given)."""
    decimals = max(step.decimals for step in steps)
    scaled = [step.numerator * 10 ** (decimals - step.decimals) for step in steps]
    return Step.of(Fraction(reduce(gcd, scaled), 10**decimals))
