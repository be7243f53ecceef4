"""The user's own marks, whole at every change: there are few, and they change when a finger says so."""

from __future__ import annotations

from leadline.feed.streams.base import Board, Stream
from leadline.wire import frames
from leadline.wire.requests import MarksKey

EVERY_MS = 100


class MarksStream(Stream):
    """All marks of the market, as they were last told; none where none are kept."""

    def __init__(self, number: int, key: MarksKey, board: Board) -> None:
        super().__init__(number, key, EVERY_MS)
        self._version = 0
        self._keyframe = frames.marks(number, [])
        self._marks = board.marks
        self.emit(0)

    def keyframe(self) -> bytes:
        return self._keyframe

    def emit(self, _: int) -> None:
        if self._marks is None or self._marks.version == self._version:
            return
        self._version = self._marks.version
        rows = [(m.id, m.symbol, m.price, m.label, m.colour, m.created_ms) for m in self._marks.all()]
        self._keyframe = frames.marks(self.number, rows)
        self._offer(self._keyframe, is_keyframe=True)
