"""Writes the golden frames: what the server sends, beside what both languages must read in it.

Run ``python -m tests.wire.make_golden`` after a deliberate change of the wire; the tests fail until then.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from leadline.domain.ladder import LadderView, Print
from leadline.wire import frames
from leadline.wire.patch import patch
from leadline.wire.reader import Delta, Keyframe, LadderReader, decode
from tests.wire.ladders import STARTS_MS, RandomMarket, bands, plain, view
from tests.wire.maps import map_stream, read_map
from tests.wire.watchlists import glance_stream, pulse_stream, read_glance, read_plain, tape_stream

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "wire" / "golden"
STREAM = {"group": 5, "depth": 12, "stream": 4, "epoch": 3}
STREAM_FRAMES = 160


CLUSTER_FACTS: dict[str, object] = {
    "t": STARTS_MS,
    "mark": 27_182.84,
    "funding": None,
    "funding_at": None,
    "oi_usd": None,
    "day": None,
    "venues": [],
    "bands": {
        "calibrated": True,
        "factor": 1.7,
        "progress": 1.0,
        "heat_top_usd": 3_100_000,
        "usual_days": 12,
        "tiers": {
            "binance": {"source": "brackets", "from": "2026-09-29", "later": False},
            "deribit": {"source": "fallback", "from": None, "later": False},
        },
        "oi_z": -0.4,
    },
    "clusters": [
        {
            "id": 7,
            "name": "S1",
            "side": "short",
            "lo": 272_600,
            "peak": 272_900,
            "hi": 273_100,
            "usd": 16_000_000,
            "usd_lo": 9_410_000,
            "usd_hi": 27_200_000,
            "distance_pct": 0.39,
            "eta_min": 11,
            "touch": "touched",
            "since": STARTS_MS - 7_200_000,
            "most_usd": 42_000_000,
            "split": {"triggered": 4_600_000, "closed": 21_000_000, "expired": 0},
            "oi_pct": 0.31,
            "percentile": 97,
            "lift": 1.9,
            "moved_bp": -18,
            "cascade": {"state": "armed", "odds": 0.54, "n": 320},
        },
        {
            "id": 9,
            "name": "L1",
            "side": "long",
            "lo": 268_000,
            "peak": 268_400,
            "hi": 268_500,
            "usd": 24_000_000,
            "usd_lo": 14_100_000,
            "usd_hi": 40_800_000,
            "distance_pct": 1.26,
            "eta_min": None,
            "touch": "open",
            "since": STARTS_MS - 600_000,
            "most_usd": 24_000_000,
            "split": {"triggered": 0, "closed": 0, "expired": 0},
            "oi_pct": 0.28,
            "percentile": 91,
            "lift": None,
            "moved_bp": None,
            "cascade": None,
        },
    ],
    "bias": -34,
    "easier": "down",
    "reach_bp": 45,
    "chain": {"up": None, "down": 267_100},
    "pace": -2.5,
    "known": {"low": 266_000, "high": 274_000},
}


def _later(now: dict[str, Any]) -> dict[str, Any]:
    """Return slow facts a moment on: numbers moved, a cluster went, another came, a venue fell silent."""
    _, long = now["clusters"]
    come = {**long, "id": long["id"] + 100, "name": "L2"}
    venues = [{**venue, "state": "stale", "age_ms": 12_345} for venue in now["venues"]]
    return {
        **now,
        "t": now["t"] + 1_000,
        "mark": now["mark"] + 0.5,
        "bias": None,
        "bands": {**now["bands"], "factor": 2.5},
        "known": {"low": 266_100, "high": 274_000},
        "venues": venues,
        "clusters": [{**long, "usd": long["usd"] + 1, "eta_min": None}, come],
    }


LATER_FACTS = _later(CLUSTER_FACTS)


def facts() -> dict[str, bytes]:
    """Return the frames without a ladder, by name."""
    return {
        "hello": frames.hello(
            {
                "version": "0.1.0",
                "market": "twin",
                "simulated": True,
                "server_ms": STARTS_MS,
                "venues": ["binance", "bybit"],
                "symbols": [
                    {
                        "symbol": "BTCUSDT",
                        "base": "BTC",
                        "quote": "USDT",
                        "tick": [1, 1],
                        "lot": [1, 4],
                        "unit": "coin",
                        "venues": ["binance", "bybit"],
                        "groups": [1, 10, 100],
                        "group": 10,
                    }
                ],
            }
        ),
        "subscribed": frames.subscribed(
            9,
            4,
            {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 10, "depth": 50, "hz": 10},
        ),
        "refused": frames.refused(9, "unknown_symbol", "unknown symbol 'NONE'; known: BTCUSDT"),
        "pong": frames.pong(77, STARTS_MS + 5),
        "state": frames.state(
            4,
            {
                "t": STARTS_MS,
                "mark": 27_182.84,
                "funding": -0.0001,
                "funding_at": STARTS_MS + 3_600_000,
                "oi_usd": 2_718_281_828,
                "day": -1.25,
                "venues": [
                    {
                        "venue": "binance",
                        "state": "live",
                        "age_ms": 12,
                        "epoch": 1,
                        "gaps": 0,
                        "resyncs": 0,
                        "estimate": "no_interest",
                    }
                ],
                "bands": None,
                "clusters": [],
                "bias": None,
                "easier": None,
                "reach_bp": None,
                "chain": {"up": None, "down": None},
                "pace": None,
                "known": {"low": 271_200, "high": 272_500},
            },
        ),
        "state_clusters": frames.state(4, CLUSTER_FACTS),
        "state_changes": frames.state_changes(4, patch(CLUSTER_FACTS, LATER_FACTS) or {}),
        "state_later": frames.state(4, LATER_FACTS),
        "row": frames.row(
            11,
            {
                "symbol": "BTCUSDT",
                "group": 10,
                "row": 27_183,
                "t": STARTS_MS,
                "venues": [
                    {
                        "venue": "binance",
                        "state": "live",
                        "age_ms": 12,
                        "bid": 314,
                        "ask": 0,
                        "whole": True,
                        "fuel": 141,
                    },
                    {
                        "venue": "bybit",
                        "state": "stale",
                        "age_ms": None,
                        "bid": 0,
                        "ask": 0,
                        "whole": False,
                        "fuel": None,
                    },
                ],
            },
        ),
        "marks": frames.marks(
            6,
            [
                (3, "BTCUSDT", "77500", "daily open", 2, STARTS_MS - 86_400_000),
                (8, "ETHUSDT", "1982.55", "", 0, STARTS_MS),
            ],
        ),
        "mark_kept": frames.mark_kept(13, 8),
        "notice": frames.notice("BTCUSDT", "feed_down", "Bybit is silent; showing 1 of 2 venues"),
    }


def ladders() -> dict[str, tuple[int, int, list[bytes]]]:
    """Return named pairs of keyframe and delta with the group and depth of their stream."""
    near = {offset: 10 + offset for offset in range(14)}
    before = view(
        1,
        271_828,
        271_829,
        near,
        {0: 2**52, 60: 3},
        prints=[Print(271_829, 2**51, True, STARTS_MS - 250), Print(271_828, 1, False, STARTS_MS)],
        first=271_600,
        bands=bands({0: 1, 228: 200, 399: 255}),
    )
    dense = view(
        1,
        271_827,
        271_830,
        {offset: lots + offset % 2 for offset, lots in near.items()},
        {0: 4, 59: 3},
        t_ms=STARTS_MS + 100,
        age_ms=40,
        flags=9,
        prints=[Print(271_830, 5, True, STARTS_MS + 100)],
        first=271_650,
        bands=bands({178: 201, 349: 255, 350: 7}),
    )
    sparse = view(10, 27_182, 27_189, {0: 5, 300: 6, 1_000: 7}, {0: 1, 2: 1})
    listed = view(10, 27_195, 27_201, {0: 9, 1: 5, 1_001: 8}, {1: 1, 0: 2**52 + 1}, t_ms=STARTS_MS - 400)
    empty = view(10, 0, 27_201, {}, {1: 1, 0: 2**52 + 1})
    return {
        "dense": (1, 20, [_keyframe(before.prints, before), _delta(before, dense, 20)]),
        "sparse": (10, 3, [_keyframe([], sparse), _delta(sparse, listed, 3)]),
        "empty": (10, 3, [_keyframe([], listed), _delta(listed, empty, 3), _delta(empty, sparse, 3, seq=3)]),
    }


def random_stream() -> list[bytes]:
    """Return a seeded stream: a keyframe, deltas, and a second keyframe where a new epoch begins."""
    group, depth = STREAM["group"], STREAM["depth"]
    views = list(RandomMarket(20_240_808, group, depth).views(STREAM_FRAMES))
    made = []
    for seq, now in enumerate(views):
        epoch = STREAM["epoch"] + (seq >= STREAM_FRAMES // 2)
        if seq in (0, STREAM_FRAMES // 2):
            made.append(frames.ladder_keyframe(STREAM["stream"], epoch, seq, now, now.prints))
        else:
            made.append(frames.ladder_delta(STREAM["stream"], epoch, seq, views[seq - 1], now, depth))
    return made


def read(group: int, depth: int, raws: list[bytes]) -> list[dict[str, object]]:
    """Return the ladder after each frame as plain values."""
    reader = LadderReader(group, depth)
    seen = []
    for raw in raws:
        message = decode(raw)
        if not isinstance(message, Keyframe | Delta):
            raise TypeError(f"expected ladder frames, got {message!r:.60}")
        shown = plain(reader.apply(message))
        seen.append({"stream": message.stream, "epoch": reader.epoch, "seq": reader.seq, **shown})
    return seen


def golden() -> dict[str, bytes]:
    """Return every golden file by name."""
    files: dict[str, bytes] = {}
    for name, raw in facts().items():
        files[f"{name}.bin"] = raw
        files[f"{name}.json"] = _json(asdict(decode(raw)))
    for name, (group, depth, raws) in ladders().items():
        _add_stream(files, f"ladder_{name}", group, depth, raws)
    _add_stream(files, "stream", STREAM["group"], STREAM["depth"], random_stream())
    raws = map_stream(STARTS_MS)
    files["map.bin"], files["map.json"] = _prefixed(raws), _json({"maps": read_map(raws)})
    for name, (raws, seen) in others().items():
        files[f"{name}.bin"], files[f"{name}.json"] = _prefixed(raws), _json({"seen": seen})
    for name, asked in requests().items():
        files[f"{name}.bin"] = msgpack.packb(asked)
        files[f"{name}.json"] = _json(asked)
    return files


def others() -> dict[str, tuple[list[bytes], list[dict[str, object]]]]:
    """Return the streams that are no ladders: their frames and what a phone sees after each."""
    glance, tape, pulse = (made(STARTS_MS) for made in (glance_stream, tape_stream, pulse_stream))
    return {
        "glance": (glance, read_glance(glance)),
        "tape": (tape, read_plain(tape)),
        "pulse": (pulse, read_plain(pulse)),
    }


def requests() -> dict[str, object]:
    """Return what a phone sends, by name."""
    wish = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 10, "depth": 50, "hz": 10}
    row = {"kind": "row", "symbol": "BTCUSDT", "group": 10, "row": 27_183}
    others = {
        "glance": {"symbols": ["BTCUSDT", "ETHUSDT"]},
        "map": {"symbol": "BTCUSDT", "venue": "all", "hours": 72, "opened": "range"},
        "tape": {"symbol": "BTCUSDT", "venue": "okx"},
        "pulse": {"symbol": "BTCUSDT", "hours": 12},
        "marks": {},
    }
    put = {"op": "put", "symbol": "BTCUSDT", "price": "77500", "label": "daily open", "colour": 2}
    return {
        "put_mark": [4, 13, put],
        "remove_mark": [4, 14, {"op": "remove", "id": 8}],
        **{f"subscribe_{kind}": [1, 12, {"kind": kind, **wish}] for kind, wish in others.items()},
        "subscribe": [1, 9, wish],
        "subscribe_row": [1, 11, row],
        "unsubscribe": [2, 4],
        "ping": [3, 77],
    }


def _add_stream(files: dict[str, bytes], name: str, group: int, depth: int, raws: list[bytes]) -> None:
    files[f"{name}.bin"] = _prefixed(raws)
    files[f"{name}.json"] = _json({"group": group, "depth": depth, "frames": read(group, depth, raws)})


def _prefixed(raws: list[bytes]) -> bytes:
    """Put each frame after its length as an unsigned 32-bit little-endian number."""
    return b"".join(struct.pack("<I", len(raw)) + raw for raw in raws)


def _keyframe(trades: list[Print], now: LadderView) -> bytes:
    return frames.ladder_keyframe(4, 3, 1, now, trades)


def _delta(before: LadderView, now: LadderView, depth: int, seq: int = 2) -> bytes:
    return frames.ladder_delta(4, 3, seq, before, now, depth)


def _json(value: object) -> bytes:
    if isinstance(value, dict) and "frames" in value:
        head = {name: part for name, part in value.items() if name != "frames"}
        return f'{json.dumps(head)[:-1]}, "frames": {_lines(value["frames"])}}}\n'.encode()
    if isinstance(value, dict) and "maps" in value:
        return f'{{"maps": {_lines(value["maps"])}}}\n'.encode()
    if isinstance(value, dict) and "seen" in value:
        return f'{{"seen": {_lines(value["seen"])}}}\n'.encode()
    return (json.dumps(value, indent=1, default=_plain) + "\n").encode()


def _lines(frames_read: list[dict[str, object]]) -> str:
    lines = ",\n".join(json.dumps(shown, separators=(",", ":")) for shown in frames_read)
    return f"[\n{lines}\n]"


def _plain(value: object) -> object:
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"no JSON for {value!r:.60}")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in golden().items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
