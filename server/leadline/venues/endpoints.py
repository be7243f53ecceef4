"""Where a venue is reached: the live addresses, or those of a twin or a regional host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs without a trailing slash; an adapter's paths begin with one."""

    rest: str
    ws: str


LIVE_ENDPOINTS = {
    "binance": Endpoints(rest="https://fapi.binance.com", ws="wss://fstream.binance.com"),
    "bybit": Endpoints(rest="https://api.bybit.com", ws="wss://stream.bybit.com"),
    "okx": Endpoints(rest="https://www.okx.com", ws="wss://ws.okx.com:8443"),
}
