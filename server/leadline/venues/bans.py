"""Until when venues want no request, kept on disk: a restart must not turn a short ban into a long one."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import orjson

from leadline.clock import wall_ms

log = logging.getLogger("leadline.venues")

FILE_NAME = "rest_bans.json"


class Bans:
    """Deadlines by REST address, in Unix ms; ``path`` None keeps them in memory only.

    A file that cannot be read counts as empty, one that cannot be written is said and done without:
    market data matters more.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._until_ms = self._read()

    def until_ms(self, base: str) -> int:
        """Return until when ``base`` is banned, 0 when it is not."""
        until_ms = self._until_ms.get(base, 0)
        return until_ms if until_ms > wall_ms() else 0

    def ban(self, base: str, until_ms: int) -> None:
        """Note a ban and write it before any further request can leave."""
        now_ms = wall_ms()
        # Another process may have written since; its bans are of the same public address.
        known = {**self._read(), **self._until_ms}
        known[base] = max(until_ms, known.get(base, 0))
        self._until_ms = {name: at_ms for name, at_ms in known.items() if at_ms > now_ms}
        self._write()

    def _read(self) -> dict[str, int]:
        if self._path is None:
            return {}
        try:
            content = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read and counts as empty: %s", self._path, error)
            return {}
        rows = content.items() if isinstance(content, dict) else ()
        return {base: at_ms for base, at_ms in rows if type(at_ms) is int}

    def _write(self) -> None:
        if self._path is None:
            return
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(orjson.dumps(self._until_ms, option=orjson.OPT_INDENT_2))
            beside.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written; a restart will not know of the ban: %s", self._path, error)
