"""What a venue's REST side allows: how fast, how much a minute, who goes first, and when it wants silence.

Pure rules; rest.py asks them and carries out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import orjson

MINUTE_MS = 60_000
NEXT_MINUTE_MS = 500  # how long after its minute began the venue surely counts from zero
CODED_BYTES_MAX = 4096  # a refusal is short; long answers are not looked into
ENDS_AT = re.compile(rb"until (1[0-9]{12})\b")


class Priority(IntEnum):
    """Who goes first; the later ones also leave more of the minute's budget to the earlier."""

    RESYNC = 0  # a book people look at was lost
    SYNC = 1
    POLL = 2
    HISTORY = 3


SHARES = {Priority.RESYNC: 0.95, Priority.SYNC: 0.80, Priority.POLL: 0.70, Priority.HISTORY: 0.50}


@dataclass(frozen=True, slots=True)
class Pace:
    """burst: weight that may be spent at once; per_s: weight regained each second; per_minute: the
    venue's limit of a UTC minute, None where it has none."""

    burst: float
    per_s: float
    per_minute: int | None = None


# Binance counts 2400 a minute.  The others are half to two thirds of 600 requests per 5 s, and of 10
# to 40 requests per 2 s depending on the path.
PACES = {"binance": Pace(400, 200, 2400), "bybit": Pace(60, 40), "okx": Pace(8, 5)}


class Budget:
    """Weight spent and weight left of one venue.

    Times: now_ms is monotonic, venue_ms the venue's Unix clock, by whose minutes it counts.
    """

    def __init__(self, pace: Pace) -> None:
        self.used = 0.0
        self._pace = pace
        self._left = pace.burst
        self._left_ms: int | None = None
        self._minute = 0

    def take(self, weight: float, priority: Priority, now_ms: int, venue_ms: int) -> int:
        """Spend ``weight`` and return 0, or return how many ms to wait before asking again."""
        self._turn_to(venue_ms)
        limit = self._pace.per_minute
        # A request heavier than its share of a minute gets an untouched one.
        if limit is not None and self.used and self.used + weight > limit * SHARES[priority]:
            return MINUTE_MS - venue_ms % MINUTE_MS + NEXT_MINUTE_MS
        since_ms = 0 if self._left_ms is None else now_ms - self._left_ms
        self._left_ms = now_ms
        self._left = min(self._pace.burst, self._left + since_ms / 1000 * self._pace.per_s)
        short = min(weight, self._pace.burst) - self._left
        if short > 1e-9:
            return max(1, round(short / self._pace.per_s * 1000))
        self._left -= weight
        self.used += weight
        return 0

    def told(self, used: int, asked_ms: int, venue_ms: int) -> None:
        """Take the venue's own count, which others at this address add to; asked_ms: when it was asked."""
        self._turn_to(venue_ms)
        if asked_ms // MINUTE_MS == self._minute:
            self.used = max(self.used, used)

    def _turn_to(self, venue_ms: int) -> None:
        minute = venue_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self.used = minute, 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """default_s: when the venue names no time; max_s: no venue asks for more, so more is an error."""

    default_s: float
    max_s: float


SILENCES = {
    403: Silence(600, 86_400),  # a firewall's or Bybit's ban of at least ten minutes
    418: Silence(600, 3 * 86_400),  # Binance's ban: two minutes to three days
    429: Silence(60, 3_600),
}
# Refusals that may come with status 200: venue -> (key, code, seconds).
CODED = {"okx": ("code", "50011", 3.0), "bybit": ("retCode", 10006, 5.0)}


def silence_s(venue: str, status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> float:
    """Return for how long the venue wants to hear nothing, 0 for an answer that is no such refusal.

    now_ms: Unix time, for ends that are named as times.
    """
    if venue in CODED and len(body) <= CODED_BYTES_MAX:
        key, code, wait_s = CODED[venue]
        if _field(body, key) == code:
            return _until_s(headers.get("X-Bapi-Limit-Reset-Timestamp", ""), now_ms, 60) or wait_s
    rule = SILENCES.get(status)
    if rule is None:
        return 0.0
    asked = headers.get("Retry-After", "").strip()
    asked_s = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0.0
    named = ENDS_AT.search(body[:CODED_BYTES_MAX])
    named_s = _until_s(named[1].decode(), now_ms, rule.max_s) if named else 0.0
    return min(max(asked_s, named_s) or rule.default_s, rule.max_s)


def _field(body: bytes, key: str) -> object:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer.get(key) if isinstance(answer, dict) else None


def _until_s(text: str, now_ms: int, most_s: float) -> float:
    """Return the seconds to a Unix time in ms, 0 for none, a past one or one too far to be meant."""
    if not text.isascii() or not text.isdigit() or len(text) != 13:
        return 0.0
    wait_s = (int(text) - now_ms) / 1000
    return wait_s if 0 < wait_s <= most_s else 0.0
