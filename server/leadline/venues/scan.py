"""Venue messages taken from their raw bytes: one compiled call a message, no object a level or trade.

A kernel walks a message once by the strict grammar of JSON, reads its numbers straight into ticks and
lots, checks that the message follows the last one taken, and only then changes the book.  Whatever it
does not know exactly (see scan_json; besides a repeated key, a number off the grid, a book that is not
anchored and linked, an id that does not follow) it leaves alone: it says UNKNOWN, NOT_NEXT or
NO_ROOM, nothing has changed, and the adapter reads the message the ordinary way, to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numba import types

from leadline.domain.book import Ints
from leadline.domain.book_kernels import (
    BEST,
    FAR_COUNT,
    FAR_ROOM,
    NONE,
    WindowSide,
    set_levels,
    settle,
)
from leadline.domain.events import BookState
from leadline.domain.raw_memory import (
    Word,
    address_of,
    byte,
    cell,
    clear_64,
    compiled,
    copy_bytes,
    float_cell,
    inlined,
    lowest_bit,
    other_than_text,
    prefetch,
    set_cell,
    set_float_cell,
    word,
)
from leadline.venues.booksync import GAP_WEIGHT, BookSync
from leadline.venues.scan_json import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    OPEN_LIST,
    OPEN_OBJECT,
    POINT,
    QUOTE,
    first_bytes,
    packed,
    read_key,
    read_rows,
    read_steps,
    read_whole,
    read_whole_text,
    skip_text,
    skip_value,
)
from leadline.venues.sync_cells import (
    ANCHORED,
    ASKS,
    AT_MS,
    BIDS,
    INDEX,
    KIND_BITS,
    LINKED,
    LOT,
    NO_ROOM,
    NOT_NEXT,
    ORDER,
    QUOTED,
    RECEIVED_MS,
    RECENT,
    RECENT_COUNT,
    RECENT_IDS_MAX,
    RECORDING,
    SETTLE,
    SILENT,
    STATE,
    TAKEN,
    TICK,
    TRADES,
    TRIES,
    UNKNOWN,
    UNNUMBERED,
    UPDATE_ID,
    USUAL_GAP_MS,
)

MESSAGE_BYTES_MAX = 1 << 18
ROWS_MAX = MESSAGE_BYTES_MAX // 10 + 1  # a row takes ten bytes at least
NAME_BYTES_MAX = 32
CACHE_LINE_BYTES = 64
PAGE_BYTES = 4096  # the smallest there are
READ_BYTES_MAX = 192  # more than any read reaches behind the end
ENTRY = 6  # cells of a symbol in the table: its length, four words of its name, the address of its cells
LIVE = int(BookState.LIVE)
BUY, SELL = 1, -1

# The cells of a desk, the memory that kernels of one adapter share.  COLUMN: the address of four columns
# of ROWS_MAX cells: bid ticks and lots, ask ticks and lots, or times, ticks, lots and takers of trades.
# SYNC: the address of the book's cells; FACTS: bid tick, bid lots, ask tick, ask lots of a quote.
# FIELDS: of the fields a kernel looks for, the number or the address of the value.
TEXT, TABLE, TABLE_MASK, COLUMN, SYNC, PREV_ID, LAST_ID, AT, SEQUENCE, COUNT, ASK_COUNT, FACTS = range(12)
FIELDS = 16
DESK_CELLS = 32

INT: Any = np.int64
U: Any = np.uint64
MESSAGE = (types.Bytes(types.uint8, 1, "C"), types.int64, types.int64)


@inlined
def _lay_out(raw: bytes, desk: int) -> int:
    """Return where a message can be read, 0 when it is no object or too long.

    Behind the contents of bytes lies a zero byte, at which all reading stops; what is read at once may lie
    behind it, but never in the next page of memory: a message that ends near the end of one is copied.
    """
    count = len(raw)
    at = address_of(raw)
    if count > MESSAGE_BYTES_MAX:
        return 0
    for line in range(CACHE_LINE_BYTES, count, CACHE_LINE_BYTES):
        prefetch(at + line)
    if (at + count) & (PAGE_BYTES - 1) > PAGE_BYTES - READ_BYTES_MAX:
        copy_bytes(cell(desk, TEXT), at, count)
        at = cell(desk, TEXT)
        clear_64(at + count)
    return at if byte(at) == OPEN_OBJECT and byte(at + 1) != CLOSE_OBJECT else 0


@inlined
def _column(desk: int, index: int) -> int:
    """Return the address of a column."""
    return cell(desk, COLUMN) + 8 * ROWS_MAX * index


@inlined
def _spread(name: tuple[Word, Word, Word, Word]) -> Word:
    """Return a hash of a name."""
    mixed = (name[0] ^ (name[1] * U(3)) ^ (name[2] * U(5)) ^ (name[3] * U(7))) * U(0x9E3779B97F4A7C15)
    return mixed >> U(40)


@inlined
def _name(at: int, length: int) -> tuple[Word, Word, Word, Word]:
    return (
        first_bytes(at, length),
        first_bytes(at + 8, max(length - 8, 0)),
        first_bytes(at + 16, max(length - 16, 0)),
        first_bytes(at + 24, max(length - 24, 0)),
    )


@compiled()
def _entry(desk: int, at: int, length: int) -> int:
    """Return the address of the table's entry for a name: its own, or the free one where it would be."""
    name = _name(at, length)
    index: int = INT(_spread(name)) & cell(desk, TABLE_MASK)
    while True:
        address: int = cell(desk, TABLE) + 8 * ENTRY * index
        held = (U(cell(address, 1)), U(cell(address, 2)), U(cell(address, 3)), U(cell(address, 4)))
        if cell(address, 0) == 0 or (cell(address, 0) == length and held == name):
            return address
        index = (index + 1) & cell(desk, TABLE_MASK)


