"""What the app asks about rules, the inbox and the moments it opens."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadline.clock import wall_ms
from leadline.domain.ladder import LadderFlags
from leadline.domain.quiet import QuietError
from leadline.domain.rule_sets import SETS, rules_of
from leadline.domain.rules import Rule, RuleError, catalogue, read_rule
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.hub import Hub
from leadline.feed.previews import Previews
from leadline.feed.session import ALL_VENUES
from leadline.feed.streams.base import Refusal
from leadline.limits import INBOX_ALERTS_MAX
from leadline.push.alarms import Alarms
from leadline.store import alerts
from leadline.store.alerts import Alert, InboxEntry
from leadline.store.rules import TooManyRules
from leadline.store.state import StateStore
from leadline.web.api import Refused, answered, read_change, text_of, told
from leadline.wire.requests import PutMark

EXAMPLES = 5
SYMBOL_CHARS_MAX = 40
MARK_LABEL = "alert"
SNOOZE_MIN = 15.0
MUTE_MIN = 8 * 60.0
SNOOZE_MIN_MAX = 7 * 1_440.0


def alerts_routes() -> list[Route]:
    """Return the routes of rules and inbox; they answer 503 where the server keeps nothing (a replay)."""
    return [
        Route("/api/rules", answered(list_rules), methods=["GET"]),
        Route("/api/rules", answered(put_rule), methods=["POST"]),
        Route("/api/rules/set", answered(put_set), methods=["POST"]),
        Route("/api/rules/remove", answered(remove_rule), methods=["POST"]),
        Route("/api/rules/preview", answered(preview_rule), methods=["POST"]),
        Route("/api/rules/snooze", answered(snooze), methods=["POST"]),
        Route("/api/mute", answered(mute), methods=["POST"]),
        Route("/api/quiet", answered(set_quiet), methods=["POST"]),
        Route("/api/inbox", answered(inbox), methods=["GET"]),
        Route("/api/inbox/seen", answered(seen), methods=["POST"]),
        Route("/api/inbox/act", answered(act), methods=["POST"]),
        Route("/api/inbox/{alert_id:int}/since", answered(since), methods=["GET"]),
        Route("/api/inbox/{alert_id:int}/path", answered(path), methods=["GET"]),
        Route("/api/moments/{alert_id:int}", moment, methods=["GET"]),
    ]


async def list_rules(request: Request) -> JSONResponse:
    """Return the rules, quiet hours, muted symbols and what kinds of rules there are."""
    alarms = _alarms(request)
    return told(
        {
            "rules": [_told_rule(rule) for rule in alarms.alerting.rules],
            "quiet": alarms.quiet,
            "muted": alarms.muted,
            "kinds": catalogue(),
            "sets": list(SETS),
            "now": wall_ms(),
        }
    )


async def put_rule(request: Request) -> JSONResponse:
    """Keep a rule: a new one, or with ``id`` another form of a known one."""
    content = await read_change(request)
    rule_id = _id(content.pop("id", 0))
    rule = _rule(content, rule_id)
    try:
        kept = await _alarms(request).put_rule(rule)
    except TooManyRules as error:
        raise Refused(403, "too_many_rules", str(error)) from None
    except KeyError:
        raise Refused(404, "unknown_rule", f"there is no rule {rule_id}") from None
    return told(_told_rule(kept), 200 if rule_id else 201)


async def put_set(request: Request) -> JSONResponse:
    """Add what is missing of a set of rules, for one symbol or all: {"set", "symbol"}; tells how many."""
    content = await read_change(request)
    symbol = None if content.get("symbol") is None else text_of(content, "symbol", SYMBOL_CHARS_MAX)
    try:
        wanted = rules_of(content.get("set"), symbol)
        added = await _alarms(request).put_rules(wanted)
    except RuleError as error:
        raise Refused(400, "bad_rule", str(error)) from None
    except TooManyRules as error:
        raise Refused(403, "too_many_rules", str(error)) from None
    return told({"added": added})


async def remove_rule(request: Request) -> JSONResponse:
    """Forget a rule; one that is not known is forgotten already."""
    content = await read_change(request)
    await _alarms(request).remove_rule(_id(content.get("id")))
    return told({})


async def preview_rule(request: Request) -> JSONResponse:
    """Tell what a rule would have fired within the last day.

    since: from when on something is known (Unix ms); unknown_ms: how long after it nothing is.
    """
    content = await read_change(request)
    content.pop("id", None)
    rule = _rule(content, 0)
    _alarms(request)
    previews: Previews = request.app.state.previews
    found = await previews.of(rule)
    return told(
        {
            "count": len(found.fired),
            "since": found.since_ms,
            "unknown_ms": found.unknown_ms,
            "now": wall_ms(),
            "examples": [
                {"at": one.at_ms, "title": one.title, "body": one.body} for one in found.fired[-EXAMPLES:]
            ],
        }
    )


async def snooze(request: Request) -> JSONResponse:
    """Let a rule, or all without an id, sleep for some minutes (0 wakes)."""
    content = await read_change(request)
    minutes = _minutes(content.get("minutes"))
    rule_id = None if content.get("id") is None else _id(content["id"])
    return told({"until": await _alarms(request).snooze(rule_id, minutes)})


async def mute(request: Request) -> JSONResponse:
    """Let a symbol's alerts ring nothing for some minutes (0 ends it): {"symbol", "minutes"}."""
    content = await read_change(request)
    symbol, minutes = text_of(content, "symbol", SYMBOL_CHARS_MAX), _minutes(content.get("minutes"))
    return told({"until": await _alarms(request).mute(_known(request, symbol), minutes)})


