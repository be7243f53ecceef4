"""Small drifts wait, everything else is told."""

from __future__ import annotations

import pytest

from leadline.domain.slow_facts import settled

FACTS = {
    "mark": 1000.0,
    "funding": 0.0001,
    "bands": {"calibrated": True, "factor": 2.0},
    "venues": [{"venue": "okx", "state": "live", "age_ms": 40, "gaps": 0}],
    "clusters": [{"id": 3, "lo": 9_000, "usd": 1_000_000, "touch": "open", "split": {"closed": 100}}],
    "pace": None,
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mark": 1000.1}, False),
        ({"mark": 1000.3}, True),
        ({"mark": None}, True),
        ({"funding": 0.000101}, True),
        ({"bands": {"calibrated": False, "factor": 2.0}}, True),
        ({"bands": {"calibrated": True, "factor": 2.05}}, False),
        ({"bands": None}, True),
        ({"pace": 0.5}, True),
        ({"venues": [{"venue": "okx", "state": "live", "age_ms": 900, "gaps": 0}]}, False),
        ({"venues": [{"venue": "okx", "state": "live", "age_ms": 1_100, "gaps": 0}]}, True),
        ({"venues": [{"venue": "okx", "state": "stale", "age_ms": 40, "gaps": 0}]}, True),
        ({"venues": [{"venue": "okx", "state": "live", "age_ms": 40, "gaps": 1}]}, True),
        ({"venues": []}, True),
        ({"clusters": [{**FACTS["clusters"][0], "usd": 1_040_000}]}, False),  # type: ignore[index]
        ({"clusters": [{**FACTS["clusters"][0], "usd": 1_060_000}]}, True),  # type: ignore[index]
        ({"clusters": [{**FACTS["clusters"][0], "lo": 9_001}]}, True),  # type: ignore[index]
        ({"clusters": [{**FACTS["clusters"][0], "id": 4}]}, True),  # type: ignore[index]
        ({"clusters": [{**FACTS["clusters"][0], "touch": "touched"}]}, True),  # type: ignore[index]
        ({"clusters": [{**FACTS["clusters"][0], "split": {"closed": 105}}]}, False),  # type: ignore[index]
    ],
)
def test_a_change_is_told_when_it_means_something(change: dict[str, object], told: bool) -> None:
    now = FACTS | change
    assert settled(FACTS, now) == (now if told else FACTS)
