"""What the venue adapters share: dispatch that cannot raise, anchors asked for in time, watchdogs.

An adapter fills in three things: how a route is subscribed, how an anchor is asked for, and what its
messages mean.  Everything that can go wrong between them is handled here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from leadline.domain.events import BestQuote, BookState, Funding, Side
from leadline.domain.instrument import Instrument
from leadline.domain.trades import Trades
from leadline.errors import VenueError
from leadline.limits import FIRST_DATA_S, SNAPSHOT_TRIES_MAX
from leadline.units import NumberRejected, OffGrid
from leadline.venues.base import Abort, Fetch, Output, VenueBook, VenueProtocol
from leadline.venues.booksync import BookSync, Levels, Outcome, read_levels
from leadline.venues.grid import refine
from leadline.venues.instruments import INSTRUMENTS_PATH, parse_instruments
from leadline.venues.sync_cells import KIND, KIND_BITS, SETTLE, TRADES, UNNUMBERED

if TYPE_CHECKING:
    from leadline.venues.scan import RawReader

RETRY_S_FIRST = 0.25
RETRY_S_MAX = 3.0
METADATA_EVERY_MS = 10_000
HOPELESS_RETRY_MS = 60_000
REFINE_WITHIN_MS = 30_000
MARK_EVERY_MS = 60_000
MARK_RETRY_MS_MAX = 300_000
FIRST_DATA_MS = int(FIRST_DATA_S * 1000)
# A venue's message can be wrong in any of these ways; each is a protocol error, none a defect of ours.
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, VenueError)

WHOLE_MAX = 2**63 - 1

S = TypeVar("S", bound=BookSync)
T = TypeVar("T")


def load_raw_reader() -> type[RawReader]:
    """Load the compiled reader of raw messages: about a second, a quarter of a minute the first time.

    For a thread, so that nothing waits for it; hand the result to ``read_raw_with`` of the adapters.
    """
    from leadline.venues.scan import RawReader

    return RawReader


@dataclass(slots=True)
class _MarkWatch:
    """Whether a symbol's mark was heard since the last look, when the next look is due, and how far the
    one after it if nothing was."""

    due_ms: int
    heard: bool = False
    pause_ms: int = FIRST_DATA_MS


class Adapter(Generic[S]):
    """Base of the venue protocols; satisfies VenueProtocol with the subclass's hooks."""

    venue = ""

    def __init__(self, syncs: Iterable[S]) -> None:
        self._by_native: dict[str, S] = {sync.instrument.native: sync for sync in syncs}
        self.books: dict[str, VenueBook] = {sync.instrument.symbol: sync for sync in self._by_native.values()}
        self.protocol_errors = 0
        self._opened: set[str] = set()
        self._fetching: set[str] = set()  # natives whose snapshot is on its way, perhaps waiting its turn
        self._mark_watches: dict[str, _MarkWatch] = {}
        self._fundings: dict[str, tuple[float, int]] = {}
        self._listed: dict[str, Instrument] = {
            native: sync.instrument for native, sync in self._by_native.items()
        }
        self._metadata_asked_ms: int | None = None
        self._metadata_told_ms: int | None = None
        self._in_order = self.syncs()
        self._reader: RawReader | None = None
        self._scan: Callable[[bytes, int, int], int] | None = None
        self._desk = 0

    def read_raw_with(self, make: type[RawReader]) -> None:
        """Take messages from their raw bytes from now on; books and their proof stay as they are."""
        self._reader = make(self.venue, self._in_order)
        self._scan, self._desk = self._reader.scan, self._reader.desk

    def syncs(self) -> list[S]:
        """Return the books with their proof, in the order of the instruments."""
        return list(self._by_native.values())

    # Hooks of the subclass.

    def follow(self, earlier: VenueProtocol) -> None:
        """Nothing runs through but what the books prove."""

    def routes(self) -> dict[str, str]:
        raise NotImplementedError

    def _subscribe(self, route: str) -> list[Output]:
        """Return what to send when ``route`` is up."""
        raise NotImplementedError

    def _ask_anchor(self, sync: S) -> list[Output]:
        """Return the requests that bring a new snapshot of ``sync``."""
        raise NotImplementedError

    def _take(self, route: str, message: Any, now_ms: int) -> list[Output]:
        """Take one parsed message; may raise any of MALFORMED."""
        raise NotImplementedError

    def _take_answer(self, fetch: Fetch, body: Any, now_ms: int) -> list[Output]:
        """Take the parsed answer of a successful Fetch; may raise any of MALFORMED."""
        raise NotImplementedError

    def _on_silence(self, sync: S, now_ms: int) -> list[Output]:
        """Return what to do about a live book whose stream fell silent."""
        return self._resync(sync, now_ms)

    def _mark_route(self, sync: S) -> str:
        """Return the connection that carries the symbol's mark."""
        return sync.route

    def _subscribe_marks_again(self, route: str, syncs: list[S]) -> list[Output]:
        """Return the requests for all streams of these symbols on ``route`` but their books."""
        raise NotImplementedError

    def _tick(self, now_ms: int) -> list[Output]:
        """Return what else is due: keep-alives and polls."""
        raise NotImplementedError

    # VenueProtocol.

    def opened(self, route: str, now_ms: int) -> list[Output]:
        self._opened.add(route)
        outputs: list[Output] = []
        for sync in self._on_route(route):
            sync.begin(now_ms)
            outputs.append(sync.changed())
        for native, sync in self._by_native.items():
            if self._mark_route(sync) == route:
                self._mark_watches[native] = _MarkWatch(now_ms + FIRST_DATA_MS)
        return outputs + self._subscribe(route)

    def closed(self, route: str, now_ms: int) -> list[Output]:
        self._opened.discard(route)
        outputs: list[Output] = []
        for sync in self._on_route(route):
            sync.lose(now_ms)
            sync.due_ms = None
            self._fetching.discard(sync.instrument.native)
            outputs.append(sync.changed())
        return outputs

    def receive(self, route: str, raw: bytes | str, now_ms: int) -> Sequence[Output]:
        if self._scan is not None and type(raw) is bytes:
            found = self._scan(raw, self._desk, now_ms)
            if found >= 0:
                return self._in_order[found].told_live
            kind = ~found & KIND
            if kind >= SETTLE:
                return self._take_found(kind, self._in_order[~found >> KIND_BITS], now_ms)
        try:
            return self._take(route, orjson.loads(raw), now_ms)
        except OffGrid:
            return self._refuse(self._suspects(route, raw), now_ms) + self._ask_metadata(now_ms)
        except MALFORMED:
            return self._refuse(self._suspects(route, raw), now_ms)

    def answer(self, fetch: Fetch, status: int, body: bytes, now_ms: int) -> list[Output]:
        sync = self._by_native.get(fetch.symbol)
        if fetch.purpose == "snapshot":
            self._fetching.discard(fetch.symbol)
        if status != 200:
            return self._unanswered(fetch, sync, now_ms)
        try:
            if fetch.purpose == "instruments":
                return self._take_metadata(body, now_ms)
            return self._take_answer(fetch, orjson.loads(body), now_ms)
        except OffGrid:
            return self._refuse([sync] if sync else [], now_ms) + self._ask_metadata(now_ms)
        except MALFORMED:
            self.protocol_errors += 1
            if sync is not None:
                sync.stats.protocol_errors += 1
            return self._unanswered(fetch, sync, now_ms)

    def tick(self, now_ms: int) -> list[Output]:
        outputs: list[Output] = []
        for sync in self._by_native.values():
            if sync.route not in self._opened:
                continue
            if sync.due_ms is not None:
                if now_ms >= sync.due_ms:
                    outputs += self._ask(sync, now_ms)
            elif not sync.anchored:
                on_its_way = sync.instrument.native in self._fetching
                if not on_its_way and now_ms - sync.waiting_ms >= FIRST_DATA_MS:
                    outputs += self._resync(sync, now_ms)
            elif not sync.silent and sync.silence_ms(now_ms) > sync.silent_limit_ms():
                sync.mark_silent()
                outputs.append(sync.changed())
                outputs += self._on_silence(sync, now_ms)
        return outputs + self._watch_marks(now_ms) + self._tick(now_ms)

    # Shared steps.

    def _watch_marks(self, now_ms: int) -> list[Output]:
        """Subscribe anew where no mark comes: an acknowledgement proves nothing.

        Trades and liquidations may be quiet for long; the mark, which never is, stands for them.
        """
        quiet: dict[str, list[S]] = {}
        for native, watch in self._mark_watches.items():
            if now_ms < watch.due_ms:
                continue
            sync = self._by_native[native]
            route = self._mark_route(sync)
            if watch.heard:
                self._mark_watches[native] = _MarkWatch(now_ms + MARK_EVERY_MS)
            elif route in self._opened:
                watch.pause_ms = min(2 * watch.pause_ms, MARK_RETRY_MS_MAX)
                watch.due_ms = now_ms + watch.pause_ms
                quiet.setdefault(route, []).append(sync)
        return [out for route, syncs in quiet.items() for out in self._subscribe_marks_again(route, syncs)]

    def _note_mark(self, sync: S) -> None:
        watch = self._mark_watches.get(sync.instrument.native)
        if watch is not None:
            watch.heard = True

    def _take_found(self, kind: int, sync: S, now_ms: int) -> list[Output]:
        """Finish what a compiled reader did with a message."""
        reader, made = self._reader, sync.instrument
        if kind == SETTLE or reader is None:
            sync.book.settle()
            return self._after_delta(sync, sync.settle(), now_ms)
        sync.stats.messages += 1
        if kind == TRADES:
            return self._told_trades(sync, Trades(made, reader.trades()), reader.number())
        return [BestQuote(made.venue, made.symbol, *reader.quote())]

    def _after_delta(self, sync: S, outcome: Outcome, now_ms: int) -> list[Output]:
        return self._after(sync, outcome, now_ms)

    def _after(self, sync: S, outcome: Outcome, now_ms: int) -> list[Output]:
        """Turn what a book message did into events and requests."""
        if outcome is Outcome.LOST or (outcome is Outcome.TOO_OLD and not sync.recording):
            return self._resync(sync, now_ms)
        return [sync.changed()]

    def _resync(self, sync: S, now_ms: int) -> list[Output]:
        """Flag the book at once and anchor it anew: now at first, then at growing intervals."""
        sync.stats.resyncs += sync.anchored
        rested = sync.asked_ms is None or now_ms - sync.asked_ms >= RETRY_S_FIRST * 1000
        sync.lose(now_ms)
        outputs: list[Output] = [sync.changed()]
        if sync.tries >= SNAPSHOT_TRIES_MAX:
            sync.tries = 0
            if sync.hopeless and self._has_live(sync.route):
                # A new connection did not help, and this one serves others well: leave it to them.
                sync.due_ms = now_ms + HOPELESS_RETRY_MS
                return outputs
            sync.hopeless = True
            outputs.append(
                Abort(sync.route, f"{sync.instrument.symbol}: no book after {SNAPSHOT_TRIES_MAX} tries")
            )
            return outputs
        if sync.tries == 0 and rested:
            return outputs + self._ask(sync, now_ms)
        pause_s = min(RETRY_S_MAX, RETRY_S_FIRST * 2 ** max(0, sync.tries - 1))
        sync.due_ms = now_ms + int(pause_s * 1000)
        return outputs

    def _ask(self, sync: S, now_ms: int) -> list[Output]:
        sync.due_ms = None
        sync.asked_ms = sync.waiting_ms = now_ms
        sync.tries += 1
        outputs = self._ask_anchor(sync)
        if any(isinstance(output, Fetch) for output in outputs):
            self._fetching.add(sync.instrument.native)
        return outputs

    def _refuse(self, suspects: list[S], now_ms: int) -> list[Output]:
        """Count a message that made no sense and anchor anew every book it may have been about."""
        self.protocol_errors += 1
        outputs: list[Output] = []
        for sync in suspects:
            sync.stats.protocol_errors += 1
            if sync.anchored:
                outputs += self._resync(sync, now_ms)
        return outputs

    def _suspects(self, route: str, raw: bytes | str) -> list[S]:
        """Return the books named in an unreadable message; all of the route when none is."""
        data = raw if isinstance(raw, bytes) else raw.encode(errors="replace")
        named = [sync for native, sync in self._by_native.items() if f'"{native}"'.encode() in data]
        return named or list(self._on_route(route)) or list(self._by_native.values())

    def _has_live(self, route: str) -> bool:
        return any(sync.state is BookState.LIVE for sync in self._on_route(route))

    def _on_route(self, route: str) -> Iterator[S]:
        return (sync for sync in self._by_native.values() if sync.route == route)

    def _unanswered(self, fetch: Fetch, sync: S | None, now_ms: int) -> list[Output]:
        """An answer is missing: a snapshot still needed is asked for again, without hurry."""
        if sync is None:
            return []
        sync.recording = False
        if fetch.purpose == "audit":
            return self._resync(sync, now_ms)
        if fetch.purpose == "snapshot" and not sync.anchored and sync.due_ms is None:
            sync.due_ms = now_ms + int(RETRY_S_MAX * 1000)
            sync.tries = max(0, sync.tries - 1)
        return []

    def _ask_metadata(self, now_ms: int) -> list[Output]:
        asked = self._metadata_asked_ms
        if asked is not None and now_ms - asked < METADATA_EVERY_MS:
            return []
        self._metadata_asked_ms = now_ms
        return [Fetch("instruments", "", INSTRUMENTS_PATH[self.venue])]

    def _take_metadata(self, body: bytes, now_ms: int) -> list[Output]:
        contracts = parse_instruments(self.venue, body)
        self._metadata_told_ms = now_ms
        return self._take_contracts(contracts, now_ms)

    def _take_contracts(self, contracts: list[Instrument], now_ms: int) -> list[Output]:
        """Take contracts as they are listed now; a book whose steps changed starts over on the new grid."""
        outputs: list[Output] = []
        for made in contracts:
            sync, listed = self._by_native.get(made.native), self._listed.get(made.native)
            if sync is None or listed is None or made == listed:
                continue
            self._listed[made.native] = made
            if made.steps == listed.steps:
                sync.instrument = replace(made, tick=sync.instrument.tick, lot=sync.instrument.lot)
                continue
            sync.rebase(made, now_ms)
            sync.tries = 0
            outputs += self._resync(sync, now_ms)
        return outputs

    def _levels(self, sync: S, bids: object, asks: object, now_ms: int) -> Levels:
        """Read the levels of a message; raises as read_levels does.

        Numbers off the grid right after the venue confirmed its steps are orders older than those
        steps: the book goes on in finer ones.
        """
        try:
            return read_levels(sync.instrument, bids, asks)
        except OffGrid:
            told = self._metadata_told_ms
            if told is None or now_ms - told > REFINE_WITHIN_MS:
                raise
        sync.rebase(refined(sync.instrument, bids, asks), now_ms)
        return read_levels(sync.instrument, bids, asks)

    def _trades(
        self, sync: S, rows: Iterable[tuple[int, object, object, Side]], number: int = UNNUMBERED
    ) -> list[Output]:
        """Tell the trades of a message, rows as `read_trades` wants them; raises as it does."""
        read = read_trades(sync.instrument, rows)
        return self._told_trades(sync, Trades.of(sync.instrument, read), number) if read else []

    def _told_trades(self, sync: S, trades: Trades, number: int) -> list[Output]:  # noqa: ARG002
        """Tell trades.  number: of the message's one trade where the venue counts them, else UNNUMBERED."""
        sync.stats.trades += len(trades)
        return [trades]

    def _funding(self, sync: S, at_ms: int, rate: float, next_ms: int) -> list[Output]:
        """Return a Funding when it differs from the last one told."""
        made = sync.instrument
        if self._fundings.get(made.native) == (rate, next_ms):
            return []
        self._fundings[made.native] = (rate, next_ms)
        return [Funding(made.venue, made.symbol, at_ms, rate, next_ms)]


