"""The watchlist: a row a symbol, once a second, and of each row only what changed."""

from __future__ import annotations

from typing import Any

from leadline.domain.glance import (
    STRIP_CODES,
    STRIP_REACH,
    GlanceRow,
    Nearest,
    settled,
)
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.feed.streams.base import Board, Stream, session_of
from leadline.units import Step
from leadline.wire.glance_frames import glance_changes, glance_keyframe
from leadline.wire.requests import GlanceKey

EVERY_MS = 1_000
SLOWLY_FRAMES = 10  # what drifts is looked at in every tenth frame, each row in another one


class GlanceStream(Stream):
    """The rows of one list of symbols, as they were told."""

    key: GlanceKey

    def __init__(self, number: int, key: GlanceKey, board: Board) -> None:
        super().__init__(number, key, EVERY_MS)
        self._board = board
        self._sessions = [session_of(board, symbol) for symbol in key.symbols]
        self._ticks = [session.tick for session in self._sessions]
        self._rows = [row_of(session) for session in self._sessions]
        self._t_ms = board.clock.wall_ms()
        self._frames = 0
        self._keyframe: bytes | None = None

    def keyframe(self) -> bytes:
        if self._keyframe is None:
            simulated = self._board.simulated
            self._keyframe = glance_keyframe(self.number, self._t_ms, simulated, self._rows)
        return self._keyframe

    def emit(self, _: int) -> None:
        self._frames += 1
        rows = [self._next_row(index, session) for index, session in enumerate(self._sessions)]
        told, self._rows = self._rows, rows
        before_ms, self._t_ms = self._t_ms, self._board.clock.wall_ms()
        self._keyframe = None
        self._offer(glance_changes(self.number, self._t_ms - before_ms, told, rows))

    def _next_row(self, index: int, session: SymbolSession) -> GlanceRow:
        if session.tick != self._ticks[index]:
            # Every price of the row counts in other steps now.
            self._ticks[index] = session.tick
            return row_of(session)
        slowly = self._frames % SLOWLY_FRAMES == index % SLOWLY_FRAMES
        return settled(self._rows[index], row_of(session), slowly)


def row_of(session: SymbolSession) -> GlanceRow:
    """Return what is known of a symbol now."""
    flags, age_ms = session.freshness(ALL_VENUES)
    price, step = session.price(), float(session.tick)
    last = round(price / step) if price else 0
    group = _strip_group(last)
    # A state frame is made of the same facts: the watchlist and the ladder never contradict each other.
    state: dict[str, Any] = session.state(ALL_VENUES, group)
    return GlanceRow(
        state=flags & 3,
        age_ds=age_ms // 100,
        last=last,
        day=None if state["day"] is None else round(state["day"] * 100),
        above=_nearest(state["clusters"], "short", last),
        below=_nearest(state["clusters"], "long", last),
        bias=state.get("bias"),
        regime=session.regime,
        strip=_strip(session, last, group),
        top=_top(state["bands"]),
        funding=None if state["funding"] is None else round(state["funding"] * 1e6),
        calibrated=None if state["bands"] is None else state["bands"]["calibrated"],
    )


def _nearest(clusters: list[dict[str, Any]], side: str, last: int) -> Nearest | None:
    found = next((cluster for cluster in clusters if cluster["side"] == side), None)
    if found is None or not last:
        return None
    usd, usd_lo, usd_hi = (round(found[name] / 1000) for name in ("usd", "usd_lo", "usd_hi"))
    distance_bp = round(abs(found["peak"] - last) / last * 10_000)
    return Nearest(
        *(found["peak"], usd, usd_lo, usd_hi, distance_bp, found["eta_min"]),
        *(found.get("name"), found.get("state")),
    )


def _top(bands: dict[str, Any] | None) -> int | None:
    if bands is None:
        return None
    from leadline.domain.heat import code_of

    return code_of(bands["heat_top_usd"])


def _strip_group(last: int) -> int:
    """Return the ticks of one place of the strip."""
    return max(1, round(last * 2 * STRIP_REACH / STRIP_CODES))


def _strip(session: SymbolSession, last: int, group: int) -> bytes:
    if session.heat is None or not last:
        return b""
    tick: Step = session.tick
    codes = session.heat.codes(ALL_VENUES, tick, group, round(last / group) - STRIP_CODES // 2)
    return codes[:STRIP_CODES].tobytes()
