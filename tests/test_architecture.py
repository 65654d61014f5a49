"""The house keeps its order: imports run downward, and the front door is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "otgan"

#: Rooms from the ground up, as docs/architecture.md lists them: each may import those above it in this list.
ORDER = [
    "errors",
    "compiled",
    "progress",
    "interrupts",
    "checks",
    "interval",
    "archive",
    "files",
    "measures",
    "distances",
    "metrics",
    "costs",
    "search",
    "exact",
    "masses",
    "coupling",
    "line",
    "problem",
    "dual",
    "certificate",
    "solution",
    "solvers",
    "closed_form",
    "solve",
    "sliced",
    "distance_matrix",
    "circle",
    "gaussians",
    "divergences",
    "gromov",
    "entropic",
    "unbalanced",
    "barycenters",
    "semidiscrete",
    "estimators",
    "autograd",
    "line_laws",
    "beckmann",
    "pairs",
    "statistics",
    "quality",
    "operator_norms",
    "training",
    "critics",
    "lipschitz",
    "testing",
    "validation",
    "gan",
    "plots",
    "report",
    "cli",
]


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "otgan":
                yield from (f"otgan.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


MODULES = sorted(
    path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem not in ("__init__", "__main__")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert room in ORDER, f"say where {room} stands: in ORDER here and in docs/architecture.md"
    for module in imports(path):
        if module.startswith("otgan.") and room_of(module) != room and room_of(module) in ORDER:
            assert ORDER.index(room_of(module)) < ORDER.index(room), f"{path.name} in {room} imports {module}"


def test_every_room_is_in_the_architecture_page():
    page = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = [line.split()[0].rstrip("/").removesuffix(".py") for line in page.splitlines() if line.startswith("    ")]
    assert [room for room in lines if room in ORDER] == ORDER


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import otgan", ("torch", "numba", "matplotlib", "ot", "scipy", "pandas")),
        ("import otgan; otgan.wasserstein([0.0, 1.0], [2.0, 3.0])", ("torch", "matplotlib", "ot")),
        ("import otgan.cli.main", ("torch", "matplotlib", "ot")),
    ],
)
def test_what_is_not_needed_is_not_imported(statement, forbidden):
    code = f"import sys; {statement}; print([m for m in {forbidden!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve():
    import otgan

    for name in otgan.__all__:
        assert getattr(otgan, name) is not None
    assert set(otgan.__all__) <= set(dir(otgan))
    with pytest.raises(AttributeError, match="no attribute 'wassersten'"):
        _ = otgan.wassersten
