"""What a page and its painter did, read from a Chromium trace: script a frame, and tasks that held it up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
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


def joined(works: Sequence[Work]) -> Work:
    """Return what was done in all of these times."""
    return Work(
        script_ms=[ms for work in works for ms in work.script_ms],
        painter_ms=[ms for work in works for ms in work.painter_ms],
        longest_task_ms=max((work.longest_task_ms for work in works), default=0.0),
        long_tasks=sum(work.long_tasks for work in works),
    )


def work_of(trace: bytes) -> Work:
    """Read the main thread of the page that drew most frames.

    Times are of the thread's own CPU clock: throttling by DevTools stops the thread from within and so
    counts, other processes on the machine do not.
    """
    told: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    events = sorted((it for it in told if it.get("ph") == "X" and "tdur" in it), key=lambda it: it["ts"])
    painters = {
        (it["pid"], it["tid"])
        for it in told
        if it.get("ph") == "M" and it["name"] == "thread_name" and it["args"]["name"] == PAINTER
    }
    main = _main_thread(events)
    if main is None:
        return Work([], [], 0.0, 0)
    mine = [it for it in events if (it["pid"], it["tid"]) == main]
    theirs = [it for it in events if (it["pid"], it["tid"]) in painters]
    frames = [it["ts"] for it in mine if it["name"] == FRAME]
    frames += [it["ts"] for it in theirs if it["name"] == PAINTED]
    tasks = [it["tdur"] / 1000 for it in mine if it["name"] == TASK]
    return Work(
        script_ms=list(_spent(mine, SCRIPT, sorted(frames))),
        painter_ms=list(_spent(theirs, PAINTER_SCRIPT, sorted(frames))),
        longest_task_ms=max(tasks, default=0.0),
        long_tasks=sum(task > LONG_TASK_MS for task in tasks),
    )


def _main_thread(events: list[dict[str, Any]]) -> tuple[int, int] | None:
    """Return process and thread of the page that drew most frames; None when none drew any."""
    drew = Counter((it["pid"], it["tid"]) for it in events if it["name"] == FRAME)
    return drew.most_common(1)[0][0] if drew else None


def _spent(events: list[dict[str, Any]], names: set[str], frames: list[float]) -> Iterator[float]:
    """CPU time of these kinds in ms between two frames, where there is any, of events in order."""
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
