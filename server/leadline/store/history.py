"""A market's history on disk: a file a day, written by one thread, read by others, never on the event loop.

What is put is committed about once a second.  History is welcome, never required: when the disk is full
or a file is damaged the server goes on without, says so once, and keeps history again as soon as it can.
A damaged file is moved aside.  Old days leave by unlinking whole files, which needs no space.
"""

from __future__ import annotations

import logging
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from leadline.clock import monotonic_ms, wall_ms
from leadline.store import history_day
from leadline.store.history_day import (
    BarRow,
    HistoryFileError,
    HistoryRow,
    LessonRow,
    LiquidationRow,
    damage_of,
)

log = logging.getLogger("leadline.store")

FOLDER = "hist"
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
COMMIT_EVERY_S = 1.0
WAITING_MAX = 20_000  # batches that wait for the disk; more are dropped
OPEN_FILES_MAX = 40  # a start writes a month at once
FREE_BYTES_WARN = 1024 * 1024 * 1024
FREE_BYTES_MIN = 256 * 1024 * 1024  # below it nothing is kept
PRUNE_EVERY_MS = 3_600_000
Read = TypeVar("Read")


def history_path(data_dir: Path, market: str) -> Path:
    """Return the folder of a market's history: simulated and real never share one."""
    return data_dir / market / FOLDER


@dataclass(slots=True)
class StoredPast:
    """What is kept of one (venue, symbol), oldest first; samples by kind as (ms, value)."""

    bars: list[BarRow] = field(default_factory=list)
    samples: dict[str, list[tuple[int, float]]] = field(default_factory=dict)