@compiled(types.void(types.int64, types.Bytes(types.uint8, 1, "C"), types.int64))
def _register(desk: int, padded: bytes, cells: int) -> None:
    """Put a symbol (its name with NAME_BYTES_MAX zero bytes behind it) into the table."""
    at = address_of(padded)
    length = len(padded) - NAME_BYTES_MAX
    entry = _entry(desk, at, length)
    set_cell(entry, 0, length)
    for i, part in enumerate(_name(at, length)):
        set_cell(entry, 1 + i, INT(part))
    set_cell(entry, 5, cells)


@inlined
def _find(desk: int, at: int, length: int) -> bool:
    """Find the book of a symbol and put it on the desk."""
    if length == 0 or length > NAME_BYTES_MAX:
        return False
    set_cell(desk, SYNC, cell(_entry(desk, at, length), 5))
    return cell(desk, SYNC) != 0


@inlined
def _text_length(at: int) -> int:
    """Return the length of the text that opens at ``at``, -1 for none or one of 63 characters and more."""
    length = lowest_bit(other_than_text(at + 1))
    return length if byte(at) == QUOTE and length < 63 and byte(at + 1 + length) == QUOTE else -1


@compiled()
def _extend(desk: int, now_ms: int) -> int:
    """Apply the rows on the desk, which follow: BookSync.take_delta for a message in its order."""
    sync = cell(desk, SYNC)
    bids, asks = cell(sync, BIDS), cell(sync, ASKS)
    bid_count, ask_count = cell(desk, COUNT), cell(desk, ASK_COUNT)
    room = (
        cell(bids, FAR_ROOM) - cell(bids, FAR_COUNT) >= bid_count
        and cell(asks, FAR_ROOM) - cell(asks, FAR_COUNT) >= ask_count
    )
    if not room:
        return ~NO_ROOM
    received_ms = cell(sync, RECEIVED_MS)
    if received_ms != 0:
        usual_ms = float_cell(sync, USUAL_GAP_MS)
        gap_ms = max(0, now_ms - received_ms)
        set_float_cell(sync, USUAL_GAP_MS, usual_ms + GAP_WEIGHT * (gap_ms - usual_ms))
    set_cell(sync, RECEIVED_MS, now_ms)
    set_cell(sync, UPDATE_ID, cell(desk, LAST_ID))
    set_cell(sync, AT_MS, cell(desk, AT))
    set_cell(sync, ORDER, cell(desk, SEQUENCE))
    set_cell(sync, TAKEN, cell(sync, TAKEN) + 1)
    settled = True
    if set_levels(bids, _column(desk, 0), _column(desk, 1), bid_count):
        settled = settle(bids)
    if set_levels(asks, _column(desk, 2), _column(desk, 3), ask_count):
        settled = settle(asks) and settled
    best_bid, best_ask = cell(bids, BEST), cell(asks, BEST)
    if not settled or (best_bid != NONE and best_ask != NONE and -best_bid >= best_ask):
        return ~(SETTLE | (cell(sync, INDEX) << KIND_BITS))
    set_cell(sync, STATE, LIVE)
    set_cell(sync, TRIES, 0)
    return cell(sync, INDEX)


@inlined
def _is_running(sync: int) -> bool:
    """True for a book whose deltas are applied as they come; the end of a silence is counted elsewhere."""
    anchored = bool(cell(sync, ANCHORED) != 0) & bool(cell(sync, LINKED) != 0)
    return anchored & bool(cell(sync, RECORDING) == 0) & bool(cell(sync, SILENT) == 0)


