"""The watcher outside hears of a server that watches, and of no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from leadline.clock import SystemClock
from leadline.config import Settings
from leadline.domain.alerting import Alerting
from leadline.domain.events import BookState
from leadline.feed.alert_desk import AlertDesk
from leadline.push.alarms import Alarms
from leadline.push.desk import push_desk
from leadline.push.heartbeat import KEEP_LATE_MS, STEP_LATE_MS, Heartbeat, trouble_of
from leadline.store.state import StateStore
from tests.fakes.market import hand_market
from tests.fakes.push_service import Answer
from tests.server.push.conftest import Desk

PATH = "/ping/0f5e"


@contextlib.asynccontextmanager
async def beating(desk: Desk, url: str) -> AsyncIterator[Heartbeat]:
    made = Heartbeat(desk.sender, url, SystemClock(), every_s=0.02, again_s=0.02)
    made.trouble = lambda: ""
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def said(made: Heartbeat, problem: str) -> None:
    async with asyncio.timeout(10):
        while made.told()["problem"] != problem:
            await asyncio.sleep(0.01)


async def test_it_beats_while_the_server_watches_and_is_silent_else(desk: Desk) -> None:
    async with beating(desk, desk.service.origin + PATH) as made:
        await desk.service.until(lambda: len(desk.service.beats) >= 3)
        assert {path for _, path in desk.service.beats} == {PATH}
        await said(made, "")
        assert made.told()["heard_ms"] > 0
        # What names the watcher to others is its host alone.
        assert PATH not in str(made.told())
        made.trouble = lambda: "no market has a live book"
        await said(made, "no market has a live book")
        heard = len(desk.service.beats)
        await asyncio.sleep(0.1)
        assert len(desk.service.beats) == heard
        made.trouble = lambda: ""
        await desk.service.until(lambda: len(desk.service.beats) > heard)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(503), "it answers 503"),
        (Answer(404), "it answers 404"),
        (Answer(302, {"location": "/elsewhere"}), "it points elsewhere, which is not followed (302)"),
    ],
)
async def test_a_beat_that_is_not_heard_is_told_and_tried_again(
    desk: Desk, answer: Answer, problem: str
) -> None:
    desk.service.always = answer
    async with beating(desk, desk.service.origin + PATH) as made:
        await said(made, problem)
        assert made.told()["heard_ms"] is None
        await desk.service.until(lambda: len(desk.service.beats) >= 2)
        assert {path for _, path in desk.service.beats} == {PATH}
        desk.service.always = Answer(200)
        await said(made, "")


async def test_no_beat_leaves_for_an_address_that_is_not_public(desk: Desk) -> None:
    # By its name only: what the name leads to is checked for every request alike.
    async with beating(desk, "https://127.0.0.1/ping") as made:
        await said(made, "expected a host name, got a number")
    async with beating(desk, "https://localhost.localdomain/ping") as made:
        await asyncio.sleep(0.2)
        assert made.told()["heard_ms"] is None
    assert desk.service.requests == 0


async def test_it_is_no_watching_without_books_steps_or_a_state() -> None:
    market = hand_market()
    store = await StateStore.open(None, "live")
    async with push_desk(Settings(), store, market.clock, simulated=True) as push:
        alarms = await Alarms.open(store, push.delivery, market.hub, 2)
        desk = AlertDesk(market.hub, {}, Alerting(), lambda *_: None)
        desk.step()

        def trouble() -> str:
            return trouble_of(market.clock, market.hub.sessions, desk, alarms)

        assert trouble() == ""
        market.books["binance"].state = BookState.STALE
        assert trouble() == "no market has a live book"
        market.books["binance"].state = BookState.LIVE
        market.clock.now_ms += STEP_LATE_MS + 1
        assert trouble() == "the rules are not looked at"
        desk.step()
        assert trouble() == ""
        market.clock.now_ms += KEEP_LATE_MS
        desk.step()
        assert trouble() == "the state takes no alerts"
        # A round of the alarms keeps that they are alive.
        await alarms._keep()
        assert trouble() == ""
    await store.close()


async def test_a_server_that_names_a_watcher_beats_as_long_as_it_runs(desk: Desk, tmp_path: Path) -> None:
    store = await StateStore.open(None, "live")
    origin = desk.service.origin
    named = Settings(data_dir=tmp_path, heartbeat=origin + PATH, push_simulated=origin)
    async with push_desk(named, store, SystemClock(), simulated=True) as push:
        assert push.heartbeat is not None
        assert push.heartbeat.told() == {"host": "127.0.0.1", "heard_ms": None, "problem": ""}
        await said(push.heartbeat, "the server is starting")
    assert desk.service.beats == []
    assert PATH not in repr(named)
    async with push_desk(Settings(data_dir=tmp_path), store, SystemClock(), simulated=True) as push:
        assert push.heartbeat is None
    await store.close()