async def set_quiet(request: Request) -> JSONResponse:
    """Keep quiet hours: {"quiet": {zone, begin, end}} or null."""
    content = await read_change(request)
    try:
        await _alarms(request).set_quiet(content.get("quiet"))
    except QuietError as error:
        raise Refused(400, "bad_request", str(error)) from None
    return told({"quiet": _alarms(request).quiet})


async def inbox(request: Request) -> JSONResponse:
    """Return the newest alerts, the newest first, and since when this server watches (Unix ms).

    prices: the last ones of their symbols, of those whose book is live.
    """
    since_ms = _alarms(request).begun_ms
    entries = await _store(request).run(lambda db: alerts.inbox(db, INBOX_ALERTS_MAX))
    hub: Hub = request.app.state.hub
    symbols = {entry.alert.symbol or "" for entry in entries} & hub.sessions.keys()
    return told(
        {
            "alerts": [_told_entry(entry) for entry in entries],
            "prices": {symbol: hub.sessions[symbol].price() for symbol in symbols if _is_live(hub, symbol)},
            "since": since_ms,
            "now": wall_ms(),
        }
    )


async def seen(request: Request) -> JSONResponse:
    """Note that an alert was opened."""
    content = await read_change(request)
    alert_id, now_ms = _id(content.get("id")), wall_ms()
    _alarms(request)
    if not await _store(request).run(lambda db: alerts.see(db, alert_id, now_ms)):
        raise Refused(404, "unknown_alert", f"there is no alert {alert_id}")
    return told({})


async def act(request: Request) -> JSONResponse:
    """Do what an alert offers: {"id", "action"}, and for snooze and mute "minutes" if not the usual ones.

    snooze: its rule sleeps; mute: its symbol rings nothing; mark: the price it is about is marked.
    """
    content = await read_change(request)
    alarms, action, alert_id = _alarms(request), content.get("action"), _id(content.get("id"))
    alert = await _alert(request, alert_id)
    await _store(request).run(lambda db: alerts.see(db, alert_id, wall_ms()))
    match action:
        case "snooze" if alert.rule_id is not None:
            minutes = _minutes(content.get("minutes", SNOOZE_MIN))
            return told({"until": await alarms.snooze(alert.rule_id, minutes)})
        case "mute" if alert.symbol is not None:
            minutes = _minutes(content.get("minutes", MUTE_MIN))
            return told({"until": await alarms.mute(alert.symbol, minutes)})
        case "mark" if alert.symbol is not None and alert.target is not None:
            return told({"price": await _mark(request, alert.symbol, alert.target)})
        case "snooze" | "mute" | "mark":
            raise Refused(409, "not_offered", f"this alert has nothing to {action}")
    raise Refused(400, "bad_request", f"expected action as snooze, mute or mark, got {action!r}")


