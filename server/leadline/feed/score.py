"""Plays minutes of a market whose truth is known through the estimator and the maps to beat.

The estimator is told what venues publish; the truth only judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor, log

import numpy as np
from numpy.typing import NDArray

from leadline.domain import score
from leadline.domain.bands import Bands, CandleLike
from leadline.domain.clusters import cluster_usd_min, find_clusters
from leadline.domain.estimator import Estimator
from leadline.domain.estimator_constants import PROFILE_BINS, model_hash
from leadline.domain.events import Liquidation, Side
from leadline.domain.kernels import F8, I8
from leadline.domain.leverage import Tiers
from leadline.domain.touches import Touch, Watch

HOUR_MS = 3_600_000
HORIZONS_H = (1, 4, 24)
HEADLINE_H = 4
EMD_EVERY_H = 6
MAPS = ("ours", "unlearned", "coinank_like", "one_sided", "volume_profile", "uniform")
BASELINES: dict[str, Callable[[float], score.Baseline]] = {
    "coinank_like": score.CoinankLike,
    "one_sided": score.OneSided,
    "volume_profile": score.VolumeProfile,
    "uniform": lambda _: score.Uniform(),
}


@dataclass(frozen=True, slots=True)
class Deaths:
    """Who was liquidated: sides (0 long, 1 short), trigger prices and coins, [d] each."""

    sides: NDArray[np.int64]
    triggers: F8
    coins: F8


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of one venue: what it publishes (bar, open interest, prints, funding) and the truth."""

    bar: CandleLike
    oi_coins: float
    prints: list[Liquidation]
    funding_rate: float | None
    deaths: Deaths


