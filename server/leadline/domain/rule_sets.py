"""Rules that belong together, to be added in one go: for one market or for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leadline.domain.rules import GLOBAL_ONLY, Rule, RuleError, RuleKind, read_settings

# clusters: what a first start has.
SETS: Mapping[str, tuple[RuleKind, ...]] = {
    "clusters": (RuleKind.APPROACH, RuleKind.STATE, RuleKind.FEED, RuleKind.SERVER),
    "flow": (
        *(RuleKind.WHALE_ORDER, RuleKind.WALL_PULLED, RuleKind.WHALE_TRADE),
        *(RuleKind.BURST, RuleKind.FLOW),
    ),
    "positions": (
        *(RuleKind.MIGRATION, RuleKind.DEPLETION, RuleKind.FUNDING),
        *(RuleKind.INTEREST, RuleKind.REGIME),
    ),
}


def rules_of(name: object, symbol: str | None) -> list[Rule]:
    """Return the rules of a set for a symbol (None: all), each with its usual settings.

    Raises RuleError when there is no such set.
    """
    kinds = SETS.get(name) if isinstance(name, str) else None
    if kinds is None:
        raise RuleError(f"set: expected one of {', '.join(SETS)}, got {name!r}")
    about = [kind for kind in kinds if symbol is None or kind not in GLOBAL_ONLY]
    return [Rule(0, kind, symbol, read_settings(kind, {})) for kind in about]


def missing(wanted: Iterable[Rule], held: Iterable[Rule]) -> list[Rule]:
    """Return the rules that are not there yet, in these very settings, for their symbol or for all."""
    known = list(held)
    return [
        rule
        for rule in wanted
        if not any(
            one.kind is rule.kind and one.symbol in (None, rule.symbol) and one.settings == rule.settings
            for one in known
        )
    ]


def presets(market_symbols: int) -> list[Rule]:
    """Return the rules a new user starts with; few, so that the phone stays silent otherwise.

    market_symbols: how many symbols are followed; with many, whales and bursts are left to the user.
    """
    wanted = rules_of("clusters", None)
    if market_symbols <= 3:
        wanted.append(Rule(0, RuleKind.BURST, None, read_settings(RuleKind.BURST, {})))
    return wanted
