"""Real recordings for the tests: found beside the repository or where LEADLINE_CAPTURES points."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "captures"


def capture(name: str) -> Path:
    """Return the path of a recording; without it the test is skipped, or fails in CI."""
    root = Path(os.environ.get("LEADLINE_CAPTURES") or _BESIDE)
    path = root / name
    if path.exists():
        return path
    reason = f"no recording {name} in {root}; set LEADLINE_CAPTURES to the folder that holds it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
