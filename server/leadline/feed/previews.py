"""What a rule would have fired within the last day: over what was noted, and before that over the map.

Notes tell exactly what rules were held against, over restarts too.  Where there are none (before the first
start, while the server was down) the map's columns stand in for those kinds of rules that need nothing
else.  It takes a while for many symbols, so it is worked out beside the event loop.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Protocol

from leadline.domain.alert_facts import Facts
from leadline.domain.alerting import Firing, preview
from leadline.domain.rules import Rule, RuleKind
from leadline.domain.signals import Told
from leadline.feed.hub import Hub
from leadline.feed.notes import Notes
from leadline.feed.session import ALL_VENUES

if TYPE_CHECKING:
    # At run time it comes with the first bands: numba loads with it.
    from leadline.domain.hindsight import Seen
    from leadline.feed.map_columns import SymbolColumns

MINUTE_MS = 60_000
DAY_MIN = 1_440
BESIDE_MS = 90_000  # a note so near to a minute of the map tells it better
GAP_MS = 150_000  # between two facts; a longer one is time of which nothing is known
MAP_RUN = 0  # stands for the map where a note has its process
FROM_MAP = (RuleKind.APPROACH, RuleKind.PRICE, RuleKind.INTEREST)


class MapMemory(Protocol):
    """What is needed of a symbol's estimate."""

    @property
    def columns(self) -> SymbolColumns: ...


@dataclass(frozen=True, slots=True)
class Preview:
    """fired: oldest first.  since_ms: from when on something is known; unknown_ms: of the time since then
    nothing is, of the symbol known least."""

    fired: list[Firing]
    since_ms: int
    unknown_ms: int


@dataclass(slots=True)
class _FromMap:
    """Facts read off a symbol's map, from a Unix minute on.  revision: of its columns then."""

    revision: int
    first_min: int
    facts: list[Facts]


class Previews:
    """Previews over the symbols of a hub; one at a time, however fast the user types."""

    def __init__(self, hub: Hub, heats: Mapping[str, MapMemory], notes: Notes) -> None:
        self._hub = hub
        self._heats = heats
        self._notes = notes
        self._from_map: dict[str, _FromMap] = {}
        self._busy = asyncio.Lock()

    async def of(self, rule: Rule) -> Preview:
        """Return what a rule would have fired within the last day."""
        now_ms = self._hub.clock.wall_ms()
        asked = [symbol for symbol in self._hub.sessions if rule.symbol in (None, symbol)]
        async with self._busy:
            found = [await self._of_symbol(rule, symbol, now_ms) for symbol in asked]
        return Preview(
            sorted((one for made in found for one in made.fired), key=lambda firing: firing.at_ms),
            min((made.since_ms for made in found), default=now_ms),
            max((made.unknown_ms for made in found if made.since_ms < now_ms), default=0),
        )

    async def _of_symbol(self, rule: Rule, symbol: str, now_ms: int) -> Preview:
        mapped = await self._map_facts(symbol, now_ms) if _reads_map(rule) else []
        since_ms = now_ms - DAY_MIN * MINUTE_MS

        def work() -> Preview:
            noted = [(note.run, note.what) for note in self._notes.read(symbol, since_ms, now_ms)]
            seen = [*_beside(mapped, [what.at_ms for _, what in noted if isinstance(what, Facts)]), *noted]
            seen.sort(key=lambda one: one[1].at_ms)
            runs = [[what for _, what in run] for _, run in groupby(seen, key=lambda one: one[0])]
            times = [what.at_ms for _, what in seen if isinstance(what, Facts)]
            return Preview(preview(rule, *runs), times[0] if times else now_ms, _unknown_ms(times, now_ms))

        return await asyncio.to_thread(work)

    async def _map_facts(self, symbol: str, now_ms: int) -> list[Facts]:
        """Return the facts of the last day that a symbol's map tells; they are worked out once a start."""
        heat, session = self._heats.get(symbol), self._hub.sessions[symbol]
        if heat is None or not heat.columns.venues or not session.venues:
            return []
        # Looks are of whole five minutes; of the running ones some are not known yet.
        columns, until_min = heat.columns, (now_ms // MINUTE_MS // 5 + 1) * 5
        held = self._from_map.get(symbol)
        # What came since is noted; a day later nothing of it is left.
        if held is None or held.revision != columns.revision or until_min - held.first_min > 2 * DAY_MIN:
            from leadline.domain.hindsight import seen

            first_min = until_min - DAY_MIN
            read = seen(list(columns.of_view(ALL_VENUES).values()), first_min, DAY_MIN)
            base = next(iter(session.venues.values())).instrument.base
            facts = await asyncio.to_thread(_facts_of, symbol, base, read)
            held = self._from_map[symbol] = _FromMap(columns.revision, first_min, facts)
        since_ms = now_ms - DAY_MIN * MINUTE_MS
        return [one for one in held.facts if one.at_ms >= since_ms]


def _facts_of(symbol: str, base: str, read: Seen | None) -> list[Facts]:
    from leadline.domain.hindsight import hindsight

    return [] if read is None else list(hindsight(symbol, base, read))


def _reads_map(rule: Rule) -> bool:
    """Tell whether the map alone can tell what a rule would have done; what is usual is not in it."""
    return rule.kind in FROM_MAP and not rule.settings.get("lift_min")


def _beside(mapped: Sequence[Facts], noted_ms: Sequence[int]) -> list[tuple[int, Facts | Told]]:
    """Return the facts of the map that lie beside those noted."""

    def is_noted(at_ms: int) -> bool:
        at = bisect_left(noted_ms, at_ms - BESIDE_MS)
        return at < len(noted_ms) and noted_ms[at] <= at_ms + BESIDE_MS

    return [(MAP_RUN, one) for one in mapped if not is_noted(one.at_ms)]


def _unknown_ms(times: Sequence[int], now_ms: int) -> int:
    gaps = (later - earlier for earlier, later in pairwise([*times, now_ms]))
    return sum(gap for gap in gaps if gap > GAP_MS)
