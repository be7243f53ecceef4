"""Fingers on the phone's screen: touches that come from Chromium's own input, through the DevTools protocol.

A gesture carries its own clock: its events are stamped one after the other from a moment ahead of the wall
clock, whatever time the machine takes between them.  So no slow machine turns a drag into a long press,
and the speed of a fling is the same everywhere.  A press that shall last is stamped with the time it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from playwright.sync_api import CDPSession, Page

STEP_S = 1 / 60
# Farther ahead than any machine needs for one gesture.
AHEAD_S = 120.0

Point = tuple[float, float]


def _way(start: Point, end: Point, steps: int) -> Iterator[Point]:
    for step in range(1, steps + 1):
        part = step / steps
        yield (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)


class Fingers:
    """The fingers of one hand on one page; points are CSS pixels of the page."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._clock_s = 0.0
        self._at: Point = (0.0, 0.0)

    def drag(self, start: Point, end: Point, *, steps: int = 8, rest: bool = True) -> None:
        """Draw one finger from start to end, a step a sixtieth of a second; without a rest it throws."""
        self._begin([start])
        for point in _way(start, end, steps):
            self._send("touchMove", [point])
        if rest:
            self._clock_s += 1.0
        self._send("touchEnd", [])

    def pinch(self, middle: Point, before: float, after: float, *, sideways: bool = False) -> None:
        """Move two fingers about a middle from one distance to another, in pixels."""

        def pair(apart: float) -> list[Point]:
            x, y = (apart / 2, 0.0) if sideways else (0.0, apart / 2)
            return [(middle[0] - x, middle[1] - y), (middle[0] + x, middle[1] + y)]

        self._begin(pair(before))
        for apart, _ in _way((before, 0), (after, 0), 10):
            self._send("touchMove", pair(apart))
        self._send("touchEnd", [])

    def tap(self, at: Point, times: int = 1) -> None:
        """Tap so many times in quick succession."""
        self._clock_s = time.time() + AHEAD_S
        for _ in range(times):
            self._send("touchStart", [at])
            self._send("touchEnd", [])

    def rest(self, at: Point) -> None:
        """Put a finger down and leave it; the page notices in its own time."""
        self._clock_s = 0.0
        self._at = at
        self._send("touchStart", [at])

    def slide(self, end: Point, *, steps: int = 6) -> None:
        """Move the finger that rests, without lifting it."""
        for point in _way(self._at, end, steps):
            self._send("touchMove", [point])
        self._at = end

    def lift(self) -> None:
        self._send("touchEnd", [])

    def _begin(self, points: Sequence[Point]) -> None:
        self._clock_s = time.time() + AHEAD_S
        self._send("touchStart", points)

    def _send(self, kind: str, points: Sequence[Point]) -> None:
        event: dict[str, object] = {
            "type": kind,
            "touchPoints": [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)],
        }
        if self._clock_s:
            self._clock_s += STEP_S
            event["timestamp"] = self._clock_s
        self._session.send("Input.dispatchTouchEvent", event)
