"""A session shows what its venues' books hold, and never shows an unproven book as live."""

import pytest

from leadline.domain.events import BookState, Funding, Mark, OpenInterest, Side
from leadline.domain.ladder import LadderFlags
from leadline.feed.session import ALL_VENUES
from tests.fakes.market import HandBook, hand_market, instrument


def test_venues_with_other_steps_share_common_ones() -> None:
    market = hand_market("binance")
    okx = HandBook(instrument("okx", tick="0.5", lot="0.01", contract="0.01"))
    okx.book.replace([1999], [30], [2001], [40])
    market.session.attach(okx.instrument, okx)
    assert str(market.session.tick) == "0.1"
    assert str(market.session.lot) == "0.0001"
    view = market.session.ladder(ALL_VENUES, 1, 10, 0)
    assert view.bid_rows.tolist() == [10000, 9999, 9995, 9990]
    assert view.bid_lots.tolist() == [50, 60, 30, 70]


def test_the_epoch_rises_when_a_book_was_anchored_anew() -> None:
    market = hand_market()
    before = market.session.epoch
    market.books["binance"].epoch = 2
    market.session.accept(market.books["binance"].changed())
    assert market.session.epoch == before + 1
    market.session.accept(market.books["binance"].changed())
    assert market.session.epoch == before + 1


def test_only_live_books_are_summed_and_the_rest_is_flagged_partial() -> None:
    market = hand_market("binance", "bybit")
    assert market.session.ladder(ALL_VENUES, 1, 10, 0).bid_lots.tolist()[0] == 10
    market.books["bybit"].state = BookState.STALE
    view = market.session.ladder(ALL_VENUES, 1, 10, 0)
    assert view.bid_lots.tolist()[0] == 5
    assert view.flags == LadderFlags.LIVE | LadderFlags.PARTIAL


def test_with_no_live_book_the_old_picture_is_shown_stale_and_its_age_grows() -> None:
    market = hand_market()
    market.books["binance"].state = BookState.STALE
    market.clock.now_ms += 7_000
    view = market.session.ladder(ALL_VENUES, 1, 10, 0)
    assert view.flags == LadderFlags.STALE
    assert view.age_ms == 7_000
    assert view.bid_tick == 10000


def test_no_picture_is_younger_than_now() -> None:
    market = hand_market()
    market.books["binance"].received_ms = market.clock.now_ms + 2
    assert market.session.ladder(ALL_VENUES, 1, 10, 0).age_ms == 0


def test_a_book_that_never_synced_shows_nothing() -> None:
    market = hand_market()
    market.books["binance"].state = BookState.SYNCING
    view = market.session.ladder(ALL_VENUES, 1, 10, 0)
    assert (view.flags, view.bid_tick, len(view.bid_rows)) == (0, 0, 0)


def test_simulated_is_in_every_ladder() -> None:
    assert hand_market(simulated=True).session.ladder(ALL_VENUES, 1, 10, 0).flags & LadderFlags.SIMULATED


def test_trades_become_one_print_a_price_and_side_the_last_one_last() -> None:
    market = hand_market("binance", "bybit")
    binance, bybit = market.books["binance"], market.books["bybit"]
    for event in (
        binance.trade(10002, 1),
        binance.trade(10000, 2, Side.SELL),
        bybit.trade(10003, 4),
        binance.trade(10002, 8),
    ):
        market.session.accept(event)
    prints = market.session.ladder(ALL_VENUES, 1, 10, 0).prints
    assert [(p.tick, p.lots, p.bought) for p in prints] == [
        (10000, 2, False),
        (10003, 4, True),
        (10002, 9, True),
    ]
    assert [p.tick for p in market.session.ladder("bybit", 1, 10, 0).prints] == [10003]
    assert market.session.ladder(ALL_VENUES, 1, 10, market.session.tape.count).prints == []


def test_the_last_trades_of_a_keyframe_end_where_its_frame_ends() -> None:
    market = hand_market()
    binance = market.books["binance"]
    for lots in (1, 2, 3, 4):
        market.session.accept(binance.trade(10002, lots))
    assert [p.lots for p in market.session.tape.last(2, ALL_VENUES, count=3)] == [2, 3]


def test_the_state_holds_the_slow_facts_of_the_view() -> None:
    market = hand_market("binance", "bybit")
    for event in (
        Mark("binance", "BTCUSDT", 0, 1000.5),
        Mark("bybit", "BTCUSDT", 0, 1001.5),
        OpenInterest("binance", "BTCUSDT", 0, 10.0),
        OpenInterest("bybit", "BTCUSDT", 0, 2.0),
        Funding("binance", "BTCUSDT", 0, 0.0001, 1_790_006_400_000),
    ):
        market.session.accept(event)
    market.clock.now_ms += 500
    state = market.session.state(ALL_VENUES, 10)
    assert (state["mark"], state["funding"], state["funding_at"]) == (1000.5, 0.0001, 1_790_006_400_000)
    assert state["oi_usd"] == round(10 * 1000.5 + 2 * 1001.5)
    assert (state["bands"], state["clusters"]) == (None, [])
    venues = state["venues"]
    assert isinstance(venues, list)
    assert [(v["venue"], v["state"], v["age_ms"]) for v in venues] == [
        ("binance", "live", 500),
        ("bybit", "live", 500),
    ]
    assert market.session.state("bybit", 10)["mark"] == 1001.5


def test_the_day_change_needs_a_price_a_day_old() -> None:
    market = hand_market()
    assert market.session.day_change_pct() is None
    now_ms = market.clock.wall_ms()
    market.session.remember_day([(now_ms - 86_400_000 + 60_000, 900.0), (now_ms - 1000, 990.0)])
    assert market.session.day_change_pct() == pytest.approx((1000.1 / 900 - 1) * 100)
    market.session.remember_day([(now_ms - 3_600_000, 900.0)])
    assert market.session.day_change_pct() is None


def test_a_symbol_is_described_once_a_price_is_known_and_its_groups_stay() -> None:
    market = hand_market()
    described = market.session.describe()
    assert described is not None
    assert (described["base"], described["unit"]) == ("BTC", "coin")
    groups = described["groups"]
    market.books["binance"].book.replace([13000], [1], [13010], [1])
    assert (market.session.describe() or {})["groups"] == groups
    market.books["binance"].book.replace([100000], [1], [100010], [1])
    assert (market.session.describe() or {})["groups"] != groups


def test_a_symbol_without_a_price_is_not_described() -> None:
    market = hand_market()
    market.books["binance"].book.clear()
    assert market.session.describe() is None


def test_a_book_whose_steps_changed_is_read_in_the_new_ones() -> None:
    market = hand_market()
    book = market.books["binance"]
    before = market.session.epoch
    book.instrument = instrument("binance", tick="0.05")
    book.book.replace([20000], [1], [20001], [1])
    market.session.accept(book.changed())
    assert str(market.session.tick) == "0.05"
    assert market.session.epoch > before
    assert market.session.ladder(ALL_VENUES, 1, 10, 0).bid_tick == 20000
