"""Recordings of venue traffic: read them, find out what they hold, play them through the adapters.

Known forms, all plain or gzip, one record a line:

* ``<receive time> <message>``: time in ms, us or ns; a snapshot answer stands among the messages;
* JSON ``{t, ch, conn, url, raw}``: a session with its requests and answers (``t`` in seconds);
* JSON ``{t, ch, raw}``: the same of one connection;
* the venue's own JSON messages.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import orjson

from leadline.domain.instrument import Instrument
from leadline.errors import CaptureError, VenueError
from leadline.units import Step, common_step
from leadline.venues.base import Fetch, Output
from leadline.venues.binance import BinanceProtocol
from leadline.venues.booksync import BookSync
from leadline.venues.bybit import BybitProtocol
from leadline.venues.grid import refine
from leadline.venues.instruments import okx_symbol, parse_instruments
from leadline.venues.okx import OkxProtocol

GZIP_MAGIC = b"\x1f\x8b"
# The digits are ms (13), us (16) or ns (19): the first 13 are always the ms.
TIMED_LINE = re.compile(rb"([0-9]{13,19}) +([\[{].*)", re.DOTALL)
LINES_TO_RECOGNISE_MAX = 200
SNAPSHOT_KEY = b'"lastUpdateId"'
COIN_MARGINED = re.compile(r"[A-Z0-9]+USD_(PERP|[0-9]{6})")
MESSAGE_KEYS = ("topic", "e", "stream", "arg", "lastUpdateId")
QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "BTC", "ETH")
HOSTS = {"binance": "binance", "bybit": "bybit", "okx": "okx", "okex": "okx"}
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)
ONE = Step(1, 0)
JOINED_MS_MAX = 60_000  # files of one recorder follow each other within this
Protocol = BinanceProtocol | BybitProtocol | OkxProtocol


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded message.  t_ms: local receive time, 0 unknown.

    kind: "ws", "http" (an answer), "connect" (the connection was opened, or opened again), or "break":
    the recorder of the symbol named by ``url`` had stopped before this point, so what follows is
    another recording of it and no gap in the first.
    """

    t_ms: int
    conn: str
    url: str
    kind: str
    raw: bytes


