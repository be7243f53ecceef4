"""Ladders made at random, and what must be equal when a frame has been read again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from leadline.domain.book import Ints
from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS
from leadline.wire.delta import AGE_UNIT_MS
from leadline.wire.sizes import rounded

STARTS_MS = 1_700_000_000_000


def ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def view(
    group: int,
    bid_tick: int,
    ask_tick: int,
    bids: dict[int, int],
    asks: dict[int, int],
    **rest: object,
) -> LadderView:
    """Make a ladder; bids and asks map rows outwards from the best row (0) to lots."""
    best_bid, best_ask = bid_tick // group, -(-ask_tick // group)
    return LadderView(
        **{"t_ms": STARTS_MS, "age_ms": 0, "flags": 1, **rest},  # type: ignore[arg-type]
        bid_tick=bid_tick,
        ask_tick=ask_tick,
        bid_rows=ints([best_bid - offset for offset in sorted(bids)]),
        bid_lots=ints([bids[offset] for offset in sorted(bids)]),
        ask_rows=ints([best_ask + offset for offset in sorted(asks)]),
        ask_lots=ints([asks[offset] for offset in sorted(asks)]),
    )


def bands(codes: dict[int, int]) -> np.ndarray:
    made = np.zeros(BAND_ROWS, dtype=np.uint8)
    for index, code in codes.items():
        made[index] = code
    return made


def plain(shown: LadderView) -> dict[str, object]:
    """Return the ladder as plain values: what the golden files hold and both languages must agree on."""
    return {
        "t": shown.t_ms,
        "age": shown.age_ms,
        "flags": shown.flags,
        "bid": shown.bid_tick,
        "ask": shown.ask_tick,
        "bid_rows": shown.bid_rows.tolist(),
        "bid_lots": shown.bid_lots.tolist(),
        "ask_rows": shown.ask_rows.tolist(),
        "ask_lots": shown.ask_lots.tolist(),
        "prints": [[p.tick, p.lots, p.bought, p.at_ms] for p in shown.prints],
        "first": shown.first,
        "bands": [[int(i), int(shown.bands[i])] for i in np.flatnonzero(shown.bands)]
        if len(shown.bands)
        else None,
    }


def as_sent(shown: LadderView, delta: bool) -> dict[str, object]:
    """Return ``plain`` less what a frame rounds away: digits of the age and of sizes, the times of prints."""
    value = plain(shown)
    if not len(shown.bands):
        value["first"] = 0
    value["age"] = shown.age_ms // AGE_UNIT_MS * AGE_UNIT_MS
    value["bid_lots"] = rounded(shown.bid_lots).tolist()
    value["ask_lots"] = rounded(shown.ask_lots).tolist()
    value["prints"] = [
        [p.tick, p.lots, p.bought, shown.t_ms if delta else min(p.at_ms, shown.t_ms)] for p in shown.prints
    ]
    return value


class RandomMarket:
    """A ladder that wanders: quiet moments, jumps, one side gone, bands that come, move and go."""

    def __init__(self, seed: int, group: int, depth: int) -> None:
        self.random = random.Random(seed)
        self.group = group
        self.depth = depth
        self.t_ms = STARTS_MS
        self.bid = 271_828
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.first = 0
        self.bands: np.ndarray | None = None

    def views(self, count: int) -> Iterator[LadderView]:
        for _ in range(count):
            self._move()
            yield self._cut()

    def _move(self) -> None:
        pick = self.random
        self.t_ms += pick.choice((0, 50, 100, 100, 100, 2_000, -300))
        self.bid += pick.choice((0, 0, 0, 1, -1, 3, -4, pick.randint(-2_000, 2_000)))
        span = pick.choice((4, 30, 30, 400))
        for side in (self.bids, self.asks):
            for _ in range(pick.choice((0, 1, 3, 12))):
                row = self._centre() + pick.randint(-span, span)
                side[row] = pick.choice((0, 1, 7, 300, 70_000, 2**40 + pick.randint(0, 9)))
            if pick.random() < 0.03:
                side.clear()
        if pick.random() < 0.1:
            self.bands = None if self.bands is not None and pick.random() < 0.3 else self.bands
        if self.bands is None and pick.random() < 0.3:
            self.bands, self.first = bands({}), self._centre() - BAND_ROWS // 2
        elif self.bands is not None:
            self._move_bands(self.bands)

    def _move_bands(self, held: np.ndarray) -> None:
        pick = self.random
        if pick.random() < 0.15:
            shift = pick.choice((1, -1, 100, -100, 399, -400, 5_000))
            self.first += shift
            moved = bands({})
            for index in range(BAND_ROWS):
                if 0 <= index + shift < BAND_ROWS:
                    moved[index] = held[index + shift]
            held = self.bands = moved
        for _ in range(pick.choice((0, 0, 1, 5))):
            held[pick.randrange(BAND_ROWS)] = pick.choice((0, 1, 127, 128, 255))

    def _centre(self) -> int:
        return self.bid // self.group

    def _cut(self) -> LadderView:
        pick = self.random
        best = self._centre()
        bid_rows = sorted((r for r, lots in self.bids.items() if lots and r <= best), reverse=True)[
            : self.depth
        ]
        ask_rows = sorted(r for r, lots in self.asks.items() if lots and r > best)[: self.depth]
        inside = pick.randrange(self.group)
        bid_tick = bid_rows[0] * self.group + inside if bid_rows else 0
        return LadderView(
            t_ms=self.t_ms,
            age_ms=pick.choice((0, 9, 10, 345, 90_000)),
            flags=pick.choice((1, 1, 1, 2, 5, 25, 0)),
            bid_tick=bid_tick,
            ask_tick=ask_rows[0] * self.group - inside if ask_rows else 0,
            bid_rows=ints(bid_rows),
            bid_lots=ints([self.bids[row] for row in bid_rows]),
            ask_rows=ints(ask_rows),
            ask_lots=ints([self.asks[row] for row in ask_rows]),
            prints=[
                Print(
                    max(1, bid_tick + pick.randint(-5, 5)),
                    pick.choice((1, 40, 5_000, 2**45)),
                    pick.random() < 0.5,
                    self.t_ms - pick.randint(0, 90),
                )
                for _ in range(pick.choice((0, 0, 1, 4)))
            ],
            first=self.first,
            bands=self.bands.copy() if self.bands is not None else np.zeros(0, dtype=np.uint8),
        )
