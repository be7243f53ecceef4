"""A session shows what its venues' books hold, and never shows an unproven book as live."""

from dataclasses import replace
from functools import partial

import pytest

from leadline.domain.events import BookState, Funding, Mark, OpenInterest, Side
from leadline.domain.ladder import LadderFlags
from leadline.domain.trades import Trades
from leadline.feed.session import ALL_VENUES, PULSE_EVERY_MS
from leadline.units import Step
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


def test_a_venue_in_finer_steps_begins_anew_whatever_the_others_epochs_are() -> None:
    market = hand_market("binance", "bybit")
    # The other venue stands where the one that changes stood before.
    market.books["bybit"].epoch = 1
    before, book = market.session.epoch, market.books["binance"]
    book.instrument, book.epoch = instrument("binance", tick="0.05"), 2
    market.session.accept(book.changed())
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


def test_a_view_is_known_as_far_as_each_of_its_live_venues() -> None:
    market = hand_market("binance", "bybit")
    okx = HandBook(instrument("okx", tick="0.5"), known=(1_990, 2_010))
    market.session.attach(okx.instrument, okx)
    market.books["binance"].known, market.books["bybit"].known = (9_900, 10_100), (9_947, 10_053)
    known = market.session.known
    assert known(ALL_VENUES, 1) == {"low": 9_950, "high": 10_050}
    assert known("bybit", 1) == {"low": 9_947, "high": 10_053}
    # A row that is known in part is not known.
    assert known("bybit", 10) == {"low": 9_950, "high": 10_050}
    okx.state = BookState.STALE
    assert known(ALL_VENUES, 1) == {"low": 9_947, "high": 10_053}
    assert known("okx", 1) is None
    # A book with an empty side sets no bounds to the others.
    market.books["bybit"].known = (0, 0)
    assert known(ALL_VENUES, 1) == {"low": 9_900, "high": 10_100}
    market.books["binance"].known = (0, 0)
    assert known(ALL_VENUES, 1) is None


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
    by_twos = market.session.ladder(ALL_VENUES, 20, 10, 0).prints
    assert [(p.tick, p.lots, p.bought) for p in by_twos] == [
        (10000, 2, False),
        (10003, 4, True),
        (10002, 9, True),
    ]
    by_tens = market.session.ladder(ALL_VENUES, 100, 10, 0).prints
    assert [(p.tick, p.lots, p.bought) for p in by_tens] == [(10000, 2, False), (10002, 13, True)]
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


def test_a_day_told_by_the_minute_reaches_back_a_day() -> None:
    market = hand_market()
    since_ms = market.clock.wall_ms() - 86_400_000
    market.session.remember_day([(since_ms + 60_000 * minute, 900.0 + minute) for minute in range(1440)])
    assert market.session.day_change_pct() == pytest.approx((1000.1 / 900 - 1) * 100)
    assert market.session.day_range() == pytest.approx(1435 / (900 + 1435))


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


def test_a_book_that_goes_on_on_new_connections_changes_nothing_but_the_book() -> None:
    market = hand_market("binance", "bybit")
    session, old = market.session, market.books["binance"]
    session.accept(Mark("binance", "BTCUSDT", 1, 1000.5))
    session.accept(Funding("binance", "BTCUSDT", 1, 0.0001, 5))
    session.accept(OpenInterest("binance", "BTCUSDT", 1, 7.0))
    session.accept(old.changed())
    epoch, tape = session.epoch, session.tape
    new = HandBook(old.instrument, epoch=old.epoch)
    new.book.replace([9000], [5], [9001], [5])
    session.attach(new.instrument, new)
    view = session.venues["binance"]
    assert (session.epoch, session.tape is tape, list(session.venues)) == (epoch, True, ["binance", "bybit"])
    assert (view.mark, view.open_interest_coins, view.book) == (1000.5, 7.0, new)
    assert view.funding is not None
    assert view.continuity.verified_since_ms == market.clock.wall_ms()
    assert session.ladder("binance", 1, 5, 0).bid_tick == 9000


@pytest.mark.parametrize("change", ["epoch", "tick", "contract"])
def test_a_book_that_does_not_simply_go_on_starts_a_new_epoch(change: str) -> None:
    market = hand_market("binance")
    before = market.session.epoch
    made = instrument("binance", tick="0.5" if change == "tick" else "0.1")
    if change == "contract":
        made = instrument("binance", contract="0.1")
    new = HandBook(made, epoch=2 if change == "epoch" else 1)
    new.book.replace([9000], [5], [9001], [5])
    market.session.attach(made, new)
    assert market.session.epoch == before + 1


def test_a_closed_contract_is_no_part_of_the_picture_and_may_come_back() -> None:
    market = hand_market("binance", "bybit")
    session, old = market.session, market.books["bybit"]
    session.accept(Mark("bybit", "BTCUSDT", 1, 1000.5))
    session.accept(OpenInterest("bybit", "BTCUSDT", 1, 7.0))
    epoch = session.epoch
    session.close(old.instrument)
    assert session.epoch > epoch
    view = session.ladder(ALL_VENUES, 1, 10, 0)
    assert (view.flags, view.bid_lots.tolist()) == (LadderFlags.LIVE, [5, 6, 7])
    assert session.state(ALL_VENUES, 1)["oi_usd"] is None
    (told,) = [row for row in session.state(ALL_VENUES, 1)["venues"] if row["venue"] == "bybit"]  # type: ignore[attr-defined]
    assert (told["state"], told["trading"], told["since"]) == ("idle", False, None)
    # What the old connections still say of it is not heard.
    closed_epoch = session.epoch
    session.accept(old.changed())
    session.accept(old.trade(10000, 1))
    session.accept(Mark("bybit", "BTCUSDT", 1, 999.0))
    assert (session.epoch, session.tape.count, session.venues["bybit"].mark) == (closed_epoch, 0, None)
    session.attach(old.instrument, old)
    assert session.epoch > closed_epoch
    assert session.ladder(ALL_VENUES, 1, 10, 0).bid_lots.tolist() == [10, 12, 14]


