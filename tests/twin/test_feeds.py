"""Book feeds without sockets: a follower that applies every frame holds exactly the venue's view."""

from __future__ import annotations

import json
import random

import pytest

from leadline.twin.binance import Binance
from leadline.twin.bybit import Bybit
from leadline.twin.faults import Faults, FaultyPath
from leadline.twin.hub import Feed
from leadline.twin.market import Market
from leadline.twin.okx import Okx
from leadline.twin.texts import Texts
from leadline.twin.world import World
from tests.twin.followers import BinanceFollower, BookText, BybitFollower, OkxFollower

STEPS = 300


def true_book(market: Market, most: int = 10**6) -> BookText:
    view, texts = market.view(most), Texts(market.contract)
    return texts.pairs(view.bid_ticks, view.bid_lots), texts.pairs(view.ask_ticks, view.ask_lots)


def run(world: World, feed: Feed, steps: int = STEPS) -> list[tuple[int, str]]:
    """Advance and yield (step, frame) in the order a listener would get them."""
    frames = []
    for _ in range(steps):
        world.run_step()
        if world.steps % feed.every == 0:
            frames += [(world.steps, text) for text in feed.frames()]
    return frames


def made(feed: Feed | None) -> Feed:
    assert feed is not None
    return feed


@pytest.mark.parametrize("stream", ["btcusdt@depth@100ms", "ethusdt@depth", "solusdt@depth@500ms"])
def test_binance_differences_from_any_snapshot_lead_to_the_whole_book(stream: str) -> None:
    world = World(31, history_days=0.0)
    server = Binance(world, Faults())
    market = world.markets["binance", stream[:7].upper()]
    feed = made(server.feed(f"public/{stream}"))
    follower, snapshots = BinanceFollower(), 0
    for _ in range(STEPS):
        world.run_step()
        if world.steps % 37 == 0:
            # A snapshot at any step, most of them inside a frame, must lead to the same book.
            follower = BinanceFollower()
            bids, asks = true_book(market)
            follower.snapshot({"lastUpdateId": market.update_id, "bids": bids, "asks": asks})
            snapshots += 1
        if world.steps % feed.every == 0:
            for text in feed.frames():
                row = json.loads(text)
                assert row["pu"] < row["U"] <= row["u"]
                if not follower.live:
                    continue
                follower.frame(row)
                assert follower.book() == true_book(market)
    assert snapshots == STEPS // 37


def test_binance_depth_frames_chain_and_overlap_snapshots_taken_between_them() -> None:
    world = World(32, history_days=0.0)
    server = Binance(world, Faults())
    market, feed = world.markets["binance", "BTCUSDT"], made(server.feed("public/btcusdt@depth@100ms"))
    ids = []
    last = market.update_id
    for _ in range(100):
        world.run_step()
        ids.append(market.update_id)
        if world.steps % 2 == 0:
            for text in feed.frames():
                row = json.loads(text)
                assert row["pu"] == last
                assert row["U"] <= ids[-2] <= row["u"] == ids[-1]
                last = row["u"]
    assert len(set(ids)) > 90


@pytest.mark.parametrize(
    ("depth", "symbol"), [(1, "BTCUSDT"), (50, "ETHUSDT"), (200, "BTCUSDT"), (1000, "SOLUSDT")]
)
def test_bybit_topics_show_exactly_the_best_levels(depth: int, symbol: str) -> None:
    world = World(33, history_days=0.0)
    feed = made(Bybit(world, Faults()).feed(f"orderbook.{depth}.{symbol}"))
    market, follower = world.markets["bybit", symbol], BybitFollower()
    feed.woke()
    follower.frame(json.loads(feed.hello()[0]))
    assert follower.book() == true_book(market, depth)
    for _ in range(STEPS):
        world.run_step()
        if world.steps % feed.every == 0:
            for text in feed.frames():
                follower.frame(json.loads(text))
            assert follower.book() == true_book(market, depth)
    assert follower.applied > 30 or depth == 1


def test_a_bybit_restart_begins_again_at_one_with_a_snapshot() -> None:
    world = World(34, history_days=0.0)
    feed = made(Bybit(world, Faults()).feed("orderbook.50.BTCUSDT"))
    run(world, feed, 20)
    first = json.loads(feed.restart()[0])  # type: ignore[attr-defined]
    assert (first["type"], first["data"]["u"]) == ("snapshot", 1)
    later = [json.loads(text) for _, text in run(world, feed, 20)]
    assert [message["data"]["u"] for message in later] == list(range(2, len(later) + 2))


