"""The errors that reach a person, each one calm sentence; every other exception is a defect.

LeadlineError
├── UsageError        a command line, setting or file the user can mend; exit code 2
│   ├── CaptureError  a recording that cannot be read as one of the known formats
│   └── StoreError    the state on disk cannot be opened, or did not take what was to be kept
└── VenueError        a venue answered, and refused or made no sense; carries venue and reason
"""

from __future__ import annotations


class LeadlineError(Exception):
    """Base of all errors with a sentence for the user."""


class UsageError(LeadlineError):
    """Something the user typed, set or pointed at does not hold."""


class CaptureError(UsageError):
    """A recording is not readable as any known format."""


class StoreError(UsageError):
    """The state on disk cannot be used; the sentence names the file and what helps."""


class VenueError(LeadlineError):
    """A venue refused a request or broke its own protocol."""

    def __init__(self, venue: str, reason: str) -> None:
        super().__init__(f"{venue}: {reason}")
        self.venue = venue
        self.reason = reason
