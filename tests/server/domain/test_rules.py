"""Rules are read strictly, and say what is wrong with them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.rule_sets import SETS, missing, presets, rules_of
from leadline.domain.rules import (
    SETTINGS,
    Rule,
    RuleError,
    RuleKind,
    catalogue,
    read_rule,
    read_settings,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", list(RuleKind))
def test_every_kind_has_defaults_that_are_themselves_valid(kind: RuleKind) -> None:
    settings = read_settings(kind, {})
    assert read_settings(kind, json.loads(json.dumps(settings))) == settings
    assert set(settings) == set(SETTINGS[kind])


@pytest.mark.parametrize(("told", "words"), [
    ([], "expected a rule as a map, got list"),
    ({"kind": "moon"}, "kind: expected one of approach, state"),
    ({"kind": "approach", "colour": "red"}, "got colour"),
    ({"kind": "approach", "symbol": ""}, "symbol: expected a symbol or null"),
    ({"kind": "approach", "settings": {"distance": "25"}}, "distance: expected a number from 0 to"),
    ({"kind": "approach", "settings": {"distance": float("nan")}}, "got nan"),
    ({"kind": "approach", "settings": {"distance": True}}, "got True"),
    ({"kind": "approach", "settings": {"unit": "feet"}}, "unit: expected one of bp, pct, atr, min"),
    ({"kind": "state", "settings": {"states": []}}, "states: expected some of"),
    ({"kind": "state", "settings": {"states": ["held", 3]}}, "states: expected some of"),
    ({"kind": "price", "settings": {"price": 5}}, "is about one symbol"),
    ({"kind": "price", "symbol": "X", "settings": {"price": 5, "label": "a\nb"}}, "label: expected a text"),
    ({"kind": "server", "symbol": "BTCUSDT"}, "is about no symbol"),
    ({"kind": "feed", "settings": {"seconds": 1}}, "from 5 to 3600, got 1"),
    ({"kind": "feed", "enabled": 1}, "enabled: expected true or false, got 1"),
    ({"kind": "feed", "snoozed_until_ms": -1}, "snoozed_until_ms"),
])  # fmt: skip
def test_a_bad_rule_says_what_was_expected_and_what_came(told: object, words: str) -> None:
    with pytest.raises(RuleError, match=re.escape(words)):
        read_rule(told)


@given(JSON)
def test_whatever_comes_is_a_rule_or_a_rule_error(told: object) -> None:
    with suppress(RuleError):
        assert isinstance(read_rule(told), Rule)


@given(
    st.sampled_from(list(RuleKind)),
    st.dictionaries(st.sampled_from(["distance", "states", "price", "label"]), JSON),
)
def test_settings_too(kind: RuleKind, told: dict[str, object]) -> None:
    with suppress(RuleError):
        assert set(read_settings(kind, told)) == set(SETTINGS[kind])


def test_the_catalogue_is_plain_data_and_names_every_kind() -> None:
    told = json.loads(json.dumps(catalogue()))
    assert [one["kind"] for one in told] == [kind.value for kind in RuleKind]
    (price,) = (one for one in told if one["kind"] == "price")
    assert price["symbol_needed"]
    assert [one["name"] for one in price["settings"]] == ["price", "way", "label"]


def test_presets_are_few_and_for_every_symbol() -> None:
    assert [one.kind for one in presets(40)] == ["approach", "state", "feed", "server"]
    assert all(one.symbol is None and one.enabled for one in presets(2))


def test_sets_name_every_kind_but_prices_and_fit_one_market_too() -> None:
    kinds = [kind for kinds in SETS.values() for kind in kinds]
    assert sorted(kinds) == sorted(set(RuleKind) - {RuleKind.PRICE})
    for name in SETS:
        for symbol in (None, "BTCUSDT"):
            for one in rules_of(name, symbol):
                # Each would be taken from a phone too.
                told = {"kind": one.kind, "symbol": one.symbol, "settings": one.settings}
                assert read_rule(told) == one
    assert "server" not in [one.kind for one in rules_of("clusters", "BTCUSDT")]
    for wrong in ("all", "", None, 3, ["flow"]):
        with pytest.raises(RuleError, match="set: expected one of clusters, flow, positions"):
            rules_of(wrong, None)


def test_what_is_there_for_all_is_not_missing_for_one() -> None:
    held = rules_of("flow", None)
    assert missing(rules_of("flow", "BTCUSDT"), held) == []
    own = rules_of("flow", "BTCUSDT")
    assert missing(rules_of("flow", None), own) == held
    changed = [replace(one, settings={**one.settings, "usd_min": 5.0}) for one in held]
    assert [one.kind for one in missing(held, changed)] == [one.kind for one in held]


def test_a_rule_sleeps_while_it_is_off_or_snoozed() -> None:
    rule = Rule(1, RuleKind.FEED, "BTCUSDT", {}, snoozed_until_ms=1_000)
    assert not rule.active("BTCUSDT", 999)
    assert rule.active("BTCUSDT", 1_000)
    assert not rule.active("ETHUSDT", 1_000)
