"""Recordings of the twin: complete files that `check` finds nothing wrong with, whatever ends them."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from leadline.domain.events import BookChanged, BookState, Event
from leadline.errors import UsageError, VenueError
from leadline.feed.capture import RecordingFile
from leadline.feed.check import check
from leadline.feed.record import FileLimits, Recorder, SessionFile
from leadline.feed.replay import Replay
from leadline.feed.session import SymbolSession
from leadline.twin.faults import Faults
from leadline.twin.main import Twin
from leadline.venues.endpoints import Endpoints
from tests.twin.markets import Reader

ROOT = Path(__file__).parents[2]
VENUES = ("binance", "bybit", "okx")
SYMBOLS = ["BTCUSDT", "SOLUSDT"]


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    async with Twin(seed=5, history_days=0.02) as made:
        yield made


def recorder_of(
    twin: Twin, venue: str, folder: Path, limits: FileLimits | None = None, symbols: list[str] = SYMBOLS
) -> Recorder:
    port = twin.ports[venue]
    endpoints = Endpoints(rest=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}")
    return Recorder(venue, endpoints, symbols, folder, simulated=True, limits=limits or FileLimits())


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as lines:
        return [orjson.loads(line) for line in lines]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def record(recorder: Recorder, seconds: float, done: Callable[[], bool] = lambda: True) -> None:
    """Record for a while and until ``done``, or until it ends by itself."""
    running = asyncio.create_task(recorder.run())
    await asyncio.wait({running}, timeout=seconds)
    while not running.done() and not done():
        await asyncio.wait({running}, timeout=0.02)
    running.cancel()
    (error,) = await asyncio.gather(running, return_exceptions=True)
    if isinstance(error, Exception):
        raise error


@pytest.mark.parametrize("venue", VENUES)
async def test_what_is_recorded_is_the_book_that_was_held(venue: str, twin: Twin, tmp_path: Path) -> None:
    recorder = recorder_of(twin, venue, tmp_path)
    await record(recorder, 4.0)
    assert recorder.source is not None
    held = recorder.source.protocol.books
    reports = {report.symbol: report for report in check([file.path for file in recorder.files])}
    assert set(reports) == set(SYMBOLS)
    for symbol, report in reports.items():
        made = held[symbol].instrument
        assert not report.wrong
        assert report.notes == []
        assert min(report.deltas, report.trades) > 0
        assert report.book_sha256 == held[symbol].book.digest(made.tick, made.lot)
        assert (report.bbo_compared > 0) == (venue == "binance")


@pytest.mark.parametrize("venue", VENUES)
async def test_each_of_many_files_is_complete_in_itself(
    venue: str, twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = recorder_of(twin, venue, tmp_path, FileLimits(age_s=1.0))
    states_at_close: dict[Path, set[BookState]] = {}
    close = SessionFile.close

    def watched(file: SessionFile) -> None:
        if recorder.source is not None:
            books = recorder.source.protocol.books.values()
            states_at_close.setdefault(file.path, {book.state for book in books})
        close(file)

    def between_two_files() -> bool:
        source = recorder.source
        return source is not None and len(recorder.files) == source.replacements + 1 >= 3

    monkeypatch.setattr(SessionFile, "close", watched)
    await record(recorder, 1.0, between_two_files)
    paths = [file.path for file in recorder.files]
    assert len(paths) >= 3
    assert files_in(tmp_path) == sorted(paths)
    for symbol_reports in ([check([path]) for path in paths], [check(paths)]):
        for reports in symbol_reports:
            assert [report.symbol for report in reports] == SYMBOLS
            for report in reports:
                assert not report.wrong
                assert report.notes == []
                assert report.book_sha256 is not None
    for path in paths[:-1]:
        assert states_at_close[path] == {BookState.LIVE}, "a file ends before the next has its books"
    await replayed_as_one_market(recorder, monkeypatch)


async def replayed_as_one_market(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play all files: the books are live once, through all of them, and end as they were held."""
    states: dict[str, list[BookState]] = {symbol: [] for symbol in SYMBOLS}
    accept = SymbolSession.accept

    def watched(session: SymbolSession, event: Event) -> None:
        accept(session, event)
        if isinstance(event, BookChanged):
            states[session.symbol].append(session.venues[recorder.venue].book.state)

    monkeypatch.setattr(SymbolSession, "accept", watched)
    replay = Replay([file.path for file in recorder.files], speed=30.0, loop=False)
    reader = Reader()
    replay.hub.watchers.add(reader)
    playing = asyncio.create_task(replay.run())
    async with asyncio.timeout(20):
        while not all(reader.told("replay ended", symbol) for symbol in SYMBOLS):
            await asyncio.sleep(0.01)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert recorder.source is not None
    for symbol, seen in states.items():
        lived = seen[seen.index(BookState.LIVE) :]
        assert set(lived[:-1]) == {BookState.LIVE}
        assert (lived[-1], len(lived) > 5) == (BookState.STALE, True)
        session, held = replay.hub.sessions[symbol], recorder.source.protocol.books[symbol]
        made, view = held.instrument, session.venues[recorder.venue]
        assert view.book.book.digest(made.tick, made.lot) == held.book.digest(made.tick, made.lot)
        assert view.mark is not None
        assert session.tape.count > 0


