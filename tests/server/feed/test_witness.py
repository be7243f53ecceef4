import asyncio
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli import main
from leadline.domain.bands import Bands
from leadline.domain.commitment import unsealed
from leadline.domain.events import Side
from leadline.errors import UsageError
from leadline.feed.map_columns import RunningBar
from leadline.feed.promise_log import append, keep_promises
from leadline.feed.score_promises import promises_report, read_promises, run_score_promises
from leadline.feed.witness import HOUR_MS, MINUTE_MS, Witness
from tests.server.domain.test_bands import START, opened


def hours(count: int, *, silent: tuple[int, ...] = (), seed: int = 5) -> tuple[Witness, Bands]:
    """A venue's minutes for ``count`` hours; what its map lost to the mark is printed as it dies."""
    bands, random = opened(coins=20_000.0, volume=20_000.0), np.random.default_rng(seed)
    witness, price = Witness("BTCUSDT", "bybit", START), START
    for minute in range(count * 60):
        end_ms = (minute + 1) * MINUTE_MS
        if minute in silent:
            witness.minute(end_ms, None, bands)
            continue
        before = price
        price *= float(np.exp(random.normal(0, 0.0006)))
        bands.mark(price, end_ms)
        witness.mark(before)
        witness.mark(price)
        if minute % 3 == 0:
            witness.died(Side.BUY if price < before else Side.SELL, (before + price) / 2, 3.0)
        bar = RunningBar(
            end_ms - MINUTE_MS, before, max(before, price), min(before, price), price, 500.0, 250.0
        )
        if minute % 5 == 0:
            bands.open_interest(20_000.0 * (1 + 0.01 * float(np.sin(minute / 50))), end_ms)
        witness.minute(end_ms, bar, bands)
    return witness, bands


def test_a_map_is_sealed_every_hour_and_opened_a_day_later() -> None:
    witness, _ = hours(27)
    commits = [line for line in witness.lines if line["kind"] == "commit"]
    reveals = [line for line in witness.lines if line["kind"] == "reveal"]
    assert [line["at_ms"] for line in commits] == [(at + 1) * HOUR_MS for at in range(27)]
    assert [line["digest"] for line in reveals] == [line["digest"] for line in commits[:3]]
    # No map is in the file before its outcome is.
    assert all("map" not in line for line in commits)
    first = reveals[0]
    drawn = unsealed(str(first["map"]), str(first["digest"]))
    assert drawn.at_ms == HOUR_MS
    assert set(drawn.maps) == {"ours", "coinank_like", "one_sided", "volume_profile"}
    outcomes: Any = first["outcomes"]
    assert outcomes["24"]["low"] <= outcomes["4"]["low"] <= outcomes["1"]["low"]
    assert outcomes["24"]["deaths"]
    assert outcomes["24"]["missing"] == 0


def test_minutes_that_were_not_heard_are_told_as_missing() -> None:
    witness, bands = hours(2)
    for minute in range(120, 180):
        witness.minute((minute + 1) * MINUTE_MS, None, bands)
    witness.minute(27 * HOUR_MS, None, bands)  # the process slept for a day
    first = next(line for line in witness.lines if line["kind"] == "reveal")
    outcomes: Any = first["outcomes"]
    assert outcomes["1"]["missing"] == 0
    assert outcomes["4"]["missing"] == 180
    assert outcomes["24"]["missing"] == 23 * 60


def written(folder: Path, witness: Witness, market: str = "live") -> Path:
    path = folder / market / "scores" / "bybit-BTCUSDT.jsonl"
    append(path, witness.lines)
    return path


def test_what_was_promised_is_scored_without_a_claim_before_there_is_enough(tmp_path: Path) -> None:
    witness, _ = hours(60)
    made = read_promises(written(tmp_path, witness))
    (card,) = promises_report(made)
    assert (card["sealed"], card["opened"], card["waiting"], card["never_opened"]) == (60, 36, 24, 0)
    assert card["broken_lines"] == 0
    assert card["simulated"] is False
    assert str(card["deviance_skill"]).startswith("not enough data (n=")
    numbers: Any = card["by_horizon_unproven"]
    assert isinstance(numbers["4h"]["ours"]["skill"], float)
    out = io.StringIO()
    assert run_score_promises(tmp_path, True, out) == 0
    assert json.loads(out.getvalue())["series"][0]["series"] == "bybit-BTCUSDT"


def test_a_map_exchanged_after_the_fact_is_not_counted(tmp_path: Path) -> None:
    witness, _ = hours(26)
    reveal = next(line for line in witness.lines if line["kind"] == "reveal")
    reveal["map"] = str(reveal["map"]).replace('"BTCUSDT"', '"ETHUSDT"')
    unknown = {**reveal, "digest": "0" * 64}
    witness.lines.append(unknown)
    path = written(tmp_path, witness, market="twin")
    with path.open("a") as file:
        file.write("not json\n")
    made = read_promises(path)
    assert len(made.broken) == 3
    assert len(made.opened) == 1
    (card,) = promises_report(made)
    assert card["simulated"] is True


def test_a_day_with_too_many_unheard_minutes_is_not_judged(tmp_path: Path) -> None:
    whole, _ = hours(26)
    gappy, _ = hours(26, silent=tuple(range(70, 110)))
    one = read_promises(written(tmp_path / "whole", whole))
    other = read_promises(written(tmp_path / "gappy", gappy))
    (model,) = one.models
    assert len(one.outcomes[model, 24]) == 2
    assert (model, 24) not in other.outcomes or len(other.outcomes[model, 24]) < 2
    assert len(other.outcomes[model, 1]) < len(one.outcomes[model, 1])


def test_maps_that_a_stop_left_sealed_are_counted(tmp_path: Path) -> None:
    before, _ = hours(3)
    after, _ = hours(30, seed=6)
    late = 100 * HOUR_MS
    for line in after.lines:
        if line["kind"] == "commit":
            line["at_ms"] = int(str(line["at_ms"])) + late
    path = written(tmp_path, before)
    append(path, after.lines)
    (card,) = promises_report(read_promises(path))
    assert (card["sealed"], card["opened"], card["waiting"], card["never_opened"]) == (33, 6, 24, 3)


def test_a_folder_without_sealed_maps_says_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a server writes one an hour"):
        run_score_promises(tmp_path, False, io.StringIO())
    assert main(["score", "--data-dir", str(tmp_path)]) == 2
    assert main(["score", "--data-dir", str(tmp_path), "--captures", str(tmp_path)]) == 2


class _Heat:
    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def witnesses(self) -> list[Witness]:
        return [self._witness]


async def test_lines_are_written_once_and_taken_from_the_witness(tmp_path: Path) -> None:
    witness, _ = hours(2)
    path = tmp_path / "scores" / "bybit-BTCUSDT.jsonl"
    writing = asyncio.create_task(keep_promises({"BTCUSDT": _Heat(witness)}, path.parent))  # type: ignore[dict-item]
    async with asyncio.timeout(20):
        while witness.lines or not path.is_file():
            await asyncio.sleep(0.05)
    writing.cancel()
    assert len(path.read_text().splitlines()) == 2
