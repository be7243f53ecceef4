"""Book feeds that show only the best N levels, and what a follower must be told to hold just those."""

from __future__ import annotations

from collections import deque

import numpy as np

from leadline.twin import kernels as k
from leadline.twin.hub import Feed
from leadline.twin.market import STEPS_KEPT, Market, View
from leadline.twin.texts import joined


class ViewFeed(Feed):
    """Keeps the view as last published; a level that leaves it is sent as gone, one that enters as new."""

    depth = True

    def __init__(self, name: str, market: Market, every: int, most: int) -> None:
        super().__init__(name, market, every)
        self.most = most
        self._view = market.view(most)
        self._written = market.texts
        self._steps: deque[tuple[int, int]] = deque(maxlen=STEPS_KEPT)
        self._scratch = np.zeros((2, 2 * most), dtype=np.int64)

    def take_view(self) -> tuple[str, str] | None:
        """Move to the present view; return the changed bids and asks as JSON rows, None without any."""
        old, new = self._view, self.market.view(self.most)
        self._view = new
        if self._written is not self.texts:
            return self._rewritten(old, new)
        bids = self._change(old.bid_ticks, old.bid_lots, new.bid_ticks, new.bid_lots, 1)
        asks = self._change(old.ask_ticks, old.ask_lots, new.ask_ticks, new.ask_lots, -1)
        return (bids, asks) if bids != "[]" or asks != "[]" else None

    def view_texts(self) -> tuple[str, str]:
        """Return the published view as JSON rows of bids and asks."""
        view, levels = self._view, self._written.levels
        return levels(view.bid_ticks, view.bid_lots), levels(view.ask_ticks, view.ask_lots)

    def _rewritten(self, old: View, new: View) -> tuple[str, str]:
        """Return all of the old view as gone and all of the new one, which is written otherwise."""
        before, self._written = self._written, self.texts
        return (
            joined(before.gone(old.bid_ticks), self.texts.levels(new.bid_ticks, new.bid_lots)),
            joined(before.gone(old.ask_ticks), self.texts.levels(new.ask_ticks, new.ask_lots)),
        )

    def remember(self, update_id: int) -> None:
        """Note which id the present view was published under."""
        self._steps.append((update_id, self.market.step))

    def step_of(self, update_id: int) -> int:
        """Return the step published under this id; raises LookupError when it is not kept."""
        for known, step in reversed(self._steps):
            if known == update_id:
                return step
        raise LookupError(f"{self.name} published nothing under {update_id}, or too long ago")

    def last_remembered(self) -> tuple[int, int]:
        """Return the newest (id, step); publishes the present view when there is none recent enough."""
        oldest = self.market.changes[0].step if self.market.changes else 0
        if not self._steps or self._steps[-1][1] < oldest or not self.sessions:
            self.woke()
        return self._steps[-1]

    def _change(self, old_ticks: k.Ints, old_lots: k.Ints, ticks: k.Ints, lots: k.Ints, side: int) -> str:
        out = self._scratch
        count = k.difference(old_ticks, old_lots, ticks, lots, side, out[0], out[1])
        return self.texts.levels(out[0, :count], out[1, :count])
