"""The storm budget: at most so many pushes in a while, and one that sums up the rest."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

PUSHES_MAX = 6
WINDOW_MS = 300_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What was held back: how many alerts, of which symbols (most first), since when."""

    alerts: int
    symbols: tuple[str, ...]
    since_ms: int


@dataclass(slots=True)
class Storm:
    """Counts the pushes of one user over all rules.

    Nothing is dropped: an alert over the budget stays in the inbox and is counted in the summary, which
    is due when the window that overflowed is over.
    """

    pushes_max: int = PUSHES_MAX
    window_ms: int = WINDOW_MS
    _pushed: deque[int] = field(default_factory=deque)
    _held: dict[str, int] = field(default_factory=dict)
    _since_ms: int | None = None

    def admit(self, symbol: str | None, at_ms: int) -> bool:
        """Tell whether an alert may ring now; one that may not is counted."""
        while self._pushed and at_ms - self._pushed[0] >= self.window_ms:
            self._pushed.popleft()
        # While some are held back the rest waits with them, so that one summary tells of all.
        if self._since_ms is None and len(self._pushed) < self.pushes_max:
            self._pushed.append(at_ms)
            return True
        if self._since_ms is None:
            self._since_ms = at_ms
        name = symbol or ""
        self._held[name] = self._held.get(name, 0) + 1
        return False

    def summary(self, at_ms: int) -> Summary | None:
        """Return what was held back once its window is over, and begin anew."""
        if self._since_ms is None or at_ms - self._since_ms < self.window_ms:
            return None
        by_count = sorted(self._held.items(), key=lambda item: (-item[1], item[0]))
        told = Summary(sum(self._held.values()), tuple(name for name, _ in by_count if name), self._since_ms)
        self._held, self._since_ms = {}, None
        self._pushed.append(at_ms)
        return told
