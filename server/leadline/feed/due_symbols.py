"""Symbols that wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection


class DueSymbols:
    """A queue of symbols: the first that somebody watches leaves it first, else the first that came.

    watched: the symbols somebody looks at now.
    """

    def __init__(self, watched: Callable[[], Collection[str]]) -> None:
        self._watched = watched
        self._due: list[str] = []
        self._came = asyncio.Event()

    def put(self, symbol: str) -> None:
        self._due.append(symbol)
        self._came.set()

    async def take(self) -> str:
        """Return the next symbol, as soon as there is one; for a single taker."""
        while not self._due:
            self._came.clear()
            await self._came.wait()
        watched = self._watched()
        at = next((at for at, symbol in enumerate(self._due) if symbol in watched), 0)
        return self._due.pop(at)
