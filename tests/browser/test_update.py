"""A newer app waits until nobody looks, and then takes over."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page

from tests.browser.conftest import PATIENCE_MS, standing_still
from tests.browser.still import STATIC, StillServer

pytestmark = pytest.mark.browser

# [in control, waiting, seen]: states of the workers, null for none; is it the page that was marked as seen?
WORKERS = """async () => {
  const workers = navigator.serviceWorker;
  const waiting = (await workers.getRegistration())?.waiting;
  return [workers.controller?.state ?? null, waiting?.state ?? null, !!window.seen];
}"""


def wait_for_workers(page: Page, expected: list[object]) -> None:
    """Ask until the page's workers are so; a page that is loading again cannot answer."""
    told: object = None
    give_up = time.monotonic() + PATIENCE_MS / 1_000
    while told != expected:
        assert time.monotonic() < give_up, f"expected {expected}, got {told}"
        try:
            told = page.evaluate(WORKERS)
        except Error as error:
            told = str(error)
        page.wait_for_timeout(20)


def test_a_newer_worker_waits_while_the_app_is_seen_and_takes_over_when_it_is_hidden(
    phone: BrowserContext, complaints: list[str], tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    shutil.copytree(STATIC, pages)
    market = StillServer(pages=pages)
    with standing_still(market) as still:
        page = phone.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(still.address)
        wait_for_workers(page, ["activated", None, False])
        page.evaluate("window.seen = true")

        worker = pages / "sw.js"
        worker.write_text(worker.read_text() + "\n// a newer one\n")
        worker.with_name("sw.js.br").unlink(missing_ok=True)
        market.publish()
        page.evaluate("async () => { await (await navigator.serviceWorker.getRegistration()).update(); }")
        wait_for_workers(page, ["activated", "installed", True])

        page.evaluate(
            """() => {
              Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        wait_for_workers(page, ["activated", None, False])
