"""A silent feed beside loud ones is suspect; silence everywhere, or a young feed, is not."""

from leadline.domain.canary import Canary
from leadline.domain.estimator_constants import SUSPECT_MS, SUSPECT_PRINTS


def singing(*loud: str, until_ms: int) -> Canary:
    canary = Canary()
    for venue in ("binance", "bybit", "okx"):
        canary.watch(venue, 0)
    for venue in loud:
        for i in range(SUSPECT_PRINTS):
            canary.hear(venue, until_ms - i)
    return canary


def test_one_silent_feed_beside_two_loud_ones_is_suspect() -> None:
    canary = singing("bybit", "okx", until_ms=SUSPECT_MS)
    assert canary.suspects(SUSPECT_MS - 1) == frozenset()
    assert canary.suspects(SUSPECT_MS) == {"binance"}
    canary.hear("binance", SUSPECT_MS + 1)
    assert canary.suspects(SUSPECT_MS + 1) == frozenset()


def test_one_loud_feed_says_nothing_about_the_others() -> None:
    assert singing("bybit", until_ms=SUSPECT_MS).suspects(SUSPECT_MS) == frozenset()


def test_when_all_are_quiet_nobody_is_suspect() -> None:
    canary = singing("bybit", "okx", until_ms=SUSPECT_MS)
    assert canary.suspects(3 * SUSPECT_MS) == frozenset()


def test_a_feed_is_given_time() -> None:
    canary = singing("bybit", "okx", until_ms=SUSPECT_MS)
    canary.watch("gate", SUSPECT_MS)
    assert "gate" not in canary.suspects(SUSPECT_MS)
