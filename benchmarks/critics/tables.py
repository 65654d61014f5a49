"""From records to tables, in Markdown."""

from __future__ import annotations

import math
import statistics
from typing import Any

#: Of Student's distribution with 1, 2, 3, … degrees of freedom at 97.5 %: half-widths of 95 % intervals of a mean.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)

HEAD = (
    "| method | held | estimate | error, % | against the laws, % | cosine | slope seen | slope proven | repaired "
    "| steps | seconds |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def accuracy(records: list[dict[str, Any]], pair: str, held: dict[str, str], laws: dict[str, Any]) -> str:
    """The table of one pair: means over the seeds with 95 % intervals, slopes as the largest of the seeds."""
    lines, middle = [HEAD], (laws["lower"] + laws["upper"]) / 2
    for method in sorted({record["method"] for record in records if record["pair"] == pair}):
        runs = [record for record in records if (record["method"], record["pair"]) == (method, pair)]
        proven = [record["proven"] for record in runs]
        lines.append(
            f"| `{method}` | {held.get(method, '')} | {interval([r['estimate'] for r in runs], 3)} "
            f"| {interval([100 * r['error'] for r in runs], 1, signed=True)} "
            f"| {interval([100 * (r['estimate'] / middle - 1) for r in runs], 1, signed=True)} "
            f"| {interval([r['cosine'] for r in runs], 3)} | {max(r['seen'] for r in runs):.4g} "
            f"| {'none' if None in proven else format(max(proven), '.4g')} "
            f"| {interval([r['repaired'] for r in runs], 3)} "
            f"| {round(statistics.fmean(r['steps'] for r in runs))} "
            f"| {statistics.fmean(r['seconds'] for r in runs):.0f} |"
        )
    return "\n".join(lines)


def interval(values: list[float], digits: int, *, signed: bool = False) -> str:
    """Mean ± half-width of the 95 % interval by Student's distribution."""
    mean = f"{statistics.fmean(values):{'+' if signed else ''}.{digits}f}"
    if len(values) < 2:
        return mean
    t = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
    return f"{mean} ± {t * statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}"


def speed(rows: list[dict[str, Any]]) -> str:
    """Steps a second, and how many times the plain loop's that is."""
    lines = [
        "| network | batch | threads | plain loop | otgan | ratio | stack of 8, all critics | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = row["steps_per_second"]
        stack = found.get("stack")
        best = (
            max(other["steps_per_second"]["plain"] for other in rows if other["batch"] == row["batch"] == 256)
            if stack
            else 0
        )
        lines.append(
            f"| {'-'.join(map(str, row['sizes']))} | {row['batch']} | {row['threads']} | {found['plain']:.0f} "
            f"| {found['otgan']:.0f} | {found['otgan'] / found['plain']:.2f} "
            f"| {format(stack, '.0f') if stack else ''} | {format(stack / best, '.2f') if stack else ''} |"
        )
    return "\n".join(lines)
