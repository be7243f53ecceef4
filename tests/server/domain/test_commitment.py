import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.commitment import HALF, REACH, Minute, SealedMap, digest_of, reached, seal, unsealed
from leadline.domain.estimator_constants import PROFILE_BINS

ORIGIN = 21_000
HERE = ORIGIN + HALF


def drawn(usd: float = 1e6) -> SealedMap:
    ours = np.zeros((2, PROFILE_BINS))
    ours[0, HALF - 30 : HALF] = usd
    ours[1, HALF + 1 : HALF + 90] = usd / 3
    return SealedMap("BTCUSDT", "bybit", 1_700_000_000_000, 60_000.0, ORIGIN, "abc", {"ours": ours})


def test_a_sealed_map_opens_as_what_was_drawn() -> None:
    text, digest = seal(drawn(), "00ff")
    again = unsealed(text, digest)
    assert (again.symbol, again.venue, again.at_ms, again.origin) == (
        "BTCUSDT", "bybit", 1_700_000_000_000, ORIGIN,
    )  # fmt: skip
    np.testing.assert_allclose(again.maps["ours"], drawn().maps["ours"], rtol=0.031)
    assert len(text) < 1_000


@given(st.floats(1e3, 1e8))
def test_any_other_map_has_another_digest(usd: float) -> None:
    text, digest = seal(drawn(), "00ff")
    other, other_digest = seal(drawn(usd), "00ff")
    assert (other_digest == digest) == (other == text)
    assert seal(drawn(), "00fe")[1] != digest


def test_a_map_that_is_not_the_sealed_one_is_refused() -> None:
    text, digest = seal(drawn(), "00ff")
    with pytest.raises(ValueError, match="digest"):
        unsealed(text.replace("60000", "60001"), digest)
    for wrong in ("{}", "[]", json.dumps({**json.loads(text), "maps": {"ours": "AAAA"}})):
        with pytest.raises(ValueError, match="expected"):
            unsealed(wrong, digest_of(wrong))


def test_what_lies_beyond_ten_percent_is_not_sealed() -> None:
    far = drawn()
    far.maps["ours"][1, HALF + REACH + 10] = 1e9
    text, digest = seal(far, "00")
    assert unsealed(text, digest).maps["ours"][1, HALF + REACH + 10] == 0.0


def test_deaths_count_where_the_mark_came_for_the_first_time() -> None:
    low, high = HERE - 10, HERE + 5
    minutes = [
        Minute(low, HERE, ((0, HERE - 4, 100.0), (0, HERE - 40, 7.0))),
        Minute(HERE - 3, high, ((0, HERE - 9, 50.0), (1, HERE + 2, 30.0))),
        Minute(None, None, ((0, HERE - 4, 999.0),)),
        Minute(HERE, HERE, ((0, HERE - 4, 999.0), (1, HERE + 2, 999.0))),
    ]
    found = reached(ORIGIN, minutes)
    assert (found.low, found.high, found.missing) == (low, high, 1)
    # The second minute's print of a bin first touched in the first came a little late.
    assert found.deaths == {
        (0, HERE - 4): 100.0, (0, HERE - 40): 7.0, (0, HERE - 9): 50.0, (1, HERE + 2): 30.0,
    }  # fmt: skip


def test_a_minute_counts_bins_whose_centre_the_mark_reached() -> None:
    step = 5e-4
    minute = Minute.of(
        float(np.exp(100.4 * step)), float(np.exp(103.6 * step)), [(0, float(np.exp(100.9 * step)), 5.0)]
    )
    assert (minute.low, minute.high, minute.deaths) == (100, 103, ((0, 100, 5.0),))
