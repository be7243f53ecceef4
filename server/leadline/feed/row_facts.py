"""What one row of the ladder is made of: each venue's resting lots and estimated liquidations."""

from __future__ import annotations

import numpy as np

from leadline.domain.events import BookState
from leadline.domain.ladder import VenueLevels, touch_of
from leadline.feed.session import SymbolSession
from leadline.limits import BAND_ROWS


def row_facts(session: SymbolSession, group: int, row: int) -> dict[str, object]:
    """Return the row's key of a row frame: the venues in the session's order.

    group in ticks a row.  whole: every order of the venue in the row is known.  The lots of the venues
    that are live sum to those of the ladder over all venues: orders beyond the joint touch count in the
    best row, as they do there.
    """
    now_ms = session.clock.monotonic_ms()
    live = {
        name: VenueLevels.of(view.book.book, view.scale)
        for name, view in session.venues.items()
        if view.book.state == BookState.LIVE
    }
    touch = touch_of(list(live.values()))
    venues = []
    for name, view in session.venues.items():
        if view.closed:
            continue
        bid = ask = 0
        whole = False
        if (levels := live.get(name)) is not None:
            bid_rows = np.minimum(levels.bid_ticks, touch.bid_tick) // group
            ask_rows = -(-np.maximum(levels.ask_ticks, touch.ask_tick) // group)
            bid = int(levels.bid_lots[bid_rows == row].sum())
            ask = int(levels.ask_lots[ask_rows == row].sum())
            low, high = view.known()
            whole = low <= row * group <= high or (low, high) == (0, 0)
        venues.append(
            {
                "venue": name,
                "state": view.book.state.name.lower(),
                "age_ms": max(0, now_ms - view.book.received_ms) if levels is not None else None,
                "bid": bid,
                "ask": ask,
                "whole": whole,
                "fuel": _fuel(session, name, group, row),
            }
        )
    return {
        "symbol": session.symbol,
        "group": group,
        "row": row,
        "t": session.clock.wall_ms(),
        "venues": venues,
    }


def _fuel(session: SymbolSession, venue: str, group: int, row: int) -> int | None:
    """Return the band code of a venue alone in the row, None without an estimate of it."""
    if session.heat is None:
        return None
    # Neighbouring rows are asked for together with this one's when a finger moves on.
    first = row - row % BAND_ROWS
    codes = session.heat.codes(venue, session.tick, group, first)
    return int(codes[row - first]) if len(codes) else None
