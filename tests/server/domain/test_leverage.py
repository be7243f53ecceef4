import gzip
import json
from datetime import date
from itertools import pairwise
from math import inf

import orjson
import pytest

from leadline.domain.leverage import (
    bundled_tiers,
    fallback_tiers,
    parse_position_tiers,
    parse_risk_limit,
)
from leadline.errors import VenueError
from tests.fakes.captures import capture

ON = date(2026, 10, 1)


@pytest.mark.parametrize("base", ["BTC", "ETH", "SOL"])
def test_bundled_binance_tables_are_the_recorded_brackets(base: str) -> None:
    with gzip.open(capture("binance_usdm/leverage_tiers_20260929.json.gz")) as file:
        recorded = json.load(file)[f"{base}/USDT:USDT"]
    rows = bundled_tiers("binance", f"{base}USDT", ON).rows
    assert len(rows) == len(recorded)
    for row, bracket in zip(rows, recorded, strict=True):
        assert row.floor_usd == bracket["minNotional"]
        assert row.cap_usd == bracket["maxNotional"]
        assert row.maintenance_rate == bracket["maintenanceMarginRate"]
        assert row.deduction_usd == pytest.approx(float(bracket["info"]["cum"]), abs=1e-6)
        assert row.leverage_max == bracket["maxLeverage"]


def test_the_bundled_bybit_table_is_the_recorded_risk_limit() -> None:
    with gzip.open(capture("bybit/rest_samples_linear_20230816.jsonl.gz"), "rt") as file:
        samples = [json.loads(line) for line in file]
    recorded = next(s for s in samples if s["path"] == "/public/linear/risk-limit")["response"]["result"]
    rows = bundled_tiers("bybit", "BTCUSDT").rows
    assert [(r.cap_usd, r.maintenance_rate, r.leverage_max) for r in rows] == [
        (r["limit"], r["maintain_margin"], r["max_leverage"]) for r in recorded
    ]


def test_a_day_gets_the_table_in_force_then() -> None:
    assert bundled_tiers("binance", "BTCUSDT", date(2025, 1, 1)).at(0).leverage_max == 125
    assert bundled_tiers("binance", "BTCUSDT", ON).at(0).leverage_max == 150
    assert bundled_tiers("binance", "BTCUSDT", date(2020, 1, 1)).valid_from == date(2024, 10, 24)
    assert [row.deduction_usd for row in bundled_tiers("binance", "BTCUSDT", date(2025, 1, 1)).rows[:7]] == [
        0,
        50,
        950,
        11_450,
        131_450,
        481_450,
        2_981_450,
    ]


def test_the_requirement_joins_without_a_step_where_deductions_apply() -> None:
    rows = bundled_tiers("bybit", "BTCUSDT").rows
    for below, above in pairwise(rows):
        at = above.floor_usd
        assert below.cap_usd == at
        assert at * below.maintenance_rate - below.deduction_usd == pytest.approx(
            at * above.maintenance_rate - above.deduction_usd
        )


def test_a_value_belongs_to_the_tier_that_starts_at_it() -> None:
    tiers = bundled_tiers("binance", "BTCUSDT", ON)
    assert tiers.at(299_999.0).leverage_max == 150
    assert tiers.at(300_000.0).leverage_max == 100
    assert tiers.at(1e15) == tiers.rows[-1]


def test_an_unknown_symbol_falls_back_to_half_the_initial_margin() -> None:
    tiers = bundled_tiers("okx", "PEPEUSDT")
    assert tiers.source == "fallback"
    assert tiers.rows[0].maintenance_rate == 0.5 / tiers.rows[0].leverage_max
    assert fallback_tiers("hyperliquid", "BTCUSD", 40).at(1e12).cap_usd == inf


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
