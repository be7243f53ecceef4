"""`leadline check`: play recordings through the adapters and say whether the books were ever wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import orjson

from leadline.domain.book import Ints
from leadline.domain.events import BestQuote, BookChanged, BookState
from leadline.domain.instrument import Instrument
from leadline.feed.capture import Player, Recording, open_recordings
from leadline.venues.booksync import BookSync, SequenceSync

TOP_LEVELS = 5
PENDING_MAX = 20_000
WRONG = 1

Touch = tuple[int, int, int, int]


@dataclass(slots=True)
class Report:
    """What one symbol of one market showed.

    connections: how many of the recording carried the symbol; counters are their sums, the book is
    the one of the connection heard last.  top and book_sha256 are None without an anchored book.
    """

    venue: str
    symbol: str
    connections: int = 0
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
    bbo_compared: int = 0
    bbo_mismatches: int = 0
    checksums_compared: int = 0
    checksum_mismatches: int = 0
    top: dict[str, list[list[str]]] | None = None
    book_sha256: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        """True when the book was ever wrong, or unknown because the stream was broken."""
        return any(
            (self.gaps, self.crossed, self.protocol_errors, self.bbo_mismatches, self.checksum_mismatches)
        )


class _QuoteCheck:
    """Compares a book's best levels with the venue's own best quote of the same update id."""

    def __init__(self) -> None:
        self.compared = 0
        self.mismatches = 0
        self._books: dict[int, Touch] = {}
        self._quotes: dict[int, Touch] = {}

    def book(self, update_id: int, sync: BookSync) -> None:
        touch = _touch(sync)
        quote = self._quotes.pop(update_id, None)
        if quote is not None:
            self._compare(touch, quote)
        _remember(self._books, update_id, touch)

    def quote(self, event: BestQuote) -> None:
        touch = (event.bid_tick, event.bid_lots, event.ask_tick, event.ask_lots)
        book = self._books.get(event.update_id)
        if book is not None:
            self._compare(book, touch)
        else:
            _remember(self._quotes, event.update_id, touch)

    def _compare(self, book: Touch, quote: Touch) -> None:
        self.compared += 1
        self.mismatches += book != quote


def _remember(held: dict[int, Touch], update_id: int, touch: Touch) -> None:
    held[update_id] = touch
    if len(held) > PENDING_MAX:
        del held[next(iter(held))]


def _touch(sync: BookSync) -> Touch:
    bid_ticks, bid_lots = sync.book.bids(1)
    ask_ticks, ask_lots = sync.book.asks(1)
    return _first(bid_ticks), _first(bid_lots), _first(ask_ticks), _first(ask_lots)


def _first(values: Ints) -> int:
    return int(values[0]) if len(values) else 0


def check(paths: list[Path]) -> list[Report]:
    """Play the files, those of one market as one stream in the given order, and report each symbol.

    Raises CaptureError for a file that cannot be used.
    """
    return [report for recording in open_recordings(paths) for report in _check_market(recording)]


def _check_market(recording: Recording) -> list[Report]:
    player = Player(recording)
    books = player.books()
    quotes: dict[tuple[str, str], _QuoteCheck] = {}
    for record in recording.records():
        for conn, output in player.feed(record):
            if not isinstance(output, BookChanged | BestQuote):
                continue
            quote_check = quotes.setdefault((conn, output.symbol), _QuoteCheck())
            if isinstance(output, BestQuote):
                quote_check.quote(output)
            elif output.state is BookState.LIVE:
                sync = player.syncs[conn, output.symbol]
                quote_check.book(sync.update_id, sync)
    reports: list[Report] = []
    for symbol, syncs in books.items():
        checks = [made for (_, name), made in quotes.items() if name == symbol]
        offered = syncs[0].instrument.native in player.snapshots_of
        reports.append(_report(syncs, checks, offered))
    for report in reports:
        report.notes += recording.problems
    return reports


def _report(syncs: list[BookSync], checks: list[_QuoteCheck], offered: bool) -> Report:
    latest = max(syncs, key=lambda sync: sync.at_ms)
    made = latest.instrument
    report = Report(made.venue, made.symbol, connections=len(syncs))
    for sync in syncs:
        for name, count in asdict(sync.stats).items():
            setattr(report, name, getattr(report, name) + count)
        if isinstance(sync, SequenceSync):
            report.checksums_compared += sync.checksums_compared
            report.checksum_mismatches += sync.checksum_mismatches
    report.bbo_compared = sum(made.compared for made in checks)
    report.bbo_mismatches = sum(made.mismatches for made in checks)
    if latest.epoch:
        report.top = {
            "bids": _texts(made, latest.book.bids(TOP_LEVELS)),
            "asks": _texts(made, latest.book.asks(TOP_LEVELS)),
        }
        report.book_sha256 = latest.book.digest(made.tick, made.lot)
    elif report.deltas:
        met = "a snapshot was recorded but does not meet the stream" if offered else "no snapshot"
        report.notes.append(f"{met}: continuity only")
    if not latest.anchored and latest.epoch:
        report.notes.append("the book was lost and not anchored again")
    return report


def _texts(made: Instrument, levels: tuple[Ints, Ints]) -> list[list[str]]:
    return [
        [made.tick.text(tick), made.lot.text(lots)]
        for tick, lots in zip(levels[0].tolist(), levels[1].tolist(), strict=True)
    ]


def run_check(paths: list[Path], as_json: bool, out: TextIO) -> int:
    """Check ``paths`` and write the reports; return 0 when all is right, 1 when a book was ever wrong.

    Raises CaptureError as ``check`` does, before anything is written.
    """
    reports = check(paths)
    if as_json:
        out.writelines(orjson.dumps(asdict(report)).decode() + "\n" for report in reports)
    else:
        out.write(_table(reports))
    return WRONG if any(report.wrong for report in reports) else 0


COLUMNS = (
    ("venue", "venue"),
    ("symbol", "symbol"),
    ("messages", "messages"),
    ("deltas", "deltas"),
    ("snapshots", "snapshots"),
    ("trades", "trades"),
    ("gaps", "gaps"),
    ("crossed", "crossed"),
    ("errors", "protocol_errors"),
    ("quotes", "bbo_compared"),
    ("differing", "bbo_mismatches"),
    ("checksums", "checksums_compared"),
    ("failing", "checksum_mismatches"),
)


def _table(reports: list[Report]) -> str:
    rows = [[title for title, _ in COLUMNS]]
    rows += [[str(getattr(report, name)) for _, name in COLUMNS] for report in reports]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    lines = [
        "  ".join(
            text.ljust(width) if index < 2 else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines += [f"{report.symbol}: {note}" for report in reports for note in report.notes]
    return "\n".join([*lines, "", _verdict(reports), ""])


def _verdict(reports: list[Report]) -> str:
    wrong = [report.symbol for report in reports if report.wrong]
    if wrong:
        return f"Wrong at some point: {', '.join(wrong)}."
    built = sum(report.book_sha256 is not None for report in reports)
    return f"{built} of {len(reports)} books were built, and none was ever wrong."
