"""How the estimate is told on the wire (shared/wire/README.md): what of it, and in how many figures."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from leadline.domain.leverage import Tiers
from leadline.domain.pace import Pace

if TYPE_CHECKING:
    # At run time these are imported with the first bands: numba loads with them.
    from leadline.domain.clusters import Cluster
    from leadline.domain.heat import Heat
    from leadline.domain.interest import Intensity
    from leadline.domain.migration import SideMove
    from leadline.domain.path import Path
    from leadline.domain.story import Story
    from leadline.domain.tracking import Tracked

NO_PATH: dict[str, object] = {"easier": None, "reach_bp": None, "chain": {"up": None, "down": None}}
# What the state frame says of an estimate that is not there.
NO_SUMMARY: dict[str, object] = {"bands": None, "clusters": [], "bias": None, **NO_PATH}


def cluster_told(
    tracked: Tracked, story: Story, name: str, mark: float, tick: float, pace: Pace
) -> dict[str, object]:
    """Return the entry of a cluster in the state frame."""
    cluster, lost = tracked.cluster, tracked.depletion
    rated, moved = story.intensity(cluster), story.recentred(cluster)
    # Less than a hundredth is no news, and would be sent anew all the time.
    least = 0.01 * lost.most_usd
    split = {"triggered": lost.triggered_usd, "closed": lost.closed_usd, "expired": lost.expired_usd}
    return {
        "name": name,
        **_placed(cluster, mark, tick, pace),
        "touch": tracked.state,
        "since": tracked.since_ms,
        "most_usd": rounded(lost.most_usd),
        "split": {cause: rounded(usd, 2) if usd >= least else 0 for cause, usd in split.items()},
        **_rated(rated),
        "lift": None if rated.lift is None else float(f"{rated.lift:.2g}"),
        "moved_bp": None if moved is None else round(moved.shift_bp),
        "cascade": None,  # told by who watches the book, for the view of all venues
    }


def young_told(cluster: Cluster, heat: Heat, tick: float, pace: Pace, since_ms: int) -> dict[str, object]:
    """Return the entry of a cluster among positions opened since ``since_ms``, which has no history."""
    from leadline.domain.interest import intensity

    shown = np.concatenate([heat.long_usd, heat.short_usd])
    return {
        "name": "",
        **_placed(cluster, heat.mark, tick, pace),
        "touch": "open",
        "since": since_ms,
        "most_usd": rounded(cluster.usd),
        "split": {"triggered": 0, "closed": 0, "expired": 0},
        **_rated(intensity(cluster.density, shown, heat.oi_usd, None)),
        "lift": None,
        "moved_bp": None,
        "cascade": None,
    }


def _placed(cluster: Cluster, mark: float, tick: float, pace: Pace) -> dict[str, object]:
    from leadline.domain.clusters import eta_min

    return {
        "id": cluster.id,
        "side": cluster.side,
        "lo": round(cluster.lo / tick),
        "peak": round(cluster.peak / tick),
        "hi": round(cluster.hi / tick),
        "usd": rounded(cluster.usd),
        "usd_lo": rounded(cluster.usd_lo),
        "usd_hi": rounded(cluster.usd_hi),
        "distance_pct": round(cluster.distance_pct, 2),
        "eta_min": _whole(eta_min(cluster, mark, pace)),
    }


def _rated(rated: Intensity) -> dict[str, object]:
    return {"oi_pct": float(f"{rated.oi_pct:.2g}"), "percentile": round(rated.percentile)}


def tiers_told(tiers: Tiers, today: date) -> dict[str, object]:
    dated = tiers.valid_from > date.min  # the fallback is of no day
    return {
        "source": tiers.source,
        "from": tiers.valid_from.isoformat() if dated else None,
        "later": tiers.later_than(today),
    }


def move_told(move: SideMove) -> dict[str, object]:
    return {
        "bp": round(move.transport_bp),
        "opened": rounded(move.opened_usd),
        "closed": rounded(move.closed_usd),
        "triggered": rounded(move.triggered_usd),
        "moved": rounded(move.moved_usd),
        "revalued": rounded(move.revalued_usd),
    }


def path_told(path: Path | None, tick: float) -> dict[str, object]:
    """Return the keys ``easier``, ``reach_bp`` and ``chain`` of the state frame."""
    if path is None:
        return NO_PATH
    ways = {"up": path.chain_up, "down": path.chain_down}
    chain = {way: None if point is None else round(point.price / tick) for way, point in ways.items()}
    return {"easier": path.easier, "reach_bp": round(path.reach_bp), "chain": chain}


def rounded(usd: float, figures: int = 3) -> int:
    """Round to significant figures: what an estimate can carry, and fewer changes to send."""
    return int(float(f"{usd:.{figures}g}"))


def _whole(minutes: float | None) -> int | None:
    return None if minutes is None or minutes > 10_000 else round(minutes)
