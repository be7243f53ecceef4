"""Scores the estimate and the maps to beat on recorded markets: `leadline score --captures DIR`.

Recorded liquidations come as dollars by side and interval, without their prices.  So what an interval's
price newly reached is judged as one: the dollars a map drawn before foretold for those bins against the
dollars that died on that side in that interval.

No complete feed with prices was recorded.  "ours" learns from the sums as if they were one, each spread
over what its interval reached; "unlearned" is the prior alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor, isnan, log
from pathlib import Path
from typing import TextIO

import numpy as np

from leadline.domain import score
from leadline.domain.bands import Bands
from leadline.domain.clusters import cluster_usd_min, find_clusters
from leadline.domain.estimator_constants import PROFILE_BINS, model_hash
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.heat import combine
from leadline.domain.kernels import F8, I8
from leadline.domain.learning import Unthrottled
from leadline.domain.leverage import Tiers, bundled_tiers, day_of
from leadline.feed.recorded_series import (
    HOUR_MS,
    ForcedOrder,
    RecordedBar,
    Series,
    forced_orders,
    large_trades,
    recorded_series,
)

HORIZONS_H = (1, 4, 24)
HEADLINE_H = 4
WARMUP_HOURS = 72
MAPS = ("ours", "unlearned", "coinank_like", "one_sided", "volume_profile", "uniform")
NULL = "distance"
PRINTS_PER_BAR = 8  # that a bar's liquidated dollars are told to the estimator as
SEED = 1
BIG_MOVE_SHARE = 0.05  # of the days, those that moved most
BASELINES: dict[str, Callable[[float], score.Baseline]] = {
    "coinank_like": score.CoinankLike,
    "one_sided": score.OneSided,
    "volume_profile": score.VolumeProfile,
    "uniform": lambda _: score.Uniform(),
}


@dataclass(slots=True)
class SeriesScore:
    """The outcomes of one series by horizon (hours), and how many clusters price touched."""

    series: Series
    outcomes: dict[int, list[score.Outcome]] = field(default_factory=lambda: {h: [] for h in HORIZONS_H})
    blocks: dict[int, list[I8]] = field(default_factory=lambda: {h: [] for h in HORIZONS_H})
    touches: int = 0
    drawn: int = 0

    @property
    def tiers(self) -> Tiers:
        """The leverage tiers in force when the series began, else the first known."""
        return bundled_tiers("binance", "BTCUSDT", day_of(self.series.bars[0].at_ms))


def score_series(series: Series) -> SeriesScore:
    """Play a series through the bands and the maps to beat, and judge every hour's maps by what followed."""
    made = SeriesScore(series)
    bars = series.bars
    lows = np.array([ceil(log(bar.low) / score.STEP - 0.5) for bar in bars])
    highs = np.array([floor(log(bar.high) / score.STEP - 0.5) for bar in bars])
    died = np.array([[bar.long_usd, bar.short_usd] for bar in bars])
    # Learning begins with the first death: maps from before it has settled would set everybody's scale.
    told_ms = next((bar.at_ms for bar in bars if not isnan(bar.long_usd)), bars[-1].at_ms)
    judged_from_ms = told_ms + WARMUP_HOURS * HOUR_MS
    ours: dict[str, Bands] = {}
    baselines: dict[str, score.Baseline] = {}
    oi_coins = 0.0
    for at, bar in enumerate(bars):
        if not isnan(bar.oi_coins):
            oi_coins = bar.oi_coins
        if not baselines:
            ours = {name: Bands(made.tiers, bar.open, bar.at_ms) for name in ("ours", "unlearned")}
            for bands in ours.values():
                bands.open_interest(oi_coins, bar.at_ms)
            baselines = {name: make(bar.open) for name, make in BASELINES.items()}
        for name, bands in ours.items():
            play(bands, bar, series.span_ms, oi_coins, taught=name == "ours")
        for baseline in baselines.values():
            baseline.minute(bar, oi_coins)
        end_ms = bar.at_ms + series.span_ms
        if end_ms % HOUR_MS == 0 and end_ms >= judged_from_ms:
            _draw(made, ours, baselines, at, lows, highs, died)
    for outcomes in made.outcomes.values():
        score.with_distance_only(outcomes)
    return made


