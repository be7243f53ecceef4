"""Leverage tiers from the venues that publish them, or that show them to the user; else the bundled ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import orjson

from leadline.domain.instrument import Instrument
from leadline.domain.leverage import Tiers, bundled_tiers, day_of
from leadline.errors import VenueError
from leadline.venues import tier_answers
from leadline.venues.budget import Priority
from leadline.venues.endpoints import ReadKey
from leadline.venues.rest import Rest

log = logging.getLogger("leadline.venues")

# The public REST hosts of venues that are otherwise read by way of ccxt.
PUBLIC_HOSTS = {
    "bitget": "https://api.bitget.com",
    "gate": "https://api.gateio.ws",
    "hyperliquid": "https://api.hyperliquid.xyz",
}


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask a venue, and how to read the answer."""

    path: str
    read: Callable[[bytes], Tiers]
    headers: dict[str, str] | None = None
    body: bytes | None = None


async def load_tiers(
    rest: Rest, instrument: Instrument, price: float, now_ms: int, key: ReadKey | None = None
) -> Tiers:
    """Return the contract's tiers in force: the venue's own where it shows them, else the bundled.

    price: what OKX's tiers, which count contracts, are valued at.  now_ms: by the venue's clock.  key: of
    the user's account, which Binance wants for this question.  A venue that does not answer, or answers
    nonsense, gives the bundled table too; ``Tiers.source`` says which it was.
    """
    on = day_of(now_ms)
    question = _question(instrument, price, on, now_ms, key)
    if question is not None:
        try:
            reply = await rest.ask(
                question.path, 1, Priority.HISTORY, headers=question.headers, body=question.body
            )
            return question.read(reply.body)
        except (VenueError, KeyError) as error:
            log.warning("%s: no leverage tiers of %s (%s)", instrument.venue, instrument.symbol, error)
    return bundled_tiers(instrument.venue, instrument.symbol, on, instrument.leverage_max)


async def load_public_tiers(instrument: Instrument, price: float, now_ms: int) -> Tiers:
    """Return the tiers of a venue that is otherwise read by way of ccxt."""
    host = PUBLIC_HOSTS.get(instrument.venue)
    if host is None:
        return bundled_tiers(instrument.venue, instrument.symbol, leverage_max=instrument.leverage_max)
    async with Rest(instrument.venue, host) as rest:
        return await load_tiers(rest, instrument, price, now_ms)


def _question(
    instrument: Instrument, price: float, on: date, now_ms: int, key: ReadKey | None
) -> _Question | None:
    native, symbol = instrument.native, instrument.symbol
    match instrument.venue:
        case "binance" if key is not None:
            query = key.sign({"symbol": native, "timestamp": now_ms, "recvWindow": 5_000})
            return _Question(
                f"/fapi/v1/leverageBracket?{query}",
                lambda body: tier_answers.parse_leverage_bracket(body, symbol, on),
                headers={"X-MBX-APIKEY": key.key},
            )
        case "bybit":
            return _Question(
                f"/v5/market/risk-limit?category=linear&symbol={native}",
                lambda body: tier_answers.parse_risk_limit(body, on)[native],
            )
        case "okx" if price > 0:
            family, coins = native.removesuffix("-SWAP"), float(instrument.contract_size)
            return _Question(
                f"/api/v5/public/position-tiers?instType=SWAP&tdMode=cross&instFamily={family}",
                lambda body: tier_answers.parse_position_tiers(body, symbol, on, coins, price),
            )
        case "bitget":
            return _Question(
                f"/api/v2/mix/market/query-position-lever?symbol={native}&productType=USDT-FUTURES",
                lambda body: tier_answers.parse_position_lever(body, symbol, on),
            )
        case "gate":
            return _Question(
                f"/api/v4/futures/usdt/risk_limit_tiers?contract={native}",
                lambda body: tier_answers.parse_risk_limit_tiers(body, symbol, on),
            )
        case "hyperliquid":
            return _Question(
                "/info",
                lambda body: tier_answers.parse_margin_tables(body, symbol, instrument.base, on),
                body=orjson.dumps({"type": "meta"}),
            )
    return None
