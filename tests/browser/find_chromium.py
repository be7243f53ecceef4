"""Finds the Chromium that the browser tests drive, and gets one where there is none.

``python tests/browser/find_chromium.py --install`` prints its path; used by ``make test-browser``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "LEADLINE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Return the path of a Chromium: LEADLINE_CHROMIUM, else one on PATH, else Playwright's own."""
    named = os.environ.get(VARIABLE)
    if named:
        return named if Path(named).is_file() else None
    on_path = next((found for name in NAMES if (found := shutil.which(name))), None)
    return on_path or _playwrights()


def install_chromium() -> str | None:
    """Get a Chromium from the system's package manager when allowed to, else from Playwright."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        _try("apt-get", "update")
        _try("apt-get", "install", "--yes", "--no-install-recommends", "chromium")
    if find_chromium() is None:
        _try(sys.executable, "-m", "playwright", "install", "chromium")
    return find_chromium()


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _try(*command: str) -> None:
    # Whether it worked is told by looking for Chromium again; what went wrong is on stderr.
    subprocess.run(command, stdout=sys.stderr, check=False)


def main(arguments: list[str]) -> int:
    found = find_chromium()
    if found is None and "--install" in arguments and not os.environ.get(VARIABLE):
        found = install_chromium()
    if found is None:
        named = os.environ.get(VARIABLE)
        reason = (
            f"{VARIABLE}={named} is no file" if named else f"install chromium, or set {VARIABLE} to its path"
        )
        sys.stderr.write(f"no Chromium for the browser tests: {reason}\n")
        return 1
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
