"""Tiers as venues answer them: read into tables, and refused with a sentence when they are none."""

from datetime import date

import orjson
import pytest

from leadline.errors import VenueError
from leadline.venues.tier_answers import (
    parse_leverage_bracket,
    parse_margin_tables,
    parse_position_lever,
    parse_position_tiers,
    parse_risk_limit,
    parse_risk_limit_tiers,
)

ON = date(2026, 10, 1)


def risk_limit(**changes: object) -> dict[str, object]:
    row = {
        "id": 1,
        "symbol": "BTCUSDT",
        "riskLimitValue": "2000000",
        "maintenanceMargin": "0.005",
        "initialMargin": "0.01",
        "isLowestRisk": 1,
        "maxLeverage": "100.00",
        "mmDeduction": "",
    }
    return {**row, **changes}


def bybit_body(*rows: dict[str, object]) -> bytes:
    return orjson.dumps({"retCode": 0, "result": {"category": "linear", "list": list(rows)}})


def test_bybit_risk_limits_become_tiers_by_symbol() -> None:
    body = bybit_body(
        risk_limit(riskLimitValue="2600000", maintenanceMargin="0.0056", maxLeverage="90.00"),
        risk_limit(),
        risk_limit(symbol="ETHUSDT", riskLimitValue="900000", maintenanceMargin=0.01, maxLeverage="50"),
    )
    found = parse_risk_limit(body, ON)
    assert set(found) == {"BTCUSDT", "ETHUSDT"}
    first, second = found["BTCUSDT"].rows
    assert (first.floor_usd, first.cap_usd, first.deduction_usd) == (0, 2e6, 0)
    assert (second.floor_usd, second.cap_usd) == (2e6, 2.6e6)
    assert second.deduction_usd == pytest.approx(2e6 * 0.0006)


def test_okx_position_tiers_are_contracts_without_deduction() -> None:
    rows = [
        {"tier": "1", "minSz": "0", "maxSz": "1000", "mmr": "0.004", "imr": "0.01", "maxLever": "100"},
        {"tier": "2", "minSz": "1000", "maxSz": "4000", "mmr": "0.006", "imr": "0.02", "maxLever": "50"},
    ]
    tiers = parse_position_tiers(orjson.dumps({"code": "0", "data": rows}), "BTCUSDT", ON, 0.01, 60_000.0)
    assert [row.floor_usd for row in tiers.rows] == [0, 600_000]
    assert [row.cap_usd for row in tiers.rows] == [600_000, 2_400_000]
    assert [row.deduction_usd for row in tiers.rows] == [0, 0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"result": {"list": 7}}',
        bybit_body({"symbol": "BTCUSDT"}),
        bybit_body(risk_limit(maintenanceMargin="NaN")),
        bybit_body(risk_limit(maintenanceMargin="0.5")),
        bybit_body(risk_limit(riskLimitValue=None)),
        bybit_body(risk_limit(symbol=["BTCUSDT"])),
        bybit_body(*[risk_limit()] * 201),
    ],
)
def test_a_broken_risk_limit_answer_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(VenueError, match="bybit: expected risk limits"):
        parse_risk_limit(body, ON)


@pytest.mark.parametrize("body", [b"x", b"{}", b'{"data": []}', b'{"data": [{"maxSz": "-1"}]}'])
def test_a_broken_position_tiers_answer_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(VenueError, match="okx: expected position tiers"):
        parse_position_tiers(body, "BTCUSDT", ON, 0.01, 60_000.0)