@inlined
def _told(desk: int, kind: int) -> int:
    return ~(kind | (cell(cell(desk, SYNC), INDEX) << KIND_BITS))


@inlined
def _bids(at: int, desk: int) -> int:
    """Read the rows of a side onto the desk; return where they end."""
    cells = cell(desk, SYNC)
    value, at = read_rows(at, cells, TICK, LOT, _column(desk, 0), _column(desk, 1))
    set_cell(desk, COUNT, value)
    return at


@inlined
def _asks(at: int, desk: int) -> int:
    cells = cell(desk, SYNC)
    value, at = read_rows(at, cells, TICK, LOT, _column(desk, 2), _column(desk, 3))
    set_cell(desk, ASK_COUNT, value)
    return at


@inlined
def _is_text(at: int, length: int, first: Word) -> bool:
    """True when a text of this length opens at ``at`` and has these first (eight) bytes."""
    return bool(_text_length(at) == length) and bool(first_bytes(at + 1, length) == first)


@inlined
def _has(seen: int, fields: int) -> bool:
    return seen & fields == fields


@inlined
def _trade(desk: int, index: int, at_ms: int, price: int, size: int, taker: int) -> bool:
    """Write a trade whose price and size are texts at these addresses into the columns."""
    cells = cell(desk, SYNC)
    tick, price_end = read_steps(price, cells, TICK)
    lots, size_end = read_steps(size, cells, LOT)
    set_cell(_column(desk, 0), index, at_ms)
    set_cell(_column(desk, 1), index, tick)
    set_cell(_column(desk, 2), index, lots)
    set_cell(_column(desk, 3), index, taker)
    return bool(price_end != 0) & bool(size_end != 0) & bool(tick > 0)


# Binance: one object, bare or as "data" of an envelope.  Its keys have one letter, but one.

E, S, FIRST, LAST, PREV, T, B, A, BID_LOTS, ASK_LOTS, P, Q, M, X = range(14)
DEPTH_KIND, TRADE_KIND, AGGREGATED_KIND, QUOTE_KIND = 1, 2, 3, 4
NUMBERS = 1 << FIRST | 1 << LAST | 1 << PREV | 1 << T
DEPTH_FIELDS = NUMBERS | 1 << S | 1 << B | 1 << A
TRADE_FIELDS = 1 << S | 1 << T | 1 << P | 1 << Q | 1 << M
QUOTE_FIELDS = 1 << S | 1 << LAST | 1 << B | 1 << A | 1 << BID_LOTS | 1 << ASK_LOTS
_FIELD_OF = np.full(128, -1)
_FIELD_OF[[ord(key) for key in "esUuTbaBApqmX"]] = [
    E,
    S,
    FIRST,
    LAST,
    T,
    B,
    A,
    BID_LOTS,
    ASK_LOTS,
    P,
    Q,
    M,
    X,
]
_PU, _DATA = packed("pu"), packed("data")
_DEPTH_UPDATE, _THE_UPDATE = packed("depthUpdate"), packed("thUpdate")
_BOOK_TICKER, _OK_TICKER = packed("bookTicker"), packed("okTicker")
_AGG_TRADE, _TRADE, _MARKET = packed("aggTrade"), packed("trade"), packed("MARKET")
_TRUE, _FALSE = packed("true"), packed("false")
_BYTES4, _BYTES5 = U(0xFFFFFFFF), U(0xFFFFFFFFFF)


@inlined
def _binance_kind(at: int) -> int:
    """Return the kind of event a text names, 0 for one that is not read here."""
    if _is_text(at, 11, _DEPTH_UPDATE) and word(at + 4) == _THE_UPDATE:
        return DEPTH_KIND
    if _is_text(at, 8, _AGG_TRADE):
        return AGGREGATED_KIND
    if _is_text(at, 5, _TRADE):
        return TRADE_KIND
    return QUOTE_KIND if _is_text(at, 10, _BOOK_TICKER) and word(at + 3) == _OK_TICKER else 0


@inlined
def _binance_depth(desk: int, now_ms: int) -> int:
    sync = cell(desk, SYNC)
    if not _is_running(sync):
        return ~UNKNOWN
    if cell(desk, FIELDS + LAST) <= cell(sync, UPDATE_ID) or cell(desk, FIELDS + PREV) != cell(
        sync, UPDATE_ID
    ):
        return ~NOT_NEXT
    set_cell(desk, LAST_ID, cell(desk, FIELDS + LAST))
    set_cell(desk, AT, cell(desk, FIELDS + T))
    set_cell(desk, SEQUENCE, 0)
    return _extend(desk, now_ms)


