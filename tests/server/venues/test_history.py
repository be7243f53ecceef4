from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from leadline.venues.base import Candle
from leadline.venues.history import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, load_history
from leadline.venues.rest import Reply
from tests.server.venues.stream import instrument

NOW_MS = 20_000 * HOUR_MS + 34 * MINUTE_MS + 1_234
VENUES = ["binance", "bybit", "okx"]
INTERVALS = {"1m": 1, "1": 1, "5m": 5, "5": 5, "5min": 5, "1h": 60, "1H": 60, "60": 60}
SETTLED_MS = 8 * HOUR_MS


class Archive:
    """A venue's REST history: bars and samples at every interval from ``first_ms`` on.

    keeps: what it keeps of bars or samples of so many minutes, in ms back from now.
    """

    def __init__(
        self, venue: str, first_ms: int = 0, fails_after: int = 10_000, keeps: dict[int, int] | None = None
    ) -> None:
        self.venue = venue
        self.first_ms = first_ms
        self.left = fails_after
        self.keeps = keeps or {}
        self.asked: list[str] = []

    async def get(self, path: str, weight: float = 1, priority: object = None) -> Reply:
        self.asked.append(path)
        self.left -= 1
        if self.left < 0:
            return Reply(0, reason="gone")
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        funding = "funding" in path
        names = [query[key] for key in ("interval", "bar", "period", "intervalTime") if key in query]
        minutes = 480 if funding else INTERVALS[names[0]]
        step_ms, limit = minutes * MINUTE_MS, int(query["limit"])
        kept_ms = max(self.first_ms, NOW_MS - self.keeps.get(minutes, 400 * DAY_MS))
        if self.venue == "okx":
            before = int(query["after"] if "after" in query else query["end"])
            last = (before - 1) // step_ms
            at = [n * step_ms for n in range(max(0, last - limit + 1), last + 1)]
        else:
            start, end = (
                int(query.get("startTime") or query["start"]),
                int(query.get("endTime") or query["end"]),
            )
            at = list(range(-(-start // step_ms) * step_ms, end + 1, step_ms))[-limit:]
        at = [ms for ms in at if ms >= kept_ms]
        kind = "funding" if funding else "ratio" if "atio" in parts.path else "interest"
        if "line" in parts.path or "candles" in parts.path:
            kind = "bars"
        return Reply(200, self.body(at, kind))

    def body(self, at: list[int], kind: str) -> bytes:
        if self.venue == "binance":
            rows: dict[str, object] = {
                "bars": [[ms, "3.01", "3.02", "2.99", "3", "10.5", 0, "0", 1, "6.5", "0", "0"] for ms in at],
                "interest": [{"timestamp": ms, "sumOpenInterest": "70.5"} for ms in at],
                "funding": [{"fundingTime": ms, "fundingRate": "-0.0001"} for ms in at],
                "ratio": [{"timestamp": ms, "longShortRatio": "1.5"} for ms in at],
            }
            return orjson.dumps(rows[kind])
        at.reverse()
        if self.venue == "bybit":
            rows = {
                "bars": [[str(ms), "3.01", "3.02", "2.99", "3", "10.5", "0"] for ms in at],
                "interest": [{"timestamp": str(ms), "openInterest": "141"} for ms in at],
                "funding": [{"fundingRateTimestamp": str(ms), "fundingRate": "-0.0001"} for ms in at],
                "ratio": [{"timestamp": str(ms), "buyRatio": "0.6", "sellRatio": "0.4"} for ms in at],
            }
            return orjson.dumps({"retCode": 0, "result": {"list": rows[kind]}})
        rows = {
            "bars": [[str(ms), "3.01", "3.02", "2.99", "3", "1050", "10.5", "31", "1"] for ms in at],
            "interest": [[str(ms), "7050", "70.5", "200"] for ms in at],
            "funding": [
                {"fundingTime": str(ms), "fundingRate": "-0.0003", "realizedRate": "-0.0001"} for ms in at
            ],
            "ratio": [[str(ms), "1.5"] for ms in at],
        }
        return orjson.dumps({"code": "0", "data": rows[kind]})


async def loaded(archive: Archive, since_ms: int = 0) -> list[tuple[int, int]]:
    """Return (opening, length) of each bar, after checking that none overlaps the next."""
    history = await load_history(archive.venue, archive, instrument(archive.venue), since_ms, NOW_MS)  # type: ignore[arg-type]
    bars = [(bar.at_ms, bar.span_ms) for bar in history.candles]
    assert all(at_ms + span_ms <= later for (at_ms, span_ms), (later, _) in pairwise(bars))
    return bars


@pytest.mark.parametrize("venue", VENUES)
async def test_bars_get_shorter_towards_now_and_join_without_a_hole(venue: str) -> None:
    bars = await loaded(Archive(venue))
    assert all(at_ms + span_ms == later for (at_ms, span_ms), (later, _) in pairwise(bars))
    assert bars[-1] == (NOW_MS // MINUTE_MS * MINUTE_MS, MINUTE_MS)
    by_length = {span_ms: min(at_ms for at_ms, length in bars if length == span_ms) for _, span_ms in bars}
    assert by_length[MINUTE_MS] == (NOW_MS - DAY_MS) // HOUR_MS * HOUR_MS
    assert by_length[5 * MINUTE_MS] <= NOW_MS - WEEK_MS + HOUR_MS
    assert (HOUR_MS in by_length) == (venue != "okx")


@pytest.mark.parametrize("venue", VENUES)
async def test_each_series_is_read_in_its_own_way(venue: str) -> None:
    history = await load_history(venue, Archive(venue), instrument(venue), NOW_MS - WEEK_MS, NOW_MS)  # type: ignore[arg-type]
    buys = 6.5 if venue == "binance" else None
    opening = history.candles[0].at_ms
    assert history.candles[0] == Candle(
        opening, 3.01, 3.02, 2.99, 3.0, 10.5, buys, history.candles[0].span_ms
    )
    assert {coins for _, coins in history.open_interest} == {70.5}
    assert len(history.open_interest) == WEEK_MS // (5 * MINUTE_MS)
    assert {rate for _, rate in history.funding} == {-0.0001}
    assert [at_ms % SETTLED_MS for at_ms, _ in history.funding] == [0] * 21
    assert {round(ratio, 9) for _, ratio in history.long_ratios} == {1.5}
    assert len(history.long_ratios) == 168


@pytest.mark.parametrize("venue", VENUES)
async def test_where_a_finer_series_ends_the_coarser_goes_on(venue: str) -> None:
    archive = Archive(venue, keeps={5: 2 * DAY_MS})
    history = await load_history(venue, archive, instrument(venue), NOW_MS - WEEK_MS, NOW_MS)  # type: ignore[arg-type]
    assert history.open_interest[0][0] <= NOW_MS - WEEK_MS + HOUR_MS
    assert history.candles[0].at_ms <= NOW_MS - WEEK_MS + HOUR_MS
    assert history.candles[0].span_ms == HOUR_MS


@pytest.mark.parametrize("venue", VENUES)
async def test_the_pages_of_a_start_fit_its_pace(venue: str) -> None:
    archive = Archive(venue)
    told: list[float] = []
    await load_history(venue, archive, instrument(venue), 0, NOW_MS, told.append)  # type: ignore[arg-type]
    assert len(archive.asked) <= {"binance": 18, "bybit": 28, "okx": 52}[venue]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert told[len(told) // 2] < 0.9


@pytest.mark.parametrize("venue", VENUES)
async def test_a_gap_since_the_last_start_takes_a_handful_of_pages(venue: str) -> None:
    archive = Archive(venue)
    since_ms = NOW_MS - 33 * MINUTE_MS
    bars = await loaded(archive, since_ms)
    assert len(archive.asked) <= 5
    assert [span_ms for _, span_ms in bars] == [MINUTE_MS] * 33
    assert bars[0][0] >= since_ms


@pytest.mark.parametrize("venue", VENUES)
async def test_a_venue_that_keeps_fewer_days_gives_what_it_has(venue: str) -> None:
    archive = Archive(venue, first_ms=NOW_MS // HOUR_MS * HOUR_MS - 2 * HOUR_MS)
    bars = await loaded(archive)
    assert len(bars) == 155
    assert len(archive.asked) <= 12


@pytest.mark.parametrize("venue", VENUES)
async def test_an_error_half_way_leaves_the_most_recent_part(venue: str) -> None:
    archive = Archive(venue, fails_after=1)
    history = await load_history(venue, archive, instrument(venue), 0, NOW_MS)  # type: ignore[arg-type]
    assert history.candles[-1].at_ms == NOW_MS // MINUTE_MS * MINUTE_MS
    assert history.open_interest == []


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[[1]]", b'{"retCode":1}', b'{"code":"50011"}', b"[7]"])
@pytest.mark.parametrize("venue", VENUES)
async def test_nonsense_is_an_empty_history(venue: str, body: bytes) -> None:
    class Nonsense:
        venue = "x"

        async def get(self, path: str, weight: float = 1, priority: object = None) -> Reply:
            return Reply(200, body)

    history = await load_history(venue, Nonsense(), instrument(venue), 0, NOW_MS)  # type: ignore[arg-type]
    assert history.candles == []
    assert history.open_interest == []
    assert history.funding == []
