"""Takes alerts in, and keeps at the outbox until each is with its devices or its life is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from dataclasses import replace
from urllib.parse import urlsplit

from leadline.clock import Clock
from leadline.errors import StoreError
from leadline.limits import PUSH_PAYLOAD_BYTES_MAX, PUSH_POSTS_AT_ONCE
from leadline.push.answers import Answer, Breaker, Verdict, retry_after_ms, retry_ms, sentence, verdict
from leadline.push.message import SHRUNK_BYTES_MAX
from leadline.push.sender import Sender, load_libraries
from leadline.store import alerts
from leadline.store.alerts import Alert, Settled, Waiting
from leadline.store.devices import Device
from leadline.store.state import StateStore

log = logging.getLogger("leadline.push")

IDLE_S = 60.0  # a clock that was set forward is noticed after this time at the latest
STORE_PAUSE_S = 1.0
# What an earlier process left waits so long: one that is killed again at once must not post it each time.
RESTART_PAUSE_MS = 1_000
SETTLE_EVERY_S = 0.02  # posts that come back together are noted in one transaction
LAST_POSTS_S = 2.0  # at the end, so that what was just posted is noted as such


class Delivery:
    """The way from an alert to its devices.

    `fire` has kept the alert when it returns; `run` sends, and goes on where a killed process stopped.
    """

    def __init__(self, store: StateStore, sender: Sender, clock: Clock) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()  # nothing is due or being posted
        self._posting: dict[tuple[int, int], asyncio.Task[Settled]] = {}
        self._settled: list[Settled] = []
        self._breakers: dict[str, Breaker] = {}

    async def fire(self, alert: Alert, moment: bytes | None = None, ring: bool = True) -> int | None:
        """Keep an alert and start its delivery; returns its id, None when it was told before.

        ring: False keeps it in the inbox alone.

        Raises StoreError when the disk did not take it; then nothing is sent.
        """
        now_ms = self._clock.wall_ms()
        self._idle.clear()
        alert_id = await self._store.run(lambda db: alerts.fire(db, alert, moment, now_ms, ring))
        self._wake.set()
        return alert_id

    async def idle(self, within_s: float) -> None:
        """Wait until nothing is due or being posted, at most so long; for the end of a process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()

    async def test(self, device: Device) -> Answer:
        """Post a test message to one device, past the outbox; its answer is kept as the device's last."""
        now_ms = self._clock.wall_ms()
        alert = Alert(
            dedupe_key=f"test-{now_ms}",
            kind="test",
            symbol=None,
            at_ms=now_ms,
            title="Leadline can reach you",
            body="A test. Alerts come this way.",
            url="/",
            ttl_s=60,
            urgency="high",
            topic="",
        )
        waiting = Waiting(0, alert, device, now_ms + 60_000, 0, 0)
        answer = await self._sender.post(waiting, PUSH_PAYLOAD_BYTES_MAX, 60)
        settled = self._judge(waiting, answer)
        await self._store.run(lambda db: alerts.settle(db, [settled]))
        return answer

    def shut(self) -> dict[str, int]:
        """Return the hosts that are left alone because they refuse us, with until when (Unix ms)."""
        now_ms = self._clock.wall_ms()
        return {
            host: breaker.until_ms for host, breaker in self._breakers.items() if breaker.until_ms > now_ms
        }

    async def run(self) -> None:
        """Send what is due until cancelled; then note what is just being posted."""
        left_until_ms = self._clock.wall_ms() + RESTART_PAUSE_MS
        try:
            await asyncio.to_thread(load_libraries)
            await self._store.run(lambda db: alerts.hold(db, left_until_ms))
            while True:
                try:
                    await self._round()
                except StoreError as error:
                    # What is settled stays in memory and is not posted again meanwhile.
                    log.error("alerts wait: %s", error)
                    await asyncio.sleep(STORE_PAUSE_S)
                except Exception:
                    log.exception("alerts wait for a moment")
                    await asyncio.sleep(STORE_PAUSE_S)
        finally:
            await self._finish()

    async def _round(self) -> None:
        """Note what came back, take what is due, then wait for either of more."""
        self._wake.clear()
        now_ms = self._clock.wall_ms()
        settled = list(self._settled)
        busy = set(self._posting)
        free = PUSH_POSTS_AT_ONCE - len(busy)

        def work(database: sqlite3.Connection) -> tuple[list[Waiting], int | None]:
            alerts.settle(database, settled)
            taken = alerts.due(database, now_ms, free, busy)
            busy.update(one.key for one in taken)
            return taken, alerts.next_due_ms(database, busy)

        taken, next_ms = await self._store.run(work)
        del self._settled[: len(settled)]
        for waiting in taken:
            task = asyncio.create_task(self._deliver(waiting))
            self._posting[waiting.key] = task
            task.add_done_callback(self._came_back)
        if not self._settled:
            if not self._posting and (next_ms is None or next_ms > self._clock.wall_ms()):
                self._idle.set()
            full = len(self._posting) >= PUSH_POSTS_AT_ONCE
            pause_s = IDLE_S
            if next_ms is not None and not full:
                pause_s = min(IDLE_S, max(0.0, (next_ms - self._clock.wall_ms()) / 1000))
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _came_back(self, task: asyncio.Task[Settled]) -> None:
        if task.cancelled():
            return
        settled = task.result()
        self._posting.pop(settled.key, None)
        self._settled.append(settled)
        asyncio.get_running_loop().call_later(SETTLE_EVERY_S, self._wake.set)

    async def _deliver(self, waiting: Waiting) -> Settled:
        """Post one message, smaller if it was too large, and judge the answer."""
        try:
            return await self._attempt(waiting)
        except Exception:
            log.exception("an alert could not be posted; it is tried again")
            now_ms = self._clock.wall_ms()
            due_ms = now_ms + retry_ms(waiting.attempts, random.random())
            return Settled(waiting.key, "later", None, "a defect of this server", now_ms, due_ms=due_ms)

    async def _attempt(self, waiting: Waiting) -> Settled:
        now_ms = self._clock.wall_ms()
        if now_ms >= waiting.expires_ms:
            result = waiting.device.last_result or "not reached"
            return Settled(waiting.key, "dropped", None, f"too late to be told: {result}", now_ms)
        shut_ms = self._breaker(waiting.device).shut_until_ms(now_ms)
        if shut_ms is not None:
            result = waiting.device.last_result or ""
            return Settled(waiting.key, "later", None, result, now_ms, due_ms=shut_ms, attempted=False)
        life_s = max(1, (waiting.expires_ms - now_ms) // 1000)
        answer = await self._sender.post(waiting, PUSH_PAYLOAD_BYTES_MAX, life_s)
        if answer.status is not None and verdict(answer.status) is Verdict.TOO_LARGE:
            answer = await self._sender.post(waiting, SHRUNK_BYTES_MAX, life_s)
        return self._judge(waiting, answer)

    def _judge(self, waiting: Waiting, answer: Answer) -> Settled:
        now_ms = self._clock.wall_ms()
        found = verdict(answer.status)
        breaker = self._breaker(waiting.device)
        if found is Verdict.GONE and waiting.device.channel != "webpush":
            found = Verdict.NEVER  # a second channel is the settings' to take away
        if found is Verdict.REFUSED:
            breaker.refused(now_ms)
            log.warning("%s refuses this server's push key or contact (%s)", _host(waiting), answer.status)
        elif answer.status is not None and found is not Verdict.LATER:
            breaker.accepted()
        made = Settled(waiting.key, "done", answer.status, sentence(answer), now_ms, post_ms=answer.took_ms)
        if found is Verdict.DELIVERED:
            return made
        if found is Verdict.GONE:
            log.info("a phone at %s is gone", _host(waiting))
            return replace(made, outcome="gone")
        if found in (Verdict.NEVER, Verdict.TOO_LARGE):
            return replace(made, outcome="dropped")
        # A refused message waits like any other: the breaker keeps the service from being asked often.
        wait_ms = retry_after_ms(answer.retry_after, now_ms)
        if wait_ms is None:
            wait_ms = retry_ms(waiting.attempts, random.random())
        # At the end of its life a message is looked at once more, and dropped with a word.
        return replace(made, outcome="later", due_ms=min(now_ms + wait_ms, waiting.expires_ms))

    def _breaker(self, device: Device) -> Breaker:
        host = urlsplit(device.endpoint).hostname or ""
        return self._breakers.setdefault(host, Breaker())

    async def _finish(self) -> None:
        """Let the posts under way come back and note them, so that a restart does not post them again."""
        tasks = list(self._posting.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_POSTS_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        settled = list(self._settled)
        if settled:
            try:
                await self._store.run(lambda db: alerts.settle(db, settled))
            except StoreError as error:
                log.error("some alerts may come twice: %s", error)


def _host(waiting: Waiting) -> str:
    return urlsplit(waiting.device.endpoint).hostname or "?"
