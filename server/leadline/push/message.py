"""What a device is told: one JSON that the phone's system can show by itself and our worker reads too.

The format is Declarative Web Push (github.com/WebKit/explainers, DeclarativeWebPush): Safari shows it
without any code of ours, other browsers hand it to the service worker.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from leadline.limits import PUSH_PAYLOAD_BYTES_MAX
from leadline.store.alerts import Waiting

SHRUNK_BYTES_MAX = 900
WEB_PUSH = 8030  # the number that says: this JSON describes a notification
SIMULATED = "SIMULATED · "  # no notification may pass simulated numbers off as a market's
NTFY_PRIORITY = {"very-low": 1, "low": 2, "normal": 3, "high": 5}

_compact = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Post:
    """One request.  url: where; plain: its body as it is sent, None for none."""

    url: str
    plain: bytes | None
    headers: dict[str, str]


def webpush_payload(waiting: Waiting, simulated: bool, bytes_max: int = PUSH_PAYLOAD_BYTES_MAX) -> bytes:
    """Return the notification as JSON of at most ``bytes_max``; what is too long loses the body's end."""
    alert, device = waiting.alert, waiting.device
    path = _path(waiting)

    def made(body: str) -> bytes:
        notification = {
            "title": (SIMULATED if simulated else "") + alert.title,
            "body": body,
            "navigate": device.origin + path,
            "lang": "en",
            "tag": alert.topic or alert.dedupe_key,
            # The draft has the badge beside the notification, many readers look for it inside.
            "app_badge": str(waiting.unseen),
            "data": {
                "id": waiting.alert_id,
                "kind": alert.kind,
                "symbol": alert.symbol,
                "at": alert.at_ms,
                "way": alert.way,
                "url": path,
            },
        }
        return _compact(
            {
                "web_push": WEB_PUSH,
                "notification": notification,
                "app_badge": waiting.unseen,
                "mutable": False,
            }
        ).encode()

    content = made(alert.body)
    if len(content) <= bytes_max:
        return content
    # The longest beginning that fits; what a character takes in JSON differs, so lengths are tried.
    kept = bisect_right(range(len(alert.body)), bytes_max, key=lambda n: len(made(alert.body[:n] + "…"))) - 1
    return made(alert.body[:kept] + "…" if kept > 0 else "")


def ntfy_post(waiting: Waiting, simulated: bool) -> Post:
    """Return the request that publishes an alert to an ntfy topic (docs.ntfy.sh, publish as JSON)."""
    parts = urlsplit(waiting.device.endpoint)
    folder, _, topic = parts.path.rstrip("/").rpartition("/")
    alert = waiting.alert
    content = {
        "topic": topic,
        "title": (SIMULATED if simulated else "") + alert.title,
        "message": alert.body or alert.title,
        "priority": NTFY_PRIORITY[alert.urgency],
    }
    url = f"{parts.scheme}://{parts.netloc}{folder}/"
    return Post(url, _compact(content).encode(), {"content-type": "application/json"})


def webhook_post(waiting: Waiting, simulated: bool) -> Post:
    """Return the request that tells a webhook; its ``key`` lets the other side drop what comes twice."""
    alert = waiting.alert
    content = {
        "key": alert.dedupe_key,
        "id": waiting.alert_id,
        "kind": alert.kind,
        "symbol": alert.symbol,
        "at_ms": alert.at_ms,
        "title": alert.title,
        "body": alert.body,
        "path": _path(waiting),
        "simulated": simulated,
    }
    return Post(waiting.device.endpoint, _compact(content).encode(), {"content-type": "application/json"})


def _path(waiting: Waiting) -> str:
    url = waiting.alert.url
    if waiting.alert_id <= 0:
        return url  # a test: nothing is kept of it
    path, mark, screen = url.partition("#")
    return f"{path}{'&' if '?' in path else '?'}alert={waiting.alert_id}{mark}{screen}"