async def test_a_connection_lost_while_recording_is_no_gap(tmp_path: Path) -> None:
    faults = {venue: Faults(close_every_s=2.0, close_code=1012) for venue in ("binance", "bybit")}
    async with Twin(seed=6, faults=faults, history_days=0.02) as twin:
        recorders = [recorder_of(twin, venue, tmp_path) for venue in faults]
        await asyncio.gather(*(record(recorder, 6.0) for recorder in recorders))
    for recorder in recorders:
        (file,) = recorder.files
        connects = [row["conn"] for row in rows_of(file.path) if row["ch"] == "ws-connect"]
        assert len(connects) > len(set(connects))
        for report in check([file.path]):
            assert (report.gaps, report.protocol_errors, report.crossed) == (0, 0, 0)
            assert report.deltas > 0


async def test_a_file_begins_with_what_it_is_and_names_no_real_venue(twin: Twin, tmp_path: Path) -> None:
    recorder = recorder_of(twin, "okx", tmp_path, symbols=["BTCUSDT"])
    await record(recorder, 2.0)
    rows = rows_of(recorder.files[0].path)
    assert [row["ch"] for row in rows[:4]] == ["recorder-config", "http", "ws-connect", "ws-send"]
    assert orjson.loads(rows[0]["raw"])["simulated"] is True
    assert all(set(row) == {"t", "ch", "conn", "url", "raw"} for row in rows)
    assert {row["url"].partition("//")[2].partition("/")[0] for row in rows} == {"", "okx.twin"}
    times = [row["t"] for row in rows]
    assert times == sorted(times)


async def test_an_unknown_symbol_and_a_silent_venue_are_said(
    twin: Twin, tmp_path: Path, unused_tcp_port: int
) -> None:
    with pytest.raises(UsageError, match="unknown symbol NOPEUSDT: bybit does not list it"):
        await record(recorder_of(twin, "bybit", tmp_path, symbols=["BTCUSDT", "NOPEUSDT"]), 5)
    twin.ports["okx"] = unused_tcp_port
    with pytest.raises(VenueError, match="okx: no list of contracts"):
        await record(recorder_of(twin, "okx", tmp_path), 5)
    assert files_in(tmp_path) == []


async def test_a_disk_that_refuses_ends_the_recording_with_a_sentence(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written: "):
        await record(recorder_of(twin, "okx", tmp_path / "file" / "folder"), 5)


def started(folder: Path) -> subprocess.Popen[str]:
    command = ["record", "--venue", "bybit", "--symbols", "BTCUSDT", "--market", "twin", "--out", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "leadline", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "server")},
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_recorder_that_is_stopped_leaves_a_readable_file(how: signal.Signals, tmp_path: Path) -> None:
    process = started(tmp_path)
    try:
        while not (files := files_in(tmp_path)) or files[0].stat().st_size < 20_000:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        flushed_bytes = files[0].stat().st_size
        process.send_signal(how)
        output, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    read = RecordingFile(files[0])
    records = list(read.records())
    assert sum(record.kind == "ws" for record in records) > 10
    (report,) = check(files)
    assert (report.wrong, report.book_sha256 is not None) == (False, True)
    if how is signal.SIGINT:
        assert (process.returncode, output.strip()) == (0, str(files[0]))
        assert "Traceback" not in errors
        assert read.problems == []
    else:
        assert flushed_bytes >= 20_000
        assert any("ends early" in problem for problem in read.problems)