async def since(request: Request) -> JSONResponse:
    """Return what became of the place an alert was about, and the price of now.

    Beside AlertDesk.since: before and price (last prices, null while unknown), age_ms of the book and whether
    it is live.  after: null for an alert that is not followed (any more).
    """
    _alarms(request)
    alert = await _alert(request, request.path_params["alert_id"])
    hub: Hub = request.app.state.hub
    desk: AlertDesk = request.app.state.alert_desk
    session = hub.sessions.get(alert.symbol or "")
    _, age_ms = session.freshness(ALL_VENUES) if session is not None else (0, 0)
    return told(
        {
            "before": alert.price,
            "price": session.price() if session is not None else None,
            "live": session is not None and _is_live(hub, session.symbol),
            "age_ms": age_ms,
            "after": desk.since(alert.symbol or "", alert.dedupe_key),
        }
    )


async def path(request: Request) -> JSONResponse:
    """Return how price went since an alert: {"path": [[Unix ms, last price], ...]}, a minute each."""
    _alarms(request)
    alert = await _alert(request, request.path_params["alert_id"])
    desk: AlertDesk = request.app.state.alert_desk
    return told({"path": desk.path(alert.symbol or "", alert.at_ms)})


async def moment(request: Request) -> Response:
    """Return the screen as it was when an alert fired: see AlertDesk.moment."""
    store: StateStore | None = request.app.state.store
    kept = None
    if store is not None:
        alert_id: int = request.path_params["alert_id"]
        kept = await store.run(lambda db: alerts.moment(db, alert_id)) if alert_id < 2**63 else None
    if kept is None:
        return told({"error": {"code": "unknown_alert", "text": "no screen is kept of this alert"}}, 404)
    return Response(kept, media_type="application/msgpack", headers={"cache-control": "no-store"})


def _alarms(request: Request) -> Alarms:
    alarms: Alarms | None = request.app.state.alarms
    if alarms is None:
        raise Refused(503, "no_alerts", "this server keeps nothing, so it watches for no alerts")
    return alarms


def _is_live(hub: Hub, symbol: str) -> bool:
    flags, _ = hub.sessions[symbol].freshness(ALL_VENUES)
    return bool(flags & LadderFlags.LIVE)


def _store(request: Request) -> StateStore:
    store: StateStore = request.app.state.store
    return store


def _rule(content: dict[str, Any], rule_id: int) -> Rule:
    try:
        return read_rule(content, rule_id)
    except RuleError as error:
        raise Refused(400, "bad_rule", str(error)) from None


async def _alert(request: Request, alert_id: int) -> Alert:
    found = await _store(request).run(lambda db: alerts.alert(db, alert_id)) if alert_id < 2**53 else None
    if found is None:
        raise Refused(404, "unknown_alert", f"there is no alert {alert_id}")
    return found


async def _mark(request: Request, symbol: str, target: float) -> str:
    """Mark the tick next to a price; return it as text."""
    hub: Hub = request.app.state.hub
    _known(request, symbol)
    tick = hub.sessions[symbol].tick
    price = tick.text(round(target / float(tick)))
    if hub.marks is None:
        raise Refused(503, "no_marks", "this server keeps nothing, so it keeps no marks")
    try:
        await hub.marks.put(PutMark(0, symbol, price, MARK_LABEL, 0))
    except Refusal as refusal:
        raise Refused(409, refusal.code, refusal.text) from None
    return price


def _known(request: Request, symbol: str) -> str:
    hub: Hub = request.app.state.hub
    if symbol not in hub.sessions:
        raise Refused(404, "unknown_symbol", f"unknown symbol {symbol!r}; known: {', '.join(hub.sessions)}")
    return symbol


def _minutes(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= SNOOZE_MIN_MAX:  # type: ignore[operator]
        raise Refused(400, "bad_request", f"expected minutes from 0 to {SNOOZE_MIN_MAX:.0f}, got {value!r}")
    return float(value)  # type: ignore[arg-type]


def _id(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise Refused(400, "bad_request", f"expected id as a whole number, got {value!r}")
    return value


def _told_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": rule.kind.value,
        "symbol": rule.symbol,
        "settings": dict(rule.settings),
        "enabled": rule.enabled,
        "snoozed_until_ms": rule.snoozed_until_ms,
    }


def _told_entry(entry: InboxEntry) -> dict[str, Any]:
    alert = entry.alert
    return {
        "id": entry.id,
        "kind": alert.kind,
        "symbol": alert.symbol,
        "at": alert.at_ms,
        "title": alert.title,
        "body": alert.body,
        "url": alert.url,
        "rule": alert.rule_id,
        "way": alert.way,
        "price": alert.price,
        "target": alert.target,
        "seen": entry.seen_ms,
        "moment": entry.has_moment,
    }
