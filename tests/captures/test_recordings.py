"""Every recorded book of the three venues, built by the adapters and proven by the venues' own words."""

import gzip
import hashlib
import io
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest

from leadline.errors import CaptureError
from leadline.feed.check import Report, check, run_check
from leadline.feed.replay import Replay
from tests.fakes.captures import capture

BTC = ["btcusdt_20230404_depth_trade_bbo_mark.txt.gz", "btcusdt_20230405_depth_trade_bbo_mark.txt.gz"]
ETH = ["ethusdt_20240718_depth_trade_bbo.txt.gz", "ethusdt_20240719_depth_trade_bbo.txt.gz"]
ETH_ALONE = "ethusdt_20240808_depth_trade_bbo.txt.gz"
COIN = ["btcusd_perp_20240808_depth_trade_bbo.txt.gz", "btcusd_perp_20240809_depth_trade_bbo.txt.gz"]
ALTS = "binance_usdm/alts4_20210722_session.jsonl.gz"
BYBIT = "bybit/v5_btcusdt_solusdt_20260809_session.jsonl.gz"
BYBIT_500 = "bybit/ob500_xrpusdt_20241201.jsonl.gz"
OKX = "okx/books_20220513_session.jsonl.gz"
OKX_TBT = "okx/books_tbt_20210722_session.jsonl.gz"


def checked(*names: str) -> dict[str, Report]:
    """Check recordings as one stream; every book in them must have been right all the time."""
    reports = {report.symbol: report for report in check([capture(name) for name in names])}
    for report in reports.values():
        wrong = (report.gaps, report.resyncs, report.crossed, report.protocol_errors)
        assert (*wrong, report.bbo_mismatches, report.checksum_mismatches) == (0,) * 6, report
        assert report.duplicates == 0
    return reports


@pytest.mark.parametrize(
    ("folder", "names", "symbol", "deltas", "trades", "quotes"),
    [
        ("binance_usdm", BTC, "BTCUSDT", 16_110, 12_935, 1_565),
        ("binance_usdm", ETH, "ETHUSDT", 8_929, 13_655, 834),
        ("binance_usdm", [ETH_ALONE], "ETHUSDT", 6_586, 14_076, 551),
        ("binance_coinm", COIN, "BTCUSD_PERP", 44_795, 5_235, 1_885),
    ],
)
def test_binance_books_agree_with_every_best_quote_of_the_same_id(
    folder: str, names: list[str], symbol: str, deltas: int, trades: int, quotes: int
) -> None:
    (report,) = checked(*(f"{folder}/{name}" for name in names)).values()
    assert (report.venue, report.symbol) == ("binance", symbol)
    assert (report.deltas, report.trades, report.snapshots) == (deltas, trades, 1)
    assert report.bbo_compared == quotes
    assert report.book_sha256 is not None


@pytest.mark.parametrize(
    ("name", "deltas"),
    [
        (f"binance_usdm/{BTC[1]}", 11_788),
        (f"binance_usdm/{ETH[1]}", 5_656),
        (f"binance_coinm/{COIN[1]}", 17_948),
    ],
)
def test_a_file_without_its_snapshot_is_judged_by_continuity_alone(name: str, deltas: int) -> None:
    (report,) = checked(name).values()
    assert report.deltas == deltas
    assert (report.snapshots, report.bbo_compared, report.top, report.book_sha256) == (0, 0, None, None)
    assert report.notes == ["no snapshot: continuity only"]
    assert not report.wrong


def test_a_session_with_its_requests_syncs_each_symbol_from_its_own_snapshot() -> None:
    reports = checked(ALTS)
    assert list(reports) == ["SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"]
    assert sum(report.deltas for report in reports.values()) == 764
    assert all(report.snapshots == 1 and report.bbo_compared for report in reports.values())


def test_bybit_books_of_both_markets_are_kept_apart() -> None:
    reports = checked(BYBIT)
    assert set(reports) == {"BTCUSDT", "SOLUSDT", "BTCUSDT:SPOT", "ETHUSDT:SPOT"}
    assert reports["BTCUSDT"].deltas + reports["SOLUSDT"].deltas == 795
    assert reports["BTCUSDT:SPOT"].deltas + reports["ETHUSDT:SPOT"].deltas == 548
    assert all(report.snapshots == 1 and report.book_sha256 for report in reports.values())


