"""What a user wants to be told: kinds of rules, their settings and what is wrong with bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Any


class RuleKind(StrEnum):
    APPROACH = "approach"  # price nears a cluster
    STATE = "state"  # a cluster is confirmed, held, ...
    WHALE_ORDER = "whale_order"
    WALL_PULLED = "wall_pulled"
    WHALE_TRADE = "whale_trade"
    PRICE = "price"  # a level or mark of the user's own
    BURST = "burst"  # liquidations
    MIGRATION = "migration"
    DEPLETION = "depletion"
    FUNDING = "funding"
    INTEREST = "interest"  # open interest
    FLOW = "flow"  # absorption, divergence, volume spikes
    REGIME = "regime"
    FEED = "feed"  # a venue's book is down
    SERVER = "server"  # the server was stopped


class RuleError(ValueError):
    """A rule makes no sense; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number from least to most."""

    default: float | None
    least: float
    most: float

    def read(self, name: str, value: object) -> float | None:
        if value is None and self.default is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if not number or not self.least <= value <= self.most:  # type: ignore[operator]
            raise RuleError(f"{name}: expected a number from {self.least:g} to {self.most:g}, got {value!r}")
        return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    default: str
    words: tuple[str, ...]

    def read(self, name: str, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise RuleError(f"{name}: expected one of {', '.join(self.words)}, got {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of some words, at least one."""

    default: tuple[str, ...]
    words: tuple[str, ...]

    def read(self, name: str, value: object) -> tuple[str, ...]:
        listed = isinstance(value, list | tuple) and len(value) > 0
        if not listed or not all(isinstance(word, str) and word in self.words for word in value):  # type: ignore[attr-defined]
            raise RuleError(f"{name}: expected some of {', '.join(self.words)}, got {value!r}")
        return tuple(dict.fromkeys(value))  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Label:
    """A short text for the user's own eyes."""

    default: str
    length_max: int

    def read(self, name: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > self.length_max or not value.isprintable():
            raise RuleError(f"{name}: expected a text of at most {self.length_max} characters, got {value!r}")
        return value


Setting = Number | Choice | Choices | Label

USD_MAX = 1e12
SIDE = Choice("both", ("both", "above", "below"))
# 0 dollars: whatever counts as large for the symbol (see walls.whale_floor_usd).
USD = Number(0.0, 0.0, USD_MAX)

SETTINGS: Mapping[RuleKind, Mapping[str, Setting]] = {
    RuleKind.APPROACH: {
        "distance": Number(25.0, 0.0, 10_000.0),
        "unit": Choice("bp", ("bp", "pct", "atr", "min")),
        "side": SIDE,
        "usd_min": USD,
        "oi_pct_min": Number(0.0, 0.0, 100.0),
        "lift_min": Number(0.0, 0.0, 1_000.0),
    },
    RuleKind.STATE: {
        "states": Choices(("confirmed", "held"), ("approach", "armed", "confirmed", "exhausted", "held")),
        "side": SIDE,
        "usd_min": USD,
    },
    RuleKind.WHALE_ORDER: {"usd_min": USD, "distance_bp_max": Number(100.0, 0.0, 10_000.0), "side": SIDE},
    RuleKind.WALL_PULLED: {"usd_min": USD, "side": SIDE},
    RuleKind.WHALE_TRADE: {"usd_min": USD, "forced": Choice("without", ("with", "without", "only"))},
    RuleKind.PRICE: {
        "price": Number(1.0, 1e-12, 1e12),
        "way": Choice("both", ("both", "up", "down")),
        "label": Label("", 40),
    },
    RuleKind.BURST: {"usd_min": USD, "side": Choice("both", ("both", "long", "short"))},
    RuleKind.MIGRATION: {"bp_min": Number(15.0, 1.0, 10_000.0), "usd_min": USD},
    RuleKind.DEPLETION: {"gone_pct_min": Number(30.0, 1.0, 100.0), "usd_min": USD},
    RuleKind.FUNDING: {"bp_min": Number(5.0, 0.0, 1_000.0)},
    RuleKind.INTEREST: {"pct_min": Number(3.0, 0.01, 100.0)},
    RuleKind.FLOW: {
        "what": Choices(("absorption",), ("absorption", "divergence", "spike")),
    },
    RuleKind.REGIME: {"what": Choices(("news",), ("useful", "sparse", "news"))},
    RuleKind.FEED: {"seconds": Number(30.0, 5.0, 3_600.0)},
    RuleKind.SERVER: {},
}
SYMBOL_NEEDED = (RuleKind.PRICE,)
GLOBAL_ONLY = (RuleKind.SERVER,)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  symbol: None for every symbol.  settings: as `read_settings` gives them."""

    id: int
    kind: RuleKind
    symbol: str | None
    settings: Mapping[str, Any]
    enabled: bool = True
    snoozed_until_ms: int = 0

    def active(self, symbol: str | None, now_ms: int) -> bool:
        """Tell whether the rule watches a symbol now."""
        return self.enabled and now_ms >= self.snoozed_until_ms and self.symbol in (None, symbol)


def read_rule(told: object, id_: int = 0) -> Rule:
    """Read a rule from what a phone sent: {kind, symbol, settings, enabled}.

    Raises RuleError; nothing is guessed but the defaults of settings that are left out.
    """
    if not isinstance(told, Mapping):
        raise RuleError(f"expected a rule as a map, got {type(told).__name__}")
    unknown = set(told) - {"kind", "symbol", "settings", "enabled", "snoozed_until_ms"}
    if unknown:
        raise RuleError(
            f"expected kind, symbol, settings and enabled, got {', '.join(sorted(map(str, unknown)))}"
        )
    kind = next((kind for kind in RuleKind if kind == told.get("kind")), None)
    if kind is None:
        raise RuleError(f"kind: expected one of {', '.join(RuleKind)}, got {told.get('kind')!r}")
    symbol = told.get("symbol")
    if symbol is not None and not (isinstance(symbol, str) and 0 < len(symbol) <= 40):
        raise RuleError(f"symbol: expected a symbol or null for all, got {symbol!r}")
    if symbol is None and kind in SYMBOL_NEEDED:
        raise RuleError(f"symbol: a rule of kind {kind} is about one symbol")
    if symbol is not None and kind in GLOBAL_ONLY:
        raise RuleError(f"symbol: a rule of kind {kind} is about no symbol")
    enabled = told.get("enabled", True)
    if not isinstance(enabled, bool):
        raise RuleError(f"enabled: expected true or false, got {enabled!r}")
    snoozed = told.get("snoozed_until_ms", 0)
    if not isinstance(snoozed, int) or isinstance(snoozed, bool) or not 0 <= snoozed < 2**53:
        raise RuleError(f"snoozed_until_ms: expected Unix milliseconds, got {snoozed!r}")
    return Rule(id_, kind, symbol, read_settings(kind, told.get("settings", {})), enabled, snoozed)


def read_settings(kind: RuleKind, told: object) -> dict[str, Any]:
    """Return the settings of a rule with the defaults of those left out.  Raises RuleError."""
    if not isinstance(told, Mapping):
        raise RuleError(f"settings: expected a map, got {type(told).__name__}")
    known = SETTINGS[kind]
    unknown = sorted(str(name) for name in told if name not in known)
    if unknown:
        raise RuleError(
            f"settings of {kind}: expected {', '.join(known) or 'none'}, got {', '.join(unknown)}"
        )
    return {
        name: setting.read(name, told[name]) if name in told else setting.default
        for name, setting in known.items()
    }


def catalogue() -> list[dict[str, Any]]:
    """Return all kinds with their settings as plain data, for a rule editor."""
    return [
        {
            "kind": kind.value,
            "symbol_needed": kind in SYMBOL_NEEDED,
            "global_only": kind in GLOBAL_ONLY,
            "settings": [
                {"name": name, "type": type(setting).__name__.lower()}
                | {field.name: getattr(setting, field.name) for field in fields(setting)}
                for name, setting in known.items()
            ],
        }
        for kind, known in SETTINGS.items()
    ]
