"""A ladder: one view of one symbol, its rows at up to 20 Hz and its slow facts beside them."""

from __future__ import annotations

import numpy as np

from leadline.domain.ladder import LadderView
from leadline.domain.slow_facts import settled
from leadline.feed.streams.base import Board, Stream, session_of
from leadline.limits import BAND_ROWS, TRADES_KEPT
from leadline.wire import frames
from leadline.wire.patch import patch
from leadline.wire.prepared import PreparedFrame
from leadline.wire.requests import LadderKey

HEARTBEAT_MS = 1_000  # a quiet ladder still proves that it lives
STATE_MS = 1_000  # how often slow facts are looked at
REPEAT_MS = 20_000  # how old the smallest of their changes may get before it is sent


class LadderStream(Stream):
    """The last frame of a ladder and its place in the sequence of frames."""

    key: LadderKey

    def __init__(self, number: int, key: LadderKey, board: Board) -> None:
        super().__init__(number, key, every_ms=1_000 // key.hz)
        self.session = session = session_of(board, key.symbol, key.venue)
        self.epoch = session.epoch
        self.seq = 0
        self._state_due_ms = 0
        self._repeated_ms = board.clock.monotonic_ms()
        self._facts = session.state(key.venue, key.group)
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

    def beside(self) -> bytes:
        """Return the slow facts as they were last told."""
        return frames.state(self.number, self._facts)

    def emit(self, now_ms: int) -> None:
        view = self._cut()
        if self.session.epoch != self.epoch:
            self.epoch, self.seq = self.session.epoch, self.seq + 1
            self._advance(view, now_ms)
            self._offer(self.keyframe(), is_keyframe=True)
        elif now_ms - self._sent_ms >= HEARTBEAT_MS or _differs(self._view, view):
            self.seq += 1
            delta = frames.ladder_delta(self.number, self.epoch, self.seq, self._view, view, self.key.depth)
            self._advance(view, now_ms)
            self._offer(delta)
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
        """Tell what changed of the slow facts: the visible at once, all of it every REPEAT_MS."""
        now = self.session.state(self.key.venue, self.key.group)
        exactly = now_ms - self._repeated_ms >= REPEAT_MS
        facts = dict(now if exactly else settled(self._facts, now), t=self._facts["t"])
        self._repeated_ms = now_ms if exactly else self._repeated_ms
        changes = patch(self._facts, facts)
        if changes == {}:
            return
        self._facts = {**facts, "t": now["t"]}
        frame = (
            self.beside()
            if changes is None
            else frames.state_changes(self.number, {"t": now["t"], **changes})
        )
        prepared = PreparedFrame(frame)
        for watcher in list(self.watchers):
            watcher.offer_state(self.number, prepared)


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
