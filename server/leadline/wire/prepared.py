"""A message with its WebSocket frame header, built once for all who are sent it (RFC 6455, section 5.2)."""

from __future__ import annotations

_FINAL_BINARY = 0x82  # FIN, no extension bits, opcode 2
_TWO_BYTES, _EIGHT_BYTES = 126, 127


class PreparedFrame:
    """payload: the message; raw: the same as an unfragmented, unmasked frame of a server, uncompressed.

    Such a frame is legal on a connection whatever extensions were agreed, and the same for everybody.
    """

    __slots__ = ("payload", "raw")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.raw = _header(len(payload)) + payload

    def __len__(self) -> int:
        return len(self.raw)


def _header(size: int) -> bytes:
    if size < _TWO_BYTES:
        return bytes((_FINAL_BINARY, size))
    if size < 1 << 16:
        return bytes((_FINAL_BINARY, _TWO_BYTES)) + size.to_bytes(2, "big")
    return bytes((_FINAL_BINARY, _EIGHT_BYTES)) + size.to_bytes(8, "big")
