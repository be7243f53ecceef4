"""The price steps a ladder can be grouped by: real prices (0.1, 1, 10, 50), never significant figures."""

from __future__ import annotations

from leadline.units import Step

COARSEST_PART = 200  # the coarsest row is about 1/200 of the price (50 rows then reach +-25 %)
FIRST_ROW_PART = 1e-3  # the rows of a phone then reach about +-2 %: book and heat in one look
_MANTISSAS = (1, 2, 5)


def group_steps(tick: Step, price: float) -> list[int]:
    """Return the groupings of a symbol in ticks, finest first: the tick itself, then the 1-2-5 prices.

    Only prices that are a whole number of ticks are kept, up to ``price / COARSEST_PART``.
    """
    steps = [1]
    for power in range(-tick.decimals, 7):
        for mantissa in _MANTISSAS:
            scaled = mantissa * 10 ** (power + tick.decimals)
            ticks, rest = divmod(scaled, tick.numerator)
            if rest == 0 and ticks > 1 and ticks * float(tick) <= price / COARSEST_PART:
                steps.append(ticks)
    return steps


def default_group(steps: list[int], tick: Step, price: float) -> int:
    """Return the grouping of a first look: the finest whose row is at least FIRST_ROW_PART of price."""
    return next((step for step in steps if step * float(tick) >= price * FIRST_ROW_PART), steps[-1])
