"""Every number of the liquidation estimator, in one place.

Scores and stored bands are keyed by `model_hash()`: whoever changes a value here starts a new series.
Distances are fractions of the entry price, steps are in natural log of price.
"""

from __future__ import annotations

import hashlib
from math import log

VERSION = "bands-8"

# The grid.
LOG_STEP = 5e-4  # width of a bin in ln(price): 5 bp
BINS = 1600  # bins of one side, counted away from the mark: triggers out to 55 % below, 122 % above
PROFILE_BINS = 1600  # bins of what is shown: 40 % on each side of the mark
HISTOGRAM_BINS = 2048  # traded volume since the last open interest, 51 % on each side

# Distance from entry to trigger, one class each.
CLASS_DISTANCES = (
    0.004,
    0.006,
    0.009,
    0.013,
    0.016,
    0.022,
    0.03,
    0.036,
    0.046,
    0.065,
    0.095,
    0.14,
    0.20,
    0.30,
    0.45,
)
KERNEL_HALF_WIDTH = 0.12  # triangle around a class distance, as a fraction of that distance
KERNEL_NARROW_UNTIL = 0.09  # classes from here on reach to their neighbours instead

# What is open before anything is learned.
POOL_SHARE = 0.23  # open interest that no move inside the grid liquidates (hedged, unlevered)
BARELY_LEVERED_SHARE = 0.15  # positions of two or three times their margin, which die far out
BARELY_LEVERED_LOG_MEDIAN = log(0.4)
BARELY_LEVERED_LOG_SIGMA = 0.3
ISOLATED_WEIGHT = 0.25  # the rest: this share by the venue's margin rules, what remains a heavy tail
LEVERAGE_WEIGHTS = (
    (3, 0.06),
    (5, 0.12),
    (10, 0.24),
    (20, 0.20),
    (25, 0.12),
    (50, 0.13),
    (75, 0.04),
    (100, 0.07),
    (125, 0.02),
)
TAIL_LOG_MEDIAN = log(0.07)
TAIL_LOG_SIGMA = 1.05
POSITION_USD_MEDIAN = 10_000.0  # about eight median taker trades
POSITION_LOG_SIGMA = 1.6
POSITION_QUANTILES = 101  # points of the integral over position sizes
SEED_LOG_SIGMA = 0.05  # spread of the unknown entries of what was open before the first sample

# Opening and closing.
CHURN_KEPT = 0.10  # share of two-way flow that outlives a slice (the rest is market makers, scalpers)
CHURN_CHOICES = (0.025, 0.05, 0.10, 0.20)  # what a complete feed may show it to be instead, twofold steps
TUNE_EVERY_MS = 6 * 3_600_000
TUNE_KEPT_PER_MIN = 0.9998  # memory of what each choice foretold: half-life 2.4 days
TUNE_MISFIT_RATIO = 0.97  # a rival has to be better by so much
TAKER_LIQUIDATABLE = 0.75
MAKER_LIQUIDATABLE = 0.45
MEAN_LIQUIDATABLE = 0.60
CLASS_SHARE_MAX = 0.97  # of one opening; what remains goes to the pool
CLOSED_SHARE_MAX = 0.5  # of a side, voluntarily, in one slice
CORRECTION_MIN = 0.9  # of all bands at once, in one slice; the pool takes what lies beyond
CORRECTION_MAX = 1.1
RESIDUAL_HOURS = 1.0  # memory of the conservation residual
SCALE_MIN = 2e-9  # e^-20: the lazy scale is multiplied into the cells below it