def test_a_venue_that_is_not_live_makes_the_picture_partial_unless_it_is_closed() -> None:
    market = hand_market("binance", "bybit")
    market.books["bybit"].state = BookState.STALE
    assert market.session.ladder(ALL_VENUES, 1, 5, 0).flags == LadderFlags.LIVE | LadderFlags.PARTIAL
    market.session.close(market.books["bybit"].instrument)
    assert market.session.ladder(ALL_VENUES, 1, 5, 0).flags == LadderFlags.LIVE


def test_late_trades_count_and_say_nothing_of_the_price_of_now() -> None:
    market = hand_market()
    session, binance = market.session, market.books["binance"]
    market.clock.now_ms += 210_000
    now_ms = market.clock.wall_ms()
    session.observe()
    session.accept(binance.trade(10_002, 4))
    session.observe()
    last, shown = session.price(), session.tape.count
    rows = [(now_ms - 130_000, 9_000, 2, -1), (now_ms - 1_000, 9_001, 6, 1), (now_ms + 500, 9_002, 2, 1)]
    session.accept(Trades.of(binance.instrument, rows, late=True))
    session.observe()
    usd = [900.0 * 0.002, 900.1 * 0.006, 900.2 * 0.002]
    assert session.price() == last
    assert session.ladder(ALL_VENUES, 1, 10, shown).prints == []
    assert [print_.tick for print_ in session.tape.last(5, ALL_VENUES, session.tape.count)] == [10_002]
    assert session.tape.sums_of("binance") == pytest.approx((1000.2 * 0.004 + usd[1] + usd[2], usd[0]))
    late = session.tape.fills_since(shown, ALL_VENUES)
    assert [(fill.heard_ms, fill.late) for fill in late] == [
        (now_ms - 130_000, True),
        (now_ms - 1_000, True),
        (now_ms, True),
    ]
    market.clock.now_ms += PULSE_EVERY_MS
    session.observe()
    columns = session.pulse.columns(1, 4, ("binance",))
    assert columns.field("sell_usd").tolist()[1] == pytest.approx(usd[0])
    assert columns.field("buy_usd").tolist()[-1] == pytest.approx(1000.2 * 0.004 + usd[1] + usd[2])


def test_a_mark_of_another_unit_begins_the_venue_anew() -> None:
    market = hand_market("binance", "bybit")
    session, binance, bybit = market.session, market.books["binance"], market.books["bybit"]
    told: list[str] = []
    session.unit_changed = {venue: partial(told.append, venue) for venue in ("binance", "bybit")}
    session.remember_day([(market.clock.wall_ms() - 86_000_000, 990.0)])
    for event in (
        *(Mark(venue, "BTCUSDT", 0, 1000.0) for venue in ("binance", "bybit")),
        OpenInterest("binance", "BTCUSDT", 0, 10.0),
        *(book.trade(10_002, 1) for book in (binance, bybit)),
    ):
        session.accept(event)
    session.observe()
    tape, epoch = session.tape, session.epoch
    # A print from far away says nothing of the price as long as the mark denies it.
    session.accept(binance.trade(10_000_000, 1))
    assert (session.price(), session.unit) == (1000.2, 0)
    session.accept(Mark("binance", "BTCUSDT", 0, 4_000.0))
    assert (session.unit, told) == (0, []), "so far a market may move"
    session.accept(Mark("binance", "BTCUSDT", 0, 1_000_000.0))
    session.accept(Mark("binance", "BTCUSDT", 0, 1_000_100.0))
    view = session.venues["binance"]
    assert (session.unit, told, session.epoch) == (1, ["binance"], epoch + 1)
    assert (view.last_price, view.open_interest_coins, list(session.day_prices)) == (None, None, [])
    assert session.tape is not tape
    # What counts in other units cannot be added up: the joint view is that of the first venue, and says so.
    assert [one.instrument.venue for one in session.views(ALL_VENUES)] == ["binance"]
    flags = session.ladder(ALL_VENUES, 1, 5, 0).flags
    assert flags == LadderFlags.LIVE | LadderFlags.PARTIAL
    assert session.ladder("bybit", 1, 5, 0).flags == LadderFlags.LIVE
    # The other follows.
    session.accept(Mark("bybit", "BTCUSDT", 0, 1_000_200.0))
    assert (session.unit, told) == (1, ["binance", "bybit"])
    assert len(session.views(ALL_VENUES)) == 2


def test_other_steps_alone_are_no_other_unit() -> None:
    one = instrument("binance")
    assert one.in_other_unit(replace(one, tick=Step.of("100"), lot=Step.of("0.000001")))
    assert one.in_other_unit(replace(one, tick=Step.of("0.0001"), lot=Step.of("1")))
    for other in (
        one,
        replace(one, tick=Step.of("0.01")),
        replace(one, lot=Step.of("0.01")),
        replace(one, tick=Step.of("0.01"), lot=Step.of("0.0001")),
    ):
        assert not one.in_other_unit(other)