@inlined
def _binance_trade(desk: int) -> int:
    flag = word(cell(desk, FIELDS + M))
    sells = bool(flag & _BYTES4 == _TRUE)
    if not sells and flag & _BYTES5 != _FALSE:
        return ~UNKNOWN
    if not _trade(
        desk,
        0,
        cell(desk, FIELDS + T),
        cell(desk, FIELDS + P),
        cell(desk, FIELDS + Q),
        SELL if sells else BUY,
    ):
        return ~UNKNOWN
    set_cell(desk, COUNT, 1)
    return _told(desk, TRADES)


@inlined
def _binance_quote(desk: int) -> int:
    cells = cell(desk, SYNC)
    set_cell(desk, LAST_ID, cell(desk, FIELDS + LAST))
    value, bid_end = read_steps(cell(desk, FIELDS + B), cells, TICK)
    set_cell(desk, FACTS, value)
    value, bid_lots_end = read_steps(cell(desk, FIELDS + BID_LOTS), cells, LOT)
    set_cell(desk, FACTS + 1, value)
    value, ask_end = read_steps(cell(desk, FIELDS + A), cells, TICK)
    set_cell(desk, FACTS + 2, value)
    value, ask_lots_end = read_steps(cell(desk, FIELDS + ASK_LOTS), cells, LOT)
    set_cell(desk, FACTS + 3, value)
    if bid_end == 0 or bid_lots_end == 0 or ask_end == 0 or ask_lots_end == 0:
        return ~UNKNOWN
    return _told(desk, QUOTED)


@compiled(types.int64(*MESSAGE))
def scan_binance(raw: bytes, desk: int, now_ms: int) -> int:
    """Take a depth update, a trade or a best quote of Binance."""
    start = _lay_out(raw, desk)
    if start == 0:
        return ~UNKNOWN
    at = start + 1
    kind, seen, read = 0, 0, 0
    bare, inside, behind = 0, 1, 2
    place = bare  # relative to the "data" of an envelope
    while True:
        key, length, at = read_key(at)
        if at == 0:
            return ~UNKNOWN
        if key == _DATA and length == 4 and place != inside:
            if place == behind or seen != 0 or byte(at) != OPEN_OBJECT:
                return ~UNKNOWN
            place = inside
            at += 1
            continue
        field = _FIELD_OF[INT(key)] if length == 1 else INT(PREV if key == _PU else -1)
        if field < 0 or place == behind:
            at = skip_value(at)
        else:
            if seen & (1 << field):
                return ~UNKNOWN
            seen |= 1 << field
            set_cell(desk, FIELDS + field, at)
            if field == E:
                kind = _binance_kind(at)
                at = skip_text(at) if kind != 0 else 0
            elif field == S:
                length = _text_length(at)
                at = at + length + 2 if _find(desk, at + 1, length) else 0
            elif NUMBERS & (1 << field):
                value, at = read_whole(at)
                set_cell(desk, FIELDS + field, value)
            elif field == B and _has(seen, 1 << S) and kind == DEPTH_KIND:
                at = _bids(at, desk)
                read |= 1 << B
            elif field == A and _has(seen, 1 << S) and kind == DEPTH_KIND:
                at = _asks(at, desk)
                read |= 1 << A
            else:
                at = skip_value(at)
        if at == 0:
            return ~UNKNOWN
        if place == inside and byte(at) == CLOSE_OBJECT:
            place = behind
            at += 1
        if byte(at) == COMMA:
            at += 1
        elif byte(at) == CLOSE_OBJECT and place != inside:
            break
        else:
            return ~UNKNOWN
    if at + 1 != start + len(raw):
        return ~UNKNOWN
    if kind == DEPTH_KIND and _has(seen, DEPTH_FIELDS):
        if not (read & (1 << B)) and _bids(cell(desk, FIELDS + B), desk) == 0:
            return ~UNKNOWN
        if not (read & (1 << A)) and _asks(cell(desk, FIELDS + A), desk) == 0:
            return ~UNKNOWN
        return _binance_depth(desk, now_ms)
    if kind in (TRADE_KIND, AGGREGATED_KIND) and _has(seen, TRADE_FIELDS):
        number, end = UNNUMBERED, 1
        if kind == AGGREGATED_KIND and _has(seen, 1 << A):
            number, end = read_whole(cell(desk, FIELDS + A))
        set_cell(desk, LAST_ID, number)
        if end == 0:
            return ~UNKNOWN
        if _has(seen, 1 << X) and not _is_text(cell(desk, FIELDS + X), 6, _MARKET):
            return ~UNKNOWN
        return _binance_trade(desk)
    if kind == QUOTE_KIND and _has(seen, QUOTE_FIELDS):
        set_cell(desk, AT, cell(desk, FIELDS + T) if _has(seen, 1 << T) else 0)
        return _binance_quote(desk)
    return ~UNKNOWN


