"""What the rules were held against, kept for previews: facts once a minute, and every signal.

They lie in the history of the market, so that a preview reaches back over restarts; without a history
they lie in memory.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from typing import Any, get_type_hints

import msgpack

from leadline.domain.absorption import Absorption
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.cascade import Transition
from leadline.domain.flow import Divergence
from leadline.domain.forced import Burst
from leadline.domain.signals import RegimeChange, Told, VolumeSpike
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallGone, WhaleOrder
from leadline.store.history import HistoryStore
from leadline.store.history_day import NoteRow

IN_MEMORY_MAX = 2_000  # notes of a symbol
# What no rule asks of the past: odds are words of an alert, and touches have a log of their own.
LEFT_OUT = ("odds",)
SIGNALS: Mapping[str, type] = {
    made.__name__: made
    for made in (
        *(WhaleOrder, WallGone, Sweep, Absorption, Burst, Divergence, VolumeSpike),
        *(Transition, RegimeChange),
    )
}


@dataclass(frozen=True, slots=True)
class Note:
    """what: as it was; run: the process it is of (Unix ms of its start), for ids of clusters are its own."""

    run: int
    what: Facts | Told


class Notes:
    """The notes of a market.  store: where they are kept; None: in memory, the last IN_MEMORY_MAX a symbol.

    run: when this process began (Unix ms).
    """

    def __init__(self, store: HistoryStore | None, run: int) -> None:
        self._store = store
        self._run = run
        self._held: dict[str, deque[bytes]] = {}

    def put(self, symbol: str, what: Iterable[Facts | Told]) -> None:
        """Keep facts and signals of a symbol; those that no rule asks of the past are passed over."""
        rows = [
            NoteRow(symbol, one.at_ms, body) for one in what if (body := packed(self._run, one)) is not None
        ]
        if self._store is not None and rows:
            self._store.put(rows)
        elif rows:
            held = self._held.setdefault(symbol, deque(maxlen=IN_MEMORY_MAX))
            held.extend(row.body for row in rows)

    def read(self, symbol: str, since_ms: int, now_ms: int) -> list[Note]:
        """Return what was noted of a symbol from ``since_ms`` on, oldest first; blocks while it reads."""
        if self._store is not None:
            bodies: Iterable[bytes] = self._store.notes(symbol, since_ms, now_ms)
        else:
            bodies = list(self._held.get(symbol, ()))
        found = (unpacked(body) for body in bodies)
        return [note for note in found if note is not None and note.what.at_ms >= since_ms]


def packed(run: int, what: Facts | Told) -> bytes | None:
    """Return a note as bytes, None for a signal that is not kept."""
    if isinstance(what, Facts):
        told = {**_plain(what), "clusters": [_plain(one) for one in what.clusters]}
    elif type(what.what).__name__ in SIGNALS:
        told = {
            **_plain(what),
            "signal": type(what.what).__name__,
            "what": _plain(what.what),
        }
    else:
        return None
    content: bytes = msgpack.packb({"run": run, **told})
    return zlib.compress(content, 1)


def unpacked(body: bytes) -> Note | None:
    """Return a note; None for what is damaged or of a version that knew other facts."""
    try:
        told: dict[str, Any] = msgpack.unpackb(zlib.decompress(body), strict_map_key=False)
        run = told.pop("run")
        name = told.pop("signal", None)
        if name is not None:
            told["what"] = _made(SIGNALS[name], told["what"])
            return Note(run, Told(**told))
        told["clusters"] = tuple(_made(ClusterFact, one) for one in told["clusters"])
        return Note(run, _made(Facts, told))
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError):
        return None


def _plain(made: Any) -> dict[str, Any]:
    values = {field.name: getattr(made, field.name) for field in fields(made) if field.name not in LEFT_OUT}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def _made(kind: type, told: dict[str, Any]) -> Any:
    for name, enum in _enums(kind).items():
        told[name] = enum(told[name])
    return kind(**told)


@cache
def _enums(kind: type) -> dict[str, type[Enum]]:
    hints = get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Enum)}
