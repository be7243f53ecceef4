"""What a stream is: something watched, worked out and encoded once however many phones watch it.

A kind of stream is a class with a key (what a phone asked for), a keyframe (the whole picture as last
told) and frames when they are due.  The hub opens one stream a key, paces it while somebody watches and
ends it with its last watcher.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from leadline.clock import Clock
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.wire.prepared import PreparedFrame
from leadline.wire.requests import StreamKey

if TYPE_CHECKING:
    from leadline.feed.marks import Marks


class Refusal(Exception):
    """A stream that cannot be: ``code`` of the catalogue and a sentence for a person."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Watcher(Protocol):
    """Somebody who takes the frames of streams, at his own pace.

    straight: how a finished frame is written to one who has all that came before and room for more; None
    while it has to be offered.
    """

    @property
    def straight(self) -> Callable[[bytes], object] | None: ...

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None: ...

    def offer_state(self, stream: int, frame: PreparedFrame) -> None: ...

    def offer_notice(self, frame: PreparedFrame) -> None: ...


class Board(Protocol):
    """What streams are made of: the sessions of the symbols and the clock they live by."""

    clock: Clock
    simulated: bool
    marks: Marks | None

    @property
    def sessions(self) -> Mapping[str, SymbolSession]: ...

    @property
    def venue_names(self) -> Sequence[str]:
        """The names of the hello frame; frames name a venue by its place here, which never changes."""


class Stream(ABC):
    """One subscription shared by its watchers.  every_ms: how often it is asked whether a frame is due."""

    def __init__(self, number: int, key: StreamKey, every_ms: int) -> None:
        self.number = number
        self.key = key
        self.every_ms = every_ms
        self.due_ms = 0
        # In the order they came, which is about how they lie in memory: a set would walk it at random.
        self.watchers: dict[Watcher, None] = {}
        self._prepared: PreparedFrame | None = None

    @abstractmethod
    def keyframe(self) -> bytes:
        """Return the picture as the last frame left it, so that the next frame applies to it.

        It is asked for at every join and after skipped frames: encode it once a frame.
        """

    @abstractmethod
    def emit(self, now_ms: int) -> None:
        """Look at the market and offer the watchers what changed; called about every ``every_ms``."""

    def beside(self) -> bytes | None:
        """Return what a joining watcher gets beside the keyframe (slow facts), None for most kinds."""
        return None

    def joining(self) -> PreparedFrame:
        """Return the keyframe made ready to send, the same one for all who ask before the next frame."""
        payload = self.keyframe()
        if self._prepared is None or self._prepared.payload is not payload:
            self._prepared = PreparedFrame(payload)
        return self._prepared

    def _offer(self, frame: bytes, *, is_keyframe: bool = False) -> None:
        prepared, number = PreparedFrame(frame), self.number
        raw = prepared.raw
        for watcher in list(self.watchers):
            write = watcher.straight
            if write is not None:
                write(raw)
            else:
                watcher.offer(number, prepared, is_keyframe)


def session_of(board: Board, symbol: str, venue: str = ALL_VENUES) -> SymbolSession:
    """Return the session of a symbol; raises Refusal when it, or the venue of it, is not known."""
    session = board.sessions.get(symbol)
    if session is None or not session.venues:
        known = ", ".join(name for name, made in board.sessions.items() if made.venues) or "none yet"
        raise Refusal("unknown_symbol", f"unknown symbol {symbol!r}; known: {known}")
    if venue != ALL_VENUES and venue not in session.venues:
        known = ", ".join(session.venues) or "none yet"
        raise Refusal("unknown_venue", f"unknown venue {venue!r} of {symbol}; known: {known}")
    return session
