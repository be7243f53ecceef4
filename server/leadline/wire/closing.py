"""Close codes of the live socket: each tells the phone whether to come back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Closing:
    """code: 4000-4499 come back with back-off, 4500-4999 do not come back by yourself."""

    code: int
    text: str


TOO_SLOW = Closing(4008, "could not send for 30 s; come back")
TOO_FAR_BEHIND = Closing(4009, "more waits to be sent than is kept; come back")
SERVER_ERROR = Closing(4011, "server error; come back")
TOO_MANY_MESSAGES = Closing(4501, "too many messages a second")
BINARY_ONLY = Closing(4503, "expected binary messages")
