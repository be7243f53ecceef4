"""A slow phone gets the newest picture, never a backlog."""

from leadline.wire.conflate import PENDING_FRAMES_MAX, Conflator


def started(keyframe: bytes = b"key") -> Conflator:
    outbox = Conflator(lambda stream: keyframe)
    outbox.begin(1)
    outbox.take()
    return outbox


def test_a_stream_begins_with_a_keyframe() -> None:
    outbox = Conflator(lambda stream: b"key%d" % stream)
    outbox.begin(4)
    outbox.frame(4, b"delta before the keyframe", is_keyframe=False)
    assert outbox.take() == [b"key4"]


def test_deltas_keep_their_order() -> None:
    outbox = started()
    outbox.frame(1, b"a", is_keyframe=False)
    outbox.frame(1, b"b", is_keyframe=False)
    assert outbox.take() == [b"a", b"b"]
    assert outbox.take() == []


def test_too_many_waiting_deltas_become_one_keyframe() -> None:
    outbox = started(b"newest")
    for _ in range(PENDING_FRAMES_MAX + 5):
        outbox.frame(1, b"delta", is_keyframe=False)
    assert outbox.take() == [b"newest"]
    assert outbox.skipped == 1
    outbox.frame(1, b"next", is_keyframe=False)
    assert outbox.take() == [b"next"]


def test_a_keyframe_makes_waiting_deltas_needless() -> None:
    outbox = started()
    outbox.frame(1, b"delta", is_keyframe=False)
    outbox.frame(1, b"epoch", is_keyframe=True)
    assert outbox.take() == [b"epoch"]


def test_slow_facts_keep_only_the_newest() -> None:
    outbox = started()
    outbox.state(1, b"old")
    outbox.state(1, b"new")
    assert outbox.take() == [b"new"]


def test_an_ended_stream_sends_nothing_more() -> None:
    outbox = started()
    outbox.frame(1, b"delta", is_keyframe=False)
    outbox.end(1)
    outbox.frame(1, b"late", is_keyframe=False)
    outbox.state(1, b"late")
    assert outbox.take() == []


def test_controls_come_first_and_too_many_are_an_overrun() -> None:
    outbox = Conflator(lambda stream: None, controls_max=2)
    for _ in range(3):
        outbox.control(b"answer")
    assert outbox.overrun
    assert outbox.take() == [b"answer", b"answer"]


def test_memory_is_bounded_however_long_the_client_stalls() -> None:
    outbox = started()
    for _ in range(100_000):
        outbox.frame(1, b"x" * 100, is_keyframe=False)
        outbox.state(1, b"y" * 100)
    assert len(outbox.take()) == 2
