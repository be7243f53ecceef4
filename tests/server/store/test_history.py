"""History on disk: whole days, one thread, and no end of it costs the server more than what it forgot."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadline.clock import wall_ms
from leadline.store import history
from leadline.store.history import DAY_MS, FREE_BYTES_MIN, HistoryStore, history_path
from leadline.store.history_day import BarRow, LessonRow, LiquidationRow, SampleRow

NOW_MS = wall_ms()
MINUTE = NOW_MS // 60_000


def bar(minute: int = MINUTE, symbol: str = "BTCUSDT", close: float = 3.0, span_min: int = 1) -> BarRow:
    return BarRow(
        *(symbol, "okx", minute, span_min, 2.0, 4.0, 1.0, close, 10.5, None, 70.0, close),
        *("bands-x", -7, b"codes"),
    )


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "COMMIT_EVERY_S", 0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return history_path(tmp_path, "twin")


def written(folder: Path, *rows: BarRow | SampleRow | LiquidationRow | LessonRow, days: int = 30) -> None:
    store = HistoryStore(folder, "twin", days)
    store.put(rows)
    store.close()


@pytest.fixture
def store(folder: Path, quick: None) -> Iterator[HistoryStore]:
    made = HistoryStore(folder, "twin", 30)
    yield made
    made.close()


def closes(store: HistoryStore, since_ms: int = NOW_MS - 3 * DAY_MS) -> list[float]:
    return [row.close for row in store.past("BTCUSDT", "okx", since_ms, NOW_MS).bars]


def test_all_that_is_put_is_read_back_in_the_order_of_time(folder: Path) -> None:
    yesterday = MINUTE - 1440
    died = LiquidationRow("BTCUSDT", "okx", NOW_MS - 5, "long", 2.5, 1.25, "bankruptcy", "throttled")
    taught = LessonRow("BTCUSDT", "bybit", NOW_MS, "bands-x", b"{}")
    rate = SampleRow("BTCUSDT", "okx", "funding", NOW_MS - DAY_MS, -0.0001)
    written(folder, bar(), bar(yesterday, close=2.0), bar(symbol="ETHUSDT"), died, taught, rate)
    store = HistoryStore(folder, "twin", 30)
    past = store.past("BTCUSDT", "okx", NOW_MS - 3 * DAY_MS, NOW_MS)
    assert past.bars[-1] == bar()
    assert [row.minute for row in past.bars] == [yesterday, MINUTE]
    assert past.samples == {"oi": [], "ratio": [], "funding": [(NOW_MS - DAY_MS, -0.0001)]}
    assert store.liquidations("BTCUSDT", NOW_MS - DAY_MS, NOW_MS) == [died]
    assert store.lessons("BTCUSDT", NOW_MS) == {"bybit": taught}
    store.close()
    names = sorted(path.name for path in folder.glob("*.db"))
    assert len(names) == 2, "a day a file"
    assert names[-1].startswith(time.strftime("%Y-%m-%d", time.gmtime(MINUTE * 60)))


def test_a_minute_told_again_replaces_what_was_kept_of_it(folder: Path) -> None:
    written(folder, bar(close=2.0))
    written(folder, bar(close=3.0))
    store = HistoryStore(folder, "twin", 30)
    assert closes(store) == [3.0]
    store.close()


def test_columns_older_than_a_day_come_for_every_fifth_minute(folder: Path) -> None:
    first = (MINUTE - 2 * 1440) // 5 * 5
    written(folder, *(bar(minute) for minute in range(first, first + 10)), bar(first - 5, span_min=5), bar())
    store = HistoryStore(folder, "twin", 30)
    rows = store.past("BTCUSDT", "okx", NOW_MS - 4 * DAY_MS, NOW_MS).bars
    store.close()
    assert [row.minute for row in rows if row.codes is not None] == [first - 5, first + 4, first + 9, MINUTE]


def test_a_contract_can_be_forgotten_before_it_is_kept_anew(store: HistoryStore) -> None:
    store.put([bar(), bar(MINUTE - 1440), bar(symbol="ETHUSDT")])
    store.forget("BTCUSDT", "okx")
    store.put([bar(MINUTE - 1, close=9.0)])
    until(lambda: closes(store) == [9.0])
    assert store.past("ETHUSDT", "okx", NOW_MS - DAY_MS, NOW_MS).bars


def test_days_beyond_those_kept_are_unlinked_whole(folder: Path) -> None:
    written(folder, bar(MINUTE - 5 * 1440), bar(MINUTE - 1440), bar())
    assert len(list(folder.glob("*.db"))) == 3
    written(folder, bar(), bar(MINUTE - 4 * 1440), days=2)
    assert len(list(folder.iterdir())) == 2


def test_another_markets_file_is_neither_read_nor_written(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(folder, bar())
    other = history_path(tmp_path, "live")
    shutil.copytree(folder, other)
    store = HistoryStore(other, "live", 30)
    assert closes(store) == []
    assert "keeps history of market 'twin', not of 'live'" in caplog.text
    store.put([bar(close=5.0)])
    store.close()
    store = HistoryStore(other, "live", 30)
    assert closes(store) == [5.0]
    store.close()
    assert len(list(other.glob("*.unusable-*"))) == 1


@pytest.mark.parametrize("damage", [b"no database at all" * 500, b""])
def test_a_damaged_file_is_moved_aside_and_the_day_goes_on(
    folder: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    written(folder, bar(close=2.0))
    (path,) = folder.glob("*.db")
    path.write_bytes(damage or path.read_bytes()[:8192] + os.urandom(40_000))
    written(folder, bar(close=3.0))
    store = HistoryStore(folder, "twin", 30)
    assert closes(store) in ([3.0], [])
    store.put([bar(MINUTE - 1, close=4.0)])
    store.close()
    store = HistoryStore(folder, "twin", 30)
    assert closes(store)[0] == 4.0
    store.close()
    assert "moved" in caplog.text


def test_reading_a_day_never_makes_its_file(store: HistoryStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    empty = folder / f"{time.strftime('%Y-%m-%d', time.gmtime(NOW_MS / 1000))}.db"
    empty.touch()
    assert closes(store) == []
    assert empty.stat().st_size == 0
    store.put([bar()])
    until(lambda: closes(store) == [3.0])
    assert not store.trouble


def test_a_full_disk_costs_history_and_nothing_else(
    folder: Path, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    free = FREE_BYTES_MIN - 1
    store = HistoryStore(folder, "twin", 30, free_bytes=lambda _: free)
    store.put([bar(MINUTE - 2)])
    until(lambda: bool(store.trouble))
    store.put([bar(MINUTE - 1)])
    free = 10 * FREE_BYTES_MIN
    until(lambda: (store.put([bar()]), not store.trouble)[1])
    until(lambda: len(closes(store)) > 0)
    minutes = {row.minute for row in store.past("BTCUSDT", "okx", NOW_MS - DAY_MS, NOW_MS).bars}
    store.close()
    assert MINUTE in minutes
    assert MINUTE - 2 not in minutes
    assert caplog.text.count("history is not kept") == 1, "trouble is told once"


def test_a_disk_that_fills_up_midway_is_told_and_survived(
    folder: Path, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = history.history_day.write
    full = [True]

    def filling(database: sqlite3.Connection, rows: list[BarRow]) -> None:
        # SQLite's own limit on the file's pages gives the very error of a full disk.
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages if full[0] else 1_000_000}")
        write(database, rows)

    monkeypatch.setattr(history.history_day, "write", filling)
    caplog.set_level("INFO")
    many = [bar(symbol=f"A{at}USDT") for at in range(60)]
    store = HistoryStore(folder, "twin", 30)
    store.put(
        BarRow(*(getattr(row, name) for name in BarRow.__slots__[:-1]), os.urandom(9_000)) for row in many
    )
    until(lambda: "disk is full" in store.trouble)
    full[0] = False
    store.put([bar()])
    until(lambda: not store.trouble)
    assert closes(store) == [3.0]
    store.close()
    assert "history is kept again" in caplog.text


def test_a_killed_process_leaves_every_commit_and_a_file_that_opens(folder: Path) -> None:
    script = (
        "import sys, pathlib, itertools, time\n"
        "from leadline.store import history\n"
        "from tests.server.store.test_history import bar, MINUTE\n"
        "history.COMMIT_EVERY_S = 0.001\n"
        "store = history.HistoryStore(pathlib.Path(sys.argv[1]), 'twin', 30)\n"
        "for at in itertools.count():\n"
        "    store.put([bar(MINUTE - 1440 * (at % 3) - at // 3)])\n"
        "    time.sleep(0.0005)\n"
        "    if at == 300: print('going', flush=True)\n"
    )
    paths = [str(Path(history.__file__).parents[2]), str(Path(__file__).parents[3])]
    writing = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
    )
    assert writing.stdout is not None
    assert writing.stdout.readline() == b"going\n"
    until(lambda: len(list(folder.glob("*.db"))) >= 3)
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    writing.stdout.close()
    for path in folder.glob("*.db"):
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
    store = HistoryStore(folder, "twin", 30)
    kept = closes(store, NOW_MS - 5 * DAY_MS)
    assert len(kept) > 50
    store.put([bar(MINUTE + 1, close=8.0)])
    store.close()
