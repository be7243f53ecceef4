"""One frame to many phones in one compiled loop, past everything that asks per phone.

A socket whose transport holds nothing back may be written to directly: that is what the transport would
do.  Who takes no frame so, or not all of it, is served by his transport as ever.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Protocol, cast

import numpy as np

from leadline.feed.streams.base import Watcher
from leadline.web.send_kernel import send_to_all
from leadline.wire.prepared import PreparedFrame

FEW = 8  # for so few the loop in Python costs less than the arrays
FLAGS = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)


class Direct(Protocol):
    """A watcher whose socket can be written to."""

    def descriptor(self) -> int:
        """Return the socket's descriptor, -1 while anything waits to go out before."""

    def send_rest(self, rest: bytes) -> None:
        """Send the rest of a frame whose begin the socket has taken."""


def send_batched(frame: PreparedFrame, watchers: Collection[Watcher]) -> list[Watcher]:
    """Send a frame to whom it can be sent now; return the others."""
    if len(watchers) < FEW:
        return list(watchers)
    # Those who watch the streams of a server are the clients of its sockets.
    clients = cast(list[Direct], list(watchers))
    sockets = np.fromiter((client.descriptor() for client in clients), dtype=np.int64, count=len(clients))
    sent = np.empty(len(clients), dtype=np.int64)
    raw = np.frombuffer(frame.raw, dtype=np.uint8)
    send_to_all(sockets, raw.ctypes.data, len(raw), FLAGS, sent)
    left: list[Direct] = []
    for at in np.flatnonzero(sent != len(raw)).tolist():
        if sent[at] > 0:
            clients[at].send_rest(frame.raw[sent[at] :])
        else:
            left.append(clients[at])
    return cast(list[Watcher], left)
