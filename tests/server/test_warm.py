"""Compiling ahead reaches every kernel that the product calls, so that no start compiles any."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.server.test_cli import ENVIRONMENT

PACKAGE = Path(__file__).resolve().parents[2] / "server" / "leadline"
# Prints the kernels of a module that were called, or compiled at its import, once the parts have run.
SCRIPT = """
from numba.core.registry import CPUDispatcher
from leadline import warm
from leadline.domain import heatmap_kernels, kernels
from leadline.twin import kernels as twin_kernels
for part in warm.PARTS:
    part()
for module in (heatmap_kernels, kernels, twin_kernels):
    for name, made in vars(module).items():
        if isinstance(made, CPUDispatcher) and made.signatures:
            print(f"{module.__name__}.{name}")
"""


def called_kernels() -> set[str]:
    """Return the kernels that files of the package call by the name of their module."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {
            name.asname or name.name: f"{node.module}.{name.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
            if name.name.endswith("kernels")
        }
        found |= {
            f"{names[node.func.value.id]}.{node.func.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in names
            and path.name != "warm.py"
        }
    return found


def test_every_kernel_that_is_called_is_compiled_ahead() -> None:
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=ENVIRONMENT, check=True
    ).stdout.split()
    called = called_kernels()
    assert len(called) > 15
    assert called <= set(told)
