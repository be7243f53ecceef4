from dataclasses import replace
from math import floor, inf, log, sqrt

import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.clusters import find_clusters, log_sigma
from leadline.domain.events import Side
from leadline.domain.heat import Certainty, Heat
from leadline.domain.touches import Touch, Watch, Widening

BINS, STEP = constants.PROFILE_BINS, constants.LOG_STEP
MARK = 60_000.0


def heat(calibrated: bool = True) -> Heat:
    """40 M of shorts around 61,000 and 60 M of longs around 58,000, known to 10 %."""
    origin = floor(log(MARK) / STEP) - BINS // 2
    centres = (origin + np.arange(BINS) + 0.5) * STEP
    usd = np.zeros((2, BINS))
    for row, price, total in ((0, 58_000, 60e6), (1, 61_000, 40e6)):
        shape = np.exp(-0.5 * ((centres - log(price)) / 0.002) ** 2)
        usd[row] = total * shape / shape.sum()
    usd[0, centres >= log(MARK)] = usd[1, centres <= log(MARK)] = 0.0
    sds = np.stack([0.1 * usd, np.zeros_like(usd)])
    certainty = Certainty(sds[None], np.zeros_like(usd)) if calibrated else None
    return Heat(origin, STEP, MARK, usd[0], usd[1], 1e9, certainty)


@pytest.mark.parametrize(("cause", "sigma"), [(0, 0.1), (1, 0.1 / sqrt(2))])
def test_venues_share_the_error_of_a_lesson_and_have_their_own_by_themselves(
    cause: int, sigma: float
) -> None:
    drawn = heat()
    sds = np.zeros((2, 2, 2, BINS))
    sds[:, cause] = 0.1 * np.stack([drawn.long_usd, drawn.short_usd]) / 2
    drawn = replace(drawn, certainty=Certainty(sds, np.zeros((2, BINS))))
    first = int(drawn.short_usd.argmax()) - 5
    told = log_sigma(drawn, "short", first, drawn.short_usd[first : first + 11])
    assert told == pytest.approx(sigma, rel=0.02)


def watch(calibrated: bool = True) -> Watch:
    drawn = heat(calibrated)
    return Watch(drawn, find_clusters(drawn, MARK, 1e9), 0)


def test_a_cluster_that_price_stays_away_from_is_not_touched() -> None:
    watched = watch()
    watched.mark(60_700)
    watched.liquidation(Side.SELL, 61_000, 5e6)
    assert watched.touches() == []


@pytest.mark.parametrize(
    ("side", "peak", "beyond"), [(Side.SELL, 61_000, 61_600), (Side.BUY, 58_000, 57_300)]
)
def test_a_crossed_cluster_is_judged_by_what_died_in_it(side: Side, peak: float, beyond: float) -> None:
    drawn = heat()
    (cluster,) = [c for c in find_clusters(drawn, MARK, 1e9) if (c.side == "short") == (side is Side.SELL)]
    watched = watch()
    watched.mark(beyond)
    watched.mark(MARK)
    watched.liquidation(side, peak, 20e6)
    watched.liquidation(side, peak * 1.1, 50e6)
    watched.liquidation(Side(-side), peak, 50e6)
    (touch,) = watched.touches()
    assert touch.predicted_usd == pytest.approx(cluster.usd)
    assert touch.realised_usd == 20e6
    assert touch.sigma == pytest.approx(0.1, rel=0.02)
    assert touch.log_error == pytest.approx(abs(log(20e6 / cluster.usd)))
    assert not touch.held


def test_of_a_half_crossed_cluster_only_that_half_is_judged() -> None:
    drawn = heat()
    (short,) = [c for c in find_clusters(drawn, MARK, 1e9) if c.side == "short"]
    watched = watch()
    watched.mark(short.lo * 0.6 + short.hi * 0.4)
    assert watched.touches() == []
    watched.mark(short.lo * 0.4 + short.hi * 0.6)
    (touch,) = watched.touches()
    assert 0.4 * short.usd < touch.predicted_usd < 0.8 * short.usd


def test_an_uncalibrated_touch_knows_its_wide_interval_and_teaches_nothing() -> None:
    watched = watch(calibrated=False)
    watched.mark(61_600)
    watched.liquidation(Side.SELL, 61_000, 12e6)
    (touch,) = watched.touches()
    assert (touch.sigma, touch.factor) == (None, constants.UNCALIBRATED_FACTOR)
    assert touch.held
    widening = Widening()
    widening.take([touch] * 100)
    assert widening.touches == 0


def touch(realised_usd: float, sigma: float = 0.2) -> Touch:
    return Touch("long", 100.0, realised_usd, sigma, 2.0)


def test_the_widening_makes_eighty_percent_of_the_past_fall_inside() -> None:
    random = np.random.default_rng(2)
    widening = Widening()
    errors = random.normal(0, 0.5, 300)
    widening.take([touch(100 * np.exp(error)) for error in errors])
    reach = widening.factor * constants.INTERVAL_SIGMAS * 0.2
    assert np.mean(np.abs(errors) <= reach) == pytest.approx(0.8, abs=0.01)
    assert widening.factor == pytest.approx(2.5, rel=0.15)


def test_few_touches_widen_nothing_and_dead_predictions_widen_to_the_bound() -> None:
    widening = Widening()
    widening.take([touch(200.0)] * (constants.WIDENING_TOUCHES_MIN - 1))
    assert widening.factor == 1.0
    assert touch(0.0).log_error == inf
    widening.take([touch(0.0)] * 200)
    assert widening.factor == constants.WIDENING_MAX
