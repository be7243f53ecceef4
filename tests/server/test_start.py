"""What a server imports before anybody can connect to it."""

from __future__ import annotations

import subprocess
import sys

from tests.server.test_cli import ENVIRONMENT, closed_endpoints

ANSWERS = "Leadline answers on"
COMPILED = "messages are read by compiled code now"


def test_no_compiler_is_imported_before_the_server_listens_and_ccxt_never() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "leadline", "serve", "--market", "live"]
    imported: dict[str, set[str]] = {ANSWERS: set(), COMPILED: set()}
    with subprocess.Popen(
        [*command, "--port", "0", *closed_endpoints()], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as server:
        assert server.stderr is not None
        for milestone, names in imported.items():
            for line in server.stderr:
                if milestone in line:
                    break
                if line.startswith("import time:"):
                    names.add(line.rpartition("|")[2].strip().partition(".")[0])
        server.kill()
    assert {"uvicorn", "numpy", "aiohttp"} <= imported[ANSWERS]
    assert not imported[ANSWERS] & {"numba", "llvmlite", "ccxt"}
    assert "numba" in imported[COMPILED]
    assert "ccxt" not in imported[COMPILED]
