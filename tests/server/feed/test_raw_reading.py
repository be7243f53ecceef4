"""Handing the compiled reader to the venues of a running market."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from leadline.feed.raw_reading import RawReading
from leadline.venues.base import VenueProtocol
from leadline.venues.scan import RawReader


class Given:
    """Notes which reader it was given."""

    def __init__(self) -> None:
        self.readers: list[type[RawReader]] = []

    def read_raw_with(self, make: type[RawReader]) -> None:
        self.readers.append(make)


async def test_protocols_made_before_and_after_the_loading_get_the_reader_once() -> None:
    reading, before, after = RawReading(), Given(), Given()
    reading.serve(cast(VenueProtocol, before))
    assert before.readers == []
    await reading.run()
    reading.serve(cast(VenueProtocol, after))
    assert before.readers == after.readers == [RawReader]


async def test_a_reader_that_cannot_be_loaded_leaves_the_plain_way(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> type[RawReader]:
        raise ImportError("no compiler here")

    reading, before, after = RawReading(load), Given(), Given()
    reading.serve(cast(VenueProtocol, before))
    with caplog.at_level(logging.ERROR):
        await reading.run()
    reading.serve(cast(VenueProtocol, after))
    assert before.readers == after.readers == []
    assert "the plain one stays" in caplog.text
