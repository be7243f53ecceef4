"""The frames of the watchlist (types 20 and 21): see shared/wire/README.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from leadline.domain.glance import GlanceRow

GLANCE_KEYFRAME, GLANCE_CHANGES = 20, 21


def glance_keyframe(stream: int, t_ms: int, simulated: bool, rows: Sequence[GlanceRow]) -> bytes:
    """Encode the whole watchlist."""
    packed: bytes = msgpack.packb(
        (GLANCE_KEYFRAME, stream, {"t": t_ms, "simulated": simulated, "rows": rows})
    )
    return packed


def glance_changes(stream: int, dt_ms: int, before: Sequence[GlanceRow], now: Sequence[GlanceRow]) -> bytes:
    """Encode what turns the rows ``before`` into ``now``; both have the same symbols in the same order."""
    changes: list[object] = []
    for index, (old, new) in enumerate(zip(before, now, strict=True)):
        changed = [place for place, value in enumerate(new) if value != old[place]]
        if changed:
            changes += (index, sum(1 << place for place in changed), *(new[place] for place in changed))
    packed: bytes = msgpack.packb((GLANCE_CHANGES, stream, dt_ms, changes))
    return packed
