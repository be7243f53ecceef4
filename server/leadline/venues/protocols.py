"""The adapters by name."""

from __future__ import annotations

from leadline.domain.instrument import Instrument
from leadline.venues.base import VenueProtocol
from leadline.venues.binance import BinanceProtocol
from leadline.venues.bybit import BybitProtocol
from leadline.venues.okx import OkxProtocol


def make_protocol(venue: str, instruments: list[Instrument]) -> VenueProtocol:
    """Return the adapter of ``venue`` with its usual settings."""
    if venue == "binance":
        return BinanceProtocol(instruments)
    if venue == "bybit":
        return BybitProtocol(instruments)
    return OkxProtocol(instruments)
