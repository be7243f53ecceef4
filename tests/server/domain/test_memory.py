"""What prints have taught outlives the bands that heard them."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.backcast import backcast
from leadline.domain.bands import Bands
from leadline.domain.estimator import Estimator
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.leverage import bundled_tiers
from leadline.domain.touches import Touch
from tests.fakes.market_week import market_week

PRICE = 60_000.0
HOUR_MS = 3_600_000


def untaught() -> Bands:
    candles, open_interest = market_week(21, 300)
    bands = Bands(bundled_tiers("bybit", "BTCUSDT"), candles[0].open, 0)
    backcast(bands, candles, open_interest)
    return bands


def taught() -> Bands:
    """Return bands that heard a print every five minutes of a day, most of them of longs."""
    bands = untaught()
    start_ms, price = bands.at_ms, bands.mark_price
    for at in range(constants.LEARNED_PRINTS_MIN + 60):
        at_ms = start_ms + (at + 1) * 300_000
        for minute in range(1, 5):  # what the mark did unseen would teach nothing
            bands.mark(bands.mark_price, at_ms - 300_000 + minute * 60_000)
        bands.mark(price * (1.006 if at % 2 else 0.994), at_ms)
        side = Side.SELL if at % 3 == 0 else Side.BUY
        bands.liquidation(side, 3.0, bands.mark_price, PriceKind.TRIGGER, Completeness.FULL, at_ms + 500)
        bands.open_interest(bands.oi_coins, at_ms + 1_000)
    bands.mark(price, start_ms + 30 * HOUR_MS)
    return bands


@cache
def told() -> str:
    """Return what a taught venue remembers, as text."""
    return json.dumps(taught().memory())


def test_bands_that_recall_hold_the_same_lesson_before_the_first_print() -> None:
    teacher, pupil = taught(), untaught()
    assert teacher.learnt
    memory = json.loads(told())
    pupil.recall(memory)
    assert not pupil.learnt, "history has no prints: nothing is heard while it is played"
    pupil.hear_on(memory)
    assert pupil.learnt
    assert pupil.prints == teacher.prints
    np.testing.assert_allclose(pupil.lesson.multipliers, teacher.lesson.multipliers)
    np.testing.assert_allclose(pupil.total_multipliers, teacher.total_multipliers)
    assert not np.allclose(pupil.lesson.multipliers, untaught().lesson.multipliers)
    for side in Side:
        assert sum(pupil.held_coins(side)) == pytest.approx(pupil.oi_coins, rel=1e-9)


def test_recalled_bands_go_on_learning() -> None:
    memory, pupil = json.loads(told()), untaught()
    pupil.recall(memory)
    pupil.hear_on(memory)
    before, at_ms = pupil.prints, pupil.at_ms + 60_000
    pupil.mark(pupil.mark_price * 0.99, at_ms)
    pupil.liquidation(Side.BUY, 40.0, pupil.mark_price, PriceKind.TRIGGER, Completeness.FULL, at_ms + 100)
    pupil.mark(pupil.mark_price, at_ms + 61_000)
    assert pupil.prints == before + 1
    assert pupil.lesson.multipliers.tobytes() != untaught().lesson.multipliers.tobytes()


def test_bands_that_heard_nothing_have_nothing_to_tell() -> None:
    assert untaught().memory() is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("classes", "precision"), [[1.0]]),
        (("classes", "precision"), "text"),
        (("classes", "precision"), (-np.eye(len(constants.CLASS_DISTANCES))).tolist()),
        (("classes", "information"), [float("nan")] * (len(constants.CLASS_DISTANCES))),
        (("classes", "coins"), float("nan")),
        (("classes", "prints"), -1),
        (("total", "realised"), [0.0, 5.0]),
        (("total", "expected"), None),
        (("churn_kept",), 7.0),
        (("churn_kept",), "much"),
        (("heard_ms",), -5),
        (("classes",), {}),
    ],
)
def test_a_memory_that_makes_no_sense_is_refused_whole(path: tuple[str, ...], value: object) -> None:
    memory, pupil = json.loads(told()), untaught()
    part = memory
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    before = pupil.lesson.multipliers.tobytes(), pupil.churn_kept, pupil.prints
    with pytest.raises((ValueError, KeyError, TypeError)):
        pupil.recall(memory)
    assert (pupil.lesson.multipliers.tobytes(), pupil.churn_kept, pupil.prints) == before


def test_what_the_venues_share_is_told_beside_theirs() -> None:
    one, other = Estimator("BTC"), Estimator("BTC")
    one.venues["bybit"] = taught()
    one.venues["okx"] = untaught()
    one._widening.take([Touch("long", 1e6, 2e6, 0.5, 2.0), Touch("short", 1e6, 0.0, 0.5, 2.0)])
    memory = json.loads(json.dumps(one.memory()))
    assert set(memory) == {"bybit", ""}
    other.recall_shared(memory[""])
    assert other.touches == one.touches == 2
    with pytest.raises(ValueError, match="at least 0"):
        other.recall_shared({"errors": [float("nan")]})
