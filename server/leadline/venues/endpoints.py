"""Where a venue is reached: the live addresses, or those of a twin or a regional host."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadKey:
    """A user's read-only API key.  Neither part shows in a repr, and none is ever logged."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def sign(self, parameters: dict[str, str | int]) -> str:
        """Return the query of ``parameters``, which need no escaping, with Binance's signature of it."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"{query}&signature={hmac.new(self.secret.encode(), query.encode(), 'sha256').hexdigest()}"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs without a trailing slash; an adapter's paths begin with one.

    key: of the user's account, for what the venue shows to nobody else.
    """

    rest: str
    ws: str
    key: ReadKey | None = None


LIVE_ENDPOINTS = {
    "binance": Endpoints(rest="https://fapi.binance.com", ws="wss://fstream.binance.com"),
    "bybit": Endpoints(rest="https://api.bybit.com", ws="wss://stream.bybit.com"),
    "okx": Endpoints(rest="https://www.okx.com", ws="wss://ws.okx.com:8443"),
}
