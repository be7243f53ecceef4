"""What changed between two maps of slow facts, and the map that a change leads to (type 15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

NAMES = ("venue", "id")  # what tells an entry of a list of maps from the others


def patch(held: Facts, now: Facts) -> dict[str, Any] | None:
    """Return what turns ``held`` into ``now``; None where no patch can: a key has gone."""
    if held.keys() - now.keys():
        return None
    changes: dict[str, Any] = {}
    for key, value in now.items():
        if key in held and held[key] == value:
            continue
        changed = _changed(held.get(key), value)
        if changed is None:
            return None
        changes[key] = changed[0]
    return changes


def patched(held: Facts, changes: Facts) -> dict[str, Any]:
    """Return ``held`` with ``changes``: maps merge key by key, lists of named maps entry by entry."""
    return {**held, **{key: _merged(held.get(key), value) for key, value in changes.items()}}


def _changed(held: Any, value: Any) -> tuple[Any] | None:
    """Return (what to send of a value that differs,), None where that cannot be told by a patch."""
    if isinstance(held, Mapping) and isinstance(value, Mapping):
        inner = patch(held, value)
        return None if inner is None else (inner,)
    if not (_is_named(held) and _is_named(value)):
        return (value,)
    name = _name(value or held)
    known = {entry[name]: entry for entry in held}
    sent = []
    for entry in value:
        inner = patch(known.get(entry[name], {}), entry)
        if inner is None:
            return None
        sent.append({name: entry[name], **inner})
    return (sent,)


def _merged(held: Any, value: Any) -> Any:
    if isinstance(held, Mapping) and isinstance(value, Mapping):
        return patched(held, value)
    if _is_named(held) and _is_named(value) and value:
        name = _name(value)
        known = {entry.get(name): entry for entry in held}
        return [patched(known.get(entry[name], {}), entry) for entry in value]
    return value


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, Mapping) and _name([entry]) for entry in value)


def _name(entries: list[Any]) -> str:
    """Return the key that names the entries, "" where there is none."""
    return next((name for name in NAMES if entries and name in entries[0]), "")
