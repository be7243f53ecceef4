"""A liquidation feed that fell silent while others sing is suspect: its silence must teach nothing."""

from __future__ import annotations

from collections import deque

from leadline.domain import estimator_constants as constants


class Canary:
    """Counts the prints of each venue's feed over the last SUSPECT_MS."""

    __slots__ = ("_heard", "_since_ms")

    def __init__(self) -> None:
        self._heard: dict[str, deque[int]] = {}
        self._since_ms: dict[str, int] = {}

    def watch(self, venue: str, at_ms: int) -> None:
        """Begin to expect prints of a venue, if that has not begun yet."""
        self._since_ms.setdefault(venue, at_ms)

    def hear(self, venue: str, at_ms: int) -> None:
        """Take one print; a dozen are enough to know, so no more are kept."""
        heard = self._heard.setdefault(venue, deque(maxlen=constants.SUSPECT_PRINTS))
        heard.append(at_ms)

    def suspects(self, at_ms: int) -> frozenset[str]:
        """Return the venues with no print for SUSPECT_MS while two others had SUSPECT_PRINTS each."""
        since_ms = at_ms - constants.SUSPECT_MS
        loud = {
            venue
            for venue, heard in self._heard.items()
            if len(heard) == constants.SUSPECT_PRINTS and heard[0] >= since_ms
        }
        return frozenset(
            venue
            for venue, begun_ms in self._since_ms.items()
            if begun_ms <= since_ms and len(loud - {venue}) >= 2 and not self._recent(venue, since_ms)
        )

    def _recent(self, venue: str, since_ms: int) -> bool:
        heard = self._heard.get(venue)
        return heard is not None and heard[-1] >= since_ms
