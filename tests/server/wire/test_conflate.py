"""A slow phone gets the newest picture, never a backlog."""

from leadline.wire.conflate import PENDING_FRAMES_MAX, Conflator
from leadline.wire.prepared import PreparedFrame


def made(payload: bytes) -> PreparedFrame:
    return PreparedFrame(payload)


def started(keyframe: bytes = b"key") -> Conflator:
    outbox = Conflator(lambda stream: made(keyframe), lambda stream: made(b"facts"))
    outbox.begin(1)
    outbox.take()
    return outbox


def taken(outbox: Conflator) -> list[bytes]:
    assert outbox.waiting_bytes >= 0
    frames = [frame.payload for frame in outbox.take()]
    assert outbox.waiting_bytes == 0
    return frames


def test_a_stream_begins_with_a_keyframe() -> None:
    outbox = Conflator(lambda stream: made(b"key%d" % stream), lambda stream: None)
    outbox.begin(4)
    outbox.frame(4, made(b"delta before the keyframe"), is_keyframe=False)
    assert taken(outbox) == [b"key4"]


def test_deltas_keep_their_order() -> None:
    outbox = started()
    outbox.frame(1, made(b"a"), is_keyframe=False)
    outbox.frame(1, made(b"b"), is_keyframe=False)
    assert taken(outbox) == [b"a", b"b"]
    assert taken(outbox) == []


def test_too_many_waiting_deltas_become_one_keyframe() -> None:
    outbox = started(b"newest")
    for _ in range(PENDING_FRAMES_MAX + 5):
        outbox.frame(1, made(b"delta"), is_keyframe=False)
    assert taken(outbox) == [b"newest"]
    assert outbox.skipped == 1
    outbox.frame(1, made(b"next"), is_keyframe=False)
    assert taken(outbox) == [b"next"]


def test_a_keyframe_makes_waiting_deltas_needless() -> None:
    outbox = started()
    outbox.frame(1, made(b"delta"), is_keyframe=False)
    outbox.frame(1, made(b"epoch"), is_keyframe=True)
    assert taken(outbox) == [b"epoch"]


def test_slow_facts_that_wait_are_sent_whole_and_once() -> None:
    outbox = started()
    outbox.state(1)
    outbox.state(1)
    outbox.frame(1, made(b"delta"), is_keyframe=False)
    assert taken(outbox) == [b"delta", b"facts"]
    assert taken(outbox) == []


def test_an_ended_stream_sends_nothing_more() -> None:
    outbox = started()
    outbox.frame(1, made(b"delta"), is_keyframe=False)
    outbox.end(1)
    outbox.frame(1, made(b"late"), is_keyframe=False)
    outbox.state(1)
    assert taken(outbox) == []


def test_controls_come_first_and_too_many_are_an_overrun() -> None:
    outbox = Conflator(lambda stream: None, lambda stream: None, controls_max=2)
    for _ in range(3):
        outbox.control(made(b"answer"))
    assert outbox.overrun
    assert taken(outbox) == [b"answer", b"answer"]


def test_memory_is_bounded_however_long_the_client_stalls() -> None:
    outbox = started()
    for _ in range(100_000):
        outbox.frame(1, made(b"x" * 100), is_keyframe=False)
        outbox.state(1)
    assert len(taken(outbox)) == 2


def test_more_than_the_bytes_allowed_is_an_overrun_and_keeps_no_more() -> None:
    outbox = Conflator(lambda stream: None, lambda stream: None, bytes_max=1_000)
    for _ in range(40):
        outbox.control(made(b"x" * 98))
    assert outbox.overrun
    assert outbox.waiting_bytes == 1_000


def test_what_is_replaced_or_ended_is_not_counted_any_more() -> None:
    outbox = started()
    outbox.frame(1, made(b"delta"), is_keyframe=False)
    outbox.frame(1, made(b"epoch"), is_keyframe=True)
    assert outbox.waiting_bytes == len(made(b"epoch"))
    outbox.end(1)
    assert outbox.waiting_bytes == 0
