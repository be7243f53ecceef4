"""Threads that nobody waits for at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from leadline.feed.building import built, unfinished

SERVER = Path(__file__).parents[3] / "server"


async def test_what_was_made_or_raised_comes_back() -> None:
    assert await built(lambda a, b: a + b, 2, b=3) == 5
    with pytest.raises(ZeroDivisionError):
        await built(lambda: 1 / 0)


async def test_a_cancelled_waiter_leaves_the_work_behind() -> None:
    gate = threading.Event()
    task = asyncio.create_task(built(gate.wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert unfinished()
    gate.set()
    while unfinished():
        await asyncio.sleep(0.001)


def test_a_process_does_not_wait_for_it_at_its_end() -> None:
    text = (
        "import asyncio, threading\n"
        "from leadline.feed.building import built\n"
        "async def main():\n"
        "    task = asyncio.create_task(built(threading.Event().wait))\n"
        "    await asyncio.sleep(0)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60, cwd=SERVER)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
def test_the_compilers_code_leaves_memory_and_comes_back_when_it_is_needed() -> None:
    text = (
        "from pathlib import Path\n"
        "import numba\n"
        "from leadline.feed import compiler_pages\n"
        "resident = lambda: int(Path('/proc/self/statm').read_text().split()[1])\n"
        "assert numba.njit(lambda a: a + 1)(1) == 2\n"
        "before = resident()\n"
        "given = compiler_pages.let_go()\n"
        "assert given > 10_000_000, given\n"
        "assert (before - resident()) * 4096 > 10_000_000, (before, resident())\n"
        "assert numba.njit(lambda a: a + 2)(1) == 3\n"
    )
    subprocess.run([sys.executable, "-c", text], cwd=SERVER, check=True, timeout=120)
