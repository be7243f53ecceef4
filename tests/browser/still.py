"""A market that stands still: the built app over a server that always tells the same picture.

The frames are encoded by the wire's own writers, so the app reads what it reads in life; only the market
is made up, from a seed, and says so.  ``python -m tests.browser.still --port 8990`` serves it to look at;
with ``--hz 20`` the ladder moves, for measurements.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType

import msgpack
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS
from leadline.web.security import SecurityHeaders
from leadline.web.static import StaticFiles
from leadline.wire import frames
from tests.browser.still_alerts import alerts_of

STATIC = Path(__file__).parents[2] / "server" / "leadline" / "static"
SEED = 20_261_123
NOW_MS = 1_795_413_600_000  # 2026-11-23 10:00 UTC, a whole quarter of an hour
TICK = 0.1
LAST_TICK = 772_700
GROUP = 100
DEPTH = 80
ROWS = 360
ROWS_KEPT = 4_096
RATIO = 1.0003
KNOWN_ROWS = 50  # up and down: 1.5 % of price
FLAGS_LIVE_SIMULATED = 1 | 4
FLAGS_STALE_SIMULATED = 2 | 4
STALE_MS = 10_000
STEP_MIN = {12: 1, 24: 2, 72: 5, 168: 15}


def code(usd: np.ndarray) -> np.ndarray:
    """Return the band code of each amount in USD."""
    codes = np.rint(np.log1p(np.maximum(usd, 0.0) / 100) / np.log(1.06))
    clipped: np.ndarray = np.clip(codes, 0, 255).astype(np.uint8)
    return clipped


def symbol_facts() -> list[dict[str, object]]:
    return [
        {
            "symbol": f"{base}USDT",
            "base": base,
            "quote": "USDT",
            "tick": [1, decimals],
            "lot": [1, 3],
            "unit": "coin",
            "venues": ["binance", "bybit", "okx"],
            "groups": [1, 10, 50, 100, 500, 1000],
            "group": GROUP,
        }
        for base, decimals, *_ in WATCHED
    ]


def hello(market: str = "twin") -> bytes:
    facts = {
        "version": "still",
        "market": market,
        "simulated": True,
        "server_ms": NOW_MS,
        "venues": ["binance", "bybit", "okx"],
        "symbols": symbol_facts(),
    }
    return frames.hello(facts)


def ladder(group: int, random: np.random.Generator, last: int = LAST_TICK) -> LadderView:
    """Return a ladder about ``last`` with walls, bands and some trades."""
    bid, ask = last - 1, last + 1
    best_bid, best_ask = bid // group, -(-ask // group)
    rows = np.arange(DEPTH, dtype=np.int64)

    def lots() -> np.ndarray:
        made = random.lognormal(np.log(9_000), 0.55, DEPTH) * (0.5 + rows / 30)
        made[[11, 27]] *= 6
        return made.astype(np.int64) + 1

    first = best_bid - BAND_ROWS // 2
    offsets = np.arange(BAND_ROWS) + first - last / group
    fuel = np.zeros(BAND_ROWS)
    for middle, width, usd in ((14, 3.0, 6.4e6), (58, 4.0, 4e6), (-22, 3.0, 4.2e6), (-70, 5.0, 3e6)):
        scale = 100 / group
        fuel += usd * np.exp(-(((offsets - middle * scale) / (width * scale)) ** 2)) / scale
    fuel += random.random(BAND_ROWS) * 1.5e5
    fuel[np.abs(offsets) < 1] = 0
    prints = [
        Print(last + (1 if k % 3 else -1), 40 + 7 * k, bool(k % 3), NOW_MS - 1_000 * (30 - k))
        for k in range(30)
    ]
    return LadderView(
        t_ms=NOW_MS,
        age_ms=80,
        flags=FLAGS_LIVE_SIMULATED,
        bid_tick=bid,
        ask_tick=ask,
        bid_rows=best_bid - rows,
        bid_lots=lots(),
        ask_rows=best_ask + rows,
        ask_lots=lots(),
        prints=prints,
        first=first,
        bands=code(fuel),
    )


CLUSTERS = [
    # side, lo and hi in ticks, USD, state
    ("short", 773_800, 774_400, 42e6, "armed"),
    ("short", 778_300, 779_000, 28e6, "approach"),
    ("long", 770_200, 770_800, 24e6, "approach"),
    ("long", 765_400, 766_000, 19e6, "approach"),
]


def clusters() -> list[dict[str, object]]:
    """Return two dense clusters a side, nearest first."""
    return [
        {
            "id": rank + 1,
            "side": side,
            "lo": lo,
            "peak": (lo + hi) // 2,
            "hi": hi,
            "usd": usd,
            "usd_lo": usd / 1.7,
            "usd_hi": usd * 1.7,
            "distance_pct": abs((lo if side == "short" else hi) / LAST_TICK - 1) * 100,
            "eta_min": 11.0 if rank == 0 else None,
            "name": f"{side[0].upper()}{rank % 2 + 1}",
            "cascade": {"state": state, "odds": 0.54, "n": 320} if rank in (0, 2) else None,
            "touch": "open",
            "since": NOW_MS - 5 * 3_600_000,
            "most_usd": 2 * usd if rank == 3 else usd + 1.2e6,
            "split": {
                "triggered": 0.2 * usd if rank == 3 else 0.0,
                "closed": 0.8 * usd if rank == 3 else 1.2e6,
                "expired": 0.0,
            },
            "oi_pct": 0.3,
            "percentile": 96,
            "lift": 1.8,
            "moved_bp": None,
        }
        for rank, (side, lo, hi, usd, state) in enumerate(CLUSTERS)
    ]


def state(
    *, calibrated: bool = True, standing: Mapping[str, str] = MappingProxyType({})
) -> dict[str, object]:
    venue = {
        "state": "live",
        "age_ms": 80,
        "epoch": 1,
        "gaps": 0,
        "resyncs": 0,
        "trading": True,
        "since": NOW_MS - 3_600_000,
        "resync_ms": None,
        "resync_p99_ms": None,
        "silent_ms": 0,
        "errors": 0,
        "liquidations": "full",
        "clock_ms": 0,
    }
    return {
        "t": NOW_MS,
        "mark": LAST_TICK * TICK,
        "funding": 0.0001,
        "funding_at": NOW_MS + 3_600_000,
        "oi_usd": 8.5e9,
        "day": 0.92,
        "venues": [
            {"venue": name, **venue, "estimate": standing.get(name, "in")}
            for name in ("binance", "bybit", "okx")
        ],
        "bands": {
            "calibrated": calibrated,
            "factor": 1.7,
            "progress": 1.0,
            "heat_top_usd": 5e6,
            "usual_days": 30,
            "tiers": {
                "binance": {"source": "brackets", "from": "2026-09-29", "later": False},
                "bybit": {"source": "risk-limit", "from": "2026-11-20", "later": False},
                "okx": {"source": "fallback", "from": None, "later": False},
            },
            "oi_z": 0.6,
        },
        "clusters": clusters(),
        "bias": 28,
        "easier": "up",
        "reach_bp": 80,
        "chain": {"up": 773_900, "down": None},
        "pace": 1.4,
        "known": known_ticks(GROUP),
    }


def known_ticks(group: int) -> dict[str, int]:
    """Return the ticks between which every order is known: ten rows up and down."""
    return {"low": LAST_TICK - 10 * group, "high": LAST_TICK + 10 * group}


def moment() -> bytes:
    """Return the screen of an alert that fired three minutes ago, about the nearest cluster above."""
    view = ladder(GROUP, np.random.default_rng(SEED))
    made: bytes = msgpack.packb(
        {
            "at": NOW_MS - 180_000,
            "price": LAST_TICK * TICK,
            "target": 77_380.0,
            "key": {"symbol": "BTCUSDT", "venue": "all", "group": GROUP, "depth": DEPTH},
            "facts": symbol_facts()[0],
            "ladder": frames.ladder_keyframe(0, 1, 0, view, view.prints),
            "state": frames.state(0, state()),
            "signals": {"thin": {"bids": 0.0, "asks": 0.46}, "imbalance_z": 1.83},
        }
    )
    return made


WATCHED = [
    # base, decimals, last in ticks, change in bp, nearest above and below (bp, kUSD), bias, regime
    ("BTC", 1, LAST_TICK, 92, (40, 42_000), (66, 19_000), 38, 1),
    ("ETH", 2, 284_631, -42, (58, 9_400), (31, 18_000), -22, 1),
    ("SOL", 3, 139_842, 218, (58, 7_400), None, 61, 1),
    ("XRP", 4, 21_874, 36, None, (77, 3_900), None, 2),
]


def glance(
    symbols: list[str], *, late: str | None = None, age_ms: int = 200, calibrated: bool = True
) -> dict[str, object]:
    """Return the key of a glance frame; ``late`` has no book since 48 s, XRP no calibration."""
    rows = []
    for symbol in symbols:
        base, _, last, day, above, below, bias, regime = next(
            it for it in WATCHED if symbol.startswith(it[0])
        )
        offsets = np.linspace(-200, 200, 33)
        usd = np.zeros(33)
        for way, near in ((1, above), (-1, below)):
            for rank, (distance, thousands) in enumerate(
                [near, (near[0] + 75, near[1] * 0.7)] if near else []
            ):
                usd += 900 * thousands * np.exp(-(((offsets - way * distance) / (11 + 4 * rank)) ** 2))
        stale = base == late

        def told(side: str, near: tuple[int, int] | None, last: int = last) -> list[object] | None:
            if near is None:
                return None
            distance, thousands = near
            peak = round(last * (1 + (distance if side == "S" else -distance) / 10_000))
            interval = [thousands, thousands // 1.7, round(thousands * 1.7)]
            armed = "armed" if distance < 45 else "approach"
            return [peak, *interval, distance, 12.0 if distance < 60 else None, f"{side}1", armed]

        top = int(code(np.array([34e6 if base == "BTC" else 12e6]))[0])
        clusters = [told("S", above), told("L", below)]
        age = 480 if stale else age_ms // 100
        stale |= age_ms > STALE_MS
        heat = [code(usd).tobytes(), top, 100, calibrated and base != "XRP"]
        rows.append([2 if stale else 1, age, last, day, *clusters, bias, regime, *heat])
    return {"t": NOW_MS, "simulated": True, "rows": rows}


def row_facts(group: int, row: int) -> dict[str, object]:
    """Return what a row of the ladder is made of: Binance holds half of it, OKX has not come for a while."""
    view = ladder(group, np.random.default_rng(SEED))

    def at(rows: np.ndarray, lots: np.ndarray) -> int:
        return int(lots[rows == row].sum())

    bid, ask = at(view.bid_rows, view.bid_lots), at(view.ask_rows, view.ask_lots)
    band = row - view.first
    known = known_ticks(group)
    fuel = int(view.bands[band]) if 0 <= band < len(view.bands) else None
    shares = [("binance", 0.5, "live"), ("bybit", 0.3, "live"), ("okx", 0.0, "stale")]
    venues = [
        {
            "venue": venue,
            "state": state,
            "age_ms": 80 if state == "live" else None,
            "bid": int(bid * share),
            "ask": int(ask * share),
            "whole": state == "live" and (venue != "bybit" or known["low"] <= row * group <= known["high"]),
            "fuel": fuel,
        }
        for venue, share, state in shares
    ]
    return {"symbol": "BTCUSDT", "group": group, "row": row, "t": NOW_MS, "venues": venues}


def tape(flags: int = FLAGS_LIVE_SIMULATED, age_ms: int = 80) -> dict[str, object]:
    """Return the key of a tape frame: a minute of prints with a burst of liquidations."""
    random = np.random.default_rng(SEED)
    trades: list[int] = []
    forced: list[int] = []
    # What is not fed has no new prints.
    late_ms = age_ms if age_ms > STALE_MS else 0
    last = LAST_TICK - 190
    for age in sorted(random.uniform(0.2, 58, 80), reverse=True):
        bought = bool(random.random() < 0.68)
        last += int(random.integers(-2, 6))
        usd = float(random.lognormal(np.log(2e5), 1.0)) * (26 if 6.2 < age < 6.6 else 1)
        lots = round(usd / (last * TICK) * 1_000)
        fills = 1 + int(usd > 4e5) * int(random.integers(1, 30))
        trades += [last, lots * 2 + bought, int(random.integers(3)), round(age * 1_000) + late_ms, fills]
    for age, usd, venue in ((9.4, 2_310_000, 1), (4.3, 1_120_000, 0), (1.9, 770_000, 2), (31.0, 240_000, 1)):
        forced += [last - round(age * 3), usd, int(age > 30), venue, round(age * 1_000) + late_ms]
    return {
        "t": NOW_MS,
        "trades": trades,
        "liquidations": forced,
        "floor_usd": 0,
        "sums": [9e9, 8e9],
        "flags": flags,
        "age": age_ms,
    }


def pulse(hours: int) -> dict[str, object]:
    """Return the key of a pulse frame: open interest built up and burnt in a last push upwards."""
    random = np.random.default_rng(SEED)
    step = STEP_MIN[hours]
    columns = hours * 60 // step
    along = np.linspace(0, 1, columns)
    burnt = np.clip((along - 0.93) / 0.07, 0, 1)
    interest = 8.2e9 * (1 + 0.03 * along + 0.004 * np.cumsum(random.normal(0, 1, columns)) / np.sqrt(columns))
    interest *= 1 - 0.016 * burnt
    funding = 1e-4 * (0.7 + 0.6 * np.sin(along * 9) + 0.4 * np.sin(along * 23))
    flow = random.normal(0, 2.5e7, columns) / np.sqrt(columns / 60) + 1.5e8 * burnt / columns * 20
    ratio = 1.2 + 0.3 * np.sin(along * 4.2) + random.normal(0, 0.008, columns)
    ratio[: columns // 12] = np.nan
    fields = {
        "oi_usd": interest,
        "funding": np.repeat(funding[:: max(1, columns // 40)], max(1, columns // 40))[:columns],
        "cvd_usd": np.cumsum(flow),
        "buy_usd": np.maximum(flow, 0),
        "sell_usd": np.maximum(-flow, 0),
        "long_ratio": ratio,
        "close": _path(np.random.default_rng(SEED + hours), columns),
    }
    venues = ["binance", "bybit", "okx"]
    return {
        "t": NOW_MS,
        "step_min": step,
        "first_min": NOW_MS // 60_000 - columns * step,
        "columns": columns,
        **{name: values.astype("<f4").tobytes() for name, values in fields.items()},
        **{f"{name}_venues": venues for name in ("oi", "flow", "ratio")},
    }


def _path(random: np.random.Generator, columns: int) -> np.ndarray:
    """Return closes of a walk that ends at the last price."""
    walk = np.cumsum(random.normal(0, 0.017 / np.sqrt(columns), columns))
    walk += 0.006 * np.sin(np.linspace(0, 7, columns))
    closes: np.ndarray = LAST_TICK * TICK * np.exp(walk - walk[-1])
    return closes


def map_picture(hours: int, opened: str = "all", *, calibrated: bool = True) -> dict[str, object]:
    """Return the key of a map frame: a seeded walk of price through bands that it sweeps."""
    random = np.random.default_rng(SEED + hours)
    step = STEP_MIN[hours]
    columns = hours * 60 // step
    closes = _path(random, columns)
    low = LAST_TICK * TICK * RATIO ** (-ROWS / 2)
    rows = np.log(closes / low) / np.log(RATIO)
    long, short = _heat(random, rows, columns)
    if opened == "range":
        # A picture that fills as it goes on.
        rising = np.linspace(0.0, 0.7, columns)[:, None]
        long, short = long * rising, short * rising
    opens = np.concatenate([closes[:1], closes[:-1]])
    spread = closes * np.abs(random.normal(0, 4e-4, columns))
    candles = np.stack(
        [opens, np.maximum(opens, closes) + spread, np.minimum(opens, closes) - spread, closes], 1
    )
    bids, asks = _resting(random)
    return {
        "t": NOW_MS,
        "step_min": step,
        "first_min": NOW_MS // 60_000 - columns * step,
        "columns": columns,
        "rows": ROWS,
        "low": low,
        "ratio": RATIO,
        "long": _packed(long),
        "short": _packed(short),
        "candles": candles.astype("<f4").tobytes(),
        "book": {
            "bids": bids.tobytes(),
            "asks": asks.tobytes(),
            "known": [ROWS // 2 - KNOWN_ROWS, ROWS // 2 + KNOWN_ROWS],
        },
        # As the server takes it: what the densest hundredth holds.
        "top_usd": float(np.quantile(long[-1] + short[-1], 0.99)),
        "oi_usd": 8.5e9,
        "calibrated": calibrated,
        "factor": 1.7 if calibrated else 4.0,
        "exact": 0.22,
        "opened": opened,
        "part": 1.0 if opened == "all" else 0.38,
        "standing": {},
        "age": 4_000,
        "flags": FLAGS_LIVE_SIMULATED,
        "venues": [
            {"venue": "binance", "share": 0.55},
            {"venue": "bybit", "share": 0.27},
            {"venue": "okx", "share": 0.18},
        ],
        "clusters": clusters(),
        "moves": {
            "since": NOW_MS - 9 * 3_600_000,
            "long": {"bp": -12, "opened": 51e6, "closed": 40e6, "triggered": 11e6, "moved": 0, "revalued": 0},
            "short": {"bp": 9, "opened": 64e6, "closed": 31e6, "triggered": 2e6, "moved": 0, "revalued": 0},
        },
    }


def _heat(random: np.random.Generator, path: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    long, short = np.zeros((columns, ROWS)), np.zeros((columns, ROWS))
    rows = np.arange(ROWS)
    for _ in range(70):
        born = int(random.integers(0, columns - 4))
        away = random.choice([-1, 1]) * random.uniform(8, 90)
        middle, width = path[born] + away, random.uniform(0.8, 3.4)
        usd = random.lognormal(np.log(9e5), 1.0)
        shape = usd * np.exp(-(((rows - middle) / width) ** 2))
        grown = np.clip((np.arange(columns) - born) / (columns / 9), 0, 1)
        side = short if away > 0 else long
        alive = (path < middle) if away > 0 else (path > middle)
        alive[:born] = True
        swept = np.flatnonzero(~alive)
        end = int(swept[0]) if len(swept) else columns
        side[born:end] += grown[born:end, None] * shape[None, :]
    for name, lo, hi, usd, _ in CLUSTERS:
        middle = np.log((lo + hi) / 2 / LAST_TICK) / np.log(RATIO) + ROWS / 2
        held = (long if name == "long" else short)[int(columns * 0.55) :]
        grown = np.linspace(0, 1, len(held)) ** 0.6
        held += grown[:, None] * (usd / 6 * np.exp(-(((rows - middle) / 2.4) ** 2)))[None, :]
    above = rows[None, :] > path[:, None]
    return np.where(above, 0, long), np.where(above, short, 0)


def _resting(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    usd = random.lognormal(np.log(4e5), 0.7, ROWS) * (1 + np.abs(np.arange(ROWS) - ROWS / 2) / 60)
    usd[::23] *= 3
    below = np.arange(ROWS) < ROWS // 2
    return code(np.where(below, usd, 0)), code(np.where(below, 0, usd))


def _packed(usd: np.ndarray) -> bytes:
    codes = code(usd)
    steps = np.diff(codes, axis=0, prepend=np.zeros((1, ROWS), np.uint8))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(steps.astype(np.uint8).tobytes()) + squeeze.flush()


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": "still", "market": "twin", "simulated": True})


async def _no_devices(_: Request) -> JSONResponse:
    return JSONResponse({"available": False, "problem": "no alerts here", "devices": []})


async def _until_gone(mover: Coroutine[None, None, None]) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await mover


class StillServer:
    """Answers every subscription with the same picture; ``hz`` above 0 lets the ladder move.

    standing: how venues stand in the estimate, those that are not simply in it.  age_ms: of every book;
    beyond STALE_MS the server itself calls them stale.  market: what the greeting calls it.
    """

    def __init__(
        self,
        hz: int = 0,
        *,
        calibrated: bool = True,
        standing: Mapping[str, str] = MappingProxyType({}),
        late: str | None = None,
        age_ms: int = 80,
        market: str = "twin",
        pages: Path = STATIC,
    ) -> None:
        self.hz = hz
        self.stale = age_ms > STALE_MS
        self.flags = FLAGS_STALE_SIMULATED if self.stale else FLAGS_LIVE_SIMULATED
        self.age_ms = age_ms
        self.name = market
        self.late = late
        self.pages = pages
        self._static = StaticFiles(pages)
        self.calibrated = calibrated
        self.standing = dict(standing)
        self.asked: list[dict[str, object]] = []
        self._open: set[tuple[int, int]] = set()
        self.marks: dict[int, list[object]] = {}
        self._watching_marks: dict[int, tuple[WebSocket, int]] = {}

    def open_streams(self) -> int:
        """Return how many streams all phones together follow."""
        return len(self._open)

    def publish(self) -> None:
        """Serve the pages as they lie in their folder now."""
        self._static.files = StaticFiles(self.pages).files

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/live", self._live),
                Route("/healthz", _health, methods=["GET"]),
                Route("/api/push/health", _no_devices, methods=["POST"]),
                *alerts_of(NOW_MS, moment()),
                Route("/{path:path}", self._static.endpoint),
            ],
            middleware=[Middleware(SecurityHeaders)],
        )

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="leadline.v3")
        await socket.send_bytes(hello(self.name))
        streams = 0
        async with asyncio.TaskGroup() as movers:
            moving: dict[int, asyncio.Task[None]] = {}
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    message = msgpack.unpackb(await socket.receive_bytes())
                    if message[0] == 3:
                        await socket.send_bytes(frames.pong(message[1], NOW_MS))
                    elif message[0] == 2:
                        self._open.discard((id(socket), message[1]))
                        if message[1] in moving:
                            moving.pop(message[1]).cancel()
                    elif message[0] == 4:
                        await self._order(socket, message[1], message[2])
                    elif message[0] == 1:
                        streams += 1
                        mover = await self._grant(socket, message[1], streams, message[2])
                        if mover is not None:
                            moving[streams] = movers.create_task(_until_gone(mover))
            for task in moving.values():
                task.cancel()
            self._watching_marks.pop(id(socket), None)
            self._open = {it for it in self._open if it[0] != id(socket)}

    async def _grant(self, socket: WebSocket, ref: int, stream: int, wish: dict[str, object]):  # type: ignore[no-untyped-def]
        self.asked.append(wish)
        kind = wish["kind"]
        if kind == "row":
            await socket.send_bytes(frames.row(ref, row_facts(int(wish["group"]), int(wish["row"]))))  # type: ignore[call-overload]
            return None
        if kind not in ("ladder", "map", "glance", "tape", "pulse", "marks"):
            await socket.send_bytes(frames.refused(ref, "too_many", f"no {kind} here"))
            return None
        await socket.send_bytes(frames.subscribed(ref, stream, wish))
        self._open.add((id(socket), stream))
        if kind == "map":
            hours, opened = int(wish["hours"]), str(wish["opened"])  # type: ignore[call-overload]
            key = map_picture(hours, opened, calibrated=self.calibrated)
            key["standing"] = self.standing
            key["flags"] = self.flags
            key["age"] = 4_000 + self.age_ms
            await socket.send_bytes(msgpack.packb([30, stream, key]))
            return None
        if kind == "marks":
            self._watching_marks[id(socket)] = (socket, stream)
            await socket.send_bytes(msgpack.packb([60, stream, list(self.marks.values())]))
            return None
        if kind == "tape":
            await socket.send_bytes(msgpack.packb([40, stream, tape(self.flags, self.age_ms)]))
            return self._silence(socket, stream)
        if kind == "pulse":
            await socket.send_bytes(msgpack.packb([50, stream, pulse(int(wish["hours"]))]))  # type: ignore[call-overload]
            return None
        if kind == "glance":
            key = glance(wish["symbols"], late=self.late, age_ms=self.age_ms, calibrated=self.calibrated)  # type: ignore[arg-type]
            await socket.send_bytes(msgpack.packb([20, stream, key]))
            return self._seconds(socket, stream)
        group = int(wish["group"])  # type: ignore[call-overload]
        view = self.first_view(group)
        await socket.send_bytes(frames.state(stream, self.first_state()))
        await socket.send_bytes(frames.ladder_keyframe(stream, 1, 0, view, view.prints))
        return self._move(socket, stream, group, view) if self.hz > 0 else self._beat(socket, stream, view)

    def first_state(self) -> dict[str, object]:
        """Return the slow facts that a ladder's stream begins with."""
        return state(calibrated=self.calibrated, standing=self.standing)

    def first_view(self, group: int) -> LadderView:
        """Return the ladder that a stream begins with."""
        view = ladder(group, np.random.default_rng(SEED))
        view.flags, view.age_ms = self.flags, self.age_ms
        return view

    async def _seconds(self, socket: WebSocket, stream: int) -> None:
        """A watchlist in which nothing changes tells so every second."""
        async for _ in ticks(1):
            await socket.send_bytes(msgpack.packb([21, stream, 1_000, []]))

    async def _order(self, socket: WebSocket, ref: int, order: dict[str, object]) -> None:
        """Keep or forget a mark and tell everybody who watches them."""
        if order["op"] == "remove":
            number = int(order["id"])  # type: ignore[call-overload]
            self.marks.pop(number, None)
        else:
            number = max(self.marks, default=0) + 1
            told = [order[name] for name in ("symbol", "price", "label", "colour")]
            self.marks[number] = [number, *told, NOW_MS]
        await socket.send_bytes(msgpack.packb([61, ref, number]))
        for watcher, stream in list(self._watching_marks.values()):
            await watcher.send_bytes(msgpack.packb([60, stream, list(self.marks.values())]))

    async def _silence(self, socket: WebSocket, stream: int) -> None:
        """A tape without news tells every second that it is fed."""
        async for second in ticks(1):
            told = [41, stream, NOW_MS + 1_000 * second, [], [], 0, [0, 0], self.flags, self.age_ms]
            await socket.send_bytes(msgpack.packb(told))

    async def _beat(self, socket: WebSocket, stream: int, view: LadderView) -> None:
        """A still ladder proves once a second that it lives."""
        async for seq in ticks(1):
            await socket.send_bytes(frames.ladder_delta(stream, 1, seq, view, view, DEPTH))

    async def _move(self, socket: WebSocket, stream: int, group: int, view: LadderView) -> None:
        random = np.random.default_rng(SEED)
        resting = random.lognormal(np.log(9_000), 0.55, ROWS_KEPT).astype(np.int64) + 1
        resting[::31] *= 6
        last = LAST_TICK
        async for seq in ticks(self.hz):
            last += int(random.integers(-6, 7)) - (last > LAST_TICK + 900) + (last < LAST_TICK - 900)
            now = ladder(group, np.random.default_rng(SEED), last)
            now.bid_lots, now.ask_lots = resting[now.bid_rows % ROWS_KEPT], resting[now.ask_rows % ROWS_KEPT]
            # Seven levels a side change with a frame; each stays until it changes again.
            for rows, lots in ((now.bid_rows, now.bid_lots), (now.ask_rows, now.ask_lots)):
                changed = random.integers(0, DEPTH // 2, 7)
                lots[changed] = random.lognormal(np.log(9_000), 0.55, 7).astype(np.int64) + 1
                resting[rows % ROWS_KEPT] = lots
            now.t_ms = view.t_ms + 1_000 // self.hz
            now.prints = [Print(last, int(random.integers(1, 900)), bool(random.integers(2)), now.t_ms)]
            await socket.send_bytes(frames.ladder_delta(stream, 1, seq, view, now, DEPTH))
            view = now


async def ticks(hz: int) -> AsyncIterator[int]:
    """Yield 1, 2, ... so many times a second."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    seq = 0
    while True:
        due = max(due + 1 / hz, loop.time())
        await asyncio.sleep(due - loop.time())
        seq += 1
        yield seq


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hz", type=int, default=0)
    parser.add_argument("--uncalibrated", action="store_true")
    parser.add_argument("--late", help="the market that has not come for a while")
    parser.add_argument("--pages", type=Path, default=STATIC)
    options = parser.parse_args()
    server = StillServer(
        options.hz, calibrated=not options.uncalibrated, late=options.late, pages=options.pages
    )
    uvicorn.run(server.app(), port=options.port, log_level="warning", ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
