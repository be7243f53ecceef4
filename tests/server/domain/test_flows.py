import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain import kernels
from leadline.domain.bands import Bands
from leadline.domain.estimator_constants import BINS
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.kernels import F8
from tests.server.domain.test_bands import START, TIERS, moves, play, prints, samples

fundings = st.tuples(st.just("funding"), st.floats(-0.002, 0.002))
lessons = st.tuples(st.just("print"), st.floats(-0.02, 0.02), st.floats(0.1, 50.0))


def happen(bands: Bands, event: tuple[object, ...], at_ms: int) -> None:
    match event:
        case ("funding", float(rate)):
            bands.funding(rate)
        case ("print", float(away), float(coins)):
            side = Side.BUY if away < 0 else Side.SELL
            price = bands.mark_price * (1 + away)
            bands.liquidation(side, coins, price, PriceKind.FILL, Completeness.FULL, at_ms)
        case _:
            play(bands, event, at_ms)


def held(bands: Bands) -> F8:
    """Coins [2, K] of every depth bin of the ring, as the multipliers value them."""
    valued = np.tensordot(bands.lesson.multipliers, bands._cells, (0, 1)) * bands._scales[:, None]
    found = np.zeros((2, 2 * BINS))
    for side in range(2):
        depth = np.arange(bands._edges[side] - BINS, bands._edges[side])
        found[side, depth % found.shape[1]] = valued[side, depth % BINS]
    return found


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(moves, prints, samples, fundings, lessons), max_size=40))
def test_every_bin_is_what_it_was_plus_what_was_counted_less_a_share_that_closed(
    events: list[tuple[object, ...]],
) -> None:
    bands = Bands(TIERS, START, 0)
    bands.open_interest(1_000.0, 0)
    before, counted = held(bands), bands._flows.copy()
    for i, event in enumerate(events):
        happen(bands, event, (i + 1) * 45_000)
        now, flows = held(bands), bands._flows - counted
        kept = before + flows[:, kernels.OPENED] - flows[:, kernels.TRIGGERED]
        kept += flows[:, kernels.SHIFTED] + flows[:, kernels.REVALUED]
        # Closing is one share of all bins of a side, at most the seldom cut to what may be banded.
        for side in range(2):
            total = kept[side].sum()
            share = now[side].sum() / total if total > 0.0 else 1.0
            np.testing.assert_allclose(now[side], kept[side] * share, rtol=1e-9, atol=1e-9)
            assert (
                total < 1e-6 or share == pytest.approx(1.0, abs=1e-9) or event[0] in ("oi", "print", "mark")
            )
        before, counted = now, bands._flows.copy()


def test_loading_the_compiled_code_changes_nothing() -> None:
    bands = Bands(TIERS, START, 0)
    bands.open_interest(1_000.0, 0)
    before, counted, profile = held(bands), bands._flows.copy(), bands.profile()
    bands.load()
    np.testing.assert_array_equal(held(bands), before)
    np.testing.assert_array_equal(bands._flows, counted)
    np.testing.assert_array_equal(bands.profile().long_coins, profile.long_coins)
