"""Rules, choices and the log of outcomes, kept."""

from __future__ import annotations

import json

import pytest

from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.store import rules
from leadline.store.rules import RULES_MAX, Outcome, TooManyRules
from leadline.store.state import StateStore


def rule(kind: RuleKind = RuleKind.APPROACH, **settings: object) -> Rule:
    return Rule(0, kind, None, read_settings(kind, settings))


async def test_a_rule_comes_back_as_it_was() -> None:
    store = await StateStore.open(None, "twin")
    kept = await store.run(lambda db: rules.put(db, rule(distance=40.0), 5))
    assert kept.id > 0
    assert await store.run(rules.all_rules) == [kept]
    changed = Rule(kept.id, RuleKind.STATE, "BTCUSDT", read_settings(RuleKind.STATE, {}), False, 9)
    assert await store.run(lambda db: rules.put(db, changed, 6)) == changed
    assert await store.run(rules.all_rules) == [changed]
    assert await store.run(lambda db: rules.remove(db, kept.id))
    assert not await store.run(lambda db: rules.remove(db, kept.id))
    with pytest.raises(KeyError):
        await store.run(lambda db: rules.put(db, changed, 7))
    await store.close()


async def test_there_is_a_most() -> None:
    store = await StateStore.open(None, "twin")

    def fill(database: object) -> None:
        for _ in range(RULES_MAX):
            rules.put(database, rule(), 0)  # type: ignore[arg-type]

    await store.run(fill)
    with pytest.raises(TooManyRules, match="at most 200"):
        await store.run(lambda db: rules.put(db, rule(), 0))
    await store.close()


async def test_a_rule_of_another_version_is_left_alone() -> None:
    store = await StateStore.open(None, "twin")
    await store.run(
        lambda db: db.execute(
            "INSERT INTO rules (kind, settings, created_ms) VALUES ('telepathy', ?, 0)", (json.dumps({}),)
        )
    )
    kept = await store.run(lambda db: rules.put(db, rule(), 0))
    assert await store.run(rules.all_rules) == [kept]
    rows = await store.run(lambda db: db.execute("SELECT count(*) FROM rules").fetchone())
    assert rows[0] == 2
    await store.close()


async def test_snoozing_one_or_all() -> None:
    store = await StateStore.open(None, "twin")
    one = await store.run(lambda db: rules.put(db, rule(), 0))
    await store.run(lambda db: rules.put(db, rule(), 0))
    assert await store.run(lambda db: rules.snooze(db, one.id, 500)) == 1
    assert [kept.snoozed_until_ms for kept in await store.run(rules.all_rules)] == [500, 0]
    assert await store.run(lambda db: rules.snooze(db, None, 900)) == 2
    assert [kept.snoozed_until_ms for kept in await store.run(rules.all_rules)] == [900, 900]
    await store.close()


async def test_choices_and_outcomes() -> None:
    store = await StateStore.open(None, "twin")
    assert await store.run(lambda db: rules.preference(db, "quiet")) is None
    await store.run(lambda db: rules.prefer(db, "quiet", {"zone": "UTC"}))
    await store.run(lambda db: rules.prefer(db, "quiet", {"zone": "Asia/Tokyo"}))
    assert await store.run(lambda db: rules.preference(db, "quiet")) == {"zone": "Asia/Tokyo"}
    told = [
        Outcome(at, "BTCUSDT", kind, {"n": at}) for at, kind in ((1, "touch"), (2, "fired"), (3, "touch"))
    ]
    await store.run(lambda db: rules.note(db, told))
    assert await store.run(lambda db: rules.outcomes_since(db, 2, "touch")) == told[2:]
    await store.close()
