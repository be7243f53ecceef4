"""What a rule would have done: from the map before there were notes, from notes since."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from leadline.domain.alert_facts import Facts
from leadline.domain.bands import STEP
from leadline.domain.heatmap import STORED_BINS, Column, VenueColumns
from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.feed.map_columns import SymbolColumns
from leadline.feed.notes import Notes
from leadline.feed.previews import DAY_MIN, Preview, Previews
from leadline.store.history import HistoryStore, history_path
from tests.fakes.market import HandMarket, hand_market

MINUTE_MS = 60_000


@dataclass
class Estimate:
    columns: SymbolColumns = field(default_factory=SymbolColumns)


def price_rule(price: float) -> Rule:
    return Rule(1, RuleKind.PRICE, "BTCUSDT", read_settings(RuleKind.PRICE, {"price": price}))


def mapped(market: HandMarket, prices: dict[int, float]) -> Estimate:
    """Return the map of a day at 1000.0, but for some minutes (by their age)."""
    made, columns = Estimate(), VenueColumns()
    now_min = market.clock.wall_ms() // MINUTE_MS
    for age in range(DAY_MIN + 10, 0, -1):
        price = prices.get(age, 1000.0)
        origin = int(np.floor(np.log(price) / STEP)) - STORED_BINS // 2
        codes = np.zeros(STORED_BINS, dtype=np.uint8)
        columns.put(Column(now_min - age, 1, (price,) * 4, price, 1e6, origin, codes))
    made.columns.venues["binance"] = columns
    made.columns.revision = 1
    return made


def ask(previews: Previews, rule: Rule) -> Preview:
    return asyncio.run(previews.of(rule))


def test_a_fresh_server_looks_back_a_day_over_its_map() -> None:
    market = hand_market()
    previews = Previews(market.hub, {"BTCUSDT": mapped(market, {900: 1004.0, 300: 1004.0})}, Notes(None, 1))
    told = ask(previews, price_rule(1002.0))
    assert [one.title for one in told.fired] == ["BTC above 1,002"] * 2
    ages = [round((market.clock.wall_ms() - one.at_ms) / MINUTE_MS) for one in told.fired]
    assert [abs(age - wanted) <= 1 for age, wanted in zip(ages, (900, 300), strict=True)] == [True, True]
    assert market.clock.wall_ms() - told.since_ms > (DAY_MIN - 10) * MINUTE_MS
    assert told.unknown_ms == 0
    # What only the order flow tells is known since somebody watches, and that is nobody yet.
    whale = ask(previews, Rule(1, RuleKind.WHALE_TRADE, None, read_settings(RuleKind.WHALE_TRADE, {})))
    assert (whale.fired, whale.since_ms) == ([], market.clock.wall_ms())
    lifted = {"distance": 100.0, "lift_min": 2.0}
    unusual = ask(previews, Rule(1, RuleKind.APPROACH, None, read_settings(RuleKind.APPROACH, lifted)))
    assert unusual.since_ms == market.clock.wall_ms()


def test_after_a_restart_notes_count_and_the_map_fills_what_they_leave(tmp_path: Path) -> None:
    market = hand_market()
    now_ms = market.clock.wall_ms()
    store = HistoryStore(history_path(tmp_path, "live"), "live", 10_000)
    earlier = Notes(store, 1)
    for age in range(200, 100, -1):
        # It was at 1005 for an instant, of which the map says nothing.
        high = 1005.0 if age == 150 else 1000.0
        earlier.put("BTCUSDT", [Facts("BTCUSDT", now_ms - age * MINUTE_MS, 1000.0, low=1000.0, high=high)])
    store.close()
    store = HistoryStore(history_path(tmp_path, "live"), "live", 10_000)
    heat = mapped(market, {160: 1003.0, 50: 1003.0})
    previews = Previews(market.hub, {"BTCUSDT": heat}, Notes(store, 2))
    ages = [round((now_ms - one.at_ms) / MINUTE_MS) for one in ask(previews, price_rule(1002.0)).fired]
    # Of the two in the map the first is where notes know better.
    assert len(ages) == 2
    assert ages[0] == 150
    assert abs(ages[1] - 50) <= 1
    # Without a map the time after the notes is told as unknown.
    alone = ask(Previews(market.hub, {}, Notes(store, 2)), price_rule(1002.0))
    store.close()
    assert (now_ms - alone.since_ms) // MINUTE_MS == 200
    assert alone.unknown_ms == 101 * MINUTE_MS


def test_every_market_is_asked() -> None:
    market = hand_market()
    market.hub.sessions["ETHUSDT"] = market.session
    notes = Notes(None, 1)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for age, rate in ((3, 0.0), (2, 0.002), (1, 0.002)):
            at_ms = market.clock.wall_ms() - age * MINUTE_MS
            notes.put(symbol, [Facts(symbol, at_ms, 1000.0, funding=rate)])
    rule = Rule(1, RuleKind.FUNDING, None, read_settings(RuleKind.FUNDING, {}))
    told = ask(Previews(market.hub, {}, notes), rule)
    assert sorted(one.symbol or "" for one in told.fired) == ["BTCUSDT", "ETHUSDT"]
    assert told.unknown_ms == 0
