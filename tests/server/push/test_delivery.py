"""Every answer a push service can give, and what becomes of the alert and the device."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from leadline.clock import wall_ms
from leadline.errors import StoreError
from tests.fakes.push_service import Answer
from tests.server.push.conftest import CONTACT, Desk, alert
from tests.server.push.conftest import desk as new_desk


async def test_an_alert_reaches_every_phone_once_with_life_urgency_and_topic(desk: Desk) -> None:
    one, other = desk.service.phone("one"), desk.service.phone("other")
    await desk.add(one)
    await desk.add(other)
    alert_id = await desk.delivery.fire(alert())
    await desk.clean()
    (got,) = desk.service.of(one)
    assert len(desk.service.of(other)) == 1
    assert 100 < int(got.headers["ttl"]) <= 120
    assert (got.headers["urgency"], got.headers["topic"]) == ("high", "BTCUSDT-c12")
    assert got.headers["content-encoding"] == "aes128gcm"
    assert got.claims["sub"] == CONTACT
    notification = got.payload["notification"]
    assert got.payload["web_push"] == 8030
    assert notification["title"] == "BTC 0.4 % above: 42 M USD"
    assert (
        notification["navigate"]
        == f"https://leadline.example.dev/?symbol=BTCUSDT&price=77480&alert={alert_id}"
    )
    assert got.payload["app_badge"] == 1
    assert got.size <= 2_500
    device = await desk.device(one)
    assert device is not None
    assert (device.last_result, device.last_status) == ("delivered", 201)
    assert device.delivered_ms == device.last_ms


async def test_the_same_firing_told_twice_is_one_alert(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    first = await desk.delivery.fire(alert("same"))
    again = await asyncio.gather(*(desk.delivery.fire(alert("same")) for _ in range(20)))
    assert first is not None
    assert again == [None] * 20
    await desk.clean()
    assert len(desk.service.received) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_only_a_phone_that_is_gone_is_forgotten(desk: Desk, status: int) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    phone.always = Answer(status)
    await desk.delivery.fire(alert())
    await desk.clean()
    assert await desk.device(phone) is None
    assert len(desk.service.received) == 1


async def test_too_large_a_message_is_sent_again_once_and_smaller(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    phone.answers.append(Answer(413))
    await desk.delivery.fire(alert(body="one venue, " * 400))
    await desk.clean()
    first, second = desk.service.received
    assert 2_400 < first.size <= 2_500
    assert second.size <= 900
    assert second.answered == 201
    # Another that stays too large is given up and said.
    phone.always = Answer(413)
    await desk.delivery.fire(alert("b"))
    await desk.clean()
    assert len(desk.service.received) == 4
    device = await desk.device(phone)
    assert device is not None
    assert device.last_result == "the message is too large for the push service (413)"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_busy_service_is_tried_again_when_it_said_so(desk: Desk, status: int) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    phone.answers.append(Answer(status, {"retry-after": "1"}))
    await desk.delivery.fire(alert())
    await desk.clean()
    first, second = desk.service.received
    assert second.at_s - first.at_s >= 0.9
    assert second.answered == 201


async def test_retry_after_may_be_a_date_and_may_be_absurd(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    later = datetime.now(UTC) + timedelta(seconds=3_600)
    phone.answers.append(Answer(503, {"retry-after": format_datetime(later, usegmt=True)}))
    await desk.delivery.fire(alert(ttl_s=100_000))
    phone.answers.append(Answer(429, {"retry-after": "soon"}))

    async def noted() -> bool:
        return any(attempts == 1 for attempts, _ in await desk.rows())

    await desk.until(noted)
    ((_, wait_ms),) = await desk.rows()
    assert 3_590_000 < wait_ms <= 3_601_000
    await desk.delivery.fire(alert("b", ttl_s=100_000))

    async def both() -> bool:
        return [attempts for attempts, _ in await desk.rows()].count(1) == 2

    await desk.until(both)
    waits = sorted(wait_ms for _, wait_ms in await desk.rows())
    assert 0 < waits[0] <= 1_000


async def test_what_is_not_taken_within_its_life_is_dropped_and_said(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    phone.always = Answer(503, {"retry-after": "999999"})
    await desk.delivery.fire(alert(ttl_s=1))
    await desk.clean()
    assert len(desk.service.received) == 1
    device = await desk.device(phone)
    assert device is not None
    assert device.last_result is not None
    assert device.last_result.startswith("too late to be told: the push service is busy or out")
    assert device.delivered_ms is None


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_service_that_refuses_us_is_left_alone_and_its_phones_are_kept(
    desk: Desk, status: int
) -> None:
    phones = [desk.service.phone(str(number)) for number in range(12)]
    for phone in phones:
        phone.always = Answer(status)
        await desk.add(phone)
    for number in range(4):
        await desk.delivery.fire(alert(str(number)))

    async def shut() -> bool:
        return all(wait_ms > 30_000 for _, wait_ms in await desk.rows())

    await desk.until(shut)
    # All that were under way when the first refusals came may be refused; nothing after them.
    posted = len(desk.service.received)
    assert posted <= 12 * 4
    await desk.delivery.fire(alert("later"))
    await desk.until(shut)
    assert len(desk.service.received) == posted
    assert list(desk.delivery.shut()) == ["127.0.0.1"]
    assert await desk.waiting() == 12 * 5
    device = await desk.device(phones[0])
    assert device is not None
    assert device.last_result == f"the push service refuses this server's key or contact ({status})"


async def test_a_redirect_is_not_followed(desk: Desk) -> None:
    phone, elsewhere = desk.service.phone(), desk.service.phone()
    await desk.add(phone)
    phone.always = Answer(307, {"location": elsewhere.endpoint})
    await desk.delivery.fire(alert())
    await desk.clean()
    assert desk.service.requests == 1
    device = await desk.device(phone)
    assert device is not None
    assert device.last_result == "the push service points elsewhere, which is not followed (307)"


async def test_a_huge_answer_is_not_read_and_the_message_counts_as_taken(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    phone.always = Answer(201, trick="huge")
    await desk.delivery.fire(alert())
    await desk.clean()
    device = await desk.device(phone)
    assert device is not None
    assert device.last_result == "delivered"


async def test_a_service_that_hangs_or_hangs_up_is_tried_again() -> None:
    async with new_desk(timeout_s=0.3) as desk:
        phone = desk.service.phone()
        await desk.add(phone)
        phone.answers.extend([Answer(0, trick="hang"), Answer(trick="reset")])
        await desk.delivery.fire(alert())
        await desk.clean()
        assert [one.answered for one in desk.service.received] == [0, 0, 201]


async def test_a_service_that_is_out_does_not_hold_up_the_others(desk: Desk) -> None:
    dead, alive = desk.service.phone(), desk.service.phone()
    dead.always = Answer(0, trick="hang")
    await desk.add(dead)
    await desk.add(alive)
    for number in range(5):
        await desk.delivery.fire(alert(str(number)))
    await desk.service.until(lambda: len(desk.service.of(alive)) == 5)


async def test_a_full_disk_stops_nothing_that_was_accepted(desk: Desk) -> None:
    phone = desk.service.phone()
    await desk.add(phone)
    pages = (await desk.store.run(lambda db: db.execute("PRAGMA page_count").fetchone()))[0]
    await desk.store.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(StoreError, match="could not be kept"):
        await desk.delivery.fire(alert("lost", body="x" * 50_000))
    await desk.store.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages * 100}").fetchone())
    await desk.delivery.fire(alert("kept"))
    await desk.clean()
    assert len(desk.service.received) == 1


async def test_a_test_message_answers_at_once_and_leaves_no_alert(desk: Desk) -> None:
    phone = desk.service.phone()
    device = await desk.add(phone)
    answer = await desk.delivery.test(device)
    assert answer.status == 201
    assert desk.service.of(phone)[0].payload["notification"]["title"] == "Leadline can reach you"
    noted = await desk.device(phone)
    assert noted is not None
    assert noted.last_result == "delivered"
    count = await desk.store.run(lambda db: db.execute("SELECT count(*) FROM alerts").fetchone()[0])
    assert count == 0
    assert wall_ms() - (noted.last_ms or 0) < 60_000
