"""Minutes of market in seconds: twin, adapters, session and hub under one virtual clock, faults by seed.

Nothing here sleeps or opens a socket.  A connection is the twin's own `Session` read in this process; a
REST answer comes from calling the venue's application.  What arrives does so after a latency drawn
from the seed, so the same seed gives the same run, to the last frame.
"""

from __future__ import annotations

import heapq
import logging
import random
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import orjson

from leadline.domain.events import BookChanged, BookState, Event
from leadline.domain.ladder import LadderFlags, LadderView
from leadline.feed.hub import Hub
from leadline.feed.session import ALL_VENUES, SymbolSession
from leadline.limits import (
    FRAME_BYTES_MAX,
    RECONNECT_HEALTHY_S,
    RECONNECT_S_MAX,
    RECONNECT_S_MIN,
    REST_BYTES_MAX,
)
from leadline.twin.contracts import SYMBOLS, VENUES
from leadline.twin.damage import DAMAGES
from leadline.twin.faults import Faults
from leadline.twin.hub import Close, VenueServer
from leadline.twin.hub import Session as TwinSession
from leadline.twin.main import SERVERS
from leadline.twin.market import STEP_MS
from leadline.twin.world import START_MS, World
from leadline.venues.base import Fetch, Output, Send, VenueBook
from leadline.venues.instruments import INSTRUMENTS_PATH, parse_instruments
from leadline.venues.protocols import make_protocol
from leadline.wire.prepared import PreparedFrame
from leadline.wire.reader import LadderReader, decode
from leadline.wire.requests import LadderKey
from leadline.wire.sizes import rounded
from tests.twin.reading import read_by_seed
from tests.twin.true_books import difference

RUN_S = 600.0
TICK_MS = 250
DEAD_AFTER_MS = 9_000  # as the shell's own clock on the last frame
REST_TIMEOUT_MS = 10_000
QUIET_MS_DEFAULT = 30_000  # after a refusal that names no time
STALE_SHOWN_MS = 250
RECOVERY_MS_MAX = 75_000
FRESH_MS = 1_000  # a live book hears of its market several times a second
SAMPLED = 0.02
BOOK_NAMES = ('"depthUpdate"', '"orderbook.', '"books"')
HISTORY_DAYS = 0.01


class Clock:
    """Virtual time; wall and monotonic move together."""

    def __init__(self) -> None:
        self.now_ms = 0

    def wall_ms(self) -> int:
        return START_MS + self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


