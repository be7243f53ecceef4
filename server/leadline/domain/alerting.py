"""From facts and signals to alerts: every rule, each identity once, quiet hours and the storm budget.

The engine is told everything and decides alone what is worth a person's attention.  It keeps no clock:
time is that of what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import Any

from leadline.domain import alert_text as text
from leadline.domain.absorption import Absorption
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.cascade import Transition
from leadline.domain.events import Side
from leadline.domain.flow import Divergence
from leadline.domain.forced import Burst
from leadline.domain.latch import Latch, Near, nearness
from leadline.domain.quiet import QuietHours
from leadline.domain.regime import Regime
from leadline.domain.rules import Rule, RuleKind
from leadline.domain.signals import RegimeChange, Told, VolumeSpike
from leadline.domain.storm import Storm
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallEnd, WallGone, WhaleOrder

CLUSTER_KINDS = (RuleKind.APPROACH, RuleKind.STATE, RuleKind.MIGRATION, RuleKind.DEPLETION)
TTL_S = {
    RuleKind.APPROACH: 180,
    RuleKind.STATE: 180,
    RuleKind.WHALE_ORDER: 300,
    RuleKind.WALL_PULLED: 120,
    RuleKind.WHALE_TRADE: 300,
    RuleKind.PRICE: 300,
    RuleKind.BURST: 300,
    RuleKind.MIGRATION: 900,
    RuleKind.DEPLETION: 900,
    RuleKind.FUNDING: 3_600,
    RuleKind.INTEREST: 900,
    RuleKind.FLOW: 120,
    RuleKind.REGIME: 600,
    RuleKind.FEED: 900,
    RuleKind.SERVER: 3_600,
}
SUMMARY_TTL_S = 900
CALM = (RuleKind.MIGRATION, RuleKind.DEPLETION, RuleKind.FUNDING, RuleKind.INTEREST, RuleKind.REGIME)
PRICE_HYSTERESIS = 0.0015
LATCHES_MAX = 10_000
REMEMBERED_MS = 1_800_000


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert.

    identity: the same firing told twice has the same; kind: of the rule, or "summary".  target: price of
    the row to open, None for none.  way: +1 when it lies or points up, -1 down, 0 neither: the sound.
    ring: False when it goes to the inbox alone (quiet hours, a muted symbol, storm).  cluster: its id, with
    lo and hi.  price: the last one when it fired.
    """

    identity: str
    kind: str
    symbol: str | None
    at_ms: int
    title: str
    body: str
    ttl_s: int
    urgent: bool
    topic: str
    target: float | None
    way: int
    ring: bool
    rule: int
    cluster: tuple[int, float, float] | None = None
    price: float | None = None


