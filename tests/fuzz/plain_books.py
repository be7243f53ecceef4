"""What a venue's raw messages prove of one book: its rules a second time, in dictionaries and fractions.

Written from the venues' documentation and not from the adapters, for the fuzz tests to compare with: an
adapter may believe less than this, never more and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from leadline.domain.instrument import Instrument
from leadline.units import STEPS_MAX

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
Side = dict[int, int]


class Broken(Exception):
    """A message about the book that makes no sense."""


@dataclass(frozen=True)
class Change:
    """One change: what it follows, what it spans (first to last), and the rows of bids and asks."""

    prev: int
    first: int
    last: int
    sides: tuple[list[tuple[int, int]], list[tuple[int, int]]]
    order: int = 0

    def reaches(self, update_id: int) -> bool:
        return self.prev <= update_id or self.first <= update_id


class PlainBook:
    """One contract's book at one venue."""

    def __init__(self, made: Instrument) -> None:
        self.made = made
        self.bids: Side = {}
        self.asks: Side = {}
        self.update_id = self.order = 0
        self.anchored = self.linked = False
        self._run: list[Change] = []  # the last changes that follow each other
        self._seen: set[tuple[int, int]] = set()
        self._take: Callable[[dict[str, Any]], None] = getattr(self, f"_take_{made.venue}")

    @property
    def live(self) -> bool:
        apart = not self.bids or not self.asks or max(self.bids) < min(self.asks)
        return self.anchored and self.linked and apart

    def lose(self) -> None:
        self.anchored = self.linked = False
        self._seen.clear()

    def start(self) -> None:
        """The stream starts over."""
        self.lose()
        self._run = []

    def receive(self, raw: bytes | str) -> None:
        """Take one message; one that cannot be read may have been about this book."""
        try:
            message = json.loads(raw.decode() if isinstance(raw, bytes) else raw)
        except (ValueError, RecursionError):
            self.lose()
            return
        if isinstance(message, dict):
            try:
                self._take(message)
            except (Broken, KeyError, TypeError, AttributeError):
                self.lose()

    def fetched(self, body: bytes) -> None:
        """Take a snapshot of Binance, fetched because the book was lost."""
        try:
            told = json.loads(body)
            last = _whole(told["lastUpdateId"])
            sides = self._sides(told["bids"], told["asks"])
        except (Broken, KeyError, TypeError, ValueError, RecursionError):
            return
        newer = [change for change in self._run if change.last > last]
        if newer and not newer[0].reaches(last):
            return
        self._anchor(last, sides)
        self.linked = any(change.last == last for change in self._run)
        for change in newer:
            self._follow_by_name(change)

    # The venues' rules.

    def _take_binance(self, message: dict[str, Any]) -> None:
        told = message.get("data", message)
        if not isinstance(told, dict) or told.get("e") != "depthUpdate" or told.get("s") != self.made.native:
            return
        _whole(told["T"])
        sides = self._sides(told["b"], told["a"])
        change = Change(_whole(told["pu"]), _whole(told["U"]), _whole(told["u"]), sides)
        if not self._run or change.prev == self._run[-1].last:
            self._run.append(change)
        elif change.last > self._run[-1].last or change.prev > self._run[-1].prev:
            self._run = [change]
        if self.anchored and change.last > self.update_id:
            self._follow_by_name(change)

    def _follow_by_name(self, change: Change) -> None:
        """A change follows when it names the one before, or when it is the first to reach a snapshot."""
        if change.prev == self.update_id or (not self.linked and change.reaches(self.update_id)):
            self._apply(change)
        else:
            self.lose()

    def _take_bybit(self, message: dict[str, Any]) -> None:
        topic = message.get("topic")
        if not isinstance(topic, str):
            return
        kind, _, rest = topic.partition(".")
        if kind != "orderbook" or rest.rpartition(".")[2] != self.made.native:
            return
        data = message["data"]
        last, order = _whole(data["u"]), _whole(data.get("seq", 0))
        _whole(message.get("cts") or message["ts"])
        sides = self._sides(data["b"], data["a"])
        if message["type"] == "snapshot":
            self._anchor(last, sides)
            self.linked, self.order = True, order
        elif message["type"] != "delta":
            raise Broken
        elif self.anchored:
            if last == self.update_id + 1:
                self._apply(Change(last - 1, last, last, sides, order))
            elif last > self.update_id or order > self.order:
                self.lose()

    def _take_okx(self, message: dict[str, Any]) -> None:
        arg = message.get("arg")
        if "event" in message or not isinstance(arg, dict) or str(arg.get("instId")) != self.made.native:
            return
        if arg.get("channel") not in ("books", "books-l2-tbt", "books50-l2-tbt"):
            return
        if not isinstance(message["data"], list):
            raise Broken
        for row in message["data"]:
            last, prev = _whole(row["seqId"]), _whole(row["prevSeqId"])
            sides = self._sides(row["bids"], row["asks"])
            if message["action"] == "snapshot":
                self._anchor(last, sides)
                self.linked = True
            elif message["action"] != "update":
                raise Broken
            elif self.anchored and not last == prev == self.update_id:
                self._follow_by_id(Change(prev, prev + 1, last, sides))

    def _follow_by_id(self, change: Change) -> None:
        """A change follows when it names the one before; one seen already is a repetition."""
        ids = (change.prev, change.last)
        if change.prev == self.update_id:
            self._seen.add(ids)
            self._apply(change)
        elif ids not in self._seen:
            self.lose()

    # The book.

    def _anchor(self, update_id: int, sides: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
        self.bids, self.asks, self.anchored = {}, {}, True
        self._apply(Change(0, 0, update_id, sides))
        self.linked = False

    def _apply(self, change: Change) -> None:
        for side, rows in zip((self.bids, self.asks), change.sides, strict=True):
            for tick, lots in rows:
                side[tick] = lots
                if not lots:
                    del side[tick]
        self.update_id, self.order, self.linked = change.last, change.order, True
        if self.bids and self.asks and max(self.bids) > min(self.asks):
            self.lose()

    def _sides(self, bids: Any, asks: Any) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return self._rows(bids), self._rows(asks)

    def _rows(self, rows: Any) -> list[tuple[int, int]]:
        if not isinstance(rows, list):
            raise Broken
        made = self.made
        return [(_steps(row, 0, made.tick.fraction, 1), _steps(row, 1, made.lot.fraction, 0)) for row in rows]


def _steps(row: Any, column: int, step: Fraction, least: int) -> int:
    if not isinstance(row, list) or len(row) < 2:
        raise Broken
    text = row[column]
    if not isinstance(text, str) or DECIMAL.fullmatch(text) is None:
        raise Broken
    count = Fraction(text) / step
    # More steps than a phone can hold exactly are no size and no price.
    if count.denominator != 1 or not least <= count <= STEPS_MAX:
        raise Broken
    return int(count)


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise Broken
    return value
