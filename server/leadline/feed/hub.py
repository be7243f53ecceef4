"""The hub: all sessions and all streams of a process, and the task that paces the streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from leadline import __version__
from leadline.clock import Clock
from leadline.domain.events import Event
from leadline.feed.continuity import VenueStatus
from leadline.feed.marks import Marks
from leadline.feed.session import SymbolSession
from leadline.feed.streams.base import Board, Refusal, Stream, Watcher
from leadline.feed.streams.glance import GlanceStream
from leadline.feed.streams.ladder import LadderStream
from leadline.feed.streams.map import MapStream
from leadline.feed.streams.marks import MarksStream
from leadline.feed.streams.pulse import PulseStream
from leadline.feed.streams.tape import TapeStream
from leadline.limits import LADDER_HZ_MAX
from leadline.units import Step
from leadline.wire import frames
from leadline.wire.prepared import PreparedFrame
from leadline.wire.requests import GlanceKey, LadderKey, MapKey, MarksKey, PulseKey, StreamKey, TapeKey

log = logging.getLogger("leadline.feed")

# How the stream of a key is opened: (number, key, board).  A new kind of stream is a class and a line here.
KINDS: dict[type[StreamKey], Callable[[int, Any, Board], Stream]] = {
    LadderKey: LadderStream,
    MapKey: MapStream,
    GlanceKey: GlanceStream,
    TapeKey: TapeStream,
    PulseKey: PulseStream,
    MarksKey: MarksStream,
}


class Hub:
    """All sessions and all streams of the process, and the task that paces them.

    marks: the user's own, None where nothing is kept (a replay).
    """

    def __init__(self, clock: Clock, market: str, simulated: bool) -> None:
        self.clock = clock
        self.market = market
        self.simulated = simulated
        self.marks: Marks | None = None
        self.sessions: dict[str, SymbolSession] = {}
        self.statuses: dict[str, VenueStatus] = {}
        self.streams: dict[int, Stream] = {}
        self.watchers: set[Watcher] = set()
        self._by_key: dict[StreamKey, Stream] = {}
        self._numbers = 0
        self._venue_names: list[str] = []
        self._announced: list[dict[str, object]] = []
        self._told_steps: list[tuple[Step, Step]] = []

    def take(self, events: list[Event]) -> None:
        """Give each event to the session of its symbol."""
        for event in events:
            session = self.sessions.get(event.symbol)
            if session is not None:
                session.accept(event)

    def subscribe(self, key: StreamKey, watcher: Watcher) -> Stream:
        """Let ``watcher`` have the stream of ``key``; the caller sends it the keyframe.

        Raises Refusal when there can be no such stream: an unknown symbol, an unknown venue of it.
        """
        stream = self._by_key.get(key)
        if stream is None:
            kind = KINDS.get(type(key))
            if kind is None:
                raise Refusal("bad_request", f"this server has no streams of kind {key.kind!r}")
            stream = kind(self._numbers + 1, key, self)
            self._numbers += 1
            # Its keyframe is of now: the first frame after it is due a period later.
            stream.due_ms = self.clock.monotonic_ms() + stream.every_ms
            self._by_key[key] = self.streams[stream.number] = stream
        stream.watchers[watcher] = None
        return stream

    def unsubscribe(self, number: int, watcher: Watcher) -> None:
        """Take ``watcher`` off a stream; the last one to leave ends it."""
        stream = self.streams.get(number)
        if stream is None:
            return
        stream.watchers.pop(watcher, None)
        if not stream.watchers:
            del self.streams[number]
            del self._by_key[stream.key]

    def leave(self, watcher: Watcher) -> None:
        """Take ``watcher`` off everything."""
        self.watchers.discard(watcher)
        for number in [n for n, stream in self.streams.items() if watcher in stream.watchers]:
            self.unsubscribe(number, watcher)

    def watched_symbols(self) -> set[str]:
        """Return the symbols of which somebody has a stream of their own (a watchlist is none)."""
        symbols = (getattr(stream.key, "symbol", None) for stream in self.streams.values())
        return {symbol for symbol in symbols if symbol is not None}

    def hello(self, only: Collection[str] | None = None) -> bytes:
        """Encode the first frame of a connection; ``only``: the symbols it may name, all by default."""
        return frames.hello(
            {
                "version": __version__,
                "market": self.market,
                "simulated": self.simulated,
                "server_ms": self.clock.wall_ms(),
                "venues": self.venue_names,
                "symbols": [it for it in self._symbols() if only is None or it["symbol"] in only],
            }
        )

    @property
    def venue_names(self) -> list[str]:
        """The venues of all sessions; a name keeps its place as long as the process lives."""
        for session in self.sessions.values():
            self._venue_names += [name for name in session.venues if name not in self._venue_names]
        return self._venue_names

    def _symbols(self) -> list[dict[str, object]]:
        described = (session.describe() for session in self.sessions.values())
        return [entry for entry in described if entry is not None]

    def notify(self, symbol: str, kind: str, text: str) -> None:
        """Tell every connected phone something a person should read."""
        frame = PreparedFrame(frames.notice(symbol, kind, text))
        for watcher in list(self.watchers):
            watcher.offer_notice(frame)

    def announce(self) -> None:
        """Send hello again when the symbols, their venues or their groupings changed."""
        symbols = self._symbols()
        self._told_steps = self._steps()
        if symbols != self._announced:
            self._announced = symbols
            frame = PreparedFrame(self.hello())
            for watcher in list(self.watchers):
                watcher.offer_notice(frame)

    def _steps(self) -> list[tuple[Step, Step]]:
        return [(session.tick, session.lot) for session in self.sessions.values()]

    def emit_due(self, now_ms: int) -> None:
        """Emit every stream whose time has come.

        Ticks and lots mean what the last hello said: when a symbol's steps changed, hello goes first.
        """
        if self._steps() != self._told_steps:
            self.announce()
        for stream in list(self.streams.values()):
            if now_ms >= stream.due_ms:
                # From when it was due, not from when it was noticed: else every step of the pacing adds up.
                stream.due_ms = max(stream.due_ms + stream.every_ms, now_ms)
                try:
                    stream.emit(now_ms)
                except Exception:
                    # One stream's defect must not stop the others.
                    log.exception("%s failed; the other streams go on", stream.key)

    async def run(self) -> None:
        """Pace all streams on the local clock until cancelled."""
        period_s = 1 / LADDER_HZ_MAX
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        second_ms = 0
        while True:
            now_ms = self.clock.monotonic_ms()
            self.emit_due(now_ms)
            if now_ms >= second_ms:
                second_ms = now_ms + 1_000
                for session in self.sessions.values():
                    session.observe()
                self.announce()
            due_s = max(due_s + period_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