class Alerting:
    """All rules of one user.  rules, quiet, muted: replaced whole when the user changes them.

    muted: symbols whose alerts ring nothing, with until when (Unix ms).
    """

    __slots__ = (
        "_before",
        "_facts",
        "_feeds",
        "_known",
        "_latches",
        "_said",
        "_said_ms",
        "_seen",
        "_storm",
        "muted",
        "quiet",
        "rules",
    )

    def __init__(
        self, rules: Iterable[Rule] = (), quiet: QuietHours | None = None, storm: Storm | None = None
    ) -> None:
        self.rules = list(rules)
        self.quiet = quiet
        self.muted: Mapping[str, int] = {}
        self._storm = storm or Storm()
        self._latches: dict[tuple[object, ...], Latch] = {}
        self._facts: dict[str, Facts] = {}
        self._before: dict[str, Facts] = {}
        self._seen: dict[int, Facts] = {}  # by rule: what a price rule was held against last
        self._feeds: dict[str, set[str]] = {}  # venues of a symbol that were down once
        self._said: set[tuple[str | None, str, str]] = set()  # symbol, title and body of what fired
        self._said_ms = 0  # at this instant
        self._known: list[tuple[int, str, int, float, float]] = []  # (rule, symbol, at ms, lo, hi)

    def remember(self, rule: int, symbol: str, at_ms: int, lo: float, hi: float) -> None:
        """Take an approach that fired before a restart: the same stretch is not news again."""
        self._known.append((rule, symbol, at_ms, lo, hi))

    def forget(self, symbol: str) -> None:
        """A symbol's prices mean something else from now on: the next one crosses nothing."""
        self._facts.pop(symbol, None)
        self._before.pop(symbol, None)

    def observe(self, facts: Facts) -> list[Firing]:
        """Take the facts of a symbol; return what fires."""
        if facts.symbol in self._facts:
            self._before[facts.symbol] = self._facts[facts.symbol]
        self._facts[facts.symbol] = facts
        fired: list[Firing] = []
        for rule in self.rules:
            if rule.active(facts.symbol, facts.at_ms):
                watch = _WATCHES.get(rule.kind)
                if watch is not None:
                    fired += watch(self, rule, facts)
        return self._ringing(fired) + self._sum_up(facts.at_ms)

    def hear(self, told: Told) -> list[Firing]:
        """Take a signal of a symbol whose facts were observed; return what fires."""
        facts = self._facts.get(told.symbol)
        if facts is None:
            return []
        fired: list[Firing] = []
        for rule in self.rules:
            if rule.active(told.symbol, told.at_ms):
                fired += self._heard(rule, facts, told)
        return self._ringing(fired)

    def calm(self, facts: Facts) -> tuple[float, float]:
        """Return (low, high): while low <= price < high, price alone makes no armed rule fire."""
        low, high = 0.0, inf
        for rule in self.rules:
            if rule.kind in (RuleKind.PRICE, RuleKind.APPROACH) and rule.active(facts.symbol, facts.at_ms):
                for edge in self._edges(rule, facts):
                    if edge <= facts.price:
                        low = max(low, edge)
                    else:
                        high = min(high, edge)
        return low, high

    def _edges(self, rule: Rule, facts: Facts) -> Iterator[float]:
        """Yield the prices at which an armed rule fires: coming up, at the edge; coming down, below it."""
        if rule.kind is RuleKind.PRICE:
            level = rule.settings["price"]
            if self._armed(rule, facts.symbol, level):
                yield level
            return
        limit = _distance_limit(rule, facts)
        if limit is None or facts.regime is Regime.NEWS:
            return
        for one in facts.clusters:
            away, short = one.distance(facts.price), one.side == "short"
            if not 0 < away <= limit and _wanted(rule, one) and self._armed(rule, facts.symbol, one.id):
                # The limit lies before the cluster; who is in it already comes within reach by leaving it.
                reach = limit if away > 0 else 0.0
                edge = one.near / (1 + reach) if short else one.near / (1 - reach)
                # Of a long cluster the edge itself is within reach, so it must not count as calm.
                yield edge if short else nextafter(edge, inf)

    def _armed(self, rule: Rule, *identity: object) -> bool:
        latch = self._latches.get((rule.id, *identity))
        return latch is None or latch.armed

    # What stands: each has a latch of its own.

    def _approach(self, rule: Rule, facts: Facts) -> list[Firing]:
        if facts.regime is Regime.NEWS:
            return []
        fired = []
        for one in facts.clusters:
            if not _wanted(rule, one):
                continue
            limit = _distance_limit(rule, facts)
            away = one.distance(facts.price)
            if limit is None or away <= 0:
                continue
            latch = self._latch(rule, facts.symbol, one.id)
            if not latch.step(nearness(away, limit), facts.at_ms):
                continue
            if self._told_before(rule, facts, one):
                continue
            key = f"{facts.symbol}:{one.id}:{latch.rearmed}"
            fired.append(self._fire(rule, facts, key, text.approach(facts, one), one.near, one))
        return fired

    def _price(self, rule: Rule, facts: Facts) -> list[Firing]:
        """Fire when price crosses the level; re-arm when it has left it by PRICE_HYSTERESIS."""
        level, way = rule.settings["price"], rule.settings["way"]
        latch = self._latch(rule, facts.symbol, level)
        # What price did before the rule was made, or while it slept, is not its matter.
        seen, self._seen[rule.id] = self._seen.get(rule.id), facts
        before = seen if seen is self._before.get(facts.symbol) else None
        crossed = before is not None and (before.price < level) != (facts.price < level)
        up = facts.price >= level
        wanted = crossed and way in ("both", "up" if up else "down")
        left = abs(facts.price / level - 1) > PRICE_HYSTERESIS
        near = Near.INSIDE if wanted else Near.OUTSIDE if left else Near.BETWEEN
        if not latch.step(near, facts.at_ms):
            return []
        said = text.price_level(facts, level, up, rule.settings["label"])
        key = f"{facts.symbol}:{level!r}:{latch.rearmed}"
        return [self._fire(rule, facts, key, said, level, way=1 if up else -1)]

    def _depletion(self, rule: Rule, facts: Facts) -> list[Firing]:
        fired = []
        for one in facts.clusters:
            if one.usd < rule.settings["usd_min"]:
                continue
            least = rule.settings["gone_pct_min"] / 100
            latch = self._latch(rule, facts.symbol, one.id)
            near = Near.INSIDE if one.gone >= least else Near.BETWEEN
            if latch.step(near, facts.at_ms):
                said = text.depletion(facts, one)
                fired.append(self._fire(rule, facts, f"{facts.symbol}:{one.id}", said, one.near, one))
        return fired

    def _migration(self, rule: Rule, facts: Facts) -> list[Firing]:
        fired = []
        for one in facts.clusters:
            if one.usd < rule.settings["usd_min"]:
                continue
            latch = self._latch(rule, facts.symbol, one.id)
            moved = abs(one.moved_bp) >= rule.settings["bp_min"]
            if latch.step(Near.INSIDE if moved else Near.OUTSIDE, facts.at_ms):
                said, key = text.migration(facts, one), f"{facts.symbol}:{one.id}:{latch.rearmed}"
                fired.append(self._fire(rule, facts, key, said, one.peak, one))
        return fired

    def _funding(self, rule: Rule, facts: Facts) -> list[Firing]:
        if facts.funding is None:
            return []
        least = rule.settings["bp_min"] / 1e4
        latch = self._latch(rule, facts.symbol)
        if not latch.step(_at_least(abs(facts.funding), least), facts.at_ms):
            return []
        key = f"{facts.symbol}:{latch.rearmed}"
        return [self._fire(rule, facts, key, text.funding(facts, facts.funding), None)]

    def _interest(self, rule: Rule, facts: Facts) -> list[Firing]:
        change = facts.oi_change_1h
        if change is None:
            return []
        latch = self._latch(rule, facts.symbol)
        if not latch.step(_at_least(abs(change), rule.settings["pct_min"] / 100), facts.at_ms):
            return []
        key, said = f"{facts.symbol}:{latch.rearmed}", text.interest(facts, change)
        return [self._fire(rule, facts, key, said, None, way=1 if change > 0 else -1)]

    def _feed(self, rule: Rule, facts: Facts) -> list[Firing]:
        fired, known = [], self._feeds.setdefault(facts.symbol, set())
        known.update(facts.down)
        for venue in sorted(known):
            since_ms = facts.down.get(venue)
            down_s = (facts.at_ms - since_ms) / 1000 if since_ms is not None else 0.0
            latch = self._latch(rule, facts.symbol, venue)
            late = down_s >= rule.settings["seconds"]
            near = Near.INSIDE if late else Near.OUTSIDE if since_ms is None else Near.BETWEEN
            if latch.step(near, facts.at_ms):
                said = text.feed_down(facts.symbol, venue, round(down_s))
                key = f"{facts.symbol}:{venue}:{latch.rearmed}"
                fired.append(self._fire(rule, facts, key, said, None))
        return fired

    # What happens: its own time tells it apart.

    def _heard(self, rule: Rule, facts: Facts, told: Told) -> list[Firing]:
        what, kind = told.what, rule.kind
        if isinstance(what, Transition) and kind is RuleKind.STATE:
            return self._state(rule, facts, told, what)
        if isinstance(what, WhaleOrder) and kind is RuleKind.WHALE_ORDER:
            return self._whale_order(rule, facts, told, what)
        if isinstance(what, WallGone) and kind is RuleKind.WALL_PULLED:
            return self._wall_pulled(rule, facts, told, what)
        if isinstance(what, Sweep) and kind is RuleKind.WHALE_TRADE:
            return self._whale_trade(rule, facts, told, what)
        if isinstance(what, Burst) and kind is RuleKind.BURST:
            return self._burst(rule, facts, told, what)
        if isinstance(what, RegimeChange) and kind is RuleKind.REGIME:
            name = what.after.name.lower()
            if name not in rule.settings["what"]:
                return []
            return [
                self._fire(rule, facts, f"{told.symbol}:{name}:{told.at_ms}", text.regime(facts, name), None)
            ]
        if isinstance(what, Absorption | Divergence | VolumeSpike) and kind is RuleKind.FLOW:
            name = {Absorption: "absorption", Divergence: "divergence", VolumeSpike: "spike"}[type(what)]
            if name not in rule.settings["what"]:
                return []
            latch = self._latch(rule, facts.symbol, name)
            # Each told thing has begun anew: only the time since the last one holds it back.
            if latch.fired_ms is not None and told.at_ms - latch.fired_ms < latch.cool_down_ms:
                return []
            latch.armed = True
            latch.step(Near.INSIDE, told.at_ms)
            key = f"{told.symbol}:{name}:{told.at_ms}"
            return [self._fire(rule, facts, key, text.flow(facts, what), told.price)]
        return []

    def _state(self, rule: Rule, facts: Facts, told: Told, what: Transition) -> list[Firing]:
        one = facts.cluster(what.cluster)
        if one is None or what.after.value not in rule.settings["states"] or not _wanted(rule, one):
            return []
        if facts.regime is Regime.NEWS:
            return []
        key = f"{told.symbol}:{one.id}:{what.after}:{what.at_ms}"
        return [self._fire(rule, facts, key, text.state(facts, one, what.after, what.reason), one.near, one)]

    def _whale_order(self, rule: Rule, facts: Facts, told: Told, what: WhaleOrder) -> list[Firing]:
        wanted = what.usd >= rule.settings["usd_min"] and what.distance_bp <= rule.settings["distance_bp_max"]
        if not wanted or not _side_wanted(rule, what.side is Side.SELL):
            return []
        said = text.whale_order(facts, what, facts.row_price, told.at_ms)
        key = f"{told.symbol}:{int(what.side)}:{what.row}:{what.since_ms}"
        return [self._fire(rule, facts, key, said, what.row * facts.row_price, way=-int(what.side))]

    def _wall_pulled(self, rule: Rule, facts: Facts, told: Told, what: WallGone) -> list[Firing]:
        wanted = what.end is WallEnd.PULLED and what.usd >= rule.settings["usd_min"]
        if not wanted or not _side_wanted(rule, what.side is Side.SELL):
            return []
        said = text.wall_pulled(facts, what, facts.row_price)
        key = f"{told.symbol}:{int(what.side)}:{what.row}:{what.since_ms}:pulled"
        return [self._fire(rule, facts, key, said, what.row * facts.row_price, way=-int(what.side))]

    def _whale_trade(self, rule: Rule, facts: Facts, told: Told, what: Sweep) -> list[Firing]:
        forced = rule.settings["forced"]
        wanted = forced == "with" or what.forced == (forced == "only")
        if not wanted or what.usd < rule.settings["usd_min"]:
            return []
        key = f"{told.symbol}:{what.venue}:{int(what.side)}:{what.begun_ms}"
        return [
            self._fire(rule, facts, key, text.whale_trade(facts, what), what.last_price, way=int(what.side))
        ]

    def _burst(self, rule: Rule, facts: Facts, told: Told, what: Burst) -> list[Firing]:
        side = "long" if what.side is Side.BUY else "short"
        if what.usd < rule.settings["usd_min"] or rule.settings["side"] not in ("both", side):
            return []
        seconds = round((told.at_ms - what.since_ms) / 1000)
        key = f"{told.symbol}:{side}:{told.at_ms}"
        said = text.burst(facts, what, seconds)
        # Dying longs are sold, so price is pushed down.
        return [self._fire(rule, facts, key, said, told.price, way=-int(what.side))]

    # Firing.

    def _fire(
        self,
        rule: Rule,
        facts: Facts,
        key: str,
        said: text.Text,
        target: float | None,
        cluster: ClusterFact | None = None,
        way: int = 0,
    ) -> Firing:
        if cluster is not None:
            way = 1 if cluster.side == "short" else -1
        return Firing(
            identity=f"{rule.id}:{rule.kind}:{key}",
            kind=rule.kind.value,
            symbol=facts.symbol,
            at_ms=facts.at_ms,
            title=said.title,
            body=said.body,
            ttl_s=TTL_S[rule.kind],
            urgent=rule.kind not in CALM,
            topic=f"{facts.symbol}-{cluster.id}" if cluster is not None else "",
            target=target,
            way=way,
            ring=True,
            rule=rule.id,
            cluster=(cluster.id, cluster.lo, cluster.hi) if cluster is not None else None,
            price=facts.price,
        )

    def _ringing(self, fired: Iterable[Firing]) -> list[Firing]:
        """Leave out what another rule says in the same words at the same instant; decide what rings."""
        kept = []
        for one in fired:
            if one.at_ms != self._said_ms:
                self._said_ms, self._said = one.at_ms, set()
            words = (one.symbol, one.title, one.body)
            if words in self._said:
                continue
            self._said.add(words)
            quiet = self.quiet is not None and self.quiet.quiet(one.at_ms)
            quiet = quiet or one.at_ms < self.muted.get(one.symbol or "", 0)
            ring = not quiet and self._storm.admit(one.symbol, one.at_ms)
            kept.append(one if ring else replace(one, ring=False))
        return kept

    def _sum_up(self, at_ms: int) -> list[Firing]:
        held = self._storm.summary(at_ms)
        if held is None:
            return []
        said = text.summary(held, at_ms)
        return [
            Firing(
                identity=f"summary:{held.since_ms}",
                kind="summary",
                symbol=None,
                at_ms=at_ms,
                title=said.title,
                body=said.body,
                ttl_s=SUMMARY_TTL_S,
                urgent=True,
                topic="summary",
                target=None,
                way=0,
                ring=True,
                rule=0,
            )
        ]

    def _latch(self, rule: Rule, *identity: object) -> Latch:
        key = (rule.id, *identity)
        latch = self._latches.get(key)
        if latch is None:
            if len(self._latches) >= LATCHES_MAX:
                # The oldest goes: its cluster has been gone for long.
                del self._latches[next(iter(self._latches))]
            latch = self._latches[key] = Latch()
        return latch

    def _told_before(self, rule: Rule, facts: Facts, one: ClusterFact) -> bool:
        """Was this stretch told shortly before the server was started?"""
        self._known = [known for known in self._known if facts.at_ms - known[2] < REMEMBERED_MS]
        return any(
            (of, symbol) == (rule.id, facts.symbol) and lo <= one.hi and one.lo <= hi
            for of, symbol, _, lo, hi in self._known
        )


