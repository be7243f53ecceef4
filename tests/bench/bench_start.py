"""From the start of the process to a phone's first frame, and to compiled reading of the venues.

``make bench-start`` (or ``python -m tests.bench.bench_start``) writes build/bench/start.json.

A round starts `leadline serve` on the twin's venues (a process of its own, running before), connects as a
phone does as soon as somebody listens, and notes: the first WebSocket frame, the first picture of the map
that shows anything of the first symbol and the one that holds all venues, the log's word that messages are
read by compiled code, and the first live book.  ``--cold`` adds one round without kernel caches, as in a
fresh clone that was not built by make.  Beside it run the floor, a server of the same parts
that does nothing but send one frame, and the import of ccxt.pro where the peers are installed.  Times are
of the wall clock, so on a busy machine they are upper bounds; cpu_s is what the process itself used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import msgpack
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from leadline.wire.frames import HELLO
from leadline.wire.map_frames import MAP_KEYFRAME
from leadline.wire.requests import SUBSCRIBE
from tests.bench.processes import ROOT, VENUES, cpu_s, server, twin

OUT = ROOT / "build" / "bench" / "start.json"
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PATIENCE_S = 60.0
COLD_PATIENCE_S = 300.0
LOOK_S = 0.002
COMPILED = "messages are read by compiled code now"
GOALS_S = {"first_frame_s": 1.0, "compiled_s": 2.5, "first_map_s": 10.0}
FIRST_SYMBOL = "BTCUSDT"
FLOOR = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
async def live(socket):
    await socket.accept()
    await socket.send_bytes(bytes(400))
    await socket.receive()
web = Starlette(routes=[WebSocketRoute("/live", live)])
uvicorn.run(web, port=int(sys.argv[1]), log_level="error", ws="websockets-sansio", lifespan="off")
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def first_frame(port: int, protocol: str | None) -> None:
    """Connect as soon as somebody listens, and wait for the first frame."""
    protocols = [Subprotocol(protocol)] if protocol else None
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError):
                async with connect(f"ws://127.0.0.1:{port}/live", subprotocols=protocols) as phone:
                    await phone.recv()
                    return
            await asyncio.sleep(LOOK_S)


async def first_maps(port: int, began_s: float) -> dict[str, float]:
    """Ask for a day of the first symbol's map; note its first columns, and when all venues are in it."""
    wish = msgpack.packb([SUBSCRIBE, 1, {"kind": "map", "symbol": FIRST_SYMBOL, "venue": "all", "hours": 24}])
    found: dict[str, float] = {}
    async with (
        asyncio.timeout(COLD_PATIENCE_S),
        connect(f"ws://127.0.0.1:{port}/live", subprotocols=[Subprotocol("leadline.v3")]) as phone,
    ):
        asked = False
        async for raw in phone:
            frame = msgpack.unpackb(raw)
            if frame[0] == HELLO:
                # The symbol is not known before a venue has told its contracts.
                if not asked and any(told["symbol"] == FIRST_SYMBOL for told in frame[1]["symbols"]):
                    asked = True
                    await phone.send(wish)
            elif frame[0] == MAP_KEYFRAME and frame[2]["columns"]:
                found.setdefault("first_map_s", time.perf_counter() - began_s)
                if len(frame[2]["venues"]) == len(VENUES):
                    return found | {"whole_map_s": time.perf_counter() - began_s}
    raise SystemExit("the server ended before the map was whole")


class Log:
    """Reads a process's log and notes when lines came that hold certain words."""

    def __init__(self, process: subprocess.Popen[str], *words: str) -> None:
        self.at_s: dict[str, list[float]] = {word: [] for word in words}
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError):  # closed under us at the end
            for line in self._process.stderr:
                for word, times in self.at_s.items():
                    if word in line:
                        times.append(time.perf_counter())

    def wait_for(self, word: str, count: int, patience_s: float) -> float:
        """Return when the word had come ``count`` times."""
        for _ in range(int(patience_s / 0.02)):
            if len(self.at_s[word]) >= count:
                return self.at_s[word][count - 1]
            if self._process.poll() is not None:
                raise SystemExit(f"the server ended with {self._process.returncode}")
            time.sleep(0.02)
        raise SystemExit(f"{word!r} came {len(self.at_s[word])} times, not {count}")


def ours(ports: dict[str, int], environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, float]:
    port, began_s = free_port(), time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        server(ports, port, Path(folder), environment=environment) as process,
    ):
        log = Log(process, COMPILED)
        asyncio.run(first_frame(port, "leadline.v3"))
        found = {"first_frame_s": time.perf_counter() - began_s, "cpu_s": cpu_s(process.pid)}
        found |= asyncio.run(first_pictures(port, began_s))
        return found | {"compiled_s": log.wait_for(COMPILED, 1, COLD_PATIENCE_S) - began_s}


def without_kernels(ports: dict[str, int]) -> dict[str, dict[str, float]]:
    """Start once as in a fresh clone that make did not build: every kernel is compiled."""
    with tempfile.TemporaryDirectory() as empty:
        found = ours(ports, {"NUMBA_CACHE_DIR": empty})
    return {"ours_cold": {key: round(value, 3) for key, value in found.items()}}


async def first_pictures(port: int, began_s: float) -> dict[str, float]:
    maps, live_s = await asyncio.gather(first_maps(port, began_s), asyncio.to_thread(all_live, port, began_s))
    return {"all_live_s": live_s, **maps}


def all_live(port: int, began_s: float) -> float:
    while not healthy(port):
        time.sleep(0.02)
    return time.perf_counter() - began_s


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def floor() -> dict[str, float]:
    port, began_s = free_port(), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", FLOOR, str(port)])
    try:
        asyncio.run(first_frame(port, None))
        return {"first_frame_s": time.perf_counter() - began_s, "cpu_s": cpu_s(process.pid)}
    finally:
        process.kill()
        process.wait()


def ccxt_import() -> dict[str, float]:
    began_s = time.perf_counter()
    subprocess.run([PEERS_PYTHON, "-c", "import ccxt.pro"], check=True)
    return {"import_s": time.perf_counter() - began_s}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="one round more, which compiles all kernels")
    parser.add_argument("--strict", action="store_true", help="fail when a goal is missed")
    options = parser.parse_args()
    told: dict[str, list[dict[str, float]]] = {"ours": [], "floor": [], "ccxt": []}
    with twin() as ports:
        cold = without_kernels(ports) if options.cold else {}
        ours(ports)  # warms the caches of files and kernels
        for round_ in range(options.rounds):
            told["ours"].append(ours(ports))
            told["floor"].append(floor())
            if PEERS_PYTHON.exists():
                told["ccxt"].append(ccxt_import())
            print(f"round {round_ + 1} of {options.rounds}", file=sys.stderr)  # noqa: T201 - progress
    found = {
        way: {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
        for way, rounds in told.items()
        if rounds
    }
    best = {key: round(min(one[key] for one in told["ours"]), 3) for key in GOALS_S}
    short = [
        f"{key}: {found['ours'][key]}, the goal is {goal}"
        for key, goal in GOALS_S.items()
        if found["ours"][key] > goal
    ]
    result = {**found, **cold, "ours_best": best, "rounds": options.rounds, "short_of_goal": short}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result
    if short and options.strict:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
