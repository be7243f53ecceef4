"""One perpetual at one venue: its book, its traders and what happened in the last step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from leadline.twin import kernels as k
from leadline.twin.contracts import FUNDING_INTERVAL_MS, Contract
from leadline.twin.history import (
    AT_MS,
    BOUGHT,
    CLOSE,
    HIGH,
    INTEREST,
    LOW,
    OPEN,
    RATIO,
    TRADES,
    VOLUME,
    Bars,
    Funding,
)
from leadline.twin.texts import Texts
from leadline.twin.traders import USUAL, Traders
from leadline.units import Step

STEP_MS = 50
STEPS_KEPT = 2_400  # two minutes of exact books to look back on
TRADES_KEPT = 2_000
REACH_SHARE = 0.06  # resting orders lie within this share of the price
LAG_S = {"binance": 0.05, "bybit": 0.12, "okx": 0.2}


@dataclass(frozen=True, slots=True)
class View:
    """The best levels of a book: ticks and lots of each side, best first."""

    bid_ticks: k.Ints
    bid_lots: k.Ints
    ask_ticks: k.Ints
    ask_lots: k.Ints


@dataclass(frozen=True, slots=True)
class Change:
    """What one step did to the book, so that it can be undone: ticks and the lots before the step."""

    step: int
    first_id: int
    update_id: int
    best_bid: int  # before the step
    ticks: k.Ints
    lots: k.Ints


@dataclass(frozen=True, slots=True)
class Fill:
    """A taker's fill at one price. side: +1 the taker bought; forced: a liquidation's."""

    number: int
    at_ms: int
    tick: int
    lots: int
    side: int
    forced: bool


@dataclass(frozen=True, slots=True)
class Death:
    """A forced order. side: +1 a long died; lots asked, lots filled in the book, the last fill's lots."""

    at_ms: int
    position: int
    side: int
    lots: int
    filled: int
    last: int
    bankrupt: float
    average: float