# Bybit: "topic" says what "data" is and of which contract.

TOPIC, TYPE, TS, CTS, DATA = range(5)
BOOK_TOPIC, TRADE_TOPIC = 1, 2
_TOPIC, _TYPE, _TS, _CTS = (packed(key) for key in ("topic", "type", "ts", "cts"))
_ORDERBOOK, _PUBLIC_TRADE, _IC_TRADE = packed("orderbook."), packed("publicTrade."), packed("icTrade.")
_K_POINT = ord("k") | POINT << 8
_DELTA = packed("delta")
_U, _SEQ, _ROW_B, _ROW_A = (packed(key) for key in ("u", "seq", "b", "a"))
_ROW_T, _ROW_P, _ROW_V, _ROW_S = (packed(key) for key in ("T", "p", "v", "S"))
_BUY, _SELL = packed("Buy"), packed("Sell")


@inlined
def _bybit_field(key: Word, length: int) -> int:
    if length > 5:
        return -1
    if key == _TOPIC:
        return TOPIC
    if key == _TYPE:
        return TYPE
    if key == _TS:
        return TS
    if key == _CTS:
        return CTS
    return DATA if key == _DATA else -1


@inlined
def _bybit_topic(at: int, desk: int) -> tuple[int, int]:
    """Read the topic of a book or of trades; return its kind (0: neither) and the address behind it."""
    length = _text_length(at)
    kind = 0
    if length > 10 and word(at + 1) == _ORDERBOOK and word(at + 9) & U(0xFFFF) == U(_K_POINT):
        kind = BOOK_TOPIC
    elif length > 12 and word(at + 1) == _PUBLIC_TRADE and word(at + 5) == _IC_TRADE:
        kind = TRADE_TOPIC
    if kind == 0:
        return 0, 0
    behind = at + 1 + length
    name = behind
    while byte(name - 1) != POINT:
        name -= 1
    return (kind, behind + 1) if _find(desk, name, behind - name) else (0, 0)


@inlined
def _bybit_book(at: int, desk: int) -> int:
    """Read the data of a book message onto the desk; return where it ends."""
    if byte(at) != OPEN_OBJECT:
        return 0
    set_cell(desk, SEQUENCE, 0)
    seen = 0
    while True:
        key, length, at = read_key(at + 1)
        if at == 0:
            return 0
        field = 0
        if length == 1 and key == _ROW_B:
            field = 1
            at = _bids(at, desk)
        elif length == 1 and key == _ROW_A:
            field = 2
            at = _asks(at, desk)
        elif length == 1 and key == _U:
            field = 4
            value, at = read_whole(at)
            set_cell(desk, LAST_ID, value)
        elif length == 3 and key == _SEQ:
            field = 8
            value, at = read_whole(at)
            set_cell(desk, SEQUENCE, value)
        else:
            at = skip_value(at)
        if at == 0 or seen & field:
            return 0
        seen |= field
        if byte(at) == CLOSE_OBJECT:
            return at + 1 if _has(seen, 1 | 2 | 4) else 0
        if byte(at) != COMMA:
            return 0


@inlined
def _bybit_trades(at: int, desk: int) -> int:
    """Read a list of trades into the columns; return where it ends."""
    if byte(at) != OPEN_LIST:
        return 0
    count = 0
    while True:
        at = _bybit_trade(at + 1, desk, count)
        if at == 0:
            return 0
        count += 1
        if byte(at) == CLOSE_LIST:
            set_cell(desk, COUNT, count)
            return at + 1
        if byte(at) != COMMA:
            return 0


@inlined
def _bybit_trade(at: int, desk: int, index: int) -> int:
    if byte(at) != OPEN_OBJECT:
        return 0
    at_ms, price, size, taker, seen = 0, 0, 0, 0, 0
    while True:
        key, length, at = read_key(at + 1)
        if at == 0:
            return 0
        field, value = 0, at
        if length == 1 and key == _ROW_T:
            field = 1
            at_ms, at = read_whole(at)
        elif length == 1 and key == _ROW_P:
            field, price = 2, value
            at = skip_text(at)
        elif length == 1 and key == _ROW_V:
            field, size = 4, value
            at = skip_text(at)
        elif length == 1 and key == _ROW_S:
            field = 8
            taker = BUY if _is_text(at, 3, _BUY) else (SELL if _is_text(at, 4, _SELL) else 0)
            at = skip_text(at) if taker != 0 else 0
        else:
            at = skip_value(at)
        if at == 0 or seen & field:
            return 0
        seen |= field
        if byte(at) == CLOSE_OBJECT:
            good = _has(seen, 1 | 2 | 4 | 8) and _trade(desk, index, at_ms, price, size, taker)
            return at + 1 if good else 0
        if byte(at) != COMMA:
            return 0


