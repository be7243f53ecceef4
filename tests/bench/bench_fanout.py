"""One frame of 400 bytes to 1,000 clients, again and again: ours beside its peers and the bare transport.

``make bench-fanout`` (or ``python -m tests.bench.bench_fanout``, after ``make peers``) writes
build/bench/fanout.json.  Each way runs in a process of its own on one core, the clients on another.  In a
round of the benchmark all ways are up, and send in turns of a fifth of a second, every other time backwards:
a shared machine becomes half as fast from one second to the next.  First each sends as fast as its own flow
control lets it: frames that arrived by processor second of the server.  Then, paced at half of that, how old
a frame is when it is read.  Ratios (ours over theirs) are taken within a round, then their median.  Last,
ours again beside 500 clients that never read.  On loopback a sender also pays for what the kernel does on
behalf of the receiver.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.fanout_reader import Readers, connected
from tests.bench.fanout_servers import WAYS

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "bench" / "fanout.json"
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
OURS = "leadline"
STALLED = 500
TURNS = 10
SETTLE_S = 0.05
CORES = sorted(os.sched_getaffinity(0))
GOALS = {"starlette": 1.5, "starlette_default": 2.7, "floor": 1 / 1.35}
MEMORY_KB_MAX = 20
P99_MS_MAX = 50


class Server:
    """The process of one way, on the first core."""

    def __init__(self, way: str, loop: str) -> None:
        python = str(PEERS_PYTHON) if way == "picows" else sys.executable
        script = str(Path(__file__).with_name("fanout_servers.py"))
        self._process = subprocess.Popen(
            [python, script, way, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "server"), "PYTHONWARNINGS": "ignore"},
        )
        os.sched_setaffinity(self._process.pid, {CORES[0]})
        self.port = int(self._answer()["port"])

    def ask(self, line: str) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError("the server ended")
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Way:
    """One way with its clients; sends a part of the time when it is its turn."""

    def __init__(self, way: str, loop: str, clients: int) -> None:
        self._way = way
        self._server = Server(way, loop)
        empty_kb = self._server.ask("memory")["memory_kb"]
        self._readers = Readers(self._server.port, clients, way == OURS, way == "starlette_default")
        full_kb = self._server.ask("memory")["memory_kb"]
        self._server.ask("here")
        self._server.ask("run 0.3 0")
        self._memory_kb = (full_kb - empty_kb) / clients
        self._frames = self._rounds = self._cpu_s = self._seconds = 0.0

    def burst(self, seconds: float) -> None:
        """Send as fast as flow control lets it, and wait until all has arrived."""
        before = self._readers.frames
        sent = self._server.ask(f"run {seconds} 0")
        time.sleep(SETTLE_S)
        # Compressed frames are of another size; what was taken by flow control has arrived.
        compressed = self._way == "starlette_default"
        self._frames += sent["sent"] if compressed else self._readers.frames - before
        self._rounds += sent["rounds"]
        self._cpu_s += sent["cpu_s"]
        self._seconds += sent["seconds"]

    def found(self) -> dict[str, float]:
        return {
            "frames_per_core_s": self._frames / self._cpu_s,
            "us_a_frame": self._cpu_s / self._frames * 1e6,
            "busy": self._cpu_s / self._seconds,
            "memory_kb_a_client": self._memory_kb,
            "rounds_per_s": self._rounds / self._seconds / 2,
        }

    def close(self) -> None:
        self._readers.close()
        self._server.close()


def in_turns(
    names: list[str], loop: str, clients: int, seconds: float, backwards: bool
) -> dict[str, dict[str, float]]:
    """Run all ways beside each other, in turns of a part of ``seconds``; those that can not are left out."""
    ways: dict[str, Way] = {}
    for name in names:
        try:
            ways[name] = Way(name, loop, clients)
        except OSError as error:
            sys.stdout.write(f"{name} is left out: {error}\n")
    for turn in range(TURNS):
        for way in list(ways.values())[:: -1 if backwards == bool(turn % 2) else 1]:
            way.burst(seconds / TURNS)
    for way in ways.values():
        way.close()
    return {name: way.found() for name, way in ways.items()}


def at_half(way: str, loop: str, clients: int, seconds: float, rate: float) -> dict[str, float]:
    """Run one way paced, with clients that are new: a ping would put their frames out of step."""
    server = Server(way, loop)
    try:
        readers = Readers(server.port, clients, way == OURS, deflate=False)
        server.ask("here")
        server.ask("run 0.3 0")
        found = paced(server, readers, seconds, rate)
        readers.close()
        return found
    finally:
        server.close()


def paced(server: Server, readers: Readers, seconds: float, rate: float) -> dict[str, float]:
    readers.time(True)
    half = server.ask(f"run {seconds} {rate}")
    readers.time(False)
    ages = readers.ages_ms()
    p50, p99 = np.quantile(ages, (0.5, 0.99)).tolist()
    return {"rounds_per_s": rate, "p50_ms": p50, "p99_ms": p99, "cpu_s": half["cpu_s"]}


def beside_stalled(loop: str, clients: int, seconds: float) -> dict[str, dict[str, float]]:
    """Run ours at half of its most without and with STALLED clients that never read."""
    server = Server(OURS, loop)
    try:
        readers = Readers(server.port, clients, subscribe=True, deflate=False)
        server.ask("here")
        most = server.ask(f"run {seconds} 0")
        rate = most["rounds"] / most["seconds"] / 2
        alone = paced(server, readers, seconds, rate)
        stalled = [connected(server.port, True, False, receive_bytes=4096) for _ in range(STALLED)]
        server.ask(f"run {seconds} {rate}")  # until the kernel's buffers are full
        begins_kb = server.ask("memory")["memory_kb"]
        beside = paced(server, readers, 2 * seconds, rate)
        beside["cpu_s"] /= 2
        grown_kb = server.ask("memory")["memory_kb"] - begins_kb
        beside |= {"grown_kb_a_stalled_client": grown_kb / STALLED}
        for one in stalled:
            one.close()
        readers.close()
        return {"alone": alone, "beside": beside}
    finally:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    os.sched_setaffinity(0, {CORES[-1]})
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in options.ways}
    for number in range(options.rounds):
        ran = in_turns(options.ways, options.loop, options.clients, options.seconds, bool(number % 2))
        for way, found in ran.items():
            if way != "starlette_default":
                half = options.loop, options.clients, options.seconds, found["rounds_per_s"]
                found |= at_half(way, *half)
            runs[way].append(found)
            sys.stdout.write(f"{way}: {_rounded(found)}\n")
        sys.stdout.flush()
    whole = {way: made for way, made in runs.items() if len(made) == options.rounds}
    report = summary(whole, options.loop, options.clients)
    if OURS in whole:
        report["stalled"] = beside_stalled(options.loop, options.clients, options.seconds)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=1) + "\n")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def summary(runs: dict[str, list[dict[str, float]]], loop: str, clients: int) -> dict[str, Any]:
    def median(way: str, name: str) -> float | None:
        values = [run[name] for run in runs[way] if name in run]
        return round(statistics.median(values), 2) if values else None

    names = ("us_a_frame", "memory_kb_a_client", "busy", "p50_ms", "p99_ms", "rounds_per_s")
    report: dict[str, Any] = {
        "clients": clients,
        "loop": loop,
        "frames_per_core_s": {way: median(way, "frames_per_core_s") for way in runs},
        **{name: {way: median(way, name) for way in runs} for name in names},
    }
    if OURS in runs:
        pairs = {
            way: [
                ours["frames_per_core_s"] / theirs["frames_per_core_s"]
                for ours, theirs in zip(runs[OURS], made, strict=True)
            ]
            for way, made in runs.items()
            if way != OURS
        }
        report["ratios"] = {way: round(statistics.median(ratios), 3) for way, ratios in pairs.items()}
        report["ratio_ranges"] = {way: _range(ratios) for way, ratios in pairs.items()}
        held = {way: report["ratios"][way] >= goal for way, goal in GOALS.items() if way in report["ratios"]}
        held["memory_kb_a_client"] = report["memory_kb_a_client"][OURS] <= MEMORY_KB_MAX
        held["p99_ms"] = report["p99_ms"][OURS] <= P99_MS_MAX
        report["goals_held"] = held
    return report


def _range(ratios: list[float]) -> list[float]:
    return [round(min(ratios), 3), round(max(ratios), 3)]


def _rounded(run: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in run.items()}


if __name__ == "__main__":
    main()
