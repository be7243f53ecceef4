"""Maps sealed before their outcome is known: a hash is told first, the map itself with the outcome.

Whoever kept the hash can then see that the map that is judged is the one that was drawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.heat import CODE_RATIO, CODE_USD, codes_of
from leadline.domain.kernels import F8

REACH = 200  # bins on each side of the mark: 10 %
HALF = constants.PROFILE_BINS // 2
LATE_MINUTES = 1  # a print may come this much after the mark first touched its bin


@dataclass(frozen=True, slots=True)
class SealedMap:
    """What was foretold of one venue's symbol at one instant.

    origin: log-price bin of column 0.  maps: dollars [2, PROFILE_BINS] (long, short) by name, 0 beyond
    REACH bins from the mark.
    """

    symbol: str
    venue: str
    at_ms: int
    mark: float
    origin: int
    model_hash: str
    maps: dict[str, F8]


def seal(drawn: SealedMap, nonce: str) -> tuple[str, str]:
    """Return (text, digest).  The text holds everything, quantised to band codes; the digest is told first.

    nonce: random text that keeps the map from being guessed from its digest.
    """
    facts = {
        "symbol": drawn.symbol,
        "venue": drawn.venue,
        "at_ms": drawn.at_ms,
        "mark": drawn.mark,
        "origin": drawn.origin,
        "model_hash": drawn.model_hash,
        "nonce": nonce,
        "maps": {name: _packed(usd) for name, usd in drawn.maps.items()},
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return text, digest_of(text)


def digest_of(text: str) -> str:
    """Return the SHA-256 of a sealed text, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def unsealed(text: str, digest: str) -> SealedMap:
    """Read a sealed text.  Raises ValueError when it is not the one that was told, or none at all."""
    if digest_of(text) != digest:
        raise ValueError(f"expected a map with digest {digest[:12]}..., got {digest_of(text)[:12]}...")
    try:
        facts = json.loads(text)
        maps = {str(name): _unpacked(packed) for name, packed in facts["maps"].items()}
        return SealedMap(
            symbol=str(facts["symbol"]),
            venue=str(facts["venue"]),
            at_ms=int(facts["at_ms"]),
            mark=float(facts["mark"]),
            origin=int(facts["origin"]),
            model_hash=str(facts["model_hash"]),
            maps=maps,
        )
    except (KeyError, TypeError, AttributeError, zlib.error) as error:
        raise ValueError(f"expected a sealed map, got {text[:60]!r}: {error!r}") from None


def _packed(usd: F8) -> str:
    near = np.concatenate([usd[0, HALF - REACH : HALF], usd[1, HALF + 1 : HALF + 1 + REACH]])
    return base64.b64encode(zlib.compress(codes_of(near).tobytes(), 9)).decode()


def _unpacked(packed: str) -> F8:
    codes = np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=np.uint8)
    if len(codes) != 2 * REACH:
        raise ValueError(f"expected {2 * REACH} band codes, got {len(codes)}")
    usd: F8 = np.zeros((2, constants.PROFILE_BINS))
    dollars = CODE_USD * (CODE_RATIO ** codes.astype(np.float64) - 1.0)
    usd[0, HALF - REACH : HALF] = dollars[:REACH]
    usd[1, HALF + 1 : HALF + 1 + REACH] = dollars[REACH:]
    return usd


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute of a venue brought.  low, high: the bins whose centre the mark reached, None when
    nothing was heard.  deaths: (side 0 long 1 short, bin of the trigger, dollars).
    """

    low: int | None
    high: int | None
    deaths: tuple[tuple[int, int, float], ...] = ()

    @classmethod
    def of(cls, low: float, high: float, deaths: list[tuple[int, float, float]]) -> Minute:
        """low, high: of the mark; deaths: (side, trigger price, dollars)."""
        step = constants.LOG_STEP
        return cls(
            ceil(log(low) / step - 0.5),
            floor(log(high) / step - 0.5),
            tuple((side, floor(log(trigger) / step), usd) for side, trigger, usd in deaths),
        )


@dataclass(frozen=True, slots=True)
class Reached:
    """What followed a map: the lowest and highest bin reached, minutes without a mark, who died.

    deaths: dollars by (side, bin), where the mark came to the bin for the first time.
    """

    low: int
    high: int
    missing: int
    deaths: Mapping[tuple[int, int], float]


def reached(origin: int, minutes: list[Minute]) -> Reached:
    """Sum up the minutes after a map whose mark stood in the middle of the bins from ``origin`` on."""
    here = origin + HALF
    low = high = here
    lows, highs = [here] * (LATE_MINUTES + 1), [here] * (LATE_MINUTES + 1)
    deaths: dict[tuple[int, int], float] = {}
    missing = 0
    for minute in minutes:
        for side, bin_, usd in minute.deaths:
            first = bin_ < lows[0] if side == 0 else bin_ > highs[0]
            if first:
                deaths[side, bin_] = deaths.get((side, bin_), 0.0) + usd
        if minute.low is None or minute.high is None:
            missing += 1
        else:
            low, high = min(low, minute.low), max(high, minute.high)
        lows, highs = [*lows[1:], low], [*highs[1:], high]
    return Reached(low, high, missing, deaths)
