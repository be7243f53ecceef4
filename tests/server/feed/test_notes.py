"""Notes give back what was put in, over restarts, and hide nothing that a rule asks of."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import wall_ms
from leadline.domain.alert_facts import ClusterFact, Facts
from leadline.domain.odds import Odds
from leadline.domain.regime import Regime
from leadline.domain.signals import RegimeChange, Signal, Told, TouchOutcome, VolumeSpike
from leadline.feed.notes import IN_MEMORY_MAX, SIGNALS, Notes, packed, unpacked
from leadline.store.history import HistoryStore, history_path
from leadline.store.history_day import SampleRow

NOW_MS = wall_ms()
CLUSTER = ClusterFact(4, "S1", "short", 1003.0, 1004.0, 1005.0, 8e6, 4e6, 1.6e7, 0.01, calibrated=True)
FACTS = Facts(
    *("BTCUSDT", NOW_MS, 1000.0, (CLUSTER,)),
    atr=2.5,
    regime=Regime.SPARSE,
    down={"okx": NOW_MS - 5},
    odds={4: Odds(0.3, 12)},
    low=999.0,
)


def made_up(kind: type) -> Any:
    """Return one of a kind of signal, every field of it told apart from its default."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for at, field in enumerate(fields(kind), 1):
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Enum):
            values[field.name] = list(hint)[-1]
        else:
            values[field.name] = {int: at, float: at + 0.5, bool: True, str: f"text {at}"}[hint]
    return kind(**values)


@pytest.mark.parametrize("kind", SIGNALS.values())
def test_every_signal_comes_back_as_it_was(kind: type) -> None:
    told = Told("ETHUSDT", NOW_MS, 3_000.5, made_up(kind))
    body = packed(17, told)
    assert body is not None
    note = unpacked(body)
    assert note is not None
    assert (note.run, note.what) == (17, told)
    # A number that only equals its name in an enumeration would be no member of it.
    for field in fields(kind):
        before, after = getattr(told.what, field.name), getattr(note.what.what, field.name)  # type: ignore[union-attr]
        assert type(before) is type(after)


def test_only_what_no_rule_asks_of_is_left_out() -> None:
    assert {*get_args(Signal)} - {*SIGNALS.values()} == {TouchOutcome}
    body = packed(17, FACTS)
    assert body is not None
    note = unpacked(body)
    assert note is not None
    assert note.what == replace(FACTS, odds={})


@given(st.binary(max_size=60))
def test_bytes_that_are_no_note_are_none(body: bytes) -> None:
    assert unpacked(body) is None


def test_notes_outlive_the_process(tmp_path: Path) -> None:
    day_ms = 86_400_000
    told = [
        replace(FACTS, at_ms=NOW_MS - day_ms, odds={}),
        Told("BTCUSDT", NOW_MS - 2, 1000.0, RegimeChange(Regime.USEFUL, Regime.NEWS)),
        replace(FACTS, odds={}),
    ]
    for run, part in ((1, told[:2]), (2, told[2:])):
        store = HistoryStore(history_path(tmp_path, "live"), "live", 30)
        Notes(store, run).put("BTCUSDT", part)
        store.close()
    store = HistoryStore(history_path(tmp_path, "live"), "live", 30)
    notes = Notes(store, 3)
    read = notes.read("BTCUSDT", NOW_MS - day_ms, NOW_MS)
    assert [(note.run, note.what) for note in read] == [(1, told[0]), (1, told[1]), (2, told[2])]
    assert [note.what for note in notes.read("BTCUSDT", NOW_MS, NOW_MS)] == [told[2]]
    assert notes.read("ETHUSDT", 0, NOW_MS) == []
    # Another past under the same name: nothing noted of it is believed.
    store.forget("BTCUSDT", "okx")
    store.close()
    assert store.notes("BTCUSDT", 0, NOW_MS) == []


def test_a_day_of_before_there_were_notes_has_none_and_takes_them(tmp_path: Path) -> None:
    folder = history_path(tmp_path, "live")
    store = HistoryStore(folder, "live", 30)
    store.put([SampleRow("BTCUSDT", "okx", "funding", NOW_MS, 1e-4)])
    store.close()
    (path,) = folder.glob("*.db")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE note")
    store = HistoryStore(folder, "live", 30)
    assert store.notes("BTCUSDT", 0, NOW_MS) == []
    Notes(store, 1).put("BTCUSDT", [FACTS])
    store.close()
    assert len(Notes(store, 1).read("BTCUSDT", NOW_MS, NOW_MS)) == 1
    assert store.past("BTCUSDT", "okx", NOW_MS, NOW_MS).samples["funding"] == [(NOW_MS, 1e-4)]


def test_without_a_history_memory_is_bounded() -> None:
    notes = Notes(None, 1)
    for at_ms in range(IN_MEMORY_MAX + 5):
        notes.put("BTCUSDT", [Told("BTCUSDT", at_ms, 1.0, VolumeSpike(2e6, 5.0))])
    kept = notes.read("BTCUSDT", 0, NOW_MS)
    assert len(kept) == IN_MEMORY_MAX
    assert kept[-1].what.at_ms == IN_MEMORY_MAX + 4
