"""The estimate of a view as rules and signals take it."""

from __future__ import annotations

from math import log

from leadline.domain.alert_facts import ClusterFact
from leadline.domain.clusters import named
from leadline.domain.heat import Heat
from leadline.domain.signals import Fuel
from leadline.domain.story import Story
from leadline.domain.tracking import Tracked

NEAR_LOG = log(1.05)  # fuel within 5 % of price counts as near


def fuel_of(heat: Heat, story: Story, venues: tuple[str, ...]) -> Fuel[ClusterFact]:
    """Return what the last picture of a view holds: the clusters worth a mark, nearest first.

    venues: of the view, in the order of their names.
    """
    names = named(tracked.cluster for tracked in story.shown)
    half, near = len(heat.long_usd) // 2, round(NEAR_LOG / heat.step)
    shares = [
        float(usd[half - near : half + near].sum()) / heat.oi_usd if heat.oi_usd > 0 else 0.0
        for usd in (heat.long_usd, heat.short_usd)
    ]
    clusters = tuple(_fact(tracked, story, names[tracked.cluster.id], heat) for tracked in story.shown)
    return Fuel(heat.mark, heat.oi_usd, shares[0], shares[1], clusters, venues)


def _fact(tracked: Tracked, story: Story, name: str, heat: Heat) -> ClusterFact:
    cluster, lost = tracked.cluster, tracked.depletion
    moved = story.recentred(cluster)
    most = lost.most_usd or 1.0
    return ClusterFact.of(
        cluster,
        name,
        heat.oi_usd,
        lift=story.intensity(cluster).lift,
        calibrated=heat.certainty is not None,
        gone=lost.gone,
        gone_closed=lost.closed_usd / most,
        gone_triggered=lost.triggered_usd / most,
        moved_bp=moved.shift_bp if moved is not None else 0.0,
    )
