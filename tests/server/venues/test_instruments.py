import gzip

import orjson
import pytest

from leadline.errors import VenueError
from leadline.units import Step
from leadline.venues.instruments import load_instruments, next_page, parse_instruments
from leadline.venues.rest import Reply
from tests.fakes.captures import capture


def binance_row(symbol: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "symbol": symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": symbol.partition("USD")[0],
        "quoteAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001"},
        ],
    }
    return row | changes


def test_a_binance_perpetual_is_named_by_its_currencies_and_a_dated_contract_by_itself() -> None:
    rows = [binance_row("BTCUSDT"), binance_row("BTCUSDT_261225", contractType="CURRENT_QUARTER")]
    perpetual, dated = parse_instruments("binance", orjson.dumps({"symbols": rows}))
    assert (perpetual.symbol, perpetual.base, perpetual.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (perpetual.tick, perpetual.lot, perpetual.trading) == (Step.of("0.1"), Step.of("0.001"), True)
    assert dated.symbol == "BTCUSDT_261225"


def test_a_coin_margined_contract_keeps_its_name_and_is_inverse() -> None:
    row = binance_row("BTCUSD_PERP", contractSize=100, contractStatus="TRADING", quoteAsset="USD")
    del row["status"]
    (made,) = parse_instruments("binance", orjson.dumps({"symbols": [row]}))
    assert (made.symbol, made.inverse, made.contract_size, made.trading) == (
        "BTCUSD_PERP",
        True,
        Step(100, 0),
        True,
    )
    assert made.coins(3, 50_000.0) == pytest.approx(3 * 0.001 * 100 / 50_000)


def okx_row(native: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {"instId": native, "instType": "SWAP", "ctType": "linear", "state": "live"}
    row |= {"ctVal": "0.01", "ctMult": "1", "tickSz": "0.1", "lotSz": "0.01"}
    return row | changes


def test_okx_contracts_are_counted_in_coins_by_their_value_and_multiplier() -> None:
    rows = [
        okx_row("BTC-USDT-SWAP"),
        okx_row("BTC-USD-SWAP", ctType="inverse", ctVal="100", state="suspend"),
        okx_row("SHIB-USDT-SWAP", ctVal="1000000", ctMult="10", tickSz="0.000000001"),
    ]
    linear, inverse, small = parse_instruments("okx", orjson.dumps({"code": "0", "data": rows}))
    assert (linear.symbol, linear.contract_size, linear.inverse) == ("BTCUSDT", Step.of("0.01"), False)
    assert (inverse.symbol, inverse.inverse, inverse.trading) == ("BTCUSD", True, False)
    assert small.contract_size == Step(10_000_000, 0)


@pytest.mark.parametrize("broken", [None, 5, {}, {"instId": 7}, okx_row("X-USDT-SWAP", tickSz="0")])
def test_a_row_that_makes_no_sense_is_left_out(broken: object) -> None:
    body = orjson.dumps({"code": "0", "data": [broken, okx_row("BTC-USDT-SWAP")]})
    assert [made.symbol for made in parse_instruments("okx", body)] == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("venue", "body"),
    [
        ("binance", b'{"code":-1121,"msg":"Invalid symbol."}'),
        ("bybit", b'{"retCode":10006,"retMsg":"Too many visits!","result":{}}'),
        ("okx", b'{"code":"50011","msg":"slow down","data":[]}'),
        ("okx", b"<html>"),
        ("bybit", b"[]"),
        ("binance", b'{"symbols":7}'),
    ],
)
def test_an_answer_that_is_none_is_an_error_naming_the_venue(venue: str, body: bytes) -> None:
    with pytest.raises(VenueError, match=venue):
        parse_instruments(venue, body)


@pytest.mark.parametrize(
    ("told", "expected"),
    [("75.00", 75.0), ("1", 1.0), ("0.5", None), ("", None), ("much", None), (None, None), ([], None)],
)
def test_the_largest_leverage_is_kept_where_the_venue_names_one(told: object, expected: float | None) -> None:
    okx = okx_row("BTC-USDT-SWAP", lever=told)
    bybit = orjson.loads(bybit_page(["BTCUSDT"], "").body)
    bybit["result"]["list"][0]["leverageFilter"] = {"maxLeverage": told}
    for venue, answer in (("okx", {"code": "0", "data": [okx]}), ("bybit", bybit)):
        (made,) = parse_instruments(venue, orjson.dumps(answer))
        assert made.leverage_max == expected
    bybit["result"]["list"][0]["leverageFilter"] = told
    assert parse_instruments("bybit", orjson.dumps(bybit))[0].leverage_max is None


class Pages:
    """Answers by path; counts what was asked."""

    def __init__(self, replies: dict[str, Reply]) -> None:
        self.replies = replies
        self.asked: list[str] = []

    async def get(self, path: str, weight: float = 1) -> Reply:
        self.asked.append(path)
        return self.replies.get(path, Reply(404))


def bybit_page(symbols: list[str], cursor: str) -> Reply:
    rows = [
        {"symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": symbol[:-4]}
        | {"quoteCoin": "USDT", "priceFilter": {"tickSize": "0.10"}, "lotSizeFilter": {"qtyStep": "0.001"}}
        for symbol in symbols
    ]
    result = {"category": "linear", "list": rows, "nextPageCursor": cursor}
    return Reply(200, orjson.dumps({"retCode": 0, "result": result}))


async def test_all_pages_are_read_and_symbols_not_listed_are_left_out() -> None:
    path = "/v5/market/instruments-info?category=linear&limit=1000"
    pages = Pages(
        {path: bybit_page(["AUSDT"], "next%3D"), path + "&cursor=next%3D": bybit_page(["BUSDT"], "")}
    )
    found = await load_instruments("bybit", pages, ["BUSDT", "AUSDT", "NOPE"])  # type: ignore[arg-type]
    assert list(found) == ["BUSDT", "AUSDT"]


async def test_a_venue_that_does_not_answer_is_an_error_with_the_reason() -> None:
    silent = Pages({"/api/v5/public/instruments?instType=SWAP": Reply(0, reason="no answer within 10 s")})
    with pytest.raises(VenueError, match="no answer within 10 s"):
        await load_instruments("okx", silent, ["BTCUSDT"])  # type: ignore[arg-type]


def test_the_last_page_has_no_cursor() -> None:
    assert next_page("bybit", bybit_page([], "").body) is None
    assert next_page("okx", b"{}") is None


def test_the_recorded_lists_of_the_venues_are_read_whole() -> None:
    recorded = {
        "bybit/v5_btcusdt_solusdt_20260809_session.jsonl.gz": ("category=linear", "bybit", 800, "BTCUSDT"),
        "okx/books_20220513_session.jsonl.gz": ("instType=SWAP", "okx", None, "BTCUSDT"),
        "binance_usdm/alts4_20210722_session.jsonl.gz": ("exchangeInfo", "binance", None, "SUSHIUSDT"),
    }
    for name, (part, venue, count, symbol) in recorded.items():
        with gzip.open(capture(name)) as lines:
            rows = (orjson.loads(line) for line in lines)
            body = next(
                row["raw"].encode() for row in rows if part in str(row["url"]) and row["ch"] == "http"
            )
        made = parse_instruments(venue, body)
        listed = orjson.loads(body)
        rows_listed = listed.get("symbols") or listed.get("data") or listed["result"]["list"]
        assert len(made) == len(rows_listed)
        assert count is None or len(made) == count
        assert symbol in {one.symbol for one in made}
