"""What an answer of a push service means: pure, so that every status is decided in one place.

Only 404 and 410 say that a device is gone.  400, 401 and 403 say that we did something wrong (a contact
or key the service does not like): devices are kept, and the service is left alone for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

RETRY_MS_MIN = 1_000
RETRY_MS_MAX = 60_000
RETRY_AFTER_S_MAX = 86_400
REFUSALS_TO_OPEN = 3
SHUT_MS_MIN = 60_000
SHUT_MS_MAX = 900_000


class Verdict(Enum):
    """DELIVERED: taken.  GONE: the subscription is no more.  TOO_LARGE: shrink it.

    LATER: try again.  REFUSED: they do not accept us.  NEVER: this message will never be taken.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    TOO_LARGE = "too large"
    LATER = "later"
    REFUSED = "refused"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """status: HTTP, None when none came, and then ``problem`` says why.  took_ms: until the answer."""

    status: int | None
    retry_after: str | None = None
    problem: str = ""
    took_ms: int = 0


def verdict(status: int | None) -> Verdict:
    """Return what a status means for a web push message."""
    if status is None or status == 429 or status >= 500 or status == 408:
        return Verdict.LATER
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status in (404, 410):
        return Verdict.GONE
    if status == 413:
        return Verdict.TOO_LARGE
    if status in (400, 401, 403):
        return Verdict.REFUSED
    return Verdict.NEVER


def sentence(answer: Answer) -> str:
    """Return what the health page says of an answer; nothing of the answer's body is ever shown."""
    if answer.status is None:
        return answer.problem or "no answer"
    meaning = {
        Verdict.DELIVERED: "delivered",
        Verdict.GONE: "the phone's subscription has ended; turn alerts on again there",
        Verdict.TOO_LARGE: "the message is too large for the push service",
        Verdict.REFUSED: "the push service refuses this server's key or contact",
        Verdict.NEVER: "the push service does not take this message",
        Verdict.LATER: "the push service is busy or out; it is tried again",
    }[verdict(answer.status)]
    if 300 <= answer.status < 400:
        meaning = "the push service points elsewhere, which is not followed"
    return meaning if meaning == "delivered" else f"{meaning} ({answer.status})"


def retry_after_ms(text: str | None, now_ms: int) -> int | None:
    """Read a Retry-After header (seconds or a date) into ms from now, None when it says nothing usable."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(int(text), RETRY_AFTER_S_MAX) * 1000
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    wait_ms = int(when.timestamp() * 1000) - now_ms
    return min(max(wait_ms, 0), RETRY_AFTER_S_MAX * 1000)


def retry_ms(attempts: int, jitter: float) -> int:
    """Return how long to wait after so many attempts: doubled each time, ``jitter`` (0 to 1) spread."""
    full = min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** min(attempts, 16))
    return int(full * (0.5 + 0.5 * jitter))


@dataclass(slots=True)
class Breaker:
    """Leaves a service alone that refuses us: after three refusals in a row, a minute, then longer.

    One message is let through when the time is over; an accepted one closes the breaker.
    """

    refusals: int = 0
    until_ms: int = 0

    def shut_until_ms(self, now_ms: int) -> int | None:
        """Return until when nothing is to be sent, None when it may; the asker then sends one."""
        if self.refusals < REFUSALS_TO_OPEN:
            return None
        if now_ms < self.until_ms:
            return self.until_ms
        self.until_ms = now_ms + SHUT_MS_MIN  # until the one let through is answered
        return None

    def refused(self, now_ms: int) -> None:
        """Take a refusal."""
        self.refusals += 1
        over = self.refusals - REFUSALS_TO_OPEN
        if over >= 0:
            self.until_ms = now_ms + min(SHUT_MS_MAX, SHUT_MS_MIN * 2 ** min(over, 8))

    def accepted(self) -> None:
        """Take an answer that shows the service accepts us."""
        self.refusals = 0
        self.until_ms = 0
