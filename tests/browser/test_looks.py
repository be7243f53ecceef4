"""Every screen in every look: a walk that takes a picture of each and holds it to what all of them owe.

The ordinary run takes a part in which every screen and every look comes at least once; ``make pictures``
(``LEADLINE_PICTURES=all``) takes all.  They are in build/pictures/LOOK/SCREEN.png, for people.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import PATIENCE_MS, PHONE, age_what_is_kept, standing_still, visit
from tests.browser.fingers import Fingers
from tests.browser.still import StillServer
from tests.browser.test_pictures import PREFER, SIDEWAYS, take

LATE_MS = 2_000
# The largest difference of red, green and blue of what counts as grey, and the least of what has a colour.
GREY, COLOURED = 40, 80
EVERYTHING = os.environ.get("LEADLINE_PICTURES") == "all"

# Text that a box cuts off without a sign, and what hangs out of the picture's sides.
CUT_OFF = """() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  const cut = [...document.querySelectorAll('body *')].filter((it) => {
    if (!it.checkVisibility() || it.closest('.unseen, select, input')) return false;
    if (![...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) return false;
    const { overflowX, textOverflow } = getComputedStyle(it);
    const box = it.getBoundingClientRect();
    if (box.left < -1 || box.right > innerWidth + 1) return true;
    return overflowX !== 'visible' && textOverflow !== 'ellipsis' && it.scrollWidth > it.clientWidth + 1;
  });
  const told = cut.map((it) => `${it.className}: ${it.textContent}`);
  return [...(wide > 0 ? [`page ${wide} px too wide`] : []), ...told];
}"""

# Cards that hang out of the picture they lie on.
OUTSIDE = """() => [...document.querySelectorAll('.map-card, .row-card')].filter((it) => {
  const [card, pane] = [it.getBoundingClientRect(), it.parentElement.getBoundingClientRect()];
  return card.top < pane.top || card.bottom > pane.bottom || card.left < pane.left || card.right > pane.right;
}).map((it) => it.className)"""

# Largest difference of red, green and blue in a picture, of 255; read by a page without a policy.
HUE = """async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (it) => it.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const context = new OffscreenCanvas(64, 64).getContext('2d');
  context.drawImage(image, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  let most = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.subarray(at, at + 3);
    most = Math.max(most, Math.max(red, green, blue) - Math.min(red, green, blue));
  }
  return most;
}"""


@dataclass(frozen=True)
class Look:
    """One way the app may look: how the phone is held, what is preferred, and what the server tells."""

    size: ViewportSize = field(default_factory=lambda: PHONE)
    preferences: dict[str, object] = field(default_factory=dict)
    market: StillServer = field(default_factory=StillServer)
    offline: bool = False

    @property
    def freshness(self) -> str:
        return "stale" if self.market.stale else "late" if self.market.age_ms > LATE_MS else "fresh"

    @property
    def recorded(self) -> bool:
        return self.market.name == "replay"

    @property
    def past(self) -> bool:
        return self.offline or self.market.stale


LOOKS = {
    "portrait": Look(),
    "landscape": Look(size=SIDEWAYS),
    "black": Look(preferences={"ground": "black"}),
    "colour-blind": Look(preferences={"colours": "cvd"}),
    "left": Look(preferences={"hand": "left"}),
    "landscape-left": Look(size=SIDEWAYS, preferences={"hand": "left"}),
    "price-left-summed": Look(preferences={"layout": "left", "bars": "sum"}),
    "narrow": Look(size={"width": 320, "height": 568}),
    "late": Look(market=StillServer(age_ms=3_000)),
    "stale": Look(market=StillServer(age_ms=48_000)),
    "offline": Look(offline=True),
    "replay": Look(market=StillServer(market="replay")),
}


def at_rest(page: Page) -> None:
    page.wait_for_function("() => document.getAnimations().every((it) => it.playState !== 'running')")
    page.wait_for_timeout(150)


def go(page: Page, address: str) -> None:
    visit(page, address)
    expect(page.locator(".pane-note")).to_have_count(0)


Shown = Iterator[None]


def sheet(page: Page) -> Shown:
    """Wait for the sheet that opens, and close it afterwards."""
    expect(page.get_by_role("dialog")).to_be_visible()
    yield
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()


@contextmanager
def plain(page: Page, screen: str) -> Shown:
    go(page, screen)
    yield


@contextmanager
def ladder_row(page: Page) -> Shown:
    go(page, "ladder")
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    fingers = Fingers(page)
    fingers.rest((box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.14))
    expect(page.locator(".row-card")).to_be_visible()
    expect(page.get_by_text("asking the server")).to_have_count(0)
    yield
    fingers.lift()


@contextmanager
def map_card(page: Page) -> Shown:
    go(page, "map")
    box = page.locator(".map-pane").bounding_box()
    assert box is not None
    fingers = Fingers(page)
    fingers.rest((box["x"] + box["width"] * 0.58, box["y"] + box["height"] * 0.6))
    expect(page.locator(".map-card")).to_be_visible()
    yield
    fingers.lift()


@contextmanager
def pressed(page: Page, screen: str, name: str) -> Shown:
    """A sheet over a screen."""
    go(page, screen)
    page.get_by_role("button", name=name).first.click()
    yield from sheet(page)


@contextmanager
def price_sheet(page: Page) -> Shown:
    go(page, "ladder")
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    at = 0.2 if page.locator("html[data-layout=left]").count() else 0.5
    Fingers(page).tap((box["x"] + box["width"] * at, box["y"] + box["height"] * 0.2))
    yield from sheet(page)


@contextmanager
def alerts(page: Page, part: str) -> Shown:
    go(page, "alerts")
    page.locator(".alerts-parts button", has_text=part).click()
    yield
    page.locator(".alerts-parts button", has_text="Inbox").click()


@contextmanager
def recorded(page: Page) -> Shown:
    """In place of what fires, on a server that plays a recording."""
    go(page, "alerts")
    expect(page.get_by_text("no alert fires in it")).to_be_visible()
    expect(page.locator(".alerts-parts")).to_have_count(0)
    yield


@contextmanager
def rule_editor(page: Page) -> Shown:
    with alerts(page, "Rules"):
        page.locator(".rules .rule").first.click()
        yield from sheet(page)


@contextmanager
def moment(page: Page) -> Shown:
    go(page, "alerts")
    page.get_by_role("button", name="BTC 0.4 % above: 42 M USD").click()
    expect(page.locator(".moment-sentence")).to_be_visible()
    yield
    page.get_by_role("button", name="All alerts").click()


SCREENS: dict[str, Callable[[Page], AbstractContextManager[None]]] = {
    "glance": lambda page: plain(page, "glance"),
    "watchlist": lambda page: pressed(page, "glance", "Add or find a market"),
    "ladder": lambda page: plain(page, "ladder"),
    "ladder-row": ladder_row,
    "price": price_sheet,
    "symbols": lambda page: pressed(page, "ladder", "Choose a market"),
    "facts": lambda page: pressed(page, "ladder", "Market facts"),
    "sliders": lambda page: pressed(page, "ladder", "Settings"),
    "map": lambda page: plain(page, "map"),
    "map-card": map_card,
    "flow": lambda page: plain(page, "flow"),
    "inbox": lambda page: alerts(page, "Inbox"),
    "rules": lambda page: alerts(page, "Rules"),
    "push": lambda page: alerts(page, "Health"),
    "rule-editor": rule_editor,
    "moment": moment,
    "settings": lambda page: plain(page, "settings"),
    "install": lambda page: plain(page, "install"),
    "health": lambda page: plain(page, "health"),
    "big": lambda page: plain(page, "big"),
    "recorded": recorded,
}
# They ask the server for what they show.
ASKING = {"watchlist", "symbols", "rules", "rule-editor", "moment"}
# A recording is over: its server watches for nothing, and says so in their place.
WATCHING = {"inbox", "rules", "push", "rule-editor", "moment"}
# Looks that leave a screen the least room, or alone have it.
TIGHT = {
    "replay": {"recorded"},
    "price-left-summed": {"ladder"},
    "landscape": {"moment", "map-card"},
    "narrow": {"flow", "map", "moment"},
    "stale": {"ladder", "map"},
}
# What is drawn of a market, and has to look its age.
DRAWN = {"ladder", "map", "map-card", "flow"}


def sample(look: str) -> list[str]:
    """Return the screens of a look: all, or so many that every screen comes in some look."""
    there = [screen for screen in SCREENS if is_there(LOOKS[look], screen)]
    if EVERYTHING:
        return there
    turn = list(LOOKS).index(look)
    tight = TIGHT.get(look, set())
    drawn = {screen for at, screen in enumerate(SCREENS) if at % len(LOOKS) == turn}
    return [screen for screen in there if screen in drawn | tight]


def is_there(look: Look, screen: str) -> bool:
    """Tell whether the app has a screen in a look."""
    if look.offline and screen in ASKING:
        return False
    return screen not in WATCHING if look.recorded else screen != "recorded"


@contextmanager
def phone_of(chromium: Browser, look: Look, address: str) -> Iterator[Page]:
    context = chromium.new_context(viewport=look.size, device_scale_factor=2, has_touch=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_init_script(f"({PREFER})({json.dumps(look.preferences)})")
    page.goto(f"{address}/#ladder")
    expect(page.locator("html")).to_have_attribute("data-freshness", look.freshness)
    if look.offline:
        go_offline(page)
    yield page
    context.close()


def go_offline(page: Page) -> None:
    """Look at what the phone keeps of each screen, then lose the server."""
    for screen in ("glance", "map", "flow", "alerts"):
        go(page, screen)
        if screen == "map":
            page.wait_for_function("() => localStorage.getItem('leadline.map.kept') !== null")
        page.wait_for_timeout(300)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    age_what_is_kept(page)
    page.reload()


def hue_of(page: Page, reader: Page) -> float:
    """Return how much colour there is in what is drawn of the market."""
    picture = page.locator(".pane, main canvas").first.screenshot()
    most: float = reader.evaluate(HUE, b64encode(picture).decode())
    return most


@pytest.mark.parametrize("name", LOOKS)
def test_every_screen_keeps_its_promises_in_every_look(chromium: Browser, name: str) -> None:
    look = LOOKS[name]
    broken: dict[str, object] = {}
    with standing_still(look.market) as still, phone_of(chromium, look, still.address) as page:
        reader = page.context.new_page()
        page.bring_to_front()
        for screen in sample(name):
            with SCREENS[screen](page):
                at_rest(page)
                take(page, f"{name}/{screen}")
                broken[screen] = page.evaluate(CUT_OFF) + page.evaluate(OUTSIDE)
                expect(page.locator(".watermark")).to_be_in_viewport()
                if screen in DRAWN:
                    hue = hue_of(page, reader)
                    if (hue >= GREY) if look.past else (hue <= COLOURED):
                        broken[f"{screen} colours"] = hue
    assert {screen: told for screen, told in broken.items() if told} == {}
