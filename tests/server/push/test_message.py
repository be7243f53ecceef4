"""What is sent: a push payload that always fits, and the second channels' own formats."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import wall_ms
from leadline.push.message import SHRUNK_BYTES_MAX, ntfy_post, webhook_post, webpush_payload
from leadline.store import devices
from leadline.store.alerts import Alert, Waiting
from leadline.store.devices import Device
from tests.fakes.push_service import Answer
from tests.server.push.conftest import Desk, alert


def waiting(told: Alert, endpoint: str = "https://ntfy.sh/leadline-x7") -> Waiting:
    device = Device(
        *(1, None, "x", "webpush", endpoint, None, None, None, 0, 0, None, None, None, None),
        origin="https://leadline.mine.org",
        post_ms=None,
    )
    return Waiting(7, told, device, wall_ms() + 60_000, 0, 3)


@given(st.text(max_size=4_000), st.sampled_from([2_500, SHRUNK_BYTES_MAX]))
def test_a_payload_fits_whatever_the_text_and_keeps_its_beginning(body: str, bytes_max: int) -> None:
    # Half a surrogate pair is no text that could be sent; nothing of ours makes one.
    body = body.encode("utf-8", "ignore").decode()
    content = webpush_payload(waiting(alert(body=body)), simulated=False, bytes_max=bytes_max)
    assert len(content) <= bytes_max
    told = json.loads(content)["notification"]["body"]
    assert told == body or (told.endswith("…") and body.startswith(told[:-1])) or told == ""


def test_an_alerts_number_is_in_the_query_also_of_a_screens_address() -> None:
    def url(told: str) -> str:
        made: str = json.loads(webpush_payload(waiting(alert(url=told)), False))["notification"]["data"][
            "url"
        ]
        return made

    assert url("/?symbol=BTCUSDT") == "/?symbol=BTCUSDT&alert=7"
    assert url("/#alerts") == "/?alert=7#alerts"
    assert url("/") == "/?alert=7"


def test_ntfy_is_told_by_its_own_json_below_the_topics_folder() -> None:
    post = ntfy_post(waiting(alert()), simulated=True)
    assert post.url == "https://ntfy.sh/"
    told = json.loads(post.plain)
    assert (told["topic"], told["priority"]) == ("leadline-x7", 5)
    assert told["title"] == "SIMULATED · BTC 0.4 % above: 42 M USD"
    assert told["message"].startswith("of shorts")
    below = ntfy_post(
        waiting(alert(urgency="normal", body=""), "https://my.org/ntfy/topic/"), simulated=False
    )
    assert below.url == "https://my.org/ntfy/"
    assert json.loads(below.plain)["message"] == "BTC 0.4 % above: 42 M USD"


def test_a_webhook_is_told_everything_and_a_key_to_drop_doubles_by() -> None:
    told = json.loads(webhook_post(waiting(alert("k1"), "https://my.org/hook"), simulated=True).plain)
    assert (told["key"], told["id"], told["kind"], told["symbol"]) == ("k1", 7, "approach", "BTCUSDT")
    assert told["path"] == "/?symbol=BTCUSDT&price=77480&alert=7"
    assert told["simulated"] is True


async def test_second_channels_get_every_alert_and_are_never_forgotten(desk: Desk) -> None:
    origin = desk.service.origin
    now_ms = wall_ms()
    await desk.store.run(lambda db: devices.configure(db, "ntfy", f"{origin}/topic", now_ms))
    await desk.store.run(lambda db: devices.configure(db, "webhook", f"{origin}/hook", now_ms))
    await desk.delivery.fire(alert("one"))
    await desk.clean()
    assert sorted(path for path, _ in desk.service.told) == ["/", "/hook"]
    desk.service.always = Answer(410)
    await desk.delivery.fire(alert("two"))
    await desk.clean()
    known = await desk.store.run(devices.all_devices)
    assert [(one.channel, one.last_status) for one in known] == [("ntfy", 410), ("webhook", 410)]
    # The settings alone take a channel away, or give it another address.
    await desk.store.run(lambda db: devices.configure(db, "ntfy", "", now_ms))
    await desk.store.run(lambda db: devices.configure(db, "webhook", f"{origin}/other", now_ms))
    known = await desk.store.run(devices.all_devices)
    assert [one.endpoint for one in known] == [f"{origin}/other"]


def test_nothing_of_a_message_depends_on_the_device_but_its_origin() -> None:
    one = waiting(alert())
    other = replace(one, device=replace(one.device, id=2, name="y", endpoint="https://fcm.googleapis.com/x"))
    assert webpush_payload(one, False) == webpush_payload(other, False)
