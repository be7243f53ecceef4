"""Names of hosts in settings: which ones the public internet can know.

The contact is the subject of every push signature (RFC 8292, section 2.1).  Apple refuses one that names
a host that does not exist in public, and then no iPhone hears anything; so it is refused here, in words.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# Names that no public DNS answers: RFC 2606, 6761, 6762, 7686, 8375, 9476, and what routers make up.
PRIVATE_SUFFIXES = (
    "localhost", "local", "invalid", "test", "example", "example.com", "example.net", "example.org",
    "internal", "intranet", "private", "corp", "home", "home.arpa", "lan", "localdomain", "onion", "alt",
)  # fmt: skip
HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
MAILBOX = re.compile(r"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]{1,64}")
EXPECTED = "mailto:you@your-domain or https://your-domain, a name the public can look up"


def read_contact(text: str) -> str:
    """Return ``text`` when it may be the subject of signatures ("" stays "": no contact, no push).

    Raises ValueError that says what is expected.
    """
    if text == "":
        return text
    scheme, _, rest = text.partition(":")
    if scheme == "mailto":
        mailbox, _, host = rest.rpartition("@")
        if MAILBOX.fullmatch(mailbox) is None:
            raise ValueError(EXPECTED)
    elif scheme == "https":
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError(EXPECTED) from None
        if parts.username is not None or port is not None or re.search(r"\s", text):
            raise ValueError(EXPECTED)
    else:
        raise ValueError(EXPECTED)
    if not is_public_name(host.lower()):
        raise ValueError(f"{EXPECTED} (push services refuse {host!r})")
    return text


def is_public_name(host: str) -> bool:
    """Tell whether a lower-case host name could be found in public DNS; addresses are no names."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        return False
    if HOST.fullmatch(host) is None:
        return False
    return not any(host == suffix or host.endswith("." + suffix) for suffix in PRIVATE_SUFFIXES)


def read_simulated(text: str) -> str:
    """Return the origin of a simulated push service; only loopback, spelt as an address.

    Raises ValueError that says what is expected.
    """
    expected = "http://127.0.0.1:PORT, the address of a simulated push service"
    if text == "":
        return text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    if text != f"http://127.0.0.1:{port}" or not port:
        raise ValueError(expected)
    return text


def read_hosts(text: str) -> tuple[str, ...]:
    """Return host names separated by commas, in lower case; a leading dot stands for all names below.

    Raises ValueError that says what is expected.
    """
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if not is_public_name(name.removeprefix(".")):
            raise ValueError("public host names separated by commas, such as push.your-domain.org")
    return names


def read_hook(text: str) -> str:
    """Return the https address of a second channel.

    Raises ValueError that says what is expected.
    """
    expected = "an https address at a public host name"
    if text == "":
        return text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme != "https" or parts.username is not None or port not in (None, 443):
        raise ValueError(expected)
    if not is_public_name(host):
        raise ValueError(expected)
    return text
