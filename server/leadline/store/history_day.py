"""One day of a market's history: a SQLite file of bars with their columns, liquidations and lessons.

Times are Unix ms unless named minutes.  Everything here blocks: it belongs in a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

APPLICATION_ID = 0x4C485354  # "LHST": tells our file from any other SQLite file
FORMAT = 1
BUSY_S = 5.0

_SCHEMA = """
CREATE TABLE market (name TEXT NOT NULL) STRICT;
CREATE TABLE bar (
  symbol TEXT NOT NULL, venue TEXT NOT NULL, minute INTEGER NOT NULL, span_min INTEGER NOT NULL,
  open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL,
  volume REAL NOT NULL, taker_buy REAL, oi_coins REAL, mark REAL,
  model TEXT, origin INTEGER, codes BLOB,
  PRIMARY KEY (symbol, venue, minute)
) STRICT, WITHOUT ROWID;
CREATE TABLE sample (
  symbol TEXT NOT NULL, venue TEXT NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (symbol, venue, kind, at_ms)
) STRICT, WITHOUT ROWID;
CREATE TABLE liquidation (
  symbol TEXT NOT NULL, venue TEXT NOT NULL, at_ms INTEGER NOT NULL, side TEXT NOT NULL, price REAL NOT NULL,
  coins REAL NOT NULL, kind TEXT NOT NULL, completeness TEXT NOT NULL
) STRICT;
CREATE INDEX liquidation_of ON liquidation (symbol, venue, at_ms);
CREATE TABLE lesson (
  symbol TEXT NOT NULL, venue TEXT NOT NULL, at_ms INTEGER NOT NULL, model TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (symbol, venue)
) STRICT, WITHOUT ROWID;
"""


class HistoryFileError(Exception):
    """The file is no day of this market's history: damaged, another market's, or of a newer Leadline."""


@dataclass(frozen=True, slots=True)
class BarRow:
    """A bar and what the bands said at its end.  taker_buy, oi_coins in coins (None: unknown).

    codes: deflated column of ``model`` (both None for a bar without one), bin 0 at ``origin``.
    """

    symbol: str
    venue: str
    minute: int
    span_min: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy: float | None
    oi_coins: float | None
    mark: float | None
    model: str | None
    origin: int | None
    codes: bytes | None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """kind: "oi" (coins of one side), "funding" (rate settled) or "ratio" (longs for each short)."""

    symbol: str
    venue: str
    kind: str
    at_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class LiquidationRow:
    """side: of the position that died; kind of price and completeness as in `domain.events`."""

    symbol: str
    venue: str
    at_ms: int
    side: str
    price: float
    coins: float
    kind: str
    completeness: str


@dataclass(frozen=True, slots=True)
class LessonRow:
    """What prints have taught by ``at_ms``; venue "" for what a symbol's venues share."""

    symbol: str
    venue: str
    at_ms: int
    model: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NoteRow:
    """What the rules of a symbol were held against at a moment, or a signal: see `feed.notes`."""

    symbol: str
    at_ms: int
    body: bytes


HistoryRow = BarRow | SampleRow | LiquidationRow | LessonRow | NoteRow

_TABLES: dict[type[HistoryRow], str] = {
    BarRow: "bar",
    SampleRow: "sample",
    LiquidationRow: "liquidation",
    LessonRow: "lesson",
    NoteRow: "note",
}
# All names in these statements are our own.
_INSERTS = {
    kind: f"INSERT OR REPLACE INTO {table} ({', '.join(kind.__slots__)})"  # noqa: S608
    f" VALUES ({', '.join('?' * len(kind.__slots__))})"
    for kind, table in _TABLES.items()
}
_DELETES = [
    f"DELETE FROM {table} WHERE symbol = ? AND venue = ?"  # noqa: S608
    for kind, table in _TABLES.items()
    if kind is not NoteRow
]


# A file of before there were notes gets them when it is next written to.
_NOTES = (
    "CREATE TABLE IF NOT EXISTS note"
    " (symbol TEXT NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS note_of ON note (symbol, at_ms)",
)


def open_day(path: Path, market: str, make: bool = True) -> sqlite3.Connection | None:
    """Open the file of a day; make it if there is none and ``make``, else return None.

    Raises HistoryFileError for one that cannot be this market's history, sqlite3.Error and OSError when
    the disk does not let it be opened or made.
    """
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        return None
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        if _prepare(database, path, market, make):
            return database
    except BaseException:
        database.close()
        raise
    database.close()
    return None


