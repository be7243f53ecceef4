"""What really is: exact books by update id, every position, and the switches of the faults."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leadline.twin import kernels as k
from leadline.twin.contracts import VENUES
from leadline.twin.faults import Faults
from leadline.twin.hub import VenueServer, json_answer
from leadline.twin.market import STEP_MS, Market
from leadline.twin.okx import book_name
from leadline.twin.views import ViewFeed
from leadline.twin.world import World


class Truth:
    """The truth API.

    GET /truth/book?venue=&symbol=&update_id=[&topic=][&limit=]   the book at that id: Binance's `u`,
        OKX's `seqId` (400 levels), Bybit's `u` of the topic (`orderbook.200` without a symbol).
        404 when the id is unknown or older than two minutes.  at_ms= instead of update_id= asks for the
        book at a time of the world.
    GET /truth/positions?venue=&symbol=   every open position.
    GET /truth/state   clock, prices, open interest and faults.
    POST /truth/faults {"venue": ..., switches...}   replaces a venue's faults; "venue" absent: all venues.
    """

    def __init__(self, world: World, servers: dict[str, VenueServer]) -> None:
        self._world = world
        self._servers = servers
        self.app = Starlette(
            routes=[
                Route("/truth/book", self._book),
                Route("/truth/positions", self._positions),
                Route("/truth/state", self._state),
                Route("/truth/faults", self._set_faults, methods=["POST"]),
            ]
        )

    def _market(self, request: Request) -> Market | None:
        query = request.query_params
        return self._world.markets.get((query.get("venue", ""), query.get("symbol", "")))

    async def _book(self, request: Request) -> Response:
        market, query = self._market(request), request.query_params
        text = query.get("update_id") or query.get("at_ms", "")
        if market is None or not text.isdigit():
            return json_answer({"error": "venue, symbol or update_id is not known"}, 404)
        try:
            body = self._book_at(
                market, int(text), query.get("topic", "orderbook.200"), "update_id" not in query
            )
        except LookupError as error:
            return json_answer({"error": str(error)}, 404)
        limit = int(query["limit"]) if query.get("limit", "").isdigit() else None
        return json_answer({**body, "bids": body["bids"][:limit], "asks": body["asks"][:limit]})

    def _book_at(self, market: Market, wanted: int, topic: str, by_time: bool) -> dict[str, Any]:
        """Return the view a reader of the topic must hold at an update id, or at a time."""
        contract = market.contract
        most, step_of = market.book.shape[1], market.step_of
        if contract.venue != "binance":
            bybit = contract.venue == "bybit"
            feed = self._servers[contract.venue].feed(
                f"{topic}.{contract.native}" if bybit else book_name(market)
            )
            if not isinstance(feed, ViewFeed):
                raise LookupError(f"there is no topic {topic}")
            most, step_of = feed.most, feed.step_of
        step = market.step - (market.now_ms - wanted) // STEP_MS if by_time else step_of(wanted)
        view, texts = market.view_at(step, most), market.texts_at(step)
        return {
            "update_id": wanted,
            "bids": texts.pairs(view.bid_ticks, view.bid_lots),
            "asks": texts.pairs(view.ask_ticks, view.ask_lots),
        }

    async def _positions(self, request: Request) -> Response:
        market = self._market(request)
        if market is None:
            return json_answer({"error": "venue or symbol is not known"}, 404)
        lot = float(market.contract.lot)
        rows = [
            {
                "id": int(row[k.P_ID]),
                "side": "long" if row[k.P_SIDE] > 0 else "short",
                "coins": row[k.P_LOTS] * lot,
                "entry": row[k.P_ENTRY],
                "leverage": row[k.P_LEVERAGE],
                "margin": row[k.P_MARGIN],
                "trigger": row[k.P_TRIGGER],
                "bankruptcy": row[k.P_BANKRUPT],
                "opened_ms": int(row[k.P_OPENED]),
            }
            for row in market.positions().tolist()
        ]
        pool = float(market.stats[k.POOL_LOTS]) * lot
        return json_answer(
            {
                "at_ms": market.now_ms,
                "mark": market.mark,
                "open_interest": market.interest_coins,
                "pool_coins": pool,
                "positions": rows,
            }
        )

    async def _state(self, _: Request) -> Response:
        markets = [
            {
                "venue": venue,
                "symbol": symbol,
                "update_id": market.update_id,
                "step": market.step,
                "mark": market.mark,
                "index": market.index,
                "bid": market.best_bid * float(market.contract.tick),
                "ask": market.best_ask * float(market.contract.tick),
                "open_interest": market.interest_coins,
                "positions": int(market.stats[k.COUNT]),
                "forced_coins": float(market.stats[k.FORCED_LOTS]) * float(market.contract.lot),
                "funding_rate": market.funding_rate,
            }
            for (venue, symbol), market in self._world.markets.items()
        ]
        faults = {venue: asdict(server.faults) for venue, server in self._servers.items()}
        return json_answer(
            {
                "seed": self._world.seed,
                "now_ms": self._world.now_ms,
                "steps": self._world.steps,
                "markets": markets,
                "faults": faults,
            }
        )

    async def _set_faults(self, request: Request) -> Response:
        try:
            values = orjson.loads(await request.body())
            venue = values.pop("venue", None)
            if venue not in (None, *VENUES):
                raise ValueError(f"there is no venue {venue}")
            faults = Faults.of(values)
            for name, server in self._servers.items():
                if venue in (None, name):
                    server.faults = faults
        except (ValueError, AttributeError) as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({venue or "all": asdict(faults)})