def test_okx_books_show_exactly_the_best_400_levels_linked_by_sequence() -> None:
    world = World(35, history_days=0.0)
    feed = made(Okx(world, Faults()).feed('{"channel":"books","instId":"BTC-USDT-SWAP"}'))
    market, follower = world.markets["okx", "BTCUSDT"], OkxFollower()
    feed.woke()

    def rows(text: str) -> dict[str, object]:
        message = json.loads(text)
        data = message["data"][0]
        assert all(len(row) == 4 for row in data["bids"] + data["asks"])
        return message

    follower.frame(rows(feed.hello()[0]))
    for _ in range(STEPS):
        world.run_step()
        if world.steps % feed.every == 0:
            for text in feed.frames():
                follower.frame(rows(text))
            assert follower.book() == true_book(market, 400)
            assert len(follower.bids) == 400
    assert follower.applied > 100


def test_okx_says_that_a_quiet_book_is_alive() -> None:
    world = World(36, history_days=0.0)
    feed = made(Okx(world, Faults()).feed('{"channel":"books","instId":"BTC-USDT-SWAP"}'))
    feed.woke()
    assert feed.frames() == []
    feed.market.skew_ms += 61_000
    row = json.loads(feed.frames()[0])["data"][0]
    assert (row["bids"], row["asks"]) == ([], [])
    assert row["seqId"] == row["prevSeqId"]


