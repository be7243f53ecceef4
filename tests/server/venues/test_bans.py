"""The file that remembers bans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.venues import bans as bans_module
from leadline.venues.bans import Bans

NOW_MS = 1_790_000_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = [NOW_MS]
    monkeypatch.setattr(bans_module, "wall_ms", lambda: now[0])
    return now


def test_a_ban_ends_and_is_forgotten(tmp_path: Path, clock: list[int]) -> None:
    path = tmp_path / "b.json"
    Bans(path).ban("https://a", NOW_MS + 5_000)
    clock[0] += 4_999
    assert Bans(path).until_ms("https://a") == NOW_MS + 5_000
    clock[0] += 1
    assert Bans(path).until_ms("https://a") == 0
    Bans(path).ban("https://b", NOW_MS + 9_000)
    assert json.loads(path.read_text()) == {"https://b": NOW_MS + 9_000}
    assert list(tmp_path.iterdir()) == [path]


def test_a_shorter_ban_does_not_end_a_longer_one(tmp_path: Path) -> None:
    made = Bans(tmp_path / "b.json")
    made.ban("https://a", NOW_MS + 9_000)
    made.ban("https://a", NOW_MS + 1_000)
    assert made.until_ms("https://a") == NOW_MS + 9_000


def test_two_processes_keep_each_others_bans(tmp_path: Path) -> None:
    one, other = Bans(tmp_path / "b.json"), Bans(tmp_path / "b.json")
    one.ban("https://a", NOW_MS + 9_000)
    other.ban("https://b", NOW_MS + 8_000)
    again = Bans(tmp_path / "b.json")
    assert (again.until_ms("https://a"), again.until_ms("https://b")) == (NOW_MS + 9_000, NOW_MS + 8_000)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'{"https://a": "soon"}', b'{"https://a": true}', b"\xff\xfe", b"[" * 9_999],
)
def test_a_damaged_file_counts_as_empty(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(content)
    assert Bans(path).until_ms("https://a") == 0
    Bans(path).ban("https://a", NOW_MS + 1_000)
    assert Bans(path).until_ms("https://a") == NOW_MS + 1_000


def test_a_disk_that_refuses_costs_only_the_memory_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    made = Bans(tmp_path / "file" / "b.json")
    made.ban("https://a", NOW_MS + 1_000)
    assert made.until_ms("https://a") == NOW_MS + 1_000
    assert "cannot be written" in caplog.text
