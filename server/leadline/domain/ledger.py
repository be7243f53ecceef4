"""What became of estimated liquidations, bin by bin: opened, closed, triggered, moved or judged anew.

Bands count what happens to their bins (`Bands.flows`); here two readings of a venue become the flows
between them, and those of all venues stand on the axis of one heat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from leadline.domain import kernels
from leadline.domain.bands import Bands
from leadline.domain.heat import Heat, add_shifted
from leadline.domain.kernels import F8
from leadline.domain.profile import Profile

OPENED, CLOSED, TRIGGERED, MOVED, REVALUED = range(5)
KINDS = 5
# How each kind changes what stands in a bin.
SIGNS: F8 = np.array([1.0, -1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Flows:
    """Dollars [KINDS, 2, n] that changed one heat into the next, on the bins of the later one.

    Along the first axis: opened, closed by their holders, triggered by the mark, moved here (or away,
    below 0) by funding, the venues' basis and the picture's own edges, judged anew by what prints and open
    interest taught.
    change [2, n]: of the heat; it is opened - closed - triggered + moved + revalued.
    """

    origin: int
    usd: F8
    change: F8


def venue_flows(before: tuple[Profile, F8], after: tuple[Profile, F8]) -> F8:
    """Return the coins [KINDS, 2, n] of forced flow between two readings, on the later one's bins.

    A reading is a profile with `Bands.flows` at its origin.  Bins that only one profile shows have moved.
    """
    (old, old_flows), (new, new_flows) = before, after
    shift = new.origin - old.origin
    coins = np.stack([new.long_coins, new.short_coins])
    held = slid(np.stack([old.long_coins, old.short_coins]), shift)
    counted = new_flows - slid(old_flows, shift)
    flow = new.flow[:, None]
    found: F8 = np.zeros((KINDS, *coins.shape))
    found[OPENED] = flow * counted[kernels.OPENED]
    found[TRIGGERED] = flow * counted[kernels.TRIGGERED]
    found[MOVED] = flow * counted[kernels.SHIFTED]
    found[REVALUED] = flow * counted[kernels.REVALUED] + held * (flow / old.flow[:, None] - 1.0)
    # A side is also scaled to keep to the open interest, which nobody closed or opened.
    found[REVALUED] -= coins * np.expm1(old.corrected - new.corrected)[:, None]
    seen: F8 = slid(np.ones((1, coins.shape[1])), shift)[0]
    found *= seen
    found[MOVED] += (1.0 - seen) * (coins - held)
    found[CLOSED] = held - coins + found[OPENED] - found[TRIGGERED] + found[MOVED] + found[REVALUED]
    return found


def slid(values: F8, shift: int) -> F8:
    """Return rows [..., n] of bins read ``shift`` bins further up, with 0 where nothing was known."""
    found = np.zeros_like(values)
    count = values.shape[-1] - abs(shift)
    if count > 0:
        to, at = max(-shift, 0), max(shift, 0)
        found[..., to : to + count] = values[..., at : at + count]
    return found


class ViewLedger:
    """Follows the bands behind a heat from one drawing of it to the next."""

    __slots__ = ("_heat", "_readings")

    def __init__(self) -> None:
        self._heat: Heat | None = None
        self._readings: dict[str, tuple[Profile, F8]] = {}

    def update(self, heat: Heat, venues: Sequence[tuple[str, Bands, float]]) -> Flows | None:
        """Return the flows since the heat before this one, None for the first.

        venues: those ``heat`` was drawn from, each with its mark.  A venue that joins or leaves moves
        its dollars in or out.
        """
        position, bins = log(heat.mark) / heat.step, len(heat.long_usd)
        usd: F8 = np.zeros((KINDS, 2, bins))
        readings: dict[str, tuple[Profile, F8]] = {}
        for name, bands, mark in venues:
            profile = bands.profile()
            reading = readings[name] = profile, bands.flows(profile.origin)
            before = self._readings.get(name)
            if before is not None:
                shift = profile.origin - heat.origin + position - log(mark) / heat.step
                flows = venue_flows(before, reading)
                for kind in (OPENED, CLOSED, TRIGGERED, REVALUED):
                    for side in range(2):
                        add_shifted(usd[kind, side], flows[kind, side], shift)
        usd *= np.exp((heat.origin + np.arange(bins) + 0.5) * heat.step)
        drawn, self._heat, self._readings = self._heat, heat, readings
        if drawn is None:
            return None
        held = slid(np.stack([drawn.long_usd, drawn.short_usd]), heat.origin - drawn.origin)
        change = np.stack([heat.long_usd, heat.short_usd]) - held
        usd[MOVED] = change - np.tensordot(SIGNS, usd, 1)
        return Flows(heat.origin, usd, change)
