"""Unsigned LEB128 varints and zigzag, as the wire's catalogue (shared/wire) defines them."""

from __future__ import annotations

from collections.abc import Iterable

VARINT_MAX = 2**53 - 1  # what a phone's number holds exactly
VARINT_BYTES_MAX = 8


class FrameError(ValueError):
    """A message is not what the catalogue says; the text tells what was expected and what came."""


def append_varints(body: bytearray, values: Iterable[int]) -> None:
    """Append each value as a varint; raises ValueError outside 0..VARINT_MAX."""
    for value in values:
        if not 0 <= value <= VARINT_MAX:
            raise ValueError(f"expected 0 to 2^53 - 1 for the wire, got {value}")
        while value > 127:
            body.append(value & 127 | 128)
            value >>= 7
        body.append(value)


def zigzag(value: int) -> int:
    """Map a signed value to an unsigned one: 0, -1, 1, -2 ... become 0, 1, 2, 3 ..."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


class VarintReader:
    """Reads varints and byte runs from the front of a body; raises FrameError where it is broken."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def varint(self) -> int:
        value = 0
        for shift in range(0, 7 * VARINT_BYTES_MAX, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                if value > VARINT_MAX:
                    raise FrameError(f"expected a varint below 2^53, got {value}")
                return value
        raise FrameError(f"expected a varint of at most {VARINT_BYTES_MAX} bytes, got a longer one")

    def signed(self) -> int:
        return unzigzag(self.varint())

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        run = self._body[self._at : self._at + count]
        if len(run) < count:
            raise FrameError(f"expected {count} more bytes, got {len(run)}: the frame is cut short")
        self._at += count
        return run

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._body):
            raise FrameError(f"expected the end of the frame, got {len(self._body) - self._at} bytes more")
