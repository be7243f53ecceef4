"""Trades as they travel: the columns of a message, never an object a trade.

Whoever needs them at once walks their runs; whoever can wait gathers messages and joins them when it
looks, for numpy takes a hundred messages in the time of a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.domain.instrument import F8, Instrument, Ints

Bools = NDArray[np.bool_]

AT_MS, TICK, LOTS, TAKER = range(4)
FEW = 12  # trades of a message


class Run(NamedTuple):
    """Neighbouring trades of one message with the same taker side, which is +1 or -1.

    usd: of all together; levels: how many prices they went through.
    """

    taker: int
    usd: float
    first_price: float
    last_price: float
    levels: int


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """The trades of one message, oldest first, counted in the steps of ``instrument``.

    columns: [4, n] with n > 0: the venue's Unix ms, ticks, lots, +1 where the taker bought and -1
    where it sold.  late: newer ones were told before: they count, and say nothing of the price of now.
    """

    instrument: Instrument
    columns: Ints
    late: bool = False

    @classmethod
    def of(
        cls, instrument: Instrument, rows: Sequence[tuple[int, int, int, int]], late: bool = False
    ) -> Trades:
        """Make them from rows of (ms, tick, lots, taker), at least one."""
        return cls(instrument, np.array(rows, dtype=np.int64).T, late)

    @property
    def venue(self) -> str:
        return self.instrument.venue

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def last_price(self) -> float:
        return self.instrument.price(self.columns.item(TICK, -1))

    @property
    def price_range(self) -> tuple[float, float]:
        """The lowest and the highest price."""
        ticks = self.columns[TICK]
        return self.instrument.price(int(ticks.min())), self.instrument.price(int(ticks.max()))

    def __len__(self) -> int:
        count: int = self.columns.shape[1]
        return count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trades):
            return NotImplemented
        alike = (self.instrument, self.late) == (other.instrument, other.late)
        return alike and np.array_equal(self.columns, other.columns)

    def since(self, at_ms: int) -> Trades | None:
        """Return those made at ``at_ms`` or later, None when there are none."""
        kept = self.columns[:, self.columns[AT_MS] >= at_ms]
        return Trades(self.instrument, kept, self.late) if kept.shape[1] else None

    def runs(self) -> Iterator[Run]:
        """Yield the runs of the message in their order."""
        if len(self) <= FEW:
            # Most messages have one trade or some, and plain numbers take them in less time than arrays.
            yield from self._few_runs()
            return
        _, ticks, lots, takers = self.columns
        prices = self.instrument.price(ticks)
        usd = self.instrument.coins(lots, prices) * prices
        edges = [0, *(np.flatnonzero(takers[1:] != takers[:-1]) + 1).tolist(), len(self)]
        for first, end in pairwise(edges):
            levels = 1 + int(np.count_nonzero(ticks[first + 1 : end] != ticks[first : end - 1]))
            first_price, last_price = prices.item(first), prices.item(end - 1)
            yield Run(takers.item(first), float(usd[first:end].sum()), first_price, last_price, levels)

    def _few_runs(self) -> Iterator[Run]:
        price_of, coins_of = self.instrument.price, self.instrument.coins
        _, ticks, lots, takers = self.columns.tolist()
        taker, last, first_price, usd, levels = takers[0], ticks[0], price_of(ticks[0]), 0.0, 1
        for tick, size, side in zip(ticks, lots, takers, strict=True):
            price = price_of(tick)
            if side != taker:
                yield Run(taker, usd, first_price, price_of(last), levels)
                taker, last, first_price, usd, levels = side, tick, price, 0.0, 1
            usd += coins_of(size, price) * price
            levels += tick != last
            last = tick
        yield Run(taker, usd, first_price, price_of(last), levels)


class TradeColumns(NamedTuple):
    """Trades of several messages in the order they came, n in all; of: the place of each one's message."""

    of: Ints
    late: Bools
    at_ms: Ints
    ticks: Ints
    lots: Ints
    bought: Bools
    prices: F8
    coins: F8
    usd: F8


def joined(messages: Iterable[Trades]) -> TradeColumns:
    """Put messages (at least one) behind each other, each counted by its own contract's steps."""
    held = list(messages)
    columns = np.concatenate([one.columns for one in held], axis=1)
    of = np.repeat(np.arange(len(held)), [one.columns.shape[1] for one in held])
    contracts = [one.instrument for one in held]
    made = contracts[0]
    if all(one is made for one in contracts):
        prices = made.price(columns[TICK])
        coins = made.coins(columns[LOTS], prices)
    else:
        # Of several contracts, each trade by the steps of its own: all at once, a loop over them costs more.
        tick_prices, lot_units = np.array([one.worth for one in contracts])[of].T
        prices, coins = columns[TICK] * tick_prices, columns[LOTS] * lot_units
        if any(one.inverse for one in contracts):
            coins /= np.where(np.array([one.inverse for one in contracts])[of], prices, 1.0)
    bought, late = columns[TAKER] > 0, np.array([one.late for one in held])[of]
    return TradeColumns(
        of, late, columns[AT_MS], columns[TICK], columns[LOTS], bought, prices, coins, coins * prices
    )
