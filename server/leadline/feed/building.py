"""Work that may compile for a minute: in a thread that the end of the process does not wait for."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Args = ParamSpec("Args")
Made = TypeVar("Made")

NAME = "leadline-build"


async def built(work: Callable[Args, Made], *args: Args.args, **kwargs: Args.kwargs) -> Made:
    """Run ``work`` in a thread of its own and return what it made, or raise what it raised.

    A cancelled waiter leaves it behind; see `unfinished`.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Made] = loop.create_future()

    def tell(result: Made | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # an error is told otherwise

    def run() -> None:
        result, failure = None, None
        try:
            result = work(*args, **kwargs)
        except BaseException as error:
            failure = error
        # The loop may have ended meanwhile: then nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, failure)
        if _running() == 1:
            # Kernels and bands live as long as the process: the collector need not walk them again.
            gc.freeze()

    threading.Thread(target=run, name=NAME, daemon=True).start()
    return await future


def unfinished() -> bool:
    """Tell whether such work still runs; a process that ends then must not run its exit handlers under it."""
    return _running() > 0


def _running() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())
