"""Depth against what is usual."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.events import Side
from leadline.domain.thinning import Thinning, depth_usd
from leadline.domain.walls import Picture


def picture(second: int, bid: float, ask: float) -> Picture:
    bids, asks = np.arange(1_000, 900, -1), np.arange(1_001, 1_101)
    return Picture(second * 1000, 1_000.5, bids, np.full(100, bid), asks, np.full(100, ask))


def test_the_missing_share_is_told_per_side() -> None:
    thinning = Thinning()
    for second in range(300):
        thinning.look(picture(second, 1_000.0, 1_000.0))
    thinning.look(picture(300, 400.0, 1_000.0))
    assert thinning.thin(Side.BUY) == pytest.approx(0.6, abs=0.03)
    assert thinning.thin(Side.SELL) == pytest.approx(0.0, abs=0.06)


def test_nothing_is_thin_before_there_is_a_past() -> None:
    thinning = Thinning()
    thinning.look(picture(0, 1_000.0, 1_000.0))
    thinning.look(picture(1, 1.0, 1.0))
    assert thinning.thin(Side.BUY) == 0.0


def test_depth_counts_from_a_price_outwards() -> None:
    one = picture(0, 10.0, 20.0)
    assert depth_usd(one, Side.BUY, 1_000.0, 0.01) == 11 * 10.0
    assert depth_usd(one, Side.SELL, 1_020.0, 0.01) == 11 * 20.0
