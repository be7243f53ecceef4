"""The rules that keep a book true: anchored by a snapshot, extended only by deltas that provably follow.

One pure class holds what the venues share; three small subclasses hold the link between two
messages.  They decide and count; the adapters turn a decision into requests.

States: IDLE until subscribed, SYNCING until first anchored, LIVE while every message followed, STALE
from the moment a loss is known: the old book is kept to look at until a new one is anchored.
"""

from __future__ import annotations

import binascii
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from leadline.domain.book import Book, Ints
from leadline.domain.events import BookChanged, BookState
from leadline.domain.instrument import Instrument
from leadline.limits import BUFFERED_DELTAS_MAX, FIRST_DATA_S, SILENT_BOOK_S
from leadline.units import NumberRejected, Step
from leadline.venues.base import BookStats
from leadline.venues.sync_cells import (
    ANCHORED,
    AT_MS,
    LINKED,
    LOT,
    ORDER,
    RECEIVED_MS,
    RECENT,
    RECENT_COUNT,
    RECENT_IDS_MAX,
    RECORDING,
    SILENT,
    STATE,
    TAKEN,
    TICK,
    TRIES,
    UPDATE_ID,
    USUAL_GAP_MS,
    Cell,
    Flag,
    HasCells,
    SyncCells,
)

USUAL_GAPS_PER_SILENCE = 20
GAP_MS_AT_FIRST = 500.0  # until the symbol's own pace is known
GAP_WEIGHT = 0.05
CHECKSUM_LEVELS = 25


class Outcome(Enum):
    """What a message did to the book, and so what the adapter has to do."""

    TAKEN = auto()
    WAITING = auto()  # kept until an anchor comes, or dropped as already known
    LOST = auto()  # a gap or a crossed book: anchor it anew
    TOO_OLD = auto()  # the snapshot does not reach the deltas held: ask for a newer one


