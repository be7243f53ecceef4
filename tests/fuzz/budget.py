"""How long fuzz tests run: a sample that is always the same, or LEADLINE_FUZZ_S each on new inputs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, settings

VENUES = ["binance", "bybit", "okx"]
FUZZ_S = float(os.environ.get("LEADLINE_FUZZ_S", "0"))
BATCH = 200


def fuzz(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a hypothesis test on ``examples`` inputs that are always the same, or on new ones for FUZZ_S.

    A failure is told as hypothesis tells it, with the smallest inputs it found.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        usual: dict[str, Any] = {
            "deadline": None,
            "database": None,
            "suppress_health_check": list(HealthCheck),
        }
        if not FUZZ_S:
            return settings(max_examples=examples, derandomize=True, **usual)(test)
        batch = settings(max_examples=BATCH, **usual)(test)

        @wraps(batch)
        def until_time_is_up(*arguments: Any, **named: Any) -> None:
            until_s = time.monotonic() + FUZZ_S
            while time.monotonic() < until_s:
                batch(*arguments, **named)

        return until_time_is_up

    return decorate
