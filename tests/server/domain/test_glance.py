"""What of a watchlist's row is worth telling."""

from __future__ import annotations

import pytest

from leadline.domain.glance import FRESH_DS, STRIP_CODES, GlanceRow, Nearest, settled

CLUSTER = Nearest(776_200, 42_000, 24_000, 71_000, 100, 20, "S1", "approach")
ROW = GlanceRow(1, 2, 772_500, -125, CLUSTER, None, 34, 1, bytes([50] * STRIP_CODES), 180, -83)


def test_price_and_change_are_always_told() -> None:
    now = ROW._replace(last=772_501, day=-124)
    assert settled(ROW, now, slowly=False) == now


def test_a_fresh_books_age_is_not_told_again_but_an_old_ones_is() -> None:
    assert settled(ROW, ROW._replace(age_ds=FRESH_DS - 1), slowly=True).age_ds == 2
    assert settled(ROW, ROW._replace(age_ds=FRESH_DS), slowly=False).age_ds == FRESH_DS
    aged = ROW._replace(age_ds=FRESH_DS)
    assert settled(aged, ROW._replace(age_ds=3), slowly=False).age_ds == 3
    assert settled(ROW, ROW._replace(state=2, age_ds=3), slowly=False).age_ds == 3


def test_a_cluster_that_comes_goes_or_changes_its_state_is_told_at_once() -> None:
    for now in (None, CLUSTER._replace(state="armed"), CLUSTER._replace(name="S2")):
        assert settled(ROW, ROW._replace(above=now), slowly=False).above == now
    assert settled(ROW, ROW._replace(below=CLUSTER), slowly=False).below == CLUSTER


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"usd": 44_000}, False),
        ({"usd": 50_000}, True),
        ({"usd_hi": 90_000}, True),
        ({"distance_bp": 110}, False),
        ({"distance_bp": 120}, True),
        ({"eta_min": 22}, False),
        ({"eta_min": None}, True),
        ({"peak": 776_300}, True),
    ],
)
def test_a_cluster_that_drifts_is_told_now_and_then_when_it_moved_enough(
    change: dict[str, int | None], told: bool
) -> None:
    moved = CLUSTER._replace(**change)  # type: ignore[arg-type]
    assert settled(ROW, ROW._replace(above=moved), slowly=False).above == CLUSTER
    assert settled(ROW, ROW._replace(above=moved), slowly=True).above == (moved if told else CLUSTER)


def test_the_strip_is_told_when_a_place_of_it_changed_visibly() -> None:
    for code, told in ((53, False), (54, True)):
        strip = bytes([50] * (STRIP_CODES - 1) + [code])
        assert (settled(ROW, ROW._replace(strip=strip), slowly=True).strip == strip) is told
        assert settled(ROW, ROW._replace(strip=strip), slowly=False).strip == ROW.strip
    assert settled(ROW, ROW._replace(strip=b""), slowly=False).strip == b""


def test_the_strips_scale_is_told_when_it_moved_visibly() -> None:
    for top, told in ((181, False), (178, True), (None, True)):
        assert settled(ROW, ROW._replace(top=top), slowly=True).top == (top if told else ROW.top)
    assert settled(ROW, ROW._replace(top=200), slowly=False).top == ROW.top
    assert settled(ROW._replace(top=None), ROW, slowly=False).top == ROW.top


def test_what_is_unknown_is_never_kept_as_known() -> None:
    now = GlanceRow(state=0)
    assert settled(ROW, now, slowly=False) == now