def play(bands: Bands, bar: RecordedBar, span_ms: int, oi_coins: float, *, taught: bool) -> None:
    """Take a bar, its open interest and funding; ``taught``: and what died in it.

    The bar's path is played in its last two minutes, step by step: what the mark reaches unseen for
    longer would not be held against what died.
    """
    end_ms = bar.at_ms + span_ms
    extremes = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    bands.volume(bar)
    start = bands.mark_price
    for at, price in enumerate((start, *extremes, bar.close)):
        bands.mark(price, end_ms - 121_000 + 30_000 * at)
    if taught:
        at_ms = end_ms - 31_000
        for side, usd, reached in ((Side.BUY, bar.long_usd, bar.low), (Side.SELL, bar.short_usd, bar.high)):
            if not usd > 0.0:
                continue
            far = min(start, bar.open) if side is Side.BUY else max(start, bar.open)
            way = np.linspace(far, reached, PRINTS_PER_BAR + 1)[1:]
            for price in way:
                coins = usd / PRINTS_PER_BAR / float(price)
                bands.liquidation(side, coins, float(price), PriceKind.FILL, Completeness.FULL, at_ms)
    bands.open_interest(oi_coins, end_ms)
    bands.funding(bar.funding)


def _draw(
    made: SeriesScore,
    ours: dict[str, Bands],
    baselines: dict[str, score.Baseline],
    at: int,
    lows: I8,
    highs: I8,
    died: F8,
) -> None:
    """Judge the maps of the end of bar ``at`` over each horizon that the recording covers without a gap."""
    series, bars = made.series, made.series.bars
    bands = ours["ours"]
    profiles = {name: one.profile() for name, one in ours.items()}
    profile = profiles["ours"]
    maps = {name: np.stack([one.long_coins, one.short_coins]) for name, one in profiles.items()}
    for name, baseline in baselines.items():
        maps[name] = baseline.coins(profile.origin)
    made.drawn += 1
    for hours in HORIZONS_H:
        count = hours * HOUR_MS // series.span_ms
        span = slice(at + 1, at + 1 + count)
        whole = (
            span.stop <= len(bars) and bars[span.stop - 1].at_ms - bars[at].at_ms == count * series.span_ms
        )
        if not whole or np.isnan(died[span]).any():
            continue
        outcome, block = judge(profile.origin, lows[span], highs[span], died[span], maps, profile.mark)
        outcome = score.Outcome(
            bars[at].at_ms + series.span_ms,
            bars[at].at_ms + series.span_ms + hours * HOUR_MS,
            outcome.away,
            outcome.realised,
            outcome.foretold,
        )
        made.outcomes[hours].append(outcome)
        made.blocks[hours].append(block)
        if hours == 1:
            made.touches += _touched(bands, lows[span], highs[span])


def judge(
    origin: int, lows: I8, highs: I8, died: F8, maps: dict[str, F8], mark: float
) -> tuple[score.Outcome, I8]:
    """Return what maps foretold for the bins that bars newly reached, and what died in those bars.

    lows, highs [k]: the lowest and highest bin each bar reached.  died [k, 2]: dollars (long, short) of
    each bar.  maps: coins [2, PROFILE_BINS] from bin ``origin`` on.  A bar's dollars are spread evenly
    over the bins it newly reached; the second value [n] says for each bin which (bar, side) that was.
    Bars that reached nothing new on a side are left out there: only first touches are judged.
    """
    here = origin + PROFILE_BINS // 2
    lowest = np.minimum.accumulate(np.concatenate([[here], lows]))
    highest = np.maximum.accumulate(np.concatenate([[here], highs]))
    away, realised, block, index = [], [], [], []
    for bar in range(len(lows)):
        below = np.arange(max(lowest[bar + 1], origin), lowest[bar])
        above = np.arange(highest[bar] + 1, min(highest[bar + 1], origin + PROFILE_BINS - 1) + 1)
        for side, bins in enumerate((below, above)):
            if len(bins):
                away.append(np.abs(bins - here))
                realised.append(np.full(len(bins), died[bar, side] / len(bins)))
                block.append(np.full(len(bins), 2 * bar + side))
                index.append(side * PROFILE_BINS + bins - origin)
    places: I8 = np.concatenate([np.zeros(0, dtype=np.int64), *index])
    foretold = {name: coins.ravel()[places] * mark for name, coins in maps.items()}
    outcome = score.Outcome(
        0,
        0,
        np.concatenate([np.zeros(0, dtype=np.int64), *away]),
        np.concatenate([np.zeros(0), *realised]),
        foretold,
    )
    return outcome, np.concatenate([np.zeros(0, dtype=np.int64), *block])