class Timeline:
    """What is to happen when; things due at the same moment happen in the order they were planned."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plan: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, delay_ms: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (self._clock.now_ms + delay_ms, next(self._order), call))

    def every(self, period_ms: int, call: Callable[[], None]) -> None:
        def again() -> None:
            self.after(period_ms, again)
            call()

        self.after(period_ms, again)

    def run_until(self, end_ms: int) -> None:
        while self._plan and self._plan[0][0] <= end_ms:
            self._clock.now_ms, _, call = heapq.heappop(self._plan)
            call()
        self._clock.now_ms = end_ms


@dataclass
class Report:
    """What a run saw; failures is empty when everything held."""

    seed: int
    failures: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    recovery_ms: dict[str, list[int]] = field(default_factory=dict)
    log: int = 0  # a running hash of every book event: equal runs have equal ones

    def summary(self) -> str:
        """Return in lines what was seen, how long books took to come back, and what failed."""
        took = sorted(self.recovery_ms.items(), key=lambda item: -max(item[1]))
        return "\n".join(
            [
                *(f"{many:8d}  {name}" for name, many in sorted(self.seen.items())),
                *(
                    f"{max(each):8d} ms at most ({len(each)}x) to come back after: {name}"
                    for name, each in took
                ),
                f"seed {self.seed}: {len(self.failures)} failures, log {self.log:x}",
                *self.failures,
            ]
        )

    def fail(self, at_ms: int, words: str) -> None:
        if len(self.failures) < 20:
            self.failures.append(f"at {at_ms / 1000:.2f} s: {words}")


class Link:
    """One connection of an adapter to its venue, opened again whenever it is lost."""

    def __init__(self, venue: SimulatedVenue, route: str, path: str) -> None:
        self.venue = venue
        self.route = route
        self.path = path
        self.swallowing = False
        self.sent: deque[tuple[int, str]] = deque(maxlen=100)  # what the adapter asked for, and when
        self._session: TwinSession | None = None
        self._life = 0  # what was planned for an earlier life of the link is void
        self._failures = 0
        self._opened_ms = self._heard_ms = self._arrival_ms = self._sent_ms = 0

    def open(self) -> None:
        venue, life = self.venue, self._life
        if venue.refusing:
            self._retry()
            return
        self._session = venue.server.connect(self.path)
        assert self._session is not None, f"{venue.name} has no {self.path}"
        self.swallowing = False
        self._opened_ms = self._heard_ms = self._arrival_ms = venue.clock.now_ms
        venue.carry_out(venue.protocol.opened(self.route, venue.clock.now_ms))
        if life == self._life:
            self.pump()

    def pump(self) -> None:
        """Let what the venue has sent travel here."""
        if self._session is None:
            return
        items = self._session.take()
        if not items or self.swallowing:
            return
        now_ms = self.venue.clock.now_ms
        self._arrival_ms = max(self._arrival_ms, now_ms + self.venue.latency_ms())
        life = self._life
        self.venue.timeline.after(self._arrival_ms - now_ms, lambda: self._arrived(life, items))

    def _arrived(self, life: int, items: list[str | Close]) -> None:
        for item in items:
            if life != self._life or self.swallowing:
                return
            if isinstance(item, Close) or len(item) > FRAME_BYTES_MAX:
                self.lose()
                return
            self._heard_ms = self.venue.clock.now_ms
            self.venue.received(self.route, item)

    @property
    def opened_ms(self) -> int:
        """When the present connection, or the last one, was opened."""
        return self._opened_ms

    def send(self, text: str) -> None:
        life = self._life
        self.sent.append((self.venue.clock.now_ms, text))

        def arrived() -> None:
            if life == self._life and self._session is not None and not self.swallowing:
                self._session.heard()
                self.venue.server.hear(self._session, text)
                self.pump()

        now_ms = self.venue.clock.now_ms
        self._sent_ms = max(self._sent_ms, now_ms + self.venue.latency_ms())
        self.venue.timeline.after(self._sent_ms - now_ms, arrived)

    def watch(self) -> None:
        """Give up a peer of whom nothing was heard; a living one answers pings."""
        if self._session is None:
            return
        if not self.swallowing and self.venue.clock.now_ms - self._heard_ms >= DEAD_AFTER_MS // 2:
            self._heard_ms = self.venue.clock.now_ms
        if self.venue.clock.now_ms - self._heard_ms >= DEAD_AFTER_MS:
            self.lose()

    def lose(self) -> None:
        """The connection is gone: the adapter is told, and after a while it is opened again."""
        if self._session is None:
            return
        now_ms = self.venue.clock.now_ms
        self.venue.server.disconnect(self._session)
        self._session = None
        self._life += 1
        if now_ms - self._opened_ms >= RECONNECT_HEALTHY_S * 1000:
            self._failures = 0
        self.venue.report.seen["connections lost"] += 1
        self.venue.carry_out(self.venue.protocol.closed(self.route, now_ms))
        self._retry()

    def _retry(self) -> None:
        wait_s = self.venue.rng.uniform(0, min(RECONNECT_S_MAX, RECONNECT_S_MIN * 2**self._failures))
        self._failures = min(self._failures + 1, 16)
        self.venue.timeline.after(int(wait_s * 1000) + self.venue.latency_ms(), self.open)


class SimulatedVenue:
    """A venue of the twin, its adapter, and the way between them."""

    def __init__(self, simulation: Simulation, server: VenueServer) -> None:
        self.name = server.venue
        self.server = server
        self.report = simulation.report
        self.clock = simulation.clock
        self.timeline = simulation.timeline
        self.rng = random.Random(f"{simulation.seed}/{self.name}")
        self.refusing = self.unreachable = False
        self._session = simulation.session
        self._on_loss = simulation.lost
        self._half_trip_ms, self._jitter_ms = self.rng.randint(3, 60), 15
        if simulation.round_trip_ms is not None:
            self._half_trip_ms, self._jitter_ms = simulation.round_trip_ms // 2, 0
        self._quiet_until_ms = 0
        _, _, body = call(server, INSTRUMENTS_PATH[self.name])
        self.protocol = make_protocol(self.name, parse_instruments(self.name, body))
        read_by_seed(self.protocol, simulation.seed)
        self.book: VenueBook = self.protocol.books[simulation.symbol]
        self._session.attach(self.book.instrument, self.book)
        self.links = {
            route: Link(self, route, path.partition("?")[0]) for route, path in self.protocol.routes().items()
        }
        self.book_link = self.links[getattr(self.book, "route", next(iter(self.links)))]
        self._judge = GapJudge(self.name, self.book.instrument.native)
        self.lost_epoch = -1  # a frame has proven that the book of this epoch missed something
        self._checked: tuple[int, BookState] | None = None
        self.stretch = 0  # counts the stretches of one state in one epoch
        for link in self.links.values():
            self.timeline.after(self.latency_ms(), link.open)
        self.timeline.after(self.rng.randint(0, TICK_MS), lambda: self.timeline.every(TICK_MS, self._tick))

    @property
    def live(self) -> bool:
        return self.book.state is BookState.LIVE

    def latency_ms(self) -> int:
        return self._half_trip_ms + self.rng.randint(0, self._jitter_ms)

    def pump(self) -> None:
        for link in self.links.values():
            link.pump()

    def received(self, route: str, raw: str) -> None:
        """Hand one frame to the adapter, and see to it that a proven loss shows at once."""
        epoch = self.book.epoch
        # The judge has to see every frame, to know one that comes again.
        proven = self._judge.proves_loss(raw, self.book.update_id, epoch) and self.live
        outputs = list(self.protocol.receive(route, raw, self.clock.now_ms))
        self.report.seen["frames"] += 1
        if proven:
            self.report.seen["proven losses"] += 1
            if self.live and self.book.epoch == epoch:
                self.report.fail(self.clock.now_ms, f"{self.name} stays live after {raw[:200]}")
            self.lost_epoch = epoch
        self.carry_out(outputs)

    def _tick(self) -> None:
        for link in self.links.values():
            link.watch()
        self.carry_out(self.protocol.tick(self.clock.now_ms))

    def carry_out(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.links[output.route].send(output.text)
            elif isinstance(output, Fetch):
                self._fetch(output)
            elif isinstance(output, Event):
                self._told(output)
            else:
                # The connection is to be replaced.
                self.timeline.after(0, self.links[output.route].lose)

    def _fetch(self, fetch: Fetch) -> None:
        def answered(status: int, body: bytes) -> None:
            self.carry_out(self.protocol.answer(fetch, status, body, self.clock.now_ms))

        def asked() -> None:
            if self.unreachable:
                self.timeline.after(REST_TIMEOUT_MS, lambda: answered(0, b""))
                return
            if self.clock.now_ms < self._quiet_until_ms:
                answered(429, b"")
                return
            status, retry_after, body = call(self.server, fetch.path)
            if len(body) > REST_BYTES_MAX:
                status, body = 0, b""
            if status in (403, 418, 429):
                wait_ms = int(retry_after) * 1000 if retry_after.isdigit() else QUIET_MS_DEFAULT
                self._quiet_until_ms = self.clock.now_ms + min(wait_ms, 86_400_000)
            self.report.seen[f"REST {status}"] += 1
            self.timeline.after(self.latency_ms(), lambda: answered(status, body))

        self.timeline.after(int(fetch.delay_s * 1000) + self.latency_ms(), asked)

    def _told(self, event: Event) -> None:
        if event.symbol != self.book.instrument.symbol:
            return
        if isinstance(event, BookChanged):
            self._check(event)
        self._session.accept(event)

    def _check(self, event: BookChanged) -> None:
        """Compare a book called live with the truth: the first of each stretch always, others at random."""
        report = self.report
        report.log = hash((report.log, self.clock.now_ms, event.state, event.epoch, self.book.update_id))
        last, self._checked = self._checked, (event.epoch, event.state)
        self.stretch += last != self._checked
        if event.state is not BookState.LIVE:
            if last is not None and last[1] is BookState.LIVE:
                self._on_loss(self)
            return
        report.seen["live"] += 1
        if event.epoch == self.lost_epoch:
            report.fail(self.clock.now_ms, f"{self.name} is live in epoch {event.epoch}, which has a gap")
        if last != self._checked or self.rng.random() < SAMPLED:
            report.seen["compared"] += 1
            wrong = difference(self.server, self.book)
            if wrong:
                report.fail(self.clock.now_ms, wrong)


class GapJudge:
    """Says of a frame whether it proves that a book missed something, by the venue's rules alone."""

    def __init__(self, venue: str, native: str) -> None:
        self._venue = venue
        self._native = native
        self._epoch = -1
        self._seen: deque[tuple[int, int]] = deque(maxlen=300)

    def proves_loss(self, raw: str, update_id: int, epoch: int) -> bool:
        head = raw[:160]
        if self._native not in head or not any(name in head for name in BOOK_NAMES):
            return False
        if epoch != self._epoch:
            self._epoch = epoch
            self._seen.clear()
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return True
        ids = self._ids(message)
        if ids is None:
            return False
        # A frame damaged on its way may come again unharmed: the ids say that it is the same one.
        repeated = ids in self._seen
        self._seen.append(ids)
        if repeated:
            return False
        previous, last = ids
        if self._venue != "okx" and last <= update_id:
            return False
        return previous != update_id

    def _ids(self, message: Any) -> tuple[int, int] | None:
        """Return the id that must be the last one taken and the frame's own; None without two."""
        if self._venue == "binance":
            ids = message.get("pu"), message.get("u")
        elif self._venue == "bybit":
            if message.get("type") != "delta":
                return None
            last = message["data"].get("u")
            ids = (last - 1 if type(last) is int else None, last)
        else:
            if message.get("action") != "update":
                return None
            ids = message["data"][0].get("prevSeqId"), message["data"][0].get("seqId")
        return ids if all(type(one) is int for one in ids) else None


