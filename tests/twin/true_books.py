"""A book kept by an adapter against the twin's own, in this process: exact, and quick enough to do often."""

from __future__ import annotations

import numpy as np

from leadline.twin.hub import VenueServer
from leadline.twin.market import Market, View
from leadline.twin.okx import book_name
from leadline.twin.texts import Texts
from leadline.twin.views import ViewFeed
from leadline.venues.base import VenueBook
from leadline.venues.bybit import DEPTH

Ints = np.ndarray


def true_view(server: VenueServer, market: Market, update_id: int) -> tuple[View, Texts]:
    """Return the book that a reader at ``update_id`` must hold; raises LookupError when it is not kept."""
    if server.venue == "binance":
        most, step = market.book.shape[1], market.step_of(update_id)
        texts = market.texts_at(step)
    else:
        name = book_name(market) if server.venue == "okx" else f"orderbook.{DEPTH}.{market.contract.native}"
        feed = server.feed(name)
        assert isinstance(feed, ViewFeed)
        most = feed.most
        step, texts = feed.published(update_id)
    return market.view_at(step, most), texts


def difference(server: VenueServer, held: VenueBook) -> str:
    """Return in words how ``held`` differs from the truth at its update id, "" when it does not.

    A REST snapshot reaches 1000 levels far: beyond the range it covered only what changed since is
    known, so there each level held must be a true one.
    """
    made = held.instrument
    market = server.markets[made.native]
    try:
        view, texts = true_view(server, market, held.update_id)
    except LookupError as error:
        return f"{made.venue} {made.symbol}: {error}"
    factor = texts.tick.fraction / made.tick.fraction * (2 if texts.finer else 1)
    if factor.denominator != 1 or (texts.finer and factor % 2):
        return f"{made.venue} {made.symbol}: live in ticks of {made.tick} where prices move by {texts.tick}"
    lot_factor = texts.size_step.fraction / made.lot.fraction
    if lot_factor.denominator != 1:
        return f"{made.venue} {made.symbol}: live in lots of {made.lot} where sizes move by {texts.size_step}"
    if abs(float(made.contract_size) / texts.contract_coins - 1) > 1e-9:
        return (
            f"{made.venue} {made.symbol}: live in units of {made.contract_size}, not {texts.contract_coins}"
        )
    shift = int(factor) // 2 if texts.finer else 0
    low, high = held.known if made.venue == "binance" else (0, 2**62)
    for name, (ticks, lots), (true_ticks, true_lots) in (
        ("bids", held.book.bids(), (view.bid_ticks, view.bid_lots)),
        ("asks", held.book.asks(), (view.ask_ticks, view.ask_lots)),
    ):
        wrong = _side(ticks, lots, true_ticks * int(factor) + shift, true_lots * int(lot_factor), low, high)
        if wrong:
            return f"{made.venue} {made.symbol} {name} at {held.update_id}, epoch {held.epoch}: {wrong}"
    return ""


def _side(ticks: Ints, lots: Ints, true_ticks: Ints, true_lots: Ints, low: int, high: int) -> str:
    inside, true_inside = (ticks >= low) & (ticks <= high), (true_ticks >= low) & (true_ticks <= high)
    same = np.array_equal(ticks[inside], true_ticks[true_inside])
    if same and np.array_equal(lots[inside], true_lots[true_inside]):
        beyond = dict(zip(ticks[~inside].tolist(), lots[~inside].tolist(), strict=True))
        true = dict(zip(true_ticks[~true_inside].tolist(), true_lots[~true_inside].tolist(), strict=True))
        return "" if beyond.items() <= true.items() else f"beyond the snapshot: {_unlike(beyond, true)}"
    mine = dict(zip(ticks[inside].tolist(), lots[inside].tolist(), strict=True))
    return _unlike(
        mine, dict(zip(true_ticks[true_inside].tolist(), true_lots[true_inside].tolist(), strict=True))
    )


def _unlike(mine: dict[int, int], true: dict[int, int]) -> str:
    ticks = sorted(t for t in mine.keys() | true.keys() if mine.get(t) != true.get(t))
    shown = [f"{t}: held {mine.get(t)}, true {true.get(t)}" for t in ticks[:5]]
    return f"{len(ticks)} levels differ ({'; '.join(shown)})"
