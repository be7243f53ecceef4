"""Thousands of WebSocket clients in one thread that costs less than any server it reads from.

The loop is compiled and calls epoll_wait and recv itself, so that no Python runs for an event.  It counts
bytes; where a read begins with a frame, it takes the frame's age from the stamp in it.
"""

from __future__ import annotations

import base64
import ctypes
import os
import select
import socket
import threading
from typing import Any

import numpy as np
from numba import njit

from tests.bench.fanout_servers import FRAME_BYTES, MAGIC

HEADER_BYTES = 4
AGES_MAX = 2_000_000
STOP, BYTES, ENDED, AGES, TIMING = range(5)  # places in the state shared with the loop
EVENT_WORDS = 3  # an epoll_event is packed on x86-64: events, then 8 bytes of data


def _function(name: str, result: Any, *arguments: Any) -> Any:
    found = getattr(ctypes.CDLL(None), name)
    found.restype, found.argtypes = result, arguments
    return found


_epoll_wait = _function("epoll_wait", ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
_recv = _function("recv", ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_clock = _function("clock_gettime", ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


@njit(nogil=True)
def _read(poll, events, buffer, words, now, rest, state, ages):  # type: ignore[no-untyped-def]
    # The buffer begins so that the stamp of a frame read at its start is aligned.
    start = 8 - HEADER_BYTES
    while state[STOP] == 0:
        for index in range(_epoll_wait(poll, events.ctypes.data, len(events) // EVENT_WORDS, 20)):
            number = np.int64(events[EVENT_WORDS * index + 1])
            got = _recv(number, buffer.ctypes.data + start, len(buffer) - 16, 64)
            if got <= 0:
                state[ENDED] += got == 0
                continue
            state[BYTES] += got
            if state[TIMING] and rest[number] == 0 and got >= FRAME_BYTES and words[1] == MAGIC:
                _clock(1, now.ctypes.data)
                if state[AGES] < len(ages):
                    ages[state[AGES]] = now[0] * 1_000_000_000 + now[1] - words[2]
                    state[AGES] += 1
            rest[number] = (rest[number] + got) % FRAME_BYTES


class Readers:
    """``count`` clients that read all they are sent; ``deflate``: they offer compression as browsers do."""

    def __init__(self, port: int, count: int, subscribe: bool, deflate: bool) -> None:
        self._poll = select.epoll()
        self.sockets = [connected(port, subscribe, deflate) for _ in range(count)]
        for one in self.sockets:
            one.setblocking(False)
            self._poll.register(one.fileno(), select.EPOLLIN)
        self._state = np.zeros(5, np.int64)
        self._ages = np.zeros(AGES_MAX, np.int64)
        buffer = np.zeros(65_536, np.uint8)
        rest = np.zeros(max(one.fileno() for one in self.sockets) + 1, np.int64)
        arguments = (
            *(self._poll.fileno(), np.zeros(EVENT_WORDS * 512, np.uint32), buffer, buffer.view(np.int64)),
            *(np.zeros(2, np.int64), rest, self._state, self._ages),
        )
        self._state[STOP] = 1
        _read(*arguments)  # compiles
        self._state[STOP] = 0
        self._thread = threading.Thread(target=_read, args=arguments, daemon=True)
        self._thread.start()

    @property
    def frames(self) -> float:
        """Frames that arrived so far, of the uncompressed size."""
        return float(self._state[BYTES]) / FRAME_BYTES

    def time(self, on: bool) -> None:
        """Begin anew, or end, to take the ages of frames."""
        if on:
            self._state[AGES] = 0
        self._state[TIMING] = int(on)

    def ages_ms(self) -> np.ndarray:
        return np.sort(self._ages[: self._state[AGES]]) / 1e6

    def close(self) -> None:
        self._state[STOP] = 1
        self._thread.join()
        for one in self.sockets:
            one.close()
        self._poll.close()


def connected(port: int, subscribe: bool, deflate: bool, receive_bytes: int = 0) -> socket.socket:
    """Return a socket whose WebSocket is open, and whose stream's first frame has come if ``subscribe``."""
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(20)
    made.connect(("127.0.0.1", port))
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if deflate else ""
    made.sendall(
        (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: leadline.v3\r\n{offer}\r\n"
        ).encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += made.recv(1)
    if b" 101 " not in head:
        raise OSError(f"expected an open WebSocket, got {head!r:.200}")
    if deflate and b"permessage-deflate" not in head:
        raise OSError("expected the server to take the offer to compress")
    if subscribe:
        _subscribe(made)
    return made


def _subscribe(made: socket.socket) -> None:
    import msgpack

    wish = {"kind": "ladder", "symbol": "BTCUSDT", "venue": "all", "group": 1, "depth": 1, "hz": 1}
    message = msgpack.packb([1, 1, wish])
    # A mask of zeros is a mask, and leaves the bytes as they are.
    made.sendall(bytes((0x82, 0x80 | len(message))) + bytes(4) + message)
    kind = None
    while kind != 10:
        size = made.recv(2, socket.MSG_WAITALL)[1]
        if size == 126:
            size = int.from_bytes(made.recv(2, socket.MSG_WAITALL), "big")
        kind = msgpack.unpackb(made.recv(size, socket.MSG_WAITALL))[0]
