"""The pulse starts with the week that the venue tells of."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.pulse import Pulse
from leadline.feed.pulse_history import remember_pulse
from leadline.venues.base import Candle, History

MINUTE_MS = 60_000
NOW_MIN = 500_000 * 60


def week(taker_buy: float | None = 4.0) -> History:
    """Return bars of five minutes for a week and of one for the last day, at prices that rise."""
    start = NOW_MIN - 7 * 1440
    spans = [(minute, 5) for minute in range(start, NOW_MIN - 1440, 5)]
    spans += [(minute, 1) for minute in range(NOW_MIN - 1440, NOW_MIN)]
    candles = []
    for minute, span in spans:
        price = 100.0 + (minute - start) / 1440
        bought = None if taker_buy is None else taker_buy * span
        candles.append(
            Candle(minute * MINUTE_MS, price, price, price, price, 10.0 * span, bought, span * MINUTE_MS)
        )
    return History(
        candles=candles,
        open_interest=[(minute * MINUTE_MS, 50.0) for minute in range(start, NOW_MIN, 5)],
        funding=[(minute * MINUTE_MS, 1e-4) for minute in range(start, NOW_MIN, 480)],
        long_ratios=[(minute * MINUTE_MS, 1.5) for minute in range(start, NOW_MIN, 60)],
    )


def test_a_week_of_every_series_is_there_at_once() -> None:
    pulse = Pulse()
    remember_pulse(pulse, "binance", week(), NOW_MIN * MINUTE_MS + 5_000)
    columns = pulse.columns(15, 672, ("binance",))
    inner = slice(1, -1)
    for name in ("oi_usd", "funding", "buy_usd", "sell_usd", "long_ratio", "close"):
        assert not np.isnan(columns.field(name)[inner]).any(), f"{name} has holes"
    prices = columns.field("close")[inner]
    np.testing.assert_allclose(columns.field("oi_usd")[inner], 50.0 * prices, rtol=1e-3)
    np.testing.assert_allclose(columns.field("buy_usd")[inner], 15 * 4.0 * prices, rtol=1e-3)
    np.testing.assert_allclose(columns.field("sell_usd")[inner], 15 * 6.0 * prices, rtol=1e-3)
    np.testing.assert_allclose(columns.field("long_ratio")[inner], 1.5)
    assert pulse.past == 1


def test_a_venue_that_does_not_tell_the_takers_has_no_flow() -> None:
    pulse = Pulse()
    remember_pulse(pulse, "okx", week(taker_buy=None), NOW_MIN * MINUTE_MS)
    columns = pulse.columns(5, 100, ("okx",))
    assert np.isnan(columns.field("buy_usd")[:-1]).all()
    assert columns.field("close")[50] == pytest.approx(107.0, abs=0.5)


def test_a_ratio_is_not_held_for_more_than_an_hour() -> None:
    pulse, past = Pulse(), week()
    past.long_ratios = [((NOW_MIN - 300) * MINUTE_MS, 1.5)]
    remember_pulse(pulse, "binance", past, NOW_MIN * MINUTE_MS)
    known = ~np.isnan(pulse.columns(1, 400, ("binance",)).field("long_ratio"))
    assert 60 <= known.sum() <= 70


def test_no_history_leaves_the_pulse_as_it_is() -> None:
    pulse = Pulse()
    remember_pulse(pulse, "binance", History(), NOW_MIN * MINUTE_MS)
    assert pulse.past == 0
