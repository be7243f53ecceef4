"""Writes sealed and opened maps to the data folder; light, for it is there before the estimator's code is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.feed.estimate import SymbolHeat

log = logging.getLogger("leadline.feed")

WRITE_EVERY_S = 2.0


async def keep_promises(heats: Mapping[str, SymbolHeat], folder: Path) -> None:
    """Write what the witnesses have to say into ``folder``, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        for heat in list(heats.values()):
            for witness in heat.witnesses():
                if witness.lines:
                    lines, witness.lines = witness.lines, []
                    path = folder / f"{witness.venue}-{witness.symbol}.jsonl"
                    try:
                        await asyncio.to_thread(append, path, lines)
                    except OSError as error:
                        # The market goes on; a promise that cannot be kept is merely not made.
                        log.warning("%s cannot be written: %s", path, error)


def append(path: Path, lines: list[dict[str, object]]) -> None:
    """Add lines of JSON to a file, which is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
