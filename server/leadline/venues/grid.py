"""Steps found from the numbers themselves, where a venue's list of contracts does not tell them.

A list can be too coarse: when a venue widens a tick, orders made before keep resting between the new
ticks.  The step found is the largest of which every number seen is a whole multiple.
"""

from __future__ import annotations

from collections.abc import Iterable

from leadline.units import NumberRejected, OffGrid, Step, common_step, parse_decimal

DECIMALS_MAX = 12  # no market is finer; a damaged number must not make every other one unreadable


def refine(step: Step | None, texts: Iterable[object]) -> Step | None:
    """Return the largest step that divides ``step`` and every text; None while nothing was seen.

    A text that is no number is passed over: it is for the adapter to refuse.
    """
    for text in texts:
        try:
            if step is not None:
                step.count(text)
            else:
                step = _step_of(text)
        except OffGrid:
            finer = _step_of(text)
            step = step if step is None or finer is None else common_step([step, finer])
        except NumberRejected:
            continue
    return step


def _step_of(text: object) -> Step | None:
    exact = parse_decimal(text)
    step = Step.of(exact) if exact > 0 else None
    return step if step is not None and step.decimals <= DECIMALS_MAX else None
