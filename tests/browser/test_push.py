"""A push message from the server's own hand: the worker shows it, and a tap opens its row."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page, Worker, expect

from leadline.clock import wall_ms
from leadline.push.message import webpush_payload
from leadline.store.alerts import Alert, Waiting
from leadline.store.devices import Device
from tests.browser.conftest import PATIENCE_MS, touch, wait_live
from tests.browser.fingers import Fingers

SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag }) => ({ title, body, tag }));
}"""
TAP = """async () => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""

# Chromium asks a service of its maker's for a subscription, which no test can reach: everything but that.
SUBSCRIBES = """() => {
  let held = null;
  const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error("NotAllowedError");
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
    const keys = {
      p256dh: text(await crypto.subtle.exportKey("raw", pair.publicKey)),
      auth: text(crypto.getRandomValues(new Uint8Array(16))),
    };
    held = {
      options: { applicationServerKey: applicationServerKey.buffer },
      unsubscribe: async () => { held = null; return true; },
      toJSON: () => ({ endpoint: "https://fcm.googleapis.com/fcm/send/" + keys.auth, keys }),
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
    return webpush_payload(Waiting(3, alert, device, wall_ms() + 60_000, 0, 2), simulated=True).decode()


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
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")

    def _noted(self, event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if one["scopeURL"].startswith(self._origin) and not one["isDeleted"]:
                self._registration = one["registrationId"]

    def deliver(self, data: str) -> None:
        assert self._registration
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
    line.deliver(message(server, f"/?symbol=ETHUSDT&price={target}"))
    (notice,) = shown(page, 1)
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
    page.goto(f"{server}/?symbol=ETHUSDT&price=2000&alert=3")
    page.wait_for_function("() => document.getElementById('touch').dataset.symbol === 'ETHUSDT'")
    wait_live(page)
    expect(page.get_by_role("button", name="Back to price")).to_be_visible()
    expect(page).to_have_url(f"{server}/#ladder")


@pytest.mark.parametrize("data", ["", "{", '{"web_push": 8030}', '{"notification": 3}'])
def test_whatever_comes_ends_in_a_shown_notification(page: Page, line: PushLine, data: str) -> None:
    line.deliver(data)
    (notice,) = shown(page, 1)
    assert notice["title"] == "Leadline"


def test_alerts_are_turned_on_by_a_tap_and_every_link_of_the_way_is_told(
    phone: BrowserContext, server: str, complaints: list[str]
) -> None:
    phone.grant_permissions(["notifications"], origin=server)
    phone.add_init_script(f"({SUBSCRIBES})()")
    page = phone.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server}/#alerts")
    panel = page.locator(".push-panel")
    expect(panel).to_have_attribute("data-push", "off")
    page.get_by_role("button", name="Turn on").click()
    expect(panel).to_have_attribute("data-push", "on")
    rows = page.locator(".health").first
    expect(rows.locator("div", has_text="Server knows this phone")).to_have_attribute("data-good", "true")
    expect(rows.locator("div", has_text="Bound to the server's key")).to_have_attribute("data-good", "true")
    expect(rows.locator("div", has_text="Last message")).to_contain_text("none yet")
    page.get_by_role("button", name="Send a test").click()
    # The service is out of reach here, and that is what is said.
    expect(rows.locator("div", has_text="Last message")).to_contain_text("cannot be reached")
    page.get_by_role("button", name="Turn off").click()
    expect(panel).to_have_attribute("data-push", "off")
    told = page.request.post(f"{server}/api/push/health", data={}).json()
    assert told["devices"] == []
    assert complaints == []
