from __future__ import annotations

import asyncio

from leadline.feed.due_symbols import DueSymbols


async def test_what_is_watched_comes_first_then_the_order_of_coming() -> None:
    watched: set[str] = set()
    due = DueSymbols(lambda: watched)
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"):
        due.put(symbol)
    assert await due.take() == "BTCUSDT"
    watched = {"XRPUSDT", "SOLUSDT", "DOGEUSDT"}
    assert [await due.take() for _ in range(3)] == ["SOLUSDT", "XRPUSDT", "ETHUSDT"]


async def test_an_empty_queue_waits_for_the_next() -> None:
    due = DueSymbols(set)
    taking = asyncio.create_task(due.take())
    await asyncio.sleep(0)
    assert not taking.done()
    due.put("BTCUSDT")
    assert await taking == "BTCUSDT"
