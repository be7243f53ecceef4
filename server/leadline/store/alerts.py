"""What fired, kept before anything is sent: the inbox, the moments, and the outbox of what is on its way.

An alert, its moment and a row a device are one transaction.  A row leaves the outbox when the device's
service took the message, when the device is gone, or when the alert's life is over; until then it is
tried again, over restarts too.  So every alert arrives at least once, and twice only if the process was
killed between the service's answer and the note of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from leadline.store import devices
from leadline.store.devices import COLUMNS, Device

Urgency = Literal["very-low", "low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing.

    dedupe_key: the same firing told twice is one alert.  url: where it opens, below the app's origin.
    ttl_s: how long it is worth delivering.  topic: an undelivered message of the same topic is replaced,
    "" replaces none.  way: +1 when it is about what lies or moves up, -1 down, 0 neither: the sound.
    price: the last one when it fired; target: that of the row to open.
    """

    dedupe_key: str
    kind: str
    symbol: str | None
    at_ms: int
    title: str
    body: str
    url: str
    ttl_s: int
    urgency: Urgency
    topic: str
    rule_id: int | None = None
    way: int = 0
    price: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An alert as the inbox shows it.  seen_ms: when it was opened, None until then."""

    id: int
    alert: Alert
    seen_ms: int | None
    has_moment: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message on its way.  attempts: made so far; unseen: alerts not yet opened, for the badge."""

    alert_id: int
    alert: Alert
    device: Device
    expires_ms: int
    attempts: int
    unseen: int

    @property
    def key(self) -> tuple[int, int]:
        return self.alert_id, self.device.id


@dataclass(frozen=True, slots=True)
class Settled:
    """How one attempt went.

    outcome: done (delivered), gone (the device is no more), later (try again at due_ms), dropped (never).
    result: "delivered" or a sentence.
    """

    key: tuple[int, int]
    outcome: Literal["done", "gone", "later", "dropped"]
    status: int | None
    result: str
    at_ms: int
    post_ms: int | None = None
    due_ms: int = 0
    attempted: bool = True


ALERT_COLUMNS = ", ".join(f"alerts.{name}" for name in Alert.__slots__)


def fire(
    database: sqlite3.Connection, alert: Alert, moment: bytes | None, now_ms: int, ring: bool = True
) -> int | None:
    """Keep an alert and put it on its way to every device; None when it was told before.

    moment: the screen as it was, None when it was not taken.  ring: False keeps it in the inbox alone.
    """
    names = ", ".join(Alert.__slots__)
    marks = ", ".join("?" * len(Alert.__slots__))
    row = database.execute(
        f"INSERT INTO alerts ({names}) VALUES ({marks})"  # noqa: S608 - constant names
        " ON CONFLICT (dedupe_key) DO NOTHING RETURNING id",
        tuple(getattr(alert, name) for name in Alert.__slots__),
    ).fetchone()
    if row is None:
        return None
    alert_id: int = row["id"]
    if moment is not None:
        database.execute("INSERT INTO moments (alert_id, frames) VALUES (?, ?)", (alert_id, moment))
    if ring:
        database.execute(
            "INSERT INTO outbox (alert_id, device_id, due_ms, expires_ms) SELECT ?, id, ?, ? FROM devices",
            (alert_id, now_ms, alert.at_ms + alert.ttl_s * 1000),
        )
    return alert_id


def hold(database: sqlite3.Connection, until_ms: int) -> None:
    """Let nothing that is on its way now be due before ``until_ms``."""
    database.execute("UPDATE outbox SET due_ms = ? WHERE due_ms < ?", (until_ms, until_ms))


