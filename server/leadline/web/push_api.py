"""What the app asks about alerts on this phone: the key, subscribing, a test, and how each device fares.

A phone proves itself with a secret it made up (32 random bytes); only its hash is kept, and only its holder
can change or end that subscription.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from leadline.clock import monotonic_ms, wall_ms
from leadline.limits import PUSH_ENDPOINT_CHARS_MAX
from leadline.push.addresses import EndpointRefused
from leadline.push.answers import sentence
from leadline.push.desk import PushDesk
from leadline.store import devices
from leadline.store.devices import Device, EndpointTaken, Subscription, TooManyDevices
from leadline.web.api import Refused, answered, read_change, text_of, told

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
NAME_CHARS_MAX = 60
TEST_EVERY_MS = 3_000


def push_routes() -> list[Route]:
    """Return the routes below /api/push; they answer 503 where the server keeps nothing (a replay)."""
    return [
        Route("/api/push/key", answered(key), methods=["GET"]),
        Route("/api/push/subscribe", answered(subscribe), methods=["POST"]),
        Route("/api/push/unsubscribe", answered(unsubscribe), methods=["POST"]),
        Route("/api/push/test", answered(test), methods=["POST"]),
        Route("/api/push/health", answered(health), methods=["POST"]),
    ]


async def key(request: Request) -> JSONResponse:
    """Return the key phones subscribe for."""
    return told({"key": _open_desk(request).key})


async def subscribe(request: Request) -> JSONResponse:
    """Keep this phone's subscription; the app repeats it at each start, so that it is never lost."""
    content = await read_change(request)
    desk = _open_desk(request)
    subscription = _subscription(content, desk)
    name = " ".join(text_of(content, "name", NAME_CHARS_MAX).split()) or "Phone"
    secret, now_ms = _secret_hash(content), wall_ms()
    origin = request.headers.get("origin") or f"{request.url.scheme}://{request.url.netloc}"
    try:
        device = await desk.store.run(
            lambda db: devices.subscribe(
                db,
                secret,
                subscription,
                name=name,
                origin=origin,
                now_ms=now_ms,
                devices_max=desk.devices_max,
            )
        )
    except EndpointTaken as error:
        raise Refused(409, "endpoint_taken", str(error)) from None
    except TooManyDevices as error:
        raise Refused(403, "too_many_devices", str(error)) from None
    return told(_described(device, desk, device), 201 if device.created_ms == now_ms else 200)


async def unsubscribe(request: Request) -> JSONResponse:
    """Forget this phone; one that is not known is forgotten already."""
    content = await read_change(request)
    secret = _secret_hash(content)
    await _desk(request).store.run(lambda db: devices.unsubscribe(db, secret))
    return told({})


async def test(request: Request) -> JSONResponse:
    """Post a test message to this phone; tells the service's answer and how long it took."""
    content = await read_change(request)
    desk = _open_desk(request)
    device = await _known(content, desk)
    tested: dict[int, int] = request.app.state.push_tested
    now_ms = monotonic_ms()
    if now_ms - tested.get(device.id, -TEST_EVERY_MS) < TEST_EVERY_MS:
        raise Refused(429, "too_often", f"expected {TEST_EVERY_MS // 1000} seconds between two tests")
    tested[device.id] = now_ms
    answer = await desk.delivery.test(device)
    return told({"status": answer.status, "result": sentence(answer), "post_ms": answer.took_ms})


async def health(request: Request) -> JSONResponse:
    """Tell how every device fares; with this phone's secret, also which one it is."""
    content = await read_change(request)
    desk = _desk(request)
    known = await desk.store.run(devices.all_devices)
    own = _secret_hash(content) if "device" in content else None
    this = next((device for device in known if own is not None and device.secret_hash == own), None)
    return told(
        {
            "available": desk.key is not None,
            "problem": desk.problem,
            "key": desk.key,
            "refusing": desk.delivery.shut(),
            "heartbeat": desk.heartbeat.told() if desk.heartbeat else None,
            "devices": [_described(device, desk, this) for device in known],
        }
    )


def _desk(request: Request) -> PushDesk:
    desk: PushDesk | None = request.app.state.push
    if desk is None:
        raise Refused(503, "no_push", "this server keeps nothing, so it sends no alerts")
    return desk


def _open_desk(request: Request) -> PushDesk:
    desk = _desk(request)
    if desk.key is None:
        raise Refused(503, "no_push", desk.problem or "alerts on phones are off")
    return desk


async def _known(content: dict[str, Any], desk: PushDesk) -> Device:
    secret = _secret_hash(content)
    device = await desk.store.run(lambda db: devices.of_secret(db, secret))
    if device is None:
        raise Refused(404, "unknown_device", "this phone has no alerts turned on here")
    return device


def _secret_hash(content: dict[str, Any]) -> bytes:
    secret = content.get("device")
    if not isinstance(secret, str) or SECRET.fullmatch(secret) is None:
        raise Refused(400, "bad_request", "expected device as 32 bytes in base64url")
    return hashlib.sha256(secret.encode()).digest()


def _subscription(content: dict[str, Any], desk: PushDesk) -> Subscription:
    """Read and check what PushSubscription.toJSON gave, and the key it was made for."""
    if text_of(content, "key", 100) != desk.key:
        raise Refused(409, "key_changed", "this server has another push key now; subscribe again for it")
    told_by_browser = content.get("subscription")
    keys = told_by_browser.get("keys") if isinstance(told_by_browser, dict) else None
    if not isinstance(told_by_browser, dict) or not isinstance(keys, dict):
        raise Refused(400, "bad_request", "expected subscription with endpoint and keys")
    url = text_of(told_by_browser, "endpoint", 4 * PUSH_ENDPOINT_CHARS_MAX)
    try:
        endpoint = desk.gate.read_endpoint(url)
    except EndpointRefused as error:
        raise Refused(400, "endpoint_refused", str(error)) from None
    point = _bytes_of(keys, "p256dh", 65)
    try:
        # Also says no to points that are not on the curve: nothing could ever be encrypted for them.
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise Refused(400, "bad_request", "expected p256dh as an uncompressed point of P-256") from None
    return Subscription(endpoint.url, point, _bytes_of(keys, "auth", 16), desk.key)


def _bytes_of(keys: dict[str, Any], name: str, count: int) -> bytes:
    value = keys.get(name)
    try:
        raw = base64.b64decode(
            str(value).rstrip("=") + "=" * (-len(str(value).rstrip("=")) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error):
        raw = b""
    if not isinstance(value, str) or len(raw) != count:
        raise Refused(400, "bad_request", f"expected {name} as {count} bytes in base64url")
    return raw


def _described(device: Device, desk: PushDesk, this: Device | None) -> dict[str, Any]:
    """Return what the health page shows of a device; its address stays here, but for the host."""
    return {
        "id": device.id,
        "name": device.name,
        "channel": device.channel,
        "service": urlsplit(device.endpoint).hostname,
        "this": this is not None and device.id == this.id,
        "key_current": device.channel != "webpush" or device.vapid_key == desk.key,
        "created_ms": device.created_ms,
        "seen_ms": device.seen_ms,
        "last_ms": device.last_ms,
        "last_status": device.last_status,
        "last_result": device.last_result,
        "post_ms": device.post_ms,
        "delivered_ms": device.delivered_ms,
    }
