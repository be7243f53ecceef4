"""Who trades in the twin, and in what weather: habits drawn by seed, none of which an estimator is told.

A test of an estimator whose market obeyed the estimator's own assumptions would show nothing.  So each
habit here is one that estimators of liquidations leave out or get wrong, and each can be taken out
again (`Traders.without`), which tells what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from leadline.twin.kernels import LEVERAGES

# Shares of open interest (not of positions) by leverage.  "hyperliquid" has the published quantiles of
# that venue, whose positions are public: 36 % of open interest below 3x, 49 % from 3x to 7x, the rest
# above (2.77, 3.70 and 1.16 of 7.63 bn USD; phemex.com/news/article 45082), at most 50x.
LAWS: MappingProxyType[str, tuple[float, ...]] = MappingProxyType(
    {
        "hyperliquid": (0.120, 0.243, 0.160, 0.325, 0.080, 0.040, 0.020, 0.012, 0.0, 0.0, 0.0),
        "gamblers": (0.03, 0.03, 0.03, 0.05, 0.11, 0.15, 0.14, 0.20, 0.10, 0.11, 0.05),
        "careful": (0.10, 0.17, 0.21, 0.24, 0.17, 0.06, 0.03, 0.02, 0.0, 0.0, 0.0),
        "two-humped": (0.10, 0.22, 0.20, 0.06, 0.02, 0.02, 0.04, 0.15, 0.09, 0.08, 0.02),
        "round": (0.02, 0.02, 0.03, 0.10, 0.45, 0.25, 0.03, 0.08, 0.0, 0.02, 0.0),
        "flat": (0.09, 0.09, 0.09, 0.10, 0.10, 0.09, 0.09, 0.09, 0.09, 0.09, 0.08),
    }
)
HABITS = ("leverage", "top_ups", "hedgers", "churn", "openers", "profit_taking", "turnover", "sizes")


@dataclass(frozen=True, slots=True)
class Traders:
    """Habits of one world's traders.

    law, leverage_shares: the leverage wanted, as shares of positions by LEVERAGES; leverage_blur: standard
    deviation of its logarithm (cross accounts have no round leverage).  funded_share, funded_extra: part
    of positions opened with more margin than needed and its mean surplus.  rescues_per_h: rate at which
    holders near their liquidation add margin.  hedger_share: positions opened unlevered, three in four of
    them short.  churn: orders of makers and scalpers, which open nothing, against the usual.  lean: how
    openers follow the move of the last half hour (above 0 momentum, below 0 reversion).  profit_taking:
    chance that a loser is kept when his holder could close it.  turnover: positions opened and closed,
    against the usual, which closes half of them in a day and a half (published for Hyperliquid's isolated
    positions: in ten and a half, a turnover of 0.14).  size_sigma, size_scale: of the log-normal sizes.
    entry_sigma: scatter of the entries of what is open at the start.
    """

    law: str
    leverage_shares: tuple[float, ...]
    leverage_blur: float = 0.0
    funded_share: float = 0.25
    funded_extra: float = 0.6
    rescues_per_h: float = 0.0
    hedger_share: float = 0.0
    churn: float = 1.0
    lean: float = 0.25
    profit_taking: float = 0.0
    turnover: float = 1.0
    size_sigma: float = 1.3
    size_scale: float = 1.0
    entry_sigma: float = 0.035

    @classmethod
    def drawn(cls, seed: int) -> Traders:
        """Draw the habits of a seed; consecutive seeds go through the leverage laws in turn."""
        random = np.random.default_rng([seed, 0x7EAD])
        law = tuple(LAWS)[seed % len(LAWS)]
        base = np.array(LAWS[law])
        by_interest = random.dirichlet(np.where(base > 0, 60.0 * base, 1e-3))
        shares, scale = _positions(by_interest)
        return cls(
            law,
            shares,
            size_scale=scale,
            leverage_blur=float(random.uniform(0.0, 0.3)),
            funded_share=float(random.uniform(0.1, 0.35)),
            funded_extra=float(random.uniform(0.3, 0.9)),
            rescues_per_h=float(random.uniform(0.02, 0.15)),
            hedger_share=float(random.uniform(0.01, 0.08)),
            churn=float(np.exp(random.uniform(np.log(0.5), np.log(2.5)))),
            lean=float(random.uniform(0.1, 0.45) * (1 if random.random() < 0.6 else -1)),
            profit_taking=float(random.uniform(0.1, 0.5)),
            turnover=float(np.exp(random.uniform(np.log(0.12), np.log(0.7)))),
            size_sigma=float(random.uniform(1.0, 1.7)),
            entry_sigma=float(random.uniform(0.02, 0.07)),
        )

    def without(self, habit: str) -> Traders:
        """Return the same traders with one of HABITS as an estimator would have it."""
        match habit:
            case "leverage":
                shares, scale = USUAL.leverage_shares, USUAL.size_scale
                return replace(self, leverage_shares=shares, size_scale=scale, leverage_blur=0.0)
            case "top_ups":
                return replace(self, funded_share=0.0, rescues_per_h=0.0)
            case "hedgers":
                return replace(self, hedger_share=0.0)
            case "churn":
                return replace(self, churn=USUAL.churn)
            case "openers":
                return replace(self, lean=0.0)
            case "profit_taking":
                return replace(self, profit_taking=0.0)
            case "turnover":
                return replace(self, turnover=USUAL.turnover)
            case "sizes":
                return replace(self, size_sigma=USUAL.size_sigma)
        raise ValueError(f"expected one of {', '.join(HABITS)}, got {habit!r}")


@dataclass(frozen=True, slots=True)
class Weather:
    """How the reference price moves: its volatility a year, and the days after which it forgets a move."""

    volatility: float = 0.26
    reversion_days: float = 0.8

    @classmethod
    def drawn(cls, seed: int) -> Weather:
        """Draw a month's weather: less held together than what keeps a demonstration in sight."""
        random = np.random.default_rng([seed, 0x3EA7])
        return cls(float(random.uniform(0.25, 0.6)), float(random.uniform(4.0, 20.0)))


def size_factor(leverage: float) -> float:
    """Return how large positions of a leverage are: whoever takes much of it has little money."""
    return 2.0 / (1.0 + leverage / 20.0)


def _positions(by_interest: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
    """Turn shares of open interest by leverage into shares of positions, and keep their mean size."""
    sizes = np.array([size_factor(leverage) for leverage in LEVERAGES])
    counts = by_interest / sizes
    counts /= counts.sum()
    usual = float(np.dot(USUAL.leverage_shares, sizes))
    return tuple(float(share) for share in counts), usual / float(counts @ sizes)


USUAL = Traders("usual", (0.07, 0.05, 0.05, 0.09, 0.15, 0.13, 0.14, 0.15, 0.05, 0.08, 0.04))
MILD = Weather()
