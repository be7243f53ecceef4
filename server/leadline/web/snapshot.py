"""`/snapshot`: one small answer with all that a phone needs for a first picture over a thin line."""

from __future__ import annotations

import msgpack
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from leadline.feed.hub import Hub
from leadline.feed.streams.base import Refusal
from leadline.feed.streams.glance import GlanceStream
from leadline.feed.streams.ladder import LadderStream
from leadline.wire.requests import BadRequest, GlanceKey, LadderKey, key_of

MEDIA_TYPE = "application/vnd.msgpack"
SYMBOLS_MAX = 12
DEPTH_DEFAULT = 40
NO_STREAM = 0  # what the frames name as theirs: nothing follows them


async def snapshot(request: Request) -> Response:
    """Answer the frames hello, glance, ladder and state as a list of bins; 400 or 404 with a sentence."""
    hub: Hub = request.app.state.hub
    try:
        key = _key(request)
        frames = snapshot_frames(hub, key)
    except BadRequest as error:
        return PlainTextResponse(f"{error}\n", 400)
    except Refusal as refusal:
        return PlainTextResponse(f"{refusal.text}\n", 404)
    return Response(msgpack.packb(frames), media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})


def snapshot_frames(hub: Hub, key: LadderKey) -> list[bytes]:
    """Return the frames of the symbol in view and of the watchlist around it.

    Raises Refusal when there is no such ladder.
    """
    ladder = LadderStream(NO_STREAM, key, hub)
    others = (name for name, made in hub.sessions.items() if made.venues and name != key.symbol)
    symbols = (key.symbol, *(name for name, _ in zip(others, range(SYMBOLS_MAX - 1), strict=False)))
    glance = GlanceStream(NO_STREAM, GlanceKey(symbols), hub)
    return [hub.hello(symbols), glance.keyframe(), ladder.keyframe(), ladder.beside()]


def _key(request: Request) -> LadderKey:
    asked = dict(request.query_params)
    wish: dict[object, object] = {"kind": "ladder", "venue": "all", "depth": DEPTH_DEFAULT}
    for name, value in asked.items():
        wish[name] = int(value) if value.isascii() and value.isdigit() and len(value) < 17 else value
    key = key_of(wish)
    if not isinstance(key, LadderKey):
        raise BadRequest("expected the fields of a ladder: symbol, group, and if need be venue and depth")
    return key
