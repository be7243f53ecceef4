"""The user's own marks, whole at every change: there are few, and they change when a finger says so."""

from __future__ import annotations

from leadline.feed.streams.base import Board, Refusal, Stream
from leadline.wire import frames
from leadline.wire.requests import MarksKey

EVERY_MS = 100


class MarksStream(Stream):
    """All marks of the market, as they were last told."""

    def __init__(self, number: int, key: MarksKey, board: Board) -> None:
        super().__init__(number, key, EVERY_MS)
        if board.marks is None:
            raise Refusal("bad_request", "no marks are kept while a recording plays")
        self._marks = board.marks
        self._take()

    def keyframe(self) -> bytes:
        return self._keyframe

    def emit(self, _: int) -> None:
        if self._marks.version != self._version:
            self._take()
            self._offer(self._keyframe, is_keyframe=True)

    def _take(self) -> None:
        self._version = self._marks.version
        rows = [(m.id, m.symbol, m.price, m.label, m.colour, m.created_ms) for m in self._marks.all()]
        self._keyframe = frames.marks(self.number, rows)