Watch = Callable[[Alerting, Rule, Facts], list[Firing]]
_WATCHES: Mapping[RuleKind, Watch] = {
    RuleKind.APPROACH: Alerting._approach,
    RuleKind.PRICE: Alerting._price,
    RuleKind.DEPLETION: Alerting._depletion,
    RuleKind.MIGRATION: Alerting._migration,
    RuleKind.FUNDING: Alerting._funding,
    RuleKind.INTEREST: Alerting._interest,
    RuleKind.FEED: Alerting._feed,
}


def preview(rule: Rule, *histories: Iterable[Facts | Told]) -> list[Firing]:
    """Return what a rule would have fired over histories, without quiet hours or budget.

    Each history, oldest first, is of one process, as a cluster's id is; what fired in those before it is
    remembered as after a restart.
    """
    fired: list[Firing] = []
    for history in histories:
        engine = Alerting([rule], storm=Storm(pushes_max=2**31))
        for one in fired:
            if one.cluster is not None and one.symbol is not None:
                engine.remember(rule.id, one.symbol, one.at_ms, *one.cluster[1:])
        for step in history:
            if isinstance(step, Facts):
                # Which came first is not kept, but that price was there is.
                for price in (step.low, step.high):
                    fired += engine.observe(replace(step, price=price)) if price is not None else []
                fired += engine.observe(step)
            else:
                fired += engine.hear(step)
    return fired


