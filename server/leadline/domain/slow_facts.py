"""Which changes of a ladder's slow facts an eye would see: the others need not be sent at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FRESH_MS = 1_000  # a book younger than this is simply fresh

# By how much of itself a number may be off before it is told anew; others are exact.
SLACK = {
    "mark": 0.0002,
    "oi_usd": 0.002,
    "pace": 0.25,
    "eta_min": 0.25,
    "clock_ms": 0.25,
    "silent_ms": 0.25,
    **dict.fromkeys(("usd", "usd_lo", "usd_hi", "most_usd", "heat_top_usd", "factor"), 0.05),
    **dict.fromkeys(("distance_pct", "oi_pct", "percentile", "lift", "moved_bp", "oi_z", "bias"), 0.1),
    **dict.fromkeys(("triggered", "closed", "expired", "odds"), 0.1),
    **dict.fromkeys(("up", "down"), 0.001),
}


def settled(told: Any, now: Any, key: str = "") -> Any:
    """Return ``now``, with each number that has hardly moved as it was ``told``.

    Works through maps and lists of maps that name their entries by "venue" or "id".
    """
    if isinstance(now, Mapping) and isinstance(told, Mapping):
        return {name: settled(told.get(name), value, name) for name, value in now.items()}
    if isinstance(now, list) and isinstance(told, list):
        known = {_name(entry): entry for entry in told}
        return [settled(known.get(_name(entry)), entry) for entry in now]
    if isinstance(told, bool) or isinstance(now, bool):
        return now
    if not isinstance(told, int | float) or not isinstance(now, int | float):
        return now
    if key == "age_ms":
        return told if max(told, now) < FRESH_MS else now
    return told if abs(now - told) <= SLACK.get(key, 0.0) * abs(told) else now


def _name(entry: Any) -> Any:
    return entry.get("venue", entry.get("id")) if isinstance(entry, Mapping) else None
