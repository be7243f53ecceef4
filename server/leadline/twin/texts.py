"""Numbers as a venue writes them: decimal strings, cut or padded the way its feed does."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from leadline.twin.contracts import Contract
from leadline.twin.kernels import Ints
from leadline.units import Step


class Texts:
    """The decimal strings of one contract's feed.

    Binance pads prices and sizes to fixed digits and writes a removal as 0.000; Bybit pads prices
    only; OKX pads nothing and counts sizes in contracts.

    finer: the tick is half the contract's, and every price lies half a contract's tick higher, so that
    none is on the old grid.  tick, price_decimals, size_step, contract_coins: as published.
    """

    def __init__(self, contract: Contract, finer: bool = False) -> None:
        self.finer = finer
        self.tick = Step.of(contract.tick.fraction * Fraction(1, 2)) if finer else contract.tick
        self.price_decimals = contract.price_decimals + finer
        self.size_step, self.contract_coins = contract.size_step, contract.contract_coins
        self._tick = float(contract.tick)
        self._shift = self._tick / 2 if finer else 0.0
        self._size = float(contract.size_step)
        self._price_format = f"%.{self.price_decimals}f"
        self._size_format = f"%.{contract.size_decimals}f"
        self._padded_price = contract.venue != "okx"
        self._padded_size = contract.venue == "binance"
        tail = ',"0","1"]' if contract.venue == "okx" else "]"
        self._row = f'["%s","%s"{tail}'
        self._gone = f'["%s","0"{tail.replace("1", "0")}'
        self._fast_row = f'["{self._price_format}","{self._size_format}"]'

    def price(self, tick: float) -> str:
        """Write a price given in ticks."""
        text = self._price_format % (tick * self._tick + self._shift)
        return text if self._padded_price else _short(text)

    def usd(self, price: float) -> str:
        """Write a price given in dollars with the digits of the feed."""
        return self.price(round(price / self._tick))

    def size(self, lots: float) -> str:
        text = self._size_format % (lots * self._size)
        return text if self._padded_size else _short(text)

    def levels(self, ticks: Ints, lots: Ints) -> str:
        """Write levels as a JSON array of rows; 0 lots is a removal."""
        if self._padded_size:
            tick, shift, size, row = self._tick, self._shift, self._size, self._fast_row
            pairs = zip(ticks.tolist(), lots.tolist(), strict=True)
            return "[" + ",".join([row % (at * tick + shift, much * size) for at, much in pairs]) + "]"
        price, size_of, row, gone = self.price, self.size, self._row, self._gone
        return (
            "["
            + ",".join(
                [
                    row % (price(at), size_of(much)) if much else gone % price(at)
                    for at, much in zip(ticks.tolist(), lots.tolist(), strict=True)
                ]
            )
            + "]"
        )

    def gone(self, ticks: Ints) -> str:
        """Write the removal of levels as a JSON array of rows."""
        return self.levels(ticks, np.zeros_like(ticks))

    def pairs(self, ticks: Ints, lots: Ints) -> list[list[str]]:
        """Write levels as price and size texts, for the truth."""
        return [[self.price(t), self.size(q)] for t, q in zip(ticks.tolist(), lots.tolist(), strict=True)]


def joined(one: str, other: str) -> str:
    """Join two JSON arrays of rows."""
    return other if one == "[]" else one if other == "[]" else f"{one[:-1]},{other[1:]}"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
