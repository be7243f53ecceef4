"""A venue's connection that hands a message over as soon as its bytes are there."""

from __future__ import annotations

from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

TURN_MAX = 64  # messages of one reading; what is more lets the rest of the process have its turn


class PromptConnection(ClientConnection):
    """A connection whose whole messages can go straight to ``take``, without a queue and a task between.

    take: is given the bytes of a message; must not raise.  While None, in the midst of a message in
    pieces and beyond TURN_MAX messages of one reading they go the ordinary way to ``recv``; none overtakes
    those that wait there.
    """

    def __init__(self, protocol: ClientProtocol, **options: object) -> None:
        super().__init__(protocol, **options)  # type: ignore[arg-type]  # passed through as they came
        self.take: Callable[[bytes], None] | None = None
        self._waiting = 0
        self._left = TURN_MAX

    def data_received(self, data: bytes) -> None:
        self._left = TURN_MAX
        super().data_received(data)

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and (event.opcode is Opcode.TEXT or event.opcode is Opcode.BINARY):
            if self.take is not None and event.fin and not self._waiting and self._left > 0:
                self._left -= 1
                self.take(bytes(event.data))
                return
            self._waiting += 1
        super().process_event(event)

    async def next(self) -> bytes:
        """Return the next message that was not handed over; raises `ConnectionClosed` at the end."""
        message = await self.recv(decode=False)
        self._waiting -= 1
        return message