def due(
    database: sqlite3.Connection, now_ms: int, count: int, busy: Collection[tuple[int, int]] = ()
) -> list[Waiting]:
    """Return up to ``count`` messages whose time has come, oldest alert first, but those of ``busy``."""
    unseen: int = database.execute("SELECT count(*) FROM alerts WHERE seen_ms IS NULL").fetchone()[0]
    rows = database.execute(
        f"SELECT outbox.alert_id, outbox.expires_ms, outbox.attempts, {ALERT_COLUMNS}, {COLUMNS}"  # noqa: S608
        " FROM outbox JOIN alerts ON alerts.id = alert_id JOIN devices ON devices.id = device_id"
        " WHERE outbox.due_ms <= ? ORDER BY outbox.due_ms, outbox.alert_id LIMIT ?",
        (now_ms, count + len(busy)),
    ).fetchall()
    split = 3 + len(Alert.__slots__)
    found = [
        Waiting(
            alert_id=row[0],
            alert=Alert(*row[3:split]),
            device=Device(*row[split:]),
            expires_ms=row[1],
            attempts=row[2],
            unseen=unseen,
        )
        for row in rows
    ]
    return [one for one in found if one.key not in busy][:count]


def next_due_ms(database: sqlite3.Connection, busy: Collection[tuple[int, int]] = ()) -> int | None:
    """Return when the next message that is not ``busy`` is due, None when there is none."""
    rows = database.execute(
        "SELECT alert_id, device_id, due_ms FROM outbox ORDER BY due_ms LIMIT ?", (len(busy) + 1,)
    )
    return next((row["due_ms"] for row in rows if (row["alert_id"], row["device_id"]) not in busy), None)


def settle(database: sqlite3.Connection, attempts: Iterable[Settled]) -> None:
    """Keep how attempts went."""
    for made in attempts:
        alert_id, device_id = made.key
        if made.outcome == "gone":
            devices.remove(database, device_id)
            continue
        if made.outcome == "later":
            database.execute(
                "UPDATE outbox SET due_ms = ?, attempts = attempts + ? WHERE alert_id = ? AND device_id = ?",
                (made.due_ms, made.attempted, alert_id, device_id),
            )
        else:
            database.execute("DELETE FROM outbox WHERE alert_id = ? AND device_id = ?", made.key)
        if made.attempted:
            devices.note(
                database,
                device_id,
                at_ms=made.at_ms,
                status=made.status,
                result=made.result,
                delivered=made.outcome == "done",
                post_ms=made.post_ms,
            )


def inbox(database: sqlite3.Connection, count: int) -> list[InboxEntry]:
    """Return the newest alerts, the newest first."""
    rows = database.execute(
        f"SELECT alerts.id, alerts.seen_ms, moments.alert_id IS NOT NULL, {ALERT_COLUMNS} FROM alerts"  # noqa: S608
        " LEFT JOIN moments ON moments.alert_id = alerts.id ORDER BY alerts.id DESC LIMIT ?",
        (count,),
    )
    return [InboxEntry(row[0], Alert(*row[3:]), row[1], bool(row[2])) for row in rows]


def alert(database: sqlite3.Connection, alert_id: int) -> Alert | None:
    """Return an alert, None when it is not known (any more)."""
    row = database.execute(
        f"SELECT {ALERT_COLUMNS} FROM alerts WHERE id = ?",  # noqa: S608 - constant names
        (alert_id,),
    ).fetchone()
    return None if row is None else Alert(*row)


def moment(database: sqlite3.Connection, alert_id: int) -> bytes | None:
    """Return the screen as it was when an alert fired."""
    row = database.execute("SELECT frames FROM moments WHERE alert_id = ?", (alert_id,)).fetchone()
    return None if row is None else bytes(row["frames"])


def see(database: sqlite3.Connection, alert_id: int, now_ms: int) -> bool:
    """Note that an alert was opened; tell whether there is such an alert."""
    changed = database.execute(
        "UPDATE alerts SET seen_ms = coalesce(seen_ms, ?) WHERE id = ?", (now_ms, alert_id)
    )
    return changed.rowcount > 0


def prune(database: sqlite3.Connection, before_ms: int) -> int:
    """Forget alerts that fired before ``before_ms``, with their moments; return how many."""
    return database.execute(
        "DELETE FROM alerts WHERE at_ms < ? AND id NOT IN (SELECT alert_id FROM outbox)", (before_ms,)
    ).rowcount
