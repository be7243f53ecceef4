"""A real uvicorn on a free loopback port, in this event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from leadline.app import listen, make_server
from leadline.feed.hub import Hub
from leadline.push.desk import PushDesk
from leadline.web.routes import build_web


@contextlib.asynccontextmanager
async def serving(
    hub: Hub, static: Path, push: PushDesk | None = None, *, stock: bool = False, **kept: Any
) -> AsyncIterator[int]:
    """Serve ``hub`` and the files of ``static``; yields the port.

    stock: by uvicorn's own WebSocket protocol, as under another server.  kept: see build_web.
    """
    listener = listen("127.0.0.1", 0)
    # Accepted sockets inherit it: a phone that does not read is noticed after kilobytes, not megabytes.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    server = make_server(build_web(hub, static, push=push, **kept))
    if stock:
        server.config.ws = WebSocketsSansIOProtocol
    pacing = asyncio.create_task(hub.run())
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.stop()
        await task
        pacing.cancel()
        await asyncio.gather(pacing, return_exceptions=True)
