"""The user's rules and choices, and the log of what clusters did."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from leadline.domain.rules import Rule, RuleError, read_rule
from leadline.errors import LeadlineError

RULES_MAX = 200


class TooManyRules(LeadlineError):
    """There are as many rules as one may have."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the log: what happened with a cluster or a regime of a symbol."""

    at_ms: int
    symbol: str
    kind: str
    what: dict[str, Any]


def all_rules(database: sqlite3.Connection) -> list[Rule]:
    """Return the rules, the oldest first; one that this version cannot read stays in the file, unused."""
    found = [_rule(row) for row in database.execute("SELECT * FROM rules ORDER BY id")]
    return [rule for rule in found if rule is not None]


def put(database: sqlite3.Connection, rule: Rule, now_ms: int) -> Rule:
    """Keep a new rule (id 0) or another form of a known one; returns it with its id.

    Raises TooManyRules beyond RULES_MAX, KeyError when the id is not known.
    """
    held = (rule.kind.value, rule.symbol, json.dumps(rule.settings), rule.enabled, rule.snoozed_until_ms)
    if rule.id:
        changed = database.execute(
            "UPDATE rules SET kind = ?, symbol = ?, settings = ?, enabled = ?, snoozed_until_ms = ?"
            " WHERE id = ?",
            (*held, rule.id),
        )
        if not changed.rowcount:
            raise KeyError(rule.id)
        return rule
    if database.execute("SELECT count(*) FROM rules").fetchone()[0] >= RULES_MAX:
        raise TooManyRules(f"expected at most {RULES_MAX} rules; remove one first")
    row = database.execute(
        "INSERT INTO rules (kind, symbol, settings, enabled, snoozed_until_ms, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (*held, now_ms),
    ).fetchone()
    return replace(rule, id=row["id"])


def remove(database: sqlite3.Connection, rule_id: int) -> bool:
    """Forget a rule; tell whether there was one."""
    return database.execute("DELETE FROM rules WHERE id = ?", (rule_id,)).rowcount > 0


def snooze(database: sqlite3.Connection, rule_id: int | None, until_ms: int) -> int:
    """Let one rule (all without an id) sleep until a moment; returns how many there are."""
    return database.execute(
        "UPDATE rules SET snoozed_until_ms = ? WHERE ? IS NULL OR id = ?", (until_ms, rule_id, rule_id)
    ).rowcount


def preference(database: sqlite3.Connection, name: str) -> Any:
    """Return a kept choice, None without one."""
    row = database.execute("SELECT value FROM preferences WHERE name = ?", (name,)).fetchone()
    return None if row is None else json.loads(row["value"])


def prefer(database: sqlite3.Connection, name: str, value: object) -> None:
    """Keep a choice (plain data)."""
    database.execute(
        "INSERT INTO preferences (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )


def note(database: sqlite3.Connection, outcomes: Iterable[Outcome]) -> None:
    """Log what happened."""
    database.executemany(
        "INSERT INTO outcomes (at_ms, symbol, kind, what) VALUES (?, ?, ?, ?)",
        [(one.at_ms, one.symbol, one.kind, json.dumps(one.what)) for one in outcomes],
    )


def outcomes_since(database: sqlite3.Connection, since_ms: int, kind: str) -> list[Outcome]:
    """Return what of a kind happened since a moment, the oldest first."""
    rows = database.execute(
        "SELECT * FROM outcomes WHERE at_ms >= ? AND kind = ? ORDER BY at_ms, id", (since_ms, kind)
    )
    return [Outcome(row["at_ms"], row["symbol"], row["kind"], json.loads(row["what"])) for row in rows]


def _rule(row: sqlite3.Row) -> Rule | None:
    told = {"kind": row["kind"], "symbol": row["symbol"], "settings": json.loads(row["settings"])}
    try:
        rule = read_rule(told, row["id"])
    except RuleError:
        return None
    return replace(rule, enabled=bool(row["enabled"]), snoozed_until_ms=row["snoozed_until_ms"])
