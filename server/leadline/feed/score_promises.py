"""Scores what a running server promised and then showed: `leadline score --data-dir DIR`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from leadline.domain import score
from leadline.domain.commitment import HALF, REACH, SealedMap, unsealed
from leadline.domain.estimator_constants import PROFILE_BINS
from leadline.errors import UsageError
from leadline.feed.witness import HORIZONS_H

MAPS = ("ours", "coinank_like", "one_sided", "volume_profile", "uniform")
HEADLINE_H = 4
MISSING_SHARE_MAX = 0.02  # minutes of a horizon without a mark: beyond it the outcome is unknown
SEED = 1


@dataclass(slots=True)
class Promises:
    """What one file holds: maps that were sealed (and when, ms), opened, or opened as others than were."""

    market: str
    name: str
    sealed: dict[str, int] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    outcomes: dict[tuple[str, int], list[score.Outcome]] = field(default_factory=dict)


def read_promises(path: Path) -> Promises:
    """Read one file of promises; lines that are none, or open another map than was sealed, are counted."""
    made = Promises(path.parents[1].name, path.stem)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            _take(made, json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            made.broken.append(f"line {number}: {error}")
    for outcomes in made.outcomes.values():
        outcomes.sort(key=lambda outcome: outcome.from_ms)
        score.with_distance_only(outcomes)
    return made


def _take(made: Promises, line: dict[str, Any]) -> None:
    digest = str(line["digest"])
    if line["kind"] == "commit":
        made.sealed[digest] = int(line["at_ms"])
        return
    if digest not in made.sealed:
        raise ValueError("a map was opened that had not been sealed before")
    drawn = unsealed(str(line["map"]), digest)
    made.opened.add(digest)
    made.models.add(drawn.model_hash)
    for hours in HORIZONS_H:
        outcome = _outcome(drawn, hours, line["outcomes"][str(hours)])
        if outcome is not None:
            # A change of any parameter starts a new series.
            made.outcomes.setdefault((drawn.model_hash, hours), []).append(outcome)


def _outcome(drawn: SealedMap, hours: int, told: dict[str, Any]) -> score.Outcome | None:
    if int(told["missing"]) > MISSING_SHARE_MAX * hours * 60:
        return None
    here = drawn.origin + HALF
    low, high = max(int(told["low"]), here - REACH), min(int(told["high"]), here + REACH)
    deaths = np.array([[float(value) for value in death] for death in told["deaths"]]).reshape(-1, 3)
    away, realised, index = score.touched_bins(
        deaths[:, 0].astype(np.int64), deaths[:, 1].astype(np.int64), deaths[:, 2], drawn.origin, low, high
    )
    maps = {**drawn.maps, "uniform": np.ones((2, PROFILE_BINS))}
    foretold = {name: usd.ravel()[index] for name, usd in maps.items()}
    return score.Outcome(drawn.at_ms, drawn.at_ms + hours * 3_600_000, away, realised, foretold)


def promises_report(made: Promises) -> Iterator[dict[str, object]]:
    """Yield a score card for each model the file holds maps of (one without numbers if there is none)."""
    unopened = [at_ms for digest, at_ms in made.sealed.items() if digest not in made.opened]
    last_ms = max(made.sealed.values(), default=0)
    waiting = sum(last_ms - at_ms < max(HORIZONS_H) * 3_600_000 for at_ms in unopened)
    head: dict[str, object] = {
        "series": made.name,
        "market": made.market,
        "simulated": made.market != "live",
        "sealed": len(made.sealed),
        "opened": len(made.opened),
        "waiting": waiting,
        "never_opened": len(unopened) - waiting,
        "broken_lines": len(made.broken),
    }
    if not made.models:
        yield {**head, "deviance_skill": "not enough data (n=0)"}
    for model in sorted(made.models):
        hourly = made.outcomes.get((model, 1), [])
        headline = made.outcomes.get((model, HEADLINE_H), [])
        days = len({outcome.from_ms // 86_400_000 for outcome in hourly})
        # Sides that price newly reached within an hour, hour after hour.
        n = sum(int((outcome.away > 0).any()) for outcome in hourly)
        enough = days >= score.DAYS_MIN and n >= score.TOUCHES_MIN
        numbers = {f"{hours}h": _numbers(made.outcomes.get((model, hours), [])) for hours in HORIZONS_H}
        shortage = f"not enough data (n={n} hours of movement on {days} days)"
        skills = {name: part["skill"] for name, part in numbers[f"{HEADLINE_H}h"].items()}
        yield {
            **head,
            "model_hash": model,
            "judged_days": days,
            "hours_of_movement": n,
            "enough": enough,
            "deviance_skill": skills if enough else shortage,
            "total_ratio": _total_ratio(headline) if enough else shortage,
            "by_horizon" if enough else "by_horizon_unproven": numbers,
        }


def _numbers(outcomes: list[score.Outcome]) -> dict[str, dict[str, object]]:
    told: dict[str, dict[str, object]] = {}
    for name in MAPS:
        value, by_day = score.skill(outcomes, name)
        interval = score.day_block_interval(by_day, SEED)
        told[name] = {
            "skill": _rounded(value),
            "skill_90": None if interval is None else [_rounded(1 - end) for end in interval[::-1]],
        }
    return told


def _total_ratio(outcomes: list[score.Outcome]) -> float | None:
    died = sum(float(outcome.realised.sum()) for outcome in outcomes)
    return _rounded(sum(float(o.foretold["ours"].sum()) for o in outcomes) / died) if died > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def run_score_promises(data_dir: Path, as_json: bool, out: TextIO) -> int:
    """Score every file of promises under ``data_dir``.  Raises UsageError when there is none."""
    paths = sorted(data_dir.glob("*/scores/*.jsonl"))
    if not paths:
        raise UsageError(
            f"{data_dir}: expected sealed maps (<market>/scores/*.jsonl); a server writes one an hour"
            " for each venue that shows every liquidation"
        )
    made = [read_promises(path) for path in paths]
    cards = [card for one in made for card in promises_report(one)]
    if as_json:
        out.write(json.dumps({"series": cards}) + "\n")
        return 0
    for card in cards:
        out.write(f"\n{card['series']} ({card['market']}{', simulated' if card['simulated'] else ''})\n")
        out.writelines(
            f"  {name}: {value}\n"
            for name, value in card.items()
            if name not in ("series", "market", "simulated")
        )
    for one in made:
        out.writelines(f"  {one.name}: {text}\n" for text in one.broken)
    return 0
