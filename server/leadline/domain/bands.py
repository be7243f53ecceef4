"""Where the open positions of one venue would be liquidated: an estimate that conserves open interest.

Every contract is one long and one short, so both sides are always worth the open interest.  On each
side a coin is in exactly one place: in a *band* (a bin of log price and a distance class: its estimated
trigger), in the *pool* (positions no move inside the grid liquidates), or *swept* (the mark reached its
trigger since the last open interest sample, which will settle it).  Trades say where positions were
opened, open interest how many were opened and closed, and the mark alone takes bands away.

Prints teach (`learning`): a multiplier for each distance class where a venue shows every liquidation,
which venues without such a feed adopt, and one for the venue's total.  Cells keep what the prior says,
so a lesson counts for all open positions at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from math import ceil, exp, floor, isfinite, log
from typing import Any, Protocol

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain import kernels
from leadline.domain.events import Completeness, PriceKind, Side
from leadline.domain.exact import ExactLayer, with_exact
from leadline.domain.kernels import F8, I8, Bools
from leadline.domain.learning import ClassLearning, ForcedFlow, Lesson, TotalLearning, misfit
from leadline.domain.leverage import Tiers
from leadline.domain.margin import trigger_from_bankruptcy
from leadline.domain.placement import distance_prior, trigger_kernels
from leadline.domain.profile import Profile

STEP = constants.LOG_STEP
# What a rival that takes over brings along, and gets in exchange.
_TUNED = (
    "_cells",
    "_sums",
    "_scales",
    "_classes",
    "_total",
    "_misfit",
    "_part_max",
    "lesson",
    "churn_kept",
)
# Where rivals count, all of them.
_UNREAD: F8 = np.zeros((2, 4, 2 * constants.BINS))


class CandleLike(Protocol):
    """One bar of history; volume and taker_buy in coins, taker_buy None where the venue does not say."""

    @property
    def at_ms(self) -> int: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def volume(self) -> float: ...
    @property
    def taker_buy(self) -> float | None: ...


class Bands:
    """The estimate for one (venue, symbol).  Sizes are coins, prices in quote currency.

    tiers: the venue's leverage tiers, which give the prior over distances.  churn_kept: share of two-way
    flow that outlives a slice.  No venue tells it, so once a venue shows every liquidation, rivals with
    the next CHURN_CHOICES either way live beside these bands, and whichever foretells the prints best takes
    over.  exact: public positions, which replace the estimate as far as they cover it.  suspect: the
    liquidation feed is silent against all reason, so that nothing is learnt from its silence.
    """

    __slots__ = (
        "_buys",
        "_cells",
        "_classes",
        "_corrected",
        "_drift",
        "_edges",
        "_faded",
        "_first",
        "_flows",
        "_hears_all",
        "_hears_since_ms",
        "_histogram",
        "_learn_due_ms",
        "_learnt_ms",
        "_lump_coins",
        "_misfit",
        "_part_max",
        "_prior",
        "_rivals",
        "_scales",
        "_sells",
        "_span",
        "_sums",
        "_tiers",
        "_total",
        "_tune_due_ms",
        "at_ms",
        "churn_kept",
        "exact",
        "forced",
        "lesson",
        "mark_price",
        "oi_coins",
        "residual_per_h",
        "sampled_ms",
        "suspect",
    )

    def __init__(self, tiers: Tiers, mark: float, at_ms: int) -> None:
        classes = len(constants.CLASS_DISTANCES)
        self._tiers = tiers
        self._prior = distance_prior(tiers)
        self._cells: F8 = np.zeros((2, classes, constants.BINS))
        self._sums: F8 = np.zeros((2, 3, classes))
        self._scales: F8 = np.ones(2)
        self._edges: I8 = np.zeros(2, dtype=np.int64)
        self._corrected: F8 = np.zeros(2)
        self._faded: F8 = np.zeros(2)
        self._flows: F8 = np.zeros((2, 4, 2 * constants.BINS))
        self._histogram: F8 = np.zeros(constants.HISTOGRAM_BINS)
        self._span: I8 = np.array([constants.HISTOGRAM_BINS, 0])
        self._first = 0
        self._buys = 0.0
        self._sells = 0.0
        self._drift = 0.0
        self._lump_coins: float | None = None
        self._classes = ClassLearning()
        self._total = TotalLearning()
        self._hears_all = False
        self._hears_since_ms: int | None = None
        self._learn_due_ms = self._learnt_ms = at_ms
        self.churn_kept = constants.CHURN_KEPT
        self.exact: ExactLayer | None = None
        self.suspect = False
        self._rivals: list[Bands] = []
        self._misfit = 0.0
        self._tune_due_ms = at_ms
        self.forced = ForcedFlow()
        self.lesson = self._classes.lesson(self._prior)
        self._part_max = constants.CLASS_SHARE_MAX / float(self._prior.sum())
        self.oi_coins = 0.0
        self.sampled_ms: int | None = None
        self.residual_per_h = 0.0
        self.at_ms = at_ms
        self.mark(mark, at_ms)
        self._start_slice()

    def trades(self, prices: F8, coins: F8, bought: Bools) -> None:
        """Take trades: three parallel arrays; ``bought`` where the taker bought."""
        buys, sells = kernels.add_trades(
            self._histogram,
            self._span,
            self._first,
            STEP,
            np.asarray(prices, dtype=np.float64),
            np.asarray(coins, dtype=np.float64),
            np.asarray(bought, dtype=np.bool_),
        )
        self._buys += buys
        self._sells += sells
        for rival in self._rivals:
            rival.trades(prices, coins, bought)

    def mark(self, price: float, at_ms: int) -> None:
        """Take the venue's mark price, which liquidates what it reaches.

        A jump of the mark reaches everything in between.  Raises ValueError for a price not above 0.
        """
        if not (isfinite(price) and price > 0):
            raise ValueError(f"expected a mark price above 0, got {price}")
        if at_ms >= self._learn_due_ms:
            # Before the mark moves: the prints of what it sweeps are still to come.
            self._tune(at_ms)
            self._learn(at_ms)
        position = log(price) / STEP
        if (ceil(position - 0.5), ceil(-position - 0.5)) != (self._edges[0], self._edges[1]):
            seen = at_ms - self.at_ms <= constants.LEARN_GAP_MS
            counted = self._hears_since_ms is not None and seen and not self.suspect
            kernels.move(
                self._cells,
                self._sums,
                self._scales,
                self._edges,
                self.lesson.multipliers,
                self._flows,
                position,
                counted,
            )
        self.mark_price = float(price)
        self.at_ms = at_ms
        for rival in self._rivals:
            rival.mark(price, at_ms)

    def candle(self, candle: CandleLike) -> None:
        """Take a bar of history in place of its trades and marks.

        Volume is spread evenly over low to high in log price.  The extremes are of the last price and
        may exceed the mark's, so history sweeps a little too much rather than too little.
        """
        self.volume(candle)
        extremes = (candle.low, candle.high)
        for price in (*(extremes if candle.close >= candle.open else extremes[::-1]), candle.close):
            self.mark(price, candle.at_ms)

    def volume(self, candle: CandleLike) -> None:
        """Take a bar in place of its trades alone."""
        low, high = log(candle.low) / STEP, log(candle.high) / STEP
        kernels.add_range(self._histogram, self._span, self._first, low, high, candle.volume)
        buys = candle.volume / 2 if candle.taker_buy is None else candle.taker_buy
        self._buys += buys
        self._sells += candle.volume - buys
        for rival in self._rivals:
            rival.volume(candle)

    def open_interest(self, coins: float, at_ms: int) -> None:
        """Take one side's open interest: settles the flow since the sample before.

        Let every traded coin open on both sides, close on both or change hands.  Then of the volume V,
        with dQ the change of open interest, max(dQ, 0) + churn_kept / 2 * max(V - |dQ|, 0) coins were
        opened a side and dQ less were closed.  The first sample seeds both sides with the prior around
        the mark, as nothing is known of older entries.  Raises ValueError for a negative number.
        """
        if not (isfinite(coins) and coins >= 0):
            raise ValueError(f"expected open interest of at least 0, got {coins}")
        if self.sampled_ms is None:
            self._spread_around_mark()
            self._settle(coins, (1.0, 1.0), coins, 0.0)
        else:
            volume = self._buys + self._sells
            change = coins - self.oi_coins
            opened = max(change, 0.0) + self.churn_kept / 2 * max(volume - abs(change), 0.0)
            if volume <= 0.0 < opened:
                self._trade_at_mark()
            hours = max(at_ms - self.sampled_ms, 0) / 3_600_000
            self._settle(opened, self._parts(), coins, hours)
            self.forced.settle(opened - change)
        self.oi_coins = coins
        self.sampled_ms = at_ms
        self._start_slice()
        for rival in self._rivals:
            rival.open_interest(coins, at_ms)

    def liquidation(
        self, side: Side, coins: float, price: float, kind: PriceKind, completeness: Completeness, at_ms: int
    ) -> float:
        """Take a liquidation print: ``side`` of the position that died, its price of this kind.

        Returns its trigger, as far as the print tells.  A complete feed teaches the class multipliers;
        any feed teaches the total, a throttled one with less weight and what it leaves out added.  Bands
        are taken away by the mark alone.
        """
        if self._hears_since_ms is None:
            self._hears_since_ms = at_ms
        trigger = price
        if kind is PriceKind.BANKRUPTCY:
            trigger = trigger_from_bankruptcy(self._tiers, side, price, coins)
        if completeness is not Completeness.FULL:
            self.forced.hear_throttled(side, coins, at_ms)
            return trigger
        if not self._hears_all:
            self._begin_tuning(at_ms)
        self._hear(side, coins)
        for rival in self._rivals:
            rival._hear(side, coins)
        return trigger

    def deleveraged(self, side: Side, coins: float) -> None:
        """Take what the venue closed of positions in profit on ``side``, for want of who could pay them.

        Venues rank winners by profit and leverage (arXiv 2512.01112), so these give first.
        """
        row = 0 if side is Side.BUY else 1
        offsets, widths, _ = trigger_kernels()
        away = -(offsets[row] + widths[row] / 2.0)
        multipliers = self.lesson.multipliers
        kernels.deleverage(self._cells, self._sums, self._scales, self._edges, multipliers, away, row, coins)
        for rival in self._rivals:
            rival.deleveraged(side, coins)

    def funding(self, rate: float) -> None:
        """Take a settlement: longs pay ``rate`` and shorts receive it, so both triggers rise by it."""
        self._drift += rate
        while abs(self._drift) >= STEP:
            bins_up = 1 if self._drift > 0 else -1
            kernels.shift(
                self._cells,
                self._sums,
                self._scales,
                self._edges,
                self.lesson.multipliers,
                self._flows,
                bins_up,
            )
            self._drift -= bins_up * STEP
        for rival in self._rivals:
            rival.funding(rate)

    def adopt(self, lesson: Lesson, lump_coins: float, churn_kept: float) -> None:
        """Take over what complete feeds of other venues taught, for want of one here."""
        self._lump_coins = lump_coins
        self.churn_kept = churn_kept
        self._apply(lesson)

    def memory(self) -> dict[str, object] | None:
        """Return what prints have taught here, as plain values; None before the first was heard."""
        if self._hears_since_ms is None:
            return None
        return {
            "classes": self._classes.memory(),
            "total": self._total.memory(),
            "churn_kept": self.churn_kept,
            "hears_all": self._hears_all,
            "heard_ms": self.at_ms - self._hears_since_ms,
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` told, before history is played: it is read with what was learnt.

        Raises ValueError, KeyError or TypeError for anything else, and changes nothing then.
        """
        classes, total, churn_kept = ClassLearning(), TotalLearning(), float(memory["churn_kept"])
        classes.recall(memory["classes"])
        total.recall(memory["total"])
        if not 0.0 < churn_kept <= 1.0 or int(memory["heard_ms"]) < 0:
            raise ValueError(f"expected a share of churn, heard for some ms, got {churn_kept}")
        self._classes, self._total, self.churn_kept = classes, total, churn_kept
        self._apply(self.taught)

    def hear_on(self, memory: Mapping[str, Any]) -> None:
        """Go on learning where ``memory`` stopped, after history was played (it has no prints)."""
        self._hears_since_ms = self.at_ms - int(memory["heard_ms"])
        self._learn_due_ms = self._learnt_ms = self.at_ms
        self._sums[:, kernels.EXPECTED] = 0.0
        if memory["hears_all"]:
            self._begin_tuning(self.at_ms)

    def doubt_feed(self, suspect: bool) -> None:
        """Say whether the liquidation feed's silence is to be believed."""
        self.suspect = suspect
        for rival in self._rivals:
            rival.suspect = suspect

    @property
    def tiers(self) -> Tiers:
        """The leverage tiers behind the prior."""
        return self._tiers

    @property
    def taught(self) -> Lesson:
        """What this venue's own prints teach; the shares of an opening add up to 1 with it."""
        return self._classes.lesson(self._prior)

    @property
    def hears_all(self) -> bool:
        """Does this venue show every liquidation, so that its class multipliers are learnt here?"""
        return self._hears_all

    @property
    def learnt(self) -> bool:
        """Have enough prints been seen, for long enough, to say how certain the bands are?"""
        if not self._hears_all or self._hears_since_ms is None:
            return False
        hours = (self.at_ms - self._hears_since_ms) / 3_600_000
        return self._classes.prints >= constants.LEARNED_PRINTS_MIN and hours >= constants.LEARNED_HOURS_MIN

    @property
    def prints(self) -> int:
        """Prints of a complete feed so far."""
        return self._classes.prints

    @property
    def lump_coins(self) -> float:
        """Mean square over mean of the sizes of single liquidations."""
        adopted = self._lump_coins
        return self._classes.lump_coins(self.mark_price) if adopted is None else adopted

    @property
    def total_multipliers(self) -> F8:
        """What is liquidated over what the bands expect [2], by which their flow is multiplied."""
        return self._total.multipliers

    def profile(self) -> Profile:
        """Return the bands around the mark as forced flow, all distance classes summed."""
        half = constants.PROFILE_BINS // 2
        origin = int(np.floor(log(self.mark_price) / STEP)) - half
        folded: F8 = np.empty((2, 2, constants.PROFILE_BINS))
        lesson = self.lesson
        kernels.fold(
            self._cells, self._scales, self._edges, lesson.multipliers, lesson.variances, origin, folded
        )
        flow: F8 = np.empty(2)
        kernels.as_flow(folded, self._total.multipliers, self.oi_coins, flow)
        coins, taught = folded
        shown = coins.sum(axis=1) / self.oi_coins if self.oi_coins else np.ones(2)
        made = Profile(
            origin=origin,
            step=STEP,
            long_coins=coins[0],
            short_coins=coins[1],
            sd_coins=np.stack([taught, self._own_sigmas()[:, None] * coins]),
            lump_coins=self.lump_coins,
            oi_coins=self.oi_coins,
            long_rest=1.0 - float(shown[0]),
            short_rest=1.0 - float(shown[1]),
            mark=self.mark_price,
            at_ms=self.at_ms,
            flow=flow,
            corrected=self._corrected.copy(),
        )
        return made if self.exact is None else with_exact(made, self.exact)

    def outline(self, origin: int, bins: int) -> F8:
        """Return the coins of `profile` alone, both sides together, in ``bins`` bins from ``origin`` on."""
        coins: F8 = np.empty(bins)
        kernels.outline(
            self._cells,
            self._sums,
            self._scales,
            self._edges,
            self.lesson.multipliers,
            self._total.multipliers,
            self.oi_coins,
            origin,
            coins,
        )
        return coins

    def prior_coins(self, origin: int) -> F8:
        """Return coins [2, PROFILE_BINS] as the prior places them, before what prints taught."""
        folded: F8 = np.empty((2, 2, constants.PROFILE_BINS))
        ones = np.ones(len(constants.CLASS_DISTANCES))
        kernels.fold(self._cells, self._scales, self._edges, ones, np.zeros_like(ones), origin, folded)
        coins: F8 = folded[0]
        return coins

    def load(self) -> None:
        """Load the compiled code that pictures and lessons need, so that neither waits for it later."""
        kernels.revalue(
            self._cells, self._scales, self._edges, np.zeros_like(self.lesson.multipliers), self._flows
        )
        self.flows(self.profile().origin)
        self.prior_coins(0)

    @property
    def faded(self) -> F8:
        """What an open position of each side [2] is worth now over what it was at the start, in ln.

        Closing, keeping to the open interest, and what prints taught, all classes alike.
        """
        return self._faded + np.log(self._total.multipliers)

    def flows(self, origin: int, bins: int = constants.PROFILE_BINS) -> F8:
        """Return what became of the coins of ``bins`` bins from log-price bin ``origin`` on.

        [4, 2, n] coins since the start: opened, triggered, shifted in, revalued; sides long, short.  Over
        any time, a bin's change is opened - triggered + shifted + revalued - closed.
        """
        found: F8 = np.empty((4, 2, bins))
        kernels.flows_of(self._flows, origin, found)
        return found

    def held_coins(self, side: Side) -> tuple[float, float, float]:
        """Return (in bands, in the pool, swept since the last sample); their sum is the open interest."""
        row = 0 if side is Side.BUY else 1
        by_class = self._cells[row].sum(axis=1) * self._scales[row]
        banded = float(by_class @ self.lesson.multipliers)
        swept = float(self._sums[row, kernels.SWEPT] @ self.lesson.multipliers)
        return banded, self.oi_coins - banded - swept, swept

    def _own_sigmas(self) -> F8:
        """Standard deviations [2] of ln(coins) of this venue alone: of its totals, of a lesson adopted."""
        if self._hears_since_ms is None:
            total = np.full(2, constants.TOTAL_SIGMA_NONE)
        else:
            known = constants.TOTAL_SIGMA_FULL if self._hears_all else constants.TOTAL_SIGMA_THROTTLED
            total = np.minimum(np.hypot(known, self._total.sigmas), constants.TOTAL_SIGMA_NONE)
        own: F8 = np.hypot(total, self.lesson.own_sigma)
        return own

    def _start_slice(self) -> None:
        """Begin to collect trades around the mark, for which the histogram has to be empty."""
        self._first = floor(log(self.mark_price) / STEP) - constants.HISTOGRAM_BINS // 2
        self._buys = self._sells = 0.0

    def _spread_around_mark(self) -> None:
        """Take the unknown entries of what is open at first as a bell around the mark."""
        self._start_slice()
        bins = np.arange(constants.HISTOGRAM_BINS) - constants.HISTOGRAM_BINS // 2
        self._histogram[:] = np.exp(-0.5 * (bins * STEP / constants.SEED_LOG_SIGMA) ** 2)
        self._span[:] = 0, len(self._histogram)

    def _trade_at_mark(self) -> None:
        """Take what opened without a trade as opened at the mark."""
        at = floor(log(self.mark_price) / STEP) - self._first
        at = min(max(at, 0), constants.HISTOGRAM_BINS - 1)
        self._histogram[at] = 1.0
        self._span[:] = at, at + 1

    def _hear(self, side: Side, coins: float) -> None:
        self.forced.hear(side, coins)
        self._classes.take(side, coins)

    def _begin_tuning(self, at_ms: int) -> None:
        self._hears_all = True
        self._tune_due_ms = at_ms + constants.TUNE_EVERY_MS
        self._meet_neighbours()

    def _meet_neighbours(self) -> None:
        """Have a rival at the next share of churn either way, the same one as before where there was one."""
        below = [kept for kept in constants.CHURN_CHOICES if kept < self.churn_kept]
        above = [kept for kept in constants.CHURN_CHOICES if kept > self.churn_kept]
        known = {rival.churn_kept: rival for rival in self._rivals}
        self._rivals = []  # of which a new rival shall have no copy
        self._rivals = [known.get(kept) or self._rival(kept) for kept in below[-1:] + above[:1]]

    def _rival(self, churn_kept: float) -> Bands:
        """Return the same bands, which from now on go by another share of churn."""
        rival = deepcopy(self)
        rival.churn_kept = churn_kept
        rival._flows = _UNREAD  # nobody asks what became of a rival's bins
        return rival

    def _tune(self, at_ms: int) -> None:
        """Let the rival take over that foretold liquidations better, if one did."""
        if not self._rivals or at_ms < self._tune_due_ms:
            return
        self._tune_due_ms = at_ms + constants.TUNE_EVERY_MS
        best = min(self._rivals, key=lambda rival: rival._misfit)
        if best._misfit < constants.TUNE_MISFIT_RATIO * self._misfit:
            # What the bins are worth changes at once: the ledger of flows calls that revalued.
            kernels.revalue(self._cells, self._scales, self._edges, -self.lesson.multipliers, self._flows)
            for name in _TUNED:
                mine, other = getattr(self, name), getattr(best, name)
                setattr(self, name, other)
                setattr(best, name, mine)
            kernels.revalue(self._cells, self._scales, self._edges, self.lesson.multipliers, self._flows)
            self._meet_neighbours()

    def _learn(self, at_ms: int) -> None:
        """Weigh what was printed since the last lesson against what was expected to be."""
        minutes = (at_ms - self._learnt_ms) / 60_000
        self._learnt_ms, self._learn_due_ms = at_ms, at_ms + constants.LEARN_EVERY_MS
        if self._hears_since_ms is None or self.oi_coins <= 0.0 or minutes <= 0.0:
            return
        expected: F8 = self._sums[:, kernels.EXPECTED].copy()
        self._sums[:, kernels.EXPECTED] = 0.0
        lump = self.lump_coins
        weight = 1.0 if self._hears_all else constants.THROTTLED_WEIGHT
        forced = self.forced.take(self.oi_coins, minutes)
        base = expected @ self.lesson.multipliers
        if self._hears_all:
            kept = constants.TUNE_KEPT_PER_MIN**minutes
            self._misfit = kept * self._misfit + misfit(forced, self._total.multipliers * base, lump)
        self._total.learn(forced, base, lump, weight, minutes)
        if self._hears_all:
            self._classes.learn(expected, lump, minutes)
            self._apply(self.taught)

    def _apply(self, lesson: Lesson) -> None:
        """Use these multipliers for all open positions, as far as the open interest allows."""
        most = constants.CLASS_SHARE_MAX
        multipliers = lesson.multipliers * min(1.0, most / float(lesson.multipliers @ self._prior))
        change = multipliers - self.lesson.multipliers
        kernels.revalue(self._cells, self._scales, self._edges, change, self._flows)
        self.lesson = replace(lesson, multipliers=multipliers)
        self._part_max = most / float(multipliers @ self._prior)
        held = self._sums[:, kernels.HELD]
        before = held @ (multipliers - change)
        self._faded += np.log(np.divide(held @ multipliers, before, out=np.ones(2), where=before > 0))
        banded = (held @ multipliers) * self._scales
        swept = self._sums[:, kernels.SWEPT] @ multipliers
        for side in range(2):
            room = max(most * self.oi_coins - swept[side], 0.0)
            if swept[side] > most * self.oi_coins:
                self._sums[side, kernels.SWEPT] *= most * self.oi_coins / swept[side]
            if banded[side] > room:
                factor = room / banded[side] if room > 0 else constants.SCALE_MIN
                self._scales[side] *= factor
                self._corrected[side] += log(factor)
                self._faded[side] += log(factor)

    def _parts(self) -> tuple[float, float]:
        """Return the factors of the prior in openings of longs and shorts: takers are easier to liquidate."""
        volume = self._buys + self._sells
        bought = self._buys / volume if volume else 0.5
        taker, maker = constants.TAKER_LIQUIDATABLE, constants.MAKER_LIQUIDATABLE
        mean, most = constants.MEAN_LIQUIDATABLE, self._part_max
        longs, shorts = maker + (taker - maker) * bought, taker - (taker - maker) * bought
        return min(longs / mean, most), min(shorts / mean, most)

    def _settle(self, opened: float, parts: tuple[float, float], coins: float, hours: float) -> None:
        """Open and close what makes the open interest ``coins``, which was ``hours`` ago ``oi_coins``."""
        offsets, widths, weights = trigger_kernels()
        correction = kernels.settle(
            self._cells,
            self._sums,
            self._scales,
            self._edges,
            self._histogram,
            self._span,
            self._first,
            opened,
            *parts,
            self._prior,
            offsets,
            widths,
            weights,
            self.lesson.multipliers,
            self._flows,
            self._hears_since_ms is not None and not self.suspect,
            self.sampled_ms is None,
            self.oi_coins,
            coins,
            constants.CLOSED_SHARE_MAX,
            constants.CORRECTION_MIN,
            constants.CORRECTION_MAX,
            constants.CLASS_SHARE_MAX,
            constants.SCALE_MIN,
            self._corrected,
            self._faded,
        )
        # The mean of |ln correction| an hour over about the last RESIDUAL_HOURS: a sum that fades.
        kept = exp(-hours / constants.RESIDUAL_HOURS)
        self.residual_per_h = self.residual_per_h * kept + correction / constants.RESIDUAL_HOURS
