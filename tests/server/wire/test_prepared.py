"""A prepared frame is one that any WebSocket client reads back as the payload."""

from __future__ import annotations

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from leadline.wire.prepared import PreparedFrame


def read(raw: bytes) -> list[Frame]:
    client = ClientProtocol(parse_uri("ws://localhost/"))
    client.state = State.OPEN
    client.parser = client.parse()
    next(client.parser)
    client.receive_data(raw)
    return [event for event in client.events_received() if isinstance(event, Frame)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_every_size_reads_back(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    prepared = PreparedFrame(payload)
    (frame,) = read(prepared.raw)
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.BINARY, True, payload)
    assert len(prepared) == len(prepared.raw)


def test_frames_follow_each_other_without_a_seam() -> None:
    payloads = [b"a" * 200, b"", b"b" * 70_000, b"c"]
    frames = read(b"".join(PreparedFrame(payload).raw for payload in payloads))
    assert [frame.data for frame in frames] == payloads
