"""The sentences of alerts: place, dollars with their interval, why now.  Never a forecast.

Push titles end where the reader knows what and where; the body says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from leadline.domain.absorption import Absorption
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.cascade import CascadeState
from leadline.domain.events import Side
from leadline.domain.flow import Divergence
from leadline.domain.forced import Burst
from leadline.domain.signals import VolumeSpike
from leadline.domain.storm import Summary
from leadline.domain.sweeps import Sweep
from leadline.domain.walls import WallGone, WhaleOrder


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    body: str = ""


def short_name(symbol: str) -> str:
    """Return BTC for BTCUSDT: what a lock screen has room for."""
    for quote in ("USDT", "USDC", "USD"):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote)
    return symbol


def dollars(usd: float) -> str:
    """Return "42 M", "6.8 M", "940 k", "1.2 B": two or three figures, as an estimate can carry."""
    for unit, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if usd >= 0.9995 * unit:
            value = usd / unit
            return f"{value:.0f}{name}" if value >= 9.95 else f"{value:.1f}{name}"
    return f"{usd:.0f}"


def price_text(price: float) -> str:
    """Return a price with the figures a person compares: 77,480 or 0.08132."""
    if price >= 10_000:
        return f"{price:,.0f}"
    if price <= 0:
        return "0"
    return f"{price:,.{max(0, min(12, 3 - floor(log10(price))))}f}"


def percent(share: float) -> str:
    """Return "0.42 %" or "12 %"."""
    value = abs(share) * 100
    return f"{value:.2f} %" if value < 1 else f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def _range(low: float, high: float) -> str:
    return f"{price_text(low)}–{price_text(high)}"


def _interval(one: ClusterFact) -> str:
    low, high = dollars(one.usd_lo), dollars(one.usd_hi)
    unit = high[-2:]
    return f"{low.removesuffix(unit)}–{high}" if low.endswith(unit) else f"{low}–{high}"


def _words(facts: Facts) -> str:
    """What book and flow do, and which venues are missing from what is said."""
    words = [", ".join(word for word in (facts.book_word, facts.flow_word) if word)]
    words.append(f"without {', '.join(sorted(facts.down))}" if facts.down else "")
    return " ".join(f"{word[0].upper()}{word[1:]}." for word in words if word)


def _odds(facts: Facts, one: ClusterFact) -> str:
    odds = facts.odds.get(one.id)
    return f"Cascade odds {odds.text()}." if odds is not None else ""


def approach(facts: Facts, one: ClusterFact) -> Text:
    """Price nears a cluster."""
    way = "above" if one.side == "short" else "below"
    distance = percent(one.distance(facts.price))
    title = f"{short_name(facts.symbol)} {distance} {way}: {dollars(one.usd)} USD of {one.side}s"
    uncertain = "" if one.calibrated else " (uncalibrated)"
    place = f"{_interval(one)} USD{uncertain} at {_range(one.lo, one.hi)}."
    return Text(title, " ".join(part for part in (place, _words(facts), _odds(facts, one)) if part))


def state(facts: Facts, one: ClusterFact, after: CascadeState, reason: str) -> Text:
    """A cluster's machine moved."""
    name, usd, place = short_name(facts.symbol), dollars(one.usd), _range(one.lo, one.hi)
    if after is CascadeState.CONFIRMED:
        title = f"{name} into {usd} USD of {one.side}s at {price_text(one.near)}"
        forced = (
            f"{dollars(facts.forced_usd(one.side))} forced so far. " if facts.forced_usd(one.side) > 0 else ""
        )
        return Text(title, f"{forced}{reason[:1].upper()}{reason[1:]}.")
    if after is CascadeState.HELD:
        return Text(f"{name} cluster held: {usd} USD of {one.side}s", f"At {place}: {reason}.")
    if after is CascadeState.EXHAUSTED:
        return Text(f"{name} cluster spent: {usd} USD of {one.side}s", f"At {place}: {reason}.")
    verb = "armed" if after is CascadeState.ARMED else "approached"
    return Text(
        f"{name} cluster {verb}: {usd} USD of {one.side}s", f"At {place}: {reason}. {_words(facts)}".strip()
    )


def whale_order(facts: Facts, one: WhaleOrder, row_price: float, now_ms: int) -> Text:
    side = "bid" if one.side is Side.BUY else "ask"
    title = (
        f"{short_name(facts.symbol)} {side} of {dollars(one.usd)} USD at {price_text(one.row * row_price)}"
    )
    minutes = (now_ms - one.since_ms) // 60_000
    age = f"{minutes} min old" if minutes else f"{(now_ms - one.since_ms) // 1000} s old"
    return Text(title, f"{one.distance_bp:.0f} bp away, {age}.")


