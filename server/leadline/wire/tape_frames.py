"""The frames of the tape (types 40 and 41): see shared/wire/README.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from leadline.domain.tape import TapeLiquidation, TapePrint

TAPE_KEYFRAME, TAPE_PRINTS = 40, 41
PRINTS_KEPT = 200
LIQUIDATIONS_KEPT = 100


def tape_keyframe(
    stream: int,
    t_ms: int,
    prints: Sequence[TapePrint],
    liquidations: Sequence[TapeLiquidation],
    floor_usd: int,
    sums_usd: tuple[float, float],
    venues: Sequence[str],
) -> bytes:
    """Encode the last prints and liquidations, oldest first (the newest ones that are allowed are sent).

    sums_usd: (bought, sold) since the server began.  venues: as the last hello named them.
    """
    key = {
        "t": t_ms,
        "trades": _trades(prints[-PRINTS_KEPT:], t_ms, venues),
        "liquidations": _liquidations(liquidations[-LIQUIDATIONS_KEPT:], t_ms, venues),
        "floor_usd": floor_usd,
        "sums": [round(usd) for usd in sums_usd],
    }
    packed: bytes = msgpack.packb((TAPE_KEYFRAME, stream, key))
    return packed


def tape_prints(
    stream: int,
    t_ms: int,
    prints: Sequence[TapePrint],
    liquidations: Sequence[TapeLiquidation],
    floor_usd: int,
    sums_usd: tuple[int, int],
    venues: Sequence[str],
) -> bytes:
    """Encode what came since the frame before; sums_usd: (bought, sold) of all fills since then."""
    packed: bytes = msgpack.packb(
        (
            *(TAPE_PRINTS, stream, t_ms),
            _trades(prints, t_ms, venues),
            _liquidations(liquidations, t_ms, venues),
            *(floor_usd, sums_usd),
        )
    )
    return packed


def _trades(prints: Sequence[TapePrint], t_ms: int, venues: Sequence[str]) -> list[int]:
    flat: list[int] = []
    for made in prints:
        age_ms = max(0, t_ms - made.at_ms)
        flat += (made.tick, made.lots * 2 + made.bought, venues.index(made.venue), age_ms, made.fills)
    return flat


def _liquidations(made: Sequence[TapeLiquidation], t_ms: int, venues: Sequence[str]) -> list[int]:
    flat: list[int] = []
    for one in made:
        age_ms = max(0, t_ms - one.at_ms)
        flat += (one.tick, one.usd, int(one.long), venues.index(one.venue), age_ms)
    return flat
