"""The page of the documentation, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks._pages import fill
from benchmarks.critics.tables import interval
from benchmarks.flows.runs import COMPARISONS, EULER, LAWS, METHODS, PATHS, SIZES

#: W2 of OT-CFM with 20 Euler steps, as quoted from Shi et al. (2023), Diffusion Schrödinger Bridge Matching.
PUBLISHED = {"moons": 0.111, "8gaussians": 0.253}


def write_page(results: dict[str, Any], docs: Path) -> Path:
    """Write docs/benchmarks/flows.md from the results, and return where it is."""
    records = results["runs"]
    page = docs / "benchmarks" / "flows.md"
    text = fill(
        Path(__file__).parent,
        machine=results["machine"],
        date=results["date"],
        steps=results["steps"],
        seeds=sorted({record["seed"] for record in records}),
        euler=EULER,
        comparisons=COMPARISONS,
        paths=PATHS,
        distances=_distances(records),
        energies=_energies(records),
    )
    page.write_text(text, encoding="utf-8")
    return page


def _of(records: list[dict[str, Any]], law: str, method: str | None = None) -> list[dict[str, Any]]:
    return [record for record in records if record["law"] == law and method in (None, record["method"])]


def _distances(records: list[dict[str, Any]]) -> str:
    head = "".join(f"| W2, n = {n} | two real samples " for n in SIZES)
    lines = [f"| law | method {head}| published |", "|---" * (3 + 2 * len(SIZES)) + "|"]
    for law in LAWS:
        for method in METHODS:
            runs = _of(records, law, method)
            if not runs:
                continue
            cells = "".join(
                f"| {interval([r['samples'][str(n)][key] for r in runs], 3)} " for n in SIZES for key in ("w2", "floor")
            )
            lines.append(f"| {law} | `{method}` {cells}| {PUBLISHED[law] if method == 'ot-cfm' else ''} |")
    return "\n".join(lines)


def _energies(records: list[dict[str, Any]]) -> str:
    lines = ["| law | method | energy | between the ends | W2² of the ends | excess, % | seconds |", "|---" * 7 + "|"]
    for law in LAWS:
        for method in METHODS:
            runs = _of(records, law, method)
            if not runs:
                continue
            parts = [interval([r[key] for r in runs], 3) for key in ("energy", "displacement", "transport")]
            excess = interval([100 * (r["energy"] / r["transport"] - 1) for r in runs], 1)
            seconds = interval([r["seconds"] for r in runs], 0).split(" ")[0]
            lines.append(f"| {law} | `{method}` | {' | '.join(parts)} | {excess} | {seconds} |")
    return "\n".join(lines)