class RecordingFile:
    """One file; ``problems`` says in sentences what could not be read, complete once read through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self._bad_lines = 0

    def records(self) -> Iterator[Record]:
        """Yield the messages received, in the order of the file.

        Raises CaptureError when the file cannot be opened, is empty, or is in no known form.
        """
        self.problems, self._bad_lines = [], 0
        lines = 0
        readable = False
        for line in self._lines():
            if not line.strip():
                continue
            lines += 1
            record = _read_line(line)
            if record is not None:
                readable = True
                if record.kind:
                    yield record
                continue
            self._bad_lines += 1
            if not readable and lines >= LINES_TO_RECOGNISE_MAX:
                break
        if not lines:
            raise CaptureError(f"{self.path}: the file is empty")
        if not readable:
            raise CaptureError(f"{self.path}: not a recording in a known form")
        if self._bad_lines:
            self.problems.append(f"{self._bad_lines} unreadable lines were left out")

    def _lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as plain:
                packed = plain.read(2) == GZIP_MAGIC
                plain.seek(0)
                yield from gzip.GzipFile(fileobj=plain) if packed else plain
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.problems.append("the file ends early or is damaged; what came before was read")
        except OSError as error:
            raise CaptureError(f"{self.path}: {error.strerror or error}") from None


def _read_line(line: bytes) -> Record | None:
    """Return the record of a line, one of no kind for what is not a received message, None if unreadable."""
    timed = TIMED_LINE.fullmatch(line.rstrip())
    if timed is not None:
        return Record(int(timed[1][:13]), "", "", _kind(timed[2]), timed[2])
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, dict):
        return None
    if "ch" not in row or "raw" not in row:
        known = any(key in row for key in MESSAGE_KEYS)
        return Record(0, "", "", _kind(line), line.strip()) if known else None
    kind = {"ws-recv": "ws", "http": "http", "ws-connect": "connect"}.get(str(row["ch"]), "")
    seconds = row.get("t")
    t_ms = int(seconds * 1000) if isinstance(seconds, int | float) else 0
    conn = "" if row.get("conn") is None else str(row["conn"])
    return Record(t_ms, conn, str(row.get("url") or ""), kind, str(row["raw"]).encode())


def _kind(raw: bytes) -> str:
    """Tell a book snapshot, the answer to a request, from a streamed message."""
    return "http" if SNAPSHOT_KEY in raw and not raw.startswith(b'{"stream"') else "ws"


def _address(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _market_of(record: Record) -> str | None:
    """Tell the market by the address, else by the shape of the message; None when neither does."""
    if not record.url:
        return _market_by_shape(record.raw)
    address = _address(record.url)
    venue = next((HOSTS[label] for label in address.netloc.split(".") if label in HOSTS), None)
    spot = address.path.endswith("/spot") or "category=spot" in address.query
    return "bybit-spot" if venue == "bybit" and spot else venue


def _market_by_shape(raw: bytes) -> str | None:
    try:
        message = orjson.loads(raw)
        data = message.get("data", message)
        if SNAPSHOT_KEY in raw or ("e" in data and "s" in data):
            return "binance"
        if "topic" in message and "type" in message:
            return "bybit"
        return "okx" if "channel" in message["arg"] else None
    except MALFORMED:
        return None


@dataclass(slots=True)
class _Seen:
    """What a first pass over the files found of one market: its symbols by connection and its steps."""

    natives: dict[str, dict[str, None]] = field(default_factory=dict)  # conn -> natives in order
    metadata: dict[str, Instrument] = field(default_factory=dict)
    ticks: dict[str, Step] = field(default_factory=dict)
    lots: dict[str, Step] = field(default_factory=dict)


class Recording:
    """Files of one market, one continuous stream in the order given.

    market: "binance", "bybit", "bybit-spot" or "okx".  Reading is lazy; a first pass finds the
    symbols and their steps: the recorded list of contracts, refined by the greatest common divisors
    of all prices and of all sizes, or these alone where the files hold no list.
    """

    def __init__(self, market: str, files: list[RecordingFile]) -> None:
        self.market = market
        self.files = files
        self._seen = _Seen()
        self._natives_of: list[set[str]] = [set() for _ in files]
        self._conns_of: list[set[str]] = [set() for _ in files]
        self._unnamed: list[tuple[int, bytes]] = []
        for index, record in self._own_records():
            self._survey(index, record)
        for index, raw in self._unnamed:
            self._see_snapshot(self._sole_native(index), raw)
        self._unnamed.clear()

    @property
    def venue(self) -> str:
        return self.market.partition("-")[0]

    @property
    def problems(self) -> list[str]:
        return [f"{file.path.name}: {problem}" for file in self.files for problem in file.problems]

    def connections(self) -> list[str]:
        """Return the connections that carried messages of symbols, in the order they first spoke."""
        return list(self._seen.natives)

    def file_of(self, conn: str) -> int:
        """Return the place of the file in which a connection first spoke."""
        return next(index for index, conns in enumerate(self._conns_of) if conn in conns)

    def instruments(self, conn: str) -> list[Instrument]:
        """Return the contracts of one connection."""
        return [self._instrument(native) for native in self._seen.natives[conn]]

    def records(self) -> Iterator[Record]:
        """Yield the market's messages over all files."""
        ended_ms: dict[str, int] = {}
        entered = -1
        for index, record in self._own_records():
            if index != entered:
                entered = index
                yield from self._breaks(index, record.t_ms, ended_ms)
            ended_ms |= dict.fromkeys(self._natives_of[index], record.t_ms)
            native = None if record.url or record.kind != "http" else self._sole_native(index)
            # A snapshot among the messages stands without its address: give it the one it came from.
            yield record if native is None else replace(record, url=f"/depth?symbol={native}")

    def _breaks(self, index: int, t_ms: int, ended_ms: dict[str, int]) -> Iterator[Record]:
        """Yield a break for each symbol of a file that does not go on where an earlier file ended.

        A file with connections of its own begins anew by itself.
        """
        earlier = set().union(*self._conns_of[:index])
        if self._conns_of[index].isdisjoint(earlier):
            return
        for native in sorted(self._natives_of[index] & ended_ms.keys()):
            if not 0 <= t_ms - ended_ms[native] <= JOINED_MS_MAX:
                yield Record(t_ms, "", native, "break", b"")

    def _sole_native(self, index: int) -> str | None:
        natives = self._natives_of[index]
        return next(iter(natives)) if len(natives) == 1 else None

    def _own_records(self) -> Iterator[tuple[int, Record]]:
        for index, file in enumerate(self.files):
            for record in file.records():
                # A file without addresses holds one market alone.
                if not record.url or _market_of(record) == self.market:
                    yield index, record

    def _survey(self, index: int, record: Record) -> None:
        try:
            if record.kind == "connect":
                return
            if record.kind == "http":
                self._survey_answer(index, record)
                return
            message = orjson.loads(record.raw)
            for native, prices, sizes in _numbers(self.venue, message):
                if not isinstance(native, str):
                    continue
                self._natives_of[index].add(native)
                self._conns_of[index].add(record.conn)
                self._seen.natives.setdefault(record.conn, {})[native] = None
                self._see(native, prices, sizes)
        except MALFORMED:
            return  # the adapter counts it when the recording is played

    def _survey_answer(self, index: int, record: Record) -> None:
        if not record.url:
            self._unnamed.append((index, record.raw))
            return
        native = snapshot_symbol(record.url)
        if native is not None:
            self._see_snapshot(native, record.raw)
            return
        try:
            listed = parse_instruments(self.venue, record.raw)
        except VenueError:
            return
        for made in listed:
            self._seen.metadata[made.native] = made

    def _see_snapshot(self, native: str | None, raw: bytes) -> None:
        if native is None:
            return
        try:
            answer = orjson.loads(raw)
            self._see(native, *_columns(answer["bids"] + answer["asks"]))
        except MALFORMED:
            return  # the adapter counts it when the recording is played

    def _see(self, native: str, prices: list[object], sizes: list[object]) -> None:
        for steps, texts in ((self._seen.ticks, prices), (self._seen.lots, sizes)):
            step = refine(steps.get(native), texts)
            if step is not None:
                steps[native] = step

    def _instrument(self, native: str) -> Instrument:
        tick, lot = self._seen.ticks.get(native, ONE), self._seen.lots.get(native, ONE)
        listed = self._seen.metadata.get(native)
        if listed is not None:
            return replace(listed, tick=common_step([tick, listed.tick]), lot=common_step([lot, listed.lot]))
        inverse = COIN_MARGINED.fullmatch(native) is not None
        base, quote = currencies(native)
        return Instrument(
            venue=self.venue,
            symbol=_symbol(self.market, native),
            native=native,
            tick=tick,
            lot=lot,
            # COIN-M contracts are worth 100 USD for bitcoin and 10 USD for every other coin.
            contract_size=Step((100 if native.startswith("BTCUSD_") else 10) if inverse else 1, 0),
            inverse=inverse,
            base=base,
            quote=quote,
        )


