"""The compiler's own code in memory: seventy megabytes that loading a kernel needs and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leadline.feed.building import unfinished

EVERY_S = 30.0
_COMPILER = "libllvmlite"
_OF_A_FILE = np.uint64(
    1 << 61
)  # in /proc/self/pagemap: the page is the file's own, nothing was written to it


async def keep_away() -> None:
    """Let go of them again and again, for kernels are loaded when they are needed first."""
    while True:
        await asyncio.sleep(EVERY_S)
        if not unfinished():
            await asyncio.to_thread(let_go)


def let_go() -> int:
    """Give the pages of the compiler's code back to the system; return how many bytes they were.

    They are unchanged pages of a file: whoever needs one again gets it from there.  Only Linux tells the
    mappings of a process; elsewhere nothing is done.
    """
    given = 0
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for address, size in _unchanged():
            if libc.madvise(address, size, mmap.MADV_DONTNEED) == 0:
                given += size
    return given


def _unchanged() -> Iterator[tuple[int, int]]:
    """Return (address, bytes) of the stretches that are as in the file; relocated data is not."""
    page = mmap.PAGESIZE
    with Path("/proc/self/pagemap").open("rb") as pagemap:
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, allowed, *rest = line.split(maxsplit=5)
            if allowed[1] == "w" or _COMPILER not in rest[-1]:
                continue
            begin, end = (int(address, 16) for address in span.split("-"))
            pagemap.seek(begin // page * 8)
            entries = np.frombuffer(pagemap.read((end - begin) // page * 8), dtype=np.uint64)
            borders = np.flatnonzero(np.diff(np.pad((entries & _OF_A_FILE) > 0, 1).astype(np.int8)))
            for first, last in borders.reshape(-1, 2).tolist():
                yield begin + first * page, (last - first) * page
