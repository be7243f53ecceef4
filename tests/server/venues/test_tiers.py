"""Where tiers are asked for: each venue's own question, a user's key where one is wanted, else the bundle."""

from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest

from leadline.domain.instrument import Instrument
from leadline.units import Step
from leadline.venues.budget import Priority
from leadline.venues.endpoints import Endpoints, ReadKey
from leadline.venues.rest import Reply, Rest
from leadline.venues.tiers import load_tiers

# The example of Binance's own page on signed requests.
KEY = ReadKey(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
NOW_MS = 1_795_000_000_000


class Answering(Rest):
    """Answers every question with one body and keeps what was asked."""

    def __init__(self, venue: str, body: bytes) -> None:
        super().__init__(venue, "http://127.0.0.1:9")
        self.body = body
        self.asked: list[tuple[str, Mapping[str, str], bytes | None]] = []

    async def ask(
        self,
        path: str,
        weight: float,
        priority: Priority,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        self.asked.append((path, headers or {}, body))
        return Reply(200, self.body)


def contract(venue: str, native: str) -> Instrument:
    one = Step(1, 0)
    return Instrument(venue, "BTCUSDT", native, one, one, one, base="BTC", quote="USDT")


def test_a_query_is_signed_as_binance_shows_it() -> None:
    query = KEY.sign(
        {
            "symbol": "LTCBTC",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "1",
            "price": "0.1",
            "recvWindow": 5000,
            "timestamp": 1499827319559,
        }
    )
    assert query.endswith("&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")


def test_a_key_never_shows() -> None:
    assert KEY.key not in repr(Endpoints("a", "b", KEY))
    assert KEY.secret not in repr(Endpoints("a", "b", KEY))


async def test_binances_brackets_are_asked_for_with_the_users_key(caplog: pytest.LogCaptureFixture) -> None:
    bracket = {
        "initialLeverage": 99,
        "notionalCap": 5e6,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
    rest = Answering("binance", orjson.dumps([{"symbol": "BTCUSDT", "brackets": [bracket]}]))
    tiers = await load_tiers(rest, contract("binance", "BTCUSDT"), 6e4, NOW_MS, KEY)
    assert (tiers.source, tiers.at(0).leverage_max) == ("key", 99)
    (path, headers, _), *others = rest.asked
    assert path.startswith(f"/fapi/v1/leverageBracket?symbol=BTCUSDT&timestamp={NOW_MS}&recvWindow=5000&")
    assert headers == {"X-MBX-APIKEY": KEY.key}
    assert not others
    # A key that the venue refuses gives the bundle, and the log tells why without it.
    refused = Answering("binance", b'{"code": -2015, "msg": "Invalid API-key"}')
    assert (await load_tiers(refused, contract("binance", "BTCUSDT"), 6e4, NOW_MS, KEY)).source == "brackets"
    assert "no leverage tiers" in caplog.text
    assert KEY.key not in caplog.text
    assert KEY.secret not in caplog.text


async def test_without_a_key_binance_is_not_asked() -> None:
    rest = Answering("binance", b"")
    assert (await load_tiers(rest, contract("binance", "BTCUSDT"), 6e4, NOW_MS)).source == "brackets"
    assert not rest.asked


async def test_hyperliquids_question_is_posted() -> None:
    meta = {"universe": [{"name": "BTC", "maxLeverage": 40}], "marginTables": []}
    rest = Answering("hyperliquid", orjson.dumps(meta))
    tiers = await load_tiers(rest, contract("hyperliquid", "0"), 0.0, NOW_MS)
    assert (tiers.source, tiers.at(0).leverage_max) == ("margin-table", 40)
    assert rest.asked == [("/info", {}, b'{"type":"meta"}')]


@pytest.mark.parametrize(
    ("venue", "native", "path"),
    [
        (
            "bitget",
            "BTCUSDT",
            "/api/v2/mix/market/query-position-lever?symbol=BTCUSDT&productType=USDT-FUTURES",
        ),
        ("gate", "BTC_USDT", "/api/v4/futures/usdt/risk_limit_tiers?contract=BTC_USDT"),
        ("bybit", "BTCUSDT", "/v5/market/risk-limit?category=linear&symbol=BTCUSDT"),
    ],
)
async def test_public_tiers_are_asked_for_and_nonsense_gives_the_bundle(
    venue: str, native: str, path: str
) -> None:
    rest = Answering(venue, b"<html>")
    tiers = await load_tiers(rest, replace(contract(venue, native), leverage_max=20.0), 6e4, NOW_MS)
    assert tiers.source in {"fallback", "risk-limit"}
    assert tiers.source == "risk-limit" or tiers.at(0).leverage_max == 20
    assert [asked for asked, _, _ in rest.asked] == [path]
