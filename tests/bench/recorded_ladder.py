"""A recorded market at twenty frames a second: the built app over a server that plays real ladders.

The recording is Binance's BTCUSDT, its raw depth and every trade, cut into frames through the product's own
book, rows and wire.  The bands are made, as in ``bench_wire``: nobody recorded estimates.  Slow facts and all
other streams are those of the still market, its clusters as far from price as there.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from starlette.websockets import WebSocket

from leadline.domain.ladder import LadderView
from leadline.wire import frames
from tests.bench.bench_wire import RECORDINGS, Cut, views
from tests.browser.still import (
    DEPTH,
    FLAGS_LIVE_SIMULATED,
    GROUP,
    LAST_TICK,
    STATIC,
    StillServer,
    clusters,
    ticks,
)

HZ = 20
# The minute of the recording in which most of what is printed changes.
FIRST_S = 60


class RecordedServer(StillServer):
    """The still market, but its ladder moves as a recorded one did."""

    def __init__(self, *, seconds: float, group: int = GROUP, pages: Path = STATIC) -> None:
        super().__init__(HZ, pages=pages)
        self.group = group
        cut = Cut(group, DEPTH, 1_000 // HZ, band_ticks=group)
        first = FIRST_S * HZ
        self.views = list(islice(views(RECORDINGS[0], cut), first, first + round(seconds * HZ)))
        for view in self.views:
            view.flags = FLAGS_LIVE_SIMULATED

    def first_view(self, group: int) -> LadderView:
        if group != self.group:
            raise ValueError(f"expected the group {self.group} that was cut, got {group}")
        return self.views[0]

    def first_state(self) -> dict[str, object]:
        told = super().first_state()
        away = self.views[0].bid_tick - LAST_TICK
        shifted = [
            {name: value + away if name in ("lo", "peak", "hi") else value for name, value in one.items()}
            for one in clusters()
        ]
        return {**told, "clusters": shifted, "chain": {"up": None, "down": None}}

    async def _move(self, socket: WebSocket, stream: int, _group: int, view: LadderView) -> None:
        async for seq in ticks(HZ):
            now = self.views[min(seq, len(self.views) - 1)]
            await socket.send_bytes(frames.ladder_delta(stream, 1, seq, view, now, DEPTH))
            view = now
