"""Which way a test reads the venues' messages."""

from __future__ import annotations

from leadline.venues.adapter import load_raw_reader
from leadline.venues.base import VenueProtocol


def read_by_seed(protocol: VenueProtocol, seed: int) -> None:
    """Read raw bytes by compiled code under odd seeds, and the plain way under even ones."""
    if seed % 2:
        protocol.read_raw_with(load_raw_reader())
