"""The page of the documentation, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks._pages import fill
from benchmarks.entropic import tables
from benchmarks.entropic.peers import GEOMLOSS, OTT, OURS, PEERS, POT
from benchmarks.entropic.plan import TOL
from benchmarks.entropic.study import SHORT, TIMES
from otgan.plots.style import CRITIC, NEUTRAL, SOURCE, TARGET, new_figure, save_png, styled

LINES = {OURS: (SOURCE, "o"), POT: (TARGET, "s"), OTT: (CRITIC, "D"), GEOMLOSS: (NEUTRAL, "^")}


def write_page(results: dict[str, Any], docs: Path) -> list[Path]:
    """Write the page and its figure.

    Args:
        results: What the file of the study holds.
        docs: Folder of the documentation.

    Returns:
        The two files.
    """
    page, image = docs / "benchmarks" / "entropic.md", docs / "images" / "entropic-time.png"
    for file in (page, image):
        file.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(as_markdown(results), encoding="utf-8")
    save_png(time_figure(results), image)
    return [page, image]


def as_markdown(results: dict[str, Any]) -> str:
    """The page as text."""
    records = [*results["records"], *results["large"]]
    dates = sorted({record["date"] for record in records})
    return fill(
        Path(__file__).parent,
        machine=results["machine"],
        peer_versions=results["peers"],
        days=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        tol=tables.error(TOL),
        measured=any("ours" in record for record in results["records"]),
        short=SHORT,
        times=TIMES,
        caps=sorted({record["cap"] for record in records if "cap" in record}),
        wrong=tables.shortcomings(results),
        peers=tables.peers_table(results),
        settings=tables.settings_table(results),
        ours=tables.ours_table(results),
        gpu=tables.gpu_table(results),
    )


@styled
def time_figure(results: dict[str, Any]) -> Figure:
    """Time against epsilon, both logarithmic; a panel for each size, hollow where the error was missed."""
    cells = tables.cells(results)
    sizes = sorted({n for n, _ in cells})
    figure = new_figure(3.2 * len(sizes) + 0.6, 3.2)
    axes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for ax, n in zip(axes, sizes, strict=True):
        ax.set(title=f"n = {n:,}", xscale="log", yscale="log", xlabel="ε")
        ax.grid(color=NEUTRAL, alpha=0.2, linewidth=0.6)
        epsilons = [epsilon for size, epsilon in cells if size == n]
        ax.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
        ax.minorticks_off()
        for name in (OURS, *PEERS):
            found = [tables.ours(results, n, e) if name == OURS else tables.best(results, n, e, name) for e in epsilons]
            _draw(ax, name, {epsilon: record for epsilon, record in zip(epsilons, found, strict=True) if record})
    axes[0].set_ylabel("seconds")
    names = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def _draw(ax: Any, name: str, records: dict[float, dict[str, Any]]) -> None:
    colour, marker = LINES[name]
    done = {epsilon: record for epsilon, record in records.items() if record["state"] == "done"}
    reached = [(epsilon, record["seconds"]) for epsilon, record in done.items() if record["reached"]]
    missed = [(epsilon, record["seconds"]) for epsilon, record in done.items() if not record["reached"]]
    line = {"color": colour, "marker": marker, "linewidth": 1.6, "markersize": 5}
    if reached:
        ax.plot(*zip(*reached, strict=True), label=name, **line)
    if missed:
        hollow = line | {"linestyle": "", "markerfacecolor": "none"}
        ax.plot(*zip(*missed, strict=True), label=f"{name}, error missed", **hollow)
    for epsilon, record in records.items():
        if record["state"] == "over cap":
            ax.plot(epsilon, record["cap"], **line | {"marker": r"$\uparrow$", "markersize": 9})
