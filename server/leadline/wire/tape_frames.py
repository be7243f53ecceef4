"""The frames of the tape (types 40 and 41): see shared/wire/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from leadline.domain.tape import TapeLiquidation, TapePrint

TAPE_KEYFRAME, TAPE_PRINTS = 40, 41
PRINTS_KEPT = 200
LIQUIDATIONS_KEPT = 100


@dataclass(frozen=True, slots=True)
class TapeNews:
    """What a frame tells: prints and liquidations oldest first, and what they are to be read with.

    floor_usd: the least USD of a print that is told.  sums_usd: (bought, sold) of all fills, told or not.
    flags, age_ms: of the view, as a ladder's.
    """

    t_ms: int
    prints: Sequence[TapePrint]
    liquidations: Sequence[TapeLiquidation]
    floor_usd: int
    sums_usd: tuple[int, int]
    flags: int
    age_ms: int


def tape_keyframe(stream: int, news: TapeNews, venues: Sequence[str]) -> bytes:
    """Encode the last prints and liquidations (the newest ones that are allowed); ``sums_usd`` are running.

    venues: as the last hello named them.
    """
    key = {
        "t": news.t_ms,
        "trades": _trades(news.prints[-PRINTS_KEPT:], news.t_ms, venues),
        "liquidations": _liquidations(news.liquidations[-LIQUIDATIONS_KEPT:], news.t_ms, venues),
        "floor_usd": news.floor_usd,
        "sums": news.sums_usd,
        "flags": news.flags,
        "age": news.age_ms,
    }
    packed: bytes = msgpack.packb((TAPE_KEYFRAME, stream, key))
    return packed


def tape_prints(stream: int, news: TapeNews, venues: Sequence[str]) -> bytes:
    """Encode what came since the frame before; ``sums_usd`` are of the fills since then."""
    packed: bytes = msgpack.packb(
        (
            *(TAPE_PRINTS, stream, news.t_ms),
            _trades(news.prints, news.t_ms, venues),
            _liquidations(news.liquidations, news.t_ms, venues),
            *(news.floor_usd, news.sums_usd, news.flags, news.age_ms),
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
