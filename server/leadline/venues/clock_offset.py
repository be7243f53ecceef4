"""How far a venue's clock is from ours: the median of a few questions, each halved at its way."""

from __future__ import annotations

from statistics import median

import orjson

from leadline.units import NumberRejected
from leadline.venues.adapter import MALFORMED, whole, whole_text
from leadline.venues.budget import Priority
from leadline.venues.rest import Rest

TIME_PATH = {"binance": "/fapi/v1/time", "bybit": "/v5/market/time", "okx": "/api/v5/public/time"}
PROBES = 5


async def measure_offset(venue: str, rest: Rest) -> int | None:
    """Ask the venue for its time PROBES times; return its clock minus ours in ms, None without an answer."""
    offsets: list[float] = []
    for _ in range(PROBES):
        reply = await rest.get(TIME_PATH[venue], 1, Priority.SYNC)
        if reply.status != 200:
            return None
        try:
            venue_ms = venue_time_ms(venue, reply.body)
        except MALFORMED:
            return None
        # The venue read its clock somewhere between our asking and its answer.
        offsets.append(venue_ms - (reply.asked_ms + reply.answered_ms) / 2)
    return round(median(offsets))


def venue_time_ms(venue: str, body: bytes) -> int:
    """Read the answer of the time endpoint; raises one of MALFORMED when it is none."""
    answer = orjson.loads(body)
    if venue == "binance":
        at_ms = whole(answer["serverTime"])
    elif venue == "bybit":
        at_ms = whole_text(answer["result"]["timeNano"]) // 1_000_000
    else:
        at_ms = whole_text(answer["data"][0]["ts"])
    if not 10**12 <= at_ms < 10**13:
        raise NumberRejected(f"expected a Unix time in ms, got {at_ms}")
    return at_ms
