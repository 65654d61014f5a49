"""What follows from the records: the best of each peer, ratios, what ours missed, and Markdown tables of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.entropic.peers import GPU, METHODS, OURS, PEERS
from benchmarks.entropic.plan import MEMORY, TOL, Record, rank

Results = dict[str, Any]


def cells(results: Results) -> list[tuple[int, float]]:
    """Sizes and regularisations at which a peer was asked: small sizes first, and large epsilons."""
    return sorted({(r["n"], r["epsilon"]) for r in results["records"]}, key=lambda cell: (cell[0], -cell[1]))


def ours(results: Results, n: int, epsilon: float) -> Record | None:
    """All runs of ours in a cell: their median time and largest error."""
    runs = [r["ours"] for r in _cell(results, n, epsilon) if r.get("ours", {}).get("state") == "done"]
    if not runs:
        return None
    errors = [run["error"] for run in runs]
    return runs[-1] | {
        "seconds": statistics.median(seconds for run in runs for seconds in run["runs"]),
        "error": None if None in errors else max(errors),
        "reached": all(run["reached"] for run in runs),
    }


def best(results: Results, n: int, epsilon: float, package: str) -> Record | None:
    """The quickest of a package's records that reached the error; else the one that came nearest."""
    records = [r for r in _cell(results, n, epsilon) if METHODS[r["method"]].package == package]
    return min(records, key=rank, default=None)


def fastest(results: Results, n: int, epsilon: float) -> Record | None:
    """The quickest peer that reached the error."""
    peers = [record for peer in PEERS if (record := best(results, n, epsilon, peer)) and record.get("reached")]
    return min(peers, key=rank, default=None)


def shortcomings(results: Results) -> list[str]:
    """Where ours failed, missed the error, or took too much memory."""
    lines = []
    for record in results["records"]:
        own = record.get("ours")
        if own and not own.get("reached"):
            lines.append(f"n = {record['n']:,}, ε = {record['epsilon']:g}, beside {record['method']}: {_outcome(own)}")
    for record in results["large"]:
        name = f"n = {record['n']:,}, ε = {record['epsilon']:g}"
        if not record.get("reached"):
            lines.append(f"{name}: {_outcome(record)}")
        elif record["n"] == min(r["n"] for r in results["large"]) and record["peak"] > MEMORY:
            lines.append(f"{name}: {_bytes(record['peak'])} of memory, not {_bytes(MEMORY)}")
    return lines


def peers_table(results: Results) -> str:
    """Seconds of ours and of the best of each peer, and the ratio to the quickest that reached the error."""
    rows = []
    for n, epsilon in cells(results):
        own, quickest = ours(results, n, epsilon), fastest(results, n, epsilon)
        peers = [_beside(best(results, n, epsilon, peer)) for peer in PEERS]
        ratio = f"{number(quickest['ratio'])}× " if quickest and "ratio" in quickest else ""
        shortest = f"{ratio}({quickest['method']})" if quickest else "none reached it"
        rows.append([f"{n:,}", f"{epsilon:g}", number(own["seconds"]) if own else "", *peers, shortest])
    return _table(["n", "ε", f"{OURS}, s", *(f"{peer}, s" for peer in PEERS), "fastest peer / ours"], rows)


def settings_table(results: Results) -> str:
    """Every setting of every peer."""
    rows = []
    for n, epsilon in cells(results):
        records = [record for record in _cell(results, n, epsilon) if record["method"] != GPU]
        for record in sorted(records, key=lambda record: PEERS.index(METHODS[record["method"]].package)):
            done = record["state"] == "done"
            time = number(record["seconds"]) if done else _outcome(record)
            ratio = f"{'' if done else '> '}{number(record['ratio'])}×" if "ratio" in record else ""
            reached = ("yes" if record["reached"] else "no") if done else ""
            cell = [f"{n:,}", f"{epsilon:g}", record["method"]]
            rows.append([*cell, time, error(record["error"]) if done else "", reached, ratio])
    return _table(["n", "ε", "method", "seconds", "error", "reached", "times ours"], rows)


def ours_table(results: Results) -> str:
    """What ours proves beside its time: the bracket of the unregularised W1."""
    own = [((n, epsilon), record) for n, epsilon in cells(results) if (record := ours(results, n, epsilon))]
    large = [((record["n"], record["epsilon"]), record) for record in results["large"]]
    rows = []
    for (n, epsilon), record in [*own, *large]:
        if record["state"] != "done":
            rows.append([f"{n:,}", f"{epsilon:g}", _outcome(record), "", "", "", ""])
            continue
        bounds = [f"{record['said'][name]:.6f}" for name in ("lower_bound", "upper_bound")]
        time = [number(record["seconds"]), error(record["error"])]
        rows.append([f"{n:,}", f"{epsilon:g}", *time, *bounds, _bytes(record["peak"])])
    return _table(["n", "ε", "seconds", "error", "W1 is at least", "and at most", "peak memory"], rows)


def gpu_table(results: Results) -> str:
    """Ours on the GPU beside ours on the CPU."""
    records = [record for record in results["records"] if record["method"] == GPU]
    rows = []
    for record in records:
        done = record["state"] == "done"
        time = number(record["seconds"]) if done else _outcome(record)
        own = [number(record["ours"]["seconds"])] if record.get("ours", {}).get("state") == "done" else [""]
        rows.append([f"{record['n']:,}", f"{record['epsilon']:g}", time, error(record["error"]) if done else "", *own])
    header = ["n", "ε", "on the GPU, s", "error", "on the CPU, s"]
    return _table(header, rows) if rows else "Not measured: no GPU was at hand."


#: What a run prints at its end, in this order.
SECTIONS: dict[str, Callable[[Results], str]] = {
    "Beside the peers": peers_table,
    "All settings": settings_table,
    "Ours, and alone on large problems": ours_table,
    "On a GPU": gpu_table,
}


def error(value: float | None) -> str:
    """An error in print; None where the potentials give no plan."""
    return "no plan" if value is None else f"{value:.1e}".replace("e-0", "e-").replace("e+00", "").replace(".0e", "e")


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _cell(results: Results, n: int, epsilon: float) -> list[Record]:
    return [record for record in results["records"] if (record["n"], record["epsilon"]) == (n, epsilon)]


def _beside(record: Record | None) -> str:
    if record is None:
        return "not installed or not asked"
    if record["state"] == "done" and record["reached"]:
        return number(record["seconds"]) + (f" ({number(record['ratio'])}×)" if "ratio" in record else "")
    if record["state"] == "over cap" and "ratio" in record:
        return f"> {record['cap']:g} (> {number(record['ratio'])}×)"
    return _outcome(record)


def _outcome(record: Record) -> str:
    if record["state"] == "done":
        return f"error {error(record['error'])}, not {error(TOL)}, after {number(record['seconds'])} s"
    return f"> {record['cap']:g}" if record["state"] == "over cap" else f"failed: {record['why']}"


def _bytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"


def _table(header: list[str], rows: list[list[str]]) -> str:
    numbers = ["---:" if k else "---" for k in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, numbers, *rows))