class Market:
    """The truth about one contract; advanced by World, read by servers and tests."""

    def __init__(self, contract: Contract, seed: int, traders: Traders = USUAL) -> None:
        self.contract = self._usual = contract
        price = contract.start_price
        tick, lot = float(contract.tick), float(contract.lot)
        reach = int(REACH_SHARE * price / tick)
        self.params = np.array(
            [
                tick,
                lot,
                contract.depth_usd,
                contract.dense_ticks,
                contract.round_ticks,
                contract.orders_per_s * traders.churn,
                contract.oi_usd,
                contract.position_usd,
                contract.close_fee,
                LAG_S[contract.venue],
                reach,
                traders.leverage_blur,
                traders.funded_share,
                traders.funded_extra,
                traders.rescues_per_h,
                traders.hedger_share,
                traders.lean,
                traders.profit_taking,
                traders.turnover,
                traders.size_sigma,
                traders.size_scale,
                traders.entry_sigma,
                *traders.leverage_shares,
            ]
        )
        self.tiers = contract.tiers
        self.state = np.array([seed], dtype=np.uint64)
        self.head = np.zeros(k.HEAD_SIZE, dtype=np.int64)
        self.book = np.zeros((2, 1 << int(np.ceil(np.log2(reach * 2.6)))), dtype=np.int64)
        self.stats = np.zeros(k.STATS_SIZE)
        self.stats[k.SHORT_EDGE] = np.inf
        self.table = np.zeros((k.TABLE_ROWS, 1 << 16))
        self._log = np.zeros((2, k.LOG_MAX), dtype=np.int64)
        self._walls = np.zeros((3, k.WALLS_MAX), dtype=np.int64)
        self._trades = np.zeros((4, k.TRADES_MAX), dtype=np.int64)
        self._deaths = np.zeros((k.DEATH_ROWS, k.LIQUIDATIONS_MAX))
        self._scratch = np.zeros((2, self.book.shape[1]), dtype=np.int64)
        self.bars = Bars()
        self.funding: list[Funding] = []
        self.changes: deque[Change] = deque(maxlen=STEPS_KEPT)
        self.fills: deque[Fill] = deque(maxlen=TRADES_KEPT)
        self.new_fills: list[Fill] = []
        self.new_deaths: list[Death] = []
        self.update_id = seed % 90_000 + (9_100_000_000_000 if contract.venue == "binance" else 700_000)
        self._opening_id = self.update_id
        self.fill_number = 3_300_000_000
        self._now_ms = 0
        self._bar = np.zeros(10)
        self.skew_ms = 0
        self.zero_times = self.zero_interest = self.narrow_ids = False
        self.closed = ""
        self.texts = Texts(contract)
        self.listed_tick = contract.tick
        self._former: tuple[int, Texts] | None = None

    # What faults change: see twin/faults.py.

    def refine(self, finer: bool) -> None:
        """Halve the tick and move every order by half an old one, or undo that."""
        if finer != self.texts.finer:
            self._former = (self.step, self.texts)
            self.texts = Texts(self.contract, finer)

    def change_contract(self, renamed: bool, multiplied: bool) -> None:
        """Give the contract another name or another unit, or undo that; its past is told in the new unit."""
        contract = self._usual.changed(renamed, multiplied)
        if contract == self.contract:
            return
        price = float(contract.tick.fraction / self.contract.tick.fraction)
        for rows in (self.bars.rows, self._bar[None]):
            rows[:, OPEN : CLOSE + 1] *= price
            rows[:, [VOLUME, BOUGHT, INTEREST]] /= price
        self.contract = contract
        self._former = (self.step, self.texts)
        self.texts = Texts(contract, self.texts.finer)

    @property
    def _unit(self) -> float:
        """The price of one unit of the contract in that of a coin."""
        return float(self.contract.tick.fraction / self._usual.tick.fraction)

    def list_tick(self, coarse: bool) -> None:
        """Choose the tick that the list of contracts tells: that of the prices, or twice as wide."""
        tick = self.texts.tick
        self.listed_tick = Step.of(2 * tick.fraction) if coarse else tick

    def texts_at(self, step: int) -> Texts:
        """Return how numbers were written at ``step``; the change before the last one is forgotten."""
        return self._former[1] if self._former is not None and step <= self._former[0] else self.texts

    # Values that servers publish.

    @property
    def now_ms(self) -> int:
        """The venue's own clock."""
        return 0 if self.zero_times else self._now_ms + self.skew_ms

    @property
    def step(self) -> int:
        return int(self.head[k.STEP])

    @property
    def mark(self) -> float:
        return float(self.stats[k.MARK]) * self._unit

    @property
    def index(self) -> float:
        return float(self.stats[k.INDEX]) * self._unit

    @property
    def best_bid(self) -> int:
        return int(self.head[k.BID])

    @property
    def best_ask(self) -> int:
        return int(self.head[k.ASK])

    @property
    def last_tick(self) -> int:
        return self.fills[-1].tick if self.fills else self.best_bid

    @property
    def long_lots(self) -> int:
        """Lots of all longs, the pool's included."""
        return int(self.stats[k.LONG_LOTS] + max(self.stats[k.POOL_LOTS], 0.0))

    @property
    def short_lots(self) -> int:
        return int(self.stats[k.SHORT_LOTS] - min(self.stats[k.POOL_LOTS], 0.0))

    @property
    def interest_coins(self) -> float:
        """Open interest of one side in coins."""
        return 0.0 if self.zero_interest else self.long_lots * float(self.contract.lot)

    @property
    def account_ratio(self) -> float:
        """Accounts that are long for each that is short."""
        return float(self.stats[k.LONGS] / max(1.0, self.stats[k.SHORTS]))

    @property
    def funding_rate(self) -> float:
        """The rate of the running interval, as venues compute it: premium plus a clamped interest part."""
        premium = float(self.stats[k.FUNDING_AVERAGE])
        return round(max(-0.003, min(0.003, premium + max(-0.0005, min(0.0005, 0.0001 - premium)))), 8)

    @property
    def next_funding_ms(self) -> int:
        return 0 if self.zero_interest else (self.now_ms // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS

    # History.

    def populate(self, price: float, at_ms: int) -> None:
        """Open the usual open interest around ``price``."""
        self._now_ms = at_ms
        self.stats[[k.MARK, k.INDEX, k.REFERENCE]] = price
        k.populate(self.params, self.state, self.table, self.tiers, self.stats, price, float(at_ms))
        self._start_bar(price)

    def run_minute(self, path: k.Floats, crowd: float) -> float:
        """Advance by a minute without a book along the reference ``path``; return the net dollars traded."""
        bar = self._bar[OPEN:9]
        k.minute_market(
            self.params,
            self.state,
            self.head,
            self.table,
            self.tiers,
            self.stats,
            self._deaths,
            path,
            crowd,
            float(self._now_ms),
            bar,
        )
        self._turn_to(self._now_ms + 60_000)
        return float(self.stats[k.FLOW_USD])

    def open_book(self, at_ms: int) -> None:
        """Lay the first book at the present price and start the clock of the fine steps."""
        self._now_ms = at_ms
        fair = float(self.stats[k.REFERENCE] * (1.0 + self.stats[k.BASIS])) / float(self.contract.tick)
        self.stats[k.FAIR] = fair
        k.fill_book(self.params, self.state, self.head, self.book, self._log, fair)
        self._start_bar(self.best_bid * float(self.contract.tick))

    def run_step(self, reference: float, crowd: float) -> float:
        """Advance by STEP_MS; return the net dollars that pushed the price."""
        at_ms = self._now_ms + STEP_MS
        best_bid = self.best_bid
        k.step_market(
            self.params,
            self.state,
            self.head,
            self.book,
            self._log,
            self._walls,
            self._trades,
            self.table,
            self.tiers,
            self.stats,
            self._deaths,
            reference,
            crowd,
            STEP_MS / 1000.0,
            float(at_ms),
        )
        self._record_change(best_bid)
        self._record_fills(0 if self.zero_times else at_ms + self.skew_ms)
        self._turn_to(at_ms)
        return float(self.stats[k.FLOW_USD])

    def _record_change(self, best_bid: int) -> None:
        changed = int(self.head[k.CHANGED])
        if not changed:
            return
        first_id = self.update_id + 1 + (self.step * 7) % 3
        self.update_id = first_id + changed - 1
        ticks, lots = self._log[:, :changed].copy()
        self.changes.append(Change(self.step, first_id, self.update_id, best_bid, ticks, lots))

    def _record_fills(self, at_ms: int) -> None:
        self.new_fills = []
        for tick, lots, side, kind in self._trades[:, : self.head[k.TRADES]].T.tolist():
            self.fill_number += 1
            self.new_fills.append(Fill(self.fill_number, at_ms, tick, lots, side, bool(kind)))
        self.fills.extend(self.new_fills)
        self.new_deaths = [
            Death(
                at_ms,
                int(row[k.L_ID]),
                int(row[k.L_SIDE]),
                int(row[k.L_LOTS]),
                int(row[k.L_FILLED]),
                int(row[k.L_LAST]),
                row[k.L_BANKRUPT] * self._unit,
                row[k.L_AVERAGE] * self._unit,
            )
            for row in self._deaths[:, : self.head[k.LIQUIDATIONS]].T.tolist()
        ]
        bar, tick_usd, lot = self._bar, float(self.contract.tick), float(self.contract.lot)
        for fill in self.new_fills:
            price, coins = fill.tick * tick_usd, fill.lots * lot
            bar[HIGH] = max(bar[HIGH], price)
            bar[LOW] = min(bar[LOW], price)
            bar[CLOSE] = price
            bar[VOLUME] += coins
            bar[BOUGHT] += coins if fill.side > 0 else 0.0
            bar[TRADES] += 1

    def _turn_to(self, at_ms: int) -> None:
        """Set the clock; close the minute and settle funding when their time has come."""
        funding_due = at_ms // FUNDING_INTERVAL_MS != self._now_ms // FUNDING_INTERVAL_MS
        minute_due = at_ms // 60_000 != self._now_ms // 60_000
        if minute_due:
            self._bar[INTEREST] = self.interest_coins
            self._bar[RATIO] = self.account_ratio
            self.bars.append(self._bar)
        self._now_ms = at_ms
        if minute_due:
            self._start_bar(float(self._bar[CLOSE]))
        if funding_due:
            rate = self.funding_rate
            self.funding.append(Funding(at_ms // FUNDING_INTERVAL_MS * FUNDING_INTERVAL_MS, rate, self.mark))
            mark = float(self.stats[k.MARK])
            k.settle_funding(self.params, self.table, self.tiers, self.stats, rate, mark)

    def _start_bar(self, price: float) -> None:
        self._bar[:] = 0.0
        self._bar[AT_MS] = self._now_ms // 60_000 * 60_000
        self._bar[OPEN : CLOSE + 1] = price

    def running_bar(self) -> k.Floats:
        """Return the minute that is not over yet, in the columns of history.Bars."""
        row = self._bar.copy()
        row[INTEREST], row[RATIO] = self.interest_coins, self.account_ratio
        return row

    # Looking at the book.

    def view(self, most: int) -> View:
        """Return the best ``most`` levels of each side."""
        sides = []
        for side in (1, -1):
            count = k.top_levels(self.book, self.head, side, most, self._scratch[0], self._scratch[1])
            sides += [self._scratch[0, :count].copy(), self._scratch[1, :count].copy()]
        return View(*sides)

    def view_at(self, step: int, most: int) -> View:
        """Return the best ``most`` levels of each side as they were after ``step``.

        Raises LookupError when the step is older than what is kept.
        """
        forgotten = len(self.changes) == STEPS_KEPT and step < self.changes[0].step
        if forgotten or step > self.step:
            raise LookupError(f"step {step} is not kept")
        undone = self.changes_after(step)
        if not undone:
            return self.view(most)
        everything = self.view(self.book.shape[1])
        levels = dict(zip(everything.bid_ticks.tolist(), everything.bid_lots.tolist(), strict=True))
        levels.update(zip(everything.ask_ticks.tolist(), everything.ask_lots.tolist(), strict=True))
        for change in reversed(undone):
            levels.update(zip(change.ticks.tolist(), change.lots.tolist(), strict=True))
        best_bid = undone[0].best_bid
        bids = sorted(((t, q) for t, q in levels.items() if q and t <= best_bid), reverse=True)[:most]
        asks = sorted((t, q) for t, q in levels.items() if q and t > best_bid)[:most]
        return View(*(np.array(column, dtype=np.int64) for side in (bids, asks) for column in _columns(side)))

    def changes_after(self, step: int) -> list[Change]:
        """Return what every later step changed, oldest first."""
        newest: list[Change] = []
        for change in reversed(self.changes):
            if change.step <= step:
                break
            newest.append(change)
        return newest[::-1]

    def step_of(self, update_id: int) -> int:
        """Return the step after which the book had this update id; raises LookupError when not kept."""
        if update_id == self.update_id:
            return self.step
        for change in reversed(self.changes):
            if change.update_id == update_id:
                return change.step
        if update_id == self._opening_id and len(self.changes) < STEPS_KEPT:
            return 0
        raise LookupError(f"update id {update_id} is not kept")

    def update_id_at(self, step: int) -> int:
        """Return the update id the book had after ``step``; raises LookupError when not kept."""
        for change in reversed(self.changes):
            if change.step <= step:
                return change.update_id
        if step >= 0 and len(self.changes) < STEPS_KEPT:
            return self._opening_id
        raise LookupError(f"step {step} is not kept")

    def deaths(self) -> k.Floats:
        """Return who was liquidated in the last step or minute, shape (deaths, 8), columns L_ID ..."""
        return self._deaths[:, : int(self.head[k.LIQUIDATIONS])].T.copy()

    def positions(self) -> k.Floats:
        """Return every open position, shape (positions, 9), columns P_ID ... P_OPENED of kernels."""
        return self.table[:, : int(self.stats[k.COUNT])].T.copy()


def _columns(levels: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [tick for tick, _ in levels], [lots for _, lots in levels]
