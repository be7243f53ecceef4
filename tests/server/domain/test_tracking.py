from math import exp, log

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadline.domain import estimator_constants as constants
from leadline.domain.bands import Bands
from leadline.domain.clusters import Cluster, find_clusters
from leadline.domain.heat import Heat, combine
from leadline.domain.kernels import F8
from leadline.domain.ledger import CLOSED, KINDS, MOVED, OPENED, TRIGGERED, Flows, ViewLedger
from leadline.domain.tracking import ClusterTracker, Tracked, _depletion
from tests.server.domain.test_bands import START, opened, trade
from tests.server.domain.test_clusters import MARK, heat

STEP = constants.LOG_STEP


class Pictures:
    """A tracker that is shown one picture after the other."""

    def __init__(self) -> None:
        self.tracker = ClusterTracker()
        self.heat: Heat | None = None
        self.at_ms = 0

    def show(self, *humps: tuple[float, float, float], mark: float = MARK) -> list[Tracked]:
        return self.take(heat(*humps, mark=mark), mark)

    def take(self, picture: Heat, mark: float, flows: Flows | None = None) -> list[Tracked]:
        self.at_ms += 1_000
        clusters = find_clusters(picture, mark, 1e9)
        return self.tracker.update(clusters, picture, flows, (mark, mark), self.at_ms)


def ids(tracked: list[Tracked]) -> dict[str, int]:
    return {one.cluster.side: one.cluster.id for one in tracked}


def test_ids_last_while_a_cluster_drifts_and_are_never_given_twice() -> None:
    pictures = Pictures()
    first = pictures.show((61_000, 40e6, 0.003), (57_000, 60e6, 0.003))
    assert sorted(one.cluster.id for one in first) == [1, 2]
    for price in (61_020, 61_040, 61_060):
        drifted = pictures.show((price, 42e6, 0.003), (57_000, 58e6, 0.003))
        assert ids(drifted) == ids(first)
        assert {one.since_ms for one in drifted} == {1_000}
    jumped = pictures.show((64_000, 40e6, 0.003), (57_000, 60e6, 0.003))
    assert ids(jumped) == {"long": ids(first)["long"], "short": 3}
    pictures.show()
    again = pictures.show((57_000, 60e6, 0.003))
    assert ids(again) == {"long": 4}
    assert again[0].since_ms == pictures.at_ms


def test_a_cluster_with_less_than_half_of_its_mass_in_place_is_a_new_one() -> None:
    pictures = Pictures()
    seen = [pictures.show((price, 60e6, 0.003)) for price in (61_000, 61_060, 61_120, 61_400)]
    assert [one[0].cluster.id for one in seen] == [1, 1, 1, 2]


def test_a_cluster_in_the_same_place_on_the_other_side_is_another_one() -> None:
    pictures = Pictures()
    (short,) = pictures.show((61_000, 60e6, 0.003))
    (long,) = pictures.show((61_000, 60e6, 0.003), mark=63_000.0)
    assert (short.cluster.side, long.cluster.side) == ("short", "long")
    assert short.cluster.id != long.cluster.id


JOINED = (65_800, 60e6, 0.006), (66_700, 40e6, 0.006)
PARTED = (65_800, 60e6, 0.002), (66_700, 40e6, 0.002)


def test_a_cluster_that_splits_is_named_by_its_parts() -> None:
    pictures = Pictures()
    (whole,) = pictures.show(*JOINED)
    one, other = pictures.show(*PARTED)
    assert (one.split_from, other.split_from) == (whole.cluster.id, whole.cluster.id)
    (gone,) = pictures.tracker.ended
    assert (gone.id, gone.how, gone.into) == (whole.cluster.id, "split", None)


def test_a_small_part_that_comes_off_leaves_the_id_to_the_rest() -> None:
    pictures = Pictures()
    (whole,) = pictures.show((65_800, 90e6, 0.004), (66_400, 30e6, 0.003))
    one, other = pictures.show((65_800, 90e6, 0.004), (66_400, 8e6, 0.003), (67_100, 30e6, 0.002))
    assert (one.cluster.id, one.split_from) == (whole.cluster.id, None)
    assert other.cluster.id == whole.cluster.id + 1


def test_clusters_that_grow_together_are_recorded_as_merged() -> None:
    pictures = Pictures()
    before = pictures.show(*PARTED)
    (both,) = pictures.show(*JOINED)
    assert [(gone.how, gone.into) for gone in pictures.tracker.ended] == [("merged", both.cluster.id)] * 2
    assert {gone.id for gone in pictures.tracker.ended} == {one.cluster.id for one in before}


