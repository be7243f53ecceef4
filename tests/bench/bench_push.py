"""One alert to a thousand devices, while a ladder of a moving market is streamed ten times a second.

``make bench-push`` (or ``python -m tests.bench.bench_push``) writes build/bench/push.json.  The push service
runs in a process of its own, checks every signature and decrypts every message.  A round has a quiet part
(the ladder alone) and a part with the alert: from `fire` until the last message was received.  The event
loop's lag is how late a task wakes that sleeps 5 ms at a time; its CPU lag is the time the loop's thread
itself worked meanwhile, which other programs cannot add to.  Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from leadline.clock import SystemClock, wall_ms
from leadline.feed.hub import Hub
from leadline.feed.session import SymbolSession
from leadline.push.addresses import Gate
from leadline.push.delivery import Delivery
from leadline.push.keys import Signer
from leadline.push.sender import Sender
from leadline.store import devices
from leadline.store.alerts import Alert
from leadline.store.devices import Subscription
from leadline.store.state import StateStore
from leadline.wire.prepared import PreparedFrame
from leadline.wire.requests import LadderKey
from tests.fakes.market import HandBook, instrument
from tests.fakes.push_service import from_base64url

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "bench" / "push.json"
KEY = LadderKey("BTCUSDT", "all", 1, 80, 10)
GOALS = {"posted_s": 5.0, "lag_p99_ms": 50.0}
QUIET_S = 3.0


class Watcher:
    """Counts the frames of a ladder."""

    straight = None

    def __init__(self) -> None:
        self.frames = 0

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        self.frames += 1

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        pass

    def offer_notice(self, frame: bytes) -> None:
        pass


class Market:
    """A hub with one moving book and one watcher; runs until closed."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.hub = Hub(clock, "twin", simulated=True)
        session = SymbolSession("BTCUSDT", clock, simulated=True)
        self.hub.sessions["BTCUSDT"] = session
        self.book = HandBook(instrument())
        self.watcher = Watcher()
        self._move(random.Random(1))
        session.attach(self.book.instrument, self.book)
        self.hub.subscribe(KEY, self.watcher)
        self.lags_ms: list[float] = []
        self.cpu_lags_ms: list[float] = []
        self._tasks = [
            asyncio.create_task(work) for work in (self.hub.run(), self._moving(), self._lagging())
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _move(self, chance: random.Random) -> None:
        bids = [100_000 - row for row in range(500)]
        asks = [100_001 + row for row in range(500)]
        sizes = [[chance.randrange(1, 1_000) for _ in range(500)] for _ in range(2)]
        self.book.book.replace(bids, sizes[0], asks, sizes[1])
        self.book.received_ms = time.monotonic_ns() // 1_000_000

    async def _moving(self) -> None:
        chance = random.Random(2)
        while True:
            self._move(chance)
            await asyncio.sleep(0.05)

    async def _lagging(self) -> None:
        while True:
            before, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.005)
            self.lags_ms.append((time.monotonic() - before - 0.005) * 1000)
            self.cpu_lags_ms.append((time.thread_time() - worked) * 1000)

    def begin(self) -> tuple[int, int, float]:
        return len(self.lags_ms), self.watcher.frames, time.monotonic()

    def since(self, mark: tuple[int, int, float]) -> dict[str, float]:
        """Return the 99th percentile of the lag and the ladder's rate since a mark."""
        lags, cpu = sorted(self.lags_ms[mark[0] :]), sorted(self.cpu_lags_ms[mark[0] :])
        elapsed_s = time.monotonic() - mark[2]
        return {
            "lag_p99_ms": round(lags[int(len(lags) * 0.99)], 2),
            "lag_max_ms": round(lags[-1], 2),
            "cpu_lag_p99_ms": round(cpu[int(len(cpu) * 0.99)], 2),
            "ladder_hz": round((self.watcher.frames - mark[1]) / elapsed_s, 2),
        }


async def bench(count: int, rounds: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.push_phones", str(count)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        store = await StateStore.open(Path(folder) / "state.db", "twin")
        for endpoint, p256dh, auth in told["phones"]:
            subscription = Subscription(endpoint, from_base64url(p256dh), from_base64url(auth), "")
            await store.run(
                lambda db, one=subscription: devices.subscribe(
                    db,
                    one.endpoint.encode(),
                    one,
                    name="x",
                    origin="https://x.mine.org",
                    now_ms=wall_ms(),
                    devices_max=count,
                )
            )
        signer = Signer(ec.generate_private_key(ec.SECP256R1()), "mailto:me@mine.org")
        sender = Sender(Gate(simulated=told["origin"]), signer, simulated=True)
        delivery = Delivery(store, sender, SystemClock())
        running = asyncio.create_task(delivery.run())
        market = Market()
        results = []
        for number in range(rounds):
            mark = market.begin()
            await asyncio.sleep(QUIET_S)
            quiet = market.since(mark)
            cpu_s, mark = time.process_time(), market.begin()
            process.stdin.write(b"\n")
            await delivery.fire(
                Alert(
                    *(f"k{number}", "approach", "BTCUSDT", wall_ms(), "BTC 0.4 % above: 42 M USD"),
                    body="of shorts (24–71 M) at 77,480–77,560. Book thinning, buyers pushing.",
                    url="/?symbol=BTCUSDT&price=77480",
                    ttl_s=180,
                    urgency="high",
                    topic="BTCUSDT-c1",
                )
            )
            received = json.loads(await process.stdout.readline())
            busy = market.since(mark)
            results.append(
                {
                    "posted_s": round(received["last_s"] - mark[2], 3),
                    "cpu_ms_per_device": round((time.process_time() - cpu_s) * 1000 / count, 3),
                    "received": received["received"],
                    **busy,
                    "quiet": quiet,
                }
            )
            while await store.run(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone()[0]):
                await asyncio.sleep(0.05)
        await market.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await sender.close()
        await store.close()
    process.stdin.close()
    await process.wait()
    names = ("posted_s", "cpu_ms_per_device", "lag_p99_ms", "lag_max_ms", "cpu_lag_p99_ms", "ladder_hz")
    medians = {name: statistics.median(one[name] for one in results) for name in names}
    quiet = {name: statistics.median(one["quiet"][name] for one in results) for name in names[2:]}
    return {
        "devices": count,
        **medians,
        "quiet": quiet,
        "ladder_rate_kept": round(medians["ladder_hz"] / quiet["ladder_hz"], 3),
        "goals": GOALS,
        "goals_met": {name: medians[name] <= goal for name, goal in GOALS.items()},
        "rounds": results,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    result = asyncio.run(bench(arguments.devices, arguments.rounds))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps({**result, "rounds": len(result["rounds"])}) + "\n")


if __name__ == "__main__":
    main()