class Phone:
    """A watcher of one stream: decodes every frame and holds it against the session's ladder."""

    straight = None

    def __init__(self, simulation: Simulation, key: LadderKey) -> None:
        self._simulation = simulation
        self._key = key
        self.venues = VENUES if key.venue == ALL_VENUES else (key.venue,)
        self._reader = LadderReader(key.group, key.depth)
        self._stream = simulation.hub.subscribe(key, self)
        self._tape_count = simulation.session.tape.count
        self._epochs: list[int] = []
        self.flags: list[tuple[int, int]] = []  # when what was shown
        self._show(self._stream.keyframe(), exact_prints=False)

    def offer(self, stream: int, frame: PreparedFrame, is_keyframe: bool) -> None:
        self._show(frame.payload, exact_prints=not is_keyframe)

    def offer_state(self, stream: int, frame: PreparedFrame) -> None:
        decode(frame.payload)

    def offer_notice(self, frame: PreparedFrame) -> None:
        decode(frame.payload)

    def _show(self, frame: bytes, exact_prints: bool) -> None:
        simulation, key, session = self._simulation, self._key, self._simulation.session
        epoch = self._reader.epoch
        shown = self._reader.apply(decode(frame))  # type: ignore[arg-type]
        want = session.ladder(key.venue, key.group, key.depth, self._tape_count)
        self._tape_count = session.tape.count
        simulation.report.seen["ladders"] += 1
        if _picture(shown, exact_prints) != _picture(want, exact_prints):
            simulation.report.fail(simulation.clock.now_ms, f"the phone's ladder of {key.venue} is another")
        self.flags = [*self.flags[-20:], (simulation.clock.now_ms, shown.flags)]
        for venue in simulation.venues_of(key.venue):
            if venue.live and venue.book.epoch == venue.lost_epoch:
                simulation.report.fail(
                    simulation.clock.now_ms, f"a frame shows {venue.name} live after a gap"
                )
        before, self._epochs = self._epochs, [venue.book.epoch for venue in simulation.venues_of(ALL_VENUES)]
        if before not in ([], self._epochs) and self._reader.epoch == epoch:
            simulation.report.fail(simulation.clock.now_ms, f"a new epoch of a book is none of {key.venue}")
        live = [venue.live for venue in simulation.venues_of(key.venue)]
        if (shown.flags & 3 == LadderFlags.LIVE) != any(live):
            simulation.report.fail(simulation.clock.now_ms, f"flags {shown.flags} with live books {live}")
        if bool(shown.flags & LadderFlags.PARTIAL) != (any(live) and not all(live)):
            simulation.report.fail(simulation.clock.now_ms, f"flags {shown.flags} with live books {live}")


