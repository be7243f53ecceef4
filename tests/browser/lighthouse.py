"""Lighthouse on the app as a phone meets it: ``make lighthouse`` prints the scores and fails below ours.

Lighthouse itself lives under build/, never among the app's own modules; its mobile form slows the network
down to 4G and the processor four times by simulation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.build_pwa import find_node

from tests.browser.conftest import standing_still
from tests.browser.find_chromium import find_chromium
from tests.browser.still import StillServer

ROOT = Path(__file__).parents[2]
HOME = ROOT / "build" / "lighthouse"
PACKAGE = "lighthouse@13"
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100}
METRICS = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "speed-index")
FLAGS = "--headless=new --no-sandbox"


def main() -> int:
    node, chromium = find_node(), find_chromium()
    if node is None or chromium is None:
        sys.stderr.write("expected Node.js and Chromium; run make test-browser once\n")
        return 1
    env = {**os.environ, "PATH": f"{node.folder}:{os.environ['PATH']}", "CHROME_PATH": chromium}
    command = HOME / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not command.is_file():
        HOME.mkdir(parents=True, exist_ok=True)
        flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(HOME))
        subprocess.run([*node.npm, "install", *flags, PACKAGE], cwd=HOME, env=env, check=True)
    report = HOME / "report.json"
    flags = (f"--chrome-flags={FLAGS}", f"--output-path={report}", f"--only-categories={','.join(LEAST)}")
    with standing_still(StillServer()) as still:
        run = [node.folder / "node", command, still.address, "--quiet", "--output=json", *flags]
        subprocess.run(run, cwd=HOME, env=env, check=True)
    return judge(json.loads(report.read_text()))


def judge(told: dict[str, Any]) -> int:
    """Print scores and what costs points; return 1 when a score is below ours."""
    scores = {name: round(100 * category["score"]) for name, category in told["categories"].items()}
    weights = {
        ref["id"]: ref["weight"] for category in told["categories"].values() for ref in category["auditRefs"]
    }
    failed = [
        f"{name}: {audit['title']}"
        for name, audit in told["audits"].items()
        if weights.get(name, 0) > 0 and audit["score"] is not None and audit["score"] < 0.9
    ]
    metrics = {name: told["audits"][name]["displayValue"] for name in METRICS}
    sys.stdout.write(json.dumps({"scores": scores, "metrics": metrics, "failed": failed}, indent=1) + "\n")
    return 0 if all(scores[name] >= least for name, least in LEAST.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
