"""The watchlist, the tape and the pulse as their watchers see them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.domain.events import (
    BookState,
    Completeness,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.glance import STRIP_CODES
from leadline.domain.heat import usd_of
from leadline.domain.trades import Trades
from leadline.feed.streams.base import Refusal
from leadline.units import Step
from leadline.wire.prepared import PreparedFrame
from leadline.wire.reader import (
    GlanceChanges,
    GlanceKeyframe,
    PulseColumn,
    PulseKeyframe,
    TapeKeyframe,
    TapePrints,
    decode,
)
from leadline.wire.requests import GlanceKey, PulseKey, StreamKey, TapeKey
from tests.fakes.market import HandBook, HandMarket, hand_market, instrument
from tests.wire.watchlists import changed_rows

LAST, DAY, STRIP, TOP, FUNDING, STATE = 2, 3, 8, 9, 10, 0


class Glow:
    """As much of an estimate as a watchlist asks for: $2 M on the brightest place of 12 bp."""

    def summary(self, venue: str, tick: Step, group: int, *_: object) -> dict[str, object]:
        assert group == round(10_003 * 0.04 / STRIP_CODES)
        return {"bands": {"heat_top_usd": 2_000_000, "calibrated": False}, "clusters": []}

    def standing(self, venue: str) -> str:
        return "in"

    def codes(self, *_: object) -> NDArray[np.uint8]:
        return np.full(64, 7, dtype=np.uint8)


class Phone:
    """A watcher of any stream that keeps every message."""

    straight = None

    def __init__(self, market: HandMarket, key: StreamKey) -> None:
        self.stream = market.hub.subscribe(key, self)
        self.first: Any = decode(self.stream.keyframe())
        self.messages: list[Any] = []

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        self.messages.append(decode(frame.payload))

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        raise AssertionError("only ladders have slow facts")

    def offer_notice(self, frame: PreparedFrame) -> None:
        pass

    def taken(self, kind: type) -> list[Any]:
        found, self.messages = self.messages, []
        assert all(isinstance(message, kind) for message in found)
        return found


def step(market: HandMarket, milliseconds: int, fresh: bool = True) -> None:
    """Let time pass in quarters of a second, as the hub would see it."""
    for _ in range(milliseconds // 250):
        market.clock.now_ms += 250
        for book in market.books.values():
            book.received_ms = market.clock.now_ms if fresh else book.received_ms
        if market.clock.now_ms % 1_000 == 0:
            for session in market.hub.sessions.values():
                session.observe()
        market.hub.emit_due(market.clock.now_ms)


def trade(market: HandMarket, tick: int, lots: int, side: Side = Side.BUY, venue: str = "binance") -> None:
    made = market.books[venue].instrument
    market.session.accept(Trades.of(made, [(market.clock.wall_ms(), tick, lots, side)]))


class TestGlance:
    def rows(self, phone: Phone) -> list[list[Any]]:
        rows = phone.first.key["rows"]
        for message in phone.taken(GlanceChanges):
            rows = changed_rows(rows, message.changes)
        phone.first.key["rows"] = rows
        return rows

    def test_a_row_tells_price_and_funding(self) -> None:
        market = hand_market("binance", "bybit")
        phone = Phone(market, GlanceKey(("BTCUSDT",)))
        assert isinstance(phone.first, GlanceKeyframe)
        for event in (
            Mark("binance", "BTCUSDT", 0, 1000.0),
            Funding("binance", "BTCUSDT", 0, -0.0000831, 0),
        ):
            market.session.accept(event)
        trade(market, 10_003, 4)
        market.session.regime = 2
        step(market, 12_000)
        (row,) = self.rows(phone)
        assert (row[STATE], row[LAST], row[FUNDING]) == (1, 10_003, -83)
        assert row[4:8] == [None, None, None, 2]

    def test_a_strip_comes_with_what_its_palettes_top_stands_for(self) -> None:
        market = hand_market()
        trade(market, 10_003, 4)
        market.session.heat = Glow()  # type: ignore[assignment]
        phone = Phone(market, GlanceKey(("BTCUSDT",)))
        (row,) = self.rows(phone)
        assert row[STRIP] == bytes([7] * STRIP_CODES)
        assert usd_of(row[TOP]) == pytest.approx(2e6, rel=0.03)

    def test_a_frame_comes_each_second_and_holds_only_what_changed(self) -> None:
        market = hand_market()
        phone = Phone(market, GlanceKey(("BTCUSDT",)))
        step(market, 5_000)
        assert [message.changes for message in phone.taken(GlanceChanges)] == [[]] * 5
        trade(market, 10_007, 1)
        step(market, 1_000)
        (message,) = phone.taken(GlanceChanges)
        assert message.changes == [0, 1 << LAST, 10_007]
        assert message.dt == 1_000

    def test_a_dead_feed_ages_and_turns_stale(self) -> None:
        market = hand_market()
        phone = Phone(market, GlanceKey(("BTCUSDT",)))
        step(market, 3_000, fresh=False)
        assert self.rows(phone)[0][1] == 30
        market.books["binance"].state = BookState.STALE
        step(market, 1_000, fresh=False)
        assert self.rows(phone)[0][:2] == [2, 40]

    def test_a_joiner_gets_what_the_others_have(self) -> None:
        market = hand_market()
        one = Phone(market, GlanceKey(("BTCUSDT",)))
        trade(market, 10_007, 1)
        step(market, 1_000)
        trade(market, 10_009, 1)
        two = Phone(market, GlanceKey(("BTCUSDT",)))
        assert self.rows(one) == two.first.key["rows"]
        step(market, 1_000)
        assert self.rows(one) == self.rows(two)
        assert one.stream is two.stream

    def test_when_the_tick_changes_the_row_is_told_anew(self) -> None:
        market = hand_market()
        trade(market, 10_000, 1)
        phone = Phone(market, GlanceKey(("BTCUSDT",)))
        finer = HandBook(instrument("okx", tick="0.01"))
        finer.book.replace([99_990], [1], [100_010], [1])
        market.session.attach(finer.instrument, finer)
        market.books["okx"] = finer
        step(market, 1_000)
        assert self.rows(phone)[0][LAST] == 100_000

    def test_an_unknown_symbol_of_the_list_is_named(self) -> None:
        with pytest.raises(Refusal, match="NOPE"):
            Phone(hand_market(), GlanceKey(("BTCUSDT", "NOPE")))


class TestTape:
    def test_prints_come_with_venue_size_side_and_age(self) -> None:
        market = hand_market("binance", "bybit")
        phone = Phone(market, TapeKey("BTCUSDT", "all"))
        assert isinstance(phone.first, TapeKeyframe)
        trade(market, 10_002, 3)
        trade(market, 10_000, 5, Side.SELL, "bybit")
        step(market, 250)
        (message,) = phone.taken(TapePrints)
        assert message.trades == [10_002, 7, 0, 250, 1, 10_000, 10, 1, 250, 1]
        # 3 and 5 thousandths of a coin at 1000.2 and 1000.0.
        assert message.sums == [3, 5]
        assert message.flags & 3 == 1

    def test_a_quiet_tape_says_each_second_that_it_lives_and_a_dead_one_that_it_does_not(self) -> None:
        market = hand_market()
        phone = Phone(market, TapeKey("BTCUSDT", "all"))
        step(market, 5_000)
        assert 4 <= len(phone.taken(TapePrints)) <= 6
        market.books["binance"].state = BookState.STALE
        step(market, 2_000, fresh=False)
        last = phone.taken(TapePrints)[-1]
        assert (last.flags & 3, last.age >= 1_000) == (2, True)

    def test_liquidations_of_every_venue_are_told_with_their_side(self) -> None:
        market = hand_market("binance", "bybit")
        phone, one = (Phone(market, TapeKey("BTCUSDT", venue)) for venue in ("all", "binance"))
        market.session.accept(
            Liquidation(
                *("bybit", "BTCUSDT", 0, Side.BUY, 2.0, 999.96, PriceKind.BANKRUPTCY, Completeness.FULL)
            )
        )
        step(market, 250)
        assert phone.taken(TapePrints)[0].liquidations == [10_000, 2_000, 1, 1, 250]
        assert all(message.liquidations == [] for message in one.taken(TapePrints))

    def test_in_a_rush_small_prints_are_left_out_and_the_sums_stay_exact(self) -> None:
        market = hand_market("binance", "bybit")
        phone = Phone(market, TapeKey("BTCUSDT", "all"))
        takers = [(venue, side) for venue in market.books for side in (Side.BUY, Side.SELL)]
        for number in range(80 * 20):
            # The same taker comes again when its sweep is over.
            venue, side = takers[number % 4]
            trade(market, 10_000, 50_000 if number % 20 == 0 else 1, side, venue)
            market.clock.now_ms += 13
            market.hub.emit_due(market.clock.now_ms)
        step(market, 500)
        messages = phone.taken(TapePrints)
        late = messages[-20:]
        assert all(message.floor_usd > 0 for message in late)
        assert 0 < sum(len(message.trades) // 5 for message in late) <= 40 * 5
        sums = np.sum([message.sums for message in messages], axis=0)
        held = np.sum(list(market.session.tape.sums.values()), axis=0)
        assert sums.tolist() == held.round().tolist()

    def test_a_joiner_gets_the_last_prints_and_nothing_twice(self) -> None:
        market = hand_market()
        first = Phone(market, TapeKey("BTCUSDT", "all"))
        for lots in range(1, 6):
            trade(market, 10_000 + lots, lots)
            step(market, 250)
        trade(market, 10_009, 9)
        second = Phone(market, TapeKey("BTCUSDT", "all"))
        step(market, 500)
        ticks = second.first.key["trades"][::5]
        assert ticks == [10_001, 10_002, 10_003, 10_004, 10_005]
        assert [t for message in second.taken(TapePrints) for t in message.trades[::5]] == [10_009]
        assert second.first.key["sums"][0] == sum(m.sums[0] for m in first.taken(TapePrints)[:5])

    def test_after_a_change_of_steps_the_tape_starts_over(self) -> None:
        market = hand_market()
        trade(market, 10_000, 1)
        phone = Phone(market, TapeKey("BTCUSDT", "all"))
        finer = HandBook(instrument("okx", tick="0.01"))
        market.session.attach(finer.instrument, finer)
        market.books["okx"] = finer
        step(market, 250)
        (message,) = phone.taken(TapeKeyframe)
        assert message.key["trades"] == []
        assert message.key["sums"][0] == 1


class TestPulse:
    def settle(self, market: HandMarket) -> None:
        """Stand at the beginning of a minute, with all that a pulse shows told once."""
        market.clock.now_ms += 60_000 - market.clock.wall_ms() % 60_000
        market.session.accept(Mark("binance", "BTCUSDT", 0, 1000.0))
        market.session.accept(OpenInterest("binance", "BTCUSDT", 0, 5_000.0))
        market.session.accept(Funding("binance", "BTCUSDT", 0, 1e-4, 0))
        trade(market, 10_000, 1_000)
        step(market, 1_000)

    def test_the_newest_column_comes_every_ten_seconds(self) -> None:
        market = hand_market()
        self.settle(market)
        phone = Phone(market, PulseKey("BTCUSDT", 12))
        assert isinstance(phone.first, PulseKeyframe)
        assert phone.first.key["columns"] == 720
        trade(market, 10_010, 2_000)
        trade(market, 10_000, 500, Side.SELL)
        step(market, 10_000)
        (message,) = phone.taken(PulseColumn)
        column = message.column
        assert column["minute"] == market.clock.wall_ms() // 60_000
        assert (column["oi_usd"], column["close"]) == (5_000_000.0, 1000.0)
        assert column["funding"] == pytest.approx(1e-4)
        assert (column["buy_usd"], column["sell_usd"]) == (2_002.0, 500.0)
        assert column["cvd_usd"] == pytest.approx(1_502.0)
        assert column["long_ratio"] is None

    def test_an_ended_column_is_told_whole_and_cvd_goes_on(self) -> None:
        market = hand_market()
        self.settle(market)
        phone = Phone(market, PulseKey("BTCUSDT", 12))
        step(market, 50_000)
        phone.taken(PulseColumn)
        trade(market, 10_000, 700)
        step(market, 10_000)
        trade(market, 10_000, 300)
        step(market, 10_000)
        columns = [message.column for message in phone.taken(PulseColumn)]
        flow = {column["minute"]: column for column in columns}
        assert len(flow) == 2
        assert sum(column["buy_usd"] for column in flow.values()) == 1_000.0
        assert columns[-1]["cvd_usd"] == 1_000.0

    def test_a_joiner_and_a_follower_have_the_same_cvd(self) -> None:
        market = hand_market()
        self.settle(market)
        first = Phone(market, PulseKey("BTCUSDT", 12))
        for _ in range(14):
            trade(market, 10_000, 1_000)
            step(market, 10_000)
        second = Phone(market, PulseKey("BTCUSDT", 12))
        told = [message.column for message in first.taken(PulseColumn)]
        cvd = np.frombuffer(second.first.key["cvd_usd"], "<f4")
        assert cvd[-1] == told[-1]["cvd_usd"] == 14_000.0

    def test_while_no_book_is_live_nothing_is_known(self) -> None:
        market = hand_market()
        self.settle(market)
        phone = Phone(market, PulseKey("BTCUSDT", 12))
        market.books["binance"].state = BookState.STALE
        market.clock.now_ms += 900_000
        step(market, 20_000)
        message = phone.taken(PulseColumn)[-1]
        values = {name: value for name, value in message.column.items() if name not in ("t", "minute")}
        assert set(values.values()) == {None}

    def test_history_that_comes_later_is_a_new_picture(self) -> None:
        market = hand_market()
        self.settle(market)
        phone = Phone(market, PulseKey("BTCUSDT", 168))
        minute = market.clock.wall_ms() // 60_000
        market.session.pulse.remember("binance", oi_usd=[(minute - 600, 1e6)], closes=[(minute - 600, 990.0)])
        step(market, 10_000)
        (message,) = phone.taken(PulseKeyframe)
        assert np.nanmin(np.frombuffer(message.key["close"], "<f4")) == 990.0
