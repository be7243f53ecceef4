"""Watches every symbol for the user's rules, and keeps what a rule would have fired on.

Each symbol keeps the prices between which no rule cares.  The trade that leaves them has the rules looked
at at once, and so has the mark that comes to a cluster, a signal, or open interest while a cluster is armed.
All else is a matter of seconds: near to what a rule may wait for, rules and book are looked at once a
second; elsewhere every two seconds, and the book every five, for a server may follow many symbols.
What fires is handed on at once with the screen as it is at that instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import Any, Protocol

import msgpack

from leadline.domain.aftermath import Aftermath
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.alerting import Alerting, Firing
from leadline.domain.events import BookState, Event, Mark, OpenInterest, Side
from leadline.domain.odds import CascadeOdds
from leadline.domain.regime import moved_together
from leadline.domain.rules import RuleKind
from leadline.domain.signals import Fuel, Told
from leadline.domain.trades import Trades
from leadline.feed.following import Following, interest_of
from leadline.feed.hub import Hub
from leadline.feed.notes import Notes
from leadline.feed.session import ALL_VENUES, SymbolSession, VenueView
from leadline.feed.signals import SymbolSignals
from leadline.limits import BAND_ROWS, TRADES_KEPT
from leadline.wire import frames

log = logging.getLogger("leadline.feed")

STEP_S = 0.1
WOKEN_EVERY_S = 0.01  # what wakes symbols meanwhile is looked at together
LOOK_MS = 1_000
NEAR = 0.005  # of price
NEAR_STEP_MS = 1_000
NEAR_MAP_MS = 10_000  # clusters move slowly, and are met by the mark of now
FAR_STEP_MS = 2_000
FAR_LOOK_MS = 5_000
FAR_MAP_MS = 30_000
NOTE_MS = 60_000  # between two facts kept for previews
HOUR_MS = 3_600_000
INTEREST_EVERY_MS = 60_000
MOMENT_ROWS = 50
SCREEN_ROWS = 15  # a target may lie so far from the middle of a phone's ladder
THIN_WORD = 0.25
PUSH_Z = 1.0
ALL_PRICES = (0.0, inf)


class MapSource(Protocol):
    """What is needed of a symbol's estimate."""

    def fuel(self, every_ms: int) -> Fuel[ClusterFact] | None:
        """Return the estimate around the mark of now, worked out anew when it is older than every_ms."""

    def prices_since(self, since_ms: int) -> tuple[float, float] | None:
        """Return the lowest and highest price known since a moment (Unix ms)."""

    def path_since(self, since_ms: int) -> list[tuple[int, float]]:
        """Return (Unix ms, last price) minute by minute since a moment."""


