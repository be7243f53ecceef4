"""A process to be killed: it keeps firing numbered alerts where the one before it stopped.

Arguments: state file, origin of the push service, how many alerts in all.  Prints "ready", then the number
of each alert once it is kept, and "done" when the outbox is empty after the last.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from leadline.clock import SystemClock, wall_ms
from leadline.push.addresses import Gate
from leadline.push.delivery import Delivery
from leadline.push.keys import Signer
from leadline.push.sender import Sender
from leadline.store.alerts import Alert
from leadline.store.state import StateStore

EVERY_S = 0.01


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(path: Path, service: str, count: int) -> None:
    store = await StateStore.open(path, "twin")
    key = ec.derive_private_key(1, ec.SECP256R1())
    sender = Sender(Gate(simulated=service), Signer(key, "mailto:me@mine.org"), simulated=True)
    delivery = Delivery(store, sender, SystemClock())
    running = asyncio.create_task(delivery.run())
    first = await store.run(lambda db: db.execute("SELECT count(*) FROM alerts").fetchone()[0])
    say("ready")
    for number in range(first, count):
        await delivery.fire(
            Alert(
                *(f"k{number}", "approach", "BTCUSDT", wall_ms(), f"alert {number}", "", "/", 3_600),
                urgency="high",
                topic="",
            ),
            b"screen",
        )
        say(str(number))
        await asyncio.sleep(EVERY_S)
    while await store.run(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone()[0]):
        await asyncio.sleep(0.02)
    say("done")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await sender.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
