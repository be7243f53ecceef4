"""Leverage tiers from the venues that publish them; the others' come bundled."""

from __future__ import annotations

from datetime import UTC, datetime

from leadline.domain.instrument import Instrument
from leadline.domain.leverage import Tiers, bundled_tiers, parse_position_tiers, parse_risk_limit
from leadline.errors import VenueError
from leadline.venues.budget import Priority
from leadline.venues.rest import Rest

BYBIT_PATH = "/v5/market/risk-limit?category=linear&symbol={native}"
OKX_PATH = "/api/v5/public/position-tiers?instType=SWAP&tdMode=cross&instFamily={family}"


async def load_tiers(rest: Rest, instrument: Instrument, price: float, now_ms: int) -> Tiers:
    """Return the contract's tiers in force: the venue's own where it publishes them, else the bundled.

    price: what OKX's tiers, which count contracts, are valued at.  A venue that does not answer, or
    answers nonsense, gives the bundled table too; ``Tiers.source`` says which it was.
    """
    on = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    try:
        if instrument.venue == "bybit":
            reply = await rest.get(BYBIT_PATH.format(native=instrument.native), 1, Priority.HISTORY)
            return parse_risk_limit(reply.body, on)[instrument.native]
        if instrument.venue == "okx" and price > 0:
            family = instrument.native.removesuffix("-SWAP")
            reply = await rest.get(OKX_PATH.format(family=family), 1, Priority.HISTORY)
            contract_coins = float(instrument.contract_size)
            return parse_position_tiers(reply.body, instrument.symbol, on, contract_coins, price)
    except (VenueError, KeyError):
        pass
    return bundled_tiers(instrument.venue, instrument.symbol, on)
