"""The score on a small sample of a simulated market: what it holds, and that a seed repeats it."""

from __future__ import annotations

import io
import json

from leadline.domain.estimator_constants import model_hash
from leadline.score_run import run_score, score_twin


def number(result: dict[str, object], name: str) -> float:
    value = result[name]
    assert isinstance(value, float), (name, value)
    return value


def test_a_small_sample_is_scored_and_says_that_it_is_small() -> None:
    result = score_twin(seed=5, days=1.0)
    skills = result["deviance_skill_of"]
    assert isinstance(skills, dict)
    assert number(result, "deviance_skill") > max(0.2, skills["coinank_like"], skills["uniform"])
    assert number(result, "emd_vs_coinank_like") < 0.3
    # The dollars foretold are about those that died, and the map's about those that are open.
    assert 0.6 < number(result, "total_ratio") < 1.7
    assert 0.6 < number(result, "mass_ratio") < 1.7
    assert result["enough"] is False
    assert result["coverage_80"] == f"not enough data (n={result['touches']})"
    assert result["model_hash"] == model_hash()


def test_a_seed_repeats_its_score_to_the_last_digit() -> None:
    outs = [io.StringIO(), io.StringIO()]
    for out in outs:
        assert run_score(seed=2, days=0.25, as_json=True, out=out) == 0
    assert outs[0].getvalue() == outs[1].getvalue()
    assert json.loads(outs[0].getvalue())["seed"] == 2
