"""Streams: one encoding for all watchers, keyframes where they are due, nothing without a watcher."""

from __future__ import annotations

import pytest

from leadline.domain.events import BookState, Mark, OpenInterest
from leadline.domain.ladder import Print
from leadline.feed.streams.base import Refusal
from leadline.feed.streams.ladder import LadderStream
from leadline.wire.patch import patched
from leadline.wire.prepared import PreparedFrame
from leadline.wire.reader import Delta, Hello, Keyframe, LadderReader, State, StateChanges, decode
from leadline.wire.requests import GlanceKey, LadderKey
from tests.fakes.market import HandBook, HandMarket, hand_market, instrument

KEY = LadderKey("BTCUSDT", "all", 1, 20, 10)


class Phone:
    """A watcher that reads every frame as a phone would."""

    straight = None

    def __init__(self, market: HandMarket, key: LadderKey = KEY) -> None:
        self.frames: list[bytes] = []
        self.keyframes = 0
        self.states: list[dict[str, object]] = []
        self.prints: list[Print] = []
        stream = market.hub.subscribe(key, self)
        assert isinstance(stream, LadderStream)
        self.stream = stream
        self.reader = LadderReader(key.group, key.depth)
        self._read(self.stream.keyframe())
        self.offer_state(0, PreparedFrame(self.stream.beside()))

    def _read(self, frame: bytes) -> None:
        message = decode(frame)
        assert isinstance(message, Keyframe | Delta)
        view = self.reader.apply(message)
        self.prints = view.prints if isinstance(message, Keyframe) else self.prints + view.prints

    def bids(self) -> list[tuple[int, int]]:
        assert self.reader.view is not None
        view = self.reader.view
        return list(zip(view.bid_rows.tolist(), view.bid_lots.tolist(), strict=True))

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        self.frames.append(frame.payload)
        self.keyframes += is_keyframe
        self._read(frame.payload)

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        message = decode(frame.payload)
        assert isinstance(message, State | StateChanges)
        held = self.states[-1] if self.states else {}
        self.states.append(message.facts if isinstance(message, State) else patched(held, message.changes))

    def offer_notice(self, frame: PreparedFrame) -> None:
        self.frames.append(frame.payload)


def step(market: HandMarket, milliseconds: int = 100) -> None:
    market.clock.now_ms += milliseconds
    for book in market.books.values():
        book.received_ms = market.clock.now_ms
    market.hub.emit_due(market.clock.now_ms)


def test_a_symbol_is_watched_while_somebody_has_a_stream_of_it_but_not_by_a_watchlist() -> None:
    market = hand_market()
    phone = Phone(market)
    assert market.hub.watched_symbols() == {"BTCUSDT"}
    market.hub.unsubscribe(phone.stream.number, phone)
    market.hub.subscribe(GlanceKey(("BTCUSDT",)), phone)
    assert market.hub.watched_symbols() == set()


def test_a_change_is_encoded_once_for_all_watchers() -> None:
    market = hand_market()
    one, two = Phone(market), Phone(market)
    market.books["binance"].book.apply([10001], [3], [], [])
    step(market)
    assert one.stream is two.stream
    assert len(one.frames) == 1
    assert one.frames[0] is two.frames[0]
    assert one.bids()[0] == (10001, 3)


def test_a_quiet_ladder_still_sends_a_frame_a_second() -> None:
    market = hand_market()
    phone = Phone(market)
    for _ in range(30):
        step(market)
    assert 2 <= len(phone.frames) <= 4


@pytest.mark.parametrize("step_ms", [50, 51, 57, 70])
def test_a_ladder_keeps_its_rate_however_the_steps_fall(step_ms: int) -> None:
    market = hand_market()
    phone = Phone(market)
    steps = 10_000 // step_ms
    for number in range(steps):
        market.books["binance"].book.apply([10001], [1 + number], [], [])
        step(market, step_ms)
    assert abs(len(phone.frames) - steps * step_ms * KEY.hz / 1000) <= 2


def test_streams_that_were_held_up_do_not_make_up_for_it_in_a_rush() -> None:
    market = hand_market()
    phone = Phone(market)
    step(market, 100)
    before = len(phone.frames)
    for number in range(4):
        market.books["binance"].book.apply([10001], [1 + number], [], [])
        step(market, 5_000 if number == 0 else 1)
    assert len(phone.frames) - before <= 2


