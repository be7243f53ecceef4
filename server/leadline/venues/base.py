"""What every venue adapter is: a plain protocol object without sockets, clocks or tasks.

The shell (venues/source.py) opens the connections, hands in what arrives and carries out what comes
back; a recording (feed/replay.py, the `check` command) hands in the same bytes from a file.  So a
live market, a replay and a test run the very same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from leadline.domain.book import Book
from leadline.domain.events import BookState, Event
from leadline.domain.instrument import Instrument

if TYPE_CHECKING:
    from leadline.venues.scan import RawReader


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text on the connection of this route."""

    route: str
    text: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET this path (with its query) and hand the answer to ``answer`` with this same object.

    purpose: what the answer is for; weight: the venue's own price of the request; delay_s: wait first;
    urgent: a book that people look at was lost and waits for this.
    """

    purpose: str
    symbol: str
    path: str
    weight: int = 1
    delay_s: float = 0.0
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Abort:
    """Tear down the connection of this route and open a new one; reason goes to the log."""

    route: str
    reason: str


@dataclass(frozen=True, slots=True)
class Renew:
    """The venue will end the connection of this route soon: replace it before that, without haste or gap."""

    route: str
    reason: str


Output = Event | Send | Fetch | Abort | Renew


@dataclass(slots=True)
class BookStats:
    """Counters of one venue book, since it was made (or since the one it took over from was).

    silent_ms: time its stream was silent for longer than it may be.  trade_gaps: times that the numbers of
    trades left some out; trades_refilled, trades_lost: how many of those were fetched later, and were not.
    """

    messages: int = 0
    deltas: int = 0
    snapshots: int = 0
    trades: int = 0
    gaps: int = 0
    resyncs: int = 0
    duplicates: int = 0
    crossed: int = 0
    protocol_errors: int = 0
    silent_ms: int = 0
    trade_gaps: int = 0
    trades_refilled: int = 0
    trades_lost: int = 0

    def add(self, earlier: BookStats) -> None:
        """Count on from what an earlier book of the same contract had counted."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(earlier, each.name))


class VenueBook(Protocol):
    """A book with its proof: kept by the adapter, read by sessions, tests and the check command.

    epoch rises by one each time the book was lost and anchored again.  verified: whether every message
    was proven to follow the one before; where that cannot be known, live means no more than unrefuted.
    """

    instrument: Instrument
    book: Book
    state: BookState
    epoch: int
    update_id: int
    at_ms: int
    received_ms: int

    @property
    def stats(self) -> BookStats:
        """What was counted so far."""

    @property
    def verified(self) -> bool: ...

    @property
    def known(self) -> tuple[int, int]:
        """Lowest and highest tick between which every order is known, (0, 0) while unknown."""


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar of history. volume in coins; taker_buy in coins or None where the venue does not say."""

    at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy: float | None
    span_ms: int = 300_000


@dataclass(slots=True)
class History:
    """What is known of the past of one (venue, symbol), oldest first; bars may be of different lengths.

    open_interest: (ms, coins of one side).  funding: (ms, rate) of settlements.  long_ratios: (ms,
    accounts that are long for each that is short).
    """

    candles: list[Candle] = field(default_factory=list)
    open_interest: list[tuple[int, float]] = field(default_factory=list)
    funding: list[tuple[int, float]] = field(default_factory=list)
    long_ratios: list[tuple[int, float]] = field(default_factory=list)


class VenueProtocol(Protocol):
    """The pure rules of one venue for a set of instruments.

    Every method returns what to do and what was learnt, in order; none raises for anything a network
    sent: unreadable frames are counted as protocol errors and mended by a resync or an Abort.
    ``now_ms`` is the local monotonic clock, used for ages and timeouts only.
    """

    venue: str
    books: dict[str, VenueBook]

    def read_raw_with(self, make: type[RawReader]) -> None:
        """Take messages from their raw bytes by compiled code from now on; nothing else changes."""

    def follow(self, earlier: VenueProtocol) -> None:
        """Go on with what numbers run through where an earlier object of this venue ends."""

    def routes(self) -> dict[str, str]:
        """Return route name -> path (with query) of each WebSocket connection to hold."""

    def opened(self, route: str, now_ms: int) -> Iterable[Output]:
        """Tell that the connection of ``route`` is up (again)."""

    def closed(self, route: str, now_ms: int) -> Iterable[Output]:
        """Tell that the connection of ``route`` is gone: its books turn stale at once."""

    def receive(self, route: str, raw: bytes | str, now_ms: int) -> Sequence[Output]:
        """Take one WebSocket message."""

    def answer(self, fetch: Fetch, status: int, body: bytes, now_ms: int) -> Iterable[Output]:
        """Take the answer to a Fetch (status 0: no answer came)."""

    def tick(self, now_ms: int) -> Iterable[Output]:
        """Called about four times a second: keep-alives, silence, polls that are due."""
