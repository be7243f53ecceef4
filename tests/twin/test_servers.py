"""The twin on sockets: what a client sees, told by raw clients that know only the venues' rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from leadline.twin.faults import Faults
from leadline.twin.main import Twin
from tests.twin.followers import BinanceFollower, BybitFollower, GapFound, OkxFollower, get

Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    """A world whose time only the test moves."""
    async with Twin(3, history_days=0.02, start_ms=1_790_000_000_000, paced=False) as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def connect(http: aiohttp.ClientSession, port: int, path: str) -> Socket:
    return await http.ws_connect(f"ws://127.0.0.1:{port}{path}")


async def hear(socket: Socket) -> Any:
    """Receive one message; JSON is parsed, other text returned as it is."""
    message = await asyncio.wait_for(socket.receive(), 10)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data) if message.data[0] in "{[" else message.data


async def tell(socket: Socket, body: object) -> Any:
    await socket.send_str(body if isinstance(body, str) else json.dumps(body))
    return await hear(socket)


async def silent(twin: Twin, socket: Socket) -> bool:
    """Whether the socket brings nothing although the world moves on by two seconds."""
    twin.step(40)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.receive(), 0.1)
    return True


async def truth(http: aiohttp.ClientSession, twin: Twin, **query: object) -> tuple[Any, Any]:
    body = await get(http, twin.ports["truth"], "/truth/book", symbol="BTCUSDT", **query)
    return body["bids"], body["asks"]


async def test_a_binance_follower_holds_the_true_book(twin: Twin, http: aiohttp.ClientSession) -> None:
    port = twin.ports["binance"]
    socket = await connect(http, port, "/public/stream?streams=btcusdt@depth@100ms")
    follower = BinanceFollower()
    for round_ in range(40):
        twin.step(2)
        message = await hear(socket)
        assert message["stream"] == "btcusdt@depth@100ms"
        follower.frame(message["data"])
        if not follower.live:
            follower.snapshot(await get(http, port, "/fapi/v1/depth", symbol="BTCUSDT", limit=1000))
        elif round_ % 5 == 0:
            true = await truth(http, twin, venue="binance", update_id=follower.update_id)
            bids, asks = follower.book()
            assert (follower.known(bids), follower.known(asks)) == tuple(map(follower.known, true))
    assert follower.linked
    await socket.close()


async def test_a_bybit_follower_holds_the_true_view(twin: Twin, http: aiohttp.ClientSession) -> None:
    socket = await connect(http, twin.ports["bybit"], "/v5/public/linear")
    reply = await tell(socket, {"op": "subscribe", "req_id": "a", "args": ["orderbook.200.BTCUSDT"]})
    assert (reply["success"], reply["op"], reply["req_id"]) == (True, "subscribe", "a")
    follower = BybitFollower()
    follower.frame(await hear(socket))
    for _ in range(30):
        twin.step(2)
        follower.frame(await hear(socket))
    true = await truth(http, twin, venue="bybit", topic="orderbook.200", update_id=follower.update_id)
    assert follower.book() == true
    assert follower.applied == 30
    assert len(follower.bids) == 200
    again = await tell(socket, {"op": "unsubscribe", "args": ["orderbook.200.BTCUSDT"]})
    assert again["op"] == "unsubscribe"
    assert await silent(twin, socket)


async def test_an_okx_follower_holds_the_true_view(twin: Twin, http: aiohttp.ClientSession) -> None:
    socket = await connect(http, twin.ports["okx"], "/ws/v5/public")
    argument = {"channel": "books", "instId": "BTC-USDT-SWAP"}
    ack = await tell(socket, {"id": "s1", "op": "subscribe", "args": [argument]})
    assert (ack["event"], ack["arg"], ack["id"]) == ("subscribe", argument, "s1")
    follower = OkxFollower()
    follower.frame(await hear(socket))
    for _ in range(30):
        twin.step(2)
        follower.frame(await hear(socket))
    assert follower.book() == await truth(http, twin, venue="okx", update_id=follower.update_id)
    assert follower.applied == 30


async def test_an_okx_book_from_rest_joins_the_stream(twin: Twin, http: aiohttp.ClientSession) -> None:
    await http.post(
        f"http://127.0.0.1:{twin.ports['truth']}/truth/faults", json={"venue": "okx", "no_snapshot": True}
    )
    socket = await connect(http, twin.ports["okx"], "/ws/v5/public")
    await tell(socket, {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT-SWAP"}]})
    waiting = []
    for _ in range(10):
        twin.step(2)
        waiting.append(await hear(socket))
    assert {message["action"] for message in waiting} == {"update"}
    body = await get(http, twin.ports["okx"], "/api/v5/market/books", instId="BTC-USDT-SWAP", sz=400)
    book = body["data"][0]
    follower = OkxFollower()
    follower.replace(book["bids"], book["asks"])
    for _ in range(10):
        twin.step(2)
        waiting.append(await hear(socket))
    kept = [message for message in waiting if message["data"][0]["seqId"] > book["seqId"]]
    assert kept[0]["data"][0]["prevSeqId"] <= book["seqId"]
    follower.update_id = kept[0]["data"][0]["prevSeqId"]
    for message in kept:
        follower.frame(message)
    assert follower.book() == await truth(http, twin, venue="okx", update_id=follower.update_id)


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/public/ws", "btcusdt@aggTrade"),
        ("/market/ws", "btcusdt@depth@100ms"),
        ("/ws", "btcusdt@markPrice@1s"),
        ("/public/ws", "BTCUSDT@depth@100ms"),
        ("/public/ws", "btcusdt@depth@250ms"),
        ("/public/ws", "nosuchusdt@depth"),
    ],
)
async def test_binance_acknowledges_what_it_never_sends(
    twin: Twin, http: aiohttp.ClientSession, path: str, stream: str
) -> None:
    socket = await connect(http, twin.ports["binance"], path)
    assert await tell(socket, {"method": "SUBSCRIBE", "params": [stream], "id": 7}) == {
        "result": None,
        "id": 7,
    }
    assert await silent(twin, socket)


async def test_binance_sends_a_stream_once_however_often_it_is_asked_for(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    socket = await connect(http, twin.ports["binance"], "/public/ws/ethusdt@depth@100ms")
    for number in (1, 2):
        await tell(socket, {"method": "SUBSCRIBE", "params": ["ethusdt@depth@100ms"], "id": number})
    twin.step(20)
    frames = [await hear(socket) for _ in range(10)]
    assert [frame["pu"] for frame in frames[1:]] == [frame["u"] for frame in frames[:-1]]
    listed = await tell(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 9})
    assert listed == {"result": ["ethusdt@depth@100ms"], "id": 9}


async def test_binance_refuses_in_both_shapes(twin: Twin, http: aiohttp.ClientSession) -> None:
    socket = await connect(http, twin.ports["binance"], "/public/ws")
    assert (await tell(socket, {"method": "DANCE", "id": 1}))["code"] == 2
    assert (await tell(socket, "no json"))["code"] == 2
    names = [f"x{number}@depth" for number in range(1025)]
    names = [f"btcusdt@depth{name}" for name in names]
    reply = await tell(socket, {"method": "SUBSCRIBE", "params": names, "id": 8})
    assert reply == {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 8}
    assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert socket.close_code == 1008


async def test_binance_counts_weight_then_refuses_then_bans(twin: Twin, http: aiohttp.ClientSession) -> None:
    url = f"http://127.0.0.1:{twin.ports['binance']}/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    statuses, used = [], []
    for _ in range(130):
        async with http.get(url) as reply:
            statuses.append(reply.status)
            used.append(int(reply.headers["X-MBX-USED-WEIGHT-1M"]))
            if reply.status != 200:
                assert int(reply.headers["Retry-After"]) > 0
                assert (await reply.json())["code"] == -1003
    assert statuses == [200] * 120 + [429] * 5 + [418] * 5
    assert used == [20 * (at + 1) for at in range(130)]


async def test_binance_answers_the_rest_questions(twin: Twin, http: aiohttp.ClientSession) -> None:
    twin.step(40)
    port = twin.ports["binance"]
    info = await get(http, port, "/fapi/v1/exchangeInfo")
    filters = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"
    candles = await get(http, port, "/fapi/v1/klines", symbol="BTCUSDT", interval="5m", limit=3)
    assert [row[0] % 300_000 for row in candles] == [0, 0, 0]
    assert all(len(row) == 12 for row in candles)
    interest = await get(http, port, "/fapi/v1/openInterest", symbol="BTCUSDT")
    assert float(interest["openInterest"]) == pytest.approx(
        twin.world.markets["binance", "BTCUSDT"].interest_coins, abs=0.001
    )
    history = await get(http, port, "/futures/data/openInterestHist", symbol="BTCUSDT", period="5m", limit=2)
    assert history[1]["timestamp"] - history[0]["timestamp"] == 300_000
    trades = await get(http, port, "/fapi/v1/aggTrades", symbol="BTCUSDT", limit=5)
    again = await get(http, port, "/fapi/v1/aggTrades", symbol="BTCUSDT", fromId=trades[0]["a"], limit=5)
    assert again == trades
    assert [row["a"] for row in trades] == list(range(trades[0]["a"], trades[0]["a"] + 5))
    wrong = await get(http, port, "/fapi/v1/depth", symbol="FOO")
    assert wrong["code"] == -1121


async def test_bybit_pages_with_a_cursor_and_counts_both_sides(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    port, cursor, rows = twin.ports["bybit"], "", []
    while True:
        body = await get(
            http, port, "/v5/market/open-interest", category="linear", symbol="BTCUSDT", intervalTime="5min",
            limit=2, cursor=cursor,
        )  # fmt: skip
        rows += body["result"]["list"]
        cursor = body["result"]["nextPageCursor"]
        if not cursor:
            break
    stamps = [int(row["timestamp"]) for row in rows]
    assert stamps == sorted(set(stamps), reverse=True)
    assert len(rows) >= 5
    assert all(
        float(row["openInterest"]) == pytest.approx(2 * float(row["singleOpenInterest"]), abs=0.002)
        for row in rows
    )
    wrong = await get(http, port, "/v5/market/orderbook", category="linear", symbol="FOO")
    assert wrong["retCode"] == 10001
    page = await get(http, port, "/v5/market/instruments-info", category="linear", limit=2)
    assert len(page["result"]["list"]) == 2
    assert page["result"]["nextPageCursor"]


async def test_bybit_tickers_send_only_what_changed(twin: Twin, http: aiohttp.ClientSession) -> None:
    socket = await connect(http, twin.ports["bybit"], "/v5/public/linear")
    await tell(socket, {"op": "subscribe", "args": ["tickers.BTCUSDT"]})
    first = await hear(socket)
    assert first["type"] == "snapshot"
    assert {"openInterest", "singleOpenInterest", "markPrice", "fundingRate"} <= first["data"].keys()
    twin.step(4)
    later = await hear(socket)
    assert later["type"] == "delta"
    assert "markPrice" in later["data"]
    assert "fundingIntervalHour" not in later["data"]


async def test_bybit_answers_pings_and_refuses_unknown_topics(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    socket = await connect(http, twin.ports["bybit"], "/v5/public/linear")
    pong = await tell(socket, {"op": "ping", "req_id": "p"})
    assert (pong["ret_msg"], pong["req_id"], pong["op"]) == ("pong", "p", "ping")
    no = await tell(socket, {"op": "subscribe", "args": ["orderbook.500.BTCUSDT"]})
    assert no["success"] is False
    assert no["ret_msg"] == "error:handler not found,topic:orderbook.500.BTCUSDT"


async def test_okx_answers_text_pings_and_names_wrong_channels(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    socket = await connect(http, twin.ports["okx"], "/ws/v5/public")
    assert await tell(socket, "ping") == "pong"
    assert (await tell(socket, {"op": "dance"}))["code"] == "60012"
    assert (await tell(socket, {"op": "subscribe", "args": [{"channel": "books", "instId": "X"}]}))[
        "code"
    ] == "60018"
    business = await connect(http, twin.ports["okx"], "/ws/v5/business")
    books = {"channel": "books", "instId": "BTC-USDT-SWAP"}
    assert (await tell(business, {"op": "subscribe", "args": [books]}))["code"] == "60018"


async def test_okx_sizes_are_contracts(twin: Twin, http: aiohttp.ClientSession) -> None:
    port = twin.ports["okx"]
    row = (await get(http, port, "/api/v5/public/instruments", instType="SWAP", instId="BTC-USDT-SWAP"))[
        "data"
    ][0]
    assert (row["ctVal"], row["lotSz"], row["tickSz"]) == ("0.01", "0.01", "0.1")
    interest = (await get(http, port, "/api/v5/public/open-interest", instType="SWAP"))["data"][0]
    assert float(interest["oi"]) * 0.01 == pytest.approx(float(interest["oiCcy"]), rel=1e-6)
    candles = await get(
        http, port, "/api/v5/market/history-candles", instId="BTC-USDT-SWAP", bar="5m", limit=3
    )
    older = await get(
        http, port, "/api/v5/market/history-candles", instId="BTC-USDT-SWAP", bar="5m", limit=1,
        after=candles["data"][0][0],
    )  # fmt: skip
    assert older["data"][0] == candles["data"][1]
    assert (await get(http, port, "/api/v5/market/books", instId="X"))["code"] == "51001"


async def test_lost_frames_show_as_gaps_and_switches_work_while_running(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    url = f"http://127.0.0.1:{twin.ports['truth']}/truth/faults"
    async with http.post(url, json={"venue": "bybit", "drop": 0.3}) as reply:
        assert reply.status == 200
    async with http.post(url, json={"venue": "bybit", "dorp": 0.3}) as reply:
        assert reply.status == 400
    socket = await connect(http, twin.ports["bybit"], "/v5/public/linear")
    await tell(socket, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
    twin.step(60)
    follower = BybitFollower()
    with pytest.raises(GapFound):
        for _ in range(30):
            follower.frame(await hear(socket))


async def test_a_stale_snapshot_lies_behind_the_stream(twin: Twin, http: aiohttp.ClientSession) -> None:
    twin.step(100)
    twin.servers["binance"].faults = Faults(stale_snapshot=1.0, stale_ms=2000)
    market = twin.world.markets["binance", "BTCUSDT"]
    body = await get(http, twin.ports["binance"], "/fapi/v1/depth", symbol="BTCUSDT", limit=5)
    assert body["lastUpdateId"] <= market.update_id_at(market.step - 40)
    true = await truth(http, twin, venue="binance", update_id=body["lastUpdateId"], limit=5)
    assert (body["bids"], body["asks"]) == true


async def test_okx_announces_a_close_and_binance_does_not(twin: Twin, http: aiohttp.ClientSession) -> None:
    okx = await connect(http, twin.ports["okx"], "/ws/v5/public")
    binance = await connect(http, twin.ports["binance"], "/public/ws")
    while not (twin.servers["okx"].sessions and twin.servers["binance"].sessions):
        await asyncio.sleep(0)
    for venue in ("okx", "binance"):
        twin.servers[venue].faults = Faults(close_every_s=10.0)
        for session in twin.servers[venue].sessions:
            session.opened_ms -= 6_000
    twin.step(20)
    assert (await hear(okx))["code"] == "64008"
    for venue in ("okx", "binance"):
        for session in twin.servers[venue].sessions:
            session.opened_ms -= 6_000
    twin.step(20)
    await okx.receive()
    await binance.receive()
    assert (okx.close_code, binance.close_code) == (1001, 1008)


async def test_okx_cuts_a_connection_that_stayed_silent(twin: Twin, http: aiohttp.ClientSession) -> None:
    socket = await connect(http, twin.ports["okx"], "/ws/v5/public")
    await tell(socket, "ping")
    for session in twin.servers["okx"].sessions:
        session.heard_ms -= 31_000
    twin.step(20)
    await socket.receive()
    assert socket.close_code == 4004


async def test_the_truth_names_every_position_and_conserves_interest(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    port = twin.ports["truth"]
    for venue in ("binance", "bybit", "okx"):
        body = await get(http, port, "/truth/positions", venue=venue, symbol="ETHUSDT")
        sums = {"long": max(body["pool_coins"], 0.0), "short": max(-body["pool_coins"], 0.0)}
        for row in body["positions"]:
            sums[row["side"]] += row["coins"]
        assert sums["long"] == pytest.approx(body["open_interest"], rel=1e-9)
        assert sums["short"] == pytest.approx(body["open_interest"], rel=1e-9)
    state = await get(http, port, "/truth/state")
    assert len(state["markets"]) == 9
    assert (await get(http, port, "/truth/book", venue="binance", symbol="BTCUSDT", update_id=5))["error"]


async def test_a_frozen_feed_stays_silent_while_the_connection_lives(
    twin: Twin, http: aiohttp.ClientSession
) -> None:
    socket = await connect(http, twin.ports["binance"], "/public/stream?streams=btcusdt@depth@100ms")
    twin.step(2)
    await hear(socket)
    twin.servers["binance"].faults = Faults(freeze=("depth",))
    assert await silent(twin, socket)


async def test_rest_can_be_refused_by_a_switch(twin: Twin, http: aiohttp.ClientSession) -> None:
    twin.servers["bybit"].faults = Faults(status=403)
    async with http.get(f"http://127.0.0.1:{twin.ports['bybit']}/v5/market/time") as reply:
        assert reply.status == 403
