"""A small made-up map from a seed, as frames and as what a reader must see in them."""

from __future__ import annotations

import numpy as np

from leadline.wire import map_frames
from leadline.wire.map_reader import MapReader
from leadline.wire.reader import MapColumn, MapKeyframe, decode

STREAM, COLUMNS, ROWS, STEP_MIN = 6, 12, 16, 5


def map_stream(starts_ms: int, seed: int = 20_240_809) -> list[bytes]:
    """Return a keyframe and three columns: one that replaces the last, one that follows, one further on."""
    random = np.random.default_rng(seed)
    first_min = starts_ms // 60_000 // STEP_MIN * STEP_MIN
    long, short = _planes(random)
    candles = _candles(random)
    candles[3] = np.nan
    newest_min = first_min + (COLUMNS - 1) * STEP_MIN
    key = {
        "t": newest_min * 60_000 + 61_000,
        "step_min": STEP_MIN,
        "first_min": first_min,
        "low": 26_500.5,
        "ratio": 1.001,
        "exact": 0.0,
        "opened": "range",
        "calibrated": False,
        "factor": 4.0,
        "venues": [{"venue": "binance", "share": 0.625}, {"venue": "bybit", "share": 0.375}],
        **_slow(random, progress=0.5),
    }
    frames = [map_frames.map_keyframe(STREAM, long, short, candles, key)]
    for away in (0, STEP_MIN, 3 * STEP_MIN):
        candle = np.full(4, np.nan) if away == STEP_MIN else _candles(random)[0]
        minute = newest_min + away
        told = {"t": minute * 60_000 + 120_000, "minute": minute, **_slow(random, progress=1.0)}
        frames.append(map_frames.map_column(STREAM, *(plane[0] for plane in _planes(random)), candle, told))
    return frames


def read_map(raws: list[bytes]) -> list[dict[str, object]]:
    """Return the map after each frame as plain values; candles are rounded to cents."""
    reader: MapReader | None = None
    seen = []
    for raw in raws:
        message = decode(raw)
        if isinstance(message, MapKeyframe):
            reader = MapReader(message)
        elif isinstance(message, MapColumn) and reader is not None:
            reader.apply(message)
        else:
            raise TypeError(f"expected a keyframe of a map, then columns, got {message!r:.60}")
        seen.append(_plain(reader))
    return seen


def _plain(reader: MapReader) -> dict[str, object]:
    facts = dict(reader.facts)
    book = facts.pop("book")
    assert isinstance(book, dict)
    return {
        "stream": reader.stream,
        "first_min": reader.first_min,
        "long": reader.long.tolist(),
        "short": reader.short.tolist(),
        "candles": [
            None if np.isnan(candle).any() else [round(float(price), 2) for price in candle]
            for candle in reader.candles
        ],
        "book": {**book, "bids": list(book["bids"]), "asks": list(book["asks"])},
        "facts": facts,
    }


def _planes(random: np.random.Generator) -> tuple[map_frames.Codes, map_frames.Codes]:
    codes = random.integers(0, 256, (2, COLUMNS, ROWS)).astype(np.uint8)
    codes[0, :, ROWS // 2 :] = 0
    codes[1, :, : ROWS // 2] = 0
    return codes[0], codes[1]


def _candles(random: np.random.Generator) -> np.ndarray:
    ends = 26_700 + random.normal(0, 20, (COLUMNS, 2))
    reach = np.abs(random.normal(0, 10, (COLUMNS, 2)))
    return np.column_stack([ends[:, 0], ends.max(1) + reach[:, 0], ends.min(1) - reach[:, 1], ends[:, 1]])


MOVE = {"opened": 51_000_000, "closed": 40_100_000, "triggered": 11_200_000, "moved": -900_000, "revalued": 0}


def _slow(random: np.random.Generator, progress: float) -> dict[str, object]:
    resting = random.integers(0, 200, (2, ROWS)).astype(np.uint8)
    return {
        "book": {
            "bids": resting[0].tobytes(),
            "asks": resting[1].tobytes(),
            "known": (3, 12) if progress < 1.0 else None,
        },
        "top_usd": 12_500_000,
        "oi_usd": 2_718_281_828,
        "flags": 5,
        "age": 40,
        "part": 0.375 + progress / 4,
        "standing": {"okx": "mark_estimated"} if progress < 1.0 else {"mexc": "no_interest"},
        "progress": progress,
        "clusters": [
            {
                "id": 3,
                "side": "short",
                "lo": 268_000,
                "peak": 268_400,
                "hi": 268_900,
                "usd": 42_000_000,
                "usd_lo": 24_000_000,
                "usd_hi": 71_000_000,
                "distance_pct": 0.53,
                "eta_min": None,
                "name": "S2",
                "touch": "touched",
                "since": 1_790_000_000_000,
                "most_usd": 48_000_000,
                "split": {"triggered": 1_000_000, "closed": 5_000_000, "expired": 0},
                "oi_pct": 0.3,
                "percentile": 96,
                "lift": 1.8,
                "moved_bp": None,
            }
        ],
        "moves": {
            "since": 1_790_000_000_000,
            "long": {**MOVE, "bp": -12},
            "short": {**MOVE, "bp": 4},
        },
    }
