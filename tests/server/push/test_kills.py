"""A server that is killed at random moments loses no alert it has kept, and repeats each at most once.

``make kills`` kills a hundred times; LEADLINE_KILLS and LEADLINE_SEED choose otherwise.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from pathlib import Path

from leadline.clock import wall_ms
from leadline.store import devices
from leadline.store.state import StateStore
from tests.fakes.push_service import FakePhone, PushService

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("LEADLINE_KILLS", "4"))
SEED = int(os.environ.get("LEADLINE_SEED", "0")) or random.randrange(1, 1_000_000)
ALERTS_PER_KILL = 24
# What was left is posted again a second after a start: a kill in that very moment could repeat it once more.
LIFE_S_MAX = 0.6


async def subscribe(path: Path, phones: list[FakePhone]) -> None:
    store = await StateStore.open(path, "twin")
    for phone in phones:
        await store.run(
            lambda db, phone=phone: devices.subscribe(
                db,
                phone.endpoint.encode(),
                phone.subscription(),
                name=phone.name,
                origin="https://x.mine.org",
                now_ms=wall_ms(),
                devices_max=20,
            )
        )
    await store.close()


async def run_once(path: Path, service: str, count: int, life_s: float | None) -> tuple[list[int], bool]:
    """Run the server until it is done, or kill it so long after it was ready: (alerts kept, done)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.server.push.firing_server", str(path), service, str(count)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'server'}{os.pathsep}{ROOT}"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    if life_s is not None:
        await asyncio.sleep(life_s)
        process.kill()
    said = (await process.stdout.read()).split()
    await process.wait()
    return [int(word) for word in said if word.isdigit()], b"done" in said


async def test_no_alert_is_lost_over_kills_and_none_comes_more_than_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    path, count = tmp_path / "state.db", KILLS * ALERTS_PER_KILL
    service = PushService()
    async with service.running():
        phones = [service.phone("one"), service.phone("two")]
        await subscribe(path, phones)
        kept: list[int] = []
        for _ in range(KILLS):
            numbers, _ = await run_once(path, service.origin, count, chance.uniform(0, LIFE_S_MAX))
            kept += numbers
        numbers, done = await run_once(path, service.origin, count, None)
        kept += numbers
        assert done, f"seed {SEED}"
        assert sorted(set(kept)) == sorted(kept), f"an alert was told twice as new, seed {SEED}"
        for phone in phones:
            copies = Counter(one.payload["notification"]["title"] for one in service.of(phone))
            wanted = {f"SIMULATED · alert {number}" for number in range(count)}
            assert set(copies) == wanted, f"seed {SEED}"
            assert max(copies.values()) <= 2, f"seed {SEED}"
            twice = sum(n - 1 for n in copies.values())
            sys.stdout.write(
                f"{phone.name}: {KILLS} kills, {count} alerts, {twice} came twice (seed {SEED})\n"
            )
    store = await StateStore.open(path, "twin")
    assert await store.run(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone()[0]) == 0
    assert await store.run(lambda db: db.execute("SELECT count(*) FROM moments").fetchone()[0]) == count
    await store.close()