def currencies(native: str) -> tuple[str, str]:
    """Return base and quote of a venue's name for a contract ("BTCUSDT", "BTC-USDT-SWAP", "BTCUSD_PERP").

    A name that ends in no known quote is all base.
    """
    first, _, rest = native.partition("-")
    if rest:
        return first, rest.partition("-")[0]
    pair = native.partition("_")[0]
    quote = next((text for text in QUOTES if pair.endswith(text) and pair != text), "")
    return pair.removesuffix(quote), quote


def _symbol(market: str, native: str) -> str:
    if market == "okx":
        return okx_symbol(native)
    return f"{native}:SPOT" if market == "bybit-spot" else native


def _numbers(venue: str, message: Any) -> Iterator[tuple[Any, list[object], list[object]]]:
    """Yield (native symbol, price texts, size texts) of a message that has some."""
    if venue == "binance":
        data = message.get("data", message)
        kind = data.get("e")
        if kind == "depthUpdate":
            yield data["s"], *_columns(data["b"] + data["a"])
        elif kind == "bookTicker":
            yield data["s"], [data["b"], data["a"]], [data["B"], data["A"]]
        elif kind in ("trade", "aggTrade"):
            yield data["s"], [data["p"]], [data["q"]]
    elif venue == "bybit":
        topic, data = message.get("topic", ""), message.get("data")
        if topic.startswith("orderbook."):
            yield data["s"], *_columns(data["b"] + data["a"])
        elif topic.startswith("publicTrade."):
            yield topic.partition(".")[2], [row["p"] for row in data], [row["v"] for row in data]
    elif "action" in message:
        for row in message["data"]:
            yield message["arg"]["instId"], *_columns(row["bids"] + row["asks"])
    elif message.get("arg", {}).get("channel") == "trades" and "data" in message:
        rows = message["data"]
        yield message["arg"]["instId"], [row["px"] for row in rows], [row["sz"] for row in rows]


