"""The phones (and second channels) that alerts go to."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from leadline.errors import LeadlineError

Channel = Literal["webpush", "ntfy", "webhook"]


class EndpointTaken(LeadlineError):
    """Another device registered this very address; it is not handed over."""


class TooManyDevices(LeadlineError):
    """The server keeps no more devices."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a phone's browser gave it: where to post, and the two secrets messages are encrypted for.

    p256dh: 65 bytes, an uncompressed point; auth: 16 bytes.  vapid_key: the server key it is bound to.
    """

    endpoint: str
    p256dh: bytes
    auth: bytes
    vapid_key: str


@dataclass(frozen=True, slots=True)
class Device:
    """One row.  origin: where its app lives; seen_ms: when it last told us it is there.

    last_ms, last_status (HTTP, None when none came), last_result ("delivered" or a sentence), post_ms:
    of the newest attempt; delivered_ms: of the newest that was taken.  Times are Unix ms.
    """

    id: int
    secret_hash: bytes | None
    name: str
    channel: Channel
    endpoint: str
    p256dh: bytes | None
    auth: bytes | None
    vapid_key: str | None
    created_ms: int
    seen_ms: int
    last_ms: int | None
    last_status: int | None
    last_result: str | None
    delivered_ms: int | None
    origin: str
    post_ms: int | None


COLUMNS = ", ".join(f"devices.{name}" for name in Device.__slots__)


def subscribe(
    database: sqlite3.Connection,
    secret_hash: bytes,
    subscription: Subscription,
    *,
    name: str,
    origin: str,
    now_ms: int,
    devices_max: int,
) -> Device:
    """Keep a phone's subscription: a new device, or the known one with its newest address.

    Raises EndpointTaken when another device has the address, TooManyDevices beyond ``devices_max`` phones.
    """
    holder = database.execute(
        "SELECT secret_hash FROM devices WHERE endpoint = ?", (subscription.endpoint,)
    ).fetchone()
    if holder is not None and holder["secret_hash"] != secret_hash:
        raise EndpointTaken("another device of this server has this push address already")
    known = of_secret(database, secret_hash)
    fresh = known is None or known.endpoint != subscription.endpoint
    if known is None and _phones(database) >= devices_max:
        raise TooManyDevices(f"expected at most {devices_max} devices; turn alerts off on another one first")
    database.execute(
        "INSERT INTO devices (secret_hash, name, channel, endpoint, p256dh, auth, vapid_key, origin,"
        " created_ms, seen_ms) VALUES (?, ?, 'webpush', ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (secret_hash) DO UPDATE SET name = excluded.name, endpoint = excluded.endpoint,"
        " p256dh = excluded.p256dh, auth = excluded.auth, vapid_key = excluded.vapid_key,"
        " origin = excluded.origin, seen_ms = excluded.seen_ms",
        (
            *(secret_hash, name, subscription.endpoint, subscription.p256dh, subscription.auth),
            *(subscription.vapid_key, origin, now_ms, now_ms),
        ),
    )
    if fresh and known is not None:
        # What was said of the old address says nothing about the new one.
        database.execute(
            "UPDATE devices SET last_ms = NULL, last_status = NULL, last_result = NULL, post_ms = NULL"
            " WHERE secret_hash = ?",
            (secret_hash,),
        )
    device = of_secret(database, secret_hash)
    assert device is not None  # noqa: S101 - it was written above
    return device


def unsubscribe(database: sqlite3.Connection, secret_hash: bytes) -> bool:
    """Forget a phone and what is on its way to it; tell whether there was one."""
    return database.execute("DELETE FROM devices WHERE secret_hash = ?", (secret_hash,)).rowcount > 0


def configure(
    database: sqlite3.Connection, channel: Literal["ntfy", "webhook"], endpoint: str, now_ms: int
) -> None:
    """Make ``endpoint`` the one device of a second channel; "" takes the channel away."""
    database.execute("DELETE FROM devices WHERE channel = ? AND endpoint <> ?", (channel, endpoint))
    if endpoint:
        database.execute(
            "INSERT INTO devices (name, channel, endpoint, created_ms, seen_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (endpoint) DO NOTHING",
            (channel, channel, endpoint, now_ms, now_ms),
        )


def of_secret(database: sqlite3.Connection, secret_hash: bytes) -> Device | None:
    """Return the phone that proved itself with this secret."""
    row = database.execute(
        f"SELECT {COLUMNS} FROM devices WHERE secret_hash = ?",  # noqa: S608 - constant names
        (secret_hash,),
    ).fetchone()
    return None if row is None else Device(**row)


def all_devices(database: sqlite3.Connection) -> list[Device]:
    """Return all devices, the oldest first."""
    rows = database.execute(f"SELECT {COLUMNS} FROM devices ORDER BY id")  # noqa: S608 - constant names
    return [Device(**row) for row in rows]


def note(
    database: sqlite3.Connection,
    device_id: int,
    *,
    at_ms: int,
    status: int | None,
    result: str,
    delivered: bool,
    post_ms: int | None,
) -> None:
    """Keep how the newest attempt to reach a device went."""
    database.execute(
        "UPDATE devices SET last_ms = ?, last_status = ?, last_result = ?, post_ms = ?,"
        " delivered_ms = CASE WHEN ? THEN ? ELSE delivered_ms END WHERE id = ?",
        (at_ms, status, result, post_ms, delivered, at_ms, device_id),
    )


def remove(database: sqlite3.Connection, device_id: int) -> None:
    """Forget a device and what is on its way to it."""
    database.execute("DELETE FROM devices WHERE id = ?", (device_id,))


def _phones(database: sqlite3.Connection) -> int:
    count: int = database.execute("SELECT count(*) FROM devices WHERE channel = 'webpush'").fetchone()[0]
    return count
