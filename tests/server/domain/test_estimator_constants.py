import subprocess
import sys

import pytest

from leadline.domain import estimator_constants as constants


def test_the_hash_follows_every_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    before = constants.model_hash()
    assert constants.model_hash() == before
    monkeypatch.setattr(constants, "CHURN_KEPT", constants.CHURN_KEPT * 2)
    assert constants.model_hash() != before
    monkeypatch.undo()
    monkeypatch.setattr(constants, "VERSION", "bands-0")
    assert constants.model_hash() != before


def test_weights_are_shares_and_distances_rise() -> None:
    assert sum(weight for _, weight in constants.LEVERAGE_WEIGHTS) == pytest.approx(1.0)
    assert list(constants.CLASS_DISTANCES) == sorted(set(constants.CLASS_DISTANCES))
    # The last class reaches as far beyond its distance as the one before it does on the way there.
    *_, before, last = constants.CLASS_DISTANCES
    assert last * last / before < 1


def test_margins_and_tiers_load_without_the_compiler() -> None:
    code = (
        "import sys, leadline.domain.margin, leadline.domain.leverage, leadline.domain.estimator_constants\n"
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