def _columns(rows: list[list[object]]) -> tuple[list[object], list[object]]:
    return [row[0] for row in rows], [row[1] for row in rows]


def open_recordings(paths: list[Path]) -> list[Recording]:
    """Open files and group them by market, keeping their order.

    Raises CaptureError for a file that is unreadable, empty, in no known form, or of a venue without
    an adapter here.
    """
    by_market: dict[str, list[RecordingFile]] = {}
    for path in paths:
        file = RecordingFile(path)
        for market in _markets_in(file):
            by_market.setdefault(market, []).append(RecordingFile(path))
    return [Recording(market, files) for market, files in by_market.items()]


def _markets_in(file: RecordingFile) -> list[str]:
    markets: dict[str, None] = {}
    for count, record in enumerate(file.records()):
        market = _market_of(record)
        if record.kind == "ws" and market is not None:
            markets[market] = None
        if not record.url and (markets or count >= LINES_TO_RECOGNISE_MAX):
            break
    if not markets:
        raise CaptureError(f"{file.path}: a recording of a venue that has no adapter here")
    return list(markets)


class Player:
    """Plays a recording through the adapters, one for each connection.

    Take ``feed`` of each of ``recording.records()`` in turn.  protocols: by connection; syncs: the books
    by (connection, symbol); snapshots_of: native symbols whose snapshot answers were handed on so far.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.protocols: dict[str, Protocol] = {}
        self.syncs: dict[tuple[str, str], BookSync] = {}
        self.snapshots_of: set[str] = set()
        self._now_ms = 0
        for conn in recording.connections():
            protocol = _protocol(recording.venue, recording.instruments(conn))
            self.protocols[conn] = protocol
            for sync in protocol.syncs():
                self.syncs[conn, sync.instrument.symbol] = sync
            for route in protocol.routes():
                protocol.opened(route, 0)

    def books(self) -> dict[str, list[BookSync]]:
        """Return the books of each symbol, one a connection that carries it."""
        found: dict[str, list[BookSync]] = {}
        for (_, symbol), sync in self.syncs.items():
            found.setdefault(symbol, []).append(sync)
        return found

    def feed(self, record: Record) -> list[tuple[str, Output]]:
        """Hand a record to its adapter; return the outputs with the connection each came from."""
        self._now_ms = max(self._now_ms, record.t_ms)
        if record.kind == "http":
            return self._answer(record)
        if record.kind == "break":
            return self._break(record.url)
        protocol = self.protocols.get(record.conn)
        if protocol is None:
            return []
        route = next(iter(protocol.routes()))
        if record.kind == "connect":
            outputs = [*protocol.closed(route, self._now_ms), *protocol.opened(route, self._now_ms)]
        else:
            outputs = [*protocol.receive(route, record.raw, self._now_ms)]
        return [(record.conn, output) for output in outputs]

    def _break(self, native: str) -> list[tuple[str, Output]]:
        """Forget the proof of a symbol's books, as a new connection would."""
        outputs: list[tuple[str, Output]] = []
        for (conn, _), sync in self.syncs.items():
            if sync.instrument.native == native:
                sync.begin(self._now_ms)
                outputs.append((conn, sync.changed()))
        return outputs

    def _answer(self, record: Record) -> list[tuple[str, Output]]:
        """Hand a recorded book snapshot to every connection that carries its symbol."""
        native = snapshot_symbol(record.url)
        if native is None:
            return []
        self.snapshots_of.add(native)
        outputs: list[tuple[str, Output]] = []
        for conn, protocol in self.protocols.items():
            if any(book.instrument.native == native for book in protocol.books.values()):
                fetch = Fetch("snapshot", native, record.url)
                outputs += [(conn, made) for made in protocol.answer(fetch, 200, record.raw, self._now_ms)]
        return outputs


def snapshot_symbol(url: str) -> str | None:
    """Return the symbol whose book a request asked for, None for any other request."""
    address = _address(url)
    named = parse_qs(address.query).get("symbol", [])
    return named[0] if address.path.endswith("/depth") and named else None


def _protocol(venue: str, instruments: list[Instrument]) -> Protocol:
    if venue == "binance":
        return BinanceProtocol(instruments)
    return BybitProtocol(instruments) if venue == "bybit" else OkxProtocol(instruments)
