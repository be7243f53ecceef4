"""What a venue says about one contract."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.units import Step


@dataclass(frozen=True, slots=True)
class Instrument:
    """A perpetual on one venue.

    symbol: our name, the same on every venue ("BTCUSDT"); native: the venue's ("BTC-USDT-SWAP").
    tick: price step in quote currency; lot: size step in the venue's own size unit.
    contract_size: coins in one size unit ("1" where sizes are coins, 0.01 for OKX BTC); for an
    inverse contract, quote currency in one size unit.
    base, quote: the currencies ("BTC", "USDT").
    trading: False before the opening, after the delisting or in a halt.
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

    def price(self, ticks: int) -> float:
        return ticks * float(self.tick)

    def coins(self, lots: int, price: float) -> float:
        """Size in coins; ``price`` matters only for an inverse contract."""
        units = lots * float(self.lot) * float(self.contract_size)
        return units / price if self.inverse else units
