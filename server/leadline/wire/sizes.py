"""Sizes as the wire tells them: ten binary digits of a number of lots, as a floating-point number keeps.

A size below 1,024 lots is exact, a larger one off by at most 0.1 %, which no bar and hardly a printed
digit shows.  Its code is a small number that changes little when the size does.
"""

from __future__ import annotations

import numpy as np

from leadline.domain.book import Ints
from leadline.wire.varint import VARINT_MAX

DIGITS = 10
STEPS = 1 << (DIGITS - 1)  # codes from a power of two to the next one
CODE_MAX = STEPS * (53 - DIGITS + 2) - 1  # the largest size below 2^53

_MANTISSA_BITS = 52
_DROPPED_BITS = _MANTISSA_BITS - (DIGITS - 1)
# The leading bits of a double are exponent and digits: a number that rises evenly in each octave.
_OFFSET = (1023 + DIGITS) * STEPS - 2 * STEPS


def codes_of(lots: Ints) -> Ints:
    """Return the code of the size nearest to each of ``lots``; raises ValueError outside 0 to 2^53 - 1."""
    if len(lots) and not 0 <= lots.min() <= lots.max() <= VARINT_MAX:
        raise ValueError(f"expected 0 to 2^53 - 1 lots for the wire, got {lots.min()} to {lots.max()}")
    bits = lots.astype(np.float64).view(np.int64)
    coded = ((bits + (1 << (_DROPPED_BITS - 1))) >> _DROPPED_BITS) - _OFFSET
    told: Ints = np.where(lots < 2 * STEPS, lots, np.minimum(coded, CODE_MAX))
    return told


def rounded(lots: Ints) -> Ints:
    """Return ``lots`` as whoever reads them has them."""
    return lots_of(codes_of(lots))


def lots_of(codes: Ints) -> Ints:
    """Return the lots that each code stands for; codes are 0 to CODE_MAX."""
    octave = np.maximum(codes // STEPS - 1, 0)
    lots: Ints = (codes - octave * STEPS) << octave
    return lots
