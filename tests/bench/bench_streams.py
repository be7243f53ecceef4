"""Bytes a second of every stream a phone may watch: WebSocket payloads as they arrive, and as counted there.

``make bench-streams`` (or ``python -m tests.bench.bench_streams``) writes build/bench/streams.json.  One
server follows the twin's three venues with twelve symbols at live pace, another plays a recorded market;
a phone watches each stream alone and counts what comes after its first picture, by kind of message.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect

from leadline.twin.contracts import SYMBOLS, VENUES, copies
from tests.bench.bench_start import Log, free_port
from tests.bench.processes import ENVIRONMENT, ROOT, server, twin
from tests.fakes.captures import capture

OUT = ROOT / "build" / "bench" / "streams.json"
WATCHED = 12
RECORDING = "binance_usdm/btcusdt_20230404_depth_trade_bbo_mark.txt.gz"
BUDGETS = {"glance": 300, "ladder_full": 600, "map": 100}
MAP_OPEN_BYTES = 60_000
BUILT = " bands from "
JOINED = {10, 20, 30, 40, 50}  # types that begin a stream


async def watch(port: int, seconds: float, wishes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Watch each wish on a connection of its own, all at once."""
    found = await asyncio.gather(*(_watch(port, seconds, wish) for wish in wishes.values()))
    return dict(zip(wishes, found, strict=True))


async def _watch(port: int, seconds: float, wish: dict[str, Any]) -> dict[str, Any]:
    async with connect(f"ws://127.0.0.1:{port}/live", subprotocols=["leadline.v3"]) as phone:  # type: ignore[list-item]
        symbol = next(iter(msgpack.unpackb(await _message(phone))[1]["symbols"]))
        if wish["kind"] == "ladder":
            wish = {**wish, "group": wish.get("group", symbol["group"])}
        await phone.send(msgpack.packb([1, 1, wish]))
        opened = 0
        while True:
            raw = await _message(phone)
            opened += len(raw)
            if (code := msgpack.unpackb(raw)[0]) == 2:
                raise SystemExit(f"refused: {msgpack.unpackb(raw)}")
            if code in JOINED:
                break
        by_type: Counter[int] = Counter()
        count = 0
        began_s = time.monotonic()
        while (left_s := began_s + seconds - time.monotonic()) > 0:
            try:
                raw = await asyncio.wait_for(_message(phone), left_s)
            except TimeoutError:
                break
            by_type[msgpack.unpackb(raw)[0]] += len(raw)
            count += 1
        return {
            "open_bytes": opened,
            "bytes_per_s": round(by_type.total() / seconds, 1),
            "frames_per_s": round(count / seconds, 2),
            "by_type_per_s": {code: round(size / seconds, 1) for code, size in sorted(by_type.items())},
        }


async def _message(phone: ClientConnection) -> bytes:
    raw = await phone.recv()
    assert isinstance(raw, bytes)
    return raw


def wishes(symbols: list[str]) -> dict[str, dict[str, Any]]:
    first = {"symbol": symbols[0]}
    ladder = {"kind": "ladder", **first, "venue": "all"}
    return {
        "glance": {"kind": "glance", "symbols": symbols},
        "ladder": {**ladder, "depth": 40, "hz": 5},
        "ladder_full": {**ladder, "depth": 80, "hz": 10},
        "ladder_saving": {**ladder, "depth": 30, "hz": 2},
        "map": {"kind": "map", **first, "venue": "all", "hours": 12},
        "map_week": {"kind": "map", **first, "venue": "all", "hours": 168},
        "tape": {"kind": "tape", **first, "venue": "all"},
        "pulse": {"kind": "pulse", **first, "hours": 24},
    }


def on_the_twin(seconds: float) -> dict[str, Any]:
    symbols = [*SYMBOLS, *copies(WATCHED - len(SYMBOLS))][:WATCHED]
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        twin("--history-days", "1", "--copies", str(WATCHED - len(SYMBOLS))) as ports,
        server(ports, port, Path(folder), "--symbols", ",".join(symbols)) as process,
    ):
        Log(process, BUILT).wait_for(BUILT, WATCHED * len(VENUES), 400.0)
        time.sleep(5)
        return asyncio.run(watch(port, seconds, wishes(symbols)))


def on_a_recording(seconds: float) -> dict[str, Any]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "leadline", "replay", "--port", str(port), str(capture(RECORDING))],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        Log(process, BUILT).wait_for(BUILT, 1, 60.0)
        time.sleep(5)
        chosen = {name: wish for name, wish in wishes(["BTCUSDT"]).items() if name not in ("map", "map_week")}
        return asyncio.run(watch(port, seconds, chosen))
    finally:
        process.terminate()
        process.communicate(timeout=20)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    found = {"twin": on_the_twin(options.seconds), "recording": on_a_recording(options.seconds)}
    held = {
        f"{market}_{name}": rows[name]["bytes_per_s"] <= most
        for market, rows in found.items()
        for name, most in BUDGETS.items()
        if name in rows
    }
    held["map_open"] = (
        max(found["twin"][name]["open_bytes"] for name in ("map", "map_week")) <= MAP_OPEN_BYTES
    )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({**found, "held": held}, indent=1) + "\n")
    sys.stdout.write(json.dumps({**found, "held": held}, indent=1) + "\n")


if __name__ == "__main__":
    main()
