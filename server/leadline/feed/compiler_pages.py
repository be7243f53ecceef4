"""The compiler's own code in memory: fifty megabytes that loading a kernel touches and nothing else does."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from pathlib import Path

_COMPILER = "libllvmlite"


def let_go() -> int:
    """Give the pages of the compiler's code back to the system; return how many bytes they span.

    They are unchanged pages of a file: whoever needs one again gets it from there.  Only Linux names the
    mappings of a process; elsewhere nothing is done.
    """
    given = 0
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, allowed, *rest = line.split(maxsplit=5)
            # What may not be written has never been changed, unlike data that was relocated when loaded.
            if allowed.startswith("r-x") and _COMPILER in rest[-1]:
                begin, end = (int(address, 16) for address in span.split("-"))
                if libc.madvise(begin, end - begin, mmap.MADV_DONTNEED) == 0:
                    given += end - begin
    return given
