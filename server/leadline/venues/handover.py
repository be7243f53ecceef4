"""From one protocol object of a venue to the next without a gap: make before break, as plain rules."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.domain.events import BookChanged, BookState, Event, Funding, Mark, OpenInterest
from leadline.venues.base import VenueBook, VenueProtocol

MARKS_WAIT_MS = 15_000  # the slowest venue repeats an unchanged mark after ten seconds


class Handover:
    """One handover: tell it what the successor says, ask whether it is ready, complete it once.

    Where a venue does not number its trades, those within the few milliseconds by which the two connections
    differ can be missed or told twice; books, and the facts that are told only when they change, cannot.
    """

    def __init__(self, old: VenueProtocol, new: VenueProtocol) -> None:
        self._old = old
        self._new = new
        self._facts: dict[tuple[type, str], Event] = {}
        self._books_ready_ms: int | None = None

    def hear(self, events: Iterable[Event]) -> None:
        """Keep the successor's last fact of each kind: it will not repeat what it has said."""
        for event in events:
            if isinstance(event, Mark | Funding | OpenInterest):
                self._facts[type(event), event.symbol] = event

    def ready(self, now_ms: int) -> bool:
        """Tell whether nothing would be lost: each live book is live at the successor, too, and marked.

        A mark is the proof that the streams beside the books flow; one that does not come within
        MARKS_WAIT_MS must not cost the other symbols their replacement.  now_ms: monotonic.
        """
        if not self._books_ready():
            self._books_ready_ms = None
            return False
        if self._books_ready_ms is None:
            self._books_ready_ms = now_ms
        marked = all((Mark, symbol) in self._facts for symbol, book in self._new.books.items() if _live(book))
        return marked or now_ms - self._books_ready_ms >= MARKS_WAIT_MS

    def _books_ready(self) -> bool:
        new = self._new.books
        if new and not any(_live(book) for book in new.values()):
            return False
        return all(_live(book) or not _live(self._old.books.get(symbol)) for symbol, book in new.items())

    def complete(self) -> list[Event]:
        """Let the successor's books count on from the old ones; return what to tell of them.

        A book that was live on both sides keeps its epoch, for nothing was lost.
        """
        self._new.follow(self._old)
        told: list[Event] = []
        for symbol, book in self._new.books.items():
            before = self._old.books.get(symbol)
            if before is not None:
                book.stats.add(before.stats)
                book.epoch = before.epoch + (_live(book) and not _live(before))
            made = book.instrument
            told.append(BookChanged(made.venue, symbol, book.state, book.epoch))
        return told + list(self._facts.values())


def _live(book: VenueBook | None) -> bool:
    return book is not None and book.state is BookState.LIVE
