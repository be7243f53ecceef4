"""Public positions in place of the estimate, as far as they cover it."""

import numpy as np
import pytest

from leadline.domain.events import Side
from leadline.domain.exact import Position, exact_layer, with_exact
from tests.server.domain.test_bands import START, opened


def test_a_layer_that_covers_all_is_all_that_is_shown() -> None:
    bands = opened()
    positions = [
        Position(Side.BUY, 60.0, START * 0.9),
        Position(Side.BUY, 40.0, 0.0),
        Position(Side.SELL, 100.0, START * 1.2),
    ]
    bands.exact = exact_layer(positions, START, bands.oi_coins, 0)
    assert bands.exact.coverage == 1.0
    profile = bands.profile()
    assert profile.long_coins.sum() == 60.0
    assert profile.short_coins.sum() == 100.0
    assert profile.sd_coins.sum() == 0.0
    at = np.flatnonzero(profile.long_coins)[0]
    assert np.exp((profile.origin + at + 0.5) * profile.step) == pytest.approx(START * 0.9, rel=profile.step)


def test_what_is_not_covered_stays_estimated() -> None:
    bands = opened()
    plain = bands.profile()
    half = bands.oi_coins / 2
    layer = exact_layer(
        [Position(Side.BUY, half, START * 0.95), Position(Side.SELL, half, START * 1.05)],
        START,
        bands.oi_coins,
        0,
    )
    assert layer.coverage == 0.5
    mixed = with_exact(plain, layer)
    assert mixed.long_coins.sum() == pytest.approx(half + plain.long_coins.sum() / 2)
    assert mixed.exact_coins is not None
    assert mixed.exact_coins.sum() == 2 * half
    np.testing.assert_allclose(mixed.sd_coins, plain.sd_coins / 2)


def test_what_the_mark_has_passed_is_gone_and_the_rest_keeps_its_price() -> None:
    bands = opened()
    bands.exact = exact_layer(
        [Position(Side.BUY, 5.0, START * 0.97), Position(Side.BUY, 7.0, START * 0.9)],
        START,
        bands.oi_coins,
        0,
    )
    bands.mark(START * 0.95, 1_000)
    exact = bands.profile().exact_coins
    assert exact is not None
    assert exact.sum() == 7.0


def test_open_interest_must_be_known() -> None:
    with pytest.raises(ValueError, match="above 0"):
        exact_layer([], START, 0.0, 0)
