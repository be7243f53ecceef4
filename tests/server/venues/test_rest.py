import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from leadline.venues import rest as rest_module
from leadline.venues.bans import Bans
from leadline.venues.budget import PACES, Pace, Priority
from leadline.venues.rest import Rest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def asked() -> list[str]:
    """The requests that reached the server."""
    return []


@pytest.fixture
async def server(asked: list[str]) -> AsyncIterator[TestServer]:
    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked.append(request.path_qs)
        return await handler(request)

    async def ok(request: web.Request) -> web.Response:
        return web.json_response({"query": request.query_string})

    async def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async def banned(request: web.Request) -> web.Response:
        return web.Response(status=418, headers={"Retry-After": "3600"})

    async def used(request: web.Request) -> web.Response:
        return web.Response(headers={"X-MBX-USED-WEIGHT-1M": request.query["weight"]})

    async def okx50011(request: web.Request) -> web.Response:
        return web.json_response({"code": "50011", "msg": "Too Many Requests", "data": []})

    async def bybit10006(request: web.Request) -> web.Response:
        return web.json_response({"retCode": 10006, "retMsg": "Too many visits!", "result": {}})

    async def bomb(request: web.Request) -> web.Response:
        packed = gzip.compress(bytes(4_000_000))
        assert len(packed) < 10_000
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/ok"})

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    app = web.Application(middlewares=[note])
    for name, handler in {
        "ok": ok,
        "limited": limited,
        "banned": banned,
        "used": used,
        "okx50011": okx50011,
        "bybit10006": bybit10006,
        "bomb": bomb,
        "elsewhere": elsewhere,
        "slow": slow,
    }.items():
        app.router.add_get(f"/{name}", handler)
    async with TestServer(app, shutdown_timeout=0) as made:
        yield made


async def test_an_answer_is_its_status_and_body(server: TestServer) -> None:
    async with Rest("binance", str(server.make_url(""))) as rest:
        reply = await rest.get("/ok?symbol=BTCUSDT&limit=5")
    assert (reply.status, reply.body) == (200, b'{"query": "symbol=BTCUSDT&limit=5"}')


async def test_after_a_refusal_no_request_leaves_before_the_time_asked_for(
    server: TestServer, asked: list[str]
) -> None:
    async with Rest("binance", str(server.make_url(""))) as rest:
        assert (await rest.get("/limited")).status == 429
        replies = await asyncio.gather(*(rest.get("/ok") for _ in range(5)))
        assert 6_000 < rest.shut_ms <= 7_000
        assert (rest.requests, rest.refusals) == (1, 1)
    assert [reply.status for reply in replies] == [429] * 5
    assert "asked for quiet" in replies[0].reason
    assert asked == ["/limited"]


async def test_a_ban_outlives_the_process(server: TestServer, asked: list[str], tmp_path: Path) -> None:
    base, path = str(server.make_url("")), tmp_path / "data" / "bans.json"
    async with Rest("binance", base, Bans(path)) as rest:
        assert (await rest.get("/banned")).status == 418
    async with Rest("binance", base, Bans(path)) as restarted:
        assert 3_599_000 < restarted.shut_ms <= 3_600_000
        assert (await restarted.get("/ok")).status == 429
    assert asked == ["/banned"]
    async with Rest("binance", f"{base}/other", Bans(path)) as elsewhere:
        assert elsewhere.shut_ms == 0


async def test_those_who_wait_for_their_turn_hear_of_a_refusal_and_do_not_ask(
    server: TestServer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACES, "okx", Pace(burst=1, per_s=0.001))
    async with Rest("okx", str(server.make_url(""))) as rest:
        replies = await asyncio.gather(*(rest.get(path) for path in ("/limited", "/ok", "/ok")))
    assert [reply.status for reply in replies] == [429, 429, 429]
    assert asked == ["/limited"]


async def test_the_more_important_request_goes_first(
    server: TestServer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACES, "okx", Pace(burst=1, per_s=50))
    order = [Priority.HISTORY, Priority.POLL, Priority.SYNC, Priority.SYNC, Priority.RESYNC]
    async with Rest("okx", str(server.make_url(""))) as rest:
        await asyncio.gather(
            *(rest.get(f"/ok?n={n}", 1, priority) for n, priority in enumerate(order)),
        )
    assert asked == [f"/ok?n={n}" for n in (4, 2, 3, 1, 0)]


async def test_a_request_that_is_given_up_leaves_its_place(
    server: TestServer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACES, "okx", Pace(burst=1, per_s=20))
    async with Rest("okx", str(server.make_url(""))) as rest:
        waiting = [asyncio.create_task(rest.get(f"/ok?n={n}")) for n in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await rest.get("/ok?n=9")).status == 200
    assert asked == ["/ok?n=0", "/ok?n=2", "/ok?n=3", "/ok?n=9"]


async def test_the_venues_own_count_of_the_minute_is_believed(
    server: TestServer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_module, "wall_ms", lambda: 1_790_000_040_000)
    async with Rest("binance", str(server.make_url(""))) as rest:
        await rest.get("/used?weight=2270")
        assert rest.used_weight == 2270
        poll = asyncio.create_task(rest.get("/ok?poll", 1, Priority.POLL))
        assert (await rest.get("/ok?resync", 5, Priority.RESYNC)).status == 200
        await asyncio.sleep(0.05)
        assert not poll.done()
        poll.cancel()
    assert asked == ["/used?weight=2270", "/ok?resync"]


@pytest.mark.parametrize(("venue", "path"), [("okx", "/okx50011"), ("bybit", "/bybit10006")])
async def test_a_refusal_in_a_good_answer_is_one(server: TestServer, venue: str, path: str) -> None:
    async with Rest(venue, str(server.make_url(""))) as rest:
        assert (await rest.get(path)).status == 429
        assert 0 < rest.shut_ms <= 5_000


async def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_module, "REST_BYTES_MAX", 1_000_000)
    async with Rest("okx", str(server.make_url(""))) as rest:
        reply = await rest.get("/bomb")
    assert reply.status == 0
    assert "more than 1000000 bytes" in reply.reason


async def test_a_redirect_is_not_followed(server: TestServer) -> None:
    async with Rest("okx", str(server.make_url(""))) as rest:
        assert (await rest.get("/elsewhere")).status == 302


async def test_a_slow_answer_is_given_up(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "REST_TIMEOUT_S", 0.05)
    async with Rest("okx", str(server.make_url(""))) as rest:
        reply = await rest.get("/slow")
    assert (reply.status, reply.reason) == (0, "no answer within 0 s")


async def test_an_unreachable_venue_is_an_answer_without_status(unused_tcp_port: int) -> None:
    async with Rest("okx", f"http://127.0.0.1:{unused_tcp_port}") as rest:
        reply = await rest.get("/ok")
    assert reply.status == 0
    assert reply.reason
