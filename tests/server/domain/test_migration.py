from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.bands import STEP, Bands
from leadline.domain.clusters import Cluster, find_clusters
from leadline.domain.heat import Heat, combine
from leadline.domain.ledger import ViewLedger
from leadline.domain.migration import MapMark, SideMove, transport_bp
from tests.server.domain.test_bands import START, opened, trade


class Day:
    """Two venues whose map is marked once and then followed."""

    def __init__(self) -> None:
        self.bands = {"binance": opened(coins=20_000.0), "bybit": opened(START * 1.0003, coins=8_000.0)}
        self.ledger = ViewLedger()
        self.mark = MapMark(self.draw(), [], 0)

    def draw(self) -> Heat:
        marks = {name: bands.mark_price for name, bands in self.bands.items()}
        venues = [(name, bands, marks[name]) for name, bands in self.bands.items()]
        heat = combine([(bands.profile(), mark) for _, bands, mark in venues], marks["binance"])
        self.flows = self.ledger.update(heat, venues)
        return heat

    def look(self) -> Heat:
        heat = self.draw()
        assert self.flows is not None
        self.mark.add(self.flows)
        return heat


def assert_closes(move: SideMove) -> None:
    told = move.opened_usd - move.closed_usd - move.triggered_usd + move.moved_usd + move.revalued_usd
    assert told == pytest.approx(move.after_usd - move.before_usd, rel=1e-9, abs=1e-9 * move.before_usd)


def test_the_ledger_of_a_side_closes_over_a_day_of_everything() -> None:
    day, random = Day(), np.random.default_rng(4)
    for step in range(1, 61):
        for bands in day.bands.values():
            price = bands.mark_price * float(np.exp(random.normal(0, 0.003)))
            bands.mark(price, step * 60_000)
            trade(bands, price, float(random.uniform(10, 400)), bool(step % 2))
            bands.open_interest(bands.oi_coins * float(np.exp(random.normal(0, 0.004))), step * 60_000 + 1)
            if step % 20 == 0:
                bands.funding(0.0008)
        heat = day.look()
    for side in ("long", "short"):
        move = day.mark.side(heat, side)  # type: ignore[arg-type]
        assert_closes(move)
        assert min(move.opened_usd, move.closed_usd) > 1e6
        # Funding, the basis and the picture's far ends are all that moves: little beside the trading.
        assert abs(move.moved_usd) < 0.1 * move.before_usd
        # Nothing was learnt here; where more was triggered than open interest fell, the rest stands for it.
        assert abs(move.revalued_usd) < max(move.triggered_usd, 0.1 * move.before_usd)
    assert day.mark.side(heat, "long").triggered_usd > 1e6


def test_funding_alone_moves_both_sides_up_and_opens_nothing() -> None:
    day = Day()
    before = day.draw()
    for bands in day.bands.values():
        bands.funding(4 * STEP)
    heat = day.look()
    # Read outwards, from the mark to the picture's far end.
    for side, usd in (("long", before.long_usd[::-1]), ("short", before.short_usd)):
        move = day.mark.side(heat, side)  # type: ignore[arg-type]
        assert_closes(move)
        # All moves by 20 bp; what comes in or leaves over the far end, by so much, draws the mean against it.
        share_a_bin = usd[-20:].mean() / usd.sum()
        way = len(usd) - float(np.arange(len(usd)) @ usd / usd.sum())
        assert move.transport_bp == pytest.approx(20.0 * (1 - share_a_bin * way), rel=0.02)
        assert move.opened_usd == pytest.approx(0.0, abs=1.0)
        assert move.closed_usd == pytest.approx(0.0, abs=1.0)


def test_closing_in_proportion_moves_nothing() -> None:
    day = Day()
    for bands in day.bands.values():
        bands.open_interest(0.8 * bands.oi_coins, 2_000)
    move = day.mark.side(day.look(), "short")
    assert_closes(move)
    assert move.closed_usd == pytest.approx(0.2 * move.before_usd, rel=1e-6)
    assert move.distance_bp == pytest.approx(0.0, abs=1e-6)


masses = st.lists(st.floats(0, 10), min_size=12, max_size=12).filter(lambda held: sum(held) > 0.01)


@given(masses, masses)
def test_transport_is_that_of_the_plan_that_keeps_the_order_of_dollars(
    one: list[float], other: list[float]
) -> None:
    left, wanted = np.array(one) / sum(one), np.array(other) / sum(other)
    signed = away = 0.0
    at = to = 0
    while at < 12 and to < 12:
        moved = min(left[at], wanted[to])
        signed += moved * (to - at)
        away += moved * abs(to - at)
        left[at] -= moved
        wanted[to] -= moved
        at, to = (at + 1, to) if left[at] <= wanted[to] else (at, to + 1)
    found = transport_bp(np.array(one), np.array(other), STEP)
    assert found == pytest.approx((signed * STEP * 1e4, away * STEP * 1e4), rel=1e-6, abs=1e-6)


def clusters_of(bands: Bands) -> tuple[Heat, Cluster]:
    heat = combine([(bands.profile(), START)], START)
    found = find_clusters(heat, START, heat.oi_usd, usd_min=1e5)
    return heat, replace(next(one for one in found if one.side == "long"), id=7)


def followed(entry: float, coins: float) -> tuple[MapMark, Cluster, Heat]:
    """A market's map, and what ``coins`` opened at ``entry`` make of its long cluster."""
    bands, ledger = opened(coins=20_000.0, volume=20_000.0), ViewLedger()
    heat, before = clusters_of(bands)
    ledger.update(heat, [("one", bands, START)])
    mark = MapMark(heat, [before], 0)
    trade(bands, entry, coins)
    bands.open_interest(20_000.0 + coins, 2_000)
    heat, after = clusters_of(bands)
    flows = ledger.update(heat, [("one", bands, START)])
    assert flows is not None
    mark.add(flows)
    return mark, after, heat


def test_new_positions_higher_up_recentre_a_cluster_higher() -> None:
    mark, after, heat = followed(START * 1.003, 30_000.0)
    found = mark.recentred(after, heat)
    assert found is not None
    assert found.id == 7
    assert found.shift_bp > 15.0
    assert found.retained > 0.6
    assert found.fresh > 0.3


def test_few_new_positions_or_none_elsewhere_recentre_nothing() -> None:
    mark, after, heat = followed(START * 1.003, 2_000.0)
    assert mark.recentred(after, heat) is None
    mark, after, heat = followed(START, 30_000.0)
    assert mark.recentred(after, heat) is None
    assert mark.recentred(replace(after, id=8), heat) is None
