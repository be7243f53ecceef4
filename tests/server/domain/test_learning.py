import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.learning import ClassLearning, ForcedFlow, Lesson, TotalLearning, Unthrottled, transfer

CLASSES = len(constants.CLASS_DISTANCES)
LUMP = 2.0


def taught(multipliers: np.ndarray, minutes: int = 3_000, seed: int = 1) -> ClassLearning:
    """A learner that saw prints at ``multipliers`` times the coins expected of each class."""
    random = np.random.default_rng(seed)
    learning = ClassLearning()
    expected = np.full(CLASSES, 2.0)
    for _ in range(minutes):
        for j, count in enumerate(random.poisson(multipliers * expected)):
            if count:
                learning.take(float(count), np.eye(CLASSES)[j])
        learning.learn(expected, LUMP, 1.0)
    return learning


def test_before_any_print_every_multiplier_is_one() -> None:
    lesson = ClassLearning().lesson()
    np.testing.assert_allclose(lesson.multipliers, 1.0)
    assert (lesson.variances > 0.05).all()


def test_multipliers_come_to_what_is_printed_over_what_is_expected() -> None:
    truth = np.where(np.array(constants.CLASS_DISTANCES) < 0.03, 2.0, 0.4)
    lesson = taught(truth).lesson()
    # The classes beside the step borrow from each other; the others are known.
    assert lesson.multipliers[:4] == pytest.approx(np.full(4, 2.0), rel=0.1)
    assert lesson.multipliers[-5:] == pytest.approx(np.full(5, 0.4), rel=0.1)
    assert lesson.variances.max() < 1e-2


def test_a_quiet_feed_teaches_as_much_as_a_busy_one() -> None:
    learning = ClassLearning()
    for _ in range(500):
        learning.learn(np.full(CLASSES, 2.0), LUMP, 1.0)
    assert learning.lesson().multipliers.max() < 0.05


def test_old_evidence_fades() -> None:
    learning = taught(np.full(CLASSES, 2.0), minutes=300)
    before = learning.lesson()
    learning.learn(np.zeros(CLASSES), LUMP, 60 * 24 * 90.0)
    after = learning.lesson()
    assert (np.abs(after.multipliers - 1) < np.abs(before.multipliers - 1)).all()
    assert (after.variances > before.variances).all()


def test_one_whale_is_one_piece_of_evidence() -> None:
    whale, crowd = ClassLearning(), ClassLearning()
    everywhere = np.full(CLASSES, 1 / CLASSES)
    whale.take(1_000.0, everywhere)
    for _ in range(1_000):
        crowd.take(1.0, everywhere)
    for learning in (whale, crowd):
        # Coins dear enough that the prior over sizes, a few dollars' worth here, counts for nothing.
        learning.learn(np.full(CLASSES, 500.0 / CLASSES), learning.lump_coins(1e12), 1.0)
    assert whale.lesson().variances.min() > 3 * crowd.lesson().variances.min()
    assert np.abs(whale.lesson().multipliers - 1).max() < 0.1
    assert crowd.lesson().multipliers.min() > 1.7


def test_a_few_dwarfs_do_not_make_all_positions_dwarfs() -> None:
    learning = ClassLearning()
    before = learning.lump_coins(60_000.0)
    learning.take(1e-6, np.full(CLASSES, 1 / CLASSES))
    assert learning.lump_coins(60_000.0) == pytest.approx(before, rel=1e-6)


def test_the_total_comes_to_its_ratio_and_weight_slows_it_without_bending_it() -> None:
    full, throttled = TotalLearning(), TotalLearning()
    for _ in range(2_000):
        full.learn(np.array([3.0, 1.0]), np.array([2.0, 2.0]), LUMP, 1.0, 1.0)
        throttled.learn(np.array([3.0, 1.0]), np.array([2.0, 2.0]), LUMP, constants.THROTTLED_WEIGHT, 1.0)
    # Each side has its own: where hedgers crowd one, less of it dies.
    assert full.multipliers == pytest.approx([1.5, 0.5], rel=0.02)
    assert throttled.multipliers == pytest.approx([1.5, 0.5], rel=0.08)
    assert (throttled.sigmas > full.sigmas).all()


@pytest.mark.parametrize("per_second", [0.05, 0.3, 1.0, 2.0])
def test_what_a_throttled_feed_leaves_out_is_added(per_second: float) -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(per_second, 20_000)
    unthrottled = Unthrottled()
    told = sum(
        unthrottled.coins(Side.BUY, 1.0, second * 1000 + 500) for second in np.flatnonzero(counts).tolist()
    )
    assert told == pytest.approx(counts.sum(), rel=0.2)


def test_what_was_left_out_is_bounded_by_what_closed_and_by_a_complete_feed() -> None:
    def heard(closed: float, most: float | None) -> float:
        flow = ForcedFlow()
        flow.share_max_per_min = most
        for second in range(60):
            flow.hear_throttled(Side.BUY, 1.0, second * 1000)
        flow.settle(closed)
        longs, shorts = flow.take(1_000.0, 1.0)
        assert shorts == 0.0
        return float(longs)

    assert heard(1e9, None) > 100.0
    assert heard(100.0, None) == pytest.approx(80.0)
    assert heard(1e9, 0.07) == pytest.approx(70.0)
    # What was printed happened, whatever the bounds say.
    assert heard(0.0, 0.0) == 60.0


def test_a_complete_feed_needs_no_bound() -> None:
    flow = ForcedFlow()
    flow.hear(Side.SELL, 30.0)
    flow.settle(0.0)
    assert flow.take(1_000.0, 1.0).tolist() == [0.0, 30.0]
    assert flow.take(1_000.0, 1.0).tolist() == [0.0, 0.0]
    assert 0.0 < flow.share_per_min < 0.03


def test_each_side_is_throttled_by_itself() -> None:
    unthrottled = Unthrottled()
    for second in range(60):
        busy = unthrottled.coins(Side.BUY, 1.0, second * 1000)
    assert unthrottled.coins(Side.SELL, 1.0, 60_000) < 1.1
    assert busy > 2.0


def test_without_a_complete_feed_nothing_is_handed_on() -> None:
    assert transfer([]) is None


def test_the_surer_venue_counts_for_more_and_doubt_is_added() -> None:
    sure = Lesson(np.full(CLASSES, 2.0), np.full(CLASSES, 0.01))
    unsure = Lesson(np.full(CLASSES, 0.5), np.full(CLASSES, 0.99))
    handed = transfer([sure, unsure])
    assert handed is not None
    np.testing.assert_allclose(handed.multipliers, np.exp(np.log(2) * 0.98), rtol=1e-3)
    assert (handed.variances > constants.TRANSFER_LOG_SIGMA**2).all()
