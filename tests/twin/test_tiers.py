"""Tiers asked of the twin's venues, and what stands in for them."""

from leadline.twin.main import Twin
from leadline.venues.instruments import load_instruments
from leadline.venues.rest import Rest
from leadline.venues.tiers import load_tiers

NOW_MS = 1_795_000_000_000


async def test_published_tiers_are_used_and_the_bundled_ones_stand_in() -> None:
    sources = {}
    async with Twin(seed=1, history_days=0.0) as twin:
        for venue in ("binance", "bybit", "okx"):
            async with Rest(venue, f"http://127.0.0.1:{twin.ports[venue]}") as rest:
                made = (await load_instruments(venue, rest, ["BTCUSDT"]))["BTCUSDT"]
                tiers = await load_tiers(rest, made, 77_000.0, NOW_MS)
                assert tiers.rows[0].maintenance_rate * tiers.rows[0].leverage_max <= 1.0
                sources[venue] = (tiers.source, tiers.symbol)
    assert sources["bybit"] == ("risk-limit", "BTCUSDT")
    assert sources["okx"] == ("position-tiers", "BTCUSDT")
    assert sources["binance"][0] == "brackets"
    async with Rest("okx", "http://127.0.0.1:9") as nobody:
        assert (await load_tiers(nobody, made, 77_000.0, NOW_MS)).source == "fallback"
