"""What a stream costs on recorded markets; every frame is read again and compared on the way."""

from __future__ import annotations

import pytest

from tests.bench.bench_wire import RECORDINGS, Recording, send


@pytest.mark.parametrize(("recording", "ratio_min"), [(RECORDINGS[0], 20), (RECORDINGS[1], 14)])
def test_a_recorded_market_costs_a_small_part_of_its_json(recording: Recording, ratio_min: int) -> None:
    sent = send(recording)
    assert len(sent.frames) > 3_000
    assert sent.json_bytes / sum(map(len, sent.frames)) >= ratio_min
