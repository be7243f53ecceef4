"""The rules by which one protocol object takes over from another."""

from __future__ import annotations

import orjson

from leadline.domain.events import BookChanged, BookState, Funding, Mark
from leadline.venues.base import Fetch, VenueProtocol
from leadline.venues.binance import BinanceProtocol
from leadline.venues.bybit import BybitProtocol
from leadline.venues.handover import MARKS_WAIT_MS, Handover
from tests.server.venues.stream import bybit_book, instrument

MADE = instrument("bybit")
OTHER = instrument("bybit", symbol="ETHUSDT", native="ETHUSDT")


def protocol(*live: str) -> BybitProtocol:
    made = BybitProtocol([MADE, OTHER])
    made.opened("linear", 0)
    for native in live:
        contract = MADE if native == MADE.native else OTHER
        made.receive("linear", bybit_book(contract, "snapshot", 5, {9: 1}, {12: 1}), 0)
    return made


def ready(old: VenueProtocol, new: VenueProtocol) -> bool:
    """Tell whether the books alone are ready: marks have been waited for in vain."""
    handover = Handover(old, new)
    handover.ready(0)
    return handover.ready(MARKS_WAIT_MS)


def test_every_live_book_must_be_live_on_both_sides() -> None:
    old = protocol("BTCUSDT", "ETHUSDT")
    assert not ready(old, protocol())
    assert not ready(old, protocol("BTCUSDT"))
    assert ready(old, protocol("BTCUSDT", "ETHUSDT"))


def test_a_book_that_is_lost_anyway_is_not_waited_for() -> None:
    assert ready(protocol("BTCUSDT"), protocol("BTCUSDT"))


def test_with_nothing_live_on_the_new_side_the_old_picture_stays() -> None:
    assert not ready(protocol(), protocol())


def test_the_streams_beside_the_books_are_waited_for_but_not_for_ever() -> None:
    handover = Handover(protocol("BTCUSDT", "ETHUSDT"), protocol("BTCUSDT", "ETHUSDT"))
    assert not handover.ready(1_000)
    handover.hear([Mark("bybit", "BTCUSDT", 1, 10.0)])
    assert not handover.ready(1_000 + MARKS_WAIT_MS - 1)
    assert handover.ready(1_000 + MARKS_WAIT_MS)
    handover.hear([Mark("bybit", "ETHUSDT", 1, 10.0)])
    assert Handover(protocol(), BybitProtocol([])).ready(0)
    assert handover.ready(2_000)


def test_a_contract_that_is_gone_is_not_waited_for() -> None:
    new = BybitProtocol([MADE])
    new.opened("linear", 0)
    new.receive("linear", bybit_book(MADE, "snapshot", 5, {9: 1}, {12: 1}), 0)
    assert ready(protocol("BTCUSDT", "ETHUSDT"), new)
    assert ready(protocol("BTCUSDT"), BinanceProtocol([]))


def test_an_equally_proven_book_keeps_its_epoch_and_its_counters() -> None:
    old = protocol("BTCUSDT")
    for _ in range(3):
        old.closed("linear", 10)
        old.opened("linear", 20)
        old.receive("linear", bybit_book(MADE, "snapshot", 5, {9: 1}, {12: 1}), 30)
    old.receive("linear", bybit_book(MADE, "delta", 9, {9: 2}, {}), 40)
    old.receive("linear", bybit_book(MADE, "snapshot", 12, {9: 1}, {12: 1}), 50)
    book = old.books["BTCUSDT"]
    assert (book.epoch, book.stats.gaps) == (5, 1)
    new = protocol("BTCUSDT", "ETHUSDT")
    snapshots = book.stats.snapshots + new.books["BTCUSDT"].stats.snapshots
    told = {made.symbol: made for made in Handover(old, new).complete() if isinstance(made, BookChanged)}
    assert new.books["BTCUSDT"].epoch == told["BTCUSDT"].epoch == 5
    assert new.books["BTCUSDT"].stats.gaps == 1
    assert new.books["BTCUSDT"].stats.snapshots == snapshots
    # The other was never live before, so this is its first epoch.
    assert (told["ETHUSDT"].epoch, told["ETHUSDT"].state) == (1, BookState.LIVE)


def test_a_book_that_was_lost_on_the_old_side_starts_a_new_epoch() -> None:
    old = protocol("BTCUSDT")
    old.closed("linear", 10)
    new = protocol("BTCUSDT")
    Handover(old, new).complete()
    assert new.books["BTCUSDT"].epoch == 2


def test_facts_that_are_told_once_are_told_again_to_whoever_takes_over() -> None:
    handover = Handover(protocol(), protocol("BTCUSDT"))
    funding = Funding("bybit", "BTCUSDT", 1, 0.0001, 0)
    handover.hear([Mark("bybit", "BTCUSDT", 1, 10.0), funding])
    handover.hear([Mark("bybit", "BTCUSDT", 2, 11.0)])
    facts = [made for made in handover.complete() if not isinstance(made, BookChanged)]
    assert facts == [Mark("bybit", "BTCUSDT", 2, 11.0), funding]


def test_no_numbered_trade_is_missed_or_told_twice() -> None:
    made = instrument("binance")
    old, new = BinanceProtocol([made]), BinanceProtocol([made])

    def told(protocol: BinanceProtocol, *numbers: int) -> int:
        row = {"e": "aggTrade", "s": made.native, "p": "1.1", "q": "1", "T": 7, "m": True}
        return sum(len(list(protocol.receive("market", orjson.dumps(row | {"a": n}), 0))) for n in numbers)

    assert told(old, 1, 2, 3) == 3
    assert told(new, 2, 3, 4, 5) == 4  # to nobody
    Handover(old, new).complete()
    assert told(new, 5, 6) == 1
    new.opened("public", 0)
    (fetch,) = [one for one in new.tick(10) if isinstance(one, Fetch) and "aggTrades" in one.path]
    assert fetch.path.endswith("fromId=4&limit=2")
