"""Two adapters of a venue side by side, one reading messages the ordinary way, one from their raw bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from leadline.domain.instrument import Instrument
from leadline.venues.adapter import load_raw_reader
from leadline.venues.base import Fetch, Output
from leadline.venues.binance import BinanceProtocol
from leadline.venues.booksync import BookSync
from leadline.venues.bybit import BybitProtocol
from leadline.venues.okx import OkxProtocol
from leadline.venues.scan import RawReader
from leadline.venues.sync_cells import KIND

PROTOCOLS = {"binance": BinanceProtocol, "bybit": BybitProtocol, "okx": OkxProtocol}
BOOK = "book"


def proof(sync: BookSync) -> tuple[Any, ...]:
    """Return everything a book and its proof hold."""
    levels = [
        array.tolist()
        for count in (None, 20)
        for side in (sync.book.bids, sync.book.asks)
        for array in side(count)
    ]  # fmt: skip
    return (
        sync.state, sync.epoch, sync.update_id, sync.at_ms, sync.received_ms, sync.usual_gap_ms, sync.silent,
        sync.anchored, sync.linked, sync.recording, sync.tries, sync.due_ms, sync.waiting_ms, sync.asked_ms,
        sync.trusted, sync.instrument, asdict(sync.stats), sync.book.best_bid, sync.book.best_ask, levels,
    )  # fmt: skip


class Pair:
    """Hands everything to both adapters and sees to it that nobody could tell them apart.

    told: how often the reader said what (BOOK, or one of the kinds of sync_cells).
    late: the compiled reader is to be handed over by ``compile`` instead of at once.
    """

    def __init__(self, instruments: list[Instrument], venue: str, *, late: bool = False) -> None:
        self.venue = venue
        self.plain, self.compiled = (PROTOCOLS[venue](instruments) for _ in range(2))
        self.books = self.compiled.books
        self.told: Counter[str | int] = Counter()
        if not late:
            self.compile()

    def compile(self) -> None:
        self.compiled.read_raw_with(load_raw_reader())
        scan = self.compiled._scan
        assert scan is not None

        def counting(raw: bytes, desk: int, now_ms: int) -> int:
            found = scan(raw, desk, now_ms)
            self.told[BOOK if found >= 0 else ~found & KIND] += 1
            return found

        self.compiled._scan = counting

    def routes(self) -> dict[str, str]:
        return self.compiled.routes()

    def opened(self, route: str, now_ms: int) -> list[Output]:
        return self._both(lambda protocol: protocol.opened(route, now_ms))

    def closed(self, route: str, now_ms: int) -> list[Output]:
        return self._both(lambda protocol: protocol.closed(route, now_ms))

    def receive(self, route: str, raw: bytes | str, now_ms: int) -> list[Output]:
        return self._both(lambda protocol: protocol.receive(route, raw, now_ms), raw)

    def answer(self, fetch: Fetch, status: int, body: bytes, now_ms: int) -> list[Output]:
        return self._both(lambda protocol: protocol.answer(fetch, status, body, now_ms), body)

    def tick(self, now_ms: int) -> list[Output]:
        return self._both(lambda protocol: protocol.tick(now_ms))

    def _both(self, call: Callable[[Any], Iterable[Output]], raw: object = None) -> list[Output]:
        plain, compiled = list(call(self.plain)), list(call(self.compiled))
        assert plain == compiled, raw
        assert [type(output) for output in plain] == [type(output) for output in compiled]
        assert self.plain.protocol_errors == self.compiled.protocol_errors, raw
        for one, other in zip(self.plain.syncs(), self.compiled.syncs(), strict=True):
            assert proof(one) == proof(other), raw
        return compiled


def reader_of(pair: Pair) -> RawReader:
    assert pair.compiled._reader is not None
    return pair.compiled._reader
