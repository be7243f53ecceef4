"""What goes wrong on purpose: one set of switches a venue, every draw seeded."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Faults:
    """Switches of one venue; the default breaks nothing.

    drop, duplicate, reorder, corrupt: probability that a depth frame is lost, sent twice, sent after
    its successor, or cut in half.  stale_snapshot: probability that a REST book is stale_ms old.
    close_every_s: close each connection this long after it opened (0: never) with close_code, or with the
    venue's usual code when that is 0.  freeze: feeds whose name contains one of these texts stay silent.
    closed: natives of contracts that do not trade: listed as such, and silent.  status: answer REST with
    this HTTP status instead (0: normally).  no_snapshot: OKX sends no first book on the socket.
    restart_every_s: Bybit restarts its books' ids at 1 this often (0: never).
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    stale_snapshot: float = 0.0
    stale_ms: int = 3000
    close_every_s: float = 0.0
    close_code: int = 0
    freeze: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    status: int = 0
    no_snapshot: bool = False
    restart_every_s: float = 0.0

    @classmethod
    def of(cls, values: dict[str, Any]) -> Faults:
        """Make faults from JSON values; raises ValueError for an unknown name or a wrong type."""
        usual = cls()
        kinds: dict[str, type] = {entry.name: type(getattr(usual, entry.name)) for entry in fields(cls)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"unknown fault {name!r}; expected one of {', '.join(kinds)}")
            try:
                checked[name] = tuple(map(str, value)) if kind is tuple else kind(value)
            except TypeError as error:
                raise ValueError(f"fault {name} takes a {kind.__name__}, got {value!r}") from error
        return cls(**checked)


@dataclass(slots=True)
class FaultyPath:
    """The way of one connection's depth frames through the faults."""

    random: random.Random
    held: list[str] = field(default_factory=list)

    def passed(self, text: str, faults: Faults) -> list[str]:
        """Return what really goes out, in order, when this frame should."""
        draw = self.random.random
        if draw() < faults.drop:
            return []
        if draw() < faults.corrupt:
            text = text[: len(text) // 2]
        out = [text, text] if draw() < faults.duplicate else [text]
        if self.held:
            out, self.held = out + self.held, []
        elif draw() < faults.reorder:
            self.held, out = out, []
        return out