def test_liquidations_are_told_as_each_venue_tells_them() -> None:
    world = World(2, history_days=0.2)
    feeds = {
        "binance": made(Binance(world, Faults()).feed("market/!forceOrder@arr")),
        "bybit": made(Bybit(world, Faults()).feed("allLiquidation.ETHUSDT")),
        "okx": made(Okx(world, Faults()).feed('{"channel":"liquidation-orders","instType":"SWAP"}')),
    }
    deaths: dict[str, list[tuple[str, object]]] = {"binance": [], "bybit": [], "okx": []}
    told: dict[str, list[dict[str, object]]] = {"binance": [], "bybit": [], "okx": []}
    for step in range(1_200):
        world.run_step()
        if step == 300:
            world._shock_bp[:] = -60.0
        for venue, feed in feeds.items():
            told[venue] += [json.loads(text) for text in feed.frames()]
            for (owner, symbol), market in world.markets.items():
                if owner == venue:
                    deaths[venue] += [(symbol, death) for death in market.new_deaths]
    assert all(deaths.values())
    ours = [death for symbol, death in deaths["bybit"] if symbol == "ETHUSDT"]
    rows = [row for message in told["bybit"] for row in message["data"]]
    # Bybit tells all: the side of the position and its bankruptcy price.
    assert [(row["S"], row["T"]) for row in rows] == [
        ("Buy" if death.side > 0 else "Sell", death.at_ms) for death in ours[: len(rows)]
    ]
    assert len(rows) >= len(ours) - 60
    orders = [message["o"] for message in told["binance"]]
    assert orders
    assert len({(order["s"], order["T"] // 1000) for order in orders}) == len(orders)
    assert {order["S"] for order in orders} <= {"SELL", "BUY"}
    details = [row for message in told["okx"] for row in message["data"][0]["details"]]
    assert details
    assert all((row["side"], row["posSide"]) in {("sell", "long"), ("buy", "short")} for row in details)
    keys = [
        (m["data"][0]["instId"], int(r["ts"]) // 1000) for m in told["okx"] for r in m["data"][0]["details"]
    ]
    assert len(keys) == len(set(keys))


def test_faults_lose_double_and_swap_frames_by_seed() -> None:
    def sent(faults: Faults) -> list[str]:
        path = FaultyPath(random.Random(4))
        return [out for at in range(200) for out in path.passed(f"{at:03d}", faults, {})]

    assert sent(Faults()) == [f"{at:03d}" for at in range(200)]
    dropped = sent(Faults(drop=0.2))
    assert 20 < 200 - len(dropped) < 70
    assert dropped == sorted(dropped)
    doubled = sent(Faults(duplicate=0.2))
    assert len(set(doubled)) == 200 < len(doubled)
    swapped = sent(Faults(reorder=0.2))
    assert sorted(swapped) == [f"{at:03d}" for at in range(199 if len(swapped) == 199 else 200)]
    assert swapped != sorted(swapped)
    assert any(len(text) == 1 for text in sent(Faults(corrupt=0.2)))
    assert sent(Faults(drop=0.2)) == dropped


def test_an_unknown_fault_or_a_wrong_type_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="unknown fault 'dorp'; expected one of drop"):
        Faults.of({"dorp": 1})
    with pytest.raises(ValueError, match="drop takes a float"):
        Faults.of({"drop": [1]})
    assert Faults.of({"drop": 1, "freeze": ["depth"]}) == Faults(drop=1.0, freeze=("depth",))


@pytest.mark.parametrize("edge", ["first", "last"])
def test_a_snapshot_can_end_exactly_on_an_edge_of_a_frame(edge: str) -> None:
    world = World(38, history_days=0.0)
    server = Binance(world, Faults(snapshot_edge=edge))
    feed = made(server.feed("public/btcusdt@depth@100ms"))
    frames = [json.loads(text) for _, text in run(world, feed, 20)]
    met = 0
    for _ in range(20):
        world.run_step()
        if world.steps % 2 == 0:
            frames += [json.loads(text) for text in feed.frames()]
        last_id = feed.market.update_id_at(server.book_step(feed.market))
        if world.steps % 2 == 0:
            met += any(frame["U" if edge == "first" else "u"] == last_id for frame in frames)
    assert met == 10


def test_a_loss_and_a_repetition_cover_up_to_a_burst_of_frames() -> None:
    path = FaultyPath(random.Random(6))
    out = [path.passed(f"{at:03d}", Faults(drop=0.1, burst=4), {}) for at in range(300)]
    lost = "".join("." if sent else "x" for sent in out).split(".")
    assert max(map(len, lost)) >= 4
    path = FaultyPath(random.Random(6))
    sent = [path.passed(f"{at:03d}", Faults(duplicate=0.2, burst=4), {}) for at in range(300)]
    again = [texts[1:] for texts in sent if len(texts) > 1]
    assert {len(texts) for texts in again} == {1, 2, 3, 4}
    assert all(texts == sorted(texts) for texts in again)


@pytest.mark.parametrize("kind", ["cross", "lock"])
def test_an_order_that_does_not_exist_is_taken_back_by_the_next_frame(kind: str) -> None:
    world = World(39, history_days=0.0)
    server = Bybit(world, Faults.of({kind: 0.3}))
    feed = made(server.feed("orderbook.200.BTCUSDT"))
    feed.woke()
    path, follower, broken = FaultyPath(random.Random(1)), BybitFollower(), 0
    follower.frame(json.loads(feed.hello()[0]))
    for _ in range(100):
        world.run_step()
        if world.steps % feed.every:
            continue
        for text in feed.frames():
            for frame in path.passed(text, server.faults, feed.phantoms()):
                follower.frame(json.loads(frame))
        bids, asks = follower.book()
        apart = float(asks[0][0]) - float(bids[0][0])
        broken += apart <= 0
        assert (apart > 0) == (follower.book() == true_book(feed.market, 200))
        assert (apart == 0) <= (kind == "lock")
    assert broken > 5


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_a_change_of_the_tick_is_told_by_the_frames_themselves(venue: str) -> None:
    world = World(40, history_days=0.0)
    server = {"binance": Binance, "bybit": Bybit, "okx": Okx}[venue](world, Faults())
    names = {
        "binance": "public/solusdt@depth@100ms",
        "bybit": "orderbook.200.SOLUSDT",
        "okx": '{"channel":"books","instId":"SOL-USDT-SWAP"}',
    }
    feed = made(server.feed(names[venue]))
    follower = {"binance": BinanceFollower, "bybit": BybitFollower, "okx": OkxFollower}[venue]()
    feed.woke()
    if isinstance(follower, BinanceFollower):
        bids, asks = true_book(feed.market)
        follower.snapshot({"lastUpdateId": feed.market.update_id, "bids": bids, "asks": asks})
        follower.low, follower.high = 0.0, float("inf")
    else:
        follower.frame(json.loads(feed.hello()[0]))
    most = {"binance": 10**6, "bybit": 200, "okx": 400}[venue]
    for step in range(60):
        if step in (21, 40):
            server.faults = Faults(finer_tick=("SOLUSDT",) if step == 21 else ())
        world.run_step()
        if world.steps % feed.every == 0:
            for text in feed.frames():
                follower.frame(json.loads(text))
            view, texts = feed.market.view(most), feed.market.texts
            held, true = (
                follower.book(),
                (texts.pairs(view.bid_ticks, view.bid_lots), texts.pairs(view.ask_ticks, view.ask_lots)),
            )
            assert held == true