class HistoryStore:
    """The history of one market.  days: how many are kept; free_bytes: what the disk still has."""

    def __init__(
        self,
        folder: Path,
        market: str,
        days: int,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._folder = folder
        self._market = market
        self._days = days
        self._free_bytes = free_bytes
        self._waiting: queue.Queue[_Work | None] = queue.Queue(WAITING_MAX)
        self._files: dict[date, sqlite3.Connection] = {}
        self._trouble = ""
        self._warned = False
        self._prune_due_ms = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leadline-history", daemon=True)
        self._thread.start()

    # Called from the event loop.

    def put(self, rows: Iterable[HistoryRow]) -> None:
        """Let the writer keep rows; never waits."""
        self._hand_over(_Work(rows=list(rows)))

    def forget(self, symbol: str, venue: str) -> None:
        """Let the writer drop everything of a venue's contract, before what is put later."""
        self._hand_over(_Work(forget=(symbol, venue)))

    @property
    def trouble(self) -> str:
        """Why nothing can be kept now, empty while all is well."""
        return self._trouble

    def close(self, patience_s: float = 5.0) -> None:
        """Keep what waits, then close the files; blocks at most ``patience_s``."""
        self._ending.set()
        self._waiting.put(None)
        self._thread.join(patience_s)

    def _hand_over(self, work: _Work) -> None:
        try:
            self._waiting.put_nowait(work)
        except queue.Full:
            self._say("the disk is too slow for the history")

    # Called from reading threads.

    def past(self, symbol: str, venue: str, since_ms: int, now_ms: int) -> StoredPast:
        """Return what is kept of a contract from ``since_ms`` on; blocks while it reads."""
        past = StoredPast(samples={kind: [] for kind in ("oi", "funding", "ratio")})
        codes_from_min = (now_ms - DAY_MS) // HOUR_MS * 60
        for day in _days(since_ms, now_ms):

            def read(database: sqlite3.Connection) -> None:
                past.bars += history_day.bars(database, symbol, venue, codes_from_min)
                for kind, samples in past.samples.items():
                    samples += history_day.samples(database, symbol, venue, kind)

            self._read(day, read)
        return past

    def lessons(self, symbol: str, now_ms: int) -> dict[str, LessonRow]:
        """Return by venue what prints had taught last; blocks while it reads."""
        found: dict[str, LessonRow] = {}
        for day in _days(now_ms - self._days * DAY_MS, now_ms):
            rows = self._read(day, lambda database: history_day.lessons(database, symbol)) or []
            found |= {row.venue: row for row in rows}
        return found

    def liquidations(self, symbol: str, since_ms: int, now_ms: int) -> list[LiquidationRow]:
        """Return the liquidations of a symbol at all venues from ``since_ms`` on; blocks while it reads."""
        found: list[LiquidationRow] = []
        for day in _days(since_ms, now_ms):
            found += self._read(day, lambda database: history_day.liquidations(database, symbol)) or []
        return [row for row in found if row.at_ms >= since_ms]

    def notes(self, symbol: str, since_ms: int, now_ms: int) -> list[bytes]:
        """Return what was noted of a symbol from ``since_ms`` on, oldest first; blocks while it reads."""
        found: list[bytes] = []
        for day in _days(since_ms, now_ms):
            found += self._read(day, lambda database: history_day.notes(database, symbol, since_ms)) or []
        return found

    def _read(self, day: date, read: Callable[[sqlite3.Connection], Read]) -> Read | None:
        try:
            database = history_day.open_day(self._path(day), self._market, make=False)
            if database is None:
                return None
            try:
                return read(database)
            finally:
                database.close()
        except (sqlite3.Error, OSError, HistoryFileError) as error:
            # The writer moves a damaged file aside when it next wants it.
            log.warning("a day of history is left out: %s", error)
            return None

    # The writing thread.

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            ending = self._take(work)
            self._prune()
            if ending:
                break
            # Whoever comes within the next second shares the next commit.
            self._ending.wait(COMMIT_EVERY_S)
        for database in self._files.values():
            database.close()

    def _take(self, work: _Work | None) -> bool:
        """Do ``work`` and what has come with it; return whether the end was among it."""
        rows: list[HistoryRow] = []
        while True:
            if work is not None and work.forget is not None:
                self._write(rows)
                rows = []
                self._forget(*work.forget)
            elif work is not None:
                rows += work.rows
            if work is None or self._waiting.empty():
                self._write(rows)
                return work is None
            work = self._waiting.get()

    def _write(self, rows: Sequence[HistoryRow]) -> None:
        if not rows or not self._has_room():
            return
        by_day: dict[date, list[HistoryRow]] = {}
        for row in rows:
            at_ms = row.minute * MINUTE_MS if isinstance(row, BarRow) else row.at_ms
            by_day.setdefault(_day(at_ms), []).append(row)
        oldest = self._oldest()
        for day, own in by_day.items():
            if day >= oldest:
                self._attempt(day, lambda database, own=own: history_day.write(database, own))  # type: ignore[misc]

    def _forget(self, symbol: str, venue: str) -> None:
        for day in self._kept_days():
            self._attempt(day, lambda database: history_day.forget(database, symbol, venue))

    def _attempt(self, day: date, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do ``work`` on a day's file; a damaged one is moved aside and the work done on a new one."""
        for fresh in (False, True):
            try:
                work(self._file(day))
            except (sqlite3.Error, OSError, HistoryFileError) as error:
                self._drop(day)
                if damage_of(error) and not fresh:
                    self._move_aside(day, error)
                    continue
                self._say(f"nothing can be kept in {self._path(day)}: {error}")
            else:
                self._say("")
            return

    def _file(self, day: date) -> sqlite3.Connection:
        if day not in self._files:
            while len(self._files) >= OPEN_FILES_MAX:
                self._drop(min(self._files))
            made = history_day.open_day(self._path(day), self._market)
            if made is None:
                raise HistoryFileError(f"{self._path(day)}: could not be made")
            self._files[day] = made
        return self._files[day]

    def _drop(self, day: date) -> None:
        database = self._files.pop(day, None)
        if database is not None:
            database.close()

    def _move_aside(self, day: date, error: Exception) -> None:
        path = self._path(day)
        aside = path.with_suffix(f".unusable-{wall_ms()}")
        log.warning("%s; it is moved to %s and a new one begun", error, aside.name)
        for suffix in ("", "-wal", "-shm"):
            own = path.with_name(path.name + suffix)
            if own.exists():
                own.rename(aside.with_name(aside.name + suffix))

    def _has_room(self) -> bool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            free = self._free_bytes(self._folder)
        except OSError as error:
            self._say(f"{self._folder} cannot be used: {error.strerror}")
            return False
        if free < FREE_BYTES_MIN:
            self._say(f"only {free // 1_000_000} MB are free on the disk of {self._folder}")
            return False
        if free < FREE_BYTES_WARN and not self._warned:
            log.warning("%d MB are free on the disk of %s", free // 1_000_000, self._folder)
        self._warned = free < FREE_BYTES_WARN
        return True

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.error("history is not kept: %s; the server goes on without", trouble)
        elif self._trouble and not trouble:
            log.info("history is kept again")
        self._trouble = trouble

    def _prune(self) -> None:
        """Unlink the files of days beyond those kept, now and then."""
        now_ms = monotonic_ms()
        if now_ms < self._prune_due_ms:
            return
        self._prune_due_ms = now_ms + PRUNE_EVERY_MS
        oldest = self._oldest()
        for day in self._kept_days():
            if day < oldest:
                self._drop(day)
                for suffix in ("", "-wal", "-shm"):
                    path = self._path(day)
                    path.with_name(path.name + suffix).unlink(missing_ok=True)

    def _kept_days(self) -> list[date]:
        days = []
        for path in self._folder.glob("????-??-??.db"):
            try:
                days.append(date.fromisoformat(path.stem))
            except ValueError:
                continue
        return sorted(days)

    def _oldest(self) -> date:
        return _day(wall_ms()) - timedelta(days=self._days)

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.db"


@dataclass(slots=True)
class _Work:
    rows: list[HistoryRow] = field(default_factory=list)
    forget: tuple[str, str] | None = None


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def _days(since_ms: int, until_ms: int) -> list[date]:
    first, last = _day(since_ms), _day(until_ms)
    return [first + timedelta(days=at) for at in range((last - first).days + 1)]
