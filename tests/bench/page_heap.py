"""The heap of a page and of the threads that paint for it, read after a collection."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import CDPSession, Page

PATIENCE_MS = 20
TRIES = 500


class PageHeap:
    """Follows the workers that the page has now; ``session`` is the page's own."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page = page
        self._session = session
        self._painters: list[str] = []
        self._told: dict[tuple[str, int], dict[str, Any]] = {}
        self._asked = 0
        session.on("Target.attachedToTarget", self._attached)
        session.on("Target.receivedMessageFromTarget", self._heard)
        session.send(
            "Target.setAutoAttach",
            {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False},
        )
        page.wait_for_timeout(500)

    def mb(self) -> tuple[float, float]:
        """Return what is held by the page and by all of its painters, arrays and all, in megabytes."""
        self._session.send("HeapProfiler.collectGarbage")
        page = _held_mb(self._session.send("Runtime.getHeapUsage"))
        painters = 0.0
        for painter in self._painters:
            self._ask(painter, "HeapProfiler.collectGarbage")
            painters += _held_mb(self._ask(painter, "Runtime.getHeapUsage"))
        return page, painters

    def _ask(self, painter: str, method: str) -> dict[str, Any]:
        self._asked += 1
        message = json.dumps({"id": self._asked, "method": method})
        self._session.send("Target.sendMessageToTarget", {"sessionId": painter, "message": message})
        for _ in range(TRIES):
            if (painter, self._asked) in self._told:
                return self._told.pop((painter, self._asked))
            self._page.wait_for_timeout(PATIENCE_MS)
        raise TimeoutError(f"expected an answer of a painter to {method}, got none")

    def _attached(self, event: dict[str, Any]) -> None:
        if event["targetInfo"]["type"] == "worker":
            self._painters.append(event["sessionId"])

    def _heard(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._told[event["sessionId"], message["id"]] = message["result"]


def _held_mb(usage: dict[str, Any]) -> float:
    return float(usage["usedSize"] + usage["backingStorageSize"]) / 1e6
