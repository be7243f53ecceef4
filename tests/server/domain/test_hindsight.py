"""What the map remembers, read as facts: the same clusters as the picture of that moment showed."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest

from leadline.domain.alert_facts import Facts
from leadline.domain.backcast import backcast
from leadline.domain.bands import Bands
from leadline.domain.clusters import cluster_usd_min, densest, find_clusters
from leadline.domain.heat import combine
from leadline.domain.heatmap import Column, VenueColumns
from leadline.domain.hindsight import LOOK_MIN, hindsight, seen
from leadline.domain.leverage import bundled_tiers
from tests.fakes.market_week import market_week

BARS = 380
FIRST_MIN = 100 * LOOK_MIN  # of the columns; bars before them warm the bands up


@pytest.fixture(scope="module")
def known() -> tuple[Bands, list[Column]]:
    bars, open_interest = market_week(3, BARS)
    bands = Bands(bundled_tiers("binance", "BTCUSDT"), bars[0].open, 0)
    return bands, backcast(bands, bars, open_interest, columns_since_ms=FIRST_MIN * 60_000)


def read(columns: list[Column], minutes: int, others: list[Column] | None = None) -> list[Facts]:
    venues = [VenueColumns(), VenueColumns()]
    for venue, own in zip(venues, (columns, others or []), strict=True):
        for column in own:
            # A bar of five minutes as five of one, flat but for the first.
            for part in range(LOOK_MIN):
                candle = column.candle if part == 0 else (column.candle[3],) * 4
                venue.put(replace(column, minute=column.minute + part, span_min=1, candle=candle))
    found = seen(venues, FIRST_MIN, minutes)
    return [] if found is None else list(hindsight("BTCUSDT", "BTC", found))


def test_clusters_are_those_of_the_picture_then(known: tuple[Bands, list[Column]]) -> None:
    bands, columns = known
    minutes = (BARS - 100) * LOOK_MIN
    # One look more, of which only the bands of the last one are wanted.
    after = replace(columns[-1], minute=columns[-1].minute + LOOK_MIN)
    facts = read([*columns, after], minutes + LOOK_MIN)
    last = facts[-1]
    heat = combine([(bands.profile(), bands.mark_price)], bands.mark_price)
    wanted = densest(find_clusters(heat, bands.mark_price, heat.oi_usd, cluster_usd_min("BTC")))
    assert len(wanted) > 1
    assert [one.side for one in last.clusters] == [one.side for one in wanted]
    for found, told in zip(last.clusters, wanted, strict=True):
        # Band codes are 6 % apart; a border may fall a bin farther.
        assert found.usd == pytest.approx(told.usd, rel=0.06)
        assert abs(log(found.lo / told.lo)) < 0.0011
        assert abs(log(found.hi / told.hi)) < 0.0011
    assert last.oi_usd == pytest.approx(heat.oi_usd, rel=1e-5)


def test_facts_hold_every_price_and_know_no_later_one(known: tuple[Bands, list[Column]]) -> None:
    _, columns = known
    minutes = (BARS - 100) * LOOK_MIN
    facts = read(columns, minutes)
    assert len(facts) == minutes
    assert [one.at_ms for one in facts] == [(FIRST_MIN + at + 1) * 60_000 for at in range(minutes)]
    for column, one in zip(columns, facts[::LOOK_MIN], strict=True):
        assert (one.high, one.low) == pytest.approx(column.candle[1:3], rel=1e-6)
    assert all(one.clusters == () for one in facts[:LOOK_MIN])
    assert facts[-1].atr is not None
    assert facts[-1].oi_change_1h is not None
    # What comes later changes nothing of what was told before.
    half = minutes // 2 // LOOK_MIN * LOOK_MIN
    assert read(columns[: half // LOOK_MIN], half) == facts[:half]
    # A cluster keeps its id while it stands.
    held = {one.id for one in facts[-1].clusters} & {one.id for one in facts[-2 * LOOK_MIN].clusters}
    assert held


def test_a_gap_is_no_fact_and_an_empty_map_none(known: tuple[Bands, list[Column]]) -> None:
    _, columns = known
    gone = [*columns[:20], *columns[40:60]]
    facts = read(gone, 60 * LOOK_MIN)
    times = np.diff([one.at_ms for one in facts])
    assert sorted(set(times.tolist())) == [60_000, (20 * LOOK_MIN + 1) * 60_000]
    assert read([], 60) == []
