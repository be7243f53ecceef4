"""`leadline record`: a venue's traffic into session files that `check` and `replay` read.

Each file is complete in itself.  A new one begins with fresh connections, made before the old ones are
given up, so that its snapshots are its own and no moment is missing between two files.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from leadline import __version__
from leadline.clock import monotonic_ms, wall_ms
from leadline.domain.instrument import Instrument
from leadline.errors import UsageError
from leadline.feed.capture import HOSTS
from leadline.venues.bans import Bans
from leadline.venues.base import VenueProtocol
from leadline.venues.binance import BinanceProtocol
from leadline.venues.budget import Priority
from leadline.venues.endpoints import Endpoints
from leadline.venues.instruments import INSTRUMENTS_PATH, load_instruments
from leadline.venues.protocols import make_protocol
from leadline.venues.rest import Reply, Rest
from leadline.venues.source import VenueSource

log = logging.getLogger("leadline.feed")

COMPRESSION = 5
FLUSH_S = 1.0  # what a killed recorder loses at most


@dataclass(frozen=True, slots=True)
class FileLimits:
    """When a new file is begun: at this size on the disk, or after this time."""

    size_bytes: int = 64 * 1024 * 1024
    age_s: float = 3600.0


class SessionFile:
    """One gzip file of JSON lines ``{t, ch, conn, url, raw}``; satisfies the source's Tap.

    conn: the connections' names begin with it.  addresses: as the lines name them, which need not be
    the ones dialed: a twin's say that they are a twin's.  Raises UsageError when it cannot be written.
    """

    def __init__(self, path: Path, conn: str, addresses: Endpoints, dialed: Endpoints) -> None:
        self.path = path
        self.lines = 0
        self.opened_ms = monotonic_ms()
        self._conn = conn
        self._addresses = ((dialed.ws, addresses.ws), (dialed.rest, addresses.rest))
        self._urls: dict[str, str] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._plain = path.open("xb")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
        self._packed = gzip.GzipFile("", "wb", COMPRESSION, self._plain)

    @property
    def size_bytes(self) -> int:
        return self._plain.tell()

    def note(self, kind: str, route: str, raw: str | bytes, url: str = "") -> None:
        if url:
            for dialed, named in self._addresses:
                if url.startswith(dialed):
                    url = named + url.removeprefix(dialed)
            self._urls[route] = url
        text = raw if isinstance(raw, str) else raw.decode(errors="replace")
        conn, url = f"{self._conn}.{route}", self._urls.get(route, "")
        row = {"t": wall_ms() / 1000, "ch": kind, "conn": conn, "url": url, "raw": text}
        self._do(lambda: self._packed.write(orjson.dumps(row) + b"\n"))
        self.lines += 1

    def flush(self) -> None:
        """Bring everything noted so far to the disk, readable even if nothing more is ever written."""
        if self._plain.closed:
            return
        self._do(self._packed.flush)
        self._do(self._plain.flush)

    def close(self) -> None:
        self._do(self._packed.close)
        self._do(self._plain.close)

    def _do(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from None


class Recorder:
    """Records a venue until cancelled; ``files`` are those begun, in order."""

    def __init__(
        self,
        venue: str,
        endpoints: Endpoints,
        symbols: list[str],
        folder: Path,
        simulated: bool,
        limits: FileLimits,
        bans: Bans | None = None,
    ) -> None:
        self.venue = venue
        self.files: list[SessionFile] = []
        self.source: VenueSource | None = None
        self._endpoints = endpoints
        self._symbols = symbols
        self._folder = folder
        self._simulated = simulated
        self._limits = limits
        self._bans = bans
        self._instruments: list[Instrument] = []
        self._lists: list[tuple[str, bytes]] = []

    async def run(self) -> None:
        """Record until cancelled.

        Raises VenueError when the venue does not answer, UsageError when it does not list a symbol or a
        file cannot be written.
        """
        async with _ListeningRest(self.venue, self._endpoints.rest, self._bans) as rest:
            found = await load_instruments(self.venue, rest, self._symbols)
            missing = [symbol for symbol in self._symbols if symbol not in found]
            if missing:
                raise UsageError(f"unknown symbol {missing[0]}: {self.venue} does not list it")
            self._instruments, self._lists = list(found.values()), rest.lists
            source = self.source = VenueSource(
                self._protocol(),
                self._endpoints,
                lambda _: None,
                rest=rest,
                renew=self._protocol,
                tap=self._begin_file,
            )
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(source.run())
                    group.create_task(self._look_after(source))
            except* UsageError as errors:
                raise _first(errors) from None
            finally:
                for file in self.files:
                    file.close()

    def _protocol(self) -> VenueProtocol:
        if self.venue == "binance":
            # The venue's own best quotes are what `check` compares the books with.
            return BinanceProtocol(self._instruments, best_quotes=True)
        return make_protocol(self.venue, self._instruments)

    async def _look_after(self, source: VenueSource) -> None:
        """Bring the files to the disk each second and ask for a new one when the last is full or old."""
        full: SessionFile | None = None
        while True:
            await asyncio.sleep(FLUSH_S)
            for file in self.files:
                file.flush()
            last = self.files[-1]
            aged = monotonic_ms() - last.opened_ms >= self._limits.age_s * 1000
            if last is not full and (aged or last.size_bytes >= self._limits.size_bytes):
                full = last
                source.replace(f"{last.path.name} is {'old' if aged else 'large'} enough")

    def _begin_file(self, _: VenueProtocol) -> SessionFile:
        number = len(self.files) + 1
        at = datetime.fromtimestamp(wall_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{self.venue}_{at}_{number:03}.jsonl.gz"
        addresses = _named(self.venue, self._endpoints, self._simulated)
        file = SessionFile(path, path.name.partition(".")[0], addresses, self._endpoints)
        self.files.append(file)
        log.info("recording into %s", path)
        config = {"venue": self.venue, "symbols": self._symbols, "simulated": self._simulated}
        file.note("recorder-config", "rest", orjson.dumps(config | {"leadline": __version__}))
        for url, body in self._lists:
            file.note("http", "rest", body, url)
        return file


class _ListeningRest(Rest):
    """Keeps the lists of contracts as they were answered last, page by page."""

    def __init__(self, venue: str, base: str, bans: Bans | None) -> None:
        super().__init__(venue, base, bans)
        self.lists: list[tuple[str, bytes]] = []

    async def get(self, path: str, weight: float = 1, priority: Priority = Priority.SYNC) -> Reply:
        reply = await super().get(path, weight, priority)
        if reply.status == 200 and path.startswith(INSTRUMENTS_PATH[self.venue]):
            if path == INSTRUMENTS_PATH[self.venue]:
                self.lists.clear()
            self.lists.append((self.base + path, reply.body))
        return reply


def _named(venue: str, endpoints: Endpoints, simulated: bool) -> Endpoints:
    """Return the addresses to write: they name the venue, and a simulated one is never the real one."""

    def named(url: str) -> str:
        address = urlsplit(url)
        if simulated:
            return f"{address.scheme}://{venue}.twin"
        labels = (address.hostname or "").split(".")
        return (
            url if any(HOSTS.get(label) == venue for label in labels) else f"{address.scheme}://{venue}.proxy"
        )

    return Endpoints(rest=named(endpoints.rest), ws=named(endpoints.ws))


def _first(errors: BaseExceptionGroup[UsageError]) -> UsageError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
