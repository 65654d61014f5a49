"""The page of the documentation, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks._pages import fill
from benchmarks.exact import tables
from benchmarks.exact.cases import CASES, FAMILIES, SIZES, SLOW_CASE
from benchmarks.exact.methods import LAZY, OURS, POT, SCIPY
from otgan.plots.style import CRITIC, NEUTRAL, SOURCE, TARGET, new_figure, save_png, styled

LINES = {OURS: (SOURCE, "o"), POT: (TARGET, "s"), LAZY: (NEUTRAL, "^"), SCIPY: (CRITIC, "D")}


def write_page(results: dict[str, Any], docs: Path) -> list[Path]:
    """Write the page and its figure.

    Args:
        results: What `Study.finish` returns.
        docs: Folder of the documentation.

    Returns:
        The two files.
    """
    page, image = docs / "benchmarks" / "exact.md", docs / "images" / "exact-time.png"
    for file in (page, image):
        file.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(as_markdown(results), encoding="utf-8")
    save_png(time_figure(results), image)
    return [page, image]


def as_markdown(results: dict[str, Any]) -> str:
    """The page as text."""
    records = results["records"]
    dates = sorted({record["date"] for record in records})
    exact = [record["gap"] for record in records if record["method"] == OURS and record["state"] == "done"]
    return fill(
        Path(__file__).parent,
        machine=results["machine"],
        days=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        gap=max(exact),
        agree=tables.AGREE,
        wrong=tables.disagreements(results),
        warned=[record for record in records if record.get("warnings")],
        caps=sorted({record["cap"] for record in records if record.get("cap") is not None}),
        peers=tables.peers_table(results),
        small=tables.small_table(results),
        large=tables.large_table(results),
        memory=tables.memory_table(results),
        growth=tables.growth_table(results),
        memory_case=CASES[SLOW_CASE].title,
    )


@styled
def time_figure(results: dict[str, Any]) -> Figure:
    """Time against n, both logarithmic; a panel for each family, and hollow arrows where a cap was passed."""
    shown = [case for case in FAMILIES if tables.sizes(results, case, LINES)]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(2.7 * columns + 0.6, 2.3 * rows + 0.7)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, case in zip(grid.flat, shown, strict=False):
        ax.set(title=FAMILIES[case].title, xscale="log", yscale="log")
        ax.grid(color=NEUTRAL, alpha=0.2, linewidth=0.6)
        for method, (colour, marker) in LINES.items():
            _draw(ax, results, case, method, color=colour, marker=marker)
    for ax in grid.flat[len(shown) :]:
        ax.remove()
    for k in range(len(shown)):
        if k + columns >= len(shown):
            grid.flat[k].set_xlabel("points a side, n")
            grid.flat[k].tick_params(labelbottom=True)
        if k % columns == 0:
            grid.flat[k].set_ylabel("seconds")
    names = {label: line for ax in grid.flat for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def _draw(ax: Any, results: dict[str, Any], case: str, method: str, **style: Any) -> None:
    records = [tables.found(results, case, n, method) for n in tables.sizes(results, case, [method]) if n >= SIZES[0]]
    done = [(record["n"], record["seconds"]) for record in records if record and record["state"] == "done"]
    if done:
        ax.plot(*zip(*done, strict=True), label=method, linewidth=1.6, markersize=4.5, **style)
    for record in records:
        if record and record["state"] == "over cap":
            ax.plot(record["n"], record["cap"], **style | {"marker": r"$\uparrow$"}, markersize=8)
