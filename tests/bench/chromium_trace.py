"""What a page's main thread did, read from a Chromium trace: script a frame, and tasks that held it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CATEGORIES = ["devtools.timeline", "toplevel", "v8"]
FRAME = "PrePaint"  # once for each picture that the page hands to the screen
TASK = "ThreadControllerImpl::RunTask"
# Script of any kind: frames, timers, messages, promises, and the collector that cleans up behind it.
SCRIPT = {
    "FireAnimationFrame",
    "FunctionCall",
    "TimerFire",
    "WebSocketReceive",
    "EventDispatch",
    "MinorGC",
    "MajorGC",
    "BlinkScheduler_PerformMicrotaskCheckpoint",
}
LONG_TASK_MS = 50.0


@dataclass(frozen=True, slots=True)
class Work:
    """``script_ms``: CPU time of all script from one frame of the screen to the next, a value a frame."""

    script_ms: list[float]
    longest_task_ms: float
    long_tasks: int

    def p95_ms(self) -> float:
        ordered = sorted(self.script_ms)
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else 0.0


def work_of(trace: bytes) -> Work:
    """Read the main thread of the page that drew most frames.

    Times are of the thread's own CPU clock: throttling by DevTools stops the thread from within and so
    counts, other processes on the machine do not.
    """
    events: list[dict[str, Any]] = [
        it for it in json.loads(trace)["traceEvents"] if it.get("ph") == "X" and "tdur" in it
    ]
    threads: dict[tuple[int, int], int] = {}
    for event in events:
        if event["name"] == FRAME:
            thread = (event["pid"], event["tid"])
            threads[thread] = threads.get(thread, 0) + 1
    if not threads:
        return Work([], 0.0, 0)
    main = max(threads, key=lambda thread: threads[thread])
    mine = sorted((it for it in events if (it["pid"], it["tid"]) == main), key=lambda it: it["tts"])
    tasks = [it["tdur"] / 1000 for it in mine if it["name"] == TASK]
    return Work(
        script_ms=list(_frames(mine)),
        longest_task_ms=max(tasks, default=0.0),
        long_tasks=sum(task > LONG_TASK_MS for task in tasks),
    )


def _frames(events: list[dict[str, Any]]) -> Iterator[float]:
    spent_us = 0.0
    covered = 0.0
    for event in events:
        if event["name"] == FRAME and spent_us > 0:
            yield spent_us / 1000
            spent_us = 0.0
        if event["name"] not in SCRIPT:
            continue
        end = event["tts"] + event["tdur"]
        # What lies within another piece of script is counted with it.
        spent_us += max(0.0, end - max(event["tts"], covered))
        covered = max(covered, end)
