"""Keeps the estimate honest while it runs: every hour its map is sealed, a day later opened and judged.

A venue with a complete liquidation feed is watched.  At each full hour the digest of its maps (ours and
the maps to beat) goes to the log and to `DATA_DIR/<market>/scores/<venue>-<symbol>.jsonl`; 24 hours later
the map itself and what happened follow there.  `leadline score --data-dir` reads them.  Maps that a stop
of the server left unopened stay in the file as promises that were not kept, and are counted.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leadline.domain.commitment import Minute, SealedMap, reached, seal
from leadline.domain.estimator_constants import model_hash
from leadline.domain.events import Side
from leadline.domain.score import CoinankLike, OneSided, VolumeProfile

if TYPE_CHECKING:
    from leadline.domain.bands import Bands
    from leadline.domain.score import Baseline
    from leadline.feed.map_columns import RunningBar

log = logging.getLogger("leadline.feed")

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
HORIZONS_H = (1, 4, 24)


@dataclass(frozen=True, slots=True)
class _Promise:
    """A sealed map that waits for its outcome; minute: how many minutes had been heard when it was drawn."""

    text: str
    digest: str
    origin: int
    minute: int


class Witness:
    """Seals and opens the maps of one venue's symbol.  lines: what is to be written, in order."""

    def __init__(self, symbol: str, venue: str, price: float) -> None:
        self.symbol = symbol
        self.venue = venue
        self.lines: list[dict[str, object]] = []
        self._baselines: dict[str, Baseline] = {
            "coinank_like": CoinankLike(price),
            "one_sided": OneSided(price),
            "volume_profile": VolumeProfile(price),
        }
        self._minutes: deque[Minute] = deque(maxlen=max(HORIZONS_H) * 60)
        self._heard = 0
        self._promises: deque[_Promise] = deque()
        self._low = self._high = 0.0
        self._deaths: list[tuple[int, float, float]] = []
        self._last_ms: int | None = None

    def mark(self, price: float) -> None:
        """Take the venue's mark."""
        self._low = min(self._low, price) if self._low else price
        self._high = max(self._high, price)

    def died(self, side: Side, trigger: float, coins: float) -> None:
        """Take a liquidation at its trigger."""
        self._deaths.append((0 if side is Side.BUY else 1, trigger, coins * trigger))

    def minute(self, end_ms: int, bar: RunningBar | None, bands: Bands) -> None:
        """End the minute that is over at ``end_ms``; bar: of its trades, None when none was heard."""
        skipped = 0 if self._last_ms is None else (end_ms - self._last_ms) // MINUTE_MS - 1
        for _ in range(min(max(skipped, 0), self._minutes.maxlen or 0)):
            self._end(Minute(None, None))
        self._last_ms = end_ms
        self._end(Minute.of(self._low, self._high, self._deaths) if self._low else Minute(None, None))
        self._low = self._high = 0.0
        self._deaths = []
        if bar is not None and bar.open:
            for baseline in self._baselines.values():
                baseline.minute(bar, bands.oi_coins)
        if end_ms % HOUR_MS == 0 and bands.oi_coins > 0:
            self._promise(end_ms, bands)

    def _end(self, minute: Minute) -> None:
        self._minutes.append(minute)
        self._heard += 1
        while self._promises and self._heard - self._promises[0].minute >= max(HORIZONS_H) * 60:
            self._open(self._promises.popleft())

    def _promise(self, at_ms: int, bands: Bands) -> None:
        profile = bands.profile()
        maps = {"ours": np.stack([profile.long_coins, profile.short_coins])}
        maps |= {name: baseline.coins(profile.origin) for name, baseline in self._baselines.items()}
        drawn = SealedMap(
            *(self.symbol, self.venue, at_ms, profile.mark, profile.origin, model_hash()),
            {name: coins * profile.mark for name, coins in maps.items()},
        )
        text, digest = seal(drawn, secrets.token_hex(16))
        self._promises.append(_Promise(text, digest, profile.origin, self._heard))
        self.lines.append({"kind": "commit", "at_ms": at_ms, "digest": digest, "model_hash": model_hash()})
        log.info("map of %s on %s at %d sealed: %s", self.symbol, self.venue, at_ms, digest)

    def _open(self, promise: _Promise) -> None:
        minutes = list(self._minutes)
        outcomes: dict[str, object] = {}
        for hours in HORIZONS_H:
            found = reached(promise.origin, minutes[: hours * 60])
            outcomes[str(hours)] = {
                "low": found.low,
                "high": found.high,
                "missing": found.missing,
                "deaths": [[side, bin_, round(usd)] for (side, bin_), usd in sorted(found.deaths.items())],
            }
        self.lines.append(
            {"kind": "reveal", "digest": promise.digest, "map": promise.text, "outcomes": outcomes}
        )
