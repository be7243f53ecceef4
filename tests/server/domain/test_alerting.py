"""What rings, how often, and what it says."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC
from math import inf
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.alert_text import dollars, percent, price_text
from leadline.domain.alerting import Alerting, Firing, preview
from leadline.domain.cascade import CascadeState, Transition
from leadline.domain.events import Side
from leadline.domain.forced import Burst
from leadline.domain.odds import Odds
from leadline.domain.quiet import QuietHours, read_quiet
from leadline.domain.regime import Regime
from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.domain.signals import RegimeChange, Signal, Told
from leadline.domain.storm import PUSHES_MAX, Storm
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallEnd, WallGone, WhaleOrder

DAY_MS = 86_400_000


def rule(kind: RuleKind, id_: int = 1, symbol: str | None = None, **settings: Any) -> Rule:
    return Rule(id_, kind, symbol, read_settings(kind, settings))


def cluster(id_: int = 1, side: Literal["long", "short"] = "short", **change: Any) -> ClusterFact:
    lo, hi = (77_480.0, 77_560.0) if side == "short" else (76_400.0, 76_500.0)
    made = ClusterFact(id_, "S1", side, lo, (lo + hi) / 2, hi, 42e6, 24e6, 71e6, 0.01, calibrated=True)
    return replace(made, **change)


def facts(price: float = 77_000.0, at_ms: int = 0, **change: Any) -> Facts:
    return replace(Facts("BTCUSDT", at_ms, price, (cluster(),)), **change)


class Run:
    def __init__(self, *rules: Rule, quiet: QuietHours | None = None) -> None:
        self.engine = Alerting(rules, quiet, Storm())
        self.at_ms = 0

    def at(self, price: float, seconds: int = 1, **change: Any) -> list[Firing]:
        fired = []
        for _ in range(seconds):
            self.at_ms += 1000
            fired += self.engine.observe(facts(price, self.at_ms, **change))
        return fired

    def hear(self, what: Signal, price: float = 77_000.0) -> list[Firing]:
        self.at_ms += 1000
        return self.engine.hear(Told("BTCUSDT", self.at_ms, price, what))


def test_an_approach_says_place_dollars_and_why() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    assert run.at(76_900.0) == []
    (one,) = run.at(77_170.0, book_word="book thinning", flow_word="buyers pushing")
    assert one.title == "BTC 0.40 % above: 42 M USD of shorts"
    assert one.body == "24–71 M USD at 77,480–77,560. Book thinning, buyers pushing."
    assert (one.target, one.way, one.ring, one.urgent, one.ttl_s) == (77_480.0, 1, True, True, 180)
    assert one.topic == "BTCUSDT-1"


def test_an_uncalibrated_estimate_says_so() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    (one,) = run.at(77_170.0, clusters=(cluster(calibrated=False),))
    assert "(uncalibrated)" in one.body


def test_it_rings_once_however_long_price_stays_or_straddles() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    fired = []
    for minute in range(60):
        fired += run.at(77_170.0 if minute % 2 else 76_990.0, 60)
    assert len(fired) == 1
    run.at(76_000.0, 600)
    assert len(run.at(77_170.0, 600)) == 1


def test_what_lies_behind_or_is_too_small_or_elsewhere_does_not_ring() -> None:
    assert Run(rule(RuleKind.APPROACH, distance=60.0)).at(77_500.0, 10) == []
    assert Run(rule(RuleKind.APPROACH, distance=60.0, usd_min=5e7)).at(77_170.0, 10) == []
    assert Run(rule(RuleKind.APPROACH, distance=60.0, side="below")).at(77_170.0, 10) == []
    assert Run(rule(RuleKind.APPROACH, distance=60.0, oi_pct_min=2.0)).at(77_170.0, 10) == []
    assert Run(rule(RuleKind.APPROACH, distance=60.0, lift_min=1.5)).at(77_170.0, 10) == []
    assert Run(rule(RuleKind.APPROACH, distance=60.0, symbol="ETHUSDT")).at(77_170.0, 10) == []
    assert Run(replace(rule(RuleKind.APPROACH, distance=60.0), enabled=False)).at(77_170.0, 10) == []


@pytest.mark.parametrize(("unit", "distance", "known"), [
    ("pct", 0.5, {}), ("atr", 0.5, {"atr": 700.0}), ("min", 10.0, {"pace_per_min": 40.0}),
])  # fmt: skip
def test_distances_in_other_units(unit: str, distance: float, known: dict[str, float]) -> None:
    run = Run(rule(RuleKind.APPROACH, distance=distance, unit=unit))
    assert run.at(77_000.0, 5, **known) == []
    assert len(run.at(77_200.0, 5, **known)) == 1


def test_a_unit_that_cannot_be_told_rings_nothing() -> None:
    for unit in ("atr", "min"):
        assert Run(rule(RuleKind.APPROACH, distance=100.0, unit=unit)).at(77_470.0, 5) == []


def test_news_silences_clusters() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0), rule(RuleKind.STATE, 2))
    assert run.at(77_170.0, 10, regime=Regime.NEWS) == []
    assert run.hear(Transition(1, CascadeState.ARMED, CascadeState.CONFIRMED, 1, "")) == []


def test_a_state_rings_for_each_transition_that_is_wanted() -> None:
    run = Run(rule(RuleKind.STATE))
    run.at(77_490.0, forced_short_usd=13.2e6)
    assert run.hear(Transition(1, CascadeState.APPROACH, CascadeState.ARMED, 1, "3 of 5 signs")) == []
    (one,) = run.hear(
        Transition(1, CascadeState.ARMED, CascadeState.CONFIRMED, 2, "open interest -0.18% in 30 s")
    )
    assert one.title == "BTC into 42 M USD of shorts at 77,480"
    assert one.body == "13 M forced so far. Open interest -0.18% in 30 s."
    (held,) = run.hear(Transition(1, CascadeState.ARMED, CascadeState.HELD, 3, "absorbed for 12 s"))
    assert held.title == "BTC cluster held: 42 M USD of shorts"
    assert run.hear(Transition(9, CascadeState.ARMED, CascadeState.HELD, 4, "")) == []


def test_straddling_a_price_of_the_users_own() -> None:
    run = Run(rule(RuleKind.PRICE, symbol="BTCUSDT", price=77_000.0, label="my stop"))
    fired = []
    for second in range(3_600):
        fired += run.at(77_010.0 if second % 2 else 76_990.0)
    (one,) = fired
    assert one.title == "BTC above 77,000 (my stop)"
    run.at(78_000.0, 400)
    (again,) = run.at(76_900.0, 5)
    assert (again.title, again.way) == ("BTC below 77,000 (my stop)", -1)


def test_one_way_only() -> None:
    run = Run(rule(RuleKind.PRICE, symbol="BTCUSDT", price=77_000.0, way="down"))
    assert run.at(76_900.0, 5) + run.at(77_500.0, 400) == []
    assert len(run.at(76_900.0, 5)) == 1


def test_whales_bursts_and_walls() -> None:
    run = Run(
        rule(RuleKind.WHALE_ORDER, 1),
        rule(RuleKind.WALL_PULLED, 2),
        rule(RuleKind.WHALE_TRADE, 3),
        rule(RuleKind.BURST, 4, usd_min=1e6),
    )
    run.at(77_000.0, row_price=10.0)
    (order,) = run.hear(WhaleOrder(Side.BUY, 7_690, 6.8e6, 4.0, 13.0, run.at_ms - 240_000))
    assert (order.title, order.body) == ("BTC bid of 6.8 M USD at 76,900", "13 bp away, 4 min old.")
    assert run.hear(WhaleOrder(Side.BUY, 7_000, 6.8e6, 4.0, 900.0, 0)) == []
    (gone,) = run.hear(WallGone(Side.SELL, 7_710, 6.8e6, WallEnd.PULLED, 0.92, 0, repeated=True))
    assert (gone.title, gone.body) == ("BTC wall pulled: 6.8 M USD at 77,100", "92% cancelled, again.")
    assert run.hear(WallGone(Side.SELL, 7_710, 6.8e6, WallEnd.EATEN, 0.1, 0)) == []
    (trade,) = run.hear(Sweep("binance", Side.SELL, 0, 90, 3e6, 77_000.0, 76_990.0, 12))
    assert trade.title == "BTC: 3.0 M USD sold at once"
    assert run.hear(Sweep("binance", Side.SELL, 0, 90, 3e6, 77_000.0, 76_990.0, 12, forced=True)) == []
    (burst,) = run.hear(Burst(Side.BUY, 5e6, 20, 2, run.at_ms - 11_000))
    assert (burst.title, burst.way) == ("BTC 5.0 M USD of longs liquidated", -1)
    assert burst.body == "Within 12 s on 2 venues, as far as the feeds show."


def test_slow_facts_ring_when_they_cross_and_not_again_until_they_fell() -> None:
    run = Run(rule(RuleKind.FUNDING, 1), rule(RuleKind.INTEREST, 2))
    assert run.at(77_000.0, 5, funding=4e-4, oi_change_1h=0.01) == []
    fired = run.at(77_000.0, 600, funding=6e-4, oi_change_1h=-0.04, oi_usd=8e9)
    assert [one.title for one in fired] == [
        "BTC funding +6.0 bp", "BTC open interest down 4.0 % in an hour",
    ]  # fmt: skip
    assert not any(one.urgent for one in fired)


def test_what_became_of_a_cluster() -> None:
    run = Run(rule(RuleKind.DEPLETION, 1), rule(RuleKind.MIGRATION, 2))
    gone = cluster(gone=0.62, gone_closed=0.51, gone_triggered=0.11, moved_bp=-23.0)
    fired = run.at(77_000.0, 60, clusters=(gone,))
    assert [(one.title, one.body) for one in fired] == [
        ("BTC 42 M USD of shorts: 62% gone", "51% closed by holders, 11% liquidated, at 77,480–77,560."),
        ("BTC shorts moved 23 bp lower", "To 77,520, by new positions: 42 M USD (24–71 M)."),
    ]


def test_a_feed_that_is_down_rings_once_and_again_after_it_was_up() -> None:
    run = Run(rule(RuleKind.FEED))
    run.at(77_000.0, 5)
    since = run.at_ms
    fired = run.at(77_000.0, 400, down={"bybit": since})
    assert [one.title for one in fired] == ["Feed down: bybit BTC"]
    run.at(77_000.0, 30)
    since = run.at_ms
    assert len(run.at(77_000.0, 400, down={"bybit": since})) == 1


def test_a_regime_rings_when_asked_for() -> None:
    run = Run(rule(RuleKind.REGIME))
    run.at(77_000.0)
    (one,) = run.hear(RegimeChange(Regime.USEFUL, Regime.NEWS))
    assert one.title == "BTC news-like move, map overridden"
    assert run.hear(RegimeChange(Regime.NEWS, Regime.SPARSE)) == []


def test_quiet_hours_keep_it_in_the_inbox() -> None:
    quiet = read_quiet({"zone": "UTC", "begin": "00:00", "end": "08:00"})
    run = Run(rule(RuleKind.APPROACH, distance=60.0), quiet=quiet)
    (one,) = run.at(77_170.0)
    assert not one.ring
    assert UTC is not None


def test_a_storm_is_the_budget_and_one_summary() -> None:
    engine = Alerting([rule(RuleKind.APPROACH, distance=60.0)])
    fired = []
    for number in range(500):
        one = Facts(f"C{number}USDT", number * 100, 77_170.0, (cluster(number),))
        fired += engine.observe(one)
    for second in range(60, 900):
        fired += engine.observe(Facts("C1USDT", second * 1000, 70_000.0))
    assert len(fired) == 501
    assert sum(one.ring for one in fired) == PUSHES_MAX + 1
    (summary,) = (one for one in fired if one.kind == "summary")
    assert summary.title == "494 more alerts in 5 min"
    assert "and 489 more" in summary.body


def test_each_firing_has_an_identity_of_its_own() -> None:
    run = Run(rule(RuleKind.APPROACH, 1, distance=60.0), rule(RuleKind.APPROACH, 2, distance=45.0))
    fired = run.at(77_100.0, 5) + run.at(77_170.0, 5)
    run.at(70_000.0, 600)
    fired += run.at(77_100.0, 5) + run.at(77_170.0, 5)
    assert len({one.identity for one in fired}) == len(fired) == 4


def test_a_restart_does_not_tell_the_same_stretch_again() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    run.engine.remember(1, "BTCUSDT", 0, 77_450.0, 77_500.0)
    assert run.at(77_170.0, 60, clusters=(cluster(77),)) == []
    far = cluster(78, lo=77_570.0, hi=77_600.0)
    assert len(run.at(77_200.0, 5, clusters=(cluster(77), far))) == 1


def test_a_preview_counts_what_would_have_rung() -> None:
    history: list[Facts | Told] = []
    for hour in range(24):
        for minute in range(60):
            near = hour % 8 == 3 and minute > 30
            history.append(facts(77_200.0 if near else 76_000.0, (hour * 60 + minute) * 60_000))
    fired = preview(rule(RuleKind.APPROACH, distance=60.0), history)
    assert len(fired) == 3
    assert all(one.ring for one in fired)
    assert preview(rule(RuleKind.APPROACH, distance=60.0), history) == fired


def test_a_preview_over_a_restart_tells_the_same_stretch_once() -> None:
    before = [facts(77_200.0, minute * 60_000) for minute in range(10)]
    # Another process numbers its clusters anew: the stretch is the same, and another one is not.
    again = (cluster(7),)
    after = [facts(77_200.0, minute * 60_000, clusters=again) for minute in range(10, 20)]
    asked = rule(RuleKind.APPROACH, distance=60.0)
    assert [one.at_ms for one in preview(asked, before, after)] == [0]
    other = [replace(one, clusters=(cluster(1, lo=77_300.0, hi=77_400.0),)) for one in after]
    assert [one.at_ms for one in preview(asked, before, other)] == [0, 600_000]


def test_numbers_as_a_person_reads_them() -> None:
    assert [dollars(x) for x in (950.0, 9.4e5, 6.84e6, 4.2e7, 9.96e6, 1.25e9, 9.999e5)] == [
        "950", "940 k", "6.8 M", "42 M", "10 M", "1.2 B", "1.0 M",
    ]  # fmt: skip
    assert [price_text(x) for x in (77_480.2, 3_001.25, 1.2345, 0.081324, 0.0)] == [
        "77,480", "3,001", "1.234", "0.08132", "0",
    ]  # fmt: skip
    assert [percent(x) for x in (0.004, -0.012, 0.5)] == ["0.40 %", "1.2 %", "50 %"]


PRICES = st.floats(76_000.0, 78_000.0)


@given(
    begin=PRICES,
    prices=st.lists(PRICES, max_size=5),
    levels=st.lists(st.tuples(PRICES, st.sampled_from(["both", "up", "down"])), max_size=3),
    distance=st.floats(1.0, 100.0),
)
def test_no_price_within_the_calm_fires_and_the_first_one_beyond_does(
    begin: float, prices: list[float], levels: list[tuple[float, str]], distance: float
) -> None:
    rules = [
        rule(RuleKind.PRICE, at, "BTCUSDT", price=level, way=way) for at, (level, way) in enumerate(levels, 1)
    ]
    engine = Alerting([*rules, rule(RuleKind.APPROACH, 9, distance=distance)], storm=Storm(2**31))
    clusters = (cluster(), cluster(2, "long"))

    def at(price: float) -> Facts:
        return facts(price, clusters=clusters)

    engine.observe(at(begin))
    for price in prices:
        low, high = engine.calm(at(begin))
        assert low <= begin < high
        if low <= price < high:
            assert engine.observe(at(price)) == []
        engine.observe(at(price))
        begin = price
    low, high = engine.calm(at(begin))
    ways = {level: way for level, way in levels if way != "both"}
    if high < inf and ways.get(high, "up") == "up":
        assert copy.deepcopy(engine).observe(at(high * (1 + 1e-12)))
    if low > 0.0 and ways.get(low, "down") == "down":
        assert copy.deepcopy(engine).observe(at(low * (1 - 1e-12)))


def test_a_level_that_was_moved_or_slept_tells_only_what_came_since() -> None:
    run = Run(rule(RuleKind.PRICE, symbol="BTCUSDT", price=77_010.0))
    assert [len(run.at(price)) for price in (77_000.0, 77_020.0)] == [0, 1]
    run.engine.rules = [rule(RuleKind.PRICE, symbol="BTCUSDT", price=77_030.0)]
    assert [len(run.at(price)) for price in (77_020.0, 77_040.0)] == [0, 1]
    asleep = replace(rule(RuleKind.PRICE, 2, "BTCUSDT", price=77_050.0), snoozed_until_ms=run.at_ms + 2_500)
    run.engine.rules = [asleep]
    assert [len(run.at(price)) for price in (77_040.0, 77_060.0, 77_060.0, 77_040.0)] == [0, 0, 0, 1]


def test_an_approach_tells_the_odds_and_which_venues_are_missing() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    (one,) = run.at(77_200.0, odds={1: Odds(0.54, 320)}, book_word="book steady", down={"okx": 0, "bybit": 0})
    assert one.body.endswith("Book steady. Without bybit, okx. Cascade odds 54 %, n=320.")
    run = Run(rule(RuleKind.APPROACH, distance=60.0))
    (one,) = run.at(77_200.0, odds={1: Odds(0.54, 12)})
    assert one.body.endswith("Cascade odds uncalibrated, n=12.")


def test_two_rules_that_say_the_same_at_once_ring_once() -> None:
    run = Run(rule(RuleKind.APPROACH, distance=60.0), rule(RuleKind.APPROACH, 2, "BTCUSDT", distance=60.0))
    assert [one.rule for one in run.at(77_200.0)] == [1]
    # At another distance it is other news.
    run = Run(rule(RuleKind.APPROACH, distance=60.0), rule(RuleKind.APPROACH, 2, distance=20.0))
    assert [one.rule for one in run.at(77_200.0) + run.at(77_400.0)] == [1, 2]
    # Two markets may well say the same.
    run.engine.rules = [rule(RuleKind.FUNDING, bp_min=5.0)]
    fired = run.at(77_000.0, funding=0.001)
    fired += run.engine.observe(replace(facts(77_000.0, run.at_ms), symbol="ETHUSDT", funding=0.001))
    assert [one.symbol for one in fired] == ["BTCUSDT", "ETHUSDT"]
