"""What a client has yet to be sent, kept small: a slow phone skips ahead, it never drags a backlog."""

from __future__ import annotations

from collections.abc import Callable

from leadline.limits import CLIENT_QUEUE_BYTES_MAX
from leadline.wire.prepared import PreparedFrame

PENDING_FRAMES_MAX = 8  # beyond this many unsent deltas a keyframe is cheaper and newer


class Conflator:
    """The outbox of one client.

    Deltas of a stream wait in order, at most PENDING_FRAMES_MAX of them; then they are dropped and
    ``keyframe`` is asked for the newest picture (None: the stream is gone) when the client can take it.
    Of slow facts nothing waits but that ``state`` has to be asked for them whole.  Control frames (hello,
    answers, notices) are kept all, in order, up to ``controls_max``.  A client that lets more than that,
    or more than ``bytes_max``, pile up is ``overrun``: from then on nothing more is kept.
    """

    __slots__ = (
        *("_behind", "_bytes_max", "_controls", "_controls_max", "_keyframe", "_pending", "_state"),
        "_states",
        *("overrun", "skipped", "waiting_bytes"),
    )

    def __init__(
        self,
        keyframe: Callable[[int], PreparedFrame | None],
        state: Callable[[int], PreparedFrame | None],
        controls_max: int = 256,
        bytes_max: int = CLIENT_QUEUE_BYTES_MAX,
    ) -> None:
        self._keyframe = keyframe
        self._state = state
        self._controls: list[PreparedFrame] = []  # an empty deque weighs ten times as much
        self._controls_max = controls_max
        self._bytes_max = bytes_max
        self._pending: dict[int, list[PreparedFrame]] = {}
        self._behind: set[int] = set()
        self._states: set[int] = set()
        self.waiting_bytes = 0
        self.overrun = False
        self.skipped = 0

    def control(self, frame: PreparedFrame) -> None:
        if len(self._controls) >= self._controls_max:
            self.overrun = True
        elif self._keep(frame):
            self._controls.append(frame)

    def begin(self, stream: int) -> None:
        """Start a stream: the next thing sent of it is a keyframe."""
        self._pending[stream] = []
        self._behind.add(stream)

    def end(self, stream: int) -> None:
        self._forget(self._pending.pop(stream, []))
        self._states.discard(stream)
        self._behind.discard(stream)

    @property
    def streams(self) -> int:
        """How many streams were begun and not ended."""
        return len(self._pending)

    def frame(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        pending = self._pending.get(stream)
        if pending is None or stream in self._behind:
            return
        if is_keyframe:
            self._forget(pending)
            pending.clear()
        elif len(pending) >= PENDING_FRAMES_MAX:
            self._forget(pending)
            pending.clear()
            self._behind.add(stream)
            self.skipped += 1
            return
        if self._keep(frame):
            pending.append(frame)

    def state(self, stream: int) -> None:
        """Let the slow facts of a stream be sent, whole and as they are then."""
        if stream in self._pending:
            self._states.add(stream)

    @property
    def waiting(self) -> bool:
        """Is there anything to send?"""
        return bool(self._controls or self._states or self._behind or any(self._pending.values()))

    def take(self) -> list[PreparedFrame]:
        """Return everything to send now, in order, and forget it."""
        out, self._controls = self._controls, []
        for stream, pending in self._pending.items():
            if stream in self._behind:
                self._behind.discard(stream)
                keyframe = self._keyframe(stream)
                if keyframe is not None:
                    out.append(keyframe)
            out += pending
            pending.clear()
        states = [self._state(stream) for stream in sorted(self._states)]
        out += [state for state in states if state is not None]
        self._states.clear()
        self.waiting_bytes = 0
        return out

    def _keep(self, frame: PreparedFrame) -> bool:
        if self.waiting_bytes + len(frame) > self._bytes_max:
            self.overrun = True
            return False
        self.waiting_bytes += len(frame)
        return True

    def _forget(self, frames: list[PreparedFrame]) -> None:
        self.waiting_bytes -= sum(map(len, frames))
