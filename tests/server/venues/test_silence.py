"""Subscriptions that are acknowledged and never served: each is found within five seconds and made anew."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from leadline.domain.events import BookState
from leadline.venues.base import Fetch, Output, Send, VenueProtocol
from tests.server.venues.stream import PROTOCOLS, binance_snapshot, instrument
from tests.server.venues.test_hostile_input import VENUES, others

TICK_MS = 250
FOUND_MS_MAX = 5_000
QUICK_MS = 50  # a round trip
MARKS = {"binance": "markPrice", "bybit": "tickers", "okx": "mark-price"}
BOOKS = {"binance": "depth", "bybit": "orderbook", "okx": "books"}


class Silent:
    """A venue that answers requests by REST and acknowledges subscriptions, but sends nothing."""

    def __init__(self, venue: str, symbols: int = 1) -> None:
        self.venue = venue
        base = instrument(venue)
        self.made = [base] + [
            instrument(venue, symbol=f"X{n}USDT", native=base.native.replace("BTC", f"X{n}"))
            for n in range(1, symbols)
        ]
        self.protocol: VenueProtocol = PROTOCOLS[venue](self.made)
        self.sent: list[tuple[int, str]] = []
        self._due: list[tuple[int, Fetch]] = []
        self.now_ms = 1_000_000
        self.opened_ms = self.now_ms
        for route in self.protocol.routes():
            self.take(self.protocol.opened(route, self.now_ms))
        self.sent.clear()

    def take(self, outputs: Any) -> None:
        made: list[Output] = list(outputs)
        self.sent += [(self.now_ms - self.opened_ms, one.text) for one in made if isinstance(one, Send)]
        self._due += [(self.now_ms + QUICK_MS, one) for one in made if isinstance(one, Fetch)]

    def run(self, for_ms: int) -> None:
        """Let time pass; the books fetched beside the stream move on, as those of a living market do."""
        for _ in range(for_ms // QUICK_MS):
            self.now_ms += QUICK_MS
            due, self._due = (
                [one for one in self._due if one[0] <= self.now_ms],
                [one for one in self._due if one[0] > self.now_ms],
            )
            for _, fetch in due:
                self.take(self.protocol.answer(fetch, 200, self.body(fetch), self.now_ms))
            if self.now_ms % TICK_MS == 0:
                self.take(self.protocol.tick(self.now_ms))

    def body(self, fetch: Fetch) -> bytes:
        if self.venue == "binance" and "depth" in fetch.path:
            return binance_snapshot(self.made[0], self.now_ms, {1000: self.now_ms}, {1001: 5})
        if self.venue == "okx" and "books" in fetch.path:
            side = [["100", str(self.now_ms / 100), "0", "1"]]
            row = {"bids": side, "asks": [["101", "1", "0", "1"]], "ts": "5", "seqId": self.now_ms}
            return orjson.dumps({"code": "0", "data": [row]})
        return b"{}"

    def first(self, name: str, method: str) -> int | None:
        """Return when a request of this kind first named these streams."""
        return next((at for at, text in self.sent if name in text and method in text.lower()), None)


@pytest.mark.parametrize("venue", VENUES)
def test_a_book_that_never_begins_is_subscribed_anew_within_five_seconds(venue: str) -> None:
    silent = Silent(venue)
    silent.run(FOUND_MS_MAX + TICK_MS)
    found_ms = silent.first(BOOKS[venue], '"unsubscribe"')
    assert found_ms is not None
    assert found_ms <= FOUND_MS_MAX
    assert silent.protocol.books["BTCUSDT"].state is not BookState.LIVE


@pytest.mark.parametrize("venue", VENUES)
def test_a_mark_that_never_comes_is_subscribed_anew_with_growing_pauses(venue: str) -> None:
    silent = Silent(venue)
    silent.run(120_000)
    times = [at for at, text in silent.sent if MARKS[venue] in text and '"unsubscribe"' in text.lower()]
    assert times[0] <= FOUND_MS_MAX
    assert [later - at for at, later in pairwise(times)] == [8_500, 17_000, 34_000]


@pytest.mark.parametrize("venue", VENUES)
def test_many_silent_marks_are_asked_for_in_few_requests(venue: str) -> None:
    silent = Silent(venue, symbols=25)
    silent.run(FOUND_MS_MAX)
    asked = [text for _, text in silent.sent if MARKS[venue] in text]
    assert 2 <= len(asked) <= 4
    assert all(made.native.lower() in "".join(asked).lower() for made in silent.made)


@pytest.mark.parametrize("venue", VENUES)
def test_a_mark_that_comes_is_left_alone_until_it_is_silent_for_a_minute(venue: str) -> None:
    silent = Silent(venue)
    mark = next(raw for raw in map(orjson.dumps, others(venue)) if MARKS[venue].encode() in raw)
    route = next(reversed(silent.protocol.routes()))
    for _ in range(30):
        silent.run(3_000)
        silent.take(silent.protocol.receive(route, mark, silent.now_ms))
    assert silent.first(MARKS[venue], "subscribe") is None
    heard_ms = silent.now_ms - silent.opened_ms
    silent.run(121_000)
    again_ms = silent.first(MARKS[venue], "subscribe")
    assert again_ms is not None
    assert 60_000 <= again_ms - heard_ms <= 120_000


def test_many_silent_books_of_binance_are_subscribed_anew_in_few_requests() -> None:
    silent = Silent("binance", symbols=25)
    silent.run(FOUND_MS_MAX + TICK_MS)
    times = [at for at, text in silent.sent if BOOKS["binance"] in text]
    assert len(times) == 2
    assert times[-1] <= FOUND_MS_MAX
