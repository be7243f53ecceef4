"""Single real messages of many years and kinds: those of today's streams become the right events."""

import gzip
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from leadline.domain.events import (
    BestQuote,
    Completeness,
    Event,
    Funding,
    Liquidation,
    Mark,
    OpenInterest,
    PriceKind,
    Side,
)
from leadline.domain.instrument import Instrument
from leadline.domain.trades import AT_MS, TAKER, Trades
from leadline.units import Step
from leadline.venues.base import VenueProtocol
from tests.fakes.captures import capture
from tests.server.venues.stream import PROTOCOLS

SAMPLES = "multi/tardis_mapper_samples_a.jsonl.gz"


def samples(*kinds: str) -> Iterator[Any]:
    with gzip.open(capture(SAMPLES)) as lines:
        rows = (orjson.loads(line) for line in lines)
        yield from (row["raw"] for row in rows if row["test"] in kinds)


def play(venue: str, natives: dict[str, str], *kinds: str) -> tuple[VenueProtocol, list[Event]]:
    """Feed all samples of some kinds to an adapter that knows ``natives`` (native -> size unit)."""
    fine = Step(1, 10)
    made = [
        Instrument(venue, native.replace("-SWAP", ""), native, fine, fine, Step.of(unit))
        for native, unit in natives.items()
    ]
    protocol: VenueProtocol = PROTOCOLS[venue](made)
    route = next(iter(protocol.routes()))
    events: list[Event] = []
    for raw in samples(*kinds):
        events += [made for made in protocol.receive(route, orjson.dumps(raw), 0) if isinstance(made, Event)]
    return protocol, events


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if type(event) is kind]


def test_binance_samples() -> None:
    _, events = play("binance", {"BTCUSDT": "1", "ETHUSDT": "1"}, "binance futures")
    (forced,) = of(Liquidation, events)
    assert forced == Liquidation(
        "binance",
        "BTCUSDT",
        1584059031421,
        Side.SELL,
        0.014,
        4706.04,
        PriceKind.FILL,
        Completeness.THROTTLED,
    )
    assert [row for made in of(Trades, events) for row in made.columns[TAKER]] == [
        Side.BUY,
        Side.BUY,
        Side.SELL,
    ]
    assert 8291.34697815 in [mark.price for mark in of(Mark, events)]
    assert 0.0001 in [funding.rate for funding in of(Funding, events)]
    (best,) = of(BestQuote, events)
    assert (best.update_id, best.bid_lots) == (185130926750, 1_700_000_000)


@pytest.mark.parametrize("native", ["BTCUSD_200925", "BNBUSD_PERP"])
def test_coin_margined_samples_are_read_by_the_same_rules(native: str) -> None:
    protocol, events = play("binance", {native: "10"}, "binance delivery")
    assert events
    assert protocol.books[native].stats.protocol_errors == 0


def test_bybit_samples() -> None:
    natives = dict.fromkeys(["BTCUSDT", "LTCUSDT", "PIPPINUSDT", "BTCPERP"], "1")
    _, events = play("bybit", natives, "bybit")
    liquidations = of(Liquidation, events)
    assert liquidations
    assert liquidations[0] == Liquidation(
        "bybit",
        "PIPPINUSDT",
        1740480207110,
        Side.SELL,
        2846.0,
        0.02456,
        PriceKind.BANKRUPTCY,
        Completeness.FULL,
    )
    trades = of(Trades, events)
    assert ("LTCUSDT", Side.BUY) in [(made.symbol, taker) for made in trades for taker in made.columns[TAKER]]
    assert 28552.81 in [mark.price for mark in of(Mark, events)]
    assert of(OpenInterest, events)


def test_okx_samples() -> None:
    natives = {"WNCG-USDT-SWAP": "1", "REN-USDT-SWAP": "10", "BTC-USDT-SWAP": "0.01", "XRP-USD-230929": "10"}
    _, events = play("okx", natives, "okex-swap", "okex-futures")
    assert [mark.price for mark in of(Mark, events)] == [2.1729]
    assert [interest.coins for interest in of(OpenInterest, events)] == [644195.0]
    assert [funding.rate for funding in of(Funding, events)] == [0.00048105]
    assert [made.columns[[TAKER, AT_MS]].T.tolist() for made in of(Trades, events)] == [
        [[Side.BUY, 1640131236050]]
    ]
    forced, *_ = of(Liquidation, events)
    assert (forced.side, forced.coins, forced.price) == (Side.SELL, 390.0, 0.55205)


def test_recorded_bybit_ticker_counts_one_side_of_the_interest() -> None:
    name = "bybit/v5_btcusdt_solusdt_20260809_session.jsonl.gz"
    with gzip.open(capture(name)) as lines:
        rows = [orjson.loads(line) for line in lines]
    made = Instrument("bybit", "BTCUSDT", "BTCUSDT", Step.of("0.1"), Step.of("0.001"), Step(1, 0))
    protocol = PROTOCOLS["bybit"]([made])
    events: list[Any] = []
    for row in rows:
        if row["ch"] == "ws-recv" and row["url"].endswith("/linear"):
            events += protocol.receive("linear", row["raw"], 0)
    interests = [event.coins for event in events if isinstance(event, OpenInterest)]
    assert interests[0] == 29945.866
    assert all(abs(coins / 29945.866 - 1) < 0.01 for coins in interests)
    assert of(Mark, events)
    assert of(Funding, events)
