"""What a thumb presses: which targets of a page are too small for a finger."""

from __future__ import annotations

from playwright.sync_api import Page

FINGER_PX = 44


def small_targets(page: Page) -> list[str]:
    """Return the names of visible buttons, links and choices that a finger hits over less than 44 px."""
    # A hit area may reach beyond the drawing: what counts is where a finger still hits.
    small: list[str] = page.evaluate(
        """(least) => {
          const reach = (it, dx, dy) => {
            const box = it.getBoundingClientRect();
            const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
            let far = 0;
            const hit = () => it.contains(document.elementFromPoint(x + dx * far, y + dy * far));
            while (far < least && hit()) far += 0.5;
            return far;
          };
          return [...document.querySelectorAll('button, a, select')]
            .filter((it) => it.checkVisibility() && !it.disabled)
            .filter((it) => {
              it.scrollIntoView({ block: 'center', behavior: 'instant' });
              return Math.min(reach(it, 0, 1) + reach(it, 0, -1),
                              reach(it, 1, 0) + reach(it, -1, 0)) < least - 1;
            })
            .map((it) => it.ariaLabel ?? it.textContent);
        }""",
        FINGER_PX,
    )
    return small