def _picture(view: LadderView, prints: bool) -> tuple[Any, ...]:
    sides = (view.bid_rows, rounded(view.bid_lots), view.ask_rows, rounded(view.ask_lots))
    made = [(one.tick, one.lots, one.bought) for one in view.prints] if prints else []
    return view.flags, view.bid_tick, view.ask_tick, [side.tolist() for side in sides], made


Values = dict[str, Any]


NETWORK = ("cut", "half-open", "refused", "unreachable")


def draw_faults(rng: random.Random, symbol: str) -> tuple[str, Values]:
    """Draw one kind of trouble: its name and its switches (none for those of the network)."""
    lossy = {"drop": rng.uniform(0.01, 0.1)}
    kinds: dict[str, Values] = {
        "loss": {"drop": rng.uniform(0.01, 0.4), "burst": rng.randint(1, 6)},
        "repetition": {"duplicate": rng.uniform(0.01, 0.4), "burst": rng.randint(1, 6)},
        "order": {"reorder": rng.uniform(0.01, 0.3)},
        "crossed": {"cross": rng.uniform(0.01, 0.1)},
        "locked": {"lock": rng.uniform(0.01, 0.2)},
        "stale snapshot": {
            **lossy,
            "stale_snapshot": rng.uniform(0.3, 1.0),
            "stale_ms": rng.randint(200, 8000),
        },
        "snapshot on the first edge": {**lossy, "snapshot_edge": "first"},
        "snapshot on the last edge": {**lossy, "snapshot_edge": "last"},
        "no snapshot": {**lossy, "no_snapshot": True},
        "restart": {"restart_every_s": rng.uniform(1.0, 5.0)},
        "repeated snapshot": {"repeat_every_s": rng.uniform(0.3, 3.0)},
        "closed": {
            "close_every_s": rng.uniform(1.0, 6.0),
            "close_code": rng.choice([0, 1000, 1008, 1012, 4004]),
        },
        "frozen": {"freeze": ("depth", "orderbook", "books")},
        "silent": {"silent_ack": rng.uniform(0.3, 1.0), "close_every_s": 3.0},
        "refused by REST": {
            **lossy,
            "status": rng.choice([403, 418, 429, 451, 500, 503]),
            "status_share": rng.uniform(0.5, 1.0),
            "retry_after": rng.choice(["", "1", "5", "soon", "-1"]),
        },
        "nonsense from REST": {**lossy, "rest_body": rng.choice(["html", "empty", "cut", "huge"])},
        "clock": {"clock_offset_ms": rng.choice([-600_000, 600_000])},
        "zeros": {"zero_times": True, "zero_interest": True},
        "delisted": {"delist": (symbol,)},
        "before the opening": {"prelaunch": (symbol,), "close_every_s": rng.choice([0.0, 4.0])},
        "finer tick": {"finer_tick": (symbol,), "coarse_list": rng.choice([(), (symbol,)])},
    }
    kinds |= {f"damage: {name}": {"corrupt": rng.uniform(0.01, 0.1), "damages": (name,)} for name in DAMAGES}
    kinds |= {name: {} for name in NETWORK}
    name = rng.choice(list(kinds))
    return name, kinds[name]


