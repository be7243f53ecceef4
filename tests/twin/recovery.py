"""How soon a loss is found, shown and mended, at a round trip of 50 ms, in virtual time.

``python -m tests.twin.recovery 1-200`` measures with each of these seeds and writes build/recovery.json:
percentiles in ms by venue, and what is above its limit.  Nothing here depends on the machine: the same
seeds give the same figures.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leadline.domain.ladder import LadderFlags
from leadline.twin.faults import Faults
from tests.twin.simulation import BOOK_NAMES, SimulatedVenue, Simulation

OUT = Path(__file__).resolve().parents[2] / "build" / "recovery.json"
ROUND_TRIP_MS = 50
LOOK_MS = 5
GAPS = 5
LOST_MS = 250  # the slowest book tells of changes every 200 ms
PATIENCE_MS = 60_000
# The highest 99th percentile, in ms: to be live again after a gap; and the highest of all: to show a
# book stale after the frame that proves a gap, to find a half-open peer, to find a silent subscription.
RESYNC_P99_MS = {"binance": 2_500, "bybit": 1_000, "okx": 1_000}
FOUND_MS_MAX = {"shown": 250, "half-open": 10_000, "silent": 5_000}
BOOK_REQUESTS = ("@depth", *(name.strip('"') for name in BOOK_NAMES))

Samples = dict[tuple[str, str], list[int]]


class Trial:
    """One seed's market in peace, in which one thing after the other is broken."""

    def __init__(self, seed: int) -> None:
        self.simulation = Simulation(seed, peace=True, round_trip_ms=ROUND_TRIP_MS)
        self.samples: Samples = defaultdict(list)

    def run(self) -> Samples:
        self._until(lambda: all(one.live for one in self.simulation.venues.values()), "all live")
        self._pass(5_000)
        for venue in self.simulation.venues.values():
            for _ in range(GAPS):
                self._gap(venue)
            self._half_open(venue)
            self._silent(venue)
        failures = self.simulation.report.failures
        assert not failures, failures
        return self.samples

    def _gap(self, venue: SimulatedVenue) -> None:
        """Lose what the venue tells of the book for a moment; the next frame proves it."""
        self._pass(self.simulation.rng.randint(200, 1_500))
        lost = venue.book.stats.gaps
        venue.server.faults = replace(Faults(), drop=1.0)
        self._pass(LOST_MS)
        venue.server.faults = Faults()
        self._until(lambda: not venue.live, "the gap found")
        since_ms = self.simulation.clock.now_ms
        self._until(lambda: self._shows_stale(venue, since_ms) is not None or venue.live, "shown or mended")
        shown_ms = self._shows_stale(venue, since_ms)
        if shown_ms is not None:
            self.samples[venue.name, "shown"].append(shown_ms - since_ms)
        self._until(lambda: venue.live, "live again")
        self.samples[venue.name, "resync"].append(self.simulation.clock.now_ms - since_ms)
        assert venue.book.stats.gaps == lost + 1

    def _half_open(self, venue: SimulatedVenue) -> None:
        self._pass(self.simulation.rng.randint(200, 1_500))
        since_ms = self.simulation.clock.now_ms
        for link in venue.links.values():
            link.swallowing = True
        self._until(lambda: not venue.live, "the half-open peer found")
        self.samples[venue.name, "half-open"].append(self.simulation.clock.now_ms - since_ms)
        self._until(lambda: venue.live, "live again")

    def _silent(self, venue: SimulatedVenue) -> None:
        """Every subscription is acknowledged and none served."""
        self._pass(self.simulation.rng.randint(200, 1_500))
        venue.server.faults = replace(Faults(), silent_ack=1.0)
        for link in venue.links.values():
            link.lose()
        link, before_ms = venue.book_link, self.simulation.clock.now_ms
        self._until(lambda: link.opened_ms > before_ms, "connected again")
        self._until(lambda: self._asked_anew(venue) is not None, "the silent subscription found")
        asked_ms = self._asked_anew(venue)
        assert asked_ms is not None
        self.samples[venue.name, "silent"].append(asked_ms - link.opened_ms)
        venue.server.faults = Faults()
        self._until(lambda: venue.live, "live again")

    def _asked_anew(self, venue: SimulatedVenue) -> int | None:
        link = venue.book_link
        return next(
            (
                at
                for at, text in link.sent
                if at >= link.opened_ms
                and '"unsubscribe"' in text.lower()
                and any(name in text for name in BOOK_REQUESTS)
            ),
            None,
        )

    def _shows_stale(self, venue: SimulatedVenue, since_ms: int) -> int | None:
        """Return when a phone was first told that not all is live."""
        told = [
            at
            for phone in self.simulation.phones
            if venue.name in phone.venues
            for at, flags in phone.flags
            if at >= since_ms and (flags & LadderFlags.PARTIAL or flags & 3 == LadderFlags.STALE)
        ]
        return min(told, default=None)

    def _pass(self, for_ms: int) -> None:
        self.simulation.timeline.run_until(self.simulation.clock.now_ms + for_ms)

    def _until(self, what: Callable[[], bool], words: str) -> None:
        end_ms = self.simulation.clock.now_ms + PATIENCE_MS
        while not what():
            self._pass(LOOK_MS)
            assert self.simulation.clock.now_ms < end_ms, f"seed {self.simulation.seed}: never {words}"


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(seeds: range) -> dict[str, object]:
    """Return the percentiles over these seeds, and what is above its limit, in words."""
    samples: Samples = defaultdict(list)
    for seed in seeds:
        for key, values in Trial(seed).run().items():
            samples[key] += values
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    slow: list[str] = []
    for (venue, kind), values in sorted(samples.items()):
        p50, p99, most = percentile(values, 0.5), percentile(values, 0.99), max(values)
        found[kind][venue] = {"count": len(values), "p50_ms": p50, "p99_ms": p99, "max_ms": most}
        took, limit = (p99, RESYNC_P99_MS[venue]) if kind == "resync" else (most, FOUND_MS_MAX[kind])
        if took > limit:
            slow.append(f"{venue} {kind}: {took} ms, the limit is {limit}")
    return {
        "seeds": f"{seeds.start}-{seeds.stop - 1}",
        "round_trip_ms": ROUND_TRIP_MS,
        **found,
        "above_the_limit": slow,
    }


def main() -> int:
    first, _, last = sys.argv[1].partition("-")
    found = measure(range(int(first), int(last or first) + 1))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(json.dumps(found) + "\n")
    return bool(found["above_the_limit"])


if __name__ == "__main__":
    raise SystemExit(main())
