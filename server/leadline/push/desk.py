"""All of push for a running server: set up from the settings, asked by the web, run beside the market."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from leadline.clock import Clock
from leadline.config import Settings
from leadline.errors import UsageError
from leadline.limits import PUSH_DEVICES_MAX
from leadline.push.addresses import Gate
from leadline.push.delivery import Delivery
from leadline.push.heartbeat import Heartbeat
from leadline.push.keys import FILE_NAME, Signer, load_key, public_text
from leadline.push.sender import Sender
from leadline.store import devices
from leadline.store.state import StateStore

NO_CONTACT = (
    "alerts on phones are off: set push_contact to a mailto: or https: address of yours;"
    " push services refuse messages from nobody"
)


class PushDesk:
    """key: the public key phones subscribe for, None when web push is off, and then ``problem`` says why.

    heartbeat: what an outside watcher hears, None when none is named.
    """

    def __init__(
        self,
        store: StateStore,
        delivery: Delivery,
        gate: Gate,
        key: str | None,
        problem: str | None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.store = store
        self.delivery = delivery
        self.gate = gate
        self.key = key
        self.problem = problem
        self.heartbeat = heartbeat
        self.devices_max = PUSH_DEVICES_MAX


@asynccontextmanager
async def push_desk(
    settings: Settings, store: StateStore, clock: Clock, simulated: bool
) -> AsyncIterator[PushDesk]:
    """Set push up and run its delivery as long as the context."""
    gate = Gate(settings.push_extra_hosts, settings.push_simulated or None)
    signer, key, problem = None, None, None
    if settings.push_contact:
        path = Path(settings.push_key_file) if settings.push_key_file else settings.data_dir / FILE_NAME
        try:
            private = await asyncio.to_thread(load_key, path)
        except UsageError as error:
            # The ladder does not need it; the health page says what to do.
            problem = str(error)
        else:
            signer, key = Signer(private, settings.push_contact), public_text(private)
    else:
        problem = NO_CONTACT
    now_ms = clock.wall_ms()
    await store.run(lambda db: devices.configure(db, "ntfy", settings.ntfy_topic, now_ms))
    await store.run(lambda db: devices.configure(db, "webhook", settings.webhook, now_ms))
    sender = Sender(gate, signer, simulated)
    delivery = Delivery(store, sender, clock)
    heartbeat = Heartbeat(sender, settings.heartbeat, clock) if settings.heartbeat else None
    running = [asyncio.create_task(delivery.run())]
    if heartbeat is not None:
        running.append(asyncio.create_task(heartbeat.run()))
    try:
        yield PushDesk(store, delivery, gate, key, problem, heartbeat)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await sender.close()