class Link(Enum):
    """How a delta stands to the last message taken."""

    NEXT = auto()
    DUPLICATE = auto()
    GAP = auto()


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of one message as parallel ticks and lots."""

    bid_ticks: list[int]
    bid_lots: list[int]
    ask_ticks: list[int]
    ask_lots: list[int]


@dataclass(frozen=True, slots=True)
class Delta:
    """One change of the book.

    It brings the book to update id ``last_id`` and follows the message that ended with
    ``prev_id``.  order: a number that never falls, where the venue has one beside the ids, else 0.
    """

    prev_id: int
    last_id: int
    at_ms: int
    levels: Levels
    order: int = 0


def read_levels(instrument: Instrument, bids: object, asks: object) -> Levels:
    """Read rows ``[price, size, ...]`` of decimal text.

    Raises NumberRejected (OffGrid off the instrument's steps) for anything else.
    """
    bid_ticks, bid_lots = _read_side(instrument.tick, instrument.lot, bids)
    ask_ticks, ask_lots = _read_side(instrument.tick, instrument.lot, asks)
    return Levels(bid_ticks, bid_lots, ask_ticks, ask_lots)


def _read_side(tick: Step, lot: Step, rows: object) -> tuple[list[int], list[int]]:
    if not isinstance(rows, list):
        raise NumberRejected(f"expected a list of levels, got {rows!r:.60}")
    ticks: list[int] = []
    lots: list[int] = []
    for row in rows:
        if type(row) is not list or len(row) < 2:
            raise NumberRejected(f"expected a level [price, size], got {row!r:.60}")
        ticks.append(tick.count(row[0]))
        lots.append(lot.count(row[1]))
    if 0 in ticks:
        raise NumberRejected("expected prices above 0")
    return ticks, lots


STATES = tuple(BookState)


class BookSync(HasCells):
    """A venue book and the proof of it; satisfies VenueBook.

    route: the connection that carries it.  anchored: a snapshot is in place and nothing was lost
    since.  linked: a delta has proven that stream and snapshot meet.  trusted: lowest and highest
    tick the last snapshot reached; levels beyond are known only where they changed since.
    told_live: what to tell of a message that left the book live.
    listening_ms: when the stream was last asked for, or last told something.
    waiting_ms, asked_ms, due_ms, tries: for the adapter's timing of anchors (waiting since, last asked
    for, next due or None, asked for since the book was last live).  hopeless: not live since the whole
    connection was replaced for its sake.
    """

    verified = True

    # What a compiled path keeps as well, when it takes a message.
    update_id = Cell(UPDATE_ID)
    at_ms = Cell(AT_MS)
    received_ms = Cell(RECEIVED_MS)
    tries = Cell(TRIES)
    anchored = Flag(ANCHORED)
    linked = Flag(LINKED)
    recording = Flag(RECORDING)
    silent = Flag(SILENT)
    _order = Cell(ORDER)

    def __init__(self, instrument: Instrument, route: str) -> None:
        self.cells = SyncCells()
        self.ints = self.cells.ints
        self.venue, self.symbol = instrument.venue, instrument.symbol
        self.instrument = instrument
        self.route = route
        self.book = Book()
        self.state = BookState.IDLE
        self.epoch = 0
        self._stats = BookStats()
        self.trusted = (0, 0)
        self.anchored_ms = 0
        self.listening_ms = 0
        self.waiting_ms = 0
        self.asked_ms: int | None = None
        self.due_ms: int | None = None
        self.hopeless = False
        self.usual_gap_ms = GAP_MS_AT_FIRST
        self._held: deque[Delta] = deque(maxlen=BUFFERED_DELTAS_MAX)

    @property
    def known(self) -> tuple[int, int]:
        """The range of the last snapshot; the stream tells changes at any price, not what rested before."""
        return self.trusted

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    @instrument.setter
    def instrument(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self.cells.set_scale(TICK, instrument.tick)
        self.cells.set_scale(LOT, instrument.lot)

    @property
    def epoch(self) -> int:
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self.told_live = (BookChanged(self.venue, self.symbol, BookState.LIVE, epoch),)

    @property
    def state(self) -> BookState:
        return STATES[self.cells.ints[STATE]]

    @state.setter
    def state(self, state: BookState) -> None:
        self.cells.ints[STATE] = state

    @property
    def stats(self) -> BookStats:
        taken = self.cells.ints[TAKEN]
        if taken:
            self.cells.ints[TAKEN] = 0
            self._stats.messages += taken
            self._stats.deltas += taken
        return self._stats

    @property
    def usual_gap_ms(self) -> float:
        gap_ms: float = self.cells.floats[USUAL_GAP_MS]
        return gap_ms

    @usual_gap_ms.setter
    def usual_gap_ms(self, gap_ms: float) -> None:
        self.cells.floats[USUAL_GAP_MS] = gap_ms

    # What the adapter tells.

    def begin(self, now_ms: int) -> None:
        """The stream starts, or starts over: whatever was known may have been missed."""
        self._held.clear()
        self.tries = 0
        self.lose(now_ms)

    def lose(self, now_ms: int) -> None:
        """The book is no longer proven: keep it, flagged, and wait for an anchor."""
        self.anchored = self.linked = self.recording = False
        self.state = BookState.STALE if self.epoch else BookState.SYNCING
        self.waiting_ms = self.listening_ms = now_ms

    def rebase(self, instrument: Instrument, now_ms: int) -> None:
        """The venue changed the contract's steps: what is held has lost its meaning."""
        self.instrument = instrument
        self.book.clear()
        self._held.clear()
        self.lose(now_ms)

    def record(self) -> None:
        """Hold the deltas from now on beside applying them: a snapshot on its way shall replace the book."""
        self._held.clear()
        self.recording = True

    def take_snapshot(
        self, update_id: int, at_ms: int, levels: Levels, now_ms: int, order: int = 0
    ) -> Outcome:
        """Take a snapshot sent within the stream: it is the book."""
        self.stats.snapshots += 1
        self._held.clear()
        self._note_arrival(now_ms)
        self._anchor(update_id, at_ms, levels, now_ms)
        self._order = order
        self.linked = True
        return self.settle()

    def take_fetched(self, update_id: int, at_ms: int, levels: Levels, now_ms: int) -> Outcome:
        """Take a snapshot fetched beside the stream: the deltas held must reach back to it.

        A delta follows the snapshot when the message before it ended at or before ``update_id``.
        """
        if self.anchored and not self.recording:
            return Outcome.WAITING
        newer = [delta for delta in self._held if delta.last_id > update_id]
        behind = self.anchored and not newer and update_id < self.update_id
        if behind or (newer and not _reaches(newer[0], update_id)):
            return Outcome.TOO_OLD
        met = any(delta.last_id == update_id for delta in self._held)
        self.stats.snapshots += 1
        self._anchor(update_id, at_ms, levels, now_ms)
        self._held.clear()
        self.linked = met
        self._end_silence(now_ms)
        self.received_ms = now_ms
        for delta in newer:
            outcome = self._extend(delta)
            if outcome is not Outcome.TAKEN:
                return outcome
        return self.settle()

    def take_delta(self, delta: Delta, now_ms: int) -> Outcome:
        """Apply a delta that follows; hold it while there is no anchor; report a gap."""
        self.stats.deltas += 1
        self._note_arrival(now_ms)
        if not self.anchored:
            return self._hold(delta)
        if self.recording:
            self._held.append(delta)
        return self._extend(delta)

    def take_keepalive(self, at_ms: int, now_ms: int) -> Outcome:
        """The venue said that nothing changed."""
        self._note_arrival(now_ms)
        self.at_ms = max(self.at_ms, at_ms)
        return self.settle() if self.anchored else Outcome.WAITING

    def silence_ms(self, now_ms: int) -> int:
        """Return for how long the stream has told nothing; a book fetched beside it is no word of it."""
        return now_ms - (self.received_ms if self.linked else self.listening_ms)

    def silent_limit_ms(self) -> int:
        """Return how long this book may be silent before its stream is suspected."""
        if not self.linked:
            return int(FIRST_DATA_S * 1000)
        return int(max(SILENT_BOOK_S * 1000, USUAL_GAPS_PER_SILENCE * self.usual_gap_ms))

    def mark_silent(self) -> None:
        self.silent = True
        self.state = BookState.STALE if self.epoch else BookState.SYNCING

    def audit(self, levels: Levels, now_ms: int) -> bool:
        """Compare with a book fetched beside a silent stream; an equal one makes it live again."""
        fetched = Book()
        fetched.replace(levels.bid_ticks, levels.bid_lots, levels.ask_ticks, levels.ask_lots)
        same = _same_side(fetched.bids(), self.book.bids(len(levels.bid_ticks))) and _same_side(
            fetched.asks(), self.book.asks(len(levels.ask_ticks))
        )
        if same and self.anchored:
            self._note_arrival(now_ms)
            self.settle()
        return same

    def changed(self) -> BookChanged:
        """Return the event that tells where the book stands."""
        return BookChanged(self.venue, self.symbol, self.state, self.epoch)

    # The rules.

    def _link(self, delta: Delta) -> Link:
        """Binance's: the id of the message before must be the last one taken."""
        if delta.last_id <= self.update_id:
            return Link.DUPLICATE
        if delta.prev_id == self.update_id or (not self.linked and _reaches(delta, self.update_id)):
            return Link.NEXT
        return Link.GAP

    def _note_arrival(self, now_ms: int) -> None:
        if self.received_ms and self.anchored:
            gap_ms = max(0, now_ms - self.received_ms)
            self.usual_gap_ms += GAP_WEIGHT * (gap_ms - self.usual_gap_ms)
        self._end_silence(now_ms)
        self.received_ms = self.listening_ms = now_ms

    def _end_silence(self, now_ms: int) -> None:
        if self.silent:
            self.stats.silent_ms += now_ms - self.received_ms
        self.silent = False

    def _anchor(self, update_id: int, at_ms: int, levels: Levels, now_ms: int) -> None:
        known = self._beyond(levels) if self.anchored and self.recording else Levels([], [], [], [])
        self.book.replace(
            levels.bid_ticks + known.bid_ticks,
            levels.bid_lots + known.bid_lots,
            levels.ask_ticks + known.ask_ticks,
            levels.ask_lots + known.ask_lots,
        )
        if not self.anchored:
            self.epoch += 1
        self.anchored, self.recording, self.due_ms = True, False, None
        self.anchored_ms = now_ms
        self.update_id, self.at_ms = update_id, at_ms
        self.trusted = (min(levels.bid_ticks, default=0), max(levels.ask_ticks, default=0))

    def _beyond(self, levels: Levels) -> Levels:
        """Return the levels of the present book outside the range of ``levels``."""
        bid_ticks, bid_lots = self.book.bids()
        ask_ticks, ask_lots = self.book.asks()
        low = bid_ticks < min(levels.bid_ticks, default=0)
        high = ask_ticks > max(levels.ask_ticks, default=0)
        return Levels(
            bid_ticks[low].tolist(), bid_lots[low].tolist(), ask_ticks[high].tolist(), ask_lots[high].tolist()
        )

    def _extend(self, delta: Delta) -> Outcome:
        link = self._link(delta)
        if link is Link.DUPLICATE:
            # What came before a fetched snapshot is part of it; only a repeat afterwards is one.
            self.stats.duplicates += self.linked
            return Outcome.WAITING
        if link is Link.GAP:
            if not self.linked:
                # The first delta after a fetched snapshot lies beyond it: the snapshot was too old.
                self.anchored = False
                self._held.append(delta)
                return Outcome.TOO_OLD
            self.stats.gaps += 1
            self._held.clear()
            self._held.append(delta)
            return Outcome.LOST
        levels = delta.levels
        self.book.apply(levels.bid_ticks, levels.bid_lots, levels.ask_ticks, levels.ask_lots)
        self.update_id, self.at_ms, self._order = delta.last_id, delta.at_ms, delta.order
        self.linked = True
        return self.settle()

    def _hold(self, delta: Delta) -> Outcome:
        """Keep an unbroken run of deltas until an anchor comes."""
        if self._held:
            last = self._held[-1]
            if delta.last_id <= last.last_id and delta.prev_id <= last.prev_id:
                self.stats.duplicates += 1
                return Outcome.WAITING
            if delta.prev_id != last.last_id:
                self.stats.gaps += 1
                self._held.clear()
        self._held.append(delta)
        return Outcome.WAITING

    def settle(self) -> Outcome:
        """Set the state by what the book looks like now."""
        bid, ask = self.book.best_bid, self.book.best_ask
        apart = bid is None or ask is None or bid < ask
        if apart:
            if self.linked:
                self.state, self.tries, self.hopeless = BookState.LIVE, 0, False
            return Outcome.TAKEN
        # A locked book (bid == ask) is only flagged; so is any overlap in a call auction.
        self.state = BookState.STALE
        if bid == ask or not self.instrument.trading:
            return Outcome.TAKEN
        self.stats.crossed += 1
        self._held.clear()
        return Outcome.LOST


