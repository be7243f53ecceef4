"""The push service of bench_push in a process of its own: prints its phones, then what they were given."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.fakes.push_service import PushService, base64url


async def main(count: int) -> None:
    service = PushService()
    async with service.running():
        phones = [service.phone(str(number)) for number in range(count)]
        told = [[one.endpoint, base64url(one.p256dh), base64url(one.auth)] for one in phones]
        say({"origin": service.origin, "phones": told})
        for round_ in range(1, sys.maxsize):
            # Each line on stdin asks for one more message to each phone.
            if not await asyncio.to_thread(sys.stdin.readline):
                return
            await service.until(lambda: len(service.received) >= round_ * count, 120.0)  # noqa: B023
            say({"last_s": max(one.at_s for one in service.received), "received": len(service.received)})


def say(content: object) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