def test_a_bare_file_of_bybit_messages_is_a_book_too() -> None:
    (report,) = checked(BYBIT_500).values()
    assert (report.symbol, report.snapshots, report.deltas) == ("XRPUSDT", 1, 49)


@pytest.mark.parametrize(("name", "checksums", "connections"), [(OKX, 290, 1), (OKX_TBT, 4_372, 3)])
def test_every_checksum_of_okx_is_right(name: str, checksums: int, connections: int) -> None:
    reports = checked(name)
    assert sum(report.checksums_compared for report in reports.values()) == checksums
    assert {report.connections for report in reports.values()} == {connections}


def test_files_of_several_markets_are_reported_one_after_the_other() -> None:
    out = io.StringIO()
    assert run_check([capture(BYBIT_500), capture(OKX)], True, out) == 0
    rows = [orjson.loads(line) for line in out.getvalue().splitlines()]
    assert [(row["venue"], row["symbol"]) for row in rows] == [
        ("bybit", "XRPUSDT"),
        ("okx", "BTC-USD-220527"),
        ("okx", "UNIUSD"),
        ("okx", "BTCUSDT:SPOT"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "gateio/futures_usdt_20230524_session.jsonl.gz",
        "hyperliquid/btc_20250126_l2book_trades.txt.gz",
        "klines/btc_perp_1m_20211231_20220201.csv.gz",
        "lighter/btc_20251210_book_trade_liq_stats.jsonl.gz",
    ],
)
def test_what_is_no_recording_of_a_known_venue_is_refused_in_one_sentence(name: str) -> None:
    out = io.StringIO()
    with pytest.raises(CaptureError) as refused:
        run_check([capture(name)], False, out)
    assert len(str(refused.value).splitlines()) == 1
    assert out.getvalue() == ""


def plain(text: str) -> str:
    shown = f"{Decimal(text):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


class PlainBook:
    """A book as simple as can be, to hold ours against: text prices to text sizes."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    def apply(self, bids: list[Any], asks: list[Any]) -> None:
        for side, rows in (("b", bids), ("a", asks)):
            for price, size, *_ in rows:
                self.sides[side][plain(price)] = plain(size)

    def digest(self) -> str:
        lines: list[str] = []
        for side, levels in self.sides.items():
            held = [(price, size) for price, size in levels.items() if size != "0"]
            held.sort(key=lambda level: Decimal(level[0]), reverse=side == "b")
            lines += [f"{side} {price} {size}\n" for price, size in held]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_built_book_is_the_one_a_plain_reading_of_the_file_gives() -> None:
    book, synced = PlainBook(), 0
    held: list[dict[str, Any]] = []
    path = capture(f"binance_usdm/{ETH[0]}")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            message = orjson.loads(line.partition(" ")[2])
            data = message.get("data", message)
            if "lastUpdateId" in data:
                synced = data["lastUpdateId"]
                book.apply(data["bids"], data["asks"])
                for delta in held:
                    if delta["u"] >= synced:
                        book.apply(delta["b"], delta["a"])
            elif data["e"] == "depthUpdate" and synced:
                book.apply(data["b"], data["a"])
            elif data["e"] == "depthUpdate":
                held.append(data)
    (report,) = check([path])
    assert report.book_sha256 == book.digest()


def test_the_built_book_of_bybit_is_the_one_a_plain_reading_gives() -> None:
    book = PlainBook()
    with gzip.open(capture(BYBIT_500), "rt") as lines:
        for line in lines:
            data = orjson.loads(line)["data"]
            book.apply(data["b"], data["a"])
    (report,) = check([capture(BYBIT_500)])
    assert report.book_sha256 == book.digest()
    assert report.top is not None
    assert len(report.top["bids"]) == len(report.top["asks"]) == 5


def test_recordings_of_one_symbol_that_lie_apart_are_no_gap() -> None:
    names = ["ethusdt_20240718", "ethusdt_20240719", "ethusdt_20240808"]
    (report,) = check([capture(f"binance_usdm/{name}_depth_trade_bbo.txt.gz") for name in names])
    assert (report.gaps, report.snapshots, report.crossed) == (0, 2, 0)
    assert report.bbo_compared == 834 + 551
    assert report.bbo_mismatches == 0


def test_a_replay_reckons_by_the_leverage_tiers_of_its_own_day() -> None:
    replay = Replay([capture("binance_usdm/ethusdt_20240718_depth_trade_bbo.txt.gz")], speed=1.0, loop=False)
    assert replay.day == date(2024, 7, 18)
