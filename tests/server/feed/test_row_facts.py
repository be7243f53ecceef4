"""What a row is made of adds up to the ladder that shows it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.domain.events import BookState, Event
from leadline.domain.instrument import Instrument
from leadline.domain.pace import Pace
from leadline.feed.row_facts import row_facts
from leadline.feed.session import ALL_VENUES
from leadline.limits import BAND_ROWS
from leadline.units import Step
from tests.fakes.market import HandBook, HandMarket, hand_market, instrument

SEEDS = range(12)


class SteppedHeat:
    """An estimate whose codes tell which rows and which venue were asked for."""

    def take(self, event: Event, instrument: Instrument) -> None: ...

    def codes(self, venue: str, tick: Step, group: int, first: int) -> NDArray[np.uint8]:
        rows = np.arange(first, first + BAND_ROWS)
        return ((rows + len(venue)) % 251).astype(np.uint8)

    def summary(self, venue: str, tick: Step, group: int, pace: Pace) -> dict[str, object]:
        return {"bands": None, "clusters": []}


def venues_of(market: HandMarket, group: int, row: int) -> dict[str, dict[str, Any]]:
    told: Any = row_facts(market.session, group, row)["venues"]
    return {venue["venue"]: venue for venue in told}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_venues_of_a_row_sum_to_the_ladders_row(seed: int) -> None:
    chance = random.Random(seed)
    market = hand_market("binance", "bybit")
    okx = HandBook(instrument("okx", tick="0.5", lot="0.01", contract="0.01"))
    market.session.attach(okx.instrument, okx)
    for book, touch, step in ((market.books["binance"], 10_000, 1), (okx, 2_000, 1)):
        # Venues may cross each other: then orders beyond the joint touch count in the best row.
        middle = touch + chance.randint(-6, 6)
        bids = [middle - step * k for k in range(40)]
        asks = [middle + 1 + step * k for k in range(40)]
        sizes = [chance.randint(1, 90) for _ in range(40)]
        book.book.replace(bids, sizes, asks, sizes)
    for group in (1, 5, 10):
        view = market.session.ladder(ALL_VENUES, group, 200, 0)
        for rows, lots, name in (
            (view.bid_rows, view.bid_lots, "bid"),
            (view.ask_rows, view.ask_lots, "ask"),
        ):
            for row, size in list(zip(rows.tolist(), lots.tolist(), strict=True))[:12]:
                told = venues_of(market, group, row)
                assert sum(venue[name] for venue in told.values()) == size


def test_a_venue_that_is_not_live_is_told_with_its_state_and_nothing_resting() -> None:
    market = hand_market("binance", "bybit")
    market.books["bybit"].state = BookState.STALE
    told = venues_of(market, 1, 10_000)
    assert told["binance"]["bid"] == 5
    assert told["bybit"] == {
        "venue": "bybit",
        "state": "stale",
        "age_ms": None,
        "bid": 0,
        "ask": 0,
        "whole": False,
        "fuel": None,
    }


def test_a_venue_tells_all_of_a_row_only_as_far_as_its_book_is_known() -> None:
    market = hand_market("binance", "bybit")
    market.books["binance"].known = (9_990, 10_012)
    whole = [venues_of(market, 10, row)["binance"]["whole"] for row in (998, 999, 1_001, 1_002)]
    assert whole == [False, True, True, False]
    assert venues_of(market, 10, 1_002)["bybit"]["whole"]


def test_a_closed_venue_is_left_out() -> None:
    market = hand_market("binance", "bybit")
    market.session.close(market.books["bybit"].instrument)
    assert set(venues_of(market, 1, 10_000)) == {"binance"}


@pytest.mark.parametrize("row", [0, 1, 399, 400, 10_017])
def test_the_estimate_of_a_row_is_that_of_each_venue(row: int) -> None:
    market = hand_market("binance", "bybit")
    market.session.heat = SteppedHeat()
    told = venues_of(market, 1, row)
    assert told["binance"]["fuel"] == (row + 7) % 251
    assert told["bybit"]["fuel"] == (row + 5) % 251