def _wanted(rule: Rule, one: ClusterFact) -> bool:
    settings: Mapping[str, Any] = rule.settings
    if one.usd < settings["usd_min"] or not _side_wanted(rule, one.side == "short"):
        return False
    if one.oi_share * 100 < settings.get("oi_pct_min", 0.0):
        return False
    least: float = settings.get("lift_min", 0.0)
    return (one.lift if one.lift is not None else 0.0) >= least


def _side_wanted(rule: Rule, above: bool) -> bool:
    side: str = rule.settings["side"]
    return side in ("both", "above" if above else "below")


def _distance_limit(rule: Rule, facts: Facts) -> float | None:
    """Return the rule's distance as a share of price, None while its unit cannot be told."""
    distance: float = rule.settings["distance"]
    match rule.settings["unit"]:
        case "bp":
            return distance / 1e4
        case "pct":
            return distance / 100
        case "atr":
            return distance * facts.atr / facts.price if facts.atr is not None else None
        case _:
            return distance * abs(facts.pace_per_min) / facts.price if facts.pace_per_min else None


def _at_least(value: float, least: float) -> Near:
    """Return how a size stands to the least that fires: it re-arms below least / 1.2."""
    if value >= least:
        return Near.INSIDE
    return Near.OUTSIDE if value < least / 1.2 else Near.BETWEEN