def test_bitget_tiers_charge_their_rate_on_all_of_a_position() -> None:
    rows = [
        {
            "level": "2",
            "startUnit": "150000",
            "endUnit": "600000",
            "leverage": "100",
            "keepMarginRate": "0.005",
        },
        {"level": "1", "startUnit": "0", "endUnit": "150000", "leverage": "125", "keepMarginRate": "0.004"},
    ]
    tiers = parse_position_lever(orjson.dumps({"code": "00000", "data": rows}), "BTCUSDT", ON)
    assert [(row.floor_usd, row.cap_usd) for row in tiers.rows] == [(0, 150_000), (150_000, 600_000)]
    assert [row.maintenance_rate for row in tiers.rows] == [0.004, 0.005]
    assert [row.deduction_usd for row in tiers.rows] == [0, 0]
    assert (tiers.venue, tiers.source) == ("bitget", "position-tier")


def test_gates_deduction_is_taken_where_it_is_told() -> None:
    rows = [
        {
            "tier": 1,
            "risk_limit": "1000000",
            "maintenance_rate": "0.004",
            "leverage_max": "125",
            "deduction": "0",
        },
        {
            "tier": 2,
            "risk_limit": "2000000",
            "maintenance_rate": "0.008",
            "leverage_max": "60",
            "deduction": "4000",
        },
        {"tier": 3, "risk_limit": "3000000", "maintenance_rate": "0.01", "leverage_max": "50"},
    ]
    tiers = parse_risk_limit_tiers(orjson.dumps(rows), "BTCUSDT", ON)
    assert [row.deduction_usd for row in tiers.rows] == [0, 4_000, 0]
    assert [row.leverage_max for row in tiers.rows] == [125, 60, 50]


def test_hyperliquid_demands_half_the_initial_margin_of_each_tier() -> None:
    meta = {
        "universe": [
            {"name": "BTC", "maxLeverage": 40, "marginTableId": 56},
            {"name": "XYZ", "maxLeverage": 3, "marginTableId": 3},
        ],
        "marginTables": [
            [
                56,
                {
                    "marginTiers": [
                        {"lowerBound": "0.0", "maxLeverage": 40},
                        {"lowerBound": "150000000.0", "maxLeverage": 20},
                    ]
                },
            ]
        ],
    }
    body = orjson.dumps(meta)
    first, second = parse_margin_tables(body, "BTCUSD", "BTC", ON).rows
    assert (first.maintenance_rate, second.maintenance_rate) == (0.0125, 0.025)
    assert (second.floor_usd, second.deduction_usd) == (150e6, pytest.approx(150e6 * 0.0125))
    assert [row.leverage_max for row in parse_margin_tables(body, "XYZUSD", "XYZ", ON).rows] == [3]


def test_binances_answer_to_a_key_is_its_brackets() -> None:
    one = {
        "bracket": 1,
        "initialLeverage": 150,
        "notionalCap": 300000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
    two = {
        "bracket": 2,
        "initialLeverage": 100,
        "notionalCap": 800000,
        "notionalFloor": 300000,
        "maintMarginRatio": 0.005,
        "cum": 300.0,
    }
    body = orjson.dumps([{"symbol": "BTCUSDT", "brackets": [two, one]}])
    tiers = parse_leverage_bracket(body, "BTCUSDT", ON)
    assert tiers.source == "key"
    assert [(row.floor_usd, row.deduction_usd) for row in tiers.rows] == [(0, 0), (300_000, 300)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"data": [{"endUnit": "1"}]}',
        b'[{"risk_limit": "NaN"}]',
        b'{"universe": [], "marginTables": []}',
        b'{"universe": [{"name": "BTC", "maxLeverage": 0}]}',
        b'{"brackets": []}',
        b'{"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}',
    ],
)
def test_anything_else_is_refused_with_a_sentence(body: bytes) -> None:
    for read in (
        lambda: parse_position_lever(body, "BTCUSDT", ON),
        lambda: parse_risk_limit_tiers(body, "BTCUSDT", ON),
        lambda: parse_margin_tables(body, "BTCUSD", "BTC", ON),
        lambda: parse_leverage_bracket(body, "BTCUSDT", ON),
    ):
        with pytest.raises(VenueError, match="expected"):
            read()
