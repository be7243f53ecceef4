"""Run the twin: the world's clock, three venues and the truth, each on its own port."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from leadline.clock import monotonic_ms, wall_ms
from leadline.twin.binance import Binance
from leadline.twin.bybit import Bybit
from leadline.twin.contracts import SYMBOLS, VENUES, copies
from leadline.twin.faults import Faults
from leadline.twin.hub import VenueServer
from leadline.twin.market import STEP_MS
from leadline.twin.okx import Okx
from leadline.twin.truth import Truth
from leadline.twin.world import HISTORY_DAYS, World

CATCH_UP_STEPS_MAX = 20
SERVERS: dict[str, Callable[[World, Faults], VenueServer]] = {"binance": Binance, "bybit": Bybit, "okx": Okx}
BINANCE_PING_S = 180.0
SHUTDOWN_S = 1


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Twin:
    """The whole twin inside this process: ``async with Twin(seed=3) as twin: twin.ports["binance"]``.

    seed: of the world; faults: per venue; history_days: how much past to make (0.05 starts at once);
    start_ms: Unix time of the world's start, the wall clock when None; ports: fixed ports by name
    (binance, bybit, okx, truth), any free one when absent; paced: False leaves time to calls of ``step``;
    symbols: which contracts are traded, SYMBOLS or copies of them.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        host: str = "127.0.0.1",
        ports: dict[str, int] | None = None,
        faults: dict[str, Faults] | None = None,
        history_days: float = HISTORY_DAYS,
        start_ms: int | None = None,
        paced: bool = True,
        symbols: Collection[str] = SYMBOLS,
    ) -> None:
        self.world = World(seed, wall_ms() if start_ms is None else start_ms, history_days, symbols)
        given = faults or {}
        self.servers: dict[str, VenueServer] = {
            venue: SERVERS[venue](self.world, given.get(venue, Faults())) for venue in VENUES
        }
        self.truth = Truth(self.world, self.servers)
        self.ports: dict[str, int] = {}
        self._host = host
        self._wanted = ports or {}
        self._paced = paced
        self._on_wall_clock = start_ms is None
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Twin:
        for venue, server in self.servers.items():
            await self._serve(venue, server.app)
        await self._serve("truth", self.truth.app)
        if self._paced:
            if self._on_wall_clock:
                # Making the past took seconds; the world catches up before anybody looks.
                self.world.advance(max(0, wall_ms() - self.world.now_ms))
            self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pacer is not None:
            self._pacer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pacer
        for server in self.servers.values():
            for session in list(server.sessions):
                session.close(1001, "the twin ends")
        for running, _ in self._running:
            running.should_exit = True
        await asyncio.gather(*(task for _, task in self._running))

    def step(self, count: int = 1) -> None:
        """Advance the world by whole steps and send what they brought."""
        for _ in range(count):
            self.world.run_step()
            for server in self.servers.values():
                server.publish()

    async def _serve(self, name: str, app: ASGIApp) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, self._wanted.get(name, 0)))
        self.ports[name] = listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_ping_interval=BINANCE_PING_S if name == "binance" else None,
            ws_ping_timeout=600.0,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        self._running.append((server, task))
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers only this flag
            await asyncio.sleep(0.005)
        if task.done():
            task.result()

    async def _pace(self) -> None:
        """Run the world at the speed of the monotonic clock; time lost to a stall is not made up for."""
        due_ms = monotonic_ms()
        while True:
            due_ms += STEP_MS
            late_ms = monotonic_ms() - due_ms
            if late_ms > CATCH_UP_STEPS_MAX * STEP_MS:
                due_ms += late_ms
            await asyncio.sleep(max(0.0, -late_ms / 1000.0))
            self.step()


async def run_twin(
    seed: int,
    host: str = "127.0.0.1",
    ports: dict[str, int] | None = None,
    faults: dict[str, Faults] | None = None,
    ready: Callable[[dict[str, int]], None] | None = None,
    history_days: float = HISTORY_DAYS,
    symbols: Collection[str] = SYMBOLS,
) -> None:
    """Run the twin until cancelled; ``ready`` is told the port of each venue and of the truth."""
    twin = Twin(seed, host=host, ports=ports, faults=faults, history_days=history_days, symbols=symbols)
    # The world's arrays live as long as the process; the collector need not walk them again and again.
    gc.freeze()
    async with twin:
        if ready is not None:
            ready(dict(twin.ports))
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _until_asked(until_stdin_closes: bool) -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set by SIGTERM, SIGINT or, when wanted, the end of standard input."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    if until_stdin_closes:

        def stdin_ready() -> None:
            if not os.read(sys.stdin.fileno(), 4096):
                loop.remove_reader(sys.stdin.fileno())
                asked.set()

        try:
            loop.add_reader(sys.stdin.fileno(), stdin_ready)
        except PermissionError:
            # A plain file or /dev/null cannot be watched; it is at its end already.
            asked.set()
    yield asked


async def _run(arguments: argparse.Namespace) -> None:
    faults = {venue: Faults.of(values) for venue, values in json.loads(arguments.faults).items()}
    base = arguments.port_base
    names = (*VENUES, "truth")
    ports = {name: base + at for at, name in enumerate(names)} if base else None

    symbols = (*SYMBOLS, *copies(arguments.copies))

    def ready(bound: dict[str, int]) -> None:
        sys.stdout.write(json.dumps(bound) + "\n")
        sys.stdout.flush()

    async with _until_asked(arguments.until_stdin_closes) as asked:
        running = asyncio.create_task(
            run_twin(arguments.seed, arguments.host, ports, faults, ready, arguments.history_days, symbols)
        )
        waiting = asyncio.create_task(asked.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            running.result()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main(argv: list[str] | None = None) -> int:
    """Run the twin from the command line."""
    parser = argparse.ArgumentParser(prog="leadline twin", description="Simulated venues on loopback.")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same market")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port-base", type=int, default=0, help="first of four ports; 0 takes any free ones")
    parser.add_argument("--history-days", type=float, default=HISTORY_DAYS, help="days of past to make")
    parser.add_argument("--copies", type=int, default=0, help="symbols more: BTC2USDT, ETH2USDT and so on")
    parser.add_argument("--faults", default="{}", help='JSON, such as {"binance": {"drop": 0.01}}')
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
