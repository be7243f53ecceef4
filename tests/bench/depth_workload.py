"""Depth messages for the book benchmark: a seeded stream and recorded ones, as files every peer can read.

A file's first line is a book snapshot, each further line one ``depthUpdate`` that follows the line before.
"""

from __future__ import annotations

import gzip
import math
import random
from pathlib import Path

import orjson

from tests.fakes.captures import capture

SEED = 41
MESSAGES = 20_000
DEPTH = 1_000
MIDDLE = 670_000  # ticks of 0.1
NEAR_TICKS = 20
CAPTURES = {
    "btcusdt": [
        "binance_usdm/btcusdt_20230404_depth_trade_bbo_mark.txt.gz",
        "binance_usdm/btcusdt_20230405_depth_trade_bbo_mark.txt.gz",
    ],
    "ethusdt": ["binance_usdm/ethusdt_20240808_depth_trade_bbo.txt.gz"],
}


def write_workload(name: str, path: Path) -> None:
    """Write the workload of that name: "seeded" or one of CAPTURES."""
    lines = seeded(SEED, MESSAGES) if name == "seeded" else recorded(CAPTURES[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")


def recorded(names: list[str]) -> list[bytes]:
    """Return the recorded snapshot and the messages that follow it without a gap."""
    snapshot: bytes | None = None
    early: list[bytes] = []
    kept: list[bytes] = []
    last_id = 0
    for name in names:
        with gzip.open(capture(name)) as file:
            for line in file:
                raw = line[line.index(b"{") :].rstrip()
                if raw.startswith(b'{"stream"'):
                    raw = raw[raw.index(b'"data":') + 7 : -1]
                if raw.startswith(b'{"lastUpdateId"') and snapshot is None:
                    snapshot, last_id = raw, orjson.loads(raw)["lastUpdateId"]
                    waiting, early = early, []
                elif raw.startswith(b'{"e":"depthUpdate"'):
                    waiting = [raw]
                else:
                    continue
                if snapshot is None:
                    early += waiting
                    continue
                for message in waiting:
                    told = orjson.loads(message)
                    if told["u"] <= last_id:
                        continue
                    if kept and told["pu"] != last_id:
                        return [snapshot, *kept]
                    if not kept:
                        # The first one spans the snapshot's id: begin where it begins, as it is absolute.
                        snapshot = orjson.dumps(orjson.loads(snapshot) | {"lastUpdateId": told["pu"]})
                    last_id = told["u"]
                    kept.append(message)
    if snapshot is None:
        raise ValueError(f"no snapshot in {names}")
    return [snapshot, *kept]


class _Side:
    """Levels of one side with a random choice among them; sign: +1 asks, -1 bids."""

    def __init__(self, sign: int, touch: int, rng: random.Random) -> None:
        self.sign, self.touch, self.rng = sign, touch, rng
        self.lots: dict[int, int] = {}
        self._ticks: list[int] = []
        tick, reach = touch, 0
        while len(self.lots) < DEPTH:
            self.set(tick, self.size())
            reach = abs(tick - touch)
            tick += sign * (1 if reach < 60 else 1 + int(rng.expovariate(1 / (1 + reach / 600))))

    def size(self) -> int:
        return max(1, int(self.rng.lognormvariate(6, 1.6)))

    def set(self, tick: int, lots: int) -> None:
        if lots:
            if tick not in self.lots:
                self._ticks.append(tick)
            self.lots[tick] = lots
        else:
            self.lots.pop(tick, None)

    def held(self) -> int:
        """Return the tick of a random level."""
        while True:
            at = self.rng.randrange(len(self._ticks))
            tick = self._ticks[at]
            if tick in self.lots:
                return tick
            self._ticks[at] = self._ticks[-1]
            self._ticks.pop()

    def advance(self, by: int, changes: dict[int, int]) -> None:
        """Move the touch ``by`` ticks inwards (negative: outwards, eating levels)."""
        for step in range(abs(by)):
            if by > 0:
                tick, lots = self.touch - self.sign * (step + 1), self.size()
            else:
                tick, lots = self.touch + self.sign * step, 0
            if lots or tick in self.lots:
                changes[tick] = lots
                self.set(tick, lots)
        self.touch -= self.sign * by
        if self.touch not in self.lots:
            changes[self.touch] = self.size()
            self.set(self.touch, changes[self.touch])

    def elsewhere(self, near: bool) -> int:
        """Return the tick of the next change: within NEAR_TICKS of the touch, or anywhere at all."""
        rng = self.rng
        if near:
            return self.touch + self.sign * rng.randint(0, NEAR_TICKS)
        kind = rng.random()
        if kind < 0.5:
            return self.held()
        if kind < 0.9:
            return self.touch + self.sign * (NEAR_TICKS + int(rng.expovariate(1 / 400)))
        if kind < 0.998:
            return self.touch + self.sign * int(math.exp(6.5 + 3.2 * rng.random()))
        return int(self.touch * (1 + self.sign * (0.3 + 0.6 * rng.random())))

    def change(self, tick: int) -> int:
        """Change a level and return its new lots; the book stays about DEPTH levels deep."""
        gone = self.rng.random()
        held = tick in self.lots
        drop = (0.32 if len(self.lots) <= DEPTH else 0.6) if held else 0.06
        lots = 0 if tick != self.touch and gone < drop else self.size()
        self.set(tick, lots)
        return lots


def seeded(seed: int, count: int) -> list[bytes]:
    """Return a snapshot and ``count`` messages shaped like a busy USDT-M contract.

    20 to some 220 changes a message (median 39), seven of ten within NEAR_TICKS of the touch, three of ten
    removals, a few half a price away; the touch moves in a third of the messages.
    """
    rng = random.Random(seed)
    bids, asks = _Side(-1, MIDDLE, rng), _Side(1, MIDDLE + 1, rng)
    update_id, at_ms = 1_000_000, 1_700_000_000_000
    head = {"lastUpdateId": update_id, "E": at_ms, "T": at_ms}
    lines = [orjson.dumps(head | {"bids": _rows(bids.lots, rng, True), "asks": _rows(asks.lots, rng)})]
    for _ in range(count):
        changed: dict[int, dict[int, int]] = {-1: {}, 1: {}}
        if rng.random() < 0.35:
            by = 1 + int(rng.expovariate(0.6 if rng.random() < 0.97 else 0.05))
            # A weak pull back to the middle keeps the walk in its place.
            up = 1 if rng.random() < 0.5 - (bids.touch - MIDDLE) / 200_000 else -1
            asks.advance(-up * by, changed[1])
            bids.advance(up * by, changed[-1])
        wanted = min(220, 20 + int(rng.expovariate(1 / 28)))
        for _ in range(wanted - len(changed[1]) - len(changed[-1])):
            side = bids if rng.random() < 0.5 else asks
            tick = side.elsewhere(rng.random() < 0.7)
            if tick not in changed[side.sign]:
                changed[side.sign][tick] = side.change(tick)
        previous, update_id = update_id, update_id + 20 + rng.randrange(300)
        at_ms += 100
        told = {
            "e": "depthUpdate",
            "E": at_ms + 3,
            "T": at_ms,
            "s": "BTCUSDT",
            "U": previous + 1,
            "u": update_id,
        }
        rows = {"b": _rows(changed[-1], rng), "a": _rows(changed[1], rng)}
        lines.append(orjson.dumps(told | {"pu": previous} | rows))
    return lines


def _rows(lots: dict[int, int], rng: random.Random, best_first: bool = False) -> list[list[str]]:
    return [
        [f"{tick // 10}.{tick % 10}0", _size(lots[tick], rng)] for tick in sorted(lots, reverse=best_first)
    ]


def _size(lots: int, rng: random.Random) -> str:
    return "0" if not lots and rng.random() < 0.05 else f"{lots // 1000}.{lots % 1000:03d}"
