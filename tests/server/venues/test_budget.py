"""Request budgets on a clock moved by hand, and what counts as a wish for silence."""

from __future__ import annotations

import random

import pytest

from leadline.venues.budget import MINUTE_MS, PACES, SHARES, Budget, Pace, Priority, silence_s

NOON_MS = 1_790_000_040_000 // MINUTE_MS * MINUTE_MS  # the beginning of a minute


def start(budget: Budget, wishes: list[tuple[Priority, int]], at_ms: int) -> list[tuple[int, Priority, int]]:
    """Let wishes go in order of importance; return (time, priority, weight) of each."""
    sent: list[tuple[int, Priority, int]] = []
    now_ms = 0
    for priority, weight in sorted(wishes, key=lambda wish: wish[0]):
        while wait_ms := budget.take(weight, priority, now_ms, at_ms + now_ms):
            now_ms += wait_ms
        sent.append((at_ms + now_ms, priority, weight))
    return sent


@pytest.mark.parametrize("second", [0, 20, 55])
def test_a_hundred_symbols_start_within_the_budget_of_every_minute(second: int) -> None:
    wishes = [(Priority.SYNC, 1)] + [(Priority.SYNC, 20)] * 100
    wishes += [(Priority.POLL, 1)] * 300 + [(Priority.HISTORY, 10)] * 200
    sent = start(Budget(PACES["binance"]), wishes, NOON_MS + second * 1000)
    by_minute: dict[int, int] = {}
    for at_ms, _, weight in sent:
        by_minute[at_ms // MINUTE_MS] = by_minute.get(at_ms // MINUTE_MS, 0) + weight
    assert max(by_minute.values()) <= 2400 * SHARES[Priority.SYNC]
    snapshots = [at_ms for at_ms, priority, weight in sent if priority is Priority.SYNC and weight == 20]
    # Most are there within ten seconds; the rest waits for the next minute at most.
    assert sorted(snapshots)[94 if second < 50 else 50] - snapshots[0] < 10_000
    assert snapshots[-1] - snapshots[0] <= MINUTE_MS + 10_000


def test_a_lost_book_is_served_while_a_cold_start_has_to_wait() -> None:
    budget = Budget(PACES["binance"])
    now_ms = 0
    while not (wait_ms := budget.take(20, Priority.SYNC, now_ms, NOON_MS + now_ms)) or wait_ms < 10_000:
        now_ms += wait_ms
    assert budget.used == 1920
    assert budget.take(20, Priority.RESYNC, now_ms + 1_000, NOON_MS + now_ms + 1_000) == 0


def test_a_new_minute_counts_from_zero() -> None:
    budget = Budget(Pace(10_000, 10_000, 100))
    assert budget.take(80, Priority.SYNC, 0, NOON_MS + 30_000) == 0
    wait_ms = budget.take(1, Priority.SYNC, 0, NOON_MS + 30_000)
    assert 30_000 < wait_ms <= 31_000
    assert budget.take(1, Priority.SYNC, wait_ms, NOON_MS + 30_000 + wait_ms) == 0
    assert budget.used == 1


def test_what_others_at_our_address_spend_counts_but_a_count_of_the_last_minute_does_not() -> None:
    budget = Budget(PACES["binance"])
    budget.told(2_000, NOON_MS + 100, NOON_MS + 200)
    assert budget.take(20, Priority.SYNC, 0, NOON_MS + 300) > 0
    assert budget.take(20, Priority.RESYNC, 0, NOON_MS + 300) == 0
    budget.told(2_390, NOON_MS + MINUTE_MS - 10, NOON_MS + MINUTE_MS + 40)
    assert budget.take(20, Priority.SYNC, 60_000, NOON_MS + MINUTE_MS + 50) == 0
    # A smaller count than our own knows of fewer requests, not of more room.
    budget.told(1, NOON_MS + MINUTE_MS + 50, NOON_MS + MINUTE_MS + 60)
    assert budget.used == 20


def test_a_request_heavier_than_everything_still_goes() -> None:
    budget = Budget(Pace(10, 10, 100))
    assert budget.take(500, Priority.HISTORY, 0, NOON_MS) == 0
    assert budget.take(1, Priority.RESYNC, 10_000, NOON_MS + 10_000) > 0


@pytest.mark.parametrize("seed", range(5))
def test_the_pace_is_never_exceeded(seed: int) -> None:
    rng = random.Random(seed)
    pace = Pace(burst=30, per_s=10)
    budget, now_ms = Budget(pace), 0
    spent: list[tuple[int, int]] = []
    for _ in range(300):
        weight = rng.randint(1, 30)
        while wait_ms := budget.take(weight, Priority.POLL, now_ms, NOON_MS):
            now_ms += wait_ms
        spent.append((now_ms, weight))
        now_ms += rng.choice([0, 0, 0, 500, 5_000])
    for index, (begin_ms, _) in enumerate(spent):
        within = sum(weight for at_ms, weight in spent[index:] if at_ms <= begin_ms + 2_000)
        assert within <= pace.burst + 2 * pace.per_s + 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected_s"),
    [
        (200, {}, b"{}", 0),
        (500, {"Retry-After": "7"}, b"", 0),
        (451, {}, b"", 0),
        (429, {"Retry-After": "7"}, b"", 7),
        (429, {}, b"", 60),
        (429, {"Retry-After": "soon"}, b"", 60),
        (429, {"Retry-After": "0"}, b"", 60),
        (429, {"Retry-After": "-5"}, b"", 60),
        (429, {"Retry-After": "1e9"}, b"", 60),
        (429, {"Retry-After": "٧"}, b"", 60),
        (429, {"Retry-After": "999999"}, b"", 3_600),
        (429, {"Retry-After": "9" * 400}, b"", 60),
        (418, {}, b"<html>", 600),
        (418, {"Retry-After": "7200"}, b"", 7_200),
        (418, {}, b'{"code":-1003,"msg":"Way too many requests; IP banned until 1790000100000."}', 100),
        (418, {"Retry-After": "300"}, b'{"msg":"banned until 1790000100000."}', 300),
        (418, {}, b'{"msg":"banned until 1999999999999."}', 600),
        (403, {}, b"access too frequent", 600),
    ],
)
def test_how_long_a_venue_wants_silence(
    status: int, headers: dict[str, str], body: bytes, expected_s: float
) -> None:
    assert silence_s("binance", status, headers, body, 1_790_000_000_000) == expected_s


@pytest.mark.parametrize("status", [200, 429])
def test_okx_and_bybit_say_it_in_a_code(status: int) -> None:
    assert silence_s("okx", status, {}, b'{"code":"50011","msg":"","data":[]}', 0) == 3
    assert silence_s("bybit", status, {}, b'{"retCode":10006}', 0) == 5
    reset = {"X-Bapi-Limit-Reset-Timestamp": "1790000001500"}
    assert silence_s("bybit", status, reset, b'{"retCode":10006}', 1_790_000_000_000) == 1.5
    assert silence_s("okx", 200, {}, b'{"code":"0","data":[{"note":"50011"}]}', 0) == 0
    assert silence_s("okx", 200, {}, b'["50011"]', 0) == 0
