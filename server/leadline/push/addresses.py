"""Which hosts a message may go to: a phone tells us where, so nothing it says is believed.

Three checks stand one behind the other: the address must parse to an allowed host (`read_endpoint`), the
name must resolve to public addresses only (`PublicResolver`), and each socket is looked at once more when
it is made for the address it will connect to (`Gate.socket`), so no second look-up can lead elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from leadline.errors import LeadlineError
from leadline.limits import PUSH_ENDPOINT_CHARS_MAX

# A dot in front allows all names below; others are that very host. Web push services, by browser.
PUSH_HOSTS = (
    "fcm.googleapis.com", "android.googleapis.com", "jmt17.google.com",  # Chrome and kin
    ".push.services.mozilla.com",  # Firefox
    ".push.apple.com",  # Safari, every browser on iOS
    ".notify.windows.com",  # Edge
)  # fmt: skip
REFUSED_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Only global unicast is public; inside it these lead to IPv4, to documentation or nowhere.
GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
REFUSED_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


class EndpointRefused(LeadlineError):
    """An address that nothing is sent to; the sentence says why and names no more than its host."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that was found allowed.  origin: "https://host", as signatures name it."""

    url: str
    host: str
    origin: str


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet and to one host there."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not any(found in network for network in REFUSED_4)
    # An IPv4 address in IPv6 clothes (mapped, NAT64) is outside of 2000::/3.
    return found.is_global and found in GLOBAL_6 and not any(found in network for network in REFUSED_6)


def is_named(host: str, allowed: Sequence[str]) -> bool:
    """Tell whether a host is one of ``allowed``: equal, or below a name that begins with a dot."""
    return any(host.endswith(name) if name.startswith(".") else host == name for name in allowed)


@dataclass(frozen=True, slots=True)
class Gate:
    """What may be reached.

    hosts: allowed beside PUSH_HOSTS, in the same spelling.  simulated: the origin of a push service on this
    machine ("http://127.0.0.1:1234"), for tests alone; None, the rule, lets nothing but public https pass.
    """

    hosts: tuple[str, ...] = ()
    simulated: str | None = None
    public: Callable[[str], bool] = field(default=is_public)

    def read_endpoint(self, url: str) -> Endpoint:
        """Return the endpoint of a phone's subscription.

        Raises EndpointRefused unless it is https on port 443 of an allowed host, without a user name.
        """
        parts = _split(url)
        if self._is_simulated(parts):
            return Endpoint(url, parts.hostname or "", f"{parts.scheme}://{parts.netloc}")
        host = _https_host(parts)
        if not is_named(host, (*PUSH_HOSTS, *self.hosts)):
            raise EndpointRefused(f"expected the address of a known push service, got one at {host!r}")
        return Endpoint(url, host, f"https://{host}")

    def read_hook(self, url: str) -> Endpoint:
        """Return the address of the settings' own second channel: any host, else the same rules."""
        parts = _split(url)
        if self._is_simulated(parts):
            return Endpoint(url, parts.hostname or "", f"{parts.scheme}://{parts.netloc}")
        host = _https_host(parts)
        return Endpoint(url, host, f"https://{host}")

    def allows(self, address: str) -> bool:
        """Tell whether a socket may connect to this IP address."""
        return self.public(address) or (
            self.simulated is not None and address == urlsplit(self.simulated).hostname
        )

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an address, as aiohttp asks for it just before it connects.

        Raises EndpointRefused when the address is not public: nothing has left by then.
        """
        family, kind, protocol, _, address = info
        if not self.allows(str(address[0])):
            raise EndpointRefused("the name leads to an address that is not public")
        return socket.socket(family, kind, protocol)

    def connector(self, resolver: AbstractResolver | None = None, **options: Any) -> aiohttp.TCPConnector:
        """Make the connector whose every connection goes through this gate."""
        return aiohttp.TCPConnector(
            resolver=PublicResolver(self, resolver or ThreadedResolver()),
            socket_factory=self.socket,
            use_dns_cache=False,  # each connection looks the name up, and connects to what it was told
            **options,
        )

    def _is_simulated(self, parts: SplitResult) -> bool:
        return self.simulated is not None and f"{parts.scheme}://{parts.netloc}" == self.simulated


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses one whole if any of its addresses is not public."""

    def __init__(self, gate: Gate, resolver: AbstractResolver) -> None:
        self._gate = gate
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found or not all(self._gate.allows(one["host"]) for one in found):
            raise EndpointRefused(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _split(url: str) -> SplitResult:
    if len(url) > PUSH_ENDPOINT_CHARS_MAX:
        raise EndpointRefused(
            f"expected an address of at most {PUSH_ENDPOINT_CHARS_MAX} characters, got {len(url)}"
        )
    # Parsers differ over control characters, spaces and backslashes: those never come from a browser.
    if not url.isascii() or any(character <= " " or character in '\\"<>^`{|}\x7f' for character in url):
        raise EndpointRefused("expected an address of plain ASCII characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise EndpointRefused("expected an address that can be read") from None
    return parts


def _https_host(parts: SplitResult) -> str:
    if parts.scheme != "https":
        raise EndpointRefused(f"expected an https address, got {parts.scheme or 'none'!r}")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise EndpointRefused("expected an address without a user name")
    if parts.port not in (None, 443):
        raise EndpointRefused(f"expected port 443, got {parts.port}")
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        raise EndpointRefused("expected a host name, got a number")
    # "2130706433" and "0x7f.1" are addresses to a resolver.
    if not host or host.endswith(".") or not host.rpartition(".")[2].isalpha() or "." not in host:
        raise EndpointRefused(f"expected a public host name, got {host!r}")
    return host
