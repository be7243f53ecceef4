"""Recordings in every known form, whole and damaged, made on the spot."""

import contextlib
import gzip
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.errors import CaptureError
from leadline.feed.capture import RecordingFile, currencies, open_recordings
from leadline.feed.check import check, run_check
from leadline.units import Step
from tests.server.venues.stream import binance_delta, binance_snapshot, bybit_book, instrument

BINANCE, BYBIT = instrument("binance"), instrument("bybit")


def timed(messages: list[bytes]) -> bytes:
    return b"".join(b"16806527004%05d000 " % index + raw + b"\n" for index, raw in enumerate(messages))


def binance_stream(length: int = 20, skip: int | None = None) -> list[bytes]:
    """A delta, the snapshot, then deltas; one of them left out."""
    first = binance_delta(BINANCE, 90, 100, {}, {})
    snapshot = binance_snapshot(BINANCE, 100, {10: 5, 8: 1}, {12: 5})
    deltas = [binance_delta(BINANCE, n, n + 1, {9: n}, {13: n}) for n in range(100, 100 + length)]
    return [first, snapshot, *(raw for index, raw in enumerate(deltas) if index != skip)]


def quote(update_id: int, bid_lots: int) -> bytes:
    lots = BINANCE.lot.text(bid_lots)
    data = {
        "e": "bookTicker",
        "u": update_id,
        "s": "BTCUSDT",
        "b": "1.0",
        "B": lots,
        "a": "1.2",
        "A": "0.005",
    }
    return orjson.dumps(data)


