"""Replays a venue's past through its bands, and keeps a column of the map for every bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from leadline.domain.bands import Bands, CandleLike
from leadline.domain.heatmap import COARSE_MIN, Column, coded

MINUTE_MS = 60_000


class Bar(CandleLike, Protocol):
    """A candle that says how long it lasted."""

    @property
    def span_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    coins: float | None = None
    rate: float | None = None


def backcast(
    bands: Bands,
    bars: Sequence[Bar],
    open_interest: Sequence[tuple[int, float]],
    funding: Iterable[tuple[int, float]] = (),
    columns_since_ms: int = 0,
    on_bar: Callable[[Bar], None] = lambda _: None,
) -> list[Column]:
    """Replay bars (oldest first, of any lengths) with the samples between them.

    open_interest: (ms, coins of one side); funding: (ms, rate) of settlements.  A sample counts once the
    bars that end at or before it are in.  With a single sample (a venue without history) open interest
    is held constant: every bar settles with that one.  Returns a column for each bar from
    ``columns_since_ms`` on that is short enough for the map.  on_bar: called after each bar, for what is to
    be noted along the way.
    """
    columns: list[Column] = []
    if not bars:
        for at_ms, coins in open_interest:
            bands.open_interest(coins, at_ms)
        return columns
    bands.mark(bars[0].open, bars[0].at_ms)
    constant = open_interest[0][1] if len(open_interest) == 1 else None
    samples = [_Sample(at_ms, rate=rate) for at_ms, rate in funding if at_ms >= bars[0].at_ms]
    if constant is None:
        samples += [_Sample(at_ms, coins=coins) for at_ms, coins in open_interest]
    samples.sort(key=lambda sample: sample.at_ms)
    at = 0
    for bar in bars:
        end_ms = bar.at_ms + bar.span_ms
        while at < len(samples) and samples[at].at_ms < end_ms:
            _take(bands, samples[at])
            at += 1
        bands.candle(bar)
        if constant is not None:
            bands.open_interest(constant, end_ms)
        while at < len(samples) and samples[at].at_ms == end_ms:
            _take(bands, samples[at])
            at += 1
        on_bar(bar)
        if bar.at_ms >= columns_since_ms and bar.span_ms <= COARSE_MIN * MINUTE_MS:
            columns.append(column(bands, bar))
    for sample in samples[at:]:
        _take(bands, sample)
    return columns


def column(bands: Bands, bar: Bar) -> Column:
    """Return the column of the bar that has just ended."""
    origin, codes = coded(bands)
    return Column(
        minute=bar.at_ms // MINUTE_MS,
        span_min=bar.span_ms // MINUTE_MS,
        candle=(bar.open, bar.high, bar.low, bar.close),
        mark=bands.mark_price,
        oi_coins=bands.oi_coins,
        origin=origin,
        codes=codes,
    )


def _take(bands: Bands, sample: _Sample) -> None:
    if sample.coins is not None:
        bands.open_interest(sample.coins, sample.at_ms)
    if sample.rate is not None:
        bands.funding(sample.rate)
