"""What a phone asks about alerts, over real uvicorn, with a push service on loopback."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from leadline.clock import SystemClock
from leadline.config import Settings
from leadline.push.desk import NO_CONTACT, PushDesk, push_desk
from leadline.store.state import StateStore
from tests.fakes.market import hand_market
from tests.fakes.push_service import Answer, FakePhone, PushService, base64url
from tests.fakes.server import serving


@dataclass
class Site:
    http: aiohttp.ClientSession
    base: str
    service: PushService
    desk: PushDesk

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = {"origin": self.base, "sec-fetch-site": "same-origin", **headers}
        async with self.http.post(f"{self.base}/api/push/{path}", json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def key(self) -> str:
        async with self.http.get(f"{self.base}/api/push/key") as answer:
            assert answer.headers["cache-control"] == "no-store"
            return str((await answer.json())["key"])

    async def body(self, phone: FakePhone, secret: str, **changes: object) -> dict[str, Any]:
        made = {"device": secret, "name": "My phone", "key": await self.key()}
        return {**made, "subscription": phone.subscription_json(), **changes}


def secret() -> str:
    return base64url(os.urandom(32))


@contextlib.asynccontextmanager
async def site_of(tmp_path: Path, **settings: Any) -> AsyncIterator[Site]:
    service = PushService()
    async with service.running():
        made = Settings(data_dir=tmp_path, push_simulated=service.origin, **settings)
        store = await StateStore.open(None, "live")
        async with (
            push_desk(made, store, SystemClock(), simulated=True) as desk,
            serving(hand_market().hub, tmp_path, desk) as port,
            aiohttp.ClientSession() as http,
        ):
            yield Site(http, f"http://127.0.0.1:{port}", service, desk)
        await store.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(tmp_path, push_contact="mailto:me@mine.org") as made:
        yield made


async def test_a_phone_subscribes_says_so_again_and_leaves(site: Site) -> None:
    phone, mine = site.service.phone(), secret()
    body = await site.body(phone, mine)
    status, told = await site.post("subscribe", body)
    assert (status, told["this"], told["service"], told["name"]) == (201, True, "127.0.0.1", "My phone")
    status, again = await site.post("subscribe", body)
    assert (status, again["id"]) == (200, told["id"])
    # The browser gave it another address: still the same device.
    moved = site.service.phone()
    status, again = await site.post("subscribe", await site.body(moved, mine))
    assert (status, again["id"]) == (200, told["id"])
    _, health = await site.post("health", {"device": mine})
    (device,) = health["devices"]
    assert (device["this"], device["key_current"], device["last_result"]) == (True, True, None)
    assert phone.endpoint not in str(health)
    assert (await site.post("unsubscribe", {"device": mine}))[0] == 200
    assert (await site.post("health", {}))[1]["devices"] == []


async def test_a_test_goes_all_the_way_and_is_noted(site: Site) -> None:
    phone, mine = site.service.phone(), secret()
    await site.post("subscribe", await site.body(phone, mine))
    status, told = await site.post("test", {"device": mine})
    assert (status, told["status"], told["result"]) == (200, 201, "delivered")
    assert 0 <= told["post_ms"] < 10_000
    (got,) = site.service.received
    assert got.payload["notification"]["title"].startswith("SIMULATED · ")
    assert got.payload["notification"]["navigate"] == site.base + "/"
    assert (await site.post("test", {"device": mine}))[0] == 429
    _, health = await site.post("health", {"device": mine})
    assert health["devices"][0]["last_result"] == "delivered"
    assert (await site.post("test", {"device": secret()}))[1]["error"]["code"] == "unknown_device"


async def test_a_test_that_fails_says_why(site: Site) -> None:
    phone, mine = site.service.phone(), secret()
    phone.always = Answer(403)
    await site.post("subscribe", await site.body(phone, mine))
    _, told = await site.post("test", {"device": mine})
    assert told["result"] == "the push service refuses this server's key or contact (403)"
    gone, other = site.service.phone(), secret()
    gone.always = Answer(410)
    await site.post("subscribe", await site.body(gone, other))
    _, told = await site.post("test", {"device": other})
    assert told["status"] == 410
    # It is forgotten, and the app is told at its next question.
    _, health = await site.post("health", {"device": other})
    assert [device["this"] for device in health["devices"]] == [False]


async def test_anothers_address_is_not_handed_over_and_not_ended(site: Site) -> None:
    phone = site.service.phone()
    owner, thief = secret(), secret()
    await site.post("subscribe", await site.body(phone, owner))
    status, told = await site.post("subscribe", await site.body(phone, thief))
    assert (status, told["error"]["code"]) == (409, "endpoint_taken")
    await site.post("unsubscribe", {"device": thief})
    assert len((await site.post("health", {}))[1]["devices"]) == 1


async def test_there_is_room_for_so_many_phones(site: Site) -> None:
    site.desk.devices_max = 2
    owners = [secret() for _ in range(3)]
    bodies = [await site.body(site.service.phone(), owner) for owner in owners]
    assert [(await site.post("subscribe", body))[0] for body in bodies] == [201, 201, 403]
    assert (await site.post("subscribe", bodies[0]))[0] == 200


async def test_a_subscription_for_another_key_has_to_be_made_anew(site: Site) -> None:
    body = await site.body(site.service.phone(), secret(), key=base64url(os.urandom(65)))
    status, told = await site.post("subscribe", body)
    assert (status, told["error"]["code"]) == (409, "key_changed")


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("endpoint", "http://10.0.0.1/x", "expected an https address"),
        ("endpoint", "https://evil.dev/.push.apple.com", "known push service"),
        ("endpoint", "https://fcm.googleapis.com/" + "x" * 1_000, "at most 1024 characters"),
        ("endpoint", 7, "expected endpoint as text"),
        ("p256dh", base64url(b"\x04" + bytes(64)), "uncompressed point"),
        ("p256dh", base64url(b"\x04" * 33), "65 bytes"),
        ("p256dh", "!" * 87, "65 bytes"),
        ("p256dh", None, "65 bytes"),
        ("auth", base64url(b"x" * 15), "16 bytes"),
        ("auth", ["x"], "16 bytes"),
    ],
)
async def test_a_broken_subscription_is_refused_in_words(
    site: Site, part: str, value: object, said: str
) -> None:
    body = await site.body(site.service.phone(), secret())
    target = body["subscription"] if part == "endpoint" else body["subscription"]["keys"]
    target[part] = value
    status, told = await site.post("subscribe", body)
    assert status == 400
    assert said in told["error"]["text"]
    assert site.service.requests == 0


@pytest.mark.parametrize(
    "body", [[], "text", 3, {}, {"device": "short"}, {"device": 5}, {"device": "x" * 44}]
)
async def test_a_body_that_is_not_what_was_expected_is_refused(site: Site, body: object) -> None:
    for path in ("subscribe", "unsubscribe", "test"):
        status, told = await site.post(path, body)
        assert status == 400
        assert "expected" in told["error"]["text"]


async def test_only_a_page_of_this_server_may_change_anything(site: Site) -> None:
    mine = secret()
    body = await site.body(site.service.phone(), mine)
    for headers in (
        {"origin": "https://evil.dev"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        status, told = await site.post("subscribe", body, **headers)
        assert (status, told["error"]["code"]) == (403, "not_ours")
    url = f"{site.base}/api/push/subscribe"
    async with site.http.post(url, data="{}", headers={"content-type": "text/plain"}) as answer:
        assert answer.status == 415
    async with site.http.post(
        url, data=b"x" * 20_000, headers={"content-type": "application/json"}
    ) as answer:
        assert answer.status == 413
    async with site.http.post(url, data=b"[" * 9_000, headers={"content-type": "application/json"}) as answer:
        assert answer.status == 400
    async with site.http.options(url, headers={"origin": "https://evil.dev"}) as answer:
        assert "access-control-allow-origin" not in answer.headers
    async with site.http.get(url) as answer:
        assert answer.status in (404, 405)
    assert (await site.post("health", {}))[1]["devices"] == []


async def test_without_a_contact_push_is_off_and_says_how_to_turn_it_on(tmp_path: Path) -> None:
    async with site_of(tmp_path) as site:
        async with site.http.get(f"{site.base}/api/push/key") as answer:
            assert answer.status == 503
            assert (await answer.json())["error"]["text"] == NO_CONTACT
        _, health = await site.post("health", {})
        assert (health["available"], health["problem"]) == (False, NO_CONTACT)
        assert not (tmp_path / "vapid.pem").exists()


async def test_a_broken_key_file_turns_push_off_and_not_the_ladder(tmp_path: Path) -> None:
    (tmp_path / "vapid.pem").write_text("junk")
    async with site_of(tmp_path, push_contact="mailto:me@mine.org") as site:
        _, health = await site.post("health", {})
        assert "expected a P-256 private key" in health["problem"]
