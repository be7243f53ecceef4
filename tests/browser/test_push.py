"""A push message from the server's own hand: the worker shows it, and a tap opens its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from playwright.sync_api import BrowserContext, CDPSession, Locator, Page, Worker, expect

from leadline.clock import wall_ms
from leadline.push.message import webpush_payload
from leadline.store.alerts import Alert, Waiting
from leadline.store.devices import Device
from leadline.wire.reader import Keyframe, LadderReader, decode
from tests.browser.conftest import PATIENCE_MS, standing_still, touch, wait_live
from tests.browser.fingers import Fingers
from tests.browser.still import StillServer
from tests.browser.test_pictures import take
from tests.browser.test_quality import AXE, FINGER_PX, SMALL_TARGETS, violations
from tests.fakes.push_service import Answer, PushService

SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag }) => ({ title, body, tag }));
}"""
TAP = """async () => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""
PRESS = """async (action) => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
}"""
CLEAR = """async () => {
  for (const one of await self.registration.getNotifications()) one.close();
}"""
OFFERED = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const [shown] = await registration.getNotifications();
  return shown.actions.map(({ action }) => action);
}"""

# No alert of this number is in the inbox, so there is no moment of it to show.
UNKNOWN = 10**9

# Chromium asks a service of its maker's for a subscription, which no test can reach: all but that is real.
SUBSCRIBES = """given => {
  let held = null;
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error("NotAllowedError");
    held = {
      options: { applicationServerKey: applicationServerKey.buffer },
      unsubscribe: async () => { held = null; return true; },
      toJSON: () => given,
    };
    return held;
  };
}"""


def message(origin: str, url: str, key: str = "a") -> str:
    """Return what the server would post, before encryption."""
    alert = Alert(
        key,
        "approach",
        "ETHUSDT",
        wall_ms(),
        "ETH 0.3 % above: 4 M USD",
        "of shorts.",
        url,
        120,
        "high",
        "e1",
    )
    device = Device(
        1, b"", "x", "webpush", "", b"", b"", "", 0, 0, None, None, None, None, origin=origin, post_ms=None
    )
    return webpush_payload(Waiting(UNKNOWN, alert, device, wall_ms() + 60_000, 0, 2), simulated=True).decode()


class PushLine:
    """Hands messages to the page's service worker as the push service would."""

    def __init__(self, page: Page, server: str) -> None:
        page.context.grant_permissions(["notifications"], origin=server)
        self._origin = server
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._registration = ""
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._noted)
        self._session.send("ServiceWorker.enable")
        page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
        # A page is taken over while its worker is still becoming active.
        page.wait_for_function("() => navigator.serviceWorker.controller?.state === 'activated'")
        until(page, lambda: self._registration != "")

    def _noted(self, event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if one["scopeURL"].startswith(self._origin) and not one["isDeleted"]:
                self._registration = one["registrationId"]

    def look(self) -> None:
        """Wake the worker as the browser does now and then."""
        self._session.send(
            "ServiceWorker.dispatchPeriodicSyncEvent",
            {"origin": self._origin, "registrationId": self._registration, "tag": "server-silent"},
        )

    def deliver(self, data: str) -> None:
        self._session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": self._origin, "registrationId": self._registration, "data": data},
        )


