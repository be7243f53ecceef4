"""What one ladder shows at one instant: rows of grouped price on both sides of the touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from leadline.domain.book import Ints


class LadderFlags(IntFlag):
    """The wire's flags; the two lowest bits are one number (0 syncing, 1 live, 2 stale)."""

    LIVE = 1
    STALE = 2
    SIMULATED = 4
    CROSSED = 8
    PARTIAL = 16


@dataclass(frozen=True, slots=True)
class Print:
    """Trades at one price on one side since the frame before; tick and lots in the symbol's steps."""

    tick: int
    lots: int
    bought: bool
    at_ms: int


@dataclass(slots=True)
class LadderView:
    """One ladder, ready for the wire.

    bid_tick, ask_tick: best prices in ticks, 0 when the side is empty.  Rows are outwards from the
    best row and hold at most the stream's depth; lots are > 0.  bands: one code (see shared/wire) a
    row upwards from ``first``, BAND_ROWS of them or none.  prints: since the frame before.
    """

    t_ms: int
    age_ms: int
    flags: int
    bid_tick: int
    ask_tick: int
    bid_rows: Ints
    bid_lots: Ints
    ask_rows: Ints
    ask_lots: Ints
    prints: list[Print] = field(default_factory=list)
    first: int = 0
    bands: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
