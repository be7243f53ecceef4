"""Recorded markets read both ways: every event, counter and book is the same."""

import pytest

from leadline.feed.capture import Player, Record, Recording, open_recordings
from leadline.venues.adapter import load_raw_reader
from leadline.venues.base import Output
from leadline.venues.booksync import BookSync
from tests.fakes.captures import capture
from tests.server.venues.pair import proof

# Some whole, some as long as the ordinary way reads in a second.
RECORDINGS = [
    (["binance_usdm/ethusdt_20240808_depth_trade_bbo.txt.gz"], 40_000),
    (["binance_coinm/btcusd_perp_20240808_depth_trade_bbo.txt.gz"], 15_000),
    (["binance_usdm/alts4_20210722_session.jsonl.gz"], None),
    (["bybit/v5_btcusdt_solusdt_20260809_session.jsonl.gz"], None),
    (["bybit/ob500_xrpusdt_20241201.jsonl.gz"], None),
    (["okx/books_20220513_session.jsonl.gz"], None),
    (["okx/books_tbt_20210722_session.jsonl.gz"], None),
]


def played(
    recording: Recording, records: list[Record], compiled: bool
) -> tuple[list[object], dict[object, object]]:
    player = Player(recording)
    outputs: list[tuple[str, Output]] = []
    if compiled:
        for protocol in player.protocols.values():
            protocol.read_raw_with(load_raw_reader())
    for record in records:
        outputs += player.feed(record)
    return [*outputs], {key: (proof(sync), digest(sync)) for key, sync in player.syncs.items()}


def digest(sync: BookSync) -> str:
    return sync.book.digest(sync.instrument.tick, sync.instrument.lot)


@pytest.mark.parametrize(("names", "count"), RECORDINGS, ids=lambda value: str(value)[:40])
def test_a_recording_read_from_its_raw_bytes_is_the_same_market(names: list[str], count: int | None) -> None:
    for recording in open_recordings([capture(name) for name in names]):
        records = [record for record, _ in zip(recording.records(), range(count or 10**9), strict=False)]
        assert played(recording, records, compiled=False) == played(recording, records, compiled=True)
