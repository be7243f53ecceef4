"""Follows what has come of the alerts of one symbol, over restarts too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leadline.domain.aftermath import Aftermath, Interest
from leadline.domain.alert_facts import ClusterFact
from leadline.domain.alerting import Firing
from leadline.domain.cascade import Transition
from leadline.domain.leap import leaps
from leadline.domain.signals import Fuel, Told
from leadline.limits import INBOX_ALERTS_MAX


class Following:
    """What fired, by dedupe key; of as many as the inbox shows, the newest.

    known: of alerts that an earlier process followed, up to ``left_ms`` (Unix ms).
    """

    def __init__(self, known: Mapping[str, Aftermath], left_ms: int) -> None:
        self.left_ms: int | None = left_ms if known else None  # since when prices have to be made good
        self._followed = dict(known)
        self._changed: set[str] = set(known)

    def begin(self, key: str, firing: Firing, fuel: Fuel[ClusterFact] | None) -> None:
        """Follow a firing that has a price."""
        if firing.price is None:
            return
        while len(self._followed) >= INBOX_ALERTS_MAX:
            del self._followed[next(iter(self._followed))]
        cluster = firing.cluster
        if cluster is not None and firing.way < 0:
            number, lo, hi = cluster
            cluster = number, hi, lo
        self._followed[key] = Aftermath(firing.at_ms, firing.price, cluster, interest_of(fuel))
        self._changed.add(key)

    def make_good(self, lowest: float, highest: float) -> None:
        """Take the prices that were traded while nobody watched."""
        self.left_ms = None
        for key, after in list(self._followed.items()):
            if leaps(after.price, highest):
                del self._followed[key]  # of another unit
            else:
                after.see(lowest, highest)
                self._changed.add(key)

    def see(self, lowest: float, highest: float, forced_usd: float, heard: Iterable[Told]) -> None:
        """Take a step: its prices, the liquidations shown in it, and the signals."""
        transitions = [told.what for told in heard if isinstance(told.what, Transition)]
        for key, after in self._followed.items():
            news = after.see(lowest, highest)
            for transition in transitions:
                news |= after.passed(transition)
            if forced_usd > 0:
                after.forced_usd += forced_usd
                news = True
            if news:
                self._changed.add(key)

    def recognise(self, fuel: Fuel[ClusterFact]) -> None:
        """Find the clusters of an earlier process among those of now."""
        for after in self._followed.values():
            after.recognise(fuel.clusters)

    def changed(self) -> dict[str, Aftermath]:
        """Return what has changed since this was asked last."""
        found = {key: self._followed[key] for key in self._changed if key in self._followed}
        self._changed.clear()
        return found

    def told(self, key: str, fuel: Fuel[ClusterFact] | None) -> dict[str, Any] | None:
        """Return what happened since a firing as plain data, None when it is not followed (any more).

        forced_usd: liquidations that feeds showed; oi: the change of open interest in coins as a share,
        None unless the same venues tell it; unwatched_ms: how long the server was down since.
        """
        after = self._followed.get(key)
        if after is None:
            return None
        then, now = after.interest, interest_of(fuel)
        same = then is not None and now is not None and then.venues == now.venues and then.coins > 0
        return {
            "reached": after.reached,
            "closest": after.closest,
            "state": after.state,
            "forced_usd": after.forced_usd,
            "oi": now.coins / then.coins - 1 if same and now and then else None,
            "unwatched_ms": after.unwatched_ms,
        }


def interest_of(fuel: Fuel[ClusterFact] | None) -> Interest | None:
    """Return the open interest in coins, so that price is no part of it."""
    if fuel is None or not fuel.mark > 0:
        return None
    return Interest(fuel.oi_usd / fuel.mark, fuel.venues)
