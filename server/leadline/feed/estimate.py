"""The liquidation estimate of one symbol: bands per venue, the heat of a view, its clusters.

Bands are built in a thread (their kernels take a second to load, their history some network) while
events wait; from then on each event goes straight in and heat is worked out anew once a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadline.clock import Clock
from leadline.domain.events import Event, Mark, OpenInterest, Trade
from leadline.domain.instrument import Instrument
from leadline.domain.pace import Pace
from leadline.feed.session import ALL_VENUES
from leadline.limits import BAND_ROWS
from leadline.units import Step
from leadline.venues.base import History

if TYPE_CHECKING:
    from leadline.domain.bands import Bands
    from leadline.domain.clusters import Cluster, ClusterTracker
    from leadline.domain.heat import Heat

REFRESH_MS = 1_000
WAITING_EVENTS_MAX = 50_000
NO_CODES: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)


@dataclass(slots=True)
class VenueEstimate:
    """Bands of one venue with the trades that came since the last open interest."""

    bands: Bands | None = None
    mark: float | None = None
    waiting: list[tuple[Event, Instrument]] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    coins: list[float] = field(default_factory=list)
    bought: list[bool] = field(default_factory=list)
