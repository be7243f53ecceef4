"""What a phone fetches before its first picture stays small."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from deploy.build_pwa import find_node

ROOT = Path(__file__).resolve().parents[2]
SHELL_BYTES_MAX = 70_000


def test_the_shell_and_its_worker_fit_the_budget() -> None:
    node = find_node()
    if not (ROOT / "server/leadline/static/index.html").is_file() or node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the app is not built; run `make build`")
        pytest.skip("the app is not built; run `make build`")
    command = [node.folder / "node", "scripts/size.mjs"]
    told = subprocess.run(command, cwd=ROOT / "pwa", capture_output=True, text=True, check=True).stdout
    sizes = json.loads(told)
    assert sizes["shell"] <= SHELL_BYTES_MAX, f"brotli bytes before the first picture:\n{told}"
    assert len(sizes["first"]) >= 5, f"the page's own files were not found:\n{told}"
