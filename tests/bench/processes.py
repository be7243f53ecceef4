"""The twin and a server as processes of their own, and what they use of the machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "server"), "PYTHONUNBUFFERED": "1"}
VENUES = ("binance", "bybit", "okx")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def twin(*arguments: str) -> Iterator[dict[str, int]]:
    """Run the twin; yields the port of each venue."""
    process = subprocess.Popen(
        [sys.executable, "-m", "leadline.twin.main", "--until-stdin-closes", *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextlib.contextmanager
def server(
    ports: dict[str, int],
    port: int,
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[subprocess.Popen[str]]:
    """Run `leadline serve` on the venues at these ports; its log is in the process's stderr.

    environment: what is set beside the usual.
    """
    flags = [
        flag
        for venue in VENUES
        for flag in (
            *(f"--{venue}-rest", f"http://127.0.0.1:{ports[venue]}"),
            *(f"--{venue}-ws", f"ws://127.0.0.1:{ports[venue]}"),
        )
    ]
    places = ["--port", str(port), "--data-dir", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "leadline", "serve", "--market", "live", *flags, *places, *arguments],
        env={**ENVIRONMENT, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def cpu_s(pid: int) -> float:
    """Return the processor time, of all threads, that a process has used."""
    # Behind the name, which may hold anything, state is the first field; utime and stime are 12th and 13th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds, in MB of a million bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
