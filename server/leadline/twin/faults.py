"""What goes wrong on purpose: one set of switches a venue, every draw seeded."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, fields
from typing import Any

from leadline.twin.damage import DAMAGES, Rows, with_bids

REST_BODIES = ("html", "empty", "cut", "huge", "gzip_bomb")
SNAPSHOT_EDGES = ("", "first", "last")


@dataclass(frozen=True, slots=True)
class Faults:
    """Switches of one venue; the default breaks nothing.  Probabilities are of one frame, answer or request.

    Depth frames.  drop, duplicate, reorder: lost, the last ones sent again, sent after the successor;
    burst: how many a loss or a repetition covers at most.  corrupt: damaged in one of the ways
    ``damages`` names (see twin/damage.py).  cross, lock: an order that does not exist rests beyond or
    at the best ask, until the next frame takes it back.

    Trade frames.  drop_trades: lost.

    Books.  stale_snapshot: a REST book is stale_ms old.  snapshot_edge: Binance's REST book ends exactly
    with the "first" or the "last" id of a depth frame.  no_snapshot: OKX sends no first book on the
    socket.  restart_every_s: ids legally start over this often (Bybit: 1 in a snapshot, OKX: lower than
    before); repeat_every_s: the snapshot is sent again in mid-stream (0: never).

    Connections.  close_every_s: close each this long after it opened (0: never) with close_code, or with
    the venue's usual code when that is 0.  freeze: feeds whose name contains one of these texts stay
    silent.  silent_ack: a subscription is acknowledged and never served.

    REST.  status: answer with it instead (0: never), status_share of the time, with this retry_after
    ("" for none).  rest_body: one of REST_BODIES in place of the answer's ("": none).

    Clock and values.  clock_offset_ms: how far the venue's clock is ahead.  zero_times, zero_interest:
    times, or open interest and the next funding, are 0.

    Contracts, by our symbol.  delist: no longer traded nor sent.  prelaunch: listed, not open yet.
    rename: listed and traded under another name from now on, the old one is unknown.  multiplier: a unit of
    the contract is another number of coins from now on, under the same name (see Contract.changed).
    finer_tick: the tick is halved in mid-session, and no price lies on the old grid.  coarse_list: the
    list of contracts tells a tick twice as wide as that of the orders.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    burst: int = 1
    corrupt: float = 0.0
    damages: tuple[str, ...] = ("cut",)
    cross: float = 0.0
    lock: float = 0.0
    drop_trades: float = 0.0
    stale_snapshot: float = 0.0
    stale_ms: int = 3000
    snapshot_edge: str = ""
    no_snapshot: bool = False
    restart_every_s: float = 0.0
    repeat_every_s: float = 0.0
    close_every_s: float = 0.0
    close_code: int = 0
    freeze: tuple[str, ...] = ()
    silent_ack: float = 0.0
    status: int = 0
    status_share: float = 1.0
    retry_after: str = ""
    rest_body: str = ""
    clock_offset_ms: int = 0
    zero_times: bool = False
    zero_interest: bool = False
    delist: tuple[str, ...] = ()
    prelaunch: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()
    multiplier: tuple[str, ...] = ()
    finer_tick: tuple[str, ...] = ()
    coarse_list: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a name that no switch knows."""
        _known("damages", self.damages, tuple(DAMAGES))
        _known("rest_body", (self.rest_body,), ("", *REST_BODIES))
        _known("snapshot_edge", (self.snapshot_edge,), SNAPSHOT_EDGES)

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
                checked[name] = _texts(value) if kind is tuple else kind(value)
            except TypeError as error:
                raise ValueError(f"fault {name} takes a {kind.__name__}, got {value!r}") from error
        return cls(**checked)


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _known(name: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            raise ValueError(f"fault {name} knows no {value!r}; expected one of {', '.join(known)}")


class FaultyPath:
    """The way of one feed's frames to one connection through the faults."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._held: list[str] = []
        self._sent: deque[str] = deque(maxlen=8)
        self._to_lose = 0
        self._phantom: Rows = []

    def passed(self, text: str, faults: Faults, phantoms: dict[str, Rows]) -> list[str]:
        """Return what really goes out, in order, when this frame should.

        phantoms: the bid that would "cross", and the one that would "lock", the book after the frame.
        """
        draw = self._random.random
        if self._phantom:
            text, self._phantom = with_bids(text, [[row[0], "0", *row[2:]] for row in self._phantom], []), []
        for name, likely in (("cross", faults.cross), ("lock", faults.lock)):
            if draw() < likely and phantoms.get(name) and not self._phantom:
                self._phantom = phantoms[name]
                text = with_bids(text, [], self._phantom)
        if draw() < faults.drop:
            self._to_lose = self._random.randint(1, max(1, faults.burst))
        if self._to_lose:
            self._to_lose -= 1
            return []
        if draw() < faults.corrupt:
            text = DAMAGES[self._random.choice(faults.damages)](text, self._random)
        out = [text]
        self._sent.append(text)
        if draw() < faults.duplicate:
            out += list(self._sent)[-self._random.randint(1, max(1, faults.burst)) :]
        if self._held:
            out, self._held = out + self._held, []
        elif draw() < faults.reorder:
            self._held, out = out, []
        return out