@dataclass(slots=True)
class _Record:
    """What happened at a venue, for judging later: a column a minute, a row a death."""

    lows: list[int] = field(default_factory=list)
    highs: list[int] = field(default_factory=list)
    minutes: list[NDArray[np.int64]] = field(default_factory=list)
    deaths: list[Deaths] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Maps of a venue as of the end of a minute: coins [2, PROFILE_BINS] by name."""

    minute: int
    at_ms: int
    mark: float
    origin: int
    maps: dict[str, F8]


class SymbolScore:
    """Scores one symbol.  tiers: of each venue, the reference venue first."""

    def __init__(self, base: str, tiers: Mapping[str, Tiers], warmup_minutes: int) -> None:
        self._usd_min = cluster_usd_min(base)
        self._tiers = tiers
        self._warmup = warmup_minutes
        self._ours, self._unlearned = Estimator(base), Estimator(base)
        self._baselines: dict[str, dict[str, score.Baseline]] = {}
        self._marks: dict[str, float] = {}
        self._record = {venue: _Record() for venue in tiers}
        self._drawn: list[tuple[str, _Drawn]] = []
        self._watch: tuple[Watch, dict[str, float]] | None = None
        self._minute = 0
        self.outcomes: dict[int, list[score.Outcome]] = {hours: [] for hours in HORIZONS_H}
        self.emds: dict[str, list[tuple[int, float]]] = {name: [] for name in MAPS}
        self.mass_ratios: list[float] = []
        self.touches: list[Touch] = []
        self.uncalibrated_touches: list[Touch] = []

    @property
    def prints(self) -> int:
        return self._ours.prints

    @property
    def widening(self) -> float | None:
        return self._ours.widening

    def minute(self, minutes: Mapping[str, Minute], truth: Callable[[str], Deaths]) -> None:
        """Take one minute of every venue; ``truth`` gives a venue's open positions now."""
        for venue, minute in minutes.items():
            if venue not in self._baselines:
                self._start(venue, minute)
            self._play(venue, minute)
        self._minute += 1
        if self._minute % 60 == 0:
            at_ms = next(iter(minutes.values())).bar.at_ms + 60_000
            self._draw(at_ms, truth)

    def finish(self) -> None:
        """Judge what was drawn."""
        for venue in self._tiers:
            own = [drawn for name, drawn in self._drawn if name == venue]
            record = self._record[venue]
            lows, highs = np.array(record.lows), np.array(record.highs)
            when = np.concatenate(record.minutes)
            sides = np.concatenate([deaths.sides for deaths in record.deaths])
            triggers = np.concatenate([deaths.triggers for deaths in record.deaths])
            usd = triggers * np.concatenate([deaths.coins for deaths in record.deaths])
            bins: I8 = np.floor(np.log(triggers) / score.STEP).astype(np.int64)
            for hours in HORIZONS_H:
                judged = []
                for drawn in own:
                    end = drawn.minute + hours * 60
                    if end > self._minute:
                        continue
                    begin, stop = np.searchsorted(when, [drawn.minute, end])
                    died = slice(int(begin), int(stop))
                    judged.append(
                        _outcome(
                            drawn,
                            hours,
                            lows[drawn.minute : end],
                            highs[drawn.minute : end],
                            when[died] - drawn.minute,
                            sides[died],
                            bins[died],
                            usd[died],
                        )
                    )
                score.with_distance_only(judged)
                self.outcomes[hours] += judged

    def _start(self, venue: str, minute: Minute) -> None:
        price, at_ms = minute.bar.open, minute.bar.at_ms
        for estimator in (self._ours, self._unlearned):
            estimator.venues[venue] = Bands(self._tiers[venue], price, at_ms)
        self._baselines[venue] = {name: make(price) for name, make in BASELINES.items()}

    def _play(self, venue: str, minute: Minute) -> None:
        bar, record = minute.bar, self._record[venue]
        end_ms = bar.at_ms + 60_000
        extremes = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
        for estimator in (self._ours, self._unlearned):
            bands = estimator.venues[venue]
            bands.volume(bar)
            for price in extremes:
                estimator.mark(venue, price, bar.at_ms + 30_000)
            estimator.mark(venue, bar.close, end_ms - 1)
        for event in minute.prints:
            self._ours.liquidation(
                venue, event.side, event.coins, event.price, event.kind, event.completeness, event.at_ms
            )
        for estimator in (self._ours, self._unlearned):
            bands = estimator.venues[venue]
            bands.open_interest(minute.oi_coins, end_ms)
            if minute.funding_rate is not None:
                bands.funding(minute.funding_rate)
        for baseline in self._baselines[venue].values():
            baseline.minute(bar, minute.oi_coins)
        self._marks[venue] = bar.close
        record.lows.append(ceil(log(bar.low) / score.STEP - 0.5))
        record.highs.append(floor(log(bar.high) / score.STEP - 0.5))
        record.minutes.append(np.full(len(minute.deaths.sides), self._minute))
        record.deaths.append(minute.deaths)
        if self._watch is not None:
            watch, factors = self._watch
            factor = factors[venue]
            if venue == next(iter(self._tiers)):
                for price in extremes:
                    watch.mark(price)
            for at in range(len(minute.deaths.sides)):
                trigger = float(minute.deaths.triggers[at]) * factor
                side = Side.BUY if minute.deaths.sides[at] == 0 else Side.SELL
                watch.liquidation(side, trigger, float(minute.deaths.coins[at]) * trigger)

    def _draw(self, at_ms: int, truth: Callable[[str], Deaths]) -> None:
        """Note the maps of this hour, and judge the shape and the clusters of what was noted before."""
        if self._watch is not None:
            for touch in self._watch[0].touches():
                (self.uncalibrated_touches if touch.sigma is None else self.touches).append(touch)
            self._watch = None
        if self._minute < self._warmup:
            return
        joint = {name: np.zeros((2, PROFILE_BINS)) for name in (*MAPS, "truth")}
        positions = self._minute % (EMD_EVERY_H * 60) == 0
        for venue in self._tiers:
            mark = self._marks[venue]
            maps = self._maps(venue)
            origin = floor(log(mark) / score.STEP) - PROFILE_BINS // 2
            self._drawn.append((venue, _Drawn(self._minute, at_ms, mark, origin, maps)))
            if positions:
                maps = {**maps, "truth": _binned(truth(venue), origin)}
                for name, coins in maps.items():
                    joint[name] += coins * mark
        if positions:
            self._judge_shape(at_ms, joint)
        venues = list(self._tiers)
        marks = [self._marks[venue] for venue in venues]
        heat = self._ours.heat(venues, marks)
        clusters = find_clusters(heat, marks[0], heat.oi_usd, self._usd_min)
        factors = {venue: marks[0] / self._marks[venue] for venue in venues}
        self._watch = Watch(heat, clusters, at_ms), factors

    def _maps(self, venue: str) -> dict[str, F8]:
        ours, unlearned = (estimator.venues[venue].profile() for estimator in (self._ours, self._unlearned))
        maps = {
            "ours": np.stack([ours.long_coins, ours.short_coins]),
            "unlearned": np.stack([unlearned.long_coins, unlearned.short_coins]),
        }
        for name, baseline in self._baselines[venue].items():
            maps[name] = baseline.coins(ours.origin)
        return maps

    def _judge_shape(self, at_ms: int, joint: Mapping[str, F8]) -> None:
        for side in range(2):
            true = joint["truth"][side]
            ratio = score.mass_ratio(joint["ours"][side], true)
            if ratio is not None:
                self.mass_ratios.append(ratio)
            for name in MAPS:
                # The half of a map beyond the mark holds none of this side, whatever a baseline says.
                own = joint[name][side].copy()
                own[PROFILE_BINS // 2 :] *= side
                own[: PROFILE_BINS // 2] *= 1 - side
                emd = score.emd_pct(own, true)
                if emd is not None:
                    self.emds[name].append((at_ms // (24 * HOUR_MS), emd))


def _binned(deaths: Deaths, origin: int) -> F8:
    """Return coins [2, PROFILE_BINS] of positions at their triggers."""
    found: F8 = np.zeros((2, PROFILE_BINS))
    with_trigger = deaths.triggers > 0
    bins = np.floor(np.log(deaths.triggers[with_trigger]) / score.STEP).astype(np.int64) - origin
    inside = (bins >= 0) & (bins < PROFILE_BINS)
    np.add.at(found, (deaths.sides[with_trigger][inside], bins[inside]), deaths.coins[with_trigger][inside])
    return found


def _outcome(
    drawn: _Drawn,
    hours: int,
    lows: I8,
    highs: I8,
    when: I8,
    sides: NDArray[np.int64],
    bins: I8,
    usd: F8,
) -> score.Outcome:
    """Judge a venue's maps by the deaths at the mark's first touch of their bin."""
    here = drawn.origin + PROFILE_BINS // 2
    lowest = np.minimum.accumulate(np.concatenate([[here], lows]))
    highest = np.maximum.accumulate(np.concatenate([[here], highs]))
    first_touch = np.where(sides == 0, bins < lowest[when], bins > highest[when])
    away, realised, index = score.touched_bins(
        sides[first_touch],
        bins[first_touch],
        usd[first_touch],
        drawn.origin,
        int(lowest[-1]),
        int(highest[-1]),
    )
    foretold = {name: coins.ravel()[index] * drawn.mark for name, coins in drawn.maps.items()}
    return score.Outcome(drawn.at_ms, drawn.at_ms + hours * HOUR_MS, away, realised, foretold)


def report(symbols: Mapping[str, SymbolScore], seed: int, days: float) -> dict[str, object]:
    """Return the score of a run; symbols must be finished."""
    scores = symbols.values()
    emds = {name: _mean([emd for one in scores for _, emd in one.emds[name]]) for name in MAPS}
    by_horizon = {hours: [o for one in scores for o in one.outcomes[hours]] for hours in HORIZONS_H}
    headline = by_horizon[HEADLINE_H]
    skills = {name: score.skill(headline, name) for name in MAPS}
    touches = [touch for one in scores for touch in one.touches]
    held = sum(touch.held for touch in touches)
    ours, interval = skills["ours"][0], score.day_block_interval(skills["ours"][1], seed)
    realised = sum(float(o.realised.sum()) for o in headline)
    expected = sum(float(o.foretold["ours"].sum()) for o in headline)
    n = len(touches)
    biases = [float(np.log(t.realised_usd / t.predicted_usd)) for t in touches if t.realised_usd > 0]
    return {
        "seed": seed,
        "days": days,
        "model_hash": model_hash(),
        "emd_pct": emds["ours"],
        "emd_vs_coinank_like": _ratio(emds["ours"], emds["coinank_like"]),
        "emd_vs_unlearned": _ratio(emds["ours"], emds["unlearned"]),
        "emd_pct_of": emds,
        "mass_ratio": _mean([ratio for one in scores for ratio in one.mass_ratios]),
        "deviance_skill": ours,
        "deviance_skill_90": None if interval is None else [1 - interval[1], 1 - interval[0]],
        "deviance_skill_of": {name: value for name, (value, _) in skills.items()},
        "deviance_skill_by_hours": {hours: score.skill(by_horizon[hours], "ours")[0] for hours in HORIZONS_H},
        "capture_20": {name: _capture(headline, name) for name in (*MAPS, "distance")},
        "total_ratio": _ratio(expected, realised),
        "coverage_80": score.enough(n, score.TOUCHES_MIN, held / n if n else None),
        "coverage_80_raw": held / n if n else None,
        "interval_factor": _mean([touch.factor for touch in touches]),
        "touch_bias": _mean(biases),
        "widening": {name: one.widening for name, one in symbols.items()},
        "touches": n,
        "uncalibrated_touches": sum(len(one.uncalibrated_touches) for one in scores),
        "prints": sum(one.prints for one in scores),
        "enough": bool(days >= score.DAYS_MIN and n >= score.TOUCHES_MIN),
    }


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _capture(outcomes: list[score.Outcome], name: str) -> float | None:
    values = [
        (score.capture(o.realised, o.foretold[name], 0.2), float(o.realised.sum()))
        for o in outcomes
        if name in o.foretold and len(o.realised) >= 10 and o.realised.sum() > 0
    ]
    weight = sum(usd for _, usd in values)
    return sum(value * usd for value, usd in values) / weight if weight else None
