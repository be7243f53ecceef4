"""Odds that are learned, and say when they are not."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.domain.odds import CALIBRATED_MIN, CascadeOdds, Features


def learned(count: int, weight: float, seed: int = 2) -> tuple[CascadeOdds, np.random.Generator]:
    odds, random = CascadeOdds(), np.random.default_rng(seed)
    for number in range(count):
        ln_fuel = float(random.normal())
        p = 1 / (1 + np.exp(1.0 - weight * ln_fuel))
        odds.learn(Features(ln_fuel=ln_fuel), bool(random.random() < p), number * 3_600_000)
    return odds, random


def test_before_enough_touches_it_says_so() -> None:
    odds = CascadeOdds()
    said = odds.odds(Features())
    assert said.p == pytest.approx(0.25)
    assert said.text() == "uncalibrated, n=0"
    odds, _ = learned(CALIBRATED_MIN - 1, 1.0)
    assert odds.odds(Features()).text() == "uncalibrated, n=199"
    assert odds.skill() is None
    odds, _ = learned(CALIBRATED_MIN, 1.0)
    assert odds.odds(Features()).text().endswith(" %, n=200")


def test_it_finds_what_matters() -> None:
    odds, random = learned(1_500, 1.5)
    predicted, happened = [], []
    for _ in range(3_000):
        ln_fuel = float(random.normal())
        p = 1 / (1 + np.exp(1.0 - 1.5 * ln_fuel))
        predicted.append(odds.odds(Features(ln_fuel=ln_fuel)).p)
        happened.append(random.random() < p)
    base = float(np.mean(happened))
    brier = float(np.mean(np.square(np.array(predicted) - np.array(happened))))
    assert 1 - brier / (base * (1 - base)) > 0.15
    assert np.mean(predicted) == pytest.approx(base, abs=0.05)
    skill = odds.skill()
    assert skill is not None
    assert skill > 0.1


def test_where_nothing_matters_it_says_the_base_rate() -> None:
    odds, _ = learned(1_500, 0.0)
    assert odds.odds(Features(ln_fuel=2.0)).p == pytest.approx(1 / (1 + np.e), abs=0.08)


def test_years_later_it_is_back_at_the_prior() -> None:
    odds, _ = learned(500, 3.0)
    far = Features(ln_fuel=1.0)
    odds.learn(Features(), False, 500 * 3_600_000 + 3_000 * 86_400_000)
    assert odds._raw(far.vector()) == pytest.approx(0.25, abs=0.08)


def test_wild_features_do_no_harm() -> None:
    odds = CascadeOdds()
    for number in range(50):
        odds.learn(Features(1e9, -1e9, 1e9, -1e9, 1e9, 1e9, 1e9, 1.0), bool(number % 2), number)
    assert 0.0 <= odds.odds(Features(1e12, 1e12)).p <= 1.0
