"""The state file: one SQLite database a market, written by one thread, never on the event loop.

Whoever keeps something here writes plain functions over a connection and hands them to
`StateStore.run`, which makes each of them one transaction::

    mark = await store.run(lambda db: marks.put(db, "BTCUSDT", "77500", "", now_ms))

A transaction that `run` has answered is on the disk (synchronous=FULL).  The file belongs to one
process: a second one is refused, and is let in as soon as the first has ended, however it ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from leadline.errors import StoreError

Kept = TypeVar("Kept")

FILE_NAME = "state.db"
MIGRATIONS = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x4C454144  # "LEAD": tells our file from any other SQLite file
LOCK_PATIENCE_S = 3.0  # how long a process that is just ending may still hold the file


def state_path(data_dir: Path, market: str) -> Path:
    """Return where the state of a market ("live", "twin") lies: simulated and real never share a file."""
    return data_dir / market / FILE_NAME


class StateStore:
    """The open state of one market; made by `open`, ended by `close`."""

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor, market: str) -> None:
        self._database = database
        self._thread = thread
        self.market = market

    @classmethod
    async def open(cls, path: Path | None, market: str) -> StateStore:
        """Open or make the state of ``market`` and bring it up to date; ``path`` None keeps it in memory.

        Raises StoreError when the file is of a newer Leadline, another market or another program, damaged,
        read-only, or held by another process.
        """
        thread = ThreadPoolExecutor(1, "leadline-state")
        try:
            database = await asyncio.get_running_loop().run_in_executor(thread, _open, path, market)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(database, thread, market)

    async def run(self, work: Callable[[sqlite3.Connection], Kept]) -> Kept:
        """Run ``work`` as one transaction in the store's thread; what it raises undoes it.

        Works run one after the other, in the order they were asked for.  One that was begun is finished
        even if its waiter is cancelled.

        Raises StoreError when the disk does not take it (full, read-only, failing).
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[sqlite3.Connection], Kept]) -> Kept:
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            try:
                result = work(database)
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise StoreError(f"the state could not be kept: {error}") from error
        return result


def _open(path: Path | None, market: str) -> sqlite3.Connection:
    name = str(path or "the state in memory")
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: cannot be made a folder: {error.strerror}") from None
        _check_writable(path)
    try:
        database = sqlite3.connect(
            path or ":memory:", timeout=LOCK_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(database, name, market)
        except BaseException:
            database.close()
            raise
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{name}: {_sentence(error)}") from None
    if path is not None:
        path.chmod(0o600)  # it names the phones
    return database


def _check_writable(path: Path) -> None:
    """SQLite would open a read-only file as such, and then fail on a lock with "disk I/O error"."""
    try:
        if path.exists():
            path.open("r+b").close()
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}; choose another --data-dir") from None


def _prepare(database: sqlite3.Connection, name: str, market: str) -> None:
    database.row_factory = sqlite3.Row
    # Nobody else may post the same outbox; it also does without a shared-memory file.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    owner: int = database.execute("PRAGMA application_id").fetchone()[0]
    empty = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if owner != APPLICATION_ID and not (empty and owner == 0):
        raise StoreError(f"{name}: expected a state file of Leadline, found another program's database")
    steps = migrations()
    if version > len(steps):
        raise StoreError(
            f"{name}: was written by a newer Leadline (format {version}, this one knows up to {len(steps)});"
            " update Leadline, or choose another --data-dir"
        )
    if (damage := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise StoreError(f"{name}: is damaged ({damage}); move it away to start with an empty one")
    database.execute("BEGIN IMMEDIATE")
    try:
        for number, script in enumerate(steps[version:], version + 1):
            for statement in statements(script):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {number}")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("CREATE TABLE IF NOT EXISTS market (name TEXT NOT NULL) STRICT")
        held = database.execute("SELECT name FROM market").fetchone()
        if held is None:
            database.execute("INSERT INTO market VALUES (?)", (market,))
        elif held["name"] != market:
            raise StoreError(
                f"{name}: keeps the state of market {held['name']!r}, not of {market!r};"
                " simulated and live data never mix"
            )
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def migrations() -> list[str]:
    """Return the scripts that make the file what it is, the first one first: number n makes format n."""
    paths = sorted(MIGRATIONS.glob("*.sql"))
    numbers = [int(path.name[:4]) for path in paths]
    if numbers != list(range(1, len(paths) + 1)):
        raise AssertionError(f"expected migrations numbered from 0001 on without a gap, found {numbers}")
    return [path.read_text("utf-8") for path in paths]


def statements(script: str) -> list[str]:
    """Split a script into statements, so that all of a migration is one transaction.

    (`executescript` would commit before it begins.)
    """
    found, held = [], ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            found.append(held.strip())
            held = ""
    return found


def _sentence(error: sqlite3.DatabaseError) -> str:
    """Say what the person can do about an error of opening."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is in use by another Leadline; stop that one, or choose another --data-dir"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return "cannot be written; let this user write it and its folder, or choose another --data-dir"
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return f"is damaged ({error}); move it away to start with an empty one"
    return f"cannot be used: {error}"
