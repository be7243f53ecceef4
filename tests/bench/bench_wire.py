"""Bytes a second of one ladder stream on real markets, beside JSON and what a compressor could reach.

``make bench-wire`` (or ``python -m tests.bench.bench_wire``) writes build/bench/wire.json.

What is sent: 20 rows a side ungrouped, every real trade and 400 bands, ten frames a second (none for a
tenth in which the venue said nothing), one keyframe at the start.  The bands are made, seeded: 400
cells of 25 ticks, to which 72 amounts a minute are added and which empty when price crosses them, as
an estimate over three venues would.  Every frame is read again and compared.  Compared with: the
venue's own form of the same 20 + 20 levels as JSON text, without trades and bands; and xz over all our
frames at once, a floor that no live stream can reach.
"""

from __future__ import annotations

import gzip
import json
import lzma
import math
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from leadline.domain.book import Book
from leadline.domain.instrument import Instrument
from leadline.domain.ladder import LadderView, Print, VenueLevels, VenueScale, rows_of, touch_of
from leadline.domain.trades import Trades
from leadline.feed.tape import ALL_VENUES, Tape
from leadline.limits import BAND_ROWS
from leadline.units import Step
from leadline.wire.frames import ladder_delta, ladder_keyframe
from leadline.wire.reader import Delta, Keyframe, LadderReader, decode
from tests.fakes.captures import capture
from tests.wire.ladders import as_sent, plain

OUT = Path(__file__).resolve().parents[2] / "build" / "bench" / "wire.json"
DEPTH = 20
FRAME_MS = 100
BAND_TICKS = 25
BAND_ADDITIONS_PER_MIN = 72
LOT = Step(1, 3)
SCALE = VenueScale(1, 1)


@dataclass(frozen=True, slots=True)
class Recording:
    """Consecutive recordings of one Binance USDT-M contract and its tick."""

    name: str
    files: tuple[str, ...]
    tick: Step


@dataclass(frozen=True, slots=True)
class Cut:
    """What frames show: rows and cells of bands in ticks, rows a side, and the time between two frames."""

    group: int = 1
    depth: int = DEPTH
    frame_ms: int = FRAME_MS
    band_ticks: int = BAND_TICKS


RECORDINGS = (
    Recording(
        "BTCUSDT 2023-04-04/05",
        (
            "binance_usdm/btcusdt_20230404_depth_trade_bbo_mark.txt.gz",
            "binance_usdm/btcusdt_20230405_depth_trade_bbo_mark.txt.gz",
        ),
        Step(1, 1),
    ),
    Recording("ETHUSDT 2024-08-08", ("binance_usdm/ethusdt_20240808_depth_trade_bbo.txt.gz",), Step(1, 2)),
)


