"""Which contracts of a venue are followed, and what a new list of them changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from leadline.domain.instrument import Instrument


@dataclass(slots=True)
class Changes:
    """opened, closed: symbols; rebuilt: those whose steps changed while they trade."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.rebuilt)


class Contracts:
    """The contracts of one venue as it last listed them; those it lists as trading are followed."""

    def __init__(self, listed: dict[str, Instrument]) -> None:
        self._listed = dict(listed)
        self._absent: set[str] = set()

    def trading(self) -> list[Instrument]:
        return [made for made in self._listed.values() if made.trading]

    def closed(self) -> list[Instrument]:
        return [made for made in self._listed.values() if not made.trading]

    def get(self, symbol: str) -> Instrument:
        """Return the contract as last listed; raises KeyError when it never was."""
        return self._listed[symbol]

    def take(self, found: dict[str, Instrument]) -> Changes:
        """Take a new list.

        A contract that is missing from it is closed when it is missing from the next one, too: lists
        have been seen incomplete.
        """
        absent = {symbol for symbol, made in self._listed.items() if symbol not in found and made.trading}
        gone = {symbol: replace(self._listed[symbol], trading=False) for symbol in absent & self._absent}
        self._absent = absent - set(gone)
        changes = Changes()
        for symbol, made in {**found, **gone}.items():
            before = self._listed.get(symbol)
            self._listed[symbol] = made
            was = before is not None and before.trading
            if made.trading and not was:
                changes.opened.append(symbol)
            elif was and not made.trading:
                changes.closed.append(symbol)
            elif made.trading and before is not None and made.steps != before.steps:
                changes.rebuilt.append(symbol)
        return changes
