"""Which side of price holds more forced flow within reach, and whether the estimate can tell."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, tanh

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import log_sigma
from leadline.domain.heat import Certainty, Heat
from leadline.domain.interest import Reference


@dataclass(frozen=True, slots=True)
class Bias:
    """asymmetry: (above - below) / (above + below), with its 80 % interval low to high (None while
    uncalibrated); above_usd, below_usd: forced buying above and forced selling below, nearer counting more.

    z: how unusual that is for the last 30 days, None while too little of them is known.  decided: may it
    be shown?
    """

    asymmetry: float
    low: float | None
    high: float | None
    above_usd: float
    below_usd: float
    z: float | None
    decided: bool


def bias_of(heat: Heat, range_log: float, reference: Reference) -> Bias | None:
    """Weigh both sides by exp(-distance / range_log); None without any flow.

    Shown are only asymmetries of BIAS_MIN, BIAS_Z_MIN from what is usual, of sides that together hold
    BIAS_OI_SHARE_MIN of open interest, with an interval that excludes 0.
    """
    at = heat.origin + np.arange(len(heat.long_usd)) + 0.5
    weights = np.exp(-np.abs(at * heat.step - log(heat.mark)) / range_log)
    below, above = heat.long_usd * weights, heat.short_usd * weights
    sold, bought = float(below.sum()), float(above.sum())
    if sold + bought <= 0.0:
        return None
    asymmetry = (bought - sold) / (bought + sold)
    low = high = None
    if heat.certainty is not None and min(sold, bought) > 0.0:
        sure = heat.certainty
        weighed = Certainty(sure.sd_usd * weights, sure.lump_usd2 * weights**2, sure.widening)
        shown = Heat(heat.origin, heat.step, heat.mark, below, above, heat.oi_usd, weighed)
        sigmas = log_sigma(shown, "long", 0, below), log_sigma(shown, "short", 0, above)
        # ln(above / below) = 2 atanh(asymmetry), and both sides err by themselves.
        width = sure.widening * constants.INTERVAL_SIGMAS * float(np.hypot(sigmas[0] or 0, sigmas[1] or 0))
        ratio = log(bought / sold)
        low, high = tanh((ratio - width) / 2), tanh((ratio + width) / 2)
    z = reference.asymmetry_z(asymmetry)
    decided = (
        abs(asymmetry) >= constants.BIAS_MIN
        and z is not None
        and abs(z) >= constants.BIAS_Z_MIN
        and sold + bought >= constants.BIAS_OI_SHARE_MIN * heat.oi_usd
        and low is not None
        and high is not None
        and low * high > 0.0
    )
    return Bias(asymmetry, low, high, bought, sold, z, decided)