@compiled()
def _bybit_data(at: int, desk: int, kind: int) -> int:
    return _bybit_book(at, desk) if kind == BOOK_TOPIC else _bybit_trades(at, desk)


@compiled(types.int64(*MESSAGE))
def scan_bybit(raw: bytes, desk: int, now_ms: int) -> int:
    """Take a change of a book or the trades of a message of Bybit."""
    start = _lay_out(raw, desk)
    if start == 0:
        return ~UNKNOWN
    at = start + 1
    kind, seen, read = 0, 0, False
    while True:
        key, length, at = read_key(at)
        if at == 0:
            return ~UNKNOWN
        field = _bybit_field(key, length)
        if field >= 0:
            if seen & (1 << field):
                return ~UNKNOWN
            seen |= 1 << field
            set_cell(desk, FIELDS + field, at)
        if field == TOPIC:
            kind, at = _bybit_topic(at, desk)
        elif field == DATA and kind != 0:
            at = _bybit_data(at, desk, kind)
            read = True
        else:
            at = skip_value(at)
        if at == 0:
            return ~UNKNOWN
        if byte(at) == COMMA:
            at += 1
        elif byte(at) == CLOSE_OBJECT:
            break
        else:
            return ~UNKNOWN
    if at + 1 != start + len(raw) or kind == 0 or not _has(seen, 1 << DATA):
        return ~UNKNOWN
    if not read and _bybit_data(cell(desk, FIELDS + DATA), desk, kind) == 0:
        return ~UNKNOWN
    if kind == TRADE_TOPIC:
        return _told(desk, TRADES)
    if not _has(seen, 1 << TYPE | 1 << TS) or not _is_text(cell(desk, FIELDS + TYPE), 5, _DELTA):
        return ~UNKNOWN
    at_ms, end = read_whole(cell(desk, FIELDS + TS))
    if _has(seen, 1 << CTS) and end != 0:
        matched_ms, end = read_whole(cell(desk, FIELDS + CTS))
        at_ms = matched_ms if matched_ms != 0 else at_ms
    set_cell(desk, AT, at_ms)
    sync = cell(desk, SYNC)
    if end == 0 or not _is_running(sync):
        return ~UNKNOWN
    return _extend(desk, now_ms) if cell(desk, LAST_ID) == cell(sync, UPDATE_ID) + 1 else ~NOT_NEXT


# OKX: "arg" says what the objects in the list "data" are and of which contract.

ARG, ACTION, ROWS, EVENT = range(4)
_ARG, _ACTION, _EVENT, _UPDATE = (packed(key) for key in ("arg", "action", "event", "update"))
_CHANNEL, _INST_ID = packed("channel"), packed("instId")
_BOOKS, _BOOKS_L2, _BOOKS50, _TRADES = (packed(key) for key in ("books", "books-l2", "books50-", "trades"))
_L2_TBT, _50_L2_TBT = packed("s-l2-tbt"), packed("0-l2-tbt")
_BIDS, _ASKS, _SEQ_ID, _PREV_SEQ_I = (packed(key) for key in ("bids", "asks", "seqId", "prevSeqI"))
_D = ord("d")
_PX, _SZ, _SIDE = (packed(key) for key in ("px", "sz", "side"))
_BUYS, _SELLS = packed("buy"), packed("sell")


@inlined
def _okx_channel(at: int) -> int:
    if _is_text(at, 5, _BOOKS):
        return BOOK_TOPIC
    if _is_text(at, 12, _BOOKS_L2) and word(at + 5) == _L2_TBT:
        return BOOK_TOPIC
    if _is_text(at, 14, _BOOKS50) and word(at + 7) == _50_L2_TBT:
        return BOOK_TOPIC
    return TRADE_TOPIC if _is_text(at, 6, _TRADES) else 0


