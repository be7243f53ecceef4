"""Rules, inbox and moments over real uvicorn."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import msgpack
import pytest

from leadline.clock import SystemClock
from leadline.config import Settings
from leadline.domain.alerting import Firing
from leadline.domain.events import BookState
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.marks import Marks
from leadline.feed.notes import Notes
from leadline.feed.previews import Previews
from leadline.push.alarms import Alarms
from leadline.push.desk import push_desk
from leadline.store.rules import RULES_MAX
from leadline.store.state import StateStore
from tests.fakes.market import HandMarket, hand_market
from tests.fakes.server import serving


@dataclass
class Site:
    http: aiohttp.ClientSession
    base: str
    alarms: Alarms
    market: HandMarket

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = {"origin": self.base, "sec-fetch-site": "same-origin", **headers}
        async with self.http.post(f"{self.base}{path}", json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(f"{self.base}{path}") as answer:
            return answer.status, await answer.json()


@contextlib.asynccontextmanager
async def site_of(tmp_path: Path) -> AsyncIterator[Site]:
    market = hand_market()
    store = await StateStore.open(None, "live")
    market.hub.marks = Marks(store, market.clock, market.hub.sessions)
    async with push_desk(Settings(data_dir=tmp_path), store, SystemClock(), simulated=True) as push:
        alarms = await Alarms.open(store, push.delivery, market.hub, 2)
        notes = Notes(None, alarms.begun_ms)
        desk = AlertDesk(market.hub, {}, alarms.alerting, alarms.fired, notes=notes)
        desk.step()
        kept = {"store": store, "alarms": alarms, "alert_desk": desk}
        previews = Previews(market.hub, {}, notes)
        async with (
            serving(market.hub, tmp_path, push, **kept, previews=previews) as port,
            aiohttp.ClientSession() as http,
        ):
            yield Site(http, f"http://127.0.0.1:{port}", alarms, market)
    await store.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(tmp_path) as made:
        yield made


async def test_rules_can_be_made_changed_snoozed_and_removed(site: Site) -> None:
    _, told = await site.get("/api/rules")
    assert [rule["kind"] for rule in told["rules"]] == ["approach", "state", "feed", "server", "burst"]
    assert told["quiet"] is None
    status, made = await site.post(
        "/api/rules", {"kind": "price", "symbol": "BTCUSDT", "settings": {"price": 77_000}}
    )
    assert (status, made["settings"]["way"]) == (201, "both")
    status, changed = await site.post("/api/rules", {**made, "enabled": False})
    assert (status, changed["enabled"]) == (200, False)
    assert (await site.post("/api/rules", {**made, "id": 9_999}))[0] == 404
    status, woken = await site.post("/api/rules/snooze", {"id": made["id"], "minutes": 30})
    assert status == 200
    _, told = await site.get("/api/rules")
    assert told["rules"][-1]["snoozed_until_ms"] == woken["until"]
    assert (await site.post("/api/rules/remove", {"id": made["id"]}))[0] == 200
    assert (await site.post("/api/rules/remove", {"id": made["id"]}))[0] == 200
    assert len((await site.get("/api/rules"))[1]["rules"]) == 5


@pytest.mark.parametrize(("path", "body", "words"), [
    ("/api/rules", {"kind": "moon"}, "expected one of approach"),
    ("/api/rules", {"kind": "approach", "settings": {"distance": -1}}, "distance: expected a number"),
    ("/api/rules", {"kind": "approach", "id": "7"}, "expected id as a whole number"),
    ("/api/rules/snooze", {"minutes": "5"}, "expected minutes"),
    ("/api/rules/snooze", {"minutes": 1e9}, "expected minutes"),
    ("/api/rules/preview", {"kind": "price"}, "is about one symbol"),
    ("/api/quiet", {"quiet": {"zone": "Moon/Base", "begin": "22:00", "end": "07:00"}}, "a time zone"),
    ("/api/inbox/seen", {"id": True}, "expected id"),
    ("/api/mute", {"symbol": "BTCUSDT"}, "expected minutes"),
    ("/api/mute", {"symbol": 7, "minutes": 5}, "expected symbol as text"),
    ("/api/inbox/act", {"id": "1", "action": "mute"}, "expected id"),
])  # fmt: skip
async def test_bad_requests_say_what_was_expected(site: Site, path: str, body: object, words: str) -> None:
    status, told = await site.post(path, body)
    assert status == 400
    assert words in told["error"]["text"]


async def test_a_set_of_rules_is_added_once_for_a_market_or_all(site: Site) -> None:
    assert (await site.get("/api/rules"))[1]["sets"] == ["clusters", "flow", "positions"]
    assert await site.post("/api/rules/set", {"set": "positions", "symbol": "BTCUSDT"}) == (200, {"added": 5})
    assert await site.post("/api/rules/set", {"set": "positions", "symbol": "BTCUSDT"}) == (200, {"added": 0})
    # Those of a first start are there for all markets.
    assert await site.post("/api/rules/set", {"set": "clusters", "symbol": "BTCUSDT"}) == (200, {"added": 0})
    listed = (await site.get("/api/rules"))[1]["rules"]
    assert [one["kind"] for one in listed if one["symbol"] == "BTCUSDT"] == [
        *("migration", "depletion", "funding", "interest", "regime")
    ]
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    assert site.alarms.alerting.rules[-1].kind == "regime"
    for wrong in ({"set": "all"}, {}, {"set": "flow", "symbol": 3}, {"set": "flow", "symbol": "x" * 41}):
        assert (await site.post("/api/rules/set", wrong))[0] == 400
    # All or none of it.
    for _ in range(RULES_MAX - len(listed) - 2):
        await site.post("/api/rules", {"kind": "price", "symbol": "BTCUSDT", "settings": {"price": 5}})
    assert (await site.post("/api/rules/set", {"set": "flow", "symbol": "ETHUSDT"}))[0] == 403
    assert len((await site.get("/api/rules"))[1]["rules"]) == RULES_MAX - 2


async def test_other_pages_cannot_change_anything(site: Site) -> None:
    for path in (
        *(
            "/api/rules",
            "/api/rules/set",
            "/api/rules/remove",
            "/api/rules/snooze",
            "/api/quiet",
            "/api/mute",
        ),
        *("/api/inbox/seen", "/api/inbox/act"),
    ):
        status, _ = await site.post(path, {"id": 1, "minutes": 5}, origin="https://evil.example")
        assert status == 403


async def test_a_preview_says_how_often_and_since_when(site: Site) -> None:
    status, told = await site.post("/api/rules/preview", {"kind": "approach"})
    assert status == 200
    assert told["count"] == 0
    assert told["since"] > 0
    assert told["examples"] == []


async def test_quiet_hours_are_kept(site: Site) -> None:
    quiet = {"zone": "Europe/Paris", "begin": "22:00", "end": "07:00"}
    assert await site.post("/api/quiet", {"quiet": quiet}) == (200, {"quiet": quiet})
    assert (await site.get("/api/rules"))[1]["quiet"] == quiet
    assert await site.post("/api/quiet", {"quiet": None}) == (200, {"quiet": None})


async def test_an_alert_is_in_the_inbox_with_its_moment_until_it_is_seen(site: Site) -> None:
    firing = Firing("x", "approach", "BTCUSDT", 5, "A title", "A body", 60, True, "", 1003.0, 1, True, 1)
    await site.alarms._delivery.fire(site.alarms.alert(firing), msgpack.packb({"price": 1000.0}), ring=False)
    _, told = await site.get("/api/inbox")
    (entry,) = told["alerts"]
    assert 0 < told["since"] <= told["now"]
    assert (entry["title"], entry["url"], entry["moment"], entry["seen"], entry["way"]) == (
        "A title", "/?symbol=BTCUSDT&price=1003", True, None, 1,
    )  # fmt: skip
    async with site.http.get(f"{site.base}/api/moments/{entry['id']}") as answer:
        assert answer.headers["content-type"] == "application/msgpack"
        assert msgpack.unpackb(await answer.read()) == {"price": 1000.0}
    assert (await site.post("/api/inbox/seen", {"id": entry["id"]}))[0] == 200
    assert (await site.get("/api/inbox"))[1]["alerts"][0]["seen"] is not None
    assert (await site.post("/api/inbox/seen", {"id": 77}))[0] == 404
    for path in ("/api/moments/77", f"/api/moments/{2**70}"):
        assert (await site.get(path))[0] == 404


async def test_what_an_alert_offers_is_done(site: Site) -> None:
    firing = Firing(
        *("1:x", "approach", "BTCUSDT", 5, "A title", "A body", 60, True, "", 1003.04, 1, True, 1),
        cluster=(4, 1003.0, 1005.0),
        price=1000.0,
    )
    alert_id = await site.alarms._delivery.fire(site.alarms.alert(firing), None, ring=False)

    async def act(action: str, **more: object) -> tuple[int, dict[str, Any]]:
        return await site.post("/api/inbox/act", {"id": alert_id, "action": action, **more})

    status, told = await act("snooze")
    assert status == 200
    listed = (await site.get("/api/rules"))[1]
    assert [it["snoozed_until_ms"] for it in listed["rules"]][:2] == [told["until"], 0]
    status, told = await act("mute", minutes=60)
    assert (await site.get("/api/rules"))[1]["muted"] == {"BTCUSDT": told["until"]}
    assert site.alarms.alerting.muted == {"BTCUSDT": told["until"]}
    assert await site.post("/api/mute", {"symbol": "BTCUSDT", "minutes": 0}) == (200, {"until": 0})
    assert (await site.get("/api/rules"))[1]["muted"] == {}
    assert await act("mark") == (200, {"price": "1003"})
    assert site.market.hub.marks is not None
    assert [(it.symbol, it.price) for it in site.market.hub.marks.all()] == [("BTCUSDT", "1003")]
    assert (await site.get("/api/inbox"))[1]["alerts"][0]["seen"] is not None
    assert (await act("sell"))[0] == 400
    assert (await site.post("/api/inbox/act", {"id": 99, "action": "mute"}))[0] == 404
    assert (await site.post("/api/mute", {"symbol": "MOONUSDT", "minutes": 5}))[0] == 404
    nothing = await site.alarms._delivery.fire(
        replace(site.alarms.alert(firing), dedupe_key="s", symbol=None, rule_id=None), None, ring=False
    )
    for action in ("snooze", "mute", "mark"):
        assert (await site.post("/api/inbox/act", {"id": nothing, "action": action}))[0] == 409


async def test_what_has_come_of_an_alert(site: Site) -> None:
    made = site.alarms.alert(
        Firing("x", "price", "BTCUSDT", 5, "A title", "", 60, True, "", 990.0, 1, True, 1, price=998.0)
    )
    alert_id = await site.alarms._delivery.fire(made, None, ring=False)
    status, told = await site.get(f"/api/inbox/{alert_id}/since")
    assert (status, told["before"], told["live"], told["after"]) == (200, 998.0, True, None)
    price = site.market.session.price()
    assert told["price"] == price
    listed = (await site.get("/api/inbox"))[1]
    assert listed["prices"] == {"BTCUSDT": price}
    assert (listed["alerts"][0]["price"], listed["alerts"][0]["target"]) == (998.0, 990.0)
    # Without a map nothing is known of the way.
    assert await site.get(f"/api/inbox/{alert_id}/path") == (200, {"path": []})
    for wrong in (77, 2**70):
        for what in ("since", "path"):
            assert (await site.get(f"/api/inbox/{wrong}/{what}"))[0] == 404
    # A book that is lost has no price of now to show.
    site.market.books["binance"].state = BookState.STALE
    assert (await site.get(f"/api/inbox/{alert_id}/since"))[1]["live"] is False
    assert (await site.get("/api/inbox"))[1]["prices"] == {}


async def test_a_server_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    async with serving(hand_market().hub, tmp_path) as port, aiohttp.ClientSession() as http:
        for path in ("/api/rules", "/api/inbox"):
            async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == 503
                assert (await answer.json())["error"]["code"] == "no_alerts"
