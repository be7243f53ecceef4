"""The figures for Prometheus: their form, their values, and who may read them."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest
from starlette.types import Message

from leadline.domain.events import BookState
from leadline.feed.continuity import VenueStatus
from leadline.web.metrics import Family, families
from leadline.web.routes import build_web
from tests.fakes.market import HandMarket, hand_market
from tests.fakes.server import serving

SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+)')


def parse(text: str) -> dict[str, float]:
    """Read the text format strictly: each sample after the HELP and TYPE of its metric."""
    assert text.endswith("\n")
    values: dict[str, float] = {}
    described = typed = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            described = line.split(" ")[2]
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert typed == described
            assert kind in ("gauge", "counter")
            assert typed.endswith("_total") == (kind == "counter")
        else:
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match[1] == typed
            key = f"{match[1]}{{{match[2]}}}" if match[2] else match[1]
            assert key not in values
            values[key] = float(match[3])
    return values


async def scraped(market: HandMarket, tmp_path: Path, **headers: str) -> tuple[int, str]:
    async with (
        serving(market.hub, tmp_path) as port,
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/metrics", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def asked_by(peer: str, static: Path) -> tuple[int, bytes]:
    """Ask as a peer of this address; return the status and the body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": []}
    web = build_web(hand_market().hub, static)
    await web({**scope, "client": (peer, 1) if peer else None}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def test_a_books_continuity_is_told_in_base_units(tmp_path: Path) -> None:
    market = hand_market("binance", "bybit")
    book, session = market.books["binance"], market.session
    market.hub.statuses |= {"binance": VenueStatus(clock_offset_ms=-1500, replacements=2)}
    session.accept(book.changed())
    since_s = market.clock.wall_ms() / 1000
    for lost_ms in (400, 250):
        book.state = BookState.STALE
        session.accept(book.changed())
        market.clock.now_ms += lost_ms
        book.state = BookState.LIVE
        session.accept(book.changed())
    book.known = (9_000, 11_000)
    book.stats.gaps, book.stats.resyncs, book.stats.silent_ms = 2, 2, 1_250
    status, text = await scraped(market, tmp_path)
    assert status == 200
    values = parse(text)
    where = '{venue="binance",symbol="BTCUSDT"}'
    assert values["leadline_book_live" + where] == 1
    assert values["leadline_book_gaps_total" + where] == 2
    assert values["leadline_book_resync_last_seconds" + where] == 0.25
    assert values["leadline_book_resync_p99_seconds" + where] == 0.4
    assert values["leadline_book_silent_seconds_total" + where] == 1.25
    assert values["leadline_book_age_seconds" + where] == 0.65
    assert values["leadline_book_known_low_price" + where] == 900
    assert values["leadline_book_known_high_price" + where] == 1100
    assert 'leadline_book_known_low_price{venue="bybit",symbol="BTCUSDT"}' not in values
    verified_s = values["leadline_book_verified_since_timestamp_seconds" + where]
    assert verified_s == pytest.approx(since_s + 0.65)
    assert values["leadline_liquidation_feed_complete" + where] == 0
    assert values['leadline_liquidation_feed_complete{venue="bybit",symbol="BTCUSDT"}'] == 1
    assert values['leadline_venue_clock_offset_seconds{venue="binance"}'] == -1.5
    assert values['leadline_venue_connection_replacements_total{venue="binance"}'] == 2
    assert values["leadline_clients"] == 0
    # A venue without a loss has no duration of one, rather than a wrong zero.
    assert 'leadline_book_resync_last_seconds{venue="bybit",symbol="BTCUSDT"}' not in values


@pytest.mark.parametrize(
    "peer", ["192.0.2.7", "10.0.0.1", "::1.evil", "", "fe80::1%eth0", "::ffff:192.0.2.7", "127.0.0.1.example"]
)
async def test_a_peer_elsewhere_is_refused(peer: str, tmp_path: Path) -> None:
    status, body = await asked_by(peer, tmp_path)
    assert (status, b"leadline_" in body) == (403, False)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_answered(peer: str, tmp_path: Path) -> None:
    status, body = await asked_by(peer, tmp_path)
    assert (status, b"leadline_build_info" in body) == (200, True)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_a_proxy_on_this_machine_gets_nothing_for_its_visitors(header: str, tmp_path: Path) -> None:
    for value in ("203.0.113.9", "127.0.0.1"):
        status, text = await scraped(hand_market(), tmp_path, **{header: value})
        assert (status, "leadline_" in text) == (403, False)


def test_label_values_are_escaped() -> None:
    made = Family("leadline_x", "gauge", "x.", [({"symbol": 'a"b\\c\nd'}, 1)])
    assert list(made.lines())[-1] == 'leadline_x{symbol="a\\"b\\\\c\\nd"} 1'


def test_a_server_that_knows_nothing_yet_tells_only_of_itself() -> None:
    market = hand_market()
    market.hub.sessions.clear()
    assert [family.name for family in families(market.hub)] == [
        "leadline_build_info",
        "leadline_clients",
        "leadline_streams",
    ]
