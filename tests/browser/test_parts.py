"""Parts of the app that are fetched when they are shown, over a network that loses some."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import PATIENCE_MS, PHONE, Still, wait_live
from tests.browser.test_glance import go


@pytest.fixture
def bare_page(chromium: Browser, still: Still) -> Iterator[Page]:
    """The app on a phone that keeps nothing: every part comes over the network."""
    context = chromium.new_context(viewport=PHONE, has_touch=True, service_workers="block")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    yield page
    context.close()


def test_a_style_sheet_that_was_lost_is_asked_for_again(bare_page: Page, still: Still) -> None:
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.url)
        route.abort()

    bare_page.route("**/assets/map_pane-*.css", lose_once)
    bare_page.goto(still.address)
    wait_live(bare_page)
    go(bare_page, "Map")
    pane = bare_page.locator(".map-pane")
    expect(pane).to_have_css("touch-action", "none")
    assert len(lost) == 1


def test_a_part_that_the_browser_gives_up_comes_with_a_new_start(bare_page: Page, still: Still) -> None:
    starts: list[Page] = []
    bare_page.on("load", lambda page: starts.append(page))
    # So does a browser that remembers a lost module: nothing of this page's life brings it.
    bare_page.route(
        "**/assets/flow-*.js", lambda route: route.abort() if len(starts) < 2 else route.continue_()
    )
    bare_page.goto(still.address)
    wait_live(bare_page)
    go(bare_page, "Flow")
    expect(bare_page.locator(".sums")).to_contain_text("bought")
    assert len(starts) == 2
