import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from leadline.venues import rest as rest_module
from leadline.venues.rest import Pace, Rest


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def ok(request: web.Request) -> web.Response:
        return web.json_response({"query": request.query_string})

    async def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async def bomb(request: web.Request) -> web.Response:
        packed = gzip.compress(bytes(4_000_000))
        assert len(packed) < 10_000
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/ok"})

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    app = web.Application()
    for name, handler in {
        "ok": ok,
        "limited": limited,
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
    server: TestServer,
) -> None:
    async with Rest("binance", str(server.make_url(""))) as rest:
        assert (await rest.get("/limited")).status == 429
        reply = await rest.get("/ok")
    assert reply.status == 429
    assert "asked for quiet" in reply.reason


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


async def test_requests_beyond_the_burst_wait_for_their_turn(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def note(delay_s: float) -> None:
        waits.append(delay_s)

    monkeypatch.setitem(rest_module.PACES, "binance", Pace(burst=20, per_s=10))
    async with Rest("binance", str(server.make_url(""))) as rest:
        monkeypatch.setattr(rest_module.asyncio, "sleep", note)
        for _ in range(3):
            await rest._await_turn(20)
    assert len(waits) == 2
    assert waits[0] == pytest.approx(2.0, abs=0.5)
    assert waits[1] == pytest.approx(4.0, abs=0.5)
