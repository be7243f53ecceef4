"""A push service on loopback: it checks the signature, decrypts as a phone would, and answers as told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from leadline.store.devices import Subscription


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Answer:
    """How one message is answered: a status, or one of "hang", "huge", "reset"."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    trick: str = ""


@dataclass(frozen=True)
class Received:
    """One message that was posted, decrypted.  at_s: monotonic time; answered: the status it got."""

    phone: FakePhone
    headers: dict[str, str]
    claims: dict[str, Any]
    payload: dict[str, Any]
    size: int
    at_s: float
    answered: int


@dataclass(eq=False)
class FakePhone:
    """A browser's side of a subscription.  answers: for its next messages; then 201."""

    name: str
    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    answers: deque[Answer] = field(default_factory=deque)
    always: Answer = field(default_factory=Answer)

    @property
    def p256dh(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def subscription(self, vapid_key: str = "") -> Subscription:
        return Subscription(self.endpoint, self.p256dh, self.auth, vapid_key)

    def subscription_json(self) -> dict[str, Any]:
        """What PushSubscription.toJSON gives in a browser."""
        keys = {"p256dh": base64url(self.p256dh), "auth": base64url(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}


class PushService:
    """The service.  requests: every request that arrived, whatever it was; received: those understood."""

    def __init__(self) -> None:
        self.origin = ""
        self.port = 0
        self.phones: dict[str, FakePhone] = {}
        self.received: list[Received] = []
        self.requests = 0
        self.beats: list[tuple[float, str]] = []  # (monotonic time, path) of what was asked by GET
        self.told: list[tuple[str, dict[str, Any]]] = []  # (path, JSON) of second channels
        self.always = Answer()  # for second channels
        self.on_received: Callable[[Received], None] = lambda received: None
        self._arrived = asyncio.Event()

    def phone(self, name: str = "phone") -> FakePhone:
        number = f"{len(self.phones)}-{base64url(os.urandom(12))}"
        made = self.phones[number] = FakePhone(name, f"{self.origin}/push/{number}")
        return made

    def of(self, phone: FakePhone) -> list[Received]:
        """Return what a phone was really given."""
        return [one for one in self.received if one.phone is phone and one.answered == 201]

    async def until(self, reached: Callable[[], bool], patience_s: float = 20.0) -> None:
        """Wait for a state that arriving messages bring about."""
        async with asyncio.timeout(patience_s):
            while not reached():
                self._arrived.clear()
                await self._arrived.wait()

    async def _push(self, request: web.Request) -> web.StreamResponse:
        phone = self.phones.get(request.match_info["number"])
        if phone is None:
            return web.Response(status=404)
        body = await request.read()
        answer = phone.answers.popleft() if phone.answers else phone.always
        claims = self._claims(request)
        if claims is None:
            return web.Response(status=403, text='{"reason":"BadJwtToken"}')
        plain = http_ece.decrypt(body, private_key=phone.key, auth_secret=phone.auth, version="aes128gcm")
        received = Received(
            phone,
            {name.lower(): value for name, value in request.headers.items()},
            claims,
            json.loads(plain),
            len(plain),
            time.monotonic(),
            0 if answer.trick == "reset" else answer.status,
        )
        self.received.append(received)
        self._arrived.set()
        self.on_received(received)
        if answer.trick == "hang":
            await asyncio.sleep(3600)
        if answer.trick == "reset":
            assert request.transport is not None
            request.transport.abort()
        if answer.trick == "huge":
            response = web.StreamResponse(status=answer.status)
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(b"x" * 65_536)
            return response
        return web.Response(status=answer.status, headers=answer.headers)

    async def _told(self, request: web.Request) -> web.StreamResponse:
        self.told.append((request.path, await request.json()))
        self._arrived.set()
        return web.Response(status=self.always.status)

    async def _beat(self, request: web.Request) -> web.StreamResponse:
        self.beats.append((time.monotonic(), request.path))
        self._arrived.set()
        return web.Response(status=self.always.status, headers=self.always.headers)

    def _claims(self, request: web.Request) -> dict[str, Any] | None:
        """Check the signature as a service does (RFC 8292); None when it does not hold."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "vapid" or set(parts) != {"t", "k"}:
            return None
        signed, _, signature = parts["t"].rpartition(".")
        if not Vapid02.from_raw_public(parts["k"].encode()).verify_token(signed.encode(), signature):
            return None
        claims: dict[str, Any] = json.loads(from_base64url(signed.split(".")[1]))
        fresh = time.time() < claims["exp"] <= time.time() + 86_400
        return claims if fresh and claims["aud"] == self.origin else None

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests += 1
        response: web.StreamResponse = await handler(request)
        return response

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[PushService]:
        app = web.Application(middlewares=[self._count])
        app.router.add_post("/push/{number}", self._push)
        app.router.add_post("/{path:.*}", self._told)
        app.router.add_get("/{path:.*}", self._beat)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{self.port}"
        try:
            yield self
        finally:
            await runner.cleanup()


class ServiceThread:
    """A push service with an event loop of its own, for tests that have none."""

    def __init__(self) -> None:
        self.service = PushService()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> PushService:
        self._thread.start()
        self._ready.wait()
        return self.service

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with self.service.running():
            self._ready.set()
            await self._end.wait()