def summed(outcome: score.Outcome, block: I8) -> score.Outcome:
    """Return the outcome with its bins summed by block: one number for each (bar, side)."""
    _, place = np.unique(block, return_inverse=True)
    size = int(place.max()) + 1 if len(place) else 0

    def by_block(values: F8) -> F8:
        summed: F8 = np.zeros(size)
        np.add.at(summed, place, values)
        return summed

    foretold = {name: by_block(usd) for name, usd in outcome.foretold.items()}
    return score.Outcome(
        outcome.from_ms,
        outcome.to_ms,
        np.arange(size),
        by_block(outcome.realised),
        foretold,
    )


def _touched(bands: Bands, lows: I8, highs: I8) -> int:
    """Count the clusters price came to within the hour, from at least 10 bp away."""
    heat = combine([(bands.profile(), bands.mark_price)], bands.mark_price)
    here = heat.origin + PROFILE_BINS // 2
    low, high = int(lows.min()), int(highs.max())
    if here - low < 2 and high - here < 2:
        return 0
    touched = 0
    for cluster in find_clusters(heat, heat.mark, heat.oi_usd, cluster_usd_min("BTC")):
        edge = cluster.first_bin + (len(cluster.mass) - 1 if cluster.side == "long" else 0)
        if abs(edge - here) >= 2:
            touched += low <= edge if cluster.side == "long" else high >= edge
    return touched


