"""Posts one message to one device and reports the answer; what the answer means is decided in `answers`.

Libraries encrypt and sign; the sending is our own, for theirs (pywebpush) follows redirects, sends a life of
zero and connects wherever the address leads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from leadline.limits import PUSH_ANSWER_BYTES_MAX, PUSH_POSTS_AT_ONCE, PUSH_TIMEOUT_S
from leadline.push.addresses import EndpointRefused, Gate
from leadline.push.answers import Answer
from leadline.push.keys import Signer
from leadline.push.message import Post, ntfy_post, webhook_post, webpush_payload
from leadline.store.alerts import Waiting
from leadline.store.devices import Device


class Sender:
    """Posts through a gate.  signer: None when web push is off (no contact is set)."""

    def __init__(
        self,
        gate: Gate,
        signer: Signer | None,
        simulated: bool,
        resolver: AbstractResolver | None = None,
        timeout_s: float = PUSH_TIMEOUT_S,
        **options: Any,
    ) -> None:
        self.gate = gate
        self._signer = signer
        self._simulated = simulated
        self._encrypting = asyncio.Lock()
        self._http = aiohttp.ClientSession(
            connector=gate.connector(resolver, limit=PUSH_POSTS_AT_ONCE, **options),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,  # a proxy would resolve names for us, past the gate
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._http.close()

    async def post(self, waiting: Waiting, bytes_max: int, life_s: int) -> Answer:
        """Post one message; never raises for what a network or a service does.

        bytes_max: of a web push payload; life_s: how long the service may keep it.
        """
        return await self._ask("POST", self._request(waiting, bytes_max, life_s), "the push service")

    async def beat(self, url: str) -> Answer:
        """Ask an address of the settings by GET, whatever it answers; never raises either."""

        async def made() -> Post:
            return Post(self.gate.read_hook(url).url, None, {})

        return await self._ask("GET", made(), "the watcher")

    async def _ask(self, method: str, making: Coroutine[Any, Any, Post], who: str) -> Answer:
        """Make a request and send it.  who: is asked, for the words of a problem."""
        started = time.monotonic()
        try:
            made = await making
            async with self._http.request(
                method, made.url, data=made.plain, headers=made.headers, allow_redirects=False
            ) as response:
                # Read so much that the connection can be used again, and never more.
                await response.content.read(PUSH_ANSWER_BYTES_MAX)
                return Answer(response.status, response.headers.get("retry-after"), took_ms=_since(started))
        except EndpointRefused as error:
            return Answer(None, problem=str(error), took_ms=_since(started))
        except TimeoutError:
            return Answer(None, problem=f"{who} did not answer in time", took_ms=_since(started))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = error.__cause__ if isinstance(error.__cause__, EndpointRefused) else None
            text = str(problem or f"{who} cannot be reached")
            return Answer(None, problem=text, took_ms=_since(started))

    async def _request(self, waiting: Waiting, bytes_max: int, life_s: int) -> Post:
        device = waiting.device
        if device.channel == "ntfy":
            made = ntfy_post(waiting, self._simulated)
        elif device.channel == "webhook":
            made = webhook_post(waiting, self._simulated)
        else:
            return await self._webpush(waiting, bytes_max, life_s)
        self.gate.read_hook(made.url)
        return made

    async def _webpush(self, waiting: Waiting, bytes_max: int, life_s: int) -> Post:
        if self._signer is None:
            raise EndpointRefused("push is off: the setting push_contact is empty")
        endpoint = self.gate.read_endpoint(waiting.device.endpoint)
        # One at a time with a breath between: a thousand at once would hold the ladders up.
        async with self._encrypting:
            body = encrypt(waiting.device, webpush_payload(waiting, self._simulated, bytes_max))
            authorization = self._signer.authorization(endpoint.origin)
            await asyncio.sleep(0)
        headers = {
            "authorization": authorization,
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(life_s),
            "urgency": waiting.alert.urgency,
        }
        if waiting.alert.topic:
            headers["topic"] = waiting.alert.topic
        return Post(endpoint.url, body, headers)


def load_libraries() -> None:
    """Load what encrypts and signs, which takes a tenth of a second the first message need not wait for."""
    import http_ece  # noqa: F401
    import py_vapid  # noqa: F401


def encrypt(device: Device, plain: bytes) -> bytes:
    """Encrypt a payload for a device (RFC 8291, aes128gcm)."""
    import http_ece  # loaded beside the event loop, see load_libraries
    from cryptography.hazmat.primitives.asymmetric import ec

    content: bytes = http_ece.encrypt(
        plain,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=device.p256dh,
        auth_secret=device.auth,
        version="aes128gcm",
    )
    return content


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