class BestLevelsSync(BookSync):
    """The stream keeps up the best levels and no others: all that is held is whole, and nothing beyond."""

    @property
    def known(self) -> tuple[int, int]:
        return self.book.extent


class CountedSync(BestLevelsSync):
    """Bybit's link: each message of a topic counts one up.

    A count that fell while ``order`` rose is not an old message but a restarted counter whose
    snapshot was lost.
    """

    def _link(self, delta: Delta) -> Link:
        if delta.last_id <= self.update_id:
            return Link.GAP if delta.order > self._order else Link.DUPLICATE
        return Link.NEXT if delta.last_id == self.update_id + 1 else Link.GAP


class SequenceSync(BestLevelsSync):
    """OKX's link: each message names the id before its own; ids may legally start over lower.

    An old message is therefore known by having been seen, not by a low id.  Recordings older than
    the ids carry a checksum of the best levels instead, which proves the book after every message.
    """

    _recent_count = Cell(RECENT_COUNT)

    def __init__(self, instrument: Instrument, route: str) -> None:
        super().__init__(instrument, route)
        self.checksums_compared = 0
        self.checksum_mismatches = 0
        self._bid_texts: dict[int, str] = {}
        self._ask_texts: dict[int, str] = {}

    def _link(self, delta: Delta) -> Link:
        ids = (delta.prev_id, delta.last_id)
        if delta.prev_id == self.update_id or (not self.linked and _reaches(delta, self.update_id)):
            at = RECENT + 2 * (self._recent_count % RECENT_IDS_MAX)
            self.cells.memory[at : at + 2] = ids
            self._recent_count += 1
            return Link.NEXT
        recent = self.cells.memory[RECENT : RECENT + 2 * min(self._recent_count, RECENT_IDS_MAX)]
        seen = (recent.reshape(-1, 2) == ids).all(axis=1).any()
        return Link.DUPLICATE if seen else Link.GAP

    def lose(self, now_ms: int) -> None:
        super().lose(now_ms)
        self._recent_count = 0

    def take_summed(
        self, fresh: bool, at_ms: int, levels: Levels, rows: tuple[list[list[str]], list[list[str]]],
        checksum: int, now_ms: int,
    ) -> Outcome:  # fmt: skip
        """Take a message without ids and verify its checksum (CRC32, signed).

        fresh: it is a snapshot.  rows: bids and asks as sent, for the checksum is over their text.
        """
        self.stats.snapshots += fresh
        self.stats.deltas += not fresh
        self._note_arrival(now_ms)
        if fresh:
            self._bid_texts, self._ask_texts = {}, {}
            self._anchor(0, at_ms, levels, now_ms)
            self.linked = True
        elif not self.anchored:
            return Outcome.WAITING
        else:
            self.book.apply(levels.bid_ticks, levels.bid_lots, levels.ask_ticks, levels.ask_lots)
            self.at_ms = at_ms
        _keep_texts(self._bid_texts, levels.bid_ticks, levels.bid_lots, rows[0])
        _keep_texts(self._ask_texts, levels.ask_ticks, levels.ask_lots, rows[1])
        self.checksums_compared += 1
        if self._checksum() != checksum:
            self.checksum_mismatches += 1
            return Outcome.LOST
        return self.settle()

    def _checksum(self) -> int:
        """Return the signed CRC32 of the best levels: ``price:size``, bid and ask in turn, colons between."""
        bids = [self._bid_texts[tick] for tick in self.book.bids(CHECKSUM_LEVELS)[0].tolist()]
        asks = [self._ask_texts[tick] for tick in self.book.asks(CHECKSUM_LEVELS)[0].tolist()]
        turns: list[str] = []
        for rank in range(CHECKSUM_LEVELS):
            turns += bids[rank : rank + 1] + asks[rank : rank + 1]
        unsigned = binascii.crc32(":".join(turns).encode())
        return unsigned - 2**32 if unsigned >= 2**31 else unsigned


def _reaches(delta: Delta, update_id: int) -> bool:
    # A first id at or before the snapshot with a predecessor beyond it contradicts itself.
    return delta.prev_id <= update_id


def _same_side(one: tuple[Ints, Ints], other: tuple[Ints, Ints]) -> bool:
    return bool(np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1]))


def _keep_texts(texts: dict[int, str], ticks: list[int], lots: list[int], rows: list[list[str]]) -> None:
    for tick, count, row in zip(ticks, lots, rows, strict=True):
        if count:
            texts[tick] = f"{row[0]}:{row[1]}"
        else:
            texts.pop(tick, None)
