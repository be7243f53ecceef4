"""What a venue says about one contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from leadline.units import Step

Ints = NDArray[np.int64]
F8 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A perpetual on one venue.

    symbol: our name, the same on every venue ("BTCUSDT"); native: the venue's ("BTC-USDT-SWAP").
    tick: price step in quote currency; lot: size step in the venue's own size unit.
    contract_size: coins in one size unit ("1" where sizes are coins, 0.01 for OKX BTC); for an
    inverse contract, quote currency in one size unit.
    base, quote: the currencies ("BTC", "USDT").
    trading: False before the opening, after the delisting or in a halt.
    leverage_max: the largest leverage the venue names for it, None where it names none.
    """

    venue: str
    symbol: str
    native: str
    tick: Step
    lot: Step
    contract_size: Step
    inverse: bool = False
    trading: bool = True
    base: str = ""
    quote: str = ""
    leverage_max: float | None = field(default=None, compare=False)
    # The steps as plain numbers: they are asked for with every trade.
    _tick_price: float = field(init=False, repr=False, compare=False)
    _lot_units: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tick_price", float(self.tick))
        object.__setattr__(self, "_lot_units", float(self.lot) * float(self.contract_size))

    @property
    def worth(self) -> tuple[float, float]:
        """What a tick is worth in price, and a lot in coins (for an inverse one in the quote)."""
        return self._tick_price, self._lot_units

    @property
    def steps(self) -> tuple[Step, Step, Step]:
        """What its numbers mean: with another one they all mean something else."""
        return self.tick, self.lot, self.contract_size

    def in_other_unit(self, later: Instrument) -> bool:
        """Tell whether prices rose as sizes fell: the contract counts other units, 1000 coins as one."""
        risen = later.tick.fraction / self.tick.fraction
        return risen != 1 and risen * later.lot.fraction / self.lot.fraction == 1

    @overload
    def price(self, ticks: int) -> float: ...

    @overload
    def price(self, ticks: Ints) -> F8: ...

    def price(self, ticks: Any) -> Any:
        """Price of a number of ticks, or of each of many."""
        return ticks * self._tick_price

    @overload
    def coins(self, lots: int, price: float) -> float: ...

    @overload
    def coins(self, lots: Ints, price: F8) -> F8: ...

    def coins(self, lots: Any, price: Any) -> Any:
        """Size in coins; ``price`` matters only for an inverse contract."""
        units = lots * self._lot_units
        return units / price if self.inverse else units