def _prepare(database: sqlite3.Connection, path: Path, market: str, make: bool) -> bool:
    try:
        owner: int = database.execute("PRAGMA application_id").fetchone()[0]
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        empty = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if empty and owner == 0:
            if not make:
                # The writer is about to.
                return False
            _make(database, market)
        elif owner != APPLICATION_ID or version != FORMAT:
            raise HistoryFileError(f"{path}: expected history of format {FORMAT}, found another file")
        held = database.execute("SELECT name FROM market").fetchone()
    except sqlite3.DatabaseError as error:
        if _damaged(error):
            raise HistoryFileError(f"{path}: is damaged ({error})") from None
        raise
    if held is None or held[0] != market:
        name = None if held is None else held[0]
        raise HistoryFileError(f"{path}: keeps history of market {name!r}, not of {market!r}")
    if make:
        for statement in _NOTES:
            database.execute(statement)
    # A commit that a power cut undoes is fetched again from the venues; a killed process loses none.
    database.execute("PRAGMA synchronous = NORMAL")
    return True


def _make(database: sqlite3.Connection, market: str) -> None:
    # An empty file that a power cut spoils is moved aside; making thirty of them need not wait for the disk.
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    database.execute("INSERT INTO market VALUES (?)", (market,))
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {FORMAT}")
    database.execute("COMMIT")


def damage_of(error: Exception) -> bool:
    """Tell whether an error says that the file itself is unusable."""
    return isinstance(error, HistoryFileError) or (isinstance(error, sqlite3.Error) and _damaged(error))


def _damaged(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def write(database: sqlite3.Connection, rows: Iterable[HistoryRow]) -> None:
    """Keep rows in one transaction; what is kept of the same minute or moment is replaced."""
    database.execute("BEGIN IMMEDIATE")
    try:
        for row in rows:
            database.execute(_INSERTS[type(row)], [getattr(row, name) for name in row.__slots__])
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def forget(database: sqlite3.Connection, symbol: str, venue: str) -> None:
    """Drop everything of a venue's contract, and what was noted of its symbol: that was of another past."""
    database.execute("BEGIN IMMEDIATE")
    for statement in _DELETES:
        database.execute(statement, (symbol, venue))
    database.execute("DELETE FROM note WHERE symbol = ?", (symbol,))
    database.execute("COMMIT")


def bars(database: sqlite3.Connection, symbol: str, venue: str, codes_from_min: int) -> list[BarRow]:
    """Return a venue's bars of the day, oldest first.

    Columns come with all bars from minute ``codes_from_min`` on, before that with those the map still
    shows: the last minute of every five.
    """
    found = database.execute(
        "SELECT symbol, venue, minute, span_min, open, high, low, close, volume, taker_buy, oi_coins, mark,"
        " model, origin, CASE WHEN minute >= ? OR (minute + span_min) % 5 = 0 THEN codes END"
        " FROM bar WHERE symbol = ? AND venue = ? ORDER BY minute",
        (codes_from_min, symbol, venue),
    )
    return [BarRow(*row) for row in found]


def samples(database: sqlite3.Connection, symbol: str, venue: str, kind: str) -> list[tuple[int, float]]:
    """Return (ms, value) of a kind, oldest first."""
    found = database.execute(
        "SELECT at_ms, value FROM sample WHERE symbol = ? AND venue = ? AND kind = ? ORDER BY at_ms",
        (symbol, venue, kind),
    )
    return [(at_ms, value) for at_ms, value in found]


def liquidations(database: sqlite3.Connection, symbol: str) -> list[LiquidationRow]:
    """Return the liquidations of a symbol at all venues, oldest first."""
    found = database.execute(
        "SELECT symbol, venue, at_ms, side, price, coins, kind, completeness"
        " FROM liquidation WHERE symbol = ? ORDER BY at_ms",
        (symbol,),
    )
    return [LiquidationRow(*row) for row in found]


def lessons(database: sqlite3.Connection, symbol: str) -> list[LessonRow]:
    """Return what was taught by the end of the day, by venue."""
    found = database.execute(
        "SELECT symbol, venue, at_ms, model, body FROM lesson WHERE symbol = ?", (symbol,)
    )
    return [LessonRow(*row) for row in found]


def notes(database: sqlite3.Connection, symbol: str, since_ms: int) -> list[bytes]:
    """Return what was noted of a symbol from a moment on, oldest first, and at the same moment as it came."""
    known = database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'note'").fetchone()[0]
    if not known:
        return []
    found = database.execute(
        "SELECT body FROM note WHERE symbol = ? AND at_ms >= ? ORDER BY at_ms, rowid", (symbol, since_ms)
    )
    return [body for (body,) in found]
