"""A ladder that went over the wire is the ladder that was sent."""

from __future__ import annotations

from itertools import pairwise

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.ladder import LadderView, Print
from leadline.limits import BAND_ROWS, TRADES_KEPT
from leadline.wire.delta import HAS_AGE, HAS_BIDS, HAS_FLAGS, NEAR_ROWS, check_of
from leadline.wire.frames import ladder_delta, ladder_keyframe
from leadline.wire.reader import Delta, Keyframe, LadderReader, SequenceGap, decode
from leadline.wire.sizes import CODE_MAX, codes_of, lots_of
from leadline.wire.varint import FrameError, VarintReader, append_varints, unzigzag, zigzag
from tests.wire.ladders import STARTS_MS, RandomMarket, as_sent, bands, ints, plain, view

LOTS = st.sampled_from((1, 2, 127, 128, 2**40, 2**53 - 1))
# Few distinct rows and sizes, so that neighbouring ladders share most of them, as real ones do.
NEAR = st.dictionaries(st.integers(1, 14), LOTS, max_size=8)
FAR = st.dictionaries(st.integers(1, 400), LOTS, max_size=8)
BANDS = st.one_of(
    st.none(), st.dictionaries(st.integers(0, BAND_ROWS - 1), st.integers(0, 255), max_size=5).map(bands)
)


@st.composite
def prints(draw: st.DrawFn) -> Print:
    return Print(draw(st.integers(1, 2_000)), draw(st.integers(1, 2**52 - 1)), draw(st.booleans()), STARTS_MS)


@st.composite
def ladders(draw: st.DrawFn, group: int, depth: int) -> LadderView:
    bid_tick = draw(st.one_of(st.just(0), st.integers(1_000, 1_020), st.integers(1, 2**50)))
    ask_tick = draw(st.one_of(st.just(0), st.integers(1_021, 1_040), st.integers(1, 2**50)))
    sides = []
    for tick in (bid_tick, ask_tick):
        rows = draw(st.one_of(NEAR, FAR)) | {0: draw(LOTS)}
        sides.append(dict(sorted(rows.items())[:depth]) if tick else {})
    codes = draw(BANDS)
    return view(
        group,
        bid_tick,
        ask_tick,
        *sides,
        t_ms=STARTS_MS + draw(st.integers(-1_000, 1_000)),
        age_ms=draw(st.integers(0, 100_000)),
        flags=draw(st.integers(0, 31)),
        prints=draw(st.lists(prints(), max_size=3)),
        first=draw(st.integers(-450, 450)),
        bands=np.zeros(0, dtype=np.uint8) if codes is None else codes,
    )


@st.composite
def sequences(draw: st.DrawFn) -> tuple[int, int, list[LadderView]]:
    group, depth = draw(st.sampled_from((1, 2, 7, 50))), draw(st.sampled_from((1, 3, 6, 20)))
    return group, depth, draw(st.lists(ladders(group, depth), min_size=2, max_size=6))


def send(views: list[LadderView], group: int, depth: int) -> list[dict[str, object]]:
    """Send a keyframe and then deltas; return every ladder as the reader has it."""
    reader = LadderReader(group, depth)
    seen = []
    for seq, now in enumerate(views):
        raw = (
            ladder_delta(1, 2, seq, views[seq - 1], now, depth)
            if seq
            else ladder_keyframe(1, 2, 0, now, now.prints)
        )
        message = decode(raw)
        assert isinstance(message, Delta if seq else Keyframe)
        seen.append(plain(reader.apply(message)))
    return seen


def body_of(before: LadderView, now: LadderView, depth: int) -> bytes:
    body: bytes = msgpack.unpackb(ladder_delta(1, 1, 1, before, now, depth))[3]
    return body


def bid_changes(before: LadderView, now: LadderView, depth: int) -> tuple[int, int] | None:
    """Return how many near rows and how many rows beyond a delta tells of, None when it says nothing."""
    body = VarintReader(body_of(before, now, depth))
    parts = body.varint()
    body.varint()
    for part in (HAS_AGE, HAS_FLAGS):
        if parts & part:
            body.varint()
    if not parts & HAS_BIDS:
        return None
    body.varint()
    near = body.take(1)[0].bit_count()
    for _ in range(near):
        body.varint()
    return near, body.varint()


@settings(max_examples=300, deadline=None)
@given(sequences())
def test_any_sequence_of_ladders_arrives_as_it_was_sent(made: tuple[int, int, list[LadderView]]) -> None:
    group, depth, views = made
    expected = [as_sent(now, delta=bool(seq)) for seq, now in enumerate(views)]
    assert send(views, group, depth) == expected


@pytest.mark.parametrize(
    ("seed", "group", "depth"), [(1, 1, 20), (2, 1, 50), (3, 10, 12), (4, 7, 200), (5, 1, 3)]
)
def test_a_wandering_market_arrives_as_it_was_sent(seed: int, group: int, depth: int) -> None:
    views = list(RandomMarket(seed, group, depth).views(400))
    expected = [as_sent(now, delta=bool(seq)) for seq, now in enumerate(views)]
    assert send(views, group, depth) == expected


