"""When a price says that the contract's unit changed: PEPE becomes 1000PEPE, a coin is split."""

from __future__ import annotations

LEAP = 5.0  # units change by powers of ten; no market moves so far from one mark to the next


def leaps(before: float | None, price: float) -> bool:
    """Tell whether ``price`` is too far from the one before it to be of the same unit."""
    return before is not None and not before / LEAP < price < before * LEAP
