"""A real server over the twin and a real Chromium, shared by all browser tests of a run."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.browser.find_chromium import find_chromium
from tests.browser.still import StillServer
from tests.fakes.push_service import PushService, ServiceThread

ROOT = Path(__file__).parents[2]
# A busy machine takes minutes where a quiet one takes seconds.
START_S = 240.0
# Long enough for a machine that does four other things; a passing test does not wait for it.
PATIENCE_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}
# Reads what a canvas shows, also where the painter paints it.
PIXELS = """canvas => {
  const { width, height } = canvas;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}"""
ADDRESS = re.compile(r"answers on (http://\S+)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


Serving = Callable[..., str]


@contextlib.contextmanager
def running_server(folder: Path, *arguments: str) -> Iterator[str]:
    """Run one `leadline` server on a free port; yields its address."""
    if not (ROOT / "server/leadline/static/index.html").is_file():
        _missing("the app is not built; run `make build`")
    process = subprocess.Popen(
        [sys.executable, "-m", "leadline", *arguments, "--port", "0", "--data-dir", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "server"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: Queue[str] = Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield _address(process, lines)
    finally:
        process.terminate()
        process.wait(timeout=START_S)
        reader.join(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="session")
def push_service() -> Iterator[PushService]:
    """The push service that the shared server may reach."""
    with ServiceThread() as service:
        yield service


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, push_service: PushService) -> Iterator[str]:
    """The twin's market on a server that all tests of a run share."""
    folder = tmp_path_factory.mktemp("data")
    arguments = ("serve", "--market", "twin", "--symbols", "BTCUSDT,ETHUSDT")
    push = ("--push-contact", "mailto:owner@leadline.dev", "--push-simulated", push_service.origin)
    with running_server(folder, *arguments, *push) as address:
        yield address


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Start servers of a test's own: ``serving("replay", "file")`` gives the address."""
    with contextlib.ExitStack() as servers:
        yield lambda *arguments: servers.enter_context(running_server(tmp_path, *arguments))


def _read(process: subprocess.Popen[str], lines: Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)


def _address(process: subprocess.Popen[str], lines: Queue[str]) -> str:
    seen: list[str] = []
    while process.poll() is None:
        try:
            line = lines.get(timeout=START_S)
        except Empty:
            break
        seen.append(line)
        if (found := ADDRESS.search(line)) is not None:
            return found[1]
    pytest.fail("expected the server to tell its address, got:\n" + "".join(seen[-20:]))


class Still:
    """A market that stands still, served from a thread of the test run."""

    def __init__(self, address: str, market: StillServer) -> None:
        self.address = address
        self.market = market

    def last_asked(self, kind: str) -> dict[str, object]:
        """Return the last subscription of a kind that any phone asked for; empty before the first."""
        return next((it for it in reversed(self.market.asked) if it["kind"] == kind), {})

    def wait_for(self, page: Page, state: Callable[[StillServer], bool]) -> None:
        """Wait until the server has heard what it should; the page goes on meanwhile."""
        give_up = time.monotonic() + PATIENCE_MS / 1_000
        while not state(self.market):
            assert time.monotonic() < give_up, self.market.asked[-5:]
            page.wait_for_timeout(20)


@contextlib.contextmanager
def standing_still(market: StillServer) -> Iterator[Still]:
    """Serve a market that stands still."""
    if not (ROOT / "server/leadline/static/index.html").is_file():
        _missing("the app is not built; run `make build`")
    config = uvicorn.Config(market.app(), port=0, log_level="warning", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Still(f"http://127.0.0.1:{port}", market)
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def still() -> Iterator[Still]:
    """A still market that all tests of a run share; ETH has not come for a while."""
    with standing_still(StillServer(late="ETH")) as market:
        yield market


@pytest.fixture
def still_page(phone: BrowserContext, still: Still, complaints: list[str]) -> Page:
    """The app on the still market, at its first screen."""
    page = phone.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(still.address)
    wait_live(page)
    return page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        _missing("no Chromium; install it or set LEADLINE_CHROMIUM")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone held upright, with nothing stored on it yet."""
    context = chromium.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page complained about; a test that loads the page checks that it is empty."""
    return []


@pytest.fixture
def page(phone: BrowserContext, server: str, complaints: list[str]) -> Page:
    """The app, live on the ladder of the first symbol."""
    page = phone.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server)
    wait_live(page)
    return page


def age_what_is_kept(page: Page, seconds: int = 60) -> None:
    """Let the pictures that the app keeps be older at the next start, as if the phone had lain there."""
    page.add_init_script(
        f"""for (const key of ['quotes', 'flow', 'snapshot']) {{
          const kept = JSON.parse(localStorage.getItem('leadline.' + key) ?? 'null');
          if (!kept) continue;
          kept.savedMs -= {seconds} * 1000;
          localStorage.setItem('leadline.' + key, JSON.stringify(kept));
        }}"""
    )


def wait_live(page: Page) -> None:
    """Wait until the page shows a fresh ladder.

    What is waited for is always a function: the page's policy lets no text be evaluated a second time.
    """
    expect(page.locator("html")).to_have_attribute("data-freshness", "fresh")
    page.wait_for_function("() => document.getElementById('touch').dataset.bid !== ''")


def visit(page: Page, screen: str) -> None:
    """Go to a screen by its address, and wait until it is there and not the one before it."""
    page.evaluate(
        """screen => new Promise((done) => {
          const shown = () => requestAnimationFrame(() => setTimeout(done));
          if (location.hash === `#${screen}`) return shown();
          addEventListener('hashchange', shown, { once: true });
          location.hash = screen;
        })""",
        screen,
    )
    expect(page.locator("main")).to_be_visible()
    expect(page.locator("[aria-busy='true']")).to_have_count(0)


def touch(page: Page) -> dict[str, str]:
    """Return the best prices the page holds, and the frame they are of, read at one instant."""
    held: dict[str, str] = page.evaluate(
        "() => ({...document.getElementById('touch').dataset,"
        " epoch: document.documentElement.dataset.epoch, seq: document.documentElement.dataset.seq})"
    )
    return held
