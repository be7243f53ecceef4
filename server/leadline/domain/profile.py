"""What the bands of a venue look like from outside."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadline.domain.kernels import F8


@dataclass(frozen=True, slots=True)
class Profile:
    """Estimated triggers around the mark at one instant.

    Bin i covers ln(price) from (origin + i) * step to (origin + i + 1) * step.  long_coins and
    short_coins are float64 [PROFILE_BINS].  sd_coins [2, 2, PROFILE_BINS]: standard deviations (of the
    lesson, which venues have in common; of this venue's own) of longs and shorts, whose bins share the
    error.  lump_coins: mean square over mean of single liquidations.  long_rest, short_rest: the share of
    the side's open interest that lies in no bin (pool, swept, or farther than the profile reaches).
    exact_coins [2, PROFILE_BINS]: what of them is known from public positions, None where no venue shows any.
    """

    origin: int
    step: float
    long_coins: F8
    short_coins: F8
    sd_coins: F8
    lump_coins: float
    oi_coins: float
    long_rest: float
    short_rest: float
    mark: float
    at_ms: int
    flow: F8 = field(default_factory=lambda: np.ones(2))
    corrected: F8 = field(default_factory=lambda: np.zeros(2))
    exact_coins: F8 | None = None
