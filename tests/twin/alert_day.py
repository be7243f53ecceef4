"""A market of the twin at the alert desk in virtual time, and what must be true of everything it tells.

The venues' own protocols are left out: fills, marks, open interest and liquidations of the simulated
world go straight into the session, as adapters would hand them on, and the books are its true ones.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from leadline.domain.alert_facts import Facts
from leadline.domain.alerting import Alerting, Firing
from leadline.domain.cascade import OI_DROP_MIN, CascadeState, Transition
from leadline.domain.events import Completeness, Liquidation, Mark, OpenInterest, PriceKind, Side
from leadline.domain.instrument import Instrument
from leadline.domain.latch import COOL_DOWN_MS, DWELL_MS
from leadline.domain.leverage import bundled_tiers
from leadline.domain.regime import Regime
from leadline.domain.rules import Rule, RuleKind, read_settings
from leadline.domain.signals import Told, TouchOutcome
from leadline.domain.storm import Storm
from leadline.domain.trades import Trades
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.estimate import SymbolHeat
from leadline.feed.hub import Hub
from leadline.feed.session import SymbolSession
from leadline.twin import history
from leadline.twin.contracts import SYMBOLS, VENUES
from leadline.twin.market import STEP_MS, Market
from leadline.twin.world import START_MS, World
from leadline.units import Step
from leadline.venues.base import Candle, History
from tests.fakes.market import HandBook

HISTORY_DAYS = 3.0
LEVELS = 400
BOOK_STEPS, MARK_STEPS, INTEREST_STEPS, DESK_STEPS = 20, 20, 60, 2
FEEDS = {
    "binance": (Completeness.THROTTLED, PriceKind.FILL),
    "bybit": (Completeness.FULL, PriceKind.BANKRUPTCY),
    "okx": (Completeness.THROTTLED, PriceKind.BANKRUPTCY),
}
APPROACH_BP = 25.0
HYSTERESIS = 1.2
STATES = (CascadeState.CONFIRMED, CascadeState.HELD)


class DayClock:
    """The world's time."""

    def __init__(self) -> None:
        self.now_ms = 0

    def wall_ms(self) -> int:
        return START_MS + self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


@dataclass
class Report:
    """What was told, and what of it was wrong: failures is empty when everything held."""

    seed: int
    symbol: str
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, words: str) -> None:
        if len(self.failures) < 20:
            self.failures.append(words)


