"""A patch leads from any slow facts to any others, and says nothing of what stayed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadline.wire.patch import patch, patched

PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
INNER = st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)


def named(name: str, names: Any) -> Any:
    entries = st.lists(st.tuples(names, INNER), max_size=4, unique_by=lambda entry: entry[0])
    return entries.map(lambda made: [{**inner, name: which} for which, inner in made])


FACTS = st.fixed_dictionaries(
    {
        "t": st.integers(0, 9),
        "bands": st.none() | INNER,
        "venues": named("venue", st.sampled_from(("binance", "okx", "bybit"))),
        "clusters": named("id", st.integers(1, 5)),
        "ticks": st.lists(st.integers(0, 3), max_size=2),
    },
    optional={"pace": PLAIN},
)


@given(FACTS, FACTS)
def test_a_patch_leads_to_the_new_facts(held: dict[str, Any], now: dict[str, Any]) -> None:
    changes = patch(held, now)
    if changes is not None:
        assert patched(held, changes) == now
        assert (changes == {}) is (held == now)


@given(FACTS)
def test_what_stayed_is_not_in_the_patch(held: dict[str, Any]) -> None:
    assert patch(held, held) == {}
    assert patch(held, {**held, "t": 10}) == {"t": 10}


def test_entries_are_told_by_name_with_what_changed_of_them() -> None:
    held = {"clusters": [{"id": 3, "usd": 5, "lo": 1}, {"id": 7, "usd": 9, "lo": 2}]}
    now = {"clusters": [{"id": 8, "usd": 1, "lo": 0}, {"id": 3, "usd": 6, "lo": 1}]}
    changes = patch(held, now)
    assert changes == {"clusters": [{"id": 8, "usd": 1, "lo": 0}, {"id": 3, "usd": 6}]}
    assert patched(held, changes) == now


def test_a_key_that_goes_cannot_be_told() -> None:
    assert patch({"a": 1, "b": 2}, {"a": 1}) is None
    assert patch({"venues": [{"venue": "okx", "a": 1}]}, {"venues": [{"venue": "okx"}]}) is None
