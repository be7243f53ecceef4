"""From raw depth messages to a book whose best 20 levels a side can be read: ours beside its peers.

``make bench-book`` (or ``python -m tests.bench.bench_book``, after ``make peers``) writes
build/bench/book.json.  Every way runs in a process of its own; a round runs them one after the other, every
other round backwards, so that what else the machine does falls on all alike.  Rates are messages a CPU
second, medians over the rounds; ratios are taken within a round, then their median.  All ways must end with
the same best levels.  Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.depth_workload import write_workload

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "bench"
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
WORKLOADS = {"seeded": "0.1", "btcusdt": "0.1", "ethusdt": "0.01"}  # and their ticks
OURS = ("ours", "ours_plain")
NAMED = ("ccxt", "cryptofeed", "sorteddict", "nautilus", "orjson_loads")  # whose ratios are asked for
PYTHON_PEERS = ("ccxt", "ccxt_classes", "cryptofeed", "cryptofeed_float", "sorteddict", "nautilus")
PEERS = ("orjson_loads", *PYTHON_PEERS, "hftbacktest")
GOALS = {
    "seeded": {"ccxt": 40, "cryptofeed": 100, "best_python_peer": 30, "orjson_loads": 2.5},
    "btcusdt": {"ccxt": 25, "cryptofeed": 100, "best_python_peer": 18, "orjson_loads": 1.8},
    "ethusdt": {"ccxt": 40, "cryptofeed": 100},
}
P99_US_MAX = 10


class Worker:
    """The process of one way; ``failure`` says why there is none."""

    def __init__(self, name: str, workload: Path, tick: str) -> None:
        python = sys.executable if name in (*OURS, "orjson_loads") else str(PEERS_PYTHON)
        script = str(Path(__file__).with_name("depth_peers.py"))
        self.name, self.failure = name, ""
        try:
            self._process = subprocess.Popen(
                [python, script, name, str(workload), tick],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT / "server")},
            )
        except OSError as error:
            self.failure = f"no environment of peers ({error.strerror}); run `make peers`"
            return
        self.ask("ready")

    def ask(self, command: str) -> dict[str, Any]:
        if self.failure:
            return {}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self._process.kill()
            _, said = self._process.communicate()
            self.failure = said.strip().splitlines()[-1] if said.strip() else "it ended without a word"
            print(f"{self.name}: {self.failure} ({self._process.returncode})", file=sys.stderr)  # noqa: T201
            return {}
        return answer

    def end(self) -> None:
        if not self.failure:
            self._process.communicate("end\n")


def measure(name: str, rounds: int, ways: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the figures of a workload, and why ways are missing."""
    path = OUT / f"depth_{name}.ndjson"
    write_workload(name, path)
    with ExitStack() as stack:
        workers = [Worker(way, path, WORKLOADS[name]) for way in ways]
        for worker in workers:
            stack.callback(worker.end)
        told: list[dict[str, dict[str, Any]]] = []
        late: list[dict[str, Any]] = []
        for round_ in range(rounds):
            order = [worker for worker in workers if not worker.failure][:: -1 if round_ % 2 else 1]
            told.append({worker.name: worker.ask("pass") for worker in order})
            late.append({worker.name: worker.ask("latency") for worker in order if worker.name in OURS})
            print(f"{name}: round {round_ + 1} of {rounds}", file=sys.stderr)  # noqa: T201 - progress
        missing = {worker.name: worker.failure for worker in workers if worker.failure}
    if "ours" in missing:
        raise SystemExit(f"{name}: {missing['ours']}")
    tops = {answer["top"] for one in told for answer in one.values() if "top" in answer}
    if len(tops) != 1:
        raise SystemExit(f"{name}: the ways do not end with the same book: {tops}")
    return figures(told, late), missing


def figures(told: list[dict[str, dict[str, Any]]], late: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [{way: answer["messages_per_s"] for way, answer in one.items() if answer} for one in told]
    ways = [way for way in rates[0] if all(way in one for one in rates)]
    for one in rates:
        one["best_python_peer"] = max((one[way] for way in PYTHON_PEERS if way in ways), default=0.0)
    others = [way for way in (*ways, "best_python_peer") if way not in OURS and rates[0][way]]
    ratios = {way: round(statistics.median(one["ours"] / one[way] for one in rates), 2) for way in others}
    return {
        "messages_per_s": {way: round(statistics.median(one[way] for one in rates)) for way in ways},
        "ratios": {way: ratios[way] for way in NAMED if way in ratios},
        "more_ratios": {way: ratios[way] for way in others if way not in NAMED},
        "p50_us": round(statistics.median(one["ours"]["p50_us"] for one in late), 2),
        "p99_us": round(statistics.median(one["ours"]["p99_us"] for one in late), 2),
    }


def verdicts(name: str, found: dict[str, Any]) -> list[str]:
    """Return what fell short of its goal, in words."""
    ratios = found["ratios"] | found["more_ratios"]
    short = [
        f"{name}: {ratios[way]} times {way}, the goal is {goal}"
        for way, goal in GOALS[name].items()
        if way in ratios and ratios[way] < goal
    ]
    if found["p99_us"] > P99_US_MAX:
        short.append(f"{name}: {found['p99_us']} us at the 99th percentile, the goal is {P99_US_MAX}")
    return short


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=WORKLOADS)
    parser.add_argument("--ways", nargs="+", default=[*OURS, *PEERS])
    parser.add_argument("--strict", action="store_true", help="fail when a goal is missed")
    options = parser.parse_args()
    workloads, missing, short = {}, {}, []
    for name in options.workloads:
        workloads[name], absent = measure(name, options.rounds, tuple(options.ways))
        missing |= absent
        short += verdicts(name, workloads[name])
        result = {"workloads": workloads, "missing": missing, "short_of_goal": short}
        (OUT / "book.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result
    if short and options.strict:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
