"""From a venue's message to the push service: how long a price that crosses a level takes to be told.

``make bench-delay`` (or ``python -m tests.bench.bench_delay``) writes build/bench/delay.json.

The twin's venues, the server and this program are processes of their own.  This one listens to the same
trades as the server, keeps rules on levels close to the last price, and is the push service.  The delay of
a firing goes from the arrival here of the first trade beyond its level to the arrival of its message, all by
the machine's monotonic clock.  The server runs as always but for two things: its storm budget is out of
reach, and it notes when an alert is fired, kept, and handed to the HTTP client.  Stages, in ms:

    noticed   the trade's arrival until the alert desk fires
    kept      until alert, moment and outbox are on the disk
    sealed    until the message is encrypted and signed
    posted    until the push service has read it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.bench_start import free_port
from tests.bench.processes import ENVIRONMENT, ROOT, VENUES, cpu_s, twin
from tests.fakes.push_service import PushService, Received

OUT = ROOT / "build" / "bench" / "delay.json"
GOALS_MS = {"median": 150.0, "p99": 500.0}
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
LEVELS = 3  # watched a symbol at a time
REACH = 2e-4  # of price: how far a new level lies off at most
STAGES = ("noticed", "kept", "sealed", "posted")
PATIENCE_S = 60.0
STUCK_S = 5.0
BUILT = "bands from"  # the log's word of each contract whose estimate stands


@dataclass
class Level:
    """A rule's level.  caused_s: when the first trade beyond it came, None so far."""

    symbol: str
    price: float
    below: bool  # is price below it, when the rule is there?
    caused_s: float | None = None


class Trades:
    """The trades of the venue whose price leads, as they arrive."""

    def __init__(self, port: int) -> None:
        self.last: dict[str, float] = {}
        self.levels: dict[int, Level] = {}
        self._url = f"ws://127.0.0.1:{port}/market/ws"

    async def run(self, http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(self._url) as socket:
            streams = [f"{symbol.lower()}@aggTrade" for symbol in SYMBOLS]
            await socket.send_json({"method": "SUBSCRIBE", "params": streams, "id": 1})
            async for message in socket:
                now_s, told = time.monotonic(), json.loads(message.data)
                if told.get("e") == "aggTrade":
                    self._take(told["s"], float(told["p"]), now_s)

    def _take(self, symbol: str, price: float, now_s: float) -> None:
        self.last[symbol] = price
        for level in self.levels.values():
            crossed = level.symbol == symbol and (price < level.price) != level.below
            if crossed and level.caused_s is None:
                level.caused_s = now_s


class Rules:
    """Keeps LEVELS rules a symbol on the server."""

    def __init__(self, http: aiohttp.ClientSession, origin: str, trades: Trades, tick: float) -> None:
        self._http = http
        self._origin = origin
        self._trades = trades
        self._number = 0
        self._tick = tick

    async def add(self, symbol: str) -> None:
        while True:
            self._number += 1
            before = self._trades.last[symbol]
            off = REACH * (1 + self._number % LEVELS) / LEVELS * (-1) ** self._number
            level = before * (1 + off) + self._tick
            settings = {"price": level, "way": "both", "label": ""}
            rule = await self.ask("rules", {"kind": "price", "symbol": symbol, "settings": settings})
            if (self._trades.last[symbol] < level) == (before < level):
                self._trades.levels[rule["id"]] = Level(symbol, level, before < level)
                return
            await self.remove(rule["id"])  # price went past it meanwhile

    async def remove(self, rule_id: int) -> None:
        await self.ask("rules/remove", {"id": rule_id})

    async def replace(self, rule_id: int) -> None:
        level = self._trades.levels.pop(rule_id)
        await self.remove(rule_id)
        await self.add(level.symbol)

    async def ask(self, path: str, content: object = None) -> Any:
        method = self._http.get if content is None else partial(self._http.post, json=content)
        async with method(f"{self._origin}/api/{path}") as answer:
            told = await answer.json()
            if answer.status >= 400:
                raise SystemExit(f"{path}: {told}")
            return told


async def bench(firings: int, seed: int, copies: int) -> dict[str, Any]:
    service, arrived = PushService(), asyncio.Queue[Received]()
    service.on_received = arrived.put_nowait
    port = free_port()
    arguments = ["--seed", str(seed), "--history-days", "0.2", "--copies", str(copies)]
    more = [f"{symbol[:3]}{at}USDT" for at in range(2, copies + 2) for symbol in SYMBOLS][:copies]
    with twin(*arguments) as ports, tempfile.TemporaryDirectory() as folder:
        async with (
            service.running(),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
        ):
            notes = Path(folder) / "notes.jsonl"
            flags = [
                *(["--port", str(port), "--data-dir", folder, "--push-simulated", service.origin]),
                *(["--symbols", ",".join([*SYMBOLS, *more]), "--push-contact", "mailto:me@mine.org"]),
            ]
            for venue in VENUES:
                flags += [f"--{venue}-rest", f"http://127.0.0.1:{ports[venue]}"]
                flags += [f"--{venue}-ws", f"ws://127.0.0.1:{ports[venue]}"]
            log = Path(folder) / "server.log"
            process = _start(notes, log, flags)
            try:
                await _built((3 + copies) * len(VENUES), log)
                found, used = await _measure(firings, port, ports, process, service, arrived, http)
            except Exception:
                sys.stderr.write(f"the server ({process.poll()}) said:\n{log.read_text()[-4_000:]}\n")
                raise
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait, 20)
            noted = [json.loads(line) for line in notes.read_text().splitlines()]
    return _judge(found, {one["key"]: one for one in noted}) | {"server_cpu": used, "symbols": 3 + copies}


