"""From a market's events to what a person is told, with the screen as it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest

from leadline.domain.aftermath import Aftermath, Interest
from leadline.domain.alert_facts import ClusterFact
from leadline.domain.alerting import Alerting, Firing
from leadline.domain.events import BookState, Mark, Side
from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.domain.signals import Fuel, Told
from leadline.domain.trades import Trades
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.following import Following
from leadline.feed.notes import Notes
from leadline.feed.previews import Preview, Previews
from leadline.limits import INBOX_ALERTS_MAX
from leadline.wire.reader import LadderReader, State, decode
from tests.fakes.market import HandMarket, hand_market

ABOVE = ClusterFact(4, "S1", "short", 1003.0, 1004.0, 1005.0, 8e6, 4e6, 1.6e7, 0.01, calibrated=True)


LEFT_MS = 77


class Map:
    """An estimate by hand."""

    def __init__(self) -> None:
        self.mark = 1000.0
        self.clusters = (ABOVE,)
        self.oi_usd = 1e9
        self.venues = ("binance", "bybit")
        self.missed = {LEFT_MS: (998.0, 1002.5)}

    def fuel(self, every_ms: int) -> Fuel[ClusterFact]:
        return Fuel(self.mark, self.oi_usd, 0.02, 0.02, self.clusters, self.venues)

    def prices_since(self, since_ms: int) -> tuple[float, float] | None:
        return self.missed.get(since_ms)

    def path_since(self, since_ms: int) -> list[tuple[int, float]]:
        return [(since_ms + 60_000, self.mark)]


def rule(kind: RuleKind, id_: int = 1, **settings: Any) -> Rule:
    symbol = "BTCUSDT" if kind is RuleKind.PRICE else None
    return Rule(id_, kind, symbol, read_settings(kind, settings))


class Desk:
    def __init__(self, *rules: Rule, venues: tuple[str, ...] = ("binance",), **earlier: Any) -> None:
        self.market: HandMarket = hand_market(*venues, simulated=True)
        self.map = Map()
        self.fired: list[tuple[Firing, bytes]] = []
        self.told: list[Told] = []
        self.notes = Notes(None, self.market.clock.wall_ms())
        self.desk = AlertDesk(
            self.market.hub,
            {"BTCUSDT": self.map},
            Alerting(rules),
            lambda firing, moment: self.fired.append((firing, moment)),
            self.told.append,
            notes=self.notes,
            **earlier,
        )
        self.desk.step()

    def go(self, price: float, seconds: float = 1.0, lots: int = 10) -> None:
        """Let the book and the trades stand at a price, ten steps a second."""
        for _ in range(round(seconds * 10)):
            self.market.clock.now_ms += 100
            tick = round(price * 10)
            for book in self.market.books.values():
                bids, asks = np.arange(tick, tick - 300, -1), np.arange(tick + 1, tick + 301)
                book.book.replace(bids.tolist(), [500] * 300, asks.tolist(), [500] * 300)
                book.received_ms = self.market.clock.now_ms
                self.market.session.accept(book.changed())
            first = next(iter(self.market.books.values()))
            self.market.session.accept(first.trade(tick, lots))
            self.map.mark = price
            self.market.session.observe()
            self.desk.step()

    def preview(self, rule: Rule) -> Preview:
        return asyncio.run(Previews(self.market.hub, {}, self.notes).of(rule))

    @property
    def titles(self) -> list[str]:
        return [firing.title for firing, _ in self.fired]


def test_an_approach_rings_within_a_step_and_keeps_the_screen() -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.go(1000.0, 5)
    assert desk.fired == []
    desk.go(1001.5, 0.1)
    assert desk.titles == ["BTC 0.15 % above: 8.0 M USD of shorts"]
    firing, moment = desk.fired[0]
    kept = msgpack.unpackb(moment)
    assert (kept["at"], kept["price"], kept["target"]) == (firing.at_ms, 1001.5, 1003.0)
    ladder = LadderReader(kept["key"]["group"], kept["key"]["depth"]).apply(decode(kept["ladder"]))
    group_price = kept["key"]["group"] * 0.1
    assert abs(ladder.bid_tick * 0.1 - 1001.5) < group_price
    assert isinstance(decode(kept["state"]), State)
    assert abs(firing.target - 1001.5) / group_price <= 15 if firing.target else False
    assert kept["signals"]["regime"] == 0


def test_a_book_that_is_lost_is_a_feed_down_and_comes_back() -> None:
    desk = Desk(rule(RuleKind.FEED, seconds=10.0), venues=("binance", "bybit"))
    desk.go(1000.0, 2)
    desk.market.books["bybit"].state = BookState.STALE
    desk.go(1000.0, 8)
    assert desk.fired == []
    desk.go(1000.0, 5)
    assert desk.titles == ["Feed down: bybit BTC"]


def test_a_large_trade_is_told_and_rings_for_its_rule() -> None:
    desk = Desk(rule(RuleKind.WHALE_TRADE, 1, usd_min=2e6))
    desk.go(1000.0, 2)
    desk.market.session.accept(desk.market.books["binance"].trade(10_000, 3_000_000, Side.SELL))
    desk.go(1000.0, 2)
    assert desk.titles == ["BTC: 3.0 M USD sold at once"]
    assert [type(one.what).__name__ for one in desk.told] == ["Sweep"]


def test_a_preview_counts_what_is_kept_and_says_since_when() -> None:
    desk = Desk()
    begun_ms = desk.market.clock.wall_ms()
    for minute in range(20):
        desk.market.clock.now_ms += 59_000
        desk.go(1001.5 if minute in (5, 15) else 990.0, 1)
    told = desk.preview(rule(RuleKind.APPROACH, distance=20.0))
    assert len(told.fired) == 2
    assert 0 <= told.since_ms - begun_ms <= 61_000
    assert desk.fired == []
    assert desk.preview(rule(RuleKind.APPROACH, distance=20.0, usd_min=1e9)).fired == []


def test_a_price_of_the_users_own() -> None:
    desk = Desk(rule(RuleKind.PRICE, price=1000.5))
    desk.go(1000.0, 1)
    desk.go(1001.0, 1)
    assert desk.titles == ["BTC above 1,000.5"]


def test_a_defect_of_one_symbol_does_not_silence_the_rest(caplog: Any) -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.go(1000.0, 1)

    class Broken(Map):
        def fuel(self, every_ms: int) -> Fuel[ClusterFact]:
            raise ValueError("a defect")

    other = hand_market().session
    other.symbol = "ETHUSDT"
    desk.market.hub.sessions = {"ETHUSDT": other, **desk.market.hub.sessions}
    desk.desk._heats = {"ETHUSDT": Broken(), "BTCUSDT": desk.map}
    desk.go(1001.5, 1)
    assert len(desk.fired) == 1
    assert "the alerts of ETHUSDT failed" in caplog.text


def test_an_uncalibrated_cluster_says_so() -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.map.clusters = (replace(ABOVE, calibrated=False),)
    desk.go(1001.5, 1)
    assert "uncalibrated" in desk.fired[0][0].body


def test_a_level_that_is_touched_between_two_steps_rings_at_once() -> None:
    desk = Desk(rule(RuleKind.PRICE, price=1000.5), rule(RuleKind.PRICE, 2, price=1001.5))
    desk.go(1000.0, 1)
    book = desk.market.books["binance"]
    for tick in (10_004, 10_006, 10_002):
        desk.market.session.accept(book.trade(tick, 10))
    desk.desk.step_woken()
    assert desk.titles == ["BTC above 1,000.5"]
    ticks = (10_002, 10_016, 10_002)
    desk.market.session.accept(Trades.of(book.instrument, [(0, tick, 10, 1) for tick in ticks]))
    desk.desk.step_woken()
    assert desk.titles[1:] == ["BTC above 1,001.5"]


def test_the_first_price_within_reach_of_a_cluster_wakes_the_desk_and_no_other_does() -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.go(1000.0, 1)
    book, at_ms = desk.market.books["binance"], desk.market.clock.now_ms
    for tick in (10_001, 10_009, 9_990):
        desk.market.session.accept(book.trade(tick, 10))
    desk.desk.step_woken()
    assert desk.fired == []
    desk.market.session.accept(book.trade(10_010, 10))  # 20 bp below 1003 begin at 1000.99
    desk.desk.step_woken()
    assert len(desk.fired) == 1
    assert desk.market.clock.now_ms == at_ms


def test_a_new_rule_is_held_against_the_price_it_was_made_at() -> None:
    desk = Desk()
    desk.go(1001.0, 1)
    book = desk.market.books["binance"]
    desk.market.session.accept(book.trade(10_000, 10))
    desk.desk.alerting.rules = [rule(RuleKind.PRICE, price=1000.5)]
    desk.desk.rules_changed()
    desk.desk.step_woken()
    desk.market.session.accept(book.trade(10_010, 10))
    desk.desk.step_woken()
    assert desk.titles == ["BTC above 1,000.5"]


def test_what_fired_is_followed() -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.go(1000.0, 2)
    desk.go(1001.5, 1)
    (firing, _), *_ = desk.fired

    def since() -> dict[str, Any]:
        told = desk.desk.since("BTCUSDT", f"0:{firing.identity}")
        assert told is not None
        return told

    assert (since()["reached"], since()["forced_usd"], since()["oi"]) == ("ahead", 0.0, pytest.approx(0.0))
    assert since()["closest"] == pytest.approx(1003 / 1001.5 - 1)
    # Between two looks, and back again.
    book = desk.market.books["binance"]
    for tick in (10_031, 10_010):
        desk.market.session.accept(book.trade(tick, 10))
    desk.go(1001.0, 1)
    assert (since()["reached"], since()["closest"]) == ("touched", 0.0)
    desk.go(1006.0, 1)
    assert since()["reached"] == "through"
    assert desk.desk.since("BTCUSDT", "another") is None
    assert desk.desk.since("ETHUSDT", f"0:{firing.identity}") is None


def test_what_fired_is_followed_over_a_restart() -> None:
    key = "0:x"
    earlier = Aftermath(5, 1001.5, (9, 1003.0, 1005.0), Interest(1e6, ("binance", "bybit")), forced_usd=2e5)
    other = Aftermath(6, 10.0)  # of another unit
    known = {key: earlier.taken_up(600_000), "0:y": other.taken_up(600_000)}
    desk = Desk(followed={"BTCUSDT": known}, left_ms=LEFT_MS, run=1)
    desk.go(1000.0, 2)

    def since() -> dict[str, Any]:
        told = desk.desk.since("BTCUSDT", key)
        assert told is not None
        return told

    # Price came to 1002.5 while nobody watched.
    assert (since()["reached"], since()["closest"]) == ("ahead", pytest.approx(1003 / 1002.5 - 1))
    assert (since()["forced_usd"], since()["unwatched_ms"], since()["oi"]) == (2e5, 600_000, 0.0)
    assert desk.desk.since("BTCUSDT", "0:y") is None
    # Another set of venues holds another open interest: that is no change of it.
    desk.map.venues = ("binance",)
    assert since()["oi"] is None
    # The cluster has another number in this process.
    assert desk.desk.aftermaths()[key].cluster == (ABOVE.id, 1003.0, 1005.0)
    assert desk.desk.aftermaths() == {}
    desk.go(1006.0, 1)
    assert since()["reached"] == "through"
    assert desk.desk.aftermaths()[key].highest == 1006.0


def test_as_many_are_followed_as_the_inbox_shows() -> None:
    following = Following({}, 0)
    made = Firing("x", "price", "BTCUSDT", 5, "", "", 60, True, "", None, 1, True, 1, price=998.0)
    for number in range(INBOX_ALERTS_MAX + 3):
        following.begin(str(number), made, None)
    assert following.told("2", None) is None
    assert following.told("3", None) is not None
    assert len(following.changed()) == INBOX_ALERTS_MAX


def test_a_muted_symbol_rings_nothing_but_tells_the_inbox() -> None:
    desk = Desk(rule(RuleKind.APPROACH, distance=20.0))
    desk.desk.alerting.muted = {"BTCUSDT": desk.market.clock.wall_ms() + 2_500}
    desk.go(1001.5, 1)
    assert [firing.ring for firing, _ in desk.fired] == [False]


def test_a_price_in_another_unit_or_a_late_trade_crosses_no_level() -> None:
    desk = Desk(rule(RuleKind.PRICE, price=1_010.0, way="both", label=""))
    session, book = desk.market.session, desk.market.books["binance"]
    session.accept(Mark("binance", "BTCUSDT", 0, 1000.0))
    desk.go(1000.0, 2)
    session.accept(Trades.of(book.instrument, [(0, 10_200, 1, 1)], late=True))
    desk.go(1000.0, 2)
    session.accept(book.trade(10_000_000, 1))
    desk.desk.step_woken()
    session.accept(Mark("binance", "BTCUSDT", 0, 1_000_000.0))
    before = desk.desk.signals("BTCUSDT")
    desk.map.clusters = ()
    desk.go(1_000_000.0, 2)
    assert desk.titles == []
    assert desk.desk.signals("BTCUSDT") is not before
    desk.desk.alerting.rules = [rule(RuleKind.PRICE, 2, price=1_001_000.0, way="both", label="")]
    desk.desk.rules_changed()
    desk.go(1_000_000.0, 1)
    desk.go(1_002_000.0, 1)
    assert len(desk.fired) == 1


class Summary:
    """As much of an estimate as the slow facts ask for."""

    def summary(self, *_: object) -> dict[str, object]:
        return {"clusters": [{"id": 4, "cascade": None}, {"id": 5, "cascade": None}]}

    def standing(self, venue: str) -> str:
        return "in"


def test_how_price_nears_a_cluster_is_told_with_the_odds_in_the_view_of_all_venues() -> None:
    desk = Desk()
    desk.go(996.0, 2)
    assert desk.market.session.cascades == {}
    for step in range(50):
        desk.go(1000.0 + step / 30, 0.1)
    nearing = {"state": "approach", "odds": None, "n": 0}
    session = desk.market.session
    assert session.cascades == {4: nearing}
    session.heat = Summary()  # type: ignore[assignment]
    told: Any = {venue: session.state(venue, 1)["clusters"] for venue in ("all", "binance")}
    assert [one["cascade"] for one in told["all"]] == [nearing, None]
    assert [one["cascade"] for one in told["binance"]] == [None, None]


def test_a_preview_knows_of_a_price_that_was_there_only_for_an_instant() -> None:
    desk = Desk()
    desk.go(1000.0, 61)
    book = desk.market.books["binance"]
    for tick in (10_031, 10_000):
        desk.market.session.accept(book.trade(tick, 10))
    desk.go(1000.0, 61)
    fired = desk.preview(rule(RuleKind.PRICE, price=1003.0)).fired
    assert [one.title for one in fired] == ["BTC above 1,003"]
    assert desk.preview(rule(RuleKind.PRICE, price=1003.2)).fired == []
