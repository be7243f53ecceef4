"""Raw clients of the twin, written from the venues' rules alone: they share no code with the adapters."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

Side = dict[str, str]
BookText = tuple[list[list[str]], list[list[str]]]


class GapFound(AssertionError):
    """A frame did not link to the one before."""


class Follower:
    """One book kept from texts: price text -> size text."""

    def __init__(self) -> None:
        self.bids: Side = {}
        self.asks: Side = {}
        self.update_id = -1
        self.applied = 0

    def replace(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        self.bids = {row[0]: row[1] for row in bids}
        self.asks = {row[0]: row[1] for row in asks}

    def change(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, rows in ((self.bids, bids), (self.asks, asks)):
            for row in rows:
                if float(row[1]) == 0:
                    side.pop(row[0], None)
                else:
                    side[row[0]] = row[1]
        self.applied += 1

    def book(self) -> BookText:
        bids = sorted(self.bids.items(), key=lambda row: -float(row[0]))
        asks = sorted(self.asks.items(), key=lambda row: float(row[0]))
        return [list(row) for row in bids], [list(row) for row in asks]


class BinanceFollower(Follower):
    """Diff frames buffered until the REST snapshot, then linked by ``pu``."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[dict[str, Any]] = []
        self.live = self.linked = False
        self.low, self.high = 0.0, float("inf")
        self.overlaps = 0

    def frame(self, row: dict[str, Any]) -> None:
        if not self.live:
            self.waiting.append(row)
            return
        if not self.linked:
            self._link(row)
        elif row["pu"] != self.update_id:
            raise GapFound(f"expected pu {self.update_id}, got {row['pu']}")
        else:
            self._apply(row)

    def snapshot(self, body: dict[str, Any]) -> bool:
        """Anchor the book; False when the snapshot is older than what is buffered."""
        last = body["lastUpdateId"]
        kept = [row for row in self.waiting if row["u"] >= last]
        if kept and kept[0]["U"] > last and kept[0]["pu"] != last:
            return False
        self.replace(body["bids"], body["asks"])
        # Beyond its last level a full snapshot says nothing.
        if len(body["bids"]) == 1000:
            self.low = float(body["bids"][-1][0])
        if len(body["asks"]) == 1000:
            self.high = float(body["asks"][-1][0])
        self.update_id, self.live, self.waiting = last, True, []
        for row in kept:
            self.frame(row)
        return True

    def known(self, rows: list[list[str]]) -> list[list[str]]:
        """Keep the levels that the snapshot's range covers."""
        return [row for row in rows if self.low <= float(row[0]) <= self.high]

    def _link(self, row: dict[str, Any]) -> None:
        if row["u"] < self.update_id:
            return
        if not row["U"] <= self.update_id <= row["u"] and row["pu"] != self.update_id:
            raise GapFound(
                f"expected {self.update_id} inside {row['U']}..{row['u']} or as pu, got pu {row['pu']}"
            )
        self.overlaps += row["U"] <= self.update_id < row["u"]
        self.linked = True
        self._apply(row)

    def _apply(self, row: dict[str, Any]) -> None:
        self.change(row["b"], row["a"])
        self.update_id = row["u"]


class BybitFollower(Follower):
    """Snapshots replace; a delta's ``u`` is one more than the last."""

    def frame(self, message: dict[str, Any]) -> None:
        row = message["data"]
        if message["type"] == "snapshot":
            self.replace(row["b"], row["a"])
        elif row["u"] != self.update_id + 1:
            raise GapFound(f"expected u {self.update_id + 1}, got {row['u']}")
        else:
            self.change(row["b"], row["a"])
        self.update_id = row["u"]


class OkxFollower(Follower):
    """A snapshot, then updates linked by ``prevSeqId``."""

    def frame(self, message: dict[str, Any]) -> None:
        row = message["data"][0]
        if message["action"] == "snapshot":
            assert row["prevSeqId"] == -1
            self.replace(row["bids"], row["asks"])
        elif row["prevSeqId"] != self.update_id:
            raise GapFound(f"expected prevSeqId {self.update_id}, got {row['prevSeqId']}")
        else:
            self.change(row["bids"], row["asks"])
        assert row["checksum"] == 0
        self.update_id = row["seqId"]


async def get(session: aiohttp.ClientSession, port: int, path: str, **query: object) -> Any:
    """GET JSON from a port of the twin."""
    params = {key: str(value) for key, value in query.items()}
    async with session.get(f"http://127.0.0.1:{port}{path}", params=params) as reply:
        return json.loads(await reply.read())
