"""What is usual, in fixed memory."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.spread import Spread

SIZES = st.lists(st.floats(1e-2, 1e12), min_size=1, max_size=200)


@given(SIZES, st.floats(0.01, 1.0))
def test_a_quantile_is_within_a_bin_of_the_true_one(sizes: list[float], share: float) -> None:
    spread = Spread(3600)
    spread.take_all(np.array(sizes), 0)
    found = spread.quantile(share)
    assert found is not None
    true = np.quantile(np.array(sizes), share, method="inverted_cdf")
    assert abs(log(found / true)) <= 0.051


@given(SIZES)
def test_one_by_one_or_all_at_once_is_the_same(sizes: list[float]) -> None:
    one, all_ = Spread(60), Spread(60)
    for size in sizes:
        one.take(size, 5)
    all_.take_all(np.array(sizes), 5)
    assert [one.quantile(q / 10) for q in range(1, 11)] == [all_.quantile(q / 10) for q in range(1, 11)]


def test_what_is_old_fades_with_its_half_life() -> None:
    spread = Spread(60)
    for _ in range(100):
        spread.take(1.0, 0)
    spread.take(1000.0, 60_000)
    assert spread.count == pytest.approx(51)
    for minute in range(2, 40):
        spread.take(1000.0, minute * 60_000)
    assert spread.quantile(0.01) == pytest.approx(1000, rel=0.06)


def test_what_is_not_a_size_is_not_taken() -> None:
    spread = Spread(60)
    for value in (0.0, -1.0, float("nan"), float("inf")):
        spread.take(value, 0)
    spread.take_all(np.array([0.0, -1.0, np.nan, np.inf]), 0)
    assert spread.count == 0
    assert spread.quantile(0.5) is None
    assert spread.z(5.0) == 0.0
    assert spread.rank(5.0) == 0.0


def test_z_counts_robust_deviations_of_the_logarithm() -> None:
    spread = Spread(1e9)
    values = np.exp(np.random.default_rng(3).normal(8.0, 0.5, 20_000))
    spread.take_all(values, 0)
    assert spread.z(exp(8.0)) == pytest.approx(0.0, abs=0.1)
    assert spread.z(exp(8.0 + 4 * 0.5)) == pytest.approx(4.0, abs=0.3)
    assert spread.rank(exp(8.0)) == pytest.approx(0.5, abs=0.02)


def test_years_of_values_do_not_overflow() -> None:
    spread = Spread(1.0)
    for second in range(0, 10_000, 10):
        spread.take(7.0, second * 1000)
    assert spread.count == pytest.approx(1.0, abs=0.01)
    assert spread.quantile(0.5) == pytest.approx(7.0, rel=0.05)
