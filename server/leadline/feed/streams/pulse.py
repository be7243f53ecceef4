"""The pulse: open interest, funding, flow and ratios on the map's columns, the newest one each 10 s."""

from __future__ import annotations

from leadline.domain.pulse import PulseColumns, continued
from leadline.feed.session import reference_rank
from leadline.feed.streams.base import Board, Stream, session_of
from leadline.limits import MAP_STEP_MIN
from leadline.wire.pulse_frames import pulse_column, pulse_keyframe
from leadline.wire.requests import PulseKey

EVERY_MS = 10_000


class PulseStream(Stream):
    """The columns of one range, as they were told."""

    key: PulseKey
    _columns: PulseColumns
    _past: int
    _t_ms: int
    _keyframe: bytes | None

    def __init__(self, number: int, key: PulseKey, board: Board) -> None:
        super().__init__(number, key, EVERY_MS)
        self._board = board
        self._session = session_of(board, key.symbol)
        self._step_min = MAP_STEP_MIN[key.hours]
        self._count = key.hours * 60 // self._step_min
        self._take(self._now())

    def keyframe(self) -> bytes:
        if self._keyframe is None:
            self._keyframe = pulse_keyframe(self.number, self._t_ms, self._columns)
        return self._keyframe

    def emit(self, _: int) -> None:
        told, past = self._columns, self._past
        now = continued(told, self._now())
        moved = (now.first_min - told.first_min) // self._step_min
        if self._session.pulse.past != past or now.venues != told.venues or not 0 <= moved < self._count:
            # History came, or another venue counts: the whole picture is another one.
            self._take(self._now())
            self._offer(self.keyframe(), is_keyframe=True)
            return
        self._take(now)
        # The column that was the newest has ended since, and those after it came.
        for index in range(self._count - 1 - moved, self._count):
            minute = now.first_min + index * self._step_min
            self._offer(pulse_column(self.number, self._t_ms, minute, now.column(index)))

    def _now(self) -> PulseColumns:
        venues = sorted(self._session.venues, key=reference_rank)
        return self._session.pulse.columns(self._step_min, self._count, tuple(venues))

    def _take(self, columns: PulseColumns) -> None:
        self._columns = columns
        self._past = self._session.pulse.past
        self._t_ms = self._board.clock.wall_ms()
        self._keyframe = None
