"""How far a venue's clock is from ours."""

from __future__ import annotations

import pytest

from leadline.venues.adapter import MALFORMED
from leadline.venues.budget import Priority
from leadline.venues.clock_offset import PROBES, TIME_PATH, measure_offset, venue_time_ms
from leadline.venues.rest import Reply, Rest

NOW_MS = 1_790_000_000_000
BODIES = {
    "binance": '{"serverTime":%d}',
    "bybit": '{"retCode":0,"result":{"timeSecond":"1","timeNano":"%d000000"},"time":1}',
    "okx": '{"code":"0","data":[{"ts":"%d"}]}',
}


class Answers(Rest):
    """A venue whose clock is ahead; each answer takes its time, in ms, on the way there and back."""

    def __init__(self, venue: str, ahead_ms: int, ways: list[tuple[int, int]]) -> None:
        super().__init__(venue, "http://venue")
        self.ahead_ms, self.ways, self.paths = ahead_ms, ways, list[str]()

    async def get(self, path: str, weight: float = 1, priority: Priority = Priority.SYNC) -> Reply:
        self.paths.append(path)
        if not self.ways:
            return Reply(0, reason="gone")
        there_ms, back_ms = self.ways.pop(0)
        body = BODIES[self.venue] % (NOW_MS + there_ms + self.ahead_ms)
        return Reply(200, body.encode(), "", NOW_MS, NOW_MS + there_ms + back_ms)


@pytest.mark.parametrize("venue", BODIES)
async def test_one_slow_way_does_not_count(venue: str) -> None:
    rest = Answers(venue, -2_500, [(40, 40), (900, 20), (40, 60), (50, 50), (30, 1_900)])
    assert await measure_offset(venue, rest) == pytest.approx(-2_500, abs=15)
    assert rest.paths == [TIME_PATH[venue]] * PROBES


async def test_a_venue_that_stops_answering_leaves_it_unknown() -> None:
    assert await measure_offset("okx", Answers("okx", 5, [(1, 1), (1, 1)])) is None


@pytest.mark.parametrize("venue", BODIES)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"serverTime":1.5}', b'{"serverTime":true}', b'{"data":[]}']
)
def test_nonsense_is_no_time(venue: str, body: bytes) -> None:
    with pytest.raises(MALFORMED):
        venue_time_ms(venue, body)


@pytest.mark.parametrize("venue", BODIES)
@pytest.mark.parametrize("at_ms", [0, 1_790_000_000, 10**15])
def test_a_time_in_another_unit_is_refused(venue: str, at_ms: int) -> None:
    with pytest.raises(MALFORMED):
        venue_time_ms(venue, (BODIES[venue] % at_ms).encode())
