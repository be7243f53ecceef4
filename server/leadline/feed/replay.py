"""Recordings served like a market: the same adapters, sessions and streams, in recorded time."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from leadline.clock import monotonic_ms
from leadline.domain.events import BookChanged, BookState, Event
from leadline.domain.leverage import bundled_tiers, day_of
from leadline.feed.capture import Player, Record, Recording, open_recordings
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.map_columns import end_minutes
from leadline.feed.session import SymbolSession
from leadline.venues.base import Abort, Fetch, History, Output, Renew, Send

log = logging.getLogger("leadline.feed")

PAUSE_MS_MAX = 3_000  # a longer silence between records (two sessions in one file) is cut to this
UNTIMED_STEP_MS = 100  # records without a time follow each other like a 10 Hz stream
RECORDS_PER_TURN = 200


class ReplayClock:
    """Recorded time running at ``speed``; monotonic time goes on when the recording starts over."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._base_ms = 0
        self._started_ms = monotonic_ms()
        self._offset_ms = 0

    def set(self, now_ms: int, offset_ms: int) -> None:
        """Let monotonic time be ``now_ms`` now, ``offset_ms`` ahead of the recorded time."""
        self._base_ms, self._offset_ms = now_ms, offset_ms
        self._started_ms = monotonic_ms()

    def monotonic_ms(self) -> int:
        return self._base_ms + int((monotonic_ms() - self._started_ms) * self._speed)

    def wall_ms(self) -> int:
        return self.monotonic_ms() - self._offset_ms

    def seconds_until(self, at_ms: int) -> float:
        """Return the real seconds until monotonic time ``at_ms``."""
        return (at_ms - self.monotonic_ms()) / 1000 / self._speed


class Replay:
    """Plays recordings into a hub of its own.  day: on which the first of them begins.

    Raises CaptureError at once when a file cannot be used.
    """

    def __init__(self, files: list[Path], speed: float, loop: bool) -> None:
        self._recordings = open_recordings(files)
        self._loop = loop
        self._clock = ReplayClock(speed)
        self._players: list[Player] = []
        self._tellers: dict[tuple[str, str, type[Event]], str] = {}
        self._heats: dict[str, SymbolHeat] = {}
        self._building: set[asyncio.Task[object]] = set()
        self._end_ms = 0
        # Margins are those of the recording's own day; without times nobody knows which that was.
        self.day = day_of(next((record.t_ms for one in self._recordings for record in one.records()), 0))
        self.hub = Hub(self._clock, "replay", simulated=False)

    async def run(self) -> None:
        """Play to the end (for ever with ``loop``), then go on serving the last picture, stale."""
        minutes = asyncio.create_task(end_minutes(self._clock, self._heats))
        try:
            offset_ms = 0
            while True:
                self._rewind()
                await self._play(offset_ms)
                if not self._loop:
                    break
                log.info("the recording starts over")
                first_ms = next((record.t_ms for _, record in self._records()), 0)
                offset_ms = self._end_ms + UNTIMED_STEP_MS - first_ms
            self._end()
            await asyncio.Event().wait()
        finally:
            for task in (minutes, *self._building):
                task.cancel()

    def _rewind(self) -> None:
        """Make fresh adapters and give their books to the sessions."""
        self._players = [Player(recording) for recording in self._recordings]
        self._tellers.clear()
        for player in self._players:
            for conn, protocol in player.protocols.items():
                for symbol, book in protocol.books.items():
                    if self._tellers.setdefault((player.recording.market, symbol, BookChanged), conn) == conn:
                        self._session(symbol).attach(book.instrument, book)
                        self._build(symbol, player, conn)

    def _session(self, symbol: str) -> SymbolSession:
        if symbol not in self.hub.sessions:
            heat = self._heats[symbol] = SymbolHeat(self._clock)
            self.hub.sessions[symbol] = SymbolSession(symbol, self._clock, simulated=False, heat=heat)
        return self.hub.sessions[symbol]

    def _build(self, symbol: str, player: Player, conn: str) -> None:
        """Start the symbol's bands without history: only what the recording itself tells."""
        instrument = player.protocols[conn].books[symbol].instrument
        tiers = bundled_tiers(instrument.venue, instrument.symbol, self.day, instrument.leverage_max)
        task: asyncio.Task[object] = asyncio.create_task(
            self._heats[symbol].build(instrument, tiers, History(), until_ms=0)
        )
        self._building.add(task)
        task.add_done_callback(self._building.discard)

    async def _play(self, offset_ms: int) -> None:
        fed = 0
        started = False
        for player, record in self._records():
            due_ms = record.t_ms + offset_ms
            if not started or self._clock.seconds_until(due_ms) > PAUSE_MS_MAX / 1000:
                self._clock.set(due_ms, offset_ms)
                started = True
            wait_s = self._clock.seconds_until(due_ms)
            if wait_s > 0.002 or fed >= RECORDS_PER_TURN:
                await asyncio.sleep(max(wait_s, 0))
                fed = 0
            fed += 1
            self._end_ms = due_ms
            for conn, output in player.feed(replace(record, t_ms=due_ms)):
                self._pass_on(player, conn, output)

    def _pass_on(self, player: Player, conn: str, output: Output) -> None:
        # A recording cannot be asked for anything: requests of the adapters go unheard.
        if isinstance(output, Send | Fetch | Abort | Renew):
            return
        if self._listens_to(player, conn, output):
            self.hub.sessions[output.symbol].accept(output)

    def _listens_to(self, player: Player, conn: str, event: Event) -> bool:
        """Tell whether this is the connection whose events of this kind and symbol are shown.

        It is the first that tells any, until one of a later file does; a book counts once it is live.
        """
        key = (player.recording.market, event.symbol, type(event))
        held = self._tellers.setdefault(key, conn)
        if held == conn:
            return True
        later = player.recording.file_of(conn) > player.recording.file_of(held)
        if isinstance(event, BookChanged):
            books = player.protocols[held].books, player.protocols[conn].books
            shown, book = (made[event.symbol] for made in books)
            if event.state is not BookState.LIVE or not (later or shown.epoch == 0):
                return False
            self.hub.sessions[event.symbol].attach(book.instrument, book)
        elif not later:
            return False
        self._tellers[key] = conn
        return True

    def _records(self) -> Iterator[tuple[Player, Record]]:
        """Yield the records of all markets in the order of their times."""
        streams = [_timed(player) for player in self._players]
        for _, _, player, record in heapq.merge(*streams, key=lambda item: item[:2]):
            yield player, record

    def _end(self) -> None:
        for player in self._players:
            for conn, protocol in player.protocols.items():
                for route in protocol.routes():
                    for output in protocol.closed(route, self._clock.monotonic_ms()):
                        self._pass_on(player, conn, output)
        log.info("the recording is over; its last picture stays")
        for symbol in self.hub.sessions:
            self.hub.notify(symbol, "replay ended", "The recording is over; this is its last picture.")


def _timed(player: Player) -> Iterator[tuple[int, int, Player, Record]]:
    """Yield the player's records with times that never fall; untimed ones get one of their own."""
    recording: Recording = player.recording
    last_ms = 0
    for index, record in enumerate(recording.records()):
        t_ms = record.t_ms or last_ms + UNTIMED_STEP_MS
        last_ms = max(last_ms, t_ms)
        yield last_ms, index, player, replace(record, t_ms=last_ms)
