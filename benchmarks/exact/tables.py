"""What follows from the records: ratios, growth, disagreements, and Markdown tables of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.exact.cases import CASES, GAPS, SIZES, SLOW_CASE, SMALL, SMALL_SIZES
from benchmarks.exact.methods import LAZY, OURS, PEERS, POT, rough, tolerance

#: All methods are exact up to rounding: they must agree this well, and our bracket must be as narrow.
AGREE = 1e-9

Record = dict[str, Any]
Results = dict[str, Any]


def found(results: Results, case: str, n: int, method: str) -> Record | None:
    """The record of one measurement, if there is one."""
    for record in results["records"]:
        if (record["case"], record["n"], record["method"]) == (case, n, method):
            return dict(record)
    return None


def finished(results: Results, case: str, n: int, method: str) -> Record | None:
    """The same, if the method came to an end."""
    record = found(results, case, n, method)
    return record if record and record["state"] == "done" else None


def sizes(results: Results, case: str, methods: Iterable[str]) -> list[int]:
    """Sizes at which one of the methods was asked."""
    some = set(methods)
    return sorted({r["n"] for r in results["records"] if r["case"] == case and r["method"] in some})


def ratios(results: Results) -> dict[str, dict[str, float]]:
    """Time of each peer over ours, where both came to an end."""
    return {
        f"{case}, n = {n}": {
            peer: record["seconds"] / ours["seconds"] for peer in PEERS if (record := finished(results, case, n, peer))
        }
        for case in CASES
        for n in sizes(results, case, PEERS)
        if (ours := finished(results, case, n, OURS))
    }


def growth(results: Results) -> dict[str, dict[str, Any]]:
    """Slope of log time against log n, by least squares, from the smallest of `SIZES` on."""
    slopes: dict[str, dict[str, Any]] = {}
    for case in CASES:
        for method in (OURS, *PEERS):
            records = [finished(results, case, n, method) for n in sizes(results, case, [method]) if n >= SIZES[0]]
            points = [(record["n"], record["seconds"]) for record in records if record]
            if len(points) > 1:
                n, seconds = np.log(points).T
                slope = float(np.polyfit(n, seconds, 1)[0])
                slopes.setdefault(case, {})[method] = {"exponent": slope, "from": points[0][0], "to": points[-1][0]}
    return slopes


def difference(record: Record, ours: Record) -> float:
    """Relative difference of an answer from ours."""
    return abs(record["value"] - ours["value"]) / ours["value"]


def disagreements(results: Results) -> list[str]:
    """What is not exact, or has warned, or failed without reason: nothing, it is hoped."""
    lines = []
    for record in results["records"]:
        case, n, method = record["case"], record["n"], record["method"]
        name, ours = f"{CASES[case].title}, n = {n}, {method}", finished(results, case, n, OURS)
        if record["state"] != "done":
            if method.startswith(OURS):
                lines.append(f"{name}: {record['state']} ({record.get('why', 'no reason known')})")
            continue
        wanted = tolerance(method) or AGREE
        if method.startswith(OURS) and not record["gap"] <= wanted:
            lines.append(f"{name}: a relative gap of {record['gap']:.2g}, not {wanted:g}")
        if ours and not difference(record, ours) <= wanted:
            lines.append(f"{name}: {record['value']!r}, and we say {ours['value']!r}")
    return lines


def peers_table(results: Results) -> str:
    """Seconds of all methods from the smallest of `SIZES` on, and how many times ours that is."""
    rows = []
    for case in CASES:
        for n in sizes(results, case, PEERS):
            ours = finished(results, case, n, OURS)
            if n < SIZES[0] or not ours:
                continue
            peers = [record for peer in PEERS if (record := finished(results, case, n, peer))]
            worst = f"{max(difference(peer, ours) for peer in peers):.0e}" if peers else ""
            cells = [_beside(found(results, case, n, peer), ours) for peer in PEERS]
            rows.append([CASES[case].title, f"{n:,}", _number(ours["seconds"]), *cells, worst])
    return _table(["case", "n", *(f"{method}, s" for method in (OURS, *PEERS)), "differ by"], rows)


def small_table(results: Results) -> str:
    """Milliseconds for small problems, and how much longer POT takes."""
    rows = []
    for case in SMALL:
        for n in SMALL_SIZES:
            ours, pot, lazy = (finished(results, case, n, method) for method in (OURS, POT, LAZY))
            if ours and pot:
                more = f"{1000 * (ours['seconds'] - pot['seconds']):+.2f}".replace("-", "−")
                times = [_number(1000 * record["seconds"]) if record else "" for record in (ours, pot, lazy)]
                ratio = _number(pot["seconds"] / ours["seconds"])
                rows.append([CASES[case].title, f"{n:,}", *times, more, ratio])
    return _table(["case", "n", f"{OURS}, ms", f"{POT}, ms", f"{LAZY}, ms", "ours − emd2, ms", "emd2 / ours"], rows)


def large_table(results: Results) -> str:
    """Seconds until the bracket is as narrow as asked, and peak memory, where we go on alone."""
    names = [rough(gap) for gap in GAPS]
    rows = []
    for case in CASES:
        for n in sizes(results, case, names):
            records = [finished(results, case, n, method) for method in (*names, OURS)]
            exact = records[-1]
            times = [_number(record["seconds"]) if record else "" for record in records]
            last = [f"{exact['gap']:.0e}", _bytes(exact["peak"])] if exact else ["", ""]
            rows.append([CASES[case].title, f"{n:,}", *times, *last])
    return _table(["case", "n", *(f"gap ≤ {gap:g}, s" for gap in GAPS), "exact, s", "gap", "peak memory"], rows)


def memory_table(results: Results) -> str:
    """Peak memory of each method's process."""
    rows = []
    for n in sizes(results, SLOW_CASE, [OURS]):
        records = [finished(results, SLOW_CASE, n, method) for method in (OURS, *PEERS)]
        if n >= SIZES[0]:
            rows.append([f"{n:,}", *(_bytes(record["peak"]) if record else "" for record in records)])
    return _table(["n", OURS, *PEERS], rows)


def growth_table(results: Results) -> str:
    """Exponents, with the sizes that they are fitted to."""
    rows = []
    for case, slopes in growth(results).items():
        cells = [
            f"{s['exponent']:.2f} ({s['from']:,} … {s['to']:,})" if s else "" for s in map(slopes.get, (OURS, *PEERS))
        ]
        rows.append([CASES[case].title, *cells])
    return _table(["case", OURS, *PEERS], rows)


#: What a run prints at its end, in this order.
SECTIONS: dict[str, Callable[[Results], str]] = {
    "Beside the peers: seconds (and how many times ours)": peers_table,
    "Small problems": small_table,
    "Large problems": large_table,
    "Peak memory, " + CASES[SLOW_CASE].title: memory_table,
    "Growth: exponent of n": growth_table,
}


def _beside(record: Record | None, ours: Record) -> str:
    if record is None:
        return ""
    if record["state"] == "done":
        return f"{_number(record['seconds'])} ({_number(record['seconds'] / ours['seconds'])}×)"
    if record.get("cap") is not None:
        return f"> {record['cap']:g} (> {_number(record['cap'] / ours['seconds'])}×)"
    return f"failed: {record['why']}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _bytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"


def _table(header: list[str], rows: list[list[str]]) -> str:
    numbers = ["---:" if k else "---" for k in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, numbers, *rows))
