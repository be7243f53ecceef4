"""A process from start to stop: choose the market, listen, run, shut down in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from leadline.clock import SystemClock
from leadline.config import Settings
from leadline.errors import UsageError
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.hub import Hub
from leadline.feed.marks import Marks
from leadline.feed.notes import Notes
from leadline.feed.previews import Previews
from leadline.feed.record import FileLimits
from leadline.limits import CLIENT_MESSAGE_BYTES_MAX
from leadline.push.alarms import Alarms
from leadline.push.desk import push_desk
from leadline.push.heartbeat import trouble_of
from leadline.store.history import HistoryStore, history_path
from leadline.store.state import StateStore, state_path
from leadline.venues.bans import FILE_NAME, Bans
from leadline.web.prepared_frames import PreparedFrameProtocol
from leadline.web.routes import build_web

log = logging.getLogger("leadline")

SHUTDOWN_GRACE_S = 3
# Events come and go by the thousand a second and hold no cycles: looking for some at every 700 is a
# sixteenth of the processor time.
COLLECT_AFTER = (20_000, 20, 50)


def serve(settings: Settings) -> int:
    """Run `leadline serve` until a signal; return the exit code."""
    gc.set_threshold(*COLLECT_AFTER)
    return asyncio.run(_serve(settings))


def replay(settings: Settings, files: list[Path], speed: float, loop: bool) -> int:
    """Run `leadline replay` until a signal; return the exit code."""
    return asyncio.run(_replay(settings, files, speed, loop))


def record(settings: Settings, venue: str, folder: Path, minutes: float, limits: FileLimits) -> int:
    """Run `leadline record` until a signal or for so many minutes (0: no end); return the exit code."""
    return asyncio.run(_record(settings, venue, folder, minutes, limits))


async def _serve(settings: Settings) -> int:
    from leadline.feed.market import Market
    from leadline.market_choice import choose_market

    listener = listen(settings.host, settings.port)
    bans = Bans(settings.data_dir / FILE_NAME)
    async with choose_market(settings, bans) as chosen, _state(settings, chosen.name) as store:
        hub = Hub(SystemClock(), chosen.name, chosen.simulated)
        hub.marks = Marks(store, hub.clock, hub.sessions)
        await hub.marks.load()
        scores = settings.data_dir / chosen.name / "scores"
        async with (
            push_desk(settings, store, hub.clock, hub.simulated) as push,
            _history(settings, chosen.name) as history,
        ):
            market = Market(
                hub, settings.symbols, chosen.endpoints, bans, chosen.longtail, scores=scores, store=history
            )
            if push.problem:
                log.warning("%s", push.problem)
            alarms = await Alarms.open(store, push.delivery, hub, len(settings.symbols))
            notes = Notes(history, alarms.begun_ms)
            desk = AlertDesk(
                *(hub, market.heats, alarms.alerting, alarms.fired),
                *(alarms.told, alarms.odds, notes),
                *(alarms.begun_ms, alarms.followed, alarms.left_ms),
            )
            alarms.aftermaths = desk.aftermaths
            if push.heartbeat:
                push.heartbeat.trouble = partial(trouble_of, hub.clock, hub.sessions, desk, alarms)
            previews = Previews(hub, market.heats, notes)
            alarms.changed = desk.rules_changed
            web = build_web(hub, store=store, push=push, alarms=alarms, alert_desk=desk, previews=previews)
            return await _run(hub, listener, web, market.run(), desk.run(), alarms.run())


@contextlib.asynccontextmanager
async def _state(settings: Settings, market: str) -> AsyncIterator[StateStore]:
    """Hold the state of ``market`` open."""
    path = state_path(settings.data_dir, market)
    store = await StateStore.open(path, market)
    try:
        log.info("state of market %s in %s", market, path)
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _history(settings: Settings, market: str) -> AsyncIterator[HistoryStore | None]:
    """Keep the history of ``market``, if any days of it are to be kept."""
    if settings.history_days == 0:
        yield None
        return
    store = HistoryStore(history_path(settings.data_dir, market), market, settings.history_days)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


async def _replay(settings: Settings, files: list[Path], speed: float, loop: bool) -> int:
    from leadline.feed.replay import Replay

    listener = listen(settings.host, settings.port)
    player = Replay(files, speed, loop)
    return await _run(player.hub, listener, build_web(player.hub), player.run())


async def _record(settings: Settings, venue: str, folder: Path, minutes: float, limits: FileLimits) -> int:
    from leadline.feed.record import Recorder
    from leadline.market_choice import choose_market

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    bans = Bans(settings.data_dir / FILE_NAME)
    async with choose_market(settings, bans) as chosen:
        endpoints, symbols = chosen.endpoints[venue], list(settings.symbols)
        recorder = Recorder(venue, endpoints, symbols, folder, chosen.simulated, limits, bans)
        recording = asyncio.create_task(recorder.run())
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait(
            {recording, waiting}, timeout=minutes * 60 or None, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (recording, waiting):
            task.cancel()
        (error, _) = await asyncio.gather(recording, waiting, return_exceptions=True)
    if isinstance(error, Exception):
        raise error
    for file in recorder.files:
        sys.stdout.write(f"{file.path}\n")
    return 0


async def _run(
    hub: Hub, listener: socket.socket, web: Starlette, *running: Coroutine[None, None, None]
) -> int:
    """Serve ``web`` on ``listener`` beside what keeps ``running``; an error of it ends the process."""
    if not web.state.has_pages:
        for one in running:
            one.close()
        raise UsageError("the app's pages are not built; run `make build` (or `pip install .`) first")
    server = make_server(web)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    tasks = [asyncio.create_task(one) for one in (hub.run(), *running)]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()[:2]
    log.info(
        "Leadline answers on http://%s:%d (market: %s)",
        f"[{host}]" if ":" in host else host,
        port,
        hub.market,
    )
    try:
        error = await _first_failure(serving, tasks)
        server.stop()
        await serving
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if error is not None:
        raise error
    log.info("stopped")
    return 0


async def _first_failure(
    serving: asyncio.Task[None], tasks: list[asyncio.Task[None]]
) -> BaseException | None:
    """Wait until the server stops or a task fails; a task that merely ends (all played) is no reason to."""
    waiting: set[asyncio.Task[None]] = {serving, *tasks}
    while not serving.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (error := task.exception()) is not None:
                return error
    return None


def make_server(web: Starlette) -> Server:
    """Make the HTTP and WebSocket server of ``web``; it is given its socket when it serves."""
    return Server(
        uvicorn.Config(
            web,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            ws=PreparedFrameProtocol,
            ws_max_size=CLIENT_MESSAGE_BYTES_MAX,
            # Frames are small and binary, and one encoding serves all clients: deflate would only cost.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
    )


class Server(uvicorn.Server):
    """uvicorn's server under our own signal handling, so that a stop ends with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises UsageError when the address is taken, forbidden or not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"cannot listen on {host!r}: {error.strerror or error}") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} on {host} is in use; choose another with --port") from None
        raise UsageError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listener
