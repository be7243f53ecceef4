import numpy as np
import pytest

from leadline.domain import estimator_constants as constants
from leadline.domain.events import Side
from leadline.domain.learning import ClassLearning, ForcedFlow, Lesson, TotalLearning, Unthrottled, transfer

CLASSES = len(constants.CLASS_DISTANCES)
LUMP = 2.0


PRIOR = np.full(CLASSES, 0.6 / CLASSES)


def taught(multipliers: np.ndarray, minutes: int = 3_000, seed: int = 1) -> ClassLearning:
    """A learner that saw positions die at ``multipliers`` times what the mark swept of each class."""
    random = np.random.default_rng(seed)
    learning = ClassLearning()
    for _ in range(minutes):
        # The mark sweeps other classes each time: near ones where positions are young, far ones else.
        expected = 20.0 * random.dirichlet(np.full(CLASSES, 0.3), 2)
        for side, counts in zip(Side, random.poisson(multipliers * expected / LUMP).sum(axis=1), strict=True):
            if counts:
                learning.take(side, float(counts) * LUMP)
        learning.learn(expected, LUMP, 1.0)
    return learning


def test_before_any_print_every_multiplier_is_one() -> None:
    lesson = ClassLearning().lesson(PRIOR)
    np.testing.assert_allclose(lesson.multipliers, 1.0)
    assert (lesson.variances > 0.5).all()


def test_multipliers_come_to_what_is_printed_over_what_is_expected() -> None:
    truth = np.where(np.array(constants.CLASS_DISTANCES) < 0.03, 1.8, 0.5)
    # As many above as below: nothing is left for the pool to give.
    assert truth @ PRIOR == pytest.approx(PRIOR.sum(), rel=0.05)
    lesson = taught(truth).lesson(PRIOR)
    np.testing.assert_allclose(lesson.multipliers, truth, rtol=0.12)
    assert lesson.variances.max() < 0.1


def test_a_class_without_prints_goes_by_its_neighbours_and_one_with_prints_by_its_own() -> None:
    learning = ClassLearning()
    expected: np.ndarray = np.zeros((2, CLASSES))
    expected[:, 4] = 100.0
    for _ in range(50):
        learning.take(Side.BUY, 30.0)
        learning.take(Side.SELL, 30.0)
        learning.learn(expected, LUMP, 1.0)
    lesson = learning.lesson(np.full(CLASSES, 1e-3 / CLASSES))
    away = np.abs(np.log(lesson.multipliers))
    assert away.argmax() == 4
    assert lesson.multipliers[4] < 0.5
    # The farther the less like it, and the less is known of it.
    assert (np.diff(away[4:]) < 0).all()
    assert (np.diff(away[:5]) > 0).all()
    assert (np.diff(lesson.variances[4:]) > 0).all()


@pytest.mark.parametrize("multiplier", [0.02, 0.5, 1.5, 40.0])
def test_all_shares_of_an_opening_add_up_to_one(multiplier: float) -> None:
    random = np.random.default_rng(3)
    learning = ClassLearning()
    for _ in range(200):
        expected = 20.0 * random.dirichlet(np.full(CLASSES, 0.3), 2)
        expected[:, 8:] = 0.0
        for side, swept in zip(Side, expected.sum(axis=1), strict=True):
            learning.take(side, float(multiplier * swept))
        learning.learn(expected, LUMP, 1.0)
    lesson = learning.lesson(PRIOR)
    pool = 1.0 - float(lesson.multipliers @ PRIOR)
    assert (lesson.multipliers > 0).all()
    # What no print ever told of gives or takes, and the pool, the largest share of it, most.
    assert (pool > 0.4) == (multiplier < 1)
    assert (lesson.multipliers[-2:].mean() > 1) == (multiplier < 1)
    assert abs(np.log(pool / 0.4)) > abs(np.log(lesson.multipliers[-1]))


def test_a_quiet_feed_teaches_as_much_as_a_busy_one() -> None:
    learning = ClassLearning()
    for _ in range(500):
        learning.learn(np.full((2, CLASSES), 2.0), LUMP, 1.0)
    assert learning.lesson(np.full(CLASSES, 1e-3)).multipliers.mean() < 0.1


def test_old_evidence_fades() -> None:
    learning = taught(np.full(CLASSES, 2.0), minutes=300)
    before = learning.lesson(PRIOR)
    learning.learn(np.zeros((2, CLASSES)), LUMP, 60 * 24 * 365.0)
    after = learning.lesson(PRIOR)
    np.testing.assert_allclose(after.multipliers, 1.0, atol=1e-3)
    assert (after.variances > before.variances).all()


def test_one_whale_is_one_piece_of_evidence() -> None:
    whale, crowd = ClassLearning(), ClassLearning()
    whale.take(Side.BUY, 1_000.0)
    for _ in range(1_000):
        crowd.take(Side.BUY, 1.0)
    for learning in (whale, crowd):
        # Coins dear enough that the prior over sizes, a few dollars' worth here, counts for nothing.
        learning.learn(np.full((2, CLASSES), 500.0 / CLASSES), learning.lump_coins(1e12), 1.0)
    told = [learning.lesson(np.full(CLASSES, 1e-3)) for learning in (whale, crowd)]
    assert (told[0].variances > told[1].variances).all()
    assert np.abs(told[0].multipliers - 1).max() < np.abs(told[1].multipliers - 1).max()


def test_counts_that_come_in_swarms_teach_less() -> None:
    alone, swarms = ClassLearning(), ClassLearning()
    expected = np.zeros((2, CLASSES))
    expected[:, 6] = 20.0 * LUMP
    for at in range(200):
        for learning, count in ((alone, 20), (swarms, 200 if at % 10 == 0 else 0)):
            learning.take(Side.BUY, count * LUMP)
            learning.take(Side.SELL, count * LUMP)
            learning.learn(expected, LUMP, 1.0)
    assert alone.dispersion == pytest.approx(1.0)
    assert swarms.dispersion > 20
    few = np.full(CLASSES, 1e-3)
    assert swarms.lesson(few).variances[6] > alone.lesson(few).variances[6]


def test_prints_of_which_nothing_was_swept_tell_of_no_class() -> None:
    learning = ClassLearning()
    learning.take(Side.BUY, 100.0)
    learning.learn(np.zeros((2, CLASSES)), LUMP, 1.0)
    np.testing.assert_array_equal(learning.lesson(PRIOR).multipliers, 1.0)


def test_a_few_dwarfs_do_not_make_all_positions_dwarfs() -> None:
    learning = ClassLearning()
    before = learning.lump_coins(60_000.0)
    learning.take(Side.BUY, 1e-6)
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


def test_the_surer_venue_counts_for_more_and_each_one_that_listens_has_doubts_of_its_own() -> None:
    sure = Lesson(np.full(CLASSES, 2.0), np.full(CLASSES, 0.01))
    unsure = Lesson(np.full(CLASSES, 0.5), np.full(CLASSES, 0.99))
    handed = transfer([sure, unsure])
    assert handed is not None
    np.testing.assert_allclose(handed.multipliers, np.exp(np.log(2) * 0.98), rtol=1e-3)
    assert (handed.variances < 0.01).all()
    assert handed.own_sigma == constants.TRANSFER_LOG_SIGMA
