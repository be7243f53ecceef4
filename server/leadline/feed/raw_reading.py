"""The compiled reading of raw messages, loaded beside a running market.

Loading takes a second or more, so messages are taken the plain way until it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

from leadline.feed.building import built
from leadline.venues.adapter import load_raw_reader
from leadline.venues.base import VenueProtocol

if TYPE_CHECKING:
    from leadline.venues.scan import RawReader

log = logging.getLogger("leadline.feed")


class RawReading:
    """Gives protocol objects the compiled reader: those that run when it is loaded, and those made later."""

    def __init__(self, load: Callable[[], type[RawReader]] = load_raw_reader) -> None:
        self._load = load
        self._reader: type[RawReader] | None = None
        self._waiting: WeakSet[VenueProtocol] = WeakSet()

    async def run(self) -> None:
        """Load the reader in a thread and hand it out; without it everything goes on the plain way."""
        try:
            self._reader = await built(self._load)
        except Exception:
            log.exception("the compiled reading of messages is not available; the plain one stays")
            return
        for protocol in self._waiting:
            protocol.read_raw_with(self._reader)
        self._waiting.clear()
        log.info("messages are read by compiled code now")

    def serve(self, protocol: VenueProtocol) -> None:
        """Let a new protocol object have the reader as soon as there is one."""
        if self._reader is None:
            self._waiting.add(protocol)
        else:
            protocol.read_raw_with(self._reader)