def session(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def saved(folder: Path, data: bytes, name: str = "recording") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_timed_stream_is_read_plain_and_packed(tmp_path: Path, packed: bool) -> None:
    data = timed(binance_stream())
    (report,) = check([saved(tmp_path, gzip.compress(data) if packed else data)])
    assert (report.deltas, report.snapshots, report.gaps, report.wrong) == (21, 1, 0, False)
    assert report.top == {
        "bids": [["1", "0.005"], ["0.9", "0.119"], ["0.8", "0.001"]],
        "asks": [["1.2", "0.005"], ["1.3", "0.119"]],
    }


@pytest.mark.parametrize(
    ("stamp", "t_ms"),
    [
        (b"1680652700423", 1680652700423),
        (b"1680652700423575", 1680652700423),
        (b"1723161255088165267", 1723161255088),
    ],
)
def test_times_in_ms_us_and_ns_are_told_apart(tmp_path: Path, stamp: bytes, t_ms: int) -> None:
    path = saved(tmp_path, stamp + b" " + binance_stream()[0] + b"\n")
    (record,) = RecordingFile(path).records()
    assert record.t_ms == t_ms


def test_a_missing_message_is_a_gap_and_the_check_fails(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_check([saved(tmp_path, timed(binance_stream(skip=7)))], True, out) == 1
    row = orjson.loads(out.getvalue())
    assert (row["gaps"], row["resyncs"]) == (1, 1)
    assert "the book was lost and not anchored again" in row["notes"]


def test_a_best_quote_that_differs_in_price_or_size_is_a_mismatch(tmp_path: Path) -> None:
    for bid_lots, mismatches in ((5, 0), (6, 1)):
        data = timed([*binance_stream(), quote(115, bid_lots), quote(99, 1)])
        (report,) = check([saved(tmp_path, data)])
        assert (report.bbo_compared, report.bbo_mismatches) == (1, mismatches)


def test_a_quote_may_come_before_its_book(tmp_path: Path) -> None:
    first, snapshot, *deltas = binance_stream()
    (report,) = check([saved(tmp_path, timed([first, snapshot, quote(120, 5), *deltas]))])
    assert (report.bbo_compared, report.bbo_mismatches) == (1, 0)


def test_two_files_of_one_market_are_one_stream(tmp_path: Path) -> None:
    stream = binance_stream()
    one, two = saved(tmp_path, timed(stream[:9]), "one"), saved(tmp_path, timed(stream[9:]), "two")
    (whole,) = check([saved(tmp_path, timed(stream), "whole")])
    (joined,) = check([one, two])
    assert joined == whole
    (alone,) = check([two])
    assert (alone.notes, alone.wrong) == (["no snapshot: continuity only"], False)
    (turned,) = check([two, one])
    assert turned.notes == ["a snapshot was recorded but does not meet the stream: continuity only"]


def test_snapshots_without_a_name_belong_to_the_symbol_of_their_file(tmp_path: Path) -> None:
    other = [raw.replace(b"BTCUSDT", b"ETHUSDT") for raw in binance_stream()]
    paths = [saved(tmp_path, timed(binance_stream()), "one"), saved(tmp_path, timed(other), "two")]
    reports = check(paths)
    assert [(report.symbol, report.snapshots, report.wrong) for report in reports] == [
        ("BTCUSDT", 1, False),
        ("ETHUSDT", 1, False),
    ]


def test_steps_are_the_greatest_common_divisors_and_not_the_number_of_decimals(tmp_path: Path) -> None:
    half = instrument("bybit", tick=Step.of("0.5"), lot=Step.of("20"))
    data = bybit_book(half, "snapshot", 1, {3: 2}, {8: 5}) + b"\n"
    (recording,) = open_recordings([saved(tmp_path, data)])
    (made,) = recording.instruments("")
    assert (made.tick, made.lot) == (Step.of("0.5"), Step.of("20"))


def test_a_later_finer_price_refines_the_steps_and_the_book_is_right_from_the_start(tmp_path: Path) -> None:
    fine = instrument("bybit", tick=Step.of("0.01"))
    messages = [
        bybit_book(BYBIT, "snapshot", 1, {10: 2}, {12: 5}),
        bybit_book(fine, "delta", 2, {105: 7}, {}),
    ]
    (report,) = check([saved(tmp_path, b"\n".join(messages) + b"\n")])
    assert (report.wrong, report.resyncs) == (False, 0)
    assert report.top is not None
    assert report.top["bids"] == [["1.05", "0.007"], ["1", "0.002"]]


def test_connections_with_the_same_symbol_each_have_their_own_book(tmp_path: Path) -> None:
    url = "wss://stream.bybit.com/v5/public/linear"
    rows = [
        {"t": 1.0 + n, "ch": "ws-recv", "conn": conn, "url": url, "raw": raw.decode()}
        for n in range(1, 4)
        for conn, shift in ((1, 0), (2, 700))
        for raw in [bybit_book(BYBIT, "snapshot" if n == 1 else "delta", n + shift, {10: n}, {12: n})]
    ]
    (report,) = check([saved(tmp_path, session(rows))])
    assert (report.connections, report.snapshots, report.deltas, report.wrong) == (2, 2, 4, False)


def test_a_cut_off_file_is_read_to_the_cut_and_that_is_said(tmp_path: Path) -> None:
    packed = gzip.compress(timed(binance_stream(length=4_000)))
    path = saved(tmp_path, packed[: len(packed) // 2])
    out = io.StringIO()
    assert run_check([path], False, out) == 0
    assert "ends early" in out.getvalue()
    assert "Traceback" not in out.getvalue()
    (report,) = check([path])
    assert 500 < report.deltas < 4_000


def test_unreadable_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = timed(binance_stream()).splitlines(keepends=True)
    path = saved(tmp_path, b"".join([*lines[:4], b"\xff\xfe junk\n", b"{broken\n", b"\n", *lines[4:]]))
    (report,) = check([path])
    assert report.notes == ["recording: 2 unreadable lines were left out"]
    assert not report.wrong


def test_a_damaged_message_is_a_protocol_error(tmp_path: Path) -> None:
    lines = timed(binance_stream()).splitlines(keepends=True)
    lines[6] = lines[6][:-20] + b"\n"
    (report,) = check([saved(tmp_path, b"".join(lines))])
    assert report.wrong
    assert report.protocol_errors == 1


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"hello\n", b"a,b,c\n1,2,3\n" * 500, bytes(5_000), b'{"x":1}\n']
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path, data: bytes, packed: bool) -> None:
    path = saved(tmp_path, gzip.compress(data) if packed else data)
    with pytest.raises(CaptureError, match=re.escape(str(path))) as refused:
        run_check([path], True, io.StringIO())
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("native", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("BTCUSD_PERP", "BTC", "USD"),
        ("UNI-USD-SWAP", "UNI", "USD"),
        ("BTC-USD-220527", "BTC", "USD"),
        ("ETHBTC", "ETH", "BTC"),
        ("ODD", "ODD", ""),
    ],
)
def test_the_currencies_of_a_contract_are_read_from_its_name(native: str, base: str, quote: str) -> None:
    assert currencies(native) == (base, quote)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(CaptureError, match=str(path)):
            check([path])


def test_the_table_ends_with_one_sentence(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_check([saved(tmp_path, timed(binance_stream()))], False, out) == 0
    lines = out.getvalue().splitlines()
    assert lines[0].split()[:3] == ["venue", "symbol", "messages"]
    assert lines[-1] == "1 of 1 books were built, and none was ever wrong."


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_damage_to_a_recording_ends_in_anything_but_a_verdict(data: st.DataObject) -> None:
    url = "wss://stream.bybit.com/v5/public/linear"
    raws = [bybit_book(BYBIT, "snapshot", 1, {10: 2}, {12: 5}), bybit_book(BYBIT, "delta", 2, {9: 2}, {})]
    rows = [{"t": 1.0, "ch": "ws-recv", "conn": 1, "url": url, "raw": raw.decode()} for raw in raws]
    whole = data.draw(
        st.sampled_from([session(rows), timed(binance_stream(4)), gzip.compress(session(rows))])
    )
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    junk = data.draw(st.binary(max_size=20) | st.text(max_size=10).map(str.encode))
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder), whole[:start] + junk + whole[end:])
        with contextlib.suppress(CaptureError):
            assert run_check([path], data.draw(st.booleans()), io.StringIO()) in (0, 1)


@pytest.mark.parametrize("url", ["http://[broken", "wss://stream.bybit.com:port/v5", "", "nonsense"])
def test_an_address_that_is_none_is_no_market(tmp_path: Path, url: str) -> None:
    rows = [{"t": 1.0, "ch": "ws-recv", "conn": 1, "url": url, "raw": "{}"}]
    with contextlib.suppress(CaptureError):
        assert run_check([saved(tmp_path, session(rows))], True, io.StringIO()) == 0
