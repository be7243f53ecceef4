"""Clusters: stretches of price where estimated liquidations are dense."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import exp, log, log1p, sqrt
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from leadline.domain import estimator_constants as constants
from leadline.domain.heat import Heat
from leadline.domain.kernels import F8
from leadline.domain.pace import Pace

SideName = Literal["long", "short"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """side: of the positions that would die ("short" clusters lie above the mark).

    id: 0 until a tracker knows it.  lo, peak, hi: prices.  usd with the 80 % interval usd_lo to
    usd_hi.  distance_pct: from the mark to the peak, in percent, above 0.  first_bin: log-price bin of
    mass[0], the unsmoothed dollars in each bin of the cluster.
    """

    id: int
    side: SideName
    lo: float
    peak: float
    hi: float
    usd: float
    usd_lo: float
    usd_hi: float
    distance_pct: float
    first_bin: int
    mass: F8 = field(repr=False, compare=False)

    @property
    def density(self) -> float:
        """Dollars a bin."""
        return self.usd / len(self.mass)

    @property
    def near(self) -> float:
        """The border that price meets first."""
        return self.hi if self.side == "long" else self.lo


def cluster_usd_min(base: str) -> float:
    """Return the smallest cluster worth a mark for a base currency ("BTC"), in dollars."""
    return dict(constants.CLUSTER_USD_MIN_BY_BASE).get(base, constants.CLUSTER_USD_MIN)


def find_clusters(
    heat: Heat, mark: float, oi_usd: float, usd_min: float = constants.CLUSTER_USD_MIN
) -> list[Cluster]:
    """Return the clusters of both sides, nearest first.

    The smoothed density's peaks with a prominence of at least PROMINENCE_MIN of their height; peaks
    closer than MERGE_LOG, or with a saddle above MERGE_SADDLE of the lower one, are one.  A cluster is
    the bins around a peak of at least BASIN_HEIGHT of it, cut at the saddles to its neighbours and
    narrowed to the nearest of its densest stretches; it holds at least CLUSTER_OI_SHARE_MIN of
    ``oi_usd`` and ``usd_min``.
    """
    least_usd = max(usd_min, constants.CLUSTER_OI_SHARE_MIN * oi_usd)
    half = len(heat.long_usd) // 2
    # Both sides are read from the mark outwards.
    found = [
        *_side_clusters(heat, mark, "long", heat.long_usd[half:0:-1], half, least_usd),
        *_side_clusters(heat, mark, "short", heat.short_usd[half:], half, least_usd),
    ]
    return sorted(found, key=lambda cluster: cluster.distance_pct)


def densest(clusters: Iterable[Cluster]) -> list[Cluster]:
    """Return up to CLUSTERS_SHOWN clusters of each side, nearest first: those densest in dollars per width.

    A side's second and third must come near its first, else they would be marks of nothing.
    """
    shown: list[Cluster] = []
    known = list(clusters)
    for side in ("long", "short"):
        ordered = sorted((one for one in known if one.side == side), key=lambda one: -one.density)
        least = constants.CLUSTER_SHOWN_DENSITY * ordered[0].density if ordered else 0.0
        shown += [one for one in ordered[: constants.CLUSTERS_SHOWN] if one.density >= least]
    return sorted(shown, key=lambda one: one.distance_pct)


def named(clusters: Iterable[Cluster]) -> dict[int, str]:
    """Return the names by id: S1, S2, ... for shorts and L1, L2, ... for longs, from the nearest on."""
    names: dict[int, str] = {}
    counts = {"long": 0, "short": 0}
    for cluster in sorted(clusters, key=lambda one: one.distance_pct):
        counts[cluster.side] += 1
        names[cluster.id] = f"{cluster.side[0].upper()}{counts[cluster.side]}"
    return names


def eta_min(cluster: Cluster, mark: float, pace: Pace) -> float | None:
    """Return the minutes until the mark meets the cluster at its pace, None when it moves away."""
    return pace.minutes_to(cluster.near - mark)


def _side_clusters(
    heat: Heat, mark: float, side: SideName, outwards: F8, half: int, least_usd: float
) -> list[Cluster]:
    found = []
    density = _smoothed(outwards)
    for peak, basin_first, basin_last in _basins(density):
        peak, first, last = _stretch(outwards, density, peak, basin_first, basin_last)
        mass = outwards[first : last + 1].copy()
        if mass.sum() < least_usd:
            continue
        if side == "long":
            peak, first, mass = half - peak, half - last, mass[::-1]
        else:
            peak, first = half + peak, half + first
        found.append(_cluster(heat, mark, side, heat.origin + peak, heat.origin + first, mass))
    return found


def _stretch(outwards: F8, density: F8, peak: int, first: int, last: int) -> tuple[int, int, int]:
    """Narrow a basin to the stretch price meets first of those that hold (nearly) most.

    Without a lift against what is usual at a distance, a side's whole hump is one basin; a person
    needs a place in it, CLUSTER_DISTANCE_SHARE of the distance wide or CLUSTER_LOG_MIN.  Of all
    stretches of that width with at least CLUSTER_NEARLY of the densest one's dollars it is the nearest.
    The distance is that of the middle of all that is nearly as high as the peak: which of two even humps
    is the higher one by a hair must not change the width.  Returns (peak, first bin, last bin).
    """
    high = np.flatnonzero(density[first : last + 1] >= constants.CLUSTER_NEARLY * density[peak])
    least = constants.CLUSTER_LOG_MIN / constants.LOG_STEP
    width = round(max(least, constants.CLUSTER_DISTANCE_SHARE * (first + float(high.mean()))))
    if last - first < width:
        return peak, first, last
    held = np.concatenate(([0.0], np.cumsum(outwards[first : last + 1])))
    masses = held[width:] - held[:-width]
    start = first + int(np.argmax(masses >= constants.CLUSTER_NEARLY * masses.max()))
    end = start + width
    return start + int(np.argmax(density[start:end])), start, end - 1


def _cluster(heat: Heat, mark: float, side: SideName, peak_bin: int, first_bin: int, mass: F8) -> Cluster:
    lo, hi = exp(first_bin * heat.step), exp((first_bin + len(mass)) * heat.step)
    peak = exp((peak_bin + 0.5) * heat.step)
    usd = float(mass.sum())
    factor = interval_factor(heat, side, first_bin - heat.origin, mass)
    return Cluster(
        id=0,
        side=side,
        # The bin that holds the mark belongs to a side only up to the mark.
        lo=lo if side == "long" else max(lo, heat.mark),
        peak=peak,
        hi=hi if side == "short" else min(hi, heat.mark),
        usd=usd,
        usd_lo=usd / factor,
        usd_hi=usd * factor,
        distance_pct=abs(peak / mark - 1.0) * 100,
        first_bin=first_bin,
        mass=mass,
    )


def log_sigma(heat: Heat, side: SideName, first: int, mass: F8) -> float | None:
    """Return the standard deviation of ln(dollars) in the bins from ``first`` [as many as mass has].

    None while uncalibrated.  Errors of the class mix are the same along the bins, and at all venues too, as
    one taught the others; those of a venue's total, and of its distance from what it was taught, are the
    same along the bins alone; single positions are independent; half a bin of misplacement moves the
    borders' dollars.
    """
    certainty = heat.certainty
    usd = float(mass.sum())
    if certainty is None or usd <= 0.0:
        return None
    row, span = (0 if side == "long" else 1), slice(first, first + len(mass))
    taught, own = certainty.sd_usd[:, :, row, span].sum(axis=2).T
    shared = float(taught.sum()) ** 2 + float(own @ own)
    lumps = float(certainty.lump_usd2[row, span].sum())
    misplaced = 0.5 * float(mass[-1] - mass[0])
    return sqrt(log1p((shared + lumps + misplaced**2) / usd**2))


def interval_factor(heat: Heat, side: SideName, first: int, mass: F8) -> float:
    """Return f so that the 80 % interval of these bins is dollars / f to dollars x f."""
    sigma = log_sigma(heat, side, first, mass)
    if sigma is None or heat.certainty is None:
        return constants.UNCALIBRATED_FACTOR
    return exp(heat.certainty.widening * constants.INTERVAL_SIGMAS * sigma)


def typical_factor(heat: Heat, clusters: Sequence[Cluster]) -> float:
    """Return the interval factor that stands for a view: the mean over its clusters, by dollars.

    Without clusters it is that of all its bands together.
    """
    if heat.certainty is None:
        return constants.UNCALIBRATED_FACTOR
    usd = sum(cluster.usd for cluster in clusters)
    if usd > 0:
        return exp(sum(cluster.usd * log(cluster.usd_hi / cluster.usd) for cluster in clusters) / usd)
    sides: list[tuple[SideName, F8]] = [("long", heat.long_usd), ("short", heat.short_usd)]
    return max(interval_factor(heat, side, 0, mass) for side, mass in sides)


def _smoothed(outwards: F8) -> F8:
    """Return the density [n] of a side read outwards.

    A product with a square matrix would go to as many threads as there are cores, for a tenth of a
    millisecond of work.
    """
    weights = _smoother(len(outwards))
    reach = weights.shape[1] // 2
    windows = sliding_window_view(np.pad(outwards, reach), weights.shape[1])
    density: F8 = np.einsum("ij,ij->i", weights, windows)
    return density


@cache
def _smoother(bins: int) -> F8:
    """Return for each bin the weights [bins, 2 reach + 1] of those around it, wider with distance.

    Row i averages by a Gaussian of sigma max(SMOOTHING_LOG_MIN, SMOOTHING_DISTANCE_SHARE of the
    distance), cut at SMOOTHING_SIGMAS; next to the mark it averages over what there is, so density does
    not fade there.
    """
    at = np.arange(bins)
    least = constants.SMOOTHING_LOG_MIN / constants.LOG_STEP
    sigma = np.maximum(least, constants.SMOOTHING_DISTANCE_SHARE * at)
    reach = int(np.ceil(constants.SMOOTHING_SIGMAS * sigma.max()))
    away = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (away[None, :] / sigma[:, None]) ** 2)
    there = at[:, None] + away[None, :]
    weights[(there < 0) | (there >= bins)] = 0.0
    smoother: F8 = weights / weights.sum(axis=1, keepdims=True)
    return smoother


def _basins(density: F8) -> list[tuple[int, int, int]]:
    """Return (peak, first bin, last bin) of each cluster of a smoothed density."""
    peaks = _peaks(density)
    saddles = [int(a + np.argmin(density[a : b + 1])) for a, b in pairwise(peaks)]
    bounds = [-1, *saddles, len(density) - 1]
    found = []
    for i, peak in enumerate(peaks):
        lowest, highest = bounds[i], bounds[i + 1]
        inside = density >= constants.BASIN_HEIGHT * density[peak]
        first = last = peak
        while first - 1 > lowest and inside[first - 1]:
            first -= 1
        while last < highest and inside[last + 1]:
            last += 1
        found.append((peak, first, last))
    return found


def _peaks(density: F8) -> list[int]:
    """Return the peaks that stand on their own, merged where they are one, in ascending order."""
    padded = np.concatenate(([0.0], density, [0.0]))
    rising = padded[1:-1] > padded[:-2]
    falling = padded[1:-1] >= padded[2:]
    peaks = [int(i) for i in np.flatnonzero(rising & falling & (density > 0))]
    apart = constants.MERGE_LOG / constants.LOG_STEP
    # The weakest link goes first, so that the result does not depend on the order of the peaks.
    while len(peaks) > 1:
        links = []
        for i, (a, b) in enumerate(pairwise(peaks)):
            lower = min(density[a], density[b])
            joined = 1.0 if b - a < apart else float(density[a : b + 1].min() / lower)
            links.append((joined, i))
        joined, i = max(links)
        if joined <= constants.MERGE_SADDLE:
            break
        del peaks[i if density[peaks[i]] < density[peaks[i + 1]] else i + 1]
    return [peak for peak in peaks if _prominence(density, peak) >= constants.PROMINENCE_MIN * density[peak]]


def _prominence(density: F8, peak: int) -> float:
    """Height of a peak above the higher of the two valleys that part it from higher ground.

    Beyond the mark and beyond the last bin there is nothing, so a side without higher ground ends at 0.
    """
    height = density[peak]
    valleys = []
    for side in (density[:peak][::-1], density[peak + 1 :]):
        higher = np.flatnonzero(side > height)
        valleys.append(float(side[: higher[0]].min()) if len(higher) and higher[0] else 0.0)
    return float(height - max(valleys))
