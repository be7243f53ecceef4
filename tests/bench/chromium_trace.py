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
HEARD = "WebSocketReceive"


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
    told = _told(trace)
    events = _pieces(told)
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


def script_by_message(trace: bytes, told_bytes: Sequence[int]) -> dict[int, float]:
    """Script of the page's main thread in ms from one message of a stream to the next, by its number there.

    ``told_bytes``: how long each message of the stream is.  They are known by that; others come between.
    """
    told = _told(trace)
    events = _pieces(told)
    main = _main_thread(events)
    mine = [it for it in events if (it["pid"], it["tid"]) == main]
    heard = sorted(
        (it["ts"], it["args"]["data"]["dataLength"])
        for it in told
        if it["name"] == HEARD and (it["pid"], it["tid"]) == main
    )
    offsets = range(len(told_bytes))
    numbered = max((_numbered(heard, told_bytes, first) for first in offsets), key=len, default=[])
    spent = _spent_before(mine, SCRIPT, [at for _, at in numbered])
    return {number: ms for (number, _), ms in zip(numbered, list(spent)[1:], strict=False)}


def _numbered(
    heard: list[tuple[float, int]], told_bytes: Sequence[int], first: int
) -> list[tuple[int, float]]:
    """Return number and time of each message heard, if that of ``first`` is the first one."""
    found = []
    number = first
    for at, length in heard:
        if number < len(told_bytes) and length == told_bytes[number]:
            found.append((number, at))
            number += 1
    return found


def _told(trace: bytes) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    return told


def _pieces(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what took time, in the order it began."""
    return sorted((it for it in told if it.get("ph") == "X" and "tdur" in it), key=lambda it: it["ts"])


def _main_thread(events: list[dict[str, Any]]) -> tuple[int, int] | None:
    """Return process and thread of the page that drew most frames; None when none drew any."""
    drew = Counter((it["pid"], it["tid"]) for it in events if it["name"] == FRAME)
    return drew.most_common(1)[0][0] if drew else None


def _spent(events: list[dict[str, Any]], names: set[str], frames: list[float]) -> Iterator[float]:
    """CPU time of these kinds between two frames, where there is any; events in the order they began."""
    return (ms for ms in _spent_before(events, names, frames) if ms > 0)


def _spent_before(events: list[dict[str, Any]], names: set[str], frames: list[float]) -> Iterator[float]:
    """CPU time of these kinds in ms before each frame, since the one before it."""
    spent_us = 0.0
    covered = 0.0
    ahead = iter(frames)
    frame = next(ahead, None)
    for event in events:
        while frame is not None and event["ts"] >= frame:
            yield spent_us / 1000
            spent_us = 0.0
            frame = next(ahead, None)
        if event["name"] not in names:
            continue
        end = event["tts"] + event["tdur"]
        # What lies within another piece is counted with it.
        spent_us += max(0.0, end - max(event["tts"], covered))
        covered = max(covered, end)
