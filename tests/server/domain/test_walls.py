"""Large orders and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.events import Side
from leadline.domain.walls import Picture, WallEnd, WallGone, Walls, WhaleOrder, whale_floor_usd

USUAL = 20_000.0


class Market:
    """A book of 200 rows a side around ``mid`` with one wall; a look a second."""

    def __init__(self, floor_usd: float = 500_000.0) -> None:
        self.walls = Walls(floor_usd)
        self.random = np.random.default_rng(1)
        self.at_ms = 0
        self.mid = 10_000.0

    def look(
        self, wall: dict[int, float] | None = None, traded: dict[int, float] | None = None, seconds: int = 1
    ) -> list[WhaleOrder | WallGone]:
        told: list[WhaleOrder | WallGone] = []
        for _ in range(seconds):
            self.at_ms += 1000
            bids = np.arange(int(self.mid), int(self.mid) - 200, -1)
            asks = np.arange(int(self.mid) + 1, int(self.mid) + 201)
            bid_usd, ask_usd = (USUAL * self.random.lognormal(0, 0.4, 200) for _ in range(2))
            for row, usd in (wall or {}).items():
                bid_usd[bids == row] = ask_usd[asks == row] = usd
            told += self.walls.look(Picture(self.at_ms, self.mid, bids, bid_usd, asks, ask_usd), traded or {})
        return told


def test_a_large_order_is_told_once_when_it_has_stood_a_while() -> None:
    market = Market()
    market.look(seconds=60)
    assert market.look({9_950: 2e6}, seconds=5) == []
    (told,) = market.look({9_950: 2e6}, seconds=60)
    assert isinstance(told, WhaleOrder)
    assert (told.side, told.row, told.usd) == (Side.BUY, 9_950, 2e6)
    assert told.z > 3.5
    assert told.distance_bp == pytest.approx(50, rel=0.01)
    assert market.walls.standing() == [(Side.BUY, 9_950, 2e6, told.since_ms)]


def test_one_that_flickers_or_lies_below_the_floor_is_none() -> None:
    market = Market()
    market.look(seconds=60)
    for _ in range(10):
        assert market.look({9_950: 2e6}, seconds=3) == []
        assert market.look(seconds=1) == []
    assert market.look({9_950: 400_000.0}, seconds=30) == []


def test_one_that_goes_when_price_comes_was_pulled() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({9_970: 2e6}, seconds=10)
    market.mid = 9_974.0
    market.look({9_970: 2e6}, seconds=2)
    (gone,) = market.look(seconds=1)
    assert isinstance(gone, WallGone)
    assert (gone.end, gone.row, gone.usd, gone.repeated) == (WallEnd.PULLED, 9_970, 2e6, False)
    assert gone.cancelled_share == 1.0
    market.mid = 10_000.0
    market.look({9_970: 3e6}, seconds=10)
    market.mid = 9_974.0
    market.look({9_970: 3e6}, seconds=2)
    (again,) = market.look(seconds=1)
    assert isinstance(again, WallGone)
    assert (again.end, again.repeated) == (WallEnd.PULLED, True)


def test_one_that_is_traded_through_was_eaten() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({10_030: 2e6}, seconds=10)
    market.mid = 10_028.0
    left = 2e6
    gone: list[WhaleOrder | WallGone] = []
    while left > 0:
        left -= 500_000.0
        gone += market.look({10_030: max(left, 1.0)}, {10_030: 500_000.0})
    (one,) = gone
    assert isinstance(one, WallGone)
    assert (one.side, one.end) == (Side.SELL, WallEnd.EATEN)
    assert one.cancelled_share < 0.1


def test_one_taken_away_far_from_price_is_not_called_pulled() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({9_950: 2e6}, seconds=10)
    (gone,) = market.look(seconds=1)
    assert isinstance(gone, WallGone)
    assert gone.end is WallEnd.CANCELLED


def test_price_walking_does_not_cancel_what_stays_at_its_price() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({9_900: 2e6}, seconds=10)
    for step in range(60):
        market.mid = 10_000.0 + 20 * np.sin(step / 5)
        assert [one for one in market.look({9_900: 2e6}) if isinstance(one, WallGone)] == []


def test_what_the_book_no_longer_reaches_is_not_known_to_be_gone() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({9_850: 2e6}, seconds=10)
    market.mid = 10_100.0
    (gone,) = market.look(seconds=1)
    assert isinstance(gone, WallGone)
    assert gone.end is WallEnd.MOVED


def test_a_lost_book_forgets_its_walls() -> None:
    market = Market()
    market.look(seconds=60)
    market.look({9_950: 2e6}, seconds=10)
    (gone,) = market.walls.lost()
    assert gone.end is WallEnd.MOVED
    assert market.walls.standing() == []
    assert market.walls.lost() == []


def test_floors() -> None:
    assert [whale_floor_usd(base) for base in ("BTC", "ETH", "DOGE")] == [1e6, 5e5, 5e4]
