"""Quiet hours by the wall clock of a zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from leadline.domain.quiet import QuietError, read_quiet


def at(zone: str, text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_over_midnight_and_by_the_zone() -> None:
    quiet = read_quiet({"zone": "Europe/Paris", "begin": "22:30", "end": "07:00"})
    assert quiet is not None
    assert quiet.quiet(at("Europe/Paris", "2026-11-26 23:00"))
    assert quiet.quiet(at("Europe/Paris", "2026-11-27 06:59"))
    assert not quiet.quiet(at("Europe/Paris", "2026-11-27 07:00"))
    assert not quiet.quiet(at("Asia/Tokyo", "2026-11-27 23:00"))


def test_a_change_of_the_clocks_moves_with_the_wall_clock() -> None:
    quiet = read_quiet({"zone": "Europe/Paris", "begin": "02:00", "end": "06:00"})
    assert quiet is not None
    for day in ("2026-10-24", "2026-10-25", "2026-10-26", "2027-03-28"):
        assert quiet.quiet(at("Europe/Paris", f"{day} 05:59"))
        assert not quiet.quiet(at("Europe/Paris", f"{day} 06:00"))


def test_equal_ends_and_null_are_never_quiet() -> None:
    assert read_quiet(None) is None
    quiet = read_quiet({"zone": "UTC", "begin": "08:00", "end": "08:00"})
    assert quiet is not None
    assert not quiet.quiet(at("UTC", "2026-01-01 08:00"))


@pytest.mark.parametrize("told", [
    5, {}, {"zone": "UTC", "begin": "08:00"},
    {"zone": "Mars/Base", "begin": "08:00", "end": "09:00"},
    {"zone": "../etc/passwd", "begin": "08:00", "end": "09:00"},
    {"zone": 3, "begin": "08:00", "end": "09:00"},
    {"zone": "UTC", "begin": "24:00", "end": "09:00"},
    {"zone": "UTC", "begin": "8:00", "end": "09:00"},
    {"zone": "UTC", "begin": "０８:00", "end": "09:00"},
])  # fmt: skip
def test_nonsense_is_said_to_be_that(told: object) -> None:
    with pytest.raises(QuietError, match="expected"):
        read_quiet(told)
