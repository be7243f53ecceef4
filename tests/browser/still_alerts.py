"""Rules and inbox of the market that stands still: made-up alerts, the server's own reading of rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadline.domain.rule_sets import SETS, presets
from leadline.domain.rules import RuleError, catalogue, read_rule
from leadline.web.api import Refused, answered

FIRED = [
    # kind, symbol, minutes ago, way, seen, title, body, price
    (
        "approach",
        "BTCUSDT",
        3,
        1,
        False,
        "BTC 0.4 % above: 42 M USD",
        "of shorts (24–71 M) at 77,380–77,440. Book thinning, buyers pushing.",
        77_380,
    ),
    (
        "feed",
        None,
        5,
        0,
        False,
        "Feed down: Bybit DOGE",
        "No data since 09:58:02; its alerts are paused.",
        None,
    ),
    ("wall_pulled", "ETHUSDT", 9, -1, False, "ETH wall pulled: 6.1 M at 2,842", "82 % cancelled.", 2_842),
    ("state", "SOLUSDT", 34, -1, True, "SOL cluster held: 5.2 M of longs", "Absorbed 11 s.", 138),
]


def alerts_of(now_ms: int, screen: bytes) -> list[Route]:
    """Return the routes of one user's rules and inbox, held in memory; the first alert has a screen."""
    rules = dict(enumerate(presets(12), 1))
    muted: dict[str, int] = {}
    seen = {number for number, one in enumerate(FIRED, 1) if one[4]}

    def told_rule(number: int) -> dict[str, Any]:
        rule = rules[number]
        return {
            "id": number,
            "kind": rule.kind.value,
            "symbol": rule.symbol,
            "settings": dict(rule.settings),
            "enabled": rule.enabled,
            "snoozed_until_ms": rule.snoozed_until_ms,
        }

    async def listed(_: Request) -> JSONResponse:
        kept = [told_rule(number) for number in rules]
        told = {"rules": kept, "quiet": None, "muted": muted, "kinds": catalogue(), "now": now_ms}
        told["sets"] = list(SETS)
        return JSONResponse(told)

    async def put(request: Request) -> JSONResponse:
        try:
            rule = read_rule(await request.json())
        except RuleError as error:
            raise Refused(400, "bad_rule", str(error)) from None
        rules[max(rules, default=0) + 1] = rule
        return JSONResponse(told_rule(max(rules)), 201)

    async def remove(request: Request) -> JSONResponse:
        del rules[(await request.json())["id"]]
        return JSONResponse({})

    async def preview(request: Request) -> JSONResponse:
        try:
            asked = await request.json()
            asked.pop("id", None)
            read_rule(asked)
        except RuleError as error:
            raise Refused(400, "bad_rule", str(error)) from None
        told = {"count": 3, "since": now_ms - 86_400_000, "now": now_ms, "unknown_ms": 0, "examples": []}
        return JSONResponse(told)

    async def inbox(_: Request) -> JSONResponse:
        entries = [
            {
                "id": number,
                "kind": kind,
                "symbol": symbol,
                "at": now_ms - 60_000 * minutes,
                "title": title,
                "body": body,
                "url": "/#alerts" if price is None else f"/?symbol={symbol}&price={price}",
                "rule": 1,
                "way": way,
                "seen": now_ms if number in seen else None,
                "moment": number == 1,
                "price": price and price * (1 - way * 0.00142),
                "target": price,
            }
            for number, (kind, symbol, minutes, way, _, title, body, price) in enumerate(FIRED, 1)
        ]
        prices = {"BTCUSDT": 77_308.6, "ETHUSDT": 2_842.6}
        told = {"alerts": entries, "prices": prices, "since": now_ms - 86_400_000, "now": now_ms}
        return JSONResponse(told)

    async def see(request: Request) -> JSONResponse:
        seen.add((await request.json())["id"])
        return JSONResponse({})

    async def since(_: Request) -> JSONResponse:
        after = {"reached": "ahead", "closest": 0.002, "state": None, "forced_usd": 410_000, "oi": 0.0002}
        now = {"before": 77_270.0, "price": 77_308.6, "live": True, "age_ms": 40}
        return JSONResponse({**now, "after": after})

    async def path(_: Request) -> JSONResponse:
        way = [[now_ms - 180_000 + 60_000 * at, 77_270 + 12 * at] for at in range(1, 4)]
        return JSONResponse({"path": way * 8})

    async def act(request: Request) -> JSONResponse:
        asked = await request.json()
        until = 0 if asked.get("minutes") == 0 else now_ms + 3_600_000
        if asked["action"] == "snooze":
            rules[1] = replace(rules[1], snoozed_until_ms=until)
        if asked["action"] == "mute":
            muted.update({"BTCUSDT": until})
        return JSONResponse({"until": until})

    async def moment(_: Request) -> Response:
        return Response(screen, media_type="application/msgpack")

    return [
        Route("/api/moments/1", moment, methods=["GET"]),
        Route("/api/rules", answered(listed), methods=["GET"]),
        Route("/api/rules", answered(put), methods=["POST"]),
        Route("/api/rules/remove", answered(remove), methods=["POST"]),
        Route("/api/rules/preview", answered(preview), methods=["POST"]),
        Route("/api/inbox", answered(inbox), methods=["GET"]),
        Route("/api/inbox/seen", answered(see), methods=["POST"]),
        Route("/api/inbox/act", answered(act), methods=["POST"]),
        Route("/api/inbox/1/since", answered(since), methods=["GET"]),
        Route("/api/inbox/1/path", answered(path), methods=["GET"]),
    ]
