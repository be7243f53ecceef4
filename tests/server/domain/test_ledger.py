import numpy as np
import pytest

from leadline.domain import ledger
from leadline.domain.bands import STEP, Bands, Profile
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.heat import combine
from leadline.domain.kernels import F8
from leadline.domain.ledger import CLOSED, MOVED, OPENED, REVALUED, SIGNS, TRIGGERED, ViewLedger, venue_flows
from tests.server.domain.test_bands import START, opened, trade


def reading(bands: Bands) -> tuple[Profile, F8]:
    profile = bands.profile()
    return profile, bands.flows(profile.origin)


def test_the_ledger_of_a_venue_tells_opening_closing_and_triggering_apart() -> None:
    bands = opened()
    start = reading(bands)
    trade(bands, START, 40.0)
    bands.open_interest(140.0, 2_000)
    mid = reading(bands)
    grown = venue_flows(start, mid)
    np.testing.assert_allclose(grown[CLOSED], 0.0, atol=1e-6)
    assert grown[OPENED].sum(axis=1).min() > 10.0
    bands.open_interest(70.0, 3_000)
    halved = venue_flows(mid, reading(bands))
    before = np.array([mid[0].long_coins.sum(), mid[0].short_coins.sum()])
    np.testing.assert_allclose(halved[CLOSED].sum(axis=1), before / 2, rtol=1e-9)
    mid = reading(bands)
    bands.mark(START * 0.99, 4_000)
    fell = venue_flows(mid, reading(bands))
    assert fell[TRIGGERED, 0].sum() > 1.0
    assert fell[TRIGGERED, 1].sum() == 0.0
    np.testing.assert_allclose(fell[CLOSED], 0.0, atol=1e-9)


def test_a_fall_that_takes_what_a_later_sample_says_was_closed_is_counted_once() -> None:
    bands = opened()
    start = reading(bands)
    bands.mark(START * 0.985, 2_000)
    swept = bands.held_coins(Side.BUY)[2]
    bands.open_interest(100.0 - swept, 3_000)
    flows = venue_flows(start, reading(bands))
    assert flows[TRIGGERED, 0].sum() == pytest.approx(swept, rel=1e-9)
    assert flows[CLOSED, 0].sum() == pytest.approx(0.0, abs=1e-9)
    # Who bought what the longs had to sell were shorts that closed by themselves.
    assert flows[CLOSED, 1].sum() > 0.0


def drawn(bands: dict[str, Bands], marks: dict[str, float], book: ViewLedger) -> ledger.Flows | None:
    heat = combine([(bands[name].profile(), marks[name]) for name in bands], next(iter(marks.values())))
    return book.update(heat, [(name, bands[name], marks[name]) for name in bands])


def test_the_ledger_of_a_view_closes_and_a_single_venue_moves_nothing_but_by_funding() -> None:
    bands, book = {"binance": opened()}, ViewLedger()
    marks = {"binance": START}
    assert drawn(bands, marks, book) is None
    one = bands["binance"]
    trade(one, START * 1.001, 30.0)
    one.open_interest(120.0, 2_000)
    one.open_interest(90.0, 3_000)
    flows = drawn(bands, marks, book)
    assert flows is not None
    np.testing.assert_allclose(np.tensordot(SIGNS, flows.usd, 1), flows.change, rtol=1e-9, atol=1e-6)
    inside = slice(200, 1_400)
    np.testing.assert_allclose(flows.usd[MOVED][:, inside], 0.0, atol=1e-6)
    assert flows.usd[CLOSED].sum() > 1e5
    one.funding(2 * STEP)
    flows = drawn(bands, marks, book)
    assert flows is not None
    assert np.abs(flows.usd[MOVED]).sum() > 1e5
    np.testing.assert_allclose(flows.usd[OPENED], 0.0, atol=1e-9)


def test_what_prints_taught_is_neither_opened_nor_closed() -> None:
    bands, book = {"bybit": opened(coins=20_000.0)}, ViewLedger()
    one, marks = bands["bybit"], {"bybit": START}
    one.liquidation(Side.BUY, 0.5, START * 0.99, PriceKind.FILL, Completeness.FULL, 1_500)
    drawn(bands, marks, book)
    one.mark(START * 0.995, 30_000)
    for i in range(200):
        one.liquidation(Side.BUY, 5.0, START * 0.997, PriceKind.FILL, Completeness.FULL, 31_000 + i)
    drawn(bands, marks, book)
    before = one.profile().long_coins.sum()
    one._learn(90_000)
    flows = drawn(bands, marks, book)
    assert flows is not None
    assert one.profile().long_coins.sum() > 1.01 * before
    assert flows.usd[REVALUED, 0].sum() == pytest.approx(flows.change[0].sum(), rel=0.01)
    assert abs(flows.usd[CLOSED, 0].sum()) < 0.01 * flows.usd[REVALUED, 0].sum()


def test_two_venues_of_which_one_joins_later_close_too() -> None:
    bands, book = {"binance": opened()}, ViewLedger()
    drawn(bands, {"binance": START}, book)
    bands["bybit"] = opened(START * 1.0004, coins=50.0)
    marks = {"binance": START, "bybit": START * 1.0004}
    flows = drawn(bands, marks, book)
    assert flows is not None
    assert flows.usd[MOVED].sum() == pytest.approx(flows.change.sum(), rel=1e-9)
    bands["bybit"].mark(START * 0.99, 5_000)
    bands["binance"].mark(START * 0.99, 5_000)
    flows = drawn(bands, {"binance": START * 0.99, "bybit": START * 0.99}, book)
    assert flows is not None
    assert flows.usd[TRIGGERED, 0].sum() > 1e5
    np.testing.assert_allclose(np.tensordot(SIGNS, flows.usd, 1), flows.change, rtol=1e-9, atol=1e-4)
