"""The app on a slow phone: script a frame, long tasks, the heap over time, and the first picture.

``make bench-app`` (or ``python -m tests.bench.bench_app``) writes build/bench/app.json.  Everything runs in
a real Chromium whose processor is slowed down four times through the DevTools protocol; times are CPU times
of the page's main thread from its trace: what other processes take does not count, but caches they emptied
and what a shared machine takes away do.

- ladder: a recorded market of 80 rows a side, told 20 times a second and watched for five minutes from the
  first picture on: of the 400 frames of 20 seconds the 20 slowest are too few to tell a p95 by, and in its
  first minute a browser still compiles (p95_by_window_ms: every 20 seconds).  ``ladder_scroll`` with a finger
  that flings them; ``ladder_floor`` is a page that lights a pixel for each of these messages,
  ``ladder_unslowed`` the app on the processor as it is.  ``ladder_storm``: every row, estimate and price
  changes with every frame, as on no market.
- map: fingers pan and zoom 24 hours of map.
- ladder_gpu, ladder_gpu_scroll, map_gpu: the same with canvases painted by the graphics process, as on a
  phone; this one is software and takes a core.
- script_p95_ms is of the page's main thread, painter_p95_ms of the thread that paints, which is not slowed
  down: a phone as slow as the page needs THROTTLE times as long for it, on another core.
- heap: half an hour of a recorded market through ``leadline replay --speed 20``, and as many frames as half
  an hour at 20 a second has, sent as fast as the page takes them.  The heap is read after a collection.
- first_frame: a phone that has never seen the app, 150 ms away at 1.6 Mbit/s, to its first ladder.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import uvicorn
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from leadline.web.live import SUBPROTOCOL
from tests.bench.chromium_trace import CATEGORIES, Work, joined, p95, work_of
from tests.bench.page_heap import PageHeap
from tests.bench.recorded_ladder import RecordedServer
from tests.browser.conftest import PHONE, running_server
from tests.browser.find_chromium import find_chromium
from tests.browser.fingers import Fingers
from tests.browser.still import DEPTH, GROUP, StillServer
from tests.fakes.captures import capture

OUT = Path(__file__).resolve().parents[2] / "build" / "bench" / "app.json"
THROTTLE = 4
HZ = 20
WATCHED_S = 20
LADDER_WINDOWS = 15
RECORDED_S = 90  # of a market, longer than anybody watches it here
LADDER_RECORDED_S = 480  # with the time to read each window's trace
HALF_HOUR_FRAMES = 30 * 60 * HZ
RECORDING = (
    "binance_usdm/btcusdt_20230404_depth_trade_bbo_mark.txt.gz",
    "binance_usdm/btcusdt_20230405_depth_trade_bbo_mark.txt.gz",
)
REPLAY_SPEED = 20
SLOW_4G = {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
BODY = (100.0, 400.0)
# A graphics process in software: slow, but as separate from the page as a phone's.
GRAPHICS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

# When the first ladder is painted, and the screen has shown it.
FIRST_FRAME = """
new MutationObserver((_, observer) => {
  if (document.querySelector('.picture[data-painted]')) {
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.firstFrameMs = performance.now(); }));
  }
}).observe(document, { subtree: true, childList: true, attributeFilter: ['data-painted'] });
"""


# What any page pays that shows something new for each message.
LEAST = """([protocol, wish]) => {
  const context = document.body.appendChild(document.createElement('canvas')).getContext('2d');
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live', protocol);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => socket.send(Uint8Array.from(wish));
  let count = 0;
  socket.onmessage = () => requestAnimationFrame(() => {
    context.fillStyle = ++count % 2 ? '#fff' : '#000';
    context.fillRect(0, 0, 1, 1);
  });
}"""


@contextlib.contextmanager
def serving(market: StillServer) -> Iterator[str]:
    config = uvicorn.Config(market.app(), port=0, log_level="warning", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextlib.contextmanager
def phone(browser: Browser, *, slowed: int = THROTTLE) -> Iterator[tuple[Page, CDPSession]]:
    context: BrowserContext = browser.new_context(viewport=PHONE, device_scale_factor=3, has_touch=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    try:
        yield page, session
    finally:
        context.close()


def settled(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => document.getElementById('touch')?.dataset.bid")
    page.wait_for_timeout(4_000)


def traced(browser: Browser, page: Page, doing: Callable[[], None]) -> Work:
    browser.start_tracing(page=page, categories=CATEGORIES)
    doing()
    return work_of(browser.stop_tracing())


def told(work: Work) -> dict[str, object]:
    ordered = sorted(work.script_ms)
    return {
        "frames": len(ordered),
        "script_p50_ms": round(ordered[len(ordered) // 2], 2) if ordered else 0.0,
        "script_p95_ms": round(p95(ordered), 2),
        "script_max_ms": round(ordered[-1], 2) if ordered else 0.0,
        "painter_p95_ms": round(p95(work.painter_ms), 2),
        "longest_task_ms": round(work.longest_task_ms, 1),
        "long_tasks": work.long_tasks,
    }


def ladder(browser: Browser) -> dict[str, dict[str, object]]:
    found = {}
    with serving(RecordedServer(seconds=LADDER_RECORDED_S)) as address:
        found |= watched_and_flung(browser, address, "ladder")
        with phone(browser) as (page, _):
            least(page, address)
            found["ladder_floor"] = watched(browser, page)
        with phone(browser, slowed=1) as (page, _):
            settled(page, f"{address}/#ladder")
            found["ladder_unslowed"] = watched(browser, page)
    with serving(StillServer(HZ)) as address, phone(browser) as (page, _):
        settled(page, f"{address}/#ladder")
        found["ladder_storm"] = watched(browser, page)
    return found


def ladder_with_graphics(browser: Browser) -> dict[str, dict[str, object]]:
    with serving(RecordedServer(seconds=LADDER_RECORDED_S)) as address:
        return watched_and_flung(browser, address, "ladder_gpu")


def watched_and_flung(browser: Browser, address: str, name: str) -> dict[str, dict[str, object]]:
    with phone(browser) as (page, _):
        settled(page, f"{address}/#ladder")
        windows = [traced(browser, page, lambda: watch(page)) for _ in range(LADDER_WINDOWS)]
        by_window = [round(p95(window.script_ms), 2) for window in windows]
        return {
            name: {**told(joined(windows)), "p95_by_window_ms": by_window},
            f"{name}_scroll": told(traced(browser, page, lambda: scroll(page))),
        }


def watched(browser: Browser, page: Page) -> dict[str, object]:
    return told(traced(browser, page, lambda: watch(page)))


def watch(page: Page) -> None:
    page.wait_for_timeout(WATCHED_S * 1_000)


def least(page: Page, address: str) -> None:
    """Follow the same stream with a page that only lights a pixel for each message."""
    page.goto(f"{address}/manifest.webmanifest")
    wish = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": GROUP, "depth": DEPTH, "hz": HZ}
    page.evaluate(LEAST, [SUBPROTOCOL, list(msgpack.packb([1, 1, wish]))])
    page.wait_for_timeout(4_000)


def scroll(page: Page) -> None:
    fingers = Fingers(page)
    for way in (160, -160) * 4:
        fingers.drag(BODY, (BODY[0], BODY[1] + way), steps=6, rest=False)
        page.wait_for_timeout(700)


def map_moves(browser: Browser) -> dict[str, object]:
    with serving(StillServer(HZ)) as address, phone(browser) as (page, _):
        page.goto(f"{address}/#map")
        page.wait_for_function("() => document.querySelector('.map-notes')?.textContent.includes('USD per')")
        page.wait_for_timeout(4_000)
        return told(traced(browser, page, lambda: pan_and_zoom(page)))


def pan_and_zoom(page: Page) -> None:
    fingers = Fingers(page)
    middle = (180.0, 380.0)
    for _ in range(4):
        fingers.pinch(middle, 80, 180)
        fingers.pinch(middle, 80, 180, sideways=True)
        fingers.drag((100, 300), (250, 480), steps=40)
        fingers.drag((250, 480), (100, 300), steps=40, rest=False)
        page.wait_for_timeout(400)
        fingers.pinch(middle, 180, 80)
        fingers.pinch(middle, 180, 80, sideways=True)


def trend(samples: list[tuple[float, float]]) -> dict[str, object]:
    """How much the heaps of page and painters grew: the median of the last third over that of the first."""
    third = max(1, len(samples) // 3)
    found: dict[str, object] = {}
    for name, heaps in zip(("heap", "painter_heap"), zip(*samples, strict=True), strict=True):
        first, last = sorted(heaps[:third])[third // 2], sorted(heaps[-third:])[third // 2]
        found[f"{name}_mb"] = [round(it, 2) for it in heaps]
        found[f"{name}_last_over_first"] = round(last / first, 3)
    return found


def heap_of_replay(browser: Browser) -> dict[str, object]:
    files = [str(capture(name)) for name in RECORDING]
    seconds = 30 * 60 / REPLAY_SPEED
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), "replay", *files, "--speed", str(REPLAY_SPEED), "--loop") as address,
        phone(browser, slowed=1) as (page, session),
    ):
        settled(page, f"{address}/#ladder")
        heap = PageHeap(page, session)
        samples = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            page.wait_for_timeout(3_000)
            samples.append(heap.mb())
    return {"market_minutes": 30, "speed": REPLAY_SPEED, **trend(samples)}


def heap_of_frames(browser: Browser) -> dict[str, object]:
    with serving(StillServer(200)) as address, phone(browser, slowed=1) as (page, session):
        settled(page, f"{address}/#ladder")
        frames = "() => Number(document.documentElement.dataset.seq)"
        first = page.evaluate(frames)
        heap = PageHeap(page, session)
        samples = []
        until = time.monotonic() + 420
        while (seen := page.evaluate(frames) - first) < HALF_HOUR_FRAMES and time.monotonic() < until:
            page.wait_for_timeout(4_000)
            samples.append(heap.mb())
    return {"frames": seen, **trend(samples)}


def first_frame(browser: Browser, rounds: int = 5) -> dict[str, object]:
    """A phone that has never seen the app, each time anew, on a server over the twin."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), "serve", "--market", "twin", "--symbols", "BTCUSDT") as address,
    ):
        took = [_first_frame_ms(browser, address) for _ in range(rounds + 1)][1:]
    return {"slow_4g": SLOW_4G, "ms": took, "median_ms": sorted(took)[len(took) // 2]}


def _first_frame_ms(browser: Browser, address: str) -> int:
    with phone(browser) as (page, session):
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_4G})
        page.add_init_script(FIRST_FRAME)
        page.goto(f"{address}/#ladder", wait_until="commit")
        page.wait_for_function("() => window.firstFrameMs")
        return round(page.evaluate("() => window.firstFrameMs"))