# Learning from liquidation prints.
LEARN_EVERY_MS = 300_000
LEARN_PRIOR = 3.0  # positions: a and b of the Gamma prior of a total, weight of a dispersion of 1
CLASS_LOG_SIGMA = 1.0  # how far the multiplier of a class, or of the pool, may lie from 1: a factor e
CLASS_LOG_REACH = 0.69  # ln 2: leverage is chosen in steps of about two, and classes so near are alike
CLASS_OWN_SHARE = 0.05  # of that variance, which neighbours do not share
LUMP_PRIOR_PRINTS = 30  # what the prior over position sizes counts for among printed ones
LEARN_KEPT_PER_MIN = 0.99997  # half-life 16 days
TOTAL_KEPT_PER_MIN = 0.99976  # half-life 2 days
LEARN_GAP_MS = 90_000  # what the mark reached unseen for so long teaches nothing
THROTTLED_WEIGHT = 0.25
THROTTLE_MEMORY_S = 10.0
THROTTLE_SHARE_MAX = 0.95  # of seconds with a print: beyond it nothing can be told
THROTTLED_CLOSED_SHARE_MAX = 0.8  # of what a slice closed was liquidated, at most
THROTTLED_FULL_RATIO_MAX = 3.0  # times what a complete feed shows, relative to open interest
FORCED_MEMORY_MIN = 60.0
SUSPECT_MS = 900_000  # no liquidation for so long
SUSPECT_PRINTS = 10  # while two other venues had so many each
TRANSFER_LOG_SIGMA = 0.25  # how far venues' multipliers lie apart

# Certainty.
LEARNED_PRINTS_MIN = 200  # fewer prints of a complete feed: uncalibrated
LEARNED_HOURS_MIN = 12.0
TOTAL_SIGMA_FULL = 0.15
TOTAL_SIGMA_THROTTLED = 0.25  # once prints were heard
TOTAL_SIGMA_NONE = 0.5
INTERVAL_SIGMAS = 1.2816  # 80 % of a normal
WATCH_MS = 3_600_000  # a cluster that price reaches within this time of its picture is counted
WATCH_OI_SHARE_MIN = 0.0025  # clusters of one venue count down to this share of its open interest
TOUCHED_SHARE = 0.5  # of a cluster's bins
WIDENING_TOUCHES_MIN = 30
WIDENING_TOUCHES_KEPT = 400
WIDENING_MAX = 4.0

# What is shown.
UNCALIBRATED_FACTOR = 4.0  # 80 % interval while nothing is learned: from estimate / 4 to estimate x 4
SMOOTHING_LOG_MIN = 0.001
SMOOTHING_DISTANCE_SHARE = 0.03
SMOOTHING_SIGMAS = 4.0  # beyond so many the weights are nothing
PROMINENCE_MIN = 0.25
BASIN_HEIGHT = 0.5
MERGE_LOG = 0.0015
MERGE_SADDLE = 0.8
CLUSTER_LOG_MIN = 0.006  # a cluster may always be this wide
CLUSTER_DISTANCE_SHARE = 0.25  # and farther out this share of its distance
CLUSTER_NEARLY = 0.8  # a nearer stretch with this share of the densest one's dollars is the one to name
CLUSTER_OI_SHARE_MIN = 0.0025
CLUSTER_USD_MIN = 300_000.0
CLUSTER_USD_MIN_BY_BASE = (("BTC", 5_000_000.0), ("ETH", 3_000_000.0), ("SOL", 1_000_000.0))
CLUSTER_OVERLAP_MIN = 0.5
CLUSTERS_ENDED_KEPT = 32
CLUSTER_TOUCHED_KEPT_MS = 3_600_000  # after it was last found
CLUSTERS_SHOWN = 3  # a side
CLUSTER_SHOWN_DENSITY = 0.25  # of the densest one's dollars per width: less is not worth a mark
CONSUMED_SHARE = 0.8  # of a cluster's bins
DEPLETING_SHARE = 0.3
SPENT_SHARE = 0.7
MIGRATION_LOG_MIN = 0.0015
MIGRATION_RETAINED_MIN = 0.6
MIGRATION_FRESH_MIN = 0.3
BIAS_MIN = 0.2
BIAS_Z_MIN = 1.5
BIAS_OI_SHARE_MIN = 0.01
REFERENCE_HOURS_MIN = 7 * 24  # fewer hours of the last 30 days: nothing is called usual
PATH_BINS = 400  # of the order book: 20 % on each side
PATH_LOG_MIN = 0.001  # less of a book says nothing of a way
PATH_RESISTANCE_MIN = 0.3
CHAIN_LOG = 0.001  # fuel outweighs the book over at least this way


def model_hash() -> str:
    """Return 12 hex digits that stand for all the values above."""
    values = {name: value for name, value in globals().items() if name.isupper()}
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:12]
