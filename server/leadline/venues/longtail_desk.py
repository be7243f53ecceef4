"""One venue in the helper process: streams watched, REST polled, books audited, all of it reported."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from leadline.clock import monotonic_ms, wall_ms
from leadline.venues.longtail_levels import disagreements, packed
from leadline.venues.longtail_market import SIGNIFICANT_DIGITS, pick_market

log = logging.getLogger("leadline.venues")

BOOK_EVERY_S = 0.05  # no ladder is sent more often
RETRY_S_MIN = 0.25
RETRY_S_MAX = 30.0
HEALTHY_S = 60.0
POLL_SPACING_S = 0.5  # a venue is asked at most this often, whatever is due
FUNDING_EVERY_S = 10.0
INTEREST_EVERY_S = 5.0
INTEREST_HISTORY_EVERY_S = 60.0
MARK_EVERY_S = 2.0
AUDIT_EVERY_S = 30.0
AUDIT_AGAIN_S = 5.0
AUDIT_SETTLE_S = 1.0  # a REST book may be this much older or newer than the stream's
AUDITS_AGREEING = 3

Post = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Watched:
    """One symbol: the book as ccxt last handed it over (it goes on changing in place), None while lost."""

    symbol: str
    unified: str
    anchor: int = 1
    book: Any = None
    fresh: asyncio.Event = field(default_factory=asyncio.Event)
    suspects: frozenset[tuple[str, float, float]] = frozenset()
    strikes: int = 0


@dataclass(slots=True)
class Poll:
    """Something asked by REST every ``every_s`` seconds; run returns when to ask next, None for as usual."""

    run: Callable[[], Awaitable[float | None]]
    every_s: float
    due_s: float = 0.0
    failed: bool = False


class Refused(Exception):
    """The venue cannot be watched at all; the sentence is for the user."""


class Desk:
    """One venue: its contracts, then a few tasks a symbol and one that asks by REST."""

    def __init__(self, venue: str, exchange: Any, symbols: list[str], depth: int, post: Post) -> None:
        self.venue = venue
        self.exchange = exchange
        self._symbols = symbols
        self._depth = depth or None
        self._post = post
        self._watched: dict[str, Watched] = {}
        self._marked: set[str] = set()
        self._requests: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def ask(self, what: str, symbol: str) -> None:
        """Take a request of the server."""
        self._requests.put_nowait((what, symbol))

    async def run(self) -> None:
        """Watch until cancelled.  Raises Refused when ccxt offers no streams of this venue."""
        for feature in ("watchOrderBook", "watchTrades"):
            if not self.exchange.has.get(feature):
                raise Refused(f"ccxt has no {feature} of {self.venue}")
        await self._list()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._serve_requests())
            tasks.create_task(self._poll())
            for watched in self._watched.values():
                tasks.create_task(self._watch_book(watched))
                tasks.create_task(self._pump_book(watched))
                for watch in self._side_streams(watched):
                    tasks.create_task(self._watch(watched, watch))

    # Contracts.

    async def _list(self, reload: bool = False) -> None:
        """Load the contracts, however long it takes, and report those that are watched."""
        retry = Retry()
        while True:
            try:
                await self.exchange.load_markets(reload)
                break
            except Exception as error:  # ccxt raises whatever it met
                await self._say(f"no list of contracts: {_words(error)}")
                await retry.wait()
        listed: dict[str, Any] = {}
        for symbol in self._symbols:
            market = pick_market(self.exchange.markets.values(), symbol)
            if market is not None:
                listed[symbol] = await self._described(market)
                if not reload:
                    self._watched[symbol] = Watched(symbol, market["symbol"])
        await self._post({"kind": "listed", "venue": self.venue, "markets": listed})

    async def _described(self, market: Mapping[str, Any]) -> dict[str, Any]:
        names = ("id", "base", "quote", "contractSize", "inverse", "active")
        described = {name: market.get(name) for name in names}
        described["precision"] = {name: market["precision"].get(name) for name in ("price", "amount")}
        limits = (market.get("limits") or {}).get("leverage") or {}
        described["leverage_max"] = limits.get("max")
        described["mode"] = self.exchange.precisionMode
        if described["mode"] == SIGNIFICANT_DIGITS:
            ticker = await self.exchange.fetch_ticker(market["symbol"])
            described["price"] = ticker.get("last")
        return described

    # Books.

    async def _watch_book(self, watched: Watched) -> None:
        """Hold the book's watch; ccxt leaves a book that it lost alone until it is asked again."""
        retry = Retry()
        while True:
            anchor = watched.anchor
            try:
                with _own_cancellation_only():
                    book = await self.exchange.watch_order_book(watched.unified, self._depth)
            except Exception as error:
                await self._lose(watched, _words(error), gap=_is_gap(error))
                await retry.wait()
                continue
            # A book of before the last request for a new one may still have been on its way.
            if anchor == watched.anchor:
                watched.book = book
                watched.fresh.set()

    async def _pump_book(self, watched: Watched) -> None:
        """Report the book after changes, at a bounded rate, always as it is at that moment."""
        while True:
            await watched.fresh.wait()
            watched.fresh.clear()
            if watched.book is not None:
                await self._post(self._book_report(watched))
            await asyncio.sleep(BOOK_EVERY_S)

    def _book_report(self, watched: Watched) -> dict[str, Any]:
        book = watched.book
        return {
            **self._head("book", watched),
            "anchor": watched.anchor,
            "at": book["timestamp"],
            "nonce": book["nonce"],
            "bids": packed(book["bids"]),
            "asks": packed(book["asks"]),
        }

    async def _lose(self, watched: Watched, reason: str, *, gap: bool) -> None:
        lost, watched.anchor = watched.anchor, watched.anchor + 1
        watched.book, watched.suspects, watched.strikes = None, frozenset(), 0
        watched.fresh.clear()
        await self._post({**self._head("lost", watched), "anchor": lost, "gap": gap, "why": reason})

    async def _rewatch(self, reason: str, *, gap: bool = False) -> None:
        """Break every socket of the venue as a network would: ccxt then starts each of them over."""
        from ccxt import NetworkError

        for watched in self._watched.values():
            await self._lose(watched, reason, gap=gap)
        for client in list(self.exchange.clients.values()):
            client.on_error(NetworkError(f"given up: {reason}"))

    # Other streams.

    def _side_streams(self, watched: Watched) -> list[Callable[[], Awaitable[dict[str, Any] | None]]]:
        has = self.exchange.has
        streams: list[Callable[[], Awaitable[dict[str, Any] | None]]] = [partial(self._trades, watched)]
        if has.get("watchMarkPrice"):
            streams.append(partial(self._mark, watched, self.exchange.watch_mark_price))
        elif has.get("watchTicker"):
            streams.append(partial(self._mark, watched, self.exchange.watch_ticker))
        if has.get("watchLiquidations"):
            streams.append(partial(self._liquidations, watched))
        return streams

    async def _watch(self, watched: Watched, once: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
        """Report what ``once`` brings, for ever; a stream the venue does not have after all is left."""
        from ccxt import BadRequest, NotSupported

        retry = Retry()
        while True:
            try:
                with _own_cancellation_only():
                    report = await once()
            except (NotSupported, BadRequest) as error:
                await self._say(f"{watched.symbol}: {_words(error)}")
                return
            except Exception as error:
                log.debug("%s %s: %s", self.venue, watched.symbol, _words(error))
                await retry.wait()
                continue
            if report is not None:
                await self._post(report)

    async def _trades(self, watched: Watched) -> dict[str, Any]:
        """ccxt hands over what is new since the last call; ids tell what it hands over twice."""
        trades = await self.exchange.watch_trades(watched.unified)
        rows = [
            (trade.get("id"), trade["timestamp"], trade["price"], trade["amount"], trade["side"])
            for trade in trades
        ]
        return {**self._head("trades", watched), "rows": rows}

    async def _mark(
        self, watched: Watched, watch: Callable[[str], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        ticker = await watch(watched.unified)
        if ticker.get("markPrice") is None:
            return None
        self._marked.add(watched.symbol)
        return self._mark_report(watched, ticker["markPrice"], ticker.get("timestamp"))

    def _mark_report(self, watched: Watched, price: float, at_ms: int | None) -> dict[str, Any]:
        return {**self._head("mark", watched), "at": at_ms or wall_ms(), "price": price}

    async def _liquidations(self, watched: Watched) -> dict[str, Any]:
        made = await self.exchange.watch_liquidations(watched.unified)
        return {
            **self._head("liquidations", watched),
            "rows": [row for one in made if not deleveraged(one) for row in liquidation_rows(one)],
            "deleveraged": [row for one in made if deleveraged(one) for row in liquidation_rows(one)],
        }

    # What is asked by REST.

    async def _poll(self) -> None:
        """Run what is due the longest, one request at a time and never two in a row without a pause."""
        polls = [poll for watched in self._watched.values() for poll in self._polls(watched)]
        while True:
            await asyncio.sleep(POLL_SPACING_S)
            now_s = monotonic_ms() / 1000
            poll = min(polls, key=lambda poll: poll.due_s, default=None)
            if poll is None or poll.due_s > now_s:
                continue
            poll.due_s = now_s + poll.every_s
            try:
                wait_s = await poll.run()
            except Exception as error:
                if not poll.failed:
                    await self._say(_words(error))
                poll.failed = True
                continue
            poll.failed = False
            if wait_s is not None:
                poll.due_s = now_s + wait_s

    def _polls(self, watched: Watched) -> list[Poll]:
        has, polls = self.exchange.has, []
        if has.get("fetchOpenInterest"):
            polls.append(Poll(partial(self._interest, watched), INTEREST_EVERY_S))
        elif has.get("fetchOpenInterestHistory"):
            polls.append(Poll(partial(self._interest_of_history, watched), INTEREST_HISTORY_EVERY_S))
        if has.get("fetchFundingRate"):
            polls.append(Poll(partial(self._funding, watched), FUNDING_EVERY_S))
        if has.get("fetchOrderBook"):
            first_s = monotonic_ms() / 1000 + AUDIT_EVERY_S
            polls.append(Poll(partial(self._audit_due, watched), AUDIT_EVERY_S, due_s=first_s))
        return polls

    async def _interest(self, watched: Watched) -> None:
        await self._report_interest(watched, await self.exchange.fetch_open_interest(watched.unified))

    async def _interest_of_history(self, watched: Watched) -> None:
        rows = await self.exchange.fetch_open_interest_history(watched.unified, "5m", None, 1)
        if rows:
            await self._report_interest(watched, rows[-1])

    async def _report_interest(self, watched: Watched, told: Mapping[str, Any]) -> None:
        amount, value = told.get("openInterestAmount"), told.get("openInterestValue")
        if amount is not None or value is not None:
            head = self._head("interest", watched)
            at_ms = told.get("timestamp") or wall_ms()
            await self._post({**head, "at": at_ms, "amount": amount, "value": value})

    async def _funding(self, watched: Watched) -> float | None:
        """Funding, and the mark price where no stream brings it."""
        told = await self.exchange.fetch_funding_rate(watched.unified)
        at_ms = told.get("timestamp") or wall_ms()
        if told.get("fundingRate") is not None:
            next_ms = told.get("fundingTimestamp") or told.get("nextFundingTimestamp")
            head = self._head("funding", watched)
            await self._post({**head, "at": at_ms, "rate": told["fundingRate"], "next": next_ms})
        if told.get("markPrice") is None or watched.symbol in self._marked:
            return None
        await self._post(self._mark_report(watched, told["markPrice"], at_ms))
        return MARK_EVERY_S

    # The audit: no link between messages can be checked, but the REST book can be compared.

    async def _audit_due(self, watched: Watched) -> float | None:
        """Compare; levels wrong in several audits in a row were lost by the stream."""
        anchor, wrong = watched.anchor, await self._compare(watched)
        if wrong is None or anchor != watched.anchor:
            return None
        watched.suspects = wrong & watched.suspects if watched.strikes else wrong
        watched.strikes = watched.strikes + 1 if watched.suspects else 0
        if watched.strikes >= AUDITS_AGREEING:
            row = next(iter(watched.suspects))
            await self._rewatch(f"{watched.symbol}: {len(watched.suspects)} wrong levels, {row}", gap=True)
            return None
        return AUDIT_AGAIN_S if watched.suspects else None

    async def _compare(self, watched: Watched) -> frozenset[tuple[str, float, float]] | None:
        """Return the levels of the kept book that the venue's REST book contradicts, None if unknown."""
        anchor, before = watched.anchor, _levels(watched.book)
        fetched = _levels(await self.exchange.fetch_order_book(watched.unified))
        await asyncio.sleep(AUDIT_SETTLE_S)
        after = _levels(watched.book)
        if before is None or after is None or fetched is None or anchor != watched.anchor:
            return None
        wrong: set[tuple[str, float, float]] = set()
        for side in ("bids", "asks"):
            found = disagreements(before[side], after[side], fetched[side])
            if found is None:
                return None
            wrong |= {(side, price, size) for price, size in found}
        return frozenset(wrong)

    # Requests.

    async def _serve_requests(self) -> None:
        while True:
            what, symbol = await self._requests.get()
            watched = self._watched.get(symbol)
            if watched is None:
                continue
            if what == "markets":
                await self._list(reload=True)
            elif what == "audit" and await self._is_right(watched):
                # Nothing new is no silence: the same book counts as heard now.
                watched.fresh.set()
            else:
                await self._rewatch(f"asked for by the server for {symbol}")

    async def _is_right(self, watched: Watched) -> bool:
        try:
            return await self._compare(watched) == frozenset()
        except Exception as error:
            await self._say(_words(error))
            return False

    def _head(self, kind: str, watched: Watched) -> dict[str, Any]:
        return {"kind": kind, "venue": self.venue, "symbol": watched.symbol}

    async def _say(self, text: str) -> None:
        await self._post({"kind": "said", "venue": self.venue, "text": text})


class Retry:
    """Waits that double, and start over after a while without one."""

    def __init__(self) -> None:
        self._next_s = RETRY_S_MIN
        self._waited_ms = 0

    async def wait(self) -> None:
        if monotonic_ms() - self._waited_ms > HEALTHY_S * 1000:
            self._next_s = RETRY_S_MIN
        await asyncio.sleep(self._next_s)
        self._next_s = min(2 * self._next_s, RETRY_S_MAX)
        self._waited_ms = monotonic_ms()


@contextlib.contextmanager
def _own_cancellation_only() -> Iterator[None]:
    """Turn a cancelled future of ccxt, which looks like our own cancellation, into an error."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the connection was closed") from None


def _is_gap(error: Exception) -> bool:
    from ccxt import ChecksumError, InvalidNonce

    return isinstance(error, ChecksumError | InvalidNonce)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _levels(book: Any) -> dict[str, dict[float, float]] | None:
    """Copy a book as price -> size a side; sizes of one price (one row an order) are summed."""
    if book is None:
        return None
    copied: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    for side, levels in copied.items():
        for row in book[side]:
            levels[row[0]] = levels.get(row[0], 0.0) + row[1]
    return copied


def deleveraged(made: Mapping[str, Any]) -> bool:
    """Is this auto-deleveraging?  ccxt passes it on among liquidations where a venue tells both (Lighter)."""
    info = made.get("info")
    return isinstance(info, dict) and any(
        _DELEVERAGED.search(str(info.get(name, ""))) for name in _KIND_FIELDS
    )


# What venues call auto-deleveraging, and the fields of a raw liquidation that would say so.
_DELEVERAGED = re.compile(r"\badl|_adl|delever", re.IGNORECASE)
_KIND_FIELDS = ("type", "category", "orderType", "order_type", "autoCloseType")


def liquidation_rows(made: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return (ms, price, size, side, position) of each liquidation.

    ccxt reads only the first of several that OKX sends at once, and of Binance's only the last fill.
    """
    info = made.get("info")
    info = info if isinstance(info, dict) else {}
    details = info.get("details")
    if isinstance(details, list) and details:
        return [
            (int(row["ts"]), float(row["bkPx"]), float(row["sz"]), row["side"], row.get("posSide"))
            for row in details
        ]
    at_ms = made.get("timestamp") or wall_ms()
    filled = info.get("z") if info.get("X") == "FILLED" else None
    size = made.get("contracts") if filled is None else float(filled)
    return [(at_ms, made.get("price"), size, made.get("side"), None)]
