import gzip
import io
import json
from math import isnan, log
from pathlib import Path

import numpy as np
import pytest

from leadline.cli import main
from leadline.domain import score
from leadline.domain.estimator_constants import PROFILE_BINS
from leadline.errors import UsageError
from leadline.feed import recorded_series as recorded
from leadline.feed.recorded_series import RecordedBar, Series, forced_orders, large_trades, recorded_series
from leadline.feed.score_recordings import (
    MAPS,
    forced_report,
    judge,
    run_score_recordings,
    score_series,
    series_report,
    summed,
)
from tests.fakes.captures import capture

HOUR = 3_600_000
ORIGIN = 20_000
HERE = ORIGIN + PROFILE_BINS // 2


def test_a_bar_is_judged_by_the_bins_it_newly_reached_on_each_side() -> None:
    maps = {"ramp": np.tile(np.arange(PROFILE_BINS, dtype=float), (2, 1))}
    lows, highs = np.array([HERE - 2, HERE - 1, HERE - 5]), np.array([HERE + 1, HERE + 4, HERE])
    died = np.array([[10.0, 30.0], [99.0, 6.0], [30.0, 99.0]])
    outcome, block = judge(ORIGIN, lows, highs, died, maps, mark=2.0)
    half = PROFILE_BINS // 2
    # Longs of bar 0, shorts of bars 0 and 1, longs of bar 2; what else died is of no first touch.
    assert block.tolist() == [0, 0, 1, 3, 3, 3, 4, 4, 4]
    assert outcome.away.tolist() == [2, 1, 1, 2, 3, 4, 5, 4, 3]
    assert outcome.realised.tolist() == [5, 5, 30, 2, 2, 2, 10, 10, 10]
    assert outcome.foretold["ramp"][:3].tolist() == [2 * (half - 2), 2 * (half - 1), 2 * (half + 1)]
    whole = summed(outcome, block)
    assert whole.realised.tolist() == [10, 30, 6, 30]
    assert whole.foretold["ramp"].tolist() == [
        2 * (half - 2 + half - 1), 2 * (half + 1), 2 * (3 * half + 9), 2 * (3 * half - 12),
    ]  # fmt: skip


def test_price_that_stands_still_gives_no_case() -> None:
    maps = {"flat": np.ones((2, PROFILE_BINS))}
    still = np.full(3, HERE)
    outcome, block = judge(ORIGIN, still, still, np.ones((3, 2)), maps, 1.0)
    assert len(outcome.realised) == len(block) == len(summed(outcome, block).realised) == 0


def walk(days: int, gap_at: int | None = None) -> Series:
    """A made-up market in which what dies is what the last day's closes left 2 % away, and noise."""
    random = np.random.default_rng(3)
    bars, price, at_ms = [], 60_000.0, 0
    for at in range(days * 24):
        close = price * float(np.exp(random.normal(0, 0.004)))
        high, low = max(price, close) * 1.001, min(price, close) * 0.999
        fell, rose = max(log(price / low), 0.0), max(log(high / price), 0.0)
        bars.append(
            RecordedBar(
                *(at_ms, price, high, low, close, 8_000.0, None, 90_000.0 * (1 + 0.02 * np.sin(at / 9))),
                *(1e9 * fell**1.5, 1e9 * rose**1.5),
            )
        )
        price = close
        at_ms += HOUR * (6 if at == gap_at else 1)
    return Series("walk", HOUR, bars, ())


def test_below_thirty_days_the_card_says_that_there_is_not_enough() -> None:
    card = series_report(score_series(walk(8)))
    assert str(card["deviance_skill"]).startswith("not enough data (n=")
    assert str(card["total_ratio"]).startswith("not enough data")
    assert "by_horizon" not in card
    assert card["notes"] == ["leverage tiers of 2024-10-24, a later table: none is known of its day"]
    unproven = card["by_horizon_unproven"]
    assert isinstance(unproven, dict)
    assert set(unproven["4h"]) == {*MAPS, "distance"}


def test_maps_are_judged_only_over_spans_without_a_gap() -> None:
    whole, broken = score_series(walk(8)), score_series(walk(8, gap_at=120))
    for hours in (1, 4, 24):
        assert len(broken.outcomes[hours]) < len(whole.outcomes[hours])
    for outcome in broken.outcomes[24]:
        assert not outcome.from_ms <= 121 * HOUR < outcome.to_ms - HOUR * 6


def test_thirty_days_are_told_with_intervals() -> None:
    card = series_report(score_series(walk(36)))
    assert card["enough"] is True
    numbers = card["by_horizon"]
    assert isinstance(numbers, dict)
    ours = numbers["1h"]["ours"]
    low, high = ours["skill_90"]
    assert low <= ours["skill"] <= high
    # What dies here grows with the way and with nothing else: every bin alike is close to right.
    assert numbers["1h"]["uniform"]["skill"] > numbers["1h"]["volume_profile"]["skill"]


def test_rank_correlation_shares_ranks_among_ties() -> None:
    assert score.spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 8, 27, 64])) == pytest.approx(1.0)
    assert score.spearman(np.array([1.0, 1, 2]), np.array([1.0, 2, 3])) == pytest.approx(np.sqrt(0.75))
    assert score.spearman(np.ones(4), np.arange(4.0)) is None


def folder_of(name: str) -> Path:
    return capture(name).parents[1]


