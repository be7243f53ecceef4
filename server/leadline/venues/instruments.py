"""Which contracts a venue has, with their steps: pure readers of the venues' lists, and the loading."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import orjson

from leadline.domain.instrument import Instrument
from leadline.errors import VenueError
from leadline.units import Step, parse_decimal
from leadline.venues.rest import Rest

INSTRUMENTS_PATH = {
    "binance": "/fapi/v1/exchangeInfo",
    "bybit": "/v5/market/instruments-info?category=linear&limit=1000",
    "okx": "/api/v5/public/instruments?instType=SWAP",
}
PAGES_MAX = 20
PERPETUALS = ("PERPETUAL", "TRADIFI_PERPETUAL")
ONE = Step(1, 0)


async def load_instruments(venue: str, rest: Rest, symbols: list[str]) -> dict[str, Instrument]:
    """Ask ``venue`` for its contracts and return those of ``symbols`` it lists, by symbol.

    Raises VenueError when the venue does not answer or answers nonsense.  A symbol it does not list
    is left out of the result: only the caller knows whether another venue has it.
    """
    found: dict[str, Instrument] = {}
    path = INSTRUMENTS_PATH[venue]
    for _ in range(PAGES_MAX):
        reply = await rest.get(path, weight=1)
        if reply.status != 200:
            raise VenueError(venue, f"no list of contracts: {reply.reason or f'status {reply.status}'}")
        found |= {made.symbol: made for made in parse_instruments(venue, reply.body)}
        cursor = next_page(venue, reply.body)
        if cursor is None:
            break
        path = f"{INSTRUMENTS_PATH[venue]}&cursor={cursor}"
    return {symbol: found[symbol] for symbol in symbols if symbol in found}


def parse_instruments(venue: str, body: bytes) -> list[Instrument]:
    """Read one answer of the venue's list of contracts; a row that makes no sense is left out.

    Raises VenueError when the answer as a whole is none.
    """
    return read_instruments(venue, _rows(venue, body))


def read_instruments(venue: str, rows: list[Any]) -> list[Instrument]:
    """Read rows of the venue's list of contracts; one that makes no sense is left out."""
    made = (_instrument(venue, row) for row in rows)
    return [instrument for instrument in made if instrument is not None]


def next_page(venue: str, body: bytes) -> str | None:
    """Return Bybit's cursor to the next page, None at the end (and for venues without pages)."""
    if venue != "bybit":
        return None
    cursor = orjson.loads(body)["result"].get("nextPageCursor")
    return cursor if isinstance(cursor, str) and cursor else None


def _rows(venue: str, body: bytes) -> list[Any]:
    try:
        answer = orjson.loads(body)
        if venue == "binance":
            rows = answer["symbols"]
        elif venue == "bybit":
            rows = _succeeded(venue, answer, "retCode", 0, "retMsg")["result"]["list"]
            category = answer["result"].get("category")
            rows = [row | {"category": category} for row in rows]
        else:
            rows = _succeeded(venue, answer, "code", "0", "msg")["data"]
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
        raise VenueError(venue, "the list of contracts is not in the known form") from None
    if not isinstance(rows, list):
        raise VenueError(venue, "the list of contracts is not in the known form")
    return rows


def _succeeded(venue: str, answer: Any, code: str, success: object, message: str) -> Any:
    if answer[code] != success:
        raise VenueError(venue, f"refused with {answer[code]}: {answer.get(message, '')}")
    return answer


def _instrument(venue: str, row: Any) -> Instrument | None:
    readers = {"binance": _binance, "bybit": _bybit, "okx": _okx}
    try:
        return readers[venue](row)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _binance(row: dict[str, Any]) -> Instrument:
    native = str(row["symbol"])
    filters = {made["filterType"]: made for made in row["filters"]}
    base, quote = str(row["baseAsset"]), str(row["quoteAsset"])
    inverse = "contractSize" in row
    perpetual = row["contractType"] in PERPETUALS and not inverse
    return Instrument(
        venue="binance",
        symbol=base + quote if perpetual else native,
        native=native,
        tick=Step.of(filters["PRICE_FILTER"]["tickSize"]),
        lot=Step.of(filters["LOT_SIZE"]["stepSize"]),
        contract_size=Step.of(Fraction(row["contractSize"])) if inverse else ONE,
        inverse=inverse,
        trading=row.get("status", row.get("contractStatus")) == "TRADING",
        base=base,
        quote=quote,
    )


def _bybit(row: dict[str, Any]) -> Instrument:
    native = str(row["symbol"])
    base, quote = str(row["baseCoin"]), str(row["quoteCoin"])
    spot = row["category"] == "spot"
    perpetual = str(row.get("contractType", "")).endswith("Perpetual")
    sizes, leverage = row["lotSizeFilter"], row.get("leverageFilter")
    return Instrument(
        venue="bybit",
        symbol=f"{native}:SPOT" if spot else base + quote if perpetual else native,
        native=native,
        tick=Step.of(row["priceFilter"]["tickSize"]),
        lot=Step.of(sizes["basePrecision"] if spot else sizes["qtyStep"]),
        contract_size=ONE,
        inverse=row["category"] == "inverse",
        trading=row["status"] == "Trading",
        base=base,
        quote=quote,
        leverage_max=read_leverage(leverage.get("maxLeverage") if isinstance(leverage, dict) else None),
    )


def _okx(row: dict[str, Any]) -> Instrument:
    native, kind = str(row["instId"]), row["instType"]
    base, _, rest = native.partition("-")
    quote = rest.partition("-")[0]
    derivative = kind != "SPOT"
    value = parse_decimal(row["ctVal"]) if derivative else Fraction(1)
    return Instrument(
        venue="okx",
        symbol=okx_symbol(native),
        native=native,
        tick=Step.of(row["tickSz"]),
        lot=Step.of(row["lotSz"]),
        contract_size=Step.of(value * parse_decimal(row.get("ctMult") or "1")),
        inverse=row.get("ctType") == "inverse",
        trading=row["state"] == "live",
        base=base,
        quote=quote,
        leverage_max=read_leverage(row.get("lever")),
    )


def read_leverage(told: object) -> float | None:
    """Return the largest leverage of a contract, None for whatever is no number of at least 1."""
    try:
        leverage = float(parse_decimal(str(told)))
    except ValueError:
        return None
    return leverage if leverage >= 1.0 else None


def okx_symbol(native: str) -> str:
    """Return our name: "BTCUSDT" for BTC-USDT-SWAP, "BTCUSDT:SPOT" for BTC-USDT, else OKX's own."""
    parts = native.split("-")
    if len(parts) == 3 and parts[2] == "SWAP":
        return parts[0] + parts[1]
    return f"{parts[0]}{parts[1]}:SPOT" if len(parts) == 2 else native