def messages(files: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """Yield the recorded messages without their stream wrapper."""
    for name in files:
        with gzip.open(capture(name), "rb") as lines:
            for line in lines:
                start = line.find(b"{")
                if start >= 0:
                    message = orjson.loads(line[start:])
                    yield message.get("data", message)


def levels(rows: list[list[str]], tick: Step) -> tuple[list[int], list[int]]:
    return [tick.count(price) for price, _ in rows], [LOT.count(size) for _, size in rows]


class Bands:
    """Made liquidation bands: dollars in cells of some ticks, shown as the wire's band codes."""

    def __init__(self, bid_tick: int, cut: Cut) -> None:
        self.cut = cut
        self.random = random.Random(7)
        self.first = bid_tick // cut.band_ticks - BAND_ROWS // 2
        self.usd = np.array([math.exp(self.random.gauss(6, 1.5)) * 1_000 for _ in range(BAND_ROWS)])
        self.cell = bid_tick // cut.band_ticks

    def advance(self, bid_tick: int) -> NDArray[np.uint8]:
        """Add what a frame's time brings, empty what price crossed, and return the codes."""
        if self.random.random() < BAND_ADDITIONS_PER_MIN / 60_000 * self.cut.frame_ms:
            self.usd[self.random.randrange(BAND_ROWS)] += math.exp(self.random.gauss(4, 1)) * 1_000
        cell = bid_tick // self.cut.band_ticks
        crossed = sorted((self.cell - self.first, cell - self.first))
        self.usd[max(0, crossed[0]) : max(0, crossed[1])] = 0
        self.cell = cell
        return np.minimum(np.round(np.log1p(self.usd / 100) / math.log(1.06)), 255).astype(np.uint8)


def snapshot_and_rest(recording: Recording) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return the recorded snapshot, and in order all depth messages that follow it and all trades since."""
    snapshot: dict[str, object] | None = None
    rest = []
    for message in messages(recording.files):
        if snapshot is None and "lastUpdateId" in message:
            snapshot = message
        elif message.get("e") in ("depthUpdate", "trade"):
            rest.append(message)
    if snapshot is None:
        raise ValueError(f"expected a snapshot in {recording.files}")
    return snapshot, [m for m in rest if m["e"] == "trade" or m["u"] > snapshot["lastUpdateId"]]  # type: ignore[operator]


def views(recording: Recording, cut: Cut = Cut()) -> Iterator[LadderView]:
    """Yield the ladder of every frame of the recording, through the product's own book and rows."""
    snapshot, rest = snapshot_and_rest(recording)
    book, tape = Book(), Tape()
    made = Instrument("binance", "", "", recording.tick, LOT, Step(1, 0))
    book.replace(*levels(snapshot["bids"], recording.tick), *levels(snapshot["asks"], recording.tick))
    bands: Bands | None = None
    due_ms = shown = updated_ms = linked = 0
    for message in rest:
        at_ms = int(message["E"])
        while bands is not None and at_ms >= due_ms:
            if updated_ms > due_ms - cut.frame_ms:
                yield _view(book, tape.since(shown, ALL_VENUES), bands, due_ms, due_ms - updated_ms)
                shown = tape.count
            due_ms += cut.frame_ms
        if message["e"] == "trade":
            if bands is not None and message.get("X", "MARKET") == "MARKET":
                tick, lots = recording.tick.count(message["p"]), LOT.count(message["q"])
                taker = -1 if message["m"] else 1
                tape.add(Trades.of(made, [(at_ms, tick, lots, taker)]), SCALE, at_ms)
            continue
        if linked and message["pu"] != linked:
            return
        linked = message["u"]
        book.apply(*levels(message["b"], recording.tick), *levels(message["a"], recording.tick))
        updated_ms = at_ms
        if bands is None:
            bands, due_ms = Bands(book.best_bid or 0, cut), at_ms + cut.frame_ms


def _view(book: Book, prints: list[Print], bands: Bands, t_ms: int, age_ms: int) -> LadderView:
    venue = VenueLevels.of(book, SCALE)
    touch = touch_of([venue])
    bid_rows, bid_lots, ask_rows, ask_lots = rows_of([venue], touch, bands.cut.group, bands.cut.depth)
    codes = bands.advance(touch.bid_tick)
    return LadderView(
        t_ms, age_ms, 1, touch.bid_tick, touch.ask_tick,
        bid_rows, bid_lots, ask_rows, ask_lots, prints, bands.first, codes,
    )  # fmt: skip


def json_depth20(shown: LadderView, tick: Step) -> bytes:
    """Return the venue's own form of the same levels: a partial book of 20 levels every 100 ms."""

    def side(ticks: NDArray[np.int64], lots: NDArray[np.int64]) -> list[list[str]]:
        return [
            [f"{t * float(tick):.{max(2, tick.decimals)}f}", f"{n / 1000:.3f}"]
            for t, n in zip(ticks.tolist(), lots.tolist(), strict=True)
        ]

    # The update ids' values do not matter, their width does: these are of the recordings' time.
    head = {"e": "depthUpdate", "E": shown.t_ms, "T": shown.t_ms - 3, "s": "BTCUSDT"}
    ids = {"U": 2_612_345_678_901, "u": 2_612_345_678_951, "pu": 2_612_345_678_900}
    sides = {"b": side(shown.bid_rows, shown.bid_lots), "a": side(shown.ask_rows, shown.ask_lots)}
    return json.dumps({**head, **ids, **sides}, separators=(",", ":")).encode()


@dataclass(slots=True)
class Sent:
    """What a recording cost on the wire."""

    frames: list[bytes] = field(default_factory=list)
    json_bytes: int = 0
    encode_us: list[float] = field(default_factory=list)
    first_ms: int = 0
    last_ms: int = 0


def send(recording: Recording) -> Sent:
    """Encode the recording and check each frame against the ladder that it stands for."""
    sent = Sent()
    reader = LadderReader(group=1, depth=DEPTH)
    before: LadderView | None = None
    for seq, now in enumerate(views(recording)):
        began = time.perf_counter_ns()
        if before is None:
            raw = ladder_keyframe(1, 1, seq, now, now.prints)
        else:
            raw = ladder_delta(1, 1, seq, before, now, DEPTH)
        took_us = (time.perf_counter_ns() - began) / 1_000
        message = decode(raw)
        if not isinstance(message, Keyframe | Delta):
            raise TypeError(f"expected a ladder frame, got {message!r:.60}")
        if plain(reader.apply(message)) != as_sent(now, delta=before is not None):
            raise ValueError(f"{recording.name}: frame {seq} does not read back as it was sent")
        if before is None:
            sent.first_ms = now.t_ms
        else:
            sent.encode_us.append(took_us)
        sent.frames.append(raw)
        sent.json_bytes += len(json_depth20(now, recording.tick))
        sent.last_ms = now.t_ms
        before = now
    return sent


def measure(recording: Recording) -> dict[str, float]:
    sent = send(recording)
    seconds = (sent.last_ms - sent.first_ms + FRAME_MS) / 1_000
    size = sum(map(len, sent.frames))
    floor = len(lzma.compress(b"".join(sent.frames), preset=9 | lzma.PRESET_EXTREME))
    return {
        "bytes_per_s": round(size / seconds, 1),
        "json_depth20_bytes_per_s": round(sent.json_bytes / seconds, 1),
        "xz_floor_bytes_per_s": round(floor / seconds, 1),
        "ratio": round(sent.json_bytes / size, 2),
        "bytes_per_frame": round(size / len(sent.frames), 1),
        "frames": len(sent.frames),
        "encode_us_median": round(statistics.median(sent.encode_us), 1),
    }


def main() -> None:
    figures = {recording.name: measure(recording) for recording in RECORDINGS}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"captures": figures}, indent=1) + "\n")
    for name, row in figures.items():
        sys.stdout.write(f"{name}: {row}\n")


if __name__ == "__main__":
    main()