class Simulation:
    """One run: ``Simulation(seed).run(600)`` returns its report.

    symbol: which one is followed, chosen by the seed when None; neighbours: symbols traded beside it;
    peace: nothing breaks but what the caller breaks.  round_trip_ms: of every way, drawn by the seed when
    None.
    """

    def __init__(
        self,
        seed: int,
        symbol: str | None = None,
        neighbours: tuple[str, ...] = (),
        peace: bool = False,
        round_trip_ms: int | None = None,
    ) -> None:
        self.seed = seed
        self.round_trip_ms = round_trip_ms
        self.rng = random.Random(seed)
        self.symbol = symbol or SYMBOLS[seed % len(SYMBOLS)]
        self.clock = Clock()
        self.timeline = Timeline(self.clock)
        self.report = Report(seed)
        self.world = World(seed, START_MS, HISTORY_DAYS, (self.symbol, *neighbours))
        self.session = SymbolSession(self.symbol, self.clock, simulated=True)
        self.hub = Hub(self.clock, "twin", simulated=True)
        self.hub.sessions[self.symbol] = self.session
        self.venues = {name: SimulatedVenue(self, SERVERS[name](self.world, Faults())) for name in VENUES}
        self.timeline.every(STEP_MS, self._step)
        self.timeline.every(1000, self.session.observe)
        self.phones: list[Phone] = []
        self.timeline.after(2_000, self._watch)
        for venue in [] if peace else self.venues.values():
            self.timeline.after(self.rng.randint(5_000, 12_000), lambda venue=venue: self._trouble(venue))

    def run(self, seconds: float) -> Report:
        """Run to the end, with a time of peace at last in which every book must come back."""
        spy = _ErrorSpy(self)
        logging.getLogger("leadline").addHandler(spy)
        try:
            self._end_ms = int(seconds * 1000)
            self.timeline.run_until(self._end_ms)
            for venue in self.venues.values():
                self._mend(venue)
            self.timeline.run_until(self._end_ms + RECOVERY_MS_MAX)
        finally:
            logging.getLogger("leadline").removeHandler(spy)
        for venue in self.venues.values():
            if not venue.live:
                self.report.fail(self.clock.now_ms, f"{venue.name} is not live at the end")
        return self.report

    def venues_of(self, name: str) -> list[SimulatedVenue]:
        return list(self.venues.values()) if name == ALL_VENUES else [self.venues[name]]

    def lost(self, venue: SimulatedVenue) -> None:
        """A book is lost: soon a frame to the phones must say so, unless it is back by then."""
        since_ms, stretch = self.clock.now_ms, venue.stretch

        def shown() -> None:
            if venue.stretch != stretch:
                return
            for phone in self.phones:
                if venue.name not in phone.venues:
                    continue
                flags = [flags for at_ms, flags in phone.flags if at_ms >= since_ms]
                said = any(one & LadderFlags.PARTIAL or one & 3 == LadderFlags.STALE for one in flags)
                if not said:
                    self.report.fail(
                        since_ms, f"{venue.name}: a loss does not show within {STALE_SHOWN_MS} ms"
                    )

        self.timeline.after(STALE_SHOWN_MS, shown)

    def _step(self) -> None:
        self.world.run_step()
        for venue in self.venues.values():
            venue.server.publish()
            venue.pump()
        self.hub.emit_due(self.clock.now_ms)

    def _watch(self) -> None:
        described = self.session.describe()
        if described is None:
            self.timeline.after(500, self._watch)
            return
        group = described["group"]
        assert isinstance(group, int)
        one = self.rng.choice(VENUES)
        self.phones = [
            Phone(self, LadderKey(self.symbol, ALL_VENUES, group, 40, 10)),
            Phone(self, LadderKey(self.symbol, one, group, 20, 5)),
        ]

    # Troubles, one after the other at each venue; the next one begins when the book is back.

    def _trouble(self, venue: SimulatedVenue) -> None:
        if self.clock.now_ms >= self._end_ms:
            return
        name, values = draw_faults(self.rng, self.symbol)
        if self.rng.random() < 0.3:
            other, more = draw_faults(self.rng, self.symbol)
            name, values = f"{name}, {other}", {**more, **values}
        self.report.seen[name] += 1
        venue.server.faults = replace(Faults(), **values)
        kinds = name.split(", ")
        venue.refusing, venue.unreachable = "refused" in kinds, "unreachable" in kinds
        if {"cut", "refused", "unreachable"} & set(kinds):
            for link in venue.links.values():
                link.lose()
        if "half-open" in kinds:
            for link in venue.links.values():
                link.swallowing = True
        self.timeline.after(self.rng.randint(1_000, 14_000), lambda: self._over(venue, name))

    def _over(self, venue: SimulatedVenue, name: str) -> None:
        self._mend(venue)
        since_ms = self.clock.now_ms

        def look() -> None:
            took_ms = self.clock.now_ms - since_ms
            if venue.live and self.clock.now_ms - venue.book.received_ms < FRESH_MS:
                self.report.recovery_ms.setdefault(name, []).append(took_ms)
                self.timeline.after(self.rng.randint(500, 6_000), lambda: self._trouble(venue))
            elif took_ms >= RECOVERY_MS_MAX:
                self.report.fail(self.clock.now_ms, f"{venue.name} did not come back after: {name}")
            else:
                self.timeline.after(50, look)

        # What was on its way when the trouble ended is part of it.
        self.timeline.after(500, look)

    def _mend(self, venue: SimulatedVenue) -> None:
        venue.server.faults = Faults()
        venue.refusing = venue.unreachable = False


class _ErrorSpy(logging.Handler):
    """What a defect writes to the log on its way to being survived is a failure here."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(logging.ERROR)
        self._simulation = simulation

    def emit(self, record: logging.LogRecord) -> None:
        report, clock = self._simulation.report, self._simulation.clock
        report.fail(clock.now_ms, logging.Formatter().format(record))


def call(server: VenueServer, path: str) -> tuple[int, str, bytes]:
    """GET ``path`` from a venue in this process: (status, Retry-After, body)."""
    name, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": name, "raw_path": name.encode(), "root_path": "",
        "query_string": query.encode(), "headers": [], "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    answering = server.app(scope, receive, send)  # type: ignore[arg-type]
    try:
        answering.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError(f"{path} waits for something, and here nothing ever comes")
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers.get("retry-after", ""), body


def main() -> int:
    """Run one seed and say what it saw: ``python -m tests.twin.simulation 17 [SECONDS]``."""
    report = Simulation(int(sys.argv[1])).run(float(sys.argv[2]) if len(sys.argv) > 2 else RUN_S)
    sys.stdout.write(report.summary() + "\n")
    return bool(report.failures)


if __name__ == "__main__":
    raise SystemExit(main())
