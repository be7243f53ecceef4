from dataclasses import replace

import numpy as np
import pytest

from leadline.domain.bias import bias_of
from leadline.domain.heat import Certainty, Heat
from leadline.domain.interest import Reference
from tests.server.domain.test_clusters import BINS, heat
from tests.server.domain.test_interest import history, row

REACH = 0.01


def known() -> Reference:
    """A month in which the sides were even, give or take a tenth."""
    return Reference([history([row(above=1e6 * (9 + hour % 3), below=10e6) for hour in range(720)])])


def sure(picture: Heat, relative: float = 0.1) -> Heat:
    """The picture with errors of this share of each side."""
    flow = np.stack([picture.long_usd, picture.short_usd])
    sds = np.stack([np.zeros_like(flow), flow * relative])
    return replace(picture, certainty=Certainty(sds[None], np.zeros((2, BINS))))


ABOVE = (60_300, 60e6, 0.001), (59_700, 20e6, 0.001)


def test_more_forced_buying_above_is_told_with_its_interval() -> None:
    bias = bias_of(sure(heat(*ABOVE)), REACH, known())
    assert bias is not None
    assert bias.asymmetry == pytest.approx(0.5, abs=0.01)
    assert bias.low is not None
    assert bias.high is not None
    assert 0 < bias.low < bias.asymmetry < bias.high < 1
    assert bias.decided


def test_the_other_way_round_it_is_below_zero_and_as_sure() -> None:
    bias = bias_of(sure(heat((60_300, 20e6, 0.001), (59_700, 60e6, 0.001))), REACH, known())
    assert bias is not None
    assert bias.asymmetry == pytest.approx(-0.5, abs=0.01)
    assert bias.decided


def test_what_is_near_counts_more() -> None:
    near = bias_of(sure(heat((60_100, 30e6, 0.001), (58_000, 30e6, 0.001))), REACH, known())
    assert near is not None
    assert near.asymmetry > 0.8


@pytest.mark.parametrize(
    ("picture", "reference"),
    [
        (heat(*ABOVE), known()),  # uncalibrated
        (sure(heat(*ABOVE), relative=0.9), known()),  # the interval holds 0
        (sure(heat((60_300, 28e6, 0.001), (59_700, 20e6, 0.001))), known()),  # too even
        (sure(heat(*ABOVE)), Reference([])),  # nothing is known to be usual
        (sure(heat((60_300, 6e6, 0.001), (59_700, 2e6, 0.001))), known()),  # too little of open interest
    ],
)
def test_a_bias_that_may_be_none_is_not_shown(picture: Heat, reference: Reference) -> None:
    bias = bias_of(picture, REACH, reference)
    assert bias is not None
    assert not bias.decided


def test_a_month_that_always_leant_that_way_makes_it_usual() -> None:
    leaning = Reference([history([row(above=1e6 * (28 + hour % 5), below=10e6) for hour in range(720)])])
    bias = bias_of(sure(heat(*ABOVE)), REACH, leaning)
    assert bias is not None
    assert bias.z is not None
    assert abs(bias.z) < 1.5
    assert not bias.decided


def test_an_empty_map_has_no_bias() -> None:
    assert bias_of(heat(), REACH, known()) is None
