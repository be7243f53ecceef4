"""Every screen is for everybody: no violation of axe's rules, and targets large enough for a finger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Still, visit, wait_live

AXE = Path(__file__).parents[2] / "pwa" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ("glance", "ladder", "map", "flow", "alerts", "settings", "install", "health", "big")
SHEETS = {"glance": "Add or find a market", "ladder": "Choose a market"}
FINGER_PX = 44

RUN_AXE = """async () => {
  const rules = { resultTypes: ['violations'], runOnly: [
    'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
  const { violations } = await axe.run(document, rules);
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((it) => it.html).join(' | ')}`);
}"""

# A hit area may reach beyond the drawing: what counts is where a finger still hits.
SMALL_TARGETS = """(least) => {
  const reach = (it, x, y, dx, dy) => {
    let far = 0;
    while (far < least && it.contains(document.elementFromPoint(x + dx * far, y + dy * far))) far += 0.5;
    return far;
  };
  const size = (it) => {
    it.scrollIntoView({ block: 'center' });
    const box = it.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    return Math.min(reach(it, x, y, 0, 1) + reach(it, x, y, 0, -1),
                    reach(it, x, y, 1, 0) + reach(it, x, y, -1, 0));
  };
  return [...document.querySelectorAll('button, a[href], select, input')]
    .filter((it) => it.checkVisibility() && !it.disabled && size(it) < least - 1)
    .map((it) => `${it.tagName} ${it.ariaLabel ?? it.textContent}`);
}"""


def go(page: Page, screen: str) -> None:
    visit(page, screen)
    if screen == "map":
        # Until the map has come its notes are of another height.
        expect(page.locator(".map-notes")).to_contain_text("USD per")


def violations(page: Page) -> list[str]:
    # What is still fading in has no contrast yet.
    page.wait_for_function("() => document.getAnimations().every((it) => it.playState !== 'running')")
    found: list[str] = page.evaluate(RUN_AXE)
    return found


@pytest.fixture
def axe_page(still_page: Page) -> Page:
    if not AXE.is_file():
        pytest.fail("axe-core is not installed; run `make dev`")
    still_page.evaluate(AXE.read_text())
    return still_page


def test_axe_finds_nothing_on_any_screen(axe_page: Page, complaints: list[str]) -> None:
    found: dict[str, Any] = {}
    for screen in SCREENS:
        go(axe_page, screen)
        found[screen] = violations(axe_page)
        if screen in SHEETS:
            axe_page.get_by_role("button", name=SHEETS[screen]).click()
            expect(axe_page.get_by_role("dialog")).to_be_visible()
            found[f"{screen} sheet"] = violations(axe_page)
            axe_page.get_by_role("dialog").get_by_role("button", name="Close").click()
    assert {screen: told for screen, told in found.items() if told} == {}
    assert complaints == []


def test_a_finger_hits_everything_that_can_be_pressed(still_page: Page) -> None:
    small = {}
    for screen in SCREENS:
        go(still_page, screen)
        small[screen] = still_page.evaluate(SMALL_TARGETS, FINGER_PX)
    assert {screen: told for screen, told in small.items() if told} == {}


def test_who_wants_less_motion_sees_none(chromium: Browser, still: Still) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(still.address)
    wait_live(page)
    page.get_by_role("button", name="Choose a market").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    assert sheet.evaluate("it => getComputedStyle(it).animationName") == "none"
    context.close()


def test_the_ladder_is_told_in_words(still_page: Page) -> None:
    spoken = still_page.locator("[aria-live='polite']")
    expect(spoken).to_contain_text("BTCUSDT 77,270.1. Best bid 77269.9, best ask 77270.1. Live.")
