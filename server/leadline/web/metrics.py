"""`/metrics`: the figures of a running server in Prometheus' text format 0.0.4, for this machine alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from leadline import __version__
from leadline.domain.events import BookState, Completeness
from leadline.feed.hub import Hub
from leadline.feed.session import VenueView

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A proxy on this machine speaks for somebody elsewhere, and says so.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(slots=True)
class Family:
    """One metric: its samples are (labels, value)."""

    name: str
    kind: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{inner}}} {value:.15g}" if inner else f"{self.name} {value:.15g}"


async def metrics(request: Request) -> Response:
    """Answer loopback peers; 403 for everybody else, also when a proxy on this machine asks for them."""
    peer = request.client.host if request.client else ""
    if not _is_loopback(peer) or any(name in request.headers for name in FORWARDED):
        return PlainTextResponse("The figures are answered to this machine only.\n", 403)
    hub: Hub = request.app.state.hub
    text = "".join(f"{line}\n" for family in families(hub) for line in family.lines())
    return Response(text, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})


def families(hub: Hub) -> list[Family]:
    """Return all metrics of a hub as they stand now; families without a sample are left out."""
    made = [*_process(hub), *_venues(hub), *_books(hub)]
    return [family for family in made if family.samples]


def _process(hub: Hub) -> list[Family]:
    info = {"version": __version__, "market": hub.market, "simulated": str(hub.simulated).lower()}
    return [
        Family("leadline_build_info", "gauge", "1; what runs, in its labels.", [(info, 1)]),
        Family("leadline_clients", "gauge", "Connected phones.", [({}, len(hub.watchers))]),
        Family("leadline_streams", "gauge", "Distinct ladders being watched.", [({}, len(hub.streams))]),
    ]


def _venues(hub: Hub) -> list[Family]:
    offset = Family("leadline_venue_clock_offset_seconds", "gauge", "The venue's clock minus this machine's.")
    replaced = Family(
        "leadline_venue_connection_replacements_total",
        "counter",
        "How often a venue's connections were replaced by fresh ones before they ended.",
    )
    requests = Family("leadline_rest_requests_total", "counter", "Requests sent to the venue.")
    refusals = Family("leadline_rest_refusals_total", "counter", "Answers that asked for fewer requests.")
    used = Family("leadline_rest_minute_weight", "gauge", "Request weight used of the present minute.")
    shut = Family("leadline_rest_shut_seconds", "gauge", "Time until the venue may be asked again.")
    for venue, status in hub.statuses.items():
        labels = {"venue": venue}
        replaced.samples.append((labels, status.replacements))
        if status.clock_offset_ms is not None:
            offset.samples.append((labels, status.clock_offset_ms / 1000))
        if status.rest is not None:
            requests.samples.append((labels, status.rest.requests))
            refusals.samples.append((labels, status.rest.refusals))
            used.samples.append((labels, status.rest.used_weight))
            shut.samples.append((labels, status.rest.shut_ms / 1000))
    return [offset, replaced, requests, refusals, used, shut]


def _books(hub: Hub) -> list[Family]:
    live = Family("leadline_book_live", "gauge", "1 while the book is proven, else 0.")
    since = Family(
        "leadline_book_verified_since_timestamp_seconds",
        "gauge",
        "Unix time since when the book has been proven without a break; absent while it is not.",
    )
    age = Family("leadline_book_age_seconds", "gauge", "Time since the book's stream was last heard.")
    last = Family("leadline_book_resync_last_seconds", "gauge", "How long the last loss of the book lasted.")
    p99 = Family("leadline_book_resync_p99_seconds", "gauge", "99th percentile of the last 256 losses.")
    silent = Family(
        "leadline_book_silent_seconds_total", "counter", "Time the stream was silent beyond its limit."
    )
    low, high = (
        Family(
            f"leadline_book_known_{end}_price",
            "gauge",
            f"The {end}est price to which every order of the book is known; absent while that is unknown.",
        )
        for end in ("low", "high")
    )
    complete = Family(
        "leadline_liquidation_feed_complete", "gauge", "1 where the venue tells every liquidation, else 0."
    )
    counters = {
        name: Family(f"leadline_book_{name}_total", "counter", text)
        for name, text in {
            "messages": "Messages about the symbol.",
            "gaps": "Messages that proved a loss.",
            "resyncs": "Times the book was given up and anchored anew.",
            "duplicates": "Messages that came twice.",
            "crossed": "Books that crossed, which proves an unseen loss.",
            "protocol_errors": "Messages that made no sense.",
            "trade_gaps": "Times that the venue's numbers of trades left some out.",
            "trades_refilled": "Trades left out and fetched later.",
            "trades_lost": "Trades left out that could not be had.",
        }.items()
    }
    now_ms = hub.clock.monotonic_ms()
    for labels, view in _views(hub):
        book, continuity = view.book, view.continuity
        live.samples.append((labels, book.state is BookState.LIVE))
        if continuity.verified_since_ms is not None:
            since.samples.append((labels, continuity.verified_since_ms / 1000))
        if book.received_ms:
            age.samples.append((labels, (now_ms - book.received_ms) / 1000))
        for family, duration_ms in ((last, continuity.last_resync_ms()), (p99, continuity.p99_resync_ms())):
            if duration_ms is not None:
                family.samples.append((labels, duration_ms / 1000))
        if any(known := book.known):
            for family, tick in zip((low, high), known, strict=True):
                family.samples.append((labels, view.instrument.price(tick)))
        silent.samples.append((labels, book.stats.silent_ms / 1000))
        complete.samples.append((labels, view.liquidations is Completeness.FULL))
        for name, family in counters.items():
            family.samples.append((labels, getattr(book.stats, name)))
    return [live, since, age, low, high, last, p99, silent, complete, *counters.values()]


def _views(hub: Hub) -> Iterator[tuple[dict[str, str], VenueView]]:
    for symbol, session in hub.sessions.items():
        for venue, view in session.venues.items():
            yield {"venue": venue, "symbol": symbol}, view


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