class AlertDay:
    """``AlertDay(seed).run(hours)`` plays a market and returns its report."""

    def __init__(self, seed: int) -> None:
        symbol = SYMBOLS[seed % len(SYMBOLS)]
        self.report = Report(seed, symbol)
        self.clock = DayClock()
        self.world = World(seed, START_MS, HISTORY_DAYS, (symbol,))
        self.hub = Hub(self.clock, "twin", simulated=True)
        self.heat = SymbolHeat(self.clock)
        self.session = SymbolSession(symbol, self.clock, simulated=True, heat=self.heat)
        self.hub.sessions[symbol] = self.session
        self.markets: dict[str, Market] = {venue: self.world.markets[venue, symbol] for venue in VENUES}
        self.books = {venue: HandBook(_instrument(market)) for venue, market in self.markets.items()}
        rules = [
            Rule(1, RuleKind.APPROACH, None, read_settings(RuleKind.APPROACH, {"distance": APPROACH_BP})),
            Rule(2, RuleKind.STATE, None, read_settings(RuleKind.STATE, {"states": [*STATES]})),
        ]
        self.fired: list[Firing] = []
        # The budget is another test's matter.
        alerting = _Watched(rules, Storm(pushes_max=2**31))
        self.facts = alerting.told_facts
        self.told: list[Told] = []
        self.desk = AlertDesk(
            self.hub,
            {symbol: self.heat},
            alerting,
            lambda firing, _: self.fired.append(firing),
            self.told.append,
        )
        self._interest: dict[int, float] = {}  # coins of all venues, by second
        for venue, book in self.books.items():
            self.session.attach(book.instrument, book)
            self._set_book(venue)
        asyncio.run(self._build())

    async def _build(self) -> None:
        self.heat.expect(len(VENUES))
        for venue, market in self.markets.items():
            made = self.books[venue].instrument
            past = _past(market)
            await self.heat.build(made, bundled_tiers(venue, made.symbol), past, self.clock.wall_ms())

    def run(self, hours: float) -> Report:
        for _ in range(round(hours * 3_600_000 / STEP_MS)):
            self.world.run_step()
            self.clock.now_ms += STEP_MS
            step = self.clock.now_ms // STEP_MS
            for venue, market in self.markets.items():
                self._hand_on(venue, market, step)
            if step % BOOK_STEPS == 0:
                self.session.observe()
                coins = sum(market.interest_coins for market in self.markets.values())
                self._interest[self.clock.now_ms // 1000] = coins
            if step % DESK_STEPS == 0:
                self.desk.step()
        self._judge()
        return self.report

    def _hand_on(self, venue: str, market: Market, step: int) -> None:
        at_ms, symbol = self.clock.wall_ms(), self.report.symbol
        accept, lot = self.session.accept, float(market.contract.lot)
        for fill in market.new_fills:
            accept(Trades.of(self.books[venue].instrument, [(at_ms, fill.tick, fill.lots, fill.side)]))
        completeness, kind = FEEDS[venue]
        shown = market.new_deaths if completeness is Completeness.FULL else market.new_deaths[:1]
        for death in shown:
            price = death.bankrupt if kind is PriceKind.BANKRUPTCY else death.average
            accept(
                Liquidation(
                    venue, symbol, at_ms, Side(death.side), death.lots * lot, price, kind, completeness
                )
            )
        if step % BOOK_STEPS == 0:
            self._set_book(venue)
        if step % MARK_STEPS == 0:
            accept(Mark(venue, symbol, at_ms, market.mark))
        if step % INTEREST_STEPS == 0:
            accept(OpenInterest(venue, symbol, at_ms, market.interest_coins))

    def _set_book(self, venue: str) -> None:
        view, book = self.markets[venue].view(LEVELS), self.books[venue]
        book.book.replace(view.bid_ticks, view.bid_lots, view.ask_ticks, view.ask_lots)  # type: ignore[arg-type]
        book.received_ms = self.clock.now_ms
        self.session.accept(book.changed())

    def _judge(self) -> None:
        report = self.report
        for told in self.told:
            if isinstance(told.what, Transition):
                report.seen[f"{told.what.before} -> {told.what.after}"] += 1
            elif isinstance(told.what, TouchOutcome):
                report.seen["touches with forced flow" if told.what.burst else "touches without"] += 1
            else:
                report.seen[type(told.what).__name__] += 1
        self._judge_approaches([one for one in self.fired if one.rule == 1])
        self._judge_states([one for one in self.fired if one.rule == 2])

    def _judge_approaches(self, fired: list[Firing]) -> None:
        """Hold what rang against a plain second reading of the rule: one ring an approach, and no other."""
        report, wanted = self.report, []
        limit = APPROACH_BP / 1e4
        armed: dict[int, bool] = defaultdict(lambda: True)
        away_since: dict[int, int | None] = defaultdict(lambda: None)
        rang: dict[int, int] = {}
        for facts in self.facts:
            for one in facts.clusters if facts.regime is not Regime.NEWS else ():
                distance = one.distance(facts.price)
                if distance <= 0:
                    continue
                if distance > HYSTERESIS * limit:
                    away_since[one.id] = facts.at_ms if away_since[one.id] is None else away_since[one.id]
                else:
                    away_since[one.id] = None
                if armed[one.id] and distance <= limit:
                    armed[one.id], rang[one.id] = False, facts.at_ms
                    wanted.append((facts.at_ms, one.id))
                elif not armed[one.id]:
                    since = away_since[one.id]
                    left = since is not None and facts.at_ms - since >= DWELL_MS
                    armed[one.id] = left and facts.at_ms - rang[one.id] >= COOL_DOWN_MS
        got = [(one.at_ms, one.cluster[0]) for one in fired if one.cluster]
        report.seen["approaches"] = len(wanted)
        if got != wanted:
            report.fail(f"approaches: wanted {wanted}, got {got}")

    def _judge_states(self, fired: list[Firing]) -> None:
        """Every transition asked for rings once; a confirmation has falling open interest behind it."""
        report = self.report
        moved = [
            told for told in self.told if isinstance(told.what, Transition) and told.what.after in STATES
        ]
        facts_at = {facts.at_ms: facts for facts in self.facts}
        wanted = []
        for told in moved:
            assert isinstance(told.what, Transition)
            facts = facts_at[told.at_ms]
            if facts.regime is Regime.NEWS:
                report.seen["states silenced by news"] += 1
            elif facts.cluster(told.what.cluster) is not None:
                wanted.append((told.at_ms, told.what.cluster))
            else:
                report.fail(f"a cluster changed its state at {told.at_ms} without being shown")
        got = [(one.at_ms, one.cluster[0]) for one in fired if one.cluster]
        if got != wanted:
            report.fail(f"states: wanted {wanted}, got {got}")
        for told in moved:
            if told.what.after is not CascadeState.CONFIRMED:  # type: ignore[union-attr]
                continue
            second = (told.at_ms - START_MS) // 1000
            before = [self._interest.get(second - back, 0.0) for back in range(28, 40)]
            now = min(self._interest.get(second - back, np.inf) for back in range(5))
            if (max(before) - now) / max(before) < 0.8 * OI_DROP_MIN:
                report.fail(f"confirmed at {second} s without a fall of open interest")


class _Watched(Alerting):
    """Keeps what it was told, for a second reading."""

    def __init__(self, rules: list[Rule], storm: Storm) -> None:
        super().__init__(rules, storm=storm)
        self.told_facts: list[Facts] = []

    def observe(self, facts: Facts) -> list[Firing]:
        self.told_facts.append(facts)
        return super().observe(facts)


def _instrument(market: Market) -> Instrument:
    contract = market.contract
    return Instrument(
        contract.venue, contract.symbol, contract.native, contract.tick, contract.lot, Step.of("1"),
        base=contract.base, quote="USDT",
    )  # fmt: skip


def _past(market: Market) -> History:
    rows = market.bars.rows
    made = [
        Candle(int(row[history.AT_MS]), *(float(x) for x in row[history.OPEN : history.VOLUME + 1]), None)
        for row in rows
    ]
    interest = [(int(row[history.AT_MS]) + 60_000, float(row[history.INTEREST])) for row in rows]
    return History(made, interest)


def main() -> int:
    """Play some hours of a seed and say what was told: ``python -m tests.twin.alert_day 3 [HOURS]``."""
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    report = AlertDay(int(sys.argv[1])).run(hours)
    sys.stdout.write(f"{report.symbol} {dict(report.seen)}\n" + "\n".join(report.failures) + "\n")
    return bool(report.failures)


if __name__ == "__main__":
    raise SystemExit(main())
