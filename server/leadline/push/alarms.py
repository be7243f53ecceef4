"""From what the desk fires to alerts that are kept and sent; holds the user's rules.

A firing is kept with the screen of its instant before anything is sent.  What clusters did is logged, so
that a restart knows what it has told, and scores know what came true.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from leadline.clock import Clock
from leadline.domain.aftermath import Aftermath
from leadline.domain.alerting import REMEMBERED_MS, Alerting, Firing
from leadline.domain.cascade import Transition
from leadline.domain.odds import OUTCOMES_KEPT, CascadeOdds, Features
from leadline.domain.quiet import QuietError, read_quiet
from leadline.domain.rule_sets import missing, presets
from leadline.domain.rules import Rule, RuleKind
from leadline.domain.signals import RegimeChange, Told, TouchOutcome
from leadline.errors import StoreError
from leadline.feed.hub import Hub
from leadline.limits import INBOX_ALERTS_MAX
from leadline.push.delivery import Delivery
from leadline.store import aftermaths, alerts, rules
from leadline.store.alerts import Alert
from leadline.store.rules import Outcome
from leadline.store.state import StateStore

log = logging.getLogger("leadline.push")

TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
ALIVE_EVERY_S = 30.0
DOWN_MS_MIN = 60_000  # a shorter absence is no news
LAST_POSTS_S = 2.0
NOTED_AFTER_S = 0.02
WAITING_MAX = 10_000
ODDS_KEPT_MS = 60 * 86_400_000  # they have faded by then
INBOX_KEPT_MS = 30 * 86_400_000
PRUNE_EVERY_MS = 3_600_000


class Alarms:
    """The user's rules at work.  Made by `open`; `fired`, `told` and `changed` are for the desk."""

    def __init__(self, store: StateStore, delivery: Delivery, hub: Hub) -> None:
        self.begun_ms = hub.clock.wall_ms()
        self.alerting = Alerting()
        self.changed: Callable[[], None] = lambda: None  # called when the rules are others
        self.quiet: Any = None  # as the user told it
        self.odds = CascadeOdds()  # as earlier runs have learned them
        # What has come of the alerts of earlier runs, by symbol and dedupe key, up to when; and of ours.
        self.followed: dict[str, dict[str, Aftermath]] = {}
        self.left_ms = self.begun_ms
        self.aftermaths: Callable[[], dict[str, Aftermath]] = dict
        self._store = store
        self._delivery = delivery
        self._hub = hub
        self._clock: Clock = hub.clock
        self._waiting: deque[tuple[Firing, bytes]] = deque(maxlen=WAITING_MAX)
        self._outcomes: deque[Outcome] = deque(maxlen=WAITING_MAX)
        self._after: dict[str, Aftermath] = {}
        self.kept_ms = hub.clock.monotonic_ms()  # when the state last took what is told here
        self._pruned_ms = self.begun_ms
        self._wake = asyncio.Event()

    @classmethod
    async def open(cls, store: StateStore, delivery: Delivery, hub: Hub, symbols: int) -> Alarms:
        """Load the rules (the first time, a few to start with) and what was told shortly before."""
        made = cls(store, delivery, hub)
        now_ms = hub.clock.wall_ms()

        def load(database: sqlite3.Connection) -> tuple[list[Rule], Any, Any, list[Outcome], int | None]:
            if rules.preference(database, "presets") is None:
                for rule in presets(symbols):
                    rules.put(database, rule, now_ms)
                rules.prefer(database, "presets", now_ms)
            alerts.prune(database, now_ms - INBOX_KEPT_MS)
            told = rules.outcomes_since(database, now_ms - REMEMBERED_MS, "fired")
            for touch in rules.outcomes_since(database, now_ms - ODDS_KEPT_MS, "touch")[-OUTCOMES_KEPT:]:
                _learn(made.odds, touch)
            alive_ms = rules.preference(database, "alive_ms")
            made._take_up(database, now_ms)
            quiet, muted = (rules.preference(database, name) for name in ("quiet", "muted"))
            return rules.all_rules(database), quiet, muted, told, alive_ms

        held, quiet, muted, told, alive_ms = await store.run(load)
        made.alerting.rules = held
        made.alerting.muted = muted or {}
        made._set_quiet(quiet)
        for one in told:
            what = one.what
            made.alerting.remember(what["rule"], one.symbol, one.at_ms, what["lo"], what["hi"])
        if isinstance(alive_ms, int) and now_ms - alive_ms >= DOWN_MS_MIN:
            await made._tell_server(
                "Leadline was down",
                f"From {_clock_text(alive_ms)} to {_clock_text(now_ms)} UTC nothing was watched.",
            )
        return made

    def _take_up(self, database: sqlite3.Connection, now_ms: int) -> None:
        """Read what had come of the alerts in the inbox when the last run ended."""
        self.left_ms = rules.preference(database, "watched_ms") or now_ms
        away_ms = max(0, now_ms - self.left_ms)
        for symbol, key, after in aftermaths.newest(database, INBOX_ALERTS_MAX):
            self.followed.setdefault(symbol, {})[key] = after.taken_up(
                away_ms if away_ms >= DOWN_MS_MIN else 0
            )

    def fired(self, firing: Firing, moment: bytes) -> None:
        """Take a firing with the screen of its instant."""
        self._waiting.append((firing, moment))
        self._wake.set()

    def told(self, told: Told) -> None:
        """Take a signal; those about clusters and regimes are logged."""
        outcome = _outcome(told)
        if outcome is not None:
            self._outcomes.append(outcome)
            self._wake.set()

    async def run(self) -> None:
        """Keep what is fired until cancelled; then say that the server stops."""
        try:
            while True:
                try:
                    await self._round()
                except StoreError as error:
                    log.error("alerts cannot be kept: %s", error)
                    await asyncio.sleep(1.0)
        finally:
            await asyncio.shield(self._stop())

    async def _round(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ALIVE_EVERY_S):
                await self._wake.wait()
        await self._keep()

    async def _keep(self) -> None:
        """Keep what has fired and what is to be logged, and that we are alive."""
        self._wake.clear()
        fired = bool(self._waiting)
        while self._waiting:
            firing, moment = self._waiting[0]
            alert_id = await self._delivery.fire(self.alert(firing), moment or None, firing.ring)
            self._waiting.popleft()
            if alert_id is not None:
                self._hub.notify(firing.symbol or "", "alert", firing.title)
                if firing.cluster is not None:
                    _, lo, hi = firing.cluster
                    what = {"rule": firing.rule, "lo": lo, "hi": hi}
                    self._outcomes.append(Outcome(firing.at_ms, firing.symbol or "", "fired", what))
        if fired:
            # The outbox is read first: the commit of these notes would hold it up.
            await asyncio.sleep(NOTED_AFTER_S)
        outcomes = [self._outcomes.popleft() for _ in range(len(self._outcomes))]
        if not self._waiting:
            # What came of an alert is kept with it: one that fired meanwhile is kept first.
            self._after |= self.aftermaths()
        now_ms = self._clock.wall_ms()
        prune = now_ms - self._pruned_ms >= PRUNE_EVERY_MS
        if prune:
            self._pruned_ms = now_ms

        def work(database: sqlite3.Connection) -> None:
            rules.note(database, outcomes)
            aftermaths.put(database, self._after)
            for name in ("alive_ms", "watched_ms"):
                rules.prefer(database, name, now_ms)
            if prune:
                alerts.prune(database, now_ms - INBOX_KEPT_MS)

        await self._store.run(work)
        self._after.clear()
        self.kept_ms = self._clock.monotonic_ms()

    async def _stop(self) -> None:
        """Tell phones that nobody watches from now on, and wait a moment for it to go out."""
        try:
            await self._keep()
            await self._tell_server("Leadline was stopped", "Nothing is watched until it is started again.")
            await self._store.run(lambda db: rules.prefer(db, "alive_ms", None))
            await self._delivery.idle(LAST_POSTS_S)
        except StoreError as error:
            log.error("the end could not be kept: %s", error)

    async def _tell_server(self, title: str, body: str) -> None:
        now_ms = self._clock.wall_ms()
        watching = [rule for rule in self.alerting.rules if rule.kind is RuleKind.SERVER]
        if not any(rule.active(None, now_ms) for rule in watching):
            return
        alert = Alert(
            dedupe_key=f"server:{title}:{now_ms}",
            kind=RuleKind.SERVER.value,
            symbol=None,
            at_ms=now_ms,
            title=title,
            body=body,
            url="/#alerts",
            ttl_s=3_600,
            urgency="high",
            topic="server",
            rule_id=watching[0].id,
        )
        await self._delivery.fire(alert)

    def alert(self, firing: Firing) -> Alert:
        """Return the alert of a firing.

        Latches and cluster ids begin anew with the process, so its start is a part of a firing's identity.
        """
        topic = firing.topic
        if topic and not TOPIC.fullmatch(topic):
            topic = hashlib.sha256(topic.encode()).hexdigest()[:32]
        query = {"symbol": firing.symbol, "price": _price_text(firing.target)}
        query = {name: value for name, value in query.items() if value}
        return Alert(
            dedupe_key=f"{self.begun_ms}:{firing.identity}",
            kind=firing.kind,
            symbol=firing.symbol,
            at_ms=firing.at_ms,
            title=firing.title,
            body=firing.body,
            url=f"/?{urlencode(query, quote_via=quote)}" if query else "/#alerts",
            ttl_s=firing.ttl_s,
            urgency="high" if firing.urgent else "normal",
            topic=topic,
            rule_id=firing.rule or None,
            way=firing.way,
            price=firing.price,
            target=firing.target,
        )

    # What the user changes.

    async def put_rule(self, rule: Rule) -> Rule:
        """Keep a rule, new or changed.  Raises TooManyRules, KeyError (no such id) and StoreError."""
        now_ms = self._clock.wall_ms()
        kept = await self._store.run(lambda db: rules.put(db, rule, now_ms))
        others = [one for one in self.alerting.rules if one.id != kept.id]
        self._set_rules(sorted([*others, kept], key=lambda one: one.id))
        return kept

    async def put_rules(self, wanted: list[Rule]) -> int:
        """Keep new rules but those that are there already, all or none; returns how many.

        Raises TooManyRules and StoreError.
        """
        now_ms = self._clock.wall_ms()
        fresh = missing(wanted, self.alerting.rules)
        kept = await self._store.run(lambda db: [rules.put(db, rule, now_ms) for rule in fresh])
        self._set_rules(sorted([*self.alerting.rules, *kept], key=lambda one: one.id))
        return len(kept)

    async def remove_rule(self, rule_id: int) -> bool:
        """Forget a rule; tell whether there was one."""
        known = await self._store.run(lambda db: rules.remove(db, rule_id))
        self._set_rules([one for one in self.alerting.rules if one.id != rule_id])
        return known

    async def snooze(self, rule_id: int | None, minutes: float) -> int:
        """Let a rule (all without an id) sleep; 0 minutes wake it.  Returns until when (Unix ms)."""
        until_ms = self._clock.wall_ms() + round(minutes * 60_000) if minutes > 0 else 0
        await self._store.run(lambda db: rules.snooze(db, rule_id, until_ms))
        self._set_rules(
            [
                replace(one, snoozed_until_ms=until_ms) if rule_id in (None, one.id) else one
                for one in self.alerting.rules
            ]
        )
        return until_ms

    def _set_rules(self, held: list[Rule]) -> None:
        self.alerting.rules = held
        self.changed()

    @property
    def muted(self) -> dict[str, int]:
        """The symbols whose alerts ring nothing now, with until when (Unix ms)."""
        now_ms = self._clock.wall_ms()
        return {name: until for name, until in self.alerting.muted.items() if until > now_ms}

    async def mute(self, symbol: str, minutes: float) -> int:
        """Let a symbol's alerts go to the inbox alone; 0 minutes end it.  Returns until when (Unix ms)."""
        until_ms = self._clock.wall_ms() + round(minutes * 60_000) if minutes > 0 else 0
        muted = self.muted
        muted.pop(symbol, None)
        if until_ms:
            muted[symbol] = until_ms
        await self._store.run(lambda db: rules.prefer(db, "muted", muted))
        self.alerting.muted = muted
        return until_ms

    async def set_quiet(self, told: Any) -> None:
        """Keep quiet hours (None for none).  Raises QuietError."""
        read_quiet(told)
        await self._store.run(lambda db: rules.prefer(db, "quiet", told))
        self._set_quiet(told)

    def _set_quiet(self, told: Any) -> None:
        try:
            self.alerting.quiet = read_quiet(told)
            self.quiet = told
        except QuietError as error:
            # A zone that this machine no longer knows: better loud than silent.
            log.warning("quiet hours are off: %s", error)


def _learn(odds: CascadeOdds, touch: Outcome) -> None:
    """Let odds learn from a logged touch; one of a version that knew other features teaches nothing."""
    with contextlib.suppress(KeyError, TypeError):
        odds.learn(Features(**touch.what["features"]), bool(touch.what["burst"]), touch.at_ms)


def _outcome(told: Told) -> Outcome | None:
    what = told.what
    if isinstance(what, Transition):
        kind = "transition"
    elif isinstance(what, TouchOutcome):
        kind = "touch"
    elif isinstance(what, RegimeChange):
        return Outcome(
            told.at_ms, told.symbol, "regime", {"before": what.before.name, "after": what.after.name}
        )
    else:
        return None
    return Outcome(told.at_ms, told.symbol, kind, {"price": told.price, **asdict(what)})


def _price_text(price: float | None) -> str:
    return "" if price is None else f"{price:.12g}"


def _clock_text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d %b %H:%M")
