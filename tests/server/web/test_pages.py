"""Pages and health over real uvicorn."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from leadline.domain.events import BookState
from leadline.feed.session import SymbolSession
from tests.fakes.market import HandMarket, hand_market, instrument
from tests.fakes.server import serving


@pytest.fixture
def market() -> HandMarket:
    return hand_market()


@pytest.fixture
async def base(tmp_path: Path, market: HandMarket) -> AsyncIterator[str]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>x</title>" * 50)
    (static / "assets" / "app-1a2b.js").write_text("export {}")
    (static / "assets" / "app-1a2b.js.br").write_bytes(b"the same in brotli")
    (tmp_path / "secret.json").write_text("{}")
    (static / "link.json").symlink_to(tmp_path / "secret.json")
    async with serving(market.hub, static) as port:
        yield f"http://127.0.0.1:{port}"


async def test_the_page_carries_its_security_headers(base: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(base + "/") as answer:
        assert answer.status == 200
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"


async def test_hashed_files_are_kept_for_ever_and_pages_are_asked_again(base: str) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        async with http.get(base + "/assets/app-1a2b.js") as answer:
            assert "immutable" in answer.headers["cache-control"]
        async with http.get(base + "/", headers={"accept-encoding": "gzip"}) as answer:
            assert gzip.decompress(await answer.read()).startswith(b"<!doctype html>")
            etag = answer.headers["etag"]
        async with http.get(base + "/", headers={"if-none-match": etag}) as answer:
            assert answer.status == 304


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=0.5", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("br;q=0.0, gzip; Q=0", None),
        ("BR", "br"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
        ("*;q=0", None),
        ("br;q=much, gzip;q=nan", None),
        ("brotli-like", None),
        ("", None),
    ],
)
async def test_a_browser_gets_the_smallest_copy_that_it_takes(
    base: str, accepted: str, encoding: str | None
) -> None:
    address = base + "/assets/app-1a2b.js"
    headers = {"accept-encoding": accepted}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(address, headers=headers) as answer,
    ):
        assert answer.headers.get("content-encoding") == encoding
        assert answer.content_type == "text/javascript"
        body = await answer.read()
    assert body == b"the same in brotli" if encoding == "br" else len(body) > 0


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-1a2b.js.br",
        "/../secret.json",
        "/%2e%2e/secret.json",
        "/..%2fsecret.json",
        "/assets/..%5c..%5csecret.json",
        "/link.json",
        "//etc/passwd",
        "/assets/%00",
        "/assets/",
        "/nothing",
    ],
)
async def test_no_path_names_anything_but_the_built_files(base: str, path: str) -> None:
    from yarl import URL

    async with aiohttp.ClientSession() as http, http.get(URL(base + path, encoded=True)) as answer:
        assert answer.status == 404


async def test_health_is_ok_only_with_a_live_book_for_every_symbol(base: str, market: HandMarket) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(base + "/healthz") as answer:
            assert answer.status == 200
            body = await answer.json()
            assert body["books"] == {"BTCUSDT": {"binance": "live"}}
        market.books["binance"].state = BookState.STALE
        async with http.get(base + "/healthz") as answer:
            assert answer.status == 503


async def test_a_symbol_that_nobody_trades_any_more_is_not_waited_for(base: str, market: HandMarket) -> None:
    other = SymbolSession("OLDUSDT", market.clock, simulated=False)
    market.hub.sessions["OLDUSDT"] = other
    async with aiohttp.ClientSession() as http:
        async with http.get(base + "/healthz") as answer:
            assert answer.status == 503
        other.close(instrument("binance", "OLDUSDT"))
        async with http.get(base + "/healthz") as answer:
            assert answer.status == 200
            assert (await answer.json())["books"]["OLDUSDT"] == {"binance": "idle"}
        market.session.close(market.books["binance"].instrument)
        async with http.get(base + "/healthz") as answer:
            assert answer.status == 503