def series_report(made: SeriesScore) -> dict[str, object]:
    """Return the score card of one series; below the thresholds it says that there is not enough data.

    What counts as one case is a reached stretch: the bins a bar newly reached on one side.
    """
    series = made.series
    by_horizon = {
        hours: [summed(o, b) for o, b in zip(made.outcomes[hours], made.blocks[hours], strict=True)]
        for hours in HORIZONS_H
    }
    days = len({outcome.from_ms // 86_400_000 for outcome in by_horizon[1]})
    # Hour after hour, so that no stretch of the market is counted twice.
    stretches = sum(len(outcome.realised) for outcome in by_horizon[1])
    enough = days >= score.DAYS_MIN and stretches >= score.TOUCHES_MIN
    card: dict[str, object] = {
        "series": series.name,
        "days": round(series.days, 1),
        "bar_minutes": series.span_ms // 60_000,
        "judged_days": days,
        "maps_drawn": made.drawn,
        "reached_stretches": stretches,
        "touches": made.touches,
        "notes": [*series.notes, _tiers_note(made.tiers, series.bars[0].at_ms)],
    }
    numbers = {f"{hours}h": _numbers(by_horizon[hours]) for hours in HORIZONS_H}
    card["enough"] = enough
    shortage = f"not enough data (n={stretches} reached stretches on {days} days)"
    headline = numbers[f"{HEADLINE_H}h"]
    card["deviance_skill"] = {name: headline[name]["skill"] for name in MAPS} if enough else shortage
    card["total_ratio"] = _total_ratio(by_horizon[HEADLINE_H]) if enough else shortage
    card["coverage_80"] = "not enough data (n=0): no recorded liquidation carries its trigger"
    card["emd_pct"] = "not enough data (n=0): no positions were recorded"
    card["by_horizon" if enough else "by_horizon_unproven"] = numbers
    return card


def _tiers_note(tiers: Tiers, at_ms: int) -> str:
    """Say which leverage tiers a series was played with."""
    if tiers.later_than(day_of(at_ms)):
        return f"leverage tiers of {tiers.valid_from}, a later table: none is known of its day"
    return f"leverage tiers of {tiers.valid_from}, the last known before it"


def _numbers(outcomes: list[score.Outcome]) -> dict[str, dict[str, object]]:
    """Return the measures of each map over one horizon, and those of the null where it has them."""
    big = _big_days(outcomes)
    told: dict[str, dict[str, object]] = {}
    for name in (*MAPS, NULL):
        skills: dict[str, object] = {}
        if name != NULL:
            value, by_day = score.skill(outcomes, name)
            interval = score.day_block_interval(by_day, SEED)
            calm = [o for o in outcomes if o.from_ms // 86_400_000 not in big]
            skills = {
                "skill": _rounded(value),
                "skill_90": None if interval is None else [_rounded(1 - end) for end in interval[::-1]],
                "skill_calm": _rounded(score.skill(calm, name)[0]),
                "skill_big_moves": _rounded(
                    score.skill([o for o in outcomes if o.from_ms // 86_400_000 in big], name)[0]
                ),
            }
        captured, interval = _capture(outcomes, name)
        told[name] = {
            **skills,
            "rank": _rounded(_rank(outcomes, name)),
            "capture_20": _rounded(captured),
            "capture_20_90": None if interval is None else [_rounded(end) for end in interval],
        }
    return told


def _big_days(outcomes: list[score.Outcome]) -> set[int]:
    """Return the days whose maps saw price reach most bins."""
    reached: dict[int, float] = {}
    for outcome in outcomes:
        day = outcome.from_ms // 86_400_000
        reached[day] = reached.get(day, 0.0) + float(outcome.foretold["uniform"].sum())
    count = ceil(BIG_MOVE_SHARE * len(reached))
    return set(sorted(reached, key=lambda day: -reached[day])[:count])


def _pooled(outcomes: list[score.Outcome], name: str) -> list[tuple[int, F8, F8]]:
    """Return by day what the map (scaled by the past) foretold and what died, one number a (bar, side)."""
    key = name if name == NULL else f"scaled {name}"
    days: dict[int, list[score.Outcome]] = {}
    for outcome in outcomes:
        if key in outcome.foretold and len(outcome.realised):
            days.setdefault(outcome.from_ms // 86_400_000, []).append(outcome)
    return [
        (
            day,
            np.concatenate([o.foretold[key] for o in group]),
            np.concatenate([o.realised for o in group]),
        )
        for day, group in sorted(days.items())
    ]


def _rank(outcomes: list[score.Outcome], name: str) -> float | None:
    """Spearman's rank correlation of foretold and realised dollars over all (bar, side)."""
    days = _pooled(outcomes, name)
    if sum(len(usd) for _, usd, _ in days) < 10:
        return None
    foretold, realised = (np.concatenate([day[at] for day in days]) for at in (1, 2))
    return score.spearman(foretold, realised)


def _capture(outcomes: list[score.Outcome], name: str) -> tuple[float | None, tuple[float, float] | None]:
    """Share of a day's dollars in the fifth of its (bar, side) a map puts first, and its 90 % interval."""
    parts = [
        (day, score.capture(realised, foretold, 0.2) * float(realised.sum()), float(realised.sum()))
        for day, foretold, realised in _pooled(outcomes, name)
        if len(realised) >= 10 and realised.sum() > 0
    ]
    total = sum(usd for _, _, usd in parts)
    if total <= 0:
        return None, None
    return sum(usd for _, usd, _ in parts) / total, score.day_block_interval(parts, SEED)


def _total_ratio(outcomes: list[score.Outcome]) -> float | None:
    died = sum(float(outcome.realised.sum()) for outcome in outcomes)
    foretold = sum(float(outcome.foretold["ours"].sum()) for outcome in outcomes)
    return _rounded(foretold / died) if died > 0 else None


def forced_report(folder: Path) -> dict[str, object] | None:
    """Return what the recorded forced orders tell of their feed, None without any."""
    orders, repeated = forced_orders(folder)
    if not orders:
        return None
    trades = large_trades(folder)
    away = [gap for order in orders if (gap := _off_nearest(order, trades.get(order.symbol))) is not None]
    busy: dict[str, set[int]] = {}
    for order in orders:
        busy.setdefault(order.symbol, set()).add(order.at_ms // 1000)
    same_second = len(orders) - sum(len(seconds) for seconds in busy.values())
    shown, stands_for = _unthrottled(orders)
    to_bankruptcy = [abs(order.average / order.price - 1) * 1e4 for order in orders if order.price > 0]
    return {
        "series": "binance_forced_orders",
        "orders": len(orders),
        "repeated_rows_dropped": repeated,
        "symbols": len(busy),
        "orders_in_a_second_that_had_one": same_second,
        "off_nearest_large_trade_pct": None if not away else _rounded(float(np.median(away)) * 100, 4),
        "compared_with_trades": len(away),
        "fill_to_bankruptcy_bp": [_rounded(float(q), 1) for q in np.quantile(to_bankruptcy, (0.1, 0.5, 0.9))],
        "throttle_multiplier": _rounded(stands_for / shown),
        "map": "not enough data (n=0): neither open interest nor bars of those minutes were recorded",
    }


def _off_nearest(order: ForcedOrder, trades: F8 | None) -> float | None:
    """Return how far a fill is off the nearest large trade within a second, as a share of price."""
    if trades is None:
        return None
    at = int(np.searchsorted(trades[:, 0], order.at_ms))
    near = trades[max(at - 1, 0) : at + 1]
    gaps = [abs(price / order.average - 1) for when, price in near if abs(when - order.at_ms) <= 1_000]
    return min(gaps) if gaps else None


def _unthrottled(orders: list[ForcedOrder]) -> tuple[float, float]:
    """Return dollars shown, and what they stand for by the share of seconds that had an order."""
    shown = stands_for = 0.0
    feeds: dict[str, Unthrottled] = {}
    for order in orders:
        feed = feeds.setdefault(order.symbol, Unthrottled())
        side = Side.BUY if order.side == 0 else Side.SELL
        shown += order.coins * order.average
        stands_for += feed.coins(side, order.coins, order.at_ms) * order.average
    return shown, stands_for


def run_score_recordings(folder: Path, as_json: bool, out: TextIO) -> int:
    """Score every recorded series under ``folder``; one JSON object, or a table a series."""
    cards = [series_report(score_series(series)) for series in recorded_series(folder)]
    forced = forced_report(folder)
    if as_json:
        told = {"model_hash": model_hash(), "series": cards + ([forced] if forced else [])}
        out.write(json.dumps(told) + "\n")
        return 0
    out.write(
        f"model {model_hash()}; no complete feed was recorded: ours learns from sums as if they were one\n"
    )
    for card in cards:
        _write(card, out)
    if forced:
        out.write("\nbinance_forced_orders\n")
        out.writelines(f"  {name}: {value}\n" for name, value in forced.items() if name != "series")
    return 0


def _write(card: dict[str, object], out: TextIO) -> None:
    out.write(f"\n{card['series']}: {card['days']} days, {card['reached_stretches']} reached stretches\n")
    out.writelines(f"  note: {note}\n" for note in (card["notes"] if isinstance(card["notes"], list) else []))
    for name in ("deviance_skill", "total_ratio", "coverage_80", "emd_pct"):
        if not isinstance(card[name], dict):  # the table holds it
            out.write(f"  {name}: {card[name]}\n")
    proven = "by_horizon" in card
    numbers = card["by_horizon" if proven else "by_horizon_unproven"]
    if not isinstance(numbers, dict):
        return
    out.write(f"  {'' if proven else 'below the thresholds, proves nothing: '}skill over distance alone\n")
    heads = ("skill", "90 % interval", "calm", "big moves", "rank", "capture 20 %")
    out.write("  {:>4} {:15} {:>8} {:>18} {:>8} {:>9} {:>7} {:>12}\n".format("", "", *heads))
    for horizon, maps in numbers.items():
        for name, part in maps.items():
            cells = [part.get(key) for key in ("skill", "skill_90", "skill_calm", "skill_big_moves")]
            cells += [part["rank"], part["capture_20"]]
            text = [_cell(cell) for cell in cells]
            out.write("  {:>4} {:15} {:>8} {:>18} {:>8} {:>9} {:>7} {:>12}\n".format(horizon, name, *text))


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " to ".join(_cell(part) for part in value)
    return "-" if value is None else f"{value:.2f}"


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
