"""The tape: prints and liquidations of a symbol as they come, at most four frames a second."""

from __future__ import annotations

from collections import deque

from leadline.domain.tape import Floor, SweepMerger, TapeLiquidation, TapePrint
from leadline.feed.streams.base import Board, Stream, session_of
from leadline.wire.requests import TapeKey
from leadline.wire.tape_frames import LIQUIDATIONS_KEPT, PRINTS_KEPT, TapeNews, tape_keyframe, tape_prints

EVERY_MS = 250
HEARTBEAT_MS = 1_000


class TapeStream(Stream):
    """What has been told of one view's tape."""

    key: TapeKey
    _sums: tuple[int, int]
    _looks: tuple[int, int]
    _keyframe: bytes | None

    def __init__(self, number: int, key: TapeKey, board: Board) -> None:
        super().__init__(number, key, EVERY_MS)
        self._board = board
        self._session = session_of(board, key.symbol, key.venue)
        self._told_ms = 0
        self._begin()

    def keyframe(self) -> bytes:
        if self._keyframe is None:
            news = self._news(list(self._prints), list(self._forced), self._sums)
            self._keyframe = tape_keyframe(self.number, news, self._board.venue_names)
        return self._keyframe

    def emit(self, now_ms: int) -> None:
        if self._session.tape is not self._tape:
            # The steps changed: what the watchers hold means other prices now.
            self._begin()
            self._offer(self.keyframe(), is_keyframe=True)
            return
        whole, forced = self._hear()
        self._floor.observe(whole, now_ms)
        prints = [made for made in whole if made.usd >= self._floor.usd]
        self._prints.extend(prints)
        self._forced.extend(forced)
        told, self._sums = self._sums, self._read_sums()
        since = (self._sums[0] - told[0], self._sums[1] - told[1])
        looks, self._looks = self._looks, self._session.freshness(self.key.venue)
        self._t_ms, self._keyframe = self._board.clock.wall_ms(), None
        changed = bool(prints or forced or any(since)) or looks[0] != self._looks[0]
        if changed or now_ms - self._told_ms >= HEARTBEAT_MS:
            self._told_ms = now_ms
            news = self._news(prints, forced, since)
            self._offer(tape_prints(self.number, news, self._board.venue_names))

    def _begin(self) -> None:
        """Start with what the session holds; no floor applies to it, for it came over a longer time."""
        self._tape = self._session.tape
        self._merger, self._floor = SweepMerger(), Floor()
        self._fills_heard = self._forced_heard = 0
        self._t_ms = self._board.clock.wall_ms()
        prints, forced = self._hear()
        self._prints: deque[TapePrint] = deque(prints, maxlen=PRINTS_KEPT)
        self._forced: deque[TapeLiquidation] = deque(forced, maxlen=LIQUIDATIONS_KEPT)
        self._sums = self._read_sums()
        self._looks = self._session.freshness(self.key.venue)
        self._keyframe = None

    def _hear(self) -> tuple[list[TapePrint], list[TapeLiquidation]]:
        """Return the prints that are whole now and the liquidations since the last call."""
        for fill in self._tape.fills_since(self._fills_heard, self.key.venue):
            self._merger.add(fill)
        forced = self._tape.forced_since(self._forced_heard, self.key.venue)
        self._fills_heard, self._forced_heard = self._tape.count, self._tape.forced_count
        return self._merger.take(self._board.clock.wall_ms()), forced

    def _read_sums(self) -> tuple[int, int]:
        bought, sold = self._tape.sums_of(self.key.venue)
        return round(bought), round(sold)

    def _news(
        self, prints: list[TapePrint], forced: list[TapeLiquidation], sums_usd: tuple[int, int]
    ) -> TapeNews:
        return TapeNews(self._t_ms, prints, forced, self._floor.usd, sums_usd, *self._looks)
