"""What a new list of contracts changes."""

from __future__ import annotations

from leadline.domain.instrument import Instrument
from leadline.feed.contracts import Contracts
from leadline.units import Step
from tests.fakes.market import instrument


def listed(*symbols: str, trading: bool = True, tick: str = "0.1") -> dict[str, Instrument]:
    found = {}
    for symbol in symbols:
        made = instrument("okx", symbol, tick=tick)
        found[symbol] = Instrument(
            made.venue, symbol, symbol, made.tick, made.lot, made.contract_size, trading=trading
        )
    return found


def test_the_same_list_changes_nothing() -> None:
    contracts = Contracts(listed("A", "B"))
    assert not contracts.take(listed("B", "A"))
    assert [made.symbol for made in contracts.trading()] == ["A", "B"]


def test_only_contracts_that_trade_are_followed() -> None:
    contracts = Contracts(listed("A") | listed("B", trading=False))
    assert [made.symbol for made in contracts.trading()] == ["A"]
    assert [made.symbol for made in contracts.closed()] == ["B"]
    assert contracts.take(listed("A", "B")).opened == ["B"]
    assert contracts.take(listed("A", trading=False) | listed("B")).closed == ["A"]
    assert [made.symbol for made in contracts.trading()] == ["B"]


def test_a_contract_listed_later_joins_and_may_still_be_closed() -> None:
    contracts = Contracts(listed("A"))
    assert not contracts.take(listed("A") | listed("N", trading=False))
    assert contracts.take(listed("A", "N")).opened == ["N"]


def test_a_contract_must_be_missing_twice_before_it_is_closed() -> None:
    contracts = Contracts(listed("A", "B"))
    assert not contracts.take({})
    assert not contracts.take(listed("A", "B"))
    assert not contracts.take(listed("B"))
    changes = contracts.take(listed("B"))
    assert (changes.closed, changes.opened, changes.rebuilt) == (["A"], [], [])
    assert not contracts.get("A").trading
    assert not contracts.take(listed("B")), "it is closed once"
    assert contracts.take(listed("A", "B")).opened == ["A"]


def test_new_steps_rebuild_a_contract_that_trades() -> None:
    contracts = Contracts(listed("A") | listed("B", trading=False))
    changes = contracts.take(listed("A", tick="0.5") | listed("B", trading=False, tick="0.5"))
    assert (changes.rebuilt, changes.opened, changes.closed) == (["A"], [], [])
    assert contracts.get("A").tick == Step.of("0.5")
