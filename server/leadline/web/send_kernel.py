"""The loop over `send`, compiled: one system call a socket, and nothing else."""

from __future__ import annotations

from typing import Any

from numba import types

from leadline.domain.raw_memory import compiled

_ARRAY = types.int64[::1]
# ssize_t send(int, const void *, size_t, int)
_send: Any = types.ExternalFunction("send", types.int64(types.int32, types.int64, types.int64, types.int32))


@compiled(types.void(_ARRAY, types.int64, types.int64, types.int32, _ARRAY), nogil=True)
def send_to_all(sockets: Any, address: int, size: int, flags: int, sent: Any) -> None:
    """Write into ``sent`` how many of ``size`` bytes each socket took, -1 for none and for no socket."""
    for at in range(len(sockets)):
        sent[at] = _send(sockets[at], address, size, flags) if sockets[at] >= 0 else -1
