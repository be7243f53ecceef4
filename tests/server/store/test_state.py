"""The state file: opened, refused, brought up to date, and whole after every kind of end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadline.errors import StoreError
from leadline.store import marks, state
from leadline.store.state import APPLICATION_ID, StateStore, migrations, state_path, statements


async def opened(path: Path | None, market: str = "twin") -> StateStore:
    return await StateStore.open(path, market)


def holding(path: Path) -> subprocess.Popen[bytes]:
    """Run another process that keeps a mark in ``path`` and then holds on to the file."""
    script = (
        "import asyncio, pathlib, sys\n"
        "from leadline.store import marks\n"
        "from leadline.store.state import StateStore\n"
        "async def main():\n"
        "    store = await StateStore.open(pathlib.Path(sys.argv[1]), 'twin')\n"
        "    await store.run(lambda db: marks.put(db, 'BTCUSDT', '1', '', 1))\n"
        "    print('kept', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": str(Path(state.__file__).parents[2])},
        stdout=subprocess.PIPE,
    )


@contextlib.contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Let nobody write ``path`` and its folder; root may write anything, so it becomes nobody meanwhile."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        path.parent.chmod(0o755)


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    path = state_path(tmp_path, "twin")
    store = await opened(path)
    kept = await store.run(lambda db: marks.put(db, "BTCUSDT", "77500", "wall", 5))
    await store.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = await opened(path)
    assert await again.run(marks.all_marks) == [kept]
    await again.close()


async def test_a_mark_at_the_same_price_is_the_same_mark() -> None:
    store = await opened(None)
    first = await store.run(lambda db: marks.put(db, "BTCUSDT", "77500", "", 5))
    second = await store.run(lambda db: marks.put(db, "BTCUSDT", "77500", "stop", 6))
    other = await store.run(lambda db: marks.put(db, "ETHUSDT", "77500", "", 7))
    assert (second.id, second.label, second.created_ms) == (first.id, "stop", 5)
    assert await store.run(lambda db: marks.of_symbol(db, "BTCUSDT")) == [second]
    assert await store.run(lambda db: marks.remove(db, first.id))
    assert not await store.run(lambda db: marks.remove(db, first.id))
    assert await store.run(marks.all_marks) == [other]
    await store.close()


async def test_work_runs_in_one_thread_of_its_own_in_the_order_asked() -> None:
    store = await opened(None)
    order: list[int] = []

    def work(number: int) -> int:
        order.append(number)
        return threading.get_ident()

    threads = await asyncio.gather(*(store.run(lambda _, n=n: work(n)) for n in range(50)))
    assert order == list(range(50))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    await store.close()


async def test_what_raises_leaves_nothing_behind() -> None:
    store = await opened(None)

    def half(db: sqlite3.Connection) -> None:
        marks.put(db, "BTCUSDT", "1", "", 1)
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await store.run(half)
    assert await store.run(marks.all_marks) == []
    await store.close()


async def test_a_full_disk_is_said_and_the_store_works_again_when_there_is_room(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    # SQLite refuses beyond so many pages exactly as on a full disk.
    await store.run(lambda db: db.execute("SELECT 1").fetchone())
    pages = (await store.run(lambda db: db.execute("PRAGMA page_count").fetchone()))[0]
    await store.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(StoreError, match="could not be kept: database or disk is full"):
        await store.run(lambda db: marks.put(db, "BTCUSDT", "1", "x" * 100_000, 1))
    await store.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages * 100}").fetchone())
    await store.run(lambda db: marks.put(db, "BTCUSDT", "1", "x" * 100_000, 1))
    await store.close()


async def test_simulated_and_live_state_never_share_a_file(tmp_path: Path) -> None:
    assert state_path(tmp_path, "live") != state_path(tmp_path, "twin")
    store = await opened(tmp_path / "state.db", "twin")
    await store.close()
    with pytest.raises(StoreError, match="keeps the state of market 'twin', not of 'live'"):
        await opened(tmp_path / "state.db", "live")


async def test_a_file_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await (await opened(path)).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer Leadline \(format 999, this one knows up to \d+\)"):
        await opened(path)
    assert path.read_bytes() == before


async def test_a_damaged_file_and_another_programs_file_are_refused(tmp_path: Path) -> None:
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"not a database at all, whatever its name says" * 40)
    with pytest.raises(StoreError, match=r"is damaged .* move it away"):
        await opened(junk)

    torn = tmp_path / "torn.db"
    store = await opened(torn)
    for number in range(200):
        await store.run(lambda db, n=number: marks.put(db, "BTCUSDT", str(n), "x" * 500, 1))
    await store.close()
    content = bytearray(torn.read_bytes())
    content[8192:20480] = os.urandom(12288)
    torn.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        await opened(torn)

    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE songs (name TEXT)")
    database.close()
    with pytest.raises(StoreError, match="found another program's database"):
        await opened(foreign)


async def test_a_second_process_is_refused_while_the_first_runs_and_let_in_when_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOCK_PATIENCE_S", 0.1)
    path = tmp_path / "state.db"
    holder = holding(path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"kept\n"
    with pytest.raises(StoreError, match="in use by another Leadline"):
        await opened(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    store = await opened(path)
    assert [mark.price for mark in await store.run(marks.all_marks)] == ["1"]
    await store.close()


async def test_a_read_only_file_or_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="cannot be made a folder"):
        await opened(blocked / "state.db")
    # Nobody may not enter pytest's own folders.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        await (await opened(path)).close()
        with unwritable(path), pytest.raises(StoreError, match="cannot be written"):
            await opened(path)
        path.unlink()
        with unwritable(tmp_path), pytest.raises(StoreError, match="cannot be"):
            await opened(tmp_path / "new.db")


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    await store.run(lambda db: marks.put(db, "BTCUSDT", "1", "", 1))
    await store.close()
    good = migrations()
    monkeypatch.setattr(state, "migrations", lambda: [*good, "DROP TABLE marks;\nCREATE TABLE;"])
    with pytest.raises(StoreError, match="cannot be used: "):
        await opened(path)
    monkeypatch.setattr(state, "migrations", lambda: [*good, "ALTER TABLE marks ADD COLUMN shade TEXT;"])
    newer = await opened(path)
    row = await newer.run(lambda db: dict(db.execute("SELECT price, shade FROM marks").fetchone()))
    assert row == {"price": "1", "shade": None}
    await newer.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] == len(good) + 1
        assert database.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    database.close()


def test_a_script_is_split_at_its_statements_only() -> None:
    script = (
        "-- a; b\nCREATE TABLE a (x TEXT DEFAULT ';');\n\n"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n DELETE FROM a;\nEND;\n"
    )
    assert [made.split("\n")[0] for made in statements(script)] == [
        "-- a; b",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN",
    ]
