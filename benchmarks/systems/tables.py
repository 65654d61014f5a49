"""From records to tables, in Markdown."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.critics.tables import interval
from benchmarks.systems.runs import VARIANTS, moments
from otgan.gan import SYSTEMS
from otgan.quality import rank_correlation

Record = dict[str, Any]
#: Methods in the order of the tables.
NAMES = (*SYSTEMS, *VARIANTS)

#: What is quoted of other methods: modes and the share of high-quality samples.
PUBLISHED = {
    "8gaussians, σ = .02": (
        ("VEEGAN, quoted", "8", "53 %"),
        ("PacGAN, quoted", "7.9", "96 %"),
    ),
    "25gaussians, σ = .05": (
        ("VEEGAN, quoted", "24.6", "40 %"),
        ("PacGAN, quoted", "24.8", "94 %"),
    ),
}


def of_law(records: list[Record], law: str) -> str:
    """What each method reached: means over its seeds, with 95 % intervals by Student's distribution for several."""
    lines = [
        "| method | seeds | W1, exact | noise floor | sliced W1 | modes | with ⅓ of their share | high quality, % "
        "| mode KL | steps | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method, runs in _by_method(records, law).items():

        def of(name: str, digits: int, factor: float = 1.0, runs: list[Record] = runs) -> str:
            return interval([factor * record["quality"][name] for record in runs], digits)

        lines.append(
            f"| `{method}` | {len(runs)} | {of('w1', 3)} | {of('noise_floor', 3)} | {of('sliced_w1', 3)} "
            f"| {of('modes_covered', 1)} | {of('modes_well_covered', 1)} "
            f"| {of('high_quality', 1, 100)} | {of('mode_kl', 4)} "
            f"| {runs[0]['steps']:,} | {statistics.fmean(record['seconds'] for record in runs):.0f} |"
        )
    for name, modes, quality in PUBLISHED.get(law, ()):
        lines.append(f"| {name} | | | | | {modes} | | {quality} | | | |")
    return "\n".join(lines)


def correlations(records: list[Record], laws: list[str], *, late: bool = False) -> str:
    """Rank correlation of each method's own loss and the exact W1: over its training, or over the second half."""
    lines = ["| method | its own number |" + "".join(f" {law} |" for law in laws), "|---|---|" + "---|" * len(laws)]
    for method in [name for name in NAMES if any(record["method"] == name for record in records)]:
        cells = []
        for law in laws:
            runs = [_moments(record, late=late) for record in _by_method(records, law).get(method, [])]
            found = rank_correlation(runs) if runs else None
            if found is None:
                cells.append("")
            elif found.interval is None:
                cells.append(f"{found.mean:+.2f}")
            else:
                cells.append(f"{found.mean:+.2f} [{found.interval.lower:+.2f}, {found.interval.upper:+.2f}]")
        lines.append(f"| `{method}` | {SYSTEMS[VARIANTS.get(method, (method,))[0]].own} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _moments(record: Record, *, late: bool) -> tuple[list[float], list[float]]:
    """Own loss and exact W1 at the moments spread by the logarithm of the step, or at those of the second half."""
    steps = record["steps"]
    spread = moments(steps)
    rows = [row for row in record["history"] if (row[0] >= steps / 2 if late else row[0] in spread)]
    return [own for _, own, _ in rows], [w1 for _, _, w1 in rows]


def _by_method(records: list[Record], law: str) -> dict[str, list[Record]]:
    of_law = [record for record in records if record["law"] == law]
    return {name: runs for name in NAMES if (runs := [record for record in of_law if record["method"] == name])}