def test_a_wandering_market_changes_near_and_far_rows_and_every_kind_of_band_section() -> None:
    views = list(RandomMarket(2, 1, 50).views(400))
    changes = [
        bid_changes(views[i - 1], views[i], 50) for i in range(1, len(views)) if len(views[i].bid_rows)
    ]
    assert changes.count(None) > 10
    assert sum(told is not None and told[0] > 1 for told in changes) > 10
    assert sum(told is not None and told[1] > 1 for told in changes) > 10
    gone = [len(a.bands) > 0 and not len(b.bands) for a, b in pairwise(views)]
    moved = [a.first != b.first and len(a.bands) and len(b.bands) for a, b in pairwise(views)]
    assert any(gone)
    assert any(moved)


def test_a_ladder_that_stands_still_costs_two_bytes() -> None:
    still = view(1, 1_000, 1_001, {0: 5, 1: 6}, {0: 7})
    assert len(body_of(still, still, 20)) == 2


def test_the_best_tick_may_move_within_its_row_without_a_word_about_rows() -> None:
    before = view(10, 1_003, 1_011, {0: 5}, {0: 7})
    now = view(10, 1_009, 1_011, {0: 5}, {0: 7})
    assert bid_changes(before, now, 20) == (0, 0)
    assert send([before, now], 10, 20)[1]["bid"] == 1_009


def test_levels_eaten_from_the_top_need_no_removal() -> None:
    before = view(1, 1_000, 1_005, {0: 5, 1: 6, 2: 7}, {0: 7})
    now = view(1, 999, 1_005, {0: 6, 1: 7}, {0: 7})
    assert bid_changes(before, now, 20) == (0, 0)
    assert send([before, now], 1, 20)[1]["bid_rows"] == [999, 998]


def test_a_level_pushed_beyond_the_depth_needs_no_removal_and_is_sent_again_when_it_returns() -> None:
    three = view(1, 1_000, 1_005, {0: 5, 200: 6, 300: 7}, {0: 7})
    pushed = view(1, 1_001, 1_005, {0: 9, 1: 5, 201: 6}, {0: 7})
    assert bid_changes(three, pushed, 3) == (1, 0)
    assert [shown["bid_lots"] for shown in send([three, pushed, three], 1, 3)] == [
        [5, 6, 7],
        [9, 5, 6],
        [5, 6, 7],
    ]


def test_a_level_that_leaves_a_side_shorter_than_the_depth_is_removed_by_name() -> None:
    before = view(1, 1_000, 1_005, {0: 5, 2: 8, 200: 6}, {0: 7})
    now = view(1, 1_000, 1_005, {0: 5}, {0: 7})
    assert bid_changes(before, now, 20) == (1, 1)
    assert send([before, now], 1, 20)[1]["bid_rows"] == [1_000]


def test_the_rows_next_to_the_best_are_told_by_bits_and_those_beyond_by_their_gaps() -> None:
    last_near, first_far = NEAR_ROWS - 1, NEAR_ROWS
    before = view(1, 1_000, 1_005, dict.fromkeys(range(20), 5), {0: 7})
    now = view(1, 1_000, 1_005, {k: 5 + (k in (0, last_near, first_far, 19)) for k in range(20)}, {0: 7})
    assert bid_changes(before, now, 20) == (2, 2)
    assert send([before, now], 1, 20)[1]["bid_lots"] == now.bid_lots.tolist()


def test_a_small_change_of_a_large_size_costs_a_byte_beside_its_place() -> None:
    before = view(1, 1_000, 1_005, {0: 5_000_000}, {0: 7})
    now = view(1, 1_000, 1_005, {0: 5_200_000}, {0: 7})
    still = len(body_of(before, before, 20))
    assert len(body_of(before, now, 20)) == still + 4  # best tick, near rows, the size, rows beyond


def test_a_change_too_small_to_be_told_is_none() -> None:
    before = view(1, 1_000, 1_005, {0: 5_000_000}, {0: 7})
    now = view(1, 1_000, 1_005, {0: 5_000_500}, {0: 7})
    assert bid_changes(before, now, 20) is None


def test_a_side_may_empty_and_fill_again() -> None:
    both = view(1, 1_000, 1_001, {0: 5, 3: 6}, {0: 7, 2: 8})
    no_asks = view(1, 1_000, 0, {0: 5, 3: 6}, {})
    nothing = view(1, 0, 0, {}, {})
    views = [both, no_asks, nothing, both]
    assert send(views, 1, 20) == [as_sent(now, delta=bool(seq)) for seq, now in enumerate(views)]


def test_a_keyframe_holds_the_newest_trades_only() -> None:
    made = view(1, 1_000, 1_001, {0: 5}, {0: 7})
    trades = [Print(1_000 + k, 1, True, STARTS_MS - k) for k in range(TRADES_KEPT + 5)]
    message = decode(ladder_keyframe(1, 1, 1, made, trades))
    assert isinstance(message, Keyframe)
    assert LadderReader(1, 20).apply(message).prints == trades[-TRADES_KEPT:]


