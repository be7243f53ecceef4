"""From a firing to a phone, over real stores and a push service on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from leadline.clock import SystemClock, wall_ms
from leadline.domain.aftermath import Aftermath, Interest
from leadline.domain.alerting import Firing
from leadline.domain.cascade import CascadeState, Transition
from leadline.domain.odds import Features
from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.domain.signals import Told, TouchOutcome
from leadline.feed.hub import Hub
from leadline.push.alarms import DOWN_MS_MIN, INBOX_KEPT_MS, PRUNE_EVERY_MS, Alarms
from leadline.store import aftermaths, alerts, rules
from leadline.store.rules import Outcome
from tests.server.push.conftest import Desk


def firing(identity: str = "1:approach:BTCUSDT:4:0", **changes: object) -> Firing:
    made = Firing(
        identity=identity,
        kind="approach",
        symbol="BTCUSDT",
        at_ms=wall_ms(),
        title="BTC 0.40 % above: 42 M USD of shorts",
        body="24–71 M USD at 77,480–77,560.",
        ttl_s=180,
        urgent=True,
        topic="BTCUSDT-4",
        target=77_480.0,
        way=1,
        ring=True,
        rule=1,
        cluster=(4, 77_480.0, 77_560.0),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Alarms]:
    alarms = await Alarms.open(desk.store, desk.delivery, Hub(SystemClock(), "twin", simulated=True), 40)
    task = asyncio.create_task(alarms.run())
    await asyncio.sleep(0)  # a task that never began has nothing to end
    try:
        yield alarms
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_firing_reaches_the_phone_and_opens_its_row(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    async with running(desk) as alarms:
        alarms.fired(firing(), b"the screen")
        await desk.service.until(lambda: len(desk.service.of(phone)) == 1)
    told = desk.service.of(phone)[0]
    assert told.payload["notification"]["title"] == "BTC 0.40 % above: 42 M USD of shorts"
    assert "symbol=BTCUSDT&price=77480&alert=" in told.payload["notification"]["navigate"]
    assert told.headers["topic"] == "BTCUSDT-4"
    alert_id = told.payload["notification"]["data"]["id"]
    assert await desk.store.run(lambda db: alerts.moment(db, alert_id)) == b"the screen"


async def test_one_that_does_not_ring_is_in_the_inbox_alone(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    async with running(desk) as alarms:
        alarms.fired(firing("a", ring=False), b"")
        alarms.fired(firing("b"), b"")
        await desk.service.until(lambda: len(desk.service.of(phone)) == 1)
    inbox = await desk.store.run(lambda db: alerts.inbox(db, 10))
    kinds = [entry.alert.kind for entry in inbox]
    assert kinds == ["server", "approach", "approach"]


async def test_the_same_firing_twice_is_one_alert(desk: Desk) -> None:
    async with running(desk) as alarms:
        alarms.fired(firing(), b"")
        alarms.fired(firing(), b"")
    inbox = await desk.store.run(lambda db: alerts.inbox(db, 10))
    assert [entry.alert.kind for entry in inbox] == ["server", "approach"]


async def test_the_first_start_has_presets_and_a_later_one_what_is_left_of_them(desk: Desk) -> None:
    async with running(desk) as alarms:
        assert [rule.kind for rule in alarms.alerting.rules] == ["approach", "state", "feed", "server"]
        for rule in list(alarms.alerting.rules):
            await alarms.remove_rule(rule.id)
        kept = await alarms.put_rule(
            Rule(0, RuleKind.PRICE, "BTCUSDT", read_settings(RuleKind.PRICE, {"price": 80_000.0}))
        )
        await alarms.set_quiet({"zone": "UTC", "begin": "22:00", "end": "06:00"})
        until_ms = await alarms.snooze(kept.id, 5)
    async with running(desk) as again:
        assert again.alerting.rules == [replace(kept, snoozed_until_ms=until_ms)]
        assert again.alerting.quiet is not None


async def test_a_restart_remembers_what_it_told(desk: Desk) -> None:
    async with running(desk) as alarms:
        alarms.fired(firing(), b"")
        await asyncio.sleep(0)
        while not await desk.store.run(lambda db: rules.outcomes_since(db, 0, "fired")):
            await asyncio.sleep(0.01)
    async with running(desk) as again:
        assert again.alerting._known[0][1:2] == ("BTCUSDT",)
        assert again.alert(firing()).dedupe_key != alarms.alert(firing()).dedupe_key


async def test_what_clusters_do_is_logged(desk: Desk) -> None:
    async with running(desk) as alarms:
        what = Transition(4, CascadeState.ARMED, CascadeState.CONFIRMED, 5, "open interest fell")
        alarms.told(Told("BTCUSDT", 5, 77_000.0, what))
        while not (logged := await desk.store.run(lambda db: rules.outcomes_since(db, 0, "transition"))):
            await asyncio.sleep(0.01)
    assert logged[0].what["after"] == "confirmed"


async def test_a_restart_has_learned_from_logged_touches(desk: Desk) -> None:
    async with running(desk) as alarms:
        odds = alarms.odds.odds(Features())
        touch = TouchOutcome(4, "short", 8e6, odds, Features(ln_fuel=1.0), True, False, 5)
        for at_ms in (wall_ms() - 1_000, wall_ms()):
            alarms.told(Told("BTCUSDT", at_ms, 77_000.0, touch))
        while not await desk.store.run(lambda db: rules.outcomes_since(db, 0, "touch")):
            await asyncio.sleep(0.01)
        # A version that knew another feature is no reason not to start.
        other = Outcome(wall_ms(), "BTCUSDT", "touch", {"features": {"moon": 1.0}, "burst": True})
        await desk.store.run(lambda db: rules.note(db, [other]))
    async with running(desk) as again:
        assert again.odds.n == 2
        assert again.odds.odds(Features(ln_fuel=1.0)).p > odds.p


async def test_a_stop_is_told_and_so_is_having_been_down(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    async with running(desk):
        pass
    titles = [one.payload["notification"]["title"] for one in desk.service.of(phone)]
    assert titles == ["Leadline was stopped"]
    # A process that was killed leaves the time it was last alive.
    long_ago = wall_ms() - 5 * DOWN_MS_MIN
    await desk.store.run(lambda db: rules.prefer(db, "alive_ms", long_ago))
    async with running(desk):
        await desk.service.until(lambda: len(desk.service.of(phone)) == 2)
    assert desk.service.of(phone)[1].payload["notification"]["title"] == "Leadline was down"


async def test_a_name_that_is_no_topic_becomes_one(desk: Desk) -> None:
    async with running(desk) as alarms:
        topic = alarms.alert(firing(topic="币安人生USDT-4")).topic
    assert len(topic) == 32
    assert topic.isascii()


async def test_what_came_of_an_alert_outlives_a_kill(desk: Desk) -> None:
    one, key = firing("a", price=77_200.0), ""
    followed = {"": Aftermath(1, 1.0)}
    async with running(desk) as alarms:
        key = alarms.alert(one).dedupe_key
        followed = {
            key: Aftermath(
                *(one.at_ms, 77_200.0, (4, 77_480.0, 77_560.0), Interest(1e5, ("okx",))),
                *(3e5, CascadeState.HELD, 5, 77_000.0, 77_500.0),
            ),
            "of no alert": Aftermath(1, 1.0),
        }
        alarms.aftermaths = lambda: followed
        alarms.fired(one, b"")
        while not await desk.store.run(lambda db: aftermaths.newest(db, 9)):
            await asyncio.sleep(0.01)
    # As if it had been killed five minutes ago.
    left_ms = wall_ms() - 300_000
    await desk.store.run(lambda db: rules.prefer(db, "watched_ms", left_ms))
    async with running(desk) as alarms:
        assert alarms.left_ms == left_ms
        (found,) = alarms.followed["BTCUSDT"].values()
        assert list(alarms.followed["BTCUSDT"]) == [key]
        assert 300_000 <= found.unwatched_ms - 5 < 400_000
        assert replace(found, unwatched_ms=5, cluster=(4, 77_480.0, 77_560.0)) == followed[key]
    # It goes with its alert, and only the newest are read.
    assert await desk.store.run(lambda db: aftermaths.newest(db, 0)) == []
    await desk.store.run(lambda db: db.execute("DELETE FROM alerts WHERE dedupe_key = ?", (key,)).rowcount)
    assert await desk.store.run(lambda db: aftermaths.newest(db, 9)) == []


async def test_an_inbox_forgets_after_a_month_without_a_restart(desk: Desk) -> None:
    async with running(desk) as alarms:
        alarms.fired(firing("old", at_ms=wall_ms() - INBOX_KEPT_MS - 1, ring=False), b"screen")
        alarms.fired(firing("new"), b"")

        async def held(count: int) -> None:
            async with asyncio.timeout(10):
                while len(found := await desk.store.run(lambda db: alerts.inbox(db, 9))) != count:
                    await asyncio.sleep(0.01)
            assert found[0].alert.dedupe_key.endswith(":new")

        await held(2)
        alarms._pruned_ms -= PRUNE_EVERY_MS
        alarms._wake.set()
        await held(1)
