"""The liquidation map of a symbol: a range of columns at once, then the newest one each minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadline.domain.estimator_constants import UNCALIBRATED_FACTOR
from leadline.feed.map_columns import MINUTE_MS
from leadline.feed.streams.base import Board, Stream, session_of
from leadline.feed.telling import NO_SUMMARY, rounded, young_told
from leadline.limits import MAP_STEP_MIN
from leadline.wire.map_frames import map_column, map_keyframe
from leadline.wire.requests import MapKey

if TYPE_CHECKING:
    # At run time it comes with the first bands: numba loads with it.
    from leadline.domain.heatmap import Grid, Picture, VenueColumns

LOOK_MS = 1_000  # how often it is asked whether a minute ended
COLUMNS_AT_ONCE_MAX = 5  # more of them are sent as a keyframe (a recording played fast)
FACTS_MS = 5_000  # how old the slow facts of a keyframe may be for one who joins later
NO_CODES: NDArray[np.uint8] = np.zeros((0, 0), dtype=np.uint8)
NO_CANDLES: NDArray[np.float64] = np.zeros((0, 4))


class MapStream(Stream):
    """Columns of a view on rows that stay, until price leaves their middle half or the past is made anew.

    They show all open positions of their minute, or of these only what was opened within the range.

    Until a venue's columns are made the picture is empty: no columns and no rows.
    """

    key: MapKey

    def __init__(self, number: int, key: MapKey, board: Board) -> None:
        super().__init__(number, key, every_ms=LOOK_MS)
        self._clock = board.clock
        self._opened_in = key.opened == "range"
        self._session = session_of(board, key.symbol, key.venue)
        self._grid: Grid | None = None
        self._revision = -1
        self._ended = -1
        self._newest_min = -1
        self._flags = -1
        self._keyframe: bytes | None = None
        self._made_ms = 0

    def keyframe(self) -> bytes:
        now_ms = self._clock.monotonic_ms()
        if self._keyframe is None or now_ms - self._made_ms >= FACTS_MS:
            self._keyframe, self._made_ms = self._encode(), now_ms
        return self._keyframe

    def emit(self, now_ms: int) -> None:
        heat, venues, grid = self._session.heat, self._venues(), self._grid
        if heat is None or not venues:
            return
        newest_min, price = _newest(venues), self._session.price()
        step_min = MAP_STEP_MIN[self.key.hours]
        minutes = range(self._newest_min // step_min * step_min, newest_min + 1, step_min)
        moved = grid is not None and price is not None and not grid.holds(price)
        begins = grid is None and newest_min != self._newest_min
        if moved or begins or heat.columns.revision != self._revision or len(minutes) > COLUMNS_AT_ONCE_MAX:
            self._keyframe, self._made_ms = self._encode(), now_ms
            self._offer(self._keyframe, is_keyframe=True)
        elif grid is not None and (heat.columns.ended, self._session.freshness(self.key.venue)[0]) != (
            self._ended,
            self._flags,
        ):
            self._ended, self._newest_min, self._keyframe = heat.columns.ended, newest_min, None
            for minute in minutes:
                self._offer(self._encode_column(grid, venues, minute))

    def _venues(self) -> dict[str, VenueColumns]:
        heat = self._session.heat
        shown = heat.columns.of_view(self.key.venue) if heat is not None else {}
        return {name: columns for name, columns in shown.items() if columns.newest_minute is not None}

    def _encode(self) -> bytes:
        session, hours, venues = self._session, self.key.hours, self._venues()
        if session.heat is not None:
            self._revision, self._ended = session.heat.columns.revision, session.heat.columns.ended
        self._newest_min = _newest(venues)
        step_min = MAP_STEP_MIN[hours]
        price = session.price()
        if price is None or not venues:
            self._grid = None
            facts = {"first_min": 0, "low": 0.0, "ratio": 1.0, **self._key_facts(step_min, None, {}, None)}
            return map_keyframe(self.number, NO_CODES, NO_CODES, NO_CANDLES, facts)
        from leadline.domain.heatmap import choose_grid, picture, price_range

        columns = hours * 60 // step_min
        first_min = (self._newest_min // step_min - columns + 1) * step_min
        low, high = price_range(list(venues.values()), first_min, step_min, columns)
        grid = self._grid
        if grid is None or not grid.shows(low, high) or not grid.holds(price):
            grid = self._grid = choose_grid(hours, price, low, high)
        made = picture(list(venues.values()), grid, first_min, step_min, columns, self._opened_in)
        facts = {
            "first_min": first_min,
            "low": grid.low,
            "ratio": grid.ratio,
            **self._key_facts(step_min, grid, venues, made),
        }
        return map_keyframe(self.number, made.long, made.short, made.candles, facts)

    def _encode_column(self, grid: Grid, venues: dict[str, VenueColumns], minute: int) -> bytes:
        from leadline.domain.heatmap import picture

        step_min = MAP_STEP_MIN[self.key.hours]
        # What was opened since the range began is known by going through all of it.
        columns = self.key.hours * 60 // step_min if self._opened_in else 1
        first_min = minute - (columns - 1) * step_min
        made = picture(list(venues.values()), grid, first_min, step_min, columns, self._opened_in)
        facts = {"minute": minute, **self._facts(grid, made, self._summary(grid))}
        return map_column(self.number, made.long[-1], made.short[-1], made.candles[-1], facts)

    def _key_facts(
        self, step_min: int, grid: Grid | None, venues: dict[str, VenueColumns], made: Picture | None
    ) -> dict[str, object]:
        """Return what a keyframe tells beside its arrays and its grid."""
        summary = self._summary(grid)
        bands = summary["bands"] or {}
        shares = made.shares if made is not None else ()
        return {
            "step_min": step_min,
            "opened": self.key.opened,
            "calibrated": bands.get("calibrated", False),
            "factor": bands.get("factor", UNCALIBRATED_FACTOR),
            "exact": bands.get("exact", 0.0),
            "venues": [{"venue": name, "share": share} for name, share in zip(venues, shares, strict=False)],
            **self._facts(grid, made, summary),
        }

    def _facts(self, grid: Grid | None, made: Picture | None, summary: dict[str, Any]) -> dict[str, object]:
        """Return what keyframes and columns both tell."""
        session = self._session
        self._flags, age_ms = session.freshness(self.key.venue)
        oi_usd = float(made.oi_usd[-1]) if made is not None else 0.0
        return {
            "t": self._clock.wall_ms(),
            "book": {"bids": b"", "asks": b"", "known": None} if grid is None else self._book(grid),
            "top_usd": self._top_usd(made, summary),
            "oi_usd": round(oi_usd) or None,
            "part": round(made.part, 3) if made is not None else 1.0,
            "flags": self._flags,
            "age": age_ms,
            "clusters": self._clusters(grid, made, summary),
            "moves": None if session.heat is None else session.heat.moves(self.key.venue),
            "standing": session.standings(self.key.venue),
            "progress": 0.0 if session.heat is None else round(session.heat.progress, 2),
        }

    def _top_usd(self, made: Picture | None, summary: dict[str, Any]) -> float:
        """Return what the palette's top stands for: as many times less as less of all is shown."""
        top_usd = (summary["bands"] or {}).get("heat_top_usd", 0)
        return top_usd if made is None or made.part == 1.0 else rounded(top_usd * made.part, 2)

    def _clusters(self, grid: Grid | None, made: Picture | None, summary: dict[str, Any]) -> object:
        """Return the clusters of what the picture shows: of all positions, or of those of its range."""
        if not self._opened_in or grid is None or made is None:
            return summary["clusters"]
        from leadline.domain.clusters import cluster_usd_min
        from leadline.domain.young import young_clusters, young_heat

        heat, session = young_heat(made, grid), self._session
        if heat is None:
            return []
        factor = (summary["bands"] or {}).get("factor", UNCALIBRATED_FACTOR)
        base = next(iter(session.venues.values())).instrument.base
        since_ms = (self._newest_min - self.key.hours * 60) * MINUTE_MS
        return [
            young_told(cluster, heat, float(session.tick), session.pace, since_ms)
            for cluster in young_clusters(heat, made.part, factor, cluster_usd_min(base))
        ]

    def _summary(self, grid: Grid | None) -> dict[str, Any]:
        session, price = self._session, self._session.price()
        if session.heat is None or grid is None or price is None:
            return NO_SUMMARY
        # The top of the palette is told for a row as high as the map's.
        ticks = max(1, round(price * (grid.ratio - 1.0) / float(session.tick)))
        return session.heat.summary(self.key.venue, session.tick, ticks, session.pace, None)

    def _book(self, grid: Grid) -> dict[str, object]:
        from leadline.domain.heatmap import book_codes

        session, venue = self._session, self.key.venue
        resting, known = session.resting(venue), session.known(venue, 1)
        if resting is None:
            return {"bids": bytes(grid.rows), "asks": bytes(grid.rows), "known": None}
        tick = float(session.tick)
        return {
            "bids": book_codes(grid, resting.bid_prices, resting.bid_usd).tobytes(),
            "asks": book_codes(grid, resting.ask_prices, resting.ask_usd).tobytes(),
            "known": None if known is None else grid.within(known["low"] * tick, known["high"] * tick),
        }


def _newest(venues: dict[str, VenueColumns]) -> int:
    return max((made.newest_minute or -1 for made in venues.values()), default=-1)