@pytest.mark.parametrize(("epoch", "seq"), [(1, 3), (1, 1), (2, 2), (2, 3)])
def test_a_delta_that_does_not_follow_drops_the_ladder(epoch: int, seq: int) -> None:
    made = view(1, 1_000, 1_001, {0: 5}, {0: 7})
    reader = LadderReader(1, 20)
    reader.apply(Keyframe(1, 1, 1, msgpack.unpackb(ladder_keyframe(1, 1, 1, made, []))[4]))
    stray = decode(ladder_delta(1, epoch, seq, made, made, 20))
    assert isinstance(stray, Delta)
    with pytest.raises(SequenceGap, match="frame 1 of epoch 1"):
        reader.apply(stray)
    assert reader.view is None
    with pytest.raises(SequenceGap, match="no frame"):
        reader.apply(Delta(1, 3, body_of(made, made, 20)))


def test_every_cut_of_a_delta_is_refused_and_so_is_a_byte_too_many() -> None:
    before, *views = RandomMarket(6, 1, 20).views(60)
    now = max(views, key=lambda shown: len(body_of(before, shown, 20)))
    body = body_of(before, now, 20)
    for broken in [*(body[:size] for size in range(len(body))), body + b"\0"]:
        reader = LadderReader(1, 20)
        reader.apply(Keyframe(1, 1, 1, msgpack.unpackb(ladder_keyframe(1, 1, 1, before, []))[4]))
        with pytest.raises(FrameError):
            reader.apply(Delta(1, check_of(1, 2), broken))
        assert reader.view is None


def test_a_view_that_no_ladder_can_be_is_not_encoded() -> None:
    made = view(1, 1_000, 1_001, {0: 5}, {0: 7})
    with pytest.raises(ValueError, match="best ask"):
        ladder_delta(1, 1, 1, made, view(1, 1_000, 1_001, {0: 5}, {}), 20)
    with pytest.raises(ValueError, match="bands"):
        ladder_keyframe(1, 1, 1, view(1, 1_000, 1_001, {0: 5}, {0: 7}, bands=np.ones(3, dtype=np.uint8)), [])
    with pytest.raises(ValueError, match="2\\^53"):
        ladder_delta(1, 1, 1, made, view(1, 1_000, 1_001, {0: 2**53}, {0: 7}), 20)


@given(st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=9))
def test_a_size_comes_back_exactly_when_small_and_within_a_thousandth_when_large(lots: list[int]) -> None:
    codes = codes_of(ints(lots))
    told = lots_of(codes)
    assert codes_of(told).tolist() == codes.tolist()
    assert codes.max() <= CODE_MAX
    assert all(
        now == was if was < 1_024 else abs(now - was) <= was / 1_000
        for now, was in zip(told, lots, strict=True)
    )
    assert np.argsort(told, kind="stable").tolist() == np.argsort(codes, kind="stable").tolist()


def test_a_code_stands_for_a_size_of_its_own() -> None:
    every = np.arange(CODE_MAX + 1)
    assert codes_of(lots_of(every)).tolist() == every.tolist()


@given(st.integers(0, 2**53 - 1))
def test_a_varint_comes_back(value: int) -> None:
    body = bytearray()
    append_varints(body, (value,))
    reader = VarintReader(bytes(body))
    assert reader.varint() == value
    reader.finish()


@given(st.integers(-(2**52), 2**52 - 1))
def test_a_zigzag_comes_back(value: int) -> None:
    assert unzigzag(zigzag(value)) == value
    assert zigzag(value) == (value << 1) ^ (value >> 63)


@pytest.mark.parametrize("body", [b"", b"\x80", b"\xff" * 7 + b"\x7f", b"\x80" * 8 + b"\x01"])
def test_a_varint_that_is_cut_short_too_long_or_too_large_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        VarintReader(body).varint()


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        [99],
        [11, 1, 1],
        [11, 1, 1, "body"],
        [11, 1, 1, 1, b"body"],
        [10, 1, 1, 1, []],
        [2, 1, "bad_request"],
        [13, "X", {}],
    ],
)
def test_a_message_outside_the_catalogue_is_refused(message: object) -> None:
    with pytest.raises(FrameError):
        decode(msgpack.packb(message))


@pytest.mark.parametrize(
    "change",
    [
        {"bid": 0},
        {"bids": [0]},
        {"asks": [0, "1"]},
        {"trades": [1, 2]},
        {"bands": b"12"},
        {"bands": None},
        {"t": None},
        {"bids": [0, 1] * 201},
    ],
)
def test_a_broken_keyframe_is_refused(change: dict[str, object]) -> None:
    raw = ladder_keyframe(1, 1, 1, view(1, 1_000, 1_001, {0: 5}, {0: 7}), [])
    key = msgpack.unpackb(raw)[4] | change
    with pytest.raises(FrameError):
        LadderReader(1, 20).apply(Keyframe(1, 1, 1, key))
