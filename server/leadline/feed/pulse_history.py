"""A venue's past for the pulse: open interest, funding, taker flow and the long/short ratio of the week."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from leadline.domain.pulse import HOLD_MIN, KEPT_MIN, Pulse
from leadline.venues.base import Candle, History

MINUTE_MS = 60_000
RATIO_HELD_MIN = 60  # venues tell it by the hour


def remember_pulse(pulse: Pulse, venue: str, history: History, now_ms: int) -> None:
    """Give what ``history`` knows of the minutes kept to the pulse.  now_ms: by our own clock."""
    now_min = now_ms // MINUTE_MS
    since_ms = (now_min - KEPT_MIN) * MINUTE_MS
    bars = [bar for bar in history.candles if bar.at_ms >= since_ms]
    if not bars:
        return
    pulse.advance(now_min)
    pulse.remember(
        venue,
        closes=[((bar.at_ms + bar.span_ms) // MINUTE_MS - 1, bar.close) for bar in bars],
        flows=[flow for bar in bars if (flow := _flow(bar)) is not None],
        oi_usd=_valued(bars, [sample for sample in history.open_interest if sample[0] >= since_ms]),
        funding=[(at_ms // MINUTE_MS, rate) for at_ms, rate in history.funding],
        long_share=_held(history.long_ratios, now_min),
    )


def _flow(bar: Candle) -> tuple[int, int, float, float] | None:
    """Return (first minute, minutes, USD bought, USD sold), None where the venue does not tell the takers."""
    if bar.taker_buy is None:
        return None
    usd = bar.close
    sold = max(bar.volume - bar.taker_buy, 0.0)
    return bar.at_ms // MINUTE_MS, bar.span_ms // MINUTE_MS, bar.taker_buy * usd, sold * usd


def _valued(bars: Sequence[Candle], coins: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Value each sample of open interest at the price of its time, in dollars by minute."""
    starts = [bar.at_ms for bar in bars]
    return [
        (at_ms // MINUTE_MS, held * bars[max(bisect_right(starts, at_ms) - 1, 0)].close)
        for at_ms, held in coins
    ]


def _held(ratios: Sequence[tuple[int, float]], now_min: int) -> list[tuple[int, float]]:
    """Return the share of accounts that are long; each ratio holds until the next one, at most an hour."""
    told = [(at_ms // MINUTE_MS, ratio / (1.0 + ratio)) for at_ms, ratio in ratios]
    return [
        (minute, share)
        for (first, share), (until, _) in pairwise([*told, (now_min + 1, 0.0)])
        for minute in range(first, min(until, first + RATIO_HELD_MIN), HOLD_MIN)
    ]
