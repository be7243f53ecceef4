"""Positions that are public: they replace as much of the estimate as they cover.

Some venues (Hyperliquid, Lighter) show every account's positions, or a node does.  Where H is what they
hold in a bin and c the share of open interest they make up, the bin holds H + (1 - c) times the estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import floor, log

import numpy as np

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.kernels import F8
from leadline.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class Position:
    """side, coins and the mark price that liquidates it; trigger 0 or infinite: none inside the grid."""

    side: Side
    coins: float
    trigger: float


@dataclass(frozen=True, slots=True)
class ExactLayer:
    """Coins [2, n] (long, short) by log-price bin from ``origin`` on, and which share of a side they are.

    coverage: 0 to 1, of the open interest (positions without a trigger inside count, their bins do not).
    """

    origin: int
    coins: F8
    coverage: float
    at_ms: int


def exact_layer(positions: Iterable[Position], mark: float, oi_coins: float, at_ms: int) -> ExactLayer:
    """Lay positions around ``mark``, PROFILE_BINS wide.

    Raises ValueError for open interest not above 0.
    """
    if not oi_coins > 0:
        raise ValueError(f"expected open interest above 0, got {oi_coins}")
    origin = floor(log(mark) / constants.LOG_STEP) - constants.PROFILE_BINS // 2
    coins: F8 = np.zeros((2, constants.PROFILE_BINS))
    held = 0.0
    for position in positions:
        held += position.coins
        if not 0.0 < position.trigger < np.inf:
            continue
        at = floor(log(position.trigger) / constants.LOG_STEP) - origin
        if 0 <= at < coins.shape[1]:
            coins[0 if position.side is Side.BUY else 1, at] += position.coins
    return ExactLayer(origin, coins, min(held / (2.0 * oi_coins), 1.0), at_ms)


def with_exact(profile: Profile, layer: ExactLayer) -> Profile:
    """Return the profile with the layer in place of as much of it as the layer covers.

    What the mark has passed since the layer was taken is left out: those positions are gone.
    """
    exact = _on_its_axis(profile, layer)
    left = 1.0 - layer.coverage
    return replace(
        profile,
        long_coins=exact[0] + left * profile.long_coins,
        short_coins=exact[1] + left * profile.short_coins,
        sd_coins=left * profile.sd_coins,
        exact_coins=exact,
    )


def _on_its_axis(profile: Profile, layer: ExactLayer) -> F8:
    found: F8 = np.zeros_like(layer.coins)
    shift = layer.origin - profile.origin
    begin, end = max(shift, 0), min(shift + layer.coins.shape[1], found.shape[1])
    if begin < end:
        found[:, begin:end] = layer.coins[:, begin - shift : end - shift]
    mark = log(profile.mark) / profile.step - profile.origin - 0.5
    bins = np.arange(found.shape[1])
    found[0, bins >= mark] = 0.0
    found[1, bins <= mark] = 0.0
    return found
