"""Ladder streams: each distinct view is cut and encoded once, however many phones watch it.

A stream lives while somebody watches.  Every frame is offered to all its watchers; a watcher that
had to skip frames asks for a keyframe, which is encoded once per frame and shared like the rest.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from leadline import __version__
from leadline.clock import Clock
from leadline.domain.events import Event
from leadline.domain.ladder import LadderView
from leadline.feed.continuity import VenueStatus
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.limits import BAND_ROWS, LADDER_HZ_MAX, TRADES_KEPT
from leadline.units import Step
from leadline.wire import frames

log = logging.getLogger("leadline.feed")

HEARTBEAT_MS = 1_000  # a quiet ladder still proves that it lives
STATE_MS = 1_000  # how often slow facts are looked at
PASSING = ("age_ms", "silent_ms", "clock_ms", "since")  # a venue's facts that change by themselves
STATE_REPEAT_MS = 10_000  # how old the smallest of their changes may get before it is sent


class Watcher(Protocol):
    """Somebody who takes the frames of streams, at his own pace."""

    def offer(self, stream: int, frame: bytes, is_keyframe: bool) -> None: ...

    def offer_state(self, stream: int, frame: bytes) -> None: ...

    def offer_notice(self, frame: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class StreamKey:
    symbol: str
    venue: str
    group: int
    depth: int
    hz: int


class LadderStream:
    """One view of one symbol: its last frame, its sequence, its watchers."""

    def __init__(self, number: int, key: StreamKey, session: SymbolSession) -> None:
        self.number = number
        self.key = key
        self.session = session
        self.watchers: set[Watcher] = set()
        self.epoch = session.epoch
        self.seq = 0
        self.due_ms = 0
        self._state_due_ms = 0
        self._state: bytes | None = None
        self._state_told: dict[str, object] = {}
        self._state_told_ms = 0
        self._sent_ms = 0
        self._tape_count = session.tape.count
        self._first: int | None = None
        self._view = self._cut()
        self._keyframe: bytes | None = None

    def keyframe(self) -> bytes:
        """Return the present frame as a keyframe; encoded once however many ask."""
        if self._keyframe is None:
            trades = self.session.tape.last(TRADES_KEPT, self.key.venue, self._tape_count)
            self._keyframe = frames.ladder_keyframe(self.number, self.epoch, self.seq, self._view, trades)
        return self._keyframe

    def state(self) -> bytes:
        """Return the slow facts as last encoded (made now if there are none)."""
        if self._state is None:
            self._state = self._encode_state()
        return self._state

    def emit(self, now_ms: int) -> None:
        """Cut the ladder anew and offer what changed to every watcher."""
        view = self._cut()
        if self.session.epoch != self.epoch:
            self.epoch, self.seq = self.session.epoch, self.seq + 1
            self._advance(view, now_ms)
            for watcher in list(self.watchers):
                watcher.offer(self.number, self.keyframe(), is_keyframe=True)
        elif now_ms - self._sent_ms >= HEARTBEAT_MS or _differs(self._view, view):
            self.seq += 1
            delta = frames.ladder_delta(self.number, self.epoch, self.seq, self._view, view, self.key.depth)
            self._advance(view, now_ms)
            for watcher in list(self.watchers):
                watcher.offer(self.number, delta, is_keyframe=False)
        if now_ms >= self._state_due_ms:
            self._state_due_ms = now_ms + STATE_MS
            self._offer_state(now_ms)

    def _advance(self, view: LadderView, now_ms: int) -> None:
        self._view = view
        self._keyframe = None
        self._sent_ms = now_ms
        self._tape_count = self.session.tape.count

    def _cut(self) -> LadderView:
        session, key = self.session, self.key
        view = session.ladder(key.venue, key.group, key.depth, self._tape_count)
        if session.heat is not None and view.bid_tick:
            first = self._window(view.bid_tick // key.group)
            view.bands = session.heat.codes(key.venue, session.tick, key.group, first)
            view.first = first if len(view.bands) else 0
        return view

    def _window(self, row: int) -> int:
        """Return the first band row; the window moves only when price leaves its middle half."""
        if self._first is None or not BAND_ROWS // 4 <= row - self._first < BAND_ROWS * 3 // 4:
            self._first = row - BAND_ROWS // 2
        return self._first

    def _offer_state(self, now_ms: int) -> None:
        told = self.session.state(self.key.venue, self.key.group)
        facts = _facts_worth_telling(told)
        if facts == self._state_told and now_ms - self._state_told_ms < STATE_REPEAT_MS:
            return
        self._state_told, self._state_told_ms = facts, now_ms
        self._state = frames.state(self.number, told)
        for watcher in list(self.watchers):
            watcher.offer_state(self.number, self._state)

    def _encode_state(self) -> bytes:
        return frames.state(self.number, self.session.state(self.key.venue, self.key.group))


class Hub:
    """All sessions and all streams of the process, and the task that paces them."""

    def __init__(self, clock: Clock, market: str, simulated: bool) -> None:
        self.clock = clock
        self.market = market
        self.simulated = simulated
        self.sessions: dict[str, SymbolSession] = {}
        self.statuses: dict[str, VenueStatus] = {}
        self.streams: dict[int, LadderStream] = {}
        self.watchers: set[Watcher] = set()
        self._by_key: dict[StreamKey, LadderStream] = {}
        self._numbers = 0
        self._announced: list[dict[str, object]] = []
        self._told_steps: list[tuple[Step, Step]] = []

    def take(self, events: list[Event]) -> None:
        """Give each event to the session of its symbol."""
        for event in events:
            session = self.sessions.get(event.symbol)
            if session is not None:
                session.accept(event)

    def subscribe(self, key: StreamKey, watcher: Watcher) -> LadderStream:
        """Let ``watcher`` have the stream of ``key``; the caller sends it the keyframe.

        Raises KeyError when the symbol, or the venue of it, is not known.
        """
        session = self.sessions[key.symbol]
        if key.venue != ALL_VENUES and key.venue not in session.venues:
            raise KeyError(key.venue)
        stream = self._by_key.get(key)
        if stream is None:
            self._numbers += 1
            stream = LadderStream(self._numbers, key, session)
            self._by_key[key] = self.streams[stream.number] = stream
        stream.watchers.add(watcher)
        return stream

    def unsubscribe(self, number: int, watcher: Watcher) -> None:
        """Take ``watcher`` off a stream; the last one to leave ends it."""
        stream = self.streams.get(number)
        if stream is None:
            return
        stream.watchers.discard(watcher)
        if not stream.watchers:
            del self.streams[number]
            del self._by_key[stream.key]

    def leave(self, watcher: Watcher) -> None:
        """Take ``watcher`` off everything."""
        self.watchers.discard(watcher)
        for number in [n for n, stream in self.streams.items() if watcher in stream.watchers]:
            self.unsubscribe(number, watcher)

    def hello(self) -> bytes:
        """Encode the first frame of a connection."""
        return frames.hello(
            {
                "version": __version__,
                "market": self.market,
                "simulated": self.simulated,
                "server_ms": self.clock.wall_ms(),
                "venues": sorted({name for session in self.sessions.values() for name in session.venues}),
                "symbols": self._symbols(),
            }
        )

    def _symbols(self) -> list[dict[str, object]]:
        described = (session.describe() for session in self.sessions.values())
        return [entry for entry in described if entry is not None]

    def notify(self, symbol: str, kind: str, text: str) -> None:
        """Tell every connected phone something a person should read."""
        frame = frames.notice(symbol, kind, text)
        for watcher in list(self.watchers):
            watcher.offer_notice(frame)

    def announce(self) -> None:
        """Send hello again when the symbols, their venues or their groupings changed."""
        symbols = self._symbols()
        self._told_steps = self._steps()
        if symbols != self._announced:
            self._announced = symbols
            frame = self.hello()
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
                stream.due_ms = now_ms + 1000 // stream.key.hz
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


def _differs(before: LadderView, now: LadderView) -> bool:
    return bool(
        now.prints
        or (before.flags, before.bid_tick, before.ask_tick, before.first)
        != (now.flags, now.bid_tick, now.ask_tick, now.first)
        or not np.array_equal(before.bid_rows, now.bid_rows)
        or not np.array_equal(before.ask_rows, now.ask_rows)
        or not np.array_equal(before.bid_lots, now.bid_lots)
        or not np.array_equal(before.ask_lots, now.ask_lots)
        or not np.array_equal(before.bands, now.bands)
    )


def _facts_worth_telling(state: dict[str, object]) -> dict[str, object]:
    """Return the state without what merely passes with time and what no eye sees change.

    Ages, paces and arrival times tick on the phone; mark, interest and dollars count in 3 to 4 figures.
    """
    facts = {name: value for name, value in state.items() if name not in ("t", "pace", "oi_usd")}
    facts["mark"] = _figures(state["mark"], 4)
    facts["day"] = _figures(state["day"], 2)
    venues, clusters = state["venues"], state["clusters"]
    if isinstance(venues, list):
        facts["venues"] = [{k: v for k, v in venue.items() if k not in PASSING} for venue in venues]
    if isinstance(clusters, list):
        facts["clusters"] = [
            {"id": c["id"], "lo": c["lo"], "hi": c["hi"], "usd": _figures(c["usd"], 2)} for c in clusters
        ]
    return facts


def _figures(value: object, count: int) -> object:
    return float(f"{value:.{count}g}") if isinstance(value, int | float) else value