def read_trades(
    made: Instrument, rows: Iterable[tuple[int, object, object, Side]]
) -> list[tuple[int, int, int, int]]:
    """Return (ms, tick, lots, taker) of rows of (ms, price, size, taker).

    Raises NumberRejected for what is no trade, OffGrid for one between the contract's steps.
    """
    read = [
        (at_ms, made.tick.count(price), made.lot.count(size), int(taker))
        for at_ms, price, size, taker in rows
    ]
    if not all(tick for _, tick, _, _ in read):
        raise NumberRejected("expected a price above 0")
    return read


def refined(instrument: Instrument, bids: object, asks: object) -> Instrument:
    """Return the contract with steps fine enough for all of these levels."""
    rows = [row for side in (bids, asks) if isinstance(side, list) for row in side]
    tick = refine(instrument.tick, (row[0] for row in rows))
    lot = refine(instrument.lot, (row[1] for row in rows))
    return replace(instrument, tick=tick or instrument.tick, lot=lot or instrument.lot)


def whole(value: object) -> int:
    """Return an id or a time that must be a JSON integer of 64 bits (a bool or a float is none)."""
    if type(value) is not int or abs(value) > WHOLE_MAX:
        raise TypeError(f"expected an integer, got {value!r:.60}")
    return value


def whole_text(value: object) -> int:
    """Return an integer of 64 bits sent as text of ASCII digits."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 19:
        raise NumberRejected(f"expected an integer in text, got {value!r:.60}")
    return whole(int(value))


def coins_of(instrument: Instrument, size: float, price: float) -> float:
    """Return the coins in ``size`` of the venue's own unit at ``price``."""
    units = size * float(instrument.contract_size)
    return units / price if instrument.inverse else units


def batches(items: list[T], count: int) -> Iterator[list[T]]:
    """Yield ``items`` in lists of at most ``count``."""
    for start in range(0, len(items), count):
        yield items[start : start + count]