def shown(page: Page, count: int) -> list[dict[str, str]]:
    """Wait until so many notifications are shown, and return them."""
    for _ in range(PATIENCE_MS // 50):
        found: list[dict[str, str]] = page.evaluate(SHOWN)
        if len(found) == count:
            return found
        page.wait_for_timeout(50)
    pytest.fail(f"expected {count} notifications, the worker shows {found}")


def show(page: Page, line: PushLine, data: str) -> dict[str, str]:
    """Deliver a message and return the one notification that is shown.

    On a busy machine Chromium loses one now and then that its worker has shown (the page hears of it), and
    shows it when the same message is told again.
    """
    for _ in range(3):
        line.deliver(data)
        for _ in range(10_000 // 50):
            found: list[dict[str, str]] = page.evaluate(SHOWN)
            if len(found) == 1:
                return found[0]
            page.wait_for_timeout(50)
    pytest.fail(f"expected one notification, the worker shows {found}")


def until(page: Page, reached: Callable[[], bool]) -> None:
    """Wait for a state that no element of the page shows."""
    for _ in range(PATIENCE_MS // 50):
        if reached():
            return
        page.wait_for_timeout(50)
    pytest.fail("what was waited for did not come")


@pytest.fixture
def line(page: Page, server: str) -> PushLine:
    return PushLine(page, server)


def worker_of(phone: BrowserContext) -> Worker:
    return phone.service_workers[0] if phone.service_workers else phone.wait_for_event("serviceworker")


def test_a_message_is_shown_and_a_tap_opens_its_row(
    page: Page, phone: BrowserContext, server: str, line: PushLine, complaints: list[str]
) -> None:
    page.goto(f"{server}/#alerts")
    tick = 0.01
    eth = page.request.get(f"{server}/healthz").json()["books"]["ETHUSDT"]
    assert "live" in eth.values()
    # Any price serves: the ladder goes there however far it lies from the market.
    target = 2_000.0
    notice = show(page, line, message(server, f"/?symbol=ETHUSDT&price={target}"))
    assert notice == {"title": "SIMULATED · ETH 0.3 % above: 4 M USD", "body": "of shorts.", "tag": "e1"}
    # The same alert told again takes the place of the first.
    line.deliver(message(server, f"/?symbol=ETHUSDT&price={target}"))
    shown(page, 1)

    worker_of(phone).evaluate(TAP)
    expect(page).to_have_url(f"{server}/#ladder")
    page.wait_for_function("() => document.getElementById('touch').dataset.symbol === 'ETHUSDT'")
    wait_live(page)
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    group = int(touch(page)["group"]) * tick
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    finger = Fingers(page)
    # Below the price's own row, which is half a row and more high, the bids begin a little lower.
    finger.rest((100.0, box["y"] + box["height"] / 2 + 18))
    row = int(target / group) * group
    expect(page.locator(".row-card-title")).to_contain_text(f"{row:,.0f}")
    finger.lift()
    assert complaints == []


def test_an_app_that_was_closed_opens_on_the_row(phone: BrowserContext, server: str) -> None:
    page = phone.new_page()
    page.goto(f"{server}/?symbol=ETHUSDT&price=2000&alert={UNKNOWN}")
    page.wait_for_function("() => document.getElementById('touch').dataset.symbol === 'ETHUSDT'")
    wait_live(page)
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    expect(page).to_have_url(f"{server}/#ladder")


@pytest.mark.parametrize("data", ["", "{", '{"web_push": 8030}', '{"notification": 3}'])
def test_whatever_comes_ends_in_a_shown_notification(page: Page, line: PushLine, data: str) -> None:
    assert show(page, line, data)["title"] == "Leadline"


class Subscribed:
    """The alerts screen of a phone whose browser subscribes at the push service of the tests."""

    def __init__(self, phone: BrowserContext, server: str, service: PushService) -> None:
        self.subscriber = service.phone()
        self.service = service
        phone.grant_permissions(["notifications"], origin=server)
        phone.add_init_script(f"({SUBSCRIBES})({json.dumps(self.subscriber.subscription_json())})")
        self.page = phone.new_page()
        self.page.goto(f"{server}/#alerts")
        self.page.get_by_role("button", name="Health").click()
        self.panel = self.page.locator(".push-panel")
        expect(self.panel).to_have_attribute("data-push", "off")
        self.page.get_by_role("button", name="Turn on").click()
        expect(self.panel).to_have_attribute("data-push", "on")

    def row(self, name: str) -> Locator:
        return self.page.locator(".health").first.locator("div", has_text=name)

    def received(self, kind: str, symbol: str | None) -> dict[str, Any]:
        """Wait for a message of this kind at the push service, and return it as the phone gets it.

        On a machine that has to compile the estimator first, that takes as long as compiling it.
        """
        for _ in range(5 * PATIENCE_MS // 50):
            for one in self.service.of(self.subscriber):
                data = one.payload["notification"]["data"]
                if (data["kind"], data["symbol"]) == (kind, symbol):
                    return one.payload
            self.page.wait_for_timeout(50)
        pytest.fail(f"no message of kind {kind} about {symbol} came")

    def turn_off(self) -> None:
        self.page.get_by_role("button", name="Turn off").click()
        expect(self.panel).to_have_attribute("data-push", "off")


def test_alerts_are_turned_on_by_a_tap_and_every_link_of_the_way_is_told(
    phone: BrowserContext, server: str, push_service: PushService
) -> None:
    there = Subscribed(phone, server, push_service)
    expect(there.row("Server knows this phone")).to_have_attribute("data-good", "true")
    expect(there.row("Bound to the server's key")).to_have_attribute("data-good", "true")
    expect(there.row("Last message")).to_contain_text("none yet")
    line = PushLine(there.page, server)
    there.page.get_by_role("button", name="Send a test").click()
    line.deliver(json.dumps(there.received("test", None)))
    expect(there.panel.get_by_role("status")).to_contain_text("The test was here after")
    expect(there.row("Last message")).to_contain_text("delivered")
    expect(there.panel.get_by_text("no watcher outside is named")).to_be_visible()
    there.page.evaluate(AXE.read_text())
    assert violations(there.page) == []
    assert there.page.evaluate(SMALL_TARGETS, FINGER_PX) == []
    take(there.page, "alerts-health")
    # The next one does not get through, and that is told too.
    there.subscriber.always = Answer(503)
    there.page.wait_for_timeout(3_000)  # the server takes a test each three seconds
    there.page.get_by_role("button", name="Send a test").click()
    expect(there.row("Last message")).to_contain_text("busy or out; it is tried again (503)")
    there.turn_off()
    told = there.page.request.post(f"{server}/api/push/health", data={}).json()
    assert told["devices"] == []


def test_a_cluster_that_price_nears_rings_the_phone_and_a_tap_opens_its_row(
    phone: BrowserContext, server: str, push_service: PushService
) -> None:
    there = Subscribed(phone, server, push_service)
    page = there.page
    line = PushLine(page, server)
    # Nearness enough for any cluster of the simulated market.
    rule = {"kind": "approach", "symbol": "ETHUSDT", "settings": {"distance": 50, "unit": "pct"}}
    made = page.request.post(f"{server}/api/rules", data=rule)
    assert made.status == 201
    payload = there.received("approach", "ETHUSDT")
    notification = payload["notification"]
    assert notification["title"].startswith("SIMULATED · ETH ")
    assert notification["navigate"].startswith(f"{server}/?symbol=ETHUSDT&price=")
    assert notification["data"]["way"] == (1 if " above: " in notification["title"] else -1)

    # It was kept before it was sent: the inbox has it, with the screen of its instant.
    entry = next(
        one
        for one in page.request.get(f"{server}/api/inbox").json()["alerts"]
        if one["id"] == notification["data"]["id"]
    )
    assert notification["title"] == f"SIMULATED · {entry['title']}"
    moment = msgpack.unpackb(page.request.get(f"{server}/api/moments/{entry['id']}").body())
    assert moment["facts"]["symbol"] == "ETHUSDT"
    ladder = decode(moment["ladder"])
    assert isinstance(ladder, Keyframe)
    view = LadderReader(moment["key"]["group"], moment["key"]["depth"]).apply(ladder)
    assert view.bid_tick < view.ask_tick

    assert show(page, line, json.dumps(payload))["title"] == notification["title"]

    # Its buttons do what they say beside the app, which stays where it was.
    assert page.evaluate(OFFERED) == ["snooze", "mute"]
    worker_of(phone).evaluate(PRESS, "snooze")
    shown(page, 0)

    def asleep() -> bool:
        rules = page.request.get(f"{server}/api/rules").json()["rules"]
        rule_id: int = made.json()["id"]
        return bool(next(one["snoozed_until_ms"] for one in rules if one["id"] == rule_id))

    until(page, asleep)
    assert page.url.endswith("/#alerts")
    page.request.post(f"{server}/api/rules/remove", data={"id": made.json()["id"]})
    # What cannot be done is said, and leads into the app.
    data = {**notification["data"], "id": UNKNOWN}
    show(page, line, json.dumps({**payload, "notification": {**notification, "data": data}}))
    worker_of(phone).evaluate(PRESS, "mute")
    until(page, lambda: [one["title"] for one in page.evaluate(SHOWN)] == ["Leadline"])
    assert page.evaluate(SHOWN)[0]["body"] == "Mute 8 h: not done. Open the app to try again."
    worker_of(phone).evaluate(CLEAR)

    show(page, line, json.dumps(payload))
    # The book as it was, and from there the live one.
    worker_of(phone).evaluate(TAP)
    expect(page.locator(".moment-sentence")).to_contain_text(entry["title"])
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_text("The book now")).to_be_visible()
    expect(page.locator(".moment-panes .pane").nth(1)).to_have_css("opacity", "1")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Ladder").click()
    page.wait_for_function("() => document.getElementById('touch').dataset.symbol === 'ETHUSDT'")
    wait_live(page)
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    told = page.request.get(f"{server}/api/inbox").json()["alerts"]
    assert next(one for one in told if one["id"] == entry["id"])["seen"] is not None


HEARD = """async () => {
  const store = await caches.open('push-device');
  return (await (await store.match('/server-heard'))?.json()) ?? null;
}"""


def test_a_server_that_is_gone_is_noticed_by_the_worker_alone(phone: BrowserContext) -> None:
    page = phone.new_page()
    with standing_still(StillServer()) as still:
        page.goto(still.address)
        line = PushLine(page, still.address)
        line.look()
        until(page, lambda: page.evaluate(HEARD) is not None)
        heard = page.evaluate(HEARD)
        assert heard["told"] is False
    line.look()
    (notice,) = shown(page, 1)
    assert notice["title"].startswith("Leadline has not answered since ")
    assert "nothing is watched" in notice["body"]
    assert page.evaluate(HEARD) == {**heard, "told": True}