class _Symbol:
    """One symbol at the desk.

    calm, quiet_mark: the prices, and the marks, between which nothing happens (see Alerting.calm); lowest,
    highest: of the prices since the last step.  wake: called when it has to be stepped at once.  following:
    what fired, with what became of it; shown_usd: of liquidations, up to the last step.
    """

    def __init__(
        self,
        session: SymbolSession,
        heat: MapSource | None,
        signals: SymbolSignals,
        wake: Callable[[SymbolSession], None],
        following: Following,
    ) -> None:
        self.session = session
        self.unit = session.unit
        self.wake = wake
        self.calm = self.quiet_mark = ALL_PRICES
        self.lowest, self.highest = inf, 0.0
        self.heat = heat
        self.signals = signals
        self.look_ms = self.step_ms = 0
        self.near = True  # is price near to something a rule may wait for?
        self.kept_ms = 0
        self.kept_low, self.kept_high = inf, 0.0  # of the prices since facts were kept last
        self.interest: deque[tuple[int, float]] = deque(maxlen=HOUR_MS // INTEREST_EVERY_MS + 2)
        self.down: dict[str, int] = {}
        self.heard: list[Told] = []
        self.following = following
        self.shown_usd = 0.0

    def take(self, event: Event, view: VenueView) -> None:
        heard = self.signals.take(event, view)
        if heard:
            self.heard += heard
        if heard or self._stirs(event, view):
            self.wake(self.session)

    def _stirs(self, event: Event, view: VenueView) -> bool:
        """Tell whether an event may make a rule fire that waits for it."""
        if isinstance(event, Trades):
            if event.late or event.last_price != view.last_price:
                return False  # it says nothing of the price of now
            return view.last_price == self.session.price() and self._leaves_calm(event)
        if isinstance(event, Mark):
            leads = event.venue == next(iter(self.session.venues))
            return leads and not self.quiet_mark[0] <= event.price < self.quiet_mark[1]
        # Only what an armed cluster waits for cannot wait for the next step.
        return isinstance(event, OpenInterest) and self.signals.clusters.cascades.armed

    def _leaves_calm(self, trades: Trades) -> bool:
        lowest = highest = trades.last_price
        if len(trades) > 1:
            lowest, highest = trades.price_range
        # Price may be back before the desk is: a level that was touched was touched.
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        return not (self.calm[0] <= lowest and highest < self.calm[1])


class AlertDesk:
    """The rules of the user over all symbols of a hub.

    fired: is given each firing and the moment (see `moment`).  log: is given every signal, for those who
    keep outcomes.  odds: what earlier runs have learned.  notes: takes what the rules were held against.
    run: when this process began (Unix ms), a part of each alert's dedupe key.  followed: by symbol and dedupe
    key, what had come of the alerts of earlier ones up to ``left_ms``.
    """

    def __init__(
        self,
        hub: Hub,
        heats: Mapping[str, MapSource],
        alerting: Alerting,
        fired: Callable[[Firing, bytes], None],
        told: Callable[[Told], None] = lambda _: None,
        odds: CascadeOdds | None = None,
        notes: Notes | None = None,
        run: int = 0,
        followed: Mapping[str, Mapping[str, Aftermath]] = MappingProxyType({}),
        left_ms: int = 0,
    ) -> None:
        self.alerting = alerting
        self._notes = notes
        self._run = run
        self._followed = followed
        self._left_ms = left_ms
        self.odds = odds or CascadeOdds()
        self._hub = hub
        self._heats = heats
        self._fired = fired
        self._told = told
        self._symbols: dict[str, _Symbol] = {}
        self._woken: dict[str, SymbolSession] = {}
        self._stirred = asyncio.Event()
        self.stepped_ms = hub.clock.monotonic_ms()

    async def run(self) -> None:
        """Step until cancelled."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.step()
            due_s = max(due_s + STEP_S, loop.time())
            while (left_s := due_s - loop.time()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await self._stirred.wait()
                if self._woken:
                    self.step_woken()
                    await asyncio.sleep(WOKEN_EVERY_S)

    def step(self) -> None:
        """Hold every symbol whose time has come against the rules."""
        woken = self._take_woken()
        for name, session in self._hub.sessions.items():
            self._step_safely(name, session, name in woken)
        self.stepped_ms = self._hub.clock.monotonic_ms()

    def step_woken(self) -> None:
        """Hold the symbols against the rules in which something has just happened."""
        for name, session in self._take_woken().items():
            self._step_safely(name, session, woken=True)

    def rules_changed(self) -> None:
        """Look at every symbol at once, so that a new rule is held against the price it was made at."""
        for session in self._hub.sessions.values():
            self._wake(session)

    def _take_woken(self) -> dict[str, SymbolSession]:
        woken, self._woken = self._woken, {}
        self._stirred.clear()
        return woken

    def _wake(self, session: SymbolSession) -> None:
        self._woken[session.symbol] = session
        self._stirred.set()

    def _step_safely(self, name: str, session: SymbolSession, woken: bool) -> None:
        try:
            self._step(name, session, woken)
        except Exception:
            # One symbol's defect must not silence the others.
            log.exception("the alerts of %s failed; the other symbols go on", name)

    def signals(self, symbol: str) -> SymbolSignals | None:
        """Return the signals of a symbol, None before it has a venue."""
        found = self._symbols.get(symbol)
        return found.signals if found else None

    def _step(self, name: str, session: SymbolSession, woken: bool) -> None:
        one = self._symbols.get(name)
        if one is not None and one.unit != session.unit:
            self.alerting.forget(name)
            one = None
        if one is None:
            one = self._begin(name, session)
        if one is None or session.price() is None:
            return
        now_ms = self._hub.clock.monotonic_ms()
        if now_ms < one.step_ms and not woken:
            return
        one.step_ms = now_ms + (NEAR_STEP_MS if one.near else FAR_STEP_MS)
        fuel = one.heat.fuel(NEAR_MAP_MS if one.near and not woken else FAR_MAP_MS) if one.heat else None
        heard, one.heard = one.heard, []
        if fuel is not None:
            heard += one.signals.follow(fuel)
        if now_ms >= one.look_ms:
            one.look_ms = now_ms + (LOOK_MS if one.near else FAR_LOOK_MS)
            heard += one.signals.look(fuel)
        facts = self._facts(one, fuel)
        near, one.near = one.near, self._is_near(facts)
        if one.near and not near:
            one.look_ms = now_ms
        firings = self._observe(one, facts)
        for told in heard:
            self._told(told)
            firings += self.alerting.hear(told)
        self._follow(one, facts.price, fuel, heard)
        self._keep(one, facts, heard)
        one.calm = self.alerting.calm(facts)
        one.quiet_mark = _between_edges(fuel) if fuel is not None else ALL_PRICES
        for firing in firings:
            one.following.begin(f"{self._run}:{firing.identity}", firing, fuel)
            self._fired(firing, self.moment(firing))

    def _follow(
        self, one: _Symbol, price: float, fuel: Fuel[ClusterFact] | None, heard: Iterable[Told]
    ) -> None:
        """Let what fired see the prices since the last step, and what its clusters went through."""
        lowest, highest = min(one.lowest, price), max(one.highest, price)
        one.lowest, one.highest = inf, 0.0
        one.kept_low, one.kept_high = min(one.kept_low, lowest), max(one.kept_high, highest)
        if fuel is not None:
            one.following.recognise(fuel)
        if one.following.left_ms is not None and fuel is not None and one.heat is not None:
            missed = one.heat.prices_since(one.following.left_ms)
            one.following.make_good(*missed or (price, price))
        shown_usd, one.shown_usd = one.shown_usd, one.signals.shown_usd
        one.following.see(lowest, highest, one.shown_usd - shown_usd, heard)

    def since(self, symbol: str, key: str) -> dict[str, Any] | None:
        """Return what has come of an alert, by its dedupe key: see `Following.told`."""
        one = self._symbols.get(symbol)
        if one is None:
            return None
        return one.following.told(key, one.heat.fuel(FAR_MAP_MS) if one.heat else None)

    def path(self, symbol: str, since_ms: int) -> list[tuple[int, float]]:
        """Return (Unix ms, last price) of a symbol, minute by minute since a moment; empty while unknown."""
        heat = self._heats.get(symbol)
        return [] if heat is None else heat.path_since(since_ms)

    def aftermaths(self) -> dict[str, Aftermath]:
        """Return by dedupe key what has come of alerts, where it changed since this was asked last."""
        changed: dict[str, Aftermath] = {}
        for one in self._symbols.values():
            changed |= one.following.changed()
        return changed

    def _observe(self, one: _Symbol, facts: Facts) -> list[Firing]:
        """Hold the prices that left the calm since the last step, then that of now, against the rules."""
        calm_low, calm_high = one.calm
        passed = {one.lowest} if one.lowest < calm_low else set()
        passed |= {one.highest} if one.highest >= calm_high else set()
        firings: list[Firing] = []
        for price in sorted(passed - {facts.price}):
            firings += self.alerting.observe(replace(facts, price=price))
        return firings + self.alerting.observe(facts)

    def _begin(self, name: str, session: SymbolSession) -> _Symbol | None:
        if not session.venues:
            return None
        base = next(iter(session.venues.values())).instrument.base
        signals = SymbolSignals(session, base, self.odds, self._moved_together)
        following = Following(self._followed.get(name, {}), self._left_ms)
        one = self._symbols[name] = _Symbol(session, self._heats.get(name), signals, self._wake, following)
        session.listener = one.take
        return one

    def _is_near(self, facts: Facts) -> bool:
        """Tell whether price is so near to a cluster or a level of the user's that every step counts."""
        if any(one.distance(facts.price) < NEAR for one in facts.clusters):
            return True
        levels = [
            rule.settings["price"]
            for rule in self.alerting.rules
            if rule.kind is RuleKind.PRICE and rule.symbol == facts.symbol
        ]
        return any(abs(level / facts.price - 1) < NEAR for level in levels)

    def _moved_together(self, sigmas: float) -> float:
        return moved_together([one.signals.sigmas for one in self._symbols.values()], sigmas)

    def _facts(self, one: _Symbol, fuel: Fuel[ClusterFact] | None) -> Facts:
        session, signals, now_ms = one.session, one.signals, self._hub.clock.wall_ms()
        views = session.views(ALL_VENUES)
        self._note_down(one, views, now_ms)
        price = session.price() or 0.0
        average = signals.range_log
        return Facts(
            symbol=session.symbol,
            at_ms=now_ms,
            price=price,
            clusters=fuel.clusters if fuel else (),
            atr=None if average is None else average * price,
            pace_per_min=session.pace.per_min,
            funding=next((view.funding.rate for view in views if view.funding), None),
            oi_usd=fuel.oi_usd if fuel else None,
            oi_change_1h=self._interest_change(one, fuel, now_ms),
            regime=signals.regime,
            down=dict(one.down),
            row_price=signals.row_price,
            book_word=_book_word(signals),
            flow_word=_flow_word(signals),
            forced_long_usd=signals.died_usd(now_ms, Side.BUY),
            forced_short_usd=signals.died_usd(now_ms, Side.SELL),
            odds={number: standing.odds for number, standing in signals.clusters.standing.items()},
        )

    def _note_down(self, one: _Symbol, views: Iterable[VenueView], now_ms: int) -> None:
        """Keep since when each venue that trades the symbol has no live book."""
        down = [v.instrument.venue for v in views if not v.closed and v.book.state is not BookState.LIVE]
        one.down = {venue: one.down.get(venue, now_ms) for venue in down}

    def _interest_change(self, one: _Symbol, fuel: Fuel[ClusterFact] | None, now_ms: int) -> float | None:
        """Return the change of open interest in coins over an hour."""
        held = interest_of(fuel)
        if held is None:
            return None
        coins = held.coins
        if not one.interest or now_ms - one.interest[-1][0] >= INTEREST_EVERY_MS:
            one.interest.append((now_ms, coins))
        while now_ms - one.interest[0][0] > HOUR_MS + INTEREST_EVERY_MS:
            one.interest.popleft()
        then_ms, then = one.interest[0]
        whole = now_ms - then_ms >= HOUR_MS - INTEREST_EVERY_MS
        return coins / then - 1 if whole and then > 0 else None

    def _keep(self, one: _Symbol, facts: Facts, heard: Iterable[Told]) -> None:
        """Note signals, and facts once a minute, for previews."""
        noted: list[Facts | Told] = list(heard)
        if facts.at_ms - one.kept_ms >= NOTE_MS:
            one.kept_ms = facts.at_ms
            noted.append(replace(facts, low=one.kept_low, high=one.kept_high))
            one.kept_low, one.kept_high = inf, 0.0
        if noted and self._notes is not None:
            self._notes.put(one.session.symbol, noted)

    def moment(self, firing: Firing) -> bytes:
        """Return the screen of a firing's symbol as it is now; empty for a firing about no symbol.

        One msgpack map: at, price, target, key (of the ladder), facts (the symbol's entry of the hello),
        ladder and state (frames of the wire), signals (SymbolSignals.values).  The ladder has MOMENT_ROWS
        a side, so wide that the last price and the target are on one screen.
        """
        one = self._symbols.get(firing.symbol or "")
        if one is None:
            return b""
        session = one.session
        described = session.describe()
        price = session.price()
        if described is None or price is None:
            return b""
        group = _fitting(described, price, firing.target, float(session.tick))
        view = session.ladder(ALL_VENUES, group, MOMENT_ROWS, session.tape.count)
        if session.heat is not None and view.bid_tick:
            view.first = view.bid_tick // group - BAND_ROWS // 2
            view.bands = session.heat.codes(ALL_VENUES, session.tick, group, view.first)
        trades = session.tape.last(TRADES_KEPT, ALL_VENUES, session.tape.count)
        made: bytes = msgpack.packb(
            {
                "at": firing.at_ms,
                "price": price,
                "target": firing.target,
                "key": {"symbol": session.symbol, "venue": ALL_VENUES, "group": group, "depth": MOMENT_ROWS},
                "facts": described,
                "ladder": frames.ladder_keyframe(0, session.epoch, 0, view, trades),
                "state": frames.state(0, session.state(ALL_VENUES, group)),
                "signals": one.signals.values(),
            }
        )
        return made


def _between_edges(fuel: Fuel[ClusterFact]) -> tuple[float, float]:
    """Return the nearest edges of clusters around the mark."""
    edges = [edge for one in fuel.clusters for edge in (one.lo, one.hi)]
    below = (edge for edge in edges if edge <= fuel.mark)
    above = (edge for edge in edges if edge > fuel.mark)
    return max(below, default=0.0), min(above, default=inf)


def _fitting(described: Mapping[str, Any], price: float, target: float | None, tick: float) -> int:
    """Return the finest grouping of a symbol in which the last price and the target are on one screen."""
    groups: list[int] = described["groups"]
    usual: int = described["group"]
    if target is None:
        return usual
    reach = abs(target - price) / tick
    return next((group for group in groups if group >= usual and reach / group <= SCREEN_ROWS), groups[-1])


def _book_word(signals: SymbolSignals) -> str:
    thin = max(signals.thin(side) for side in Side)
    return "book thinning" if thin >= THIN_WORD else "book steady"


def _flow_word(signals: SymbolSignals) -> str:
    z = signals.flow.imbalance_z()
    return "buyers pushing" if z >= PUSH_Z else "sellers pushing" if z <= -PUSH_Z else "flow even"