PARTS: dict[str, Callable[[Browser], dict[str, object]]] = {
    "ladder": lambda browser: dict(ladder(browser)),
    "ladder_gpu": lambda browser: dict(ladder_with_graphics(browser)),
    "map": lambda browser: {"map": map_moves(browser)},
    "map_gpu": lambda browser: {"map_gpu": map_moves(browser)},
    "first_frame": lambda browser: {"first_frame": first_frame(browser)},
    "heap_replay": lambda browser: {"heap_replay": heap_of_replay(browser)},
    "heap_frames": lambda browser: {"heap_frames": heap_of_frames(browser)},
}


def main(names: list[str]) -> int:
    path = find_chromium()
    if path is None:
        sys.stderr.write("no Chromium; run make test-browser once, or set LEADLINE_CHROMIUM\n")
        return 1
    OUT.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, object] = json.loads(OUT.read_text()) if OUT.is_file() and names else {}
    with sync_playwright() as playwright:
        for name in names or PARTS:
            arguments = ["--no-sandbox", *(GRAPHICS if name.endswith("_gpu") else [])]
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
            found |= PARTS[name](browser)
            browser.close()
            OUT.write_text(json.dumps({"cpu_throttle": THROTTLE, **found}, indent=1) + "\n")
    sys.stdout.write(OUT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
