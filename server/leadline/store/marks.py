"""The prices the user marked, by symbol."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserMark:
    """price: plain decimal text in the contract's quote currency; label: free text, may be empty.

    colour: which of the app's marking colours.
    """

    id: int
    symbol: str
    price: str
    label: str
    created_ms: int
    colour: int = 0


def put(
    database: sqlite3.Connection, symbol: str, price: str, label: str, now_ms: int, colour: int = 0
) -> UserMark:
    """Keep a mark, or give the one at that very price its new label and colour.

    ``price`` is plain decimal text.
    """
    row = database.execute(
        "INSERT INTO marks (symbol, price, label, created_ms, colour) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (symbol, price) DO UPDATE SET label = excluded.label, colour = excluded.colour"
        " RETURNING *",
        (symbol, price, label, now_ms, colour),
    ).fetchone()
    return UserMark(**row)


def remove(database: sqlite3.Connection, mark_id: int) -> bool:
    """Forget a mark; tell whether there was one."""
    return database.execute("DELETE FROM marks WHERE id = ?", (mark_id,)).rowcount > 0


def of_symbol(database: sqlite3.Connection, symbol: str) -> list[UserMark]:
    """Return a symbol's marks, the oldest first."""
    rows = database.execute("SELECT * FROM marks WHERE symbol = ? ORDER BY id", (symbol,))
    return [UserMark(**row) for row in rows]


def all_marks(database: sqlite3.Connection) -> list[UserMark]:
    """Return the marks of all symbols, the oldest first."""
    return [UserMark(**row) for row in database.execute("SELECT * FROM marks ORDER BY id")]
