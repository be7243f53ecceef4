"""Nothing leaves for an address a phone should not be able to name, however it is dressed up."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leadline.clock import wall_ms
from leadline.public_names import read_contact, read_hook, read_hosts, read_simulated
from leadline.push.addresses import EndpointRefused, Gate, is_public
from leadline.push.keys import Signer
from leadline.push.sender import Sender
from leadline.store.alerts import Waiting
from leadline.store.devices import Device
from tests.fakes.push_service import FakePhone, PushService
from tests.server.push.conftest import CONTACT, alert

GOOD = "https://fcm.googleapis.com/fcm/send/abc:def"
PRIVATE = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3"),  # noqa: S104
    *("169.254.169.254", "100.64.0.1", "100.127.255.254", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.7", "203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:db8::1", "3fff::1", "fc00::1"),
    *("fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1", "100::1", "nonsense", ""),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_but_a_public_host_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "142.250.1.95", "17.57.144.1", "2606:4700::1111", "2a00:1450::"]
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://FCM.googleapis.com/x",
        "https://fcm.googleapis.com:443/x",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGu",
        "https://db5p.notify.windows.com/w/?token=x%2fy",
    ],
)
def test_the_browsers_own_push_services_are_known(url: str) -> None:
    endpoint = Gate().read_endpoint(url)
    assert endpoint.url == url
    assert endpoint.origin == f"https://{endpoint.host}"


HOSTILE = [
    "http://fcm.googleapis.com/x",
    "ftp://fcm.googleapis.com/x",
    "//fcm.googleapis.com/x",
    "fcm.googleapis.com/x",
    "https://fcm.googleapis.com:8443/x",
    "https://fcm.googleapis.com:0/x",
    "https://fcm.googleapis.com:x/x",
    "https://fcm.googleapis.com:443@evil.dev/x",
    "https://user@fcm.googleapis.com/x",
    "https://user:pass@fcm.googleapis.com/x",
    "https://@fcm.googleapis.com/x",
    "https://evil.dev/fcm.googleapis.com/",
    "https://evil.dev/x.push.apple.com/",
    "https://evil.dev#.push.apple.com",
    "https://evil.dev?.push.apple.com",
    "https://evil.dev\\.push.apple.com/",
    "https://fcm.googleapis.com.evil.dev/x",
    "https://evilfcm.googleapis.com/x",
    "https://xpush.apple.com/x",
    "https://push.apple.com.evil.dev/x",
    "https://notify.windows.com/x",
    "https://fcm.googleapis.com./x",
    "https://fcm.googleapis.com%2eevil.dev/x",
    "https://fcm.googleapis.com\t.evil.dev/x",
    "https://fcm.googleapis.com\n/x",
    "https://fcm.googleapis.com /x",
    "https://ｆcm.googleapis.com/x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://localhost/x",
    "https:///x",
    "https://",
    "",
    "https://fcm.googleapis.com/" + "x" * 1_100,
    "http://127.0.0.1:9/x",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_every_disguise_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(EndpointRefused, match="expected"):
        Gate().read_endpoint(url)


def test_further_hosts_are_named_in_the_settings_alone() -> None:
    url = "https://push.mine.org/x"
    with pytest.raises(EndpointRefused, match="known push service"):
        Gate().read_endpoint(url)
    assert Gate(hosts=read_hosts("push.mine.org")).read_endpoint(url).host == "push.mine.org"
    below = Gate(hosts=read_hosts(" .Mine.org ,"))
    assert below.read_endpoint(url).host == "push.mine.org"
    with pytest.raises(EndpointRefused):
        below.read_endpoint("https://notmine.org/x")
    for text in ("localhost", "10.0.0.1", "push", "a b.org", "x.local", "*.mine.org"):
        with pytest.raises(ValueError, match="public host names"):
            read_hosts(text)


def test_a_simulated_service_is_one_origin_on_this_machine() -> None:
    gate = Gate(simulated=read_simulated("http://127.0.0.1:4001"))
    assert gate.read_endpoint("http://127.0.0.1:4001/push/1").origin == "http://127.0.0.1:4001"
    assert gate.allows("127.0.0.1")
    assert not gate.allows("127.0.0.2")
    for url in ("http://127.0.0.1:4002/x", "http://localhost:4001/x", "https://127.0.0.1:4001/x"):
        with pytest.raises(EndpointRefused):
            gate.read_endpoint(url)
    assert not Gate().allows("127.0.0.1")
    for text in ("http://localhost:4001", "http://127.0.0.1", "http://127.0.0.1:4001/", "http://10.0.0.1:1"):
        with pytest.raises(ValueError, match="simulated push service"):
            read_simulated(text)


@pytest.mark.parametrize(
    "text",
    [
        *("mailto:me@localhost", "mailto:me@box.local", "mailto:me@x.invalid", "mailto: me@mine.org"),
        *("mailto:mine.org", "mailto:me@mine", "mailto:me@10.0.0.1", "mailto:me@[::1]", "me@mine.org"),
        *("http://mine.org", "https://localhost", "https://10.0.0.1", "https://mine.org:8443"),
        *("https://me@mine.org", "https://example.com", "mailto:me@my host.org", "mailto:me@mine.org\n"),
        *("https://nas.lan", "https://router.home.arpa", "mailto:@mine.org", "mailto:me@mine..org"),
    ],
)
def test_a_contact_that_push_services_refuse_is_refused_first(text: str) -> None:
    with pytest.raises(ValueError, match="mailto:you@your-domain or https://your-domain"):
        read_contact(text)


@pytest.mark.parametrize(
    "text", ["", "mailto:me+push@mine.org", "https://mine.org", "https://host.tail1234.ts.net/about"]
)
def test_a_real_contact_is_taken(text: str) -> None:
    assert read_contact(text) == text


def test_a_second_channel_is_a_public_https_address() -> None:
    assert read_hook("https://ntfy.sh/my-topic") == "https://ntfy.sh/my-topic"
    for text in ("http://ntfy.sh/x", "https://10.0.0.1/x", "https://ntfy.local/x", "https://me@ntfy.sh/x"):
        with pytest.raises(ValueError, match="https address"):
            read_hook(text)


class Names(AbstractResolver):
    """Answers each look-up of a name with the next of the given lists of addresses, then the last again."""

    def __init__(self, *answers: list[str], port: int = 443) -> None:
        self._answers = list(answers)
        self._port = port
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self._port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        pass


class Loopback(contextlib.AbstractAsyncContextManager["Loopback"]):
    """Counts connections to this machine, on every loopback address."""

    async def __aenter__(self) -> Loopback:
        self.connections = 0

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            writer.close()

        self.server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()


def waiting(url: str, phone: FakePhone | None = None) -> Waiting:
    made = phone or FakePhone("x", url)
    device = Device(
        *(1, b"", "x", "webpush", url, made.p256dh, made.auth, "", 0, 0, None, None, None, None, "", None)
    )
    return Waiting(1, alert(), device, wall_ms() + 60_000, 0, 0)


@contextlib.asynccontextmanager
async def sender(gate: Gate, names: Names, **options: object) -> AsyncIterator[Sender]:
    made = Sender(
        gate,
        Signer(ec.generate_private_key(ec.SECP256R1()), CONTACT),
        simulated=False,
        resolver=names,
        timeout_s=2.0,
        **options,
    )
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("url", HOSTILE)
async def test_nothing_leaves_for_a_refused_address(url: str) -> None:
    async with Loopback() as machine, sender(Gate(), Names(["127.0.0.1"], port=machine.port)) as made:
        answer = await made.post(waiting(url), 2_500, 60)
        assert answer.status is None
        # Nor for one of the settings that leads inside.
        assert (await made.beat(url)).status is None
        assert machine.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::ffff:127.0.0.1"], ["::1"], []],
    ids=str,
)
async def test_a_name_that_leads_inside_is_refused_whole(addresses: list[str]) -> None:
    async with Loopback() as machine, sender(Gate(), Names(addresses, port=machine.port)) as made:
        answer = await made.post(waiting(GOOD), 2_500, 60)
        assert answer.problem == "fcm.googleapis.com leads to an address that is not public"
        assert (await made.beat(GOOD)).problem == answer.problem
        assert machine.connections == 0


async def test_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    async with Loopback() as machine:
        # 192.0.2.1 stands for a public address that does not answer; it is the one that is dialled.
        gate = Gate(public=lambda address: address == "192.0.2.1")
        names = Names(["192.0.2.1"], ["127.0.0.1"], port=machine.port)
        async with sender(gate, names) as made:
            first = await made.post(waiting(GOOD), 2_500, 60)
            second = await made.post(waiting(GOOD), 2_500, 60)
        assert (first.status, second.status) == (None, None)
        assert "not public" in second.problem
        assert names.asked == 2
        assert machine.connections == 0


async def test_a_socket_is_refused_even_if_the_look_up_was_passed_by() -> None:
    async with Loopback() as machine:
        connector = Gate().connector(Names(["8.8.8.8"]))
        import aiohttp

        async with aiohttp.ClientSession(connector=connector) as http:
            # aiohttp looks up no name here.
            with pytest.raises(EndpointRefused, match="not public"):
                await http.post(f"http://127.0.0.1:{machine.port}/")
        assert machine.connections == 0


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of a server called ``name`` and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


async def test_the_checked_address_is_dialled_under_the_services_own_name(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "fcm.googleapis.com")
    told: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: told.append(name)
    service = PushService()
    async with service.running(tls=server):
        service.origin = "https://fcm.googleapis.com"
        phone = service.phone()
        gate = Gate(public=lambda address: address == "127.0.0.1")
        async with sender(gate, Names(["127.0.0.1"], port=service.port), ssl=client) as made:
            answer = await made.post(waiting(phone.endpoint, phone), 2_500, 60)
        assert answer.status == 201
        assert told == ["fcm.googleapis.com"]
        assert service.received[0].headers["host"] == "fcm.googleapis.com"
        assert service.received[0].claims["aud"] == "https://fcm.googleapis.com"


async def test_a_stranger_with_another_certificate_hears_nothing(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "evil.dev")
    service = PushService()
    async with service.running(tls=server):
        gate = Gate(public=lambda address: address == "127.0.0.1")
        async with sender(gate, Names(["127.0.0.1"], port=service.port), ssl=client) as made:
            answer = await made.post(waiting(GOOD), 2_500, 60)
        assert answer.problem == "the push service cannot be reached"
        assert service.requests == 0
