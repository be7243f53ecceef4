"""What a client has yet to be sent, kept small: a slow phone skips ahead, it never drags a backlog."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

PENDING_FRAMES_MAX = 8  # beyond this many unsent deltas a keyframe is cheaper and newer


class Conflator:
    """The outbox of one client.

    Deltas of a stream wait in order, at most PENDING_FRAMES_MAX of them; then they are dropped and
    ``keyframe`` is asked for the newest picture when the client can take it.  Slow facts keep only
    their newest version.  Control frames (hello, answers, notices) are kept all, in order, up to
    ``controls_max``; a client that lets more than that pile up is ``overrun``.
    """

    def __init__(self, keyframe: Callable[[int], bytes | None], controls_max: int = 256) -> None:
        self._keyframe = keyframe
        self._controls: deque[bytes] = deque()
        self._controls_max = controls_max
        self._pending: dict[int, list[bytes]] = {}
        self._behind: set[int] = set()
        self._states: dict[int, bytes] = {}
        self.overrun = False
        self.skipped = 0

    def control(self, frame: bytes) -> None:
        if len(self._controls) >= self._controls_max:
            self.overrun = True
            return
        self._controls.append(frame)

    def begin(self, stream: int) -> None:
        """Start a stream: the next thing sent of it is a keyframe."""
        self._pending[stream] = []
        self._behind.add(stream)

    def end(self, stream: int) -> None:
        self._pending.pop(stream, None)
        self._states.pop(stream, None)
        self._behind.discard(stream)

    def frame(self, stream: int, frame: bytes, is_keyframe: bool) -> None:
        pending = self._pending.get(stream)
        if pending is None or stream in self._behind:
            return
        if is_keyframe:
            pending.clear()
        elif len(pending) >= PENDING_FRAMES_MAX:
            pending.clear()
            self._behind.add(stream)
            self.skipped += 1
            return
        pending.append(frame)

    def state(self, stream: int, frame: bytes) -> None:
        if stream in self._pending:
            self._states[stream] = frame

    def take(self) -> list[bytes]:
        """Return everything to send now, in order, and forget it."""
        out = list(self._controls)
        self._controls.clear()
        for stream, pending in self._pending.items():
            if stream in self._behind:
                keyframe = self._keyframe(stream)
                if keyframe is not None:
                    out.append(keyframe)
                    self._behind.discard(stream)
            out += pending
            pending.clear()
        out += self._states.values()
        self._states.clear()
        return out
