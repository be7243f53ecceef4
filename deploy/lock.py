"""Writes requirements/*.txt from pyproject.toml: every package pinned, every file by its hash.

Run by ``make lock``; ``--upgrade`` takes the newest versions, else those locked stay where they can.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("requirements")
PYTHON_MIN = "3.11"

HEADER = "# Written by `make lock` from pyproject.toml ({what}); do not edit.\n"
# dev comes first: it holds all the rest, which are then locked to the very same versions.
LOCKS = {
    "dev": ("everything that work on Leadline needs", ("pyproject.toml", "--group", "dev")),
    "run": (
        "what the server runs on, ccxt for further venues, and what installs it",
        ("pyproject.toml", "--extra", "ccxt", "--group", "build"),
    ),
    "node": ("Node for building the pages where the system has none", ("--group", "node")),
}


def compile_lock(name: str, what: str, sources: tuple[str, ...], extra: list[str]) -> None:
    """Resolve one lock for every platform and Python from PYTHON_MIN on, and write it."""
    target = FOLDER / f"{name}.txt"
    constraint = [] if name == "dev" else ["--constraint", str(FOLDER / "dev.txt")]
    command = [
        sys.executable, "-m", "uv", "pip", "compile", *sources, *constraint, *extra,
        "--universal", "--python-version", PYTHON_MIN, "--generate-hashes",
        "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate",
        "--quiet", "--output-file", str(target),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    path = ROOT / target
    path.write_text(HEADER.format(what=what) + path.read_text())


def main(extra: list[str]) -> None:
    (ROOT / FOLDER).mkdir(exist_ok=True)
    for name, (what, sources) in LOCKS.items():
        compile_lock(name, what, sources, extra)


if __name__ == "__main__":
    main(sys.argv[1:])
