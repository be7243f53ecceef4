"""The user's own marks: kept in the state, held in memory for whoever watches them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from leadline.clock import Clock
from leadline.errors import StoreError
from leadline.feed.streams.base import Refusal
from leadline.limits import MARKS_MAX
from leadline.store import marks
from leadline.store.marks import UserMark
from leadline.store.state import StateStore
from leadline.units import NumberRejected, Step
from leadline.wire.requests import PutMark

log = logging.getLogger("leadline.feed")


class Marks:
    """All marks of a market.  version: rises with every change.

    Changes are told to watchers only once they are on the disk.
    """

    def __init__(self, store: StateStore, clock: Clock, symbols: Collection[str]) -> None:
        self._store = store
        self._clock = clock
        self._symbols = symbols
        self._held: dict[int, UserMark] = {}
        self.version = 0

    async def load(self) -> None:
        """Read what was kept; raises StoreError when that cannot be."""
        self._held = {mark.id: mark for mark in await self._store.run(marks.all_marks)}
        self.version += 1

    def all(self) -> list[UserMark]:
        """Return the marks, the oldest first."""
        return sorted(self._held.values(), key=lambda mark: mark.id)

    async def put(self, asked: PutMark) -> UserMark:
        """Keep a mark, or change the one at that very price; raises Refusal when that cannot be."""
        if asked.symbol not in self._symbols:
            known = ", ".join(self._symbols)
            raise Refusal("unknown_symbol", f"unknown symbol {asked.symbol!r}; known: {known}")
        price = _plain(asked.price)
        there = any((mark.symbol, mark.price) == (asked.symbol, price) for mark in self._held.values())
        if not there and len(self._held) >= MARKS_MAX:
            raise Refusal("too_many", f"expected at most {MARKS_MAX} marks; remove one first")
        now_ms = self._clock.wall_ms()
        try:
            mark = await self._store.run(
                lambda db: marks.put(db, asked.symbol, price, asked.label, now_ms, asked.colour)
            )
        except StoreError as error:
            raise _not_kept(error) from error
        self._held[mark.id] = mark
        self.version += 1
        return mark

    async def remove(self, mark_id: int) -> None:
        """Forget a mark; one that is gone already is forgotten too.  Raises Refusal when that cannot be."""
        try:
            await self._store.run(lambda db: marks.remove(db, mark_id))
        except StoreError as error:
            raise _not_kept(error) from error
        if self._held.pop(mark_id, None) is not None:
            self.version += 1


def _plain(text: str) -> str:
    """Return a price above 0 as plain decimal text, one for one price; raises Refusal for anything else."""
    try:
        return str(Step.of(text))
    except NumberRejected as error:
        raise Refusal("bad_request", f"a mark's price: {error}") from None


def _not_kept(error: StoreError) -> Refusal:
    log.error("a mark was not kept: %s", error)
    return Refusal("not_kept", "the server could not keep the mark; see its log")
