"""The golden frames are what the server writes today, and read back as their values say."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import msgpack
import pytest

from leadline.wire.reader import decode
from leadline.wire.requests import parse_client
from tests.wire import make_golden
from tests.wire.maps import read_map
from tests.wire.watchlists import read_glance, read_plain

NAMES = sorted(make_golden.golden())


def frames_of(path: Path) -> list[bytes]:
    raw, at, found = path.read_bytes(), 0, []
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_is_what_the_server_writes_today(name: str) -> None:
    written = (make_golden.FOLDER / name).read_bytes()
    assert written == make_golden.golden()[name], "run: python -m tests.wire.make_golden"


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.name for path in make_golden.FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".json")])
def test_a_golden_frame_reads_as_its_values_say(name: str) -> None:
    path = make_golden.FOLDER / name
    value = json.loads(path.read_text())
    if isinstance(value, list):
        asked = path.with_suffix(".bin").read_bytes()
        assert msgpack.unpackb(asked) == value
        parse_client(asked)
    elif "frames" in value:
        seen = make_golden.read(value["group"], value["depth"], frames_of(path.with_suffix(".bin")))
        assert seen == value["frames"]
    elif "maps" in value:
        assert read_map(frames_of(path.with_suffix(".bin"))) == value["maps"]
    elif "seen" in value:
        raws = frames_of(path.with_suffix(".bin"))
        assert (read_glance if path.stem == "glance" else read_plain)(raws) == value["seen"]
    else:
        message = decode(path.with_suffix(".bin").read_bytes())
        assert {field: getattr(message, field) for field in message.__slots__} == value
