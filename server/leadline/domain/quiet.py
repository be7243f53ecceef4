"""Quiet hours: times of the day in which alerts wait in the inbox instead of ringing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MIN = 1_440


class QuietError(ValueError):
    """Quiet hours make no sense; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin_min`` to ``end_min`` after midnight in a time zone; over midnight when end < begin.

    Equal ends are no quiet hours.
    """

    zone: ZoneInfo
    begin_min: int
    end_min: int

    def quiet(self, at_ms: int) -> bool:
        """Tell whether a moment (Unix ms) lies in them, by the wall clock of the zone."""
        then = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)
        minute = then.hour * 60 + then.minute
        if self.begin_min <= self.end_min:
            return self.begin_min <= minute < self.end_min
        return minute >= self.begin_min or minute < self.end_min


def read_quiet(told: object) -> QuietHours | None:
    """Read {zone, begin, end} with times as "22:30"; None for null.  Raises QuietError."""
    if told is None:
        return None
    if not isinstance(told, Mapping) or set(told) != {"zone", "begin", "end"}:
        raise QuietError(f"quiet hours: expected zone, begin and end, got {told!r}")
    zone = told["zone"]
    try:
        found = ZoneInfo(zone) if isinstance(zone, str) and zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found = None
    if found is None:
        raise QuietError(f"zone: expected a time zone as Europe/Paris, got {zone!r}")
    return QuietHours(found, _minute("begin", told["begin"]), _minute("end", told["end"]))


def _minute(name: str, told: object) -> int:
    if isinstance(told, str) and len(told) == 5 and told.isascii() and told[2] == ":":
        hour, minute = told[:2], told[3:]
        if hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60:
            return int(hour) * 60 + int(minute)
    raise QuietError(f"{name}: expected a time as 22:30, got {told!r}")
