"""What venues answer about leverage tiers, read into tables.

Every function raises VenueError when the body is no such answer.  Rates are fractions, values USD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import orjson

from leadline.domain.leverage import TIER_ROWS_MAX, Tier, Tiers, tiers_from_rates
from leadline.errors import VenueError
from leadline.units import parse_positive_float

Answer = TypeVar("Answer")
Caps = list[tuple[float, float, float]]  # up to which value, maintenance rate, largest leverage


def parse_risk_limit(body: bytes, on: date) -> dict[str, Tiers]:
    """Read one page of Bybit's ``/v5/market/risk-limit?category=linear`` into tables by symbol."""

    def read() -> dict[str, Tiers]:
        caps: dict[str, Caps] = {}
        for row in orjson.loads(body)["result"]["list"]:
            caps.setdefault(row["symbol"], []).append(
                _caps(row, "riskLimitValue", "maintenanceMargin", "maxLeverage")
            )
        return {
            symbol: _tiers_from_caps("bybit", symbol, on, "risk-limit", rows) for symbol, rows in caps.items()
        }

    return _read("bybit", "risk limits", read)


def parse_position_tiers(body: bytes, symbol: str, on: date, contract_coins: float, price: float) -> Tiers:
    """Read OKX's ``/api/v5/public/position-tiers`` of one instrument family.

    Sizes come in contracts of ``contract_coins`` coins, valued at ``price``.  A position pays its tier's
    rate on all of it, so there is no deduction.
    """

    def read() -> Tiers:
        caps = [_caps(row, "maxSz", "mmr", "maxLever") for row in orjson.loads(body)["data"]]
        valued = [(contracts * contract_coins * price, rate, lever) for contracts, rate, lever in caps]
        return _tiers_from_caps("okx", symbol, on, "position-tiers", valued, deducted=False)

    return _read("okx", "position tiers", read)


def parse_position_lever(body: bytes, symbol: str, on: date) -> Tiers:
    """Read Bitget's ``/api/v2/mix/market/query-position-lever``: the tier's rate on all of a position."""

    def read() -> Tiers:
        caps = [_caps(row, "endUnit", "keepMarginRate", "leverage") for row in orjson.loads(body)["data"]]
        return _tiers_from_caps("bitget", symbol, on, "position-tier", caps, deducted=False)

    return _read("bitget", "position tiers", read)


def parse_risk_limit_tiers(body: bytes, symbol: str, on: date) -> Tiers:
    """Read Gate's ``/futures/usdt/risk_limit_tiers``: the tier's rate on all, less a deduction if told."""

    def read() -> Tiers:
        rows = orjson.loads(body)
        caps = [_caps(row, "risk_limit", "maintenance_rate", "leverage_max") for row in rows]
        tiers = _tiers_from_caps("gate", symbol, on, "risk-limit-tiers", caps, deducted=False)
        told = sorted((parse_positive_float(row["risk_limit"]), row.get("deduction") or 0) for row in rows)
        made = [
            replace(row, deduction_usd=_at_least_0(value))
            for row, (_, value) in zip(tiers.rows, told, strict=True)
        ]
        return replace(tiers, rows=tuple(made))

    return _read("gate", "risk limit tiers", read)


def parse_margin_tables(body: bytes, symbol: str, coin: str, on: date) -> Tiers:
    """Read Hyperliquid's ``meta``: half the initial margin at each tier's largest leverage, deducted."""

    def read() -> Tiers:
        meta = orjson.loads(body)
        listed = next(one for one in meta["universe"] if one["name"] == coin)
        tables = {number: table["marginTiers"] for number, table in meta.get("marginTables", [])}
        rows = tables.get(listed.get("marginTableId")) or [
            {"lowerBound": "0.0", "maxLeverage": listed["maxLeverage"]}
        ]
        rates = []
        for row in rows:
            lever = parse_positive_float(str(row["maxLeverage"]))
            rates.append((_at_least_0(row["lowerBound"]), 0.5 / lever, lever))
        return tiers_from_rates("hyperliquid", symbol, on, "margin-table", sorted(rates), float("inf"))

    return _read("hyperliquid", "margin tables", read)


def parse_leverage_bracket(body: bytes, symbol: str, on: date) -> Tiers:
    """Read Binance's ``/fapi/v1/leverageBracket``, which answers account holders only."""

    def read() -> Tiers:
        answer = orjson.loads(body)
        one = answer[0] if isinstance(answer, list) else answer
        rows = sorted(one["brackets"], key=lambda row: float(row["notionalFloor"]))
        return Tiers(
            "binance",
            symbol,
            on,
            "key",
            _checked(
                Tier(
                    _at_least_0(row["notionalFloor"]),
                    parse_positive_float(str(row["notionalCap"])),
                    parse_positive_float(str(row["maintMarginRatio"])),
                    _at_least_0(row["cum"]),
                    parse_positive_float(str(row["initialLeverage"])),
                )
                for row in rows
            ),
        )

    return _read("binance", "leverage brackets", read)


def _read(venue: str, what: str, read: Callable[[], Answer]) -> Answer:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, IndexError) as error:
        raise VenueError(venue, f"expected {what}, got {error!r:.100}") from error


def _caps(row: Any, cap: str, rate: str, lever: str) -> tuple[float, float, float]:
    cap_usd, maintenance_rate, leverage_max = (
        parse_positive_float(str(row[name])) for name in (cap, rate, lever)
    )
    return cap_usd, maintenance_rate, leverage_max


def _at_least_0(value: object) -> float:
    number = float(str(value))
    if not 0.0 <= number < 1e15:
        raise ValueError(f"expected at least 0, got {value!r:.40}")
    return number


def _checked(rows: Iterable[Tier]) -> tuple[Tier, ...]:
    found = tuple(rows)
    if not 1 <= len(found) <= TIER_ROWS_MAX:
        raise ValueError(f"expected 1 to {TIER_ROWS_MAX} tiers, got {len(found)}")
    if any(row.maintenance_rate * row.leverage_max > 1.0 for row in found):
        raise ValueError("expected maintenance below the initial margin")
    return found


def _tiers_from_caps(
    venue: str, symbol: str, on: date, source: str, caps: Caps, *, deducted: bool = True
) -> Tiers:
    if not 1 <= len(caps) <= TIER_ROWS_MAX:
        raise ValueError(f"expected 1 to {TIER_ROWS_MAX} tiers of {symbol}, got {len(caps)}")
    caps = sorted(caps)
    floors = [0.0] + [cap for cap, _, _ in caps[:-1]]
    rates = [(floor, rate, lever) for floor, (_, rate, lever) in zip(floors, caps, strict=True)]
    tiers = tiers_from_rates(venue, symbol, on, source, rates, caps[-1][0], deducted=deducted)
    _checked(tiers.rows)
    return tiers
