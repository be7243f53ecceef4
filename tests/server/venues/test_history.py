from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from leadline.venues.base import Candle
from leadline.venues.history import BAR_MS, load_history
from leadline.venues.rest import Reply
from tests.server.venues.stream import instrument

NOW_MS = 2_000 * BAR_MS + 1_234
SINCE_MS = 100 * BAR_MS


class Archive:
    """A venue's REST history: bars and interest at every 5 minutes from ``first`` on."""

    def __init__(self, venue: str, first: int = 0, fails_after: int = 10_000) -> None:
        self.venue = venue
        self.first = first
        self.left = fails_after
        self.asked = 0

    async def get(self, path: str, weight: float = 1, priority: object = None) -> Reply:
        self.asked += 1
        self.left -= 1
        if self.left < 0:
            return Reply(0, reason="gone")
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        bars = "/kline" in path or "candles" in path
        limit = int(query["limit"])
        at = [n * BAR_MS for n in range(self.first, 2_001)]
        if self.venue == "okx":
            before = int(query["after"] if bars else query["end"])
            at = [ms for ms in at if ms < before][-limit:]
        else:
            start = int(query.get("startTime") or query["start"])
            end = int(query.get("endTime") or query["end"])
            at = [ms for ms in at if start <= ms <= end]
            assert len(at) <= limit
        return Reply(200, self.body(at, bars))

    def body(self, at: list[int], bars: bool) -> bytes:
        if self.venue == "binance":
            if bars:
                row = ["2", "4", "1", "3", "10.5", 0, "0", 1, "6.5", "0", "0"]
                return orjson.dumps([[ms, *row] for ms in at])
            return orjson.dumps([{"timestamp": ms, "sumOpenInterest": "70.5"} for ms in at])
        newest_first = at[::-1]
        if self.venue == "bybit":
            rows = (
                [[str(ms), "2", "4", "1", "3", "10.5", "0"] for ms in newest_first]
                if bars
                else [{"timestamp": str(ms), "openInterest": "141"} for ms in newest_first]
            )
            return orjson.dumps({"retCode": 0, "result": {"list": rows}})
        rows_okx = (
            [[str(ms), "2", "4", "1", "3", "1050", "10.5", "31", "1"] for ms in newest_first]
            if bars
            else [[str(ms), "7050", "70.5", "200"] for ms in newest_first]
        )
        return orjson.dumps({"code": "0", "data": rows_okx})


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
async def test_all_pages_join_into_one_history_oldest_first(venue: str) -> None:
    archive = Archive(venue)
    history = await load_history(venue, archive, instrument(venue), SINCE_MS, NOW_MS)  # type: ignore[arg-type]
    assert [bar.at_ms for bar in history.candles] == [n * BAR_MS for n in range(100, 2_001)]
    assert history.open_interest == [(n * BAR_MS, 70.5) for n in range(100, 2_001)]
    buys = 6.5 if venue == "binance" else None
    assert history.candles[0] == Candle(SINCE_MS, 2.0, 4.0, 1.0, 3.0, 10.5, buys)
    assert archive.asked <= 60


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
async def test_a_venue_that_keeps_fewer_days_gives_what_it_has(venue: str) -> None:
    archive = Archive(venue, first=1_950)
    history = await load_history(venue, archive, instrument(venue), 0, NOW_MS)  # type: ignore[arg-type]
    assert len(history.candles) == len(history.open_interest) == 51
    assert archive.asked <= 4


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
async def test_an_error_half_way_leaves_the_most_recent_part(venue: str) -> None:
    archive = Archive(venue, fails_after=1)
    history = await load_history(venue, archive, instrument(venue), SINCE_MS, NOW_MS)  # type: ignore[arg-type]
    assert history.candles[-1].at_ms == 2_000 * BAR_MS
    assert history.open_interest == []


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[[1]]", b'{"retCode":1}', b'{"code":"50011"}', b"[7]"])
@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
async def test_nonsense_is_an_empty_history(venue: str, body: bytes) -> None:
    class Nonsense:
        venue = "x"

        async def get(self, path: str, weight: float = 1, priority: object = None) -> Reply:
            return Reply(200, body)

    history = await load_history(venue, Nonsense(), instrument(venue), 0, NOW_MS)  # type: ignore[arg-type]
    assert history.candles == []
    assert history.open_interest == []
