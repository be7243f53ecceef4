"""What statuses and headers mean, and when a service is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.push.answers import (
    RETRY_AFTER_S_MAX,
    SHUT_MS_MAX,
    Answer,
    Breaker,
    Verdict,
    retry_after_ms,
    retry_ms,
    sentence,
    verdict,
)


@given(st.one_of(st.none(), st.integers(100, 999)))
def test_a_device_is_gone_for_404_and_410_alone(status: int | None) -> None:
    assert (verdict(status) is Verdict.GONE) == (status in (404, 410))
    assert (verdict(status) is Verdict.DELIVERED) == (status is not None and 200 <= status < 300)
    assert sentence(Answer(status))


@pytest.mark.parametrize(
    ("text", "wait_ms"),
    [
        ("5", 5_000),
        (" 0 ", 0),
        ("99999999", RETRY_AFTER_S_MAX * 1000),
        ("Tue, 01 Jan 2030 00:00:30 GMT", 30_000),
        ("Tue, 01 Jan 2030 00:00:30 -0000", 30_000),
        ("Mon, 31 Dec 2029 00:00:00 GMT", 0),
        ("Tue, 01 Jan 2999 00:00:00 GMT", RETRY_AFTER_S_MAX * 1000),
        ("-5", None),
        ("1e3", None),
        ("５", None),
        ("9" * 400, None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, wait_ms: int | None) -> None:
    assert retry_after_ms(text, 1_893_456_000_000) == wait_ms


@given(st.text(max_size=40))
def test_no_retry_after_breaks_anything(text: str) -> None:
    wait_ms = retry_after_ms(text, 1_893_456_000_000)
    assert wait_ms is None or 0 <= wait_ms <= RETRY_AFTER_S_MAX * 1000


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_to_a_minute_and_never_more(attempts: int, jitter: float) -> None:
    assert 500 <= retry_ms(attempts, jitter) <= 60_000
    assert retry_ms(attempts + 1, 0.0) >= retry_ms(attempts, 0.0)


def test_a_breaker_opens_after_three_refusals_and_lets_one_through_when_its_time_is_over() -> None:
    breaker = Breaker()
    for _ in range(2):
        breaker.refused(0)
    assert breaker.shut_until_ms(0) is None
    breaker.refused(0)
    assert breaker.shut_until_ms(1) == 60_000
    assert breaker.shut_until_ms(60_000) is None  # the one
    assert breaker.shut_until_ms(60_001) == 120_000
    breaker.refused(60_500)
    assert breaker.shut_until_ms(60_501) == 60_500 + 120_000
    for _ in range(20):
        breaker.refused(1_000_000)
    assert breaker.until_ms == 1_000_000 + SHUT_MS_MAX
    breaker.accepted()
    assert breaker.shut_until_ms(1_000_001) is None
