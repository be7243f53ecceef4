"""Numbered trades: what a stream left out is asked for, told once, or counted lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.venues.base import BookStats
from leadline.venues.trade_numbers import (
    ASK_EVERY_MS,
    LEAP_MAX,
    MISSING_MAX,
    PAGE_MAX,
    RETRY_MS,
    TRIES_MAX,
    Hole,
    TradeNumbers,
)

START = 1_000_000
LATER_MS = 10_000_000  # by then everything that waits is due


def numbers_at(last: int) -> TradeNumbers:
    made = TradeNumbers(BookStats())
    assert made.hear(last)
    return made


def answer(made: TradeNumbers, now_ms: int, known: range | None = None) -> list[int]:
    """Let the venue, which knows these numbers, answer what is asked for."""
    hole = made.ask(now_ms)
    assert hole is not None
    held = range(hole.first, hole.end) if known is None else known
    return made.fill({number: number for number in range(hole.first, hole.end) if number in held}, now_ms)


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_every_trade_is_told_once_or_counted_lost(seed: int) -> None:
    """A stream loses and repeats, answers come late, short, or not at all; nothing is told twice."""
    rng = random.Random(seed)
    made, told = numbers_at(START), [START]
    number, now_ms, asked = START, 0, None
    behind = rng.choice([0, 0, 3])  # how many trades the venue's answers are behind its stream
    for _ in range(400):
        now_ms += rng.randint(1, 400)
        number += 1 if rng.random() < 0.8 else rng.choice([2, 5, 40, PAGE_MAX, MISSING_MAX])
        again = rng.choices(range(max(START, number - 50), number + 1), k=rng.randint(0, 2))
        told += [one for one in [number, *again] if made.hear(one)]
        asked = asked or made.ask(now_ms)
        if asked is not None and rng.random() < 0.5:
            assert asked.end - asked.first <= PAGE_MAX
            if rng.random() < 0.2:
                made.refused(now_ms)
            else:
                served = range(asked.first, min(asked.end, number - behind))
                told += made.fill({one: one for one in served if rng.random() < 0.99}, now_ms)
            asked = None
    if asked is not None:
        made.refused(now_ms)
    for _ in range(100):
        now_ms += LATER_MS
        if made.missing:
            told += answer(made, now_ms)
    stats = made.stats
    assert made.missing == 0
    assert len(set(told)) == len(told)
    assert len(told) + stats.trades_lost == number - START + 1
    assert stats.trades_refilled + stats.trades_lost <= number - START


def test_one_answer_fills_all_the_holes_of_its_page() -> None:
    made = numbers_at(10)
    for number in (13, 14, 20, 21):
        made.hear(number)
    assert answer(made, 0) == [11, 12, 15, 16, 17, 18, 19]
    assert (made.missing, made.stats.trade_gaps, made.stats.trades_refilled) == (0, 2, 7)


def test_a_long_hole_is_filled_page_by_page_and_no_longer_one_than_is_worth_it() -> None:
    made = numbers_at(0)
    made.hear(MISSING_MAX + 101)
    assert (made.missing, made.stats.trades_lost) == (MISSING_MAX, 100)
    pages = [answer(made, at * ASK_EVERY_MS) for at in range(MISSING_MAX // PAGE_MAX)]
    assert [len(page) for page in pages] == [PAGE_MAX] * len(pages)
    assert [one for page in pages for one in page] == list(range(101, MISSING_MAX + 101))
    assert made.ask(LATER_MS) is None


def test_one_page_is_under_way_at_a_time_and_one_a_second() -> None:
    made = numbers_at(0)
    made.hear(5)
    assert made.ask(0) == Hole(1, 5)
    made.hear(9)
    assert made.ask(LATER_MS) is None
    made.fill({number: number for number in range(1, 5)}, 100)
    assert made.ask(ASK_EVERY_MS - 1) is None
    assert made.ask(ASK_EVERY_MS) == Hole(6, 9)


def test_what_is_refused_is_asked_for_ever_more_seldom_and_given_up() -> None:
    made, now_ms = numbers_at(0), 0
    made.hear(5)
    for turn in range(TRIES_MAX):
        assert made.ask(now_ms) is not None
        made.refused(now_ms)
        wait_ms = RETRY_MS * 4**turn
        if turn < TRIES_MAX - 1:
            assert made.ask(now_ms + wait_ms - 1) is None
        now_ms += wait_ms
    assert made.ask(LATER_MS) is None
    assert (made.missing, made.stats.trades_lost) == (0, 4)


def test_an_answer_that_ends_before_the_stream_is_asked_for_its_rest() -> None:
    made = numbers_at(0)
    made.hear(9)
    assert answer(made, 0, range(1, 6)) == [1, 2, 3, 4, 5]
    assert (made.missing, made.stats.trades_lost) == (3, 0)
    assert answer(made, LATER_MS) == [6, 7, 8]


@pytest.mark.parametrize("number", [START - 5_000, START + LEAP_MAX + 1, 0])
def test_numbers_that_start_over_are_no_gap(number: int) -> None:
    made = numbers_at(START)
    assert made.hear(number)
    assert made.hear(number + 1)
    assert (made.missing, made.stats.trade_gaps) == (0, 0)


def test_a_new_connection_goes_on_where_the_old_one_ends() -> None:
    old = numbers_at(100)
    old.hear(103)
    behind, ahead, silent = numbers_at(95), numbers_at(90), TradeNumbers(BookStats())
    for number in range(96, 102):
        behind.hear(number)
    ahead.hear(91)
    for number in (104, 105, 107):  # it lost some itself, of which nobody knows
        ahead.hear(number)
    for made in (behind, ahead, silent):
        made.follow(old)
    assert [made.hear(103) for made in (behind, silent)] == [False, False]
    assert [made.hear(104) for made in (behind, silent)] == [True, True]
    assert answer(behind, 0) == answer(silent, 0) == [101, 102]
    assert answer(ahead, 0) == [101, 102, 104, 105, 106, 107]
    assert ahead.hear(108)
    assert ahead.missing == 0
