"""What has come of the alerts in the inbox, kept over a restart; it goes with its alert."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from leadline.domain.aftermath import Aftermath, Interest
from leadline.domain.cascade import CascadeState


def put(database: sqlite3.Connection, known: Mapping[str, Aftermath]) -> None:
    """Keep aftermaths by their alerts' dedupe keys; one without an alert is passed over."""
    database.executemany(
        "INSERT INTO aftermaths (alert_id, what) SELECT id, ? FROM alerts WHERE dedupe_key = ?"
        " ON CONFLICT (alert_id) DO UPDATE SET what = excluded.what",
        [(json.dumps(asdict(one)), key) for key, one in known.items()],
    )


def newest(database: sqlite3.Connection, count: int) -> list[tuple[str, str, Aftermath]]:
    """Return (symbol, dedupe key, aftermath) of the newest ``count`` alerts that have one, oldest first."""
    rows = database.execute(
        "SELECT symbol, dedupe_key, what FROM aftermaths JOIN alerts ON alerts.id = alert_id"
        " WHERE symbol IS NOT NULL AND alert_id IN (SELECT id FROM alerts ORDER BY id DESC LIMIT ?)"
        " ORDER BY alert_id",
        (count,),
    )
    found = ((row["symbol"], row["dedupe_key"], _aftermath(json.loads(row["what"]))) for row in rows)
    return [(symbol, key, one) for symbol, key, one in found if one is not None]


def _aftermath(told: dict[str, Any]) -> Aftermath | None:
    """Read what `put` wrote; None for one of a version that knew something else."""
    try:
        interest, state, cluster = told["interest"], told["state"], told["cluster"]
        if interest is not None:
            told["interest"] = Interest(interest["coins"], tuple(interest["venues"]))
        told["state"] = None if state is None else CascadeState(state)
        told["cluster"] = None if cluster is None else (cluster[0], cluster[1], cluster[2])
        return Aftermath(**told)
    except (KeyError, TypeError, ValueError):
        return None