def test_a_cluster_is_touched_when_the_mark_enters_it_and_consumed_when_it_crossed_most_of_it() -> None:
    bands, book, pictures = opened(coins=20_000.0, volume=20_000.0), ViewLedger(), Pictures()

    def look(price: float) -> list[Tracked]:
        bands.mark(price, 2_000)
        picture = combine([(bands.profile(), price)], price)
        return pictures.take(picture, price, book.update(picture, [("one", bands, price)]))

    first = next(one for one in look(START) if one.cluster.side == "long")
    stretch = log(first.cluster.hi / first.cluster.lo)
    assert first.state == "open"
    states = {}
    for share in (-0.1, 0.2, 0.5, 0.95):
        at = first.cluster.hi * exp(-share * stretch)
        found = [one for one in look(at) if one.cluster.id == first.cluster.id]
        states[share] = found[0].state if found else pictures.tracker.ended[-1].how
    assert (states[-0.1], states[0.2], states[0.5], states[0.95]) == (
        "open", "touched", "touched", "consumed",
    )  # fmt: skip


def test_holders_who_close_and_positions_that_die_are_told_apart() -> None:
    bands, book, pictures = opened(coins=20_000.0, volume=20_000.0), ViewLedger(), Pictures()

    def look(price: float) -> dict[int, Tracked]:
        picture = combine([(bands.profile(), price)], price)
        seen = pictures.take(picture, price, book.update(picture, [("one", bands, price)]))
        return {one.cluster.id: one for one in seen}

    before = next(one for one in look(START).values() if one.cluster.side == "long")
    number = before.cluster.id
    assert before.depletion.gone == 0.0
    bands.open_interest(13_000.0, 2_000)
    closed = look(START)[number].depletion
    assert closed.closed_usd == pytest.approx(0.35 * closed.most_usd, rel=1e-6)
    assert (closed.triggered_usd, closed.expired_usd) == (0.0, pytest.approx(0.0, abs=1.0))
    assert closed.depleting
    assert not closed.spent
    middle = before.cluster.hi * exp(-0.4 * log(before.cluster.hi / before.cluster.lo))
    bands.mark(middle, 3_000)
    died = look(middle)[number].depletion
    assert died.triggered_usd > 0.1 * died.most_usd
    assert died.closed_usd == pytest.approx(closed.closed_usd, rel=1e-6)
    held = picture_usd(bands, before.cluster)
    lost = died.triggered_usd + died.closed_usd + died.expired_usd
    assert lost == pytest.approx(died.most_usd - held, rel=1e-9)


def picture_usd(bands: Bands, cluster: Cluster) -> float:
    picture = combine([(bands.profile(), bands.mark_price)], bands.mark_price)
    usd = picture.long_usd if cluster.side == "long" else picture.short_usd
    return float(usd[cluster.first_bin - picture.origin :][: len(cluster.mass)].sum())


@settings(deadline=None)
@given(
    st.floats(1.0, 1e9),
    st.floats(0.0, 1e9),
    st.lists(st.floats(-1e9, 1e9), min_size=KINDS, max_size=KINDS),
)
@example(1.5, 0.0, [0.0, 0.0, 5e-324, 0.0, 0.0])
def test_the_parts_of_a_loss_add_up_to_it(most: float, now: float, flows: list[float]) -> None:
    lost = _depletion(most, now, np.array(flows))
    parts = (lost.triggered_usd, lost.closed_usd, lost.expired_usd)
    assert min(parts) >= 0.0
    assert sum(parts) == pytest.approx(max(most - now, 0.0), rel=1e-9, abs=1e-9)


def test_what_was_opened_meanwhile_makes_up_for_all_losses_alike() -> None:
    flows: F8 = np.zeros(KINDS)
    flows[[OPENED, CLOSED, TRIGGERED, MOVED]] = 20.0, 60.0, 20.0, 0.0
    lost = _depletion(100.0, 40.0, flows)
    assert (lost.triggered_usd, lost.closed_usd) == (15.0, 45.0)
    assert lost.gone == 0.6


def test_a_larger_cluster_starts_a_new_count() -> None:
    bands, book, pictures = opened(coins=20_000.0, volume=20_000.0), ViewLedger(), Pictures()

    def look() -> Tracked:
        picture = combine([(bands.profile(), START)], START)
        seen = pictures.take(picture, START, book.update(picture, [("one", bands, START)]))
        return next(one for one in seen if one.cluster.side == "long")

    first = look()
    bands.open_interest(18_000.0, 2_000)
    assert look().depletion.gone == pytest.approx(0.1, rel=1e-6)
    trade(bands, START, 9_000.0)
    bands.open_interest(27_000.0, 3_000)
    grown = look()
    assert grown.cluster.id == first.cluster.id
    assert grown.depletion.most_usd == pytest.approx(1.5 * first.cluster.usd, rel=0.1)
    assert grown.depletion.gone == 0.0
