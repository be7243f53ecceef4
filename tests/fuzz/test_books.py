"""Damaged messages of every kind, one after the other: no crash, and nothing live that is not proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadline.domain.events import BookState
from leadline.domain.instrument import Instrument
from leadline.venues.base import Fetch, Output
from tests.fuzz.budget import VENUES, fuzz
from tests.fuzz.plain_books import PlainBook
from tests.server.venues import stream
from tests.server.venues.pair import Pair
from tests.server.venues.stream import FaultyLine
from tests.server.venues.test_scan import damaged

NEVER_MS = 2**60


class Judged(Pair):
    """Both ways of reading, and a plain book beside them that says what may be believed."""

    def __init__(self, instruments: list[Instrument], venue: str) -> None:
        super().__init__(instruments, venue)
        self.judge = PlainBook(instruments[0])
        self.seen: Counter[str] = Counter()
        for protocol in (self.plain, self.compiled):
            if venue == "binance":
                # A book taken anew for its width alone is more than the judge knows of.
                protocol._widen_due_ms[instruments[0].native] = NEVER_MS

    def opened(self, route: str, now_ms: int) -> list[Output]:
        self.judge.start()
        return super().opened(route, now_ms)

    def receive(self, route: str, raw: bytes | str, now_ms: int) -> list[Output]:
        self.judge.receive(raw)
        return super().receive(route, raw, now_ms)

    def answer(self, fetch: Fetch, status: int, body: bytes, now_ms: int) -> list[Output]:
        if fetch.purpose == "snapshot" and status == 200 and not self.judge.anchored:
            self.judge.fetched(body)
        return super().answer(fetch, status, body, now_ms)

    def _both(self, call: Callable[[Any], Iterable[Output]], raw: object = None) -> list[Output]:
        outputs = super()._both(call, raw)
        (sync,), judge = self.compiled.syncs(), self.judge
        if sync.state is BookState.LIVE:
            held = [dict(zip(*map(list, side), strict=True)) for side in (sync.book.bids(), sync.book.asks())]
            assert judge.live, raw
            assert (sync.update_id, held) == (judge.update_id, [judge.bids, judge.asks]), raw
            self.seen["live"] += 1
        if not sync.anchored:
            # What the adapter gave up is given up: it asks for a new beginning, and both wait for that.
            judge.lose()
            self.seen["lost"] += 1
        return outputs


class JudgedLine(FaultyLine):
    """A line that loses, repeats, swaps and damages messages; the venue answers as it should."""

    def __init__(self, venue: str, seed: int, faults: float, damage: float) -> None:
        self.damage = damage
        before = stream.PROTOCOLS[venue]
        stream.PROTOCOLS[venue] = lambda made: Judged(made, venue)  # type: ignore[assignment]
        try:
            super().__init__(venue, seed, faults)
        finally:
            stream.PROTOCOLS[venue] = before

    def deliver(self, raw: bytes) -> None:
        super().deliver(damaged(raw, self.rng) if self.rng.random() < self.damage else raw)

    def check(self) -> None:
        """The judge has looked already; what is damaged without a trace is true to what was sent alone."""


@pytest.mark.parametrize("venue", VENUES)
@fuzz(examples=60)
@given(
    seed=st.integers(0, 2**64 - 1),
    faults=st.sampled_from([0.0, 0.1, 0.3]),
    damage=st.sampled_from([0.0, 0.05, 0.3]),
)
@example(seed=0, faults=0.0, damage=0.0)
@example(seed=2097153, faults=0.0, damage=0.3)  # a first id far too low, after a snapshot
@example(seed=307, faults=0.3, damage=0.3)  # a size of 31 digits, then the same message unharmed
def test_what_an_adapter_calls_live_is_what_its_messages_prove(
    venue: str, seed: int, faults: float, damage: float
) -> None:
    line = JudgedLine(venue, seed, faults, damage)
    for _ in range(60):
        line.step()
    assert isinstance(line.protocol, Judged)
    if not faults and not damage:
        assert line.protocol.seen["live"] > 50
