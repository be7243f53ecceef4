"""Damaged recordings: `leadline check` reads what it can, says the rest in a sentence, and judges."""

from __future__ import annotations

import gzip
import io
import random
import tempfile
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import CaptureError
from leadline.feed.check import check, run_check
from tests.fuzz.budget import VENUES, fuzz
from tests.server.venues.stream import (
    TrueMarket,
    binance_delta,
    binance_snapshot,
    bybit_book,
    instrument,
    okx_book,
)
from tests.server.venues.test_scan import damaged

SEEDS = st.integers(0, 2**64 - 1)
FORMS = ["timed", "session", "bare"]
DELTAS = 25
URLS = {
    "binance": "wss://fstream.binance.com/public/ws",
    "bybit": "wss://stream.bybit.com/v5/public/linear",
    "okx": "wss://ws.okx.com:8443/ws/v5/public",
}


def messages(venue: str, rng: random.Random) -> list[bytes]:
    """Return a snapshot and the changes that follow it."""
    made, market = instrument(venue), TrueMarket(rng)
    if venue == "binance":
        told = [binance_snapshot(made, market.id, market.bids, market.asks)]
    elif venue == "bybit":
        told = [bybit_book(made, "snapshot", market.id, market.bids, market.asks)]
    else:
        told = [okx_book(made, "snapshot", -1, market.id, market.bids, market.asks)]
    for _ in range(DELTAS):
        before, bids, asks = market.move(1)
        if venue == "binance":
            told.append(binance_delta(made, before, market.id, bids, asks))
        elif venue == "bybit":
            told.append(bybit_book(made, "delta", market.id, bids, asks))
        else:
            told.append(okx_book(made, "update", before, market.id, bids, asks))
    return told


def lines(venue: str, form: str, told: list[bytes]) -> list[bytes]:
    """Write messages in one of the forms that recordings have."""
    made: list[bytes] = []
    for at, raw in enumerate(told):
        if form == "timed":
            made.append(b"%d %s" % (1_790_000_000_000 + 100 * at, raw))
        elif form == "session":
            answer = venue == "binance" and at == 0
            url = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT" if answer else URLS[venue]
            row = {"t": 1.79e9 + at / 10, "ch": "http" if answer else "ws-recv", "url": url}
            made.append(orjson.dumps(row | {"raw": raw.decode()}))
        else:
            made.append(raw)
    return made


@pytest.mark.parametrize("venue", VENUES)
@fuzz(examples=40)
@given(seed=SEEDS, form=st.sampled_from(FORMS), packed=st.booleans())
def test_a_damaged_file_is_judged_or_refused_in_a_sentence(
    venue: str, seed: int, form: str, packed: bool
) -> None:
    rng = random.Random(seed)
    told = lines(venue, form, messages(venue, rng))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(told))
        with suppress(ValueError, IndexError):
            told[at] = damaged(told[at], rng)
    data = b"\n".join(told)
    if packed:
        data = gzip.compress(data, 1)
    if rng.random() < 0.3:
        at = rng.randrange(len(data))
        data = data[:at] + rng.randbytes(rng.randint(0, 3)) + data[at + rng.randint(0, 3) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.2 else data)
        for as_json in (True, False):
            with suppress(CaptureError):
                assert run_check([path], as_json, io.StringIO()) in (0, 1)


@pytest.mark.parametrize("venue", VENUES)
@fuzz(examples=15)
@given(seed=SEEDS, form=st.sampled_from(FORMS))
def test_a_recording_is_right_until_one_message_is_missing(venue: str, seed: int, form: str) -> None:
    rng = random.Random(seed)
    told = lines(venue, form, messages(venue, rng))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        path.write_bytes(b"\n".join(told))
        (report,) = check([path])
        assert (report.wrong, report.deltas, report.snapshots) == (False, DELTAS, 1)
        assert report.book_sha256
        del told[rng.randrange(2, DELTAS)]
        path.write_bytes(b"\n".join(told))
        (report,) = check([path])
        assert (report.wrong, report.gaps) == (True, 1)
        assert "the book was lost and not anchored again" in report.notes
