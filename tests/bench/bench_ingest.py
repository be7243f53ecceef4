"""What a server without phones costs: three venues of forty symbols each, at live rates.

``make bench-ingest`` (or ``python -m tests.bench.bench_ingest``) writes build/bench/ingest.json.

The twin runs in one process, `leadline serve` in another, over loopback.  When every book is live and every
estimate built, and a while later, the server's processor time (all threads, from /proc), its memory and its
own count of messages are taken over a minute.  A book lost or a message refused within that minute fails
the run, for its figures would be worth nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from leadline.twin.contracts import SYMBOLS, VENUES, copies
from tests.bench.bench_start import COMPILED, Log, free_port, healthy
from tests.bench.processes import ROOT, cpu_s, resident_mb, server, twin

OUT = ROOT / "build" / "bench" / "ingest.json"
SAMPLE = re.compile(r"^leadline_(\w+)\{[^}]*\} (\S+)$", re.MULTILINE)
BUILT = " bands from "
PATIENCE_S = 400.0
GOALS = {"cpu_share": 0.15, "resident_mb": 400.0}


def figures(port: int) -> dict[str, float]:
    """Return the server's own figures, each summed over venues and symbols."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found: dict[str, float] = {}
        for name, value in SAMPLE.findall(answer.read().decode()):
            found[name] = found.get(name, 0.0) + float(value)
    return found


def measure(symbols: int, warm_s: float, measured_s: float) -> dict[str, Any]:
    named = [*SYMBOLS, *copies(max(0, symbols - len(SYMBOLS)))][:symbols]
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        twin("--history-days", "0.1", "--copies", str(max(0, symbols - len(SYMBOLS)))) as ports,
        server(ports, port, Path(folder), "--symbols", ",".join(named)) as process,
    ):
        log = Log(process, COMPILED, BUILT)
        log.wait_for(COMPILED, 1, PATIENCE_S)
        log.wait_for(BUILT, symbols * len(VENUES), PATIENCE_S)
        while not healthy(port):
            time.sleep(0.5)
        time.sleep(warm_s)
        before, used_s, began_s = figures(port), cpu_s(process.pid), time.perf_counter()
        time.sleep(measured_s)
        taken_s, used_s = time.perf_counter() - began_s, cpu_s(process.pid) - used_s
        after, memory_mb = figures(port), resident_mb(process.pid)
    changed = {name: after[name] - before[name] for name in after}
    for trouble in ("book_gaps_total", "book_resyncs_total", "book_protocol_errors_total"):
        if changed[trouble]:
            raise SystemExit(f"{trouble} rose by {changed[trouble]:.0f}: the figures are worth nothing")
    if after["book_live"] != symbols * len(VENUES):
        raise SystemExit(f"{after['book_live']:.0f} of {symbols * len(VENUES)} books are live")
    return {
        "symbols": symbols,
        "venues": len(VENUES),
        "measured_s": round(taken_s, 1),
        "messages_per_s": round(changed["book_messages_total"] / taken_s),
        "cpu_share": round(used_s / taken_s, 4),
        "us_a_message": round(used_s / changed["book_messages_total"] * 1e6, 1),
        "resident_mb": round(memory_mb, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=40)
    parser.add_argument("--warm", type=float, default=30.0, metavar="S", help="wait before measuring")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long to measure")
    parser.add_argument("--strict", action="store_true", help="fail when a goal is missed")
    options = parser.parse_args()
    found = measure(options.symbols, options.warm, options.seconds)
    short = [f"{key}: {found[key]}, the goal is {goal}" for key, goal in GOALS.items() if found[key] > goal]
    result = {**found, "short_of_goal": short}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    if short and options.strict:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
