"""Every switch of the twin against the real adapters over sockets: what is live is true, and all come back.

Each trial runs at all venues it concerns at once.  What is called live is compared with the truth while it
runs (see followed.py); here stands what the fault must, and must not, do besides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields, replace

import aiohttp
import pytest

from leadline.clock import SystemClock
from leadline.domain.events import BookChanged, BookState, Event, OpenInterest
from leadline.domain.leverage import bundled_tiers
from leadline.feed.estimate import SymbolHeat
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.twin.damage import DAMAGES
from leadline.twin.faults import REST_BODIES, Faults
from leadline.twin.main import Twin
from leadline.units import Step
from leadline.venues.base import History
from leadline.venues.rest import Rest
from tests.twin.followed import SYMBOL, Followed, followed

VENUES = ("binance", "bybit", "okx")
STREAMED = ("bybit", "okx")  # whose snapshots come in the stream
SEED = 11
OTHER = "ETHUSDT"
Trial = Callable[[Followed], Awaitable[None]]


async def at(
    venues: tuple[str, ...], trial: Trial, start: Faults | None = None, symbols: tuple[str, ...] = (SYMBOL,)
) -> None:
    """Run a trial at several venues at once; afterwards every fault is over, and every book must be back."""
    async with Twin(SEED, history_days=0.01, symbols=symbols) as twin:

        async def one(venue: str) -> None:
            async with followed(twin, venue, faults=start, symbols=symbols) as made:
                if start is None:
                    await made.until_live()
                await trial(made)
                made.server.faults = Faults()
                await made.until_live()

        async with asyncio.TaskGroup() as group:
            for venue in venues:
                group.create_task(one(venue))


def breaks(faults: Faults, shows: Callable[[Followed], bool]) -> Trial:
    """Make a trial: the fault shows, and costs the book its place."""

    async def trial(made: Followed) -> None:
        epoch = made.book.epoch
        made.server.faults = faults
        await made.until(lambda: shows(made) and made.book.epoch > epoch, f"hurt by {faults}")
        assert made.book.stats.resyncs > 0

    return trial


def harmless(faults: Faults, shows: Callable[[Followed], bool]) -> Trial:
    """Make a trial: the fault shows, and no book is lost over it."""

    async def trial(made: Followed) -> None:
        made.server.faults = faults
        await made.until(lambda: shows(made), f"touched by {faults}")
        stats = made.book.stats
        assert (stats.resyncs, stats.gaps, stats.protocol_errors, made.book.epoch) == (0, 0, 0, 1), stats

    return trial


async def test_lost_frames_cost_the_book_its_place() -> None:
    await at(VENUES, breaks(Faults(drop=0.2, burst=3), lambda made: made.book.stats.gaps > 1))


async def test_trades_left_out_of_the_stream_are_fetched() -> None:
    """What exactly comes of it: see test_missing_trades.py."""
    faults = Faults(drop_trades=0.3)
    await at(("binance",), harmless(faults, lambda made: made.book.stats.trades_refilled > 5))


async def test_swapped_frames_are_a_gap() -> None:
    await at(VENUES, breaks(Faults(reorder=0.2), lambda made: made.book.stats.gaps > 1))


async def test_frames_sent_again_change_nothing() -> None:
    await at(VENUES, harmless(Faults(duplicate=0.4, burst=4), lambda made: made.book.stats.duplicates > 10))


async def test_a_stale_snapshot_is_asked_for_again_and_not_without_end() -> None:
    async def trial(made: Followed) -> None:
        requests = made.server.requests
        made.server.faults = Faults(drop=0.2, stale_snapshot=1.0, stale_ms=5000)
        await made.until(lambda: made.server.requests >= requests + 3, "asking again")
        # Without the losses time heals it: the stream held reaches back to a snapshot of 2 s ago.
        made.server.faults = Faults(stale_snapshot=1.0, stale_ms=2000)
        await made.until(lambda: made.live, "anchored by an old snapshot within the stream")
        assert made.server.requests - requests < 30

    await at(("binance",), trial)


@pytest.mark.parametrize("edge", ["first", "last"])
async def test_a_snapshot_that_ends_on_the_edge_of_a_frame_is_met(edge: str) -> None:
    async def trial(made: Followed) -> None:
        await made.until_live()
        assert (made.book.epoch, made.book.stats.gaps, made.book.stats.snapshots) == (1, 0, 1)

    await at(("binance",), trial, Faults(snapshot_edge=edge))


async def test_without_a_snapshot_in_the_stream_one_is_fetched_that_meets_it() -> None:
    async def trial(made: Followed) -> None:
        await made.until_live()
        assert made.server.requests > 1

    await at(("okx",), trial, Faults(no_snapshot=True))


async def test_a_crossed_book_is_never_live() -> None:
    await at(VENUES, breaks(Faults(cross=0.1), lambda made: made.book.stats.crossed > 1))


async def test_a_locked_book_is_flagged_and_kept() -> None:
    def listen(made: Followed) -> Callable[[Event], None]:
        def heard(event: Event) -> None:
            if isinstance(event, BookChanged) and event.state is BookState.STALE:
                made.seen["locked"] += made.book.book.best_bid == made.book.book.best_ask

        return heard

    async def trial(made: Followed) -> None:
        made.listeners.append(listen(made))
        await harmless(Faults(lock=0.2), lambda made: made.seen["locked"] > 3)(made)

    await at(VENUES, trial)


async def test_ids_that_legally_start_over_alarm_nobody() -> None:
    async def trial(made: Followed) -> None:
        fallen = 0
        last = made.book.update_id

        def heard(event: Event) -> None:
            nonlocal fallen, last
            if isinstance(event, BookChanged):
                fallen += made.book.update_id < last
                last = made.book.update_id

        made.listeners.append(heard)
        await harmless(Faults(restart_every_s=0.5), lambda _: fallen >= 3)(made)

    await at(STREAMED, trial)


async def test_a_snapshot_sent_again_alarms_nobody() -> None:
    await at(STREAMED, harmless(Faults(repeat_every_s=0.3), lambda made: made.book.stats.snapshots > 4))


async def test_a_subscription_acknowledged_and_not_served_is_noticed_and_repaired() -> None:
    async def trial(made: Followed) -> None:
        await made.until(lambda: made.server.connects > 0, "connected")
        await asyncio.sleep(2.0)
        assert not made.live
        assert made.seen["LIVE"] == 0

    await at(VENUES, trial, Faults(silent_ack=1.0))


@pytest.mark.parametrize(("venue", "code"), [("binance", 1008), ("bybit", 1012), ("okx", 0), ("okx", 1000)])
async def test_a_forced_close_is_answered_by_a_new_connection_and_by_no_storm(venue: str, code: int) -> None:
    async def trial(made: Followed) -> None:
        connects = made.server.connects
        # OKX announces it first, with code 64008.
        made.server.faults = Faults(close_every_s=1.0, close_code=code)
        await made.until(lambda: made.server.connects >= connects + 4, "connected again")
        made.server.faults = Faults()
        seconds = made.server.uptime_ms() / 1000
        # Two connections at Binance; each lives for a second, and the waits between them grow.
        assert made.server.connects <= 2 * (seconds + 2)

    await at((venue,), trial)


@pytest.mark.parametrize("status", [403, 418, 429, 451, 500, 503])
async def test_a_refused_snapshot_is_waited_for(status: int) -> None:
    async def trial(made: Followed) -> None:
        await made.until(lambda: made.server.requests > 1 and made.seen["SYNCING"] > 0, "asking")
        assert not made.live

    await at(("binance",), trial, Faults(status=status, retry_after="1"))


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "99999999999999999999", "1e9", "0"])
@pytest.mark.parametrize("status", [403, 418, 429])
async def test_after_a_refusal_without_a_sensible_time_the_venue_is_left_alone(
    status: int, retry_after: str
) -> None:
    async with Twin(SEED, history_days=0.01, symbols=(SYMBOL,)) as twin:
        server = twin.servers["bybit"]
        server.faults = Faults(status=status, retry_after=retry_after)
        async with Rest("bybit", f"http://127.0.0.1:{twin.ports['bybit']}") as rest:
            assert (await rest.get("/v5/market/time")).status == status
            server.faults = Faults()
            for _ in range(5):
                assert (await rest.get("/v5/market/time")).status != 200
        assert server.requests == 1


@pytest.mark.parametrize("body", REST_BODIES)
async def test_an_answer_that_is_none_is_asked_for_again(body: str) -> None:
    async def trial(made: Followed) -> None:
        await made.until(lambda: made.server.requests > 2, "asking")
        assert not made.live

    await at(("binance",), trial, Faults(rest_body=body))


async def test_a_venue_clock_ten_minutes_off_or_stepping_changes_nothing() -> None:
    async def trial(made: Followed) -> None:
        for offset_ms in (600_000, -600_000, 0):
            since = made.book.stats.deltas
            await harmless(
                Faults(clock_offset_ms=offset_ms),
                lambda made, since=since: made.book.stats.deltas > since + 5,
            )(made)
            age_ms = SystemClock().monotonic_ms() - made.book.received_ms
            assert 0 <= age_ms < 60_000

    await at(VENUES, trial)


@pytest.mark.parametrize("damage", sorted(set(DAMAGES) - {"huge"}))
async def test_a_damaged_frame_is_counted_and_never_believed(damage: str) -> None:
    faults = Faults(corrupt=0.3, damages=(damage,))
    await at(VENUES, breaks(faults, lambda made: made.book.stats.protocol_errors > 1))


async def test_a_frame_of_twenty_megabytes_costs_the_connection_alone() -> None:
    async def trial(made: Followed) -> None:
        connects = made.server.connects
        made.server.faults = Faults(corrupt=0.3, damages=("huge",))
        await made.until(lambda: made.server.connects > connects, "connected again")

    await at(VENUES, trial)


@pytest.mark.parametrize("fault", ["delist", "prelaunch", "rename"])
async def test_a_contract_that_closes_is_not_live_and_its_neighbour_stays(fault: str) -> None:
    async def trial(made: Followed) -> None:
        await made.until(lambda: made.books[OTHER].state is BookState.LIVE, "live beside it")
        made.server.faults = Faults.of({fault: [SYMBOL]})
        await made.until(lambda: not made.live, "closed")
        assert made.books[OTHER].state is BookState.LIVE
        assert made.books[OTHER].epoch == 1

    await at(VENUES, trial, symbols=(SYMBOL, OTHER))


async def test_a_contract_before_its_opening_is_live_when_it_opens() -> None:
    async def trial(made: Followed) -> None:
        await made.until(lambda: made.server.connects > 0, "connected")
        await asyncio.sleep(1.0)
        assert made.seen["LIVE"] == 0

    await at(VENUES, trial, Faults(prelaunch=(SYMBOL,)))


async def test_a_tick_halved_in_mid_session_moves_the_book_to_the_new_grid() -> None:
    async def trial(made: Followed) -> None:
        assert made.book.instrument.tick == Step.of("0.01")
        made.server.faults = Faults(finer_tick=(SYMBOL,))
        await made.until(lambda: made.book.instrument.tick == Step.of("0.005"), "on the new grid")
        await made.until_live()
        assert all(tick % 2 for tick in made.book.book.bids(50)[0].tolist()), (
            "every price lies between old ticks"
        )

    await at(VENUES, trial)


async def test_a_list_of_contracts_that_tells_too_wide_a_tick_is_not_believed() -> None:
    async def trial(made: Followed) -> None:
        made.server.faults = Faults(finer_tick=(SYMBOL,), coarse_list=(SYMBOL,))
        await made.until(lambda: made.book.instrument.tick == Step.of("0.005"), "on the grid of its orders")
        await made.until_live()

    await at(VENUES, trial)


async def test_a_contract_that_counts_in_another_unit_is_lost_and_found_in_the_new_one() -> None:
    async def trial(made: Followed) -> None:
        before = made.book.instrument.steps
        for faults in (Faults(multiplier=(SYMBOL,)), Faults()):
            steps, epoch = made.book.instrument.steps, made.book.epoch
            made.server.faults = faults
            await made.until(lambda steps=steps: made.book.instrument.steps != steps, "in the new unit")
            await made.until_live()
            assert made.book.epoch > epoch
        assert made.book.instrument.contract_size == before[2]

    await at(VENUES, trial)


async def test_no_open_interest_no_funding_and_no_times_divide_nothing_by_zero() -> None:
    async def trial(made: Followed) -> None:
        clock = SystemClock()
        heat = SymbolHeat(clock)
        session = SymbolSession(SYMBOL, clock, simulated=True, heat=heat)
        session.attach(made.book.instrument, made.book)
        interest: list[float] = []

        def heard(event: Event) -> None:
            session.accept(event)
            if isinstance(event, OpenInterest):
                interest.append(event.coins)

        made.listeners.append(heard)
        instrument = made.book.instrument
        tiers = bundled_tiers(instrument.venue, instrument.symbol)
        building = asyncio.create_task(heat.build(instrument, tiers, History(), clock.wall_ms()))
        await made.until(lambda: building.done(), "with bands")
        made.server.faults = Faults(zero_interest=True, zero_times=True)
        await made.until(lambda: bool(interest) and interest[-1] == 0.0, "told of no open interest")
        await made.until_live()
        session.observe()
        session.ladder(ALL_VENUES, 10, 40, 0)
        assert session.state(ALL_VENUES, 10)["oi_usd"] == 0
        assert made.book.stats.resyncs == 0

    await at(VENUES, trial)


async def test_every_switch_is_set_over_the_truth_api() -> None:
    unlike = {
        str: lambda name: {"snapshot_edge": "last", "rest_body": "html"}.get(name, "7"),
        tuple: lambda name: ["cut", "bom"] if name == "damages" else [SYMBOL],
        bool: lambda _: True,
        int: lambda _: 3,
        float: lambda _: 0.25,
    }
    values = {one.name: unlike[type(getattr(Faults(), one.name))](one.name) for one in fields(Faults)}
    async with Twin(SEED, history_days=0.01, symbols=(SYMBOL,)) as twin, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{twin.ports['truth']}/truth"
        async with http.post(f"{url}/faults", json={"venue": "okx", **values}) as answer:
            assert answer.status == 200
        async with http.get(f"{url}/state") as answer:
            told = (await answer.json())["faults"]
        assert told["okx"] == values
        assert twin.servers["okx"].faults == Faults.of(values)
        assert asdict(twin.servers["bybit"].faults) == asdict(Faults())
        for wrong in (
            {"damages": ["dent"]},
            {"rest_body": "soup"},
            {"snapshot_edge": "inner"},
            {"delist": ["X"]},
        ):
            async with http.post(f"{url}/faults", json=wrong) as answer:
                assert answer.status == 400
                assert "expected one of" in (await answer.json())["error"]
        assert twin.servers["okx"].faults == replace(Faults.of(values))