def test_a_new_epoch_is_a_keyframe() -> None:
    market = hand_market()
    phone = Phone(market)
    market.books["binance"].epoch += 1
    market.session.accept(market.books["binance"].changed())
    step(market)
    assert phone.keyframes == 1


def test_a_late_joiner_gets_the_frame_the_others_have() -> None:
    market = hand_market()
    first = Phone(market)
    market.session.accept(market.books["binance"].trade(10002, 7))
    step(market)
    market.session.accept(market.books["binance"].trade(10003, 9))
    second = Phone(market)
    assert [p.lots for p in second.prints] == [7]
    step(market)
    assert [p.lots for p in second.prints] == [7, 9]
    assert first.bids() == second.bids()


def test_a_stream_ends_with_its_last_watcher() -> None:
    market = hand_market()
    one, two = Phone(market), Phone(market)
    market.hub.unsubscribe(one.stream.number, one)
    assert one.stream.number in market.hub.streams
    market.hub.leave(two)
    assert market.hub.streams == {}


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (LadderKey("NOPE", "all", 1, 20, 10), "unknown_symbol"),
        (LadderKey("BTCUSDT", "okx", 1, 20, 10), "unknown_venue"),
    ],
)
def test_what_cannot_be_watched_is_refused(key: LadderKey, code: str) -> None:
    market = hand_market()
    with pytest.raises(Refusal) as refusal:
        Phone(market, key)
    assert refusal.value.code == code
    assert market.hub.streams == {}


def test_slow_facts_are_sent_when_they_change_and_not_for_their_age_alone() -> None:
    market = hand_market()
    phone = Phone(market)
    for _ in range(40):
        step(market)
    told = len(phone.states)
    assert told <= 2
    market.books["binance"].stats.gaps += 1
    for _ in range(15):
        step(market)
    assert len(phone.states) == told + 1
    venues = phone.states[-1]["venues"]
    assert isinstance(venues, list)
    assert venues[0]["gaps"] == 1
    assert venues[0]["state"] == "live"


def test_what_a_phone_holds_of_slow_facts_is_what_a_joiner_gets_and_never_far_from_the_truth() -> None:
    market = hand_market("binance", "bybit")
    phone = Phone(market)
    for turn in range(300):
        price = 1000.0 + turn * 0.01
        market.session.accept(Mark("binance", "BTCUSDT", 0, price))
        market.session.accept(OpenInterest("binance", "BTCUSDT", 0, 5_000.0 + turn))
        if turn == 150:
            market.books["bybit"].state = BookState.STALE
        step(market)
        mark = phone.states[-1]["mark"]
        assert turn < 15 or (isinstance(mark, float) and abs(mark / price - 1) < 0.0004)
    joiner = decode(phone.stream.beside())
    assert isinstance(joiner, State)
    assert phone.states[-1] == joiner.facts
    assert len(phone.states) < 40
    venues = phone.states[-1]["venues"]
    assert isinstance(venues, list)
    assert [venue["state"] for venue in venues] == ["live", "stale"]


def test_when_steps_change_hello_comes_before_any_frame_in_the_new_ones() -> None:
    market = hand_market()
    phone = Phone(market)
    market.hub.watchers.add(phone)
    step(market)
    phone.frames.clear()
    okx = HandBook(instrument("okx", lot="0.01", contract="0.01"))
    okx.book.replace([9998], [1], [10005], [1])
    market.session.attach(okx.instrument, okx)
    market.books["okx"] = okx
    market.session.accept(okx.trade(10005, 3))
    step(market)
    hello, keyframe = (decode(frame) for frame in phone.frames[:2])
    assert isinstance(hello, Hello)
    symbols = hello.facts["symbols"]
    assert isinstance(symbols, list)
    assert symbols[0]["lot"] == [1, 4]
    assert isinstance(keyframe, Keyframe)
    assert phone.bids()[0] == (10000, 50)
    assert [p.lots for p in phone.prints] == [3]


def test_one_failing_stream_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    market = hand_market()
    broken, healthy = Phone(market), Phone(market, LadderKey("BTCUSDT", "all", 5, 20, 10))
    broken.offer = None  # type: ignore[assignment]
    market.books["binance"].book.apply([10001], [3], [], [])
    step(market)
    assert len(healthy.frames) == 1
    assert "the other streams go on" in caplog.text