def test_recorded_series_keep_to_the_warnings_of_their_notes() -> None:
    folder = folder_of(recorded.COINGLASS_1H)
    series = {one.name: one for one in recorded_series(folder)}
    assert set(series) == {
        "coinglass_1h", "coinglass_30m", "coinglass_30m_liquidations", "binance_5m", "binance_1h",
    }  # fmt: skip
    hourly = series["coinglass_1h"]
    assert len(hourly.bars) == 3_156
    assert hourly.days == pytest.approx(131.75, abs=0.1)
    steps = np.diff([bar.at_ms for bar in hourly.bars]) // HOUR
    assert (steps > 1).sum() == 6
    # Rates are told in percent, and settle three times a day.
    settled = [bar.funding for bar in hourly.bars if bar.funding]
    assert 380 <= len(settled) <= 400
    assert max(map(abs, settled)) < 0.002
    # One coin of open interest is one price: 3 venues together, not both sides of every contract.
    assert 60_000 < np.median([bar.oi_coins for bar in hourly.bars]) < 130_000
    turnover = sum(bar.volume for bar in hourly.bars) / hourly.days / 90_000
    assert turnover == pytest.approx(recorded.TURNOVER_PER_DAY, rel=0.2)
    own = series["binance_1h"]
    assert own.bars[100].taker_buy is not None
    known = [bar for bar in own.bars if not isnan(bar.long_usd)]
    assert 150 < len(known) < 175
    total = sum(bar.long_usd + bar.short_usd for bar in known)
    assert 0.75 * 115.7e6 < total <= 115.7e6


def test_open_interest_stamped_at_the_start_of_a_bar_ends_the_one_before() -> None:
    path = capture(recorded.BINANCE_5M)
    series = next(one for one in recorded_series(path.parents[1]) if one.name == "binance_5m")
    table = {int(row["timestamp"]): row for row in recorded.rows(path)}
    bar = series.bars[40]
    assert bar.oi_coins * bar.close == pytest.approx(float(table[bar.at_ms + 30 * 60_000]["oi_close"]))
    last = table[bar.at_ms + 25 * 60_000]
    assert bar.close == float(last["price_close"])


def test_two_sums_of_the_same_hours_agree() -> None:
    series = {one.name: one for one in recorded_series(folder_of(recorded.COINGLASS_30M_LIQUIDATIONS))}
    pairs = [
        (one.long_usd + one.short_usd, other.long_usd + other.short_usd)
        for one, other in zip(
            series["coinglass_1h"].bars, series["coinglass_30m_liquidations"].bars, strict=True
        )
        if not isnan(other.long_usd)
    ]
    assert len(pairs) > 1_200
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.95


def test_two_weeks_of_a_real_market_are_scored_without_a_claim() -> None:
    folder = folder_of(recorded.COINGLASS_30M)
    series = next(one for one in recorded_series(folder) if one.name == "coinglass_30m")
    card = series_report(score_series(series))
    assert card["enough"] is False
    numbers = card["by_horizon_unproven"]
    assert isinstance(numbers, dict)
    for horizon in ("1h", "4h", "24h"):
        for name in MAPS:
            assert isinstance(numbers[horizon][name]["skill"], float)
    assert numbers["1h"]["ours"]["skill"] > numbers["1h"]["coinank_like"]["skill"]


def test_forced_orders_are_counted_once_and_shown_at_most_once_a_second() -> None:
    folder = folder_of("binance_usdm/forceorders_20250126_20250206.csv.gz")
    orders, repeated = forced_orders(folder)
    assert (len(orders), repeated) == (1_842 + 456 + 380, 3_510 + 456 + 385 - 2_678)
    assert {order.side for order in orders} == {0, 1}
    assert any(order.symbol == "BTCUSDC" for order in orders)
    assert any(order.symbol == "BTCUSDT" for order in orders)
    told = forced_report(folder)
    assert told is not None
    assert told["orders_in_a_second_that_had_one"] == 1
    # Fills lie near the tape, and a maintenance margin away from bankruptcy.
    assert isinstance(told["off_nearest_large_trade_pct"], float)
    assert told["off_nearest_large_trade_pct"] < 0.01
    low, middle, high = told["fill_to_bankruptcy_bp"]  # type: ignore[misc]
    assert 20 < low < middle < high < 300
    assert large_trades(folder)["BTCUSDT"].shape[1] == 2


def test_a_folder_without_recordings_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected recordings"):
        recorded_series(tmp_path)
    broken = tmp_path / recorded.COINGLASS_1H
    broken.parent.mkdir()
    broken.write_bytes(gzip.compress(b"timestamp,price_open\n1,2\n"))
    with pytest.raises(UsageError, match="not the recording it should be"):
        recorded_series(tmp_path)
    broken.write_bytes(b"no gzip")
    with pytest.raises(UsageError, match="not the recording it should be"):
        recorded_series(tmp_path)
    assert main(["score", "--captures", str(tmp_path / "nowhere")]) == 2


def test_the_command_writes_a_table_and_json(tmp_path: Path) -> None:
    rows = ["timestamp,price_open,price_high,price_low,price_close,liquidation_long_usd,"
            "liquidation_short_usd,funding_close,oi_close"]  # fmt: skip
    for bar in walk(6).bars:
        prices = f"{bar.open},{bar.high},{bar.low},{bar.close}"
        rows.append(f"{bar.at_ms},{prices},{bar.long_usd},{bar.short_usd},0.01,{bar.oi_coins * bar.close}")
    path = tmp_path / recorded.COINGLASS_1H
    path.parent.mkdir()
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    out = io.StringIO()
    assert run_score_recordings(tmp_path, True, out) == 0
    told = json.loads(out.getvalue())
    assert [card["series"] for card in told["series"]] == ["coinglass_1h"]
    assert len(told["model_hash"]) == 12
    out = io.StringIO()
    assert run_score_recordings(tmp_path, False, out) == 0
    assert "below the thresholds, proves nothing" in out.getvalue()
