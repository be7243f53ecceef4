"""What the app asks about rules, the inbox and the moments it opens."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadline.clock import wall_ms
from leadline.domain.quiet import QuietError
from leadline.domain.rules import Rule, RuleError, catalogue, read_rule
from leadline.feed.alert_desk import AlertDesk
from leadline.push.alarms import Alarms
from leadline.store import alerts
from leadline.store.alerts import InboxEntry
from leadline.store.rules import TooManyRules
from leadline.store.state import StateStore
from leadline.web.api import Refused, answered, read_change, told

INBOX_COUNT = 100
EXAMPLES = 5
SNOOZE_MIN_MAX = 7 * 1_440.0


def alerts_routes() -> list[Route]:
    """Return the routes of rules and inbox; they answer 503 where the server keeps nothing (a replay)."""
    return [
        Route("/api/rules", answered(list_rules), methods=["GET"]),
        Route("/api/rules", answered(put_rule), methods=["POST"]),
        Route("/api/rules/remove", answered(remove_rule), methods=["POST"]),
        Route("/api/rules/preview", answered(preview_rule), methods=["POST"]),
        Route("/api/rules/snooze", answered(snooze), methods=["POST"]),
        Route("/api/quiet", answered(set_quiet), methods=["POST"]),
        Route("/api/inbox", answered(inbox), methods=["GET"]),
        Route("/api/inbox/seen", answered(seen), methods=["POST"]),
        Route("/api/moments/{alert_id:int}", moment, methods=["GET"]),
    ]


async def list_rules(request: Request) -> JSONResponse:
    """Return the rules, quiet hours and what kinds of rules there are."""
    alarms = _alarms(request)
    return told(
        {
            "rules": [_told_rule(rule) for rule in alarms.alerting.rules],
            "quiet": alarms.quiet,
            "kinds": catalogue(),
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


async def remove_rule(request: Request) -> JSONResponse:
    """Forget a rule; one that is not known is forgotten already."""
    content = await read_change(request)
    await _alarms(request).remove_rule(_id(content.get("id")))
    return told({})


async def preview_rule(request: Request) -> JSONResponse:
    """Tell what a rule would have fired over what the server remembers."""
    content = await read_change(request)
    content.pop("id", None)
    rule = _rule(content, 0)
    _alarms(request)
    desk: AlertDesk = request.app.state.alert_desk
    fired, since_ms = desk.preview(rule)
    return told(
        {
            "count": len(fired),
            "since": since_ms,
            "examples": [
                {"at": one.at_ms, "title": one.title, "body": one.body} for one in fired[-EXAMPLES:]
            ],
        }
    )


async def snooze(request: Request) -> JSONResponse:
    """Let a rule, or all without an id, sleep for some minutes (0 wakes)."""
    content = await read_change(request)
    minutes = content.get("minutes")
    number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if not number or not 0 <= minutes <= SNOOZE_MIN_MAX:  # type: ignore[operator]
        raise Refused(400, "bad_request", f"expected minutes from 0 to {SNOOZE_MIN_MAX:.0f}, got {minutes!r}")
    rule_id = None if content.get("id") is None else _id(content["id"])
    until_ms = await _alarms(request).snooze(rule_id, float(minutes))  # type: ignore[arg-type]
    return told({"until": until_ms})


async def set_quiet(request: Request) -> JSONResponse:
    """Keep quiet hours: {"quiet": {zone, begin, end}} or null."""
    content = await read_change(request)
    try:
        await _alarms(request).set_quiet(content.get("quiet"))
    except QuietError as error:
        raise Refused(400, "bad_request", str(error)) from None
    return told({"quiet": _alarms(request).quiet})


async def inbox(request: Request) -> JSONResponse:
    """Return the newest alerts, the newest first, and since when this server watches (Unix ms)."""
    since_ms = _alarms(request).begun_ms
    entries = await _store(request).run(lambda db: alerts.inbox(db, INBOX_COUNT))
    return told({"alerts": [_told_entry(entry) for entry in entries], "since": since_ms, "now": wall_ms()})


async def seen(request: Request) -> JSONResponse:
    """Note that an alert was opened."""
    content = await read_change(request)
    alert_id, now_ms = _id(content.get("id")), wall_ms()
    _alarms(request)
    if not await _store(request).run(lambda db: alerts.see(db, alert_id, now_ms)):
        raise Refused(404, "unknown_alert", f"there is no alert {alert_id}")
    return told({})


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


def _store(request: Request) -> StateStore:
    store: StateStore = request.app.state.store
    return store


def _rule(content: dict[str, Any], rule_id: int) -> Rule:
    try:
        return read_rule(content, rule_id)
    except RuleError as error:
        raise Refused(400, "bad_rule", str(error)) from None


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
        "seen": entry.seen_ms,
        "moment": entry.has_moment,
    }
