"""What a page and its painter did, read from a Chromium trace: script a frame, and tasks that held it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CATEGORIES = ["devtools.timeline", "toplevel", "v8"]
FRAME = "PrePaint"  # once for each picture that the page hands to the screen
PAINTED = "FireAnimationFrame"  # once for each that its painter does
PAINTER = "DedicatedWorker thread"
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
# What the painter does for a frame: it hears of changes, and paints them.
PAINTER_SCRIPT = {"HandlePostMessage", PAINTED}
LONG_TASK_MS = 50.0


@dataclass(frozen=True, slots=True)
class Work:
    """CPU times, a value a frame of the screen, whether page or painter handed it over.

    ``script_ms``: all script of the page's main thread since the frame before.  ``painter_ms``: all script of
    its painter's thread, which the DevTools protocol does not slow down.
    """

    script_ms: list[float]
    painter_ms: list[float]
    longest_task_ms: float
    long_tasks: int


def p95(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else 0.0


def work_of(trace: bytes) -> Work:
    """Read the main thread of the page that drew most frames.

    Times are of the thread's own CPU clock: throttling by DevTools stops the thread from within and so
    counts, other processes on the machine do not.
    """
    told: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    events = [it for it in told if it.get("ph") == "X" and "tdur" in it]
    painters = {
        (it["pid"], it["tid"])
        for it in told
        if it.get("ph") == "M" and it["name"] == "thread_name" and it["args"]["name"] == PAINTER
    }
    threads: dict[tuple[int, int], int] = {}
    for event in events:
        if event["name"] == FRAME:
            thread = (event["pid"], event["tid"])
            threads[thread] = threads.get(thread, 0) + 1
    if not threads:
        return Work([], [], 0.0, 0)
    main = max(threads, key=lambda thread: threads[thread])
    mine = sorted((it for it in events if (it["pid"], it["tid"]) == main), key=lambda it: it["ts"])
    theirs = sorted((it for it in events if (it["pid"], it["tid"]) in painters), key=lambda it: it["ts"])
    frames = [it["ts"] for it in mine if it["name"] == FRAME]
    frames += [it["ts"] for it in theirs if it["name"] == PAINTED]
    tasks = [it["tdur"] / 1000 for it in mine if it["name"] == TASK]
    return Work(
        script_ms=list(_spent(mine, SCRIPT, sorted(frames))),
        painter_ms=list(_spent(theirs, PAINTER_SCRIPT, sorted(frames))),
        longest_task_ms=max(tasks, default=0.0),
        long_tasks=sum(task > LONG_TASK_MS for task in tasks),
    )


def _spent(events: list[dict[str, Any]], names: set[str], frames: list[float]) -> Iterator[float]:
    """CPU time of these kinds between two frames, where there is any; events in the order they began."""
    spent_us = 0.0
    covered = 0.0
    ahead = iter(frames)
    frame = next(ahead, None)
    for event in events:
        while frame is not None and event["ts"] >= frame:
            if spent_us > 0:
                yield spent_us / 1000
                spent_us = 0.0
            frame = next(ahead, None)
        if event["name"] not in names:
            continue
        end = event["tts"] + event["tdur"]
        # What lies within another piece is counted with it.
        spent_us += max(0.0, end - max(event["tts"], covered))
        covered = max(covered, end)
