"""From one protocol object of a venue to the next without a gap: make before break, as plain rules."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.domain.events import BookChanged, BookState, Event, Funding, Mark, OpenInterest
from leadline.venues.base import VenueBook, VenueProtocol


class Handover:
    """One handover: tell it what the successor says, ask whether it is ready, complete it once.

    Trades within the few milliseconds by which the two connections differ can be missed or told
    twice; books, and the facts that are told only when they change, cannot.
    """

    def __init__(self, old: VenueProtocol, new: VenueProtocol) -> None:
        self._old = old
        self._new = new
        self._facts: dict[tuple[type, str], Event] = {}

    def hear(self, events: Iterable[Event]) -> None:
        """Keep the successor's last fact of each kind: it will not repeat what it has said."""
        for event in events:
            if isinstance(event, Mark | Funding | OpenInterest):
                self._facts[type(event), event.symbol] = event

    def ready(self) -> bool:
        """Tell whether nothing live would be lost: each live book is live at the successor, too."""
        new = self._new.books
        if new and not any(_live(book) for book in new.values()):
            return False
        return all(_live(book) or not _live(self._old.books.get(symbol)) for symbol, book in new.items())

    def complete(self) -> list[Event]:
        """Let the successor's books count on from the old ones; return what to tell of them.

        A book that was live on both sides keeps its epoch, for nothing was lost.
        """
        told: list[Event] = []
        for symbol, book in self._new.books.items():
            before = self._old.books.get(symbol)
            if before is not None:
                book.stats.add(before.stats)
                book.epoch = before.epoch + (_live(book) and not _live(before))
            made = book.instrument
            told.append(BookChanged(made.venue, symbol, 0, book.state, book.epoch, book.update_id))
        return told + list(self._facts.values())


def _live(book: VenueBook | None) -> bool:
    return book is not None and book.state is BookState.LIVE
