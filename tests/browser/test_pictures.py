"""Pictures of the app for people: written to build/pictures by every run, the README's among them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import wait_live

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
HEAT_WAIT_MS = 60_000


def take(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    assert (PICTURES / f"{name}.png").stat().st_size > 10_000


def wait_for_heat(page: Page) -> None:
    """Wait until there is an estimate: both compasses then name a cluster or say there is none."""
    expect(page.locator(".compass")).to_have_count(2, timeout=HEAT_WAIT_MS)


def test_the_ladder_upright_across_and_offline(page: Page, phone: BrowserContext) -> None:
    wait_for_heat(page)
    page.wait_for_timeout(3_000)  # some trades for the volume column
    take(page, "ladder")
    page.set_viewport_size({"width": 844, "height": 390})
    wait_live(page)
    page.wait_for_timeout(500)
    take(page, "ladder-landscape")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.set_offline(True)
    page.reload()
    expect(page.locator(".age")).to_contain_text("last seen")
    page.wait_for_timeout(1_000)  # the fade to grey
    take(page, "ladder-offline")
