import gzip
import json
from datetime import date
from itertools import pairwise
from math import inf

import pytest

from leadline.domain.binance_brackets import READ_ON, brackets
from leadline.domain.leverage import bundled_tiers, day_of, fallback_tiers
from tests.fakes.captures import capture

ON = date(2026, 10, 1)


def test_bundled_binance_tables_are_the_recorded_brackets() -> None:
    with gzip.open(capture("binance_usdm/leverage_tiers_20260929.json.gz")) as file:
        all_recorded = json.load(file)
    assert len(brackets()) >= 60
    for symbol in brackets():
        recorded = all_recorded[f"{symbol.removesuffix('USDT')}/USDT:USDT"]
        tiers = bundled_tiers("binance", symbol, ON)
        assert (tiers.source, tiers.valid_from) == ("brackets", READ_ON)
        assert len(tiers.rows) == len(recorded)
        for row, bracket in zip(tiers.rows, recorded, strict=True):
            assert row.floor_usd == bracket["minNotional"]
            assert row.cap_usd == bracket["maxNotional"]
            assert row.maintenance_rate == pytest.approx(bracket["maintenanceMarginRate"], abs=1e-9)
            assert row.deduction_usd == pytest.approx(float(bracket["info"]["cum"]), rel=1e-6, abs=0.02)
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


def test_a_later_table_says_that_it_is_later_and_the_fallback_is_of_all_days() -> None:
    assert bundled_tiers("binance", "BTCUSDT", date(2020, 1, 1)).later_than(date(2020, 1, 1))
    assert not bundled_tiers("binance", "BTCUSDT", date(2024, 10, 24)).later_than(date(2024, 10, 24))
    assert not fallback_tiers("okx", "BTCUSDT", 100).later_than(date.min)


def test_a_day_is_of_utc_and_any_time_has_one() -> None:
    assert day_of(1_729_814_399_999) == date(2024, 10, 24)
    assert day_of(1_729_814_400_000) == date(2024, 10, 25)
    assert day_of(1 << 60) == date.max


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
    # What the venue says of the contract goes before what is usual, but for a venue with a formula.
    assert bundled_tiers("mexc", "BTCUSDT", leverage_max=200.0).rows[0].maintenance_rate == 0.0025
    assert bundled_tiers("deribit", "BTCUSD", leverage_max=200.0).rows[0].maintenance_rate == 0.01
    assert bundled_tiers("binance", "BTCUSDT", leverage_max=20.0).source == "brackets"