@inlined
def _okx_arg(at: int, desk: int) -> tuple[int, int]:
    """Read what a message is about; return its kind (0: not read here) and the address behind."""
    if byte(at) != OPEN_OBJECT:
        return 0, 0
    kind, seen = 0, 0
    while True:
        key, length, at = read_key(at + 1)
        if at == 0:
            return 0, 0
        field = 0
        if length == 7 and key == _CHANNEL:
            field, kind = 1, _okx_channel(at)
            at = skip_text(at) if kind != 0 else 0
        elif length == 6 and key == _INST_ID:
            field, length = 2, _text_length(at)
            at = at + length + 2 if _find(desk, at + 1, length) else 0
        else:
            at = skip_value(at)
        if at == 0 or seen & field:
            return 0, 0
        seen |= field
        if byte(at) == CLOSE_OBJECT:
            return (kind, at + 1) if _has(seen, 1 | 2) else (0, 0)
        if byte(at) != COMMA:
            return 0, 0


@inlined
def _okx_field(key: Word, length: int) -> int:
    if length == 3 and key == _ARG:
        return ARG
    if length == 6 and key == _ACTION:
        return ACTION
    if length == 4 and key == _DATA:
        return ROWS
    return EVENT if length == 5 and key == _EVENT else -1


@inlined
def _okx_book(at: int, desk: int) -> int:
    if byte(at) != OPEN_OBJECT:
        return 0
    seen = 0
    while True:
        key, length, at = read_key(at + 1)
        if at == 0:
            return 0
        field = 0
        if length == 4 and key == _BIDS:
            field = 1
            at = _bids(at, desk)
        elif length == 4 and key == _ASKS:
            field = 2
            at = _asks(at, desk)
        elif length == 2 and key == _TS:
            field = 4
            value, at = read_whole_text(at)
            set_cell(desk, AT, value)
        elif length == 5 and key == _SEQ_ID:
            field = 8
            value, at = read_whole(at)
            set_cell(desk, LAST_ID, value)
        elif length == 9 and key == _PREV_SEQ_I and byte(at - 3) == _D:
            field = 16
            value, at = read_whole(at)
            set_cell(desk, PREV_ID, value)
        else:
            at = skip_value(at)
        if at == 0 or seen & field:
            return 0
        seen |= field
        if byte(at) == CLOSE_OBJECT:
            return at + 1 if _has(seen, 1 | 2 | 4 | 8 | 16) else 0
        if byte(at) != COMMA:
            return 0


@inlined
def _okx_trade(at: int, desk: int, index: int) -> int:
    if byte(at) != OPEN_OBJECT:
        return 0
    at_ms, price, size, taker, seen = 0, 0, 0, 0, 0
    while True:
        key, length, at = read_key(at + 1)
        if at == 0:
            return 0
        field, value = 0, at
        if length == 2 and key == _TS:
            field = 1
            at_ms, at = read_whole_text(at)
        elif length == 2 and key == _PX:
            field, price = 2, value
            at = skip_text(at)
        elif length == 2 and key == _SZ:
            field, size = 4, value
            at = skip_text(at)
        elif length == 4 and key == _SIDE:
            field = 8
            taker = BUY if _is_text(at, 3, _BUYS) else (SELL if _is_text(at, 4, _SELLS) else 0)
            at = skip_text(at) if taker != 0 else 0
        else:
            at = skip_value(at)
        if at == 0 or seen & field:
            return 0
        seen |= field
        if byte(at) == CLOSE_OBJECT:
            good = _has(seen, 1 | 2 | 4 | 8) and _trade(desk, index, at_ms, price, size, taker)
            return at + 1 if good else 0
        if byte(at) != COMMA:
            return 0


@compiled()
def _okx_data(at: int, desk: int, kind: int) -> int:
    """Read the one object of a book's list, or the trades of theirs; return where the list ends."""
    if byte(at) != OPEN_LIST:
        return 0
    count = 0
    while True:
        at = _okx_book(at + 1, desk) if kind == BOOK_TOPIC else _okx_trade(at + 1, desk, count)
        if at == 0:
            return 0
        count += 1
        if byte(at) == CLOSE_LIST:
            if kind == TRADE_TOPIC:
                set_cell(desk, COUNT, count)
            return at + 1
        if byte(at) != COMMA or kind == BOOK_TOPIC:
            return 0


@inlined
def _okx_depth(desk: int, now_ms: int) -> int:
    sync = cell(desk, SYNC)
    if not _is_running(sync):
        return ~UNKNOWN
    previous, last = cell(sync, UPDATE_ID), cell(desk, LAST_ID)
    # The same id twice is the venue's sign of life.
    if cell(desk, PREV_ID) != previous or last == previous:
        return ~NOT_NEXT
    set_cell(desk, SEQUENCE, 0)
    told = _extend(desk, now_ms)
    if told != ~NO_ROOM:
        at = RECENT + 2 * (cell(sync, RECENT_COUNT) % RECENT_IDS_MAX)
        set_cell(sync, at, previous)
        set_cell(sync, at + 1, last)
        set_cell(sync, RECENT_COUNT, cell(sync, RECENT_COUNT) + 1)
    return told


