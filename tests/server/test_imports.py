"""The shape of the package, read from its source: which way imports run, and what pure code may not touch."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "server" / "leadline"

# What stands later may import what stands earlier, and the units of one layer only themselves.
LAYERS = (
    {"__init__", "units", "clock", "errors", "limits", "public_names"},
    {"config"},
    {"domain"},
    {"venues", "wire"},
    {"feed", "bus", "push", "store"},
    {"web"},
    {"market_choice", "app", "score_run", "warm"},
    {"cli"},
    {"__main__"},
)
# The units of these layers may use each other.
OPEN_LAYERS = (LAYERS[0], LAYERS[4], LAYERS[6])
TWIN_MAY_IMPORT = {"units", "clock", "limits", "twin", "__init__"}
TWIN_IMPORTERS = {"market_choice", "app", "score_run", "warm", "cli", "twin"}

# The shells of venues/ open sockets; everything else there is a parser or a rule, as pure as domain/.
VENUE_SHELLS = {
    "bans",
    "history",
    "longtail_desk",
    "longtail_source",
    "longtail_worker",
    "prompt_connection",
    "rest",
    "source",
    "tiers",
}
IMPURE_MODULES = {
    "aiohttp", "asyncio", "http", "io", "logging", "os", "pathlib", "queue", "selectors", "shutil", "signal",
    "socket", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "websockets",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "print"}
IMPURE_METHODS = {"now", "today", "utcnow"}  # of datetime: a clock by another name
# The phone's end of the wire in Python: tests, benchmarks and tools read frames with it.
FOR_READERS_OUTSIDE = {"leadline.wire.reader", "leadline.wire.map_reader"}


@dataclass(frozen=True, slots=True)
class Import:
    path: Path
    line: int
    module: str

    @property
    def where(self) -> str:
        return f"{self.path.relative_to(PACKAGE.parent)}:{self.line}"


def unit_of(path: Path) -> str:
    """Return the folder or file directly below the package that ``path`` belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> list[Import]:
    """Return every import of a file, wherever in it it stands; ``from a import b`` counts as a.b."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found += [Import(path, node.lineno, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports with the package's full name"
            found += [Import(path, node.lineno, f"{node.module}.{name.name}") for name in node.names]
    return found


def unit_imported(module: str) -> str | None:
    """Return the unit of ours that an import names, None for foreign ones."""
    parts = module.split(".")
    if parts[0] != "leadline":
        return None
    name = parts[1] if len(parts) > 1 else "__init__"
    known = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if known else "__init__"


def layer_of(unit: str) -> int | None:
    return next((index for index, units in enumerate(LAYERS) if unit in units), None)


def pure_files() -> list[Path]:
    venues = [path for path in (PACKAGE / "venues").glob("*.py") if path.stem not in VENUE_SHELLS]
    return sorted((PACKAGE / "domain").rglob("*.py")) + sorted(venues)


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]
OURS = [
    (found, unit_of(found.path), unit)
    for found in IMPORTS
    if (unit := unit_imported(found.module)) is not None
]


def test_the_package_is_read_at_all() -> None:
    assert len(FILES) > 30
    assert len(OURS) > 60


def test_every_part_of_the_package_has_its_layer() -> None:
    units = {unit_of(path) for path in FILES} - {"twin"}
    strangers = sorted(unit for unit in units if layer_of(unit) is None)
    assert not strangers, f"give {', '.join(strangers)} a place in LAYERS (and in ARCHITECTURE.md)"


def test_imports_run_one_way() -> None:
    wrong = []
    for found, importer, imported in OURS:
        low, high = layer_of(imported), layer_of(importer)
        if importer in ("twin", imported) or low is None or high is None:
            continue
        if low > high or (low == high and LAYERS[low] not in OPEN_LAYERS):
            wrong.append(f"{found.where}: {importer} may not import {imported} ({found.module})")
    assert not wrong, "imports run units <- domain <- venues, wire <- feed <- web <- app:\n" + "\n".join(
        wrong
    )


def test_the_twin_shares_only_units_clock_and_limits_with_what_it_tests() -> None:
    wrong = [
        f"{found.where}: the twin may not import {imported}; it must not share a rule with what it tests"
        for found, importer, imported in OURS
        if importer == "twin" and imported not in TWIN_MAY_IMPORT
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_outermost_layer_starts_the_twin() -> None:
    wrong = [
        f"{found.where}: {importer} may not import the twin"
        for found, importer, imported in OURS
        if imported == "twin" and importer not in TWIN_IMPORTERS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", pure_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_domain_and_parsers_touch_no_socket_file_or_clock(path: Path) -> None:
    wrong = [
        f"{found.where}: imports {found.module}"
        for found in imports_of(path)
        if found.module.split(".")[0] in IMPURE_MODULES or found.module.startswith("leadline.clock")
    ]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            wrong.append(f"{path.name}:{node.lineno}: calls {node.func.id}()")
        if isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS:
            wrong.append(f"{path.name}:{node.lineno}: reads a clock with .{node.func.attr}()")
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("read_text", "read_bytes"):
            wrong.append(f"{path.name}:{node.lineno}: reads a file")
    assert not wrong, "hand the values in, the shells own sockets, files and clocks:\n" + "\n".join(wrong)


def test_no_file_is_dead() -> None:
    named = {part for found in IMPORTS for part in (found.module, found.module.rpartition(".")[0])}
    dead = []
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if path.stem not in ("__init__", "__main__", "cli") and module not in named | FOR_READERS_OUTSIDE:
            dead.append(module)
    assert not dead, f"nothing imports {', '.join(dead)}: delete or use it"