def _start(notes: Path, log: Path, flags: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.bench_delay", "--serve", str(notes), *flags]
    with log.open("wb") as errors:
        return subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, stderr=errors)


async def _built(contracts: int, log: Path) -> None:
    """Wait until the estimates of so many contracts stand."""
    async with asyncio.timeout(PATIENCE_S):
        while _standing(log) < contracts:
            await asyncio.sleep(0.1)


def _standing(log: Path) -> int:
    return log.read_text().count(BUILT)


async def _measure(
    firings: int,
    port: int,
    ports: dict[str, int],
    process: subprocess.Popen[bytes],
    service: PushService,
    arrived: asyncio.Queue[Received],
    http: aiohttp.ClientSession,
) -> tuple[list[tuple[str, float, float]], float]:
    """Return (dedupe key, cause, arrival) of each firing, and the server's share of one core meanwhile."""
    trades = Trades(ports["binance"])
    listening = asyncio.create_task(trades.run(http))
    rules = Rules(http, f"http://127.0.0.1:{port}", trades, 1e-7)
    phone = service.phone()
    device = {"device": "A" * 43, "name": "bench", "subscription": phone.subscription_json()}
    await rules.ask("push/subscribe", device | {"key": (await rules.ask("push/key"))["key"]})
    for rule in (await rules.ask("rules"))["rules"]:
        await rules.remove(rule["id"])
    while len(trades.last) < len(SYMBOLS):
        await asyncio.sleep(0.1)
    for symbol in SYMBOLS * LEVELS:
        await rules.add(symbol)
    found: list[tuple[str, float, float]] = []
    began_s, cpu = time.monotonic(), cpu_s(process.pid)
    while len(found) < firings:
        try:
            async with asyncio.timeout(STUCK_S):
                received = await arrived.get()
        except TimeoutError:
            # Price has walked away from the levels, or came past one before it was listened for.
            for rule_id in list(trades.levels):
                await rules.replace(rule_id)
            continue
        key = received.payload["notification"]["tag"]
        level = trades.levels.get(rule_id := int(key.split(":")[1]))
        if level is None:
            continue
        if level.caused_s is not None:
            found.append((key, level.caused_s, received.at_s))
        await rules.replace(rule_id)
    used = (cpu_s(process.pid) - cpu) / (time.monotonic() - began_s)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return found, round(used, 3)


def _judge(found: list[tuple[str, float, float]], noted: dict[str, dict[str, float]]) -> dict[str, Any]:
    delays = [(arrived - caused) * 1000 for _, caused, arrived in found]
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    for key, caused, arrived in found:
        note = noted[key]
        times = [caused, note["noticed"], note["kept"], note["sealed"], arrived]
        for name, since, until in zip(STAGES, times[:-1], times[1:], strict=True):
            stages[name].append((until - since) * 1000)
    whole = _spread(delays)
    return {
        "firings": len(found),
        "delay_ms": whole,
        "stages_ms": {name: _spread(values) for name, values in stages.items()},
        "goals_ms": GOALS_MS,
        "goals_met": {name: whole[name] <= goal for name, goal in GOALS_MS.items()},
    }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p90": round(ordered[int(len(ordered) * 0.9)], 1),
        "p99": round(ordered[int(len(ordered) * 0.99)], 1),
        "max": round(ordered[-1], 1),
    }


def serve(notes: Path, flags: list[str]) -> int:
    """Run `leadline serve` with its stages noted, one JSON line a message."""
    from leadline import cli
    from leadline.domain import alerting
    from leadline.domain.storm import Storm
    from leadline.push.alarms import Alarms
    from leadline.push.delivery import Delivery
    from leadline.push.sender import Sender

    alerting.Storm = partial(Storm, pushes_max=2**31)  # type: ignore[misc,assignment]
    times: dict[str, dict[str, float]] = {}
    fired, fire, webpush = Alarms.fired, Delivery.fire, Sender._webpush

    def noting_fired(self: Alarms, firing: Any, moment: bytes) -> None:
        times[self.alert(firing).dedupe_key] = {"noticed": time.monotonic()}
        fired(self, firing, moment)

    async def noting_fire(self: Delivery, alert: Any, *arguments: Any) -> Any:
        kept = await fire(self, alert, *arguments)
        if alert.dedupe_key in times:
            times[alert.dedupe_key]["kept"] = time.monotonic()
        return kept

    async def noting_webpush(self: Sender, waiting: Any, *arguments: Any) -> Any:
        made = await webpush(self, waiting, *arguments)
        key = waiting.alert.dedupe_key
        if key in times:
            line = {"key": key, **times.pop(key), "sealed": time.monotonic()}
            with notes.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return made

    patched: list[tuple[type, str, Callable[..., Any]]] = [
        (Alarms, "fired", noting_fired),
        (Delivery, "fire", noting_fire),
        (Sender, "_webpush", noting_webpush),
    ]
    for owner, name, noting in patched:
        setattr(owner, name, noting)
    return cli.main(["serve", "--market", "live", *flags])


def main() -> None:
    if "--serve" in sys.argv:
        raise SystemExit(serve(Path(sys.argv[2]), sys.argv[3:]))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--firings", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--copies", type=int, default=0, help="symbols beside the three that are watched")
    arguments = parser.parse_args()
    result = asyncio.run(bench(arguments.firings, arguments.seed, arguments.copies))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