def wall_pulled(facts: Facts, one: WallGone, row_price: float) -> Text:
    again = ", again" if one.repeated else ""
    title = (
        f"{short_name(facts.symbol)} wall pulled: {dollars(one.usd)} USD at {price_text(one.row * row_price)}"
    )
    return Text(title, f"{one.cancelled_share:.0%} cancelled{again}.")


def whale_trade(facts: Facts, one: Sweep) -> Text:
    did = "bought" if one.side is Side.BUY else "sold"
    title = f"{short_name(facts.symbol)}: {dollars(one.usd)} USD {did} at once"
    why = ", part of a liquidation" if one.forced else ""
    return Text(
        title, f"On {one.venue} at {price_text(one.last_price)}, {one.slippage_bp:.1f} bp slippage{why}."
    )


def price_level(facts: Facts, level: float, up: bool, label: str) -> Text:
    name = f" ({label})" if label else ""
    way = "above" if up else "below"
    return Text(f"{short_name(facts.symbol)} {way} {level:,.12g}{name}", f"Last {price_text(facts.price)}.")


def burst(facts: Facts, one: Burst, seconds: int) -> Text:
    side = "longs" if one.side is Side.BUY else "shorts"
    title = f"{short_name(facts.symbol)} {dollars(one.usd)} USD of {side} liquidated"
    venues = f"{one.venues} venue{'s' if one.venues != 1 else ''}"
    return Text(title, f"Within {max(1, seconds)} s on {venues}, as far as the feeds show.")


def migration(facts: Facts, one: ClusterFact) -> Text:
    way = "higher" if one.moved_bp > 0 else "lower"
    title = f"{short_name(facts.symbol)} {one.side}s moved {abs(one.moved_bp):.0f} bp {way}"
    return Text(
        title, f"To {price_text(one.peak)}, by new positions: {dollars(one.usd)} USD ({_interval(one)})."
    )


def depletion(facts: Facts, one: ClusterFact) -> Text:
    title = f"{short_name(facts.symbol)} {dollars(one.usd)} USD of {one.side}s: {one.gone:.0%} gone"
    closed, triggered = one.gone_closed, one.gone_triggered
    return Text(
        title, f"{closed:.0%} closed by holders, {triggered:.0%} liquidated, at {_range(one.lo, one.hi)}."
    )


def funding(facts: Facts, rate: float) -> Text:
    pays = "longs pay" if rate > 0 else "shorts pay"
    return Text(f"{short_name(facts.symbol)} funding {rate * 1e4:+.1f} bp", f"Per interval, {pays}.")


def interest(facts: Facts, change: float) -> Text:
    way = "up" if change > 0 else "down"
    title = f"{short_name(facts.symbol)} open interest {way} {percent(change)} in an hour"
    return Text(title, f"Now at {dollars(facts.oi_usd)} USD." if facts.oi_usd else "")


def flow(facts: Facts, what: Absorption | Divergence | VolumeSpike) -> Text:
    name = short_name(facts.symbol)
    if isinstance(what, Absorption):
        book = "bids absorb sellers" if what.side is Side.BUY else "asks absorb buyers"
        ice = ", iceberg-like" if what.iceberg_like else ""
        return Text(
            f"{name} {book}",
            f"{dollars(what.taken_usd)} USD taken in 10 s at {price_text(facts.price)}{ice}.",
        )
    if isinstance(what, Divergence):
        extreme = "new high without new buying" if what.side is Side.BUY else "new low without new selling"
        missing = dollars(abs(what.cvd_usd - what.cvd_before_usd))
        return Text(f"{name} {extreme}", f"At {price_text(what.price)}; delta is {missing} USD short.")
    return Text(
        f"{name} volume spike", f"{dollars(what.usd)} USD in a minute, {what.z:.1f} deviations above usual."
    )


def regime(facts: Facts, name: str) -> Text:
    words = {
        "news": ("news-like move, map overridden", "Cluster alerts are held back until it calms down."),
        "sparse": ("map is sparse", "Too little fuel near price to mean much."),
        "useful": ("map is useful", "Open interest and clusters near price are high again."),
    }
    title, body = words[name]
    return Text(f"{short_name(facts.symbol)} {title}", body)


def feed_down(symbol: str, venue: str, since_s: int) -> Text:
    return Text(
        f"Feed down: {venue} {short_name(symbol)}",
        f"No trusted book for {since_s} s; what depends on it is paused.",
    )


def summary(one: Summary, now_ms: int) -> Text:
    minutes = max(1, round((now_ms - one.since_ms) / 60_000))
    shown = ", ".join(short_name(symbol) for symbol in one.symbols[:5])
    more = f" and {len(one.symbols) - 5} more" if len(one.symbols) > 5 else ""
    return Text(f"{one.alerts} more alerts in {minutes} min", f"{shown}{more}. They are in the inbox.")
