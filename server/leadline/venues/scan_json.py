"""The words of JSON that venue messages are made of, read at an address by compiled code.

Every function takes the address of a first byte and returns the address behind the last one it took, 0
for anything it does not know exactly: what it takes is JSON and means the same to every reader.  Behind
the text lie 64 zero bytes, so no read needs a bound: a zero byte ends whatever was being read.

Not known, though JSON: white space, escapes, characters beyond ASCII, exponents, numbers of more than
16 digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.domain.raw_memory import (
    Word,
    byte,
    cell,
    compiled,
    float_cell,
    inlined,
    lowest_bit,
    other_than_digits,
    other_than_text,
    set_cell,
    word,
)
from leadline.venues.sync_cells import DIV, FRACTION_MAX, MOST, MUL, PLAIN, RATIO

U: Any = np.uint64
INT: Any = np.int64

DIGITS_MAX = 16
NESTING_MAX = 60
KEY_BYTES_MAX = 62
ROW_BYTES_USUAL = 32

QUOTE, COMMA, MINUS, POINT, ZERO, COLON = (ord(char) for char in '",-.0:')
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = (ord(char) for char in "[]{}")


def packed(text: str) -> Word:
    """Return the first eight characters as they lie in a word read at the text."""
    return U(int.from_bytes(text.encode()[:8], "little"))


_TRUE, _NULL, _FALSE = packed("true"), packed("null"), packed("false")
_ROW, _BETWEEN, _NEXT_ROW, _LAST_ROW, _MORE = (packed(text) for text in ('["', '","', '"],["', '"]]', '",'))
_BYTES2, _BYTES3, _BYTES4, _BYTES5 = U(0xFFFF), U(0xFFFFFF), U(0xFFFFFFFF), U(0xFFFFFFFFFF)
_ALL = U(0xFFFFFFFFFFFFFFFF)
_NIBBLES = U(0x0F0F0F0F0F0F0F0F)
_PAIRS = U(0x00FF00FF00FF00FF)
_FOURS = U(0x0000FFFF0000FFFF)


@inlined
def _eight(text: Word) -> int:
    """Return the number of eight ASCII digits (bytes of 0 count as digits 0), the first one lowest.

    Neighbours are joined into pairs, fours and the eight, each time by one multiplication.
    """
    text &= _NIBBLES
    text = ((text * U(2561)) >> U(8)) & _PAIRS
    text = ((text * U(6553601)) >> U(16)) & _FOURS
    number: int = INT((text * U(42949672960001)) >> U(32))
    return number


@inlined
def _digits(at: int, count: int) -> int:
    """Return the number of ``count`` digits, 1 to 16 of them."""
    if count <= 8:
        return _eight(word(at) << U(8 * (8 - count)))
    head = count - 8
    return _eight(word(at) << U(8 * (8 - head))) * 100_000_000 + _eight(word(at + head))


@inlined
def skip_text(at: int) -> int:
    """Pass a text from its opening quote; it is any length of plain characters."""
    if byte(at) != QUOTE:
        return 0
    at += 1
    while True:
        other = other_than_text(at)
        if other != U(0):
            at += lowest_bit(other)
            return at + 1 if byte(at) == QUOTE else 0
        at += 64


@inlined
def read_key(at: int) -> tuple[Word, int, int]:
    """Read a key and its colon; return its first eight bytes packed, its length, and where the value is."""
    length = lowest_bit(other_than_text(at + 1))
    behind = at + 1 + length
    if byte(at) != QUOTE or length > KEY_BYTES_MAX or byte(behind) != QUOTE or byte(behind + 1) != COLON:
        return U(0), 0, 0
    return first_bytes(at + 1, length), length, behind + 2


@inlined
def first_bytes(at: int, length: int) -> Word:
    """Return the first bytes, eight at most, of a text of that length, zeros behind them."""
    if length >= 8:
        return word(at)
    return word(at) & ((U(1) << U(8 * length)) - U(1))


@compiled()
def _skip_number(at: int) -> int:
    if byte(at) == MINUS:
        at += 1
    whole = lowest_bit(other_than_digits(at))
    if whole == 0 or whole > DIGITS_MAX or (byte(at) == ZERO and whole > 1):
        return 0
    at += whole
    if byte(at) == POINT:
        fraction = lowest_bit(other_than_digits(at + 1))
        if fraction == 0 or fraction > DIGITS_MAX:
            return 0
        at += 1 + fraction
    return at


@compiled()
def skip_value(at: int) -> int:
    """Pass any value."""
    objects = U(0)  # of the open brackets, the innermost lowest: 1 an object, 0 a list
    depth = 0
    while True:
        first = byte(at)
        if first in (OPEN_OBJECT, OPEN_LIST):
            is_object = first == OPEN_OBJECT
            if byte(at + 1) == first + 2:  # the closing bracket of either stands two behind the opening one
                at += 2
            else:
                depth += 1
                if depth > NESTING_MAX:
                    return 0
                objects = (objects << U(1)) | U(is_object)
                at += 1
                if is_object:
                    _, _, at = read_key(at)
                    if at == 0:
                        return 0
                continue
        elif first == QUOTE:
            at = skip_text(at)
        elif word(at) & _BYTES4 == _TRUE or word(at) & _BYTES4 == _NULL:
            at += 4
        elif word(at) & _BYTES5 == _FALSE:
            at += 5
        else:
            at = _skip_number(at)
        if at == 0:
            return 0
        while depth > 0 and byte(at) == (CLOSE_OBJECT if objects & U(1) else CLOSE_LIST):
            objects >>= U(1)
            depth -= 1
            at += 1
        if depth == 0:
            return at
        if byte(at) != COMMA:
            return 0
        at += 1
        if objects & U(1):
            _, _, at = read_key(at)
            if at == 0:
                return 0


@inlined
def read_whole(at: int) -> tuple[int, int]:
    """Read a whole number without a sign; return it and the address behind it."""
    count = lowest_bit(other_than_digits(at))
    if count == 0 or count > DIGITS_MAX or (byte(at) == ZERO and count > 1):
        return 0, 0
    behind = at + count
    if byte(behind) == COMMA or byte(behind) == CLOSE_OBJECT or byte(behind) == CLOSE_LIST:
        return _digits(at, count), behind
    return 0, 0


@inlined
def read_whole_text(at: int) -> tuple[int, int]:
    """Read a text of digits, from its opening quote to behind the closing one."""
    count = lowest_bit(other_than_digits(at + 1))
    behind = at + 1 + count
    if byte(at) != QUOTE or count == 0 or count > DIGITS_MAX or byte(behind) != QUOTE:
        return 0, 0
    return _digits(at + 1, count), behind + 1


@compiled()
def _long_decimal(at: int, whole: int, length: int) -> int:
    value = _digits(at, whole)
    for i in range(at + whole + 1, at + length):
        value = 10 * value + byte(i) - ZERO
    return value


@inlined
def _decimal(at: int, other: Word, cells: int, scale: int, plain: int) -> tuple[int, int]:
    """Read a decimal in steps; other: what of the bytes at ``at`` is no digit.

    Returns the steps (-1: not known) and how many characters the number has.
    """
    whole = lowest_bit(other)
    length, fraction, count = whole, 0, whole
    if byte(at + whole) == POINT:
        length = lowest_bit(other & (other - U(1)))
        fraction = length - whole - 1
        count = length - 1
        if fraction == 0:
            return -1, length
    if whole == 0 or count > DIGITS_MAX or fraction > FRACTION_MAX:
        return -1, length
    if count <= 8:
        # The digits before the point and those behind it, moved together.
        before = _ALL >> U(64 - 8 * whole)
        text = (word(at) & before) | (word(at + 1) & ~before)
        value = _eight(text << U(8 * (8 - count)))
        if fraction == plain:
            return value, length
    else:
        value = _long_decimal(at, whole, length)
    steps: int = INT(np.float64(value) * float_cell(cells, scale + RATIO + fraction) + 0.5)
    exact = steps * cell(cells, scale + DIV + fraction) == value * cell(cells, scale + MUL + fraction)
    return (steps if exact and value <= cell(cells, scale + MOST + fraction) else -1), length


@inlined
def read_steps(at: int, cells: int, scale: int) -> tuple[int, int]:
    """Read a decimal text in steps of the scale at TICK or LOT; return them and the address behind."""
    steps, length = _decimal(at + 1, other_than_digits(at + 1), cells, scale, cell(cells, scale + PLAIN))
    behind = at + 1 + length
    if byte(at) != QUOTE or steps < 0 or byte(behind) != QUOTE:
        return 0, 0
    return steps, behind + 1


@compiled()
def read_rows(at: int, cells: int, tick: int, lot: int, ticks: int, lots: int) -> tuple[int, int]:
    """Read a list of rows ``["price","size",...]`` from its opening bracket; a price is above 0.

    Returns how many there are and the address behind the list.
    """
    if byte(at) != OPEN_LIST:
        return 0, 0
    if byte(at + 1) == CLOSE_LIST:
        return 0, at + 2
    if word(at + 1) & _BYTES2 != _ROW:
        return 0, 0
    at += 3
    count = 0
    plain_tick, plain_lot = cell(cells, tick + PLAIN), cell(cells, lot + PLAIN)
    other, known = U(0), 0
    while True:
        # One look at 64 bytes finds the ends of all the numbers in them: of two rows, mostly.
        if known < ROW_BYTES_USUAL:
            other, known = other_than_digits(at), 64
        price, length = _decimal(at, other, cells, tick, plain_tick)
        behind = at + length + 3
        size, size_length = _decimal(behind, other >> U((length + 3) & 63), cells, lot, plain_lot)
        if price <= 0 or size < 0 or word(at + length) & _BYTES3 != _BETWEEN:
            if known == 64:
                return 0, 0
            known = 0
            continue
        set_cell(ticks, count, price)
        set_cell(lots, count, size)
        count += 1
        at = behind + size_length
        if word(at) & _BYTES5 == _NEXT_ROW:
            at += 5
            passed = length + size_length + 8
            other >>= U(passed)
            known -= passed
            continue
        known = 0
        if word(at) & _BYTES3 == _LAST_ROW:
            return count, at + 3
        if word(at) & _BYTES2 != _MORE:
            return 0, 0
        at += 1
        while byte(at) == COMMA:
            at = skip_value(at + 1)
            if at == 0:
                return 0, 0
        if byte(at) != CLOSE_LIST:
            return 0, 0
        at += 1
        if byte(at) == CLOSE_LIST:
            return count, at + 1
        if byte(at) != COMMA or word(at + 1) & _BYTES2 != _ROW:
            return 0, 0
        at += 3
