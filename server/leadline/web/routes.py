"""The web application: pages, health, figures, live socket, alerts."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from leadline import __version__
from leadline.domain.events import BookState
from leadline.feed.alert_desk import AlertDesk
from leadline.feed.hub import Hub
from leadline.feed.previews import Previews
from leadline.push.alarms import Alarms
from leadline.push.desk import PushDesk
from leadline.store.state import StateStore
from leadline.web.alerts_api import alerts_routes
from leadline.web.live import live
from leadline.web.metrics import metrics
from leadline.web.push_api import push_routes
from leadline.web.security import SecurityHeaders
from leadline.web.snapshot import snapshot
from leadline.web.static import StaticFiles

LIVE_PATH = "/live"
STATIC_FOLDER = Path(__file__).parent.parent / "static"


async def healthz(request: Request) -> JSONResponse:
    """Say whether books are live: 200 when every symbol that trades has one, 503 otherwise."""
    hub: Hub = request.app.state.hub
    books = {
        symbol: {name: view.book.state.name.lower() for name, view in session.venues.items()}
        for symbol, session in hub.sessions.items()
    }
    # A symbol that no venue trades any more cannot be live, and is not waited for.
    wanted = [
        any(view.book.state is BookState.LIVE for view in session.venues.values())
        for session in hub.sessions.values()
        if not session.venues or not all(view.closed for view in session.venues.values())
    ]
    ready = bool(wanted) and all(wanted)
    body = {
        "status": "ok" if ready else "starting",
        "version": __version__,
        "market": hub.market,
        "simulated": hub.simulated,
        "clients": len(hub.watchers),
        "streams": len(hub.streams),
        "books": books,
    }
    return JSONResponse(body, 200 if ready else 503, headers={"cache-control": "no-store"})


class Web(Starlette):
    """Starlette, but for the live socket, which is met before all middleware and routes.

    A phone stays for hours, and every layer above its socket would stay as long: a third of its memory.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == LIVE_PATH:
            scope["app"] = self
            await live(WebSocket(scope, receive, send))
        else:
            await super().__call__(scope, receive, send)


def build_web(
    hub: Hub,
    static_folder: Path = STATIC_FOLDER,
    *,
    store: StateStore | None = None,
    push: PushDesk | None = None,
    alarms: Alarms | None = None,
    alert_desk: AlertDesk | None = None,
    previews: Previews | None = None,
) -> Starlette:
    """Make the ASGI application over a hub; the app's files are read into memory now.

    store: what is kept over a restart, None when nothing is (a replay); it is `app.state.store`.
    push: the way to the phones, over that store.  alarms, alert_desk, previews: the user's rules, who
    watches for them, and what they would have done; all or none.
    """
    static = StaticFiles(static_folder)
    web = Web(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            Route("/snapshot", snapshot),
            *push_routes(),
            *alerts_routes(),
            Route("/{path:path}", static.endpoint),
        ],
        middleware=[Middleware(SecurityHeaders)],
    )
    web.state.hub = hub
    web.state.store = store
    web.state.push = push
    web.state.push_tested = {}
    web.state.alarms = alarms
    web.state.alert_desk = alert_desk
    web.state.previews = previews
    web.state.has_pages = "/" in static.files
    return web
