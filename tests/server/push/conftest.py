"""A delivery over a state in memory, with a push service on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from leadline.clock import SystemClock, wall_ms
from leadline.push.addresses import Gate
from leadline.push.delivery import Delivery
from leadline.push.keys import Signer
from leadline.push.sender import Sender
from leadline.store import devices
from leadline.store.alerts import Alert
from leadline.store.devices import Device
from leadline.store.state import StateStore
from tests.fakes.push_service import FakePhone, PushService

CONTACT = "mailto:owner@leadline.dev"


def alert(key: str = "a", ttl_s: int = 120, **changes: Any) -> Alert:
    made: dict[str, Any] = {
        "dedupe_key": key,
        "kind": "approach",
        "symbol": "BTCUSDT",
        "at_ms": wall_ms(),
        "title": "BTC 0.4 % above: 42 M USD",
        "body": "of shorts (24–71 M) at 77,480–77,560. Book thinning, buyers pushing.",
        "url": "/?symbol=BTCUSDT&price=77480",
        "ttl_s": ttl_s,
        "urgency": "high",
        "topic": "BTCUSDT-c12",
    }
    return Alert(**{**made, **changes})


@dataclass
class Desk:
    """A store, a delivery that runs, and the service it posts to."""

    store: StateStore
    delivery: Delivery
    service: PushService
    sender: Sender

    async def add(self, phone: FakePhone) -> Device:
        secret = phone.endpoint.encode()
        return await self.store.run(
            lambda db: devices.subscribe(
                db,
                secret,
                phone.subscription(),
                name=phone.name,
                origin="https://leadline.example.dev",
                now_ms=wall_ms(),
                devices_max=2_000,
            )
        )

    async def device(self, phone: FakePhone) -> Device | None:
        return await self.store.run(lambda db: devices.of_secret(db, phone.endpoint.encode()))

    async def waiting(self) -> int:
        rows = await self.store.run(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone())
        return int(rows[0])

    async def until(self, reached: Callable[[], Any], patience_s: float = 20.0) -> None:
        """Wait for a state of the store; ``reached`` is asked again and again."""
        async with asyncio.timeout(patience_s):
            while not await reached():
                await asyncio.sleep(0.01)

    async def clean(self) -> None:
        async def empty() -> bool:
            return await self.waiting() == 0

        await self.until(empty)

    async def rows(self) -> list[tuple[int, int]]:
        """Return (attempts, due_ms - now) of what is on its way."""
        now_ms = wall_ms()
        found = await self.store.run(lambda db: db.execute("SELECT attempts, due_ms FROM outbox").fetchall())
        return [(row["attempts"], row["due_ms"] - now_ms) for row in found]


@contextlib.asynccontextmanager
async def desk(timeout_s: float = 5.0) -> AsyncIterator[Desk]:
    service = PushService()
    async with service.running():
        store = await StateStore.open(None, "live")
        signer = Signer(ec.generate_private_key(ec.SECP256R1()), CONTACT)
        sender = Sender(Gate(simulated=service.origin), signer, simulated=False, timeout_s=timeout_s)
        delivery = Delivery(store, sender, SystemClock())
        running = asyncio.create_task(delivery.run())
        try:
            yield Desk(store, delivery, service, sender)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await sender.close()
            await store.close()


@pytest.fixture(name="desk")
async def desk_fixture() -> AsyncIterator[Desk]:
    async with desk() as made:
        yield made
