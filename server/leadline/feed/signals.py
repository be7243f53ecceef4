"""The order-flow signals of one symbol over its venues: what the book does about what lies ahead.

Events are taken as they come; once a second the book is looked at, the clusters near price are followed
more closely, and whatever is new is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from leadline.domain.absorption import AbsorptionWatch, Second, zone_width
from leadline.domain.cascade import CascadeState
from leadline.domain.cluster_watch import Around, ClusterWatch
from leadline.domain.events import BookState, Completeness, Event, Liquidation, OpenInterest, Side
from leadline.domain.flow import SPIKE_Z_MIN, TakerFlow
from leadline.domain.forced import Bursts, InterestDrop
from leadline.domain.grouping import default_group, group_steps
from leadline.domain.odds import CascadeOdds, Odds
from leadline.domain.regime import MapFacts, MinuteReturns, NewsSigns, NewsWatch, Regime, RegimeWatch
from leadline.domain.signals import ClusterLike, Fuel, RegimeChange, Signal, Told, VolumeSpike
from leadline.domain.spread import Spread
from leadline.domain.sweeps import Sweeps
from leadline.domain.taken import Taken
from leadline.domain.thinning import Thinning
from leadline.domain.trades import Trades, joined
from leadline.domain.true_range import TrueRange
from leadline.domain.walls import Picture, Walls, whale_floor_usd
from leadline.feed.session import ALL_VENUES, SymbolSession, VenueView

ROWS = 1_000  # of a side of the book that are looked at
FLOW_S = 10
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
USUAL_S = 1_800.0
RANGE_BAR_MS = 900_000
HEALTHY_MS = 10_000
DIED_S = 120
TAKEN_MAX = 16_384  # messages


class SymbolSignals:
    """Feeds the detectors of one symbol.

    odds: learned over all symbols together; together: tells the share of the large symbols that moved
    the way of a return of so many sigmas.
    """

    def __init__(
        self,
        session: SymbolSession,
        base: str,
        odds: CascadeOdds | None = None,
        together: Callable[[float], float] = lambda _: 0.0,
    ) -> None:
        floor_usd = whale_floor_usd(base)
        self.session = session
        self.clusters = ClusterWatch(odds or CascadeOdds())
        self.walls = Walls(floor_usd)
        self.flow = TakerFlow()
        self.regime = Regime.UNKNOWN
        self.sigmas = 0.0
        self._floor_usd = floor_usd
        self._sweeps: dict[str, Sweeps] = {}
        self._bursts = Bursts(floor_usd)
        self._interest = InterestDrop()
        self._oi_coins: dict[str, float] = {}
        self._forced_usd = {Side.BUY: 0.0, Side.SELL: 0.0}
        self.shown_usd = 0.0  # of all liquidations that feeds showed so far
        self._absorption = AbsorptionWatch()
        self._thinning = Thinning()
        self._range = TrueRange(RANGE_BAR_MS)
        self._spreads = Spread(USUAL_S)
        self._regimes, self._news = RegimeWatch(), NewsWatch()
        self._returns = MinuteReturns()
        self._together = together
        self._clock = session.clock
        self._seen: Picture | None = None  # the book at the last look, None while none is live
        self._group = 0
        self._taken: deque[tuple[Trades, int]] = deque(maxlen=TAKEN_MAX)  # since the last look
        self._minute_prices: deque[float] = deque(maxlen=2)  # at the begin of the minute before and of this
        self._minute = self._hour = -1
        self._standing: set[object] = set()

    def take(self, event: Event, view: VenueView) -> list[Told]:
        """Take one event of a venue; return what it tells at once."""
        if isinstance(event, Trades):
            return self._trades(event, view)
        if isinstance(event, Liquidation):
            return self._liquidation(event)
        if isinstance(event, OpenInterest):
            self._interest.sample(self._clock.monotonic_ms(), event.venue, event.coins)
            self._oi_coins[event.venue] = event.coins
        return []

    def look(self, fuel: Fuel[ClusterLike] | None) -> list[Told]:
        """Look at the book as it stands; called once a second where it matters, else less often."""
        now_ms, price = self._clock.wall_ms(), self.session.price()
        if price is None:
            return []
        self.flow.advance(now_ms)
        self._range.observe(price, now_ms)
        self._observe_minute(now_ms, price)
        news: list[Signal] = [one for sweeps in self._sweeps.values() for one in sweeps.advance(now_ms)]
        self._seen = self._picture(now_ms)
        if self._seen is None:
            self._taken.clear()
            news += self.walls.lost()
        else:
            news += self._look_at_book(self._seen)
            if fuel is not None:
                news += self._judge_regime(fuel, self._seen)
        spike_z = self.flow.volume_spike_z()
        spike = VolumeSpike(sum(self.flow.sums(60)), spike_z) if spike_z >= SPIKE_Z_MIN else None
        news += self._begun("spike", spike)
        news += self._begun("divergence", self.flow.divergence())
        return self._told(news, now_ms, price)

    def follow(self, fuel: Fuel[ClusterLike]) -> list[Told]:
        """Follow the clusters with the mark of now, beside the book of the last look."""
        now_ms, price = self._clock.wall_ms(), self.session.price()
        if price is None or self._seen is None:
            return []
        news = self.clusters.look(fuel, self._around(self._seen, now_ms))
        self.session.cascades = {
            number: {"state": standing.state.value, "odds": _share_told(standing.odds), "n": standing.odds.n}
            for number, standing in self.clusters.standing.items()
            if standing.state is not CascadeState.IDLE
        }
        return self._told(news, now_ms, price)

    @property
    def range_log(self) -> float | None:
        """The average true range of 15 minutes in ln(price), None while unknown."""
        return self._range.average

    def thin(self, side: Side) -> float:
        """Return the missing share of a side's depth (see Thinning)."""
        return self._thinning.thin(side)

    def died_usd(self, at_ms: int, side: Side) -> float:
        """Return the dollars of a side that feeds showed dying within DIED_S."""
        burst = self._bursts.recent(at_ms, side, DIED_S)
        return burst.usd if burst else 0.0

    def values(self) -> dict[str, object]:
        """Return what stands now as plain data, for a screen."""
        drop = self._interest.drop(self._clock.monotonic_ms())
        now_ms = self._clock.wall_ms()
        return {
            "imbalance": round(self.flow.imbalance(), 3),
            "imbalance_z": round(self.flow.imbalance_z(), 2),
            "cvd_usd": round(self.flow.cvd_usd),
            "spike_z": round(self.flow.volume_spike_z(), 2),
            "thin": {"bids": round(self.thin(Side.BUY), 3), "asks": round(self.thin(Side.SELL), 3)},
            "absorbed_s": {
                "bids": self._absorption.held_s(Side.BUY),
                "asks": self._absorption.held_s(Side.SELL),
            },
            "oi_drop_30s": None if drop is None else round(drop, 5),
            "died_usd": {
                "long": round(self.died_usd(now_ms, Side.BUY)),
                "short": round(self.died_usd(now_ms, Side.SELL)),
            },
            "walls": [
                [int(side), row * self.row_price, round(usd), since_ms]
                for side, row, usd, since_ms in self.walls.standing()
            ],
            "regime": int(self.regime),
        }

    def _trades(self, trades: Trades, view: VenueView) -> list[Told]:
        now_ms = self._clock.wall_ms()
        if trades.late:
            # The book has gone on, and the orders they were part of are over.
            self.flow.late(now_ms, joined((trades,)))
            return []
        self._taken.append((trades, view.scale.tick_factor))
        sweeps = self._sweeps.get(trades.venue)
        if sweeps is None:
            sweeps = self._sweeps[trades.venue] = Sweeps(trades.venue, self._floor_usd)
        told: list[Told] = []
        for run in trades.runs():
            self.flow.trade(now_ms, run.taker, run.usd, run.last_price)
            over = sweeps.take(now_ms, run)
            if over:
                told += self._told(over, now_ms, run.last_price)
        return told

    def _liquidation(self, event: Liquidation) -> list[Told]:
        now_ms, usd = self._clock.wall_ms(), event.coins * event.price
        self.shown_usd += usd
        if event.venue in self._sweeps:
            self._sweeps[event.venue].liquidation(now_ms, event.side)
        if event.completeness is Completeness.FULL:
            # What one complete feed shows stands for all venues, by their open interest.
            share = self._oi_coins.get(event.venue, 0.0) / max(sum(self._oi_coins.values()), 1e-12)
            self._forced_usd[event.side] += usd / share if share > 0 else usd
        burst = self._bursts.liquidation(now_ms, event.venue, event.side, usd)
        return [Told(self.session.symbol, now_ms, event.price, burst)] if burst else []

    def _picture(self, now_ms: int) -> Picture | None:
        """Return the joint book of the live venues in rows and dollars, None without both sides."""
        session, price = self.session, self.session.price()
        live = any(view.book.state is BookState.LIVE for view in session.views(ALL_VENUES))
        if price is None or not live:
            return None
        group = default_group(group_steps(session.tick, price), session.tick, price)
        if group != self._group:
            # Rows have another width from now on: what was followed in the old ones is let go.
            self._group = group
            self.walls.lost()
        view = session.ladder(ALL_VENUES, group, ROWS, session.tape.count)
        if not view.bid_tick or not view.ask_tick:
            return None
        usd_of = float(session.lot) * self.row_price
        return Picture(
            now_ms,
            (view.bid_tick + view.ask_tick) / 2 / group,
            view.bid_rows,
            np.multiply(view.bid_lots * view.bid_rows, usd_of, dtype=np.float64),
            view.ask_rows,
            np.multiply(view.ask_lots * view.ask_rows, usd_of, dtype=np.float64),
        )

    @property
    def row_price(self) -> float:
        """Width of the rows that orders are looked at in, in price; 0.0 before the first look."""
        return self._group * float(self.session.tick)

    def _look_at_book(self, picture: Picture) -> list[Signal]:
        taken = Taken.of(self._taken)
        self._taken.clear()
        news: list[Signal] = list(self.walls.look(picture, taken.usd_by_row(self._group)))
        self._thinning.look(picture)
        self._spreads.take(_spread_rows(picture), picture.at_ms)
        bought, sold = self.flow.sums(FLOW_S)
        mid = picture.mid * self.row_price
        bid, ask = self._second(picture, Side.BUY, taken), self._second(picture, Side.SELL, taken)
        standing = {
            one.side: one for one in self._absorption.second(picture.at_ms, mid, bought - sold, bid, ask)
        }
        for side in Side:
            news += self._begun(("absorption", side), standing.get(side))
        return news

    def _second(self, picture: Picture, side: Side, taken: Taken) -> Second:
        """Return what was taken and what rests near the touch of one side."""
        rows, usd = picture.side(side)
        level = float(rows[0]) * self.row_price
        reach = max(zone_width(level, float(self.session.tick)), self.row_price / 2)
        shown = float(np.sum(usd, where=np.abs(rows * self.row_price - level) <= reach))
        return Second(taken.usd_near(side, level, reach), shown)

    def _told(self, news: Sequence[Signal], now_ms: int, price: float) -> list[Told]:
        return [Told(self.session.symbol, now_ms, price, one) for one in news]

    def _around(self, picture: Picture, now_ms: int) -> Around:
        return Around(
            at_ms=now_ms,
            picture=picture,
            row_price=self.row_price,
            imbalance_z=self.flow.imbalance_z(),
            thin={side: self._thinning.thin(side) for side in Side},
            absorbed_s={side: self._absorption.held_s(side) for side in Side},
            oi_drop=self._interest.drop(self._clock.monotonic_ms()),
            forced_usd=self._forced_usd,
            last=tuple(v.last_price for v in self.session.views(ALL_VENUES) if v.last_price is not None),
            atr_bp=None if self._range.average is None else self._range.average * 1e4,
        )

    def _observe_minute(self, now_ms: int, price: float) -> None:
        """Keep the prices at which minutes begin, and the larger of the running and the last return."""
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            if self._minute_prices:
                self._returns.minute(self._minute_prices[-1], price)
            self._minute_prices.append(price)
        returns = [self._returns.sigmas(before, price) for before in self._minute_prices]
        self.sigmas = max(returns, key=abs)

    def _judge_regime(self, fuel: Fuel[ClusterLike], picture: Picture) -> list[Signal]:
        now_ms = picture.at_ms
        funding = next((v.funding.rate for v in self.session.views(ALL_VENUES) if v.funding), 0.0)
        range_24h = self.session.day_range()
        if now_ms // HOUR_MS != self._hour:
            self._hour = now_ms // HOUR_MS
            self._regimes.hour(now_ms, fuel.oi_usd, funding, range_24h)
        if self._news.look(now_ms, self.sigmas, self._news_signs(picture)):
            regime = Regime.NEWS
        else:
            facts = MapFacts(fuel.near_long, fuel.near_short, self._healthy())
            regime = self._regimes.judge(fuel.oi_usd, funding, range_24h, facts)
        before, self.regime = self.regime, regime
        self.session.regime = int(regime)
        return [RegimeChange(before, regime)] if regime is not before else []

    def _news_signs(self, picture: Picture) -> NewsSigns:
        taken_usd = sum(self.flow.sums(60))
        bursts = [self._bursts.recent(picture.at_ms, side, 60) for side in Side]
        forced_usd = sum(burst.usd for burst in bursts if burst)
        usual = self._spreads.quantile(0.5)
        return NewsSigns(
            low_lift=not self.clusters.touched_within(picture.at_ms, MINUTE_MS),
            together=self._together(self.sigmas),
            spot_led=None,
            forced_share=forced_usd / taken_usd if taken_usd > 0 else 0.0,
            spread_times=_spread_rows(picture) / usual if usual else 1.0,
            depth_share=1.0 - max(self._thinning.thin(side) for side in Side),
        )

    def _healthy(self) -> bool:
        now_ms = self._clock.monotonic_ms()
        books = [view.book for view in self.session.views(ALL_VENUES) if not view.closed]
        return all(b.state is BookState.LIVE and now_ms - b.received_ms <= HEALTHY_MS for b in books)

    def _begun(self, key: object, found: Signal | None) -> list[Signal]:
        """Return a standing thing when it begins to stand."""
        if found is None:
            self._standing.discard(key)
        elif key not in self._standing:
            self._standing.add(key)
            return [found]
        return []


def _share_told(odds: Odds) -> float | None:
    return round(odds.p, 2) if odds.calibrated else None


def _spread_rows(picture: Picture) -> float:
    return float(picture.ask_rows[0] - picture.bid_rows[0])