@compiled(types.int64(*MESSAGE))
def scan_okx(raw: bytes, desk: int, now_ms: int) -> int:
    """Take a change of a book or the trades of a message of OKX."""
    start = _lay_out(raw, desk)
    if start == 0:
        return ~UNKNOWN
    at = start + 1
    kind, seen, read = 0, 0, False
    while True:
        key, length, at = read_key(at)
        if at == 0:
            return ~UNKNOWN
        field = _okx_field(key, length)
        if field == EVENT:
            return ~UNKNOWN
        if field >= 0:
            if seen & (1 << field):
                return ~UNKNOWN
            seen |= 1 << field
            set_cell(desk, FIELDS + field, at)
        if field == ARG:
            kind, at = _okx_arg(at, desk)
        elif field == ROWS and kind != 0:
            at = _okx_data(at, desk, kind)
            read = True
        else:
            at = skip_value(at)
        if at == 0:
            return ~UNKNOWN
        if byte(at) == COMMA:
            at += 1
        elif byte(at) == CLOSE_OBJECT:
            break
        else:
            return ~UNKNOWN
    if at + 1 != start + len(raw) or kind == 0 or not _has(seen, 1 << ROWS):
        return ~UNKNOWN
    if not read and _okx_data(cell(desk, FIELDS + ROWS), desk, kind) == 0:
        return ~UNKNOWN
    if kind == TRADE_TOPIC:
        return _told(desk, TRADES)
    if not _has(seen, 1 << ACTION) or not _is_text(cell(desk, FIELDS + ACTION), 6, _UPDATE):
        return ~UNKNOWN
    return _okx_depth(desk, now_ms)


_SCANNERS = {"binance": scan_binance, "bybit": scan_bybit, "okx": scan_okx}


def _entry_point(kernel: Any) -> Callable[[bytes, int, int], int]:
    """Return the compiled function itself: a call costs half of one that looks the types up first."""
    (made,) = kernel.overloads.values()
    return cast(Callable[[bytes, int, int], int], made.entry_point)


class RawReader:
    """The desk of one adapter: takes its messages, and keeps its books in compiled sides from now on.

    scan(raw, desk, now_ms) takes a message, see the top of this file; desk is the address to hand it.
    """

    def __init__(self, venue: str, syncs: Sequence[BookSync]) -> None:
        self.scan = _entry_point(_SCANNERS[venue])
        self._desk: Ints = np.zeros(DESK_CELLS, dtype=np.int64)
        self._text: Ints = np.zeros(MESSAGE_BYTES_MAX // 8 + 32, dtype=np.int64)
        self._columns: Ints = np.zeros((4, ROWS_MAX), dtype=np.int64)
        slots = 1 << (2 * len(syncs) + 1).bit_length()
        self._table: Ints = np.zeros((slots, ENTRY), dtype=np.int64)
        self._desk[TEXT], self._desk[COLUMN] = self._text.ctypes.data, self._columns.ctypes.data
        self._desk[TABLE], self._desk[TABLE_MASK] = self._table.ctypes.data, slots - 1
        self.desk = int(self._desk.ctypes.data)
        self._cells = memoryview(self._desk.data)
        self._held: list[object] = []  # what the kernels know by address lives as long as this
        for index, sync in enumerate(syncs):
            self._enlist(index, sync)

    def _enlist(self, index: int, sync: BookSync) -> None:
        bids, asks = sync.book.rebuild(WindowSide)
        self._held += [bids, asks, sync.cells]
        cells = sync.cells
        cells.ints[INDEX], cells.ints[BIDS], cells.ints[ASKS] = index, bids.address, asks.address
        name = sync.instrument.native
        # Another name can only come in a message that is read the ordinary way.
        if name.isascii() and 0 < len(name) <= NAME_BYTES_MAX:
            _register(self.desk, name.encode() + bytes(NAME_BYTES_MAX), cells.address)

    def trades(self) -> Ints:
        """Return the columns of the trades of the message just taken, as `Trades` wants them."""
        return self._columns[:, : self._cells[COUNT]].copy()

    def number(self) -> int:
        """Return the number of the trade just taken; means something for Binance alone."""
        return self._cells[LAST_ID]

    def quote(self) -> tuple[int, int, int, int, int, int]:
        """Return time, update id, bid tick, bid lots, ask tick and ask lots of the quote just taken."""
        cells = self._cells
        bid_tick, bid_lots, ask_tick, ask_lots = cells[FACTS : FACTS + 4].tolist()
        return cells[AT], cells[LAST_ID], bid_tick, bid_lots, ask_tick, ask_lots
