"""The twin as a child process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import aiohttp

from tests.twin.followers import get

SERVER = Path(__file__).parents[2] / "server"


async def start(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "leadline.twin.main", "--seed", "5", "--history-days", "0.01", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(SERVER)),
    )


async def test_it_says_its_ports_in_one_line_and_ends_with_its_standard_input() -> None:
    child = await start("--until-stdin-closes", "--faults", '{"okx": {"drop": 0.5}}')
    assert child.stdin is not None
    assert child.stdout is not None
    ports = json.loads(await child.stdout.readline())
    assert list(ports) == ["binance", "bybit", "okx", "truth"]
    async with aiohttp.ClientSession() as http:
        state = await get(http, ports["truth"], "/truth/state")
    assert state["seed"] == 5
    assert state["faults"]["okx"]["drop"] == 0.5
    child.stdin.close()
    assert await child.wait() == 0
    assert await child.stdout.read() == b""


async def test_it_ends_cleanly_on_a_signal() -> None:
    child = await start()
    assert child.stdout is not None
    await child.stdout.readline()
    child.terminate()
    assert await child.wait() == 0
